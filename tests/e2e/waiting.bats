#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# How the other files wait and judge times: what misses its bound fails, unless the machine was seen to be late.
load lib

setup() {
	[[ -n $(command -v python3) ]] || skip "needs python3"
}

appears() { (sleep 0.3 && : >"$1") & }

@test "eventually: as soon as it is so, and not later than it says" {
	local start file=$BATS_TEST_TMPDIR/appears
	appears "$file"
	eventually 20 test -e "$file"
	start=$(now_ms)
	run -1 eventually 1 false
	[[ $output == "never: false" ]]
	(($(now_ms) - start >= 1000))
}

# judged MARGIN COMMAND: how in_time ends a test.
judged() {
	bash -c 'skip() { echo "skipped: $1" && exit 0; }; '"$(declare -f in_time lateness)"'; in_time "$@" || exit 1; echo passed' - "$@"
}

@test "in_time: a missed bound is a failure, and a skip only on a machine that was late enough to miss it" {
	export LATENESS=$BATS_TEST_TMPDIR/given
	printf '0\n12\n7\n' >"$LATENESS"
	same "met" "$(judged 5 true)" passed
	run -1 judged 12 false
	same "missed, in time" "$output" ""
	same "missed, late" "$(judged 11 false)" "skipped: cannot tell: this machine was 12 ms late, and 11 ms are to spare for: false"
}

@test "lateness: a process that keeps a CPU from the others shows" {
	[[ $EUID -eq 0 ]] || skip "needs root"
	watch_lateness
	python3 - <<-'END'
		import os, time
		os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
		os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(2))
		end = time.monotonic() + 0.03
		while time.monotonic() < end:
		    pass
	END
	eventually 10 late_by 20
}

late_by() { (($(lateness) >= $1)); }
