#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# TCP and UDP are right, not only ping; what must not pass does not.
load lib

PORT=47002
HOSTS=(hub-vm spoke-vm branch-vm remote-vm loc1-vm loc2-vm)

setup_file() {
	need ping curl iperf3 mtr tcpdump ethtool python3 jq bpftool || return 0
	own_swift_lab interop
	hosts_and_addresses >"$BATS_FILE_TMPDIR/hosts"
}

teardown_file() {
	remove_labs
}

teardown() {
	end_beside
}

address() {
	awk -v host="$1" '$1 == host { print $2 }' "$BATS_FILE_TMPDIR/hosts"
}

# talks_to HOST: addresses of the hosts that it can reach, by the published table.
talks_to() {
	published | awk -v from="$1" '$1 == from { print $2 }'
}

# published: a line "FROM TO-ADDRESS HOPS" for each pair that can talk.
published() {
	awk -F'\t' '/^[0-9]/ && $5 == "-" && $6 != "lost" { print $2, $4, $6 }' "$ROOT/tests/golden/interop-traces.tsv"
}

# sniff HOST ARGUMENT...: tcpdump beside the test; returns when it listens.
sniff() {
	local before
	before=$(sniffers)
	beside "$1" tcpdump -n -l -i eth0 "${@:2}"
	eventually 60 more_sniffers "$before"
}
sniffers() { grep -cs 'listening on' "$BATS_TEST_TMPDIR/beside" || :; }
more_sniffers() { (($(sniffers) > ${1:-0})); }

# sees COUNT TEXT: tcpdump has printed that so often.
sees() { (($(grep -o -- "$2" "$BATS_TEST_TMPDIR/beside" | wc -l) >= $1)); }

# checksum_errors HOST: packets that its kernel has refused for their checksum.
checksum_errors() {
	on "$1" awk '/^(Icmp|Tcp|Udp):/ {
		if ($1 in name) { split(name[$1], field); for (i in field) if (field[i] == "InCsumErrors") n += $i }
		else name[$1] = $0
	} END { print n + 0 }' /proc/net/snmp
}

# bats test_tags=kernel
@test "payloads of 1, 2 and 1460 bytes over TCP and UDP, both ways, every pair that can talk" {
	local host callers=()
	for host in "${HOSTS[@]}"; do beside "$host" python3 "$E2E/talk.py" serve $PORT 280; done
	for host in "${HOSTS[@]}"; do listening "$host" $PORT; done
	for host in "${HOSTS[@]}"; do
		on "$host" python3 "$E2E/talk.py" call $PORT 1 2 1460 -- $(talks_to "$host") >"$BATS_TEST_TMPDIR/$host" 3>&- &
		callers+=($!)
	done
	for host in "${callers[@]}"; do wait "$host" || :; done
	for host in "${HOSTS[@]}"; do
		same "$host" "$(cat "$BATS_TEST_TMPDIR/$host")" ""
		same "$host checksum errors" "$(checksum_errors "$host")" 0
	done
}

# bats test_tags=kernel
@test "checksums are in the packets and right, by tcpdump at the receiver: past a VPN and a circuit" {
	local host seen
	beside loc1-vm python3 "$E2E/talk.py" serve $PORT 280
	listening loc1-vm $PORT
	sniff loc1-vm -vv -Q in port $PORT
	for host in branch-vm hub-vm remote-vm; do
		on $host python3 "$E2E/talk.py" call $PORT 1 700 -- "$(address loc1-vm)"
	done
	eventually 60 sees 6 'udp sum ok\|bad udp cksum\|no cksum'
	seen=$(cat "$BATS_TEST_TMPDIR/beside")
	same "UDP" "$(grep -o 'udp sum ok\|bad udp cksum\|no cksum' <<<"$seen" | sort | uniq -c)" "      6 udp sum ok"
	same "TCP" "$(grep -o 'cksum 0x[0-9a-f]* ([a-z]*' <<<"$seen" | sed 's/.*(//' | sort -u)" "correct"
}

# bats test_tags=kernel
@test "curl fetches a megabyte, past the circuit and through the VPN" {
	local dir=$BATS_TEST_TMPDIR/www host
	mkdir "$dir"
	head -c 1000000 /dev/urandom >"$dir/file"
	beside hub-vm python3 -m http.server -d "$dir" 8080
	listening hub-vm 8080
	for host in loc1-vm spoke-vm branch-vm loc2-vm; do
		on $host curl -sf -m 20 "http://$(address hub-vm):8080/file" | cmp - "$dir/file"
	done
}

