# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What there is of a lab, read from the kernel and from its run directory, without erxdpctl."""
import ctypes
import json
import os
import platform
import re
import struct
import subprocess

RUN, PINS, NAMES = "/run/erxdp", "/sys/fs/bpf/erxdp", "/run/netns"

# --- Maps: bpf(2) itself, because a dump of the larger ones by bpftool takes seconds ------------------------------------

BPF = {"x86_64": 321, "aarch64": 280, "riscv64": 280}[platform.machine()]
NEXT_KEY, LOOKUP, OBJ_GET, INFO, LOOKUP_BATCH = 4, 1, 7, 15, 24
BLOCK = 256
libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, attr):
    buffer = ctypes.create_string_buffer(attr.ljust(128, b"\0"), 128)
    result = libc.syscall(BPF, command, buffer, 128)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result, buffer.raw


def pinned(path):
    text = ctypes.create_string_buffer(path.encode())
    return bpf(OBJ_GET, struct.pack("=QII", ctypes.addressof(text), 0, 0))[0]


def info(fd):
    """The first words of what the kernel tells about an object: type, id, …"""
    space = ctypes.create_string_buffer(256)
    bpf(INFO, struct.pack("=IIQ", fd, len(space), ctypes.addressof(space)))
    return struct.unpack_from("=5I", space.raw)


def rows(path):
    """(key, value) of an array's rows that are not zero."""
    fd = pinned(path)
    try:
        _, _, _, size, entries = info(fd)
        keys, values = ctypes.create_string_buffer(entries * 4), ctypes.create_string_buffer(entries * size)
        token = ctypes.create_string_buffer(64)
        try:
            bpf(LOOKUP_BATCH, struct.pack("=QQQQIIQQ", 0, *map(ctypes.addressof, (token, keys, values)), entries, fd, 0, 0))
        except FileNotFoundError:
            pass  # that was all of it
    finally:
        os.close(fd)
    raw, zero = values.raw, bytes(size)
    out = []
    for first in range(0, entries, BLOCK):  # most of it is empty
        if raw.count(0, first * size, (first + BLOCK) * size) < BLOCK * size:
            some = ((i, raw[i * size : (i + 1) * size]) for i in range(first, min(first + BLOCK, entries)))
            out += [(struct.pack("=I", i), value) for i, value in some if value != zero]
    return out


def one_by_one(path, size):
    """Entries of a map that is small, per-CPU ones included: size is that of a whole value."""
    fd, out, key = pinned(path), [], ctypes.create_string_buffer(64)
    following, value = ctypes.create_string_buffer(64), ctypes.create_string_buffer(size)
    key_size = info(fd)[2]
    at = 0
    try:
        while True:
            try:
                bpf(NEXT_KEY, struct.pack("=IIQQ", fd, 0, at, ctypes.addressof(following)))
            except FileNotFoundError:
                return out
            key.raw = following.raw
            at = ctypes.addressof(key)
            bpf(LOOKUP, struct.pack("=IIQQ", fd, 0, at, ctypes.addressof(value)))
            out.append((key.raw[:key_size], value.raw))
    finally:
        os.close(fd)


def groups_in_use(path, routes):
    """What a packet meets: the slot that is read, of the groups that a route has."""
    wanted = {value[:4] for _, value in routes}
    out = []
    for key, value in rows(path):
        if key in wanted:
            slot = (len(value) - 4) // 2
            at = 4 + (value[0] & 1) * slot
            if any(value[at : at + slot]):
                out.append((key, value[at : at + slot]))
    return out


def maps(lab):
    at = f"{PINS}/{lab}/erx_"
    routes = one_by_one(at + "routes", 256)
    cpus = os.cpu_count() + 64  # room enough: possible ones may be more than are there
    return {
        "routes": [(key.hex(), value[:4].hex()) for key, value in sorted(routes)],
        "groups": sorted((k.hex(), v.hex()) for k, v in groups_in_use(at + "groups", routes)),
        "ports": [(k.hex(), v.hex()) for k, v in rows(at + "ports")],
        "adjacencies": [(k.hex(), v.hex()) for k, v in rows(at + "adjacencies")],
        "paths": sorted(v.split(b"\0", 1)[0].decode() + " " + v[64:256].split(b"\0", 1)[0].decode()
                        for _, v in one_by_one(at + "paths", 512 * cpus)),
    }


