#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Who is bypassed and who is not, by the rules and the limits of FastPath: what
# packets do, and what status and explain say of it. The topologies are those of
# tests/unit/test_fastpath.c.
load lib

setup_file() {
	need traceroute ping jq tcpdump || return 0
}

teardown() {
	remove_labs
}

# filled NAME FILE WORD TEXT...: a topology of the unit tests with its $WORDs replaced is loaded.
filled() {
	LAB=$(lab_name "$1") TOPOLOGY=$BATS_FILE_TMPDIR/$(lab_name "$1").yaml
	local file=$ROOT/tests/unit/topologies/$2.yaml script="s|^name:.*|name: $LAB|"
	shift 2
	while (($#)); do
		script+=";s|\\\$$1\\b|$2|g"
		shift 2
	done
	sed "$script" "$file" >"$TOPOLOGY"
	load_lab "$TOPOLOGY"
}

PROVIDER="serviceProviderProperties: {peeringLocation: London, bandwidthInMbps: 1000}"
DETOUR="{name: detour, addressPrefix: 10.1.0.80/28, nextHopType: VirtualAppliance, nextHopIpAddress: 10.1.0.4}"

# rules CIRCUIT: the hub with two spokes and addresses of every kind, on a circuit of that kind.
rules() {
	filled r fastpath profile current sku "sku: ErGw3AZ" circuit "$1" on true private true far true routes "$DETOUR"
}

# into_hub WAY: packets that have gone into the hub or its spokes so.
into_hub() { erx counters --json | jq --arg way "hub/$1" '[.paths[] | select(.path | endswith(">" + $way)) | .packets] | add // 0'; }

trace() {
	on "$1" traceroute -n -I -q 2 -w 1 -m 8 "$2" >"$BATS_TEST_TMPDIR/trace"
	hops "$BATS_TEST_TMPDIR/trace"
}

# counted WAY FROM ADDRESS: pings are counted on that way and not on the other.
counted() {
	local gateway fastpath
	gateway=$(into_hub gateway) fastpath=$(into_hub fastpath)
	on "$2" ping -q -n -c 4 -i 0.02 -W 1 "$3" | grep -q ' 0% packet loss' || { echo "$3 does not answer" && return 1; }
	same "$3 through" "$(into_hub gateway)" $((gateway + ($([[ $1 == gateway ]] && echo 4 || echo 0))))
	same "$3 past" "$(into_hub fastpath)" $((fastpath + ($([[ $1 == fastpath ]] && echo 4 || echo 0))))
}

# appliance WAY ADDRESS: packets to it come to the appliance, hub-vm, on that way; it does not pass them on.
appliance() {
	local before seen=$BATS_TEST_TMPDIR/appliance
	on hub-vm timeout 10 tcpdump -Z root -lnc 4 "icmp and dst host $2" >"$seen" 2>"$seen.words" 3>&- &
	eventually 60 said listening "$seen.words"
	before=$(into_hub "$1")
	on pc ping -q -n -c 4 -i 0.05 -W 1 "$2" >/dev/null || :
	wait $!
	same "$2 at the appliance" "$(grep -c "> $2: ICMP echo request" "$seen")" 4
	same "$2 by way of $1" "$(into_hub "$1")" $((before + 4))
}

# told CONNECTION FROM ADDRESS: "bypass" or "gateway: RULE", in which status and explain must agree.
told() {
	local status explained
	status=$(erx fastpath status "$1" --json | jq -r --arg a "$3" 'def n: split(".") | map(tonumber) | reduce .[] as $b (0; . * 256 + $b);
		.destinations[] | select((.first | n) <= ($a | n) and ($a | n) < (.first | n) + .count)
		| if .way == "bypass" then "bypass" else "gateway: " + .forbiddenBy end')
	explained=$(erx explain "$2" "$3" --json | jq -r '[.forward[].fastPath // empty]
		| if . == ["applies: the gateway is bypassed"] then "bypass" else (.[] | sub("^does not apply"; "gateway")) end')
	same "explain for $3" "$explained" "$status" >&2
	echo "$status"
}

# bypassed ADDRESS..., through RULE ADDRESS...: from the site, by packets and in words.
bypassed() {
	local address
	for address; do
		counted fastpath pc "$address"
		same "$address" "$(told hub-er pc "$address")" bypass
	done
}

through() {
	local rule=$1 address
	for address in "${@:2}"; do
		counted gateway pc "$address"
		same "$address" "$(told hub-er pc "$address")" "gateway: $rule"
	done
}

@test "ExpressRoute Direct: spokes of the region, routes of the GatewaySubnet, private endpoints, and what stays" {
	local seen
	rules "expressRoutePort: port"
	# Machine, second prefix, range; private endpoint, load balancer, firewall, resolver; the spoke's.
	bypassed 10.1.0.4 10.11.0.4 10.1.0.64 10.1.0.5 10.1.0.6 10.1.0.8 10.1.0.9 10.2.0.4 10.2.0.100
	# What the route of the GatewaySubnet covers, past the gateway as well.
	appliance fastpath 10.1.0.85
	same "covered by a route" "$(told hub-er pc 10.1.0.85)" bypass
	through "'far' is peered globally: FastPath reaches spokes of the gateway's own region only" 10.3.0.4
	through "private endpoints of peered spokes go through the gateway" 10.2.0.5
	through "internal load balancers of peered spokes go through the gateway" 10.2.0.6
	through "an Azure Firewall in a peered spoke is reached through the gateway" 10.2.0.8
	through "a DNS Private Resolver in a peered spoke is reached through the gateway" 10.2.0.9
	through "NetApp Files with basic network features go through the gateway" 10.1.0.10 10.2.0.10
	# The silent hop is there or not.
	same spoke "$(trace pc 10.2.0.4 | sed 's/172.16.1.[26]/MSEE/')" "192.168.0.2,192.168.9.0,MSEE,10.2.0.4"
	same "private endpoint" "$(trace pc 10.1.0.5 | sed 's/172.16.1.[26]/MSEE/')" "192.168.0.2,192.168.9.0,MSEE,10.1.0.5"
	same global "$(trace pc 10.3.0.4 | sed 's/172.16.1.[26]/MSEE/')" "192.168.0.2,192.168.9.0,MSEE,*,10.3.0.4"
	# Another VNet's packets turn round at the edge router, and are bypassed too.
	seen=$(trace other-vm 10.1.0.4)
	[[ $seen =~ ^10\.4\.1\.[45],10\.1\.0\.4$ ]] || { echo "hairpin: $seen" && return 1; }
	counted fastpath other-vm 10.1.0.4
	counted fastpath other-vm 10.2.0.4
	counted gateway other-vm 10.2.0.6
	same hairpin "$(told hub-er other-vm 10.1.0.4)" bypass
	# In text.
	erx fastpath status hub-er >"$BATS_TEST_TMPDIR/text"
	cat "$BATS_TEST_TMPDIR/text"
	grep -q "^hub-er: FastPath is on; 208 of 100000 addresses are programmed on 'port'$" "$BATS_TEST_TMPDIR/text"
	grep -qE "^  spoke +spoke-vm +10\.2\.0\.4 +bypass *$" "$BATS_TEST_TMPDIR/text"
	grep -qE "^  far +far-vm +10\.3\.0\.4 +gateway +'far' is peered globally: " "$BATS_TEST_TMPDIR/text"
	erx fastpath off hub-er
	same "switched off" "$(told hub-er pc 10.2.0.4)" "gateway: expressRouteGatewayBypass of 'hub-er' is off"
	counted gateway pc 10.2.0.4
	counted gateway other-vm 10.1.0.4
}

@test "a provider's circuit: the hub's machines and load balancers, unless a route of the GatewaySubnet covers them" {
	local seen
	rules "$PROVIDER"
	bypassed 10.1.0.4 10.11.0.4 10.1.0.79 10.1.0.96 10.1.0.6
	through "provider circuit: peered spokes go through the gateway" 10.2.0.4
	through "provider circuit: private endpoints go through the gateway" 10.1.0.5
	for seen in 10.1.0.80 10.1.0.95; do
		appliance gateway $seen
		same $seen "$(told hub-er pc $seen)" \
			"gateway: provider circuit: what a user-defined route of the GatewaySubnet covers goes through the gateway"
	done
	# Another VNet's are bypassed as well.
	counted fastpath other-vm 10.1.0.4
	counted gateway other-vm 10.2.0.4
}

# counted_into VNET EXPECTED ADDRESS: pings to an address of this VNet, as "0 through, 4 past".
counted_into() {
	local gateway fastpath vnet=$1
	shift
	into() { erx counters --json | jq --arg way "$vnet/$1" '[.paths[] | select(.path | endswith(">" + $way)) | .packets] | add // 0'; }
	gateway=$(into gateway) fastpath=$(into fastpath)
	on pc ping -q -n -c 4 -i 0.02 -W 1 "$2" | grep -q ' 0% packet loss' || { echo "$2 does not answer" && return 1; }
	same "$2" "$(($(into gateway) - gateway)) through, $(($(into fastpath) - fastpath)) past" "$1"
}

# explained TEXT: explain says so of the last address that is programmed.
explained() {
	erx explain pc 10.64.97.175 --json | jq -e --arg text "$1" '[.forward[].fastPath // empty] == [$text]' >/dev/null
}

@test "address 25,000 goes past the gateway, 25,001 through it and nobody is told of an error" {
	filled l fastpath-limit a 25000 b 1 c 1 er1 "$PROVIDER" er2 "$PROVIDER"
	local msee
	counted_into a "0 through, 4 past" 10.64.97.175
	counted_into a "4 through, 0 past" 10.64.97.176
	same "the last one" "$(told a-er1 pc 10.64.97.175)" bypass
	same "one more" "$(told a-er1 pc 10.64.97.176)" "gateway: address 25,001 of 25,000: not programmed"
	erx fastpath status a-er1 >"$BATS_TEST_TMPDIR/text"
	grep -q "^a-er1: FastPath is on; 25000 of 25000 addresses are programmed on 'er1', the rest goes through the gateway$" "$BATS_TEST_TMPDIR/text"
	erx fastpath status a-er1 --json | jq -e '.programmed == 25000 and .wanted == 25001 and .limit == 25000'
	# All room is taken by the first connection; when it is off there is some.
	counted_into b "4 through, 0 past" 10.80.0.4
	same "of a later connection" "$(told b-er1 pc 10.80.0.4)" "gateway: address 25,002 of 25,000: not programmed"
	run -0 erx fastpath off a-er1
	[[ $output == *"next-hop groups written, 0 routes, 4 blocks of FastPath addresses"* ]]
	same "of a later connection, then" "$(told b-er1 pc 10.80.0.4)" bypass
	counted_into b "0 through, 4 past" 10.80.0.4
	counted_into a "4 through, 0 past" 10.64.97.175
	erx fastpath on a-er1
	counted_into b "4 through, 0 past" 10.80.0.4
	# When the way past the gateway fails, the addresses that are programmed go through it.
	msee=$(erx explain pc 10.64.97.175 --json | jq -r '.forward[].device | select(startswith("er1."))')
	ip -n "erx-$LAB" link set "$(interface a "a:$msee")" down
	eventually 60 explained 'does not apply: the way past the gateway is down'
	counted_into a "4 through, 0 past" 10.64.97.175
	ip -n "erx-$LAB" link set "$(interface a "a:$msee")" up
	eventually 60 explained 'applies: the gateway is bypassed'
	counted_into a "0 through, 4 past" 10.64.97.175
}
