/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One echo request per pair of hosts, many at once, by real sockets in the
 * hosts' namespaces: who reaches whom, without a prediction.
 */
#ifndef ERX_LAB_PING_H
#define ERX_LAB_PING_H

#include "lab/lab.h"

struct ping {
	const struct host *from, *to; /* set by the caller; each ordered pair once */
	bool answered;
	bool refused;	 /* an ICMP unreachable came back */
	uint8_t ttl;	 /* of the reply */
	uint64_t rtt_ns; /* of the request that was answered */
};
typedef VEC(struct ping) pings;

/* How long lab_ping() takes when nobody answers, in ms: rounds of waiting, and a pause after each burst of requests. */
unsigned lab_ping_longest_ms(const struct lab *lab, size_t pairs);
/* Ask every pair; those that do not answer are asked again twice. Returns 0 or -errno. */
int lab_ping(const struct lab *lab, pings *list, struct error *e);

#endif
