/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The addresses that a VNet's resources use, as runs of consecutive ones:
 * 200,000 addresses of one range are one run, and no step of the walk costs
 * more than that. What Azure counts per address (FastPath) counts along it.
 */
#ifndef ERX_TOPO_ADDRESSES_H
#define ERX_TOPO_ADDRESSES_H

#include "topo/topo.h"

enum address_user_kind { ADDRESS_VM, ADDRESS_RANGE, ADDRESS_LOAD_BALANCER, ADDRESS_PRIVATE_ENDPOINT, N_ADDRESS_USERS };

struct address_run {
	struct addr first;
	uint32_t count; /* at least 1 */
	enum address_user_kind what;
	const struct subnet *subnet;	   /* the one that holds all of them */
	const struct vm *vm;		   /* ADDRESS_VM */
	const struct address_range *range; /* ADDRESS_RANGE */
	const struct endpoint *endpoint;   /* ADDRESS_LOAD_BALANCER, ADDRESS_PRIVATE_ENDPOINT */
};

/* A place in the walk; zeroed but for the VNet it is before the first run. */
struct address_walk {
	const struct vnet *vnet;
	enum address_user_kind what;
	size_t subnet, item;
};

/*
 * The next run in *out, false after the last one. In the order of the file:
 * virtual machines, then address ranges subnet by subnet, then load balancers,
 * then private endpoints. The model must have passed topo_parse().
 */
bool address_next(struct address_walk *w, struct address_run *out);

/* Appends the fewest prefixes that hold count addresses from first, and no other address, in ascending order. */
void addresses_cover(const struct addr *first, uint32_t count, prefix_list *out);

/* Whether a namespace of its own answers for these addresses; a sink answers for all others. */
bool address_has_host(const struct address_run *r);

#endif
