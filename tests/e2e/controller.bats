#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The controller: it stays, notices, lets routing follow and tells of it; and packets do not need it.
# Slow: begun first.
load life

# Timers are a hundredth: the hold timer is 1.8 s, an edge router's session with a gateway 0.6 s, dead-peer detection 0.45 s.
setup_file() {
	need jq ping bpftool || return 0
	LAB=$(lab_name)
	TOPOLOGY=$(swift "$(copy_as "$LAB" interop)")
	echo "timers: {scale: 0.01}" >>"$TOPOLOGY"
	export LAB TOPOLOGY
	load_lab "$TOPOLOGY"
}

teardown_file() { remove_labs; }

teardown() {
	[[ -z ${LAB-} ]] || erx restore --all >/dev/null 2>&1 || :
}

controller() {
	erx status --json | jq -r '.labs[] | .controllerPid // empty'
}

# event KIND [OBJECT]: the last of that kind, as JSON.
last_event() {
	erx events --json | jq -sc --arg kind "$1" --arg object "${2-}" \
		'[.[] | select(.event == $kind and ($object == "" or .object == $object))] | last'
}

is_dead() { [[ $(last_event neighbour-dead "$1") != null ]]; }
is_best() { erx explain "$1" "$2" --json | jq -e --arg device "$3" 'any(.forwardDevices[]; .device == $device)' >/dev/null; }

status_says() { erx status | grep -qF "$1"; }

is_gone() { [[ ! -e /proc/$1 || $(awk '/^State/ { print $2 }' "/proc/$1/status") == Z ]]; }

hellos() { erx counters --json | jq '[.devices[].hellos] | add'; }
# more_hellos: each neighbour may have sent one since $hellos was read.
more_hellos() { (($(hellos) > hellos + 2 * $(erx status --json | jq '.labs[].links | length'))); }

# groups: what packets meet.
groups() { maps_of "$LAB" groups; }

has_controller() { [[ -n $(controller) ]]; }
passes() { on "$1" ping -q -n -c 1 -W 0.2 "$2" >/dev/null; }

# by_vpn, by_circuit: routing between location 1 and the hub has followed, and packets go there.
by_vpn() { eventually 60 is_best loc1-vm hub-vm hub-vpngw/0 && eventually 30 passes loc1-vm 10.10.30.4; }
by_circuit() { eventually 60 is_best loc1-vm hub-vm er1.primary && eventually 30 passes loc1-vm 10.10.30.4; }

# lost_for TIMER LEAST MOST FROM: how many milliseconds the flow from there was without packets. LEAST is the timer less the
# time between two hellos; a machine that is late with a hello may take that off, and all of what follows the timer, a wait for
# the CPU in four places or so, may be late.
lost_for() {
	local timer=$1 least=$2 most=$3 gap
	flow_stop "$LAB" "$4"
	gap=$(jq .gap_ms "$FLOW.received")
	echo "# without packets for $gap ms: a timer of $timer ms, and this machine was $(lateness) ms late" >&3
	in_time $((timer / 10)) within "$least" 1000000 "$gap"
	in_time $(((most - timer) / 4)) within 0 "$most" "$gap"
}

# within LOW HIGH NUMBER
within() {
	(($3 >= $1 && $3 <= $2)) || { echo "$3 is not within $1 and $2" && return 1; }
}

@test "load starts a controller, which says who it is; unload ends it" {
	local lab file pid
	lab=$(lab_name a)
	file=$(small "$lab")
	exits 0 ctl load "$file"
	pid=$(ctl status --lab "$lab" --json | jq '.labs[] | .controllerPid')
	[[ $(<"/proc/$pid/comm") == erxdpd ]]
	same "sockets" "$(stat -c %a "/run/erxdp/$lab/change.sock")" 600
	exits 0 ctl unload "$lab"
	gone "$lab"
	run ! grep -q . "/proc/$pid/cmdline"
}

@test "kill -9 of the controller: no packet lost, no route changed; the next change starts another" {
	local before=$BATS_TEST_TMPDIR/before pid
	pid=$(controller)
	groups >"$before"
	flow_start "$LAB" loc1-vm hub-vm 10.10.30.4 4000
	kill -9 "$pid"
	eventually 60 status_says "controller: dead"
	cmp "$before" <(groups)
	exits 0 erx restore --all
	eventually 60 has_controller
	[[ $(controller) != "$pid" ]]
	cmp "$before" <(groups)
	flow_end "$LAB" loc1-vm
}

