#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Run what a README shows and compare.

    readme.py [--write] LAB DIRECTORY FILE

Every line that begins with "$ " in a ```console block of FILE is a command, what
follows up to the next one is its output. The commands run in order, in one bash,
on a copy of topologies/interop.yaml that is called LAB; LAB should be as long as
"interop", so that tables keep their width. What the session leaves in files goes
to DIRECTORY instead of /tmp. --write puts what was seen into FILE where it differs.

Exit code 0: as shown, and every command exits with 0; 1: not so; 77: nothing to run.
"""
import argparse
import difflib
import os
import re
import shutil
import signal
import subprocess
import sys

SHOWN, COPY = "interop", "topologies/interop.yaml"
ELSEWHERE = ("tools/demo", "tools/check")  # tested by themselves
TIME_LIMIT = 60  # seconds, for one command
END = "\x1e"

# What is another time another number.
MASKS = (
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"), "MOMENT"),
    (re.compile(r"\b\d\d:\d\d:\d\d\.\d{6}\b"), "TIME"),
    (re.compile(r"\b\d{4}-\d\d-\d\d\b"), "DATE"),
    (re.compile(r"\b\d+(\.\d+)?(?= (ms|s)\b)"), "N"),
    (re.compile(r"\b\d+(?= (packets|bytes)\b)"), "N"),
    (re.compile(r"(?<=\bseq=)0x[0-9a-f]+"), "N"),
    (re.compile(r"(?<=\blength )\d+"), "N"),
    (re.compile(r'(?<="packets": )\d+|(?<="bytes": )\d+'), "N"),
)


class Step:
    """A command and its output; lines[first:last] of the file are the output."""

    def __init__(self, command, first):
        self.command, self.first, self.last = command, first, first


def steps_of(lines):
    steps, inside, command = [], False, None
    for i, line in enumerate(lines):
        if line.startswith("```"):
            inside, command = line.startswith("```console"), None
        elif not inside:
            continue
        elif command is not None and command.endswith("\\"):
            command = command[:-1] + line
            steps[-1] = Step(command, i + 1)
        elif line.startswith("$ "):
            command = line[2:]
            steps.append(Step(command, i + 1))
        elif command is not None:
            steps[-1].last = i + 1
    return [s for s in steps if not s.command.startswith(ELSEWHERE)]

# A hop of traceroute that has answered at least once.
HOP = re.compile(r"^ ?\d+  .* ms")


# Labs of other tests are there, and the reader's are not; what takes long on a busy machine is said.
BUSY = re.compile(r"waiting for another erxdpctl to finish|[a-z ]+ took [0-9.]+ s")

# By itself traceroute takes a hop for silent after ten times what a later one took, which is less than a busy machine may
# need to answer; what a reader waits for takes the longer the more processes want to run.
PATIENT = {
    "traceroute": '-w 2 "$@"',
    "sleep": """$(awk -v n="$1" -v cpus="$(nproc)" '{ print n * (1 + $1 / cpus) }' /proc/loadavg)""",
}


def mask(lines):
    lines = [" ".join(re.sub(r" (\d+\.\d+ ms|\*)", "", line).split()) + " TIMES" if HOP.match(line) else line for line in lines]
    for pattern, word in MASKS:
        lines = [pattern.sub(word, line) for line in lines]
    return lines


class Session:
    """One bash. What is written in the README is said in terms of this lab, and what comes back in the README's."""

    def __init__(self, lab, directory):
        self.lab, self.directory = lab, directory
        self.copy = os.path.join(directory, "interop.yaml")
        with open(COPY) as shipped, open(self.copy, "w") as copy:
            copy.write(re.sub(r"(?m)^name:.*", f"name: {lab}", shipped.read()))
        env = dict(os.environ, ERXDP_LAB=lab, LC_ALL="C.UTF-8", TZ="UTC")
        tools = os.path.dirname(os.path.abspath(os.environ.get("ERXDPCTL", "build/erxdpctl")))
        env["PATH"] = ":".join((self.patient_tools(env["PATH"]), tools, env["PATH"]))
        self.bash = subprocess.Popen(["bash", "--norc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, env=env, text=True, start_new_session=True)

    def patient_tools(self, path):
        """A folder with those that a busy machine needs more patience of, instead of the ones in path."""
        folder = os.path.join(self.directory, "tools")
        os.makedirs(folder, exist_ok=True)
        for name, arguments in PATIENT.items():
            with open(f"{folder}/{name}", "w", opener=lambda file, flags: os.open(file, flags, 0o755)) as script:
                script.write(f"#!/bin/sh\nexec {shutil.which(name, path=path)} {arguments}\n")
        return folder

    def here(self, command):
        words = {COPY: self.copy, "/tmp/": self.directory + "/", SHOWN: self.lab}
        return re.sub(rf"{re.escape(COPY)}|/tmp/|\b{SHOWN}\b", lambda m: words[m[0]], command)

    def there(self, text):
        words = {self.copy: COPY, self.directory + "/": "/tmp/", self.lab: SHOWN}
        return re.sub(rf"{re.escape(self.copy)}|{re.escape(self.directory)}/|\b{self.lab}\b", lambda m: words[m[0]], text)

    def run(self, command):
        """Output lines and exit code; None when it does not end."""
        self.bash.stdin.write(f"{{ {self.here(command)}\n}} </dev/null\nprintf '{END}%d\\n' $?\n")
        self.bash.stdin.flush()
        signal.alarm(TIME_LIMIT)
        output = ""
        try:
            for line in self.bash.stdout:
                before, end, code = line.partition(END)
                output += before
                if end:
                    return [line for line in self.there(output).splitlines() if not BUSY.fullmatch(line)], int(code)
        except TimeoutError:
            pass
        finally:
            signal.alarm(0)
        return self.there(output).splitlines(), None

    def close(self):
        """Whatever still runs in it is its own process group."""
        try:
            os.killpg(self.bash.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.bash.wait()


def differences(step, shown, seen, code):
    if code != 0:
        yield f"  exit code {code}" if code is not None else f"  has not ended after {TIME_LIMIT} seconds"
    if mask(seen) != mask(shown):
        yield from ("  " + d for d in list(difflib.unified_diff(shown, seen, "shown", "seen", lineterm="")))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    parser.add_argument("lab")
    parser.add_argument("directory")
    parser.add_argument("file")
    args = parser.parse_args()
    if args.lab == SHOWN:
        parser.error(f"'{SHOWN}' is what the reader's own lab is called: choose another name")

    def too_long(*_):
        raise TimeoutError

    with open(args.file) as f:
        lines = f.read().splitlines()
    steps = steps_of(lines)
    if not steps:
        print(f"{args.file} shows no commands")
        return 77
    signal.signal(signal.SIGALRM, too_long)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # closes the session on the way out
    session = Session(args.lab, args.directory)
    failed, replaced = 0, list(lines)
    try:
        for step in steps:
            shown = lines[step.first:step.last]
            seen, code = session.run(step.command)
            problems = list(differences(step, shown, seen, code))
            if problems:
                failed += 1
                print(f"{args.file}:{step.first}: $ {step.command}", *problems, sep="\n")
                step.seen = seen
            if code is None:
                break
    finally:
        session.close()
    print(f"{args.file}: {len(steps)} commands, {failed} not as shown")
    if args.write:
        for step in reversed(steps):
            if hasattr(step, "seen"):
                replaced[step.first:step.last] = step.seen
        with open(args.file, "w") as f:
            f.write("\n".join(replaced) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
