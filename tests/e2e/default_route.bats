#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Azure's system routes to None beside a default route of somebody else's (azure.md 8.1): rows, packets and explain
# agree, as loaded, when the default route is withdrawn and back at run time, and when the file changes. Every next hop
# type and source for itself is in tests/unit/test_default_route.c.
load lib

setup_file() {
	need ping traceroute python3 tcpdump jq bpftool || return 0
}

teardown() {
	remove_labs
}

# filled FILE [WORD=TEXT]...: a topology of the unit tests with its $WORDs replaced, as $TOPOLOGY; words without a text go.
filled() {
	local script word
	LAB=$(lab_name) TOPOLOGY=$BATS_FILE_TMPDIR/$(lab_name).yaml
	script="s|^name:.*|name: $LAB|"
	for word in "${@:2}"; do script+=";s|\\\$${word%%=*}\\b|${word#*=}|g"; done
	sed "$script;s|\\\$[a-z0-9]*||g" "$ROOT/tests/unit/topologies/$1.yaml" >"$TOPOLOGY"
}

# rows VM: the default route and the reserved prefixes in its effective routes, "SOURCE STATE PREFIX TYPE" each, sorted.
rows() {
	erx show effective-routes "$1" --json | jq -r '.value[] | "\(.source) \(.state) \(.addressPrefix[0]) \(.nextHopType)"' |
		grep -E ' (0\.0\.0\.0/0|10\.0\.0\.0/8|172\.16\.0\.0/12|192\.168\.0\.0/16|100\.64\.0\.0/10) ' | sort -u
}

NONES="Default Active 10.0.0.0/8 None
Default Active 100.64.0.0/10 None
Default Active 172.16.0.0/12 None
Default Active 192.168.0.0/16 None"
SYSTEM="Default Active 0.0.0.0/0 Internet
$NONES"
GATEWAY="VirtualNetworkGateway Active 0.0.0.0/0 VirtualNetworkGateway"

# lost HOST ADDRESS DEVICE REASON: three pings are dropped there for this reason, with nothing else said.
lost() {
	local before
	before=$(dropped "$3" "$4")
	run on "$1" ping -q -n -c 3 -i 0.05 -W 1 "$2"
	[[ $output == *" 0 received"* ]] || { echo "$2 answers $1" && return 1; }
	same "dropped at $3 for $4" "$(dropped "$3" "$4")" $((before + 3))
}

answers() {
	on "$1" ping -q -n -c 3 -i 0.05 -W 1 "$2" | grep -q ' 0% packet loss'
}

# handed VM ADDRESS APPLIANCE: pings to it come to the appliance, which does not pass them on.
handed() {
	local seen=$BATS_TEST_TMPDIR/appliance
	on "$3" timeout 20 tcpdump -Z root -lnc 3 "icmp and dst host $2" >"$seen" 2>"$seen.words" 3>&- &
	until grep -q listening "$seen.words"; do sleep 0.05; done
	on "$1" ping -q -n -c 3 -i 0.05 -W 1 "$2" >/dev/null || :
	wait $!
	same "$2 at $3" "$(grep -c "> $2: ICMP echo request" "$seen")" 3
}

# routes_map: the entries of the map of routes.
routes_map() {
	bpftool -j map dump pinned "/sys/fs/bpf/erxdp/$LAB/erx_routes" | jq -cS '[.[] | {key, value}] | sort'
}

# notes FROM TO: "NAME CAUSE" of each note of explain.
notes() {
	erx explain "$1" "$2" --json | jq -r '.notes[] | "\(.name) \(.cause)"'
}

witness() {
	timeout 120 python3 "$E2E/witness.py" "$LAB" "$@"
}

