// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/table.h"

#include <string.h>
#include <uthash.h>
#include "topo/gateway_subnet.h"

/* Candidates that some entry has had, and how they were ranked. */
struct route_set {
	uint64_t hash;
	const struct route *candidates; /* as they came */
	struct route *routes;
	unsigned n, n_best;
	enum decide_step decided_at;
	UT_hash_handle hh;
};

static bool is_up(const struct tables *t, uint32_t link)
{
	return link_is_up(t->c->fabric, t->c->now, link);
}

/* What a device knows of its neighbour on a link: these tables, or those of the moment since which that is silent. */
static const struct tables *heard(const struct tables *t, uint32_t link, uint32_t device)
{
	uint32_t since = link_deaf_since(t->c->fabric, t->c->now, link, device);

	return since ? t->earlier[since - 1] : t;
}

static const struct device *device_at(const struct tables *t, uint32_t device)
{
	return &t->c->fabric->devices.items[device];
}

static int compare_local(const void *a, const void *b)
{
	const struct local_route *x = a, *y = b;

	return prefix_compare(&x->prefix, &y->prefix);
}

static void reserve(struct table *table, const struct vnet *v, const char *reason)
{
	vec_each(space, &v->address_space) {
		struct reserved r = {.space = prefix_network(space), .reason = reason};

		vec_push(&table->reserved, r);
	}
}

/*
 * The system routes of a VNet and of its peers stay preferred, even against a
 * longer prefix learned by BGP (azure.md 8.1). The same holds for a gateway and
 * the VNets it serves, whose spaces are static routes there.
 */
static void reserve_spaces(struct tables *t, struct table *table)
{
	const struct vnet *v = table->device->vnet;
	vnet_list others = {};

	if (!v)
		return;
	reserve(table, v, "inside the VNet's own address space, whose system route stays preferred");
	if (table->for_peers)
		return;
	if (table->device->gateway) {
		vnets_behind(t->c->fabric->topo, v, &others);
	} else {
		vec_each(p, &v->peerings) {
			if (p->connected && p->allow_access)
				vec_push(&others, p->remote);
		}
	}
	vec_each(other, &others) {
		if (*other != v)
			reserve(table, *other,
				arena_printf(t->arena,
					     "inside the address space of peered VNet '%s', whose system route "
					     "stays preferred",
					     (*other)->name));
	}
	vec_free(&others);
}

static void add_table(struct tables *t, struct table new)
{
	struct table *table = vec_push(&t->list, new);

	if (table->for_peers)
		local_routes_for_peers(t->c, table->device, &table->local);
	else
		local_routes(t->c, table->device, table->subnet, &table->local);
	if (table->local.n)
		qsort(table->local.items, table->local.n, sizeof(*table->local.items), compare_local);
	reserve_spaces(t, table);
}

/* Whether what one peer sends through this VNet's gateways could meet its peering with another. */
static bool has_table_for_peers(const struct topo *t, const struct vnet *v)
{
	unsigned n = 0;
	bool used = false;

	vec_each(p, &v->peerings)
		n += p->connected;
	vec_each(other, &t->vnets)
		used |= other->remote_gateway_of == v;
	return used && n > 1;
}

static void add_tables_of_vnet(struct tables *t, const struct vnet *v)
{
	const struct device *d = device_at(t, device_of_vnet(t->c->fabric, v));

	if (has_table_for_peers(t->c->fabric->topo, v)) {
		t->for_peers[d->index] = t->list.n;
		add_table(t, (struct table){.device = d, .for_peers = true});
	}
	vec_each(s, &v->subnets) {
		if (s->route_table)
			add_table(t, (struct table){.device = d, .subnet = s});
	}
}

/* VNets take from gateways, spokes from their hub, switches from routers. */
static unsigned fill_round(const struct table *table)
{
	switch (table->device->kind) {
	case ERX_KIND_VNET: return table->device->vnet->remote_gateway_of ? 2 : 1;
	case ERX_KIND_LAN: return 1;
	default: return 0;
	}
}

static uint32_t inside_link(const struct tables *t, const struct device *d)
{
	uint32_t link = d->gateway ? device_link(t->c->fabric, d->index, LINK_GATEWAY, NULL, 0) : NO_INDEX;

	return is_up(t, link) ? link : NO_INDEX;
}

struct tables *tables_new(const struct local_case *c, const struct bgp *bgp, struct tables *const *earlier,
			  struct arena *arena)
{
	struct tables *t = xcalloc(1, sizeof(*t));

