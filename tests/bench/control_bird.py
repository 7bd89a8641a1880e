#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""BIRD on the graph of bench-control, beside our route computation.

usage: control_bird.py [--prefixes N] [--runs N] [--json FILE]

Ten BIRDs (four customer routers, four edge routers, two gateway instances) in one
network namespace. Their sessions are up and the customers' routes are read
when the clock starts: it runs from `enable` of those routes until every
gateway and edge router has what it has to have.
"""
import argparse
import collections
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../bird"))

import bird  # noqa: E402
import judge  # noqa: E402

BUILD = os.path.join(HERE, "../../build")
TOPOLOGY = os.path.join(HERE, "control.yaml")
PATIENCE = 600.0
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def announcements(case, n):
    """{router: its distinct prefixes}, without those in 127/8, which BIRD takes for martians."""
    out = collections.defaultdict(dict)
    text = subprocess.run([os.path.join(BUILD, "bench-control"), "--announcements", case, "--prefixes", str(n)],
                          check=True, capture_output=True, text=True, cwd=os.path.join(HERE, "../..")).stdout
    for line in text.splitlines():
        router, prefix = line.split()
        if not prefix.startswith("127."):
            out[router][prefix] = True
    return out


def session(graph, s, end, hops):
    near, far = ("addrA", "addrB") if end == 0 else ("addrB", "addrA")
    me, peer = graph["speakers"][s["ab"[end]]], graph["speakers"][s["ab"[1 - end]]]
    exports = {"ce": "export where source = RTS_STATIC;", "msee": "export where from_customer();", "ergw": "export none;"}
    if me["kind"] == "msee" and peer["kind"] == "ce":
        exports["msee"] = "export none;"
    return [f"protocol bgp {s['name']} {{", f"  local {s[near]} as {me['asn']}; neighbor {s[far]} as {peer['asn']};",
            "  multihop; strict bind on; connect delay time 1; connect retry time 1; error wait time 1, 1;",
            "  ipv4 { next hop self; igp table nothing;",
            f"    import filter {{ gw = {hops[s[far]]}; accept; }}; {exports[me['kind']]}", "  };", "}"]


def config(graph, name, hops, prefixes):
    me = graph["speakers"][name]
    lines = [f"router id {me['routerId']};", "log stderr { error, fatal, bug };", "protocol device { }",
             "ipv4 table nothing;", "function from_customer() { return bgp_path.first != 65515; }"]
    if prefixes:
        lines += ["protocol static own {", "  disabled; ipv4;", *[f"  route {p} blackhole;" for p in prefixes], "}"]
    for s in graph["sessions"]:
        for end in (0, 1):
            if s["ab"[end]] == name:
                lines += session(graph, s, end, hops)
    return "\n".join(lines) + "\n"


def wanted(graph, announced):
    """{(speaker, session): routes it has to import}"""
    customer = {}
    for s in graph["sessions"]:
        kinds = graph["speakers"][s["a"]]["kind"], graph["speakers"][s["b"]]["kind"]
        if kinds == ("ce", "msee"):
            customer[s["b"]] = len(announced[s["a"]])
    out = {}
    for s in graph["sessions"]:
        ends = {graph["speakers"][s[e]]["kind"]: s[e] for e in "ab"}
        if "ce" in ends:
            out[ends["msee"], s["name"]] = customer[ends["msee"]]
        else:
            out[ends["ergw"], s["name"]] = customer[ends["msee"]]
    return out


def imported(b):
    """{session: routes imported}, from the counters: cheap to ask for."""
    out, name = {}, None
    for line in b.ask("show protocols all"):
        head = re.match(r"(s\d+)\s+BGP", line)
        if head:
            name = head.group(1)
        count = re.match(r"\s+Routes:\s+(\d+) imported", line)
        if count and name:
            out[name], name = int(count.group(1)), None
    return out


def cpu_seconds(birds):
    total = 0
    for b in birds.values():
        with open(f"/proc/{b.process.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def resident_bytes(birds):
    total = 0
    for b in birds.values():
        with open(f"/proc/{b.process.pid}/statm", encoding="ascii") as statm:
            total += int(statm.read().split()[1]) * PAGE
    return total


def claimed_bytes(birds):
    """What BIRD says of itself: the totals of `show memory`."""
    units = {"B": 1, "kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}
    total = 0.0
    for b in birds.values():
        for line in b.ask("show memory"):
            words = line.split()
            if words[:1] == ["Total:"]:
                total += float(words[1]) * units[words[2]]
    return total


def wait(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"{what}: not within {PATIENCE:.0f} s")
        time.sleep(0.05)


def converge(graph, birds, announced):
    targets = wanted(graph, announced)
    expected = {name: {s: n for (speaker, s), n in targets.items() if speaker == name} for name, _ in targets}
    sessions = {name: sum(name in (s["a"], s["b"]) for s in graph["sessions"]) for name in birds}
    wait(lambda: all(len(b.established()) == sessions[name] for name, b in birds.items()), "sessions")
    before, start, used = resident_bytes(birds), time.monotonic(), cpu_seconds(birds)
    claimed = claimed_bytes(birds)
    for router in announced:
        birds[router].ask("enable own")
    wait(lambda: all(expected[name].items() <= imported(birds[name]).items() for name in expected), "routes")
    return {"seconds": time.monotonic() - start, "cpuSeconds": cpu_seconds(birds) - used,
            "residentBytes": resident_bytes(birds) - before, "claimedBytes": claimed_bytes(birds) - claimed,
            "routes": sum(targets.values()) + sum(map(len, announced.values()))}


def run(graph, announced):
    bird.new_namespace()
    addresses = sorted({s[k] for s in graph["sessions"] for k in ("addrA", "addrB")})
    hops = {a: f"198.18.1.{i + 1}" for i, a in enumerate(addresses)}
    birds = {}
    with tempfile.TemporaryDirectory(prefix="erxdp-bench-") as directory:
        try:
            bird.set_up_namespace(addresses)
            for name in graph["speakers"]:
                text = config(graph, name, hops, announced.get(name))
                birds[name] = bird.Bird(directory, name.replace("/", "-"), text)
            for b in birds.values():
                b.connect(patience=120.0)
            return converge(graph, birds, announced)
        finally:
            for b in birds.values():
                b.stop()


def row(case, n, runs):
    times = sorted(r["seconds"] for r in runs)
    routes, median = runs[0]["routes"], statistics.median(times)
    memory = statistics.median(r["residentBytes"] for r in runs)
    print(f"{case:<6} {n:>9} {'-':>10} {routes:>10} {'-':>10} {times[0]:>7.2f} {median:>7.2f} {times[-1]:>7.2f} "
          f"{median * 1e9 / routes:>9.0f} {memory / routes:>9.0f} {memory / n:>10.0f}  "
          f"CPU {statistics.median(r['cpuSeconds'] for r in runs):.2f} s, "
          f"show memory {statistics.median(r['claimedBytes'] for r in runs) / routes:.0f} B/route", flush=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prefixes", type=int, default=1000000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json")
    return parser.parse_args()


def main():
    args = arguments()
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    why = judge.missing()
    if why:
        print(f"BIRD: not measured: {why}")
        return 0
    graph = judge.dump_graph(os.path.join(BUILD, "bird-dump"), TOPOLOGY, {}, [""])
    announced = {case: announcements(case, args.prefixes) for case in ("mixed", "alike")}
    results = {case: [] for case in announced}
    for _ in range(args.runs):
        for case, routes in announced.items():
            results[case].append(run(graph, routes))
    print(f"BIRD {subprocess.run(['bird', '--version'], capture_output=True, text=True, check=False).stderr.split()[-1]}, "
          f"{len(graph['speakers'])} processes on {os.cpu_count()} cores")
    for case, runs in results.items():
        row(case, args.prefixes, runs)
    print(NOTE)
    if args.json:
        with open(args.json, "w", encoding="ascii") as out:
            json.dump({"prefixes": args.prefixes, "cases": results}, out, indent=1)
    return 0


NOTE = """\
The two do not do the same. Ours is one thread of pure computation: every table of the graph, VNet and LAN included, without
messages; its memory is the tables with all candidates. BIRD's time is from the customers' routes being enabled to the
last route at the last gateway: ten daemons encode, send by TCP, decode, filter and decide, in parallel where there are cores (CPU:
their sum); its memory is the growth of all resident sets. Neither writes to a kernel or a forwarding plane. Routes: all
candidates in our tables; with BIRD what speakers have imported and announced."""

if __name__ == "__main__":
    sys.exit(main())
