#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# compare: what it prints, that each side goes the way it says, and that the
# switch of FastPath is as it was before, whatever ends it.
# Slow: begun first.
load life

VM=10.128.1.4

setup_file() {
	need jq python3 traceroute || return 0
	LAB=$(lab_name)
	TOPOLOGY=$(copy_as "$LAB" fastpath)
	export LAB TOPOLOGY
	load_lab "$TOPOLOGY"
}

teardown_file() { remove_labs; }

teardown() {
	end_beside
	[[ -z ${LAB-} ]] || { erx restore --all && erx fastpath on hub-er; } 2>/dev/null
}

# is_on, is_off: what the switch is, and that it is nobody's but ours.
switch() { erx fastpath status hub-er --json | jq -e ".expressRouteGatewayBypass == $1 and .goesBackTo == null" >/dev/null; }
is_on() { switch true; }
is_off() { switch false; }
is_lent_and() { erx fastpath status hub-er --json | jq -e ".expressRouteGatewayBypass == $1 and .goesBackTo == (true,false)" | grep -q true; }

# hop_count: 4 past the gateway, 5 through it: what packets say.
hop_count() { on client-pc traceroute -n -I -q 1 -w 1 -m 8 "$VM" | tail -n 1 | awk '{print $1}'; }

controller() { erx status --json | jq -r '.labs[] | .controllerPid // empty'; }

# comparing: one that takes long, in the background; its process is $comparing, its words are in "said".
comparing() {
	"$ERXDPCTL" compare --lab "$LAB" client-pc "$VM" --count 5000 --block 5 --interval 5ms \
		>"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/said" 3>&- &
	comparing=$!
}

# kill_both: the controller and what compares with it, which is stopped first: it finds no moment to put things right.
kill_both() {
	local controller
	controller=$(controller)
	kill -STOP "$comparing"
	kill -KILL "$controller" "$comparing"
}

# ends CODE: it does, with that exit code.
ends() {
	local code=0
	wait "$comparing" || code=$?
	[[ $code == "$1" ]] || { echo "exit code $code, expected $1: $(<"$BATS_TEST_TMPDIR/said")" && return 1; }
}

into_hub() { erx counters --json | jq --arg way "hub/$1" '[.paths[] | select(.path | endswith(">" + $way)) | .packets] | add // 0'; }

# --- Output ------------------------------------------------------------------------------------------------------------

@test "text: PsPing's terms for TCP and ICMP, off and on, difference and histogram; words are on stderr" {
	local out=$BATS_TEST_TMPDIR/text
	erx compare client-pc "$VM:3389" --count 30 --interval 2ms >"$out" 2>"$BATS_TEST_TMPDIR/words"
	cat "$out"
	grep -q "^TCP connect to $VM:3389 (opened for this):$" "$out"
	grep -q "^ICMP echo to $VM:$" "$out"
	same heads "$(grep -c -e '^FastPath off:$' -e '^FastPath on:$' "$out")" 4
	same counts "$(grep -c '^  Sent = 30, Received = 30, Lost = 0 (0% loss),$' "$out")" 4
	same times "$(grep -cE '^  Minimum = [0-9.]+ms, Maximum = [0-9.]+ms, Average = [0-9.]+ms,$' "$out")" 4
	same medians "$(grep -cE '^  Median = [0-9.]+ms, p99 = [0-9.]+ms$' "$out")" 4
	same differences "$(grep -cE '^Median off - on = -?[0-9.]+ms, 95% interval -?[0-9.]+ms to -?[0-9.]+ms$' "$out")" 2
	# Each histogram has all thirty of each side.
	awk -F'|' 'NF == 3 { gsub(/#/, ""); split($3, on, " "); off += $2; sum += on[1] } END { exit !(off == 60 && sum == 60) }' "$out"
	grep -q "hub-er: FastPath is on again" "$BATS_TEST_TMPDIR/words"
	is_on
}

