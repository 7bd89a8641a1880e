#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Writes a large topology: VNets, each on one circuit, and sites with two routers that advertise their share of prefixes.

usage: generate.py NAME [VNETS [CIRCUITS [PREFIXES]]]      default: 100 20 9000
"""
import sys


def vnets(count):
    yield "virtualNetworks:"
    for v in range(count):
        yield (f"  v{v}: {{location: eastus, addressSpace: [10.{v}.0.0/24], subnets: {{default: 10.{v}.0.0/25, "
               f"GatewaySubnet: 10.{v}.0.128/25}}, virtualMachines: {{v{v}-vm: 10.{v}.0.4}}}}")
    yield "virtualNetworkGateways:"
    for v in range(count):
        yield f"  v{v}-ergw: {{virtualNetwork: v{v}, gatewayType: ExpressRoute, sku: UltraPerformance}}"


def sites(count, prefixes):
    yield "onPremises:"
    for s in range(count):
        lan = f"10.{200 + s}.0"
        yield f"  s{s}:"
        yield f"    lan: {lan}.0/24"
        yield f"    switch: {{address: {lan}.3}}"
        yield f"    hosts: {{s{s}-server: {lan}.10}}"
        yield "    routers:"
        for r in range(2):
            yield (f"      s{s}-ce{r}: {{asn: {65001 + s}, lanInterface: 192.168.{s}.{r * 4}/31, advertise: "
                   f"[{lan}.0/24, {{first: {11 + s}.0.0.0/24, count: {prefixes - 1}}}]}}")


def circuits(count, n_vnets):
    yield "expressRouteCircuits:"
    for c in range(count):
        yield f"  c{c}:"
        yield "    sku: {tier: Premium, family: MeteredData}"
        yield "    serviceProviderProperties: {peeringLocation: Washington DC, bandwidthInMbps: 1000}"
        yield (f"    peerings: {{AzurePrivatePeering: {{peerASN: {65001 + c}, vlanId: 300, primaryPeerAddressPrefix: "
               f"192.168.{100 + c}.16/30, secondaryPeerAddressPrefix: 192.168.{100 + c}.20/30}}}}")
        yield f"    customerEdge: {{primary: s{c}-ce0, secondary: s{c}-ce1}}"
    yield "connections:"
    for v in range(n_vnets):
        yield f"  v{v}-c{v % count}: {{connectionType: ExpressRoute, virtualNetworkGateway1: v{v}-ergw, peer: c{v % count}}}"


def main():
    name, *numbers = sys.argv[1:]
    n_vnets, n_circuits, n_prefixes = (numbers + [100, 20, 9000][len(numbers):])[:3]
    n_vnets, n_circuits, n_prefixes = int(n_vnets), int(n_circuits), int(n_prefixes)
    lines = [f"name: {name}", *vnets(n_vnets), *sites(n_circuits, n_prefixes // n_circuits),
             *circuits(n_circuits, n_vnets)]
    print("\n".join(lines))


if __name__ == "__main__":
    main()
