#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A large lab: 100 VNets, 20 circuits, 40 customer routers, 9,000 prefixes of customers. Prints what it took.
load lib

SECONDS_TO_LOAD=20
MEGABYTES=500

setup_file() {
	need python3 jq bpftool ping || return 0
	LAB=$(lab_name) TOPOLOGY=$BATS_FILE_TMPDIR/large.yaml
	export LAB TOPOLOGY
	python3 "$E2E/generate.py" "$LAB" >"$TOPOLOGY"
}

teardown_file() {
	remove_labs
}

# Bytes that the kernel counts for the maps, from the descriptors' own information.
map_bytes() {
	local map
	for map in /sys/fs/bpf/erxdp/"$LAB"/erx_*; do
		bpftool -j map show pinned "$map"
	done | jq -s '[.[].bytes_memlock] | add'
}

# Most of its memory that the resident controller has had, in MB.
controller_memory() {
	local pid
	pid=$(pgrep -f "erxdpd .*$LAB")
	awk '/^VmHWM:/ { print int($2 / 1024) }' "/proc/$pid/status"
}

teardown() {
	end_beside
}

@test "it loads in time, every host is checked once, and it fits the memory" {
	local from peak maps
	from=$(date +%s%N)
	python3 - "$ERXDPCTL" "$TOPOLOGY" >"$BATS_TEST_TMPDIR/peak" 2>"$BATS_TEST_TMPDIR/words" 3>&- <<-'END'
		import resource, subprocess, sys
		code = subprocess.run([sys.argv[1], "load", "-v", sys.argv[2]], stdout=sys.stderr).returncode
		print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
		sys.exit(code)
	END
	local took=$((($(date +%s%N) - from) / 1000000))
	peak=$(<"$BATS_TEST_TMPDIR/peak")
	maps=$(($(map_bytes) / 1048576))
	echo "# loaded in $took ms; load $peak MB, controller $(controller_memory) MB, maps $maps MB" >&3
	((took < SECONDS_TO_LOAD * 1000))
	((peak + $(controller_memory) + maps < MEGABYTES))
	same "pairs checked" "$(grep -o '^[0-9]* pairs' "$BATS_TEST_TMPDIR/words")" "100 pairs"
}

@test "loaded again, nothing is written" {
	run -0 erx plan "$TOPOLOGY"
}

# Packets that are lost tell how long it took, whatever the controller says. Each way of a flow has its own path.
@test "it converges in under a second after either path of a circuit has failed, and stays explainable" {
	local every=5 path lost
	beside v0-vm ping -q -n -i 0.00$every -w 12 10.200.0.10
	for path in primary secondary; do
		sleep 0.5
		erx fail "c0.$path"
		run -0 erx explain v0-vm s0-server
		grep -q '^s0-server > v0-vm' <<<"$output"
		erx restore --all
	done
	wait
	lost=$(awk '/packets transmitted/ { print $1 - $4 }' "$BATS_TEST_TMPDIR/beside")
	echo "# $lost packets lost in two failures, one every $every ms; controller $(controller_memory) MB" >&3
	((lost * every < 2 * 1000))
	(($(controller_memory) < MEGABYTES))
}

@test "every path has its counter" {
	# Into each VNet by two edge routers and out of it, and between each site and both of its edge routers.
	same paths "$(erx counters --json | jq '.paths | length')" $((100 * 2 * 3 + 20 * 2 * 2))
}
