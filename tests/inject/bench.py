# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A machine to itself, on which erxdpctl is called with and without failing calls, and what must hold afterwards."""
import errno
import os
import re
import subprocess
import sys
import time

import lab as look
from control import Control

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
ERXDPCTL = os.environ.get("ERXDPCTL", f"{ROOT}/build/erxdpctl")
SHIM = os.environ.get("ERXDP_SHIM", f"{ROOT}/build/inject.so")
LAB = "einject"
LIMIT_S = 60  # of one call of erxdpctl: more is a hang

# How a message may put an errno that is not quoted in the system's own words.
OTHER_WORDS = {
    errno.ENOSPC: ["the map is full"],
    errno.EPERM: ["not permitted; run as root"],
}
# Causes that have no errno here: what libbpf puts into words of its own, and what has failed in the controller.
UNKNOWN = "may have been done"  # the answer was lost, which is said
CAUSES = ["failed to find valid kernel BTF", "it did not take the types (BTF) of the programs", "it said nothing; see its log",
          "cannot ask the controller", UNKNOWN]


class Wrong(Exception):
    """What does not hold after a call has failed."""


# --- The machine -------------------------------------------------------------------------------------------------------


def isolate():
    """Mounts and processes of its own, with an empty /run and no bpffs yet: no other lab is seen, and nothing outlives
    it. The shell takes the place of init, which buries the controllers that have ended."""
    if os.environ.get("ERXDP_INJECT_ALONE") != "yes" or os.getppid() != 1:
        own = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"]
        command = [*own, "sh", "-c", '"$@"; exit $?', "sh", sys.executable, *sys.argv]
        sys.exit(subprocess.call(command, env={**os.environ, "ERXDP_INJECT_ALONE": "yes"}))
    for where, mode in (("/run", "755"), ("/sys/fs/bpf", "700")):
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"mode={mode}", "tmpfs", where], check=True)
    os.mkdir(look.NAMES)


def missing():
    if os.geteuid() != 0:
        return "needs root"
    for file in (ERXDPCTL, SHIM):
        if not os.access(file, os.R_OK):
            return f"needs {file}: run make"
    return None


SPOKE = """
    virtualNetworkPeerings: {spoke: {allowGatewayTransit: true}}
  spoke:
    location: westeurope
    addressSpace: [10.20.0.0/24]
    subnets: {default: 10.20.0.0/25}
    virtualMachines: {spoke-vm: 10.20.0.4}
    virtualNetworkPeerings: {hub: {useRemoteGateways: true}}"""

# Both from minimal.yaml. What is changed has a VNet more (hosts, devices, paths, routes), another server and another
# prefix from the office, and lacks a VM.
CHANGES = {
    "base": [("{hub-vm: 10.10.0.4}", "{hub-vm: 10.10.0.4, old-vm: 10.10.0.5}")],
    "changed": [
        ("{hub-vm: 10.10.0.4}", "{hub-vm: 10.10.0.4}" + SPOKE),
        ("{office-pc: 10.1.0.10}", "{office-pc: 10.1.0.10, new-pc: 10.1.0.11}"),
        ("192.168.1.0/31}", "192.168.1.0/31, advertise: [10.1.0.0/24, 10.9.0.0/24]}"),
    ],
}


def write_topologies(directory):
    with open(f"{ROOT}/topologies/minimal.yaml", encoding="utf-8") as file:
        text = re.sub(r"(?m)^name:.*", f"name: {LAB}", file.read())
    text = re.sub(r"(?s)\nlatency:.*", "\n", text)  # wires and expectations have tests of their own
    text = text.replace("sku: ErGw1AZ", "sku: ErGw3AZ")  # which has FastPath
    files = {}
    for name, pairs in CHANGES.items():
        out = text
        for old, new in pairs:
            if old not in out:
                raise Wrong(f"minimal.yaml has no '{old}' any more")
            out = out.replace(old, new)
        files[name] = f"{directory}/{name}.yaml"
        with open(files[name], "w", encoding="utf-8") as file:
            file.write(out)
    return files


# --- Operations: from a state to a state -------------------------------------------------------------------------------

STATES = {  # name: how it is reached from nothing, which file it has, whether packets pass
    "nothing": ([], None, False),
    "loaded": ([["load", "base"]], "base", True),
    "changed": ([["load", "base"], ["load", "changed"]], "changed", True),
    "failed": ([["load", "base"], ["fail", "er1.primary"]], "base", False),
    "silent": ([["load", "base"], ["fail", "--silent", "er1.primary"]], "base", False),
    "fastpath": ([["load", "base"], ["fastpath", "on", "hub-er1"]], "base", True),
}

OPERATIONS = {  # name: command, from, to, commands that lead back
    "load": (["load", "base"], "nothing", "loaded", [["unload", LAB]]),
    "apply": (["load", "changed"], "loaded", "changed", [["load", "base"]]),
    "again": (["load", "base"], "loaded", "loaded", []),
    "fail": (["fail", "er1.primary"], "loaded", "failed", [["restore", "--all"]]),
    "silent": (["fail", "--silent", "er1.primary"], "loaded", "silent", [["restore", "--all"]]),
    "restore": (["restore", "er1.primary"], "failed", "loaded", [["fail", "er1.primary"]]),
    "fastpath": (["fastpath", "on", "hub-er1"], "loaded", "fastpath", [["fastpath", "off", "hub-er1"]]),
    "unload": (["unload", LAB], "loaded", "nothing", [["load", "base"]]),
}