@test "by BGP: no row to None nor to the Internet, packets to the site arrive, and explain says why" {
	filled default-by-bgp
	load_lab "$TOPOLOGY"
	same rows "$(rows web)" "$GATEWAY"
	answers web 10.1.0.10
	answers pc 10.10.0.4
	# The router's link address is in no prefix but 0.0.0.0/0, which counts as VirtualNetwork (azure.md 3.3).
	on web traceroute -n -I -q 2 -w 1 -m 8 10.1.0.10 >"$BATS_TEST_TMPDIR/trace"
	[[ $(hops "$BATS_TEST_TMPDIR/trace") =~ ^10\.10\.0\.13[23],172\.16\.0\.[15],192\.168\.1\.1,10\.1\.0\.10$ ]]
	erx explain web pc --json | jq -e '.reachable and any(.forwardDevices[0].losers[]; (.route | startswith("10.0.0.0/8 none"))
		and .lostBy == "the default route from '"'hub-ergw/0'"' takes Azure'"'"'s system routes to None away")'
	notes web pc | grep -qx "none-taken-away false"
	erx show next-hop web 192.168.77.1 --json | jq -e '.nextHopType == "VirtualNetworkGateway" and .routeTableId == "System Route"'
	witness "a default route by BGP"
}

@test "withdrawn at run time the system's rows are back, and gone again with it; no route moves in the maps" {
	local whole
	filled default-by-bgp
	load_lab "$TOPOLOGY"
	whole=$(routes_map)
	erx fail hub-er1
	same "rows without it" "$(rows web)" "$(sort <<<"$SYSTEM")"
	lost web 10.1.0.10 hub route-none
	lost web 8.8.8.8 hub internet
	[[ $(notes web pc | head -n1) == "session-down true" ]]
	[[ $(notes web pc) != *none-taken-away* ]]
	witness withdrawn
	same "map of routes" "$(routes_map)" "$whole"
	erx restore --all
	same "rows with it again" "$(rows web)" "$GATEWAY"
	answers web 10.1.0.10
	witness back
	same "map of routes" "$(routes_map)" "$whole"
}

@test "the last of two default routes takes the rows along, the first does not" {
	filled default-route "ce1=0.0.0.0/0" "ce2=0.0.0.0/0" "ce3=172.20.0.0/24"
	load_lab "$TOPOLOGY"
	answers two 10.9.0.10
	erx fail c1
	same "one left" "$(rows two)" "$GATEWAY"
	answers two 10.9.0.10
	erx fail c2
	same "none left" "$(rows two)" "$(sort <<<"$SYSTEM")"
	lost two 10.9.0.10 spoke route-none
	answers two 172.20.0.10
	erx restore c2
	same "one back" "$(rows two)" "$GATEWAY"
	answers two 10.9.0.10
	witness "one of two"
}

@test "by a user-defined route to an appliance: its subnet alone, and the Internet row is Invalid" {
	filled default-by-udr
	load_lab "$TOPOLOGY"
	same "its subnet" "$(rows vm)" "Default Invalid 0.0.0.0/0 Internet
User Active 0.0.0.0/0 VirtualAppliance"
	same "the other subnet" "$(rows nva)" "$(sort <<<"$SYSTEM")"
	handed vm 10.77.0.1 nva
	handed vm 192.168.7.7 nva
	lost nva 10.77.0.1 v route-none
	erx show next-hop vm 172.16.0.9 --json | jq -e '.nextHopType == "VirtualAppliance" and .nextHopIpAddress == "10.0.100.4" and
		(.routeTableId | endswith("/routeTables/rt"))'
	witness "an appliance"
}

@test "user-defined routes of every other type: packets follow them, private addresses too" {
	local type
	for type in None Internet VnetLocal; do
		filled default-route "ce3=172.20.0.0/24" "table=, routeTable: own" \
			"routes={name: d, addressPrefix: 0.0.0.0/0, nextHopType: $type}"
		load_lab "$TOPOLOGY"
		same "$type" "$(rows one)" "Default Invalid 0.0.0.0/0 Internet
User Active 0.0.0.0/0 $type"
		case $type in
		None) lost one 10.9.0.10 spoke route-none; lost one 8.8.8.8 spoke route-none ;;
		Internet) lost one 10.9.0.10 spoke internet; lost one 192.168.7.7 spoke internet ;;
		VnetLocal) lost one 10.9.0.10 spoke no-next-hop ;;
		esac
		[[ $(notes one pc | head -n1) == "user-defined-route true" ]]
		answers one 172.20.0.10
		answers one 10.1.0.4
		witness "$type"
		remove_labs
	done
}

