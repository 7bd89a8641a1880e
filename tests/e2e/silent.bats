#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Silence: the carrier stays and nothing passes. Packets are lost, in each direction, until the device that has to change
# its mind has noticed by a timer of its own; what a dead device would say reaches nobody.
# Slow: begun first.
load lib

setup_file() {
	need jq || return 0
	LAB=$(lab_name)
	TOPOLOGY=$BATS_FILE_TMPDIR/$LAB.yaml
	sed "s/^name:.*/name: $LAB/" "$E2E/silent.yaml" >"$TOPOLOGY"
	export LAB TOPOLOGY
	load_lab "$TOPOLOGY"
}

teardown_file() { remove_labs; }

teardown() {
	[[ -z ${STOPPED-} ]] || kill -CONT "$STOPPED" || :
	[[ -z ${LAB-} ]] || erx restore --all >/dev/null 2>&1 || :
	[[ -z ${LAB-} ]] || erx impair reset --all >/dev/null 2>&1 || :
}

# Timers of silent.yaml, in ms. A neighbour dies this long after its last hello, of which there is one in every thirtieth
# of that time (BFD: every third), and the controller looks around for some 10 ms before routing follows.
HOLD=4800 OSPF=1600 GATEWAY=2400 DPD=4000 BFD=36

# play SCENARIO: run it, with the report in $report.
play() {
	report=$BATS_TEST_TMPDIR/report
	watch_lateness
	timeout 60 "$ERXDPCTL" scenario run "$TOPOLOGY" "$1" --json >"$report" 2>"$report.words" || { cat "$report.words" && return 1; }
}

# lasts FROM TO MS: of this direction's ways, those that lost packets lost them for this timer. The next one of another
# length is 800 ms away at least.
lasts() { in_time 100 lasted "$@" || { show_report "$1" "$2" && echo "the timer takes $3 ms" && return 1; }; }

lasted() {
	jq -e --arg from "$1" --arg to "$2" --argjson t "$3" '[.phases[] | select(.phase == "failing") | .streams[] |
		select(.from == $from and .to == $to and .lost > 0)] |
		length > 0 and all(.[]; (.goesOn | not) and .lostMs > $t * 0.95 - 20 and .lostMs < $t + 500)' "$report" >/dev/null
}

show_report() {
	jq -c --arg from "$1" --arg to "$2" '.phases[] | select(.phase == "failing") | .streams[] |
		select(.from == $from and .to == $to)' "$report"
	jq -r '.events[] | select(.event == "neighbour-dead" or .event == "withdraw") | "\(.time) \(.text)"' "$report"
}

# untouched FROM TO...: nothing was lost.
untouched() {
	local pair lost
	for pair; do
		lost=$(jq --arg from "${pair%>*}" --arg to "${pair#*>}" '[.phases[] | select(.phase == "failing") | .streams[] |
			select(.from == $from and .to == $to) | .lost] | add' "$report")
		same "lost from $pair" "$lost" 0
	done
}

# nobody_hears FILTER: between fault and repair no event tells of a message for which this holds, and some tell of others.
nobody_hears() {
	jq -e "[.events[] | select(.event == \"fault\" or .event == \"restore\") | .event] == [\"fault\", \"restore\"]" "$report" >/dev/null
	jq -e "(.events | map(.event) | index(\"restore\")) as \$until | [.events[:\$until][] | select((.event == \"withdraw\" or
		.event == \"announce\") and ($1))] | length == 0" "$report" >/dev/null ||
		{ show_report && return 1; }
	jq -e 'any(.events[]; .event == "neighbour-dead")' "$report" >/dev/null
}

@test "a router: the switch by its dead interval, the edge routers by their hold timer" {
	play router
	lasts dc-host hub-vm $OSPF
	lasts dc-host spoke-vm $OSPF
	lasts hub-vm dc-host $HOLD
	lasts spoke-vm dc-host $HOLD
	untouched "hub-vm>shop-pc" "shop-pc>hub-vm" "plant-pc>hub-vm" "hub-vm>plant-pc"
	nobody_hears '.from == "ce1" or .to == "ce1"'
}

@test "a router with BFD: the edge routers at once, the switch still by its own dead interval" {
	play router-bfd
	lasts hub-vm dc-host $BFD
	lasts dc-host hub-vm $OSPF
	lasts dc-host spoke-vm $OSPF
	nobody_hears '.from == "ce2" or .to == "ce2"'
}

@test "an edge router: gateways and Global Reach by their timeout, the customer by the hold timer" {
	play edge-router
	lasts hub-vm dc-host $GATEWAY
	lasts hub-vm plant-pc $GATEWAY
	lasts plant-pc dc-host $GATEWAY
	lasts plant-pc hub-vm $GATEWAY
	lasts dc-host hub-vm $HOLD
	lasts dc-host plant-pc $HOLD
	nobody_hears '.from == "er1.primary" or .to == "er1.primary"'
}

