// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How the tables come about:
 *
 *   local.c    what each device knows by itself, and what it announces
 *   speaker.c  the BGP speakers tell each other of one prefix until nothing changes,
 *   policy.c   under these rules of who passes what to whom
 *   table.c    each device's entry for that prefix: VNets take from their gateways,
 *              spokes from their hub, switches from their routers
 *   decide.c   which of the routes is used, and which step said so
 *
 * Here the prefixes are walked in order, so that tables come out sorted.
 */
#include "ctl/rib.h"

#include <string.h>
#include "ctl/table.h"

/*
 * UPDATEs that one prefix may take, per session. A network that settles needs
 * about as many as its longest path has sessions.
 */
#define UPDATES_PER_SESSION 32
#define UPDATES_AT_LEAST    1024

/* Prefixes in a row that were sent with the same attributes. */
struct sent_run {
	uint32_t first, n; /* places in rib_sent.prefixes */
	const struct attrs *attrs;
};

struct sent_list {
	VEC(struct sent_run) runs;
	size_t n;
	const struct advertisement *made; /* once somebody has asked */
};

struct rib_sent {
	VEC(struct prefix) prefixes; /* every prefix of the fabric, sorted */
	struct sent_list *lists;     /* by session * 2 + receiving end */
	size_t n_lists;
};

