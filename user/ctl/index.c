// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/index.h"
#include "ctl/classes.h"
#include "topo/addresses.h"

#include <errno.h>
#include <string.h>
#include <uthash.h>

struct named {
	const char *name;
	uint32_t index;
	UT_hash_handle hh;
};

struct target {
	const char *name;
	index_list links;
	UT_hash_handle hh;
};

struct fabric_index {
	struct named *devices, *hosts, *links;
	struct target *targets; /* in order of creation */
	const char **target_names;
	/* First device of each resource, by its place in the model. */
	uint32_t *gateways, *sites, *circuits;
	struct prefix_plan *plan; /* NULL until somebody asks */
};

/* A name that is there already keeps its first owner. */
static void add_name(struct named **table, struct arena *arena, const char *name, uint32_t index)
{
	struct named *n;

	HASH_FIND_STR(*table, name, n);
	if (n)
		return;
	n = arena_alloc(arena, sizeof(*n));
	n->name = name;
	n->index = index;
	HASH_ADD_KEYPTR(hh, *table, n->name, strlen(n->name), n);
}

static uint32_t find_name(const struct named *table, const char *name)
{
	struct named *n;

	HASH_FIND_STR((struct named *)table, name, n);
	return n ? n->index : NO_INDEX;
}

struct fabric_index *index_new(const struct fabric *f)
{
	struct fabric_index *x = xcalloc(1, sizeof(*x));
	const struct topo *t = f->topo;

	x->gateways = arena_alloc(f->arena, t->gateways.n * sizeof(*x->gateways));
	x->sites = arena_alloc(f->arena, t->sites.n * sizeof(*x->sites));
	x->circuits = arena_alloc(f->arena, t->circuits.n * sizeof(*x->circuits));
	vec_each(d, &f->devices) {
		add_name(&x->devices, f->arena, d->name, d->index);
		if (d->gateway && d->instance == 0)
			x->gateways[d->gateway - t->gateways.items] = d->index;
		if (d->kind == ERX_KIND_LAN)
			x->sites[d->site - t->sites.items] = d->index;
		if (d->circuit && d->path == PATH_PRIMARY)
			x->circuits[d->circuit - t->circuits.items] = d->index;
	}
	return x;
}

bool index_has_link(const struct fabric_index *x, const char *name)
{
	return find_name(x->links, name) != NO_INDEX;
}

void index_add_link(struct fabric_index *x, struct arena *arena, const char *name, uint32_t link)
{
	add_name(&x->links, arena, name, link);
}

static void add_target(struct fabric_index *x, struct arena *arena, const char *name, uint32_t link)
{
	struct target *t;

	HASH_FIND_STR(x->targets, name, t);
	if (!t) {
		t = arena_alloc(arena, sizeof(*t));
		t->name = arena_strdup(arena, name);
		HASH_ADD_KEYPTR(hh, x->targets, t->name, strlen(t->name), t);
	}
	/* A link between two instances of one target is named once. */
	if (!t->links.n || t->links.items[t->links.n - 1] != link)
		vec_push(&t->links, link);
}

/* The targets that take a link away because they take away the device at one end. */
static void add_device_targets(struct fabric_index *x, const struct fabric *f, const struct device *d, uint32_t link)
{
	if (d->kind == ERX_KIND_MSEE) {
		char *name = xasprintf("%s/msee", d->name);

		add_target(x, f->arena, name, link);
		free(name);
	} else if (d->gateway) {
		add_target(x, f->arena, d->gateway->name, link);
		add_target(x, f->arena, d->name, link);
	} else if (d->kind == ERX_KIND_CE) {
		add_target(x, f->arena, d->name, link);
	}
}

static void add_targets(struct fabric_index *x, const struct fabric *f)
{
	vec_each(l, &f->links) {
		if (l->kind == LINK_CIRCUIT) {
			const struct port *msee = &f->ports.items[l->ports[1]];

			add_target(x, f->arena, f->devices.items[msee->device].name, l->index);
			add_target(x, f->arena, l->circuit->name, l->index);
		}
		if (l->connection)
			add_target(x, f->arena, l->connection->name, l->index);
		for (int end = 0; end < 2; end++) {
			if (l->ports[end] != NO_INDEX)
				add_device_targets(x, f, &f->devices.items[f->ports.items[l->ports[end]].device],
						   l->index);
		}
	}
}

void index_finish(struct fabric_index *x, const struct fabric *f)
{
	size_t n = 0;

	vec_each(h, &f->hosts)
		add_name(&x->hosts, f->arena, h->name, h->index);
	add_targets(x, f);
	x->target_names = arena_alloc(f->arena, (HASH_COUNT(x->targets) + 1) * sizeof(*x->target_names));
	for (struct target *t = x->targets; t; t = t->hh.next)
		x->target_names[n++] = t->name;
}

