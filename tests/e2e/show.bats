#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The tables of a loaded lab: what the unit tests hold against Azure's captures
# is what the commands print, connectivity comes from real packets, and diff
# tells what a failure changes.
load lib

setup_file() {
	need jq || return 0
	own_lab interop
}

teardown_file() {
	remove_labs
}

teardown() {
	[[ -e $BATS_FILE_TMPDIR/missing ]] || erx restore --all
}

VIEWS=(
	"effective-routes hub-vm"
	"circuit-routes er1 --path primary"
	"circuit-summary er1 --path secondary"
	"circuit-arp er2 --path secondary"
	"learned-routes hub-ergw"
	"advertised-routes hub-ergw --peer 10.10.30.132"
	"bgp-peers hub-vpngw"
	"next-hop hub-vm loc1-vm"
	"connectivity hub-vm spoke-vm"
	"bgp loc1-ce1"
)

# Times of sessions and minutes of ARP pass, as those of the golden files do not; a table with wider ones has other columns.
mask() {
	sed -E 's/\b[0-9]{2}:[0-9]{2}\b/mm:ss/; s/^[0-9]+ +(On-Prem|Microsoft) /N        \1 /'
}

golden_of() {
	sed -n "/^\$ erxdpctl show $1\$/,/^\$ /{/^\\$ /d;p}" "$ROOT/tests/golden/show/interop.txt" | sed '$d'
}

@test "the commands print what the golden files have" {
	local view
	for view in "${VIEWS[@]}"; do
		[[ $view != connectivity* ]] || continue
		# shellcheck disable=SC2086 # words
		[[ $view == bgp-peers* ]] || diff <(erx show $view | mask) <(golden_of "$view" | mask) || return
		# shellcheck disable=SC2086 # words
		erx show --json $view | jq -e . >/dev/null
	done
}

@test "routes of a VM are its effective routes, those of a server its switch's" {
	diff <(erx routes hub-vm) <(erx show effective-routes hub-vm)
	diff <(erx routes --json hub-vm) <(erx show --json effective-routes hub-vm)
	erx routes loc1-vm | grep -q "10.2.30.10/32 *host"
}

@test "connectivity counts real packets" {
	local out
	out=$(erx show --json connectivity hub-vm loc1-vm)
	jq -e '.connectionStatus == "Reachable" and .probesSent == 100 and .probesFailed == 0' <<<"$out"
	jq -e '[.hops[].address] == ["10.10.30.4", "10.10.30.132", "*", "*", "10.2.30.10"]' <<<"$out"
	jq -e '.hops as $h | all(range(0; ($h | length) - 1); $h[.].nextHopIds == [$h[. + 1].id])' <<<"$out"
	jq -e '(.minLatencyInMs <= .avgLatencyInMs) and (.avgLatencyInMs <= .maxLatencyInMs)' <<<"$out"
	jq -e '.hops[-1].type == "Destination" and (.hops | all(.issues == []))' <<<"$out"
}

@test "connectivity names what is in the way, and sees what the model does not say" {
	local out
	out=$(erx show --json connectivity branch-vm loc2-vm)
	jq -e '.connectionStatus == "Unreachable" and .probesFailed == 100 and .avgLatencyInMs == null' <<<"$out"
	jq -e '.hops[0].issues[0] | .type == "UserDefinedRoute" and .origin == "Outbound" and
		.context[0] == {key: "RouteType", value: "System"}' <<<"$out"
	erx fail er2.primary
	erx fail er2.secondary --silent
	erx show connectivity loc2-vm hub-vm | grep -q "^Unreachable: 100 of 100 probes failed"
}

is_up_for_a_second() { erx show --json bgp-peers hub-ergw | jq -e '.value | all(.connectedDuration > "00:00:01")'; }

