#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# scenario run: fails, measures with real packets, checks, restores, checks again.
# Slow: begun first.
load lib

# Timers are a hundredth: the hold timer is 1.8 s. In this file's lab the VPN is behind the circuit.
setup_file() {
	need jq || return 0
	LAB=$(lab_name)
	TOPOLOGY=$(timed "$LAB" "scale: 0.01")
	export LAB TOPOLOGY
	load_lab "$TOPOLOGY"
}

teardown_file() { remove_labs; }

teardown() {
	[[ -z ${LAB-} ]] || erx restore --all >/dev/null 2>&1 || :
}

# timed NAME TIMERS: a copy of vpn-backup with these timers and scenarios of this file's; prints its path.
timed() {
	local file
	file=$(swift "$(copy_as "$1" vpn-backup)")
	cat >>"$file" <<-END
		  silent: {fail: [{target: er1, silent: true}], expect: [{from: hub-vm, to: office-pc, ttl: 62}]}
		  tunnel-silent: {fail: [{target: hub-office-vpn, silent: true}], expect: [{from: hub-vm, to: office-pc, ttl: 60}]}
		  line-work: {fail: [{target: er1.primary, maintenance: true}]}
		  gateway-work: {fail: [{target: hub-ergw, maintenance: true}]}
		  wrong: {fail: [er1.primary], expect: [{from: hub-vm, to: office-pc, ttl: 11}, {from: hub-vm, to: app-vm, ttl: 64}]}
		timers: {$2}
	END
	echo "$file"
}

# scenario FILE NAME [OPTION]...: run it, JSON to \$report, words to \$report.words.
scenario() {
	report=$BATS_TEST_TMPDIR/report
	timeout 300 "$ERXDPCTL" scenario run "$@" --json >"$report" 2>"$report.words" || { local code=$? && cat "$report.words" && return $code; }
}

# streams PHASE FILTER: of the streams of that phase, as a jq list.
streams() {
	jq -c --arg phase "$1" "[.phases[] | select(.phase == \$phase) | .streams[] | $2]" "$report"
}

# all_of LIST CONDITION: there are some, and it holds for each.
all_of() {
	jq -e "length > 0 and all(.[]; $2)" <<<"$1" >/dev/null || { echo "not $2: $1" && return 1; }
}

# Between the office and Azure; the others have no reason to lose anything.
OFFICE='select(.from == "office-pc" or .to == "office-pc")'
OTHERS='select(.from != "office-pc" and .to != "office-pc")'

nothing_failed() {
	[[ $(erx status --json | jq --arg lab "$LAB" '[.. | select(.lab? == $lab) | .faults[]?] | length') -eq 0 ]]
	erx verify >/dev/null
}

@test "a file that is not loaded: loaded, measured, checked, and nothing is left" {
	local name file
	name=$(lab_name x)
	file=$(copy_as "$name" interop)
	echo "$name" >>"$BATS_FILE_TMPDIR/labs"
	run -0 --separate-stderr timeout 300 "$ERXDPCTL" scenario run "$file" er1-primary-down
	[[ ${lines[-1]} == "99 passed, 0 failed" ]]
	[[ $output == *"er1.primary -> hub-vpngw/0"* && $output == *"azure.md 7.1"* && $output == *"azureConvergence"* ]]
	# To the remote network there is no other way.
	[[ $output =~ loc1-vm\ +remote-vm\ +until\ repair ]]
	[[ ! -e /run/erxdp/$name && ! -e /sys/fs/bpf/erxdp/$name && ! -e /run/netns/erx-$name ]]
}

