// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How the tables come about:
 *
 *   local.c    what each device knows by itself, and what it announces
 *   classes.c  which prefixes there are, and which of them fare alike
 *   limit.c    which sessions Azure's limits take down
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
#include "ctl/limit.h"
#include "ctl/table.h"

/* Prefixes in a row that were sent with the same attributes. */
struct sent_run {
	uint32_t first, n; /* places in prefix_plan.prefixes */
	const struct attrs *attrs;
};

struct sent_list {
	VEC(struct sent_run) runs;
	size_t n;
	const struct advertisement *made; /* once somebody has asked */
};

struct rib_sent {
	const struct prefix_plan *plan;
	struct sent_list *lists; /* by session * 2 + receiving end */
	size_t n_lists;
};

static void record_sent(struct rib_sent *sent, const struct bgp *b, uint32_t first, uint32_t n)
{
	vec_each(slot, &b->changed) {
		const struct attrs *attrs = b->received.items[*slot].sent;
		struct sent_list *list = &sent->lists[*slot];
		struct sent_run *last = list->runs.n ? &list->runs.items[list->runs.n - 1] : NULL;

		if (!attrs)
			continue;
		list->n += n;
		if (last && last->first + last->n == first && last->attrs == attrs)
			last->n += n;
		else
			vec_push(&list->runs, ((struct sent_run){.first = first, .n = n, .attrs = attrs}));
	}
}

static bool learns_from_msee(const struct bgp *b, const struct speaker *s)
{
	vec_each(r, &s->learned) {
		if (b->sessions.items[r->session].kind == SESSION_GATEWAY)
			return true;
	}
	return false;
}

static size_t room_of(const struct device *d, const struct speaker *s)
{
	return d->kind == ERX_KIND_ERGW ? limit_prefixes_of(d->gateway) - s->n_learned : SIZE_MAX;
}

/* Of n prefixes that the speakers have settled on alike, how many the gateways have room for. */
static uint32_t room_for(const struct bgp *b, uint32_t n)
{
	vec_each(d, &b->active) {
		const struct speaker *s = &b->speakers[*d];
		size_t room = room_of(&b->fabric->devices.items[*d], s);

		if (room < n && learns_from_msee(b, s))
			n = room;
	}
	return n;
}

/* The gateways learn these. One that is full learns none from now on. */
static void fill_gateways(struct bgp *b, uint32_t n)
{
	vec_each(d, &b->active) {
		const struct device *device = &b->fabric->devices.items[*d];
		struct speaker *s = &b->speakers[*d];

		if (device->kind != ERX_KIND_ERGW || !learns_from_msee(b, s))
			continue;
		s->n_learned += n;
		s->full = s->n_learned == limit_prefixes_of(device->gateway);
		if (s->full)
			b->settled = NULL;
	}
}

/* The network at one moment: now, or one from which somebody still has what a silent neighbour said. */
struct moment {
	struct local_case c;
	limit_list limits;
	bool full_gateway;
};

struct run {
	struct rib *rib;
	struct moment *moments; /* oldest first; the last is now */
	struct bgp **bgps;	/* of each */
	struct tables **tables; /* of each */
	size_t n;		/* of all three */
	struct bgp *now;
	bool by_class;
};

static void settle(struct run *r, const struct prefix_class *k)
{
	if (bgp_settle(r->now, k) || !r->rib->converged)
		return;
	r->rib->converged = false;
	r->rib->unstable = r->now->prefix;
}

/* How many of n prefixes fare alike at every moment. */
static uint32_t learn(struct run *r, uint32_t n)
{
	for (size_t i = 0; i < r->n; i++) {
		if (r->moments[i].full_gateway)
			n = room_for(r->bgps[i], n);
	}
	for (size_t i = 0; i < r->n; i++) {
		if (r->moments[i].full_gateway)
			fill_gateways(r->bgps[i], n);
	}
	return n;
}

