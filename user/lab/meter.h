/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How long a TCP connection and an ICMP echo take from one host to another, with
 * something off and on, in turn. The sides come in blocks, off on on off, so that
 * what drifts on the machine meanwhile is in both alike, and each sample has a
 * partner on the other side with the same source port, so that devices which
 * choose by ports choose the same way for both.
 */
#ifndef ERX_LAB_METER_H
#define ERX_LAB_METER_H

#include <signal.h>

#include "lab/lab.h"

#define METER_WARM_UPS	 3     /* of each kind, after each switch; they are in no sample */
#define METER_WAIT_MS	 1000  /* without an answer by then it is lost: TCP would send its SYN again */
#define METER_MOST_PAIRS 10000 /* each has a source port of its own */

enum meter_kind { METER_TCP, METER_ICMP, N_METER_KINDS };

struct meter_sample {
	enum meter_kind kind;
	bool on;
	bool lost;
	unsigned block; /* from 0; a block of one side, then the same of the other */
	unsigned pair;	/* which sample of its side, from 0 */
	uint16_t sport; /* of TCP */
	uint64_t at_ns; /* since the measuring began */
	uint64_t took_ns;
};
typedef VEC(struct meter_sample) meter_samples;

struct meter_plan {
	const struct host *from, *to;
	uint16_t port;	/* 0: one that is free */
	unsigned count; /* samples of each kind and side, up to METER_MOST_PAIRS */
	unsigned block; /* samples of a block */
	uint64_t interval_ns;
	int (*turn)(void *arg, bool on, struct error *e); /* switch; packets sent from now on go by it */
	void *arg;
	const volatile sig_atomic_t *stop; /* end early when it becomes nonzero */
};

struct meter_result {
	uint16_t port;
	bool listened; /* nobody did at that port, so we have */
	meter_samples samples;
};

/*
 * Measure. Returns 0, -EINTR when asked to stop, -ETIMEDOUT when not one of the first warm-ups is answered, what turn()
 * returned, or another -errno. The result is to be freed in any case.
 */
int lab_meter(const struct lab *lab, const struct meter_plan *plan, struct meter_result *out, struct error *e);
void meter_result_free(struct meter_result *r);

#endif
