// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which streams a measurement needs. */
#include "lab/flows.h"

#include <netinet/in.h>

#include "lab/flow_ports.h"

#define CANDIDATES 16 /* source ports tried to find the ways of a direction */

struct chooser {
	const struct image *before, *after;
	flow_streams *out;
	bool *met; /* by host */
};

void flow_walk(const struct image *image, const struct flow_stream *s, struct walk *out)
{
	struct flow flow = {.src = s->from->addr,
			    .dst = s->to->addr,
			    .protocol = IPPROTO_UDP,
			    .sport = s->source_port,
			    .dport = FLOW_PORT,
			    .trusting = true};

	walk_packet(image, s->from->port, &flow, 64, false, out);
}

/* Hosts are known by their number: the two images have each its own. */
bool flow_arrives(const struct image *image, const struct flow_stream *s)
{
	struct walk w;
	bool there;

	flow_walk(image, s, &w);
	there = w.delivered && w.delivered->index == s->to->index;
	walk_free(&w);
	return there;
}

static bool can_talk(const struct image *image, const struct host *a, const struct host *b)
{
	struct flow_stream there = {.from = a, .to = b, .source_port = FLOW_FIRST_SOURCE};
	struct flow_stream back = {.from = b, .to = a, .source_port = FLOW_FIRST_SOURCE};

	return flow_arrives(image, &there) && flow_arrives(image, &back);
}

static bool talks(const struct chooser *c, const struct host *a, const struct host *b)
{
	return can_talk(c->before, a, b) || can_talk(c->after, a, b);
}

/* FNV-1a over the ports that a packet leaves by: the same number, the same way. */
static uint64_t way_of(const struct image *image, const struct flow_stream *s)
{
	uint64_t hash = 0xcbf29ce484222325;
	struct walk w;

	flow_walk(image, s, &w);
	vec_each(step, &w.steps)
		hash = (hash ^ step->out_port) * 0x100000001b3;
	walk_free(&w);
	return hash;
}

static bool known(const uint64_t *ways, unsigned n, uint64_t way)
{
	for (unsigned i = 0; i < n; i++) {
		if (ways[i] == way)
			return true;
	}
	return false;
}

static void add_direction(const struct chooser *c, const struct host *from, const struct host *to)
{
	uint64_t ways[FLOW_WAYS];
	unsigned n = 0;

	for (uint16_t i = 0; i < CANDIDATES && n < FLOW_WAYS; i++) {
		struct flow_stream s = {.from = from, .to = to, .source_port = FLOW_FIRST_SOURCE + i};
		uint64_t way = way_of(c->before, &s);

		if (known(ways, n, way))
			continue;
		ways[n++] = way;
		vec_push(c->out, s);
	}
}

static void add_pair(struct chooser *c, const struct host *a, const struct host *b)
{
	c->met[a->index] = c->met[b->index] = true;
	add_direction(c, a, b);
	add_direction(c, b, a);
}

static bool differs(const struct chooser *c, const struct host *a, const struct host *b)
{
	struct flow_stream s = {.from = a, .to = b, .source_port = FLOW_FIRST_SOURCE};
	struct flow_stream back = {.from = b, .to = a, .source_port = FLOW_FIRST_SOURCE};

	return way_of(c->before, &s) != way_of(c->after, &s) || way_of(c->before, &back) != way_of(c->after, &back);
}

enum wanted { EVERY_HOST, CHANGED, ALL };

/* One pass over all pairs. taken: by a->index * hosts + b->index. */
static void take(struct chooser *c, enum wanted wanted, bool *taken, size_t most, struct flow_choice *choice)
{
	const struct fabric *f = c->before->fabric;

	vec_each(a, &f->hosts) {
		for (const struct host *b = a + 1; b < f->hosts.items + f->hosts.n; b++) {
			bool *mark = &taken[a->index * f->hosts.n + b->index];

			if (*mark || (wanted != EVERY_HOST && choice->pairs >= most) ||
			    (wanted == EVERY_HOST && c->met[a->index] && c->met[b->index]) || !talks(c, a, b) ||
			    (wanted == CHANGED && !differs(c, a, b)))
				continue;
			*mark = true;
			choice->pairs++;
			add_pair(c, a, b);
		}
	}
}

static size_t count_talking(const struct chooser *c)
{
	const struct fabric *f = c->before->fabric;
	size_t n = 0;

	vec_each(a, &f->hosts) {
		for (const struct host *b = a + 1; b < f->hosts.items + f->hosts.n; b++)
			n += talks(c, a, b);
	}
	return n;
}

struct flow_choice flows_choose(const struct image *before, const struct image *after, size_t most_hosts,
				flow_streams *out)
{
	size_t hosts = before->fabric->hosts.n, most = most_hosts * (most_hosts - 1) / 2;
	struct chooser c = {.before = before, .after = after, .out = out};
	bool *taken = xcalloc(hosts * hosts, sizeof(*taken));
	struct flow_choice choice = {};

	c.met = xcalloc(hosts, sizeof(*c.met));
	choice.talking = count_talking(&c);
	if (hosts <= most_hosts) {
		take(&c, ALL, taken, most, &choice);
	} else {
		take(&c, EVERY_HOST, taken, most, &choice);
		take(&c, CHANGED, taken, most, &choice);
	}
	free(taken);
	free(c.met);
	return choice;
}

void flow_streams_free(flow_streams *list)
{
	vec_each(s, list)
		vec_free(&s->samples);
	vec_free(list);
}