@test "list names what there is" {
	run -0 "$ERXDPCTL" scenario list "$TOPOLOGY"
	[[ ${#lines[@]} -eq 9 && $output == *"silent "*"er1 fails silently; 1 expectations"* ]]
	run -0 "$ERXDPCTL" scenario list "$TOPOLOGY" --json
	jq -e 'map(.name) | index("line-work")' <<<"$output"
}

@test "carrier goes: the twin's own time, some milliseconds, and the repair loses nothing" {
	watch_lateness
	scenario "$TOPOLOGY" circuit-down
	all_of "$(streams failing "$OFFICE")" '.detectionMs == 0 and (.goesOn | not)'
	in_time 50 all_of "$(streams failing "$OFFICE")" '.lostMs < 200'
	all_of "$(streams failing "$OTHERS")" '.lost == 0'
	all_of "$(streams restoring .)" '.lost == 0 and .sent > 10'
	all_of "$(streams before .)" '.lost == 0'
	jq -e '.failed == 0 and .passed == 18 and any(.events[]; .event == "groups")' "$report"
	nothing_failed
}

@test "silent, hold timer: packets are lost until it expires" {
	watch_lateness
	scenario "$TOPOLOGY" silent
	# 1.8 s since the last hello, of which there is one every 60 ms.
	in_time 100 all_of "$(streams failing "$OFFICE")" '.lostMs > 1600 and .lostMs < 2300 and .detectionMs > 0.9 * .lostMs'
	all_of "$(streams failing "$OFFICE")" '.lost > 50 and (.detectionMs + .azureMs + .twinMs + .restMs - .lostMs | fabs) < 0.01'
	all_of "$(streams failing "$OTHERS")" '.lost == 0'
	all_of "$(streams restoring .)" '.lost == 0'
	nothing_failed
}

@test "silent, the tunnel nobody uses: nothing is lost" {
	scenario "$TOPOLOGY" tunnel-silent
	all_of "$(streams failing .)" '.lost == 0'
	jq -e 'any(.events[]; .event == "neighbour-dead" and .protocol == "dead-peer detection")' "$report"
}

@test "silent, BFD: half of its usual 0.9 s" {
	local name file
	name=$(lab_name b)
	file=$(timed "$name" "scale: 0.5")
	sed -i 's/asn: 65010$/&\n        bfd: true/' "$file"
	echo "$name" >>"$BATS_FILE_TMPDIR/labs"
	watch_lateness
	scenario "$file" silent --timeout 20s
	in_time 50 all_of "$(streams failing "$OFFICE")" '.lostMs > 300 and .lostMs < 800 and .detectionMs > 0.8 * .lostMs'
	[[ ! -e /run/erxdp/$name ]]
}

@test "azureConvergence adds its time, and it is told apart" {
	local name file
	name=$(lab_name a)
	file=$(timed "$name" "scale: 0.01, azureConvergence: 500ms")
	echo "$name" >>"$BATS_FILE_TMPDIR/labs"
	watch_lateness
	scenario "$file" circuit-down
	in_time 100 all_of "$(streams failing "$OFFICE")" '.lostMs > 450 and .lostMs < 900 and .azureMs > 450 and .azureMs <= 501'
	all_of "$(streams restoring .)" '.lost == 0'
	run -0 timeout 300 "$ERXDPCTL" scenario run "$file" circuit-down
	[[ $output == *"detection       azure        twin"* && $output == *"0.5 s: the seconds that Azure"* ]]
}

@test "maintenance of a line and of a gateway loses nothing" {
	local work
	for work in line-work gateway-work; do
		scenario "$TOPOLOGY" "$work"
		all_of "$(streams failing .)" '.lost == 0 and .sent > 20'
		all_of "$(streams restoring .)" '.lost == 0'
		jq -e 'any(.events[]; .event == "maintenance" and .state == "done")' "$report"
	done
	nothing_failed
}

@test "an expectation that does not hold: exit code 3, and everything is restored" {
	run -3 --separate-stderr timeout 300 "$ERXDPCTL" scenario run "$TOPOLOGY" wrong
	[[ $output == *"FAILED hub-vm > office-pc: ttl=60, expected 11"* && ${lines[-1]} == "13 passed, 1 failed" ]]
	nothing_failed
}

# silent_one: scenario 'silent' beside the test, as $pid, and on until it waits for the hold timer.
silent_one() {
	"$ERXDPCTL" scenario run "$TOPOLOGY" silent >/dev/null 2>"$BATS_TEST_TMPDIR/words" 3>&- &
	pid=$!
	eventually 60 said "takes 1.8 s" "$BATS_TEST_TMPDIR/words" || { cat "$BATS_TEST_TMPDIR/words" && return 1; }
}

@test "Ctrl-C, or any end that can be caught, restores what it has failed" {
	local signal pid code
	for signal in INT TERM HUP; do
		silent_one
		kill -"$signal" "$pid"
		code=0 && wait "$pid" || code=$?
		[[ $code -eq 1 ]]
		grep "restoring what scenario 'silent' has let fail" "$BATS_TEST_TMPDIR/words"
		grep "was interrupted" "$BATS_TEST_TMPDIR/words"
		eventually 60 nothing_failed
	done
}

@test "after kill -9, restore --all helps" {
	local pid
	silent_one
	kill -KILL "$pid"
	wait "$pid" || :
	run -1 timeout 300 "$ERXDPCTL" scenario run "$TOPOLOGY" vpn-down
	[[ $output == *"something has failed already: 'er1' loses packets silently; 'erxdpctl restore --lab $LAB --all' first"* ]]
	erx restore --all
	eventually 60 nothing_failed
}

@test "what it refuses: an unknown scenario, another topology, a second run beside it" {
	local other=$BATS_TEST_TMPDIR/other.yaml pid
	run -2 "$ERXDPCTL" scenario run "$TOPOLOGY" circuit-donw
	[[ $output == *"has no scenario 'circuit-donw' (did you mean 'circuit-down'?)"* ]]
	run -2 "$ERXDPCTL" scenario run "$TOPOLOGY"
	run -2 "$ERXDPCTL" scenario walk "$TOPOLOGY" silent
	run -2 "$ERXDPCTL" scenario run "$TOPOLOGY" silent --interval fast
	[[ $output == *"--interval takes a time"*"not 'fast'"* ]]
	sed 's/10.12.0.4/10.12.0.5/' "$TOPOLOGY" >"$other"
	run -1 "$ERXDPCTL" scenario run "$other" circuit-down
	[[ $output == *"lab '$LAB' is loaded from another state of '$other'; 'erxdpctl load $other' brings it up to date"* ]]
	silent_one
	run -1 timeout 300 "$ERXDPCTL" scenario run "$TOPOLOGY" vpn-down
	wait "$pid"
	[[ $output == *"another 'scenario run'"* || $output == *"failed already"* ]]
	eventually 60 nothing_failed
}
