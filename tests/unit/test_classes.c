// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Routes computed for one prefix of each class against routes computed for all:
 * whatever fails and whoever has fallen silent before that, the same next-hop groups come out, with the same numbers
 * and contents, so that the reaction to a failure may use the shorter way.
 */
#include <criterion/criterion.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fwd/image.h"
#include "model.h"

#define LIMITS	      "tests/unit/topologies/limits.yaml"
#define DEFAULT_ROUTE "tests/unit/topologies/default-route.yaml"

/* One state of a topology, both ways. */
struct both {
	struct rib *full, *classes;
	struct image *full_image, *classes_image;
};

#define MOMENTS 3 /* at most that somebody still has something from */

struct intact {
	struct model *m;
	struct conditions earlier[MOMENTS];
	size_t n_earlier;
	uint32_t *deaf_since; /* by link * 2 + end */
	struct rib *full, *classes;
	struct ids *ids;
	bool *fastpath;
};

static struct intact intact_of(struct model *m)
{
	return (struct intact){.m = m,
			       .full = rib_compute(m->fabric, NULL),
			       .classes = rib_compute_classes(m->fabric, NULL),
			       .ids = ids_new(),
			       .deaf_since = xcalloc(2 * m->fabric->links.n, sizeof(uint32_t)),
			       .fastpath = xcalloc(m->topo->connections.n, sizeof(bool))};
}

static void forget_moments(struct intact *x)
{
	for (size_t i = 0; i < x->n_earlier; i++) {
		free((void *)x->earlier[i].link_down);
		free((void *)x->earlier[i].session_down);
		free((void *)x->earlier[i].prepends);
		free((void *)x->earlier[i].deaf_since);
	}
	x->n_earlier = 0;
	memset(x->deaf_since, 0, 2 * x->m->fabric->links.n * sizeof(uint32_t));
}

static void intact_free(struct intact *x)
{
	forget_moments(x);
	free(x->deaf_since);
	rib_free(x->full);
	rib_free(x->classes);
	ids_free(x->ids);
	free(x->fastpath);
	model_free(x->m);
}

static struct image *compile(const struct intact *x, const struct rib *was, const struct rib *now)
{
	struct image_input in = {.fabric = x->m->fabric,
				 .intact = was,
				 .now = now,
				 .link_down = x->m->down,
				 .fastpath = x->fastpath,
				 .ids = x->ids};
	struct diags diags = {};
	struct image *image = image_compile(&in, &diags);

	cr_assert(image);
	return image;
}

static struct conditions conditions_now(const struct intact *x)
{
	return (struct conditions){.link_down = x->m->down,
				   .session_down = x->m->session_down,
				   .prepends = x->m->prepends,
				   .deaf_since = x->deaf_since,
				   .earlier = x->earlier,
				   .n_earlier = x->n_earlier};
}

static struct both compute(const struct intact *x)
{
	struct conditions now = conditions_now(x);
	struct both b = {.full = rib_compute(x->m->fabric, &now), .classes = rib_compute_classes(x->m->fabric, &now)};

	b.full_image = compile(x, x->full, b.full);
	b.classes_image = compile(x, x->classes, b.classes);
	return b;
}

static void both_free(struct both *b)
{
	image_free(b->full_image);
	image_free(b->classes_image);
	rib_free(b->full);
	rib_free(b->classes);
}

static void expect_same_counts(const struct both *b, const char *what)
{
	cr_expect_eq(b->full->converged, b->classes->converged);
	cr_expect_eq(b->full->full_gateway, b->classes->full_gateway);
	for (size_t i = 0; i < b->full->sessions.n; i++) {
		const struct session_view *x = &b->full->sessions.items[i], *y = &b->classes->sessions.items[i];

		cr_expect(x->up == y->up &&
				  (b->full->full_gateway || (x->sent_a == y->sent_a && x->sent_b == y->sent_b)),
			  "%s: session %zu", what, i);
	}
	for (size_t i = 0; i < b->full->tables.n && !b->full->full_gateway; i++) {
		const struct rib_table *full = &b->full->tables.items[i], *some = &b->classes->tables.items[i];
		size_t n = 0;

		for (size_t k = 0; k < some->n_entries; k++)
			n += some->entries[k].n_alike;
		cr_expect_eq(n, full->n_entries, "%s: table %s has %zu prefixes, its classes %zu", what, full->name,
			     full->n_entries, n);
	}
}

