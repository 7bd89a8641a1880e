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
	touch "$BATS_TEST_TMPDIR/stop"
	end_beside
}

capturing() {
	bpftool -j map dump pinned "/sys/fs/bpf/erxdp/$LAB/erx_control" | jq -e '[.. | .capturing? // empty] | add > 0' >/dev/null
}

# capture NAME ARGUMENT...: in the background, into $FILE; returns when it has begun.
capture() {
	FILE=$BATS_TEST_TMPDIR/pcapng
	timeout 120 "$ERXDPCTL" capture --lab "$LAB" "$1" -w "$FILE" "${@:2}" 2>"$BATS_TEST_TMPDIR/words" 3>&- &
	CAPTURE=$!
	eventually 60 capturing
}

# finished: the capture ends by itself, with exit code 0.
finished() {
	wait "$CAPTURE"
}

# caught N WORDS: it has that many packets of which tcpdump says so, and ends. -c would count a device's hellos as well.
caught() {
	eventually 60 has_caught "$@"
	kill "$CAPTURE"
	finished
}
has_caught() { (($(tcpdump -nr "$FILE" 2>/dev/null | grep -c "$2") >= $1)); }

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
	capture loc1-ce1
	on loc1-vm traceroute -n -I -q 3 -w 1 -f 2 -m 2 10.10.30.4
	caught 3 "time exceeded"
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
	capture branch-vpngw/0
	on branch-vm ping -q -n -c 1 -W 1 -M do -s 1409 10.2.30.10 || :
	caught 1 "need to frag"
	seen=$(fields 'icmp.type == 3' icmp.code icmp.mtu ip.src ip.dst ip.checksum.status icmp.checksum.status)
	same "fragmentation needed" "$seen" "$(printf '4\t1436\t10.11.30.100\t10.11.30.68\t1\t1')"
	fields 'icmp.type == 3' frame.comment | grep -q ', answered-too-big$'
	nothing_wrong
}

@test "what is dropped is there, with the reason and no port out" {
	capture branch
	on branch-vm ping -q -n -c 3 -i 0.05 -W 1 10.1.31.10 || :
	caught 3 "echo request"
	same comments "$(fields icmp frame.comment | sort -u)" \
		"branch: in $(interface branch branch:branch-vm), out -, route-none"
}

@test "TCP of a host's link, both ways, with right checksums" {
	capture hub:hub-vm
	beside hub-vm python3 -m http.server 8081
	listening hub-vm 8081
	on loc1-vm curl -sf -m 10 -o "$BATS_TEST_TMPDIR/page" http://10.10.30.4:8081/
	caught 3 " > 10.10.30.4.8081: "
	(($(fields 'tcp.dstport == 8081' frame.number | wc -l) > 2))
	(($(fields 'tcp.srcport == 8081' frame.number | wc -l) > 2))
	nothing_wrong
}

forwarded_by() { erx counters --json | jq --arg device "$1" '.devices[] | select(.device == $device) | .forwarded'; }
forwards_more() { (($(forwarded_by "$1") > $2)); }

@test "a flow that the devices have long known is captured from now on, and forwarded as before" {
	beside loc1-vm bash -c 'exec 3<>/dev/udp/10.10.30.4/7; while :; do echo x >&3; sleep 0.01; done 2>/dev/null'
	eventually 60 forwards_more loc1 $(($(forwarded_by loc1) + 50))
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
	caught 1 BFD
	# Beside the controller's own, which have another interval.
	same "BFD" "$(fields bfd bfd.version bfd.sta bfd.detect_time_multiplier bfd.my_discriminator \
		bfd.desired_min_tx_interval ip.ttl frame.comment | grep -w 300000 | sort -u)" \
		"$(printf '1\t0x03\t3\t0x00000007\t300000\t255\ter1.primary: in %s, out -, hello' "$there")"
	nothing_wrong
}

# bats test_tags=kernel
@test "-w - | tcpdump -nr -" {
	# Hellos are in it as well, so packets are on their way before it begins.
	beside loc1-vm ping -q -n -i 0.02 10.10.30.4
	timeout 120 "$ERXDPCTL" capture --lab "$LAB" er1.primary -w - -c 40 2>/dev/null 3>&- |
		timeout 120 tcpdump -nr - >"$BATS_TEST_TMPDIR/printed" 2>&1 3>&-
	grep -q 'IP 10.2.30.10 > 10.10.30.4: ICMP echo request' "$BATS_TEST_TMPDIR/printed"
}