@test "json: every sample, in blocks off on on off, with the partner's port; the figures follow from them" {
	local out=$BATS_TEST_TMPDIR/json
	erx compare client-pc hub-vm --count 25 --block 10 --interval 2ms --json >"$out"
	jq -e '.count == 25 and .block == 10 and .connections == ["hub-er"] and .ownListener and (.samples | length) == 100' "$out"
	jq -e '[.samples[] | select(.probe == "tcp") | "\(.fastPath)\(.block)"] | reduce .[] as $b ([]; if .[-1] == $b then . else . + [$b] end)
		== ["off0", "on0", "on1", "off1", "off2", "on2"]' "$out"
	jq -e '[.samples[] | select(.probe == "tcp")] | group_by(.pair)
		| length == 25 and all(.[]; length == 2 and .[0].sourcePort == .[1].sourcePort and .[0].fastPath != .[1].fastPath)' "$out"
	jq -e '[.samples[] | select(.probe == "tcp") | .sourcePort] | unique | length == 25' "$out"
	jq -e '[.samples[].atMs] | . == sort' "$out"
	jq -e '. as $all | all(("tcp", "icmp") as $p | ("off", "on") as $s | [$p, $s];
		. as [$p, $s] | ([$all.samples[] | select(.probe == $p and .fastPath == $s) | .ms] | sort) as $ms
		| $all[$p][$s] | .sent == 25 and .received == 25 and .lost == 0 and .medianMs == $ms[12] and .minimumMs == $ms[0]
		and .maximumMs == $ms[24] and ((.averageMs - ($ms | add / 25)) | fabs < 1e-9))' "$out"
	jq -e '.tcp | ((.difference.medianMs - (.off.medianMs - .on.medianMs)) | fabs < 1e-9) and .difference.lowMs <= .difference.medianMs
		and .difference.medianMs <= .difference.highMs' "$out"
}

@test "csv: a line for each sample" {
	erx compare client-pc "$VM" --count 3 --block 2 --interval 1ms --csv >"$BATS_TEST_TMPDIR/csv"
	same heading "$(head -n 1 "$BATS_TEST_TMPDIR/csv")" "order,probe,fastPath,block,pair,sourcePort,atMs,ms"
	python3 - "$BATS_TEST_TMPDIR/csv" <<-'END'
		import csv, sys
		rows = list(csv.DictReader(open(sys.argv[1])))
		assert [int(r["order"]) for r in rows] == list(range(12)), rows
		assert all(float(r["ms"]) > 0 and (r["sourcePort"] != "") == (r["probe"] == "tcp") for r in rows), rows
		assert [r["fastPath"] for r in rows if r["probe"] == "tcp"] == ["off"] * 2 + ["on"] * 3 + ["off"], rows
	END
}

# near WHAT SEEN EXPECTED: a busy machine may send one of a connection's segments again.
near() {
	(($2 >= $3 && $2 <= $3 + 3)) || same "$@"
}

@test "off goes through the gateway and on goes past it, every packet of it" {
	local gateway fastpath
	gateway=$(into_hub gateway) fastpath=$(into_hub fastpath)
	erx compare client-pc "$VM" --count 20 --block 10 --interval 1ms >/dev/null
	# SYN, ACK, RST and an echo request, for 20 samples and 3 warm-ups after each switch: off, on, off.
	near "through" $(($(into_hub gateway) - gateway)) $((4 * (20 + 2 * 3)))
	near "past" $(($(into_hub fastpath) - fastpath)) $((4 * (20 + 3)))
}

@test "from Azure: the replies pass the gateway, and it is their switch" {
	erx compare hub-vm client-pc --count 5 --interval 1ms --json >"$BATS_TEST_TMPDIR/json"
	jq -e '.replies and .connections == ["hub-er"] and .tcp.on.received == 5' "$BATS_TEST_TMPDIR/json"
	is_on
}

