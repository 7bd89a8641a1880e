#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""BIRD as the judge of erxdp's route choice: see README.md beside this.

usage: judge.py [--graphs N] [--decisions N] [--first SEED] [--jobs N] [--dump PROGRAM] [--keep DIRECTORY] [--stop]
       judge.py --topology FILE [STATE...]
"""
import argparse
import collections
import glob
import json
import multiprocessing
import multiprocessing.connection
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import yaml

import azure
import bird
import decisions
import generate

HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE = 40.0  # seconds for one state to become what it has to be
QUIET = 0.5      # seconds without a change that count as settled


def dump_graph(program, file, prepends, states):
    command = [program, "graph", file] + [f"{d}+{n}" for d, n in prepends.items()] + ["--"] + states
    graph = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    in_session = {s[end] for s in graph["sessions"] for end in "ab"}
    graph["speakers"] = {name: s for name, s in graph["speakers"].items() if name in in_session}
    for i, s in enumerate(graph["sessions"]):
        s["name"] = f"s{i}"
        s["kind"] = azure.session_kind(graph["speakers"][s["a"]], graph["speakers"][s["b"]])
    return graph


def session_config(topo, graph, s, end, hops, extra):
    near, far = ("addrA", "addrB") if end == 0 else ("addrB", "addrA")
    lines = [f"protocol bgp {s['name']} {{",
             f"  local {s[near]} as {azure.local_as(graph, s, end)};",
             f"  neighbor {s[far]} as {azure.local_as(graph, s, 1 - end)};",
             "  multihop; strict bind on; deterministic med on; hold time 240;",
             "  connect delay time 1; connect retry time 1; error wait time 1, 1;"]
    if azure.loops_allowed(graph, s, end):
        lines.append("  allow local as 250;")
    lines += ["  ipv4 {", "    next hop self; igp table nothing;", "    import filter int many; {"]
    lines += ["      " + line for line in azure.import_filter(topo, graph, s, end)]
    lines += [f"      gw = {hops[s[far]]};", "      accept;", "    };", "    export filter int many; {"]
    lines += ["      " + line for line in azure.export_filter(topo, graph, s, end, extra)]
    return lines + ["    };", "  };", "}"]


def config(topo, graph, name, hops, table, prepends):
    me = graph["speakers"][name]
    lines = [f"router id {me['routerId']};", "log stderr { warning, error, fatal, bug };", "protocol device { }",
             "ipv4 table nothing;", "protocol kernel {", f"  kernel table {table}; scan time 3600; merge paths on limit 64;",
             "  ipv4 { import none; export where source = RTS_BGP; };", "}",
             "protocol static own {", "  ipv4 { import filter { preference = 65535; accept; }; };"]
    attributes = " ".join(azure.origin_attributes(topo, me))
    lines += [f"  route {p} blackhole {{ {attributes} }};" for p in sorted(set(azure.own_prefixes(topo, name, me)))]
    lines.append("}")
    for i, t in enumerate(graph["tunnels"]):
        if t["gateway"] == name:
            lines += [f"protocol static t{i} {{", "  ipv4 { import filter { preference = 65534; accept; }; };"]
            lines += [f"  route {p} blackhole;" for p in azure.static_prefixes(topo, t["connection"])] + ["}"]
    for s in graph["sessions"]:
        for end in (0, 1):
            if s["ab"[end]] == name:
                lines += session_config(topo, graph, s, end, hops, prepends.get(name, 0))
    return "\n".join(lines) + "\n"


class Network:
    """The speakers of one graph, a BIRD each."""

    def __init__(self, topo, graph, prepends, directory):
        self.topo, self.graph = topo, graph
        addresses = sorted({s[k] for s in graph["sessions"] for k in ("addrA", "addrB")})
        self.hops = {a: f"198.18.{1 + i // 250}.{1 + i % 250}" for i, a in enumerate(addresses)}
        self.neighbours = {h: a for a, h in self.hops.items()}
        bird.set_up_namespace(addresses)
        self.birds, self.off = {}, {}
        for i, name in enumerate(graph["speakers"]):
            text = config(topo, graph, name, self.hops, 1000 + i, prepends)
            self.birds[name] = bird.Bird(directory, name.replace("/", "-"), text)
            self.off[name] = set()

    def stop(self):
        for b in self.birds.values():
            b.stop()

    def connect(self):
        for b in self.birds.values():
            b.connect()

    def set_state(self, state):
        """Sessions that are down and tunnels that are down: disabled at both ends."""
        for name, b in self.birds.items():
            off = {s["name"] for s, up in zip(self.graph["sessions"], state["up"]) if not up and name in (s["a"], s["b"])}
            off |= {f"t{i}" for i, t in enumerate(self.graph["tunnels"])
                    if t["gateway"] == name and t["link"] in state["linksDown"]}
            for protocol in off - self.off[name]:
                b.ask(f"disable {protocol}")
            for protocol in self.off[name] - off:
                b.ask(f"enable {protocol}")
            self.off[name] = off

    def sessions_missing(self, state):
        missing = []
        for name, b in self.birds.items():
            wanted = {s["name"] for s, up in zip(self.graph["sessions"], state["up"]) if up and name in (s["a"], s["b"])}
            missing += sorted(f"{name} {p}" for p in wanted ^ b.established())
        return missing

    def read(self):
        return {name: (b.routes(), b.merged()) for name, b in self.birds.items()}


def shape(tables):
    """What must stand still: without order."""
    return {name: {p: sorted(json.dumps(r, sort_keys=True) for r in routes) for p, routes in table[0].items()}
            for name, table in tables.items()}


class Comparison:
    def __init__(self, network):
        self.n = network
        self.counts = collections.Counter()
        self.steps = collections.Counter()

    def differences(self, state, tables):
        """What BIRD has otherwise than we, in words."""
        self.counts.clear()
        self.steps.clear()
        out = []
        for name in self.n.graph["speakers"]:
            ours, (theirs, merged) = state["tables"][name], tables[name]
            learned = {p: [r for r in routes if r["proto"].startswith("s")] for p, routes in theirs.items()}
            for prefix in sorted(set(ours) | {p for p, routes in learned.items() if routes}):
                found = self.compare(name, prefix, ours.get(prefix, []), learned.get(prefix, []), theirs.get(prefix, []),
                                     merged.get(prefix, []))
                out += [f"{name} {prefix}: {words}" for words in found]
        return out

    def neighbour(self, name, session):
        s = self.n.graph["sessions"][session]
        return s["addrB"] if s["a"] == name else s["addrA"]

    def compare(self, name, prefix, ours, learned, all_theirs, merged):
        mine = {(self.neighbour(name, r["session"]), tuple(r["path"]), r["localPref"]) for r in ours}
        his = {(self.n.neighbours[r["hops"][0]], tuple(r["path"]), r["local_pref"]) for r in learned}
        if mine != his:
            return [f"learned only here {sorted(mine - his)}, only by BIRD {sorted(his - mine)}"]
        self.counts["learned"] += len(mine)
        best = next(r for r in all_theirs if r["best"])
        if not best["proto"].startswith("s"):
            self.counts["own"] += 1
            return []
        if not any(r["best"] for r in ours):
            self.counts["other source"] += 1
            return []
        return self.compare_best(name, ours, best, merged)

    def compare_best(self, name, ours, best, merged):
        chosen = {self.neighbour(name, r["session"]) for r in ours if r["best"]}
        by_neighbour = {self.neighbour(name, r["session"]): r for r in ours}
        bird_best = self.n.neighbours[best["hops"][0]]
        group = {self.n.neighbours[h] for h in merged[0]["hops"]} if merged else {bird_best}
        if self.n.graph["speakers"][name]["kind"] == "ce":
            group = {a for a in group if by_neighbour[a]["path"] == best["path"]}
        self.counts["best"] += 1
        self.counts["shared"] += len(chosen) > 1
        for r in ours:
            if not r["best"]:
                self.steps[r["lostAt"]] += 1
        if bird_best not in chosen:
            return [f"best is {sorted(chosen)} here, {bird_best} at BIRD"]
        if chosen != group:
            return [f"shares over {sorted(chosen)} here, over {sorted(group)} at BIRD"]
        return []


def settle(network, state, comparison):
    """Wait until BIRD stands still; then, or when time is up, what differs."""
    end = time.monotonic() + PATIENCE
    last, since, wrong = None, 0.0, ["BIRD has not settled"]
    while time.monotonic() < end:
        missing = network.sessions_missing(state)
        if missing:
            last, wrong = None, [f"BIRD's session is not as it should be: {m}" for m in missing[:5]]
            time.sleep(0.1)
            continue
        tables = network.read()
        now = shape(tables)
        if now != last:
            last, since, wrong = now, time.monotonic(), ["BIRD has not settled"]
        elif time.monotonic() - since > QUIET:
            wrong = comparison.differences(state, tables)
            if not wrong or time.monotonic() - since > 6 * QUIET:
                return wrong
        time.sleep(0.1)
    return wrong


def judge_states(topo, graph, prepends, directory, verdict):
    network = Network(topo, graph, prepends, directory)
    try:
        network.connect()
        for state in graph["states"]:
            comparison = Comparison(network)
            if not state["converged"]:
                verdict["counts"]["never settles"] += 1
                continue
            network.set_state(state)
            wrong = settle(network, state, comparison)
            verdict["counts"].update(comparison.counts)
            verdict["steps"].update(comparison.steps)
            verdict["counts"]["states"] += 1
            verdict["wrong"] += [f"[{state['failed'] or 'nothing failed'}] {w}" for w in wrong]
            if wrong:
                break
    finally:
        network.stop()


def random_prepends(graph, r):
    """Maintenance (azure.md 7.1): an MSEE or a gateway instance lengthens its paths."""
    devices = [n for n, s in graph["speakers"].items() if s["kind"] in ("msee", "ergw")]
    return {r.choice(devices): r.randint(1, 2)} if devices and r.random() < 0.3 else {}


def prepare(program, topo, directory, seed, states):
    file = os.path.join(directory, "topology.yaml")
    with open(file, "w", encoding="ascii") as out:
        yaml.safe_dump(topo, out, sort_keys=False)
    graph = dump_graph(program, file, {}, [""])
    r = random.Random(seed)
    prepends = random_prepends(graph, r) if isinstance(seed, int) else {}
    if states is None:
        links = [s["link"] for s in graph["sessions"] if s["link"]] + [t["link"] for t in graph["tunnels"]]
        states = [""] + generate.failures(topo, links, r) + [""]
    return dump_graph(program, file, prepends, states), prepends


def judge(job):
    """One graph; runs in a process of its own, each time in a new namespace."""
    program, directory, keep, seed, topo, states = job
    verdict = new_verdict(seed)
    start = time.monotonic()
    bird.new_namespace()
    with tempfile.TemporaryDirectory(dir=directory) as directory:
        try:
            topo = topo or generate.Generator(seed).generate()
            graph, prepends = prepare(program, topo, directory, seed, states)
            verdict["graph"] = f"{len(graph['speakers'])} speakers, {len(graph['sessions'])} sessions"
            if graph["sessions"]:
                judge_states(topo, graph, prepends, directory, verdict)
            if verdict["wrong"] and keep:
                shutil.copytree(directory, os.path.join(keep, f"graph-{seed}"), dirs_exist_ok=True,
                                ignore=shutil.ignore_patterns("*.ctl"))
        except subprocess.CalledProcessError as why:
            verdict["wrong"].append(why.stderr.strip())
        except (OSError, RuntimeError) as why:
            verdict["wrong"].append(str(why))
    verdict["seconds"] = time.monotonic() - start
    return verdict


def run(job, answer):
    """In a process of its own, which any end of the judge ends, and with it its BIRDs and its namespace."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    bird.die_with_parent()
    kind, argument = job
    answer.send((judge if kind == "graph" else decisions.judge)(argument))


