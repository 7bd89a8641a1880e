#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Every packet leaves through one place with a counted reason: after traffic of
# every kind, overload included, the sums are exact.
load lib

SECONDS_OF_LOAD=4

setup_file() {
	need ping mtr iperf3 python3 jq || return 0
	own_swift_lab interop
}

teardown_file() {
	remove_labs
}

teardown() {
	end_beside
}

account() {
	local sums=$BATS_TEST_TMPDIR/sums
	timeout 120 python3 "$E2E/account.py" "$LAB" >"$sums" || { cat "$sums"; return 1; }
	echo "# $(tail -n 1 "$sums")" >&3
}

# flood FROM TO ADDRESS PORT [SECONDS]: UDP as fast as it goes, in small packets.
flood() {
	beside "$2" iperf3 -s -1 -p "$4"
	listening "$2" "$4"
	beside "$1" iperf3 -c "$3" -p "$4" -u -b 0 -l 64 -t "${5-$SECONDS_OF_LOAD}"
}

happened() {
	local device reason
	while read -r device reason; do
		(($(dropped "$device" "$reason") > 0)) || { echo "no drop at $device for $reason"; return 1; }
	done
}

# bats test_tags=kernel
@test "the sums hold after load's own exchange" {
	account
}

@test "mixed traffic with overload: floods, probes that expire, spoofed packets and garbage" {
	flood loc1-vm hub-vm 10.10.30.4 5301
	flood remote-vm spoke-vm 10.11.30.4 5302
	flood branch-vm loc1-vm 10.2.30.10 5303
	beside hub-vm mtr -n -i 0.1 -c 20 -G 1 --report 10.2.30.10
	beside loc2-vm mtr -n -i 0.1 -c 20 -G 1 --report 10.11.30.4
	beside loc1-vm python3 "$E2E/raw.py" expire 10.10.30.4 4000 $SECONDS_OF_LOAD
	beside hub-vm python3 "$E2E/raw.py" spoof 10.10.30.99 10.2.30.10 500
	beside loc1-vm python3 "$E2E/raw.py" garbage eth0 2000 $SECONDS_OF_LOAD
	beside branch-vm ping -q -i 0.01 -c 100 -W 1 10.1.31.10
	wait
	happened <<-END
		loc1 icmp-limited
		loc1 truncated
		loc1 vlan
		loc1 not-ipv4
		loc1 arp-other
		loc1 multicast
		loc1 not-for-me
		loc1 bad-version
		loc1 bad-header-length
		loc1 bad-length
		loc1 bad-checksum
		loc1 ttl-zero
		loc1-ce1 no-route
		hub spoofed
		branch route-none
	END
	account
}

# bats test_tags=kernel
@test "while links fail, restore and FastPath switches under load, nothing goes uncounted" {
	local i flood
	flood loc1-vm hub-vm 10.10.30.4 5304 30
	flood=$!
	for ((i = 0; i < 4; i++)); do
		erx fastpath on hub-er1
		erx fail er1.primary
		sleep 0.2
		erx fastpath off hub-er1
		erx restore er1.primary
		sleep 0.2
	done
	erx fail --silent er1.primary
	eventually 60 drops_more er1.primary fault 0
	erx restore er1.primary
	kill "$flood"
	wait
	account
}

# drops_more DEVICE REASON THAN
drops_more() { (($(dropped "$1" "$2") > $3)); }

# hellos_over LINK A B: in both directions, until end_beside.
hellos_over() {
	local fabric=(nsenter "--net=/run/netns/erx-$LAB") a b
	a=$(interface "$2" "$1") b=$(interface "$3" "$1")
	"${fabric[@]}" python3 "$E2E/raw.py" hello "$a" "$b" 200 60 3>&- &
	"${fabric[@]}" python3 "$E2E/raw.py" hello "$b" "$a" 200 60 3>&- &
}

hellos_at() {
	erx counters --json | jq --arg device "$1" '.devices[] | select(.device == $device) | .hellos'
}

# hears_more DEVICE THAN
hears_more() { (($(hellos_at "$1") > $2)); }

branch_packets() {
	erx counters --json | jq '[.paths[] | select(.path | test("branch")) | .packets] | add'
}

@test "hellos between packets, also through a silent failure, are in no sum and in no path" {
	local branch ce vpn faults
	branch=$(branch_packets) ce=$(hellos_at er1.primary) vpn=$(hellos_at branch-vpngw/0) faults=$(dropped er1.primary fault)
	flood loc1-vm hub-vm 10.10.30.4 5305 60
	hellos_over loc1-ce1:er1.primary loc1-ce1 er1.primary
	hellos_over hub-vpngw/0:branch-vpngw/0 hub-vpngw/0 branch-vpngw/0
	eventually 60 hears_more er1.primary $((ce + 100))
	eventually 60 hears_more branch-vpngw/0 $((vpn + 100))
	erx fail --silent er1.primary
	eventually 60 drops_more er1.primary fault "$faults"
	erx restore er1.primary
	ce=$(hellos_at er1.primary)
	eventually 60 hears_more er1.primary $((ce + 100))
	end_beside
	same "packets in the branch's paths" "$(branch_packets)" "$branch"
	account
}

# lost_with DEVICE: of 20 packets from location 1 to the hub with this end of the CE's link to Microsoft down, and a
# controller that sleeps: awake it would find another way.
lost_with() {
	local port before pid fabric=(nsenter "--net=/run/netns/erx-$LAB")
	port=$(interface "$1" loc1-ce1:er1.primary)
	before=$(dropped loc1-ce1 lost-in-port)
	pid=$(erx status --json | jq --arg lab "$LAB" '.. | select(.lab? == $lab) | .controllerPid')
	kill -STOP "$pid"
	"${fabric[@]}" ip link set "$port" down
	on loc1-vm ping -q -n -i 0.01 -c 20 -W 1 10.10.30.4 >&2 || :
	"${fabric[@]}" ip link set "$port" up
	kill -CONT "$pid"
	echo $(($(dropped loc1-ce1 lost-in-port) - before))
}

# bats test_tags=kernel
@test "what does not get through a port is lost in that port, and counted there" {
	same "lost, the far end down" "$(lost_with er1.primary)" 20
	same "lost, the port itself down" "$(lost_with loc1-ce1)" 20
	on loc1-vm ping -q -n -i 0.01 -c 20 -W 1 10.10.30.4 | grep ' 0% packet loss'
	account
}
