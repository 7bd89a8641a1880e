#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Random small topologies, in the language of topologies/README.md.

usage: generate.py SEED        prints the file

The same seed gives the same file. What is random is what decides: who is
connected to whom, AS numbers (some shared), prepending, local preferences,
routing weights, transit, prefixes that several announce, default routes.
"""
import random
import sys

import yaml

CUSTOMER_ASNS = [64600, 64601, 64602, 64603]
CITIES = ["Amsterdam", "Dublin", "London", "Paris"]
SHARED_PREFIXES = ["172.20.0.0/16", "172.21.0.0/16", "0.0.0.0/0"]


class Generator:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.topo = {"name": f"judge{seed}", "profile": "current"}
        for key in ("virtualNetworks", "virtualNetworkGateways", "localNetworkGateways", "onPremises",
                    "expressRouteCircuits", "connections"):
            self.topo[key] = {}

    def chance(self, p):
        return self.r.random() < p

    def vnets(self):
        for i in range(self.r.randint(1, 3)):
            name = f"v{i}"
            self.topo["virtualNetworks"][name] = {
                "location": "eastus",
                "addressSpace": [f"10.{i}.0.0/16"] + ([f"10.{i + 20}.0.0/16"] if self.chance(0.3) else []),
                "subnets": {"default": f"10.{i}.0.0/24", "GatewaySubnet": f"10.{i}.1.0/26"},
                "virtualNetworkPeerings": {}}
            self.gateways(i, name)
            if self.chance(0.3):
                self.spoke(i, name)

    def spoke(self, i, hub):
        name = f"s{i}"
        self.topo["virtualNetworks"][name] = {
            "location": "eastus", "addressSpace": [f"10.{i + 40}.0.0/16"],
            "subnets": {"default": f"10.{i + 40}.0.0/24"},
            "virtualNetworkPeerings": {hub: {"useRemoteGateways": True}}}
        self.topo["virtualNetworks"][hub]["virtualNetworkPeerings"][name] = {"allowGatewayTransit": True}

    def gateways(self, i, vnet):
        gateways = self.topo["virtualNetworkGateways"]
        er = self.chance(0.8)
        if er:
            gateways[f"{vnet}-er"] = {"virtualNetwork": vnet, "gatewayType": "ExpressRoute", "sku": "ErGw3AZ",
                                      "allowRemoteVnetTraffic": self.chance(0.6)}
        if not er or self.chance(0.6):
            both = self.chance(0.3)
            gateways[f"{vnet}-vpn"] = {
                "virtualNetwork": vnet, "gatewayType": "Vpn", "sku": "VpnGw1", "activeActive": both,
                "asn": 65515 if self.chance(0.4) else 64700 + i,
                "publicIPAddresses": [f"203.0.113.{2 * i + k}" for k in range(1 + both)]}

    def sites(self):
        for i in range(self.r.randint(1, 3)):
            asn = self.r.choice(CUSTOMER_ASNS)
            routers = {}
            for k in range(self.r.randint(1, 2)):
                routers[f"ce{i}{k}"] = {
                    "asn": asn if self.chance(0.8) else self.r.choice(CUSTOMER_ASNS),
                    "lanInterface": f"192.168.{i}.{4 * k}/31",
                    "tunnelInterface": f"10.{100 + i}.9.{k + 1}/32",
                    "localPreference": {"ExpressRoute": self.r.choice([90, 100, 200]), "IPsec": self.r.choice([90, 100])},
                    "transit": self.chance(0.35),
                    "advertise": self.advertised(i)}
            self.topo["onPremises"][f"site{i}"] = {"lan": f"10.{100 + i}.0.0/16",
                                                   "switch": {"address": f"10.{100 + i}.0.3"}, "routers": routers}

    def advertised(self, i):
        out = [f"10.{100 + i}.0.0/16"]
        out += [p for p in SHARED_PREFIXES if self.chance(0.25)]
        if self.chance(0.3):
            out.append({"first": f"172.{22 + i}.0.0/24", "count": self.r.randint(1, 3)})
        return out

    def routers(self):
        return {name: r for site in self.topo["onPremises"].values() for name, r in site["routers"].items()}

    def circuits(self):
        routers = self.routers()
        for i in range(self.r.randint(1, 3)):
            first = self.r.choice(sorted(routers))
            asn = routers[first]["asn"]
            others = [n for n in sorted(routers) if routers[n]["asn"] == asn]
            edge = {"primary": first}
            if self.chance(0.85):
                edge["secondary"] = self.r.choice(others)
            self.topo["expressRouteCircuits"][f"er{i}"] = {
                "sku": {"tier": "Premium", "family": "MeteredData"},
                "serviceProviderProperties": {"peeringLocation": CITIES[i], "bandwidthInMbps": 1000},
                "peerings": {"AzurePrivatePeering": {
                    "peerASN": asn, "vlanId": 100 + i, "primaryPeerAddressPrefix": f"172.16.{i}.0/30",
                    "secondaryPeerAddressPrefix": f"172.16.{i}.4/30"}},
                "customerEdge": edge}
        for name, router in routers.items():
            self.prepends(name, router)

    def prepends(self, name, router):
        targets = {}
        for circuit, c in self.topo["expressRouteCircuits"].items():
            if self.chance(0.2):
                targets[circuit] = self.r.randint(1, 3)
            for path in c["customerEdge"]:
                if self.chance(0.2):
                    targets[f"{circuit}.{path}"] = self.r.randint(1, 3)
        if self.chance(0.15):
            router["prepend"] = self.r.randint(1, 2)
        elif targets and self.chance(0.8):
            router["prepend"] = targets

    def connections(self):
        connections = self.topo["connections"]
        gateways = self.topo["virtualNetworkGateways"]
        for name, g in gateways.items():
            for circuit in self.topo["expressRouteCircuits"]:
                if g["gatewayType"] == "ExpressRoute" and self.chance(0.75):
                    connections[f"{name}-{circuit}"] = {
                        "connectionType": "ExpressRoute", "virtualNetworkGateway1": name, "peer": circuit,
                        "routingWeight": self.r.choice([0, 0, 0, 10, 100])}
        vpns = [n for n, g in gateways.items() if g["gatewayType"] == "Vpn"]
        for i, a in enumerate(vpns):
            for b in vpns[i + 1:]:
                if gateways[a]["asn"] != gateways[b]["asn"] and self.chance(0.5):
                    connections[f"{a}-{b}"] = {"connectionType": "IPsec", "virtualNetworkGateway1": a,
                                               "virtualNetworkGateway2": b, "enableBgp": True}
        for a in vpns:
            for router, r in self.routers().items():
                if self.chance(0.4):
                    self.vpn_to(a, router, r)
        circuits = list(self.topo["expressRouteCircuits"])
        for i, a in enumerate(circuits):
            for k, b in enumerate(circuits[i + 1:]):
                if self.chance(0.4):
                    connections[f"reach-{a}-{b}"] = {"connectionType": "GlobalReach", "circuit1": a, "circuit2": b,
                                                     "addressPrefix": f"172.17.{i}.{8 * k}/29"}

    def vpn_to(self, gateway, router, r):
        site = int(router[2])
        local = f"lng-{router}"
        self.topo["localNetworkGateways"].setdefault(local, {
            "router": router, "gatewayIpAddress": f"198.51.100.{int(router[2:]) + 1}",
            "bgpSettings": {"asn": r["asn"], "bgpPeeringAddress": r["tunnelInterface"].split("/")[0]},
            "addressPrefixes": [f"172.{26 + site}.0.0/16"]})
        self.topo["connections"][f"{gateway}-{router}"] = {
            "connectionType": "IPsec", "virtualNetworkGateway1": gateway, "localNetworkGateway2": local,
            "enableBgp": self.chance(0.85)}

    def generate(self):
        self.vnets()
        self.sites()
        self.circuits()
        self.connections()
        return {k: v for k, v in self.topo.items() if v}


def failures(topo, links, r):
    """Up to three states of what has failed: targets, links, sessions alone."""
    targets = [t for c, v in topo.get("expressRouteCircuits", {}).items()
               for t in [c, f"{c}.primary/msee"] + [f"{c}.{p}" for p in v.get("customerEdge", {})]]
    targets += [c for c, v in topo.get("connections", {}).items() if v["connectionType"] != "GlobalReach"]
    targets += [f"{g}/0" for g in topo.get("virtualNetworkGateways", {})]
    targets += [n for s in topo.get("onPremises", {}).values() for n in s.get("routers", {})]
    targets += links + ["~" + link for link in links]
    return [",".join(r.sample(targets, min(len(targets), r.randint(1, 3)))) for _ in range(3)]


def main():
    yaml.safe_dump(Generator(int(sys.argv[1])).generate(), sys.stdout, sort_keys=False, width=120)


if __name__ == "__main__":
    main()
