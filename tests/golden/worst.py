#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Files of up to 1 MiB that ask for as much as they can.

usage: worst.py              list the cases
       worst.py CASE >FILE   write one
"""
import sys

MOST = 1 << 20


def address(n, base=10):
    """The n-th address of a /8."""
    return "%d.%d.%d.%d" % (base, n >> 16 & 255, n >> 8 & 255, n & 255)


def fill(head, line, lines=1 << 20, most=MOST):
    """As many lines as fit; line is given their number."""
    parts, size = [head], len(head)
    for n in range(lines):
        text = line(n)
        if size + len(text) > most:
            break
        parts.append(text)
        size += len(text)
    return "".join(parts)


HUB = """virtualNetworks:
  hub:
    addressSpace: [172.16.0.0/24]
    subnets: {default: 172.16.0.0/25, GatewaySubnet: 172.16.0.128/25}
    virtualMachines: {hub-vm: 172.16.0.4}
%s"""
GATEWAY = """virtualNetworkGateways:
  gw: {virtualNetwork: hub, gatewayType: ExpressRoute, sku: UltraPerformance}
"""
SITE = """onPremises:
  site:
    lan: 192.168.0.0/25
    switch: {address: 192.168.0.3}
    hosts: {site-vm: 192.168.0.10}
    routers:
      ce: {asn: 65021, lanInterface: 192.168.30.0/31%s}
"""
CIRCUIT = """expressRouteCircuits:
  er1:
    sku: {tier: Premium, family: MeteredData}
    serviceProviderProperties: {peeringLocation: London, bandwidthInMbps: 10000}
    peerings:
      AzurePrivatePeering: {peerASN: 65021, vlanId: 300, primaryPeerAddressPrefix: 192.168.31.16/30, secondaryPeerAddressPrefix: 192.168.31.20/30}
    customerEdge: {primary: ce, secondary: ce}
connections:
  hub-er1: {connectionType: ExpressRoute, virtualNetworkGateway1: gw, peer: er1}
