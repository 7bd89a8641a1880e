// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Sessions go down when they bring too many prefixes, and come back when there
 * are fewer. What a session would bring depends on the others, so this is a
 * fixed point: from all sessions up, count what each would bring; take those
 * over a limit down; count again. A session that is down for this reason still
 * counts what it is offered but passes nothing on, so that it comes back when
 * there are fewer because another one is down. Each comes back once at most, so
 * nothing can swing to and fro; between two computations nothing is remembered.
 *
 * In each round only the first rule that finds somebody acts, in the order in
 * which prefixes travel: nobody goes down for prefixes that would not have
 * come had the rule before it been obeyed.
 */
#include "ctl/limit.h"

#include <string.h>
#include <strings.h>
#include "topo/limits.h"

struct limiter {
	struct bgp *b;
	struct arena *arena;
	/* By place in b->received: prefixes sent to that end, and those of them that no session before it in the
	 * file's order has brought there. */
	size_t *sent, *added;
	size_t *learned; /* by device: prefixes it is offered in the sessions that count */
	bool *returned;	 /* by session */
	limit_list *out;
};

/* The sessions whose prefixes a device counts together. */
static const uint32_t counted[ERX_N_KINDS] = {
	[ERX_KIND_MSEE] = 1u << SESSION_CIRCUIT | 1u << SESSION_REACH,
	[ERX_KIND_ERGW] = 1u << SESSION_GATEWAY,
	[ERX_KIND_VPNGW] = 1u << SESSION_VPN,
};

static const struct device *device_at(const struct limiter *l, uint32_t device)
{
	return &l->b->fabric->devices.items[device];
}

static uint32_t slot_of(const struct neighbour *n)
{
	return n->session * 2 + n->end;
}

/* Over Global Reach only the customers' prefixes count (azure.md 7.5: routes add up for the limits). */
static bool counts(const struct session *s, const struct attrs *offered)
{
	return offered && (s->kind != SESSION_REACH || (offered->via & VIA_SITE));
}

static void count_at(struct limiter *l, uint32_t device, size_t n)
{
	uint32_t kinds = counted[device_at(l, device)->kind];
	bool is_new = true, is_offered = false;

	vec_each(neighbour, &l->b->speakers[device].neighbours) {
		const struct session *s = &l->b->sessions.items[neighbour->session];
		uint32_t slot = slot_of(neighbour);

		if (!(kinds & 1u << s->kind) || !counts(s, l->b->received.items[slot].offered))
			continue;
		is_offered |= !s->over || s->kind == SESSION_REACH || s->kind == SESSION_VPN;
		if (s->over || !is_new)
			continue;
		l->added[slot] += n;
		is_new = false;
	}
	if (is_offered)
		l->learned[device] += n;
}

static void count(struct limiter *l)
{
	struct bgp *b = l->b;

	memset(l->sent, 0, b->received.n * sizeof(*l->sent));
	memset(l->added, 0, b->received.n * sizeof(*l->added));
	memset(l->learned, 0, b->fabric->devices.n * sizeof(*l->learned));
	b->settled = NULL;
	vec_each(k, &b->plan->classes) {
		if (!k->n_announced)
			continue;
		bgp_settle(b, k);
		vec_each(slot, &b->changed)
			l->sent[*slot] += b->received.items[*slot].sent ? k->n : 0;
		vec_each(device, &b->active)
			count_at(l, *device, k->n);
	}
}

/* "10,000" */
static const char *number(const struct limiter *l, size_t n)
{
	return n < 1000 ? arena_printf(l->arena, "%zu", n) : arena_printf(l->arena, "%zu,%03zu", n / 1000, n % 1000);
}

static void take_down(struct limiter *l, struct session *s, size_t n, const char *from, size_t limit, const char *of)
{
	s->over = arena_printf(l->arena, "%s prefixes%s exceed the %s of %s", number(l, n), from, number(l, limit), of);
}

