# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The other side of control.h: tells the shim which call fails, also in a process that runs already."""
import mmap
import os
import struct

MAGIC, CALLS, NAME = 0x65727869, 16384, 112
HEAD = "=IIIiII8x"


class Control:
    """One file for all processes that are started with environment()."""

    def __init__(self, path, shim):
        self.path, self.shim = path, shim
        size = struct.calcsize(HEAD) + CALLS * NAME
        with open(path, "wb") as file:
            file.truncate(size)
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), size)
        self._write(0, 0, 0)

    def _write(self, armed, fail_at, error):
        struct.pack_into(HEAD, self.map, 0, MAGIC, 0, fail_at, error, 0, 0)
        struct.pack_into("=I", self.map, 4, armed)  # last: a process that runs sees the rest by then

    def environment(self):
        return {**os.environ, "LD_PRELOAD": self.shim, "ERXDP_INJECT": self.path, "LC_ALL": "C"}

    def arm(self, n=0, error=0):
        """From now on, the n-th call fails (0: none, they are counted) with this errno (0: one that fits)."""
        self._write(1, n, error)

    def disarm(self):
        """Returns (calls seen, errno of the failed one or 0)."""
        struct.pack_into("=I", self.map, 4, 0)
        _, _, _, error, seen, failed = struct.unpack_from(HEAD, self.map, 0)
        return seen, error if failed else 0

    def name(self, n):
        """Of the n-th call since the shim was armed."""
        at = struct.calcsize(HEAD) + (n - 1) * NAME
        return self.map[at : at + NAME].split(b"\0", 1)[0].decode("utf-8", "replace")
