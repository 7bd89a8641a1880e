#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""One-way delays of numbered datagrams, by the hosts' own timestamps.

usage: oneway.py SENT RECEIVED        prints {"sent", "received", "p50", "p99", "p999", "max", "overtaken"}, in ms

The files are those of bench/flow.c: when each datagram was sent, and when it
arrived, or 0. The first tenth is left out: it pays for ARP and cold caches.
"""
import array
import json
import sys


def read(path):
    times = array.array("Q")
    with open(path, "rb") as file:
        times.frombytes(file.read())
    return times


def main():
    sent, received = read(sys.argv[1]), read(sys.argv[2])
    arrivals = [(at, number) for number, at in enumerate(received) if at]
    delays = sorted(at - sent[number] for at, number in arrivals if number >= len(sent) // 10)
    highest = overtaken = 0
    for _, number in sorted(arrivals):
        overtaken += number < highest
        highest = max(highest, number)
    answer = {"sent": len(sent), "received": len(arrivals), "overtaken": overtaken}
    for name, share in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999), ("max", 1)):
        answer[name] = round(delays[min(len(delays) - 1, int(share * len(delays)))] / 1e6, 4) if delays else None
    print(json.dumps(answer))


main()