@test "who listens already is asked; who has the port and does not listen is named" {
	# It accepts nothing: there is room for all.
	beside hub-vm python3 -c "import socket, time; s = socket.create_server(('$VM', 8080), backlog=128); time.sleep(300)"
	listening hub-vm 8080
	erx compare client-pc "$VM:8080" --count 5 --interval 1ms --json | jq -e '.ownListener == false and .tcp.on.received == 5'
	beside hub-vm python3 -c "import socket, time; s = socket.socket(); s.bind(('$VM', 8081)); print('bound', flush=True); time.sleep(60)"
	eventually 60 grep -q bound "$BATS_TEST_TMPDIR/beside"
	exits 1 erx compare client-pc "$VM:8081" --count 5
	says "'hub-vm' refuses a connection to port 8081"
	is_on
}

# compare's medians are those of the blog, and the gateway's 1.4 ms is what lies between them, with what a wire more costs the
# machine. What is on the way for as long as the wires say is not quicker on any machine. Half a millisecond is all the room
# there is above, for six wires with a wait for the CPU each; the quickest of 200 has to wait the least.
@test "the published medians, within 10 %, when links have their latency" {
	local json=$BATS_TEST_TMPDIR/json
	watch_lateness
	erx compare client-pc "$VM:3389" --count 200 --interval 15ms --json >"$json"
	jq -c '.tcp, .icmp' "$json"
	jq -e 'all(.tcp, .icmp; .off.minimumMs > 4.63 * 0.9 and .on.minimumMs > 3.23 * 0.9)' "$json"
	jq -e 'all(.tcp, .icmp; .off.medianMs < 4.63 * 1.1 and .on.medianMs < 3.23 * 1.1 and
		.difference.lowMs > 1.2 and .difference.highMs < 1.7)' "$json" && return
	(($(typical) <= 100)) || skip "cannot tell: half of the time this machine is more than $(typical) us late"
	return 1
}

# --- Plot --------------------------------------------------------------------------------------------------------------

@test "svg: a plot by gnuplot; without gnuplot a word about it, and nothing is measured" {
	local bin=$BATS_TEST_TMPDIR/bin svg=$BATS_TEST_TMPDIR/plot.svg gateway
	need gnuplot
	erx compare client-pc "$VM" --count 20 --interval 1ms --svg "$svg" 2>"$BATS_TEST_TMPDIR/words" | grep -q "^TCP connect"
	python3 -c 'import sys, xml.dom.minidom as x; assert x.parse(sys.argv[1]).documentElement.tagName == "svg"' "$svg"
	grep -q "FastPath off, median" "$svg"
	grep -q "FastPath on, median" "$svg"
	run ! grep -iE "warning|line [0-9]+:" "$BATS_TEST_TMPDIR/words"
	mkdir "$bin"
	gateway=$(into_hub gateway)
	cp "$svg" "$BATS_TEST_TMPDIR/before"
	PATH=$bin exits 1 "$ERXDPCTL" compare --lab "$LAB" client-pc "$VM" --svg "$svg"
	says "apt-get install gnuplot-nox"
	cmp "$svg" "$BATS_TEST_TMPDIR/before"
	same "measured" "$(into_hub gateway)" "$gateway"
	exits 1 erx compare client-pc "$VM" --svg /nowhere/plot.svg
	says "cannot write '/nowhere/plot.svg'"
	# One that fails leaves no empty file.
	printf '#!/bin/sh\n[ "$1" = --version ]\n' >"$bin/gnuplot"
	chmod +x "$bin/gnuplot"
	PATH=$bin:$PATH exits 1 erx compare client-pc "$VM" --count 2 --svg "$BATS_TEST_TMPDIR/none.svg"
	says "gnuplot has not written"
	[[ ! -e $BATS_TEST_TMPDIR/none.svg ]]
	is_on
}

# --- Refusals ----------------------------------------------------------------------------------------------------------

