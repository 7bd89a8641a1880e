#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What the programs handle, read by parsers that are not ours. tcpdump on a port
# of the fabric would see nothing: frames are redirected before it looks.
load lib

setup_file() {
	need ping traceroute curl python3 tcpdump tshark jq bpftool || return 0
	own_lab interop
}

teardown_file() {
	remove_labs
}

teardown() {
	end_beside
}

capturing() {
	bpftool -j map dump pinned "/sys/fs/bpf/erxdp/$LAB/erx_control" | jq -e '[.. | .capturing? // empty] == [1]' >/dev/null
}

# capture NAME ARGUMENT...: in the background, into $FILE; returns when it has begun.
capture() {
	local i
	FILE=$BATS_TEST_TMPDIR/pcapng
	timeout 20 "$ERXDPCTL" capture --lab "$LAB" "$1" -w "$FILE" "${@:2}" 2>"$BATS_TEST_TMPDIR/words" 3>&- &
	CAPTURE=$!
	for ((i = 0; i < 100; i++)); do
		capturing && return
		sleep 0.05
	done
	return 1
}

# finished: the capture ends by itself, with exit code 0.
finished() {
	wait "$CAPTURE"
}

# fields FILTER FIELD...: tab-separated, with every checksum checked.
fields() {
	local filter=$1 field arguments=()
	shift
	for field; do arguments+=(-e "$field"); done
	tshark -r "$FILE" -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE -o udp.check_checksum:TRUE -Y "$filter" \
		-E occurrence=f -T fields "${arguments[@]}" 2>/dev/null
}

# nothing_wrong: no malformed frame and no bad checksum of IP, ICMP, TCP or UDP (0 is "bad").
nothing_wrong() {
	fields 'ip.checksum.status == 1' frame.number | grep -q .
	same "frames with something wrong" "$(fields '_ws.malformed || ip.checksum.status == 0 || icmp.checksum.status == 0 ||
		tcp.checksum.status == 0 || udp.checksum.status == 0' frame.number)" ""
}

@test "the tunnel's outer IPv4, UDP 4500 and ESP header, by tcpdump" {
	capture hub-loc1-vpn -c 6
	on branch-vm ping -q -n -c 3 -i 0.05 -W 1 -s 1408 10.2.30.10
	finished
	run -0 tcpdump -nr "$FILE"
	local esp='UDP-encap: ESP\(spi=0x[0-9a-f]{8},seq=0x[0-9a-f]+\), length 1472'
	same "to location 1" "$(grep -cE "IP 52\.168\.162\.84\.4500 > 66\.198\.12\.106\.4500: $esp" <<<"$output")" 3
	same "from location 1" "$(grep -cE "IP 66\.198\.12\.106\.4500 > 52\.168\.162\.84\.4500: $esp" <<<"$output")" 3
	same "SPIs" "$(grep -oE 'spi=0x[0-9a-f]+' <<<"$output" | sort -u | wc -l)" 2
	local numbers first second third
	numbers=$(fields 'ip.src == 52.168.162.84' esp.sequence | tr '\n' ' ')
	read -r first second third <<<"$numbers"
	same "sequence numbers" "$numbers" "$first $((first + 1)) $((first + 2)) "
	same "outer bytes" "$(fields ip ip.len ip.flags.df ip.proto udp.length | sort -u)" "$(printf '1500\t1\t17\t1480')"
	nothing_wrong
}

@test "a time exceeded made in XDP decodes, with right checksums and a verdict, by tshark" {
	local port seen
	capture loc1-ce1 -c 12
	on loc1-vm traceroute -n -I -q 3 -w 1 -f 2 -m 2 10.10.30.4
	on loc1-vm ping -q -n -c 3 -i 0.05 -W 1 10.10.30.4
	finished
	port=$(interface loc1-ce1 loc1-ce1:loc1)
	seen=$(fields 'icmp.type == 11' frame.comment ip.src ip.dst ip.ttl ip.checksum.status icmp.checksum.status)
	same "time exceeded" "$(sort -u <<<"$seen")" \
		"$(printf 'loc1-ce1: in %s, out %s, answered-time-exceeded\t192.168.30.0\t10.2.30.10\t64\t1\t1' "$port" "$port")"
	tshark -r "$FILE" -Y 'icmp.type == 11' -T fields -e ip.dst 2>/dev/null | grep -q '^10.2.30.10,10.10.30.4$'
	nothing_wrong
}

