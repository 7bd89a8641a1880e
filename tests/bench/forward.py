#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What forwarding costs: erxdp beside the kernel, an XDP router by bpf_fib_lookup, and a bare redirect.

usage: forward.py [--quick] [--runs N] [--seconds S] [--targets N,N] [--only SYSTEM,SYSTEM] [--devices K,K] [--json FILE]

Between a client and a server lie K devices, each boundary a veth pair with the same
queues. In turn, each system gets the same packets of 64 bytes as fast as they can be
had, once as XDP frames, once from a socket, and a sink at the server counts them.

Generator, chain and sink run on one CPU, ahead of whatever else wants it: ns per packet
is what one core spends on all three, and the row K=0 (the client joined to the server)
what generator, sink and one veth pair cost by themselves.

  erxdp    tests/bench/forward.yaml, loaded as `erxdpctl load` does it. The ways: 'vnet',
           'peering', past the gateway ('fastpath') and through it ('gateway').
  limits   the same with the limits of circuits and gateways, set so high that none is reached.
  fib      a namespace per router; XDP, bpf_fib_lookup and nothing else.
  kernel   a namespace per router; ip_forward=1, no netfilter.
  bare     writes MAC addresses and redirects to a fixed port.
"""
import argparse
import contextlib
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from namespaces import Named, Namespace  # noqa: E402

BUILD = os.path.join(HERE, "../../build")
FORWARD = os.path.join(BUILD, "bench-forward")
CTL = os.environ.get("ERXDPCTL", os.path.join(BUILD, "erxdpctl"))
QUEUES = os.sysconf("SC_NPROCESSORS_CONF")
DEVICES = 5
TTL = 64
XDP_NATIVE = 1  # of `ip -j link`
RR_PORT = 5001
MAX_OTHERS = 60000
FLOWS = (1, 8)
BOTH_WAYS = 4  # the number of devices where erxdp's way back is as long as the way there


class Case:
    """One way from a client to a server, K devices long."""

    def __init__(self, system, k, way, client, server, **kwargs):
        self.system, self.k, self.way = system, k, way
        self.client, self.server = client, server  # namespaces
        self.client_dev, self.server_dev = kwargs.pop("client_dev", "eth0"), kwargs.pop("server_dev", "eth0")
        self.src, self.dst, self.many = kwargs.pop("src"), kwargs.pop("dst"), kwargs.pop("many")
        self.mac, self.ttl = kwargs.pop("mac", "02:00:00:00:00:01"), kwargs.pop("ttl")
        assert not kwargs

    def name(self):
        return f"{self.system} K={self.k} {self.way}".strip()

    def ends(self):
        return (self.client, self.client_dev), (self.server, self.server_dev)

    def smac(self):
        return mac_of(self.client, self.client_dev)

    def words(self, kind, targets, seconds, rate=0):
        return [f"from={self.client.path}:{self.client_dev}", f"to={self.server.path}:{self.server_dev}", f"src={self.src}",
                f"dst={self.many if targets > 1 else self.dst}", f"mac={self.mac}", f"smac={self.smac()}", f"input={kind}",
                f"targets={targets}", f"seconds={seconds}", f"rate={rate}"]

    def run(self, kind, targets, seconds):
        """One run; the JSON of `bench-forward run`."""
        return json.loads(tool("run", *self.words(kind, targets, seconds)))


def tool(*words):
    run = subprocess.run([FORWARD, *words], capture_output=True, text=True, check=False)
    if run.returncode:
        raise RuntimeError(run.stderr.strip() or f"{' '.join(words)}: ended with {run.returncode}")
    return run.stdout


def mac_of(namespace, dev, known={}):  # pylint: disable=dangerous-default-value
    key = namespace.path, dev
    if key not in known:
        known[key] = json.loads(namespace.run("ip", "-j", "link", "show", dev))[0]["address"]
    return known[key]


class Chain:
    """Namespaces and veth pairs of our own; what forwards in them is the subclasses'."""

    native = True  # XDP at every port in the middle
    index = 200  # of interfaces: no two are equal, so that one devmap serves all namespaces

    def __init__(self, targets, devices):
        if targets > MAX_OTHERS:
            raise RuntimeError(f"the chains beside erxdp have room for {MAX_OTHERS} targets; take --only erxdp")
        self.targets, self.devices, self.namespaces, self.hosts, self.cases = targets, (*devices, 0), [], [], []

    def build(self):
        raise NotImplementedError

    def namespace(self):
        ns = Namespace()
        self.namespaces.append(ns)
        ns.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
        ns.ip("link set lo up")
        return ns

    def join(self, a, name_a, b, name_b):
        """A veth pair with as many queues as erxdp's, where hosts send by one; returns the indexes of its ends."""
        Chain.index += 2
        of_a, of_b = (f"numtxqueues {1 if ns in self.hosts else QUEUES} numrxqueues {QUEUES}" for ns in (a, b))
        a.ip(f"link add {name_a} index {self.index} {of_a} type veth peer name x{self.index} index {self.index + 1} {of_b}",
             f"link set dev x{self.index} netns {b.holder.pid}", f"link set {name_a} mtu 1500 up")
        b.ip(f"link set dev x{self.index} name {name_b}", f"link set {name_b} mtu 1500 up")
        return self.index, self.index + 1

    def host(self):
        self.hosts.append(self.namespace())
        return self.hosts[-1]

    def set_up_end(self, ns, dev):
        """As erxdp does it."""
        ns.run("tc", "qdisc", "add", "dev", dev, "root", "pfifo", "limit", "1000")
        ns.run("ethtool", "-K", dev, "tx", "off", "gro", "on")

    def middle(self):
        return [ns for ns in self.namespaces if ns not in self.hosts]

    def prepare(self, kind):
        """Before a run with this kind of input."""

    def close(self):
        for ns in self.namespaces:
            ns.close()


