#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How late this machine is, for a test that measures a time beside it.

usage: lateness.py FILE PID

On each CPU a process wants to run every millisecond, and every tenth of a second to compute for WORK of CPU time.
FILE gets a line with a number whenever one was later with it than ever before: milliseconds, rounded up; a line with 0
says that it watches. Steal and a host that stops the machine count, too: the clock goes on. Ends when process PID has
ended. FILE.typical gets, for each second, the middle of what they were late, in microseconds.
"""
import os
import sys
import time

PERIOD, PERIODS, WORK = 0.001, 100, 0.005
SECOND = 1000  # periods, more or less


def lateness(period):
    """Seconds by which the next thing was late; in one period of many it is a computation."""
    before = time.monotonic()
    if period % PERIODS:
        time.sleep(PERIOD)
        return time.monotonic() - before - PERIOD
    end = time.process_time() + WORK
    while time.process_time() < end:
        pass
    return time.monotonic() - before - WORK


def watch(out, typical, cpu, parent):
    os.sched_setaffinity(0, {cpu})
    worst, times = 0, []
    while os.getppid() == parent:
        times.append(lateness(len(times) + 1))
        late = int(times[-1] * 1000) + 1
        if late > worst:
            worst = late
            os.write(out, b"%d\n" % late)
        if len(times) == SECOND:
            os.write(typical, b"%d\n" % (sorted(times)[SECOND // 2] * 1e6))
            times = []


def main():
    out, typical = (os.open(sys.argv[1] + end, os.O_WRONLY | os.O_CREAT | os.O_APPEND) for end in ("", ".typical"))
    parent, test = os.getpid(), "/proc/" + sys.argv[2]
    for cpu in os.sched_getaffinity(0):
        if os.fork() == 0:
            watch(out, typical, cpu, parent)
            os._exit(0)
    os.write(out, b"0\n")
    while os.path.exists(test):
        time.sleep(0.05)


main()
