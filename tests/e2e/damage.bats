#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What is damaged in a lab's run directory while its controller lives: it goes on, says what is wrong, and recovers by
# itself when the file is good again.
load life

# Timers are a hundredth: flows are swept every 0.3 s, the hold timer is 1.8 s, dead-peer detection 0.45 s.
setup_file() {
	need jq ping python3 flock || return 0
	LAB=$(lab_name)
	TOPOLOGY=$(swift "$(copy_as "$LAB" interop)")
	echo "timers: {scale: 0.01}" >>"$TOPOLOGY"
	RUN=/run/erxdp/$LAB
	export LAB TOPOLOGY RUN
	load_lab "$TOPOLOGY"
}

teardown_file() { remove_labs; }

setup() {
	[[ ! -e $BATS_FILE_TMPDIR/missing ]] || skip "$(<"$BATS_FILE_TMPDIR/missing")"
	cp "$RUN/topology.yaml" "$BATS_TEST_TMPDIR/good"
	PID=$(<"$RUN/controller")
}

teardown() {
	[[ -z ${PID-} ]] || make_good topology.yaml
	[[ -z ${PORT-} ]] || ip -n "erx-$LAB" link set "$PORT" up
	[[ -z ${LAB-} ]] || erx restore --all >/dev/null 2>&1 || :
}

# ask REQUEST FIELD: of what the controller answers; "" when it has no such field.
ask() {
	python3 - "$RUN/change.sock" "$1" "$2" <<-'END'
		import json, socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.settimeout(10)
		s.connect(sys.argv[1])
		s.sendall(sys.argv[2].encode() + b"\n")
		print(json.loads(s.makefile().readline()).get(sys.argv[3], ""))
	END
}

trouble() { ask '{"do": "status"}' trouble; }
is_troubled() { [[ -n $(trouble) ]]; }
is_whole() { [[ -z $(trouble) ]]; }

# same_controller: the one of the beginning lives and answers.
same_controller() {
	same "controller" "$(ask '{"do": "status"}' pid)" "$PID"
}

# damage FILE KIND: in one step, as a reader would find it.
damage() {
	local new=$RUN/$1.new
	rm -rf "$new"
	case $2 in
	missing) rm -rf "${RUN:?}/$1" && return ;;
	empty) : >"$new" ;;
	rubbish) head -c 3000 /dev/urandom >"$new" ;;
	json) echo '{"name": [' >"$new" ;;
	truncated) cut_off "$RUN/$1" >"$new" ;;
	other) sed 's/^name: .*/name: another/' "$RUN/$1" >"$new" ;;
	directory) rm -rf "${RUN:?}/$1" && mkdir "$new" ;;
	esac
	mv -T "$new" "$RUN/$1"
}

# cut_off FILE: its beginning, up to a brace that is not closed when it has one.
cut_off() {
	if grep -q '{' "$1"; then
		tr '\n' '\r' <"$1" | sed 's/\(.*{\).*/\1/' | tr '\r' '\n'
	else
		head -c $(($(stat -c %s "$1") / 2)) "$1"
	fi
}

make_good() {
	[[ ! -d $RUN/$1 ]] || rmdir "$RUN/$1"
	cmp -s "$BATS_TEST_TMPDIR/good" "$RUN/$1" && return
	cp "$BATS_TEST_TMPDIR/good" "$RUN/$1.new" && mv "$RUN/$1.new" "$RUN/$1"
}

# survives KIND: of damage to the topology, while something is noticed that routing has to follow.
survives() {
	local before
	PORT=$(interface er1.primary loc1-ce1:er1.primary)
	before=$(erx events --json | jq -s length)
	# Only now: what is read above waits for the lock.
	if [[ -n ${2-} ]]; then
		flock "$RUN" sh -c ': >"$1"; sleep 1.5' - "$BATS_TEST_TMPDIR/held" 3>&- &
		eventually 60 test -e "$BATS_TEST_TMPDIR/held"
	fi
	damage topology.yaml "$1"
	ip -n "erx-$LAB" link set "$PORT" down
	eventually 60 is_troubled
	sleep 1.5 # timers go on
	same_controller
	[[ $(trouble) == *topology.yaml* ]] || { trouble && return 1; }
	same "what may change" "$(ask '{"do": "fail", "target": "er2.primary", "how": "down"}' error)" "$(trouble)"
	[[ $(erx events --json | jq -s "[.[$before:][] | select(.event == \"error\")] | length") == 1 ]]
	make_good topology.yaml
	eventually 60 is_whole
	same_controller
	ip -n "erx-$LAB" link set "$PORT" up
	eventually 60 carries
	exits 0 erx fail er1.primary
	exits 0 erx restore er1.primary
}

carries() { erx status --json | jq -e '[.labs[].links[] | select(.name == "loc1-ce1:er1.primary" and .state == "up")] | length == 1' >/dev/null; }

@test "the topology is gone: the controller goes on, says so, and follows when it is back" { survives missing; }
@test "the topology is empty: the same" { survives empty; }
@test "the topology is rubbish: the same" { survives rubbish; }
@test "the topology is half of one: the same" { survives truncated; }
@test "the topology is unreadable JSON: the same" { survives json; }
@test "the topology is a directory: the same" { survives directory; }

@test "a reload fails while the lock was held by another: the same" {
	survives rubbish held
	wait
}

@test "planned work waits for a topology that is good, and ends with the lab that is loaded anew" {
	exits 0 timeout 5 python3 -c 'import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(b"{\"do\":\"fail\",\"target\":\"er1\",\"how\":\"maintenance\"}\n"); print(s.recv(999))' "$RUN/change.sock"
	says '"ok":true'
	damage topology.yaml empty
	eventually 60 is_troubled
	same_controller
	same "maintenance" "$(ask '{"do": "status"}' maintenance)" True
	make_good topology.yaml
	eventually 60 is_whole
	eventually 60 maintained_no_more
	same_controller
	exits 0 erx restore --all
	says "nothing has failed"
}

maintained_no_more() { [[ $(ask '{"do": "status"}' maintenance) == False ]]; }

# What else is in the run directory is read when the lab is taken over.
@test "state and numbers are damaged in any way: the controller takes the lab over, or says why not and goes on" {
	local file kind
	for file in state ids; do
		cp "$RUN/$file" "$BATS_TEST_TMPDIR/$file"
		for kind in missing empty rubbish json truncated directory; do
			echo "# $file $kind"
			damage "$file" "$kind"
			cp "$RUN/topology.yaml" "$RUN/topology.yaml.new" && mv "$RUN/topology.yaml.new" "$RUN/topology.yaml"
			ask '{"do": "restore"}' ok
			sleep 0.5
			same_controller
			if [[ $kind == directory ]]; then eventually 60 is_troubled; rmdir "$RUN/$file"; fi
			[[ -e $RUN/$file ]] || cp "$BATS_TEST_TMPDIR/$file" "$RUN/$file"
			eventually 60 is_whole
			same_controller
		done
	done
	exits 0 timeout 60 "$ERXDPCTL" load "$TOPOLOGY"
	exits 0 erx reach loc1-vm hub-vm
}
