/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Traceroute and ping by ICMP echo between hosts of a lab, many at once: what
 * `verify` compares with a file's expectations. Real packets from real sockets
 * in the hosts' namespaces, no prediction.
 */
#ifndef ERX_LAB_PROBE_H
#define ERX_LAB_PROBE_H

#include "lab/lab.h"

#define PROBE_MAX_TTL 20

struct trace {
	const struct host *from, *to;
	bool timed;			 /* wanted: rtt_ns without the others' probes in the way */
	bool open;			 /* such a probe is under way */
	struct addr hops[PROBE_MAX_TTL]; /* by TTL - 1; ADDR_NONE: no answer to any probe */
	unsigned n_hops;		 /* up to the destination, or PROBE_MAX_TTL */
	bool reached;
	bool refused;	 /* an ICMP unreachable came back */
	uint8_t ttl;	 /* of the echo reply, as ping prints it */
	uint64_t rtt_ns; /* of the full-length probe, the smallest */
};
typedef VEC(struct trace) traces;

/* Fill every trace (from and to are set by the caller). Returns 0 or -errno. */
int lab_trace(const struct lab *lab, traces *list, struct error *e);

#endif