static const struct device *msee_of(const struct limiter *l, const struct session *s)
{
	const struct device *d = device_at(l, s->ends[0].device);

	return d->kind == ERX_KIND_MSEE ? d : device_at(l, s->ends[1].device);
}

/* Place in b->received of what comes in at an end of this kind. */
static uint32_t slot_at(const struct limiter *l, const struct session *s, enum erx_kind kind)
{
	unsigned end = device_at(l, s->ends[0].device)->kind == kind ? 0 : 1;

	return (s - l->b->sessions.items) * 2 + end;
}

static bool limit_customers(struct limiter *l)
{
	bool found = false;

	vec_each(s, &l->b->sessions) {
		size_t n = l->sent[slot_at(l, s, ERX_KIND_MSEE)], limit;
		enum circuit_tier tier;

		if (s->kind != SESSION_CIRCUIT || s->over)
			continue;
		tier = msee_of(l, s)->circuit->tier;
		limit = limit_prefixes_to_msee(tier);
		if (n <= limit)
			continue;
		take_down(l, s, n, arena_printf(l->arena, " from '%s'", device_at(l, s->ends[0].device)->name), limit,
			  arena_printf(l->arena, "tier %s", tier_name(tier)));
		found = true;
	}
	return found;
}

/* On both paths, whichever of them brings too many. */
static bool limit_connections(struct limiter *l)
{
	bool found = false;

	vec_each(s, &l->b->sessions) {
		size_t n = l->sent[slot_at(l, s, ERX_KIND_MSEE)];
		const char *from;

		if (s->kind != SESSION_GATEWAY || s->over || n <= MAX_PREFIXES_TO_CUSTOMER)
			continue;
		from = arena_printf(l->arena, " of VNet '%s'", s->connection->gateway->vnet->name);
		vec_each(other, &l->b->sessions) {
			if (other->kind == SESSION_GATEWAY && other->connection == s->connection)
				take_down(l, other, n, from, MAX_PREFIXES_TO_CUSTOMER,
					  arena_printf(l->arena, "connection '%s'", s->connection->name));
		}
		found = true;
	}
	return found;
}

/*
 * What a device takes in all its sessions together. The session goes down, of
 * this kind, that brings what is too much when they are added up in the file's order.
 */
static bool limit_sum(struct limiter *l, const struct device *d, enum session_kind kind, size_t limit, const char *from,
		      const char *of)
{
	size_t total = 0;

	vec_each(n, &l->b->speakers[d->index].neighbours) {
		struct session *s = &l->b->sessions.items[n->session];

		if (s->over)
			continue;
		total += l->added[slot_of(n)];
		if (total <= limit || s->kind != kind)
			continue;
		take_down(l, s, total, from, limit, of);
		return true;
	}
	return false;
}

static bool limit_vpn_gateways(struct limiter *l)
{
	bool found = false;

	vec_each(d, &l->b->fabric->devices) {
		if (d->kind == ERX_KIND_VPNGW)
			found |= limit_sum(l, d, SESSION_VPN, limit_prefixes_of(d->gateway), "",
					   arena_printf(l->arena, "VPN gateway '%s'", d->gateway->name));
	}
	return found;
}

static bool limit_reach(struct limiter *l)
{
	bool found = false;

	vec_each(d, &l->b->fabric->devices) {
		if (d->kind == ERX_KIND_MSEE)
			found |= limit_sum(l, d, SESSION_REACH, limit_prefixes_to_msee(d->circuit->tier),
					   arena_printf(l->arena, " at '%s' with those of Global Reach", d->name),
					   arena_printf(l->arena, "tier %s", tier_name(d->circuit->tier)));
	}
	return found;
}

static bool take_down_some(struct limiter *l)
{
	static bool (*const rules[])(struct limiter *) = {limit_customers, limit_connections, limit_vpn_gateways,
							  limit_reach};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i](l))
			return true;
	}
	return false;
}

