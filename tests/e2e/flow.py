#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A numbered UDP flow, to count what a change does to it.

usage: flow.py receive PORT               prints {"sent": …, "lost": …, "twice": …, "late": …, "gap_ms": …}
       flow.py send ADDRESS PORT RATE     until SIGTERM, and AFTER datagrams more, LEAST in all

gap_ms is the longest time without a datagram in which one was lost, by the kernel's time stamps.
The receiver writes "flowing" to stderr with the first datagram. The sender closes the flow with
datagrams that tell how many went before; the receiver ends with them, or after PATIENCE s without one.
"""
import json
import signal
import socket
import struct
import sys
import time

NUMBER = struct.Struct("!QQ")  # number of this datagram from 1 on, or 0; datagrams sent
CLOSES = 5
BURST = 16  # datagrams at once when the scheduler was late; below every queue on the way
AFTER, LEAST = 100, 1000
PATIENCE = 30
TIMESPEC = struct.Struct("@qq")
SO_TIMESTAMPNS = 35


def receive(port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_RCVBUFFORCE", 33), 64 << 20)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.settimeout(PATIENCE)
    sock.bind(("", port))
    times, last, late, sent, gap, heard = {}, 0, 0, None, 0.0, None
    while sent is None:
        data, extra, _, _ = sock.recvmsg(64, 64)
        number, total = NUMBER.unpack(data)
        if not number:
            sent = total
            break
        seconds, nanoseconds = TIMESPEC.unpack(extra[0][2])
        now = seconds + nanoseconds * 1e-9
        if heard is None:
            print("flowing", file=sys.stderr, flush=True)
        elif number > last + 1:
            gap = max(gap, now - heard)
        heard = now
        times[number] = times.get(number, 0) + 1
        late += number < last
        last = max(last, number)
    twice = sum(times.values()) - len(times)
    print(json.dumps({"sent": sent, "lost": sent - len(times), "twice": twice, "late": late,
                      "gap_ms": round(gap * 1000)}))


def send(address, port, rate):
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(1))
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((address, port))
    start, number, skipped, end = time.monotonic(), 0, 0, None
    while end is None or number < end:
        if stopped and end is None:
            end = max(LEAST, number + AFTER)
        due = int((time.monotonic() - start) * rate) - number - skipped
        skipped += max(0, due - BURST)
        for _ in range(min(due, BURST)):
            number += 1
            sock.send(NUMBER.pack(number, 0))
        time.sleep(0.0005)
    time.sleep(0.2)
    for _ in range(CLOSES):
        try:
            sock.send(NUMBER.pack(0, number))
        except ConnectionRefusedError:
            break  # the receiver has heard it and gone
        time.sleep(0.02)


def main():
    if sys.argv[1] == "receive":
        receive(int(sys.argv[2]))
    else:
        send(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))


if __name__ == "__main__":
    main()
