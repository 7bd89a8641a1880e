// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Rules of virtual network gateways, and of the addresses in the GatewaySubnet. */
#include "topo/gateway_subnet.h"
#include "topo/parser.h"

static const char *type_text(enum gateway_type type)
{
	return type == GATEWAY_VPN ? "Vpn" : "ExpressRoute";
}

static void gateway_place_check(struct parser *p, const struct gateway *g)
{
	const struct vnet *v = g->vnet;
	const struct gateway *first;

	if (!v)
		return;
	first = g->type == GATEWAY_VPN ? v->vpn_gateway : v->er_gateway;
	if (!v->gateway_subnet)
		problem(p, g->at,
			"gateway '%s' needs a subnet called GatewaySubnet in virtual network '%s': add one, /27 or "
			"larger",
			g->name, v->name);
	if (first != g)
		problem(p, g->at, "virtual network '%s' has two gateways of type %s, '%s' and '%s': Azure allows one",
			v->name, type_text(g->type), first->name, g->name);
}

static void scale_check(struct parser *p, const struct gateway *g)
{
	struct pos at = field_pos(p, &g->scale_units_min, g->at);

	if (!g->sku || !field_given(p, &g->scale_units_min))
		return;
	if (!g->sku->scalable)
		problem(p, at, "gateway '%s' has an autoScaleConfiguration, which only the SKU ErGwScale takes",
			g->name);
	else if (g->scale_units_min > g->scale_units_max)
		problem(p, at, "autoScaleConfiguration of gateway '%s' has min %u above max %u", g->name,
			g->scale_units_min, g->scale_units_max);
}

static void vpn_check(struct parser *p, const struct gateway *g)
{
	struct pos at = field_pos(p, &g->public_addresses, g->at);

	if (g->active_active && g->sku && !g->sku->active_active)
		problem(p, field_pos(p, &g->active_active, g->at),
			"gateway '%s' cannot be activeActive: the SKU %s has one "
			"instance, use VpnGw1 or larger",
			g->name, g->sku->name);
	else if (g->active_active && g->public_addresses.n != 2)
		problem(p, at, "gateway '%s' is activeActive: it needs two publicIPAddresses, this has %zu", g->name,
			g->public_addresses.n);
	else if (!g->active_active && g->public_addresses.n > 1)
		problem(p, at,
			"gateway '%s' is active-standby: it has one of publicIPAddresses, not %zu, unless you set "
			"activeActive: true",
			g->name, g->public_addresses.n);
	if (g->active_active && addr_is_set(&g->bgp_address))
		problem(p, field_pos(p, &g->bgp_address, g->at),
			"gateway '%s' is activeActive: each instance speaks BGP from "
			"its own address, set instanceAddresses instead",
			g->name);
}

static void gateway_check(struct parser *p, const struct gateway *g, address_users *public)
{
	gateway_place_check(p, g);
	scale_check(p, g);
	if (g->type == GATEWAY_VPN)
		vpn_check(p, g);
	else if (addr_is_set(&g->bgp_address))
		problem(p, field_pos(p, &g->bgp_address, g->at),
			"gateway '%s' has a bgpPeeringAddress, which is for VPN "
			"gateways: set instanceAddresses",
			g->name);
	if (field_given(p, &g->instance_addresses) && g->instance_addresses.n != gateway_instances(g))
		problem(p, field_pos(p, &g->instance_addresses, g->at),
			"gateway '%s' has %u instance%s and %zu "
			"instanceAddresses",
			g->name, gateway_instances(g), gateway_instances(g) > 1 ? "s" : "", g->instance_addresses.n);
	vec_each(a, &g->public_addresses)
		address_use(public, *a, 1, field_pos(p, a, g->at), "gateway", g->name);
}

/* One router may be known to several gateways under several names, by the same address. */
static void local_gateway_use(struct parser *p, const struct local_gateway *l, address_users *public)
{
	struct pos at = field_pos(p, &l->public_address, l->at);
	struct address_user *user = address_use(public, l->public_address, 1, at, "local network gateway", l->name);

	if (user)
		user->owner = l->router;
}

