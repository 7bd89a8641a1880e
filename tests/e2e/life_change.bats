#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A loaded lab meets another file, a bad file, damage: it moves by the smallest
# change or not at all, and flows that the change is not about lose nothing.
# Slow: begun first.
load life

SPOKE='/^virtualNetworkGateways:/i\
  spoke2:\
    addressSpace: [10.22.0.0/24]\
    subnets: {default: 10.22.0.0/25}\
    virtualMachines: {spoke2-vm: 10.22.0.4}\
    virtualNetworkPeerings: {hub: {useRemoteGateways: true}}
s/{spoke: {allowGatewayTransit: true}}/{spoke: {allowGatewayTransit: true}, spoke2: {allowGatewayTransit: true}}/'
MACHINE='s/{hub-vm: 10.20.0.4}/{hub-vm: 10.20.0.4, another-vm: 10.20.0.5}/'
CONNECTION='/^onPremises:/a\
  site2:\
    lan: 10.31.0.0/25\
    switch: {address: 10.31.0.3}\
    hosts: {site2-vm: 10.31.0.10}\
    routers:\
      site2-ce: {asn: 65022, lanInterface: 192.168.31.0/31}
/^expressRouteCircuits:/a\
  er2:\
    sku: {tier: Standard, family: MeteredData}\
    serviceProviderProperties: {peeringLocation: Seattle, bandwidthInMbps: 1000}\
    peerings:\
      AzurePrivatePeering: {peerASN: 65022, vlanId: 310, primaryPeerAddressPrefix: 192.168.31.16/30, secondaryPeerAddressPrefix: 192.168.31.20/30}\
    customerEdge: {primary: site2-ce, secondary: site2-ce}
/^connections:/a\
  hub-er2: {connectionType: ExpressRoute, virtualNetworkGateway1: hub-ergw, peer: er2}'

setup_file() { need bpftool jq python3 || return 0; }
teardown_file() { remove_labs; }

# is_whole LAB FILE: nothing to do, not damaged, and the file's expectations pass.
is_whole() {
	exits 0 ctl plan "$2"
	[[ $(ctl status --json | jq --arg lab "$1" '[.labs[] | select(.lab == $lab)][0].damaged') == false ]]
	exits 0 ctl verify --lab "$1"
}

# grows SUFFIX CHANGE ADDRESS: load a change and then the original under flows, and reach what is new.
grows() {
	local lab file changed=$BATS_TEST_TMPDIR/changed.yaml
	lab=$(lab_name "$1")
	file=$(small "$lab")
	small_as "$lab" "$changed" "$2"
	run ! cmp "$file" "$changed"
	exits 0 ctl load "$file"
	exits 4 ctl plan "$changed"
	says "to make" "routes to add"
	[[ $output != *"programs have to be loaded"* && $output != *"namespaces to remove"* && $output != *"links to remove"* ]]
	flow_start "$lab" site-vm hub-vm 10.20.0.4
	flow_start "$lab" hub-vm spoke-vm 10.21.0.4
	exits 0 ctl load "$changed"
	says "brought up to date"
	exits 0 ctl exec --lab "$lab" hub-vm -- ping -q -c 1 -W 2 "$3"
	exits 0 ctl plan "$changed"
	exits 4 ctl plan "$file"
	exits 0 ctl load "$file"
	exits 1 ctl exec --lab "$lab" hub-vm -- ping -q -c 1 -W 0.3 "$3"
	flow_end "$lab" site-vm
	flow_end "$lab" hub-vm
	is_whole "$lab" "$file"
	exits 0 ctl unload "$lab"
	gone "$lab"
}

@test "another spoke: no packet of others is lost, nor when it goes again" {
	grows s "$SPOKE" 10.22.0.4
}

@test "another virtual machine: no packet of others is lost, nor when it goes again" {
	grows v "$MACHINE" 10.20.0.5
}

@test "another circuit and connection: no packet of others is lost, nor when it goes again" {
	grows c "$CONNECTION" 10.31.0.10
}

