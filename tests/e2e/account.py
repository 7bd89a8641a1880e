#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Adds up what a lab has counted since it was loaded; every packet must be somewhere.

usage: account.py LAB

Per device: received = forwarded + answered + dropped, and what is dropped has
reasons. Per direction of a link: sent = received by the peer + lost, where the
peer may be a host, whose kernel counts for itself; over a wire, what that has
dropped as well. Paths: no port holds packets back that its paths do not show. Waits until nothing but hellos
moves; prints the sums that are still wrong after a minute (exit code 1) and how much was added up.
"""
import json
import os
import subprocess
import sys
import time

LAB = sys.argv[1]
PATIENCE = 60  # seconds; reading a lab takes some of them on a busy machine


def run_tool(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=30).stdout


def run(*command):
    return run_tool(os.environ["ERXDPCTL"], *command)


def find_lab(status):
    if status.get("lab") == LAB:
        return status
    return next(lab for lab in status["labs"] if lab["lab"] == LAB)


def read_host(name):
    """Packets in and out of eth0, as the host's kernel has counted them."""
    lines = run("exec", "--lab", LAB, name, "--", "cat", "/proc/net/dev").decode().splitlines()
    words = next(line.split(":")[1].split() for line in lines if line.strip().startswith("eth0:"))
    return {"in": int(words[0 + 1]), "out": int(words[8 + 1])}


def read():
    status = find_lab(json.loads(run("status", "--json", "--lab", LAB)))
    counters = json.loads(run("counters", "--json", "--lab", LAB))
    return status, counters, {host["name"]: read_host(host["name"]) for host in status["hosts"]}


def without_hellos(counters):
    """They never rest, and are in none of these."""
    devices = [{name: value for name, value in device.items() if name != "hellos"} for device in counters["devices"]]
    return devices, [{name: value for name, value in link.items() if name != "wire"} for link in counters["links"]]


def check_device(device, drops):
    reasons = sum(d["packets"] for d in drops if d["device"] == device["device"] and d["reason"] != "lost-in-port")
    ends = device["forwarded"] + sum(device["answered"].values()) + device["dropped"]
    if device["received"] != ends:
        yield "%s: received %d, but forwarded + answered + dropped = %d" % (device["device"], device["received"], ends)
    if device["dropped"] != reasons:
        yield "%s: dropped %d, but for reasons %d" % (device["device"], device["dropped"], reasons)


def check_wire(link):
    """Hellos and what somebody injects cross a wire, too, and may be lost there."""
    wire, name = link["wire"], "%s from %s" % (link["link"], link["from"])
    if link["sent"] - wire["before"] - link["lost"] + wire["injected"] != wire["received"]:
        yield "%s: sent %d - %d before - lost %d + injected %d, but its wire received %d" % (
            name, link["sent"], wire["before"], link["lost"], wire["injected"], wire["received"])
    # What is neither dropped for a reason nor received by the peer, each counted by another than the rest.
    if wire["inFlight"]:
        yield "%s: nothing moves, but %d are in flight: %s" % (name, wire["inFlight"], wire)


def check_direction(link, hosts):
    peer = link["link"].split(":")[1]
    arrived = link["receivedByPeer"] if "receivedByPeer" in link else hosts[peer]["in"]
    if "wire" in link:
        yield from check_wire(link)
    elif link["sent"] != arrived + link["lost"]:
        yield "%s from %s: sent %d, but received %d + lost %d" % (link["link"], link["from"], link["sent"], arrived,
                                                                  link["lost"])


def check_host(name, links, hosts):
    link = next(l for l in links if l["name"].split(":")[1] == name)
    if link["received"] != hosts[name]["out"]:
        yield "%s sent %d, but its device received %d" % (name, hosts[name]["out"], link["received"])


def check_bursts():
    dump = json.loads(run_tool("bpftool", "-j", "map", "dump", "pinned", f"/sys/fs/bpf/erxdp/{LAB}/erx_port_counts"))
    held = sum(cpu["value"]["burst"]["packets"] for entry in dump for cpu in entry["formatted"]["values"])
    if held:
        yield "nothing moves, but %d packets are in bursts of the ports and not in their paths" % held


def sums(status, counters, hosts):
    """What is wrong with them."""
    for device in counters["devices"]:
        yield from check_device(device, counters["drops"])
    for link in counters["links"]:
        yield from check_direction(link, hosts)
    for name in hosts:
        yield from check_host(name, status["links"], hosts)
    yield from check_bursts()


def main():
    end = time.monotonic() + PATIENCE
    last = wrong = None
    while wrong != [] and time.monotonic() < end:
        time.sleep(0.3)
        status, counters, hosts = read()
        now = without_hellos(counters), hosts
        # A hello may be on a wire at that moment: what was counted wrong stays so.
        wrong = list(sums(status, counters, hosts)) if now == last else None
        last = now
    wrong = ["the lab does not become quiet"] if wrong is None else wrong
    print("\n".join(wrong + ["%s: %d packets in %d devices, %d dropped, %d lost in ports, %d sums wrong" % (
        LAB, sum(d["received"] for d in counters["devices"]), len(counters["devices"]),
        sum(d["dropped"] for d in counters["devices"]), sum(d["lost"] for d in counters["devices"]), len(wrong))]))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
