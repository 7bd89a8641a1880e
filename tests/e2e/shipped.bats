#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What the shipped files expect holds; so does what they say of each of their scenarios,
# and what they say of the state before holds again after it. Then variants of them: a knob turned.
# Slow: begun first.
load lib

setup() {
	need python3 ping jq
}

teardown() {
	remove_labs
}

# A line for each scenario of the file: its name and what fails. Faults with options are for tests of their own.
scenarios() {
	python3 - "$TOPOLOGY" <<-'END'
		import sys, yaml
		for name, scenario in (yaml.safe_load(open(sys.argv[1])).get("scenarios") or {}).items():
		    if all(isinstance(fault, str) for fault in scenario["fail"]):
		        print(name, *scenario["fail"])
	END
}

# expectations [SCENARIO]: a copy of the file that expects what it or the scenario does, but for round trips, which a busy
# machine makes longer: wires.bats has these. Prints its path.
expectations() {
	python3 - "$TOPOLOGY" "$BATS_TEST_TMPDIR/expects.yaml" "$@" <<-'END'
		import json, sys, yaml
		document = yaml.safe_load(open(sys.argv[1]))
		scenarios = document.pop("scenarios", {})
		expected = scenarios[sys.argv[3]].get("expect", []) if len(sys.argv) > 3 else document["expect"]
		document["expect"] = [{key: one[key] for key in one if key != "rtt"} for one in expected
		                      if set(one) - {"from", "to", "rtt"}]
		json.dump(document, open(sys.argv[2], "w"))
	END
	echo "$BATS_TEST_TMPDIR/expects.yaml"
}

# run_scenarios: what the file expects, then each of its scenarios: with what it expects of that and, after the repair, of
# everything.
run_scenarios() {
	local name targets target
	run -0 erx verify "$(expectations)"
	[[ $output =~ ([0-9]+)\ passed,\ 0\ failed && ${BASH_REMATCH[1]} -gt 0 ]]
	while read -r name targets; do
		for target in $targets; do erx fail "$target"; done
		erx verify "$(expectations "$name")" || return
		erx restore --all
		erx verify "$(expectations)" || return
	done < <(scenarios)
}

@test "interop: what it expects, its scenarios, and everything again after each" {
	own_lab interop
	run_scenarios
}

@test "hairpin: what it expects, its scenarios, and everything again after each" {
	own_lab hairpin
	run_scenarios
}

@test "globalreach: what it expects, its scenarios, and everything again after each" {
	own_lab globalreach
	run_scenarios
}

@test "bowtie: what it expects, its scenarios, and everything again after each" {
	own_lab bowtie
	run_scenarios
}

@test "failback: what it expects, its scenarios, and everything again after each" {
	own_lab failback
	run_scenarios
}

@test "every other file: what it expects, its scenarios, and everything again after each" {
	local file name
	for file in "$ROOT"/topologies/*.yaml; do
		name=${file##*/}
		case ${name%.yaml} in interop | hairpin | globalreach | bowtie | failback) continue ;; esac
		own_lab "${name%.yaml}"
		run_scenarios
		remove_labs
	done
}

# ping_ttl HOST ADDRESS: what ping prints.
ping_ttl() {
	on "$1" ping -n -c 2 -i 0.2 -W 1 "$2" | sed -n 's/.*\(ttl=[0-9]*\).*/\1/p' | sort -u
}

# variant TOPOLOGY WORD REPLACEMENT: load a copy with a word changed wherever it is; it must be there.
variant() {
	LAB=$(lab_name)
	TOPOLOGY=$(copy_as "$LAB" "$1")
	grep -q "$2" "$TOPOLOGY"
	sed -i "s/$2/$3/" "$TOPOLOGY"
	load_lab "$TOPOLOGY"
}

@test "hairpin: the published ttl=63, and ttl=62 when the gateways count" {
	own_lab hairpin
	[[ $(ping_ttl spoke002-vm 10.10.0.4) == ttl=63 ]]
	remove_labs
	variant hairpin "ttl: transparent" "ttl: decrement"
	[[ $(ping_ttl spoke002-vm 10.10.0.4) == ttl=62 ]]
	[[ $(ping_ttl hub002-vm 10.10.0.4) == ttl=62 ]]
}

@test "hairpin: a gateway that wants no other network sees none, the other sees it and gets no answer" {
	variant hairpin "hub001-ergw: \(.*\)allowRemoteVnetTraffic: true" "hub001-ergw: \1allowRemoteVnetTraffic: false"
	run -3 erx verify
	[[ $output == *"FAILED spoke002-vm > spoke001-vm: lost"* ]]
	[[ $output == *"ok     hub002-vm: sees 10.0.0.0/16, 10.10.0.0/16, 10.100.10.0/24"* ]]
	[[ $output == *"FAILED spoke001-vm: sees 10.100.10.0/24; expected also 10.50.0.0/16, 10.60.0.0/16"* ]]
	[[ $output == *"ok     client > spoke001-vm"* ]]
}

@test "globalreach: the pair of edge routers is one hop, and two when the second one counts" {
	own_lab globalreach
	[[ $(ping_ttl east-vm 10.80.0.4) == ttl=63 ]]
	[[ $(ping_ttl tokyo-pc 10.100.20.10) == ttl=59 ]]
	remove_labs
	variant globalreach "peerMseeDecrement: 0" "peerMseeDecrement: 1"
	[[ $(ping_ttl east-vm 10.80.0.4) == ttl=62 ]]
	[[ $(ping_ttl tokyo-pc 10.100.20.10) == ttl=58 ]]
	# Between the circuits that this connection does not join nothing has changed.
	[[ $(ping_ttl fukuoka-pc 10.100.20.10) == ttl=59 ]]
}

@test "failback: with the longer prefix gone, everything goes by the circuit and comes back to it" {
	variant failback ", 10.20.0.0\/17\], tunnelInterface" "], tunnelInterface"
	[[ $(ping_ttl hub-vm 10.20.1.10) == ttl=60 ]]
	erx fail er1
	[[ $(ping_ttl hub-vm 10.20.1.10) == ttl=62 ]]
	erx restore er1
	run -3 erx verify
	[[ $output == *"FAILED hub 10.20.0.0/17: no route"* ]]
	[[ $output == *"FAILED hub-vm > pc-a: hops 10.10.0.132 * * 10.20.1.10, expected"* ]]
}
