#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# One model, two witnesses: what the controller predicts and what packets show
# agree for every ordered pair of hosts, in every state. The changed copies of
# the interoperability setup are compared in counterfactual.bats.
# Slow: begun first.
load lib

setup() {
	need traceroute ping python3 jq
}

teardown() {
	remove_labs
}

witness() {
	timeout 60 python3 "$E2E/witness.py" "$LAB" "$@"
}

# The targets of each scenario of the file, a line each. Faults that nobody notices at once, and maintenance,
# are for tests of their own: what is seen depends on the moment.
scenarios() {
	python3 - "$TOPOLOGY" <<-'END'
		import sys, yaml
		for scenario in (yaml.safe_load(open(sys.argv[1])).get("scenarios") or {}).values():
		    if all(isinstance(fault, str) for fault in scenario["fail"]):
		        print(*scenario["fail"])
	END
}

# Every state that the file's scenarios name: fail their targets, compare, restore.
witness_scenarios() {
	local targets target
	while read -r targets; do
		for target in $targets; do erx fail "$target"; done
		witness "$1, failed: $targets"
		erx restore --all
	done < <(scenarios)
}

# FastPath on wherever the gateway can, one connection after the other; false when none can.
fastpath_everywhere() {
	local connection switched=1
	for connection in $(sed -n 's/^  \([^ ]*\): *{connectionType: ExpressRoute,.*/\1/p' "$TOPOLOGY"); do
		if erx fastpath "$1" "$connection"; then
			switched=0
		else
			[[ $? -eq 3 ]]
		fi
	done
	return $switched
}

@test "interop: before, during and after a failure, with FastPath off and on" {
	own_lab interop
	witness before
	erx fail er1.primary
	witness "during the failure"
	fastpath_everywhere on
	witness "during the failure, FastPath on"
	erx restore er1.primary
	witness "after it, FastPath on"
	fastpath_everywhere off
	witness after
}

@test "interop: other things that can fail" {
	local target
	own_lab interop
	for target in er1.primary/msee er2.secondary hub-loc1-vpn hub-ergw/1 hub-ergw; do
		erx fail "$target"
		witness "$target failed"
		erx restore "$target"
	done
	witness "all restored"
}

@test "every other shipped topology, its scenarios, and FastPath" {
	local file name
	for file in "$ROOT"/topologies/*.yaml; do
		name=${file##*/}
		[[ $name != interop.yaml ]] || continue
		own_lab "${name%.yaml}"
		witness "$name"
		witness_scenarios "$name"
		witness "$name, restored"
		if fastpath_everywhere on; then witness "$name, FastPath on"; fi
		remove_labs
	done
}

@test "erxdpctl verify fails, with exit 3 and words, when packets go elsewhere than the file says" {
	own_lab interop
	erx fail er1.primary
	run -3 erx verify
	[[ $output == *"FAILED loc1-vm > remote-vm: lost"* ]]
	[[ $output == *"FAILED loc1-vm > hub-vm: hops 10.2.30.3 192.168.30.0 10.10.30.4, expected"* ]]
}
