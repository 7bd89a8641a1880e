#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Wires: links that take time, lose, pace or reorder packets. The process that
# joins their ends may die; packets are then dropped and counted, never passed
# at once. Bounds are those of a busy machine; the figures themselves are printed.
# Slow: begun first.
load life

RATE=10000
FLOW=$ROOT/build/bench-flow

setup_file() {
	need ping jq python3 bpftool || return 0
	# In a guest of tools/check-kernels it has been built before.
	! command -v make >/dev/null || flock "$ROOT/Makefile" make -s -C "$ROOT" build/bench-flow >&2
	LAB=$(lab_name)
	TOPOLOGY=$(swift "$(copy_as "$LAB" minimal)")
	export LAB TOPOLOGY
	load_lab "$TOPOLOGY"
}

teardown_file() { remove_labs; }

teardown() {
	[[ -z ${LAB-} ]] || erx impair reset --all >/dev/null 2>&1 || :
}

wire_pid() {
	erx status --json | jq -r --arg lab "$LAB" '.labs[] | select(.lab == $lab) | .wirePid // empty'
}

has_no_wire_process() { [[ -z $(wire_pid) ]]; }

# direction LINK FROM FIELD: of impair show --stats.
direction() {
	erx impair show "$1" --stats --json |
		jq -r --arg from "$2" ".wires[0].directions[] | select(.from == \$from) | $3"
}

# quiet LINK: nothing is on the wire any more.
quiet() { eventually 60 is_empty "$1" || { erx impair show "$1" --stats && return 1; }; }
is_empty() { [[ $(erx impair show "$1" --stats --json | jq '[.wires[].directions[].inFlight] | all(. == 0)') != false ]]; }

# stream SECONDS: numbered datagrams from hub-vm to office-pc; what oneway.py says of them, in $seen.
stream() {
	local sent=$BATS_TEST_TMPDIR/sent received=$BATS_TEST_TMPDIR/received receiver
	[[ -n ${LATENESS-} ]] || watch_lateness
	"$ERXDPCTL" exec --lab "$LAB" office-pc -- "$FLOW" receive "$received" 7001 3>&- &
	receiver=$!
	listening_udp office-pc 7001
	timeout -s TERM "$1" "$ERXDPCTL" exec --lab "$LAB" hub-vm -- "$FLOW" send "$sent" 7001 $RATE 10.1.0.10 3>&- || :
	quiet ce1:office
	sleep 0.2 # what the wire has delivered is at the receiver
	kill -TERM $receiver
	wait $receiver
	seen=$(python3 "$E2E/oneway.py" "$sent" "$received")
}

# holds JQ-CONDITION: about $seen.
holds() {
	jq -e "$1" <<<"$seen" >/dev/null || { echo "not so: $1: $seen" && return 1; }
}

# in_order: the wire keeps the order. Its links, as all, have a queue for each CPU: a packet may overtake its neighbour there
# when the kernel moves who carries them, one in some thousands on a busy machine.
in_order() { holds '.overtaken <= .sent / 1000'; }

# rtt FROM ADDRESS [COUNT]: the least of some, which is what the wires take; the rest is the machine's.
rtt() {
	ping_in "$1" -c "${3-5}" -i 0.1 "$2" | sed -n 's,^rtt.*= \([0-9.]*\)/.*,\1,p'
}

ping_in() {
	on "$1" ping -n -q -W 2 "${@:2}"
}

# between LEAST NUMBER MOST
between() {
	awk -v a="$1" -v x="$2" -v b="$3" 'BEGIN { exit !(x != "" && a <= x && x <= b) }' || { echo "$2 is not in $1..$3" && return 1; }
}