# bulk FROM TO FLOWS ARGUMENT...: iperf3.
bulk() {
	local from=$1 to=$2 flows=$3
	shift 3
	beside "$to" iperf3 -s -1 -p 5202
	listening "$to" 5202
	on "$from" iperf3 -J -c "$(address "$to")" -p 5202 -P "$flows" "$@" >"$BATS_TEST_TMPDIR/iperf3"
	jq -r --arg what "$from > $to, flows: $flows" '.end.sum_sent |
		"# \($what): \(.bits_per_second / 1e6 | floor) Mbit/s, \(.bytes / 1448 | floor) segments, \(.retransmits) again"' \
		"$BATS_TEST_TMPDIR/iperf3" >&3
}

# lost: packets that found no room in the queue of a port, where the machine was late to empty it.
lost() { erx counters --json | jq '[.links[].lost] | add'; }

# few_again FROM TO FLOWS: under 1 % of the segments are sent again. Those that a queue had no room for have to be: when they
# are what is beyond that, the machine was too slow to tell.
few_again() {
	local lost again allowed
	lost=$(lost)
	bulk "$@" -t 3
	lost=$(($(lost) - lost))
	read -r again allowed < <(jq -r '.end.sum_sent | "\(.retransmits) \(.bytes / 144800 | floor)"' "$BATS_TEST_TMPDIR/iperf3")
	((again > allowed)) || return 0
	((again > allowed + lost)) || skip "cannot tell: $again segments again, and $lost found no room, as this machine was late to take them"
	echo "$again segments again, $allowed are 1 %, $lost found no room"
	return 1
}

@test "iperf3 from location 1 to the hub, four devices and more: under 1 % retransmitted with 1 flow" {
	few_again loc1-vm hub-vm 1
}

@test "and with 8 flows" {
	few_again loc1-vm hub-vm 8
}

# bats test_tags=kernel
@test "bulk TCP through the VPN works, and every SYN that arrives says 1396, both ways" {
	local host
	for host in loc1-vm branch-vm; do
		on $host ip route flush cache
		sniff $host -Q in 'tcp[tcpflags] & tcp-syn != 0 and port 5202'
	done
	bulk branch-vm loc1-vm 2 -n 20M
	bulk loc1-vm branch-vm 2 -n 20M
	eventually 60 sees 12 'mss [0-9]*'
	same "SYNs and SYN-ACKs by their MSS" \
		"$(grep -o 'mss [0-9]*' "$BATS_TEST_TMPDIR/beside" | sort | uniq -c)" "     12 mss 1396"
}

# bats test_tags=kernel
@test "the VPN's path MTU: 1436 bytes with DF pass, one more hears so from the gateway or the CE" {
	local pair from to teller
	for pair in "branch-vm loc1-vm 10.11.30.100" "loc1-vm branch-vm 192.168.30.0" "hub-vm branch-vm 10.10.30.142"; do
		read -r from to teller <<<"$pair"
		on $from ip route flush cache
		on $from ping -n -q -c 2 -i 0.2 -W 1 -M do -s 1408 "$(address $to)" | grep ' 0% packet loss'
		run -1 on $from ping -n -c 2 -i 0.2 -W 1 -M do -s 1409 "$(address $to)"
		[[ $output == *"From $teller "*"Frag needed and DF set (mtu = 1436)"* ]]
		[[ $output == *"message too long, mtu=1436"* ]]
	done
}

# bats test_tags=kernel
@test "a circuit carries 1500 bytes" {
	on loc1-vm ping -n -q -c 2 -i 0.2 -W 1 -M do -s 1472 "$(address hub-vm)" | grep ' 0% packet loss'
	on hub-vm ping -n -q -c 2 -i 0.2 -W 1 -M do -s 1472 "$(address loc2-vm)" | grep ' 0% packet loss'
}

# bats test_tags=kernel
@test "once the path MTU is known, fragments cross the VPN; what is larger and has no DF is dropped and counted" {
	local before
	on branch-vm ip route flush cache
	before=$(dropped branch-vpngw/0 too-big)
	on branch-vm ping -n -q -c 3 -i 0.1 -W 1 -M dont -s 1409 "$(address loc1-vm)" | grep '100% packet loss'
	same too-big "$(dropped branch-vpngw/0 too-big)" $((before + 3))
	on branch-vm ping -n -q -c 1 -W 1 -M do -s 1409 "$(address loc1-vm)" || :
	on loc1-vm ping -n -q -c 1 -W 1 -M do -s 1409 "$(address branch-vm)" || :
	on branch-vm ping -n -q -c 3 -i 0.1 -W 1 -M want -s 4000 "$(address loc1-vm)" | grep ' 0% packet loss'
}

