#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A large topology, for measuring: sites with two routers each on a circuit of
their own, VNets that join one circuit each, customer prefixes shared among the
circuits.

usage: generate.py NAME [VNETS CIRCUITS PREFIXES] > FILE.yaml    (100, 20 and 9000)
"""
import sys


def main():
    name = sys.argv[1]
    vnets, circuits, prefixes = [int(n) for n in sys.argv[2:5]] or (100, 20, 9000)
    out = ["name: " + name, "profile: current", "", "virtualNetworks:"]
    for v in range(vnets):
        net = "10.%d.%d" % (100 + v // 256, v % 256)
        out += ["  v%d:" % v, "    location: region%d" % (v % circuits), "    addressSpace: [%s.0/24]" % net,
                "    subnets: {default: %s.0/25, GatewaySubnet: %s.128/26}" % (net, net),
                "    virtualMachines: {v%d-vm: %s.4}" % (v, net)]
    out += ["", "virtualNetworkGateways:"]
    for v in range(vnets):
        out.append("  v%d-gw: {virtualNetwork: v%d, gatewayType: ExpressRoute, sku: ErGw3AZ}" % (v, v))
    out += ["", "onPremises:"]
    share, first = prefixes // circuits, 0
    for c in range(circuits):
        # 20.0.0.0 and up, /24 each: the customer's own, behind the routers of one site.
        start = "%d.%d.%d.0/24" % (20 + first // 65536, first // 256 % 256, first % 256)
        lan = "172.20.%d" % c
        more = ", advertise: [%s.0/24, {first: %s, count: %d}]" % (lan, start, share - 1)
        out += ["  s%d:" % c, "    lan: %s.0/24" % lan, "    switch: {address: %s.3}" % lan,
                "    hosts: {s%d-pc: %s.10}" % (c, lan), "    routers:"]
        for r in range(2):
            out.append("      s%d-ce%d: {asn: %d, lanInterface: 172.21.%d.%d/31%s}" % (c, r, 64600 + c, c, 2 * r, more))
        first += share
    out += ["", "expressRouteCircuits:"]
    for c in range(circuits):
        out += ["  er%d:" % c, "    sku: {tier: Premium, family: MeteredData}",
                "    serviceProviderProperties: {peeringLocation: Place %d, bandwidthInMbps: 1000}" % c,
                "    peerings:",
                "      AzurePrivatePeering: {peerASN: %d, vlanId: 100, primaryPeerAddressPrefix: 172.22.%d.0/30, "
                "secondaryPeerAddressPrefix: 172.22.%d.4/30}" % (64600 + c, c, c),
                "    customerEdge: {primary: s%d-ce0, secondary: s%d-ce1}" % (c, c)]
    out += ["", "connections:"]
    for v in range(vnets):
        out.append("  v%d-er: {connectionType: ExpressRoute, virtualNetworkGateway1: v%d-gw, peer: er%d}" % (v, v, v % circuits))
    print("\n".join(out))


main()
