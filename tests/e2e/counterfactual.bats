#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A change in the file changes the traces where it must, and nowhere else: a
# device that went by a list of hops could not follow. Each test loads a changed
# copy of the interoperability setup (variant.py says which change is which), and
# in each of them the model says of all pairs what packets show (witness.py).
load lib

TABLE=$BATS_TEST_DIRNAME/../golden/interop-traces.tsv

setup() {
	need traceroute ping python3 jq
}

teardown() {
	remove_labs
}

# vary LETTER: load that copy and compare all pairs of hosts; sets LAB.
vary() {
	LAB=$(lab_name "$1")
	python3 "$E2E/variant.py" "$1" "$LAB" "$ROOT/topologies/interop.yaml" >"$BATS_FILE_TMPDIR/$LAB.yaml"
	load_lab "$BATS_FILE_TMPDIR/$LAB.yaml"
	timeout 60 python3 "$E2E/witness.py" -o "$BATS_TEST_TMPDIR" "$LAB" "($1)"
}

# shows FROM TO HOPS
shows() {
	same "$1 > $2" "$(hops "$BATS_TEST_TMPDIR/$1.$2")" "$3"
}

# is_lost FROM TO: behind the first hop nobody answers, and nobody says why.
is_lost() {
	local seen=$(hops "$BATS_TEST_TMPDIR/$1.$2")
	same "$1 > $2 behind hop 1" "${seen#*,}" "$(sed 's/[^,]*/*/g' <<<"${seen#*,}")"
	grep -q '100% packet loss' "$BATS_TEST_TMPDIR/$1.$2.ping"
}

# published ROW...: these rows are as in the table.
published() {
	local row from to hops
	for row; do
		read -r from to hops < <(awk -F'\t' -v row="$row" '$1 == row { print $2, $3, $6 }' "$TABLE")
		shows "$from" "$to" "$hops"
	done
}

@test "(a) the CE also advertises its link to Microsoft: the CE shows, the switch does not" {
	vary a
	shows hub-vm loc1-vm 10.10.30.132,192.168.30.17,*,10.2.30.10
	shows remote-vm loc1-vm 10.17.30.36,192.168.30.17,*,10.2.30.10
	published 4 13 14
}

@test "(b) and the link to its switch: the switch shows too" {
	vary b
	shows hub-vm loc1-vm 10.10.30.132,192.168.30.17,192.168.30.1,10.2.30.10
	shows branch-vm loc1-vm 10.11.30.100,*,10.2.30.125,192.168.30.1,10.2.30.10
	published 4 5 14
}

@test "(c) icmpErrorCheck: private on the hub's subnet: the hub sees every router, no gateway, and it alone does" {
	vary c
	shows hub-vm loc1-vm 10.10.30.132,192.168.30.17,192.168.30.1,10.2.30.10
	published 2 5 8 13
}

@test "(d) a tunnel address that nobody advertises: row 13 loses its hop 3" {
	vary d
	shows branch-vm loc1-vm 10.11.30.100,*,*,*,10.2.30.10
	published 3 11 14 17
}

@test "(e) profile current: VPN gateways take no TTL" {
	vary e
	shows hub-vm branch-vm 10.11.30.68
	shows branch-vm loc1-vm 10.2.30.125,*,10.2.30.10
	published 3 14
}

@test "(f) er1.primary down: the hub goes by VPN, the remote region has lost location 1" {
	vary f
	shows hub-vm loc1-vm 10.10.30.142,*,10.2.30.125,*,10.2.30.10
	shows loc1-vm hub-vm 10.2.30.3,192.168.30.0,10.10.30.4
	is_lost remote-vm loc1-vm
	is_lost loc1-vm remote-vm
	published 4 5 13 17
}

# shape: a trace without its addresses, "+,*,+".
shape() {
	sed -E 's/[0-9][0-9.]+/+/g' <<<"$1"
}

@test "(g) every name, address, AS number and the seed replaced: the same shape of traces" {
	local -A now=([hub]=core [spoke]=leaf [branch]=depot [remote]=afar [loc1]=plant [loc2]=office)
	local row from to hops ttl seen
	vary g
	while read -r row from to hops ttl; do
		from=${now[${from%-vm}]}-vm to=${now[${to%-vm}]}-vm
		seen=$(hops "$BATS_TEST_TMPDIR/$from.$to")
		if [[ $hops == lost ]]; then
			is_lost "$from" "$to"
		else
			same "row $row" "$(shape "$seen")" "$(shape "$hops")"
			grep -q "ttl=$ttl " "$BATS_TEST_TMPDIR/$from.$to.ping"
		fi
		! grep -Eq '\b(10\.1[017]\.30|10\.2\.30|10\.1\.31|192\.168)\.' <<<"$seen" || return 1
	done < <(awk -F'\t' '/^[0-9]/ && $5 == "-" { print $1, $2, $3, $6, $8 }' "$TABLE")
}
