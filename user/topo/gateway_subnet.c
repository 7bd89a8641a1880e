// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "topo/gateway_subnet.h"

/*
 * Addresses in a GatewaySubnet, counted from its first (azure.md 1.3). MSEE
 * endpoints come in pairs, primary and secondary; the pairs beyond the fourth
 * are not documented and follow the gateways' own.
 */
#define ERGW_OFFSET		 12
#define VPNGW_OFFSET_BESIDE_ERGW 14
#define VPNGW_OFFSET_ALONE	 4
static const unsigned endpoint_offsets[] = {4,	6,  8,	10, 16, 18, 20, 22, 24, 26,
					    28, 30, 32, 34, 36, 38, 40, 42, 44, 46};
#define N_ENDPOINT_OFFSETS (sizeof(endpoint_offsets) / sizeof(endpoint_offsets[0]))

unsigned gateway_instances(const struct gateway *g)
{
	return g->type == GATEWAY_EXPRESSROUTE || g->active_active ? 2 : 1;
}

struct addr gateway_instance_addr(const struct gateway *g, unsigned instance)
{
	unsigned offset = ERGW_OFFSET;

	if (instance < g->instance_addresses.n)
		return g->instance_addresses.items[instance];
	if (!g->vnet->gateway_subnet)
		return (struct addr){};
	if (g->type == GATEWAY_VPN)
		offset = g->vnet->er_gateway ? VPNGW_OFFSET_BESIDE_ERGW : VPNGW_OFFSET_ALONE;
	return prefix_nth(&g->vnet->gateway_subnet->prefix, offset + instance);
}

/* An active-standby VPN gateway speaks BGP from one address whichever instance is active. */
struct addr gateway_bgp_addr(const struct gateway *g, unsigned instance)
{
	if (g->type == GATEWAY_EXPRESSROUTE || g->active_active)
		return gateway_instance_addr(g, instance);
	if (addr_is_set(&g->bgp_address) || !g->vnet->gateway_subnet)
		return g->bgp_address;
	return prefix_last_usable(&g->vnet->gateway_subnet->prefix);
}

static bool instance_uses(const struct gateway *g, const struct addr *a)
{
	for (unsigned i = 0; g && i < gateway_instances(g); i++) {
		struct addr own = gateway_instance_addr(g, i);

		if (addr_equal(&own, a))
			return true;
	}
	return false;
}

/*
 * The endpoint of an ExpressRoute connection on one path. A connection's place
 * among those of its gateway picks the pair; a pair that a gateway was given by
 * the file is passed over (a VPN gateway that came first keeps +4, and the
 * endpoints start at +6).
 */
struct addr msee_endpoint(const struct topo *t, const struct connection *c, enum circuit_path path)
{
	const struct vnet *v = c->gateway->vnet;
	unsigned before = 0;

	if ((size_t)path < c->msee_addresses.n)
		return c->msee_addresses.items[path];
	if (!v->gateway_subnet)
		return (struct addr){};
	vec_each(other, &t->connections) {
		if (other == c)
			break;
		before += other->type == CONNECTION_EXPRESSROUTE && other->gateway == c->gateway;
	}
	for (unsigned i = 0; i < N_ENDPOINT_OFFSETS; i++) {
		struct addr pair[N_CIRCUIT_PATHS];

		for (int p = 0; p < N_CIRCUIT_PATHS; p++)
			pair[p] = prefix_nth(&v->gateway_subnet->prefix, endpoint_offsets[i] + p);
		if (instance_uses(v->er_gateway, &pair[0]) || instance_uses(v->er_gateway, &pair[1]) ||
		    instance_uses(v->vpn_gateway, &pair[0]) || instance_uses(v->vpn_gateway, &pair[1]))
			continue;
		if (!before--)
			return pair[path];
	}
	return (struct addr){};
}