@test "bad input is refused in words, with exit code 2" {
	exits 2 erx compare client-pc
	exits 2 erx compare client-pc hub-v
	says "did you mean 'hub-vm'"
	exits 2 erx compare nobody hub-vm
	exits 2 erx compare client-pc 10.128.1.77
	exits 2 erx compare client-pc client-pc
	says "is one host"
	exits 2 erx compare client-pc "10.100.10.2"
	for port in "" 0 65536 -1 +3 http 3389x; do
		exits 2 erx compare client-pc "$VM:$port"
		says "is no port number"
	done
	for count in 0 -1 1.5 many ""; do
		exits 2 erx compare client-pc "$VM" --count "$count"
		says "--count takes a number"
		exits 2 erx compare client-pc "$VM" --block "$count"
		says "--block takes a number"
	done
	exits 2 erx compare client-pc "$VM" --count 10001
	says "at most 10000"
	exits 2 erx compare client-pc "$VM" --interval 5
	says "--interval takes a time"
	exits 2 erx compare client-pc "$VM" --json --csv
	says "exclude each other"
	is_on
}

# refused_by WORDS SRC DST: with exit code 3, and no packet sent.
refused_by() {
	local before
	before=$(erx counters --json | jq '[.paths[].packets] | add')
	exits 3 erx compare "$2" "$3"
	says "nothing to compare" "$1"
	same "packets" "$(erx counters --json | jq '[.paths[].packets] | add')" "$before"
}

@test "no bypass is possible: the rule that forbids it, and nothing is measured" {
	local lab=$LAB
	refused_by "provider circuit: peered spokes" client-pc spoke-vm
	refused_by "no ExpressRoute gateway is between" hub-vm spoke-vm
	erx fail er-japaneast
	refused_by "'client-pc' does not reach 'hub-vm'" client-pc hub-vm
	erx restore --all
	is_on
	LAB=$(lab_name sku)
	sed "s/^name:.*/name: $LAB/; s/ErGw3AZ/ErGw1AZ/; s/, expressRouteGatewayBypass: true//" "$TOPOLOGY" >"$BATS_TEST_TMPDIR/sku.yaml"
	load_lab "$BATS_TEST_TMPDIR/sku.yaml"
	refused_by "SKU ErGw1AZ has no FastPath" client-pc hub-vm
	LAB=$lab
}

@test "the way past the gateway is down, a silent fault, a machine that does not answer: it says so" {
	local port
	port=$(interface hub hub:er-japaneast.primary)
	ip -n "erx-$LAB" link set "$port" down
	eventually 60 exits 3 erx compare client-pc hub-vm
	says "past gateway 'hub-ergw' is down"
	ip -n "erx-$LAB" link set "$port" up
	eventually 60 exits 0 erx compare client-pc hub-vm --count 1
	erx fail er-japaneast --silent
	exits 3 erx compare client-pc hub-vm --count 1
	says "'client-pc' does not reach 'hub-vm'"
	erx restore --all
	# What no table of the twin knows: the machine itself does not answer.
	on hub-vm ip route add blackhole 10.100.10.0/24
	exits 1 erx compare client-pc hub-vm --count 1
	says "no answer from 'hub-vm'"
	on hub-vm ip route del blackhole 10.100.10.0/24
	is_on
}

# --- The switch --------------------------------------------------------------------------------------------------------

# ended_by SIGNAL CODE: by that signal, once while it has turned FastPath off and once on.
ended_by() {
	local home other
	for home in on off; do
		other=$([[ $home == off ]] && echo true || echo false)
		erx fastpath "$home" hub-er
		comparing
		eventually 60 is_lent_and "$other"
		kill "-$1" "$comparing"
		ends "$2"
		eventually 60 "is_$home"
		same "hops" "$(hop_count)" "$([[ $home == on ]] && echo 4 || echo 5)"
	done
}

@test "Ctrl-C, SIGTERM, SIGHUP: FastPath is as before when it ends" {
	local signal
	for signal in INT TERM HUP; do
		# A job in the background ignores SIGINT, unless the program asks for it, as this one does.
		ended_by "$signal" 1
		grep -q "ended after" "$BATS_TEST_TMPDIR/said"
		grep -q "Sent = [1-9]" "$BATS_TEST_TMPDIR/out" # what there is, as ping does
	done
}

