// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/speaker.h"

#include <string.h>
#include "ctl/local.h"
#include "topo/gateway_subnet.h"

/*
 * UPDATEs that one prefix may take, per session. A network that settles needs
 * about as many as its longest path has sessions.
 */
#define UPDATES_PER_SESSION 32
#define UPDATES_AT_LEAST    1024

bool link_is_up(const struct fabric *f, const struct conditions *now, uint32_t link)
{
	return link != NO_INDEX && !f->links.items[link].down_in_file && !(now->link_down && now->link_down[link]);
}

uint32_t link_deaf_since(const struct fabric *f, const struct conditions *now, uint32_t link, uint32_t device)
{
	const struct link *l = &f->links.items[link];

	if (!now->deaf_since)
		return 0;
	return now->deaf_since[link * 2 + (f->ports.items[l->ports[0]].device == device ? 0 : 1)];
}

static const char *why_down(const struct bgp *b, uint32_t link)
{
	const char *because = b->now->because && link != NO_INDEX ? b->now->because[link] : NULL;

	if (!link_is_up(b->fabric, b->now, link))
		return because ? because : "link down";
	if (!b->now->session_down || !b->now->session_down[link])
		return NULL;
	return because ? because : "session down";
}

static void add_session(struct bgp *b, struct session s)
{
	uint32_t index = b->sessions.n;
	struct received none = {};

	vec_push(&b->sessions, s);
	for (unsigned end = 0; end < 2; end++) {
		struct neighbour n = {.session = index, .end = end};

		vec_push(&b->received, none);
		vec_push(&b->speakers[s.ends[end].device].neighbours, n);
	}
}

/* What a link of this kind has speakers at both ends for; N_SESSION_KINDS: nothing. */
static enum session_kind session_kind_of(const struct link *l)
{
	switch (l->kind) {
	case LINK_CIRCUIT: return SESSION_CIRCUIT;
	case LINK_MSEE_ERGW: return SESSION_GATEWAY;
	case LINK_REACH: return SESSION_REACH;
	case LINK_TUNNEL: return l->connection->enable_bgp ? SESSION_VPN : N_SESSION_KINDS;
	default: return N_SESSION_KINDS;
	}
}

struct addr tunnel_bgp_addr(const struct fabric *f, uint32_t port)
{
	const struct port *p = &f->ports.items[port];
	const struct device *d = &f->devices.items[p->device];
	const struct local_gateway *local = f->links.items[p->link].connection->local_gateway;

	if (d->gateway)
		return d->bgp_addr;
	return local && addr_is_set(&local->bgp_address) ? local->bgp_address : p->addr.addr;
}

static struct session_end link_end(const struct fabric *f, const struct link *l, unsigned end)
{
	const struct port *p = &f->ports.items[l->ports[end]];

	return (struct session_end){.device = p->device,
				    .addr = l->kind == LINK_TUNNEL ? tunnel_bgp_addr(f, p->index) : p->addr.addr,
				    .link = l->index};
}

static uint32_t past_gateway(const struct fabric *f, const struct link *l)
{
	const struct port *ergw = &f->ports.items[l->ports[1]];

	if (l->kind != LINK_MSEE_ERGW)
		return NO_INDEX;
	return device_link(f, device_of_vnet(f, f->devices.items[ergw->device].vnet), LINK_VNET_MSEE, l->connection,
			   l->path);
}

static void add_link_sessions(struct bgp *b)
{
	vec_each(l, &b->fabric->links) {
		struct session s = {.kind = session_kind_of(l), .link = l->index, .connection = l->connection};

		if (s.kind == N_SESSION_KINDS)
			continue;
		s.down_because = why_down(b, l->index);
		s.ends[0] = link_end(b->fabric, l, 0);
		s.ends[1] = link_end(b->fabric, l, 1);
		s.past_gateway = past_gateway(b->fabric, l);
		add_session(b, s);
	}
}

static struct session_end inside_end(const struct fabric *f, const struct gateway *g, unsigned instance)
{
	uint32_t device = device_of_gateway(f, g, instance);

