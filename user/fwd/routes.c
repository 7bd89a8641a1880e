// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Tables, routes and next-hop groups.
 *
 * Prefixes that the same announce, that have the same candidates when nothing has
 * failed, and the same prefix above them, will fare alike in every failure: they share a group. Its
 * name is made of the intact state, so it does not change when something fails;
 * its content is made of the present one. A prefix that a failure has taken away
 * keeps its route, and its group does what the covering prefix does.
 */
#include <stdio.h>
#include <string.h>

#include "fwd/compile.h"

struct group_name {
	UT_hash_handle hh;
	uint32_t at; /* in image->groups */
	char key[];
};

void compile_groups_free(struct compiler *c)
{
	struct group_name *g, *next;

	HASH_ITER(hh, c->groups, g, next) {
		HASH_DEL(c->groups, g);
		free(g);
	}
}

/* --- What a route does ------------------------------------------------------------------------------------------ */

/* Place of a link among the candidates of the intact state: stable while members come and go. */
static uint32_t score_key(const struct rib_entry *intact, const struct route *r)
{
	for (unsigned i = 0; intact && i < intact->n_routes; i++) {
		if (intact->routes[i].link == r->link && intact->routes[i].source == r->source)
			return i;
	}
	return ERX_MAX_MEMBERS + (r->link & 0xffff);
}

/* 0: an appliance in a peered VNet, which this VNet cannot hand a packet to. */
static uint32_t adjacency_of(struct compiler *c, const struct device *d, const struct route *r)
{
	uint32_t port = device_port_on(c->in->fabric, d->index, r->link);
	const struct link *l = &c->in->fabric->links.items[r->link];

	if (port == NO_INDEX)
		return 0;
	/* A peer's gateways: counted under the hub's legs, not as VNet to VNet. */
	if (l->kind == LINK_PEERING && r->source == SOURCE_BGP)
		return c->image->ports.items[port].transit;
	return c->image->ports.items[port].adjacency;
}

/* Which next hop types count as VirtualNetwork at a VM's edge: all but Internet and None (azure.md 3.3). */
static uint32_t source_flags(const struct device *d, const struct rib_entry *e)
{
	const struct route *r = &e->routes[0];

	switch (r->source) {
	case SOURCE_LOCAL: return ERX_GROUP_LOCAL | (r->echo ? ERX_GROUP_ECHO : 0);
	case SOURCE_SYSTEM_NONE: return ERX_GROUP_NONE;
	case SOURCE_INTERNET: return ERX_GROUP_INTERNET;
	case SOURCE_UDR:
		if (r->udr->hop == UDR_NONE)
			return ERX_GROUP_NONE;
		if (r->udr->hop == UDR_INTERNET)
			return ERX_GROUP_INTERNET;
		break;
	default: break;
	}
	if (d->kind == ERX_KIND_VNET)
		return ERX_GROUP_VNET_TAG;
	if (d->kind == ERX_KIND_LAN && r->link != NO_INDEX && prefix_covers(&d->site->lan, &e->prefix))
		return ERX_GROUP_ON_LINK;
	return 0;
}

void fill_group(struct compiler *c, const struct device *d, const struct rib_entry *now, const struct rib_entry *intact,
		struct erx_hops *g)
{
	memset(g, 0, sizeof(*g));
	if (!now || !now->n_best) {
		g->flags = ERX_GROUP_NO_ROUTE;
		return;
	}
	g->flags = source_flags(d, now);
	for (unsigned i = 0; i < now->n_best && g->n < ERX_MAX_MEMBERS; i++) {
		const struct route *r = &now->routes[i];
		struct erx_member m;

		if (r->link == NO_INDEX)
			continue;
		m = (struct erx_member){.adjacency = adjacency_of(c, d, r), .score_key = score_key(intact, r)};
		if (m.adjacency)
			g->members[g->n++] = m;
	}
}

/* --- Which group a prefix belongs to ---------------------------------------------------------------------------- */

static uint64_t mix(uint64_t h, uint64_t value)
{
	h ^= value + 0x9e3779b97f4a7c15ull + (h << 6) + (h >> 2);
	h *= 0xff51afd7ed558ccdull;
	return h ^ h >> 33;
}

static uint64_t attrs_signature(const struct attrs *a)
{
	uint64_t h = mix(mix(a->local_pref, a->weight), mix(a->routing_weight, a->med));

	for (unsigned i = 0; i < a->as_path_len; i++)
		h = mix(h, a->as_path[i]);
	return mix(mix(h, a->origin), a->via << 1 | a->ibgp);
}

/* Names, not numbers, so that a signature outlives a change of the file. */
static uint64_t route_signature(const struct fabric *f, const struct route *r)
{
	uint64_t h = mix(r->source, r->invalid != NULL);

	if (r->from != NO_INDEX)
		h = mix(h, hash_text(f->devices.items[r->from].name));
	if (r->link != NO_INDEX)
		h = mix(h, hash_text(f->links.items[r->link].name));
	if (r->source == SOURCE_UDR)
		h = mix(h, r->udr->hop + 1);
	return mix(h, r->echo) + (r->attrs ? attrs_signature(r->attrs) : 0);
}

