#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What 200,000 addresses that FastPath has programmed cost, against 100.

usage: fastpath_table.py [--runs N] [--loads N] [--seconds S] [--json FILE]

Two labs, tests/bench/forward.yaml with ExpressRoute Direct of 100 Gbit/s and that many
addresses in the VNet past whose gateway FastPath leads. First how long `erxdpctl load`
takes, in turn. Then frames take the four devices from the site into that VNet, one after
the other to all of the addresses in a shuffled order, or to 100 of them. The devices
remember the ways of some thousand flows, which 200,000 are not; so each comes twice, the second
time with programs that remember none, where every packet asks the table.
"""
import argparse
import json
import os
import statistics
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import forward  # noqa: E402
import stages  # noqa: E402
from namespaces import Named  # noqa: E402

FEW, MANY = 100, 200000
SINK = "fast-default-sink"
FORGETFUL = ("route.h", "same_flow", "return false;")


class Table(forward.Erxdp):
    """A lab with so many addresses past the gateway."""

    WAYS = ((4, "fastpath", "pc", SINK),)
    ADDRESSES = {"pc": "10.1.0.10", SINK: "10.48.16.0"}
    MANY = {SINK: "10.48.16.0"}

    def __init__(self, count):
        self.count = count
        super().__init__(1, [4], f"{count}", (
            (r"serviceProviderProperties: .*", "expressRoutePort: port"),
            (r"(?m)^expressRouteCircuits:", "expressRoutePorts:\n  port: {peeringLocation: Amsterdam, bandwidthInGbps: 100}\n"
             "expressRouteCircuits:"),
            (r"default: 10\.48\.0\.0/13", "default: {addressPrefix: 10.48.0.0/13, addressRanges: "
             f"[{{first: 10.48.16.0, count: {count}}}]}}")))

    def time_load(self):
        """Seconds from nothing to loaded."""
        start = time.monotonic()
        self.load(((r"(?m)^name: .*", f"name: {self.lab}"), *self.changes))
        return time.monotonic() - start

    def blocks(self):
        """Entries of erx_fastpath."""
        dump = Named(f"erx-{self.lab}").run("bpftool", "-j", "map", "dump", "pinned", f"{self.pins}/erx_fastpath")
        return len(json.loads(dump))


class Cell:
    def __init__(self, lab, targets, program, remembers):
        self.lab, self.targets, self.program, self.remembers, self.runs = lab, targets, program, remembers, []

    def measure(self, ports, seconds):
        case = self.lab.cases[0]
        forward.tool("swap", self.lab.pins, self.program, "-", *ports)
        run = case.run("frames", self.targets, seconds)
        if run["receivedInAll"] < 0.9 * run["sentInAll"]:
            raise RuntimeError(f"{run['receivedInAll']} of {run['sentInAll']} packets arrived")
        self.runs.append(run)

    def ns(self):
        return [r["cpuNs"] / r["received"] for r in self.runs]

    def median(self):
        return statistics.median(self.ns())


def measure_loads(labs, times):
    loads = {lab: [] for lab in labs}
    for n in range(times):
        for lab in forward.rotated(labs, n):
            loads[lab].append(lab.time_load())
            lab.close()
    return loads


def measure_cells(labs, directory, options):
    programs = [(stages.build(directory, "as is", os.path.join(stages.ROOT, "bpf"), []), True),
                (stages.build(directory, "forgetful", os.path.join(stages.ROOT, "bpf"), [FORGETFUL]), False)]
    cells = [Cell(lab, targets, *program) for program in programs for lab in labs
             for targets in (FEW, MANY) if targets <= lab.count]
    ports = {lab: lab.ports_of_way(lab.cases[0]) for lab in labs}
    for n in range(options.runs):
        for cell in forward.rotated(cells, n):
            cell.measure(ports[cell.lab], options.seconds)
    return cells


def measure(options, directory):
    labs = [Table(FEW), Table(MANY)]
    try:
        loads = measure_loads(labs, options.loads)
        for lab in labs:
            lab.build()
            lab.attach_sinks()
        blocks = {lab: lab.blocks() for lab in labs}
        return loads, blocks, measure_cells(labs, directory, options)
    finally:
        forward.close_all(labs)


def print_all(loads, blocks, cells):
    for lab, times in loads.items():
        print(f"{lab.count:>7} addresses: loaded in {statistics.median(times):.2f} s ({min(times):.2f}..{max(times):.2f}), "
              f"{blocks[lab]} entries of erx_fastpath")
    print(f"\n{'ways':<12} {'programmed':>10} {'sent to':>8} {'CPU ns/packet':>14} {'min..max':>12} {'against first':>14}")
    for cell in cells:
        first = next(c for c in cells if c.remembers == cell.remembers)
        print(f"{'remembered' if cell.remembers else 'looked up':<12} {cell.lab.count:>10} {cell.targets:>8} {cell.median():>14.0f} "
              f"{min(cell.ns()):>6.0f}..{max(cell.ns()):<5.0f} {cell.median() / first.median():>13.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--loads", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.25)
    parser.add_argument("--json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="erxdp-bench-") as directory:
        loads, blocks, cells = measure(options, directory)
    print_all(loads, blocks, cells)
    if options.json:
        with open(options.json, "w", encoding="ascii") as out:
            json.dump({"loads": {lab.count: times for lab, times in loads.items()},
                       "cells": [{"programmed": c.lab.count, "targets": c.targets, "remembers": c.remembers, "runs": c.runs}
                                 for c in cells]}, out, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
