// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fwd/walk.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "erxdp/hash.h"

static const char *const outcome_texts[] = {
#define X(field, name, text) text,
	ERX_DELIVERIES(X) ERX_DROPS(X)
#undef X
};

static enum erx_outcome stop_outcome(const struct erx_hops *hops)
{
	if (hops->flags & ERX_GROUP_NO_ROUTE)
		return ERX_no_route;
	if (hops->flags & ERX_GROUP_NONE)
		return ERX_route_none;
	if (hops->flags & ERX_GROUP_INTERNET)
		return ERX_internet;
	return hops->flags & ERX_GROUP_ECHO ? ERX_answered_echo : ERX_local;
}

static uint32_t choose_member(const struct image_port *port, const struct erx_hops *hops, const struct flow *flow)
{
	uint32_t hash = erx_flow_hash(port->entry.hash_basis, addr_be32(&flow->src), addr_be32(&flow->dst),
				      flow->protocol, htons(flow->sport), htons(flow->dport));
	uint32_t best = 0, chosen = 0;

	for (uint32_t i = 0; i < hops->n && hops->n > 1; i++) {
		uint32_t score = erx_member_score(hash, hops->members[i].score_key);

		if (score > best) {
			best = score;
			chosen = i;
		}
	}
	return chosen;
}

static bool edge_admits(const struct image *image, const struct erx_adjacency *adj, const struct flow *flow)
{
	const struct image_route *known = NULL;

	if (adj->icmp_check == ERX_CHECK_NONE || !flow->icmp_error)
		return true;
	if (adj->icmp_check == ERX_CHECK_PRIVATE && addr_is_private(&flow->src))
		return true;
	vec_each(t, &image->tables) {
		if (t->id == adj->check_table)
			known = image_lookup(image, t, &flow->src);
	}
	return known && image->groups.items[known->group_at].entry.flags & ERX_GROUP_VNET_TAG;
}

/* The TTL left after this device, or where it ran out. */
static enum erx_outcome lower_ttl(struct step *s, bool originated)
{
	const struct erx_policy *policy = &s->policy->policy;
	unsigned left = s->ttl_in - 1;

	s->ttl_out = s->ttl_in;
	if (originated)
		return ERX_forwarded;
	if (left < policy->decrements)
		return policy->answers >> left & 1 ? ERX_answered_time_exceeded : ERX_ttl_silent;
	s->ttl_out -= policy->decrements;
	return ERX_forwarded;
}

static enum erx_outcome cross(const struct image *image, const struct flow *flow, bool originated, struct step *s)
{
	const struct image_port *in = &image->ports.items[s->in_port];
	struct policy_case a_case = policy_case_of(image->fabric, in->port);
	const struct image_adjacency *adj;
	enum erx_outcome outcome;

	if (in->entry.flags & ERX_PORT_FAULT && !originated && !flow->trusting)
		return ERX_fault;
	s->route = image_lookup(image, image_table_of_port(image, s->in_port), &flow->dst);
	if (!s->route)
		return ERX_no_route;
	s->hops = &image->groups.items[s->route->group_at].entry;
	if (s->hops->flags & ERX_GROUP_STOPS)
		return stop_outcome(s->hops);
	if (!s->hops->n)
		return ERX_no_next_hop;
	s->member = choose_member(in, s->hops, flow);
	adj = image_adjacency(image, s->hops->members[s->member].adjacency);
	s->policy = policy_find(&a_case, in->entry.role, adj->entry.role);
	outcome = lower_ttl(s, originated);
	if (outcome != ERX_forwarded)
		return outcome;
	if (!originated && !edge_admits(image, &adj->entry, flow))
		return ERX_icmp_error_source;
	s->out_port = adj->port;
	return ERX_forwarded;
}

static bool link_is_down(const struct image *image, uint32_t port)
{
	const struct link *l = &image->fabric->links.items[image->fabric->ports.items[port].link];

	return l->down_in_file || (image->link_down && image->link_down[l->index]);
}

void walk_packet(const struct image *image, uint32_t port, const struct flow *flow, uint8_t ttl, bool originated,
		 struct walk *out)
{
	const struct fabric *f = image->fabric;

	memset(out, 0, sizeof(*out));
	out->outcome = ERX_loop;
	out->ttl = ttl;
	for (unsigned devices = 0; devices < ERX_HOP_BUDGET; devices++) {
		struct step s = {.in_port = port, .out_port = NO_INDEX, .ttl_in = out->ttl};

		s.device = &f->devices.items[f->ports.items[port].device];
		s.outcome = cross(image, flow, originated, &s);
		if (s.outcome == ERX_forwarded && link_is_down(image, s.out_port))
			s.outcome = ERX_no_port;
		vec_push(&out->steps, s);
		out->outcome = s.outcome;
		if (s.outcome != ERX_forwarded)
			return;
		out->ttl = s.ttl_out;
		port = port_peer(f, s.out_port);
		if (port == NO_INDEX) {
			out->delivered = &f->hosts.items[f->links.items[f->ports.items[s.out_port].link].host];
			return;
		}
		originated = false;
	}
}

