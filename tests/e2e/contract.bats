#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A lab that another build has loaded: who meets it says so and reads none of its maps.
load lib

setup_file() {
	need make gcc ping jq bpftool || return 0
	flock "$ROOT/Makefile" make -s -C "$ROOT" build/tests/contract/erxdpctl build/tests/contract/erxdpd build/tests/contract/erxdp-wire
	own_lab interop
}

teardown_file() {
	remove_labs
}

OTHER=0123456789abcdef
PINS=/sys/fs/bpf/erxdp

# other ARGUMENT...: erxdpctl of a build that has another contract.
other() {
	timeout 30 "$ROOT/build/tests/contract/erxdpctl" "$@"
}

# said_so: the last command has told what is wrong and what to do.
said_so() {
	grep -Eq "lab '$LAB' was loaded by another build of erxdp \\(.+\\), whose maps this one \\(.+\\) cannot read" <<<"$output"
	grep -q "run 'erxdpctl unload $LAB' and load it again" <<<"$output"
}

# maps: all that a command could have misread and written.
maps() {
	maps_of "$LAB" routes groups ports adjacencies
	bpftool -j map dump pinned "$PINS/$LAB/erx_control"
}

@test "all that needs the maps refuses, and changes nothing" {
	local before changed=$BATS_TEST_TMPDIR/changed.yaml
	before=$(maps)
	sed 's/{hub-vm: 10.10.30.4}/{hub-x: 10.10.30.9, hub-vm: 10.10.30.4}/' "$TOPOLOGY" >"$changed"
	run -1 other load "$TOPOLOGY"
	said_so
	run -1 other load "$changed"
	said_so
	run -1 other plan "$changed"
	said_so
	run -1 other counters --lab "$LAB"
	said_so
	run -1 other capture --lab "$LAB" er1.primary -w "$BATS_TEST_TMPDIR/none"
	said_so
	same "the maps" "$(maps)" "$before"
	run -0 timeout 30 "$ERXDPCTL" plan "$TOPOLOGY"
	on loc1-vm ping -q -n -c 2 -i 0.1 -W 2 10.10.30.4
}

@test "status says it, and what it can tell without maps" {
	run -0 other status --lab "$LAB"
	said_so
	grep -q "loc1-vm" <<<"$output"
}

@test "a controller of the other build does not begin" {
	local pid
	pid=$(erx status --json | jq -r --arg lab "$LAB" '.. | select(.lab? == $lab) | .controllerPid // empty')
	[[ -n $pid ]]
	kill -KILL "$pid"
	while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
	run -1 other fail --lab "$LAB" er1.primary
	said_so
	erx fail er1.primary
	erx restore er1.primary
}

@test "a lab from before builds told their contract is another build's" {
	local link=$PINS/$LAB/contract text
	text=$(readlink "$link")
	rm "$link"
	run -1 timeout 30 "$ERXDPCTL" load "$TOPOLOGY"
	said_so
	ln -s "$text" "$link"
	run -0 timeout 30 "$ERXDPCTL" load "$TOPOLOGY"
}

@test "unload works from either side, and then so does load" {
	run -0 other unload "$LAB"
	[[ ! -e $PINS/$LAB ]]
	run -0 other load "$TOPOLOGY"
	same "the contract" "$(readlink "$PINS/$LAB/contract" | cut -d ' ' -f 1)" "$OTHER"
	run -1 timeout 30 "$ERXDPCTL" load "$TOPOLOGY"
	said_so
	run -0 timeout 30 "$ERXDPCTL" unload "$LAB"
	run -0 timeout 30 "$ERXDPCTL" load "$TOPOLOGY"
}

# contract_with SED FILE: the number of a tree whose FILE has been changed so.
contract_with() {
	local tree=$BATS_TEST_TMPDIR/tree
	rm -rf "$tree"
	mkdir -p "$tree/bpf"
	cp -r "$ROOT/include" "$tree"
	cp "$ROOT/bpf/maps.h" "$tree/bpf"
	sed -i "$1" "$tree/$2"
	! cmp -s "$tree/$2" "$ROOT/$2" || [[ -z $1 ]]
	"$ROOT/tools/contract" "$tree"
}

@test "what both sides include makes the number, comments do not" {
	local as_is
	as_is=$(contract_with '' include/erxdp/abi.h)
	same "of the build" "$(cat "$ROOT/build/contract")" "$as_is"
	same "a comment" "$(contract_with 's|/\* ERX_PORT_\* \*/|/* another\n * word */|' include/erxdp/abi.h)" "$as_is"
	[[ $(contract_with 's/__u16 policy_set;/__u32 policy_set;/' include/erxdp/abi.h) != "$as_is" ]]
	[[ $(contract_with 's/ERX_PORT_FAULT.*(1 << 0)/ERX_PORT_FAULT (1 << 7)/' include/erxdp/abi.h) != "$as_is" ]]
	[[ $(contract_with 's/ERX_MEANING 1/ERX_MEANING 2/' include/erxdp/abi.h) != "$as_is" ]]
	[[ $(contract_with 's/ERX_MAX_GROUPS.*16384/ERX_MAX_GROUPS 32768/' include/erxdp/limits.h) != "$as_is" ]]
	[[ $(contract_with 's/BPF_MAP_TYPE_LPM_TRIE/BPF_MAP_TYPE_HASH/' bpf/maps.h) != "$as_is" ]]
}
