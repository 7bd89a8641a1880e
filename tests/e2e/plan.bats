#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# plan says what differs whenever it exits 4: for each part of what is loaded, and whatever has made it differ.
load life

setup_file() {
	need jq bpftool python3 || return 0
	own_lab fastpath
}

teardown_file() { remove_labs; }

# plans FILE: exit code 4 and a line at least, in JSON a number at least; or 0 and none. $output is what was said.
plans() {
	local code=0 json=0
	output=$(timeout 60 "$ERXDPCTL" plan "$1") || code=$?
	case $code in
	0) same "said" "$output" "nothing to do" || return 1 ;;
	4) [[ $output =~ ^\ +[0-9]+\ [a-z] ]] || return 1 ;;
	*) echo "exit code $code" && return 1 ;;
	esac
	timeout 60 "$ERXDPCTL" plan --json "$1" >"$BATS_TEST_TMPDIR/json" || json=$?
	same "exit code with --json" "$json" "$code" || return 1
	same "lines" "$(jq '[.[] | select(. > 0)] | length' "$BATS_TEST_TMPDIR/json")" "$([[ $code == 0 ]] && echo 0 || wc -l <<<"$output")" || return 1
	return "$code"
}

# finds WORDS [LINES]: that differs and nothing else; of another namespace every port does.
finds() {
	local code=0
	plans "$TOPOLOGY" || code=$?
	same "exit code" "$code" 4
	same "lines" "$(wc -l <<<"$output")" "${2-1}"
	says "$1"
}

@test "an entry of any map is changed or deleted by hand: plan says in which part" {
	local map how words lines saved=$BATS_TEST_TMPDIR/saved
	while IFS='|' read -r map how words lines; do
		echo "# $map $how"
		# shellcheck disable=SC2086 # "change 0" is two words
		python3 "$E2E/mapedit.py" "$LAB" "$map" $how "$saved"
		finds "$words" "${lines:-1}"
		case $map in
		erx_links | erx_paths) exits 0 timeout 60 "$ERXDPCTL" load "$TOPOLOGY" ;; # of a namespace; of each CPU
		*) python3 "$E2E/mapedit.py" "$saved" ;;
		esac
	done <<-'END'
		erx_policies|change 0|entries of the TTL policy
		erx_meters|change 0|limits of circuits and gateways
		erx_icmp_limits|change 0|limits of ICMP errors
		erx_legs|change 0|legs of paths
		erx_links|delete|ports to join to their interfaces
		erx_control|change 4|namespaces to tell the programs of|2
		erx_adjacencies|change 8|neighbours of ports
		erx_ports|change 44|ports to write
		erx_groups|change 0|next-hop groups
		erx_fastpath|change 0|blocks of FastPath addresses
		erx_fastpath|delete|blocks of FastPath addresses
		erx_routes|change 0|routes to change
		erx_routes|delete|routes to add
		erx_paths|delete|path counters
	END
	plans "$TOPOLOGY"
}

@test "a file that differs in one thing: a line for it, or nothing to do" {
	local edit words code file=$BATS_TEST_TMPDIR/edited.yaml
	while IFS='|' read -r edit words; do
		echo "# $edit"
		sed "$edit" "$TOPOLOGY" >"$file"
		cmp -s "$file" "$TOPOLOGY" && echo "edits nothing: $edit" && return 1
		code=0
		plans "$file" || code=$?
		same "exit code" "$code" "$([[ -n $words ]] && echo 4 || echo 0)"
		[[ -z $words ]] || says "$words"
	done <<-'END'
		s/bandwidthInMbps: 1000/bandwidthInMbps: 500/|limits of circuits and gateways
		$a icmpErrorLimit: {perSecond: 7}|limits of ICMP errors
		s/, sku: ErGw3AZ/, sku: ErGw3AZ, ttl: transparent/|entries of the TTL policy
		s/, expressRouteGatewayBypass: true/, expressRouteGatewayBypass: false/|next-hop groups
		s/hub-vm: 10.128.1.4/hub-vm: 10.128.1.77/|blocks of FastPath addresses
		s/{spoke-vm: 10.129.1.4}/{spoke-vm: 10.129.1.4, other-vm: 10.129.1.5}/|namespaces to make
		$a hashSeed: 77|ports to write
		$a # a remark|
	END
}