class Routers(Chain):
    """client - r1 - ... - r5, and a server behind each router: K devices end at server K."""

    def build(self):
        client = self.host()
        routers = [self.namespace() for _ in range(DEVICES)]
        servers = [self.host() for _ in range(DEVICES)]
        self.ports = []
        before, near = client, "10.200.0.10/16"
        for i, (router, server) in enumerate(zip(routers, servers), 1):
            self.link(before, "eth0" if i == 1 else "next", near, router, "back", "10.200.0.1/16" if i == 1 else f"192.168.{i}.2/30")
            self.link(router, "tap", f"10.{200 + i}.0.1/16", server, "eth0", f"10.{200 + i}.0.4/16")
            self.ports += [(router, "back"), (router, "tap")] + ([(before, "next")] if i > 1 else [])
            before, near = router, f"192.168.{i + 1}.1/30"
        client.ip("route add default via 10.200.0.1")
        for i, router in enumerate(routers, 1):
            self.set_up_router(i, router)
            servers[i - 1].ip(f"route add default via 10.{200 + i}.0.1")
        for host in self.hosts:
            self.set_up_end(host, "eth0")
        for k, server in enumerate(servers, 1):
            if k in self.devices:
                self.cases.append(Case(self.system, k, "", client, server, src="10.200.0.10", dst=f"10.{200 + k}.0.4",
                                       many=f"10.{200 + k}.1.0", mac=mac_of(routers[0], "back"), ttl=TTL - k))
        self.start()

    def link(self, a, dev_a, address_a, b, dev_b, address_b):
        self.join(a, dev_a, b, dev_b)
        for ns, dev, own, far, far_ns, far_dev in ((a, dev_a, address_a, address_b, b, dev_b),
                                                   (b, dev_b, address_b, address_a, a, dev_a)):
            ns.ip(f"address add {own} dev {dev}",
                  f"neigh replace {far.split('/')[0]} lladdr {mac_of(far_ns, far_dev)} dev {dev} nud permanent")

    def set_up_router(self, i, router):
        """Ways onward and back, and a host route for each of many targets."""
        router.set("ipv4/ip_forward", 1)
        router.set("ipv4/conf/all/rp_filter", 0)
        lines = [f"route add 10.200.0.0/16 via 192.168.{i}.1"] if i > 1 else []
        lines += [f"route add 10.{200 + k}.0.0/16 via 192.168.{i + 1}.2" for k in range(i + 1, DEVICES + 1)]
        for k in range(i, DEVICES + 1):
            hop = f"10.{200 + k}.0.4" if k == i else f"192.168.{i + 1}.2"
            lines += [f"route add 10.{200 + k}.{1 + (t >> 8)}.{t & 255}/32 via {hop}" for t in range(self.targets)]
        router.ip(*lines)


