#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Every trace that Microsoft published for the interoperability setup, from real
# packets. All of them are taken in setup_file at once, with the machine's own
# tools; the tests then compare, a row each.
# bats file_tags=kernel
load lib

TABLE=$BATS_TEST_DIRNAME/../golden/interop-traces.tsv
# Rows whose path depends on the ports of a flow, which the published ICMP traces have none of.
BY_PORTS=" 4 5 9 10 19 20 21 22 "

# sports ROW: source ports of its flows, others for each row that starts at the same host.
sports() {
	seq $((20000 + $1 * 10)) $((20003 + $1 * 10))
}

# rows STATE: lines of the table, "row from to dst hops ttl".
rows() {
	awk -F'\t' -v state="$1" '/^[0-9]/ && $5 == state { print $1, $2, $3, $4, $6, $8 }' "$TABLE"
}

row() {
	awk -F'\t' -v row="$1" '$1 == row { print $2, $3, $4, $6, $8 }' "$TABLE"
}

# take NAME HOST COMMAND...: run in the background, output to $BATS_FILE_TMPDIR/NAME.
take() {
	local out=$BATS_FILE_TMPDIR/$1
	shift
	on "$@" >"$out" 2>&1 3>&- &
}

# The command as published, but with -w: by itself it waits for a silent probe only ten times as long as a later hop took,
# which is less than a busy machine may need to answer. Lost rows end after 8 hops, not 30 times 5 seconds.
take_row() {
	local n=$1 from=$2 dst=$4 hops=$5 proto limits="-q 2 -w 1 -N 16 -m 8"
	if [[ $hops == lost ]]; then
		take "$n.-I" "$from" traceroute -n -I $limits "$dst"
	else
		take "$n.-I" "$from" traceroute -n -I -w 2 "$dst"
	fi
	take "$n.ping" "$from" ping -n -c 2 -i 0.2 -W 1 "$dst"
	[[ $BY_PORTS == *" $n "* ]] && return
	for proto in -U -T; do
		take "$n.$proto" "$from" traceroute -n $proto $limits "$dst"
	done
}

# With ports the same two hosts use several paths: -U and -T from each source port.
take_flows() {
	local n=$1 from=$2 dst=$4 proto sport
	[[ $BY_PORTS == *" $n "* ]] || return 0
	for proto in -U -T; do
		for sport in $(sports "$n"); do
			take "$n.$proto.$sport" "$from" traceroute -n $proto --sport="$sport" -p 33000 -q 1 -w 1 -m 5 "$dst"
		done
	done
}

setup_file() {
	need traceroute ping tracepath jq || return 0
	own_lab interop
	local line
	while read -r line; do take_row $line; done < <(rows -)
	wait
	while read -r line; do take_flows $line; done < <(rows -)
	wait
}

teardown_file() {
	remove_labs
}

check_lost() {
	local n=$1 proto
	for proto in -I -U -T; do
		same "row $n $proto, hops behind the first" "$(hops "$BATS_FILE_TMPDIR/$n.$proto" | cut -d, -f2-)" "*,*,*,*,*,*,*"
		! grep -q '![A-Z0-9<]' "$BATS_FILE_TMPDIR/$n.$proto" || return 1
	done
	grep -q '100% packet loss' "$BATS_FILE_TMPDIR/$n.ping"
	! grep -qi unreachable "$BATS_FILE_TMPDIR/$n.ping" || return 1
}

check_row() {
	local n=$1 from to dst hops ttl proto
	read -r from to dst hops ttl < <(row "$n")
	if [[ $hops == lost ]]; then
		check_lost "$n"
		return
	fi
	same "$from > $dst" "$(hops "$BATS_FILE_TMPDIR/$n.-I")" "$hops"
	grep -q "ttl=$ttl " "$BATS_FILE_TMPDIR/$n.ping"
	for proto in -U -T; do
		[[ $BY_PORTS == *" $n "* ]] && continue
		same "row $n, $proto" "$(hops "$BATS_FILE_TMPDIR/$n.$proto")" "$hops"
	done
}

# check_flows ROW: each flow takes the path that explain says, and not all take the same.
check_flows() {
	local n=$1 from to dst hops ttl proto sport seen file
	read -r from to dst hops ttl < <(row "$n")
	for proto in U T; do
		for sport in $(sports "$n"); do
			file=$BATS_FILE_TMPDIR/$n.-$proto.$sport
			seen=$(hops "$file")
			same "row $n, -$proto from $sport" "$seen" "$(explained "$from" "$to" $proto "$sport")"
			echo "$seen" >>"$BATS_TEST_TMPDIR/ways"
		done
	done
	(($(sort -u "$BATS_TEST_TMPDIR/ways" | wc -l) > 1))
}

explained() {
	local proto=udp
	[[ $3 == T ]] && proto=tcp
	erx explain --json "$1" "$2" --proto $proto --sport "$4" --dport 33000 |
		jq -r '.forward | map(.hop // "*") | join(",")'
}

check_rows() {
	local n
	for n; do check_row "$n"; done
}

@test "the table has its 31 rows" {
	[[ $(rows - | wc -l) -eq 30 && $(rows "er1.primary down" | wc -l) -eq 1 ]]
}

@test "rows 1 to 5: from the hub" {
	check_rows 1 2 3 4 5
}

@test "rows 6 to 10: from the spoke" {
	check_rows 6 7 8 9 10
}

@test "rows 11 to 13: from the branch" {
	check_rows 11 12 13
}

@test "rows 14 and 16 to 18: from location 1" {
	check_rows 14 16 17 18
}

@test "rows 19 and 20: from location 2" {
	check_rows 19 20
}

@test "rows 21 to 23: from the remote region" {
	check_rows 21 22 23
}

@test "rows 24 to 31: lost, and nobody says so" {
	check_rows 24 25 26 27 28 29 30 31
}

@test "rows 4, 5, 9 and 10 with ports: UDP and TCP flows take the paths that explain says" {
	local n
	for n in 4 5 9 10; do check_flows "$n"; done
}

@test "rows 19 to 22 with ports: UDP and TCP flows take the paths that explain says" {
	local n
	for n in 19 20 21 22; do check_flows "$n"; done
}

@test "tracepath sees the same hops and counts the way back" {
	run -0 on loc1-vm tracepath -n -m 8 10.10.30.4
	[[ $output == *"1:  10.2.30.3 "* && $output == *"2:  192.168.30.0 "* && $output == *"3:  192.168.30.18 "* ]]
	[[ $output == *"4:  no reply"* && $output == *"5:  10.10.30.4 "*"reached"* && $output == *"hops 5 back 4"* ]]
}

@test "row 15: the VPN takes over when er1.primary fails; after restore all is as before" {
	local n from to dst hops ttl state="er1.primary down"
	erx fail er1.primary
	read -r n from to dst hops ttl < <(rows "$state")
	on "$from" traceroute -n -I -w 2 "$dst" >"$BATS_TEST_TMPDIR/15"
	same "$from > $dst" "$(hops "$BATS_TEST_TMPDIR/15")" "$hops"
	on "$from" ping -n -c 1 -W 1 "$dst" | grep "ttl=$ttl "
	erx restore er1.primary
	while read -r line; do take_row $line; done < <(rows -)
	wait
	check_rows {1..14} {16..31}
}
