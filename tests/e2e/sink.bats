#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Addresses without a namespace of their own: packets to each arrive where one
# host answers for all, by the way of a virtual machine in the same subnet.
load life

RANGES='s/addressSpace: \[10.20.0.0\/24\]/addressSpace: [10.20.0.0\/24, 10.64.0.0\/14]/
s/{default: 10.20.0.0\/25,/{default: {addressPrefix: 10.20.0.0\/25, addressRanges: [{first: 10.20.0.16, count: COUNT}]}, many: {addressPrefix: 10.64.0.0\/14, addressRanges: [{first: 10.64.0.4, count: 200000}]},/
s/{hub-vm: 10.20.0.4}/{hub-vm: 10.20.0.4, many-vm: 10.67.200.4}\n    privateEndpoints: {store: {address: 10.20.0.8, kind: Storage}}\n    loadBalancers: {front: {address: 10.20.0.9}, wall: {address: 10.20.0.10, kind: AzureFirewall}}/'

# ranges NAME [COUNT]: the lab with addresses of all kinds, COUNT of them in the subnet default; prints its path.
ranges() { small "$1" "${RANGES/COUNT/${2-20}}"; }

setup_file() {
	need ping traceroute jq python3 bpftool || return 0
	LAB=$(lab_name) TOPOLOGY=$(ranges "$(lab_name)")
	export LAB TOPOLOGY
	load_lab "$TOPOLOGY"
}
teardown_file() { remove_labs; }
teardown() { end_beside; }

# ping_ttl HOST ADDRESS: the TTL of the one answer; "lost" when there is none.
ping_ttl() {
	on "$1" ping -n -c 1 -W 1 "$2" | sed -n "s/^64 bytes from $2: .* ttl=\([0-9]*\) .*/\1/p" | grep . || echo lost
}

# bats test_tags=kernel
@test "the first, one in the middle and the last address of a range answer, and each endpoint" {
	local address
	for address in 10.64.0.4 10.65.3.7 10.67.13.67 10.20.0.16 10.20.0.35 10.20.0.8 10.20.0.9 10.20.0.10; do
		same "$address from the site" "$(ping_ttl site-vm "$address")" "$(ping_ttl site-vm 10.20.0.4)"
		same "$address from its VNet" "$(ping_ttl many-vm "$address")" 64
		same "$address from a spoke" "$(ping_ttl spoke-vm "$address")" 64
	done
}

@test "the addresses beside them are nobody's" {
	local address before
	before=$(dropped hub no-next-hop)
	for address in 10.64.0.3 10.67.13.68 10.20.0.15 10.20.0.36 10.20.0.7 10.20.0.11; do
		same "$address" "$(ping_ttl site-vm "$address")" lost
	done
	(($(dropped hub no-next-hop) == before + 6))
}

# bats test_tags=kernel
@test "a traceroute shows the hops to a virtual machine of the subnet, and then the address" {
	local seen="$BATS_TEST_TMPDIR/seen" expected="$BATS_TEST_TMPDIR/expected"
	on site-vm traceroute -n -I -q 1 -w 1 -m 12 10.67.200.4 >"$expected"
	on site-vm traceroute -n -I -q 1 -w 1 -m 12 10.65.3.7 >"$seen"
	same hops "$(hops "$seen")" "$(hops "$expected" | sed 's/10.67.200.4$/10.65.3.7/')"
	same explained "$(erx explain --json site-vm 10.65.3.7 | jq -r '[.forward[] | .hop // "*"] | join(",")')" "$(hops "$seen")"
}

# bats test_tags=kernel
@test "TCP is refused where nobody listens, and accepted where somebody does, by the address that was asked" {
	exits 1 on site-vm python3 -c 'import socket; socket.create_connection(("10.65.3.7", 81), 2)'
	says ConnectionRefusedError
	beside hub-many-sink python3 "$E2E/talk.py" serve 47100 30
	listening hub-many-sink 47100
	exits 0 on site-vm python3 -c 'import socket; print(socket.create_connection(("10.65.3.7", 47100), 2).getpeername())'
	says 10.65.3.7
}

@test "what goes there is counted under the paths of a virtual machine" {
	local path=er1.primary\>hub/gateway vm range
	to_hub() { echo $(($(path_packets "$path") + $(path_packets "${path/primary/secondary}"))); }
	vm=$(to_hub)
	on site-vm ping -q -n -i 0.05 -c 5 10.67.200.4
	range=$(to_hub)
	on site-vm ping -q -n -i 0.05 -c 5 10.65.3.7
	same "to the virtual machine" $((range - vm)) 5
	same "to the range" $(($(to_hub) - range)) 5
}

@test "explain, next-hop and reach take any of the addresses, and endpoints by name; status tells how many there are" {
	exits 0 erx reach site-vm 10.65.3.7
	says "site-vm > hub-many-sink (10.65.3.7): reached" "as the routes say"
	exits 0 erx explain site-vm 10.20.0.8
	says "site-vm > hub-default-sink (10.20.0.8)" "reachable; ping prints ttl=61"
	exits 0 erx explain site-vm store
	says "site-vm > hub-default-sink (10.20.0.8)" "reachable; ping prints ttl=61"
	exits 0 erx reach site-vm hub/wall
	says "site-vm > hub-default-sink (10.20.0.10): reached"
	exits 0 erx show next-hop spoke-vm 10.65.3.7
	says VirtualNetworkPeering
	exits 2 erx explain site-vm 10.64.0.3
	says "no host '10.64.0.3'"
	exits 0 erx status
	says "sink for 200000 addresses" "sink for 23 addresses"
	same JSON "$(erx status --json | jq -c '[.labs[] | select(.lab == env.LAB).hosts[] | select(.sink) | {name, addresses}]')" \
		'[{"name":"hub-default-sink","addresses":23},{"name":"hub-many-sink","addresses":200000}]'
	exits 0 erx reach --matrix
	exits 0 erx verify
	exits 0 ctl plan "$TOPOLOGY"
}

# grow COUNT ADDRESS RESULT: a file with another count is loaded; others lose nothing, the address answers or not.
grow() {
	local file="$BATS_TEST_TMPDIR/changed.yaml"
	small_as "$LAB" "$file" "${RANGES/COUNT/$1}"
	exits 4 ctl plan "$file"
	flow_start "$LAB" site-vm hub-vm 10.20.0.4
	flow_start "$LAB" hub-vm spoke-vm 10.21.0.4
	exits 0 ctl load "$file"
	says "brought up to date"
	same "$2" "$(ping_ttl site-vm "$2")" "$3"
	same "one that was there" "$(ping_ttl site-vm 10.20.0.16)" 61
	flow_end "$LAB" site-vm
	flow_end "$LAB" hub-vm
	exits 0 ctl plan "$file"
}

@test "a range that grows and shrinks costs other hosts no packet" {
	grow 40 10.20.0.55 61
	grow 10 10.20.0.26 lost
	exits 0 ctl load "$TOPOLOGY"
}

@test "what is loaded with 200,000 addresses is loaded quickly, and gone afterwards" {
	local lab file
	lab=$(lab_name b)
	file=$(ranges "$lab")
	# A namespace for each would take a quarter of an hour; it takes half a second where nobody else wants the CPU.
	exits 0 timeout 60 "$ERXDPCTL" load "$file"
	exits 0 ctl unload "$lab"
	gone "$lab"
}
