// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Gateway SKUs. ExpressRoute: Azure's "About ExpressRoute virtual network
 * gateways" and its performance include (azure.md 6); ErGwScale's figures are
 * per scale unit. VPN: "About gateway SKUs" of VPN Gateway; throughput is the
 * aggregate of all tunnels.
 */
#include <strings.h>

#include "topo/parser.h"

#define ER  GATEWAY_EXPRESSROUTE
#define VPN GATEWAY_VPN

static const struct gateway_sku skus[] = {
	/* name, type, Mbps, packets/s, connections/s, flows, routes, circuits, scalable, active-active, FastPath */
	{"Standard", ER, 1000, 100000, 7000, 200000, 4000, 4, false, true, false},
	{"ErGw1AZ", ER, 1000, 100000, 7000, 200000, 4000, 4, false, true, false},
	{"HighPerformance", ER, 2000, 200000, 14000, 400000, 9500, 8, false, true, false},
	{"ErGw2AZ", ER, 2000, 200000, 14000, 400000, 9500, 8, false, true, false},
	{"UltraPerformance", ER, 10000, 1000000, 16000, 1000000, 9500, 16, false, true, true},
	{"ErGw3AZ", ER, 10000, 1000000, 16000, 1000000, 9500, 16, false, true, true},
	{"ErGwScale", ER, 1000, 100000, 7000, 100000, 9500, 0, true, true, true},
	{"Basic", VPN, 100, 0, 0, 0, 4000, 0, false, false, false},
	{"VpnGw1", VPN, 650, 0, 0, 0, 4000, 0, false, true, false},
	{"VpnGw2", VPN, 1000, 0, 0, 0, 4000, 0, false, true, false},
	{"VpnGw3", VPN, 1250, 0, 0, 0, 4000, 0, false, true, false},
	{"VpnGw4", VPN, 5000, 0, 0, 0, 4000, 0, false, true, false},
	{"VpnGw5", VPN, 10000, 0, 0, 0, 4000, 0, false, true, false},
	{"VpnGw1AZ", VPN, 650, 0, 0, 0, 4000, 0, false, true, false},
	{"VpnGw2AZ", VPN, 1000, 0, 0, 0, 4000, 0, false, true, false},
	{"VpnGw3AZ", VPN, 1250, 0, 0, 0, 4000, 0, false, true, false},
	{"VpnGw4AZ", VPN, 5000, 0, 0, 0, 4000, 0, false, true, false},
	{"VpnGw5AZ", VPN, 10000, 0, 0, 0, 4000, 0, false, true, false},
};

#define FASTPATH_UNITS 10 /* ErGwScale, azure.md 5 */

/* ErGwScale, azure.md 6: units beyond the tenth carry twice the packets. The page's own sums do not agree with its
 * rows. */
#define FULL_RATE_UNITS	      10
#define FURTHER_PACKETS_PER_S 200000

struct gateway_capacity gateway_capacity_of(const struct gateway *g)
{
	const struct gateway_sku *sku = g->sku;
	uint64_t units = sku->scalable ? g->scale_units_min : 1;
	uint64_t further = units > FULL_RATE_UNITS ? units - FULL_RATE_UNITS : 0;

	return (struct gateway_capacity){
		.mbps = sku->mbps * units,
		.packets_per_s = sku->packets_per_s * (units - further) + FURTHER_PACKETS_PER_S * further,
		.connections_per_s = sku->connections_per_s * units,
		.flows = sku->flows * units,
	};
}

const struct gateway_sku *sku_find(const char *name, enum gateway_type type)
{
	for (size_t i = 0; i < N_ITEMS(skus); i++)
		if (skus[i].type == type && !strcasecmp(skus[i].name, name))
			return &skus[i];
	return NULL;
}

size_t sku_names(enum gateway_type type, const char **names, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < N_ITEMS(skus) && n + 1 < max; i++)
		if (skus[i].type == type)
			names[n++] = skus[i].name;
	names[n] = NULL;
	return n;
}

bool gateway_can_fastpath(const struct gateway *g)
{
	return g->sku && g->sku->fastpath && (!g->sku->scalable || g->scale_units_min >= FASTPATH_UNITS);
}
