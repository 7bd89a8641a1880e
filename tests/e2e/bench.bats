#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# That the benchmarks run and print their tables. Their figures are nobody's business here.
load lib

setup_file() {
	need python3 clang bpftool iperf3 || return 0
}

bench() {
	run timeout 120 "$E2E/../bench/$1" --runs 1 --seconds 0.05 "${@:2}"
	((status == 0)) || { echo "$output" && return 1; }
}

@test "forward.py: erxdp with and without limits, beside what it is compared with" {
	local system
	bench forward.py --quick --devices 1
	for system in erxdp limits bare fib kernel; do
		grep -qE "^frames +1 +1 +$system .* [0-9.]+%$" <<<"$output"
	done
	grep -q '^erxdp against' <<<"$output"
}

@test "forward.py: many targets, by the gateway and past it, and what else is measured" {
	local way
	bench forward.py --devices 3,4 --only erxdp --targets 100
	for way in "3 +erxdp +fastpath" "4 +erxdp +fastpath" "4 +erxdp +gateway"; do
		grep -qE "^frames +100 +$way" <<<"$output"
	done
}

@test "stages.py: every stage can be left out" {
	local stages
	bench stages.py
	stages=$(sed -n 's/^    ("\([^"]*\)", "[a-z]*\.h", .*/\1/p' "$E2E/../bench/stages.py" | sort -u)
	(($(wc -l <<<"$stages") > 10))
	while read -r stage; do
		grep -qF "$stage " <<<"$output"
	done <<<"$stages"
	grep -q '^bare redirect' <<<"$output"
}

@test "fastpath_table.py: 200,000 addresses against 100" {
	bench fastpath_table.py --loads 1
	grep -qE '^ *200000 addresses: loaded in [0-9.]+ s' <<<"$output"
	(($(grep -c '^looked up' <<<"$output") == 3))
}