static uint64_t entry_signature(const struct fabric *f, const struct device *d, const struct rib_entry *e,
				uint64_t cover)
{
	uint64_t h = mix(mix(cover, e->n_routes), e->announced_by);
	char text[PREFIX_STRLEN];

	for (unsigned i = 0; i < e->n_routes; i++)
		h = mix(h, route_signature(f, &e->routes[i]));
	/* An interface's own prefixes come and go with it, each for itself. */
	if (e->n_routes && e->routes[0].link == NO_INDEX &&
	    (e->routes[0].source == SOURCE_LOCAL || e->routes[0].source == SOURCE_CONNECTED))
		h = mix(h, hash_text(prefix_format(&e->prefix, text)));
	return d->kind == ERX_KIND_LAN ? mix(h, prefix_covers(&d->site->lan, &e->prefix)) : h;
}

static bool same_group(const struct erx_hops *a, const struct erx_hops *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

uint32_t intern_group(struct compiler *c, const char *table, const char *kind, uint64_t signature,
		      const struct erx_hops *content)
{
	char *key = xasprintf("%s %s%016llx", table, kind, (unsigned long long)signature);
	struct group_name *known;

	HASH_FIND_STR(c->groups, key, known);
	if (known && !same_group(&c->image->groups.items[known->at].entry, content)) {
		uint64_t other = mix(signature, content->flags);

		c->image->split = true;
		for (uint32_t i = 0; i < content->n; i++)
			other = mix(other, content->members[i].adjacency);
		free(key);
		return intern_group(c, table, "split-", other, content);
	}
	if (!known) {
		struct image_group g = {.id = compile_id(c, ID_GROUP, key), .entry = *content};

		known = xcalloc(1, sizeof(*known) + strlen(key) + 1);
		strcpy(known->key, key);
		known->at = c->image->groups.n;
		HASH_ADD_STR(c->groups, key, known);
		vec_push(&c->image->groups, g);
	}
	free(key);
	return known->at;
}

/* --- Tables ----------------------------------------------------------------------------------------------------- */

/* The prefixes above the current one in a sorted walk, with their signatures. */
struct cover {
	const struct rib_entry *entry;
	uint64_t signature;
};
typedef VEC(struct cover) cover_stack;

static uint64_t cover_signature(cover_stack *covers, const struct prefix *p)
{
	while (covers->n && !prefix_covers(&covers->items[covers->n - 1].entry->prefix, p))
		covers->n--;
	return covers->n ? covers->items[covers->n - 1].signature : 0;
}

static void add_route(struct compiler *c, const struct image_table *t, struct image_route route, uint32_t group_at)
{
	route.table = t->id;
	route.group_at = group_at;
	route.group = c->image->groups.items[group_at].id;
	vec_push(&c->image->routes, route);
}

/* The score keys come from there. */
const struct rib_entry *intact_of(const struct compiler *c, const struct image_table *t, const struct rib_entry *now)
{
	return now ? rib_find(&c->in->intact->tables.items[t->now->index], &now->prefix) : NULL;
}

static void compile_entry(struct compiler *c, struct image_table *t, const struct rib_entry *intact,
			  const struct rib_entry *now, cover_stack *covers)
{
	const struct device *d = &c->in->fabric->devices.items[t->now->device];
	const struct rib_entry *shape = intact ? intact : now;
	struct cover cover = {.entry = shape};
	struct image_route route = {.prefix = shape->prefix, .entry = now};
	struct erx_hops content;

	cover.signature = entry_signature(c->in->fabric, d, shape, cover_signature(covers, &shape->prefix));
	vec_push(covers, cover);
	if (!now || !now->n_best) {
		route.entry = rib_cover(t->now, &shape->prefix);
		route.stands_in = true;
	}
	fill_group(c, d, route.entry, route.stands_in ? intact_of(c, t, route.entry) : intact, &content);
	add_route(c, t, route, intern_group(c, t->now->name, "", cover.signature, &content));
}

/* Every prefix of either state, in order. */
static void compile_table_routes(struct compiler *c, struct image_table *t, const struct rib_table *intact)
{
	cover_stack covers = {};
	size_t i = 0, j = 0;

	while (i < intact->n_entries || j < t->now->n_entries) {
		const struct rib_entry *was = i < intact->n_entries ? &intact->entries[i] : NULL;
		const struct rib_entry *now = j < t->now->n_entries ? &t->now->entries[j] : NULL;
		int order = !was ? 1 : !now ? -1 : prefix_compare(&was->prefix, &now->prefix);

		compile_entry(c, t, order <= 0 ? was : NULL, order >= 0 ? now : NULL, &covers);
		i += order <= 0;
		j += order >= 0;
	}
	vec_free(&covers);
}

static int by_prefix(const void *a, const void *b)
{
	return prefix_compare(&((const struct image_route *)a)->prefix, &((const struct image_route *)b)->prefix);
}

void compile_routes(struct compiler *c)
{
	c->image->split = c->in->intact->full_gateway || c->in->now->full_gateway;
	for (size_t i = 0; i < c->in->now->tables.n; i++) {
		struct image_table t = {
			.now = &c->in->now->tables.items[i],
			.first_route = c->image->routes.n,
		};

		t.id = compile_id(c, ID_TABLE, t.now->name);
		compile_table_routes(c, &t, &c->in->intact->tables.items[i]);
		compile_bypasses(c, &t);
		t.n_routes = c->image->routes.n - t.first_route;
		if (t.n_routes)
			qsort(c->image->routes.items + t.first_route, t.n_routes, sizeof(struct image_route),
			      by_prefix);
		vec_push(&c->image->tables, t);
	}
}
