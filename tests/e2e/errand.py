#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the controller must not run for a member of the group.

usage: errand.py /run/erxdp/LAB
"""
import json
import os
import socket
import sys


def ask(directory, args, fds):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(30)
        sock.connect(directory + "/read.sock")
        line = json.dumps({"do": "run", "args": args}).encode() + b"\n"
        if fds:
            socket.send_fds(sock, [line], fds)
        else:
            sock.sendall(line)
        return json.loads(sock.makefile("rb").readline())


def run(directory, args):
    out, words = os.pipe(), os.pipe()
    said = ask(directory, args, [out[1], words[1]])
    os.close(out[1])
    os.close(words[1])
    with open(out[0], "rb") as a, open(words[0], "rb") as b:
        return said, a.read(), b.read()


def main():
    directory, failed = sys.argv[1], 0
    lab = os.path.basename(directory)
    for args in (["fail", "er1"], ["unload", lab], ["exec", "hub-vm", "--", "id"], ["--for-member", "fail", "er1"],
                 ["capture", "er1", "-w", "/tmp/no"], ["explain", "-w", "/tmp/no", "hub-vm", "site-vm"]):
        said, out, words = run(directory, args)
        if not said.get("code") or out or not words:
            failed += 1
            print("%s: %s %s %s" % (args, said, out, words))
    said, out, words = run(directory, ["routes", "--lab", lab, "hub-vm"])
    if said.get("code") != 0 or not out or words:
        failed += 1
        print("routes: %s %s %s" % (said, out, words))
    with open("/dev/null", "wb") as null:
        for args, fds in ((["status"], []), (["status"], [null.fileno()] * 2), ("status", []), ([7], []), ([], [])):
            said = ask(directory, args, fds)
            if said.get("ok") is not False:
                failed += 1
                print("%s with %s: %s" % (args, fds, said))
    return failed > 0


sys.exit(main())
