// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Rules of connections: ExpressRoute, IPsec, Global Reach. */
#include <string.h>
#include <strings.h>

#include "topo/parser.h"

#define ER    (1u << CONNECTION_EXPRESSROUTE)
#define IPSEC (1u << CONNECTION_IPSEC)
#define REACH (1u << CONNECTION_GLOBAL_REACH)

static const char *const type_names[] = {
	[CONNECTION_EXPRESSROUTE] = "ExpressRoute",
	[CONNECTION_IPSEC] = "IPsec",
	[CONNECTION_GLOBAL_REACH] = "GlobalReach",
};

/* An ARM export has routingWeight and enableBgp on every connection. */
static const struct {
	const char *key;
	size_t at;
	unsigned allowed, required;
} connection_rules[] = {
	{"virtualNetworkGateway1", offsetof(struct connection, gateway), ER | IPSEC, ER | IPSEC},
	{"virtualNetworkGateway2", offsetof(struct connection, gateway2), IPSEC, 0},
	{"localNetworkGateway2", offsetof(struct connection, local_gateway), IPSEC, 0},
	{"peer", offsetof(struct connection, circuit), ER, ER},
	{"circuit1", offsetof(struct connection, circuit), REACH, REACH},
	{"circuit2", offsetof(struct connection, circuit2), REACH, REACH},
	{"addressPrefix", offsetof(struct connection, address_prefix), REACH, REACH},
	{"peerMseeDecrement", offsetof(struct connection, peer_msee_decrement), REACH, 0},
	{"routingWeight", offsetof(struct connection, routing_weight), ER | IPSEC, 0},
	{"expressRouteGatewayBypass", offsetof(struct connection, fastpath), ER, 0},
	{"enablePrivateLinkFastPath", offsetof(struct connection, private_link_fastpath), ER, 0},
	{"enableBgp", offsetof(struct connection, enable_bgp), ER | IPSEC, 0},
	{"mtu", offsetof(struct connection, mtu), IPSEC, 0},
	{"dpdTimeoutSeconds", offsetof(struct connection, dpd_timeout_s), IPSEC, 0},
	{"mseeAddresses", offsetof(struct connection, msee_addresses), ER, 0},
};

static void keys_check(struct parser *p, const struct connection *c)
{
	unsigned type = 1u << c->type;

	for (size_t i = 0; i < N_ITEMS(connection_rules); i++) {
		const struct field *f = field_find(p, (const char *)c + connection_rules[i].at);
		const char *key = connection_rules[i].key;
		bool given = f && f->name && !strcmp(f->name, key);

		if (given && !(connection_rules[i].allowed & type))
			problem(p, f->at, "'%s' does not belong to a connection of type %s such as '%s'", key,
				type_names[c->type], c->name);
		if (!given && connection_rules[i].required & type)
			problem(p, c->at, "connection '%s' of type %s needs '%s'", c->name, type_names[c->type], key);
	}
}

static bool gateway_type_check(struct parser *p, const struct connection *c, const struct gateway *const *g,
			       enum gateway_type type)
{
	if (!*g || (*g)->type == type || !field_given(p, &(*g)->type))
		return *g;
	problem(p, field_pos(p, g, c->at), "connection '%s' of type %s needs %s gateway, '%s' is %s one", c->name,
		type_names[c->type], type == GATEWAY_VPN ? "a Vpn" : "an ExpressRoute", (*g)->name,
		type == GATEWAY_VPN ? "an ExpressRoute" : "a Vpn");
	return false;
}

static void fastpath_check(struct parser *p, const struct connection *c)
{
	if (c->fastpath && c->gateway && c->gateway->sku && !gateway_can_fastpath(c->gateway))
		caution(p, field_pos(p, &c->fastpath, c->at),
			"gateway '%s' (%s) cannot do FastPath: traffic of connection '%s' keeps using the gateway, "
			"which takes "
			"UltraPerformance, ErGw3AZ, or ErGwScale with at least 10 units",
			c->gateway->name, c->gateway->sku->name, c->name);
	if (c->private_link_fastpath && c->circuit && !c->circuit->port)
		caution(p, field_pos(p, &c->private_link_fastpath, c->at),
			"circuit '%s' is not on an ExpressRoute port: private endpoints stay behind the gateway in "
			"spite of "
			"enablePrivateLinkFastPath",
			c->circuit->name);
}

