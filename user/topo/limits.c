// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "topo/limits.h"

const struct limit_rule limit_rules[N_LIMITS] = {
	[LIMIT_CIRCUITS_OF_GATEWAY] = {DIAG_ERROR,
				       "gateway '%s' has %zu ExpressRoute connections, its SKU allows %zu: take a "
				       "larger SKU",
				       "circuits of gateway '%s'", "Azure refuses another connection", "azure.md 6"},
	[LIMIT_CIRCUITS_FROM_LOCATION] = {DIAG_ERROR,
					  "the gateway of connection '%s' has %zu circuits from one peering "
					  "location, Azure allows %zu",
					  "circuits of gateway '%s' from %s", "Azure refuses another connection",
					  "azure.md 6"},
	[LIMIT_MEMBERS_OF_CIRCUIT] = {DIAG_ERROR,
				      "circuit '%s' has %zu virtual networks and Global Reach links, its tier and "
				      "bandwidth allow %zu: take tier Premium or more bandwidth",
				      "VNets and Global Reach links of circuit '%s'",
				      "Azure refuses another connection", "azure.md 7.3"},
	[LIMIT_PREFIXES_TO_CUSTOMER] = {DIAG_WARNING,
					"connection '%s' advertises %zu prefixes of virtual networks to the "
					"customer, Azure allows %zu: the connection goes down until there are fewer",
					"prefixes of VNet '%s' and its spokes on connection '%s'",
					"the connection between circuit and gateway goes down until there are fewer",
					"azure.md 7.3"},
	[LIMIT_PREFIXES_TO_MSEE] = {DIAG_WARNING,
				    "router '%s' advertises %zu prefixes to an edge router that takes %zu: the BGP "
				    "session drops until there are fewer",
				    "prefixes from '%s' to '%s'", "the BGP session drops until there are fewer",
				    "azure.md 7.3"},
	[LIMIT_PREFIXES_OVER_REACH] = {DIAG_WARNING,
				       "circuit '%s' has %zu prefixes of customers with those of Global Reach, its "
				       "tier allows %zu: Global Reach goes down until there are fewer",
				       "prefixes of customers at '%s', Global Reach included",
				       "Global Reach to that circuit goes down until there are fewer",
				       "azure.md 7.3, 7.5"},
	[LIMIT_PREFIXES_OF_GATEWAY] = {DIAG_WARNING,
				       "gateway '%s' learns up to %zu prefixes, its SKU holds %zu: those over "
				       "it are not learned",
				       "prefixes learned by gateway '%s'", "those over it are not learned",
				       "azure.md 6"},
	[LIMIT_PREFIXES_OF_VPN_GATEWAY] = {DIAG_WARNING,
					   "VPN gateway '%s' learns up to %zu prefixes, it holds %zu: the BGP "
					   "session drops",
					   "prefixes learned by VPN gateway '%s'",
					   "the BGP session that brings them drops until there are fewer",
					   "azure.md 7.3"},
	[LIMIT_SUBNETS] = {DIAG_ERROR, "virtual network '%s' has %zu subnets, Azure allows %zu", "subnets of VNet '%s'",
			   "Azure refuses another subnet", "azure.md 7.3"},
};

static const struct {
	const char *name;
	size_t prefixes_to_msee;
} tiers[] = {
	[TIER_LOCAL] = {"Local", 4000},
	[TIER_STANDARD] = {"Standard", 4000},
	[TIER_PREMIUM] = {"Premium", 10000},
};

#define MEMBERS_OF_STANDARD 10
static const struct {
	unsigned mbps; /* up to */
	size_t members;
} premium_members[] = {{50, 20},   {100, 25},  {200, 25},  {500, 40},
		       {1000, 50}, {2000, 60}, {5000, 75}, {UINT32_MAX, 100}};

const char *tier_name(enum circuit_tier tier)
{
	return tiers[tier].name;
}

size_t limit_prefixes_to_msee(enum circuit_tier tier)
{
	return tiers[tier].prefixes_to_msee;
}

size_t limit_members(const struct circuit *c)
{
	size_t i = 0;

	if (c->tier != TIER_PREMIUM)
		return MEMBERS_OF_STANDARD;
	while (c->bandwidth_mbps > premium_members[i].mbps)
		i++;
	return premium_members[i].members;
}

size_t limit_prefixes_of(const struct gateway *g)
{
	if (g->type == GATEWAY_VPN)
		return MAX_PREFIXES_OF_VPN;
	return g->sku ? g->sku->routes : SIZE_MAX;
}

/* ErGwScale: 1+ units 4 circuits, 2+ units 8, 10+ units 16. */
unsigned gateway_max_circuits(const struct gateway *g)
{
	if (!g->sku->scalable)
		return g->sku->max_circuits;
	return g->scale_units_min >= 10 ? 16 : g->scale_units_min >= 2 ? 8 : 4;
}