static void add_member(struct run *r, uint32_t at, uint64_t announced_by, uint32_t n_alike)
{
	for (size_t i = 0; i < r->n; i++) {
		if (i + 1 < r->n)
			tables_forget(r->tables[i]);
		tables_add(r->tables[i], &r->now->plan->prefixes.items[at], announced_by, n_alike);
	}
}

static void add_members(struct run *r, const struct prefix_class *k, uint32_t done, uint32_t n)
{
	uint32_t first = k->first + done;

	record_sent(r->rib->sent, r->now, first, n);
	for (uint32_t i = 0; i < n && !r->by_class; i++)
		add_member(r, first + i, k->announced_by, 1);
	if (r->by_class)
		add_member(r, first, k->announced_by, n);
}

/* Every prefix in turn: first the speakers, then the tables that build on them. */
static void run(struct run *r)
{
	vec_each(k, &r->now->plan->classes) {
		uint32_t done = 0;

		while (done < k->n) {
			uint32_t n = k->n - done;

			settle(r, k);
			if (!r->by_class)
				n = learn(r, n);
			add_members(r, k, done, n);
			done += n;
		}
	}
	r->rib->events = r->now->events;
}

static void apply_limits(struct run *r, size_t at)
{
	struct moment *m = &r->moments[at];

	if (m->c.now->without_limits)
		return;
	limits_apply(r->bgps[at], r->rib->arena, &m->limits);
	vec_each(u, &m->limits)
		m->full_gateway |= u->kind == LIMIT_PREFIXES_OF_GATEWAY && u->over;
	r->rib->full_gateway |= m->full_gateway;
	r->bgps[at]->events = 0;
}

static void begin(struct run *r, const struct fabric *f, const struct conditions *now, size_t budget)
{
	struct attrs_pool *pool = attrs_pool_new(r->rib->arena);

	r->n = now->n_earlier + 1;
	r->moments = xcalloc(r->n, sizeof(*r->moments));
	r->bgps = xcalloc(r->n, sizeof(*r->bgps));
	r->tables = xcalloc(r->n, sizeof(*r->tables));
	for (size_t i = 0; i < r->n; i++) {
		struct local_case *c = &r->moments[i].c;

		*c = (struct local_case){.fabric = f, .now = i + 1 < r->n ? &now->earlier[i] : now, .pool = pool};
		r->bgps[i] = bgp_new(c, budget, r->bgps, i);
		r->tables[i] = tables_new(c, r->bgps[i], r->tables, r->rib->arena);
		apply_limits(r, i);
	}
	r->now = r->bgps[r->n - 1];
}

static void end(struct run *r)
{
	attrs_pool_free(r->moments[0].c.pool);
	for (size_t i = 0; i < r->n; i++) {
		tables_free(r->tables[i]);
		bgp_free(r->bgps[i]);
		vec_free(&r->moments[i].limits);
	}
	free(r->moments);
	free(r->bgps);
	free(r->tables);
}

static const char *table_name(struct rib *rib, const struct table *t)
{
	if (t->for_peers)
		return arena_printf(rib->arena, "%s/(peers)", t->device->name);
	return t->subnet ? arena_printf(rib->arena, "%s/%s", t->device->name, t->subnet->name) : t->device->name;
}

/* Without the room to grow that nobody needs any more. */
static struct rib_entry *take_entries(struct table *t)
{
	struct rib_entry *shrunk = t->entries.n ? realloc(t->entries.items, t->entries.n * sizeof(*shrunk)) : NULL;
	struct rib_entry *out = shrunk ? shrunk : t->entries.items;

	t->entries.items = NULL;
	vec_free(&t->entries);
	return out;
}

