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
	remove_labs
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
	local took
	watch_lateness
	took=$(now_ms)
	exits 0 timeout 120 "$ERXDPCTL" load "$TOPOLOGY"
	took=$(($(now_ms) - took))
	echo "# 100 VNets, 20 circuits: load took $took ms" >&3
	in_time 100 test "$took" -lt 20000
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
	watch_lateness
	on v3-vm ping -c 1 -W 2 10.203.0.10
	exits 0 erx fail c3.primary
	on v3-vm ping -c 1 -W 2 10.203.0.10
	exits 0 erx fail c3.secondary
	run on v3-vm ping -c 1 -W 1 10.203.0.10
	[[ $status == 1 ]]
	took=$(erx events --json | jq -s '[.[] | select(.event == "groups") | .tookUs] | max')
	echo "# routes followed after $took us at most" >&3
	in_time 200 test "$took" -lt 1000000
	exits 0 erx restore --all
	on v3-vm ping -c 1 -W 2 10.203.0.10
}

@test "it stays explainable" {
	exits 0 erx explain v3-vm s3-server
	says "c3." "10.203.0.0/24"
	exits 0 erx explain v3-vm s4-server
	exits 0 timeout 60 "$ERXDPCTL" plan "$TOPOLOGY"
}

# However many routes there are: groups are switched, routes are not rewritten.
@test "after a loss of carrier packets are lost for less than 50 ms, with 10 routes and with 9,000" {
	local n lab file gap
	for n in 10 9000; do
		lab=$(lab_name $n)
		file=$BATS_FILE_TMPDIR/$lab.yaml
		python3 "$E2E/generate.py" "$lab" 1 1 "$n" >"$file"
		load_lab "$file"
		watch_lateness
		carrier_loss "$lab"
		echo "# $n routes: lost for $gap ms at 10,000 packets/s; this machine was $(lateness) ms late" >&3
		in_time 12 test "$gap" -lt 50
	done
}

# followed LAB: the number of its last event; has_followed LAB THAN: there are more, and no more come.
followed() { ctl events --lab "$1" --count 1 --json | jq .seq; }
has_followed() {
	local now
	now=$(followed "$1")
	((now > $2)) && sleep 0.2 && same events "$(followed "$1")" "$now" >/dev/null
}

# carrier_loss LAB: sets gap, in ms: how long a flow at 10,000 packets/s is interrupted when the link it uses goes down.
carrier_loss() {
	local lab=$1 path port state before
	flow_start "$lab" v0-vm s0-server 10.200.0.10 10000
	for path in primary secondary; do
		port=$(ctl status --lab "$lab" --json | jq -r --arg d "c0.$path" '.labs[].links[] |
			select((.name | endswith(":" + $d)) and (.name | startswith("s0-ce"))) | .ends[0].interface')
		for state in down up; do
			before=$(followed "$lab")
			ip -n "erx-$lab" link set "$port" $state
			eventually 60 has_followed "$lab" "$before"
		done
	done
	flow_stop "$lab" v0-vm
	gap=$(jq .gap_ms "$FLOW.received")
}