def ping():
    return subprocess.run(
        ["nsenter", f"--net={look.NAMES}/erx-{LAB}-office-pc", "ping", "-nq", "-c1", "-W2", "10.10.0.4"],
        capture_output=True, check=False).returncode == 0


class Bench:
    def __init__(self, directory):
        self.files = write_topologies(directory)
        self.control = Control(f"{directory}/control", SHIM)
        self.states = {}  # by name, while one operation is looked at

    def call(self, command):
        """Exit code (negative: a signal) and what was said."""
        words = [self.files.get(word, word) for word in command]
        try:
            done = subprocess.run([ERXDPCTL, *words], env=self.control.environment(), capture_output=True,
                                  text=True, errors="replace", timeout=LIMIT_S, check=False)
        except subprocess.TimeoutExpired:
            raise Wrong(f"'{' '.join(command)}' does not end within {LIMIT_S} s") from None
        return done.returncode, done.stderr + done.stdout

    def must(self, command):
        code, words = self.call(command)
        if code:
            raise Wrong(f"'{' '.join(command)}', with nothing failing, ends with {code}:\n{words}")

    def failing(self, command, n):
        """The same with the n-th call failing (0: none). Returns code, words, calls seen, errno (0: not reached)."""
        self.control.arm(n)
        try:
            code, words = self.call(command)
        finally:
            seen, error = self.control.disarm()
        return code, words, seen, error

    def reach(self, state):
        self.must(["unload", LAB])
        for command in STATES[state][0]:
            self.must(command)

    def learn(self, operation):
        """What there is before and after it. Numbers (of groups, ports) depend on what was there earlier, and are the
        same again each time that the operation is done and taken back."""
        command, before, after, back = OPERATIONS[operation]
        self.reach(before)
        for _ in range(2):
            self.must(command)
            self.states[after] = look.state(LAB)
            for step in back:
                self.must(step)
            self.states[before] = look.state(LAB)

    def is_in(self, name, ask=True):
        """Lines that say where the machine is not in this state; with ask, erxdpctl and a packet are asked as well."""
        found = look.state(LAB)
        lines = look.differences(self.states[name], found)
        file, passing = STATES[name][1:]
        if found and file and ask:
            code, words = self.call(["plan", file])
            if code:
                lines.append(f"plan ends with {code}: {words}")
            if passing and not ping():
                lines.append("office-pc does not reach hub-vm any more")
        return lines


# --- What must hold ----------------------------------------------------------------------------------------------------


def check_words(words, error):
    """A message names an object and the cause."""
    reasons = [os.strerror(error), *OTHER_WORDS.get(error, []), *CAUSES]
    if not re.search(r"^erxdpctl: \S+ \S+ \S", words, re.M):
        raise Wrong("no message says what could not be done")
    if not any(reason in words for reason in reasons):
        raise Wrong(f"the message does not say '{reasons[0]}'")


def was_saved(bench, n):
    """Whether what was asked for was there already, for good, when the n-th call failed."""
    names = (bench.control.name(i) for i in range(1, n))
    return any(name.startswith("rename ") and name.endswith(("/topology.yaml", "/state")) for name in names)


def check_refusal(bench, operation, code, words, error, n):
    _, before, after, _ = OPERATIONS[operation]
    saved = was_saved(bench, n) or "test socket" in words  # these come last
    if code == 3 and operation in ("load", "apply", "again") and "exchange between" in words:
        lines = bench.is_in(after)  # the last thing that load does is to look whether packets pass
    elif code == 1:
        lines = bench.is_in(before) if operation != "unload" else []  # what is left, the next unload takes away
        if lines and UNKNOWN in words:
            time.sleep(2)  # the controller is still at it
        if lines and (saved or UNKNOWN in words) and not bench.is_in(after):
            lines = []
    else:
        raise Wrong(f"it ends with code {code}")
    if lines:
        raise Wrong("the lab is not as it was:\n" + "\n".join(lines))
    if code == 1:
        check_words(words, error)


def check_identity(bench, kept, operation):
    """What is there before and after has not been made anew: that would lose packets and counters."""
    _, before, after, _ = OPERATIONS[operation]
    if operation == "unload" or before == "nothing":
        return
    state = bench.states[after]
    stays = {*state["namespaces"], *(pin.removeprefix(f"{LAB}/") for pin in state["pins"])}
    now = look.identity(LAB)
    changed = [f"{name} was number {number} and is {now.get(name)}" for name, number in kept.items()
               if now.get(name) != number and name in stays]
    if changed:
        raise Wrong("made anew:\n" + "\n".join(changed))


def one(bench, operation, n):
    """Let the n-th call fail, and end in the state that the operation starts from. Returns what it came to."""
    command, before, after, back = OPERATIONS[operation]
    kept = look.identity(LAB)
    code, words, _, error = bench.failing(command, n)
    outcome = "not reached" if not error else "refused" if code else "tolerated"
    try:
        if outcome == "refused":
            check_refusal(bench, operation, code, words, error, n)
        if outcome == "tolerated":
            lines = bench.is_in(after)
            if lines:
                raise Wrong("it says that it is done, but\n" + "\n".join(lines))
        check_identity(bench, kept, operation)
    except Wrong as e:
        raise Wrong(f"{e}\nit ended with {code} and said:\n{words}") from None
    bench.must(command)
    lines = bench.is_in(after, ask=False)
    if lines:
        raise Wrong("the next call, with nothing failing, does not bring it about:\n" + "\n".join(lines))
    for step in back:
        bench.must(step)
    lines = bench.is_in(before, ask=False)
    if lines:
        raise Wrong("taken back, it is not as it was:\n" + "\n".join(lines))
    return outcome