	return (struct session_end){.device = device,
				    .addr = f->devices.items[device].instance_addr,
				    .link = device_link(f, device, LINK_GATEWAY, NULL, 0)};
}

/* The gateways of one VNet are an iBGP mesh (azure.md 7.4), over the VNet itself. */
static void add_inside_sessions(struct bgp *b)
{
	vec_each(v, &b->fabric->topo->vnets) {
		if (!v->er_gateway || !v->vpn_gateway)
			continue;
		for (unsigned i = 0; i < gateway_instances(v->er_gateway); i++) {
			for (unsigned k = 0; k < gateway_instances(v->vpn_gateway); k++) {
				struct session s = {.kind = SESSION_INSIDE, .link = NO_INDEX, .past_gateway = NO_INDEX};

				s.ends[0] = inside_end(b->fabric, v->er_gateway, i);
				s.ends[1] = inside_end(b->fabric, v->vpn_gateway, k);
				if (!link_is_up(b->fabric, b->now, s.ends[0].link) ||
				    !link_is_up(b->fabric, b->now, s.ends[1].link))
					s.down_because = "link down";
				add_session(b, s);
			}
		}
	}
}

static uint32_t far_device(const struct fabric *f, uint32_t link, uint32_t device)
{
	return f->ports.items[port_peer(f, device_port_on(f, device, link))].device;
}

static uint32_t earlier_of(uint32_t a, uint32_t b)
{
	return !a || (b && b < a) ? b : a;
}

/* Up to which moment an end has heard the other one. Inside a VNet messages cross the links of both gateways. */
static uint32_t session_deaf_since(const struct bgp *b, const struct session *s, unsigned end)
{
	const struct session_end *to = &s->ends[end], *from = &s->ends[!end];
	uint32_t since = link_deaf_since(b->fabric, b->now, to->link, to->device);

	if (s->link != NO_INDEX)
		return since;
	return earlier_of(
		since, link_deaf_since(b->fabric, b->now, from->link, far_device(b->fabric, from->link, from->device)));
}

static void hold_sessions(struct bgp *b, struct bgp *const *earlier)
{
	b->is_held = xcalloc(b->received.n, sizeof(*b->is_held));
	for (uint32_t slot = 0; slot < b->received.n; slot++) {
		const struct session *s = &b->sessions.items[slot / 2];
		uint32_t since = s->down_because ? 0 : session_deaf_since(b, s, slot % 2);

		if (!since)
			continue;
		vec_push(&b->held, ((struct held){.slot = slot, .said = earlier[since - 1]}));
		b->is_held[slot] = true;
	}
}

struct bgp *bgp_new(const struct local_case *c, size_t budget, struct bgp *const *earlier, size_t n_earlier)
{
	const struct fabric *f = c->fabric;
	struct bgp *b = xcalloc(1, sizeof(*b));

	b->fabric = f;
	b->now = c->now;
	b->plan = plan_of(f);
	b->pool = c->pool;
	b->announced = xcalloc(b->plan->announcers.n, sizeof(const struct attrs *));
	for (size_t i = 0; i < b->plan->announcers.n; i++)
		b->announced[i] = announced_attrs(c, &b->plan->announcers.items[i]);
	b->speakers = xcalloc(f->devices.n, sizeof(*b->speakers));
	for (size_t i = 0; i < f->devices.n; i++)
		b->speakers[i].told_session = NO_INDEX;
	add_link_sessions(b);
	add_inside_sessions(b);
	b->before = n_earlier ? earlier[n_earlier - 1] : NULL;
	hold_sessions(b, earlier);
	b->budget = budget ? budget : UPDATES_AT_LEAST + UPDATES_PER_SESSION * b->sessions.n;
	return b;
}

void bgp_free(struct bgp *b)
{
	for (size_t i = 0; i < b->fabric->devices.n; i++) {
		vec_free(&b->speakers[i].neighbours);
		vec_free(&b->speakers[i].learned);
	}
	free(b->speakers);
	free(b->announced);
	vec_free(&b->origins);
	vec_free(&b->sessions);
	vec_free(&b->received);
	vec_free(&b->held);
	free(b->is_held);
	vec_free(&b->changed);
	vec_free(&b->queue);
	vec_free(&b->active);
	free(b);
}

