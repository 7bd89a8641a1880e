# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What the tests of a lab's life share: a small topology, a numbered flow, and
# what is left of a lab.
load lib

# small NAME [SED-SCRIPT]: a small topology under this name, changed; prints its path.
small() {
	local file=$BATS_FILE_TMPDIR/$1.yaml
	sed -e "s/^name:.*/name: $1/" -e "${2-}" "$E2E/life.yaml" >"$file"
	echo "$1" >>"$BATS_FILE_TMPDIR/labs"
	echo "$file"
}

# small_as NAME FILE SED-SCRIPT: a changed version of NAME's topology, in another file.
small_as() {
	sed -e "s/^name:.*/name: $1/" -e "${3-}" "$E2E/life.yaml" >"$2"
}

ctl() {
	timeout 120 "$ERXDPCTL" "$@"
}

# exits CODE COMMAND...: run it, keep $output, and fail when it ends otherwise.
exits() {
	local expected=$1 code=0
	shift
	output=$("$@" 2>&1) || code=$?
	[[ $code == "$expected" ]] && return 0
	printf '%s: exit code %s, expected %s; it said:\n%s\n' "$*" "$code" "$expected" "$output"
	return 1
}

# says TEXT...: $output has each of them.
says() {
	local text
	for text; do
		[[ $output == *"$text"* ]] || { printf 'not said: %s\nbut: %s\n' "$text" "$output" && return 1; }
	done
}

# runs_sleep PID: what was started with 'sleep' in a namespace is there.
runs_sleep() { [[ $(ps -o comm= -p "$1") == sleep ]]; }

# --- What is left ------------------------------------------------------------------------------------------------------

# remains LAB: whatever of this lab is there, a line each.
remains() {
	local lab=$1
	{
		printf '%s\n' /run/netns/* /sys/fs/bpf/erxdp/* /run/erxdp/*
		grep -oE "[^ ]*/erx-$lab[^ ]*" /proc/mounts
		pgrep -a '^erxdp'
		ip -o link
	} | grep -E "(^|/| |erx-)$lab([^a-z0-9]|$)" || :
}

# gone LAB: nothing of it is left, once the kernel has cleared up.
gone() { eventually 60 is_nothing "$1" || { echo "left of $1:" && remains "$1" && return 1; }; }
is_nothing() { [[ -z $(remains "$1") ]]; }

# orphans: BPF objects to which no pin leads, as "prog 12": what a lab has left for ever, or another one has at the moment.
orphans() {
	{
		bpftool -f -j prog list
		bpftool -f -j map list
		bpftool -f -j link list
	} | jq -rn 'input as $programs | input as $maps | input as $links |
		def unpinned: select((.pinned // []) == []) | select((.type // "") | startswith("cgroup") | not);
		([$links[].prog_id] | unique) as $linked | ([$programs[].map_ids[]?] | unique) as $used |
		($links[] | unpinned | "link \(.id)"),
		($programs[] | select([.id] | inside($linked) | not) | unpinned | "prog \(.id)"),
		($maps[] | select([.id] | inside($used) | not) | unpinned | "map \(.id)")' | sort
}

# no_more_orphans FILE: those that there are now, and that the file does not have, go; new ones do not count. Those of labs
# beside this one go, too, but later: when they are pinned, or unloaded where their pins are out of our sight.
no_more_orphans() {
	local new=$BATS_TEST_TMPDIR/new
	comm -13 "$1" <(orphans) >"$new"
	eventually 180 all_are_gone "$new" || { echo "no pin leads to, no process has:" && cat "$new" && return 1; }
}
all_are_gone() {
	comm -12 "$1" <([[ ! -s $1 ]] || orphans) >"$1.still"
	mv "$1.still" "$1"
	[[ ! -s $1 ]]
}

# --- A flow ------------------------------------------------------------------------------------------------------------

# flow_start LAB FROM TO ADDRESS [PER_SECOND]: in the background, and on its way; flow_end counts.
flow_start() {
	FLOW=$BATS_TEST_TMPDIR/flow-$1-$2
	"$ERXDPCTL" exec --lab "$1" "$3" -- python3 "$E2E/flow.py" receive 5201 >"$FLOW.received" 2>"$FLOW.words" 3>&- &
	echo $! >"$FLOW.receiver"
	LAB=$1 listening_udp "$3" 5201
	"$ERXDPCTL" exec --lab "$1" "$2" -- python3 "$E2E/flow.py" send "$4" 5201 "${5:-8000}" >"$FLOW.sent" 2>&1 3>&- &
	echo $! >"$FLOW.sender"
	eventually 60 said flowing "$FLOW.words" || { cat "$FLOW.words" "$FLOW.sent" && return 1; }
}

# flow_stop LAB FROM: what flow.py says of it is in $FLOW.received. No subshell: it waits.
flow_stop() {
	FLOW=$BATS_TEST_TMPDIR/flow-$1-$2
	kill "$(<"$FLOW.sender")"
	wait "$(<"$FLOW.sender")" && wait "$(<"$FLOW.receiver")" && return
	cat "$FLOW.sent" "$FLOW.words"
	return 1
}

# overrun LAB: packets that its wires had no room for, because the process that joins their ends was kept from the CPU.
overrun() { ctl impair show --lab "$1" --stats --json | jq '[.wires[]?.directions[] | .ringFull + .refused] | add // 0'; }

# flow_end LAB FROM: fails unless every packet has come, once.
flow_end() {
	local none
	flow_stop "$1" "$2"
	jq -e '.lost == 0 and .twice == 0' "$FLOW.received" >/dev/null && return 0
	none=$(overrun "$1")
	((none == 0 || $(jq .lost "$FLOW.received") > none)) ||
		skip "cannot tell: this machine kept the wires' process waiting until $none packets had no room"
	echo "flow from $2 of $1:" && cat "$FLOW.sent" "$FLOW.received"
	return 1
}

# --- Time --------------------------------------------------------------------------------------------------------------

# spread NUMBER...: "median 340 (310..420)".
spread() {
	printf '%s\n' "$@" | sort -n | awk '{ v[NR] = $1 } END { printf "median %d ms (%d..%d), n=%d\n", v[int((NR + 1) / 2)], v[1], v[NR], NR }'
}