@test "by the VPN gateway, learned and user-defined" {
	filled default-route "ce3=0.0.0.0/0"
	load_lab "$TOPOLOGY"
	same learned "$(rows two)" "$GATEWAY"
	answers two 172.20.0.10
	witness "learned by VPN"
	remove_labs
	filled default-route "er=#" "ce3=172.16.0.0/12" "table=, routeTable: own" \
		"routes={name: d, addressPrefix: 0.0.0.0/0, nextHopType: VirtualNetworkGateway}"
	load_lab "$TOPOLOGY"
	same user-defined "$(rows one | grep -v ' 172')" "Default Invalid 0.0.0.0/0 Internet
User Active 0.0.0.0/0 VirtualNetworkGateway"
	answers one 172.20.0.10
	witness "user-defined to the VPN gateway"
}

@test "two peers that use the hub's gateways meet at the edge router, not in the hub" {
	filled default-route "ce1=0.0.0.0/0" "ce3=172.20.0.0/24" "hubflag=allowGatewayTransit: true" "peerflag=useRemoteGateways: true"
	load_lab "$TOPOLOGY"
	on two traceroute -n -I -q 2 -w 1 -m 6 10.3.0.4 >"$BATS_TEST_TMPDIR/trace"
	same hops "$(hops "$BATS_TEST_TMPDIR/trace")" "10.1.1.4,*,10.3.0.4"
	on two ping -n -c 1 -W 1 10.3.0.4 | grep -q 'ttl=62 '
	erx fail c1
	lost two 10.3.0.4 spoke route-none
	erx restore c1
	witness "two peers"
}

@test "a change of the file is planned, and takes rows and packets along" {
	filled default-route "ce1=10.9.0.0/24" "ce3=172.20.0.0/24"
	load_lab "$TOPOLOGY"
	answers two 10.9.0.10
	filled default-route "ce1=0.0.0.0/0" "ce3=172.20.0.0/24"
	run -4 "$ERXDPCTL" plan "$TOPOLOGY"
	[[ $output == *route* ]]
	load_lab "$TOPOLOGY"
	same "after the change" "$(rows two)" "$GATEWAY"
	answers two 10.9.0.10
	run -0 "$ERXDPCTL" plan "$TOPOLOGY"
	[[ $output == *"nothing to do" ]]
	witness "after the change"
	filled default-route "ce1=10.0.0.0/8" "ce3=172.20.0.0/24" "table=, routeTable: own" \
		"routes={name: u, addressPrefix: 10.0.0.0/8, nextHopType: None}"
	load_lab "$TOPOLOGY"
	same "10.0.0.0/8 by BGP" "$(rows two | grep ' 10')" "Default Active 100.64.0.0/10 None
VirtualNetworkGateway Active 10.0.0.0/8 VirtualNetworkGateway"
	same "10.0.0.0/8 by both" "$(rows one | grep ' 10')" "Default Active 100.64.0.0/10 None
User Active 10.0.0.0/8 None
VirtualNetworkGateway Invalid 10.0.0.0/8 VirtualNetworkGateway"
	answers two 10.9.0.10
	lost one 10.9.0.10 spoke route-none
	witness "10.0.0.0/8 by both"
}

@test "verify: what a file expects of rows and hosts, with and without the default route" {
	filled default-by-bgp
	cat >>"$TOPOLOGY" <<-'END'
		expect:
		  - {vm: web, prefix: 0.0.0.0/0, nextHopType: VirtualNetworkGateway}
		  - {at: hub, prefix: 0.0.0.0/0, via: [hub-ergw], rule: source}
		  - {from: web, to: pc, ttl: 60}
	END
	load_lab "$TOPOLOGY"
	run -0 erx verify
	[[ $output == *"3 passed, 0 failed"* ]]
	echo "  - {vm: web, prefix: 10.0.0.0/8, nextHopType: None}" >>"$TOPOLOGY"
	load_lab "$TOPOLOGY"
	run -3 erx verify
	[[ $output == *"FAILED web 10.0.0.0/8: no route; expected Active None"* ]]
	erx fail hub-er1
	run -3 erx verify
	[[ $output == *"FAILED web > pc: lost"* && $output != *"FAILED web 10.0.0.0/8"* ]]
}
