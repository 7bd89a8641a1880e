// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fwd/fastpath.h"

#include <stdio.h>
#include <string.h>

/* --- Limits ------------------------------------------------------------------------------------------------------ */

/* azure.md 5. A port pair of ExpressRoute Direct counts for all of its circuits. */
static const struct {
	unsigned port_gbps; /* at least; 0: a provider's circuit */
	uint64_t addresses;
} limits[] = {{100, 200000}, {1, 100000}, {0, 25000}};

uint64_t fastpath_limit(const struct connection *c)
{
	unsigned gbps = c->circuit->port ? c->circuit->port->bandwidth_gbps : 0;

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (gbps >= limits[i].port_gbps)
			return limits[i].addresses;
	}
	return 0;
}

static bool share_limit(const struct connection *a, const struct connection *b)
{
	return a->circuit == b->circuit || (a->circuit->port && a->circuit->port == b->circuit->port);
}

/* --- Rules ------------------------------------------------------------------------------------------------------- */

static bool is_direct(const struct fastpath_case *c)
{
	return c->connection->circuit->port;
}

static bool is_spoke(const struct fastpath_case *c)
{
	return c->vnet && c->vnet != c->connection->gateway->vnet;
}

/* What Direct adds came after 2020 (azure.md 5). */
static bool is_old(const struct fastpath_case *c)
{
	return c->topo->profile == PROFILE_2018;
}

static bool is_endpoint(const struct fastpath_case *c, enum address_user_kind what)
{
	return c->user && c->user->what == what;
}

static bool is_service(const struct fastpath_case *c, enum endpoint_kind kind)
{
	return c->user && c->user->endpoint && c->user->endpoint->kind_of == kind;
}

static bool no_sku(const struct fastpath_case *c)
{
	return !c->connection->gateway->sku->fastpath;
}

static bool few_units(const struct fastpath_case *c)
{
	return !gateway_can_fastpath(c->connection->gateway);
}

static bool switched_off(const struct fastpath_case *c)
{
	return !c->on;
}

static bool global_spoke(const struct fastpath_case *c)
{
	if (!is_spoke(c))
		return false;
	vec_each(p, &c->vnet->peerings) {
		if (p->remote == c->connection->gateway->vnet)
			return p->global;
	}
	return false;
}

static bool provider_spoke(const struct fastpath_case *c)
{
	return is_spoke(c) && !is_direct(c);
}

static bool old_spoke(const struct fastpath_case *c)
{
	return is_spoke(c) && is_old(c);
}

static bool provider_private(const struct fastpath_case *c)
{
	return is_endpoint(c, ADDRESS_PRIVATE_ENDPOINT) && !is_direct(c);
}

static bool old_private(const struct fastpath_case *c)
{
	return is_endpoint(c, ADDRESS_PRIVATE_ENDPOINT) && is_old(c);
}

static bool spoke_private(const struct fastpath_case *c)
{
	return is_endpoint(c, ADDRESS_PRIVATE_ENDPOINT) && is_spoke(c);
}

static bool private_off(const struct fastpath_case *c)
{
	return is_endpoint(c, ADDRESS_PRIVATE_ENDPOINT) && !c->connection->private_link_fastpath;
}

static bool netapp(const struct fastpath_case *c)
{
	return is_service(c, ENDPOINT_NETAPP_FILES);
}

static bool spoke_firewall(const struct fastpath_case *c)
{
	return is_service(c, ENDPOINT_AZURE_FIREWALL) && is_spoke(c);
}

static bool spoke_resolver(const struct fastpath_case *c)
{
	return is_service(c, ENDPOINT_DNS_PRIVATE_RESOLVER) && is_spoke(c);
}

static bool spoke_balancer(const struct fastpath_case *c)
{
	return is_endpoint(c, ADDRESS_LOAD_BALANCER) && is_spoke(c);
}

static bool old_basic(const struct fastpath_case *c)
{
	return is_service(c, ENDPOINT_BASIC) && is_old(c);
}

static bool provider_route(const struct fastpath_case *c)
{
	return c->user_defined && !is_direct(c);
}

static bool old_route(const struct fastpath_case *c)
{
	return c->user_defined && is_old(c);
}

static bool beyond_limit(const struct fastpath_case *c)
{
	return c->place > fastpath_limit(c->connection);
}

/*
 * The first one that forbids is the one that is told: what a connection lacks before
 * what one destination lacks. In text, {sku}, {units}, {connection}, {vnet},
 * {place} and {limit} stand for those of the case.
 */