void index_free(struct fabric_index *x)
{
	for (struct target *t = x->targets; t; t = t->hh.next)
		vec_free(&t->links);
	plan_free(x->plan);
	HASH_CLEAR(hh, x->devices);
	HASH_CLEAR(hh, x->hosts);
	HASH_CLEAR(hh, x->links);
	HASH_CLEAR(hh, x->targets);
	free(x);
}

const struct prefix_plan *plan_of(const struct fabric *f)
{
	if (!f->index->plan)
		f->index->plan = plan_new(f);
	return f->index->plan;
}

struct device *fabric_device(const struct fabric *f, const char *name)
{
	uint32_t i = find_name(f->index->devices, name);

	return i == NO_INDEX ? NULL : &f->devices.items[i];
}

struct host *fabric_host(const struct fabric *f, const char *name_or_address)
{
	uint32_t i = find_name(f->index->hosts, name_or_address);
	struct addr a;

	if (i != NO_INDEX)
		return &f->hosts.items[i];
	if (addr_parse(name_or_address, &a))
		return NULL;
	vec_each(h, &f->hosts) {
		if (host_has(h, &a))
			return h;
	}
	return NULL;
}

/* "front" or, as two VNets may each have one of that name, "hub/front". */
static bool is_named(const struct vnet *v, const char *item, const char *name)
{
	size_t n = strlen(v->name);

	return !strcmp(item, name) || (!strncmp(v->name, name, n) && name[n] == '/' && !strcmp(item, name + n + 1));
}

/* A private endpoint or load balancer; NULL: there is none of that name, or more than one. */
static const struct endpoint *find_endpoint(const struct topo *t, const char *name)
{
	const struct endpoint *found = NULL;

	vec_each(v, &t->vnets) {
		struct address_walk walk = {.vnet = v};
		struct address_run run;

		while (address_next(&walk, &run)) {
			if (!run.endpoint || !is_named(v, run.endpoint->name, name))
				continue;
			if (found)
				return NULL;
			found = run.endpoint;
		}
	}
	return found;
}

const struct host *fabric_host_as(const struct fabric *f, const char *name, struct host *as)
{
	uint32_t i = find_name(f->index->hosts, name);
	const struct endpoint *e = i == NO_INDEX ? find_endpoint(f->topo, name) : NULL;
	char text[ADDR_STRLEN];
	const struct host *h;
	struct addr a;

	if (e)
		name = addr_format(&e->addr, text);
	h = i == NO_INDEX ? fabric_host(f, name) : &f->hosts.items[i];
	if (!h || addr_parse(name, &a) || !host_has(h, &a))
		return h;
	*as = *h;
	as->addr = a;
	return as;
}

bool same_host(const struct host *a, const struct host *b)
{
	return a && b && a->index == b->index;
}

bool host_has(const struct host *h, const struct addr *a)
{
	vec_each(p, &h->addresses) {
		if (prefix_has(p, a))
			return true;
	}
	return false;
}

uint64_t host_count_addresses(const struct host *h)
{
	uint64_t n = 0;

	vec_each(p, &h->addresses)
		n += 1ull << (addr_bits(p->addr.family) - p->len);
	return n;
}

struct prefix host_cover(const struct host *h)
{
	struct prefix cover = h->addresses.items[0];

	vec_each(p, &h->addresses) {
		while (!prefix_covers(&cover, p))
			cover.len--;
	}
	return prefix_network(&cover);
}

uint32_t device_of_vnet(const struct fabric *f, const struct vnet *v)
{
	return v - f->topo->vnets.items; /* VNets are the first devices */
}

uint32_t device_of_gateway(const struct fabric *f, const struct gateway *g, unsigned instance)
{
	return f->index->gateways[g - f->topo->gateways.items] + instance;
}

uint32_t device_of_circuit(const struct fabric *f, const struct circuit *c, enum circuit_path path)
{
	return f->index->circuits[c - f->topo->circuits.items] + path;
}

uint32_t device_of_site(const struct fabric *f, const struct site *s)
{
	return f->index->sites[s - f->topo->sites.items];
}

uint32_t device_of_router(const struct fabric *f, const struct router *r)
{
	return device_of_site(f, r->site) + 1 + (r - r->site->routers.items);
}

int target_links(const struct fabric *f, const char *target, index_list *links)
{
	struct target *t;

	HASH_FIND_STR(f->index->targets, target, t);
	if (!t)
		return -ENOENT;
	vec_each(l, &t->links)
		vec_push(links, *l);
	return 0;
}

const char *const *target_names(const struct fabric *f)
{
	return f->index->target_names;
}
