#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What the READMEs show is what happens: their commands run, in order, in a lab
# of this file's own, and print what is written there (readme.py says how).
load lib

setup() {
	need bpftool ping python3 tcpdump traceroute
	# As long as "interop", so that tables keep their width; process ids have at most six digits in hex.
	LAB=$(printf 'r%06x' $$)
	export LAB
}

teardown() {
	[[ ! -e /sys/fs/bpf/erxdp/$LAB && ! -e /run/erxdp/$LAB ]] || timeout 30 "$ERXDPCTL" unload "$LAB"
}

# session FILE: run what it shows.
session() {
	cd "$ROOT"
	timeout 500 python3 "$E2E/readme.py" "$LAB" "$BATS_TEST_TMPDIR" "$1" || return
	[[ ! -e /sys/fs/bpf/erxdp/$LAB ]]
}

@test "README.md is a true session" {
	session README.md
}

@test "so are the other READMEs, where they show one" {
	local file code
	for file in */README.md; do
		code=0
		session "$file" || code=$?
		[[ $code -eq 0 || $code -eq 77 ]]
	done
}

@test "a README that is not true is noticed" {
	cd "$ROOT"
	printf '%s\n' '```console' '$ echo one' two '$ false' '$ echo 3 ms' '5 ms' '```' >"$BATS_TEST_TMPDIR/false.md"
	run -1 python3 "$E2E/readme.py" "$LAB" "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/false.md"
	[[ $output == *'$ echo one'*'-two'*'+one'* && $output == *'$ false'*'exit code 1'* ]]
	[[ $output == *"3 commands, 2 not as shown" ]]
}