void walk_free(struct walk *w)
{
	vec_free(&w->steps);
}

/* --- Prediction ------------------------------------------------------------------------------------------------- */

/* What becomes of the time exceeded that the last device of a walk sends. */
static void answer_of(const struct image *image, const struct host *from, const struct walk *probe, struct hop *hop)
{
	const struct step *last = &probe->steps.items[probe->steps.n - 1];
	struct addr source = image->fabric->ports.items[last->in_port].addr.addr;
	struct flow flow = {.src = source, .dst = from->addr, .protocol = IPPROTO_ICMP, .icmp_error = true};
	char text[ADDR_STRLEN];
	struct walk way;

	if (!addr_is_set(&source)) {
		snprintf(hop->silent, sizeof(hop->silent), "'%s' has no address on that port", last->device->name);
		return;
	}
	walk_packet(image, last->in_port, &flow, 64, true, &way);
	if (same_host(way.delivered, from)) {
		hop->addr = source;
	} else if (way.outcome == ERX_icmp_error_source) {
		snprintf(hop->silent, sizeof(hop->silent),
			 "answers from %s, which '%s' does not let in: no VNet, peering or gateway route of that VM "
			 "covers it (azure.md 3.3)",
			 addr_format(&source, text), way.steps.items[way.steps.n - 1].device->name);
	} else {
		snprintf(hop->silent, sizeof(hop->silent), "answers from %s, but the answer is lost at '%s': %s",
			 addr_format(&source, text), way.steps.items[way.steps.n - 1].device->name,
			 outcome_texts[way.outcome]);
	}
	walk_free(&way);
}

/* The host that a probe ends at: the destination, or an appliance that a user-defined route names. */
static void arrived_at(const struct host *host, const struct host *to, bool back, struct hop *hop)
{
	if (!same_host(host, to))
		snprintf(hop->silent, sizeof(hop->silent), "an appliance, and the twin's hosts forward nothing");
	else if (!back)
		snprintf(hop->silent, sizeof(hop->silent), "arrives, but no answer finds the way back");
	else
		hop->addr = to->addr;
}

static struct hop probe(const struct image *image, const struct host *from, const struct host *to,
			const struct flow *flow, unsigned ttl, bool back, bool *arrived, bool *expired)
{
	struct hop hop = {.ttl = ttl};
	struct walk way;

	walk_packet(image, from->port, flow, ttl, false, &way);
	*arrived = way.delivered != NULL;
	*expired = way.outcome == ERX_answered_time_exceeded || way.outcome == ERX_ttl_silent;
	if (way.delivered) {
		arrived_at(way.delivered, to, back, &hop);
	} else {
		const struct step *last = &way.steps.items[way.steps.n - 1];

		hop.device = last->device;
		if (way.outcome == ERX_answered_time_exceeded)
			answer_of(image, from, &way, &hop);
		else
			snprintf(hop.silent, sizeof(hop.silent), "%s",
				 way.outcome == ERX_ttl_silent ? last->policy->text : outcome_texts[way.outcome]);
	}
	walk_free(&way);
	return hop;
}

void predict(const struct image *image, const struct host *from, const struct host *to, const struct flow *flow,
	     struct prediction *out)
{
	struct flow reply = {.src = flow->dst,
			     .dst = flow->src,
			     .protocol = flow->protocol,
			     .sport = flow->dport,
			     .dport = flow->sport,
			     .trusting = flow->trusting};
	bool arrived = false, expired = true, answered;

	memset(out, 0, sizeof(*out));
	walk_packet(image, from->port, flow, 64, false, &out->forward);
	walk_packet(image, to->port, &reply, 64, false, &out->back);
	answered = same_host(out->back.delivered, from);
	out->reachable = same_host(out->forward.delivered, to) && answered;
	out->ping_ttl = out->back.ttl;
	for (unsigned ttl = 1; ttl <= 30 && !arrived && expired; ttl++) {
		struct hop hop = probe(image, from, to, flow, ttl, answered, &arrived, &expired);

		vec_push(&out->hops, hop);
	}
}

void prediction_free(struct prediction *p)
{
	vec_free(&p->hops);
	walk_free(&p->forward);
	walk_free(&p->back);
}
