# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A full disk under /run/erxdp, and a full map in a lab that runs."""
import ctypes
import errno
import os
import struct
import subprocess
import time

import lab as look
from bench import LAB, OPERATIONS, Wrong

UPDATE = 2
FULL = "No space left on device"


def refused(bench, command, before, reason):
    """The command is refused for this reason, and the lab stays as it was."""
    code, words = bench.call(command)
    text = " ".join(command)
    if code != 1 or reason not in words or "erxdpctl: " not in words:
        raise Wrong(f"'{text}' ends with {code} and does not say '{reason}':\n{words}")
    if "going back failed" in words:
        raise Wrong(f"'{text}' does not go back:\n{words}")
    lines = bench.is_in(before)
    if lines:
        raise Wrong(f"after '{text}' the lab is not as it was:\n" + "\n".join(lines) + f"\nit said:\n{words}")


# --- Disk --------------------------------------------------------------------------------------------------------------


def fill(path):
    """Every byte that is free, in a file whose name no lab can have."""
    with open(path, "wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue


def full_disk(bench):
    os.makedirs(look.RUN, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "tmpfs", look.RUN], check=True)
    filler, tried = f"{look.RUN}/.filler", []
    try:
        for operation in ("load", "apply", "fail", "silent", "restore", "fastpath"):
            command, before, after, back = OPERATIONS[operation]
            bench.learn(operation)
            fill(filler)
            bench.states[before] = look.state(LAB)  # with that file
            refused(bench, command, before, FULL)
            os.remove(filler)
            bench.must(command)
            lines = bench.is_in(after)
            if lines:
                raise Wrong(f"with space again, '{operation}' does not do it:\n" + "\n".join(lines))
            tried.append(operation)
        bench.reach("loaded")
        fill(filler)
        bench.must(["unload", LAB])
        tried.append("unload")
    finally:
        if os.path.exists(filler):
            os.remove(filler)
        bench.call(["unload", LAB])
        subprocess.run(["umount", look.RUN], check=True)
    return "refused with the disk full, done when it was not: " + ", ".join(tried)


# --- Map ---------------------------------------------------------------------------------------------------------------


def fill_map(path, value_size):
    """Entries with keys from the end on, until there is no more room. Returns the keys."""
    fd = look.pinned(path)
    key, value = ctypes.create_string_buffer(4), ctypes.create_string_buffer(value_size)
    added = []
    try:
        for number in range(0xFFFFFFFF, 0, -1):
            key.raw = struct.pack("=I", number)
            attr = struct.pack("=IIQQQ", fd, 0, ctypes.addressof(key), ctypes.addressof(value), 0)
            try:
                look.bpf(UPDATE, attr)
            except OSError as e:
                if e.errno == errno.ENOMEM:  # the kernel's reserve for such entries is filled up in the background
                    time.sleep(0.002)
                    continue
                return added
            added.append(key.raw)
    finally:
        os.close(fd)
    return added


def full_map(bench):
    """The path counters, the one map with room for what is used only: arrays are refused before anything is made."""
    bench.learn("apply")
    count = len(fill_map(f"{look.PINS}/{LAB}/erx_paths", 512 * (os.cpu_count() + 64)))
    if count < 1000:
        raise Wrong(f"only {count} entries were added to erx_paths, so it was not full")
    refused(bench, ["load", "changed"], "loaded", "the map is full")
    bench.must(["load", "changed"])
    lines = bench.is_in("changed")
    if lines:
        raise Wrong("with room again, load does not do it:\n" + "\n".join(lines))
    bench.must(["unload", LAB])
    return f"refused with {count} foreign entries in erx_paths, done when they were gone"
