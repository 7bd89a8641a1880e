// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What latency is given for must exist. */
#include <string.h>

#include "topo/parser.h"

#define NETWORKS (1u << THING_VNET | 1u << THING_CIRCUIT | 1u << THING_SITE)

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
	a = name_wanted(p, l->a, SCOPE_DEVICES, NETWORKS, l->at, "latency", what);
	b = name_wanted(p, l->b, SCOPE_DEVICES, NETWORKS, l->at, "latency", what);
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

/* What the wires can do. */
#define MOST_ONE_WAY_NS 500000000

static void length_check(struct parser *p, const struct latency *l)
{
	uint64_t one_way = l->kind == LATENCY_GATEWAY ? l->rtt_ns : l->rtt_ns / 2;

	if (one_way > MOST_ONE_WAY_NS)
		problem(p, l->at, "%g ms one way is too long for a link; it can take %g ms at the most", one_way / 1e6,
			MOST_ONE_WAY_NS / 1e6);
}

void check_latencies(struct parser *p)
{
	struct joined *all = NULL;

	if (!p->topo->latencies.n)
		return;
	joined_collect(p, &all);
	vec_each(l, &p->topo->latencies) {
		length_check(p, l);
		if (l->kind == LATENCY_BETWEEN)
			between_check(p, l, all);
		else if (l->a && l->kind == LATENCY_CONNECTION)
			name_wanted(p, l->a, SCOPE_DEVICES, 1u << THING_CONNECTION, l->at, "latency", "a connection");
		else if (l->a)
			name_wanted(p, l->a, SCOPE_DEVICES, 1u << THING_GATEWAY, l->at, "latency", "a gateway");
	}
	HASH_CLEAR(hh, all);
}
