// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Rules of ExpressRoute circuits. */
#include <string.h>

#include "topo/parser.h"

static const char *const path_names[N_CIRCUIT_PATHS] = {"primary", "secondary"};

/* What providers sell (Azure's "ExpressRoute circuits"; Local from 1 Gbps on). */
static const unsigned provider_mbps[] = {50, 100, 200, 500, 1000, 2000, 5000, 10000};
#define LOCAL_MIN_MBPS 1000

static void bandwidth_check(struct parser *p, const struct circuit *c)
{
	struct pos at = field_pos(p, &c->bandwidth_mbps, c->at);
	const char *offered = "";

	if (c->port) {
		if (c->bandwidth_mbps > c->port->bandwidth_gbps * 1000)
			problem(p, at, "circuit '%s' has %u Mbps, more than its port '%s' of %u Gbps", c->name,
				c->bandwidth_mbps, c->port->name, c->port->bandwidth_gbps);
		return;
	}
	for (size_t i = 0; i < N_ITEMS(provider_mbps); i++) {
		if (provider_mbps[i] == c->bandwidth_mbps)
			return;
		offered = arena_printf(p->arena, "%s%s%u", offered, i ? ", " : "", provider_mbps[i]);
	}
	problem(p, at, "bandwidthInMbps %u of circuit '%s' is not on sale: take one of %s", c->bandwidth_mbps, c->name,
		offered);
}

static void provider_check(struct parser *p, const struct circuit *c)
{
	bool given_mbps = field_given(p, &c->bandwidth_mbps), on_port = field_given(p, &c->port);
	const struct field *f = field_find(p, &c->bandwidth_mbps);
	bool by_port = f && f->name && !strcmp(f->name, "bandwidthInGbps");

	if (!on_port && !field_given(p, &c->peering_location))
		problem(p, c->at,
			"circuit '%s' needs a peeringLocation in serviceProviderProperties, or an expressRoutePort",
			c->name);
	if (!on_port && (!given_mbps || by_port))
		problem(p, c->at,
			"circuit '%s' needs bandwidthInMbps in serviceProviderProperties, or an expressRoutePort",
			c->name);
	else if (c->port || (!on_port && c->bandwidth_mbps))
		bandwidth_check(p, c);
	if (on_port && (field_given(p, &c->peering_location) || (given_mbps && !by_port)))
		problem(p, c->at,
			"circuit '%s' has both an expressRoutePort and serviceProviderProperties: a circuit comes from "
			"one of them",
			c->name);
	if (c->enable_direct_port_rate_limit && !on_port)
		problem(p, field_pos(p, &c->enable_direct_port_rate_limit, c->at),
			"enableDirectPortRateLimit of circuit '%s' is for circuits on an expressRoutePort", c->name);
	if (c->tier == TIER_LOCAL && !on_port && c->bandwidth_mbps && c->bandwidth_mbps < LOCAL_MIN_MBPS)
		problem(p, field_pos(p, &c->bandwidth_mbps, c->at),
			"circuit '%s' of tier Local has %u Mbps: Azure sells Local "
			"from %u Mbps on",
			c->name, c->bandwidth_mbps, LOCAL_MIN_MBPS);
}

static void edge_check(struct parser *p, const struct circuit *c, int path)
{
	const struct router *r = c->edge[path].router;

	if (r && c->has_private_peering && c->peer_asn && r->asn && c->peer_asn != r->asn)
		problem(p, field_pos(p, &c->peer_asn, c->at),
			"peerASN %u of circuit '%s' is not the ASN of router '%s' (%u) on its %s path: no session "
			"would come up",
			c->peer_asn, c->name, r->name, r->asn, path_names[path]);
}

static void links_check(struct parser *p, const struct circuit *c)
{
	for (int i = 0; i < N_CIRCUIT_PATHS; i++) {
		const struct prefix *x = &c->link[i];

		if (addr_is_set(&x->addr) && x->len != 30)
			problem(p, field_pos(p, x, c->at),
				"%sPeerAddressPrefix %s of circuit '%s' must be a /30: the first "
				"address is yours, the second Microsoft's",
				path_names[i], prefix_text(p, x), c->name);
	}
}

static void circuit_check(struct parser *p, const struct circuit *c)
{
	provider_check(p, c);
	links_check(p, c);
	if (!c->has_private_peering)
		problem(p, c->at, "circuit '%s' has no peering: add AzurePrivatePeering under 'peerings'", c->name);
	for (int i = 0; i < N_CIRCUIT_PATHS; i++)
		edge_check(p, c, i);
}

struct vlan_user {
	const struct circuit *circuit;
	struct pos at;
};

static int by_port_and_vlan(const void *a, const void *b)
{
	const struct vlan_user *x = a, *y = b;

	if (x->circuit->port != y->circuit->port)
		return x->circuit->port < y->circuit->port ? -1 : 1;
	if (x->circuit->vlan != y->circuit->vlan)
		return x->circuit->vlan < y->circuit->vlan ? -1 : 1;
	return (x->at.line > y->at.line) - (x->at.line < y->at.line);
}

/* Circuits of one port are told apart by their VLAN. */
static void vlans_check(struct parser *p)
{
	VEC(struct vlan_user) users = {};

	vec_each(c, &p->topo->circuits) {
		struct vlan_user user = {c, field_pos(p, &c->vlan, c->at)};

		if (c->port && c->vlan)
			vec_push(&users, user);
	}
	if (users.n)
		qsort(users.items, users.n, sizeof(*users.items), by_port_and_vlan);
	for (size_t i = 1; i < users.n; i++) {
		const struct circuit *a = users.items[i - 1].circuit, *b = users.items[i].circuit;

		if (a->port == b->port && a->vlan == b->vlan)
			problem(p, users.items[i].at, "circuits '%s' and '%s' have the same vlanId %u on port '%s'",
				a->name, b->name, b->vlan, b->port->name);
	}
	vec_free(&users);
}

static void port_check(struct parser *p, const struct er_port *e)
{
	static const unsigned gbps[] = {10, 40, 100, 400};

	for (size_t i = 0; i < N_ITEMS(gbps); i++)
		if (gbps[i] == e->bandwidth_gbps)
			return;
	if (field_given(p, &e->bandwidth_gbps))
		problem(p, field_pos(p, &e->bandwidth_gbps, e->at),
			"bandwidthInGbps %u of ExpressRoute port '%s' is not on sale: take one of 10, 40, 100, 400",
			e->bandwidth_gbps, e->name);
}

void check_circuits(struct parser *p)
{
	vec_each(e, &p->topo->er_ports)
		port_check(p, e);
	vec_each(c, &p->topo->circuits)
		circuit_check(p, c);
	vlans_check(p);
}
