/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * FastPath: which addresses an MSEE sends past the ExpressRoute gateway, and if
 * not, which rule forbids it (azure.md 5). The rules are one table in
 * fastpath.c: the image is compiled from it, and `explain` and `fastpath status`
 * read it.
 */
#ifndef ERX_FWD_FASTPATH_H
#define ERX_FWD_FASTPATH_H

#include <stddef.h>
#include "topo/addresses.h"

struct fastpath_rule;

/* What the rules look at. Asked of a connection alone (vnet NULL), those about destinations are left out. */
struct fastpath_case {
	const struct topo *topo;
	const struct connection *connection;
	bool on;			/* its switch */
	const struct vnet *vnet;	/* the destination's, NULL: none */
	const struct address_run *user; /* what uses the address */
	bool user_defined;		/* a route of the GatewaySubnet's table covers it */
	uint64_t place; /* of the address among those that share the circuit's or port's limit, from 1 */
};

/* The first rule that forbids the bypass; NULL: none does. */
const struct fastpath_rule *fastpath_forbids(const struct fastpath_case *c);
void fastpath_rule_text(const struct fastpath_rule *r, const struct fastpath_case *c, char *out, size_t size);

/* Addresses in a row that are judged alike: rule is the one that forbids the bypass, NULL when none does. */
struct fastpath_span {
	struct fastpath_case c; /* place: of the first */
	struct addr first;
	uint32_t count;
	const struct fastpath_rule *rule;
};
typedef bool (*fastpath_span_fn)(void *arg, const struct fastpath_span *s); /* whether to go on */

/* All addresses behind a connection, the gateway's own VNet first; on is by index in topo->connections. */
void fastpath_spans(const struct topo *t, const bool *on, const struct connection *c, fastpath_span_fn fn, void *arg);

/*
 * The span that holds one address, in *out; out->c.user is NULL then. false: no
 * resource behind the connection uses it, and *out is about the connection alone.
 */
bool fastpath_find(const struct topo *t, const bool *on, const struct connection *c, const struct addr *dst,
		   struct fastpath_span *out);

/* How many addresses may be programmed on the connection's circuit, or on all circuits of its port. */
uint64_t fastpath_limit(const struct connection *c);
/*
 * Calls fn for each run of addresses that is programmed while the connection is on,
 * after those of earlier connections of the file that share its limit and are on.
 * No run reaches beyond its VNet's address prefix.
 */
typedef void (*fastpath_fn)(void *arg, const struct prefix *space, const struct addr *first, uint32_t count);
void fastpath_each(const struct topo *t, const bool *on, const struct connection *c, fastpath_fn fn, void *arg);

/* How many addresses of a connection are programmed while it is on, and how many would be without a limit. */
struct fastpath_count {
	uint64_t programmed, wanted;
};
struct fastpath_count fastpath_count_of(const struct topo *t, const bool *on, const struct connection *c);

#endif