# bats test_tags=kernel
@test "a host cannot send from an address that is not its own; the drop is counted" {
	local before path="hub>er1.primary"
	before=$(dropped hub spoofed) passed=$(path_packets "$path")
	on hub-vm python3 "$E2E/raw.py" spoof 10.10.30.99 10.2.30.10 7
	on hub-vm python3 "$E2E/raw.py" spoof 10.11.30.4 10.2.30.10 5
	same spoofed "$(dropped hub spoofed)" $((before + 12))
	same "$path" "$(path_packets "$path")" "$passed"
	before=$(dropped loc1 spoofed)
	on loc1-vm python3 "$E2E/raw.py" spoof 10.2.30.11 10.10.30.4 3
	same "spoofed at location 1" "$(dropped loc1 spoofed)" $((before + 3))
}

# Hops of a report that have an address, with their loss; "? 100.0%" for silent ones.
report() {
	awk '$1 ~ /^[0-9]+\./ { print ($2 == "???" ? "*" : $2), $3 }' "$1"
}

@test "mtr from all hosts to all others at once, ten a second each: no answer is lost" {
	local from to dst hops n=0 pids=()
	while read -r from dst hops; do
		on "$from" mtr -n -i 0.1 -c 20 -G 5 --report "$dst" >"$BATS_TEST_TMPDIR/$from.$dst" 3>&- &
		pids+=($!)
	done < <(published)
	wait "${pids[@]}"
	while read -r from dst hops; do
		n=$((n + 1))
		same "$from > $dst" "$(report "$BATS_TEST_TMPDIR/$from.$dst" | tr '\n' ' ')" \
			"$(tr ',' '\n' <<<"$hops" | sed 's/^[0-9].*/& 0.0%/; s/^\*$/* 100.0/' | tr '\n' ' ')"
	done < <(published)
	((n == 22))
}

# bats test_tags=kernel
@test "bpftool prog show lists a telling program for each kind of device" {
	local kind
	for kind in vnet ergw msee vpngw ce lan; do
		bpftool -j prog show pinned "/sys/fs/bpf/erxdp/$LAB/programs/$kind" |
			jq -e --arg kind "$kind" '.name == $kind and .type == "xdp"'
		bpftool prog show name "$kind" | grep "xdp  name $kind "
	done
}

# everybody EXPECTED: what ping says of the loss of each pair that can talk.
everybody() {
	local from dst pids=()
	while read -r from dst _; do
		on "$from" ping -n -q -c 2 -i 0.2 -W 1 "$dst" >"$BATS_TEST_TMPDIR/$from.$dst.ping" 3>&- &
		pids+=($!)
	done < <(published)
	for from in "${pids[@]}"; do wait "$from" || :; done
	same "loss of all pairs" "$(grep -ho '[0-9]*% packet loss' "$BATS_TEST_TMPDIR"/*.ping | sort -u)" "$1 packet loss"
}

# bats test_tags=kernel
@test "kernel forwarding is off in the fabric" {
	local fabric=(nsenter "--net=/run/netns/erx-$LAB")
	same ip_forward "$("${fabric[@]}" cat /proc/sys/net/ipv4/ip_forward)" 0
	same "interfaces that forward" "$("${fabric[@]}" sh -c 'cat /proc/sys/net/ipv4/conf/*/forwarding' | sort -u)" 0
	same "addresses" "$("${fabric[@]}" ip -o -4 addr show scope global)" ""
}

no_programs() { ! nsenter "--net=/run/netns/erx-$LAB" ip -d link | grep -q 'prog/xdp'; }

# bats test_tags=kernel
@test "with the programs detached nothing passes; load repairs it" {
	everybody 0%
	rm /sys/fs/bpf/erxdp/"$LAB"/ports/*
	eventually 60 no_programs
	everybody 100%
	erx status --json | jq -e --arg lab "$LAB" '.. | select(.lab? == $lab) | .damaged'
	timeout 30 "$ERXDPCTL" load "$TOPOLOGY"
	everybody 0%
}