@test "times are those since which a session is up" {
	eventually 60 is_up_for_a_second
	erx show --json circuit-summary er1 --path primary | jq -e '.value | all(.upDown | test("^[0-9][0-9]:[0-9][0-9]$"))'
	erx show --json bgp-peers hub-ergw | jq -e '.value | length == 5 and
		all(.connectedDuration | test("^00:[0-9][0-9]:[0-9][0-9][.][0-9]{7}$")) and
		all(.connectedDuration > "00:00:01")'
	erx fail er1.primary
	erx show --json circuit-summary er1 --path primary |
		jq -e '.value[4] | .statePfxRcd == "Idle" and (.upDown | test("^00:0[0-9]$"))'
	erx restore er1.primary
	erx show --json circuit-summary er1 --path primary |
		jq -e '.value[4] | .statePfxRcd == "1" and (.upDown | test("^00:0[0-9]$"))'
}

@test "the layers of a circuit's troubles are told apart" {
	erx fail er2.primary --layer arp
	erx show circuit-arp er2 --path primary | grep -q "On-Prem .*192.168.31.17 .*Incomplete"
	erx show circuit-summary er2 --path primary | grep -q "192.168.31.17 .*Active"
	erx restore er2.primary
	erx fail er2.primary --layer bgp
	erx show circuit-arp er2 --path primary | grep -qE "On-Prem .*192.168.31.17 .*([0-9a-f]{4}\.){2}"
	erx show circuit-summary er2 --path primary | grep -q "192.168.31.17 .*Active"
}

@test "diff: each view equals what it printed" {
	local view
	for view in "${VIEWS[@]}"; do
		# shellcheck disable=SC2086 # words
		erx show --json $view >"$BATS_TEST_TMPDIR/az.json"
		# shellcheck disable=SC2086 # words
		erx diff --az "$BATS_TEST_TMPDIR/az.json" $view || return
		# shellcheck disable=SC2086 # words
		jq '.value // .' "$BATS_TEST_TMPDIR/az.json" | erx diff --az - $view | grep -q "^nothing differs" || return
	done
}

@test "diff: a failure shows, and is gone after the repair" {
	local samples=$ROOT/tests/golden/az
	erx diff --az "$samples/circuit-routes.json" circuit-routes er1 --path primary
	erx fail er1.primary
	run -3 erx diff --az "$samples/circuit-routes.json" circuit-routes er1 --path primary
	[[ $output == "missing  10.2.30.0/25 192.168.30.17: "* ]]
	run -3 erx diff --json --az "$samples/learned-routes.json" learned-routes remote-ergw
	jq -e '[.missing[].network] == ["10.2.30.0/25"] and .extra == [] and .different == []' <<<"$output"
	erx restore er1.primary
	erx diff --az "$samples/circuit-routes.json" circuit-routes er1 --path primary
}

@test "misuse ends with 2 and says what is asked for" {
	run -2 --separate-stderr erx show circuit-routes er1
	[[ $stderr == *"needs --path primary or --path secondary, as az does" ]]
	run -2 --separate-stderr erx show circuit-routes er11 --path primary
	[[ $stderr == *"has no circuit 'er11' (did you mean 'er1'?)" ]]
	run -2 --separate-stderr erx show circut-routes er1
	[[ $stderr == *"(did you mean 'circuit-routes'?)"* ]]
	run -2 --separate-stderr erx show advertised-routes hub-ergw
	[[ $stderr == *"needs --peer ADDRESS"* ]]
	run -2 --separate-stderr erx show
	run -2 --separate-stderr erx diff learned-routes hub-ergw
	[[ $stderr == *"diff needs --az FILE"* ]]
	echo '{"value": [3]}' >"$BATS_TEST_TMPDIR/bad.json"
	run -2 --separate-stderr erx diff --az "$BATS_TEST_TMPDIR/bad.json" learned-routes hub-ergw
	[[ $stderr == *"bad.json: value[0] is a number; expected an object"* ]]
	printf '\xff\xfe{\0}\0' >"$BATS_TEST_TMPDIR/bad.json"
	run -2 --separate-stderr erx diff --az "$BATS_TEST_TMPDIR/bad.json" learned-routes hub-ergw
	[[ $stderr == *"is UTF-16"* ]]
	run -1 --separate-stderr erx diff --az "$BATS_TEST_TMPDIR/none.json" learned-routes hub-ergw
	[[ $stderr == *"No such file"* ]]
}
