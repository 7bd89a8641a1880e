// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* AS numbers that are taken, and Azure's limits: one table each, with the sentence the user needs. */
#include <strings.h>

#include "topo/limits.h"
#include "topo/parser.h"

enum speaker { ER_CUSTOMER = 1 << 0, VPN_CUSTOMER = 1 << 1, VPN_GATEWAY = 1 << 2, ER_GATEWAY = 1 << 3 };

#define CUSTOMERS (ER_CUSTOMER | VPN_CUSTOMER)
#define ANYBODY	  (CUSTOMERS | VPN_GATEWAY | ER_GATEWAY)

/* azure.md 7.1: ExpressRoute and VPN Gateway reserve different numbers. */
static const struct {
	uint32_t first, last;
	unsigned refused; /* to these speakers */
	const char *why;
} reserved_asns[] = {
	{12076, 12076, ANYBODY, "is Microsoft's own, of its edge routers"},
	{23456, 23456, ANYBODY, "is reserved by IANA for AS_TRANS"},
	{4294967295, 4294967295, ANYBODY, "is reserved by IANA"},
	{65515, 65515, CUSTOMERS, "is that of Azure's gateways"},
	{65516, 65516, ER_CUSTOMER, "is reserved for ExpressRoute (65515 to 65520)"},
	{65517, 65520, ANYBODY, "is reserved by Azure (65517 to 65520)"},
	{8074, 8075, VPN_CUSTOMER | VPN_GATEWAY, "is Microsoft's own"},
	{64496, 64511, VPN_CUSTOMER | VPN_GATEWAY, "is reserved by IANA for documentation"},
	{65535, 65551, VPN_CUSTOMER | VPN_GATEWAY, "is reserved by IANA"},
};

static void asn_check(struct parser *p, uint32_t asn, unsigned speaker, struct pos at, const char *what,
		      const char *name)
{
	for (size_t i = 0; i < N_ITEMS(reserved_asns); i++) {
		if (asn < reserved_asns[i].first || asn > reserved_asns[i].last ||
		    !(reserved_asns[i].refused & speaker))
			continue;
		problem(p, at, "ASN %u of %s '%s' %s: choose another, for instance from 64512 to 65514", asn, what,
			name, reserved_asns[i].why);
		return;
	}
}

static void customer_asns_check(struct parser *p, struct router *r, unsigned speaker)
{
	asn_check(p, r->asn, speaker, field_pos(p, &r->asn, r->at), "router", r->name);
}

struct speaking { /* what a router is at the other end of */
	const struct router *router;
	unsigned as;
	UT_hash_handle hh;
};

static struct speaking *speaking(struct parser *p, struct speaking **all, const struct router *r)
{
	struct speaking *s;

	HASH_FIND_PTR(*all, &r, s);
	if (s)
		return s;
	s = arena_alloc(p->arena, sizeof(*s));
	s->router = r;
	HASH_ADD_PTR(*all, router, s);
	return s;
}

void check_asns(struct parser *p)
{
	struct speaking *all = NULL, *s, *tmp;

	vec_each(g, &p->topo->gateways)
		asn_check(p, g->asn, g->type == GATEWAY_VPN ? VPN_GATEWAY : ER_GATEWAY, field_pos(p, &g->asn, g->at),
			  "gateway", g->name);
	vec_each(c, &p->topo->circuits) {
		asn_check(p, c->peer_asn, ER_CUSTOMER, field_pos(p, &c->peer_asn, c->at), "the customer of circuit",
			  c->name);
		for (int i = 0; i < N_CIRCUIT_PATHS; i++)
			if (c->edge[i].router)
				speaking(p, &all, c->edge[i].router)->as |= ER_CUSTOMER;
	}
	vec_each(l, &p->topo->local_gateways) {
		asn_check(p, l->asn, VPN_CUSTOMER, field_pos(p, &l->asn, l->at), "local network gateway", l->name);
		if (l->router)
			speaking(p, &all, l->router)->as |= VPN_CUSTOMER;
	}
	HASH_ITER(hh, all, s, tmp)
		customer_asns_check(p, (struct router *)s->router, s->as);
	HASH_CLEAR(hh, all);
}

/*
 * Limits (topo/limits.h). Those that Azure enforces when a resource is made
 * are errors; those that bite when routes flow are warnings that say how.
 */
static void limit_check(struct parser *p, enum limit limit, struct pos at, const char *name, size_t count,
			size_t allowed)
{
	if (count > allowed)
		diag_add(p->diags, limit_rules[limit].level, at, limit_rules[limit].problem, name, count, allowed);
}

struct usage { /* counted over the connections, by index of gateway, circuit, network */
	size_t *connections_of_gateway, *prefixes_of_gateway;
	size_t *members_of_circuit;
	size_t *prefixes_of_vnet; /* its own and those of the spokes that use its gateways */
};

static size_t advertised_by(const struct router *r)
{
	size_t n = 0;

	if (!r)
		return 0;
	vec_each(a, &r->advertise)
		n += a->count;
	return n;
}

static size_t advertised_to(const struct circuit *c)
{
	size_t primary = advertised_by(c->edge[PATH_PRIMARY].router), secondary = 0;

	if (c->edge[PATH_SECONDARY].router != c->edge[PATH_PRIMARY].router)
		secondary = advertised_by(c->edge[PATH_SECONDARY].router);
	return primary > secondary ? primary : secondary;
}

