#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The gateway bypass, switched while packets run.
# bats file_tags=kernel
load lib

PORT=47001
RATE=16000
SWITCHES=1000 # some ten seconds

setup_file() {
	need traceroute ping python3 jq bpftool || return 0
	own_swift_lab interop
}

teardown_file() {
	remove_labs
}

teardown() {
	[[ -z ${LAB-} ]] || erx fastpath off hub-er1
}

trace() {
	on "$1" traceroute -n -I -q 2 -w 1 -m 8 "$2" >"$BATS_TEST_TMPDIR/trace"
	hops "$BATS_TEST_TMPDIR/trace"
}

# seen_by_bpftool PATH: the counter as a user of bpftool sees it, whatever other labs are there.
seen_by_bpftool() {
	bpftool -j map dump name erx_paths | jq --arg lab "$LAB" --arg path "$1" \
		'[.. | objects | select(.lab? == $lab and .name? == $path) | .packets] | add'
}

# both WAY: packets on the way 'gateway' or 'fastpath', after checking that both tools say the same.
both() {
	local path="er1.primary>hub/$1" ours theirs
	ours=$(path_packets "$path")
	theirs=$(seen_by_bpftool "$path")
	same "$path in bpftool" "$theirs" "$ours" >&2 && echo "$ours"
}

# counts_on WAY OTHER: ten packets from location 1 to the hub are counted there and only there.
counts_on() {
	local way other
	way=$(both "$1")
	other=$(both "$2")
	on loc1-vm ping -q -n -c 10 -i 0.02 -W 1 10.10.30.4 | grep -q ' 0% packet loss'
	same "$1" "$(both "$1")" "$((way + 10))"
	same "$2" "$(both "$2")" "$other"
}

@test "on: the silent gateway hop is gone for the hub's VM, not for the spoke's; off: it is back" {
	local to_hub=10.2.30.3,192.168.30.0,192.168.30.18
	same off "$(trace loc1-vm 10.10.30.4)" "$to_hub,*,10.10.30.4"
	erx fastpath on hub-er1
	same on "$(trace loc1-vm 10.10.30.4)" "$to_hub,10.10.30.4"
	same "on, spoke" "$(trace loc1-vm 10.11.30.4)" "$to_hub,*,10.11.30.4"
	same "on, other connection" "$(trace loc1-vm 10.17.30.4)" "$to_hub,*,10.17.30.4"
	same "on, out of Azure" "$(trace hub-vm 10.2.30.10)" "10.10.30.132,*,*,10.2.30.10"
	same "on, from the remote region" "$(trace remote-vm 10.10.30.4)" "10.17.30.36,10.10.30.4"
	erx fastpath off hub-er1
	same "off again" "$(trace loc1-vm 10.10.30.4)" "$to_hub,*,10.10.30.4"
}

@test "the path that counts is /fastpath when it is on and /gateway when it is off, for bpftool too" {
	counts_on gateway fastpath
	erx fastpath on hub-er1
	counts_on fastpath gateway
	erx fastpath off hub-er1
	counts_on gateway fastpath
}

@test "a spoke's packets use the gateway, FastPath or not" {
	local gateway fastpath
	erx fastpath on hub-er1
	gateway=$(path_packets "er1.primary>hub/gateway") fastpath=$(path_packets "er1.primary>hub/fastpath")
	on loc1-vm ping -q -n -c 10 -i 0.02 -W 1 10.11.30.4
	same gateway "$(path_packets "er1.primary>hub/gateway")" "$((gateway + 10))"
	same fastpath "$(path_packets "er1.primary>hub/fastpath")" "$fastpath"
}

# The switches go by the controller's socket, so that there are many a second; toggle.py looks at bpftool's counters.
@test "$SWITCHES switches under a flow of $RATE packets a second: none lost, none twice, each on the way that is on" {
	local receiver sender
	on hub-vm python3 "$E2E/flow.py" receive $PORT >"$BATS_TEST_TMPDIR/flow" 2>"$BATS_TEST_TMPDIR/words" 3>&- &
	receiver=$!
	listening_udp hub-vm $PORT
	timeout 120 "$ERXDPCTL" exec --lab "$LAB" loc1-vm -- python3 "$E2E/flow.py" send 10.10.30.4 $PORT $RATE 3>&- &
	sender=$!
	eventually 60 said flowing "$BATS_TEST_TMPDIR/words"
	timeout 110 "$E2E/toggle.py" "$LAB" hub-er1 "er1.primary>hub" "$SWITCHES" >"$BATS_TEST_TMPDIR/toggled"
	kill "$sender"
	wait "$sender" "$receiver"
	cat "$BATS_TEST_TMPDIR/toggled" "$BATS_TEST_TMPDIR/flow"
	jq -e --argjson times "$SWITCHES" '.times == $times and .looks > 3 and .wrong == []' "$BATS_TEST_TMPDIR/toggled"
	jq -e '.lost == 0 and .twice == 0 and .sent > 10000' "$BATS_TEST_TMPDIR/flow"
}

@test "status says what is on, off, and where it cannot be" {
	erx fastpath on hub-er1
	erx fastpath status hub-er1 --json | jq -e '.expressRouteGatewayBypass and .effective'
	erx explain loc1-vm hub-vm --json | jq -e '[.forward[].fastPath // empty] == ["applies: the gateway is bypassed"]'
	erx explain loc1-vm spoke-vm --json | jq -e '[.forward[].fastPath // empty | startswith("does not apply")] == [true]'
	erx fastpath off hub-er1
	erx fastpath status hub-er1 --json | jq -e '.effective == false'
}

@test "refused in words: a SKU without FastPath, an unknown connection, a VPN" {
	LAB=$(lab_name sku)
	sed "s/^name:.*/name: $LAB/; s/\(hub-ergw:.*\)UltraPerformance/\1HighPerformance/" "$TOPOLOGY" \
		>"$BATS_TEST_TMPDIR/sku.yaml"
	load_lab "$BATS_TEST_TMPDIR/sku.yaml"
	run -3 erx fastpath on hub-er1
	[[ $output == *"SKU"*"UltraPerformance"* ]]
	same "after the refusal" "$(trace loc1-vm 10.10.30.4)" "10.2.30.3,192.168.30.0,192.168.30.18,*,10.10.30.4"
	run -2 erx fastpath on hub-er3
	[[ $output == *"did you mean 'hub-er1'?"* || $output == *"did you mean 'hub-er2'?"* ]]
	run -2 erx fastpath on hub-loc1-vpn
}
