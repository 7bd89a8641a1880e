#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A lock for each lab. Locks are held still by flock(1), so that no test depends on how fast the machine is.
load life

setup_file() {
	need jq flock python3 || return 0
	LAB=$(lab_name)
	export LAB
	load_lab "$(small "$LAB")"
}
teardown_file() { remove_labs; }
teardown() {
	local pid
	for pid in $(jobs -p); do pkill -9 -P "$pid" || :; kill -9 "$pid" || :; done 2>/dev/null
	wait
}

# in_queue FILE N: within 20 s that many wait for a lock on it.
in_queue() {
	local i inode
	inode=$(stat -c %i "$1")
	for ((i = 0; i < 200; i++)); do
		(($(grep -cE -- "-> FLOCK .*:$inode 0 EOF" /proc/locks) >= $2)) && return 0
		sleep 0.1
	done
	echo "not $2 wait for $1:" && grep ":$inode " /proc/locks
	return 1
}

# holding MODE PATH: a lock that somebody has until the test ends; $holder.
holding() {
	local i
	flock "$1" "$2" sleep 120 3>&- &
	holder=$!
	for ((i = 0; i < 100; i++)); do
		[[ $(</proc/$holder/comm) == sleep ]] && return 0
		pgrep -P $holder >/dev/null && return 0
		sleep 0.05
	done
	return 1
}

# let_go: the holder dies, as by kill -9.
let_go() {
	pkill -9 -P "$holder" || :
	kill -9 "$holder" 2>/dev/null || :
	wait "$holder" 2>/dev/null || :
}

@test "a lab that is being loaded holds up nobody but itself" {
	local lab other
	lab=$(lab_name a)
	other=$(small "$lab")
	load_lab "$other"
	holding --exclusive "/run/erxdp/$lab"
	exits 0 timeout 20 "$ERXDPCTL" status --lab "$LAB"
	exits 0 timeout 20 "$ERXDPCTL" explain --lab "$LAB" hub-vm site-vm
	exits 0 timeout 20 "$ERXDPCTL" fail --lab "$LAB" er1.primary
	exits 0 timeout 20 "$ERXDPCTL" restore --lab "$LAB" --all
	exits 0 timeout 30 "$ERXDPCTL" load "$(small "$(lab_name b)")"
	exits 0 timeout 30 "$ERXDPCTL" unload "$(lab_name b)"
	exits 124 timeout 6 "$ERXDPCTL" status --lab "$lab"
	says "waiting for another erxdpctl to finish with lab '$lab'"
	let_go
	exits 0 timeout 20 "$ERXDPCTL" status --lab "$lab"
}

@test "readers that come later do not overtake a change that waits" {
	local i changer
	holding --shared "/run/erxdp/$LAB"
	"$ERXDPCTL" fail --lab "$LAB" er1.primary >"$BATS_TEST_TMPDIR/fail" 2>&1 3>&- &
	changer=$!
	in_queue "/run/erxdp/$LAB" 1
	for i in 1 2 3; do
		exits 124 timeout 1.5 "$ERXDPCTL" explain --lab "$LAB" hub-vm site-vm
	done
	"$ERXDPCTL" explain --lab "$LAB" hub-vm site-vm >"$BATS_TEST_TMPDIR/explain" 2>&1 3>&- &
	in_queue "/run/erxdp/$LAB/gate" 1
	let_go
	wait "$changer"
	wait
	# It has read what the change has made.
	grep -q "er1.primary" "$BATS_TEST_TMPDIR/fail"
	exits 0 ctl explain --lab "$LAB" hub-vm site-vm
	same "what the reader saw" "$(<"$BATS_TEST_TMPDIR/explain")" "$output"
	exits 0 erx restore --all
}

@test "readers read at the same time" {
	holding --shared "/run/erxdp/$LAB"
	exits 0 timeout 20 "$ERXDPCTL" explain --lab "$LAB" hub-vm site-vm
	exits 0 timeout 20 "$ERXDPCTL" status --lab "$LAB"
	let_go
}

# bats test_tags=kernel
@test "who is killed while it holds a lock, or waits for one, leaves none" {
	local lock pid
	for lock in "/run/erxdp/$LAB/gate" "/run/erxdp/$LAB/turn" "/run/erxdp/$LAB"; do
		holding --exclusive "$lock"
		"$ERXDPCTL" unload "$LAB" >"$BATS_TEST_TMPDIR/unload" 2>&1 3>&- &
		pid=$!
		in_queue "$lock" 1
		kill -9 "$pid"
		wait "$pid" || :
		let_go
		exits 0 timeout 60 "$ERXDPCTL" load "$BATS_FILE_TMPDIR/$LAB.yaml"
	done
}

# Of all that live longer than the call that has started them.
@test "controller and wire process have none of the locks of the load that has started them" {
	local lab pid
	lab=$(lab_name w)
	echo "$lab" >>"$BATS_FILE_TMPDIR/labs"
	exits 0 ctl load "$(copy_as "$lab" interop)"
	for pid in "$(</run/erxdp/"$lab"/controller)" "$(</run/erxdp/"$lab"/wires.pid)"; do
		ls -l "/proc/$pid/fd" >"$BATS_TEST_TMPDIR/fds"
		run ! grep -E "/run/erxdp(/$lab(/gate|/turn)?)?\$" "$BATS_TEST_TMPDIR/fds"
	done
	# An exclusive lock on each can be had at once.
	flock --exclusive --nonblock "/run/erxdp/$lab/turn" true
	flock --exclusive --wait 5 "/run/erxdp/$lab/gate" true
	flock --exclusive --wait 5 "/run/erxdp/$lab" true
}

