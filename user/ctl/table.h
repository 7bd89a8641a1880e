/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The routing tables of a fabric while they are made, one prefix after the
 * other: what each device's table holds once the speakers have settled.
 */
#ifndef ERX_CTL_TABLE_H
#define ERX_CTL_TABLE_H

#include "ctl/local.h"

/* Address space that no BGP route may take over, and why. */
struct reserved {
	struct prefix space;
	const char *reason;
};

struct route_set;

struct table {
	const struct device *device;
	const struct subnet *subnet;
	bool for_peers;	  /* of a VNet, without its peerings */
	local_list local; /* sorted */
	size_t next;	  /* of local: the first that is not behind the prefix at hand */
	VEC(struct reserved) reserved;
	/* Of a VNet's default route: the sources (bits) of what may be used, and what the one in use does to others. */
	unsigned default_from;
	const char *default_says;
	VEC(struct rib_entry) entries;
	struct route_set *sets; /* what entries have had, by their candidates */
};

struct tables {
	const struct local_case *c;
	const struct bgp *bgp;
	struct arena *arena; /* of the routes */
	VEC(struct table) list;
	uint32_t *for_peers;	       /* by device: place in list of the table that its peers take routes from */
	uint32_t *inside;	       /* by device: a gateway's link to its VNet while it is up, NO_INDEX otherwise */
	VEC(uint32_t) order;	       /* in which they are filled: a table after those it takes routes from */
	VEC(struct route) candidates;  /* of the entry at hand */
	struct tables *const *earlier; /* of the moments before; not owned */
};

/* earlier: the tables of c->now->earlier, to which every prefix is added before it is added to these. */
struct tables *tables_new(const struct local_case *c, const struct bgp *bgp, struct tables *const *earlier,
			  struct arena *arena);
void tables_free(struct tables *t);
/* Add the entry of a prefix, which stands for n_alike, to every table that has a route to it. Prefixes come in order.
 */
void tables_add(struct tables *t, const struct prefix *p, uint64_t announced_by, uint32_t n_alike);
/* Keep nothing of the prefixes so far: for a moment of which only the one at hand matters. */
void tables_forget(struct tables *t);

#endif
