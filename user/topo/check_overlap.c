// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Address spaces that must not overlap: those that packets can come from and go
 * to within one reach. A reach is a network with its peers; or all that shares a
 * circuit (with the circuits that Global Reach joins to it); or all that shares a
 * VPN (gateways pass routes on, so whole chains). A network brings the spokes
 * that use its gateways. Elsewhere the same addresses may be used again.
 */
#include "topo/parser.h"

enum kind { KIND_VNET, KIND_SITE, KIND_LINK };

struct space {
	struct prefix prefix;
	struct pos at;
	enum kind kind;
	const void *owner;
	const char *name;
};

typedef VEC(struct space) space_list;

struct reported { /* a pair of owners, so that two reaches do not say the same */
	const void *key[2];
	UT_hash_handle hh;
};

struct overlaps {
	struct parser *p;
	struct reported *reported;
	const struct vnet *const *spokes; /* ordered by hub */
	size_t *first_spoke;		  /* by index of the hub; one more at the end */
};

static void space_add(space_list *list, struct prefix x, struct pos at, enum kind kind, const void *owner,
		      const char *name)
{
	struct space s = {.prefix = x, .at = at, .kind = kind, .owner = owner, .name = name};

	if (addr_is_set(&x.addr))
		vec_push(list, s);
}

static void vnet_add(struct overlaps *o, space_list *list, const struct vnet *v)
{
	vec_each(x, &v->address_space)
		space_add(list, *x, field_pos(o->p, x, v->at), KIND_VNET, v, v->name);
}

static void hub_add(struct overlaps *o, space_list *list, const struct vnet *v)
{
	size_t i = v - o->p->topo->vnets.items;

	vnet_add(o, list, v);
	for (size_t s = o->first_spoke[i]; s < o->first_spoke[i + 1]; s++)
		vnet_add(o, list, o->spokes[s]);
}

static void site_add(struct overlaps *o, space_list *list, const struct site *s)
{
	space_add(list, s->lan, field_pos(o->p, &s->lan, s->at), KIND_SITE, s, s->name);
	vec_each(r, &s->routers)
		space_add(list, prefix_network(&r->lan_interface), field_pos(o->p, &r->lan_interface, r->at), KIND_SITE,
			  s, s->name);
}

static bool pair_is_new(struct overlaps *o, const void *a, const void *b)
{
	struct reported *r, look = {.key = {a < b ? a : b, a < b ? b : a}};

	HASH_FIND(hh, o->reported, look.key, sizeof(look.key), r);
	if (r)
		return false;
	r = arena_alloc(o->p->arena, sizeof(*r));
	*r = look;
	HASH_ADD(hh, o->reported, key, sizeof(r->key), r);
	return true;
}

static bool is_later(const struct space *a, const struct space *b)
{
	return a->at.line != b->at.line ? a->at.line > b->at.line : a->at.column > b->at.column;
}

static const char *space_text(struct parser *p, const struct space *s)
{
	static const char *const kinds[] = {
		[KIND_VNET] = "virtual network", [KIND_SITE] = "site", [KIND_LINK] = "a link of"};

	return arena_printf(p->arena, "%s '%s' (%s)", kinds[s->kind], s->name, prefix_text(p, &s->prefix));
}

static void overlap_report(struct overlaps *o, const struct space *a, const struct space *b, const char *reach)
{
	const struct space *late = is_later(a, b) ? a : b, *early = late == a ? b : a;
	struct parser *p = o->p;
	bool vnet = a->kind == KIND_VNET || b->kind == KIND_VNET, sites = a->kind == KIND_SITE && b->kind == KIND_SITE;

	if (a->owner == b->owner && a->kind == b->kind && a->kind != KIND_LINK)
		return;
	if ((!vnet && !sites && a->kind != b->kind) || !pair_is_new(o, a->owner, b->owner))
		return;
	if (sites)
		caution(p, late->at, "%s overlaps %s, and both are reached %s: packets go to the site whose route wins",
			space_text(p, late), space_text(p, early), reach);
	else
		problem(p, late->at, "%s overlaps %s, and they are joined %s: give one of them other addresses",
			space_text(p, late), space_text(p, early), reach);
}

static int by_prefix(const void *a, const void *b)
{
	const struct space *x = a, *y = b;
	int order = prefix_compare(&x->prefix, &y->prefix);

	return order ? order : is_later(x, y) - is_later(y, x);
}

/* Sorted prefixes nest like brackets: only those still open can overlap the next one. Frees the list. */
static void reach_check(struct overlaps *o, space_list *list, const char *reach)
{
	const struct space *open[130]; /* one per prefix length at most */
	size_t depth = 0;

	if (list->n)
		qsort(list->items, list->n, sizeof(*list->items), by_prefix);
	vec_each(s, list) {
		while (depth && !prefix_covers(&open[depth - 1]->prefix, &s->prefix))
			depth--;
		for (size_t i = 0; i < depth; i++)
			overlap_report(o, open[i], s, reach);
		if (!depth || !prefix_equal(&open[depth - 1]->prefix, &s->prefix))
			open[depth++] = s;
	}
	vec_free(list);
}

static void peers_check(struct overlaps *o)
{
	vec_each(v, &o->p->topo->vnets) {
		space_list list = {};

		if (!v->peerings.n)
			continue;
		vnet_add(o, &list, v);
		vec_each(half, &v->peerings)
			if (half->remote && half->remote != v)
				vnet_add(o, &list, half->remote);
		reach_check(o, &list, arena_printf(o->p->arena, "by the peerings of '%s'", v->name));
	}
}