/* Whether what a session brings would be too much, were it up. */
static bool is_over(const struct limiter *l, const struct session *s)
{
	switch (s->kind) {
	case SESSION_CIRCUIT:
		return l->sent[slot_at(l, s, ERX_KIND_MSEE)] > limit_prefixes_to_msee(msee_of(l, s)->circuit->tier);
	case SESSION_GATEWAY: return true; /* a VNet's own prefixes do not depend on others */
	default: break;
	}
	for (unsigned end = 0; end < 2; end++) {
		const struct device *d = device_at(l, s->ends[end].device);
		size_t limit = d->gateway   ? limit_prefixes_of(d->gateway)
			       : d->circuit ? limit_prefixes_to_msee(d->circuit->tier)
					    : SIZE_MAX;

		if (l->learned[d->index] > limit)
			return true;
	}
	return false;
}

static bool bring_back(struct limiter *l, enum session_kind kind)
{
	bool found = false;

	vec_each(s, &l->b->sessions) {
		bool *returned = &l->returned[s - l->b->sessions.items];

		if (s->kind != kind || !s->over || *returned || is_over(l, s))
			continue;
		s->over = NULL;
		*returned = found = true;
	}
	return found;
}

static bool bring_back_some(struct limiter *l)
{
	return bring_back(l, SESSION_CIRCUIT) || bring_back(l, SESSION_VPN) || bring_back(l, SESSION_REACH);
}

/* --- How far each limit is used ---------------------------------------------------------------------------------- */

static void add_usage(struct limiter *l, enum limit kind, const char *name, const char *second, size_t count,
		      size_t limit)
{
	struct limit_usage u = {.kind = kind,
				.object = name,
				.what = arena_printf(l->arena, limit_rules[kind].what, name, second),
				.count = count,
				.limit = limit,
				.over = count > limit,
				.consequence = limit_rules[kind].consequence,
				.source = limit_rules[kind].source};

	vec_push(l->out, u);
}

static void use_sessions(struct limiter *l)
{
	vec_each(s, &l->b->sessions) {
		const struct device *msee = msee_of(l, s);

		if (s->kind == SESSION_CIRCUIT && !s->down_because)
			add_usage(l, LIMIT_PREFIXES_TO_MSEE, device_at(l, s->ends[0].device)->name, msee->name,
				  l->sent[slot_at(l, s, ERX_KIND_MSEE)], limit_prefixes_to_msee(msee->circuit->tier));
	}
}

/* Sessions of one connection stand together only by path, so the largest is looked for by connection. */
static void use_connections(struct limiter *l)
{
	const struct topo *t = l->b->fabric->topo;
	size_t *most = xcalloc(t->connections.n, sizeof(*most));

	vec_each(s, &l->b->sessions) {
		size_t n = l->sent[slot_at(l, s, ERX_KIND_MSEE)];
		size_t *of = s->kind == SESSION_GATEWAY ? &most[s->connection - t->connections.items] : NULL;

		if (of && n > *of)
			*of = n;
	}
	vec_each(c, &t->connections) {
		if (c->type == CONNECTION_EXPRESSROUTE)
			add_usage(l, LIMIT_PREFIXES_TO_CUSTOMER, c->gateway->vnet->name, c->name,
				  most[c - t->connections.items], MAX_PREFIXES_TO_CUSTOMER);
	}
	free(most);
}

static bool has_reach(const struct limiter *l, const struct device *d)
{
	vec_each(n, &l->b->speakers[d->index].neighbours) {
		if (l->b->sessions.items[n->session].kind == SESSION_REACH)
			return true;
	}
	return false;
}

