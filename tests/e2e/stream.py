#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""More than a limit lets through, and what has arrived of it.

usage: stream.py send ADDRESS PORT RATE LENGTH PORTS SECONDS
       stream.py receive PORT SECONDS

The sender takes RATE packets a second of LENGTH bytes of IP, each from the next
source port of PORTS (20000-20063), and goes on from the first one; it prints how
many it has sent, and the longest time in ms in which it had to and did not. Ahead
of others where it may be, so that a busy machine does not leave gaps that a limit
would fill.

The receiver counts by the kernel's time stamps: SECONDS, from a second after the
first packet on. It prints {"seconds", "packets", "bytes", "ports": {PORT: PACKETS}};
with nothing for PATIENCE seconds what it has.
"""
import json
import math
import os
import socket
import struct
import sys
import time

HEAD = 28  # IPv4 and UDP
SETTLE = 1.0
PATIENCE = 30
BURST_S = 0.1  # what is later than this is left out: more at once would only fill queues
TIMESPEC = struct.Struct("@qq")
SO_TIMESTAMPNS = 35


def ports_of(text):
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def send(address, port, rate, length, ports, seconds):
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        pass
    sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
    sock.connect((address, 0))
    size = length - HEAD + 8
    rest = struct.pack("!HHH", port, size, 0) + bytes(size - 8)
    packets = [struct.pack("!H", p) + rest for p in ports]
    sent, skipped, longest, before, start = 0, 0, 0, 0, time.monotonic()
    while (now := time.monotonic() - start) < seconds:
        longest, before = max(longest, now - before), now
        late = int((now - BURST_S) * rate) - sent - skipped
        skipped += max(0, late)
        for _ in range(int(now * rate) - sent - skipped):
            sock.send(packets[sent % len(packets)])
            sent += 1
        time.sleep(0.001)
    print(json.dumps({"sent": sent, "skipped": skipped, "late": math.ceil(longest * 1000)}))


def receive(port, seconds):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_RCVBUFFORCE", 33), 64 << 20)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.settimeout(PATIENCE)
    sock.bind(("", port))
    begin, packets, size, ports = None, 0, 0, {}
    while True:
        try:
            data, extra, _, source = sock.recvmsg(2048, 64)
        except socket.timeout:
            break
        at = sum(v * s for v, s in zip(TIMESPEC.unpack(extra[0][2]), (1, 1e-9)))
        begin = begin or at + SETTLE
        if at >= begin + seconds:
            break
        if at >= begin:
            packets += 1
            size += len(data) + HEAD
            ports[source[1]] = ports.get(source[1], 0) + 1
    print(json.dumps({"seconds": seconds, "packets": packets, "bytes": size, "ports": ports}))


def main():
    if sys.argv[1] == "receive":
        receive(int(sys.argv[2]), float(sys.argv[3]))
    else:
        address, port, rate, length, ports, seconds = sys.argv[2:]
        send(address, int(port), float(rate), int(length), ports_of(ports), float(seconds))


if __name__ == "__main__":
    main()
