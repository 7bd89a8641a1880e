#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""One model, two witnesses: what explain predicts against what packets show.

usage: witness.py [-o DIRECTORY] LAB [WORDS]

For every ordered pair of hosts the hops, the silent places, reachability and
the TTL of 'erxdpctl explain --json' must be those of the machine's own
traceroute and ping. Prints the pairs that differ and a closing line that
begins with WORDS; exit code 1 when one differs. With -o what the tools printed
is kept in DIRECTORY/FROM.TO and DIRECTORY/FROM.TO.ping.
"""
import argparse
import ctypes
import itertools
import json
import os
import re
import subprocess
import sys

ERXDPCTL = os.environ["ERXDPCTL"]
CLONE_NEWNET = 0x40000000
BEYOND = 2  # hops that are tried behind the last one of the prediction


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", dest="directory")
    parser.add_argument("lab")
    parser.add_argument("words", nargs="*")
    return parser.parse_args()


ARGUMENTS = parse_arguments()
LAB = ARGUMENTS.lab


def ctl(*arguments):
    command = [ERXDPCTL, arguments[0], "--lab", LAB, *arguments[1:]]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=30).stdout)


def find_lab(status):
    """The lab's part of 'status --json', whether it lists one or several."""
    if status.get("lab") == LAB:
        return status
    return next(lab for lab in status["labs"] if lab["lab"] == LAB)


def enter(host):
    """What this process starts from here on is in the host's network namespace."""
    with open("/run/netns/erx-%s-%s" % (LAB, host)) as namespace:
        if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns " + namespace.name)


def start(*command):
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True)


def read_hops(text):
    """One entry per line of traceroute: an address or '*'; annotations such as !H stay visible."""
    hops = []
    for line in text.splitlines():
        words = line.split()
        if words and words[0].isdigit():
            seen = [w for w in words[1:] if re.fullmatch(r"\d+(\.\d+){3}|!.*", w)]
            hops.append("/".join(dict.fromkeys(seen)) or "*")
    return hops


class Pair:
    def __init__(self, source, destination):
        self.source, self.destination = source["name"], destination["name"]
        told = ctl("explain", "--json", self.source, self.destination)
        self.hops = [hop["hop"] or "*" for hop in told["forward"]]
        self.ttl = told["pingTtl"]
        if not told["reachable"]:
            self.hops += ["*"] * BEYOND
        enter(self.source)
        self.trace = start("traceroute", "-n", "-I", "-q", "2", "-w", "1", "-m",
                           str(len(self.hops) + BEYOND * told["reachable"]), destination["address"])
        self.ping = start("ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", destination["address"])

    def keep(self, what, text):
        if ARGUMENTS.directory:
            with open("%s/%s.%s%s" % (ARGUMENTS.directory, self.source, self.destination, what), "w") as file:
                file.write(text)
        return text

    def difference(self):
        hops = read_hops(self.keep("", self.trace.communicate(timeout=60)[0]))
        ping = self.keep(".ping", self.ping.communicate(timeout=60)[0])
        seen = {int(ttl) for ttl in re.findall(r"ttl=(\d+)", ping)}
        wrong = []
        if hops != self.hops:
            wrong.append("hops %s, predicted %s" % (" ".join(hops), " ".join(self.hops)))
        if seen != ({self.ttl} if self.ttl else set()):
            wrong.append("ttl %s, predicted %s" % (sorted(seen), self.ttl))
        if "nreachable" in ping:
            wrong.append("ping hears of an unreachable destination")
        return "; ".join(wrong)


def main():
    hosts = find_lab(ctl("status", "--json"))["hosts"]
    pairs = [Pair(*pair) for pair in itertools.permutations(hosts, 2)]
    differ = 0
    for pair in pairs:
        difference = pair.difference()
        if difference:
            print("%s > %s: %s" % (pair.source, pair.destination, difference))
            differ += 1
    talk = sum(pair.ttl is not None for pair in pairs)
    print("%s: %d pairs, %d reachable, %d differ" % (" ".join(ARGUMENTS.words) or LAB, len(pairs), talk, differ))
    sys.exit(differ > 0 or not pairs)


if __name__ == "__main__":
    main()
