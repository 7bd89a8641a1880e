/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A series of echo requests from one host to another: how many come back, and how long they take. */
#ifndef ERX_LAB_SERIES_H
#define ERX_LAB_SERIES_H

#include "lab/lab.h"

struct series {
	unsigned sent, answered;
	uint64_t least_ns, most_ns, sum_ns; /* round trips of those answered */
};

/* Send n, a few milliseconds apart, and wait a second for the last. Returns 0 or -errno. */
int lab_series(const struct lab *lab, const struct host *from, const struct host *to, unsigned n, struct series *out,
	       struct error *e);

#endif