class Kernel(Routers):
    system = "kernel"
    native = False

    def start(self):
        self.kind = None
        self.poll(True)

    def poll(self, on):
        """Whether the port where the client's frames come in does GRO, without which it takes no XDP frames."""
        router, dev = self.ports[0]
        router.run("ethtool", "-K", dev, "gro", "on" if on else "off")

    def attach_sinks(self):
        tool("attach", "bench_sink_skb", *[f"{c.server.path}:eth0" for c in self.cases])

    def prepare(self, kind):
        """
        What is cheapest for this input. Frames: a sink in XDP, and GRO at the port where they come in, as a port that
        does not poll takes none. Socket buffers would be copied for that sink and wait for that poll: neither.
        """
        if kind == self.kind:
            return
        self.kind = kind
        self.poll(kind == "frames")
        if kind == "frames":
            tool("attach", "bench_sink", *[f"{c.server.path}:eth0" for c in self.cases])
        else:
            for case in self.cases:
                case.server.run("ip", "link", "set", "dev", "eth0", "xdpdrv", "off")


class Fib(Routers):
    system = "fib"

    def start(self):
        tool("attach", "bench_fib", *[f"{ns.path}:{dev}" for ns, dev in self.ports])

    def attach_sinks(self):
        tool("attach", "bench_sink", *[f"{c.server.path}:eth0" for c in self.cases])


class Bare(Chain):
    """Chains of 0 to 5 in one namespace, as erxdp's are."""

    system = "bare"

    def build(self):
        fabric, client = self.namespace(), self.host()
        redirects, passes = [], []
        for k in sorted(self.devices):
            server = self.host()
            before, dev, came_in = client, f"c{k}", None
            for i in range(1, k + 1):
                out, port = self.join(before, dev, fabric, f"k{k}in{i}")
                if came_in:
                    redirects.append(f"{fabric.path}:k{k}in{i - 1}={out}")
                    passes.append(f"{fabric.path}:{dev}")
                before, dev, came_in = fabric, f"k{k}out{i}", port
            out, _ = self.join(before, dev, server, "eth0")
            if came_in:
                redirects.append(f"{fabric.path}:k{k}in{k}={out}")
                passes.append(f"{fabric.path}:{dev}")
            self.set_up_end(server, "eth0")
            self.set_up_end(client, f"c{k}")
            client.ip(f"address add 10.199.{k}.10/24 dev c{k}",
                      f"neigh add 10.199.{k}.1 lladdr 02:00:00:00:00:01 dev c{k} nud permanent",
                      f"route add 10.{200 + k}.0.0/16 via 10.199.{k}.1")
            self.cases.append(Case("bare" if k else "none", k, "", client, server, client_dev=f"c{k}", src=f"10.199.{k}.10",
                                   dst=f"10.{200 + k}.0.4", many=f"10.{200 + k}.1.0", ttl=TTL))
        tool("attach", "bench_bare", *redirects)
        tool("attach", "bench_pass", *passes)

    def attach_sinks(self):
        tool("attach", "bench_sink", *[f"{c.server.path}:eth0" for c in self.cases])


# The labs that are compared: name, and what forward.yaml says otherwise (pattern, replacement). With limits so high that
# nothing is refused: circuits and gateways count, and the flows of gateways are looked at.
LABS = (
    ("erxdp", ()),
    ("limits", ((r"(?m)^limits: .*", "limits: {scale: 1000}"),)),
)