@test "a line: both ends by the hold timer, or by BFD" {
	play line
	lasts dc-host hub-vm $HOLD
	lasts hub-vm dc-host $HOLD
	nobody_hears '(.from == "ce1" and .to == "er1.primary") or (.to == "ce1" and .from == "er1.primary")'
	play line-bfd
	lasts dc-host hub-vm $BFD
	lasts hub-vm dc-host $BFD
}

@test "a connection, and an instance of a gateway" {
	play connection
	lasts dc-host hub-vm $GATEWAY
	lasts hub-vm dc-host $GATEWAY
	play gateway-instance
	lasts dc-host hub-vm $GATEWAY
	# Packets to the customer pass the gateway by.
	untouched "hub-vm>dc-host" "spoke-vm>dc-host" "hub-vm>plant-pc"
	nobody_hears '(.from | startswith("hub-ergw/0")) or (.to | startswith("hub-ergw/0"))'
}

@test "an instance of a VPN gateway: the customer by dead-peer detection, the VNet by its probe" {
	play vpn-instance
	lasts shop-pc hub-vm $DPD
	lasts shop-pc spoke-vm $DPD
	lasts hub-vm shop-pc $GATEWAY
	lasts spoke-vm shop-pc $GATEWAY
	nobody_hears '(.from | startswith("hub-vpngw/0")) or (.to | startswith("hub-vpngw/0"))'
}

# dies_of LINK PROTOCOL MS: that link's neighbours have lost each other by this timer.
dies_of() {
	jq -e --arg link "$1" --arg protocol "$2" --argjson ms "$3" 'any(.events[]; .event == "neighbour-dead" and
		.object == $link and .protocol == $protocol and .afterMs == $ms)' "$report" >/dev/null || { show_report && return 1; }
}

@test "a whole circuit, and what has no second way: nobody hears of it but by a timer" {
	play circuit
	lasts dc-host hub-vm $HOLD
	lasts hub-vm dc-host $HOLD
	nobody_hears '(.from == "ce1" and (.to | startswith("er1"))) or (.to == "ce1" and (.from | startswith("er1")))'
	play reach
	dies_of er1.primary:er3.primary "Global Reach session timeout" $GATEWAY
	nobody_hears '(.from + .to) | test("er1.*er3|er3.*er1")'
	play tunnels
	dies_of hub-vpngw/0:ce4 "dead-peer detection" $DPD
	nobody_hears '.from == "ce4" or .to == "ce4"'
	play vpn-router
	dies_of ce4:shop "OSPF dead interval" $OSPF
	dies_of hub-vpngw/1:ce4 "dead-peer detection" $DPD
	nobody_hears '.from == "ce4" or .to == "ce4"'
}

# What the controller has told since begin_events, one JSON object a line.
begin_events() { TOLD=$(erx events --json --count 1000 | wc -l); }
events() { erx events --json --count 1000 | tail -n "+$((TOLD + 1))"; }
is_dead() { events | jq -se --arg link "$1" 'any(.[]; .event == "neighbour-dead" and .object == $link)' >/dev/null; }

# uses ROUTER: whether the switch sends packets to this router, as the model has it.
uses() { erx explain --json dc-host hub-vm | jq -e --arg ce "$1" '[.. | .device? // empty] | index($ce) != null' >/dev/null; }

wire_pid() { erx status --json | jq --arg lab "$LAB" '.labs[] | select(.lab == $lab) | .wirePid'; }

# Nobody has told the controller. All links of the router are wires, and all stop carrying in the same moment; BFD
# notices when the switch has missed one hello at most, so the controller has to try the link before the switch is told.
@test "loss that nobody asked for is silence as well" {
	erx impair set ce2 --delay 0.1ms
	eventually 10 erx reach dc-host hub-vm
	STOPPED=$(wire_pid)
	begin_events
	kill -STOP "$STOPPED"
	eventually 10 is_dead ce2:er2.primary
	# The router has lost Azure, and its switch has not been told.
	events | jq -se 'any(.[]; .event == "best-path" and .object == "ce2") and all(.[]; .object != "dc")'
	eventually 10 is_dead ce2:dc
	run ! uses ce2
	events | jq -se '[.[] | select((.event == "withdraw" or .event == "announce") and
		(.from == "ce2" or .to == "ce2"))] | length == 0' || { events && return 1; }
	kill -CONT "$STOPPED"
	eventually 10 uses ce2
	erx impair reset --all
	eventually 10 erx reach dc-host hub-vm
}

# The model says at every moment what packets do, and the next controller goes on from there.
@test "between the timers what the routes say is what packets meet" {
	begin_events
	erx fail ce1 --silent
	eventually 10 is_dead ce1:dc
	erx show circuit-routes er1 --path primary | grep -q "10.1.0.0/24 .*65010"
	erx reach --matrix
	kill -9 "$(<"/run/erxdp/$LAB/controller")"
	erx restore ce1
	eventually 20 uses ce1
	eventually 20 erx reach --matrix
}