@test "a controller that is killed after a failure is followed by one that leaves it as it is" {
	local before=$BATS_TEST_TMPDIR/before
	exits 0 erx fail er1.primary --silent
	by_vpn
	groups >"$before"
	kill -9 "$(controller)"
	exits 0 timeout 30 "$ERXDPCTL" load "$TOPOLOGY"
	# One that answers has begun its work.
	exits 0 erx events --count 1
	cmp "$before" <(groups)
	exits 0 erx restore --all
	by_circuit
}

@test "two controllers of one lab: the second refuses" {
	run timeout 10 "${ERXDPCTL%ctl}d" "$LAB"
	[[ $status == 1 && $output == *"has a controller already"* ]]
}

@test "a link that is set down from outside is noticed, and when it returns" {
	local port
	port=$(interface er1.primary loc1-ce1:er1.primary)
	ip -n "erx-$LAB" link set "$port" down
	by_vpn
	[[ $(last_event carrier loc1-ce1:er1.primary | jq -r .text) == *"has lost carrier"* ]]
	ip -n "erx-$LAB" link set "$port" up
	by_circuit
}

@test "a silent failure loses packets until the hold timer, and no longer" {
	watch_lateness
	flow_start "$LAB" loc1-vm hub-vm 10.10.30.4 2000
	exits 0 erx fail er1.primary --silent
	says "BGP hold timer notices after 1.8 s"
	by_vpn
	lost_for 1800 1600 4000 loc1-vm
	[[ $(last_event neighbour-dead | jq -r .protocol) == "BGP hold timer" ]]
	[[ $(last_event session | jq -r .because) == "BGP hold timer expired" ]]
}

@test "a silent connection is found by the edge router and the gateway" {
	watch_lateness
	flow_start "$LAB" loc1-vm hub-vm 10.10.30.4 2000
	exits 0 erx fail hub-er1 --silent
	by_vpn
	lost_for 600 500 1500 loc1-vm # the circuit's own timer has 1,800
}

@test "a silent tunnel is found by dead-peer detection" {
	exits 0 erx fail hub-loc1-vpn --silent
	eventually 60 is_dead hub-vpngw/0:loc1-ce1
	[[ $(last_event neighbour-dead | jq -r '.protocol, .afterMs' | paste -sd' ') == "dead-peer detection 450" ]]
}

@test "BFD finds it after three intervals" {
	local file=$BATS_FILE_TMPDIR/bfd.yaml
	sed 's/asn: 65021, lanInterface/asn: 65021, bfd: true, lanInterface/; s/scale: 0.01/scale: 0.5/' "$TOPOLOGY" >"$file"
	exits 0 ctl load "$file"
	watch_lateness
	flow_start "$LAB" loc1-vm hub-vm 10.10.30.4 2000
	exits 0 erx fail er1.primary --silent
	by_vpn
	lost_for 450 290 2500 loc1-vm # the hold timer has 90,000
	[[ $(last_event neighbour-dead | jq -r .protocol) == BFD ]]
	exits 0 erx restore --all
	by_circuit
	exits 0 ctl load "$TOPOLOGY"
}

@test "loss that others cause is found too: a program taken off its port" {
	local link
	link=$(bpftool -f -j link list | jq -r --arg pin "/sys/fs/bpf/erxdp/$LAB/ports/" --arg index \
		"$(ip -n "erx-$LAB" -j link show "$(interface er1.primary loc1-ce1:er1.primary)" | jq '.[0].ifindex')" \
		'.[] | select(any(.pinned[]?; . == $pin + $index)) | .id')
	bpftool link detach id "$link"
	by_vpn
	exits 0 ctl load "$TOPOLOGY"
	by_circuit
}

@test "a controller that was stopped for a while is no timeout" {
	local pid before hellos
	pid=$(controller)
	before=$(last_event neighbour-dead | jq .seq)
	kill -STOP "$pid"
	sleep 2.5 # longer than each of its timers
	hellos=$(hellos)
	kill -CONT "$pid"
	eventually 60 more_hellos
	same "last dead neighbour" "$(last_event neighbour-dead | jq .seq)" "$before"
}