static int compare_prefixes(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

static int compare_origins(const void *a, const void *b)
{
	const struct origination *x = a, *y = b;
	int order = prefix_compare(&x->prefix, &y->prefix);

	if (order)
		return order;
	if (x->device != y->device)
		return x->device < y->device ? -1 : 1;
	return !!x->connection - !!y->connection; /* the device's own network before a static one */
}

static void collect_origins(const struct local_case *c, origin_list *out)
{
	vec_each(d, &c->fabric->devices)
		local_origins(c, d, out);
	if (out->n)
		qsort(out->items, out->n, sizeof(*out->items), compare_origins);
}

static void collect_prefixes(struct rib_sent *sent, const struct tables *tables, const origin_list *origins)
{
	size_t n = 0;

	vec_each(o, origins)
		vec_push(&sent->prefixes, o->prefix);
	vec_each(table, &tables->list) {
		vec_each(l, &table->local)
			vec_push(&sent->prefixes, l->prefix);
	}
	if (!sent->prefixes.n)
		return;
	qsort(sent->prefixes.items, sent->prefixes.n, sizeof(*sent->prefixes.items), compare_prefixes);
	vec_each(p, &sent->prefixes) {
		if (!n || !prefix_equal(p, &sent->prefixes.items[n - 1]))
			sent->prefixes.items[n++] = *p;
	}
	sent->prefixes.n = n;
}

/*
 * Whether the speakers would do the same for both prefixes: no policy looks at
 * a prefix but to tell a default route, or one the device announces itself.
 */
static bool settles_alike(const struct origination *a, size_t n_a, const struct origination *b, size_t n_b)
{
	if (n_a != n_b || !n_a || !a->prefix.len || !b->prefix.len)
		return false;
	for (size_t i = 0; i < n_a; i++) {
		if (a[i].device != b[i].device || a[i].attrs != b[i].attrs || a[i].connection != b[i].connection)
			return false;
	}
	return true;
}

static void record_sent(struct rib_sent *sent, const struct bgp *b, uint32_t at)
{
	vec_each(slot, &b->changed) {
		const struct attrs *attrs = b->received.items[*slot].sent;
		struct sent_list *list = &sent->lists[*slot];
		struct sent_run *last = list->runs.n ? &list->runs.items[list->runs.n - 1] : NULL;

		if (!attrs || (last && last->first + last->n == at + 1)) /* said already: slots may repeat */
			continue;
		list->n++;
		if (last && last->first + last->n == at && last->attrs == attrs)
			last->n++;
		else
			vec_push(&list->runs, ((struct sent_run){.first = at, .n = 1, .attrs = attrs}));
	}
}

/* Every prefix in turn: first the speakers, then the tables that build on them. */
static void run(struct rib *rib, struct bgp *bgp, struct tables *tables, const origin_list *origins, size_t budget)
{
	const struct origination *at = origins->items, *before = at;
	size_t n_before = 0, left = origins->n;

	for (uint32_t i = 0; i < rib->sent->prefixes.n; i++) {
		const struct prefix *p = &rib->sent->prefixes.items[i];
		size_t n = 0;

		while (n < left && prefix_equal(&at[n].prefix, p))
			n++;
		if (!settles_alike(before, n_before, at, n) && !bgp_settle(bgp, p, at, n, budget) && rib->converged) {
			rib->converged = false;
			rib->unstable = *p;
		}
		record_sent(rib->sent, bgp, i);
		tables_add(tables, p);
		before = at;
		n_before = n;
		left -= n;
		if (n)
			at += n; /* without any origination there is no array */
	}
	rib->events = bgp->events;
}

static const char *table_name(struct rib *rib, const struct table *t)
{
	return t->subnet ? arena_printf(rib->arena, "%s/%s", t->device->name, t->subnet->name) : t->device->name;
}

static void take_tables(struct rib *rib, struct tables *tables)
{
	vec_each(t, &tables->list) {
		struct rib_table out = {.index = rib->tables.n,
					.name = table_name(rib, t),
					.device = t->device->index,
					.subnet = t->subnet,
					.entries = t->entries.items,
					.n_entries = t->entries.n};

		vec_push(&rib->tables, out);
		t->entries.items = NULL; /* the rib owns them now */
		vec_free(&t->entries);
	}
}

static void take_sessions(struct rib *rib, const struct bgp *b)
{
	for (size_t i = 0; i < b->sessions.n; i++) {
		const struct session *s = &b->sessions.items[i];
		struct session_view view = {.kind = s->kind,
					    .a = s->ends[0].device,
					    .b = s->ends[1].device,
					    .link = s->link,
					    .connection = s->connection,
					    .addr_a = s->ends[0].addr,
					    .addr_b = s->ends[1].addr,
					    .up = !s->down_because,
					    .down_because = s->down_because,
					    .sent_a = rib->sent->lists[i * 2 + 1].n,
					    .sent_b = rib->sent->lists[i * 2].n};

		vec_push(&rib->sessions, view);
	}
}

struct rib *rib_compute_within(const struct fabric *f, const struct conditions *now, size_t budget)
{
	static const struct conditions nothing_failed = {};
	struct rib *rib = xcalloc(1, sizeof(*rib));
	struct local_case c = {.fabric = f, .now = now ? now : &nothing_failed};
	origin_list origins = {};
	struct tables *tables;
	struct bgp *bgp;

	rib->arena = arena_new();
	rib->fabric = f;
	rib->converged = true;
	rib->sent = xcalloc(1, sizeof(*rib->sent));
	c.pool = attrs_pool_new(rib->arena);
	bgp = bgp_new(f, c.pool, c.now);
	rib->sent->n_lists = bgp->sessions.n * 2;
	rib->sent->lists = xcalloc(rib->sent->n_lists, sizeof(*rib->sent->lists));
	if (!budget)
		budget = UPDATES_AT_LEAST + UPDATES_PER_SESSION * bgp->sessions.n;

	tables = tables_new(&c, bgp, rib->arena);
	collect_origins(&c, &origins);
	collect_prefixes(rib->sent, tables, &origins);
	run(rib, bgp, tables, &origins, budget);
	take_tables(rib, tables);
	take_sessions(rib, bgp);

	vec_free(&origins);
	tables_free(tables);
	bgp_free(bgp);
	attrs_pool_free(c.pool);
	return rib;
}

struct rib *rib_compute(const struct fabric *f, const struct conditions *now)
{
	return rib_compute_within(f, now, 0);
}

void rib_free(struct rib *r)
{
	if (!r)
		return;
	vec_each(t, &r->tables)
		free(t->entries);
	vec_free(&r->tables);
	vec_free(&r->sessions);
	for (size_t i = 0; i < r->sent->n_lists; i++)
		vec_free(&r->sent->lists[i].runs);
	free(r->sent->lists);
	vec_free(&r->sent->prefixes);
	free(r->sent);
	arena_free(r->arena);
	free(r);
}

const struct rib_table *rib_table_of(const struct rib *r, uint32_t device)
{
	return &r->tables.items[device];
}

static const struct rib_table *table_of_subnet(const struct rib *r, uint32_t device, const struct subnet *s)
{
	for (size_t i = r->fabric->devices.n; s && s->route_table && i < r->tables.n; i++) {
		if (r->tables.items[i].subnet == s)
			return &r->tables.items[i];
	}
	return rib_table_of(r, device);
}

const struct rib_table *rib_table_of_host(const struct rib *r, const struct host *h)
{
	return table_of_subnet(r, r->fabric->ports.items[h->port].device, h->subnet);
}

const struct rib_table *rib_table_of_port(const struct rib *r, uint32_t port)
{
	const struct port *p = &r->fabric->ports.items[port];
	const struct device *d = &r->fabric->devices.items[p->device];

	if (p->role == ERX_ROLE_HOST)
		return rib_table_of_host(r, &r->fabric->hosts.items[r->fabric->links.items[p->link].host]);
	if (d->kind == ERX_KIND_VNET && (p->role == ERX_ROLE_GATEWAY || p->role == ERX_ROLE_MSEE))
		return table_of_subnet(r, p->device, d->vnet->gateway_subnet);
	return rib_table_of(r, p->device);
}

static int compare_with_entry(const void *key, const void *entry)
{
	return prefix_compare(key, &((const struct rib_entry *)entry)->prefix);
}

const struct rib_entry *rib_find(const struct rib_table *t, const struct prefix *p)
{
	struct prefix net = prefix_network(p);

	if (!t->n_entries)
		return NULL;
	return bsearch(&net, t->entries, t->n_entries, sizeof(*t->entries), compare_with_entry);
}

const struct rib_entry *rib_lookup(const struct rib_table *t, const struct addr *a)
{
	struct prefix p = prefix_of(a);

	for (unsigned len = p.len + 1; len-- > 0;) {
		const struct rib_entry *e;

		p.len = len;
		e = rib_find(t, &p);
		if (e && e->n_best)
			return e;
	}
	return NULL;
}

static const struct advertisement *make_advertisements(const struct rib *r, const struct sent_list *list)
{
	struct advertisement *out = arena_alloc(r->arena, list->n * sizeof(*out)), *next = out;

	vec_each(run, &list->runs) {
		for (uint32_t i = 0; i < run->n; i++)
			*next++ = (struct advertisement){.prefix = r->sent->prefixes.items[run->first + i],
							 .attrs = run->attrs};
	}
	return out;
}

size_t rib_advertised(const struct rib *r, uint32_t a, uint32_t b, const struct advertisement **out)
{
	for (size_t i = 0; i < r->sessions.n; i++) {
		const struct session_view *s = &r->sessions.items[i];
		unsigned receiver = s->a == a ? 1 : 0;
		struct sent_list *list = &r->sent->lists[i * 2 + receiver];

		if ((s->a != a || s->b != b) && (s->a != b || s->b != a))
			continue;
		if (!list->made)
			list->made = make_advertisements(r, list);
		*out = list->made;
		return list->n;
	}
	*out = NULL;
	return 0;
}
