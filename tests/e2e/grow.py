#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A copy of interop.yaml with a spoke, a circuit with a site, and a connection more.

usage: grow.py INTEROP.yaml > COPY.yaml
"""
import sys

import yaml

with open(sys.argv[1]) as file:
    lab = yaml.safe_load(file)
lab["virtualNetworks"]["extra"] = {
    "location": "eastus", "addressSpace": ["10.12.30.0/26"], "subnets": {"default": "10.12.30.0/26"},
    "virtualMachines": {"extra-vm": "10.12.30.4"}, "virtualNetworkPeerings": {"hub": {"useRemoteGateways": True}}}
lab["virtualNetworks"]["hub"]["virtualNetworkPeerings"]["extra"] = {"allowGatewayTransit": True}
lab["onPremises"]["loc9"] = {
    "lan": "10.9.0.0/24", "switch": {"address": "10.9.0.3"}, "hosts": {"loc9-vm": "10.9.0.10"},
    "routers": {"loc9-ce1": {"asn": 65029, "lanInterface": "192.168.39.0/31"}}}
lab["expressRouteCircuits"]["er9"] = {
    "sku": {"tier": "Standard", "family": "MeteredData"},
    "serviceProviderProperties": {"peeringLocation": "Dallas", "bandwidthInMbps": 50},
    "peerings": {"AzurePrivatePeering": {"peerASN": 65029, "vlanId": 390, "primaryPeerAddressPrefix": "192.168.39.16/30",
                                         "secondaryPeerAddressPrefix": "192.168.39.20/30"}},
    "customerEdge": {"primary": "loc9-ce1", "secondary": "loc9-ce1"}}
lab["connections"]["hub-er9"] = {"connectionType": "ExpressRoute", "virtualNetworkGateway1": "hub-ergw", "peer": "er9"}
for key in "expect", "scenarios":
    lab.pop(key, None)
yaml.safe_dump(lab, sys.stdout, sort_keys=False)