@test "--layer bgp: the session is down, the link carries" {
	exits 0 erx fail er1.primary --layer bgp
	is_best loc1-vm hub-vm hub-vpngw/0
	erx status --json | jq -e 'any(.labs[].links[]; .name == "loc1-ce1:er1.primary" and .state == "up")'
	exits 2 erx fail hub-er1 --layer bgp
	exits 2 erx fail er1.primary --layer ospf
	exits 2 erx fail er1.primary --layer bgp --silent
}

@test "--layer arp: nothing passes the link, which is up" {
	exits 0 erx fail er1.primary --layer arp
	is_best loc1-vm hub-vm hub-vpngw/0
	(($(dropped er1.primary fault) > 0))
	ip -n "erx-$LAB" link show "$(interface er1.primary loc1-ce1:er1.primary)" | grep -q LOWER_UP
}

@test "maintenance of a circuit's path and of a gateway loses no packet" {
	local lab file
	lab=$(lab_name m)
	file=$(copy_as "$lab" ecmp)
	echo "timers: {scale: 0.2}" >>"$file"
	load_lab "$file"
	flow_start "$lab" dc-host vm-a 10.20.0.4 4000
	flow_start "$lab" vm-b dc-host 10.1.0.10 4000
	exits 0 ctl fail --lab "$lab" er1.primary --maintenance
	says "er1.primary announces longer AS paths" "er1.primary is down" "er1.primary is up again" "er1.primary has been maintained"
	exits 0 ctl fail --lab "$lab" er2 --maintenance
	exits 0 ctl fail --lab "$lab" hub-ergw --maintenance
	says "hub-ergw/0 is down" "hub-ergw/1 is down" "hub-ergw has been maintained"
	flow_end "$lab" dc-host
	flow_end "$lab" vm-b
	exits 2 ctl fail --lab "$lab" ce1 --maintenance
	exits 0 ctl restore --lab "$lab" --all
	says "nothing to restore"
}

@test "maintenance loses no packet either where only the VPN is left" {
	flow_start "$LAB" loc1-vm hub-vm 10.10.30.4 4000
	flow_start "$LAB" hub-vm loc1-vm 10.2.30.10 4000
	exits 0 erx fail er1.primary --maintenance
	flow_end "$LAB" loc1-vm
	flow_end "$LAB" hub-vm
}

# planned: what maintenance has asked for, as it is kept; and carrier that nobody has asked to be missing.
planned() { grep -E '^(prepended|drained|serviced|prepends|no-carrier) ' "/run/erxdp/$LAB/state" || :; }
in_service() { grep -q "^serviced er1.primary" "/run/erxdp/$LAB/state"; }

# maintain SCALE: slow enough to do something in the middle, and wait for that; $! is the command.
maintain() {
	local file=$BATS_FILE_TMPDIR/slow.yaml
	sed "s/timers:.*/timers: {scale: $1}/" "$TOPOLOGY" >"$file"
	exits 0 ctl load "$file"
	timeout 30 "$ERXDPCTL" fail --lab "$LAB" er1.primary --maintenance >"$BATS_TEST_TMPDIR/told" 3>&- &
	eventually 60 in_service
}

# taken_back PID: the command has said so, and the path is as if nothing had been.
taken_back() {
	local code=0
	wait "$1" || code=$?
	((code != 0))
	by_circuit
	same planned "$(planned)" ""
}

@test "maintenance ends when its target is restored, and not when another is" {
	local pid
	maintain 1
	pid=$!
	exits 0 erx restore er2
	says "er2 has not failed"
	in_service
	exits 0 erx restore er1.primary
	grep -q "er1.primary is no longer maintained" "$BATS_TEST_TMPDIR/told"
	taken_back $pid
	exits 0 erx restore --all
	says "nothing has failed"
}

@test "maintenance whose controller is killed, or whose lab is loaded meanwhile, is taken back" {
	local pid
	maintain 1
	pid=$!
	kill -9 "$(controller)"
	exits 0 erx restore er2
	taken_back $pid
	[[ $(last_event maintenance | jq -r .state) == aborted ]]
	maintain 1
	pid=$!
	# Loaded by somebody who has not told the controller yet.
	touch "/run/erxdp/$LAB/topology.yaml"
	taken_back $pid
	maintain 1
	pid=$!
	exits 0 ctl load "$TOPOLOGY"
	taken_back $pid
}

