# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""BIRD processes in a network namespace of their own, and what they know."""
import ctypes
import os
import re
import signal
import socket
import subprocess
import time

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
HOPS = "198.18.0.0/15"  # what next hops are turned into: neighbours on the one interface of the namespace


def new_namespace():
    """Without a name: it goes with the last process in it, however that ends."""
    if LIBC.unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")


def ip(*commands):
    subprocess.run(["ip", "-batch", "-"], input="\n".join(commands), text=True, check=True, capture_output=True)


def set_up_namespace(addresses):
    ip("link set lo up", "link add d0 type veth peer name d1", "link set d0 up", "link set d1 up",
       "address add 198.18.0.1/15 dev d0", *[f"address add {a}/32 dev d0" for a in sorted(set(addresses))])


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Bird:
    """One daemon. Files go to directory/name.*"""

    def __init__(self, directory, name, config):
        self.path = os.path.join(directory, name)
        with open(self.path + ".conf", "w", encoding="ascii") as out:
            out.write(config)
        self.log = open(self.path + ".err", "w", encoding="ascii")
        self.process = subprocess.Popen(["bird", "-f", "-c", self.path + ".conf", "-s", self.path + ".ctl"],
                                        stdout=self.log, stderr=self.log, preexec_fn=die_with_parent)
        self.control = None

    def stop(self):
        if self.control:
            self.control.close()
        self.process.kill()
        self.process.wait()
        self.log.close()

    def said(self):
        with open(self.path + ".err", encoding="utf-8", errors="replace") as err:
            return err.read().strip()

    def connect(self, patience=10.0):
        end = time.monotonic() + patience
        while True:
            self.control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                self.control.settimeout(30)
                self.control.connect(self.path + ".ctl")
                self.answer()
                return
            except OSError as why:
                self.control.close()
                if self.process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"bird does not start: {self.said()}") from why
                time.sleep(0.02)

    def answer(self):
        """Lines up to the one that closes a reply, whose code has a blank after it."""
        data, lines = b"", []
        while True:
            more = self.control.recv(1 << 16)
            if not more:
                raise ConnectionError(f"bird has gone: {self.said()}")
            data += more
            *complete, data = data.split(b"\n")
            lines += [line.decode() for line in complete]
            if lines and re.match(r"\d{4} ", lines[-1]):
                return lines

    def ask(self, command):
        self.control.sendall(command.encode() + b"\n")
        lines = self.answer()
        if lines[-1][0] in "89":
            raise RuntimeError(f"bird on '{command}': {lines[-1]}")
        return [re.sub(r"^\d{4}[- ]|^ ", "", line) for line in lines]

    def established(self):
        """Names of the BGP protocols that are up."""
        words = [line.split() for line in self.ask("show protocols")]
        return {w[0] for w in words if len(w) > 1 and w[1] == "BGP" and w[-1] == "Established"}

    def routes(self):
        return parse_routes(self.ask("show route all table master4"))

    def merged(self, protocol="kernel1"):
        return parse_routes(self.ask(f"show route export {protocol} all"))


HEAD = re.compile(r"^(\S+/\d+)?\s+(unicast|blackhole|unreachable)\s+\[(\S+) [^]]*\]\s*(\*)?")


def parse_routes(lines):
    """{prefix: [route]}; a route: proto, best, hops, path, local_pref, med."""
    out, prefix, route = {}, None, None
    for line in lines:
        head = HEAD.match(line)
        if head:
            prefix = head.group(1) or prefix
            route = {"proto": head.group(3), "best": bool(head.group(4)), "hops": [], "path": []}
            out.setdefault(prefix, []).append(route)
            continue
        word = line.split()
        if not word or route is None:
            continue
        if word[0] == "via":
            route["hops"].append(word[1])
        elif word[0] == "BGP.as_path:":
            route["path"] = [int(w) for w in word[1:]]
        elif word[0] in ("BGP.local_pref:", "BGP.med:"):
            route[word[0][4:-1]] = int(word[1])
    return out