	t->c = c;
	t->bgp = bgp;
	t->earlier = earlier;
	t->arena = arena;
	t->inside = xcalloc(c->fabric->devices.n, sizeof(*t->inside));
	t->for_peers = xcalloc(c->fabric->devices.n, sizeof(*t->for_peers));
	vec_each(d, &c->fabric->devices) {
		t->inside[d->index] = inside_link(t, d);
		t->for_peers[d->index] = t->list.n;
		add_table(t, (struct table){.device = d});
	}
	vec_each(v, &c->fabric->topo->vnets)
		add_tables_of_vnet(t, v);
	for (unsigned round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < t->list.n; i++) {
			if (fill_round(&t->list.items[i]) == round)
				vec_push(&t->order, i);
		}
	}
	return t;
}

void tables_free(struct tables *t)
{
	vec_each(table, &t->list) {
		vec_free(&table->local);
		vec_free(&table->reserved);
		vec_free(&table->entries);
		HASH_CLEAR(hh, table->sets); /* the sets themselves are the arena's */
	}
	vec_free(&t->list);
	vec_free(&t->order);
	vec_free(&t->candidates);
	free(t->inside);
	free(t->for_peers);
	free(t);
}

/* A way out that several instances of a gateway know is one route. */
static bool has_link(const struct tables *t, uint32_t link)
{
	vec_each(r, &t->candidates) {
		if (r->source == SOURCE_BGP && r->link == link)
			return true;
	}
	return false;
}

static void add_learned(struct tables *t, const struct table *table)
{
	const struct speaker *s = &t->bgp->speakers[table->device->index];

	vec_each(r, &s->learned)
		vec_push(&t->candidates, *r);
}

/* By which link a VNet reaches what a gateway instance has learned; NO_INDEX: not by this one. */
static uint32_t way_out(const struct tables *t, const struct device *gateway, const struct route *learned)
{
	const struct session *s = &t->bgp->sessions.items[learned->session];

	switch (s->kind) {
	case SESSION_VPN: return t->inside[gateway->index];
	/* Azure to on-premises never crosses the ExpressRoute gateway (azure.md 3.1). */
	case SESSION_GATEWAY: return s->past_gateway;
	default: return NO_INDEX; /* iBGP: the other gateway gives it to the VNet itself */
	}
}

static void add_gateway_route(struct tables *t, const struct device *gateway, struct route r, uint32_t link)
{
	if (!is_up(t, link) || has_link(t, link))
		return;
	if (gateway->kind == ERX_KIND_VPNGW)
		r.next_hop = gateway->instance_addr;
	r.source = SOURCE_BGP;
	r.from = gateway->index;
	r.router_id = gateway->router_id;
	r.link = link;
	vec_push(&t->candidates, r);
}

/* The best and equal routes of one gateway instance, or its static one, as the VNet has them from it. */
static void add_from_instance(struct tables *t, uint32_t vnet, uint32_t device)
{
	const struct device *gateway = device_at(t, device);
	const struct speaker *s;

	if (t->inside[device] == NO_INDEX)
		return;
	s = &heard(t, t->inside[device], vnet)->bgp->speakers[device];
	if (s->origin && s->origin->connection) {
		struct route r = {.attrs = s->origin->attrs, .session = NO_INDEX, .connection = s->origin->connection};

		add_gateway_route(t, gateway, r, t->inside[device]);
	}
	for (unsigned i = 0; !s->origin && i < s->n_best; i++)
		add_gateway_route(t, gateway, s->learned.items[i], way_out(t, gateway, &s->learned.items[i]));
}

static void add_from_gateways(struct tables *t, const struct vnet *v)
{
	const struct gateway *gateways[] = {v->er_gateway, v->vpn_gateway};

	for (int k = 0; k < 2; k++) {
		for (unsigned i = 0; gateways[k] && i < gateway_instances(gateways[k]); i++)
			add_from_instance(t, device_of_vnet(t->c->fabric, v),
					  device_of_gateway(t->c->fabric, gateways[k], i));
	}
}

/* The entry another table has just got for the prefix at hand, when a BGP route is in use there. */
static const struct route *best_learned(const struct tables *t, uint32_t table, const struct prefix *p)
{
	const struct table *from = &t->list.items[table];
	const struct rib_entry *e = from->entries.n ? &from->entries.items[from->entries.n - 1] : NULL;

	if (!e || !prefix_equal(&e->prefix, p) || !e->n_best)
		return NULL;
	/* A static VPN route is handed on like a learned one. */
	return e->routes[0].attrs ? &e->routes[0] : NULL;
}

