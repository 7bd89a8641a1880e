#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How long packets are lost after a carrier loss: erxdp, BIRD and FRR.

usage: failover.py [--runs N] [--routes N,N] [--rate N] [--only NAME,NAME] [--json FILE]

One flow of numbered datagrams goes through two routers that have two links between
them and a BGP session on each; then the far end of the link in use is set down. What
counts is when the last datagram was sent that got lost, reckoned from the moment the
command was given. Who runs is in turn, so that a busy minute hits all.

  erxdp   a lab with one circuit; the link between the customer's router and the
          edge router. erxdpd notices and switches the next-hop group.
  BIRD    kernel forwarding; BIRD's BGP with carrier check and BFD (300 ms x 3).
  FRR     kernel forwarding; zebra, bgpd and bfdd, likewise.

The far router is BIRD in both of the last two. Their flow goes to 32 addresses in
as many of the prefixes: the kernel's routes are rewritten one after the other, and
the last one counts. In erxdp all prefixes share the group, so one address tells.
"""
import argparse
import array
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from namespaces import Named, Namespace, bird  # noqa: E402

BUILD = os.path.join(HERE, "../../build")
FLOW = os.path.join(BUILD, "bench-flow")
CTL = os.environ.get("ERXDPCTL", os.path.join(BUILD, "erxdpctl"))
FRR = "/usr/lib/frr"
PORT = 5000
SPREAD = 32
BEFORE, AFTER = 1.0, 3.0  # seconds of flow on either side of the loss


class Kernel:
    """host - near - two links - far - host, as namespaces; the daemons are the subclasses'."""

    index = 100

    def __init__(self, directory, routes):
        self.directory, self.routes = directory, routes
        self.host, self.near, self.far, self.server = (Namespace() for _ in range(4))
        self.processes = []
        self.far_bird = None
        self.join(self.host, "10.0.0.1/24", self.near, "10.0.0.2/24", "lan")
        self.join(self.near, "10.1.1.1/24", self.far, "10.1.1.2/24", "a")
        self.join(self.near, "10.1.2.1/24", self.far, "10.1.2.2/24", "b")
        self.join(self.far, "10.2.0.2/24", self.server, "10.2.0.1/24", "dc")
        self.host.ip("route add default via 10.0.0.2")
        self.far.ip("route add 20.0.0.0/8 via 10.2.0.1", "route add 10.0.0.0/24 via 10.1.2.1")
        self.server.ip("route add default via 10.2.0.2", "route add local 20.0.0.0/8 dev lo")
        for router in (self.near, self.far):
            router.set("ipv4/ip_forward", 1)
            router.set("ipv4/conf/all/rp_filter", 0)

    def join(self, a, address_a, b, address_b, name):
        """Interface indexes that differ: with equal ones Linux is up to a second late with a loss of carrier."""
        Kernel.index += 2
        a.ip("link set lo up", f"link add name {name} index {self.index} type veth peer name x{name} index {self.index + 1}",
             f"link set dev x{name} netns {b.holder.pid}", f"address add {address_a} dev {name}", f"link set dev {name} up")
        b.ip("link set lo up", f"link set dev x{name} name {name}", f"address add {address_b} dev {name}",
             f"link set dev {name} up")

    def prefixes(self):
        return [f"20.{i >> 8}.{i & 255}.0/24" for i in range(self.routes)]

    def addresses(self):
        chosen = random.sample(self.prefixes(), min(SPREAD, self.routes))
        return [p.replace(".0/24", ".1") for p in chosen]

    def start_far(self):
        lines = ["router id 10.2.0.2;", "log stderr { error, fatal, bug };", "protocol device { }",
                 BIRD_BFD, "protocol static own {", "  ipv4;", *[f"  route {p} blackhole;" for p in self.prefixes()], "}"]
        for name, net in (("a", "10.1.1"), ("b", "10.1.2")):
            lines += [f"protocol bgp {name} {{ local {net}.2 as 65002; neighbor {net}.1 as 65001; direct;", BIRD_TIMERS,
                      "  bfd on; ipv4 { import none; export where source = RTS_STATIC; }; }"]
        self.far_bird = self.bird(self.far, "far", lines)

    def bird(self, namespace, name, lines):
        path = os.path.join(self.directory, name)
        with open(path + ".conf", "w", encoding="ascii") as out:
            out.write("\n".join(lines) + "\n")
        self.processes.append(namespace.start("bird", "-f", "-c", path + ".conf", "-s", path + ".ctl",
                                              stderr=subprocess.DEVNULL))

    def routes_in_kernel(self):
        out = subprocess.run(["ip", "route", "show"], capture_output=True, text=True, preexec_fn=self.near.enter,
                             pass_fds=[self.near.fd], check=True).stdout
        return sum(line.startswith("20.") and "dev a" in line for line in out.splitlines())

    def wait(self):
        end = time.monotonic() + 60
        while self.routes_in_kernel() < self.routes:
            if time.monotonic() > end:
                raise RuntimeError(f"{self.routes_in_kernel()} of {self.routes} routes after 60 s")
            time.sleep(0.2)
        time.sleep(2)  # BFD and the second session

    def cutter(self):
        """`ip` that waits for its command, so that its start is not in the figure."""
        return self.far.start("ip", "-batch", "-", stdin=subprocess.PIPE, text=True), "link set dev a down\n"

    def ends(self):
        return self.host, self.server, self.addresses()

    def close(self):
        for p in self.processes:
            p.kill()
            p.wait()
        for n in (self.host, self.near, self.far, self.server):
            n.close()


