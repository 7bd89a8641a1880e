#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Azure's limits as 'status' and 'explain' tell them, and what packets do when one is over.
load lib

setup() {
	need jq ping
}

teardown() {
	remove_labs
}

# announcing COUNT: the smallest setup, with that many prefixes from the router besides its LAN.
announcing() {
	LAB=$(lab_name)
	TOPOLOGY=$(copy_as "$LAB" minimal)
	sed -i "s|lanInterface: 192.168.1.0/31}|lanInterface: 192.168.1.0/31, advertise: [10.1.0.0/24, {first: 11.0.0.0/24, count: $1}]}|" \
		"$TOPOLOGY"
	load_lab "$TOPOLOGY"
}

status_json() {
	run -0 --separate-stderr erx status --json
	jq --arg lab "$LAB" '.labs[] | select(.lab == $lab)' <<<"$output" >"$BATS_TEST_TMPDIR/status"
}

# What the controller has told last of the session that the limit is of.
last_session() {
	erx events --json | jq -r -s '[.[] | select(.event == "session" and .object == "ce1:er1.primary")] | last | "\(.state) \(.because // "")"'
}

@test "below 80 % there is no warning, and every limit is in the JSON" {
	announcing 3000
	run -0 erx status
	[[ $output != *warning:* ]]
	status_json
	jq -e '.sessionsDown | all(.because == "link down")' "$BATS_TEST_TMPDIR/status"
	jq -e '.limits | length > 3 and all(.[]; .over == false and .percent < 80 and (.consequence | length) > 0) and
		any(.[]; .object == "ce1" and .count == 3001 and .limit == 4000 and .percent == 75)' "$BATS_TEST_TMPDIR/status"
}

@test "from 80 % on there is a warning, and explain has it for what passes there" {
	announcing 3599
	run -0 erx status
	[[ $output == *"warning: 3600 of 4000 prefixes from 'ce1' to 'er1.primary' (90 %); beyond, "* ]]
	run -0 --separate-stderr erx explain --json hub-vm office-pc
	jq -e '.reachable and any(.limits[]; .object == "ce1" and .percent == 90 and (.over | not))' <<<"$output"
	on hub-vm ping -qc 1 -W 2 10.1.0.10
}

@test "over it the session is down, packets are lost, and status and explain say why" {
	announcing 4000
	run -0 erx status
	[[ $output == *"warning: 4001 of 4000 prefixes from 'ce1' to 'er1.primary' (100 %): "* ]]
	[[ $output == *"warning: the BGP session of 'ce1' and 'er1.primary' is down: 4,001 prefixes from 'ce1' exceed the 4,000 of tier Standard"* ]]
	status_json
	jq -e 'any(.limits[]; .over and .object == "ce1") and
		any(.sessionsDown[]; .a == "ce1" and .b == "er1.primary" and (.because | contains("4,001")))' "$BATS_TEST_TMPDIR/status"
	run ! on hub-vm ping -qc 1 -W 1 10.1.0.10
	run -0 --separate-stderr erx explain --json hub-vm office-pc
	jq -e '(.reachable | not) and any(.limits[]; .over) and
		any(.notes[]; .cause and (.text | contains("exceed the 4,000 of tier Standard")))' <<<"$output"
	run -0 erx reach hub-vm office-pc
	[[ $(last_session) == "down 4,001 prefixes from 'ce1' exceed the 4,000 of tier Standard" ]]
	# One less, and it comes back by the smallest change.
	sed -i 's/count: 4000/count: 3999/' "$TOPOLOGY"
	load_lab "$TOPOLOGY"
	on hub-vm ping -qc 1 -W 2 10.1.0.10
	[[ $(last_session) == "up " ]]
	sed -i 's/count: 3999/count: 4000/' "$TOPOLOGY"
	load_lab "$TOPOLOGY"
	[[ $(last_session) == "down 4,001 prefixes from 'ce1' exceed the 4,000 of tier Standard" ]]
}