class Erxdp:
    """A lab. `pins` is where its maps are."""

    native = True

    WAYS = (  # K, way, client, server
        (1, "vnet", "hub-vm1", "hub-vm2"),
        (2, "peering", "hub-vm1", "spoke-vm"),
        (3, "fastpath", "hub-vm1", "fast-vm"),
        (4, "fastpath", "pc", "fast-vm"),
        (4, "gateway", "fast-vm", "hub-vm1"),
        (5, "gateway", "pc", "hub-vm1"),
    )
    ADDRESSES = {"hub-vm1": "10.16.0.4", "hub-vm2": "10.16.0.5", "spoke-vm": "10.32.0.4", "fast-vm": "10.48.0.4",
                 "pc": "10.1.0.10"}
    MANY = {"hub-vm1": "10.16.16.0", "hub-vm2": "10.20.16.0", "spoke-vm": "10.32.16.0", "fast-vm": "10.48.16.0"}

    number = 0

    def __init__(self, targets, devices, name=LABS[0][0], changes=LABS[0][1]):
        self.system, self.cases = name, []
        self.lab = f"erxbench{os.getpid()}" + ("abcdefgh"[Erxdp.number] if Erxdp.number else "")
        Erxdp.number += 1
        self.pins = f"/sys/fs/bpf/erxdp/{self.lab}"
        self.changes, self.targets, self.devices, self.hosts = changes, targets, devices, {}

    def build(self):
        self.load(((r"(?m)^name: .*", f"name: {self.lab}"), *self.changes))
        self.hosts = {name: Named(f"erx-{self.lab}-{name}") for name in self.ADDRESSES}
        self.cases = [self.case(*way) for way in self.WAYS if way[0] in self.devices]

    def attach_sinks(self):
        tool("attach", "bench_sink", *{f"{c.server.path}:eth0" for c in self.cases})
        for case in self.cases if self.targets > 1 else ():
            tool("spread", self.pins, case.dst, case.many, str(self.targets), *self.ports_of_way(case))

    def ports_of_way(self, case):
        """Indexes of the ports that frames of this case come in by: one per device."""
        def read():
            return dict(line.split() for line in tool("ports", self.pins).splitlines())

        before = read()
        case.run("frames", 1, 0.01)
        ports = [index for index, n in read().items() if int(n) - int(before[index]) > 1000]
        if len(ports) != case.k:
            raise RuntimeError(f"{case.name()}: frames came in by {len(ports)} ports")
        return ports

    def load(self, changes):
        with open(os.path.join(HERE, "forward.yaml"), encoding="ascii") as shipped:
            text = shipped.read()
        for pattern, replacement in changes:
            text, n = re.subn(pattern, replacement, text)
            if not n:
                raise RuntimeError(f"forward.yaml has nothing like '{pattern}'")
        with tempfile.NamedTemporaryFile("w", suffix=".yaml", prefix="erxbench") as file:
            file.write(text)
            file.flush()
            self.ctl("load", "--no-controller", file.name)

    def ctl(self, *words):
        run = subprocess.run([CTL, *words], capture_output=True, text=True, check=False)
        if run.returncode:
            raise RuntimeError(f"erxdpctl {words[0]}: {run.stderr.strip()[-300:]}")
        return run.stdout

    def case(self, k, way, client, server):
        """The host's neighbour is known since the exchanges of `load`, or will be after this ping."""
        ns, dst = self.hosts[client], self.ADDRESSES[server]
        ns.run("ping", "-n", "-q", "-c", "1", dst)
        hop = json.loads(ns.run("ip", "-j", "route", "get", dst))[0].get("gateway", dst)
        mac = json.loads(ns.run("ip", "-j", "neigh", "show", hop))[0]["lladdr"]
        walk = json.loads(self.ctl("explain", "--lab", self.lab, client, server, "--proto", "udp", "--sport", "1024", "--dport", "9",
                                   "--json"))["forward"]
        return Case(self.system, k, way, ns, self.hosts[server], src=self.ADDRESSES[client], dst=dst,
                    many=self.MANY[server], mac=mac, ttl=TTL - walk[-1]["ttl"] + 1)

    def middle(self):
        return [Named(f"erx-{self.lab}")]

    def prepare(self, kind):
        """Frames and socket buffers are the same to it."""

    def forwarded(self):
        """How many packets the devices have passed on, and how many they have not."""
        out = json.loads(self.ctl("counters", "--lab", self.lab, "--json"))
        return sum(d["forwarded"] for d in out["devices"]), sum(d["packets"] for d in out["drops"])

    def close(self):
        self.ctl("unload", self.lab)
        if os.path.exists(f"/run/netns/erx-{self.lab}"):
            raise RuntimeError(f"lab '{self.lab}' is still there")


