// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/classes.h"

#include "ctl/local.h"

/* A prefix while the classes are made. */
struct place {
	struct prefix prefix;
	bool is_local;	/* in some table */
	bool is_around; /* another prefix */
	uint32_t cover; /* the nearest around it; NO_INDEX: none */
	uint32_t announced_at, n_announced;
};

typedef VEC(struct place) place_list;

static int compare_places(const void *a, const void *b)
{
	return prefix_compare(&((const struct place *)a)->prefix, &((const struct place *)b)->prefix);
}

static void add_local_places(const struct local_case *c, const struct device *d, const struct subnet *s,
			     place_list *out)
{
	local_list routes = {};

	local_routes(c, d, s, &routes);
	vec_each(l, &routes)
		vec_push(out, ((struct place){.prefix = l->prefix, .is_local = true}));
	vec_free(&routes);
}

/* What local routes there can be: a failure only takes some away. */
static void collect_local(const struct fabric *f, place_list *out)
{
	static const struct conditions nothing_failed = {};
	struct arena *arena = arena_new();
	struct local_case c = {.fabric = f, .now = &nothing_failed, .pool = attrs_pool_new(arena)};

	vec_each(d, &f->devices)
		add_local_places(&c, d, NULL, out);
	vec_each(v, &f->topo->vnets) {
		vec_each(s, &v->subnets) {
			if (s->route_table)
				add_local_places(&c, &f->devices.items[device_of_vnet(f, v)], s, out);
		}
	}
	attrs_pool_free(c.pool);
	arena_free(arena);
}

static int compare_announcements(const void *a, const void *b, void *plan)
{
	const struct announcement *x = a, *y = b;
	const struct announcer *of_x = &((struct prefix_plan *)plan)->announcers.items[x->announcer];
	const struct announcer *of_y = &((struct prefix_plan *)plan)->announcers.items[y->announcer];
	int order = prefix_compare(&x->prefix, &y->prefix);

	if (order)
		return order;
	if (of_x->device != of_y->device)
		return of_x->device < of_y->device ? -1 : 1;
	if (!of_x->connection != !of_y->connection)
		return of_x->connection ? 1 : -1;
	return (x->announcer > y->announcer) - (x->announcer < y->announcer);
}

static void sort_announcements(struct prefix_plan *p)
{
	size_t n = 0;

	if (!p->announcements.n)
		return;
	qsort_r(p->announcements.items, p->announcements.n, sizeof(*p->announcements.items), compare_announcements, p);
	vec_each(a, &p->announcements) {
		const struct announcement *last = n ? &p->announcements.items[n - 1] : NULL;

		if (!last || last->announcer != a->announcer || !prefix_equal(&last->prefix, &a->prefix))
			p->announcements.items[n++] = *a;
	}
	p->announcements.n = n;
}

/* One place per prefix, sorted. */
static void merge_places(place_list *places)
{
	size_t n = 0;

	if (places->n)
		qsort(places->items, places->n, sizeof(*places->items), compare_places);
	vec_each(x, places) {
		if (n && prefix_equal(&places->items[n - 1].prefix, &x->prefix))
			places->items[n - 1].is_local |= x->is_local;
		else
			places->items[n++] = *x;
	}
	places->n = n;
}

static void find_covers(place_list *places)
{
	uint32_t around = NO_INDEX;

	for (uint32_t i = 0; i < places->n; i++) {
		struct place *x = &places->items[i];

		while (around != NO_INDEX && !prefix_covers(&places->items[around].prefix, &x->prefix))
			around = places->items[around].cover;
		x->cover = around;
		if (around != NO_INDEX)
			places->items[around].is_around = true;
		around = i;
	}
}

static void find_announcers(const struct prefix_plan *p, place_list *places)
{
	uint32_t at = 0;

	vec_each(x, places) {
		x->announced_at = at;
		while (at < p->announcements.n && prefix_equal(&p->announcements.items[at].prefix, &x->prefix))
			at++;
		x->n_announced = at - x->announced_at;
	}
}

static bool fare_alike(const struct prefix_plan *p, const struct place *a, const struct place *b)
{
	if (a->is_local || b->is_local || a->is_around || b->is_around || a->cover != b->cover ||
	    a->prefix.len != b->prefix.len || a->n_announced != b->n_announced || !a->prefix.len ||
	    a->prefix.addr.family != b->prefix.addr.family)
		return false;
	for (uint32_t i = 0; i < a->n_announced; i++) {
		if (p->announcements.items[a->announced_at + i].announcer !=
		    p->announcements.items[b->announced_at + i].announcer)
			return false;
	}
	return true;
}

static uint64_t mix_name(uint64_t h, const char *name)
{
	while (*name)
		h = (h ^ (unsigned char)*name++) * 0x100000001b3ull; /* FNV-1a */
	return (h ^ '/') * 0x100000001b3ull;
}

/* By name: it is part of what names a next-hop group, which a changed file must not rename. */
static uint64_t announced_by(const struct fabric *f, const struct prefix_plan *p, const struct place *x)
{
	uint64_t h = x->n_announced ? 0xcbf29ce484222325ull : 0;

	for (uint32_t i = 0; i < x->n_announced; i++) {
		const struct announcer *a = &p->announcers.items[p->announcements.items[x->announced_at + i].announcer];

		h = mix_name(h, f->devices.items[a->device].name);
		h = mix_name(h, a->vnet ? a->vnet->name : "");
		h = mix_name(h, a->connection ? a->connection->name : "");
	}
	return h;
}

static void make_classes(const struct fabric *f, struct prefix_plan *p, const place_list *places)
{
	for (uint32_t i = 0; i < places->n; i++) {
		const struct place *x = &places->items[i];

		vec_push(&p->prefixes, x->prefix);
		if (i && fare_alike(p, x - 1, x)) {
			p->classes.items[p->classes.n - 1].n++;
			continue;
		}
		vec_push(&p->classes, ((struct prefix_class){.first = i,
							     .n = 1,
							     .announced_at = x->announced_at,
							     .n_announced = x->n_announced,
							     .announced_by = announced_by(f, p, x)}));
	}
}

struct prefix_plan *plan_new(const struct fabric *f)
{
	struct prefix_plan *p = xcalloc(1, sizeof(*p));
	place_list places = {};

	vec_each(d, &f->devices)
		local_announcements(f, d, p);
	sort_announcements(p);
	vec_each(a, &p->announcements)
		vec_push(&places, ((struct place){.prefix = a->prefix}));
	collect_local(f, &places);
	merge_places(&places);
	find_covers(&places);
	find_announcers(p, &places);
	make_classes(f, p, &places);
	vec_free(&places);
	return p;
}

void plan_free(struct prefix_plan *p)
{
	if (!p)
		return;
	vec_free(&p->announcers);
	vec_free(&p->announcements);
	vec_free(&p->prefixes);
	vec_free(&p->classes);
	free(p);
}