# Not by its alias, by which erxdp knows the namespace.
heard_of_lo() { ip -n "erx-$LAB" link set lo group $((RANDOM + 1)) && [[ -e $BATS_TEST_TMPDIR/listens ]]; }

@test "a controller that is killed while it cuts a link leaves one that can be restored" {
	local i pid
	for ((i = 1; i <= 5; i++)); do
		pid=$(controller)
		# The first that is heard of the cut is the end of who has made it. It listens once it has heard of lo.
		rm -f "$BATS_TEST_TMPDIR/listens"
		ip -n "erx-$LAB" -o monitor link 3>&- | {
			while read -r line && [[ $line == *" lo: "* ]]; do : >"$BATS_TEST_TMPDIR/listens"; done
			kill -9 "$pid"
		} &
		eventually 60 heard_of_lo
		erx fail er1.primary >/dev/null 2>&1 || :
		eventually 60 is_gone "$pid"
		exits 0 erx restore --all
		[[ -z $(planned) ]] || { echo "after kill $i:" && planned && return 1; }
	done
	by_circuit
}

@test "several changes at once without a controller: one is started, all are made" {
	local i
	kill -9 "$(controller)"
	for i in er1.primary er2.primary er2.secondary; do
		erx fail "$i" >"$BATS_TEST_TMPDIR/$i" 2>&1 3>&- &
	done
	wait
	cat "$BATS_TEST_TMPDIR"/er*
	same faults "$(grep -c '^down ' "/run/erxdp/$LAB/state")" 3
}

@test "a silent neighbour is found in its time though other links come and go" {
	local start
	exits 0 erx fail er1.primary --silent
	start=$(now_ms)
	until grep "^dead loc1-ce1:er1.primary" "/run/erxdp/$LAB/state"; do
		(($(now_ms) - start < 20000))
		exits 0 erx fail er2
		exits 0 erx restore er2
	done
}

@test "a link whose other end was set down meanwhile is not taken for mended" {
	local port
	port=$(interface er1.primary loc1-ce1:er1.primary)
	exits 0 erx fail er1.primary
	ip -n "erx-$LAB" link set "$port" down
	exits 0 erx restore er1.primary
	is_best loc1-vm hub-vm hub-vpngw/0
	ip -n "erx-$LAB" link set "$port" up
	by_circuit
}

@test "what keeps a target down is named when another name is restored" {
	exits 0 erx fail er1
	exits 0 erx restore er1.primary
	says "er1.primary itself has not failed, but 'er1' is down; 'erxdpctl restore er1' restores that"
}

@test "a controller whose run directory is taken away ends" {
	local lab file pid
	lab=$(lab_name g)
	file=$(small "$lab")
	exits 0 ctl load "$file"
	pid=$(ctl status --lab "$lab" --json | jq '.labs[] | .controllerPid')
	rm -r "/run/erxdp/$lab"
	eventually 60 is_gone "$pid"
	exits 0 ctl load "$file"
	exits 0 ctl unload "$lab"
	gone "$lab"
}

@test "a change during azureConvergence waits with the others, and switches FastPath at once" {
	local file=$BATS_FILE_TMPDIR/later.yaml start
	sed 's/timers:.*/timers: {scale: 0.01, azureConvergence: 3s}/' "$TOPOLOGY" >"$file"
	exits 0 ctl load "$file"
	start=$(now_ms)
	exits 0 erx fail er1.primary
	exits 0 erx fastpath off hub-er1
	exits 0 erx fail er2
	(($(now_ms) - start < 3000)) || skip "cannot tell: three commands took $(($(now_ms) - start)) ms of the 3 s that routing waits"
	says "routing follows in "
	is_best loc1-vm hub-vm er1.primary || (($(now_ms) - start >= 3000))
	by_vpn
	exits 0 erx restore --all
	by_circuit
	exits 0 ctl load "$TOPOLOGY"
}

@test "azureConvergence: routing follows later" {
	local file=$BATS_FILE_TMPDIR/late.yaml
	sed 's/timers:.*/timers: {scale: 0.01, azureConvergence: 700ms}/' "$TOPOLOGY" >"$file"
	exits 0 ctl load "$file"
	watch_lateness
	flow_start "$LAB" loc1-vm hub-vm 10.10.30.4 2000
	exits 0 erx fail er1.primary
	says "routing follows in 0."
	by_vpn
	lost_for 700 690 2500 loc1-vm
	exits 0 erx restore --all
	by_circuit
	exits 0 ctl load "$TOPOLOGY"
}