class Stopped(Exception):
    pass


def stop(*_):
    raise Stopped


class Cell:
    """One case with one kind of input: all its runs."""

    def __init__(self, chain, case, kind, targets):
        self.chain, self.case, self.kind, self.targets, self.runs = chain, case, kind, targets, []

    def measure(self, seconds):
        self.chain.prepare(self.kind)
        run = self.case.run(self.kind, self.targets, seconds)
        if run["ttl"] != self.case.ttl:
            raise RuntimeError(f"{self.case.name()}: packets arrived with TTL {run['ttl']}, not {self.case.ttl}")
        if run["receivedInAll"] < 0.9 * run["sentInAll"] or run["receivedInAll"] > run["sentInAll"]:
            raise RuntimeError(f"{self.case.name()}: {run['receivedInAll']} of {run['sentInAll']} packets arrived")
        self.runs.append(run)

    def check_way(self):
        """That K devices have forwarded every packet, and none has dropped one."""
        before = self.chain.forwarded()
        run = self.case.run(self.kind, self.targets, 0.01)
        after = self.chain.forwarded()
        sent = run["sentInAll"]
        if after[0] - before[0] != self.case.k * sent or after[1] != before[1]:
            raise RuntimeError(f"{self.case.name()}: {sent} packets were forwarded {after[0] - before[0]} times, and "
                               f"{after[1] - before[1]} dropped")

    def median_rate(self):
        """Packets a second."""
        return self.mpps() * 1e6

    def rates(self):
        return [r["received"] / r["ns"] * 1e3 for r in self.runs]

    def mpps(self):
        return statistics.median(self.rates())

    def lost(self):
        sent, received = (sum(r[key] for r in self.runs) for key in ("sentInAll", "receivedInAll"))
        return 1 - received / sent

    def cpu(self):
        """ns of CPU per packet: what others took of the CPU is not in it."""
        return statistics.median(r["cpuNs"] / max(r["received"], 1) for r in self.runs)

    def document(self):
        return {"system": self.case.system, "devices": self.case.k, "way": self.case.way, "input": self.kind,
                "targets": self.targets, "runs": self.runs}


class Transfers:
    """Bulk TCP of one case; each run by number of flows. With offloads: the hosts' of the kernel, as Linux has them."""

    def __init__(self, name, chain, case, offloads):
        self.name, self.chain, self.case, self.offloads = name, chain, case, offloads
        self.runs = {flows: [] for flows in FLOWS}

    def set_offloads(self, on):
        for ns, dev in self.case.ends():
            ns.run("ethtool", "-K", dev, "tx", "on" if on else "off")
        if isinstance(self.chain, Kernel):
            self.chain.poll(not on)

    def measure(self, flows, seconds):
        self.set_offloads(self.offloads)
        out = json.loads(self.case.client.run("iperf3", "-J", "--connect-timeout", "2000", "-c", self.case.dst, "-t", str(seconds), "-P", str(flows)))
        if "error" in out:
            raise RuntimeError(f"{self.name}: iperf3: {out['error']}")
        if self.offloads:
            self.set_offloads(False)
        sums = out["end"]
        self.runs[flows].append({"gbps": sums["sum_received"]["bits_per_second"] / 1e9,
                                 "retransmits": sums["sum_sent"]["retransmits"]})

    def document(self):
        return {"system": self.name, "devices": self.case.k, "way": self.case.way, "flows": self.runs}