static void er_check(struct parser *p, const struct connection *c)
{
	gateway_type_check(p, c, &c->gateway, GATEWAY_EXPRESSROUTE);
	if (field_given(p, &c->msee_addresses) && c->msee_addresses.n != N_CIRCUIT_PATHS)
		problem(p, field_pos(p, &c->msee_addresses, c->at),
			"mseeAddresses of connection '%s' must be two addresses, primary and secondary", c->name);
	fastpath_check(p, c);
}

static void bgp_end_check(struct parser *p, const struct connection *c, const struct gateway *g)
{
	if (g->sku && !strcasecmp(g->sku->name, "Basic"))
		problem(p, field_pos(p, &c->enable_bgp, c->at),
			"connection '%s' has enableBgp, which gateway '%s' of SKU Basic "
			"cannot do: use VpnGw1 or larger",
			c->name, g->name);
}

static void public_address_check(struct parser *p, const struct connection *c, const struct gateway *g)
{
	if (!field_given(p, &g->public_addresses))
		problem(p, c->at, "connection '%s' needs a public address at gateway '%s': set its publicIPAddresses",
			c->name, g->name);
}

static void vnet_to_vnet_check(struct parser *p, const struct connection *c)
{
	const struct gateway *a = c->gateway, *b = c->gateway2;

	if (a == b) {
		problem(p, field_pos(p, &c->gateway2, c->at), "connection '%s' joins gateway '%s' with itself", c->name,
			a->name);
		return;
	}
	public_address_check(p, c, b);
	if (!c->enable_bgp)
		return;
	bgp_end_check(p, c, b);
	if (a->asn == b->asn)
		problem(p, c->at,
			"gateways '%s' and '%s' of connection '%s' both have ASN %u, and BGP between them needs two: "
			"set "
			"'asn' of one",
			a->name, b->name, c->name, a->asn);
}

static void site_to_site_check(struct parser *p, const struct connection *c)
{
	const struct local_gateway *l = c->local_gateway;

	if (!field_given(p, &l->public_address))
		problem(p, c->at,
			"connection '%s' needs a public address at local network gateway '%s': set its "
			"gatewayIpAddress",
			c->name, l->name);
	if (!c->enable_bgp && !l->address_prefixes.n) {
		caution(p, c->at,
			"connection '%s' has no enableBgp and local network gateway '%s' no addressPrefixes: it "
			"carries "
			"nothing to '%s'",
			c->name, l->name, l->router ? l->router->name : "the site");
		return;
	}
	if (!c->enable_bgp)
		return;
	if (!l->has_bgp)
		problem(p, c->at, "connection '%s' has enableBgp: local network gateway '%s' needs bgpSettings",
			c->name, l->name);
	if (l->router && !addr_is_set(&l->router->tunnel_interface.addr))
		problem(p, l->router->at, "router '%s' needs a tunnelInterface: connection '%s' speaks BGP with it",
			l->router->name, c->name);
}

static void ipsec_check(struct parser *p, const struct connection *c)
{
	bool remote = field_given(p, &c->gateway2), local = field_given(p, &c->local_gateway);

	if (remote == local)
		problem(p, c->at,
			"connection '%s' of type IPsec needs %s of virtualNetworkGateway2 and localNetworkGateway2",
			c->name, remote ? "only one" : "one");
	if (!gateway_type_check(p, c, &c->gateway, GATEWAY_VPN))
		return;
	public_address_check(p, c, c->gateway);
	if (c->enable_bgp)
		bgp_end_check(p, c, c->gateway);
	if (c->gateway2 && gateway_type_check(p, c, &c->gateway2, GATEWAY_VPN))
		vnet_to_vnet_check(p, c);
	if (c->local_gateway)
		site_to_site_check(p, c);
}

