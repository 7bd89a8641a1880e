#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Lets each call to the system fail once, and looks whether the lab stays as it was and the message says why.

    tests/inject/run.py              a sample: each kind of call at least once, others spread over each operation
    tests/inject/run.py --all        every call of every operation ('make check-inject', about an hour)
    tests/inject/run.py load disk    only these
    tests/inject/run.py --list load  its calls, in their order
    tests/inject/run.py --at N load  only the N-th call

Runs in a mount namespace of its own, with a /run and a bpffs of its own: no other lab is seen or touched, and nothing
is left however it ends. Prints TAP, a result for each operation, for a full disk, a full map and junk on the sockets.
"""
import argparse
import os
import random
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as look  # noqa: E402
from bench import LAB, OPERATIONS, Bench, Wrong, isolate, missing, one  # noqa: E402
from control import CALLS  # noqa: E402
from full import full_disk, full_map  # noqa: E402
from junk import send  # noqa: E402


def junk(bench):
    """Whatever is said to the controller that is no request: it answers on, and the lab stays as it was."""
    bench.learn("again")
    kept = look.identity(LAB)
    try:
        words = f"{send(f'{look.RUN}/{LAB}', 400, random.randrange(1 << 30))} lines that are no request"
    except OSError as e:
        raise Wrong(str(e)) from None
    lines = [*bench.is_in("loaded"), *look.differences(kept, look.identity(LAB))]
    if lines:
        raise Wrong("the lab is not as it was:\n" + "\n".join(lines))
    return words


OTHERS = {"disk": full_disk, "map": full_map, "socket": junk}


def names_of(bench, operation):
    """The calls that this operation makes, when none fails."""
    command, before, _, _ = OPERATIONS[operation]
    bench.reach(before)
    code, words, seen, _ = bench.failing(command, 0)
    if code:
        raise Wrong(f"with nothing failing it ends with {code}:\n{words}")
    return [bench.control.name(n + 1) for n in range(min(seen, CALLS))]


def kind(name):
    """A call, apart from what it is about."""
    return " ".join(name.split()[:2]) if name.startswith("bpf") else name.split()[0]


def sample(names, least):
    """Numbers of calls for each operation: every kind somewhere, the rarest first, and some spread over the whole."""
    chosen = {operation: set() for operation in names}
    places = {}
    for operation, list_ in names.items():
        for n, name in enumerate(list_):
            places.setdefault(kind(name), {}).setdefault(operation, []).append(n + 1)
    for where in sorted(places.values(), key=len):
        operation = min(where, key=lambda o: len(chosen[o]))
        chosen[operation].add(random.choice(where[operation]))
    for operation, list_ in names.items():
        more = max(2, least - len(chosen[operation]))
        step = max(1, len(list_) // more)
        chosen[operation] |= set(range(1 + random.randrange(step), len(list_) + 1, step))
    return {operation: sorted(numbers) for operation, numbers in chosen.items()}


def one_operation(bench, operation, names, numbers):
    """Returns words on what was done; raises Wrong with all failures."""
    outcomes, failures = {}, []
    bench.learn(operation)
    for n in numbers:
        try:
            outcome = one(bench, operation, n)
        except Wrong as e:
            outcome = "wrong"
            failures.append(f"call {n} of {len(names)}, {bench.control.name(n)}: {e}")
            print("# " + failures[-1].replace("\n", "\n# "), file=sys.stderr, flush=True)
            bench.learn(operation)
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    words = ", ".join(f"{count} {name}" for name, count in sorted(outcomes.items()))
    words = f"{sum(outcomes.values())} of {len(names)} calls have failed, one at a time: {words}"
    if failures:
        raise Wrong("\n".join([words, *failures]))
    return words


def choose(bench, options):
    """Numbers of the calls that are to fail, and the names of all, for each operation."""
    names = {o: names_of(bench, o) for o in options.what if o in OPERATIONS}
    if options.at:
        return names, {o: options.at for o in names}
    if options.all:
        return names, {o: range(1, len(list_) + 1) for o, list_ in names.items()}
    return names, sample(names, options.sample)


def run(bench, options):
    """Returns how many have failed."""
    failed = 0
    names, numbers = choose(bench, options)
    for i, what in enumerate(options.what):
        start = time.monotonic()
        try:
            if options.list:
                words = "".join(f"\n# {n + 1} {name}" for n, name in enumerate(names.get(what, [])))
            elif what in OTHERS:
                words = OTHERS[what](bench)
            else:
                words = one_operation(bench, what, names[what], numbers[what])
            result = "ok"
        except Wrong as e:
            result, words, failed = "not ok", str(e).replace("\n", "\n  "), failed + 1
        print(f"{result} {i + 1} {what} ({time.monotonic() - start:.0f} s): {words}", flush=True)
    bench.must(["unload", LAB])
    return failed


def parse():
    known = [*OPERATIONS, *OTHERS]
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("what", nargs="*")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--at", type=int, action="append")
    parser.add_argument("--sample", type=int, default=3, help="calls of each operation, at least")
    parser.add_argument("--seed", type=int, default=int(time.time()) & 0xFFFF)
    options = parser.parse_args()
    for what in options.what:
        if what not in known:
            parser.error(f"there is no '{what}': {' '.join(known)}")
    options.what = options.what or known
    return options


def main():
    options = parse()
    lack = missing()
    if not lack:
        isolate()
    print(f"1..{len(options.what)}", flush=True)
    if lack:
        for i, what in enumerate(options.what):
            print(f"ok {i + 1} {what} # SKIP {lack}")
        return 0
    print(f"# seed {options.seed}", flush=True)
    random.seed(options.seed)
    with tempfile.TemporaryDirectory() as directory:
        return 1 if run(Bench(directory), options) else 0


if __name__ == "__main__":
    sys.exit(main())
