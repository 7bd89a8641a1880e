/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Why a device has no route to a host: where, between the devices that have one
 * and this one, a neighbour knows and its neighbour does not. The search goes
 * from the device outward, over everything that could carry a route (sessions,
 * peerings with one half missing, links that are down), and stops at the first
 * that know. reasons.c says in words what keeps them from telling.
 */
#ifndef ERX_OBS_GAPS_H
#define ERX_OBS_GAPS_H

#include "fwd/image.h"

enum gap_kind {
	GAP_CIRCUIT,	/* customer router and MSEE */
	GAP_GATEWAY,	/* MSEE and ExpressRoute gateway */
	GAP_REACH,	/* MSEE and MSEE, Global Reach */
	GAP_VPN,	/* BGP through a tunnel */
	GAP_INSIDE,	/* ExpressRoute and VPN gateway of one VNet */
	GAP_STATIC_VPN, /* a tunnel without BGP */
	GAP_OWN,	/* gateway and its VNet */
	GAP_PEERING,	/* VNet and VNet, even where only one half exists */
	GAP_LAN,	/* customer router and switch */
};

struct gap {
	enum gap_kind kind;
	const struct device *knows, *lacks;
	uint32_t link;			    /* NO_INDEX: none */
	bool up;			    /* false: what joins the two is down */
	const struct session_view *session; /* NULL: no BGP here */
	const struct rib_entry *entry;	    /* of the one that knows; its first route is in use */
};
typedef VEC(struct gap) gap_list;

/* Whether what this device's own table says leads to the host. */
bool device_leads_to(const struct image *image, uint32_t device, const struct host *to);
/* Append the gaps nearest to a device that has no way to a host; none: nothing joins the two. */
void gaps_find(const struct image *image, uint32_t device, const struct host *to, gap_list *out);

/* A gap in words: what is missing, and what would cure it. */
struct reason {
	const char *name, *source;
	char *text; /* to be freed */
};
struct reason gap_reason(const struct image *image, const struct gap *g, const struct host *to);

#endif
