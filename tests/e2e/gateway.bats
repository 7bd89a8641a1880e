#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What circuits and gateways carry at most, with real packets counted where they
# arrive; flows and the two instances of a gateway. gateway.yaml has the figures.
# Slow: begun first.
load life

PORT=47200
SECONDS_EACH=5
GAP_MS=30
FLOWS=21000-21599 # more than a gateway of two units holds

setup_file() {
	need python3 jq traceroute ping tshark bpftool || return 0
	LAB=$(lab_name)
	TOPOLOGY=$BATS_FILE_TMPDIR/$LAB.yaml
	export LAB TOPOLOGY
	sed "s/^name:.*/name: $LAB/" "$E2E/gateway.yaml" >"$TOPOLOGY"
	load_lab "$TOPOLOGY"
	# It takes 400 flows at 28 a second a while; each has a packet every 2 s, so none ends, and three in 6 s, so all are seen.
	timeout 900 "$ERXDPCTL" exec --lab "$LAB" pc -- python3 "$E2E/stream.py" send 10.4.0.4 $PORT 300 100 $FLOWS 900 \
		>"$BATS_FILE_TMPDIR/filler.out" 2>&1 3>&- &
	echo $! >"$BATS_FILE_TMPDIR/filler"
}

teardown_file() {
	[[ ! -e $BATS_FILE_TMPDIR/filler ]] || kill "$(<"$BATS_FILE_TMPDIR/filler")" 2>/dev/null || :
	remove_labs
}

teardown() {
	end_beside
	[[ -z ${LAB-} ]] || { erx restore --all && erx fastpath off ultra-wide && erx fastpath off small-narrow; } 2>/dev/null
}

# --- Streams -----------------------------------------------------------------------------------------------------------

# stream NAME FROM TO ADDRESS RATE LENGTH PORTS: one in the background; streams_end waits for all.
stream() {
	local port=$PORT
	[[ -n ${LATENESS-} ]] || watch_lateness
	[[ $3 != pc ]] || port=$((PORT + 1))
	timeout 120 "$ERXDPCTL" exec --lab "$LAB" "$3" -- python3 "$E2E/stream.py" receive $port $SECONDS_EACH \
		>"$BATS_TEST_TMPDIR/$1.got" 3>&- &
	timeout 120 "$ERXDPCTL" exec --lab "$LAB" "$2" -- python3 "$E2E/stream.py" send "$4" $port "$5" "$6" "$7" \
		$((SECONDS_EACH + 2)) >"$BATS_TEST_TMPDIR/$1.sent" 3>&- &
}