@test "adding a spoke, a circuit and a connection to a loaded lab loses no packet of anybody else" {
	local file=$BATS_FILE_TMPDIR/more.yaml round
	python3 "$E2E/grow.py" "$TOPOLOGY" >"$file"
	# 500 echo requests a second, and flows of 4,000 packets/s into Azure, out of it and from site to VNet. With a third peering the
	# hub's ports get another table, and lose it again.
	pinging spoke-vm 10.2.30.10 -i 0.002
	flow_start "$LAB" loc1-vm hub-vm 10.10.30.4 4000
	flow_start "$LAB" remote-vm spoke-vm 10.11.30.4 4000
	flow_start "$LAB" spoke-vm loc1-vm 10.2.30.10 4000
	for round in 1 2 3 4; do
		exits 0 ctl load "$file"
		((round > 1)) || on extra-vm ping -c 1 -W 2 10.10.30.4
		((round > 1)) || on extra-vm ping -c 1 -W 2 10.9.0.10
		exits 0 ctl load "$TOPOLOGY"
	done
	flow_end "$LAB" loc1-vm
	flow_end "$LAB" remote-vm
	flow_end "$LAB" spoke-vm
	answered
}

last_seq() { erx events --count 1 --json | jq .seq; }
has_heard() { jq -e --argjson seq "$1" 'select(.seq == $seq)' "$2" >/dev/null; }
# follows FILE: something has been heard; if not, something happens.
follows() { [[ -s $1 ]] || { erx fail er2.primary && erx restore er2.primary; } >/dev/null && [[ -s $1 ]]; }

@test "events: what happened, in order, as lines and as JSON" {
	local out=$BATS_TEST_TMPDIR/follow all=$BATS_TEST_TMPDIR/all pid
	timeout 60 "$ERXDPCTL" events --lab "$LAB" --follow --json >"$all" 3>&- &
	pid=$!
	eventually 60 follows "$all"
	seq=$(last_seq)
	exits 0 erx fail er1.primary
	exits 0 erx restore er1.primary
	eventually 60 has_heard "$(last_seq)" "$all"
	kill $pid
	wait $pid || :
	jq -c --argjson seq "$seq" 'select(.seq > $seq)' "$all" >"$out"
	same kinds "$(jq -r .event "$out" | grep -v '^announce\|^withdraw' | uniq | paste -sd' ')" \
		"fault groups session drop best-path restore groups session best-path"
	same kinds "$(jq -r .event "$out" | sort -u | paste -sd' ')" "announce best-path drop fault groups restore session withdraw"
	jq -se 'all(.[]; .seq and .time and .object and .text) and ([.[].seq] | . == sort)' "$out"
	jq -se '[.[] | select(.event == "groups") | .groups] | all(. > 0)' "$out"
	exits 0 erx events --count 3
	(($(wc -l <<<"$output") == 3))
	# A VNet with one gateway has a route by each edge router: it says which.
	jq -se '[.[] | select(.event == "best-path" and .object == "remote" and .prefix == "10.2.30.0/25")] |
		length == 2 and all(.[]; .was + .now == ["remote-ergw/0 over er1.primary"])' "$out"
}

@test "misuse and missing rights are told for what they are" {
	local count
	for count in x -1 0 3x ""; do
		exits 2 erx events --count "$count"
		says "--count takes a number from 1 on"
	done
	exits 2 "$ERXDPCTL" --lab "$LAB" status
	says "options follow it"
	exits 0 env ERXDP_LAB= "$ERXDPCTL" events --lab "$LAB" --count 1
	# Copied to where anybody may run it.
	install -m 755 "$ERXDPCTL" "$BATS_TEST_TMPDIR/erxdpctl"
	chmod 755 "$BATS_TEST_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_RUN_TMPDIR"
	exits 1 setpriv --reuid nobody --regid nogroup --clear-groups "$BATS_TEST_TMPDIR/erxdpctl" status --lab "$LAB"
	says "group erxdp" "run as root"
	exits 1 setpriv --reuid nobody --regid nogroup --clear-groups "$BATS_TEST_TMPDIR/erxdpctl" events --lab "$LAB"
	says "group erxdp" "run as root"
}