# --- Namespaces --------------------------------------------------------------------------------------------------------


def inside(namespace):
    """Interfaces, addresses, routes and queues there, without what counts or changes by itself."""
    out = subprocess.run(
        ["nsenter", f"--net={NAMES}/{namespace}", "sh", "-c",
         "ip -j -d addr; ip -j route show table all; tc -j qdisc"],
        capture_output=True, text=True, check=True).stdout
    decoder, at, parts = json.JSONDecoder(), 0, []
    while at < len(out):
        part, at = decoder.raw_decode(out, at)
        parts.append(part)
        at += len(out[at:]) - len(out[at:].lstrip())
    keep = ("ifindex", "ifname", "flags", "mtu", "qdisc", "operstate", "group", "address", "ifalias",
            "link_index", "num_tx_queues", "num_rx_queues")
    interfaces = [{**{k: i[k] for k in keep if k in i},
                   "addresses": [f"{a['local']}/{a['prefixlen']}" for a in i["addr_info"]]} for i in parts[0]]
    return {"interfaces": interfaces, "routes": parts[1], "queues": sorted(str((q["kind"], q.get("dev"), q.get("options"))) for q in parts[2])}


def files_of(lab):
    """What is kept, but the log, the controller's number (see identity()) and since when each session is as it is."""
    out = {}
    for name in sorted(os.listdir(f"{RUN}/{lab}")):
        path = f"{RUN}/{lab}/{name}"
        if os.path.isfile(path) and name not in ("log", "controller"):
            with open(path, encoding="utf-8") as file:
                out[name] = re.sub(r"(?m)^(since .*) [0-9]+$", r"\1", file.read())
    return out


def under(top):
    return sorted(os.path.relpath(os.path.join(at, name), top)
                  for at, dirs, files in os.walk(top) for name in dirs + files)


def namespaces():
    return sorted(os.listdir(NAMES)) if os.path.isdir(NAMES) else []


def processes():
    """Of erxdp, in this namespace of processes."""
    out = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                name, state_ = file.read().split("(", 1)[1].rsplit(")", 1)
        except OSError:
            continue  # it has ended meanwhile
        if name.startswith("erxdp") and state_.split()[0] != "Z":
            out.append(name)
    return sorted(out)


def state(lab):
    """All of it that must be the same again; two of these can be compared. None: nothing is there."""
    left = {
        "namespaces": namespaces(),
        "pins": under(PINS) if os.path.isdir(PINS) else [],
        "files": under(RUN) if os.path.isdir(RUN) else [],
        "processes": processes(),
    }
    if not any(left.values()):
        return None
    try:
        left["content"] = files_of(lab)
        left["maps"] = maps(lab)
        left["inside"] = {name: inside(name) for name in left["namespaces"]}
    except (OSError, subprocess.CalledProcessError) as e:
        left["broken"] = str(e)
    return left


def identity(lab):
    """What is not made anew when nothing has to change: namespaces, maps, programs, links and the controller, by their
    numbers."""
    out = {name: os.stat(f"{NAMES}/{name}").st_ino for name in namespaces()}
    if os.path.exists(f"{RUN}/{lab}/controller"):
        with open(f"{RUN}/{lab}/controller", encoding="utf-8") as file:
            out["controller"] = file.read()
    for path in under(f"{PINS}/{lab}") if os.path.isdir(f"{PINS}/{lab}") else []:
        if os.path.isfile(f"{PINS}/{lab}/{path}"):
            fd = pinned(f"{PINS}/{lab}/{path}")
            out[path] = info(fd)[1]
            os.close(fd)
    return out


def differences(before, after, at=""):
    """Lines that say where two states differ."""
    if before == after:
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        return [line for key in {**before, **after}
                for line in differences(before.get(key), after.get(key), f"{at}/{key}")]
    if isinstance(before, str) and isinstance(after, str):
        before, after = before.splitlines(), after.splitlines()
    if isinstance(before, list) and isinstance(after, list):
        gone = [x for x in before if x not in after]
        new = [x for x in after if x not in before]
        return [f"{at}: gone {str(gone)[:600]}, new {str(new)[:600]}"]
    return [f"{at}: was {str(before)[:600]}, is {str(after)[:600]}"]
