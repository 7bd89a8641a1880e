#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# erxdpctl explain of a loaded lab: the fields that programs read, and what follows a failure. Each note for itself is
# in tests/unit/test_explain.c.
load lib

setup_file() {
	need jq || return 0
	own_lab interop
}

teardown_file() {
	remove_labs
}

explain_json() {
	run -0 --separate-stderr erx explain --json "$@"
}

@test "every line of the trace and every device has route, rule and losers" {
	explain_json hub-vm loc1-vm
	jq -e '.reachable and .pingTtl == 60 and (.forward | map(.hop)) == ["10.10.30.132", null, null, "10.2.30.10"] and
		all(.forward[], .back[]; has("device") and has("ttl") and has("hop") and has("silent") and has("rule") and
			(.losers | type) == "array")' <<<"$output"
	jq -e '(.forwardDevices | map(.device)) == ["hub", "er1.primary", "loc1-ce1", "loc1"] and
		any(.forwardDevices[0].losers[]; (.route | contains("hub-vpngw/0")) and (.lostBy | contains("higher weight")))' \
		<<<"$output"
}

@test "devices that one direction passes are named, and nothing where both take the same" {
	explain_json hub-vm loc1-vm
	jq -e '.asymmetric and (.oneWay | length == 1) and .oneWay[0].kind == "ergw" and .oneWay[0].way == "back"' <<<"$output"
	explain_json hub-vm branch-vm
	jq -e '(.asymmetric | not) and .oneWay == []' <<<"$output"
}

@test "a host that is not reached has a cause, with its source" {
	explain_json loc1-vm loc2-vm
	jq -e '(.reachable | not) and .pingTtl == null and
		any(.notes[]; .cause and .name == "no-er-er-transit" and .way == "forward" and .source == "azure.md 7.5")' <<<"$output"
	run -0 erx explain loc1-vm loc2-vm
	[[ ${lines[-1]} == "not reachable: 'loc1-ce1' has no route to 'loc2-vm': "*"Global Reach between 'er2' and 'er1'"* ]]
}

@test "a failure, loud or silent, is the cause that is named first" {
	erx fail er1.primary
	explain_json remote-vm loc1-vm
	erx restore --all
	jq -e '(.reachable | not) and (.notes[0].text | contains("loc1-ce1:er1.primary")) and .notes[0].name == "session-down"' \
		<<<"$output"
	erx fail --silent er1.primary
	explain_json remote-vm loc1-vm
	erx restore --all
	jq -e '(.reachable | not) and .notes[0].name == "silent-fault"' <<<"$output"
	explain_json remote-vm loc1-vm
	jq -e '.reachable and all(.notes[]; .cause | not)' <<<"$output"
}
