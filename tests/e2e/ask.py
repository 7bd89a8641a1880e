#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Requests that a controller must refuse, each with a reason, and go on living.

usage: ask.py /run/erxdp/LAB
"""
import json
import socket
import sys
import time

BAD = [  # socket, line, what the answer has to say
    ("read", b"{", "no JSON"),
    ("read", b"[1,2]", '"do"'),
    ("read", b"null", '"do"'),
    ("read", b'"fail"', '"do"'),
    ("read", b"\xff\xfe\x00binary", "no JSON"),
    ("read", b'{"do": 7}', '"do"'),
    ("read", b'{"do": "explode"}', "nothing that can be asked"),
    ("read", b'{"do": "fail", "target": "er1", "how": "down"}', "other socket"),
    ("read", b'{"do": "stop"}', "other socket"),
    ("read", b'{"do": "events", "last": -1}', "how many"),
    ("read", b'{"do": "events", "last": "all"}', "how many"),
    ("change", b'{"do": "fail"}', '"target"'),
    ("change", b'{"do": "fail", "target": "er1", "how": "loudly"}', "no way to fail"),
    ("change", b'{"do": "fail", "target": "er77", "how": "down"}', "nothing that can fail"),
    ("change", b'{"do": "fail", "target": 5, "how": []}', '"target"'),
    ("change", b'{"do": "fail", "target": "hub", "how": "maintenance"}', "nothing that can fail"),
    ("change", b'{"do": "restore", "target": "er77"}', "nothing that can fail"),
    ("change", b'{"do": "fastpath", "connection": "hub-er1"}', '"on"'),
    ("change", b'{"do": "fastpath", "connection": "hub-loc1-vpn", "on": true}', "ExpressRoute"),
    ("read", b'{"do": "borrow", "connections": ["hub-er1"]}', "other socket"),
    ("change", b'{"do": "borrow"}', '"connections"'),
    ("change", b'{"do": "borrow", "connections": []}', '"connections"'),
    ("change", b'{"do": "borrow", "connections": ["hub-er1", 7]}', '"connections"'),
    ("change", b'{"do": "borrow", "connections": ["hub-loc1-vpn"]}', '"connections"'),
    ("change", b'{"do": "switch"}', '"on"'),
    ("change", b'{"do": "switch", "on": true}', "lent to you"),
    ("change", b'{"do": "give-back"}', "lent to you"),
    ("change", b'{"do": "fail", "target": "' + b"x" * 3000 + b'", "how": "down"}', "nothing that can fail"),
    ("change", b"x" * 70000, "65536 bytes"),
]


def connect(directory, which):
    for _ in range(100):  # a full queue is emptied soon
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(10)
        try:
            sock.connect("%s/%s.sock" % (directory, which))
            return sock
        except BlockingIOError:
            sock.close()
            time.sleep(0.01)
    raise OSError("nobody accepts")


def answer(sock, line):
    sock.sendall(line + b"\n")
    return json.loads(sock.makefile("rb").readline())


def main():
    directory, failed = sys.argv[1], 0
    for which, line, expected in BAD:
        with connect(directory, which) as sock:
            try:
                said = answer(sock, line)
            except (OSError, ValueError) as problem:
                said = {"error": "no answer: %s" % problem}
        if said.get("ok") is not False or expected not in said["error"]:
            failed += 1
            print("%r: %r, expected %r" % (line[:60], said, expected))
    # Half a line, nobody who reads, more clients than there is room for.
    crowd = []
    for _ in range(100):
        try:
            crowd.append(connect(directory, "read"))
            crowd[-1].sendall(b'{"do": "events", "follow": true, "last": 4096}\n{"do"')
        except OSError:
            pass
    # Who changes something is not kept out by them.
    with connect(directory, "change") as sock:
        said = answer(sock, b'{"do": "restore", "target": "er77"}')
    if "nothing that can fail" not in said.get("error", ""):
        failed += 1
        print("in the crowd: %r" % said)
    for sock in crowd:
        sock.close()
    with connect(directory, "read") as sock:
        said = answer(sock, b'{"do": "status", "id": [1]}')
    if not said.get("ok") or said.get("id") != [1]:
        failed += 1
        print("after the crowd: %r" % said)
    return failed > 0


sys.exit(main())
