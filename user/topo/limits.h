/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Azure's limits (azure.md 6 and 7.3): the numbers, what is counted, and what
 * happens beyond. The file's check warns by them, route computation acts by
 * them, views tell how far they are used.
 */
#ifndef ERX_TOPO_LIMITS_H
#define ERX_TOPO_LIMITS_H

#include "topo/topo.h"

enum limit {
	LIMIT_CIRCUITS_OF_GATEWAY,
	LIMIT_CIRCUITS_FROM_LOCATION,
	LIMIT_MEMBERS_OF_CIRCUIT,
	LIMIT_PREFIXES_TO_CUSTOMER,
	LIMIT_PREFIXES_TO_MSEE,
	LIMIT_PREFIXES_OVER_REACH,
	LIMIT_PREFIXES_OF_GATEWAY,
	LIMIT_PREFIXES_OF_VPN_GATEWAY,
	LIMIT_SUBNETS,
	N_LIMITS,
};

struct limit_rule {
	enum diag_level level;	 /* of the file's check: an error is refused when the resource is made */
	const char *problem;	 /* for a file: name, count, limit */
	const char *what;	 /* is counted, for views: one or two names */
	const char *consequence; /* of being over */
	const char *source;
};

extern const struct limit_rule limit_rules[N_LIMITS];

#define MAX_SUBNETS		   3000
#define MAX_CIRCUITS_FROM_LOCATION 4
#define MAX_PREFIXES_TO_CUSTOMER   1000
#define MAX_PREFIXES_OF_VPN	   4000

/* From a customer to one edge router, and all that the router has of customers with Global Reach. */
size_t limit_prefixes_to_msee(enum circuit_tier tier);
/* VNets and Global Reach links of a circuit. */
size_t limit_members(const struct circuit *c);
/* Prefixes that a gateway learns, SIZE_MAX when its SKU is not known. */
size_t limit_prefixes_of(const struct gateway *g);
/* ExpressRoute connections of a gateway, by SKU and scale units. */
unsigned gateway_max_circuits(const struct gateway *g);
const char *tier_name(enum circuit_tier tier);

#endif
