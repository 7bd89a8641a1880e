/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What tests/bench/forward.c and its XDP programs share. */
#ifndef BENCH_FORWARD_H
#define BENCH_FORWARD_H

#include <linux/types.h>

#define BENCH_FRAME	  64 /* bytes, without the frame check sequence */
#define BENCH_PORT	  9  /* UDP destination of all that is counted: discard */
#define BENCH_TTL	  64
#define BENCH_MAX_TARGETS (1 << 18)
#define BENCH_MAX_IFINDEX 4096

/* One entry per frame of a round: what differs between two frames. */
struct bench_target {
	__be32 dst;
	__sum16 check; /* of the whole IP header with this destination */
	__be16 sport;
};

/* Of the generator: written before a run, read by the program. */
struct bench_generator {
	__u8 frame[BENCH_FRAME];
	__u32 n_targets;
	__u32 next;
};

/* Of a sink, per CPU. */
struct bench_arrived {
	__u64 packets;
	__u64 ttl; /* of the last one */
};

#endif
