#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# erxdpctl reach: who reaches whom, from packets, beside what the routes say.
load lib

setup() {
	need jq ip python3
}

teardown() {
	remove_labs
}

# matrix: the lines of the matrix alone, "1 -+++".
matrix() {
	sed -nE 's/^ *([0-9]+)  ([-+.X?]+)$/\1 \2/p' <<<"$output"
}

@test "packets and routes agree in every shipped topology" {
	local file hosts
	watch_lateness
	for file in "$ROOT"/topologies/*.yaml; do
		own_lab "$(basename "$file" .yaml)"
		run -0 erx reach --matrix
		[[ $output == *" 0 differ from the routes"* && $output != *[X?]$'\n'* ]]
		hosts=$(hosts_and_addresses | wc -l)
		[[ $(matrix | wc -l) -eq $hosts ]]
		run -0 --separate-stderr erx reach --matrix --json
		jq -e --argjson pairs $((hosts * (hosts - 1))) '.differ == 0 and (.pairs | length) == $pairs and
			all(.pairs[]; .packets == .model and .why == null) and
			(.reachable == ([.pairs[] | select(.packets)] | length))' <<<"$output"
		in_time 100 jq -e '.seconds < 5' <<<"$output"
		remove_labs
	done
}

@test "the matrix of the interoperability setup" {
	own_lab interop
	run -0 erx reach --matrix
	same matrix "$(matrix | paste -sd ' ')" "1 -+++++ 2 +-++++ 3 ++-.+. 4 ++.-+. 5 ++++-. 6 ++...-"
	run -0 erx reach hub-vm loc1-vm
	[[ $output == "hub-vm > loc1-vm: reached, ttl=60, "*", as the routes say" ]]
	run -0 erx reach branch-vm loc2-vm
	[[ $output == "branch-vm > loc2-vm: not reached, as the routes say: "*"no transit between ExpressRoute and VPN"* ]]
	run -0 --separate-stderr erx reach --json loc1-vm hub-vm
	jq -e '.pairs | length == 1 and .[0].packets and .[0].model and .[0].ttl == 61' <<<"$output"
}

@test "a loud failure changes both; a silent one only the packets, and is named" {
	own_lab interop
	erx fail er1.primary
	run -0 erx reach --matrix
	same loud "$(matrix | paste -sd ' ')" "1 -+++++ 2 +-++++ 3 ++-.+. 4 ++.-.. 5 +++.-. 6 ++...-"
	erx restore --all
	erx fail --silent er2.primary
	run -3 erx reach --matrix
	[[ $output == *"link 'loc2-ce1:er2.primary' loses packets silently"* ]]
	[[ $(matrix) == *X* ]]
	run -3 --separate-stderr erx reach --matrix --json
	jq -e '.differ > 0 and .differ == ([.pairs[] | select(.differs)] | length) and
		all(.pairs[] | select(.differs); .model and (.packets | not) and (.why | contains("er2.primary")))' <<<"$output"
	erx restore --all
	run -0 erx reach --matrix
}

@test "packets that others lose are found as well, and counters are pointed to" {
	own_lab minimal
	ip -n "erx-$LAB-hub-vm" addr flush dev eth0
	run -3 erx reach office-pc hub-vm
	[[ $output == *"packets are lost, though the routes lead there and back: nothing that is loaded explains it"* ]]
}

# A subnet for each: hosts of one subnet have an ARP entry for each other, and the machine has room for 1024.
@test "46 hosts: all 2070 pairs in about the time that is stated" {
	local i vms= subnets=
	for ((i = 0; i < 45; i++)); do
		vms+="vm$i: 10.0.$i.4, "
		subnets+="s$i: 10.0.$i.0/24, "
	done
	LAB=$(lab_name)
	TOPOLOGY=$BATS_FILE_TMPDIR/$LAB.yaml
	cat >"$TOPOLOGY" <<-END
		name: $LAB
		virtualNetworks:
		  hub: {location: eastus, addressSpace: [10.0.0.0/16], subnets: {$subnets}, virtualMachines: {$vms}}
		  far: {location: eastus, addressSpace: [10.1.0.0/16], subnets: {default: 10.1.0.0/24}, virtualMachines: {far-vm: 10.1.0.4}}
	END
	load_lab "$TOPOLOGY"
	watch_lateness
	run -0 --separate-stderr erx reach --matrix --json
	[[ $stderr =~ "2070 pairs of 46 hosts, at most about "([0-9.]+)" s" ]]
	jq -e '.differ == 0 and .reachable == 1980' <<<"$output"
	in_time 100 jq -e --argjson bound "${BASH_REMATCH[1]}" '.seconds < $bound + 1' <<<"$output"
	run -0 erx reach --matrix
	[[ $(matrix | wc -l) -eq 46 ]]
}

@test "misuse of reach" {
	own_lab minimal
	run -2 erx reach
	run -2 erx reach --matrix hub-vm office-pc
	run -2 erx reach hub-vm hub-vm
	run -2 erx reach hub-vm offce-pc
	[[ $output == *"did you mean 'office-pc'"* ]]
}
