# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Azure's routing rules, written for BIRD from azure.md 7.2, 7.4 and 7.5.

Nothing here is taken from user/ctl: the topology file says who announces what
and with which weights, the text says who passes what to whom, and the decision
is left to BIRD. Where Azure does what BGP does not, MAPPED says how BIRD is
brought to do it.
"""
import ipaddress

MSEE = 12076
GATEWAY = 65515
REACH_ALIAS = 4200000000  # + 0 or 1: the two ends of a Global Reach session

# What travels with a route as a large community (TAG, what, value).
TAG = 4200000100
LEARNED, VNET, REMOTE, REACH = 1, 2, 3, 4
KINDS = {"circuit": 1, "gateway": 2, "reach": 3, "vpn": 4, "inside": 5}

MAPPED = {
    "weight": "weight and routingWeight come before the local preference (azure.md 7.4): both in BIRD's preference",
    "own-network": "a speaker's own network beats what it learns: static routes with the highest preference",
    "strip-65515": "MSEE to CE: 65515 taken out of a VNet's path (azure.md 7.2): bgp_path.delete",
    "replace-65515": "MSEE to gateway: 12076 for each 65515 of a VNet's path (azure.md 7.2): delete and prepend",
    "msee-loops": "an MSEE refuses no path with its own AS (azure.md 7.2): allow local as",
    "reach-alias": "MSEEs of two circuits are one AS and yet speak eBGP: alias ASNs, turned back to 12076 on import",
    "inside-as": "gateways of one VNet speak iBGP whatever AS the VPN gateway has: both as 65515, own AS allowed",
    "own-prefix": "a gateway refuses its own VNets' prefixes from elsewhere (azure.md 7.5): import filter",
    "default-route": "a VPN gateway passes no learned default route to VPN neighbours (azure.md 7.5): export filter",
    "remote-vnets": "other VNets' routes only with allowRemoteVnetTraffic, over Global Reach at both ends (azure.md 7.5): "
                    "tags and import filter",
    "ecmp-relax": "Microsoft's devices share over paths of equal length (azure.md 7.4), as BIRD's merge paths does; "
                  "a CE wants identical paths, so of BIRD's set those with the best one's path are compared",
}


def session_kind(a, b):
    return {frozenset(["ce", "msee"]): "circuit", frozenset(["msee", "ergw"]): "gateway", frozenset(["msee"]): "reach",
            frozenset(["ergw", "vpngw"]): "inside", frozenset(["vpngw"]): "vpn",
            frozenset(["vpngw", "ce"]): "vpn"}[frozenset([a["kind"], b["kind"]])]


def tag(what, value=1):
    return f"({TAG}, {what}, {value})"


def find_router(topo, name):
    """A router of the file, with the default of what it advertises: its site's LAN."""
    site = next(s for s in topo["onPremises"].values() if name in s.get("routers", {}))
    return {"advertise": [site["lan"]]} | site["routers"][name]


def served_vnets(topo, vnet):
    """A gateway announces its VNet and the spokes that use it (azure.md 7.2)."""
    out = [vnet]
    hub = topo["virtualNetworks"][vnet]
    for name, v in topo["virtualNetworks"].items():
        half = v.get("virtualNetworkPeerings", {}).get(vnet, {})
        other = hub.get("virtualNetworkPeerings", {}).get(name, {})
        if half.get("useRemoteGateways") and other.get("allowGatewayTransit"):
            out.append(name)
    return out


def own_prefixes(topo, name, speaker):
    if speaker["kind"] == "msee":
        return []
    if speaker["kind"] != "ce":
        return [p for v in served_vnets(topo, speaker["vnet"]) for p in topo["virtualNetworks"][v]["addressSpace"]]
    out = []
    for item in find_router(topo, name)["advertise"]:
        if isinstance(item, str):
            out.append(item)
            continue
        first = ipaddress.ip_network(item["first"])
        out += [str(ipaddress.ip_network((int(first.network_address) + i * first.num_addresses, first.prefixlen)))
                for i in range(item["count"])]
    return out


def static_prefixes(topo, connection):
    """What a VPN connection without BGP leads to, as its gateway has it configured."""
    c = topo["connections"][connection]
    return topo["localNetworkGateways"][c["localNetworkGateway2"]]["addressPrefixes"]


def local_as(graph, s, end):
    """AS of a session's end (0: a, 1: b)."""
    me = graph["speakers"][s["ab"[end]]]
    if s["kind"] == "reach":
        return REACH_ALIAS + end
    if s["kind"] == "inside":
        return GATEWAY
    return me["asn"]


def customer_prepends(topo, name, peer):
    """The path's number before its circuit's before the general one (topologies/README.md)."""
    said = find_router(topo, name).get("prepend", 0)
    if not isinstance(said, dict):
        return said
    return said.get(f"{peer['circuit']}.{peer['path']}", said.get(peer["circuit"], 0)) if peer["circuit"] else 0


def learned_in(*kinds):
    return " || ".join(f"({tag(LEARNED, KINDS[k])} ~ bgp_large_community)" for k in kinds)


OWN = "source = RTS_STATIC && proto = \"own\""
STATIC = "source = RTS_STATIC && proto != \"own\""
DEFAULT_ROUTE = "net = 0.0.0.0/0"

