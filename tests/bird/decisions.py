# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The decision alone: random candidates for one prefix, ranked by both.

The topology language has no MED and few ways to make two routes differ in one
thing only. Here one BIRD hears of each prefix from several neighbours, whose
attributes are random out of a few values, so that every step of the decision
gets its turn, MED and eBGP before iBGP among them.
"""
import collections
import json
import random
import subprocess
import tempfile
import time

import azure
import bird

RECEIVER = ("10.255.0.1", 64999)
TAG_WEIGHT, TAG_ROUTING_WEIGHT, TAG_LOCAL_PREF, TAG_MED = 10, 11, 12, 13
WEIGHTS = [32768, 32769]
ROUTING_WEIGHTS = [0, 10, 100]
LOCAL_PREFS = [90, 100, 200]
MEDS = [0, 10, 20]
ORIGINS = ["ORIGIN_IGP", "ORIGIN_EGP", "ORIGIN_INCOMPLETE"]


def random_senders(r):
    """AS numbers and router ids that some share; addresses that say nothing about either."""
    senders = []
    for i, last in enumerate(r.sample(range(10, 90), 8)):
        ibgp = r.random() < 0.35
        senders.append({"address": f"10.255.1.{last}", "ibgp": ibgp, "name": f"n{i}",
                        "asn": RECEIVER[1] if ibgp else r.choice([64801, 64802, 64803]),
                        "id": f"10.254.0.{r.randint(1, 6)}"})
    return senders


def often_same(r, values):
    """Mostly the first: else the first steps would decide everything."""
    return values[0] if r.random() < 0.75 else r.choice(values)


def random_candidate(r, sender):
    path = [r.choice([64801, 64802, 64803])] if sender["ibgp"] else []
    path += [64810 + r.randint(0, 1) for _ in range(often_same(r, [1, 0, 2]))]
    return {"sender": sender, "weight": often_same(r, WEIGHTS), "routing_weight": often_same(r, ROUTING_WEIGHTS),
            "local_pref": often_same(r, LOCAL_PREFS), "origin": ORIGINS.index(often_same(r, ORIGINS)),
            "med": r.choice(MEDS), "path": path}


def prefix(i):
    return f"10.{i >> 8}.{i & 255}.0/24"


def random_sets(r, senders, n):
    return {i: [random_candidate(r, s) for s in r.sample(senders, r.randint(2, len(senders)))] for i in range(n)}


def full_path(c):
    return ([] if c["sender"]["ibgp"] else [c["sender"]["asn"]]) + c["path"]


def attributes(c):
    words = [f"bgp_path.prepend({asn});" for asn in reversed(c["path"])]
    words += [f"bgp_origin = {ORIGINS[c['origin']]};"]
    for tag, value in ((TAG_WEIGHT, c["weight"]), (TAG_ROUTING_WEIGHT, c["routing_weight"]),
                       (TAG_LOCAL_PREF, c["local_pref"]), (TAG_MED, c["med"])):
        words.append(f"bgp_large_community.add({azure.tag(tag, value)});")
    return " ".join(words)


def export_policy():
    """BIRD sends to other ASes only a MED that its export filter has set."""
    return ["import none;", "export filter {"] + [
        f"if {azure.tag(TAG_MED, m)} ~ bgp_large_community then bgp_med = {m};" for m in MEDS] + ["accept;", "};"]


def sender_config(sender, sets):
    lines = [f"router id {sender['id']};", "log stderr { error, fatal, bug };", "protocol device { }",
             "ipv4 table nothing;", "protocol static {", "  ipv4;"]
    for i, candidates in sets.items():
        lines += [f"  route {prefix(i)} blackhole {{ {attributes(c)} }};" for c in candidates if c["sender"] is sender]
    return "\n".join(lines + ["}"] + session(sender["address"], sender["asn"], *RECEIVER, "r", export_policy())) + "\n"


def session(near, near_as, far, far_as, name, policy):
    return [f"protocol bgp {name} {{", f"  local {near} as {near_as}; neighbor {far} as {far_as};",
            "  multihop; strict bind on; deterministic med on;",
            "  connect delay time 1; connect retry time 1; error wait time 1, 1;",
            "  ipv4 {", "    next hop self; igp table nothing;", *policy, "  };", "}"]


def import_policy(hop):
    lines = ["import filter {"]
    for w in WEIGHTS:
        for rw in ROUTING_WEIGHTS:
            lines.append(f"if ({azure.tag(TAG_WEIGHT, w)} ~ bgp_large_community) && "
                         f"({azure.tag(TAG_ROUTING_WEIGHT, rw)} ~ bgp_large_community) then "
                         f"preference = {(w - 32768) * 32000 + 1000 + rw};")
    lines += [f"if {azure.tag(TAG_LOCAL_PREF, v)} ~ bgp_large_community then bgp_local_pref = {v};" for v in LOCAL_PREFS]
    return lines + [f"gw = {hop};", "accept;", "};", "export none;"]


def receiver_config(senders, hops):
    lines = ["router id 10.255.0.1;", "log stderr { error, fatal, bug };", "protocol device { }", "ipv4 table nothing;", "protocol kernel {",
             "  kernel table 999; scan time 3600; merge paths on limit 64;",
             "  ipv4 { import none; export where source = RTS_BGP; };", "}"]
    for s in senders:
        lines += session(*RECEIVER, s["address"], s["asn"], s["name"], import_policy(hops[s["address"]]))
    return "\n".join(lines) + "\n"


def ours(program, sets, relax):
    lines = []
    for i, candidates in sets.items():
        for c in candidates:
            path = "-".join(map(str, full_path(c))) or "-"
            lines.append(f"{i} {relax} {c['weight']} {c['routing_weight']} {c['local_pref']} {c['origin']} {c['med']} "
                         f"{int(c['sender']['ibgp'])} {c['sender']['id']} {c['sender']['address']} {path}")
    out = subprocess.run([program, "decide"], input="\n".join(lines) + "\n", text=True, check=True, capture_output=True)
    return {entry["set"]: entry for entry in json.loads(out.stdout)}


def converged(receiver, senders, sets):
    """Once everything has arrived: BIRD's routes, and those it would install."""
    wanted = sum(map(len, sets.values()))
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if len(receiver.established()) == len(senders):
            routes = receiver.routes()
            if sum(map(len, routes.values())) == wanted:
                return routes, receiver.merged()
        time.sleep(0.2)
    raise RuntimeError("the candidates have not arrived within 60 s")


