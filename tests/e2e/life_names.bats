#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Names: those of other people's things, hostile ones, long ones, mistyped ones;
# and the exit code and words for each misuse.
load life

setup_file() {
	need jq python3 || return 0
	LAB=$(lab_name)
	FILE=$(small "$LAB")
	export LAB FILE
	exits 0 ctl load "$FILE"
}
teardown_file() { remove_labs; }

# --- Other people's things -----------------------------------------------------------------------------------------------

# picture NAMESPACE: all that can be seen of it.
picture() {
	stat -c '%i %s %a %Y' "/run/netns/$1"
	ip -n "$1" -d -j addr
	ip -n "$1" -j route
	ip netns exec "$1" sysctl -a 2>/dev/null | grep -vE 'random|nr_|file-nr|dentry|inode|\.entropy|pty|ns_last_pid|netdev_rss|nf_conntrack_count|sched'
}

# foreign NAMESPACE: somebody else makes it, with something in it.
foreign() {
	ip netns add "$1"
	echo "$1" >>"$BATS_TEST_TMPDIR/foreign"
	ip -n "$1" link add mine type veth peer name yours
	ip -n "$1" addr add 10.20.0.4/25 dev mine
	ip -n "$1" link set mine up
	picture "$1" >"$BATS_TEST_TMPDIR/picture-$1"
}

teardown() {
	local name
	[[ -e $BATS_TEST_TMPDIR/foreign ]] || return 0
	while read -r name; do
		ip netns del "$name" || :
	done <"$BATS_TEST_TMPDIR/foreign"
}

untouched() {
	diff "$BATS_TEST_TMPDIR/picture-$1" <(picture "$1")
}

@test "somebody else's namespace of the same name is refused, and untouched" {
	local lab file name
	lab=$(lab_name f)
	file=$(small "$lab")
	for name in "erx-$lab-spoke-vm" "erx-$lab"; do
		foreign "$name"
		exits 1 ctl load "$file"
		says "'$name'" "not loaded; nothing of it is left"
		untouched "$name"
		same "left" "$(remains "$lab" | grep -v "$name\$")" ""
		exits 0 ctl unload "$lab"
		untouched "$name"
		ip netns del "$name"
	done
	rm "$BATS_TEST_TMPDIR/foreign"
	exits 0 ctl load "$file"
	exits 0 ctl unload "$lab"
	gone "$lab"
}

@test "somebody else's namespace of a similar name lives through load and unload" {
	local lab file
	lab=$(lab_name g)
	file=$(small "$lab")
	foreign "erx-$lab-x"
	foreign "erx-$lab"x
	exits 0 ctl load "$file"
	exits 0 ctl load "$file"
	untouched "erx-$lab-x"
	exits 0 ctl unload "$lab"
	untouched "erx-$lab-x"
	untouched "erx-$lab"x
}

@test "somebody else's interfaces are not ours: in the caller's namespace, and beside ours" {
	local lab file port before
	lab=$(lab_name v)
	file=$(small "$lab")
	exits 0 ctl load "$file"
	port=$(ip -n "erx-$lab" -o link | awk -F'[ :@]+' '$1 == 1001 { print $2 }')
	[[ -n $port ]]
	exits 0 ctl unload "$lab"
	# In a network namespace of its own instead of the machine's, under the name of one of our ports.
	unshare -n bash -euc '
		erxdpctl=$1 file=$2 lab=$3 port=$4
		ip link add "$port" type veth peer name other
		before=$(ip -d -j link)
		"$erxdpctl" load "$file"
		[[ $(ip -d -j link) == "$before" ]]
		ip -n "erx-$lab-hub-vm" link add mine type veth peer name yours
		"$erxdpctl" load "$file"
		ip -n "erx-$lab-hub-vm" link show mine
		"$erxdpctl" unload "$lab"
		[[ $(ip -d -j link) == "$before" ]]' - "$ERXDPCTL" "$file" "$lab" "$port"
	gone "$lab"
}

# --- Hostile and long names ------------------------------------------------------------------------------------------------

# outside: what a name must not create. Labs of others come and go, and what is known as a lab is no stray.
outside() {
	find / /etc /run /sys/fs/bpf "$PWD" -maxdepth 1 ! -name 'erxdp*' ! -name netns
	find /run/netns /run/erxdp -mindepth 1 -maxdepth 1 2>/dev/null | grep -vE "/(erx-)?([a-z0-9]*[0-9][^/]*|($(ls /run/erxdp | paste -sd '|'))(-[^/]*)?)\$" || :
}