class Trips:
    """UDP round trips of one case, without load and beside one of `rate` packets a second, all on the CPU of the load."""

    def __init__(self, case, rate):
        self.case, self.rate, self.ns = case, rate, {"idle": [], "loaded": []}

    def measure(self, seconds):
        for state, samples in self.ns.items():
            load = None
            if state == "loaded":
                load = subprocess.Popen([FORWARD, "run", *self.case.words("frames", 1, seconds + 0.6, self.rate)],
                                        stdout=subprocess.DEVNULL)
                time.sleep(0.3)
            try:
                out = on_cpu(0, FORWARD, "trips", self.case.client.path, self.case.dst, str(RR_PORT), str(seconds))
            finally:
                if load:
                    load.terminate()
                    load.wait()
            samples += [int(line) for line in out.split()]

    def percentile(self, state, part):
        good = sorted(x for x in self.ns[state] if x >= 0)
        return good[min(int(len(good) * part), len(good) - 1)] / 1e3 if good else float("nan")

    def document(self):
        return {"system": self.case.system, "devices": self.case.k, "way": self.case.way, "loadPerSecond": self.rate,
                "ns": self.ns}


def on_cpu(cpu, *words):
    run = subprocess.run(["taskset", "-c", str(cpu), *words], capture_output=True, text=True, check=False)
    if run.returncode:
        raise RuntimeError(run.stderr.strip())
    return run.stdout


def check_links(chain):
    """What would make a figure one of something else: XDP in the generic mode, an end that takes no frames, another MTU."""
    for ns in chain.middle():
        for link in json.loads(ns.run("ip", "-j", "-d", "link", "show", "type", "veth")):
            queues = link["num_tx_queues"], link["num_rx_queues"]
            if chain.native and link.get("xdp", {}).get("mode") != XDP_NATIVE:
                raise RuntimeError(f"{chain.system}: {link['ifname']} has no XDP program in native mode")
            if link["mtu"] != 1500 or queues != (QUEUES, QUEUES):
                raise RuntimeError(f"{chain.system}: {link['ifname']} has MTU {link['mtu']} and {queues} queues")
    for case in chain.cases:
        for ns, dev in case.ends():
            features = ns.run("ethtool", "-k", dev)
            if not re.search(r"generic-receive-offload: on", features) or not re.search(r"tx-checksumming: off", features):
                raise RuntimeError(f"{case.name()}: GRO is off or transmit checksums are on at {dev}")


def rotated(cells, n):
    """Another first in each round, and every other round backwards."""
    step = n * 7 % len(cells)
    order = cells[step:] + cells[:step]
    return order[::-1] if n % 2 else order


def print_rates(cells):
    print(f"{'input':<7} {'targets':>7}  K  {'system':<7} {'way':<9} {'Mpps':>7} {'min..max':>13} {'ns/packet':>10} {'CPU ns':>7} {'lost':>7}")
    for c in cells:
        rates = c.rates()
        print(f"{c.kind:<7} {c.targets:>7}  {c.case.k}  {c.case.system:<7} {c.case.way:<9} {c.mpps():>7.3f} "
              f"{min(rates):>6.3f}..{max(rates):.3f} {1e3 / c.mpps():>10.0f} {c.cpu():>7.0f} {c.lost():>7.2%}")