# mute LAB add|del: what its host hub-vm says to spoke-vm is lost without an error, or is not any more.
mute() {
	ip -n "erx-$1-hub-vm" route "$2" 10.21.0.4/32 dev lo
}

# loading FILE: a load of it, of a lab that is loaded, whose hosts are talking when this returns; $loader.
loading() {
	local i
	"$ERXDPCTL" load "$1" >"$BATS_TEST_TMPDIR/load" 2>&1 3>&- &
	loader=$!
	for ((i = 0; i < 200; i++)); do
		grep -q "is loaded already" "$BATS_TEST_TMPDIR/load" && return 0
		sleep 0.05
	done
	return 1
}

@test "while the hosts of a load talk nobody waits, and its verdict is of a lab that stood still" {
	local lab file loader code=0
	lab=$(lab_name t)
	file=$(small "$lab")
	load_lab "$file"
	mute "$lab" add
	exits 3 timeout 60 "$ERXDPCTL" load "$file"
	says "though the model says they can talk"

	# Changed meanwhile: tried again.
	loading "$file"
	flock --exclusive --wait 2 "/run/erxdp/$lab" true
	flock --exclusive --nonblock "/run/erxdp/$lab/turn" true
	exits 0 timeout 20 "$ERXDPCTL" fail --lab "$lab" er1.primary
	kill -0 "$loader"
	sleep 4.5
	mute "$lab" del
	wait "$loader" || code=$?
	cat "$BATS_TEST_TMPDIR/load"
	same "exit code of the load of a lab that was changed" $code 0

	# Gone meanwhile: that is said, and not that its hosts are at fault.
	mute "$lab" add
	loading "$file"
	exits 0 timeout 20 "$ERXDPCTL" unload "$lab"
	code=0
	wait "$loader" || code=$?
	cat "$BATS_TEST_TMPDIR/load"
	same "exit code of the load of a lab that is gone" $code 1
	grep -q "lab '$lab' is not loaded" "$BATS_TEST_TMPDIR/load"
	run ! grep "though the model says" "$BATS_TEST_TMPDIR/load"
}

@test "two loads of two labs at once want the same namespace: one has it, the other is told whose it is" {
	local i one two first second code_a code_b
	one=$(lab_name s)
	two=$one-hub
	# lab NAME with host hub-vm, and lab NAME-hub with host vm: both erx-NAME-hub-vm.
	small "$one" >/dev/null
	small "$two" 's/\bhub-vm\b/vm/g' >/dev/null
	for ((i = 0; i < 5; i++)); do
		code_a=0 code_b=0
		"$ERXDPCTL" load "$BATS_FILE_TMPDIR/$one.yaml" >"$BATS_TEST_TMPDIR/one" 2>&1 3>&- &
		first=$!
		"$ERXDPCTL" load "$BATS_FILE_TMPDIR/$two.yaml" >"$BATS_TEST_TMPDIR/two" 2>&1 3>&- &
		second=$!
		wait "$first" || code_a=$?
		wait "$second" || code_b=$?
		cat "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/two"
		[[ $code_a$code_b == 01 || $code_a$code_b == 10 || $code_a$code_b == 11 ]]
		((code_a == 0)) || grep -q "belongs to lab '$two'" "$BATS_TEST_TMPDIR/one"
		((code_b == 0)) || grep -q "belongs to lab '$one'" "$BATS_TEST_TMPDIR/two"
		exits 0 ctl unload "$one"
		exits 0 ctl unload "$two"
		gone "$one"
	done
}

# Where bpffs is not mounted yet, one of them does it: a second mount would hide the pins of the first.
# bats test_tags=kernel
@test "five labs loaded and unloaded at once, with bpffs to be mounted: each is whole, and nothing is left" {
	local i base
	base=$(lab_name p)
	for i in "" -a -b -c -d; do
		small "$base$i" 's/\bhub-vm\b/only-vm/g' >/dev/null
	done
	export base
	exits 0 timeout 240 unshare --mount --propagation private bash -euc '
		umount --lazy /sys/fs/bpf
		for i in 1 2 3; do
			pids=
			for lab in "$base" "$base"-{a,b,c,d}; do
				"$ERXDPCTL" load "$BATS_FILE_TMPDIR/$lab.yaml" & pids+=" $!"
			done
			for pid in $pids; do wait $pid; done
			[[ $(grep -c " /sys/fs/bpf " /proc/self/mounts) == 1 ]]
			for lab in "$base" "$base"-{a,b,c,d}; do
				"$ERXDPCTL" plan "$BATS_FILE_TMPDIR/$lab.yaml"
			done
			pids=
			for lab in "$base" "$base"-{a,b,c,d}; do
				"$ERXDPCTL" unload "$lab" & pids+=" $!"
			done
			for pid in $pids; do wait $pid; done
			umount /sys/fs/bpf
		done'
	gone "$base"
}