@test "hostile names create nothing outside, and are refused in words or load" {
	local long name lab before file=$BATS_TEST_TMPDIR/hostile.yaml code
	long=$(printf 'x%.0s' {1..300})
	lab=$(lab_name n)
	before=$(outside)
	for name in ../x ../../etc/x /etc/x . .. -rf -h ' ' "a b" "$long" 'ä' '日本' $'a\tb' 'a/b' '$(touch /tmp/x)' 'x;y' '%s%n' lo eth0 all default; do
		# As the lab's name ...
		NAME=$name python3 - "$FILE" >"$file" <<-'PY'
			import json, os, re, sys
			text = open(sys.argv[1]).read()
			print(re.sub(r"(?m)^name:.*", lambda _: "name: " + json.dumps(os.environ["NAME"], ensure_ascii=False), text))
		PY
		code=0
		output=$(ctl validate "$file" 2>&1) || code=$?
		if ((code == 0)); then
			exits 0 ctl load "$file"
			exits 0 ctl unload -- "$name"
			[[ ! -e /run/erxdp/$name && ! -e /run/netns/erx-$name ]]
			[[ -z $(compgen -G "/run/netns/erx-$name-*") ]]
		else
			exits 3 ctl load "$file"
			says "hostile.yaml:"
		fi
		# ... and as a host's.
		NAME=$name LAB=$lab python3 - "$FILE" >"$file" <<-'PY'
			import json, os, re, sys
			text = open(sys.argv[1]).read()
			text = text.split("\nexpect:")[0].replace("spoke-vm:", json.dumps(os.environ["NAME"], ensure_ascii=False) + ":")
			print(re.sub(r"(?m)^name:.*", "name: " + os.environ["LAB"], text))
		PY
		code=0
		output=$(ctl load "$file" 2>&1) || code=$?
		if ((code == 0)); then
			exits 0 ctl exec --lab "$lab" -- "$name" true
			exits 0 ctl unload "$lab"
			gone "$lab"
		elif ((code != 3)) || [[ $output != *hostile.yaml:* ]]; then
			echo "host '$name': exit code $code: $output"
			return 1
		fi
	done
	same "outside" "$(outside)" "$before"
}

@test "hostile words on the command line reach nothing outside" {
	local name
	mkdir -p "$BATS_TEST_TMPDIR/x"
	cp "$FILE" "$BATS_TEST_TMPDIR/x/topology.yaml"
	for name in ../x "../..$BATS_TEST_TMPDIR/x" . .. '' / a/b; do
		exits 2 ctl unload "$name"
		says "no name of a lab"
		exits 2 ctl status --lab "$name"
		exits 2 ctl routes --lab "$name" hub-vm
		exits 2 ctl exec --lab "$name" hub-vm -- true
		exits 2 ctl fail --lab "$name" er1
	done
	[[ -e $BATS_TEST_TMPDIR/x/topology.yaml ]]
	exits 0 ctl unload -- -rf
	says "'-rf' is not loaded"
	exits 2 ctl exec --lab "$LAB" ../x -- true
	exits 2 ctl fail --lab "$LAB" ../x
	exits 2 ctl capture --lab "$LAB" -w "$BATS_TEST_TMPDIR/out" ../x
}

