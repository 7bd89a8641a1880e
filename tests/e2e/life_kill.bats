#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# erxdpctl dies at any moment, or meets another one: the next call finishes the
# work. Moments are spread over the time that the call takes here and now.
# Slow: begun first.
load life

setup_file() { need bpftool jq || return 0; }
teardown_file() { remove_labs; }

# takes COMMAND...: milliseconds of a run, in $took.
takes() {
	local start
	start=$(now_ms)
	exits 0 "$@"
	took=$(($(now_ms) - start))
}

# kill_after MS COMMAND...: kill -9 that much later; whether it had ended by itself does not matter.
kill_after() {
	local ms=$1 pid
	shift
	"$@" >>"$BATS_TEST_TMPDIR/killed" 2>&1 3>&- &
	pid=$!
	sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
	kill -9 "$pid" 2>/dev/null || :
	wait "$pid" 2>/dev/null || :
}

# moment ROUND ROUNDS MS: of this round, with some chance in it.
moment() {
	echo $((($1 * $3 + RANDOM % ($3 + 1)) / $2))
}

# is_whole LAB FILE
is_whole() {
	exits 0 ctl plan "$2"
	[[ $(ctl status --json | jq --arg lab "$1" '[.labs[] | select(.lab == $lab)][0].damaged') == false ]]
}

@test "kill -9 during load, 24 moments: the next load or unload finishes" {
	local lab file i before=$BATS_TEST_TMPDIR/objects
	lab=$(lab_name a)
	file=$(copy_as "$lab" interop)
	echo "$lab" >>"$BATS_FILE_TMPDIR/labs"
	orphans >"$before"
	takes ctl load "$file"
	exits 0 ctl unload "$lab"
	for ((i = 0; i < 24; i++)); do
		kill_after "$(moment $i 24 $took)" "$ERXDPCTL" load "$file"
		if ((i % 2)); then
			exits 0 ctl load "$file"
			is_whole "$lab" "$file"
			((i % 8 != 1)) || exits 0 ctl verify --lab "$lab"
		fi
		exits 0 ctl unload "$lab"
		gone "$lab"
	done
	no_more_orphans "$before"
}

@test "kill -9 during unload, 12 moments: the next load or unload finishes" {
	local lab file i before=$BATS_TEST_TMPDIR/objects
	lab=$(lab_name b)
	file=$(small "$lab")
	orphans >"$before"
	exits 0 ctl load "$file"
	takes ctl unload "$lab"
	for ((i = 0; i < 12; i++)); do
		exits 0 ctl load "$file"
		kill_after "$(moment $i 12 $took)" "$ERXDPCTL" unload "$lab"
		if ((i % 2)); then
			exits 0 ctl load "$file"
			is_whole "$lab" "$file"
			((i % 4 != 1)) || exits 0 ctl verify --lab "$lab"
		fi
		exits 0 ctl unload "$lab"
		gone "$lab"
	done
	no_more_orphans "$before"
}

@test "kill -9 during a change, 12 moments: flows of others lose nothing, the next load finishes" {
	local lab file i changed=$BATS_TEST_TMPDIR/changed.yaml
	lab=$(lab_name c)
	file=$(small "$lab")
	small_as "$lab" "$changed" 's/{spoke-vm: 10.21.0.4}/{spoke-vm: 10.21.0.4, more-vm: 10.21.0.5}/'
	exits 0 ctl load "$file"
	takes ctl load "$changed"
	flow_start "$lab" site-vm hub-vm 10.20.0.4
	for ((i = 0; i < 12; i++)); do
		kill_after "$(moment $i 12 $took)" "$ERXDPCTL" load "$file"
		kill_after "$(moment $((11 - i)) 12 $took)" "$ERXDPCTL" load "$changed"
		((i % 2)) || exits 0 ctl load "$changed"
	done
	flow_end "$lab" site-vm
	exits 0 ctl load "$file"
	is_whole "$lab" "$file"
	exits 0 ctl verify --lab "$lab"
	exits 0 ctl unload "$lab"
	gone "$lab"
}

@test "two loads at the same instant, 20 times: one after the other, never a mix" {
	local lab file i changed=$BATS_TEST_TMPDIR/changed.yaml first second plan_a plan_b
	lab=$(lab_name d)
	file=$(small "$lab")
	small_as "$lab" "$changed" 's/10\.21\.0\./10.23.0./g; s/er1/blue/g; s/{spoke-vm: 10.23.0.4}/{spoke-vm: 10.23.0.4, more-vm: 10.23.0.5}/'
	for ((i = 0; i < 20; i++)); do
		"$ERXDPCTL" load "$file" >"$BATS_TEST_TMPDIR/first" 2>&1 3>&- &
		first=$!
		"$ERXDPCTL" load "$changed" >"$BATS_TEST_TMPDIR/second" 2>&1 3>&- &
		second=$!
		wait $first || { cat "$BATS_TEST_TMPDIR/first" && return 1; }
		wait $second || { cat "$BATS_TEST_TMPDIR/second" && return 1; }
		plan_a=0 plan_b=0
		ctl plan "$file" >"$BATS_TEST_TMPDIR/a" 2>&1 || plan_a=$?
		ctl plan "$changed" >"$BATS_TEST_TMPDIR/b" 2>&1 || plan_b=$?
		[[ $plan_a$plan_b == 04 || $plan_a$plan_b == 40 ]] || {
			echo "round $i: plans end with $plan_a and $plan_b"
			cat "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
			return 1
		}
		((i % 2)) || exits 0 ctl unload "$lab"
	done
}

@test "load and unload at the same instant, 10 times: all or nothing" {
	local lab file i load unload
	lab=$(lab_name e)
	file=$(small "$lab")
	for ((i = 0; i < 10; i++)); do
		"$ERXDPCTL" load "$file" >"$BATS_TEST_TMPDIR/load" 2>&1 3>&- &
		load=$!
		"$ERXDPCTL" unload "$lab" >"$BATS_TEST_TMPDIR/unload" 2>&1 3>&- &
		unload=$!
		# Hosts talk after the lock has been given back; whose lab is taken away then is told.
		wait $load || grep -q "lab '$lab' is not loaded" "$BATS_TEST_TMPDIR/load" ||
			{ cat "$BATS_TEST_TMPDIR/load" && return 1; }
		wait $unload || { cat "$BATS_TEST_TMPDIR/unload" && return 1; }
		if [[ -n $(remains "$lab") ]]; then
			is_whole "$lab" "$file"
		fi
	done
	exits 0 ctl unload "$lab"
	gone "$lab"
}
