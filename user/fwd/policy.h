/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What each kind of device does to the TTL, and whether it says so: the only
 * place that knows "the ExpressRoute gateway is silent". See policy.c.
 */
#ifndef ERX_FWD_POLICY_H
#define ERX_FWD_POLICY_H

#include "ctl/fabric.h"
#include "erxdp/abi.h"

/* All that the table looks at besides the two roles. A packet's case is that of the port it comes in by. */
struct policy_case {
	enum erx_kind kind;
	enum profile profile;
	bool transparent; /* the gateway's ttl: transparent */
	bool peer_lowers; /* the port's Global Reach connection has peerMseeDecrement: 1 */
};

struct policy_case policy_case_of(const struct fabric *f, const struct port *in);

/* One policy set: every pair of roles in one case. */
struct policy_set {
	struct erx_policy of[ERX_N_ROLES][ERX_N_ROLES]; /* [role in][role out] */
};

/* The row of the table that made an entry, for `explain`. */
struct policy_row {
	enum erx_kind kind;
	int in, out; /* enum erx_role, or ANY_ROLE */
	enum policy_when { ALWAYS, ONLY_2018, ONLY_CURRENT, ONLY_TRANSPARENT, ONLY_PEER_LOWERS } when;
	struct erx_policy policy;
	const char *text; /* the rule, with its source */
};

/* Name of the set for a case; ports with equal names behave alike. To be freed. */
char *policy_set_name(const struct policy_case *c);
void policy_compile(const struct policy_case *c, struct policy_set *out);
/* The row that applies; never NULL. */
const struct policy_row *policy_find(const struct policy_case *c, enum erx_role in, enum erx_role out);

#endif
