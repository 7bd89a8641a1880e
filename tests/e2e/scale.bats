#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# 100 VNets, 20 circuits, 40 customer routers, 9,000 prefixes: loaded, failed, explained, in bounded time and memory.
load life

setup_file() {
	need jq bpftool ping || return 0
	LAB=$(lab_name)
	TOPOLOGY=$BATS_FILE_TMPDIR/$LAB.yaml
	export LAB TOPOLOGY
	python3 "$E2E/generate.py" "$LAB" >"$TOPOLOGY"
}

teardown_file() {
	[[ -e ${TOPOLOGY-} ]] || return 0
	timeout 60 "$ERXDPCTL" unload "$LAB"
}

# A megabyte is 1,000,000 bytes.
controller_megabytes() {
	awk '/VmHWM/ { print int($2 * 1024 / 1e6) + 1 }' "/proc/$(erx status --json | jq '.labs[] | .controllerPid')/status"
}

map_megabytes() {
	bpftool -f -j map list | jq --arg lab "/sys/fs/bpf/erxdp/$LAB/" \
		'[.[] | select(any(.pinned[]?; startswith($lab))) | .bytes_memlock] | add / 1e6 | ceil'
}

# The file as it would be loaded by somebody who waits for it, every host checked once.
@test "loads in under 20 s" {
	local start
	start=$(now_ms)
	exits 0 timeout 60 "$ERXDPCTL" load "$TOPOLOGY"
	echo "# 100 VNets, 20 circuits: load took $(($(now_ms) - start)) ms" >&3
	(($(now_ms) - start < 20000))
}

@test "controller and maps take less than 500 MB" {
	local controller maps
	controller=$(controller_megabytes)
	maps=$(map_megabytes)
	echo "# controller $controller MB, maps $maps MB" >&3
	((controller + maps < 500))
}

@test "a circuit that fails is followed within a second" {
	local took
	on v3-vm ping -c 1 -W 2 10.203.0.10
	exits 0 erx fail c3.primary
	on v3-vm ping -c 1 -W 2 10.203.0.10
	exits 0 erx fail c3.secondary
	run on v3-vm ping -c 1 -W 1 10.203.0.10
	[[ $status == 1 ]]
	took=$(erx events --json | jq -s '[.[] | select(.event == "groups") | .tookUs] | max')
	echo "# routes followed after $took us at most" >&3
	((took < 1000000))
	exits 0 erx restore --all
	on v3-vm ping -c 1 -W 2 10.203.0.10
}

@test "it stays explainable" {
	exits 0 erx explain v3-vm s3-server
	says "c3." "10.203.0.0/24"
	exits 0 erx explain v3-vm s4-server
	exits 0 timeout 60 "$ERXDPCTL" plan "$TOPOLOGY"
}
