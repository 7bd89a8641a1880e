#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Changed copies of topologies/interop.yaml: what a list of hops could not follow.

usage: variant.py VARIANT LAB INTEROP.yaml > COPY.yaml

A change that no longer finds its place in the file is an error, so that no
variant turns into the original unnoticed. The entries under 'expect' are cut
off: they describe the original.
"""
import re
import sys

# Letters as in the list of counterfactuals; each change is (old, new).
ADVERTISE = "advertise: [10.2.30.0/25"
PRIMARY = "customerEdge: {primary: loc1-ce1,"
CHANGES = {
    # The customer's router also advertises its link to Microsoft ...
    "a": [(ADVERTISE, ADVERTISE + ", 192.168.30.16/30")],
    # ... and the one to its switch.
    "b": [(ADVERTISE, ADVERTISE + ", 192.168.30.16/30, 192.168.30.0/31")],
    # The hub's subnet lets ICMP errors in from any private address.
    "c": [("default: 10.10.30.0/25", "default: {addressPrefix: 10.10.30.0/25, icmpErrorCheck: private}")],
    # The tunnel's address is in no prefix that anybody advertises.
    "d": [("tunnelInterface: 10.2.30.125/32", "tunnelInterface: 172.31.30.1/32"),
          ("bgpPeeringAddress: 10.2.30.125", "bgpPeeringAddress: 172.31.30.1")],
    # Defaults of later years.
    "e": [('profile: "2018"', 'profile: "current"')],
    # The customer's primary link is shut.
    "f": [(PRIMARY, "customerEdge: {primary: {router: loc1-ce1, link: down},")],
    # Nothing keeps its name, address, AS number or hash: see rename().
    "g": [],
}

NAMES = {"hub": "core", "spoke": "leaf", "branch": "depot", "remote": "afar", "loc1": "plant", "loc2": "office",
         "er1": "blue", "er2": "green", "ce1": "edgea", "ce2": "edgeb"}
PREFIXES = {"10.10.30": "172.20.41", "10.11.30": "10.77.5", "10.17.30": "172.24.9", "10.2.30": "10.150.7",
            "10.1.31": "172.29.13", "192.168.30": "10.253.1", "192.168.31": "10.253.2", "52.168.162": "20.40.60",
            "203.0.113": "198.51.100", "66.198.12": "192.0.2"}
NUMBERS = {"65021": "64999", "65020": "65001", "65516": "65033", "vlanId: 300": "vlanId: 411",
           "vlanId: 310": "vlanId: 417", "hashSeed: 0": "hashSeed: 77"}
# Hosts and switches get other places on their networks too.
PLACES = {"172.20.41.4": "172.20.41.9", "10.77.5.4": "10.77.5.21", "10.77.5.68": "10.77.5.72",
          "172.24.9.4": "172.24.9.30", "10.150.7.10": "10.150.7.66", "172.29.13.10": "172.29.13.99",
          "10.150.7.3": "10.150.7.5", "172.29.13.3": "172.29.13.6", "10.150.7.125": "10.150.7.120"}


def substitute(text, table, pattern):
    keys = "|".join(re.escape(key) for key in sorted(table, key=len, reverse=True))
    seen = set()

    def new(match):
        seen.add(match.group(0))
        return table[match.group(0)]

    text = re.sub(pattern % keys, new, text)
    missing = set(table) - seen
    if missing:
        sys.exit("variant.py: not found: %s" % ", ".join(sorted(missing)))
    return text


def rename(text):
    text = substitute(text, NUMBERS, r"\b(?:%s)\b")
    text = substitute(text, PREFIXES, r"\b(?:%s)(?=\.\d)")
    text = substitute(text, PLACES, r"\b(?:%s)\b")
    # 'hub' inside 'hub-ergw', not inside another word.
    return substitute(text, NAMES, r"(?<![A-Za-z0-9])(?:%s)(?![A-Za-z0-9])")


def main():
    variant, lab, path = sys.argv[1:]
    with open(path) as file:
        text = file.read()
    text = re.sub(r"(?m)^ *#.*\n", "", text.split("\nexpect:")[0] + "\n")
    for old, new in CHANGES[variant]:
        if text.count(old) != 1:
            sys.exit("variant.py: '%s' is there %d times" % (old, text.count(old)))
        text = text.replace(old, new)
    if variant == "g":
        text = rename(text)
    sys.stdout.write(re.sub(r"(?m)^name:.*", "name: " + lab, text))


if __name__ == "__main__":
    main()
