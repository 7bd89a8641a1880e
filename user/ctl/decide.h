/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Ranking the candidates of one prefix. Internal to ctl; rib.h has the comparison of two. */
#ifndef ERX_CTL_DECIDE_H
#define ERX_CTL_DECIDE_H

#include "ctl/rib.h"

struct ranking {
	unsigned n_best;
	enum decide_step decided_at;
};

/*
 * Put the best first, then the rest by rank, and say of each where it lost.
 * The outcome does not depend on the order the routes come in.
 */
struct ranking decide_rank(struct route *routes, unsigned n, const struct decide_rules *rules);

/* How devices of a kind decide. */
const struct decide_rules *decide_rules_of(enum erx_kind kind);

#endif