/* Disjoint sets over indexes, with path halving. */
static size_t set_root(size_t *parent, size_t i)
{
	while (parent[i] != i)
		i = parent[i] = parent[parent[i]];
	return i;
}

static size_t *sets_new(size_t n)
{
	size_t *parent = xcalloc(n, sizeof(*parent));

	for (size_t i = 0; i < n; i++)
		parent[i] = i;
	return parent;
}

static void link_spaces_add(struct overlaps *o, space_list *list, const struct circuit *c)
{
	for (int i = 0; i < N_CIRCUIT_PATHS; i++)
		space_add(list, c->link[i], field_pos(o->p, &c->link[i], c->at), KIND_LINK, &c->link[i], c->name);
}

static void circuits_check(struct overlaps *o)
{
	struct topo *t = o->p->topo;
	space_list *lists = xcalloc(t->circuits.n, sizeof(*lists));
	size_t *set = sets_new(t->circuits.n);

	vec_each(c, &t->connections)
		if (c->type == CONNECTION_GLOBAL_REACH && c->circuit && c->circuit2)
			set[set_root(set, c->circuit - t->circuits.items)] = set_root(set,
										      c->circuit2 - t->circuits.items);
	vec_each(c, &t->connections) {
		size_t root = c->circuit ? set_root(set, c->circuit - t->circuits.items) : 0;

		if (c->type == CONNECTION_GLOBAL_REACH && c->circuit)
			space_add(&lists[root], c->address_prefix, field_pos(o->p, &c->address_prefix, c->at),
				  KIND_LINK, c, c->name);
		else if (c->type == CONNECTION_EXPRESSROUTE && c->circuit && c->gateway && c->gateway->vnet)
			hub_add(o, &lists[root], c->gateway->vnet);
	}
	vec_each(c, &t->circuits) {
		space_list *list = &lists[set_root(set, c - t->circuits.items)];
		const struct router *first = c->edge[PATH_PRIMARY].router, *second = c->edge[PATH_SECONDARY].router;

		link_spaces_add(o, list, c);
		if (first)
			site_add(o, list, first->site);
		if (second && (!first || second->site != first->site))
			site_add(o, list, second->site);
	}
	vec_each(c, &t->circuits)
		reach_check(o, &lists[c - t->circuits.items], arena_printf(o->p->arena, "by circuit '%s'", c->name));
	free(set);
	free(lists);
}

static void vpns_check(struct overlaps *o)
{
	struct topo *t = o->p->topo;
	space_list *lists = xcalloc(t->gateways.n, sizeof(*lists));
	size_t *set = sets_new(t->gateways.n);

	vec_each(c, &t->connections)
		if (c->type == CONNECTION_IPSEC && c->gateway && c->gateway2)
			set[set_root(set, c->gateway - t->gateways.items)] = set_root(set,
										      c->gateway2 - t->gateways.items);
	vec_each(g, &t->gateways)
		if (g->type == GATEWAY_VPN && g->vnet)
			hub_add(o, &lists[set_root(set, g - t->gateways.items)], g->vnet);
	vec_each(c, &t->connections)
		if (c->type == CONNECTION_IPSEC && c->gateway && c->local_gateway && c->local_gateway->router)
			site_add(o, &lists[set_root(set, c->gateway - t->gateways.items)],
				 c->local_gateway->router->site);
	vec_each(g, &t->gateways)
		reach_check(o, &lists[g - t->gateways.items],
			    arena_printf(o->p->arena, "by the VPN of gateway '%s'", g->name));
	free(set);
	free(lists);
}

/* The links of different circuits are told apart by their addresses, whatever they are joined to. */
static void links_check(struct overlaps *o)
{
	space_list list = {};

	vec_each(c, &o->p->topo->circuits)
		link_spaces_add(o, &list, c);
	vec_each(c, &o->p->topo->connections)
		if (c->type == CONNECTION_GLOBAL_REACH)
			space_add(&list, c->address_prefix, field_pos(o->p, &c->address_prefix, c->at), KIND_LINK, c,
				  c->name);
	reach_check(o, &list, "to Microsoft's edge");
}

/* Spokes by hub: a count, then their places. */
static void spokes_index(struct overlaps *o)
{
	struct topo *t = o->p->topo;
	const struct vnet **spokes = xcalloc(t->vnets.n, sizeof(*spokes));
	size_t *first = xcalloc(t->vnets.n + 2, sizeof(*first));

	vec_each(v, &t->vnets)
		if (v->remote_gateway_of)
			first[v->remote_gateway_of - t->vnets.items + 2]++;
	for (size_t i = 2; i < t->vnets.n + 2; i++)
		first[i] += first[i - 1];
	vec_each(v, &t->vnets)
		if (v->remote_gateway_of)
			spokes[first[v->remote_gateway_of - t->vnets.items + 1]++] = v;
	o->spokes = spokes;
	o->first_spoke = first;
}

void check_overlaps(struct parser *p)
{
	struct overlaps o = {.p = p};

	spokes_index(&o);
	peers_check(&o);
	circuits_check(&o);
	vpns_check(&o);
	links_check(&o);
	HASH_CLEAR(hh, o.reported);
	free((void *)o.spokes);
	free(o.first_spoke);
}