/* azure.md 7.5. */
static void reach_check(struct parser *p, const struct connection *c)
{
	const struct circuit *const ends[] = {c->circuit, c->circuit2};

	if (addr_is_set(&c->address_prefix.addr) && c->address_prefix.len != 29)
		problem(p, field_pos(p, &c->address_prefix, c->at),
			"addressPrefix %s of Global Reach connection '%s' must be a /29",
			prefix_text(p, &c->address_prefix), c->name);
	for (size_t i = 0; i < N_ITEMS(ends); i++)
		if (ends[i] && ends[i]->tier == TIER_LOCAL)
			problem(p, c->at,
				"Global Reach connection '%s' uses circuit '%s' of tier Local: it takes Standard or "
				"Premium",
				c->name, ends[i]->name);
	if (!ends[0] || !ends[1])
		return;
	if (ends[0] == ends[1])
		problem(p, c->at, "Global Reach connection '%s' joins circuit '%s' with itself", c->name,
			ends[0]->name);
	else if (ends[0]->peering_location && ends[1]->peering_location &&
		 !strcasecmp(ends[0]->peering_location, ends[1]->peering_location))
		problem(p, c->at,
			"Global Reach connection '%s' joins two circuits of the peering location '%s': Azure asks for "
			"different ones",
			c->name, shown(p, ends[0]->peering_location));
}

/* What makes two connections the same: their ends, whichever way round. */
struct pair {
	const void *a, *b;
	const struct connection *connection;
};

static int by_ends(const void *x, const void *y)
{
	const struct pair *a = x, *b = y;

	if (a->a != b->a)
		return a->a < b->a ? -1 : 1;
	if (a->b != b->b)
		return a->b < b->b ? -1 : 1;
	return a->connection < b->connection ? -1 : a->connection > b->connection;
}

static struct pair pair_of(const struct connection *c)
{
	const void *a = c->gateway, *b = c->gateway2;

	if (c->type == CONNECTION_EXPRESSROUTE)
		b = c->circuit;
	else if (c->type == CONNECTION_GLOBAL_REACH)
		a = c->circuit, b = c->circuit2;
	else if (c->local_gateway)
		b = c->local_gateway;
	return (struct pair){a < b ? a : b, a < b ? b : a, c};
}

static void pairs_check(struct parser *p)
{
	VEC(struct pair) pairs = {};

	vec_each(c, &p->topo->connections) {
		struct pair pair = pair_of(c);

		if (pair.a && pair.b)
			vec_push(&pairs, pair);
	}
	if (pairs.n)
		qsort(pairs.items, pairs.n, sizeof(*pairs.items), by_ends);
	for (size_t i = 1; i < pairs.n; i++) {
		const struct pair *a = &pairs.items[i - 1], *b = &pairs.items[i];

		if (a->a == b->a && a->b == b->b)
			problem(p, b->connection->at, "connection '%s' joins the same two ends as '%s': one is enough",
				b->connection->name, a->connection->name);
	}
	vec_free(&pairs);
}

static void local_gateway_check(struct parser *p, const struct local_gateway *l)
{
	const struct router *r = l->router;

	if (!l->has_bgp || !r)
		return;
	if (l->asn && r->asn && l->asn != r->asn)
		problem(p, field_pos(p, &l->asn, l->at),
			"local network gateway '%s' has ASN %u, its router '%s' has %u", l->name, l->asn, r->name,
			r->asn);
	if (addr_is_set(&l->bgp_address) && addr_is_set(&r->tunnel_interface.addr) &&
	    !addr_equal(&l->bgp_address, &r->tunnel_interface.addr))
		problem(p, field_pos(p, &l->bgp_address, l->at),
			"bgpPeeringAddress %s of local network gateway '%s' is not the tunnelInterface of router '%s' "
			"(%s)",
			address_text(p, &l->bgp_address), l->name, r->name, address_text(p, &r->tunnel_interface.addr));
}

void check_connections(struct parser *p)
{
	static void (*const checks[])(struct parser * p, const struct connection *c) = {
		[CONNECTION_EXPRESSROUTE] = er_check,
		[CONNECTION_IPSEC] = ipsec_check,
		[CONNECTION_GLOBAL_REACH] = reach_check,
	};

	vec_each(l, &p->topo->local_gateways)
		local_gateway_check(p, l);
	vec_each(c, &p->topo->connections) {
		if (!field_given(p, &c->type))
			continue;
		keys_check(p, c);
		checks[c->type](p, c);
	}
	pairs_check(p);
}
