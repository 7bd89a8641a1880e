#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Switches FastPath many times, by the controller's socket, and looks now and then at what bpftool counts.

usage: toggle.py LAB CONNECTION LEG TIMES     LEG as in "er1.primary>hub"

Prints {"times": …, "seconds": …, "looks": …, "wrong": [what bpftool showed although it must not, …]}.
"""
import json
import socket
import subprocess
import sys
import time

PAUSE_S = 0.001  # a moment for packets between two switches
LOOK_EVERY = 49  # odd: on and off in turn
ENOUGH = 100  # packets: what was on its way before them has been counted
PATIENCE_S = 20


def counted(lab, leg):
    """Packets of the leg by gateway and by FastPath, as bpftool prints them."""
    dump = json.loads(subprocess.check_output(["bpftool", "-j", "map", "dump", "pinned",
                                               "/sys/fs/bpf/erxdp/%s/erx_paths" % lab]))
    packets = {"gateway": 0, "fastpath": 0}
    for entry in dump:
        for value in (each["value"] for each in entry["formatted"]["values"]):
            for way in packets:
                if value["name"] == "%s/%s" % (leg, way):
                    packets[way] += value["packets"]
    return packets


def count_on(lab, leg, used):
    """What is counted until ENOUGH have gone the way that is used, and what was there before."""
    before, end = counted(lab, leg), time.monotonic() + PATIENCE_S
    while True:
        after = counted(lab, leg)
        if after[used] - before[used] >= ENOUGH or time.monotonic() > end:
            return before, after


def look(lab, leg, on):
    used, other = ("fastpath", "gateway") if on else ("gateway", "fastpath")
    count_on(lab, leg, used)
    before, after = count_on(lab, leg, used)
    moved = {way: after[way] - before[way] for way in after}
    return [] if moved[used] >= ENOUGH and not moved[other] else ["%s: %s" % ("on" if on else "off", moved)]


def main():
    lab, connection, leg, times = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    sock = socket.socket(socket.AF_UNIX)
    sock.connect("/run/erxdp/%s/change.sock" % lab)
    answers = sock.makefile("rb")
    looks, wrong, start = 0, [], time.monotonic()
    for i in range(1, times + 1):
        on = i % 2 == 1
        sock.sendall(json.dumps({"do": "fastpath", "connection": connection, "on": on}).encode() + b"\n")
        said = json.loads(answers.readline())
        if not said["ok"]:
            wrong.append(said["error"])
            break
        time.sleep(PAUSE_S)
        if i % LOOK_EVERY == 0:
            looks += 1
            wrong += look(lab, leg, on)
    print(json.dumps({"times": i, "seconds": round(time.monotonic() - start, 2), "looks": looks, "wrong": wrong}))


main()