# bats test_tags=kernel
@test "-c: so many packets and not one more, also when the last one has come in and left again" {
	local n
	for n in 3 4; do
		capture loc1-ce1 -c $n
		beside loc1-vm ping -q -n -i 0.02 10.10.30.4
		finished
		grep -qx "$n packets captured" "$BATS_TEST_TMPDIR/words"
		same "packets" "$(tcpdump -nr "$FILE" 2>/dev/null | wc -l)" $n
		end_beside
	done
}

# bats test_tags=kernel
@test "it ends with Ctrl-C, says how much it has, and leaves nothing switched on" {
	capture er1.primary
	on loc1-vm ping -q -n -c 2 -i 0.05 -W 1 10.10.30.4
	kill -INT "$CAPTURE"
	finished
	grep -Eq '[1-9][0-9]* packets captured' "$BATS_TEST_TMPDIR/words"
	tcpdump -nr "$FILE" | grep -q 'ICMP echo reply'
	run ! capturing
}

@test "an unknown name gives exit 2 and a guess; so does a missing -w" {
	run -2 erx capture hub-loc1-vp -w "$BATS_TEST_TMPDIR/none"
	[[ $output == *"did you mean 'hub-loc1-vpn'?"* && ! -e $BATS_TEST_TMPDIR/none ]]
	run -2 erx capture loc1-ce -w "$BATS_TEST_TMPDIR/none"
	[[ $output == *"did you mean 'loc1-ce1'?"* ]]
	run -2 erx capture hub-loc1-vpn
	[[ $output == *"-w"* ]]
}

# capture_to FILE NAME ARGUMENT...: one of several, in the background; its words are in FILE.words. Sets CAPTURE, which
# is its own process: teardown ends it.
capture_to() {
	"$ERXDPCTL" capture --lab "$LAB" "$2" -w "$1" "${@:3}" 2>"$1.words" 3>&- &
	CAPTURE=$!
}

