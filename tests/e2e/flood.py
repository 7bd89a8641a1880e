#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How long a change takes while many clients of the reading socket ask as fast as they can, or do not read.

usage: flood.py /run/erxdp/LAB [CLIENTS...]

Prints a line for each number of clients. The controller is judged by its own time: what it has used between a change and
its answer is bounded by the turn that readers have. Exit code 1 when changes wait for all that readers have asked.
"""
import json
import os
import socket
import sys
import time

REQUESTS = [b'{"do":"status"}\n' * 200, b'{"do":"neighbours"}\n' * 200, b'{"do":"events","last":4096}\n' * 100]


def connect(directory, which):
    for _ in range(300):  # a full queue is emptied soon
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(30)
        try:
            sock.connect("%s/%s.sock" % (directory, which))
            return sock
        except BlockingIOError:
            sock.close()
            time.sleep(0.01)
    raise OSError("nobody accepts")


def flood(directory, kind, ready):
    """One process: asks without end, reads all."""
    sock = None
    os.write(ready, b".")
    while True:
        try:
            sock = sock or connect(directory, "read")
            sock.setblocking(False)
            try:
                sock.send(REQUESTS[kind % len(REQUESTS)])
            except BlockingIOError:
                pass
            try:
                if not sock.recv(1 << 20):
                    sock = None
                    time.sleep(0.01)
            except BlockingIOError:
                time.sleep(0.001)
        except OSError:
            sock = None
            time.sleep(0.01)


def start(directory, n):
    told, ready = os.pipe()
    children = []
    for kind in range(n):
        pid = os.fork()
        if not pid:
            os.close(told)
            flood(directory, kind, ready)
        children.append(pid)
    os.close(ready)
    got = 0
    while got < n:
        got += len(os.read(told, 4096))
    os.close(told)
    time.sleep(0.5 if n else 0)
    return children


def stop(children):
    for pid in children:
        os.kill(pid, 9)
    for pid in children:
        os.waitpid(pid, 0)


def cpu_ms(pid):
    with open("/proc/%d/schedstat" % pid) as stat:
        return int(stat.read().split()[0]) / 1e6


def memory_kb(pid):
    with open("/proc/%d/status" % pid) as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def measure(directory, pid, rounds):
    took, used = [], []
    for i in range(rounds):
        with connect(directory, "change") as sock:
            lines = sock.makefile("rb")
            cpu, since = cpu_ms(pid), time.monotonic()
            sock.sendall(json.dumps({"do": "fail", "target": "er1.primary", "how": "down"} if i % 2 == 0 else
                                    {"do": "restore", "target": "er1.primary"}).encode() + b"\n")
            answer = json.loads(lines.readline())
            took.append((time.monotonic() - since) * 1e3)
            used.append(cpu_ms(pid) - cpu)
            if not answer.get("ok"):
                raise SystemExit("refused: %s" % answer)
    return sorted(took), sorted(used)


def main():
    directory = sys.argv[1]
    counts = [int(n) for n in sys.argv[2:]] or [0, 40]
    with open(directory + "/controller") as number:
        pid = int(number.read())
    failed, alone = False, None
    for n in counts:
        children = start(directory, n)
        try:
            took, used = measure(directory, pid, 30)
        finally:
            stop(children)
        middle = used[len(used) // 2]
        alone = middle if alone is None else alone
        print("%3d clients: a change took p50 %.1f p99 %.1f max %.1f ms; the controller's own time p50 %.1f max %.1f ms"
              % (n, took[len(took) // 2], took[int(len(took) * 0.99)], took[-1], middle, used[-1]))
        # Twice a turn of READ_NS and an answer, with as much again for a machine on which all of it takes longer.
        if middle > 2 * alone + 8:
            failed = True
            print("a change waits for what readers have asked")
    # Nobody reads, everybody asks for everything.
    before, silent = memory_kb(pid), []
    for _ in range(50):
        sock = connect(directory, "read")
        sock.setblocking(False)
        try:
            while True:
                sock.send(REQUESTS[2])
        except BlockingIOError:
            silent.append(sock)
    took, _ = measure(directory, pid, 10)
    grown = memory_kb(pid) - before
    print("50 clients that read nothing: %d kB more, a change took at most %.1f ms" % (grown, took[-1]))
    if grown > 50 * 200:
        failed = True
        print("what is not read takes memory")
    # One more finds no room until they have been still for long enough; then they are dropped and counted.
    crowd = [connect(directory, "read") for _ in range(8)]
    said = b"".join(sock.recv(4096) for sock in crowd[6:])
    if b"too many ask already" not in said:
        failed = True
        print("who is turned away is told nothing: %r" % said)
    for sock in silent + crowd:
        sock.close()
    end = time.monotonic() + 60
    with connect(directory, "read") as sock:
        lines = sock.makefile("rb")
        while True:  # until the controller has seen them go
            sock.sendall(b'{"do":"status"}\n')
            status = json.loads(lines.readline())
            if status.get("readers") == 1 or time.monotonic() > end:
                break
            time.sleep(0.05)
    if status.get("readersRefused", 0) < 1 or status.get("readers") != 1:
        failed = True
        print("not counted: %s" % status)
    return failed


sys.exit(main())