static const struct fastpath_rule {
	bool (*forbids)(const struct fastpath_case *c);
	const char *text;
} rules[] = {
	{no_sku, "SKU {sku} has no FastPath; UltraPerformance, ErGw3AZ and ErGwScale from 10 units have"},
	{few_units, "{sku} with {units} scale units has no FastPath; it needs 10"},
	{switched_off, "expressRouteGatewayBypass of '{connection}' is off"},
	{global_spoke, "'{vnet}' is peered globally: FastPath reaches spokes of the gateway's own region only"},
	{provider_spoke, "provider circuit: peered spokes go through the gateway"},
	{old_spoke, "peered spokes went through the gateway in the years of profile 2018"},
	{provider_private, "provider circuit: private endpoints go through the gateway"},
	{old_private, "private endpoints went through the gateway in the years of profile 2018"},
	{spoke_private, "private endpoints of peered spokes go through the gateway"},
	{private_off, "enablePrivateLinkFastPath of '{connection}' is off"},
	{netapp, "NetApp Files with basic network features go through the gateway"},
	{spoke_firewall, "an Azure Firewall in a peered spoke is reached through the gateway"},
	{spoke_resolver, "a DNS Private Resolver in a peered spoke is reached through the gateway"},
	{spoke_balancer, "internal load balancers of peered spokes go through the gateway"},
	{old_basic, "Basic load balancers were reached through the gateway in the years of profile 2018"},
	{provider_route, "provider circuit: what a user-defined route of the GatewaySubnet covers goes through the "
			 "gateway"},
	{old_route,
	 "user-defined routes of the GatewaySubnet kept traffic at the gateway in the years of profile 2018"},
	{beyond_limit, "address {place} of {limit}: not programmed"},
};

const struct fastpath_rule *fastpath_forbids(const struct fastpath_case *c)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].forbids(c))
			return &rules[i];
	}
	return NULL;
}

/* --- Words ------------------------------------------------------------------------------------------------------- */

/* 25001 as "25,001". */
static void grouped(uint64_t n, char out[static 32])
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n), at = 0;

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = '\0';
}

static void value_of(const char *name, size_t len, const struct fastpath_case *c, char out[static 128])
{
	const struct gateway *g = c->connection->gateway;
	char place[32], limit[32], units[32];
	const struct {
		const char *name, *value;
	} values[] = {
		{"sku", g->sku->name},
		{"units", units},
		{"connection", c->connection->name},
		{"vnet", c->vnet ? c->vnet->name : ""},
		{"place", place},
		{"limit", limit},
	};

	grouped(c->place, place);
	grouped(fastpath_limit(c->connection), limit);
	grouped(g->scale_units_min, units);
	*out = '\0';
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		if (strlen(values[i].name) == len && !strncmp(values[i].name, name, len))
			snprintf(out, 128, "%s", values[i].value);
	}
}

void fastpath_rule_text(const struct fastpath_rule *r, const struct fastpath_case *c, char *out, size_t size)
{
	size_t n = 0;

	*out = '\0';
	for (const char *at = r->text; *at && n + 1 < size;) {
		const char *end = *at == '{' ? strchr(at, '}') : NULL;
		char value[128];

		if (!end) {
			out[n++] = *at++;
			out[n] = '\0';
			continue;
		}
		value_of(at + 1, end - at - 1, c, value);
		n += snprintf(out + n, size - n, "%s", value);
		at = end + 1;
	}
}

/* --- Addresses --------------------------------------------------------------------------------------------------- */

static bool is_behind(const struct vnet *v, const struct connection *c)
{
	return v == c->gateway->vnet || v->remote_gateway_of == c->gateway->vnet;
}

static const struct prefix *space_of(const struct vnet *v, const struct addr *a)
{
	vec_each(p, &v->address_space) {
		if (prefix_has(p, a))
			return p;
	}
	return NULL;
}

/*
 * Whether a route of the GatewaySubnet's table wins there: it does for prefixes as
 * long as the VNet's own or longer (azure.md 8.1). *alike: for how many addresses
 * from a on that stays so, at most what it was.
 */
static bool is_user_defined(const struct connection *c, const struct vnet *v, const struct addr *a, uint32_t *alike)
{
	const struct subnet *s = c->gateway->vnet->gateway_subnet;
	const struct prefix *space = space_of(v, a);
	bool covered = false;

	if (!s || !s->route_table || !space)
		return false;
	vec_each(u, &s->route_table->routes) {
		bool covers = prefix_has(&u->prefix, a);
		struct prefix edge = covers ? prefix_next(&u->prefix, 1) : prefix_network(&u->prefix);
		uint64_t until = addr_distance(a, &edge.addr);

		if (u->prefix.len < space->len)
			continue;
		covered = covered || covers;
		if (until < *alike)
			*alike = until;
	}
	return covered;
}

/* Returns whether to go on. Places and limits are not looked at here. */
static bool run_spans(struct fastpath_span *s, const struct address_run *run, fastpath_span_fn fn, void *arg)
{
	s->c.user = run;
	for (uint32_t done = 0; done < run->count; done += s->count) {
		s->first = addr_plus(&run->first, done);
		s->count = run->count - done;
		s->c.user_defined = is_user_defined(s->c.connection, s->c.vnet, &s->first, &s->count);
		s->rule = fastpath_forbids(&s->c);
		if (!fn(arg, s))
			return false;
	}
	return true;
}