@test "round trips of the published traces are within 1.5 ms" {
	local LAB file row from dst published measured wrong=0
	LAB=$(lab_name t)
	file=$(copy_as "$LAB" interop)
	load_lab "$file"
	while read -r row from dst published; do
		measured=$(rtt "$from" "$dst")
		[[ $published != "<1" ]] || published=0-1
		between "$(awk -v p="${published%-*}" 'BEGIN { print p - 1.5 }')" "$measured" \
			"$(awk -v p="${published#*-}" 'BEGIN { print p + 1.5 }')" || { echo "row $row: $from to $dst" && wrong=1; }
		echo "# row $row: $from to $dst: published $published ms, $measured ms" >&3
	done < <(awk -F'\t' '/^[0-9]/ && $5 == "-" && $6 != "lost" && $7 ~ /[0-9]/ { print $1, $2, $4, $7 }' \
		"$BATS_TEST_DIRNAME/../golden/interop-traces.tsv")
	((!wrong))
}

@test "verify checks rtt: one that holds passes, one that does not fails" {
	local LAB file
	LAB=$(lab_name r)
	file=$(copy_as "$LAB" minimal)
	load_lab "$file"
	sed -i 's/^expect:/&\n  - {from: hub-vm, to: office-pc, rtt: 2.4ms..12ms}/' "$file"
	run -0 ctl verify "$file"
	[[ $output =~ "hub-vm > office-pc: ".*" rtt "[0-9.]+" ms" ]]
	sed -i 's/2.4ms..12ms/0.1ms..2ms/' "$file"
	run -3 ctl verify "$file"
	[[ $output =~ "FAILED hub-vm > office-pc: rtt "[0-9.]+" ms, expected 0.1 ms to 2 ms" ]]
	[[ $output != *skipped* ]]
}

@test "delay: one way, with the wire less without, at 10,000 packets/s" {
	local plain plain99 delay late
	stream 3
	in_time 20 holds '.sent > 20000'
	plain=$(jq .p50 <<<"$seen") plain99=$(jq .p99 <<<"$seen")
	echo "# without: $seen" >&3
	for delay in 0.05 1 37.5; do
		erx impair set ce1:office --delay ${delay}ms
		stream 3
		late=$(jq --argjson plain "$plain" --argjson delay $delay '.p50 - $plain - $delay' <<<"$seen")
		echo "# $delay ms: $seen, p50 is $late ms more, p99 $(jq --argjson plain "$plain99" --argjson delay $delay \
			'.p99 - $plain - $delay' <<<"$seen")" >&3
		in_time 20 between -0.05 "$late" 1
		# Never early: the least that can be seen is the delay itself.
		holds ".p50 >= $delay"
		in_order
	done
	erx impair show ce1:office --stats | sed -n 's/^  actual/# actual/p' >&3
	in_time 20 between 0 "$(direction ce1:office office .error.p50Ms)" 1
}

@test "500 ms and 10,000 packets/s fit" {
	erx impair set ce1:office --delay 500ms
	stream 2
	quiet ce1:office
	echo "# $seen" >&3
	holds '.p50 >= 500'
	in_order
	in_time 20 holds '.p50 < 505'
	# A machine that holds the process up for a tenth of a second makes rings overflow, and says so.
	holds ".sent - .received - $(direction ce1:office ce1 '.ringFull + .refused') | . >= 0 and . <= 5"
	in_time 20 holds '.received > .sent * 0.9'
}

@test "loss: 1 % of over 100,000 packets, counted" {
	local passed lost
	erx impair set ce1:office --loss 1
	stream 11
	quiet ce1:office
	passed=$(direction ce1:office ce1 .passed) lost=$(direction ce1:office ce1 .lost)
	echo "# $lost of $((passed + lost))" >&3
	in_time 20 test $((passed + lost)) -gt 90000
	between 0.8 "$(awk -v l="$lost" -v p="$passed" 'BEGIN { print 100 * l / (l + p) }')" 1.2
	[[ $(direction ce1:office ce1 '.noProcess + .cutOff') == 0 ]]
	# What the wire has lost and dropped is what the receiver has not seen; the wire alone drops.
	jq -e --argjson lost "$(direction ce1:office ce1 '.lost + .ringFull + .refused')" \
		'.sent - .received - $lost | . >= -2 and . <= 20' <<<"$seen" || { echo "lost $lost: $seen" && return 1; }
}

@test "jitter varies the delay and keeps the order; reorder does not" {
	erx impair set ce1:office --delay 10ms --jitter 2ms
	between 16 "$(rtt hub-vm 10.1.0.10 20)" 24
	stream 2
	echo "# jitter: $seen" >&3
	holds '.p50 > 8'
	in_order
	erx impair set ce1:office --jitter 0ms --reorder 10
	stream 2
	echo "# reorder: $seen" >&3
	# A busy machine may keep the wire process from its rings for a moment.
	holds '.overtaken > .sent / 10'
	in_time 20 holds '.received > .sent * 0.9'
}

@test "rate paces packets, and what would wait too long is dropped and counted" {
	erx impair set ce1:office --rate 1M
	# 10,000 packets/s of 50 bytes are 4 Mbit/s.
	stream 3
	quiet ce1:office
	echo "# $seen" >&3
	in_time 20 between 1500 "$(jq '.received / 3' <<<"$seen")" 3000
	in_time 20 test "$(direction ce1:office ce1 .overrun)" -gt 10000
	# 50 ms of waiting, and what a busy machine adds; without the bound it would be seconds.
	in_time 200 holds '.max < 1000'
	in_order
}

passes_more() { (($(direction ce1:office office .passed) > $1)); }

# bats test_tags=kernel
@test "kill -9 of the wire process: nothing passes, all is counted, the controller starts another" {
	local pid before passed
	erx impair set ce1:office --delay 20ms
	pid=$(wire_pid)
	before=$(direction ce1:office office .noProcess) passed=$(direction ce1:office office .passed)
	"$ERXDPCTL" exec --lab "$LAB" office-pc -- ping -q -n -i 0.005 -c 400 -W 1 10.10.0.4 >"$BATS_TEST_TMPDIR/ping" 3>&- &
	eventually 60 passes_more $((passed + 50))
	kill -9 "$pid"
	wait $!
	echo "# $(tail -n 2 "$BATS_TEST_TMPDIR/ping" | head -n 1)" >&3
	[[ $(wire_pid) != "$pid" && -n $(wire_pid) ]]
	quiet ce1:office
	(($(direction ce1:office office .noProcess) > before))
	# None came sooner than both directions of the wire take.
	between 40 "$(sed -n 's,^rtt.*= \([0-9.]*\)/.*,\1,p' "$BATS_TEST_TMPDIR/ping")" 60
	erx events --json | jq -sce '[.[] | select(.event == "wires")] | length >= 2' >/dev/null
	between 40 "$(rtt hub-vm 10.1.0.10)" 60
	timeout 120 python3 "$E2E/account.py" "$LAB"
}

# bats test_tags=kernel
@test "a stopped wire process: its rings fill, what does not fit is counted, then it goes on" {
	local pid
	erx impair set ce1:office --delay 5ms
	pid=$(wire_pid)
	kill -STOP "$pid"
	run ping_in hub-vm -c 800 -i 0.002 10.1.0.10
	kill -CONT "$pid"
	[[ $output == *" 0 received"* || $output == *"100% packet loss"* ]]
	quiet ce1:office
	(($(direction ce1:office ce1 '.ringFull') > 0))
	[[ $(wire_pid) == "$pid" ]]
	between 10 "$(rtt hub-vm 10.1.0.10)" 20
}

@test "controller and wire process both killed: status says so, the next load starts them" {
	local pid controller
	erx impair set ce1:office --delay 5ms
	pid=$(wire_pid)
	controller=$(erx status --json | jq -r --arg lab "$LAB" '.labs[] | select(.lab == $lab) | .controllerPid')
	kill -9 "$controller" "$pid"
	eventually 60 has_no_wire_process
	run -0 erx status
	[[ $output == *"their process is dead"* ]]
	run ping_in hub-vm -c 3 -i 0.1 10.1.0.10
	[[ $output == *"100% packet loss"* ]]
	run -4 ctl plan "$TOPOLOGY"
	load_lab "$TOPOLOGY"
	[[ -n $(wire_pid) && $(wire_pid) != "$pid" ]]
	between 10 "$(rtt hub-vm 10.1.0.10)" 20
	run -0 ctl plan "$TOPOLOGY"
}

@test "impair outlives the controller and a load of the same file; reset and --all go back" {
	erx impair set ce1:office --delay 30ms
	kill -9 "$(erx status --json | jq -r --arg lab "$LAB" '.labs[] | select(.lab == $lab) | .controllerPid')"
	load_lab "$TOPOLOGY"
	between 60 "$(rtt hub-vm 10.1.0.10)" 80
	# Another setting of the same wire: what was not given stays.
	erx impair set ce1:office --loss 0.5
	erx impair show ce1:office --json | jq -e '.wires[0].directions | map(.delayMs == 30 and .lossPercent == 0.5) | all'
	run -0 erx impair reset ce1:office
	run -0 --separate-stderr erx impair show
	[[ $output == *"no link of lab"* ]]
	[[ -z $(wire_pid) ]]
	between 0 "$(rtt hub-vm 10.1.0.10)" 5
	erx impair set er1.primary --delay 3ms
	run -0 erx impair reset --all
	run -0 erx impair reset --all
	[[ $output == *"nothing to reset"* ]]
}

# tells_of EVENT
tells_of() { erx events --json | jq -sce --arg event "$1" 'any(.[]; .event == $event)' >/dev/null; }

# bats test_tags=kernel
@test "a wired link fails and comes back as others do" {
	erx impair set ce1:er1.primary --delay 2ms
	between 4 "$(rtt hub-vm 10.1.0.10)" 14
	erx fail er1.primary
	erx status --json | jq -e --arg lab "$LAB" '[.labs[] | select(.lab == $lab) | .links[] |
		select(.name == "ce1:er1.primary")][0] | .state == "down" and .wire.impaired'
	run ping_in hub-vm -c 2 -i 0.1 10.1.0.10
	[[ $output == *"100% packet loss"* ]]
	erx restore er1.primary
	between 4 "$(rtt hub-vm 10.1.0.10)" 14
	# Carrier that somebody takes away at the far end is noticed, too.
	ip netns exec "erx-$LAB" ip link set "$(interface er1.primary ce1:er1.primary)" down
	eventually 60 tells_of carrier
	ip netns exec "erx-$LAB" ip link set "$(interface er1.primary ce1:er1.primary)" up
	eventually 60 ping_in hub-vm -c 1 10.1.0.10
	between 4 "$(rtt hub-vm 10.1.0.10)" 14
}

