#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Whether the judge can find against us: each mutation must be caught.

usage: mutations.py [--graphs N] [NAME...]

A mutation is one change of the source. It is made in a copy, which is compiled
and put before the library in bird-dump; the judge runs until it finds a
difference. Ends with 1 when a mutation passes, or its place is not in the
source any more.
"""
import argparse
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "../..")
DECIDE, POLICY, SPEAKER = "user/ctl/decide.c", "user/ctl/policy.c", "user/ctl/speaker.c"

MUTATIONS = {
    "as-path-before-local-pref": (DECIDE, "{DECIDE_LOCAL_PREF, by_local_pref},\n\t\t{DECIDE_AS_PATH, by_as_path},",
                                  "{DECIDE_AS_PATH, by_as_path},\n\t\t{DECIDE_LOCAL_PREF, by_local_pref},"),
    "local-pref-before-weight": (DECIDE, "{DECIDE_WEIGHT, by_weight},", "{DECIDE_LOCAL_PREF, by_local_pref},\n"
                                 "\t\t{DECIDE_WEIGHT, by_weight},"),
    "no-routing-weight": (DECIDE, "{DECIDE_ROUTING_WEIGHT, by_routing_weight},\n", ""),
    "no-origin": (DECIDE, "{DECIDE_ORIGIN, by_origin},\n", ""),
    "med-of-any-as": (DECIDE, "return rules->always_compare_med ||", "return rules || "),
    "ebgp-before-med": (DECIDE, "{DECIDE_MED, by_med},\n\t\t{DECIDE_EBGP, by_ebgp},",
                        "{DECIDE_EBGP, by_ebgp},\n\t\t{DECIDE_MED, by_med},"),
    "higher-router-id": (DECIDE, "addr_compare(&b->router_id, &a->router_id)", "addr_compare(&a->router_id, &b->router_id)"),
    "higher-neighbour": (DECIDE, "addr_compare(&b->next_hop, &a->next_hop)", "addr_compare(&a->next_hop, &b->next_hop)"),
    "ce-relaxes": (DECIDE, "case ERX_KIND_CE: return &strict;", "case ERX_KIND_CE: return &relaxed;"),
    "tells-the-first-of-the-file": (SPEAKER, "if (route_compare(&s->learned.items[i], best, rules, &step) > 0)",
                                    "if (route_compare(&s->learned.items[i], best, rules, &step) > 1000)"),
    "msee-refuses-loops": (POLICY, "{ERX_KIND_MSEE, SESSION_CIRCUIT},", "{ERX_KIND_MSEE, SESSION_CIRCUIT, .refuse_own_as = true},"),
    "ce-accepts-loops": (POLICY, "{ERX_KIND_CE, SESSION_CIRCUIT, .refuse_own_as = true}", "{ERX_KIND_CE, SESSION_CIRCUIT}"),
    "gateway-as-kept": (POLICY, ".gateway_as = GATEWAY_AS_STRIPPED", ".gateway_as = GATEWAY_AS_KEPT"),
    "gateway-as-not-replaced": (POLICY, ".gateway_as = GATEWAY_AS_REPLACED", ".gateway_as = GATEWAY_AS_STRIPPED"),
    "reach-is-transitive": (POLICY, "{ERX_KIND_MSEE, SESSION_REACH, .sends = LEARNED(CIRCUIT) | LEARNED(GATEWAY)",
                            "{ERX_KIND_MSEE, SESSION_REACH, .sends = LEARNED(CIRCUIT) | LEARNED(GATEWAY) | LEARNED(REACH)"),
    "vpn-passes-default-route": (POLICY, ".no_default_route = true", ".no_default_route = false"),
    "static-vpn-stays": (POLICY, "{ERX_KIND_VPNGW, SESSION_INSIDE, .sends = STATIC | LEARNED(VPN)",
                            "{ERX_KIND_VPNGW, SESSION_INSIDE, .sends = LEARNED(VPN)"),
    "remote-vnets-always": (POLICY, ".ask_remote_vnets = true", ".ask_remote_vnets = false"),
    "no-prepending": (POLICY, "1 + prepends(c)", "1"),
}


def command(directory, source):
    flags = subprocess.run(["pkg-config", "--libs", "libbpf", "libxdp", "libelf", "zlib", "yaml-0.1", "libcjson", "libmnl"],
                           check=True, capture_output=True, text=True, cwd=ROOT).stdout.split()
    return ["gcc", "-O1", "-std=gnu11", "-D_GNU_SOURCE", "-Iuser", "-Iinclude", "-o", os.path.join(directory, "dump"),
            "tests/bird/dump.c", source, "build/liberxdp.a", *flags, "-lpthread", "-lm"]


def caught(name, graphs):
    """What the judge says first, None when it finds nothing."""
    file, old, new = MUTATIONS[name]
    with open(os.path.join(ROOT, file), encoding="utf-8") as source:
        text = source.read()
    if old not in text:
        raise RuntimeError(f"'{old}' is not in {file} any more")
    with tempfile.TemporaryDirectory(prefix="erxdp-bird-") as directory:
        copy = os.path.join(directory, os.path.basename(file))
        with open(copy, "w", encoding="utf-8") as out:
            out.write(text.replace(old, new, 1))
        subprocess.run(command(directory, copy), check=True, cwd=ROOT)
        run = subprocess.run([sys.executable, os.path.join(HERE, "judge.py"), "--stop", "--decisions", "1", "--graphs",
                              str(graphs), "--dump", os.path.join(directory, "dump")], capture_output=True, text=True,
                             check=False)
    if "# SKIP" in run.stdout:
        raise RuntimeError(run.stdout.splitlines()[-1])
    wrong = [line for line in run.stdout.splitlines() if line.startswith("  # ")]
    return wrong[0].strip("# ")[:150] if run.returncode else None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--graphs", type=int, default=40)
    parser.add_argument("names", nargs="*", default=list(MUTATIONS))
    args = parser.parse_args()
    missed = 0
    print(f"1..{len(args.names)}")
    for number, name in enumerate(args.names, 1):
        try:
            words = caught(name, args.graphs)
        except RuntimeError as why:
            words, missed = None, missed + 1
            print(f"not ok {number} - mutation {name}: {why}", flush=True)
            continue
        missed += words is None
        print(f"{'ok' if words else 'not ok'} {number} - mutation {name}: {words or 'passes'}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
