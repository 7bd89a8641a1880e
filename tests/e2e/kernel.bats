#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What is said when this kernel does not take the programs. Each cause is a row of tests/unit/test_refusal.c; here is the
# one that any kernel can show.
load lib

setup_file() {
	need clang gcc make || return 0
	flock "$ROOT/Makefile" make -s -C "$ROOT" build/tests/e2e/other_object.so build/tests/e2e/refused.bpf.o
}

@test "a verifier that refuses: the message names kernel and program, and asks for no version that is there" {
	local file
	file=$(copy_as "$(lab_name)" minimal)
	OTHER_OBJECT=$ROOT/build/tests/e2e/refused.bpf.o LD_PRELOAD=$ROOT/build/tests/e2e/other_object.so \
		run -1 timeout 60 "$ERXDPCTL" load "$file"
	[[ $output == *": Permission denied; this kernel is Linux $(uname -r): its verifier refuses program 'walk', as these last lines say"* ]]
	[[ $output != *"or newer"* ]]
}