@test "hellos take as long as packets: a neighbour far away is alive, one that falls silent is not" {
	local LAB file
	LAB=$(lab_name h)
	file=$(swift "$(copy_as "$LAB" minimal)")
	# The session between an edge router and a gateway ends after 0.3 s of silence.
	printf 'timers: {scale: 0.005}\nlatency:\n  - {between: [hub, er1], rtt: 800ms}\n' >>"$file"
	load_lab "$file"
	# Five times as long as the session may be silent.
	sleep 1.5
	erx impair set hub-er1 --delay 450ms
	sleep 1.5
	run ! tells_of neighbour-dead
	erx fail hub-er1 --silent
	eventually 60 tells_of neighbour-dead
}

@test "what cannot be is refused, and nothing changes" {
	local before
	before=$(erx impair show --json)
	run -2 erx impair set ce1:office
	says "needs --delay"
	run -2 erx impair set ce1:office --delay 501ms
	says "at most 500ms"
	run -2 erx impair set ce1:office --delay fast
	run -2 erx impair set ce1:office --loss 101
	says "a percentage from 0 to 100"
	run -2 erx impair set ce1:office --loss -1
	run -2 erx impair set ce1:office --rate 12
	run -2 erx impair set ce1:office --rate 10X
	run -2 erx impair set ce1:office --reorder 5
	says "has no delay"
	run -2 erx impair set hub:hub-vm --delay 5ms
	says "link of a host"
	run -2 erx impair set nowhere --delay 5ms
	says "no link of lab"
	run -2 erx impair show nowhere
	run -2 erx impair reset
	run -2 erx impair reset ce1:office --delay 3ms
	run -2 erx impair mend ce1:office
	[[ $(erx impair show --json) == "$before" ]]
}