static const struct image_group *group_with(const struct image *image, uint32_t id)
{
	vec_each(g, &image->groups) {
		if (g->id == id)
			return g;
	}
	return NULL;
}

static void expect_same_groups(const struct both *b, const char *what)
{
	cr_expect_eq(b->full_image->split, b->classes_image->split, "%s", what);
	if (b->full_image->split)
		return;
	cr_expect_eq(b->full_image->groups.n, b->classes_image->groups.n, "%s", what);
	/* Mostly in the same order: then each is found at once. */
	for (size_t i = 0; i < b->full_image->groups.n; i++) {
		const struct image_group *g = &b->full_image->groups.items[i];
		const struct image_group *other = i < b->classes_image->groups.n ? &b->classes_image->groups.items[i]
										 : NULL;

		if (!other || other->id != g->id)
			other = group_with(b->classes_image, g->id);
		cr_expect(other && !memcmp(&g->entry, &other->entry, sizeof(g->entry)), "%s: group %u", what, g->id);
	}
}

static bool one_in(unsigned n, unsigned *seed)
{
	return rand_r(seed) % n == 0;
}

static const void *copy_of(const void *data, size_t size)
{
	return memcpy(xcalloc(1, size), data, size);
}

/* What is so now is what some hear last. */
static void fall_silent_at_random(struct intact *x, unsigned *seed)
{
	size_t links = x->m->fabric->links.n;
	struct conditions now = conditions_now(x);

	if (x->n_earlier == MOMENTS || one_in(4, seed)) {
		forget_moments(x);
		return;
	}
	now.link_down = copy_of(now.link_down, links * sizeof(bool));
	now.session_down = copy_of(now.session_down, links * sizeof(bool));
	now.prepends = copy_of(now.prepends, x->m->fabric->devices.n);
	now.deaf_since = copy_of(now.deaf_since, 2 * links * sizeof(uint32_t));
	x->earlier[x->n_earlier++] = now;
	for (size_t slot = 0; slot < 2 * links; slot++) {
		if (one_in(6, seed))
			x->deaf_since[slot] = one_in(3, seed) ? 0 : 1 + rand_r(seed) % x->n_earlier;
	}
}

static void fail_at_random(struct intact *x, unsigned *seed)
{
	unsigned rare = 3 + rand_r(seed) % 40;

	fall_silent_at_random(x, seed);

	vec_each(l, &x->m->fabric->links) {
		x->m->down[l->index] = one_in(rare, seed);
		x->m->session_down[l->index] = one_in(rare, seed);
	}
	vec_each(d, &x->m->fabric->devices)
		x->m->prepends[d->index] = one_in(rare, seed) ? 1 + rand_r(seed) % 3 : 0;
	for (size_t i = 0; i < x->m->topo->connections.n; i++)
		x->fastpath[i] = one_in(2, seed);
}

static void check(struct model *m, const char *name, unsigned rounds)
{
	struct intact x = intact_of(m);
	unsigned seed = 1;

	for (unsigned i = 0; i <= rounds; i++) {
		char *what = xasprintf("%s, failure %u", name, i);
		struct both b = compute(&x);

		expect_same_counts(&b, what);
		expect_same_groups(&b, what);
		both_free(&b);
		free(what);
		fail_at_random(&x, &seed);
	}
	intact_free(&x);
}

/* tests/e2e/generate.py with these arguments. */
static struct model *generated(const char *arguments)
{
	char path[] = "/tmp/erxdp-generated-XXXXXX", *command;
	struct model *m;
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	command = xasprintf("python3 tests/e2e/generate.py large %s >%s", arguments, path);
	cr_assert_eq(system(command), 0, "%s", command); /* NOLINT: a command of this file's own */
	free(command);
	m = model_read(path);
	unlink(path);
	close(fd);
	return m;
}

Test(classes, every_shipped_topology)
{
	glob_t files;

	cr_assert_eq(glob("topologies/*.yaml", 0, NULL, &files), 0);
	cr_assert_geq(files.gl_pathc, 4);
	for (size_t i = 0; i < files.gl_pathc; i++)
		check(model_read(files.gl_pathv[i]), files.gl_pathv[i], 40);
	globfree(&files);
}

Test(classes, nine_thousand_prefixes)
{
	check(generated("4 2 9000"), "9,000 prefixes", 12);
}