# Who passes what to whom, azure.md 7.5: condition under which a route leaves.
PASSES = {
    ("ergw", "gateway"): OWN,
    ("ergw", "inside"): OWN,
    ("vpngw", "vpn"): f"source = RTS_STATIC || (({learned_in('vpn')}) && !({DEFAULT_ROUTE}))",
    ("vpngw", "inside"): f"({STATIC}) || {learned_in('vpn')}",
    ("msee", "circuit"): learned_in("gateway", "reach"),
    ("msee", "gateway"): learned_in("circuit", "gateway", "reach"),
    ("msee", "reach"): learned_in("circuit", "gateway"),
}


def passes(topo, name, speaker, kind):
    if speaker["kind"] == "ce":
        return "true" if find_router(topo, name).get("transit") else OWN
    return PASSES[speaker["kind"], kind]


def export_filter(topo, graph, s, end, extra):
    """extra: how often maintenance adds the own AS."""
    name, peer = s["ab"[end]], graph["speakers"][s["ab"[1 - end]]]
    me = graph["speakers"][name]
    lines = [f"if !({passes(topo, name, me, s['kind'])}) then reject;"]
    vnets = f"({tag(VNET)} ~ bgp_large_community)"
    if me["kind"] == "msee" and s["kind"] == "circuit":
        lines += [f"if {vnets} then bgp_path.delete({GATEWAY});"]
    if me["kind"] == "msee" and s["kind"] == "gateway":
        lines += [f"if {vnets} then {{", f"many = bgp_path.len - delete(bgp_path, {GATEWAY}).len;",
                  f"bgp_path.delete({GATEWAY});"]
        lines += [f"if many > {i} then bgp_path.prepend({MSEE});" for i in range(8)] + ["}"]
    if s["kind"] == "reach":
        lines += [f"bgp_large_community.add({tag(REACH)});"]
    if me["kind"] == "ce":  # what a customer passes on is the customer's own announcement
        lines += [f"bgp_large_community.delete([({TAG}, {what}, *)]);" for what in (VNET, REMOTE, REACH)]
        extra += customer_prepends(topo, name, peer)
    if s["kind"] != "inside":
        lines += [f"bgp_path.prepend({local_as(graph, s, end)});"] * extra
    return lines + ["accept;"]


def wants_remote(topo, me):
    gateway = topo["virtualNetworkGateways"][me["gateway"]]
    default = topo.get("profile", "current") == "2018"
    if not gateway.get("allowRemoteVnetTraffic", default):
        return [f"if {tag(VNET)} ~ bgp_large_community then reject;"]
    return [f"if ({tag(VNET)} ~ bgp_large_community) && ({tag(REACH)} ~ bgp_large_community) && "
            f"!({tag(REMOTE)} ~ bgp_large_community) then reject;"]


def preference(topo, me, s):
    """BIRD's preference for Azure's (weight, routingWeight); 100 where there is none."""
    if s["kind"] == "gateway" and me["kind"] == "ergw":
        return 33000 + topo["connections"][s["connection"]].get("routingWeight", 0)
    if s["kind"] == "inside" and me["kind"] == "vpngw":
        return 33000
    return 100


def local_preference(topo, name, me, s):
    if me["kind"] != "ce":
        return 100
    said = find_router(topo, name).get("localPreference", {})
    return said.get("IPsec" if s["kind"] == "vpn" else "ExpressRoute", 100)


def import_filter(topo, graph, s, end):
    name = s["ab"[end]]
    me = graph["speakers"][name]
    lines = []
    if s["kind"] == "reach":
        alias = REACH_ALIAS + 1 - end
        lines += [f"many = bgp_path.len - delete(bgp_path, {alias}).len;", f"bgp_path.delete({alias});"]
        lines += [f"if many > {i} then bgp_path.prepend({MSEE});" for i in range(8)]
    if me["kind"] == "ergw" or s["kind"] == "vpn" and me["kind"] == "vpngw":
        lines += [f"if net = {p} then reject;" for p in own_prefixes(topo, name, me)]
    if s["kind"] == "gateway" and me["kind"] == "ergw":
        lines += wants_remote(topo, me)
    lines += [f"preference = {preference(topo, me, s)};"]
    if s["kind"] != "inside":
        lines += [f"bgp_local_pref = {local_preference(topo, name, me, s)};"]
    lines += [f"bgp_large_community.delete([({TAG}, {LEARNED}, *)]);",
              f"bgp_large_community.add({tag(LEARNED, KINDS[s['kind']])});"]
    return lines


def loops_allowed(graph, s, end):
    """Where a path with the own AS is no loop."""
    return graph["speakers"][s["ab"[end]]]["kind"] == "msee" or s["kind"] == "inside"


def origin_attributes(topo, speaker):
    """Tags of a gateway's own networks."""
    if speaker["kind"] != "ergw":
        return []
    tags = [f"bgp_large_community.add({tag(VNET)});"]
    if topo["virtualNetworkGateways"][speaker["gateway"]].get("allowRemoteVnetTraffic",
                                                               topo.get("profile", "current") == "2018"):
        tags.append(f"bgp_large_community.add({tag(REMOTE)});")
    return tags
