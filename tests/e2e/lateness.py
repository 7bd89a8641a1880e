#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How late this machine is, for a test that measures a time beside it.

usage: lateness.py FILE PID

On each CPU a process wants to run every millisecond. FILE gets a line with a number whenever one was later than ever
before: milliseconds, rounded up; a line with 0 says that it watches. Steal and a host that stops the machine count,
too: the clock goes on. Ends when process PID has ended.
"""
import os
import sys
import time

PERIOD = 0.001


def watch(out, cpu, parent):
    os.sched_setaffinity(0, {cpu})
    worst = 0
    before = time.monotonic()
    while os.getppid() == parent:
        time.sleep(PERIOD)
        now = time.monotonic()
        late = int((now - before - PERIOD) * 1000) + 1
        before = now
        if late > worst:
            worst = late
            os.write(out, b"%d\n" % late)


def main():
    out = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    parent, test = os.getpid(), "/proc/" + sys.argv[2]
    for cpu in os.sched_getaffinity(0):
        if os.fork() == 0:
            watch(out, cpu, parent)
            os._exit(0)
    os.write(out, b"0\n")
    while os.path.exists(test):
        time.sleep(0.05)


main()
