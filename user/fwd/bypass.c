// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What FastPath puts in front of an MSEE's table: the addresses behind each of
 * its connections whose gateway can be bypassed, as far as the rules let them be
 * programmed (fwd/fastpath.h). They are there whether the bypass is on or off: it
 * is their group that says which, so that switching is one write per prefix and
 * path, however many addresses there are.
 */
#include <string.h>

#include "ctl/classes.h"
#include "fwd/compile.h"
#include "fwd/fastpath.h"

/* A group is of eight addresses: what is announced more finely than that inside a VNet is not told apart. */
#define LONGEST 29

/* A prefix that addresses may match, and the one of its class that is computed also after a failure. */
struct matched {
	struct prefix prefix, computed;
};

struct filling {
	struct compiler *c;
	struct image_table *t;
	const struct link *past; /* the link past the gateway */
	/* The last address space met, and what else is announced inside it, by a customer for instance. */
	const struct prefix *space;
	VEC(struct matched) inside;
	/* The last prefix met, and what addresses in it lead to. */
	struct prefix at;
	uint32_t bypass_at;
};

/* The gateway exchanges the routes also with the bypass on: without them the MSEE has nothing to bypass. */
static bool is_usable(const struct compiler *c, const struct link *past, const struct rib_entry *e)
{
	const struct connection *conn = past->connection;
	size_t index = conn - c->in->fabric->topo->connections.items;

	if (!c->in->fastpath[index] || (c->in->link_down && c->in->link_down[past->index]) || !e || !e->n_best)
		return false;
	return e->routes[0].connection == conn;
}

/* Off, or unusable, these addresses do what their prefix does. */
static uint32_t bypass_of(struct filling *f, const struct matched *m)
{
	struct compiler *c = f->c;
	const struct connection *conn = f->past->connection;
	const struct device *msee = &c->in->fabric->devices.items[f->t->now->device];
	uint32_t port = device_port_on(c->in->fabric, msee->index, f->past->index);
	struct image_route r = {.table = f->t->id, .prefix = m->prefix, .bypass = conn, .stands_in = true};
	struct erx_hops content;
	char text[PREFIX_STRLEN];
	char *name;

	r.entry = rib_find(f->t->now, &m->prefix);
	if (!r.entry)
		r.entry = rib_find(f->t->now, &m->computed);
	if (!r.entry || !r.entry->n_best)
		r.entry = rib_cover(f->t->now, &m->computed);
	r.bypassing = is_usable(c, f->past, r.entry);
	fill_group(c, msee, r.entry, intact_of(c, f->t, r.entry), &content);
	if (r.bypassing) {
		memset(&content, 0, sizeof(content));
		content.n = 1;
		content.members[0].adjacency = c->image->ports.items[port].adjacency;
	}
	name = xasprintf("%s %s", conn->name, prefix_format(&m->prefix, text));
	r.group_at = intern_group(c, f->t->now->name, "fastpath-", hash_text(name), &content);
	free(name);
	r.group = c->image->groups.items[r.group_at].id;
	vec_push(&c->image->bypasses, r);
	return c->image->bypasses.n - 1;
}

static struct addr block_of(const struct addr *a)
{
	struct prefix p = {.addr = *a, .len = addr_bits(a->family) - ERX_FASTPATH_BITS};

	return prefix_network(&p).addr;
}

/* The last block is the one to go on with when a run begins where another has ended. */
static struct image_block *block_at(struct filling *f, const struct addr *first)
{
	struct image *image = f->c->image;
	struct image_block *last = image->blocks.n > f->t->first_block ? &image->blocks.items[image->blocks.n - 1]
								       : NULL;

	if (last && addr_equal(&last->first, first))
		return last;
	vec_push(&image->blocks, ((struct image_block){.table = f->t->id, .first = *first}));
	return &image->blocks.items[image->blocks.n - 1];
}

static void program(struct filling *f, struct image_block *b, uint32_t from, uint32_t n)
{
	uint32_t group = f->c->image->bypasses.items[f->bypass_at].group;

	b->entry.programmed |= (n == 64 ? ~0ull : (1ull << n) - 1) << from;
	for (uint32_t eight = from / 8; eight <= (from + n - 1) / 8; eight++) {
		b->entry.groups[eight] = group;
		b->bypass_at[eight] = f->bypass_at;
	}
}

