/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Routes that no neighbour has announced: a device's own addresses, attached
 * hosts and subnets, static, user-defined and Azure's system routes; and what
 * each speaker announces of its own.
 */
#ifndef ERX_CTL_LOCAL_H
#define ERX_CTL_LOCAL_H

#include "ctl/classes.h"
#include "ctl/speaker.h"

struct local_route {
	struct prefix prefix;
	struct route route;
};

typedef VEC(struct local_route) local_list;

struct local_case {
	const struct fabric *fabric;
	const struct conditions *now;
	struct attrs_pool *pool;
};

/* The moment from which a device has what it has heard over one of its links: now, unless that has fallen silent. */
const struct conditions *conditions_heard(const struct local_case *c, uint32_t link, uint32_t device);

/* Append the local routes of a device's table, or of the table of one of a VNet's subnets. */
void local_routes(const struct local_case *c, const struct device *d, const struct subnet *subnet, local_list *out);
/* The same of what a VNet has for its peers: all but its peerings. */
void local_routes_for_peers(const struct local_case *c, const struct device *d, local_list *out);
/* Append what a device announces when nothing has failed. */
void local_announcements(const struct fabric *f, const struct device *d, struct prefix_plan *out);
/* What an announcer announces with under these conditions; NULL: it is silent. */
const struct attrs *announced_attrs(const struct local_case *c, const struct announcer *a);

/* The peering link between the devices of two VNets, NO_INDEX when they have none. */
uint32_t peering_link(const struct fabric *f, uint32_t vnet, uint32_t remote);

/* A VNet and the spokes that use its gateways: what the gateways announce. */
typedef VEC(const struct vnet *) vnet_list;
void vnets_behind(const struct topo *t, const struct vnet *v, vnet_list *out);

#endif