static void take_tables(struct rib *rib, struct tables *tables)
{
	vec_each(t, &tables->list) {
		struct rib_table out = {.index = rib->tables.n,
					.name = table_name(rib, t),
					.device = t->device->index,
					.subnet = t->subnet,
					.for_peers = t->for_peers,
					.n_entries = t->entries.n};

		out.entries = take_entries(t);
		vec_push(&rib->tables, out);
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

static struct rib *compute(const struct fabric *f, const struct conditions *now, size_t budget, bool by_class)
{
	static const struct conditions nothing_failed = {};
	struct rib *rib = xcalloc(1, sizeof(*rib));
	struct run r = {.rib = rib, .by_class = by_class};
	limit_list *limits;

	rib->arena = arena_new();
	rib->fabric = f;
	rib->converged = true;
	begin(&r, f, now ? now : &nothing_failed, budget);
	rib->sent = xcalloc(1, sizeof(*rib->sent));
	rib->sent->plan = r.now->plan;
	rib->sent->n_lists = r.now->sessions.n * 2;
	rib->sent->lists = xcalloc(rib->sent->n_lists, sizeof(*rib->sent->lists));
	run(&r);
	take_tables(rib, r.tables[r.n - 1]);
	take_sessions(rib, r.now);
	limits = &r.moments[r.n - 1].limits;
	rib->limits = *limits;
	*limits = (limit_list){};
	end(&r);
	return rib;
}

struct rib *rib_compute_within(const struct fabric *f, const struct conditions *now, size_t budget)
{
	return compute(f, now, budget, false);
}

struct rib *rib_compute(const struct fabric *f, const struct conditions *now)
{
	return compute(f, now, 0, false);
}

struct rib *rib_compute_classes(const struct fabric *f, const struct conditions *now)
{
	return compute(f, now, 0, true);
}

void rib_free(struct rib *r)
{
	if (!r)
		return;
	vec_each(t, &r->tables)
		free(t->entries);
	vec_free(&r->tables);
	vec_free(&r->sessions);
	vec_free(&r->limits);
	for (size_t i = 0; i < r->sent->n_lists; i++)
		vec_free(&r->sent->lists[i].runs);
	free(r->sent->lists);
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

const struct rib_table *rib_table_for_peers(const struct rib *r, uint32_t device)
{
	for (size_t i = r->fabric->devices.n; i < r->tables.n; i++) {
		if (r->tables.items[i].for_peers && r->tables.items[i].device == device)
			return &r->tables.items[i];
	}
	return rib_table_of(r, device);
}

const struct rib_table *rib_table_of_port(const struct rib *r, uint32_t port)
{
	const struct port *p = &r->fabric->ports.items[port];
	const struct device *d = &r->fabric->devices.items[p->device];

	if (p->role == ERX_ROLE_HOST)
		return rib_table_of_host(r, &r->fabric->hosts.items[r->fabric->links.items[p->link].host]);
	if (d->kind == ERX_KIND_VNET && (p->role == ERX_ROLE_GATEWAY || p->role == ERX_ROLE_MSEE))
		return table_of_subnet(r, p->device, d->vnet->gateway_subnet);
	if (p->role == ERX_ROLE_PEERING)
		return rib_table_for_peers(r, p->device);
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

const struct rib_entry *rib_cover(const struct rib_table *t, const struct prefix *p)
{
	struct prefix around = *p;

	while (around.len-- > 0) {
		const struct rib_entry *e = rib_find(t, &around);

		if (e && e->n_best)
			return e;
	}
	return NULL;
}

const struct rib_entry *rib_lookup(const struct rib_table *t, const struct addr *a)
{
	struct prefix p = prefix_of(a);
	const struct rib_entry *e = rib_find(t, &p);

	return e && e->n_best ? e : rib_cover(t, &p);
}

static const struct advertisement *make_advertisements(const struct rib *r, const struct sent_list *list)
{
	struct advertisement *out = arena_alloc(r->arena, list->n * sizeof(*out)), *next = out;

	vec_each(run, &list->runs) {
		for (uint32_t i = 0; i < run->n; i++)
			*next++ = (struct advertisement){.prefix = r->sent->plan->prefixes.items[run->first + i],
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