/* Networks around others, inside a VNet's space, by several announcers, and over a limit when something fails. */
Test(classes, prefixes_of_all_kinds)
{
	check(model_with(LIMITS, "sku", "UltraPerformance", "tier", "Standard", "reach",
			 "  r: {connectionType: GlobalReach, circuit1: c1, circuit2: c2, addressPrefix: 172.17.1.0/29}",
			 "ce1",
			 ", transit: true, advertise: [192.168.1.0/24, {first: 10.64.0.0/16, count: 8}, "
			 "{first: 10.66.0.0/24, count: 600}, {first: 10.2.128.0/24, count: 4}, "
			 "{first: 10.1.0.0/32, count: 16}, {first: 10.76.0.0/16, count: 3}, 0.0.0.0/0]",
			 "ce2",
			 ", advertise: [192.168.2.0/24, {first: 10.66.0.0/24, count: 300}, 10.0.0.0/9, "
			 "{first: 10.96.0.0/24, count: 3000}]",
			 "ce3", ", advertise: [{first: 10.64.0.0/24, count: 2500}]", "ce4",
			 ", advertise: [{first: 10.64.3.0/24, count: 2}, 10.78.7.0/24, {first: 10.80.0.0/25, count: "
			 "1200}]",
			 NULL),
	      "all kinds", 60);
}

Test(classes, a_full_gateway_is_computed_in_full)
{
	struct intact x = intact_of(model_with(LIMITS, "sku", "Standard", "tier", "Premium", "ce1",
					       ", advertise: [{first: 10.64.0.0/24, count: 4001}]", NULL));
	struct both b = compute(&x);

	cr_expect(b.classes->full_gateway && b.classes_image->split && b.full_image->split);
	both_free(&b);
	intact_free(&x);
}

/* A route that is gone leaves its packets to what is around it, not to a longer one that begins at the same address. */
Test(classes, what_stands_in_for_a_lost_route_is_around_it)
{
	struct intact x = intact_of(model_with(LIMITS, "sku", "Standard", "tier", "Standard", "ce1",
					       ", advertise: [10.64.0.0/16]", "ce3", ", advertise: [10.64.0.0/24]",
					       NULL));
	struct both b;
	struct addr a;
	const struct image_route *r;

	cr_assert_eq(addr_parse("10.64.5.5", &a), 0);
	model_fail(x.m, "c1");
	b = compute(&x);
	r = image_lookup(b.full_image, &b.full_image->tables.items[0], &a);
	cr_assert(r && r->stands_in && r->entry);
	cr_expect_eq(r->prefix.len, 16);
	cr_expect_eq(r->entry->routes[0].source, SOURCE_SYSTEM_NONE);
	cr_expect(b.full_image->groups.items[r->group_at].entry.flags & ERX_GROUP_NONE);
	both_free(&b);
	intact_free(&x);
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

/* The size that the reaction to a failure is measured with: how long it takes is printed, not judged. */
Test(classes, time_for_a_hundred_vnets)
{
	struct intact x = intact_of(generated(""));
	double start, routes = 0, groups = 0;
	struct rib *classes;
	struct both b;

	model_fail(x.m, "c3");
	for (int i = 0; i < 5; i++) {
		struct conditions now = {.link_down = x.m->down};
		struct image *image;

		start = now_ms();
		classes = rib_compute_classes(x.m->fabric, &now);
		routes += now_ms() - start;
		start = now_ms();
		image = compile(&x, x.classes, classes);
		groups += now_ms() - start;
		image_free(image);
		rib_free(classes);
	}
	start = now_ms();
	b = compute(&x);
	fprintf(stderr,
		"100 VNets, 20 circuits, 9,000 prefixes: by class %.1f ms for routes, %.1f ms for groups; "
		"in full and by class together %.0f ms\n",
		routes / 5, groups / 5, now_ms() - start);
	expect_same_groups(&b, "100 VNets");
	both_free(&b);
	intact_free(&x);
}

/* Default routes, whose coming and going takes system routes along. */
Test(classes, default_routes)
{
	check(model_with(DEFAULT_ROUTE, "ce1", "0.0.0.0/0, {first: 10.64.0.0/24, count: 4}, 172.16.0.0/12", "ce2",
			 "0.0.0.0/0, 10.0.0.0/8", "ce3", "0.0.0.0/0, 172.20.0.0/24", "table", ", routeTable: own",
			 "routes", "{name: u, addressPrefix: 192.168.0.0/16, nextHopType: None}", "hubflag",
			 "allowGatewayTransit: true", "peerflag", "useRemoteGateways: true", NULL),
	      "default routes", 60);
}