@test "names that are equal in their first 15 characters load and work" {
	local lab file
	lab=$(lab_name l)
	file=$(small "$lab" 's/hub-vm/a-virtual-machine-with-a-name-1/; s/spoke-vm/a-virtual-machine-with-a-name-2/
		s/site-ce/a-customer-edge-router-1/g; s/er1/an-expressroute-circuit-1/g
		/^expect:/,$d; s/\bspoke\b/a-virtual-network-with-a-name-2/g; s/\bhub\b/a-virtual-network-with-a-name-1/g')
	exits 0 ctl load "$file"
	[[ $(ip -n "erx-$lab" -o link | awk -F'[ :@]+' '{ print $2 }' | sort | uniq -d | wc -l) == 0 ]]
	exits 0 ctl exec --lab "$lab" a-virtual-machine-with-a-name-1 -- ping -q -c 1 10.21.0.4
	exits 0 ctl exec --lab "$lab" site-vm -- ping -q -c 1 10.21.0.4
	exits 0 ctl exec --lab "$lab" site-vm -- ping -q -c 1 10.20.0.4
	exits 0 ctl unload "$lab"
	gone "$lab"
}

# --- Words -------------------------------------------------------------------------------------------------------------------

# refused CODE TEXT COMMAND...: ends with CODE and says TEXT.
refused() {
	local code=$1 text=$2
	shift 2
	exits "$code" ctl "$@"
	says "$text"
}

@test "usage errors end with 2 and say what was meant" {
	refused 2 "did you mean 'load'" laod x
	refused 2 "erxdpctl --help" frobnicate
	refused 2 usage
	refused 2 usage load
	refused 2 usage load a b
	refused 2 "try 'erxdpctl load --help'" load --frob x
	refused 2 "does not take that option" load --json "$FILE"
	refused 2 "'load' does not take --lab: FILE has the lab's name" load --lab "$LAB" "$FILE"
	refused 2 "'plan' does not take --lab" plan --lab "$LAB" "$FILE"
	refused 2 "'validate' does not take --lab" validate --lab "$LAB" "$FILE"
	refused 2 "belong to 'impair show'" impair set ce1 --lab "$LAB" --delay 0 --stats
	refused 2 "belong to 'impair show'" impair reset --all --lab "$LAB" --json
	refused 2 usage exec --lab "$LAB" hub-vm
	refused 2 "did you mean 'hub-vm'" exec --lab "$LAB" hubvm -- true
	refused 2 "did you mean 'site-vm'" routes --lab "$LAB" sitevm
	refused 2 "did you mean" explain --lab "$LAB" hub-vm sitevm
	refused 2 "did you mean 'er1.primary'" fail --lab "$LAB" er1.primry
	refused 2 "nothing that can fail" fail --lab "$LAB" '*'
	refused 2 "did you mean" restore --lab "$LAB" er1.primry
	refused 2 "a target or --all" restore --lab "$LAB"
	refused 2 "on, off or status" fastpath --lab "$LAB" maybe hub-er1
	refused 2 "did you mean 'hub-er1'" fastpath --lab "$LAB" on hub-er
}

@test "what the system refuses ends with 1, and says what to do" {
	refused 1 "cannot read '/nowhere.yaml': No such file" load /nowhere.yaml
	refused 1 "cannot read '/': Is a directory" load /
	refused 1 "run 'erxdpctl load FILE'" routes --lab "no-$LAB" hub-vm
	refused 1 "is not loaded" status --lab "no-$LAB"
	refused 1 "is not loaded" fail --lab "no-$LAB" er1
	exits 127 ctl exec --lab "$LAB" hub-vm -- no-such-command
	says "cannot run 'no-such-command'"
	exits 7 ctl exec --lab "$LAB" hub-vm -- sh -c 'exit 7'
	output=$(ctl status --lab "$LAB" 2>&1 >/dev/full) && return 1
	says "standard output"
}

@test "bad files end with 3, changes of plan with 4, the rest with 0" {
	local bad=$BATS_TEST_TMPDIR/bad.yaml changed=$BATS_TEST_TMPDIR/changed.yaml
	small_as "$LAB" "$bad" 's/addressSpace/adressSpace/'
	refused 3 "did you mean 'addressSpace'" validate "$bad"
	refused 3 "bad.yaml:" load "$bad"
	: >"$bad"
	refused 3 "bad.yaml:" load "$bad"
	head -c 2000000 /dev/zero | tr '\0' ' ' >"$bad"
	refused 3 "bad.yaml:" validate "$bad"
	small_as "$LAB" "$changed" 's/site-vm: 10.30.0.10/site-vm: 10.30.0.11/'
	refused 4 "" plan "$changed"
	refused 0 "nothing to do" plan "$FILE"
	refused 0 "no problem found" validate "$FILE"
	refused 0 usage help
	refused 0 usage load --help
	refused 0 erxdpctl --version
	small_as "$LAB" "$changed" 's/ttl: 60/ttl: 59/'
	refused 3 "failed" verify --lab "$LAB" "$changed"
	exits 0 ctl plan "$FILE"
}

@test "data goes to standard output, words to standard error" {
	[[ -z $(ctl load "$FILE" 2>/dev/null) ]]
	[[ -z $(ctl status --lab "$LAB" --json 2>&1 >/dev/null) ]]
	[[ -z $(ctl counters --lab "$LAB" 2>&1 >/dev/null) ]]
	ctl status --lab "$LAB" --json | jq -e '.labs | length == 1'
	[[ -z $(ctl load --help 2>&1 >/dev/null) ]]
}