@test "faults and switches outlive a load of the same file" {
	local lab file
	lab=$(lab_name k)
	file=$(small "$lab")
	exits 0 ctl load "$file"
	exits 0 ctl fail --lab "$lab" er1.primary
	exits 0 ctl fastpath --lab "$lab" on hub-er1
	exits 0 ctl load "$file"
	says "nothing to do"
	[[ $(ctl status --json --lab "$lab" | jq -c '.labs[0].failed') == *er1.primary* ]]
	[[ $(ctl fastpath --lab "$lab" --json status hub-er1 | jq .effective) == true ]]
}

@test "a load that fails leaves the running lab as it was" {
	local lab file bad=$BATS_TEST_TMPDIR/bad.yaml grown=$BATS_TEST_TMPDIR/grown.yaml open
	lab=$(lab_name f)
	file=$(small "$lab")
	exits 0 ctl load "$file"
	flow_start "$lab" site-vm hub-vm 10.20.0.4

	small_as "$lab" "$bad" 's/10.21.0.4/10.99.0.4/'
	exits 3 ctl load "$bad"
	says "bad.yaml:"
	exits 3 ctl plan "$bad"
	exits 0 ctl plan "$file"

	# Somebody else's namespace where the change needs one.
	small_as "$lab" "$grown" "$MACHINE"
	ip netns add "erx-$lab-another-vm"
	exits 1 ctl load "$grown"
	says "erx-$lab-another-vm" "as it was before"
	ip netns del "erx-$lab-another-vm"
	exits 0 ctl plan "$file"

	# Not root. The program is copied to where everybody may run it.
	open=$(mktemp -d)
	chmod 755 "$open"
	cp "$ERXDPCTL" "$open/erxdpctl"
	install -m 644 "$grown" "$open/grown.yaml"
	for verb in "load $open/grown.yaml" "plan $open/grown.yaml" "unload $lab" "fail --lab $lab er1" "exec --lab $lab hub-vm -- true"; do
		# shellcheck disable=SC2086 # words of a command
		exits 1 setpriv --reuid 65534 --regid 65534 --clear-groups "$open/erxdpctl" $verb
		says root
	done
	rm -rf "$open"

	flow_end "$lab" site-vm
	is_whole "$lab" "$file"
}

# bats test_tags=kernel
@test "a fabric that loses its name while somebody holds it is made anew, and packets pass" {
	local lab file holder
	lab=$(lab_name h)
	file=$(small "$lab")
	exits 0 ctl load "$file"
	ip netns exec "erx-$lab" sleep 60 3>&- &
	holder=$!
	eventually 60 runs_sleep $holder
	ip netns del "erx-$lab"
	exits 0 ctl load "$file"
	says "brought up to date"
	exits 0 ctl load "$file"
	says "nothing to do"
	kill $holder
	wait $holder || :
	sleep 0.3
	exits 0 ctl reach --lab "$lab" --matrix
}

# What goes with a namespace or a pin goes when the kernel clears up.
is_damaged() { [[ $(ctl status --json --lab "$1" | jq '.labs[0].damaged') == true ]]; }

# bats test_tags=kernel
@test "damage from outside is said by status and repaired by load" {
	local lab file what
	lab=$(lab_name d)
	file=$(small "$lab")
	exits 0 ctl load "$file"
	for what in \
		"ip netns del erx-$lab-hub-vm" \
		"ip netns del erx-$lab" \
		"ip -n erx-$lab link del $(ip -n "erx-$lab" -o link | awk -F'[ :@]+' '$1 == 1003 { print $2 }')" \
		"rm /sys/fs/bpf/erxdp/$lab/erx_routes" \
		"rm /sys/fs/bpf/erxdp/$lab/programs/ergw" \
		"rm /sys/fs/bpf/erxdp/$lab/ports/1002" \
		"rm /sys/fs/bpf/erxdp/$lab/port_lost" \
		"rm -r /sys/fs/bpf/erxdp/$lab"; do
		echo "damage: $what"
		exits 0 $what
		eventually 60 is_damaged "$lab"
		exits 0 ctl status --lab "$lab"
		says "damaged: " "load"
		exits 4 ctl plan "$file"
		exits 0 ctl load "$file"
		is_whole "$lab" "$file"
	done
	# What is kept of the request, too.
	for what in ids state topology.yaml; do
		rm "/run/erxdp/$lab/$what"
		exits 0 ctl load "$file"
		is_whole "$lab" "$file"
	done
	exits 0 ctl unload "$lab"
	gone "$lab"
}