@test "without erxdp-wire an impairment is refused, and the link carries packets as before" {
	local LAB TOPOLOGY ERXDPCTL=$BATS_TEST_TMPDIR/erxdpctl
	cp "$ROOT/build/erxdpctl" "$ROOT/build/erxdpd" "$BATS_TEST_TMPDIR/"
	LAB=$(lab_name m)
	TOPOLOGY=$(swift "$(copy_as "$LAB" minimal)")
	load_lab "$TOPOLOGY"
	run -1 erx impair set ce1:office --delay 5ms
	says "as it was before"
	ping_in hub-vm -c 3 -i 0.1 10.1.0.10
	run -0 ctl plan "$TOPOLOGY"
}

@test "the memory for a wire or two grows with a file that has over a hundred: each carries packets" {
	local LAB TOPOLOGY=$BATS_TEST_TMPDIR/many.yaml v
	LAB=$(lab_name n)
	python3 "$E2E/generate.py" "$LAB" 13 1 10 >"$TOPOLOGY"
	printf 'latency:\n  - {between: [c0, s0], rtt: 1ms}\n' >>"$TOPOLOGY"
	load_lab "$TOPOLOGY"
	for v in {0..12}; do
		printf '  - {between: [v%d, c0], rtt: 1ms}\n  - {gateway: v%d-ergw, oneWay: 0.5ms}\n' "$v" "$v"
	done >>"$TOPOLOGY"
	load_lab "$TOPOLOGY"
	erx impair show --stats --json >"$BATS_TEST_TMPDIR/wires"
	jq -e '(.wires | length > 100) and ([.wires[].directions[].ringFull] | add == 0)' "$BATS_TEST_TMPDIR/wires"
	ping_in s0-server -c 3 -i 0.1 10.12.0.4
}

# bats test_tags=kernel
@test "unload leaves nothing, with the wire process alive, stopped or dead" {
	local LAB how file
	for how in CONT STOP KILL; do
		LAB=$(lab_name u)
		file=$(copy_as "$LAB" minimal)
		load_lab "$file"
		[[ -n $(wire_pid) ]]
		kill -$how "$(wire_pid)"
		run -0 ctl unload "$LAB"
		[[ $output != *held* ]]
		gone "$LAB"
	done
}