BIRD_BFD = "protocol bfd { interface \"*\" { interval 300 ms; multiplier 3; }; }"
BIRD_TIMERS = "  hold time 180; connect delay time 1; connect retry time 1; error wait time 1, 1;"


class Bird(Kernel):
    name = "BIRD"

    def __init__(self, directory, routes):
        super().__init__(directory, routes)
        self.start_far()
        lines = ["router id 10.0.0.2;", "log stderr { error, fatal, bug };", "protocol device { }", BIRD_BFD,
                 "protocol kernel { ipv4 { import none; export where source = RTS_BGP; }; }"]
        for name, net, preference in (("a", "10.1.1", 200), ("b", "10.1.2", 100)):
            lines += [f"protocol bgp {name} {{ local {net}.1 as 65001; neighbor {net}.2 as 65002; direct; check link on;",
                      BIRD_TIMERS, "  bfd on; ipv4 { export none; "
                      f"import filter {{ bgp_local_pref = {preference}; accept; }}; }}; }}"]
        self.bird(self.near, "near", lines)
        self.wait()


class Frr(Kernel):
    name = "FRR"

    def __init__(self, directory, routes):
        super().__init__(directory, routes)
        self.start_far()
        os.chmod(directory, 0o755)
        directory = os.path.join(directory, "frr")
        os.mkdir(directory)
        shutil.chown(directory, "frr", "frr")
        config = os.path.join(directory, "frr.conf")
        with open(config, "w", encoding="ascii") as out:
            out.write(FRR_CONFIG)
        for daemon in ("zebra", "bgpd", "bfdd"):
            self.processes.append(self.near.start(
                os.path.join(FRR, daemon), "-f", config, "-i", f"{directory}/{daemon}.pid",
                "-z", f"{directory}/zserv", "--vty_socket", directory, "-P", "0",
                *(["--bfdctl", f"{directory}/bfdd.sock"] if daemon == "bfdd" else []),
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            time.sleep(0.3)
        self.wait()


FRR_CONFIG = """\
router bgp 65001
 bgp router-id 10.0.0.2
 no bgp ebgp-requires-policy
 neighbor 10.1.1.2 remote-as 65002
 neighbor 10.1.1.2 bfd
 neighbor 10.1.1.2 timers connect 1
 neighbor 10.1.2.2 remote-as 65002
 neighbor 10.1.2.2 bfd
 neighbor 10.1.2.2 timers connect 1
 address-family ipv4 unicast
  neighbor 10.1.1.2 route-map first in
 exit-address-family
!
route-map first permit 10
 set local-preference 200
"""


class Erxdp:
    name = "erxdp"

    def __init__(self, directory, routes):
        self.lab = f"efo{os.getpid()}"
        file = os.path.join(directory, "lab.yaml")
        with open(file, "w", encoding="ascii") as out:
            out.write(LAB.format(name=self.lab, count=routes - 1))
        self.ctl("load", file)

    def ctl(self, *words):
        run = subprocess.run([CTL, *words], capture_output=True, text=True, check=False)
        if run.returncode:
            raise RuntimeError(f"erxdpctl {words[0]}: {run.stderr.strip()[-300:]}")
        return run.stdout

    def ends(self):
        return Named(f"erx-{self.lab}-vm"), Named(f"erx-{self.lab}-pc"), ["10.1.0.10"]

    def cutter(self):
        status = json.loads(self.ctl("status", "--json"))
        namespace, interface = far_interface(status, self.lab)
        return subprocess.Popen(["ip", "-netns", namespace, "-batch", "-"], stdin=subprocess.PIPE, text=True), \
            f"link set dev {interface} down\n"

    def close(self):
        self.ctl("unload", self.lab)


def far_interface(status, lab):
    """Of the link between edge router and customer: the customer's end."""
    loaded = next(entry for entry in status["labs"] if entry["lab"] == lab)
    link = next(link for link in loaded["links"] if link["name"] == "ce1:er1.primary")
    return f"erx-{lab}", next(end["interface"] for end in link["ends"] if end["at"] == "ce1")


LAB = """\
name: {name}
virtualNetworks:
  hub:
    addressSpace: [10.10.0.0/24]
    subnets: {{default: 10.10.0.0/25, GatewaySubnet: 10.10.0.128/27}}
    virtualMachines: {{vm: 10.10.0.4}}
virtualNetworkGateways:
  gw: {{virtualNetwork: hub, gatewayType: ExpressRoute, sku: ErGw3AZ}}
onPremises:
  site:
    lan: 10.1.0.0/24
    switch: {{address: 10.1.0.3}}
    hosts: {{pc: 10.1.0.10}}
    routers:
      ce1: {{asn: 65010, lanInterface: 192.168.1.0/31, prepend: {{er1.secondary: 2}},
            advertise: [10.1.0.0/24, {{first: 20.0.0.0/24, count: {count}}}]}}
expressRouteCircuits:
  er1:
    sku: {{tier: Premium, family: MeteredData}}
    serviceProviderProperties: {{peeringLocation: Amsterdam, bandwidthInMbps: 1000}}
    peerings: {{AzurePrivatePeering: {{peerASN: 65010, vlanId: 100, primaryPeerAddressPrefix: 172.16.0.0/30,
                                      secondaryPeerAddressPrefix: 172.16.0.4/30}}}}
    customerEdge: {{primary: ce1, secondary: ce1}}
connections:
  hub-er1: {{connectionType: ExpressRoute, virtualNetworkGateway1: gw, peer: er1}}
"""


def read_times(file):
    values = array.array("Q")
    with open(file, "rb") as data:
        values.frombytes(data.read())
    return values


def stop(process):
    process.send_signal(signal.SIGTERM)
    if process.wait(timeout=10):
        raise RuntimeError(f"flow ended with {process.returncode}")


def measure(router, directory, rate):
    """{"last": ms after the command, "lost": datagrams}; raises when the flow did not pass at all."""
    sent, arrived = os.path.join(directory, "sent"), os.path.join(directory, "arrived")
    host, server, addresses = router.ends()
    receiver = server.start(FLOW, "receive", arrived, str(PORT))
    time.sleep(0.2)
    sender = host.start(FLOW, "send", sent, str(PORT), str(rate), *addresses)
    try:
        time.sleep(BEFORE)
        cutter, command = router.cutter()
        time.sleep(0.3)
        cut = time.monotonic_ns()
        cutter.stdin.write(command)
        cutter.stdin.close()
        if cutter.wait(timeout=10):
            raise RuntimeError("the link could not be set down")
        time.sleep(AFTER)
    finally:
        stop(sender)
        time.sleep(0.3)
        stop(receiver)
    return judge_flow(read_times(sent), read_times(arrived), cut)


def judge_flow(sent, arrived, cut):
    arrived.extend([0] * (len(sent) - len(arrived)))
    lost = [t for t, a in zip(sent, arrived) if not a]
    before = [t for t in lost if t < cut - 50_000_000]
    if len(before) > len(sent) // 100:
        raise RuntimeError(f"{len(before)} of {len(sent)} datagrams were lost before the link was")
    after = [t for t in lost if t >= cut - 50_000_000]
    late = max((b - a for a, b in zip(sent, sent[1:])), default=0)
    return {"lost": len(after), "last": (after[-1] - cut) / 1e6 if after else 0.0, "senderLate": late / 1e6,
            "recovered": not after or after[-1] < sent[-1] - 500_000_000}


def missing(kind):
    if os.geteuid():
        return "needs root"
    if kind is Erxdp:
        return None if os.path.exists(CTL) else "build/erxdpctl is not built"
    if not shutil.which("bird"):
        return "bird is not installed: apt-get install bird2"
    if kind is Frr and not os.path.exists(f"{FRR}/bgpd"):
        return "frr is not installed: apt-get install frr"
    return None


def run_once(kind, routes, rate):
    with tempfile.TemporaryDirectory(prefix="erxdp-bench-") as directory:
        router = kind(directory, routes)
        try:
            return measure(router, directory, rate)
        finally:
            router.close()


def print_table(results, rate):
    print(f"{rate} packets/s; ms from the carrier loss to the last lost packet")
    print(f"{'':<6} {'routes':>7} {'runs':>5} {'min':>9} {'median':>9} {'max':>9} {'lost (median)':>14}")
    for (name, routes), runs in results.items():
        good = sorted(r["last"] for r in runs if r["recovered"])
        if not good:
            print(f"{name:<6} {routes:>7} {len(runs):>5}   never came back within {AFTER:.0f} s")
            continue
        print(f"{name:<6} {routes:>7} {len(good):>5} {good[0]:>9.1f} {statistics.median(good):>9.1f} {good[-1]:>9.1f} "
              f"{statistics.median(r['lost'] for r in runs if r['recovered']):>14.0f}"
              + (f"   {len(runs) - len(good)} never came back" if len(good) < len(runs) else ""))
    worst = max((r["senderLate"] for runs in results.values() for r in runs), default=0)
    print(f"The sender was at most {worst:.1f} ms late; below that a figure says nothing.")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--routes", default="10,9000")
    parser.add_argument("--rate", type=int, default=10000)
    parser.add_argument("--only", default="erxdp,BIRD,FRR")
    parser.add_argument("--json")
    return parser.parse_args()


def chosen(names):
    for kind in (Erxdp, Bird, Frr):
        why = missing(kind)
        if kind.name not in names:
            continue
        if why:
            print(f"{kind.name}: not measured: {why}")
        else:
            yield kind


def main():
    args = arguments()
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    kinds, results = list(chosen(args.only.split(","))), {}
    for _ in range(args.runs):
        for routes in map(int, args.routes.split(",")):
            for kind in kinds:
                try:
                    result = run_once(kind, routes, args.rate)
                except RuntimeError as why:
                    print(f"{kind.name}, {routes} routes: {why}", file=sys.stderr)
                    continue
                results.setdefault((kind.name, routes), []).append(result)
    print_table(results, args.rate)
    if args.json:
        with open(args.json, "w", encoding="ascii") as out:
            json.dump([{"name": n, "routes": r, "runs": runs} for (n, r), runs in results.items()], out, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