@test "what a load that was cut short has left is told with what to do" {
	mkdir "/run/erxdp/${LAB}half"
	exits 0 "$ERXDPCTL" status --lab "${LAB}half"
	says "of lab '${LAB}half' only parts are there" "'erxdpctl unload ${LAB}half' removes them"
	exits 0 "$ERXDPCTL" unload "${LAB}half"
	[[ ! -e /run/erxdp/${LAB}half ]]
}

@test "a closed session says by what, in status and in explain" {
	exits 0 erx fail --layer bgp er1.primary
	exits 0 erx status
	says "warning: the BGP session of 'loc1-ce1' and 'er1.primary' is down: closed, the link is up"
	exits 0 erx explain remote-vm loc1-vm
	says "its BGP session with 'er1.primary' is down: closed, the link is up"
	exits 0 erx restore --all
	exits 0 erx fail --silent er1.primary
	eventually 60 status_says "warning: the BGP session of 'loc1-ce1' and 'er1.primary' is down: BGP hold timer expired"
}

@test "a history of 4,096 events with long names is told whole" {
	local lab file long port i
	lab=$(lab_name h)
	long=$(printf 'x%.0s' {1..72})
	file=$(copy_as "$lab" ecmp)
	sed -i -E "/^scenarios:/,\$d; s/\b(ce1|ce2|er1|er2)\b/\1$long/g; s/\bhub-er(1|2)$long/hub-er\1/g" "$file"
	load_lab "$file"
	port=$(ip -n "erx-$lab" -o link | grep -o ' ce1x*[.][0-9]*@' | tail -1 | tr -d ' @')
	# Of a link that goes and comes too fast nobody hears; more than there is room for is wanted.
	until (($(ctl events --lab "$lab" --json | head -n 1 | jq .seq) > 1)); do
		for ((i = 0; i < 50; i++)); do
			ip -n "erx-$lab" link set "$port" down
			sleep 0.01
			ip -n "erx-$lab" link set "$port" up
			sleep 0.01
		done
	done
	exits 0 ctl events --lab "$lab" --json
	same events "$(wc -l <<<"$output")" 4096
	((${#output} > 2000000))
}

@test "what is no request changes nothing and is told why" {
	run python3 "$E2E/ask.py" "/run/erxdp/$LAB"
	echo "$output"
	[[ $status == 0 ]]
	on loc1-vm ping -c 1 -W 2 10.10.30.4
	exits 0 timeout 30 "$ERXDPCTL" plan "$TOPOLOGY"
}

@test "the systemd unit is whole, and runs where systemd does" {
	local root=$BATS_TEST_TMPDIR/root
	flock "$ROOT/Makefile" make -C "$ROOT" --no-print-directory install DESTDIR="$root" >"$BATS_TEST_TMPDIR/made"
	grep -q '^ExecStart=/usr/local/bin/erxdpd %i$' "$root/usr/local/lib/systemd/system/erxdpd@.service" ||
		{ cat "$BATS_TEST_TMPDIR/made" && find "$root" && return 1; }
	[[ -x $root/usr/local/bin/erxdpd && -x $root/usr/local/bin/erxdpctl ]]
	grep -q '^g erxdp ' "$root/usr/local/lib/sysusers.d/erxdp.conf"
	[[ $(</proc/1/comm) == systemd ]] || skip "PID 1 is not systemd"
	local lab unit=/run/systemd/system/erxdpd@.service
	[[ ! -e /usr/local/bin/erxdpd && ! -e $unit ]] || skip "erxdp is installed here: it is left alone"
	lab=$(lab_name u)
	mkdir -p /etc/erxdp
	cp "$(small "$lab")" "/etc/erxdp/$lab.yaml"
	sed "s,/usr/local/bin,$ROOT/build,g" "$root/usr/local/lib/systemd/system/erxdpd@.service" >"$unit"
	systemctl daemon-reload
	systemctl start "erxdpd@$lab"
	exits 0 ctl status --lab "$lab"
	says "controller: alive"
	kill -9 "$(ctl status --lab "$lab" --json | jq '.labs[] | .controllerPid')"
	eventually 60 systemctl is-active --quiet "erxdpd@$lab"
	systemctl stop "erxdpd@$lab"
	rm -f "$unit" "/etc/erxdp/$lab.yaml"
	systemctl daemon-reload
	gone "$lab"
}