static void add_from_device(struct tables *t, const struct table *to, uint32_t device, uint32_t link,
			    struct addr next_hop, const struct prefix *p)
{
	const struct route *best = is_up(t, link)
					   ? best_learned(heard(t, link, to->device->index), t->for_peers[device], p)
					   : NULL;
	struct route r;

	if (!best)
		return;
	r = *best;
	r.source = SOURCE_BGP;
	r.from = device;
	r.router_id = device_at(t, device)->router_id;
	r.link = link;
	if (addr_is_set(&next_hop))
		r.next_hop = next_hop;
	vec_push(&t->candidates, r);
}

/* A spoke's traffic leaves for the hub, which chooses among its gateways' routes. */
static void add_learned_by_vnet(struct tables *t, const struct table *table, const struct prefix *p)
{
	const struct fabric *f = t->c->fabric;
	const struct vnet *v = table->device->vnet;

	if (table->subnet && table->subnet->route_table->disable_bgp_propagation)
		return;
	if (v->remote_gateway_of) {
		uint32_t hub = device_of_vnet(f, v->remote_gateway_of);

		add_from_device(t, table, hub, peering_link(f, table->device->index, hub), (struct addr){}, p);
	} else {
		add_from_gateways(t, v);
	}
}

static void add_learned_by_switch(struct tables *t, const struct table *table, const struct prefix *p)
{
	const struct fabric *f = t->c->fabric;

	vec_each(i, &table->device->ports) {
		const struct port *port = &f->ports.items[*i];

		if (port->role == ERX_ROLE_CE) {
			const struct port *ce = &f->ports.items[port_peer(f, port->index)];

			add_from_device(t, table, ce->device, port->link, ce->addr.addr, p);
		}
	}
}

static void mark_reserved(struct tables *t, const struct table *table, const struct prefix *p)
{
	/* At equal length the source decides between a gateway's static route and one it has learned. */
	unsigned longer = table->device->gateway ? 1 : 0;

	if (!t->candidates.n)
		return;
	vec_each(reserved, &table->reserved) {
		if (!prefix_covers(&reserved->space, p) || p->len < reserved->space.len + longer)
			continue;
		vec_each(r, &t->candidates)
			r->invalid = reserved->reason;
	}
}

/*
 * A system route that has lost to another one of its prefix is Invalid in Azure's list. These are not in the list at
 * all beside routes of some sources, to their own prefix or to 0.0.0.0/0 (azure.md 8.1).
 */
#define FROM(source) (1u << SOURCE_##source)

static const struct {
	enum route_source system;
	unsigned beside, under_default;
} replaced[] = {
	{SOURCE_SYSTEM_NONE, .beside = FROM(UDR) | FROM(BGP) | FROM(PEERING), .under_default = FROM(UDR) | FROM(BGP)},
	{SOURCE_INTERNET, .beside = FROM(BGP)},
};

/* The sources, as bits, of the routes that may be used. */
static unsigned usable_sources(const struct route *routes, size_t n)
{
	unsigned sources = 0;

	for (size_t i = 0; i < n; i++)
		sources |= routes[i].invalid ? 0 : 1u << routes[i].source;
	return sources;
}

/* One that is not there although nothing else has its prefix keeps its entry, and packets go by what is around it. */
static void mark_replaced(struct tables *t, const struct table *table)
{
	unsigned beside = usable_sources(t->candidates.items, t->candidates.n);

	vec_each(r, &t->candidates) {
		for (size_t i = 0; i < sizeof(replaced) / sizeof(replaced[0]); i++) {
			if (r->source != replaced[i].system)
				continue;
			r->unlisted = beside & replaced[i].beside;
			if (!r->unlisted && table->default_from & replaced[i].under_default) {
				r->unlisted = true;
				r->invalid = table->default_says;
			}
		}
	}
}

static const char *default_text(const struct tables *t, const struct table *table, const struct route *best)
{
	if (best->source == SOURCE_UDR)
		return arena_printf(t->arena,
				    "user-defined default route '%s' of route table '%s' takes Azure's system routes "
				    "to None away",
				    best->udr->name, table->subnet->route_table->name);
	return arena_printf(t->arena, "the default route from '%s' takes Azure's system routes to None away",
			    device_at(t, best->from)->name);
}