static void activate(struct bgp *b, uint32_t device)
{
	struct speaker *s = &b->speakers[device];

	if (!s->active)
		vec_push(&b->active, device);
	s->active = true;
}

static void enqueue(struct bgp *b, uint32_t device)
{
	struct speaker *s = &b->speakers[device];

	activate(b, device);
	if (s->queued)
		return;
	s->queued = true;
	vec_push(&b->queue, device);
}

static void forget_prefix(struct bgp *b)
{
	vec_each(i, &b->changed)
		b->received.items[*i] = (struct received){};
	vec_each(i, &b->active) {
		struct speaker *s = &b->speakers[*i];

		s->learned.n = 0;
		s->n_best = 0;
		s->queued = s->active = false;
		s->origin = NULL;
		s->told = NULL;
		s->told_session = NO_INDEX;
	}
	b->changed.n = b->active.n = b->queue.n = b->next = b->origins.n = 0;
}

static struct route learned_route(const struct bgp *b, const struct neighbour *n, const struct attrs *accepted)
{
	const struct session *s = &b->sessions.items[n->session];
	const struct session_end *far = &s->ends[!n->end];

	return (struct route){.source = SOURCE_BGP,
			      .attrs = accepted,
			      .from = far->device,
			      .next_hop = far->addr,
			      .router_id = b->fabric->devices.items[far->device].router_id,
			      .link = s->ends[n->end].link,
			      .session = n->session,
			      .connection = s->connection};
}

/* Adj-RIB-In to Loc-RIB. */
static void decide(struct bgp *b, uint32_t device)
{
	struct speaker *s = &b->speakers[device];
	const struct decide_rules *rules = decide_rules_of(b->fabric->devices.items[device].kind);

	s->learned.n = 0;
	vec_each(n, &s->neighbours) {
		const struct attrs *accepted = b->received.items[n->session * 2 + n->end].accepted;

		if (accepted)
			vec_push(&s->learned, learned_route(b, n, accepted));
	}
	s->n_best = decide_rank(s->learned.items, s->learned.n, rules).n_best;
}

/*
 * Of routes that share the load only one is told on: that of the lowest router
 * id (RFC 4271 9.1.2.2 f). Members of a multipath are kept in the file's order.
 */
static const struct route *best_of(const struct bgp *b, uint32_t device)
{
	const struct speaker *s = &b->speakers[device];
	const struct decide_rules *rules = decide_rules_of(b->fabric->devices.items[device].kind);
	const struct route *best = s->learned.items;
	enum decide_step step;

	for (unsigned i = 1; i < s->n_best; i++) {
		if (route_compare(&s->learned.items[i], best, rules, &step) > 0)
			best = &s->learned.items[i];
	}
	return best;
}

/* Loc-RIB to Adj-RIB-Out: the one route a speaker tells its neighbours of. */
static struct policy_source choose(const struct bgp *b, uint32_t device, uint32_t *session)
{
	const struct speaker *s = &b->speakers[device];
	const struct route *best = best_of(b, device);

	*session = NO_INDEX;
	if (s->origin)
		return (struct policy_source){.attrs = s->origin->attrs, .is_static = s->origin->connection};
	if (!s->n_best)
		return (struct policy_source){};
	*session = best->session;
	return (struct policy_source){
		.attrs = best->attrs, .learned = &b->sessions.items[best->session], .from = best->from};
}

/* A gateway's limit is on what it learns from edge routers (azure.md 6). */
static bool is_full_for(const struct bgp *b, const struct session *s, uint32_t device)
{
	return s->kind == SESSION_GATEWAY && b->speakers[device].full;
}