"""


def with_circuit(advertise="", vnets="", hub=""):
    return "name: worst\n" + HUB % hub + vnets + GATEWAY + SITE % advertise + CIRCUIT


def advertise(count=600):
    entries = ", ".join("{first: %d.%d.0.0/24, count: 65536}" % (1 + n // 256, n % 256) for n in range(count))
    return with_circuit(", advertise: [%s]" % entries)


def advertise_routers():
    return fill("name: worst\nonPremises:\n  site:\n    lan: 192.168.0.0/25\n    switch: {address: 192.168.0.3}\n    routers:\n", lambda n:
                "      c%d: {asn: 65021, lanInterface: %s/31, advertise: [{first: 11.0.0.0/24, count: 65536}]}\n"
                % (n, address(2 * n)))


def ranges():
    return with_circuit(vnets=fill(
        "  v:\n    addressSpace: [10.0.0.0/8]\n    subnets:\n", lambda n:
        "      s%d: {addressPrefix: 10.%d.0.0/16, addressRanges: [%s]}\n" % (n, n, ", ".join(
            "{first: 10.%d.%d.0, count: 256}" % (n, k) for k in range(256))), most=900000) )


def machines(count=1 << 20):
    return "name: worst\n" + fill(
        "virtualNetworks:\n  v:\n    addressSpace: [10.0.0.0/8]\n    subnets: {default: 10.0.0.0/8}\n"
        "    virtualMachines:\n", lambda n: "      m%d: %s\n" % (n, address(n + 4)), count)


def endpoints():
    return "name: worst\n" + fill(
        "virtualNetworks:\n  v:\n    addressSpace: [10.0.0.0/8]\n    subnets: {default: 10.0.0.0/8}\n"
        "    privateEndpoints:\n", lambda n: "      m%d: {address: %s}\n" % (n, address(n + 4)))


def networks(count=1 << 20):
    return "name: worst\n" + fill("virtualNetworks:\n", lambda n:
                                  "  v%d: {addressSpace: [%s/28], subnets: {d: %s/28}, virtualMachines: {m%d: %s}}\n"
                                  % (n, address(16 * n), address(16 * n), n, address(16 * n + 4)), count)


def mesh(count=290):
    names = range(count)
    return "name: worst\nvirtualNetworks:\n" + "".join(
        "  v%d: {addressSpace: [%s/24], subnets: {d: %s/24}, virtualMachines: {m%d: %s}, virtualNetworkPeerings: {%s}}\n"
        % (n, address(n << 8), address(n << 8), n, address((n << 8) + 4),
           ", ".join("v%d: {}" % k for k in names if k != n)) for n in names)


def overlaps():
    """Spokes of one hub, all with the same addresses."""
    spokes = 3500
    return "name: worst\nvirtualNetworks:\n  hub: {addressSpace: [172.16.0.0/24], subnets: {d: 172.16.0.0/24}, virtualNetworkPeerings: {%s}}\n" % (
        ", ".join("v%d: {}" % n for n in range(spokes))) + "".join(
            "  v%d: {addressSpace: [10.0.0.0/24], subnets: {d: 10.0.0.0/24}, virtualMachines: {m%d: 10.0.0.4}, virtualNetworkPeerings: {hub: {}}}\n" % (n, n)
            for n in range(spokes))


def spokes():
    count = 3500
    hub = "    virtualNetworkPeerings: {%s}\n" % ", ".join("v%d: {allowGatewayTransit: true}" % n for n in range(count))
    return with_circuit(hub=hub, vnets="".join(
        "  v%d: {addressSpace: [%s/28], subnets: {d: %s/28}, virtualMachines: {m%d: %s}, virtualNetworkPeerings: {hub: {useRemoteGateways: true}}}\n"
        % (n, address(16 * n), address(16 * n), n, address(16 * n + 4)) for n in range(count)))


def spaces(peers=300):
    """Many address spaces, times many peers."""
    space = ", ".join("%s/28" % address(16 * n) for n in range(40000))
    return ("name: worst\nvirtualNetworks:\n  hub: {addressSpace: [%s], subnets: {d: 10.0.0.0/28}, virtualNetworkPeerings: {%s}}\n" % (
        space, ", ".join("v%d: {}" % n for n in range(peers)))) + "".join(
            "  v%d: {addressSpace: [%s/28], subnets: {d: %s/28}, virtualNetworkPeerings: {hub: {}}}\n"
            % (n, address(16 * n, 11), address(16 * n, 11)) for n in range(peers))


def user_routes(count=1 << 20, subnets=3000):
    """A route table, times many subnets."""
    return fill("name: worst\nvirtualNetworks:\n  v:\n    addressSpace: [10.0.0.0/8]\n    subnets:\n" + "".join(
        "      s%d: {addressPrefix: %s/28, routeTable: rt}\n" % (n, address(16 * n)) for n in range(subnets)) +
        "    virtualMachines: {" + ", ".join("m%d: %s" % (n, address(16 * n + 4)) for n in range(subnets)) + "}\n" +
        "routeTables:\n  rt:\n    routes:\n", lambda n:
        "      r%d: {addressPrefix: %s/28, nextHopType: None}\n" % (n, address(16 * n, 11)), count)


def sites(count=1 << 20):
    return "name: worst\n" + fill("onPremises:\n", lambda n:
                                  "  s%d: {lan: %s/28, switch: {address: %s}, hosts: {h%d: %s}, routers: {c%d: {asn: 65021, lanInterface: %s/31}}}\n"
                                  % (n, address(16 * n), address(16 * n + 3), n, address(16 * n + 4), n, address(2 * n, 11)), count)


def routers(count=1 << 20):
    return fill("name: worst\nonPremises:\n  site:\n    lan: 192.168.0.0/25\n    switch: {address: 192.168.0.3}\n    hosts: {h: 192.168.0.10}\n    routers:\n",
                lambda n: "      c%d: {asn: 65021, lanInterface: %s/31}\n" % (n, address(2 * n)), count)


def circuits(count=1 << 20):
    head = "name: worst\n" + SITE % "" + "expressRouteCircuits:\n"
    return fill(head, lambda n:
                "  e%d: {sku: {tier: Standard, family: MeteredData}, serviceProviderProperties: {peeringLocation: L, bandwidthInMbps: 50}, "
                "peerings: {AzurePrivatePeering: {peerASN: 65021, vlanId: 3, primaryPeerAddressPrefix: %s/30, secondaryPeerAddressPrefix: %s/30}}, "
                "customerEdge: {primary: ce, secondary: ce}}\n" % (n, address(8 * n), address(8 * n + 4)), count)


def strangers():
    """References to nothing, each near to many names."""
    return fill("name: worst\nvirtualNetworks:\n" + "".join(
        "  vnet-number-%d: {addressSpace: [%s/28], subnets: {d: %s/28}}\n" % (n, address(16 * n), address(16 * n))
        for n in range(6000)) + "virtualNetworkGateways:\n", lambda n:
        "  g%d: {virtualNetwork: vnet-numbre-%d, gatewayType: Vpn, sku: VpnGw1}\n" % (n, n))


def expected_strangers():
    return fill("name: worst\nvirtualNetworks:\n  v:\n    addressSpace: [10.0.0.0/8]\n    subnets: {default: 10.0.0.0/8}\n"
                "    virtualMachines:\n" + "".join("      machine-%d: %s\n" % (n, address(n + 4)) for n in range(15000)) +
                "expect:\n", lambda n: "  - {from: machien-%d, to: machien-%d, unreachable: silent}\n" % (n, n + 1))


def expected():
    return fill("name: worst\nvirtualNetworks:\n  v:\n    addressSpace: [10.0.0.0/8]\n    subnets: {default: 10.0.0.0/8}\n"
                "    virtualMachines: {a: 10.0.0.4, b: 10.0.0.5}\nexpect:\n",
                lambda n: "  - {from: a, to: b, traceroute: [10.0.0.5]}\n")


def scenarios():
    return fill(with_circuit() + "scenarios:\n",
                lambda n: "  s%d: {fail: [er1.primary], expect: [{from: hub-vm, to: site-vm, ttl: 60}]}\n" % n)


def unknown_keys():
    return fill("name: worst\n", lambda n: "virtualNetwork%d: 1\n" % n)


def duplicate_keys():
    return fill("name: worst\nvirtualNetworks:\n  v:\n    addressSpace: [10.0.0.0/8]\n    subnets:\n",
                lambda n: "      s: 10.0.0.0/24\n")


def latencies():
    return fill(with_circuit() + "latency:\n", lambda n: "  - {between: [hub, er1], rtt: 1ms}\n")


def receivers():
    """All that a customer may advertise, times the networks of a circuit."""
    count = 100
    vnets = "".join(
        "  v%d: {addressSpace: [%s/24], subnets: {d: %s/25, GatewaySubnet: %s/25}, virtualMachines: {m%d: %s}}\n"
        % (n, address(n << 8), address(n << 8), address((n << 8) + 128), n, address((n << 8) + 4))
        for n in range(1, count))
    text = with_circuit(", advertise: [{first: 11.0.0.0/24, count: 65536}, {first: 12.0.0.0/24, count: 65536}, {first: 13.0.0.0/24, count: 65536}]", vnets)
    text = text.replace(GATEWAY, GATEWAY + "".join(
        "  g%d: {virtualNetwork: v%d, gatewayType: ExpressRoute, sku: UltraPerformance}\n" % (n, n) for n in range(1, count)))
    return text + "".join(
        "  c%d: {connectionType: ExpressRoute, virtualNetworkGateway1: g%d, peer: er1}\n" % (n, n) for n in range(1, count))


def tunnels(count=110):
    """VPN gateways, each with a tunnel to each other one, all re-advertising."""
    vnets = "".join(
        "  v%d: {addressSpace: [%s/24], subnets: {d: %s/25, GatewaySubnet: %s/25}, virtualMachines: {m%d: %s}}\n"
        % (n, address(n << 8), address(n << 8), address((n << 8) + 128), n, address((n << 8) + 4)) for n in range(count))
    gateways = "".join(
        "  g%d: {virtualNetwork: v%d, gatewayType: Vpn, sku: VpnGw5, asn: %d, publicIPAddresses: [203.0.113.%d]}\n"
        % (n, n, 4200000000 + n, n + 1) for n in range(count))
    return "name: worst\nvirtualNetworks:\n" + vnets + "virtualNetworkGateways:\n" + gateways + "connections:\n" + "".join(
        "  c%d-%d: {connectionType: IPsec, virtualNetworkGateway1: g%d, virtualNetworkGateway2: g%d, enableBgp: true}\n"
        % (a, b, a, b) for a in range(count) for b in range(a))


def prefixes_of_site():
    """Static prefixes behind VPN connections."""
    prefixes = ", ".join("%s/28" % address(16 * n, 11) for n in range(50000))
    return with_circuit() .replace(CIRCUIT, "") + "localNetworkGateways:\n  lng: {router: ce, gatewayIpAddress: 203.0.113.1, addressPrefixes: [%s]}\n" % prefixes


def expected_prefixes():
    return fill(with_circuit() + "expect:\n", lambda n: "  - {at: ce, prefixes: [%s]}\n" % ", ".join(
        "%s/32" % address(n * 1000 + k) for k in range(1000)))


def only_a_name():
    return "name: worst\n"


# What is too much, and what is just not.
CASES = {case.__name__: case for case in [
    advertise, advertise_routers, ranges, machines, endpoints, networks, mesh, overlaps, spokes, spaces, user_routes, sites,
    routers, circuits, strangers, expected_strangers, expected, scenarios, unknown_keys, duplicate_keys, latencies, receivers,
    tunnels, prefixes_of_site, expected_prefixes, only_a_name]}
CASES |= {
    "advertise-16": lambda: advertise(16),
    "machines-8000": lambda: machines(8000),
    "networks-2000": lambda: networks(2000),
    "sites-1000": lambda: sites(1000),
    "routers-64": lambda: routers(64),
    "circuits-900": lambda: circuits(900),
    "user-routes-100": lambda: user_routes(100, 300),
    "mesh-110": lambda: mesh(110),
    "tunnels-39": lambda: tunnels(39),
    "spaces-2": lambda: spaces(2),
}


def main():
    if len(sys.argv) == 1:
        print("\n".join(CASES))
    elif sys.argv[1] in CASES:
        sys.stdout.write(CASES[sys.argv[1]]())
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