def in_parallel(jobs, limit):
    """Yields (job, verdict) in the order of the jobs, with at most `limit` of them at once."""
    waiting, running, done = list(enumerate(jobs)), {}, {}
    try:
        for number in range(len(jobs)):
            while number not in done:
                while waiting and len(running) < limit:
                    i, job = waiting.pop(0)
                    theirs, answer = multiprocessing.Pipe(duplex=False)
                    process = multiprocessing.Process(target=run, args=(job, answer))
                    process.start()
                    answer.close()
                    running[theirs] = (i, process)
                for ready in multiprocessing.connection.wait(list(running)):
                    i, process = running.pop(ready)
                    done[i] = receive(ready)
                    process.join()
            yield jobs[number], done.pop(number)
    finally:
        for _, process in running.values():
            process.kill()
            process.join()


def receive(pipe):
    try:
        return pipe.recv()
    except EOFError:
        return new_verdict("?") | {"wrong": ["the judge of this one has died: see above"]}


def new_verdict(seed):
    return {"seed": seed, "counts": collections.Counter(), "steps": collections.Counter(), "wrong": [], "graph": "",
            "seconds": 0.0}


def report(number, kind, verdict):
    counts = verdict["counts"]
    words = f"{kind} {verdict['seed']}: {verdict['graph']}"
    if kind == "graph":
        words += f", {counts['states']} states"
    words += f", {counts['best']} best paths ({counts['shared']} shared) of {counts['learned']} routes"
    for what in ("never settles", "other source"):
        if counts[what]:
            words += f", {counts[what]} {what}"
    print(f"{'not ' if verdict['wrong'] else ''}ok {number} - {words}, {verdict['seconds']:.1f} s", flush=True)
    for line in verdict["wrong"][:20]:
        print(f"  # {line}")


