# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What the end-to-end tests share. Each test file makes a lab of its own, under
# a name that no other file uses, from a copy of a topology:
#
#   load lib
#   setup_file()    { need ping || return 0; own_lab interop; }
#   teardown_file() { remove_labs; }
#
# after which $LAB is its name and $TOPOLOGY its file. ERXDPCTL chooses another
# binary to test.
bats_require_minimum_version 1.5.0

E2E=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
ROOT=$(cd "$E2E/../.." && pwd)
ERXDPCTL=${ERXDPCTL:-$ROOT/build/erxdpctl}
export E2E ROOT ERXDPCTL

# missing COMMAND...: what is not there, in words.
missing() {
	local tool
	[[ $EUID -eq 0 ]] || echo "needs root"
	[[ -x $ERXDPCTL ]] || echo "needs $ERXDPCTL: run make"
	for tool; do
		command -v "$tool" >/dev/null || echo "needs $tool"
	done
}

# need COMMAND...: without them the test counts as skipped; in setup_file every
# test of the file does: need COMMAND... || return 0
need() {
	local what
	what=$(missing "$@" | paste -sd ,)
	[[ -n $what ]] || return 0
	[[ -z ${BATS_TEST_NAME-} ]] || skip "$what"
	echo "$what" >"$BATS_FILE_TMPDIR/missing"
	return 1
}

# A file with a setup of its own calls need there.
setup() {
	[[ ! -e $BATS_FILE_TMPDIR/missing ]] || skip "$(<"$BATS_FILE_TMPDIR/missing")"
}

