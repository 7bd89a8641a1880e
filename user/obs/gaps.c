// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "obs/gaps.h"

/* Reached at this distance from the device; those one further away are told as well, as they may be what one wants. */
#define FURTHER 1

enum lead { UNKNOWN, ASKED, LEADS, LEADS_NOT };

struct edge {
	enum gap_kind kind;
	uint32_t ends[2]; /* devices */
	uint32_t link;
	bool up;
	const struct session_view *session;
};

struct search {
	const struct image *image;
	const struct host *to;
	enum lead *leads; /* by device */
	VEC(struct edge) edges;
};

/* --- Who knows ---------------------------------------------------------------------------------------------------- */

static bool leads(struct search *s, uint32_t device);

/* A route leads on when the device behind its link leads there. */
static bool route_leads(struct search *s, uint32_t device, const struct route *r)
{
	const struct fabric *f = s->image->fabric;
	const struct link *l = r->link == NO_INDEX ? NULL : &f->links.items[r->link];
	uint32_t port;

	if (!l)
		return false;
	if (l->kind == LINK_HOST)
		return l->host == s->to->index;
	port = device_port_on(f, device, l->index);
	return port != NO_INDEX && leads(s, f->ports.items[port_peer(f, port)].device);
}

static bool find_lead(struct search *s, uint32_t device)
{
	const struct rib_entry *e = rib_lookup(rib_table_of(s->image->now, device), &s->to->addr);

	for (unsigned i = 0; e && i < e->n_best; i++)
		if (route_leads(s, device, &e->routes[i]))
			return true;
	return false;
}

static bool leads(struct search *s, uint32_t device)
{
	if (s->leads[device] == UNKNOWN) {
		s->leads[device] = ASKED;
		s->leads[device] = find_lead(s, device) ? LEADS : LEADS_NOT;
	}
	return s->leads[device] == LEADS;
}

bool device_leads_to(const struct image *image, uint32_t device, const struct host *to)
{
	struct search s = {.image = image, .to = to};
	bool yes;

	s.leads = xcalloc(image->fabric->devices.n, sizeof(*s.leads));
	yes = leads(&s, device);
	free(s.leads);
	return yes;
}

/* --- What could carry a route ------------------------------------------------------------------------------------- */

static bool link_up(const struct image *image, const struct link *l)
{
	return !l->down_in_file && !(image->link_down && image->link_down[l->index]);
}

static void add_edge(struct search *s, enum gap_kind kind, uint32_t a, uint32_t b, const struct link *l)
{
	struct edge e = {.kind = kind, .ends = {a, b}, .link = NO_INDEX, .up = true};

	if (l) {
		e.link = l->index;
		e.up = link_up(s->image, l);
	}
	vec_push(&s->edges, e);
}

static void add_sessions(struct search *s)
{
	static const enum gap_kind kinds[N_SESSION_KINDS] = {[SESSION_CIRCUIT] = GAP_CIRCUIT,
							     [SESSION_GATEWAY] = GAP_GATEWAY,
							     [SESSION_REACH] = GAP_REACH,
							     [SESSION_VPN] = GAP_VPN,
							     [SESSION_INSIDE] = GAP_INSIDE};

	vec_each(view, &s->image->now->sessions) {
		struct edge e = {
			.kind = kinds[view->kind],
			.ends = {view->a, view->b},
			.link = view->link,
			.up = view->up,
			.session = view,
		};

		vec_push(&s->edges, e);
	}
}

static void add_links(struct search *s)
{
	const struct fabric *f = s->image->fabric;

	vec_each(l, &f->links) {
		uint32_t a, b;

		if (l->ports[1] == NO_INDEX)
			continue;
		a = f->ports.items[l->ports[0]].device;
		b = f->ports.items[l->ports[1]].device;
		if (l->kind == LINK_GATEWAY)
			add_edge(s, GAP_OWN, a, b, l);
		else if (l->kind == LINK_LAN)
			add_edge(s, GAP_LAN, a, b, l);
		else if (l->kind == LINK_TUNNEL && !l->connection->enable_bgp)
			add_edge(s, GAP_STATIC_VPN, a, b, l);
	}
}

static void add_peerings(struct search *s)
{
	const struct fabric *f = s->image->fabric;

	vec_each(v, &f->topo->vnets) {
		vec_each(half, &v->peerings) {
			if (!half->connected || v < half->remote)
				add_edge(s, GAP_PEERING, device_of_vnet(f, v), device_of_vnet(f, half->remote), NULL);
		}
	}
}

/* --- The search --------------------------------------------------------------------------------------------------- */

/* Gateways ask their VNet for nothing but address space: what it has learned is from them. */
static bool could_tell(const struct edge *e, const struct device *knows, const struct rib_entry *entry)
{
	enum route_source source = entry->routes[0].source;

	if (e->kind == GAP_LAN)
		return !e->up;
	if (e->kind != GAP_OWN || !e->up)
		return true;
	return knows->kind == ERX_KIND_VNET ? source != SOURCE_BGP && source != SOURCE_UDR : source == SOURCE_BGP;
}

static void add_gap(struct search *s, const struct edge *e, uint32_t knows, uint32_t lacks, gap_list *out)
{
	const struct device *devices = s->image->fabric->devices.items;
	struct gap g = {.kind = e->kind,
			.knows = &devices[knows],
			.lacks = &devices[lacks],
			.link = e->link,
			.up = e->up,
			.session = e->session,
			.entry = rib_lookup(rib_table_of(s->image->now, knows), &s->to->addr)};

	if (could_tell(e, g.knows, g.entry))
		vec_push(out, g);
}

/* Look at one device's neighbours; those that do not know either are asked next. */
static void visit(struct search *s, uint32_t device, unsigned *distance, index_list *queue, gap_list *out)
{
	vec_each(e, &s->edges) {
		uint32_t other = e->ends[0] == device ? e->ends[1] : e->ends[0];

		if (e->ends[0] != device && e->ends[1] != device)
			continue;
		if (leads(s, other)) {
			add_gap(s, e, other, device, out);
		} else if (distance[other] > distance[device] + 1) {
			distance[other] = distance[device] + 1;
			vec_push(queue, other);
		}
	}
}

void gaps_find(const struct image *image, uint32_t device, const struct host *to, gap_list *out)
{
	struct search s = {.image = image, .to = to};
	size_t n = image->fabric->devices.n;
	unsigned *distance = xcalloc(n, sizeof(*distance)), until = UINT32_MAX;
	index_list queue = {};

	s.leads = xcalloc(n, sizeof(*s.leads));
	add_sessions(&s);
	add_links(&s);
	add_peerings(&s);
	for (size_t i = 0; i < n; i++)
		distance[i] = UINT32_MAX;
	distance[device] = 0;
	vec_push(&queue, device);
	for (size_t next = 0; next < queue.n && distance[queue.items[next]] <= until; next++) {
		uint32_t at = queue.items[next];

		visit(&s, at, distance, &queue, out);
		if (out->n && until == UINT32_MAX)
			until = distance[at] + FURTHER;
	}
	vec_free(&queue);
	vec_free(&s.edges);
	free(s.leads);
	free(distance);
}
