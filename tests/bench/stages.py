#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What each stage of the data plane costs, by leaving it out.

usage: stages.py [--runs N] [--seconds S] [--lab NAME] [--only NAME,NAME] [--targets N] [--source FOLDER]
                 [--bpf NAME=FOLDER]... [--json FILE]

A copy of bpf/ is changed, one place at a time, compiled, and put on the ports of a
running lab in place of its programs; the maps stay. Frames then take the longest way,
five devices through the gateway, one build after the other and again from the start.
What a stage costs is what five devices save without it, divided by five. Savings do
not add up: without one stage the next may wait for the same cache line. 'Port counter,
out' has the path's with it, which waits there for the end of the burst. Without the
'short way' of known.h each packet takes the whole walk. --lab: a lab of forward.py, as
'limits'. On a busy machine the least of the runs says more than the median, as others
only add. --bpf adds another copy of bpf/ to the comparison, as somebody has changed it;
its maps named erx_ are the lab's when the lab has them. --source takes stages out of
such a copy.
"""
import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import forward  # noqa: E402

ROOT = os.path.join(HERE, "../..")
CLANG = os.environ.get("BENCH_CLANG", "clang -O2 -g -target bpf -mcpu=v3 -Iinclude -I/usr/include/x86_64-linux-gnu").split()

# stage, file, function, what it does instead of its work
LEFT_OUT = (
    ("headers", "known.h", "is_usual", "return true;"),
    ("IP checksum", "packet.h", "checksum_is_right", "return true;"),
    ("hash of the flow", "route.h", "way_index", "return key->where & (ERX_MAX_WAYS - 1);"),
    ("comparison of the flow", "route.h", "same_flow", "return way->key.generation == key->ports >> 32;"),
    ("hop count", "known.h", "read_known_hops", "k->hops = 1; return true;"),
    ("TTL policy", "known.h", "outlives", "return true;"),
    ("MTU", "known.h", "is_short_enough", "return true;"),
    ("meters", "meter.h", "meter", "return ERX_CONTINUE;"),
    ("TTL and checksum, write", "send.h", "lower_ttl", "return;"),
    ("port counter, in", "count.h", "count_received", "return;"),
    ("path counter", "count.h", "count_path", "return;"),
    ("port counter, out", "count.h", "count_sent", "return;"),
    ("outcome counter", "count.h", "count_outcome", "return;"),
)
SHORT_WAY = ("known.h", "cross_known", "return NOT_KNOWN;")


def leave_out(folder, file, function, body):
    """The function begins with `body`, which returns."""
    path = os.path.join(folder, file)
    with open(path, encoding="ascii") as source:
        text = source.read()
    text, n = re.subn(r"(?m)^(inline_stage [^;{}]*\b" + function + r"\([^;{}]*\)\n\{\n)", lambda m: m[1] + "\t{" + body + "}\n", text)
    if n != 1:
        raise RuntimeError(f"{file} has {n} functions '{function}'")
    with open(path, "w", encoding="ascii") as out:
        out.write(text)


def build(directory, name, source, changes):
    folder = os.path.join(directory, re.sub(r"\W+", "-", name))
    shutil.copytree(source, folder)
    for change in changes:
        leave_out(folder, *change)
    out = folder + ".o"
    run = subprocess.run([*CLANG, "-Iinclude", f"-I{folder}", "-Wno-unused-function", "-c", "-o", out, f"{folder}/erxdp.bpf.c"],
                         cwd=ROOT, capture_output=True, text=True, check=False)
    if run.returncode:
        raise RuntimeError(f"{name}: {run.stderr.strip()[-500:]}")
    return out


class Build:
    def __init__(self, name, file, program="-"):
        self.name, self.file, self.program, self.runs = name, file, program, []

    def ns(self):
        return [r["cpuNs"] / r["received"] for r in self.runs]


def builds(directory, options):
    only, source = options.only and options.only.split(","), options.source
    yield Build("all stages", build(directory, "all", source, []))
    yield Build("all stages, one program", build(directory, "one", source, []), "ce")
    for name, folder in (other.split("=") for other in options.bpf):
        yield Build(name, build(directory, name, folder, []))
    for stage, *change in LEFT_OUT:
        if not only or stage in only:
            yield Build(stage, build(directory, stage, source, [change]))
    if not only:
        yield Build("short way", build(directory, "walk", source, [SHORT_WAY]))
        yield Build("all of these", build(directory, "none", source, [change for _, *change in LEFT_OUT]))
        yield Build("all of these, one program", build(directory, "none1", source, [change for _, *change in LEFT_OUT]), "ce")


def measure(options, directory):
    made = list(builds(directory, options))
    chains = []
    try:
        chains = [forward.Erxdp(options.targets, [forward.DEVICES], *options.lab), forward.Bare(options.targets, [forward.DEVICES])]
        for chain in chains:
            chain.build()
            chain.attach_sinks()
        case = chains[0].cases[-1]
        ports = chains[0].ports_of_way(case)
        bare = Build("bare redirect", None)
        for _ in range(options.runs):
            for one in made:
                forward.tool("swap", chains[0].pins, one.file, one.program, *ports)
                one.runs.append(case.run("frames", options.targets, options.seconds))
            bare.runs.append(chains[1].cases[-1].run("frames", options.targets, options.seconds))
        return [*made, bare]
    finally:
        forward.close_all(chains)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.2)
    parser.add_argument("--targets", type=int, default=1)
    labs = {lab[0]: lab for lab in forward.LABS}
    parser.add_argument("--lab", type=labs.__getitem__, default=forward.LABS[0], help="of those of forward.py")
    parser.add_argument("--only", help="stages, with commas")
    parser.add_argument("--source", default=os.path.join(ROOT, "bpf"), metavar="FOLDER", help="instead of bpf/")
    parser.add_argument("--bpf", action="append", default=[], metavar="NAME=FOLDER", help="compare with this copy of bpf/")
    parser.add_argument("--json")
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, forward.stop)
    try:
        with tempfile.TemporaryDirectory(prefix="erxdp-bench-") as directory:
            made = measure(options, directory)
    except forward.Stopped:
        return 130
    base = made[0].ns()
    print(f"{'left out':<28} {'ns/packet':>10} {'min..max':>14} {'saves per device':>17} {'by the least':>13}")
    for one in made:
        ns = one.ns()
        print(f"{one.name:<28} {statistics.median(ns):>10.0f} {min(ns):>7.0f}..{max(ns):<6.0f} "
              f"{(statistics.median(base) - statistics.median(ns)) / forward.DEVICES:>16.1f} "
              f"{(min(base) - min(ns)) / forward.DEVICES:>13.1f}")
    if options.json:
        with open(options.json, "w", encoding="ascii") as out:
            json.dump([{"build": one.name, "runs": one.runs} for one in made], out, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
