#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Members of group erxdp read without root, others are told of the group, and nobody who reads holds up a change.
load life

setup_file() { need jq setpriv unshare python3 || return 0; }
teardown_file() { remove_labs; }

# The group is this test's own, in an /etc/group that nobody else sees; so the lab is made and removed in there too.
@test "a member of the group reads what root reads, byte for byte, and changes nothing" {
	local lab
	lab=$(lab_name m)
	small "$lab" >/dev/null
	export lab
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_TEST_TMPDIR"
	install -m 755 "$ERXDPCTL" "$BATS_TEST_TMPDIR/erxdpctl"
	cat >"$BATS_TEST_TMPDIR/inside" <<-'INSIDE'
		set -eu
		cd "$BATS_TEST_TMPDIR"
		{ grep -v '^erxdp:' /etc/group || :; echo "erxdp:x:54321:"; } >group
		mount --bind group /etc/group
		trap '"$ERXDPCTL" unload "$lab"' EXIT
		"$ERXDPCTL" load "$BATS_FILE_TMPDIR/$lab.yaml"
		member() { timeout 60 setpriv --reuid 65534 --regid 65534 --groups 54321 ./erxdpctl "$@"; }
		other() { timeout 60 setpriv --reuid 65534 --regid 65534 --clear-groups ./erxdpctl "$@"; }
		# refused CODE TEXT COMMAND...: ends so, and says so.
		refused() {
			local expected=$1 text=$2 code=0 said
			shift 2
			said=$("$@" 2>&1) || code=$?
			[[ $code == "$expected" && $said == *"$text"* ]] || { echo "$*: $code: $said"; return 1; }
		}
		"$ERXDPCTL" fail --lab "$lab" er1.secondary
		# alike VERB...: the same output, words and exit code; but for what counts or ages meanwhile.
		alike() {
			local root=0 mine=0
			"$ERXDPCTL" "$@" >root.out 2>root.err || root=$?
			member "$@" >member.out 2>member.err || mine=$?
			[[ $root == "$mine" ]] || { echo "$*: $mine, root $root"; cat member.err; return 1; }
			if [[ $1 == counters || $1 == status || $1 == show ]]; then sed -Ei 's/[0-9]+/N/g; s/ +/ /g' root.out member.out; fi
			diff root.out member.out && diff root.err member.err
		}
		alike status --lab "$lab"
		alike status --lab "$lab" --json
		alike counters --lab "$lab"
		alike explain --lab "$lab" hub-vm site-vm
		alike explain --lab "$lab" hub-vm site-vm --json --proto tcp --sport 5 --dport 80
		alike explain --lab "$lab" hub-vm site-vmm
		alike explain --lab "$lab" hub-vm
		alike routes --lab "$lab" hub-vm
		alike show --lab "$lab" bgp-peers hub-ergw --json
		alike show --lab "$lab" no-such-view
		alike events --lab "$lab"
		ERXDP_LAB=$lab alike routes site-vm
		member status | grep -q "lab '$lab'"
		refused 1 "is not loaded" member status --lab "${lab}no"

		for verb in "fail er1" "restore --all" "fastpath off hub-er1" "exec hub-vm -- true" "impair reset --all" \
			"capture er1 -w /dev/null" "compare hub-vm site-vm" "reach hub-vm site-vm" "verify"; do
			refused 1 "is for root alone: run as root" member $verb
		done
		refused 1 "is for root alone" member load "$BATS_FILE_TMPDIR/$lab.yaml"
		refused 1 "is for root alone" member unload "$lab"
		for verb in "status" "explain hub-vm site-vm" "routes hub-vm" "counters" "events" "fail er1"; do
			ERXDP_LAB=$lab refused 1 "group erxdp" other $verb
		done
		refused 1 "group erxdp" other status

		# By the socket itself: verbs that are root's, and what is no pipe.
		python3 "$E2E/errand.py" "/run/erxdp/$lab"
		"$ERXDPCTL" plan "$BATS_FILE_TMPDIR/$lab.yaml"

		kill -9 "$(<"/run/erxdp/$lab/controller")"
		refused 1 "'erxdpctl load' as root starts it" member status --lab "$lab"
	INSIDE
	exits 0 timeout 240 unshare --mount --propagation private bash "$BATS_TEST_TMPDIR/inside"
	gone "$lab"
}

@test "readers that flood a controller do not hold up a change, and cost it no more memory than they may" {
	LAB=$(lab_name f)
	load_lab "$(small "$LAB")"
	run python3 "$E2E/flood.py" "/run/erxdp/$LAB"
	echo "$output"
	[[ $status == 0 ]]
}