@test "kill -9 and a closed pipe: the controller puts FastPath back at once" {
	ended_by KILL 137
	erx fastpath off hub-er
	"$ERXDPCTL" compare --lab "$LAB" client-pc "$VM" --count 200 --interval 1ms --csv 2>/dev/null | head -n 1 | grep -q order
	is_off
}

@test "kill -9 of both, compare and controller: the next verb puts FastPath back, whichever it is" {
	local verb
	for verb in "status" "explain client-pc hub-vm" "fastpath status" "exec client-pc -- true" "counters" "restore --all"; do
		erx fastpath on hub-er
		comparing
		eventually 60 is_lent_and false
		kill_both
		ends 137
		eventually 60 grep -q "lent-on hub-er" "/run/erxdp/$LAB/state"
		# shellcheck disable=SC2086 # a list of words
		exits 0 erx $verb
		same "after '$verb'" "$(hop_count)" 4
		is_on || { erx fastpath status hub-er --json; cat "/run/erxdp/$LAB/state"; false; }
		run ! grep lent "/run/erxdp/$LAB/state"
	done
}

@test "kill -9 of both: load puts FastPath back, too, also without a controller" {
	local options
	for options in "" --no-controller; do
		comparing
		eventually 60 is_lent_and false
		kill_both
		ends 137
		# shellcheck disable=SC2086 # none or one word
		exits 0 ctl load $options "$TOPOLOGY"
		run ! grep lent "/run/erxdp/$LAB/state"
		same "hops" "$(hop_count)" 4
	done
	exits 0 ctl load "$TOPOLOGY"
	is_on
}

@test "kill -9 of the controller alone: compare ends with a word, and FastPath is as before" {
	comparing
	eventually 60 is_lent_and false
	kill -9 "$(controller)"
	ends 1
	grep -q "controller" "$BATS_TEST_TMPDIR/said"
	is_on
	same "hops" "$(hop_count)" 4
}

@test "meanwhile: fastpath by somebody else and a second compare are refused in words, status tells" {
	comparing
	eventually 60 is_lent_and false
	exits 1 erx fastpath on hub-er
	says "lent to process $comparing"
	exits 1 erx fastpath off hub-er
	exits 1 erx compare client-pc "$VM" --count 2
	says "lent to process $comparing"
	exits 0 erx status
	says "FastPath lent to a comparison: hub-er, on again after it"
	exits 0 erx events --count 200
	says "hub-er: the switch of FastPath is lent to process $comparing"
	kill "$comparing"
	ends 1
	is_on
	exits 0 erx events --count 50
	says "hub-er: FastPath is on again, as before the loan"
}

@test "meanwhile: a load ends it, and what the new file says of FastPath holds" {
	comparing
	eventually 60 is_lent_and false
	exits 0 ctl load "$TOPOLOGY"
	ends 1
	grep -q "a loan ends when the lab is loaded anew" "$BATS_TEST_TMPDIR/said"
	is_on
	comparing
	eventually 60 is_lent_and true
	sed 's/expressRouteGatewayBypass: true/expressRouteGatewayBypass: false/' "$TOPOLOGY" >"$BATS_TEST_TMPDIR/off.yaml"
	exits 0 ctl load "$BATS_TEST_TMPDIR/off.yaml"
	ends 1
	is_off
	same "hops" "$(hop_count)" 5
	exits 0 ctl load "$TOPOLOGY"
	is_on
}

@test "meanwhile: an unload ends it, and leaves nothing" {
	local lab=$LAB
	LAB=$(lab_name u)
	load_lab "$(copy_as "$LAB" fastpath)"
	comparing
	eventually 60 is_lent_and false
	exits 0 ctl unload "$LAB"
	ends 1
	gone "$LAB"
	LAB=$lab
}