/* An UPDATE, or a withdrawal when sent is NULL: processed by the receiver at once. */
static void deliver(struct bgp *b, const struct policy_case *c, uint32_t session, const struct attrs *sent)
{
	unsigned end = !c->sender;
	uint32_t slot = session * 2 + end, device = c->session->ends[end].device;
	struct received *r = &b->received.items[slot];
	const struct attrs *before = r->accepted;

	if (r->sent == sent)
		return;
	b->events++;
	r->sent = sent;
	r->offered = sent ? policy_import(c, sent, b->speakers[device].origin) : NULL;
	r->accepted = c->session->over || is_full_for(b, c->session, device) ? NULL : r->offered;
	if (!r->changed)
		vec_push(&b->changed, slot);
	r->changed = true;
	activate(b, device);
	if (r->accepted != before)
		enqueue(b, device);
}

static void advertise(struct bgp *b, uint32_t device)
{
	struct speaker *s = &b->speakers[device];
	struct policy_source source;
	uint32_t session;

	source = choose(b, device, &session);
	if (source.attrs == s->told && session == s->told_session)
		return;
	s->told = source.attrs;
	s->told_session = session;
	vec_each(n, &s->neighbours) {
		struct policy_case c = {.fabric = b->fabric,
					.now = b->now,
					.pool = b->pool,
					.session = &b->sessions.items[n->session],
					.sender = n->end,
					.prefix = &b->prefix};

		if (!c.session->down_because && !b->is_held[n->session * 2 + !n->end])
			deliver(b, &c, n->session, source.attrs ? policy_export(&c, &source) : NULL);
	}
}

static void originate(struct bgp *b, const struct prefix_class *k)
{
	for (uint32_t i = 0; i < k->n_announced; i++) {
		uint32_t from = b->plan->announcements.items[k->announced_at + i].announcer;
		const struct announcer *a = &b->plan->announcers.items[from];

		if (b->announced[from])
			vec_push(&b->origins, ((struct origination){.device = a->device,
								    .attrs = b->announced[from],
								    .connection = a->connection}));
	}
	vec_each(o, &b->origins) {
		struct speaker *s = &b->speakers[o->device];

		if (!s->origin)
			s->origin = o;
		enqueue(b, o->device);
	}
}

/* What nobody has taken back yet. */
static void recall(struct bgp *b)
{
	vec_each(h, &b->held) {
		struct policy_case c = {.fabric = b->fabric,
					.now = b->now,
					.pool = b->pool,
					.session = &b->sessions.items[h->slot / 2],
					.sender = !(h->slot % 2),
					.prefix = &b->prefix};

		deliver(b, &c, h->slot / 2, h->said->received.items[h->slot].sent);
	}
}

/* No policy looks at a prefix but to tell a default route. */
static bool settles_as_before(const struct bgp *b, const struct prefix_class *k)
{
	const struct prefix_class *last = b->settled;

	if (!last || last->n_announced != k->n_announced || last->announced_by != k->announced_by || !b->prefix.len ||
	    !b->plan->prefixes.items[k->first].len)
		return false;
	for (uint32_t i = 0; i < k->n_announced; i++) {
		if (b->plan->announcements.items[last->announced_at + i].announcer !=
		    b->plan->announcements.items[k->announced_at + i].announcer)
			return false;
	}
	return true;
}

static bool settle(struct bgp *b, const struct prefix_class *k)
{
	size_t limit = b->events + b->budget;

	forget_prefix(b);
	originate(b, k);
	recall(b);
	while (b->next < b->queue.n) {
		uint32_t device = b->queue.items[b->next++];

		b->speakers[device].queued = false;
		decide(b, device);
		advertise(b, device);
		if (b->events > limit)
			return false;
	}
	return true;
}

bool bgp_settle(struct bgp *b, const struct prefix_class *k)
{
	bool before_in_time = !b->before || bgp_settle(b->before, k);

	b->moved = !settles_as_before(b, k) || (b->before && b->before->moved);
	b->settled = k;
	b->prefix = b->plan->prefixes.items[k->first];
	if (b->moved)
		b->in_time = settle(b, k);
	return b->in_time && before_in_time;
}