void check_gateways(struct parser *p)
{
	address_users public = {};

	vec_each(g, &p->topo->gateways)
		gateway_check(p, g, &public);
	vec_each(l, &p->topo->local_gateways)
		local_gateway_use(p, l, &public);
	address_users_check(p, &public);
}

static void subnet_address_check(struct parser *p, const struct vnet *v, const struct addr *a, struct pos at,
				 const char *what, const char *name, address_users *users)
{
	const struct prefix *subnet = &v->gateway_subnet->prefix;
	struct addr last = prefix_last_usable(subnet), first = prefix_nth(subnet, 4);

	if (!prefix_has(subnet, a) || addr_compare(a, &last) > 0)
		problem(p, at,
			"the address %s of %s '%s' does not fit the GatewaySubnet %s of '%s': make the subnet larger, "
			"or "
			"set another address",
			address_text(p, a), what, name, prefix_text(p, subnet), v->name);
	else if (addr_compare(a, &first) < 0)
		problem(p, at, "%s '%s' cannot have the address %s: Azure keeps the first four addresses of a subnet",
			what, name, address_text(p, a));
	else
		address_use(users, *a, 1, at, what, name);
}

static bool is_instance_address(const struct gateway *g, const struct addr *a)
{
	for (unsigned i = 0; i < gateway_instances(g); i++) {
		struct addr own = gateway_instance_addr(g, i);

		if (addr_equal(&own, a))
			return true;
	}
	return false;
}

static void instances_check(struct parser *p, const struct gateway *g, address_users *users)
{
	struct addr bgp = gateway_bgp_addr(g, 0);

	for (unsigned i = 0; i < gateway_instances(g); i++) {
		struct addr a = gateway_instance_addr(g, i);
		struct pos at = i < g->instance_addresses.n ? field_pos(p, &g->instance_addresses.items[i], g->at)
							    : g->at;

		subnet_address_check(p, g->vnet, &a, at, "gateway", g->name, users);
	}
	if (!is_instance_address(g, &bgp))
		subnet_address_check(p, g->vnet, &bgp, field_pos(p, &g->bgp_address, g->at), "the BGP peer of gateway",
				     g->name, users);
}

static void endpoints_check(struct parser *p, const struct connection *c, address_users *users)
{
	const struct vnet *v = c->gateway->vnet;

	for (unsigned path = 0; path < N_CIRCUIT_PATHS; path++) {
		struct addr a = msee_endpoint(p->topo, c, path);
		struct pos at = c->at;

		if (path < c->msee_addresses.n)
			at = field_pos(p, &c->msee_addresses.items[path], c->at);
		subnet_address_check(p, v, &a, at, "the MSEE endpoint of connection", c->name, users);
	}
}

struct counted_vnet { /* who uses which address of one GatewaySubnet */
	const struct vnet *vnet;
	address_users users;
	UT_hash_handle hh;
};

static struct counted_vnet *counted(struct parser *p, struct counted_vnet **all, const struct vnet *v)
{
	struct counted_vnet *c;

	HASH_FIND_PTR(*all, &v, c);
	if (c)
		return c;
	c = arena_alloc(p->arena, sizeof(*c));
	c->vnet = v;
	HASH_ADD_PTR(*all, vnet, c);
	return c;
}

void check_gateway_addresses(struct parser *p)
{
	struct counted_vnet *all = NULL, *v, *tmp;

	vec_each(g, &p->topo->gateways)
		if (g->vnet && g->vnet->gateway_subnet && addr_is_set(&g->vnet->gateway_subnet->prefix.addr))
			instances_check(p, g, &counted(p, &all, g->vnet)->users);
	vec_each(c, &p->topo->connections) {
		if (c->type != CONNECTION_EXPRESSROUTE || !c->gateway || !c->gateway->vnet)
			continue;
		HASH_FIND_PTR(all, &c->gateway->vnet, v);
		if (v && c->gateway == v->vnet->er_gateway)
			endpoints_check(p, c, &v->users);
	}
	HASH_ITER(hh, all, v, tmp)
		address_users_check(p, &v->users);
	HASH_CLEAR(hh, all);
}