def print_ratios(cells):
    """By median rate; beside it by CPU time per packet, which a busy machine moves less."""
    print("\nerxdp against, by packets/s (by CPU time per packet):")
    print(f"{'input':<7} {'targets':>7}  K  {'system':<7} {'way':<9} {'kernel':>15} {'fib':>15} {'bare':>15}")
    for c in (c for c in cells if isinstance(c.chain, Erxdp)):
        row = f"{c.kind:<7} {c.targets:>7}  {c.case.k}  {c.case.system:<7} {c.case.way:<9}"
        for other in ("kernel", "fib", "bare"):
            o = next((o for o in cells if (o.kind, o.targets, o.case.k, o.case.system) == (c.kind, c.targets, c.case.k, other)), None)
            row += f" {c.mpps() / o.mpps():>7.2f} ({o.cpu() / c.cpu():.2f})" if o else f" {'-':>15}"
        print(row)
    print("Sought at K=5, frames: 4.5 kernel, 1.3 fib, 0.85 bare without limits; 4.0, 1.2, 0.75 with.")


def make_cells(chains, inputs):
    return [Cell(chain, case, kind, targets) for kind, targets in inputs for k in range(DEVICES + 1)
            for chain in chains for case in chain.cases if case.k == k]


def describe():
    def read(path):
        with open(path, encoding="ascii") as file:
            return file.read().strip()

    weak = {name: read(f"/sys/devices/system/cpu/vulnerabilities/{name}")
            for name in sorted(os.listdir("/sys/devices/system/cpu/vulnerabilities"))}
    model = re.search(r"^model name\s*: (.*)", read("/proc/cpuinfo"), re.M)
    return {"kernel": os.uname().release, "cpus": os.cpu_count(), "model": model and model[1],
            "mitigations": {k: v for k, v in weak.items() if v != "Not affected"}, "loadBefore": load_average()}


def load_average():
    with open("/proc/loadavg", encoding="ascii") as file:
        return float(file.read().split()[0])


def cpu_times():
    with open("/proc/stat", encoding="ascii") as file:
        return [int(x) for x in file.readline().split()[1:9]]


def both_ways(chains):
    return [(chain, case) for chain in chains for case in chain.cases
            if case.k == BOTH_WAYS and case.way in ("", "fastpath") and case.system != "bare"]