def compare(sets, hops, routes, merged, strict, relaxed, verdict):
    by_hop = {hop: address for address, hop in hops.items()}
    for i, candidates in sets.items():
        best = next(r for r in routes[prefix(i)] if r["best"])
        address = by_hop[best["hops"][0]]
        group = {by_hop[h] for h in merged[prefix(i)][0]["hops"]}
        paths = {c["sender"]["address"]: full_path(c) for c in candidates}
        same_path = {a for a in group if paths[a] == paths[address]}
        for rules, entry, wanted in (("relaxed", relaxed[i], group), ("strict", strict[i], same_path)):
            chosen = {candidates[k]["sender"]["address"] for k in entry["best"]}
            if address not in chosen or chosen != wanted:
                verdict["wrong"].append(f"set {i} ({rules}): {sorted(chosen)} here, best {address} of {sorted(wanted)} "
                                        f"at BIRD: {json.dumps(candidates)}")
            verdict["steps"].update(s for s in entry["lost"].values() if s not in ("multipath", "only"))
        verdict["counts"]["best"] += 1
        verdict["counts"]["learned"] += len(candidates)
        verdict["counts"]["shared"] += len(group) > 1


def judge(job):
    program, directory, seed, n = job
    verdict = {"seed": seed, "counts": collections.Counter(), "steps": collections.Counter(), "wrong": [],
               "graph": f"{n} sets of candidates"}
    start = time.monotonic()
    r = random.Random(seed)
    senders = random_senders(r)
    sets = random_sets(r, senders, n)
    hops = {s["address"]: f"198.18.1.{i + 1}" for i, s in enumerate(senders)}
    birds = []
    bird.new_namespace()
    with tempfile.TemporaryDirectory(dir=directory) as directory:
        try:
            bird.set_up_namespace([RECEIVER[0]] + list(hops))
            for s in senders:
                birds.append(bird.Bird(directory, s["name"], sender_config(s, sets)))
            birds.append(bird.Bird(directory, "r", receiver_config(senders, hops)))
            birds[-1].connect()
            routes, merged = converged(birds[-1], senders, sets)
            compare(sets, hops, routes, merged, ours(program, sets, 0), ours(program, sets, 1), verdict)
        except subprocess.CalledProcessError as why:
            verdict["wrong"].append(f"{why}: {why.stderr}")
        except (OSError, RuntimeError) as why:
            verdict["wrong"].append(str(why))
        finally:
            for b in birds:
                b.stop()
    verdict["seconds"] = time.monotonic() - start
    return verdict
