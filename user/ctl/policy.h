/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which sessions exist, and what each kind of speaker lets in and sends out in
 * each (azure.md 7.2, 7.5). The rules are the tables in policy.c.
 */
#ifndef ERX_CTL_POLICY_H
#define ERX_CTL_POLICY_H

#include "ctl/attrs.h"

struct session_end {
	uint32_t device;
	struct addr addr;
	uint32_t link; /* by which packets leave for the other end */
};

struct session {
	enum session_kind kind;
	uint32_t link; /* NO_INDEX: inside a VNet */
	const struct connection *connection;
	const char *down_because; /* NULL: up */
	const char *over;	  /* while limits are applied: why it passes nothing on; NULL: it does */
	struct session_end ends[2];
	uint32_t past_gateway; /* SESSION_GATEWAY: the VNet's own link to this MSEE; NO_INDEX elsewhere */
};

/* What the policy has to know of the route it looks at and of the session it passes. */
struct policy_case {
	const struct fabric *fabric;
	const struct conditions *now;
	struct attrs_pool *pool;
	const struct session *session;
	unsigned sender; /* the end that sends */
	const struct prefix *prefix;
};

/* Where the sender has the route from. */
struct policy_source {
	const struct attrs *attrs;
	bool is_static;		       /* originated: a static VPN route that BGP hands on */
	const struct session *learned; /* NULL: originated */
	uint32_t from;		       /* the neighbour it was learned from */
};

/* The route as sent, NULL when this neighbour does not get it. */
const struct attrs *policy_export(const struct policy_case *c, const struct policy_source *source);
/* The route as the receiver has it, NULL when it refuses it. originates: the receiver announces this prefix itself. */
const struct attrs *policy_import(const struct policy_case *c, const struct attrs *sent, bool originates);

/* Attributes of a prefix that a device announces as its own: of that VNet (gateways), or a customer's (CE). */
const struct attrs *policy_originate(struct attrs_pool *pool, const struct device *d, const struct vnet *v);
/* Attributes of a static route through a VPN connection without BGP, where the device hands it on. */
const struct attrs *policy_redistribute(struct attrs_pool *pool, const struct device *d, const struct connection *c);

#endif