static void connections_count(struct parser *p, struct usage *u)
{
	struct topo *t = p->topo;

	vec_each(c, &t->connections) {
		size_t g = c->gateway ? c->gateway - t->gateways.items : 0;

		if (c->type == CONNECTION_EXPRESSROUTE && c->gateway && c->circuit) {
			u->connections_of_gateway[g]++;
			u->prefixes_of_gateway[g] += advertised_to(c->circuit);
			u->members_of_circuit[c->circuit - t->circuits.items]++;
		} else if (c->type == CONNECTION_GLOBAL_REACH && c->circuit && c->circuit2) {
			u->members_of_circuit[c->circuit - t->circuits.items]++;
			u->members_of_circuit[c->circuit2 - t->circuits.items]++;
		} else if (c->type == CONNECTION_IPSEC && c->gateway && c->local_gateway && c->enable_bgp) {
			u->prefixes_of_gateway[g] += advertised_by(c->local_gateway->router);
		}
	}
	vec_each(v, &t->vnets)
		u->prefixes_of_vnet[(v->remote_gateway_of ? v->remote_gateway_of : v) - t->vnets.items] +=
			v->address_space.n;
}

static void gateway_limits_check(struct parser *p, const struct usage *u)
{
	vec_each(g, &p->topo->gateways) {
		size_t i = g - p->topo->gateways.items;

		if (!g->sku)
			continue;
		if (g->type == GATEWAY_VPN) {
			limit_check(p, LIMIT_PREFIXES_OF_VPN_GATEWAY, g->at, g->name, u->prefixes_of_gateway[i],
				    limit_prefixes_of(g));
			continue;
		}
		limit_check(p, LIMIT_CIRCUITS_OF_GATEWAY, field_pos(p, &g->sku, g->at), g->name,
			    u->connections_of_gateway[i], gateway_max_circuits(g));
		limit_check(p, LIMIT_PREFIXES_OF_GATEWAY, field_pos(p, &g->sku, g->at), g->name,
			    u->prefixes_of_gateway[i], limit_prefixes_of(g));
	}
}

static void sessions_check(struct parser *p, const struct circuit *c)
{
	for (int i = 0; i < N_CIRCUIT_PATHS; i++) {
		const struct router *r = c->edge[i].router;

		if (r && (i == 0 || r != c->edge[0].router))
			limit_check(p, LIMIT_PREFIXES_TO_MSEE, field_pos(p, &r->advertise, r->at), r->name,
				    advertised_by(r), limit_prefixes_to_msee(c->tier));
	}
}

struct location_use { /* one circuit of one gateway */
	const struct gateway *gateway;
	const struct connection *connection;
	const char *location;
};

static int by_gateway_and_location(const void *a, const void *b)
{
	const struct location_use *x = a, *y = b;
	int order;

	if (x->gateway != y->gateway)
		return x->gateway < y->gateway ? -1 : 1;
	order = strcasecmp(x->location, y->location);
	return order ? order : (x->connection > y->connection) - (x->connection < y->connection);
}

static void locations_check(struct parser *p)
{
	VEC(struct location_use) uses = {};
	size_t first = 0;

	vec_each(c, &p->topo->connections) {
		if (c->type != CONNECTION_EXPRESSROUTE || !c->gateway || !c->circuit || !c->circuit->peering_location)
			continue;
		vec_push(&uses, ((struct location_use){c->gateway, c, c->circuit->peering_location}));
	}
	if (uses.n)
		qsort(uses.items, uses.n, sizeof(*uses.items), by_gateway_and_location);
	for (size_t i = 1; i <= uses.n; i++) {
		const struct location_use *a = &uses.items[first], *b = uses.items + i;

		if (i < uses.n && a->gateway == b->gateway && !strcasecmp(a->location, b->location))
			continue;
		limit_check(p, LIMIT_CIRCUITS_FROM_LOCATION, b[-1].connection->at, b[-1].connection->name, i - first,
			    MAX_CIRCUITS_FROM_LOCATION);
		first = i;
	}
	vec_free(&uses);
}

void check_limits(struct parser *p)
{
	struct topo *t = p->topo;
	struct usage u = {
		.connections_of_gateway = xcalloc(t->gateways.n, sizeof(size_t)),
		.prefixes_of_gateway = xcalloc(t->gateways.n, sizeof(size_t)),
		.members_of_circuit = xcalloc(t->circuits.n, sizeof(size_t)),
		.prefixes_of_vnet = xcalloc(t->vnets.n, sizeof(size_t)),
	};

	connections_count(p, &u);
	gateway_limits_check(p, &u);
	vec_each(c, &t->circuits) {
		limit_check(p, LIMIT_MEMBERS_OF_CIRCUIT, c->at, c->name, u.members_of_circuit[c - t->circuits.items],
			    limit_members(c));
		sessions_check(p, c);
	}
	vec_each(c, &t->connections)
		if (c->type == CONNECTION_EXPRESSROUTE && c->gateway && c->gateway->vnet)
			limit_check(p, LIMIT_PREFIXES_TO_CUSTOMER, c->at, c->name,
				    u.prefixes_of_vnet[c->gateway->vnet - t->vnets.items], MAX_PREFIXES_TO_CUSTOMER);
	vec_each(v, &t->vnets)
		limit_check(p, LIMIT_SUBNETS, v->at, v->name, v->subnets.n, MAX_SUBNETS);
	locations_check(p);
	free(u.connections_of_gateway);
	free(u.prefixes_of_gateway);
	free(u.members_of_circuit);
	free(u.prefixes_of_vnet);
}