# lab_name [SUFFIX]: a name that only this test file has.
lab_name() {
	local file=${BATS_TEST_FILENAME##*/}
	echo "e$$${file:0:2}${1-}"
}

# copy_as NAME TOPOLOGY: a copy of a shipped topology under another name; prints its path.
copy_as() {
	local file=$BATS_FILE_TMPDIR/$1.yaml
	sed "s/^name:.*/name: $1/" "$ROOT/topologies/$2.yaml" >"$file"
	echo "$file"
}

# swift FILE: take latency and limits out of a copy, for a test of how fast or how many, not of how far; prints its path.
swift() {
	sed -i '/^latency:/,/^[^ #-]/ { /^latency:/d; /^[ #-]/d; /^$/d }' "$1"
	grep -q '^limits:' "$1" || sed -i '/^name:/a limits: {enforce: false}' "$1"
	echo "$1"
}

# own_lab TOPOLOGY: load a copy of it; sets LAB and TOPOLOGY.
own_lab() {
	LAB=$(lab_name)
	TOPOLOGY=$(copy_as "$LAB" "$1")
	export LAB TOPOLOGY
	load_lab "$TOPOLOGY"
}

# own_swift_lab TOPOLOGY: the same without latency and limits.
own_swift_lab() {
	LAB=$(lab_name)
	TOPOLOGY=$(swift "$(copy_as "$LAB" "$1")")
	export LAB TOPOLOGY
	load_lab "$TOPOLOGY"
}

# load_lab FILE: as 'erxdpctl load', and remembered for remove_labs.
load_lab() {
	sed -n 's/^name: *//p' "$1" >>"$BATS_FILE_TMPDIR/labs"
	timeout 120 "$ERXDPCTL" load "$1"
}

# remove_labs: every lab that this file has loaded; a failure shows.
remove_labs() {
	local name failed=0
	[[ -e $BATS_FILE_TMPDIR/labs ]] || return 0
	while read -r name; do
		timeout 120 "$ERXDPCTL" unload "$name" || failed=1
	done < <(sort -u "$BATS_FILE_TMPDIR/labs")
	rm -f "$BATS_FILE_TMPDIR/labs"
	return $failed
}

# erx VERB [ARGUMENT]...: erxdpctl on this file's lab, bounded in time.
erx() {
	local verb=$1
	shift
	timeout 120 "$ERXDPCTL" "$verb" --lab "$LAB" "$@"
}

# on HOST COMMAND...: run it there.
on() {
	local host=$1
	shift
	timeout 120 "$ERXDPCTL" exec --lab "$LAB" "$host" -- "$@"
}

# beside HOST COMMAND...: run it there in the background until end_beside; its
# output goes to $BATS_TEST_TMPDIR/beside.
beside() {
	timeout 300 "$ERXDPCTL" exec --lab "$LAB" "$1" -- "${@:2}" >>"$BATS_TEST_TMPDIR/beside" 2>&1 3>&- &
}

# end_beside: for teardown.
end_beside() {
	local pid
	for pid in $(jobs -p); do kill "$pid" || :; done 2>/dev/null
	wait
}

# --- Waiting for a state, and time ---------------------------------------------------------------------------------------

now_ms() {
	local t=$EPOCHREALTIME
	echo $((${t%.*} * 1000 + 10#${t#*.} / 1000))
}

# eventually SECONDS COMMAND...: it succeeds within that time, which bounds a hang and is no claim of how long it takes. The
# pauses grow: asking costs several processes, and they take the CPU from what is waited for.
eventually() {
	local until=$(($(now_ms) + $1 * 1000)) pause=20
	shift
	until "$@"; do
		(($(now_ms) < until)) || { echo "never: $*" && return 1; }
		sleep "$(printf '0.%03d' $pause)"
		((pause = pause < 300 ? pause * 3 / 2 : 300))
	done
}

# listening HOST PORT, listening_udp HOST PORT: wait until a server is there.
listening() { eventually 60 has_socket -ltn "$@"; }
listening_udp() { eventually 60 has_socket -lun "$@"; }
has_socket() { on "$2" ss -H "$1" "sport = :$3" | grep -q .; }

# said TEXT FILE: a program beside the test has written that.
said() { grep -qs -- "$1" "$2"; }

# watch_lateness: from here on lateness knows how late this machine is; it ends with the test.
watch_lateness() {
	LATENESS=$BATS_TEST_TMPDIR/lateness
	(python3 "$E2E/lateness.py" "$LATENESS" $$ 3>&- &) # no job of the test's: it waits for those
	eventually 60 test -s "$LATENESS"
}

# lateness: by how many milliseconds, at most, since watch_lateness.
lateness() { sort -n "$LATENESS" | tail -n 1; }

# typical: microseconds, the middle of them, on the CPU and in the second where it was most.
typical() { sort -n "$LATENESS.typical" | tail -n 1; }

# in_time MARGIN COMMAND...: COMMAND compares a duration with a bound that leaves MARGIN ms for the machine. When it fails and
# the machine was later than that by itself, nobody can tell whose time it was: the test is skipped and says so.
in_time() {
	local margin=$1 late
	shift
	"$@" && return
	late=$(lateness)
	((late <= margin)) || skip "cannot tell: this machine was $late ms late, and $margin ms are to spare for: $*"
	return 1
}


# pinging HOST ADDRESS [OPTION]...: rounds of 100 echo requests in the background; returns when the first has been round.
# answered ends it, and fails unless each request had its answer. ping waits for the last one of a round for two round trips
# only, whatever -W says, so that one may be missing.
pinging() {
	PINGED=$BATS_TEST_TMPDIR/pinged
	rm -f "$PINGED.end"
	timeout 120 "$ERXDPCTL" exec --lab "$LAB" "$1" -- bash -c 'until [[ -e $1.end ]]; do ping -n -c 100 "${@:2}" || exit; done' \
		- "$PINGED" "${@:3}" "$2" >"$PINGED" 2>&1 3>&- &
	PINGING=$!
	eventually 60 said ' packets transmitted' "$PINGED"
}
answered() {
	: >"$PINGED.end"
	wait "$PINGING" && awk '
		/ icmp_seq=100 / { last = 1 }
		/ packets transmitted/ { rounds++; bad += $4 != 100 && ($4 != 99 || last); last = 0 }
		END { exit bad || !rounds }' "$PINGED" || { grep ' packets transmitted' "$PINGED" && return 1; }
}

# maps_of LAB MAP...: the entries that say something; of groups the slot that packets meet. A dump by bpftool takes seconds.
maps_of() {
	PYTHONPATH=$ROOT/tests/inject python3 -B -c '
import lab, sys
maps = lab.maps(sys.argv[1])
for name in sys.argv[2:]:
    print(name, *maps[name], sep="\n")' "$@"
}

# hosts_and_addresses: a line "HOST ADDRESS" for each host of the lab.
hosts_and_addresses() {
	erx status --json | jq -r --arg lab "$LAB" '.. | select(.lab? == $lab) | .hosts[] | "\(.name) \(.address)"'
}

# interface DEVICE LINK: the port of this device on this link.
interface() {
	erx status --json | jq -r --arg lab "$LAB" --arg device "$1" --arg link "$2" '.. | select(.lab? == $lab) |
		.links[] | select(.name == $link) | .ends[] | select(.at == $device) | .interface'
}

# hops FILE: what a traceroute printed as one word, "10.2.30.3,*,10.10.30.4". A
# hop is * when no probe was answered; several addresses are joined by a slash;
# an annotation such as !H stays visible.
hops() {
	awk '/^ *[0-9]+ / {
		hop = ""
		for (i = 2; i <= NF; i++)
			if (($i ~ /^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$/ || $i ~ /^!/) && index("/" hop "/", "/" $i "/") == 0)
				hop = hop (hop == "" ? "" : "/") $i
		list = list (list == "" ? "" : ",") (hop == "" ? "*" : hop)
	} END { print list }' "$1"
}

# same WHAT SEEN EXPECTED: fails and shows both when they differ.
same() {
	[[ $2 == "$3" ]] && return 0
	printf '%s: seen     %s\n%*s  expected %s\n' "$1" "$2" "${#1}" "" "$3"
	return 1
}

# path_packets PATH: packets that this path has counted.
path_packets() {
	erx counters --json | jq --arg path "$1" '[.paths[] | select(.path == $path) | .packets] | add // 0'
}

# dropped DEVICE REASON: packets that this device has dropped for this reason.
dropped() {
	erx counters --json | jq --arg device "$1" --arg reason "$2" \
		'[.drops[] | select(.device == $device and .reason == $reason) | .packets] | add // 0'
}