/* 0.0.0.0/0 is the first prefix of a table, so all that it takes away is still to come. */
static void remember_default(const struct tables *t, struct table *table, const struct rib_entry *e)
{
	const struct route *best = &e->routes[0];

	if (e->prefix.len || table->device->kind != ERX_KIND_VNET || !e->n_best)
		return;
	table->default_from = usable_sources(e->routes, e->n_routes);
	if (best->source == SOURCE_UDR || best->source == SOURCE_BGP)
		table->default_says = default_text(t, table, best);
}

static void gather(struct tables *t, struct table *table, const struct prefix *p)
{
	size_t learned;

	t->candidates.n = 0;
	switch (table->device->kind) {
	case ERX_KIND_VNET: add_learned_by_vnet(t, table, p); break;
	case ERX_KIND_LAN: add_learned_by_switch(t, table, p); break;
	default: add_learned(t, table); break;
	}
	mark_reserved(t, table, p);
	learned = t->candidates.n;
	while (table->next < table->local.n && prefix_equal(&table->local.items[table->next].prefix, p))
		vec_push(&t->candidates, table->local.items[table->next++].route);
	if (t->candidates.n > learned)
		mark_replaced(t, table);
}

static bool same_route(const struct route *a, const struct route *b)
{
	return a->source == b->source && a->attrs == b->attrs && a->from == b->from && a->link == b->link &&
	       a->session == b->session && a->connection == b->connection && a->udr == b->udr && a->echo == b->echo &&
	       a->invalid == b->invalid && a->unlisted == b->unlisted && addr_equal(&a->next_hop, &b->next_hop) &&
	       addr_equal(&a->router_id, &b->router_id);
}

static uint64_t mix(uint64_t h, uint64_t value)
{
	h = (h ^ value) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 32;
}

static uint64_t hash_candidates(const struct tables *t)
{
	uint64_t h = t->candidates.n;

	vec_each(r, &t->candidates) {
		h = mix(h, (uintptr_t)r->attrs);
		h = mix(h, (uint64_t)r->from << 32 | r->link);
		h = mix(h, (uint64_t)r->session << 32 | r->source << 1 | !!r->invalid);
	}
	return h;
}

static bool same_candidates(const struct tables *t, const struct route_set *set)
{
	if (t->candidates.n != set->n)
		return false;
	for (size_t i = 0; i < set->n; i++) {
		if (!same_route(&t->candidates.items[i], &set->candidates[i]))
			return false;
	}
	return true;
}

static struct route_set *rank_candidates(struct tables *t, struct table *table)
{
	size_t size = t->candidates.n * sizeof(struct route);
	struct route_set *set = arena_alloc(t->arena, sizeof(*set));
	struct ranking ranking;

	set->n = t->candidates.n;
	set->candidates = memcpy(arena_alloc(t->arena, size), t->candidates.items, size);
	set->routes = memcpy(arena_alloc(t->arena, size), t->candidates.items, size);
	ranking = decide_rank(set->routes, set->n, decide_rules_of(table->device->kind));
	set->n_best = ranking.n_best;
	set->decided_at = ranking.decided_at;
	return set;
}

/* Most prefixes come the same ways as some other one: their routes are ranked and kept once. */
static const struct route_set *find_set(struct tables *t, struct table *table)
{
	uint64_t hash = hash_candidates(t);
	struct route_set *set;

	HASH_FIND(hh, table->sets, &hash, sizeof(hash), set);
	if (set && same_candidates(t, set))
		return set;
	if (set) /* another one of this hash keeps its place */
		return rank_candidates(t, table);
	set = rank_candidates(t, table);
	set->hash = hash;
	HASH_ADD(hh, table->sets, hash, sizeof(set->hash), set);
	return set;
}

static void add_entry(struct tables *t, struct table *table, const struct rib_entry *draft)
{
	const struct route_set *set;
	struct rib_entry e = *draft;

	gather(t, table, &e.prefix);
	if (!t->candidates.n)
		return;
	set = find_set(t, table);
	e.routes = set->routes;
	e.n_routes = set->n;
	e.n_best = set->n_best;
	e.decided_at = set->decided_at;
	vec_push(&table->entries, e);
	remember_default(t, table, &e);
}

void tables_add(struct tables *t, const struct prefix *p, uint64_t announced_by, uint32_t n_alike)
{
	struct rib_entry draft = {.prefix = *p, .announced_by = announced_by, .n_alike = n_alike};

	vec_each(i, &t->order)
		add_entry(t, &t->list.items[*i], &draft);
}

void tables_forget(struct tables *t)
{
	vec_each(table, &t->list)
		table->entries.n = 0;
}
