#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What erxdpctl does when nobody reads what it prints any more, and when it may not do all.
load life

setup_file() {
	need jq python3 setpriv || return 0
	own_swift_lab interop
}

teardown_file() { remove_labs; }

# unread VERB...: its standard output is a pipe that nobody reads; with SIGPIPE ignored as by some shells, and not.
unread() {
	timeout 120 python3 - "$ERXDPCTL" "$@" <<-'END'
		import os, signal, subprocess, sys
		for way in (signal.SIG_DFL, signal.SIG_IGN):
		    r, w = os.pipe()
		    os.close(r)
		    done = subprocess.run(sys.argv[1:], stdout=w, stderr=subprocess.PIPE, restore_signals=False,
		                          preexec_fn=lambda: signal.signal(signal.SIGPIPE, way))
		    os.close(w)
		    if done.returncode != -signal.SIGPIPE or b"write" in done.stderr or b"pipe" in done.stderr:
		        sys.exit("%s: %s %s" % (way, done.returncode, done.stderr))
	END
}

@test "every verb that prints ends quietly when its reader has gone, as other tools do" {
	local verb
	while read -r verb; do
		echo "# $verb"
		# shellcheck disable=SC2086 # words
		unread $verb
	done <<-END
		status --json
		status
		routes --lab $LAB hub-vm
		show --lab $LAB effective-routes hub-vm
		show --lab $LAB --json bgp loc1-ce1
		explain --lab $LAB hub-vm loc1-vm
		explain --lab $LAB --json hub-vm loc1-vm
		counters --lab $LAB
		events --lab $LAB
		impair show --lab $LAB
		fastpath status hub-er1 --lab $LAB
		reach --lab $LAB hub-vm loc1-vm
		verify --lab $LAB
		plan $TOPOLOGY
		validate --json $TOPOLOGY
		scenario list $TOPOLOGY
		--help
		--version
		status --help
	END
}

@test "a change is not cut short by it" {
	unread fastpath on --lab "$LAB" hub-er1 || :
	exits 0 erx fastpath status hub-er1
	says "FastPath is on"
	(timeout 60 "$ERXDPCTL" fail --lab "$LAB" er1.primary 2>&1 || :) | true
	exits 0 erx restore er1.primary
	says "er1.primary restored"
}

@test "a full disk is no reader that has gone" {
	local code=0
	output=$(erx status 2>&1 >/dev/full) || code=$?
	same "exit code" "$code" 1
	says "cannot write to standard output"
}

# lacking CAPABILITY: what load says without it, of a lab with a wire.
lacking() {
	local lab file
	lab=$(lab_name p)
	file=$(small "$lab" '$a latency: [{between: [hub, er1], rtt: 1ms}]')
	code=0
	output=$(setpriv --bounding-set "-$1" --inh-caps "-$1" timeout 60 "$ERXDPCTL" load "$file" 2>&1) || code=$?
	timeout 60 "$ERXDPCTL" unload "$lab"
	same "exit code" "$code" 1
}

@test "a capability that is missing is named, and no other" {
	local name other
	for name in net_raw net_admin sys_admin; do
		echo "# $name"
		lacking "$name"
		echo "$output"
		says "CAP_${name^^}"
		for other in IPC_LOCK NET_RAW NET_ADMIN SYS_ADMIN; do
			[[ $other == "${name^^}" || $output != *"CAP_$other"* ]]
		done
	done
}
