#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Damage one entry of a map of a lab by hand, or undo that.

usage: mapedit.py LAB MAP change OFFSET SAVED   flip a bit of that byte of an entry that is not zero
       mapedit.py LAB MAP delete SAVED          take an entry away
       mapedit.py SAVED                         as before
"""
import json
import subprocess
import sys


def bpftool(*words):
    return subprocess.run(["bpftool", "-j", "map", *words], check=True, stdout=subprocess.PIPE).stdout


def update(path, key, value):
    bpftool("update", "pinned", path, "key", *key, "value", *value)


def pick(path):
    """The first entry that says something: key and value as words of bpftool, which takes seconds to dump a large map."""
    at = []
    while True:
        key = json.loads(bpftool("getnext", "pinned", path, *at))["next_key"]
        at = ["key", *key]
        try:
            entry = json.loads(bpftool("lookup", "pinned", path, *at))
        except subprocess.CalledProcessError:
            continue  # a place in a table of interfaces where none is
        value = entry.get("value") or entry["values"][0]["value"]
        if any(int(byte, 16) for byte in value):
            return key, value


def main():
    if len(sys.argv) == 2:
        with open(sys.argv[1], encoding="ascii") as saved:
            update(*json.load(saved))
        return
    path, what, saved = "/sys/fs/bpf/erxdp/%s/%s" % (sys.argv[1], sys.argv[2]), sys.argv[3], sys.argv[-1]
    key, value = pick(path)
    with open(saved, "w", encoding="ascii") as out:
        json.dump([path, key, value], out)
    if what == "delete":
        bpftool("delete", "pinned", path, "key", *key)
        return
    at = int(sys.argv[4])
    value[at] = "0x%02x" % (int(value[at], 16) ^ 1)
    update(path, key, value)


if __name__ == "__main__":
    main()
