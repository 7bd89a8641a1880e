#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Programs that the verifier refuses, and a map that is full: a file says why and
# changes nothing. The programs of both are made wrong on purpose.
load lib

setup_file() {
	need clang gcc make ping jq bpftool || return 0
	LAB=$(lab_name) TOPOLOGY=$(copy_as "$(lab_name)" interop) LARGE=$BATS_FILE_TMPDIR/large.yaml
	export LAB TOPOLOGY LARGE
	echo "$LAB" >"$BATS_FILE_TMPDIR/labs"
	sed 's|advertise: \[10.2.30.0/25\]|advertise: [10.2.30.0/25, {first: 10.64.0.0/24, count: 500}]|' \
		"$TOPOLOGY" >"$LARGE"
	run ! cmp -s "$TOPOLOGY" "$LARGE"
	flock "$ROOT/Makefile" make -s -C "$ROOT" build/tests/e2e/other_object.so build/tests/e2e/refused.bpf.o build/tests/e2e/small.bpf.o
}

teardown_file() {
	remove_labs
}

teardown() {
	end_beside
}

# with OBJECT ARGUMENT...: erxdpctl, with the programs of build/tests/e2e/OBJECT.bpf.o.
with() {
	OTHER_OBJECT=$ROOT/build/tests/e2e/$1.bpf.o LD_PRELOAD=$ROOT/build/tests/e2e/other_object.so \
		timeout 60 "$ERXDPCTL" "${@:2}"
}

@test "programs that the verifier refuses: its last lines, and nothing is left" {
	run -1 with refused load "$TOPOLOGY"
	grep -q "^erxdpctl: cannot load the XDP programs of lab '$LAB': Permission denied" <<<"$output"
	grep -q '^  invalid access to packet, off=11 size=1' <<<"$output"
	grep -q "prog 'walk': failed to load" <<<"$output"
	grep -q "^lab '$LAB' was not loaded; nothing of it is left$" <<<"$output"
	[[ ! -e /sys/fs/bpf/erxdp/$LAB && ! -e /run/erxdp/$LAB ]]
	run ! grep -q "^erx-$LAB" <(ls /run/netns)
	run -0 erx unload "$LAB"
	[[ $output == *"is not loaded; nothing to remove"* ]]
}

@test "a map that is full in a running lab: it stays as it was, and no packet is lost" {
	local before
	with small load "$TOPOLOGY"
	same "room for routes" "$(bpftool -j map show pinned "/sys/fs/bpf/erxdp/$LAB/erx_routes" | jq .max_entries)" 400
	before=$(bpftool -j map dump pinned "/sys/fs/bpf/erxdp/$LAB/erx_routes" | jq -cS 'sort')
	pinging hub-vm 10.2.30.10 -i 0.005
	run -1 "$ERXDPCTL" load "$LARGE"
	grep -q "^erxdpctl: cannot write the routes of lab '$LAB': the map is full; make the topology smaller$" <<<"$output"
	grep -q "^lab '$LAB' is as it was before$" <<<"$output"
	answered
	same routes "$(bpftool -j map dump pinned "/sys/fs/bpf/erxdp/$LAB/erx_routes" | jq -cS 'sort')" "$before"
	run -0 "$ERXDPCTL" plan "$TOPOLOGY"
	[[ $output == "nothing to do" ]]
}

@test "a lab that a map cannot hold is refused before anything is touched" {
	local file=$BATS_TEST_TMPDIR/wide.yaml
	awk -v name="$LAB" 'BEGIN {
		print "name: " name "\nvirtualNetworks:\n  hub:\n    location: eastus\n    addressSpace: [10.10.30.0/24]"
		print "    subnets: {default: 10.10.30.0/25}\n    virtualNetworkPeerings:"
		for (i = 0; i < 300; i++) print "      s" i ": {}"
		for (i = 0; i < 300; i++) printf "  s%d: {location: eastus, addressSpace: [10.%d.%d.0/24], subnets: {default: " \
			"10.%d.%d.0/25}, virtualNetworkPeerings: {hub: {}}}\n", i, 100 + i / 256, i % 256, 100 + i / 256, i % 256
	}' >"$file"
	run -3 "$ERXDPCTL" validate "$file"
	grep -q "a lab can have 511 rows of path legs; make the topology smaller" <<<"$output"
	run -3 "$ERXDPCTL" load "$file"
	grep -q 'a lab can have 511 rows of path legs; make the topology smaller' <<<"$output"
	run -0 "$ERXDPCTL" plan "$TOPOLOGY"
	[[ $output == "nothing to do" ]]
}
