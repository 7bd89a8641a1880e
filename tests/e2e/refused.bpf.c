// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The programs as they are, except that no stage sees where a frame ends: the verifier refuses that. */
#include "packet.h"

#define packet_end(pkt) ((void *)-1l)
#include "erxdp.bpf.c"