streams_end() {
	local pid
	for pid in $(jobs -p); do [[ $pid == "$(<"$BATS_FILE_TMPDIR/filler")" ]] || wait "$pid"; done
	tail -n +1 "$BATS_TEST_TMPDIR"/*.sent
	# What is late at a limit, because its sender was or the thread that takes packets from a queue, comes all at once.
	jq .late "$BATS_TEST_TMPDIR"/*.sent >>"$LATENESS"
}

# per_second NAME WHAT [PORT...]: what has arrived, of these source ports only: packets, Mbit or flows.
per_second() {
	local file=$BATS_TEST_TMPDIR/$1.got what=$2
	shift 2
	jq --arg what "$what" '[.ports | to_entries[] | select($ARGS.positional == [] or IN(.key; $ARGS.positional[])) | .value] as $n
		| {packets: ($n | add // 0), flows: ($n | length),
		   Mbit: (if .packets == 0 then 0 else ($n | add // 0) * .bytes / .packets * 8e-6 end)}[$what] / .seconds' \
		"$file" --args "$@"
}

# offered NAME: packets a second that were sent.
offered() { jq ".sent / ($SECONDS_EACH + 2)" "$BATS_TEST_TMPDIR/$1.sent"; }

# within WHAT SEEN EXPECTED: 3 %, unless packets may have been late by more than what a limit lets through at once.
within() { in_time $GAP_MS is_within "$@"; }
is_within() {
	awk -v seen="$2" -v expected="$3" 'BEGIN { exit !(seen >= expected * 0.97 && seen <= expected * 1.03) }' && return
	echo "$1: $2, expected $3 (3 %)" && return 1
}

# ports_by PATH FROM TO PORT: those of 20000 to 20011 whose flows take this path of a circuit.
ports_by() {
	local port
	for port in {20000..20011}; do
		erx explain "$2" "$3" --proto udp --sport "$port" --dport "$4" --json |
			jq -r --arg path "$1" --arg port "$port" 'select(any(.forward[]; .device == $path)) | $port'
	done
}

# drops REASON OBJECT...: packets that the devices of these gateways or circuits have dropped for it.
drops() {
	local reason=$1
	shift
	erx counters --json | jq --arg reason "$reason" '[.drops[] | select(.reason == $reason and IN(.device | sub("[./].*"; ""); $ARGS.positional[])) | .packets] | add // 0' --args "$@"
}

# dropped_more REASON OBJECT THAN [OBJECT THAN]...
dropped_more() {
	local reason=$1
	for ((; $# > 2; )); do
		(($(drops "$reason" "$2") > $3)) || { echo "$2 has dropped $(drops "$reason" "$2") for $reason, not more than $3" && return 1; }
		shift 2
	done
}

# load OBJECT WHAT FIELD: of status.
load_of() {
	erx status --json | jq --arg lab "$LAB" --arg object "$1" --arg what "$2" \
		".labs[] | select(.lab == \$lab) | .load[] | select(.object == \$object and .what == \$what) | .$3"
}

received_by() { erx counters --json | jq --arg device "$1" '.devices[] | select(.device == $device) | .received'; }

# --- Circuits ----------------------------------------------------------------------------------------------------------

@test "a circuit's bandwidth: each link, each direction; of ExpressRoute Direct only with its rate limit" {
	local primary secondary back_primary back_secondary
	primary=$(ports_by er-narrow.primary pc small-vm $PORT) secondary=$(ports_by er-narrow.secondary pc small-vm $PORT)
	back_primary=$(ports_by er-narrow.primary small-vm pc $((PORT + 1)))
	back_secondary=$(ports_by er-narrow.secondary small-vm pc $((PORT + 1)))
	stream in pc small-vm 10.6.0.4 1100 1400 20000-20011
	stream out small-vm pc 10.30.0.10 1100 1400 20000-20011
	stream held pc held-vm 10.7.0.4 500 1400 20000
	stream free pc free-vm 10.8.0.4 500 1400 20000
	streams_end
	within "primary, towards Azure" "$(per_second in Mbit $primary)" 2
	within "secondary, towards Azure" "$(per_second in Mbit $secondary)" 2
	within "primary, from Azure" "$(per_second out Mbit $back_primary)" 2
	within "secondary, from Azure" "$(per_second out Mbit $back_secondary)" 2
	within "Direct, held" "$(per_second held Mbit)" 2
	within "Direct, free" "$(per_second free packets)" "$(offered free)"
	in_time $GAP_MS dropped_more circuit-bandwidth er-narrow 4000 er-held 1000
	same "drops of the free circuit" "$(drops circuit-bandwidth er-free)" 0
	in_time $GAP_MS same "drops of the gateways" "$(($(drops gateway-bandwidth small-gw held-gw free-gw) + $(drops gateway-packets small-gw held-gw free-gw)))" 0
}

# --- Gateways ----------------------------------------------------------------------------------------------------------

@test "a gateway's bandwidth, by SKU and by scale units; status shows it while it runs" {
	stream one pc one-vm 10.1.0.4 320 1400 20000-20007
	stream two pc two-vm 10.2.0.4 640 1400 20000-20007
	stream four pc four-vm 10.3.0.4 1280 1400 20000-20007
	eventually $SECONDS_EACH shows_load || :
	streams_end
	within ErGw1AZ "$(per_second one Mbit)" 2
	within "2 units" "$(per_second two Mbit)" 4
	within "4 units" "$(per_second four Mbit)" 8
	in_time $GAP_MS dropped_more gateway-bandwidth one-gw 200 two-gw 400 four-gw 800
	cat "$BATS_TEST_TMPDIR/status"
	in_time $GAP_MS shown
}

# shows_load: status shows it, at a moment when all three have been running for a while.
shows_load() {
	erx status --json >"$BATS_TEST_TMPDIR/json"
	erx status >"$BATS_TEST_TMPDIR/status"
	shown >/dev/null
}

shown() {
	jq -e --arg lab "$LAB" '[.labs[] | select(.lab == $lab) | .load[] | select(.what == "bandwidth" and .direction == "towards Azure")
		| {key: .object, value: .}] | from_entries | all(.["one-gw", "two-gw", "four-gw"]; .percent > 70 and .percent < 130 and .dropped > 100)
		and .["one-gw"].limit == 2 and .["two-gw"].limit == 4 and .["four-gw"].limit == 8 and .["four-gw"].now > 5
		and .["er-wide.primary"].limit == 20 and .["er-wide.primary"].percent > 5 and .["er-wide.primary"].dropped == 0
		and .["free-gw"].percent == 0' "$BATS_TEST_TMPDIR/json" &&
	awk '$1 == "four-gw" && $4 == "Mbit/s" { seen = $5 > 5 && $6 == 8 && $7 > 70 && $7 < 130 && $8 > 100 } END { exit !seen }' \
		"$BATS_TEST_TMPDIR/status"
}

@test "packets per second; past the gateway there is no such limit" {
	local before
	before=$(drops gateway-packets ultra-gw)
	erx fastpath on ultra-wide
	stream one pc one-vm 10.1.0.4 500 100 20000-20007
	stream two pc two-vm 10.2.0.4 1000 100 20000-20007
	stream four pc four-vm 10.3.0.4 2000 100 20000-20007
	stream past pc ultra-vm 10.5.0.4 3000 100 20000-20007
	streams_end
	within ErGw1AZ "$(per_second one packets)" 200
	within "2 units" "$(per_second two packets)" 400
	within "4 units" "$(per_second four packets)" 800
	within "past the gateway" "$(per_second past packets)" "$(offered past)"
	in_time $GAP_MS dropped_more gateway-packets one-gw 1000 four-gw 4000
	same "drops of the gateway that is passed by" "$(drops gateway-packets ultra-gw)" "$before"
}

@test "connections per second, each from a port of its own; past the gateway there is no such limit, the circuit's stays" {
	erx fastpath on small-narrow
	stream one pc one-vm 10.1.0.4 60 100 30000-40000
	stream two pc two-vm 10.2.0.4 120 100 30000-40000
	stream four pc four-vm 10.3.0.4 240 100 30000-40000
	stream through pc ultra-vm 10.5.0.4 130 100 30000-40000
	# Towards small, all of one flow: one link.
	stream past pc small-vm 10.6.0.4 500 1400 20000
	streams_end
	within ErGw1AZ "$(per_second one flows)" 14
	within "2 units" "$(per_second two flows)" 28
	within "4 units" "$(per_second four flows)" 56
	within UltraPerformance "$(per_second through flows)" 32
	within "circuit, past the gateway" "$(per_second past Mbit)" 2
	in_time $GAP_MS dropped_more gateway-connections one-gw 200 four-gw 800
	erx fastpath on ultra-wide
	stream new pc ultra-vm 10.5.0.4 130 100 40001-50000
	streams_end
	within "UltraPerformance, past the gateway" "$(per_second new flows)" "$(offered new)"
}

# --- Flows -------------------------------------------------------------------------------------------------------------

is_filled() { (($(load_of filled-gw flows now) >= 400)); }
is_swept() { (($(load_of filled-gw flows now) <= 10)); }

@test "flows: as many as the units hold; idle ones end, controller or not, and make room" {
	local before pid
	eventually 60 is_filled
	on filled-vm timeout 120 python3 "$E2E/stream.py" receive $PORT 6 >"$BATS_TEST_TMPDIR/filled.got"
	same "flows that arrive" "$(jq '.ports | length' "$BATS_TEST_TMPDIR/filled.got")" 400
	same "flows of status" "$(load_of filled-gw flows now)/$(load_of filled-gw flows limit)" 400/400
	(($(drops gateway-flows filled-gw) > 100))
	# Without the controller they stay counted, and carried.
	pid=$(erx status --json | jq --arg lab "$LAB" '.labs[] | select(.lab == $lab) | .controllerPid')
	kill -9 "$pid"
	on filled-vm timeout 120 python3 "$E2E/stream.py" receive $PORT 6 >"$BATS_TEST_TMPDIR/filled.got"
	same "flows that arrive without a controller" "$(jq '.ports | length' "$BATS_TEST_TMPDIR/filled.got")" 400
	kill "$(<"$BATS_FILE_TMPDIR/filler")"
	before=$(drops gateway-flows filled-gw)
	sleep 5.5
	same "flows that nobody sweeps" "$(load_of filled-gw flows now)" 400
	# Idle ones may go on, as new connections; others have no room until they are swept.
	on pc python3 "$E2E/stream.py" send 10.4.0.4 $PORT 20 100 22000 0.5
	(($(drops gateway-flows filled-gw) > before))
	exits 0 ctl load "$TOPOLOGY"
	eventually 60 is_swept
	before=$(drops gateway-flows filled-gw)
	on pc python3 "$E2E/stream.py" send 10.4.0.4 $PORT 20 100 22000 0.5
	same "refused when there is room" "$(drops gateway-flows filled-gw)" "$before"
}

# --- Instances ---------------------------------------------------------------------------------------------------------

# ports_at DEVICE: the source ports of the flows to ultra-vm that it handles, seen by a capture.
ports_at() {
	timeout 120 "$ERXDPCTL" capture --lab "$LAB" "$1" -c 700 -w "$BATS_TEST_TMPDIR/pcapng" 2>/dev/null
	tshark -r "$BATS_TEST_TMPDIR/pcapng" -Y "ip.dst == 10.5.0.4 && udp.dstport == $PORT" -T fields -e udp.srcport 2>/dev/null | sort -u
}

has_flows() { (($(load_of "$1" flows now) == $2)); }

@test "a flow sticks to an instance; the failure of one moves its flows and no others, and costs no connections" {
	local first second primary refused
	beside ultra-vm python3 "$E2E/stream.py" receive $PORT 280
	beside pc python3 "$E2E/stream.py" send 10.5.0.4 $PORT 800 100 23000-23079 280
	# 32 connections a second: 2.5 s, once the sender has begun.
	eventually 60 has_flows ultra-gw 80
	refused=$(drops gateway-connections ultra-gw)
	first=$(ports_at ultra-gw/0) second=$(ports_at ultra-gw/1) primary=$(ports_at er-wide.primary)
	same "all flows are at one of them" "$(sort -u <<<"$first"$'\n'"$second")" "$(seq 23000 23079)"
	same "and at one only" "$(comm -12 <(echo "$first") <(echo "$second"))" ""
	(($(wc -w <<<"$first") > 20 && $(wc -w <<<"$second") > 20))
	erx fail ultra-gw/0
	same "all are at the other" "$(ports_at ultra-gw/1)" "$(seq 23000 23079)"
	same "by the same edge routers" "$(ports_at er-wide.primary)" "$primary"
	erx restore ultra-gw/0
	same "the same come back" "$(ports_at ultra-gw/0)" "$first"
	same "and no others" "$(ports_at ultra-gw/1)" "$second"
	same "new connections refused" "$(drops gateway-connections ultra-gw)" "$refused"
	same "flows of status" "$(load_of ultra-gw flows now)" 80
}

# hop_count FROM ADDRESS
hop_count() { on "$1" traceroute -n -I -q 1 -w 1 -m 8 "$2" | tail -n 1 | awk '{print $1}'; }

@test "what leaves Azure never crosses the gateway, FastPath or not; what enters does, unless bypassed" {
	local way zero one
	for way in off on; do
		erx fastpath $way ultra-wide
		zero=$(received_by ultra-gw/0) one=$(received_by ultra-gw/1)
		# Somebody listens: no ICMP error comes back by the gateway.
		beside pc python3 "$E2E/stream.py" receive 47210 0.1
		listening_udp pc 47210
		on ultra-vm python3 "$E2E/stream.py" send 10.30.0.10 47210 200 100 20000-20019 0.6
		same "FastPath $way, ultra-gw/0" "$(received_by ultra-gw/0)" "$zero"
		same "FastPath $way, ultra-gw/1" "$(received_by ultra-gw/1)" "$one"
		same "FastPath $way, hops out" "$(hop_count ultra-vm 10.30.0.10)" 4
		same "FastPath $way, hops in" "$(hop_count pc 10.5.0.4)" "$([[ $way == on ]] && echo 4 || echo 5)"
	done
	zero=$(received_by ultra-gw/0) one=$(received_by ultra-gw/1)
	on pc ping -q -n -c 10 -i 0.02 -W 1 10.5.0.4
	same "FastPath on, in" "$(received_by ultra-gw/0) $(received_by ultra-gw/1)" "$zero $one"
	erx fastpath off ultra-wide
	on pc ping -q -n -c 10 -i 0.02 -W 1 10.5.0.4
	same "FastPath off, in" "$(($(received_by ultra-gw/0) + $(received_by ultra-gw/1)))" "$((zero + one + 10))"
}