def measure_transfers(chains, options):
    """Before there are sinks: an XDP program on a host's end takes offloads from the other end."""
    ways = both_ways(chains)
    servers = [case.server.start("iperf3", "-s", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _, case in ways]
    transfers = [Transfers(case.system, chain, case, False) for chain, case in ways]
    transfers += [Transfers("kernel+", chain, case, True) for chain, case in ways if isinstance(chain, Kernel)]
    try:
        time.sleep(0.3)
        for n in range(options.bulk_runs):
            for flows in FLOWS:
                for transfer in rotated(transfers, n):
                    transfer.measure(flows, 1)
    finally:
        for server in servers:
            server.kill()
            server.wait()
    return transfers


def measure_trips(chains, cells, options):
    for chain in chains:
        chain.prepare("frames")
    cases = [case for _, case in both_ways(chains)]
    rate = min(cell.median_rate() for cell in cells if cell.kind == "frames" and cell.targets == 1 and cell.case in cases) / 2
    servers = [subprocess.Popen(["taskset", "-c", "0", FORWARD, "echo", case.server.path, str(RR_PORT)]) for case in cases]
    trips = [Trips(case, rate) for case in cases]
    try:
        time.sleep(0.3)
        for n in range(options.bulk_runs):
            for trip in rotated(trips, n):
                trip.measure(0.3)
    finally:
        for server in servers:
            server.kill()
            server.wait()
    return trips


def measure_cells(chains, options):
    inputs = [("frames", 1)] if options.quick else [("frames", 1), *[("frames", n) for n in options.targets], ("skb", 1)]
    cells = make_cells(chains, inputs)
    for cell in cells:
        if isinstance(cell.chain, Erxdp):
            cell.check_way()
    for n in range(options.runs):
        for cell in rotated(cells, n):
            cell.measure(options.seconds)
    return cells


def build_chains(chains, options):
    """Into the caller's list first, so that what is there is taken away when something fails."""
    room = max(options.targets) if not options.quick else 1
    chains += [Erxdp(room, options.devices, *lab) for lab in LABS if lab[0] in options.only]
    chains += [kind(room, options.devices) for kind in (Bare, Fib, Kernel) if kind.system in options.only]
    for chain in chains:
        chain.build()


def close_all(chains):
    with contextlib.ExitStack() as stack:
        for chain in chains:
            stack.callback(chain.close)


def measure(options):
    chains, transfers, trips = [], [], []
    try:
        build_chains(chains, options)
        bulk = BOTH_WAYS in options.devices and both_ways(chains)
        if bulk:
            transfers = measure_transfers(chains, options)
        for chain in chains:
            chain.attach_sinks()
            check_links(chain)
        cells = measure_cells(chains, options)
        for chain in chains:
            check_links(chain)
        if bulk:
            trips = measure_trips(chains, cells, options)
        return cells, transfers, trips
    finally:
        close_all(chains)


def print_transfers(transfers):
    print(f"\nbulk TCP over {BOTH_WAYS} devices, Gbit/s, median of {len(transfers[0].runs[1])} (kernel+: the hosts' offloads on)")
    for t in transfers:
        print(f"  {t.name:<8}" + "".join(
            f"  {flows} flow{'s' if flows > 1 else ' '} {statistics.median(r['gbps'] for r in runs):>6.2f} "
            f"({min(r['gbps'] for r in runs):.2f}..{max(r['gbps'] for r in runs):.2f}, "
            f"{statistics.median(r['retransmits'] for r in runs):.0f} sent again)" for flows, runs in t.runs.items()))


def print_trips(trips):
    print(f"\nUDP round trips over {BOTH_WAYS} devices, us; loaded: beside {trips[0].rate / 1e6:.2f} Mpps, half of what the slowest "
          "carries, on the same CPU")
    for t in trips:
        print(f"  {t.case.system:<8}" + "".join(
            f"  {state} p50 {t.percentile(state, 0.5):>6.1f} p99 {t.percentile(state, 0.99):>7.1f} (n {len(samples)}, "
            f"lost {sum(x < 0 for x in samples)})" for state, samples in t.ns.items()))


def numbers(text):
    return [int(n) for n in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="three runs of the frames of one flow")
    parser.add_argument("--runs", type=int, help="of each cell (default 9, quick 3)")
    parser.add_argument("--seconds", type=float, default=0.25, help="per run")
    parser.add_argument("--targets", type=numbers, default=[1000], help="destinations, besides one alone")
    parser.add_argument("--devices", type=numbers, default=list(range(1, DEVICES + 1)), help="lengths of the chain")
    parser.add_argument("--only", type=lambda text: text.split(","), default=[*[name for name, _ in LABS], "bare", "fib", "kernel"],
                        help="systems")
    parser.add_argument("--json", help="every run goes there")
    options = parser.parse_args()
    options.bulk_runs = 1 if options.quick else 3
    options.runs = options.runs or (3 if options.quick else 9)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, stop)
    about, times = describe(), cpu_times()
    try:
        cells, transfers, trips = measure(options)
    except Stopped:
        return 130
    except RuntimeError as error:
        print(f"forward.py: {error}", file=sys.stderr)
        return 1
    times = [b - a for a, b in zip(times, cpu_times())]
    about["steal"], about["loadAfter"] = times[7] / sum(times), load_average()
    print_rates(cells)
    print_ratios(cells)
    if transfers:
        print_transfers(transfers)
        print_trips(trips)
    print(f"\nLinux {about['kernel']}, {about['cpus']} CPUs, {about['model']}; load {about['loadBefore']} before and "
          f"{about['loadAfter']} after (the bench itself is 1), steal {about['steal']:.1%}")
    print("mitigations: " + "; ".join(f"{k}: {v}" for k, v in about["mitigations"].items()))
    if options.json:
        with open(options.json, "w", encoding="ascii") as out:
            json.dump({"about": about, "cells": [c.document() for c in cells],
                       "transfers": [t.document() for t in transfers], "trips": [t.document() for t in trips]}, out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
