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
	[[ -z ${LAB-} ]] || erx restore --all >/dev/null 2>&1 || :
	[[ -z ${LAB-} ]] || erx impair reset --all >/dev/null 2>&1 || :
}

# Timers of silent.yaml, in ms. A neighbour dies this long after its last hello, of which there is one in every thirtieth
# of that time (BFD: every third), and the controller looks around for some 10 ms before routing follows.
HOLD=8000 OSPF=1600 GATEWAY=2400 DPD=4000 BFD=36

# play SCENARIO: run it, with the report in $report.
play() {
	report=$BATS_TEST_TMPDIR/report
	timeout 60 "$ERXDPCTL" scenario run "$TOPOLOGY" "$1" --json >"$report" 2>"$report.words" || { cat "$report.words" && return 1; }
}

# lasts FROM TO MS: this direction lost packets for this timer. The next one of another length is 600 ms away at least.
lasts() {
	local ms
	ms=$(jq --arg from "$1" --arg to "$2" '.phases[] | select(.phase == "failing") | .streams[] |
		select(.from == $from and .to == $to) | if .goesOn then "goes on" else .lostMs end' "$report")
	jq -en --argjson ms "$ms" --argjson t "$3" '($ms | type) == "number" and $ms > $t * 0.95 - 20 and $ms < $t + 500' >/dev/null ||
		{ echo "$1 > $2: lost for $ms ms; the timer takes $3 ms" && jq -c '.events[]' "$report" && return 1; }
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
	jq -e "(.events | map(.event) | index(\"restore\")) as \$end | [.events[:\$end][] | select((.event == \"withdraw\" or
		.event == \"announce\") and ($1))] | length == 0" "$report" >/dev/null ||
		{ jq -c '.events[]' "$report" && return 1; }
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

# events_since N: events after the first N, one JSON object a line.
events_since() {
	erx events --json --count 1000 | tail -n "+$(($1 + 1))"
}

# Nobody has told the controller: it finds every link of the router dead by itself, BFD first.
@test "loss that nobody asked for is silence as well" {
	local before
	before=$(events_since 0 | wc -l)
	erx impair set ce2 --loss 100%
	eventually 5 'events_since '"$before"' | jq -e "select(.event == \"neighbour-dead\" and .object == \"ce2:er2.primary\")"'
	# Between the timers: the router has lost Azure, and its switch has not been told.
	erx show effective-routes hub-vm >/dev/null
	same "next hops of the switch" "$(erx explain --json dc-host hub-vm | jq '[.. | .rule? // empty | select(test("multipath|only"))] | length > 0')" true
	eventually 10 'events_since '"$before"' | jq -e "select(.event == \"neighbour-dead\" and .object == \"ce2:dc\")"'
	events_since "$before" | jq -s -e '[.[] | select((.event == "withdraw" or .event == "announce") and
		(.from == "ce2" or .to == "ce2"))] | length == 0'
	erx impair reset --all
	eventually 10 'erx reach dc-host hub-vm'
}

# The model says at every moment what packets do.
@test "between the timers what explain says is what packets meet" {
	erx fail ce1 --silent
	eventually 5 'erx events --count 40 | grep -q "neighbour-dead *ce1:dc"'
	erx reach --matrix
	erx show bgp ce1 >/dev/null
	# The routes of the edge router are those from before.
	erx show circuit-routes er1 --path primary | grep -q '10.1.0.0/24 .* 65010'
	# A controller that dies meanwhile leaves all that to the next one.
	kill -9 "$(<"/run/erxdp/$LAB/controller")"
	erx restore ce1
	eventually 20 'erx verify && erx reach dc-host hub-vm'
}