def missing():
    for program in ("bird", "ip"):
        if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            return f"{program} is not installed: run tools/install-deps"
    if os.geteuid():
        return "network namespaces need root"
    return None


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--graphs", type=int, default=20)
    parser.add_argument("--decisions", type=int, default=2, help="times 400 sets of candidates")
    parser.add_argument("--shipped", action="store_true", help="the files of topologies/ too")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--jobs", type=int, default=6)
    parser.add_argument("--dump", default=os.path.join(HERE, "../../build/bird-dump"))
    parser.add_argument("--stop", action="store_true", help="at the first difference")
    parser.add_argument("--keep", help="put BIRD's configuration and log there where something differs")
    parser.add_argument("--topology", help="a file instead of random ones")
    parser.add_argument("states", nargs="*", help="with --topology: what has failed")
    return parser.parse_args()


def read_topology(file):
    with open(file, encoding="utf-8") as text:
        return yaml.safe_load(text)


def jobs_of(args, directory):
    if args.topology:
        topo = read_topology(args.topology)
        return [("graph", (args.dump, directory, args.keep, topo["name"], topo, [""] + args.states + [""]))]
    jobs = [("decisions", (args.dump, directory, args.first + i, 400)) for i in range(args.decisions)]
    for file in sorted(glob.glob(os.path.join(HERE, "../../topologies/*.yaml"))) if args.shipped else []:
        topo = read_topology(file)
        jobs.append(("graph", (args.dump, directory, args.keep, topo["name"], topo, None)))
    return jobs + [("graph", (args.dump, directory, args.keep, args.first + i, None, None)) for i in range(args.graphs)]


def summary(steps, counts):
    print("# steps that decided against a route: " + ", ".join(f"{k} {n}" for k, n in sorted(steps.items())))
    print("# compared: " + ", ".join(f"{k} {n}" for k, n in sorted(counts.items())))
    print("# where Azure's rule is not BGP's, and how BIRD is brought to it:")
    for name, words in azure.MAPPED.items():
        print(f"#   {name}: {words}")


def judge_all(args, directory):
    jobs, failed = jobs_of(args, directory), 0
    steps, counts = collections.Counter(), collections.Counter()
    print(f"1..{len(jobs)}", flush=True)
    for number, ((kind, _), verdict) in enumerate(in_parallel(jobs, args.jobs), 1):
        report(number, kind, verdict)
        failed += bool(verdict["wrong"])
        steps += verdict["steps"]
        counts += verdict["counts"]
        if failed and args.stop:
            return 1
    summary(steps, counts)
    return 1 if failed else 0


def main():
    args = arguments()
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    why = missing()
    if why:
        print(f"1..1\nok 1 - BIRD agrees # SKIP {why}")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="erxdp-bird-") as directory:
        try:
            return judge_all(args, directory)
        except KeyboardInterrupt:
            return 130


if __name__ == "__main__":
    sys.exit(main())
