/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Frames at random for the ports of the twin, most of them nearly right. The same ones for the same seed. */
#ifndef TESTS_PROG_ANY_H
#define TESTS_PROG_ANY_H

#include "frames.h"

void any_seed(uint64_t value);
uint32_t any_below(uint32_t n);
bool any_one_in(uint32_t n);

/* A valid packet as it arrives at a port, between any two hosts, or from or to an odd address. */
void any_packet(struct frame *f, uint32_t port);
/* Up to three changes at any place, after which the header's checksum is mostly right. */
void any_change(struct frame *f);
/* A packet with changes, ARP, or noise. */
void any_frame(struct frame *f, uint32_t port);

#endif