# begun N: so many captures see frames now.
begun() {
	local i
	for ((i = 0; i < 400; i++)); do
		[[ $(bpftool -j map dump pinned "/sys/fs/bpf/erxdp/$LAB/erx_control" | jq '[.. | .capturing? // empty] |
			add as $set | [range(16) | select(($set / pow(2; .) | floor) % 2 == 1)] | length') == "$1" ]] && return
		sleep 0.05
	done
	return 1
}

# frames FILE: how many frames of echo messages are in it.
frames() {
	tshark -r "$1" -Y icmp -T fields -e frame.number 2>/dev/null | wc -l
}

# kill_capture PID: with no word.
kill_capture() {
	kill -KILL "$1"
	wait "$1" 2>/dev/null || :
}

@test "two captures of the same device at once have all its packets each, and begin and end as they like" {
	local first=$BATS_TEST_TMPDIR/first second=$BATS_TEST_TMPDIR/second pids=()
	capture_to "$first" er1.primary
	pids+=("$CAPTURE")
	begun 1
	on loc1-vm ping -q -n -c 10 -i 0.02 -W 2 10.10.30.4
	capture_to "$second" er1.primary
	pids+=("$CAPTURE")
	begun 2
	on loc1-vm ping -q -n -c 10 -i 0.02 -W 2 10.10.30.4
	sleep 0.3
	kill "${pids[0]}"
	wait "${pids[0]}"
	on loc1-vm ping -q -n -c 10 -i 0.02 -W 2 10.10.30.4
	sleep 0.3
	kill "${pids[1]}"
	wait "${pids[1]}"
	# Requests cross it, answers come another way or the same: each as often as each other, before and after.
	local each
	each=$(($(frames "$first") / 20))
	((each >= 2))
	same "the first has" "$(frames "$first")" $((20 * each))
	same "the second has" "$(frames "$second")" $((20 * each))
}

# bats test_tags=kernel
@test "one that is killed leaves nothing behind: no flag, no number, nothing to do for load" {
	local before i
	before=$(maps_of "$LAB" ports)
	for i in 1 2 3; do
		capture_to "$BATS_TEST_TMPDIR/$i" er1.primary
		begun 1
		on loc1-vm ping -q -n -c 2 -i 0.02 -W 2 10.10.30.4
		kill_capture "$CAPTURE"
		# The first packet that looks for it finds nobody there.
		on loc1-vm ping -q -n -c 2 -i 0.02 -W 2 10.10.30.4
		begun 0
	done
	same "the ports" "$(maps_of "$LAB" ports)" "$before"
	run -0 timeout 30 "$ERXDPCTL" plan "$TOPOLOGY"
	same "plan" "${lines[-1]}" "nothing to do"
}

# faulty INTERFACE...: how many of these ports lose what arrives, as the maps have it.
faulty() {
	local port
	for port; do
		printf -v port '%d %d' $((${port##*.} & 255)) $((${port##*.} >> 8))
		bpftool -j map lookup pinned "/sys/fs/bpf/erxdp/$LAB/erx_ports" key $port 0 0
	done | jq -s '[.[] | .. | .flags? // empty | select(type == "number" and . % 2 == 1)] | length'
}

@test "captures that begin, end and are killed take nothing from 'fail --silent' and 'restore'" {
	local i stop=$BATS_TEST_TMPDIR/stop pids=() ports
	ports=("$(interface er1.primary loc1-ce1:er1.primary)" "$(interface loc1-ce1 loc1-ce1:er1.primary)")
	churn() { # NUMBER
		local n=0
		while [[ ! -e $stop ]]; do
			capture_to "$BATS_TEST_TMPDIR/churn$1" er1.primary
			sleep "0.$((RANDOM % 3))$((RANDOM % 10))"
			if ((n++ % 2)); then kill_capture "$CAPTURE"; else kill "$CAPTURE"; wait "$CAPTURE" || :; fi
		done
	}
	churn 1 3>&- &
	pids+=($!)
	churn 2 3>&- &
	pids+=($!)
	for ((i = 0; i < 8; i++)); do
		erx fail --silent er1.primary
		same "flags of ports, failed" "$(faulty "${ports[@]}")" 2
		erx restore er1.primary
		same "flags of ports, restored" "$(faulty "${ports[@]}")" 0
	done
	touch "$stop"
	wait "${pids[@]}"
	same "flags of ports" "$(faulty "${ports[@]}")" 0
	on loc1-vm ping -q -n -c 2 -i 0.1 -W 2 10.10.30.4
	run -0 erx restore --all
}

@test "a load that renumbers ports: a capture goes on by name, and ends with words when its target is gone" {
	local stays=$BATS_TEST_TMPDIR/stays goes=$BATS_TEST_TMPDIR/goes more=$BATS_TEST_TMPDIR/more.yaml pids=() code=0
	sed 's/{hub-vm: 10.10.30.4}/{hub-x: 10.10.30.9, hub-vm: 10.10.30.4}/' "$TOPOLOGY" >"$more"
	run ! cmp -s "$more" "$TOPOLOGY"
	capture_to "$stays" er1.primary
	pids+=("$CAPTURE")
	begun 1
	on loc1-vm ping -q -n -c 5 -i 0.02 -W 2 10.10.30.4
	sleep 0.3
	timeout 60 "$ERXDPCTL" load "$more"
	begun 1
	capture_to "$goes" hub:hub-x
	pids+=("$CAPTURE")
	begun 2
	on loc1-vm ping -q -n -c 5 -i 0.02 -W 2 10.10.30.9
	sleep 0.3
	timeout 60 "$ERXDPCTL" load "$TOPOLOGY"
	wait "${pids[1]}" || code=$?
	same "exit code of the capture of hub:hub-x" "$code" 2
	grep -q "lab '$LAB' has no link or device 'hub:hub-x'" "$goes.words"
	begun 1
	on loc1-vm ping -q -n -c 5 -i 0.02 -W 2 10.10.30.4
	sleep 0.3
	kill "${pids[0]}"
	wait "${pids[0]}"
	same "echo requests to hub-x" "$(tshark -r "$goes" -Y 'icmp.type == 8 && ip.dst == 10.10.30.9' 2>/dev/null | wc -l)" 5
	same "other frames in it" "$(tshark -r "$goes" -Y '!(ip.addr == 10.10.30.9 || arp)' 2>/dev/null | wc -l)" 0
	((($(tshark -r "$stays" -Y 'icmp.type == 8 && ip.dst == 10.10.30.4' 2>/dev/null | wc -l)) >= 20))
	# All that is in it is of er1.primary.
	same "devices" "$(tshark -r "$stays" -T fields -e frame.comment 2>/dev/null | sed 's/:.*//' | sort -u)" er1.primary
}

# bats test_tags=kernel
@test "an unload ends it, with words" {
	local code=0 file=$BATS_TEST_TMPDIR/unloaded
	capture_to "$file" er1.primary
	begun 1
	timeout 30 "$ERXDPCTL" unload "$LAB"
	wait "$CAPTURE" || code=$?
	same "exit code" "$code" 1
	grep -q "lab '$LAB' is not loaded" "$file.words"
}