static void collect_inside(struct filling *f, const struct prefix *space)
{
	const struct prefix_plan *plan = plan_of(f->c->in->fabric);

	f->inside.n = 0;
	vec_each(k, &plan->classes) {
		const struct prefix *first = &plan->prefixes.items[k->first];

		/* In order of addresses, and a class is in a row: it is inside as a whole. */
		if (!k->n_announced || first->len <= space->len || first->len > LONGEST || !prefix_covers(space, first))
			continue;
		for (uint32_t i = 0; i < k->n; i++)
			vec_push(&f->inside, ((struct matched){first[i], *first}));
	}
	f->space = space;
}

/* The longest prefix that covers a; *alike: for how many addresses from a on that stays so, at most what it was. */
static struct matched match(const struct filling *f, const struct addr *a, uint32_t *alike)
{
	struct matched longest = {*f->space, *f->space};

	vec_each(m, &f->inside) {
		bool covers = prefix_has(&m->prefix, a);
		struct prefix edge = covers ? prefix_next(&m->prefix, 1) : m->prefix;
		uint64_t until = addr_distance(a, &edge.addr);

		if (covers && m->prefix.len > longest.prefix.len)
			longest = *m;
		if (until < *alike)
			*alike = until;
	}
	return longest;
}

static void add_run(void *arg, const struct prefix *space, const struct addr *first, uint32_t count)
{
	struct filling *f = arg;

	if (f->space != space)
		collect_inside(f, space);
	for (uint32_t done = 0, n; done < count; done += n) {
		struct addr a = addr_plus(first, done), block = block_of(&a);
		uint32_t from = addr_distance(&block, &a);
		struct matched m;

		n = (1 << ERX_FASTPATH_BITS) - from;
		n = n < count - done ? n : count - done;
		m = match(f, &a, &n);
		if (!prefix_equal(&f->at, &m.prefix)) {
			f->bypass_at = bypass_of(f, &m);
			f->at = m.prefix;
		}
		program(f, block_at(f, &block), from, n);
	}
}

static int by_address(const void *a, const void *b)
{
	return addr_compare(&((const struct image_block *)a)->first, &((const struct image_block *)b)->first);
}

/* Two runs, or two connections, may have a block in common. */
static void merge_block(struct image_block *into, const struct image_block *other)
{
	for (uint32_t eight = 0; eight < 8; eight++) {
		if (!(other->entry.programmed >> 8 * eight & 0xff))
			continue;
		into->entry.groups[eight] = other->entry.groups[eight];
		into->bypass_at[eight] = other->bypass_at[eight];
	}
	into->entry.programmed |= other->entry.programmed;
}

static void sort_blocks(struct image *image, struct image_table *t)
{
	size_t n = image->blocks.n - t->first_block, kept = 0;
	struct image_block *blocks;

	if (!n)
		return;
	blocks = image->blocks.items + t->first_block;
	qsort(blocks, n, sizeof(*blocks), by_address);
	for (size_t i = 0; i < n; i++) {
		if (kept && addr_equal(&blocks[kept - 1].first, &blocks[i].first))
			merge_block(&blocks[kept - 1], &blocks[i]);
		else
			blocks[kept++] = blocks[i];
	}
	t->n_blocks = kept;
	image->blocks.n = t->first_block + kept;
}

static void mark_ports(struct compiler *c, const struct device *msee)
{
	vec_each(p, &msee->ports)
		c->image->ports.items[*p].entry.flags |= ERX_PORT_FASTPATH;
}

void compile_bypasses(struct compiler *c, struct image_table *t)
{
	const struct fabric *f = c->in->fabric;
	const struct device *d = &f->devices.items[t->now->device];

	t->first_block = c->image->blocks.n;
	if (d->kind != ERX_KIND_MSEE)
		return;
	vec_each(p, &d->ports) {
		const struct link *l = &f->links.items[f->ports.items[*p].link];
		struct filling filling = {.c = c, .t = t, .past = l};

		if (l->kind == LINK_VNET_MSEE && gateway_can_fastpath(l->connection->gateway))
			fastpath_each(f->topo, c->in->fastpath, l->connection, add_run, &filling);
		vec_free(&filling.inside);
	}
	sort_blocks(c->image, t);
	if (t->n_blocks)
		mark_ports(c, d);
}