@test "fragmentation needed decodes, with the tunnel's MTU" {
	local seen
	on branch-vm ip route flush cache
	capture branch-vpngw/0 -c 2
	on branch-vm ping -q -n -c 1 -W 1 -M do -s 1409 10.2.30.10 || :
	finished
	seen=$(fields 'icmp.type == 3' icmp.code icmp.mtu ip.src ip.dst ip.checksum.status icmp.checksum.status)
	same "fragmentation needed" "$seen" "$(printf '4\t1436\t10.11.30.100\t10.11.30.68\t1\t1')"
	fields 'icmp.type == 3' frame.comment | grep -q ', answered-too-big$'
	nothing_wrong
}

@test "what is dropped is there, with the reason and no port out" {
	capture branch -c 3
	on branch-vm ping -q -n -c 3 -i 0.05 -W 1 10.1.31.10 || :
	finished
	same comments "$(fields icmp frame.comment | sort -u)" \
		"branch: in $(interface branch branch:branch-vm), out -, route-none"
}

@test "TCP of a host's link, both ways, with right checksums" {
	capture hub:hub-vm
	beside hub-vm python3 -m http.server 8081
	listening hub-vm 8081
	on loc1-vm curl -sf -m 10 -o "$BATS_TEST_TMPDIR/page" http://10.10.30.4:8081/
	sleep 0.3
	kill "$CAPTURE"
	finished
	(($(fields 'tcp.dstport == 8081' frame.number | wc -l) > 2))
	(($(fields 'tcp.srcport == 8081' frame.number | wc -l) > 2))
	nothing_wrong
}

@test "a flow that the devices have long known is captured from now on, and forwarded as before" {
	beside loc1-vm bash -c 'exec 3<>/dev/udp/10.10.30.4/7; while :; do echo x >&3; sleep 0.01; done 2>/dev/null'
	sleep 0.5
	capture loc1 -c 30
	finished
	(($(fields 'udp.dstport == 7 && !icmp && frame.comment contains "forwarded"' frame.number | wc -l) >= 10))
	nothing_wrong
}

@test "hellos decode as BFD, with the port they came in by and nowhere to go, by tshark" {
	local there here
	here=$(interface loc1-ce1 loc1-ce1:er1.primary)
	there=$(interface er1.primary loc1-ce1:er1.primary)
	capture er1.primary
	nsenter "--net=/run/netns/erx-$LAB" python3 "$E2E/raw.py" hello "$here" "$there" 50 0.3
	sleep 0.3
	kill "$CAPTURE"
	finished
	# Beside the controller's own, which have another interval.
	same "BFD" "$(fields bfd bfd.version bfd.sta bfd.detect_time_multiplier bfd.my_discriminator \
		bfd.desired_min_tx_interval ip.ttl frame.comment | grep -w 300000 | sort -u)" \
		"$(printf '1\t0x03\t3\t0x00000007\t300000\t255\ter1.primary: in %s, out -, hello' "$there")"
	nothing_wrong
}

@test "-w - | tcpdump -nr -" {
	timeout 20 "$ERXDPCTL" capture --lab "$LAB" er1.primary -w - -c 4 2>/dev/null 3>&- |
		timeout 20 tcpdump -nr - >"$BATS_TEST_TMPDIR/printed" 2>&1 3>&- &
	for i in {1..100}; do capturing && break; sleep 0.05; done
	on loc1-vm ping -q -n -c 2 -i 0.05 -W 1 10.10.30.4
	wait
	grep -q 'IP 10.2.30.10 > 10.10.30.4: ICMP echo request' "$BATS_TEST_TMPDIR/printed"
}

@test "it ends with Ctrl-C, says how much it has, and leaves nothing switched on" {
	capture er1.primary
	on loc1-vm ping -q -n -c 2 -i 0.05 -W 1 10.10.30.4
	sleep 0.2
	kill -INT "$CAPTURE"
	finished
	grep -Eq '[1-9][0-9]* packets captured' "$BATS_TEST_TMPDIR/words"
	tcpdump -nr "$FILE" | grep -q 'ICMP echo reply'
	! capturing
}

@test "an unknown name gives exit 2 and a guess; so does a missing -w" {
	run -2 erx capture hub-loc1-vp -w "$BATS_TEST_TMPDIR/none"
	[[ $output == *"did you mean 'hub-loc1-vpn'?"* && ! -e $BATS_TEST_TMPDIR/none ]]
	run -2 erx capture loc1-ce -w "$BATS_TEST_TMPDIR/none"
	[[ $output == *"did you mean 'loc1-ce1'?"* ]]
	run -2 erx capture hub-loc1-vpn
	[[ $output == *"-w"* ]]
}