static void use_devices(struct limiter *l)
{
	vec_each(d, &l->b->fabric->devices) {
		if (d->kind == ERX_KIND_MSEE && has_reach(l, d))
			add_usage(l, LIMIT_PREFIXES_OVER_REACH, d->name, NULL, l->learned[d->index],
				  limit_prefixes_to_msee(d->circuit->tier));
	}
	vec_each(g, &l->b->fabric->topo->gateways) {
		enum limit kind = g->type == GATEWAY_VPN ? LIMIT_PREFIXES_OF_VPN_GATEWAY : LIMIT_PREFIXES_OF_GATEWAY;
		uint32_t first = device_of_gateway(l->b->fabric, g, 0);
		size_t most = 0;

		for (uint32_t i = first; i < l->b->fabric->devices.n && device_at(l, i)->gateway == g; i++)
			most = l->learned[i] > most ? l->learned[i] : most;
		add_usage(l, kind, g->name, NULL, most, limit_prefixes_of(g));
	}
}

static bool is_circuit_of(const struct connection *c, const struct gateway *g)
{
	return c->type == CONNECTION_EXPRESSROUTE && c->gateway == g;
}

/* Connections of a gateway to circuits of one peering location; 0 when an earlier one in the file stands for it. */
static size_t from_same_location(const struct topo *t, const struct connection *c)
{
	const char *location = c->circuit->peering_location;
	size_t n = 0;

	vec_each(other, &t->connections) {
		if (!is_circuit_of(other, c->gateway) || !other->circuit->peering_location ||
		    strcasecmp(other->circuit->peering_location, location))
			continue;
		if (other < c)
			return 0;
		n++;
	}
	return n;
}

static void use_resources(struct limiter *l)
{
	const struct topo *t = l->b->fabric->topo;
	size_t *of_gateway = xcalloc(t->gateways.n, sizeof(size_t)),
	       *of_circuit = xcalloc(t->circuits.n, sizeof(size_t));

	vec_each(c, &t->connections) {
		if (c->type == CONNECTION_EXPRESSROUTE)
			of_gateway[c->gateway - t->gateways.items]++;
		if (c->circuit)
			of_circuit[c->circuit - t->circuits.items]++;
		if (c->circuit2)
			of_circuit[c->circuit2 - t->circuits.items]++;
	}
	vec_each(g, &t->gateways) {
		if (g->type == GATEWAY_EXPRESSROUTE && g->sku)
			add_usage(l, LIMIT_CIRCUITS_OF_GATEWAY, g->name, NULL, of_gateway[g - t->gateways.items],
				  gateway_max_circuits(g));
	}
	vec_each(c, &t->connections) {
		size_t n = c->type == CONNECTION_EXPRESSROUTE && c->circuit->peering_location ? from_same_location(t, c)
											      : 0;

		if (n)
			add_usage(l, LIMIT_CIRCUITS_FROM_LOCATION, c->gateway->name, c->circuit->peering_location, n,
				  MAX_CIRCUITS_FROM_LOCATION);
	}
	vec_each(c, &t->circuits)
		add_usage(l, LIMIT_MEMBERS_OF_CIRCUIT, c->name, NULL, of_circuit[c - t->circuits.items],
			  limit_members(c));
	free(of_gateway);
	free(of_circuit);
}

void limits_apply(struct bgp *b, struct arena *arena, limit_list *out)
{
	struct limiter l = {.b = b,
			    .arena = arena,
			    .sent = xcalloc(b->received.n, sizeof(size_t)),
			    .added = xcalloc(b->received.n, sizeof(size_t)),
			    .learned = xcalloc(b->fabric->devices.n, sizeof(size_t)),
			    .returned = xcalloc(b->sessions.n, sizeof(bool)),
			    .out = out};

	do
		count(&l);
	while (take_down_some(&l) || bring_back_some(&l));
	use_sessions(&l);
	use_connections(&l);
	use_devices(&l);
	use_resources(&l);
	vec_each(s, &b->sessions) {
		if (!s->down_because)
			s->down_because = s->over;
	}
	b->settled = NULL;
	free(l.sent);
	free(l.added);
	free(l.learned);
	free(l.returned);
}
