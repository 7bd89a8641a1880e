// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Latency, expectations and scenarios: what they name must exist. Whether they hold is for verify to find out. */
#include <string.h>

#include "topo/parser.h"

#define NETWORKS (1u << THING_VNET | 1u << THING_CIRCUIT | 1u << THING_SITE)
#define TARGETS	 (1u << THING_CIRCUIT | 1u << THING_CONNECTION | 1u << THING_GATEWAY | 1u << THING_ROUTER)

/* NULL after a message. */
static struct name *named(struct parser *p, const char *text, enum scope scope, unsigned things, struct pos at,
			  const char *where, const char *what)
{
	struct name *n = name_find(p, scope, text);

	if (n && things & (1u << n->thing))
		return n;
	if (n)
		problem(p, at, "%s names '%s', which is a %s, not %s", where, shown(p, text), thing_text(n->thing),
			what);
	else
		problem(p, at, "%s names '%s', which is not defined%s", where, shown(p, text),
			suggest_name(p, text, scope, things));
	return NULL;
}

struct joined { /* two resources with a link between them */
	const void *key[2];
	bool used;
	UT_hash_handle hh;
};

static struct joined *joined_find(struct joined *all, const void *a, const void *b)
{
	const void *key[2] = {a < b ? a : b, a < b ? b : a};
	struct joined *j;

	HASH_FIND(hh, all, key, sizeof(key), j);
	return j;
}

static void join(struct parser *p, struct joined **all, const void *a, const void *b)
{
	struct joined *j;

	if (!a || !b || joined_find(*all, a, b))
		return;
	j = arena_alloc(p->arena, sizeof(*j));
	j->key[0] = a < b ? a : b;
	j->key[1] = a < b ? b : a;
	HASH_ADD(hh, *all, key, sizeof(j->key), j);
}

static void joined_collect(struct parser *p, struct joined **all)
{
	struct topo *t = p->topo;

	vec_each(v, &t->vnets)
		vec_each(half, &v->peerings)
			join(p, all, v, half->remote);
	vec_each(c, &t->circuits)
		for (int i = 0; i < N_CIRCUIT_PATHS; i++)
			join(p, all, c, c->edge[i].router ? c->edge[i].router->site : NULL);
	vec_each(c, &t->connections) {
		const struct vnet *v = c->gateway ? c->gateway->vnet : NULL;

		if (c->type == CONNECTION_GLOBAL_REACH)
			join(p, all, c->circuit, c->circuit2);
		else if (c->type == CONNECTION_EXPRESSROUTE)
			join(p, all, v, c->circuit);
		else if (c->gateway2)
			join(p, all, v, c->gateway2->vnet);
		else if (c->local_gateway && c->local_gateway->router)
			join(p, all, v, c->local_gateway->router->site);
	}
}

static void between_check(struct parser *p, const struct latency *l, struct joined *all)
{
	static const char what[] = "a virtual network, circuit or site";
	struct joined *j;
	struct name *a, *b;

	if (!l->a || !l->b)
		return;
	a = named(p, l->a, SCOPE_DEVICES, NETWORKS, l->at, "latency", what);
	b = named(p, l->b, SCOPE_DEVICES, NETWORKS, l->at, "latency", what);
	if (!a || !b)
		return;
	j = joined_find(all, a->item, b->item);
	if (!j && p->unresolved)
		return;
	if (!j)
		caution(p, l->at, "no link joins '%s' and '%s': this latency has no effect", l->a, l->b);
	else if (j->used)
		problem(p, l->at, "the latency between '%s' and '%s' is given twice", l->a, l->b);
	else
		j->used = true;
}

static void latencies_check(struct parser *p)
{
	struct joined *all = NULL;

	if (!p->topo->latencies.n)
		return;
	joined_collect(p, &all);
	vec_each(l, &p->topo->latencies) {
		if (l->kind == LATENCY_BETWEEN)
			between_check(p, l, all);
		else if (l->a && l->kind == LATENCY_CONNECTION)
			named(p, l->a, SCOPE_DEVICES, 1u << THING_CONNECTION, l->at, "latency", "a connection");
		else if (l->a)
			named(p, l->a, SCOPE_DEVICES, 1u << THING_GATEWAY, l->at, "latency", "a gateway");
	}
	HASH_CLEAR(hh, all);
}

static void expectation_check(struct parser *p, const struct expectation *e)
{
	if (e->from)
		named(p, e->from, SCOPE_HOSTS, 1u << THING_HOST, field_pos(p, &e->from, e->at), "'from'", "a host");
	if (e->to)
		named(p, e->to, SCOPE_HOSTS, 1u << THING_HOST, field_pos(p, &e->to, e->at), "'to'", "a host");
	if (e->from && e->to && !strcmp(e->from, e->to))
		problem(p, e->at, "an expectation from '%s' to itself", shown(p, e->from));
	if (e->unreachable && (e->has_trace || e->ttl || e->rtt_max_ns))
		problem(p, e->at, "an expectation has 'unreachable' and something that only an answer can meet");
	if (e->has_trace && !e->hops.n)
		problem(p, field_pos(p, &e->hops, e->at),
			"'traceroute' is an empty list: it ends with the destination");
	if (!e->unreachable && !e->has_trace && !e->ttl && !e->rtt_max_ns && !field_given(p, &e->unreachable) &&
	    !field_given(p, &e->ttl) && !field_given(p, &e->rtt_min_ns))
		problem(p, e->at, "an expectation without traceroute, ttl, unreachable or rtt expects nothing");
}

/* NAME/msee of a circuit path, NAME/0 or NAME/1 of a gateway: what may follow the slash. */
static bool part_check(struct parser *p, const char *head, const char *part)
{
	struct name *n = name_find(p, SCOPE_DEVICES, head);
	int path = -1;

	if (n && n->thing == THING_GATEWAY) {
		const struct gateway *g = n->item;
		bool two = g->type == GATEWAY_EXPRESSROUTE || g->active_active;

		return !strcmp(part, "0") || (two && !strcmp(part, "1"));
	}
	return circuit_target(p, head, &path) && path >= 0 && !strcmp(part, "msee");
}

static void target_check(struct parser *p, const struct scenario *s, const char *target, struct pos at)
{
	const char *slash = strchr(target, '/');
	struct name *n = name_find(p, SCOPE_DEVICES, target);
	int path;

	if (slash) {
		if (!part_check(p, arena_printf(p->arena, "%.*s", (int)(slash - target), target), slash + 1))
			problem(p, at,
				"scenario '%s' fails '%s', which is no target: a slash follows a gateway (hub-ergw/0) "
				"or a "
				"circuit path (er1.primary/msee)",
				s->name, shown(p, target));
	} else if (!circuit_target(p, target, &path) && !(n && TARGETS & (1u << n->thing))) {
		named(p, target, SCOPE_DEVICES, TARGETS, at, arena_printf(p->arena, "scenario '%s'", s->name),
		      "a circuit, circuit path, connection, gateway or router");
	}
}

void check_tests(struct parser *p)
{
	latencies_check(p);
	vec_each(e, &p->topo->expects)
		expectation_check(p, e);
	vec_each(s, &p->topo->scenarios) {
		if (!s->fail.n && field_given(p, &s->fail))
			problem(p, s->at, "scenario '%s' fails nothing", s->name);
		vec_each(target, &s->fail)
			target_check(p, s, *target, field_pos(p, target, s->at));
		vec_each(e, &s->expect)
			expectation_check(p, e);
	}
}