static bool vnet_spans(const struct fastpath_case *c, const struct vnet *v, fastpath_span_fn fn, void *arg)
{
	struct address_walk walk = {.vnet = v};
	struct fastpath_span s = {.c = *c};
	struct address_run run;

	s.c.vnet = v;
	while (address_next(&walk, &run)) {
		if (!run_spans(&s, &run, fn, arg))
			return false;
	}
	return true;
}

/* The gateway's own VNet first, then spokes in the file's order. */
static void each_span(const struct topo *t, bool on, const struct connection *connection, fastpath_span_fn fn,
		      void *arg)
{
	struct fastpath_case c = {.topo = t, .connection = connection, .on = on};
	bool more = vnet_spans(&c, connection->gateway->vnet, fn, arg);

	for (size_t i = 0; more && i < t->vnets.n; i++) {
		const struct vnet *v = &t->vnets.items[i];

		if (v != connection->gateway->vnet && is_behind(v, connection))
			more = vnet_spans(&c, v, fn, arg);
	}
}

/* --- Places ------------------------------------------------------------------------------------------------------ */

/* What nothing but a lack of room forbids takes places. */
static bool count_span(void *arg, const struct fastpath_span *s)
{
	uint64_t *taken = arg;

	*taken += s->rule ? 0 : s->count;
	return true;
}

/* By connections of the file before this one that are on and share its limit. */
static uint64_t places_taken(const struct topo *t, const bool *on, const struct connection *c)
{
	uint64_t taken = 0;

	for (const struct connection *other = t->connections.items; other < c; other++) {
		if (other->type == CONNECTION_EXPRESSROUTE && on[other - t->connections.items] && share_limit(other, c))
			each_span(t, true, other, count_span, &taken);
	}
	return taken;
}

struct placing {
	uint64_t taken, limit;
	fastpath_span_fn fn;
	void *arg;
};

/* What has room, then what has not. */
static bool place_span(void *arg, const struct fastpath_span *whole)
{
	struct placing *p = arg;
	uint64_t left = p->taken < p->limit ? p->limit - p->taken : 0;
	struct fastpath_span part = *whole;

	if (whole->rule)
		return p->fn(p->arg, whole);
	part.c.place = p->taken + 1;
	part.count = whole->count < left ? whole->count : left;
	p->taken += whole->count;
	if (part.count && !p->fn(p->arg, &part))
		return false;
	if (part.count == whole->count)
		return true;
	part.first = addr_plus(&whole->first, part.count);
	part.c.place += part.count;
	part.count = whole->count - part.count;
	part.rule = fastpath_forbids(&part.c);
	return p->fn(p->arg, &part);
}

static void each_placed(const struct topo *t, const bool *on, bool this_on, const struct connection *c,
			fastpath_span_fn fn, void *arg)
{
	struct placing p = {.taken = places_taken(t, on, c), .limit = fastpath_limit(c), .fn = fn, .arg = arg};

	each_span(t, this_on, c, place_span, &p);
}

void fastpath_spans(const struct topo *t, const bool *on, const struct connection *c, fastpath_span_fn fn, void *arg)
{
	each_placed(t, on, on[c - t->connections.items], c, fn, arg);
}

struct programming {
	fastpath_fn fn;
	void *arg;
};

static bool program_span(void *arg, const struct fastpath_span *s)
{
	const struct programming *p = arg;

	if (!s->rule)
		p->fn(p->arg, space_of(s->c.vnet, &s->first), &s->first, s->count);
	return true;
}

void fastpath_each(const struct topo *t, const bool *on, const struct connection *c, fastpath_fn fn, void *arg)
{
	struct programming p = {fn, arg};

	each_placed(t, on, true, c, program_span, &p);
}

struct fastpath_count fastpath_count_of(const struct topo *t, const bool *on, const struct connection *c)
{
	uint64_t before = places_taken(t, on, c), limit = fastpath_limit(c), wanted = 0;
	uint64_t left = before < limit ? limit - before : 0;

	each_span(t, true, c, count_span, &wanted);
	return (struct fastpath_count){.programmed = wanted < left ? wanted : left, .wanted = wanted};
}

struct seeking {
	const struct addr *dst;
	struct fastpath_span *out;
	bool found;
};

static bool seek(void *arg, const struct fastpath_span *s)
{
	struct seeking *k = arg;
	uint64_t within = addr_distance(&s->first, k->dst);

	if (within >= s->count)
		return true;
	*k->out = *s;
	k->out->first = *k->dst;
	k->out->count = 1;
	k->out->c.place += s->c.place ? within : 0;
	k->out->c.user = NULL; /* ends with the walk */
	k->found = true;
	return false;
}

bool fastpath_find(const struct topo *t, const bool *on, const struct connection *c, const struct addr *dst,
		   struct fastpath_span *out)
{
	struct seeking k = {.dst = dst, .out = out};

	*out = (struct fastpath_span){.c = {.topo = t, .connection = c, .on = on[c - t->connections.items]}};
	out->rule = fastpath_forbids(&out->c);
	fastpath_spans(t, on, c, seek, &k);
	return k.found;
}
