// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "obs/bypass.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "fwd/fastpath.h"
#include "fwd/walk.h"

/* Source ports that are tried: among so many flows every one of a few equal paths has some. */
#define FLOWS	   128
#define FIRST_PORT 12000
#define ANY_PORT   443

struct search {
	const struct lab *lab;
	struct bypass *out;
	struct error *e;
};

/* The link past the gateway, beside the one through it. */
static const struct link *link_past(const struct fabric *f, const struct connection *c, const struct device *msee)
{
	vec_each(l, &f->links) {
		if (l->kind == LINK_VNET_MSEE && l->connection == c &&
		    (f->ports.items[l->ports[0]].device == msee->index ||
		     f->ports.items[l->ports[1]].device == msee->index))
			return l;
	}
	return NULL;
}

/* The rule that would keep packets to dst at the gateway with the switch on. */
static const struct fastpath_rule *forbidding(const struct lab *lab, const struct connection *c, const struct addr *dst,
					      struct fastpath_span *span)
{
	const struct topo *t = lab->topo;
	bool *on = xcalloc(t->connections.n, sizeof(*on));

	memcpy(on, lab->fastpath, t->connections.n * sizeof(*on));
	on[c - t->connections.items] = true;
	fastpath_find(t, on, c, dst, span);
	free(on);
	return span->rule;
}

/* Why an edge router does not send past that gateway, whatever the switch. */
static int check_rules(const struct search *s, const struct step *at, const struct connection *c,
		       const struct addr *dst)
{
	const struct link *past = link_past(s->lab->fabric, c, at->device);
	struct fastpath_span span;
	char text[256];

	if (forbidding(s->lab, c, dst, &span)) {
		fastpath_rule_text(span.rule, &span.c, text, sizeof(text));
		return error_set(s->e, -EPERM, "%s (azure.md 5)", text);
	}
	if (!past || past->down_in_file || s->lab->link_down[past->index])
		return error_set(s->e, -ENETDOWN, "the way of '%s' past gateway '%s' is down", c->name,
				 c->gateway->name);
	return 0;
}

static int add_connection(const struct search *s, const struct step *at, const struct connection *c,
			  const struct addr *dst)
{
	int err = check_rules(s, at, c, dst);

	vec_each(known, &s->out->connections) {
		if (*known == c)
			return err;
	}
	if (!err)
		vec_push(&s->out->connections, c);
	return err;
}

static int look_through(const struct search *s, const struct walk *way, const struct addr *dst)
{
	const struct fabric *f = s->lab->fabric;
	int err = 0;

	vec_each(at, &way->steps) {
		const struct link *l = at->out_port == NO_INDEX ? NULL
								: &f->links.items[f->ports.items[at->out_port].link];

		if (!err && at->device->kind == ERX_KIND_MSEE && l &&
		    (l->kind == LINK_VNET_MSEE || l->kind == LINK_MSEE_ERGW))
			err = add_connection(s, at, l->connection, dst);
	}
	return err;
}

static int follow_flow(const struct search *s, const struct host *from, const struct host *to, const struct flow *flow)
{
	struct walk way;
	int err;

	walk_packet(s->lab->image, from->port, flow, 64, false, &way);
	if (way.delivered && same_host(way.delivered, to))
		err = look_through(s, &way, &flow->dst);
	else
		err = error_set(s->e, -EHOSTUNREACH, "'%s' does not reach '%s'; 'erxdpctl explain %s %s' says why",
				from->name, to->name, from->name, to->name);
	walk_free(&way);
	return err;
}

/* All flows of one direction. The port is the destination's in both: a reply has it as its source. */
static int follow_flows(const struct search *s, const struct host *from, const struct host *to, uint16_t port,
			bool back)
{
	struct flow flow = {.src = from->addr, .dst = to->addr, .protocol = IPPROTO_ICMP};
	int err = follow_flow(s, from, to, &flow);

	flow.protocol = IPPROTO_TCP;
	for (unsigned i = 0; i < FLOWS && !err; i++) {
		flow.sport = back ? port : FIRST_PORT + i;
		flow.dport = back ? FIRST_PORT + i : port;
		err = follow_flow(s, from, to, &flow);
	}
	return err;
}

static int by_place(const void *a, const void *b)
{
	const struct connection *x = *(const struct connection *const *)a, *y = *(const struct connection *const *)b;

	return (x > y) - (x < y);
}

int bypass_find(const struct lab *lab, const struct host *from, const struct host *to, uint16_t port,
		struct bypass *out, struct error *e)
{
	struct search forth = {.lab = lab, .out = out, .e = e}, back = forth;
	struct bypass replies = {.replies = true};
	int err;

	*out = (struct bypass){};
	back.out = &replies;
	port = port ? port : ANY_PORT;
	err = follow_flows(&forth, from, to, port, false);
	if (!err) {
		err = follow_flows(&back, to, from, port, true);
		/* What forbids a bypass on the way back is of no interest when there is one on the way there. */
		if (err != -EHOSTUNREACH && out->connections.n)
			err = 0;
	}
	if (!err && !out->connections.n)
		*out = replies;
	else
		vec_free(&replies.connections);
	/* In file order, whichever flow was looked at first. */
	if (out->connections.n)
		qsort(out->connections.items, out->connections.n, sizeof(*out->connections.items), by_place);
	if (!err && !out->connections.n)
		err = error_set(e, -ENOENT,
				"no ExpressRoute gateway is between '%s' and '%s': there is nothing to bypass",
				from->name, to->name);
	return err;
}

void bypass_free(struct bypass *b)
{
	vec_free(&b->connections);
}
