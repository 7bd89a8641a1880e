// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A hello is a real frame: it leaves one end of the link, crosses whatever is in
 * between, and the program at the other end notes when it came. So a link that
 * loses packets for whatever reason is found, not only one we were told of.
 */
#include <math.h>
#include <string.h>

#include "daemon/controller.h"

enum { BFD_DOWN = 1, BFD_UP = 3 };

static bool publish(struct controller *c);

void hello_start(struct controller *c)
{
	c->alive = xcalloc(c->lab->fabric->links.n, sizeof(*c->alive));
	vec_each(l, &c->lab->fabric->links) {
		struct liveness *alive = &c->alive[l->index];

		alive->timers = liveness_timers_of(c->lab->fabric, l);
		hello_restart(c, l);
		/* Whom nobody listens to any more nobody would find alive. */
		alive->dead = c->lab->dead[l->index] && alive->timers.detect_ns;
		/* Until something is heard, nothing that was held back comes over. */
		for (unsigned end = 0; end < 2; end++)
			alive->deaf[end] = c->lab->deaf_since[l->index * 2 + end] && alive->timers.detect_ns;
	}
	c->trial_until = 0;
	publish(c);
}

/* A hello that is still on a wire is no silence. */
void hello_restart(struct controller *c, const struct link *l)
{
	liveness_start(&c->alive[l->index], clock_now(), wires_grace(c, l));
}

static struct addr hello_address(const struct controller *c, const struct link *l, unsigned end)
{
	return l->kind == LINK_TUNNEL ? l->outer[end] : c->lab->fabric->ports.items[l->ports[end]].addr.addr;
}

/* Towards one end, from the other. */
static void send_hello(struct controller *c, const struct link *l, const struct liveness *alive, unsigned to)
{
	const struct port_seen *from = &c->ports[l->ports[!to]], *at = &c->ports[l->ports[to]];
	struct net_hello hello = {
		.ifindex = ERX_FIRST_IFINDEX + from->id,
		.src = hello_address(c, l, !to),
		.dst = hello_address(c, l, to),
		.my_discriminator = from->id,
		.your_discriminator = at->id,
		.state = alive->dead ? BFD_DOWN : BFD_UP,
		.detect_mult = alive->timers.multiplier,
		.interval_us = alive->timers.interval_ns / 1000,
	};

	memcpy(hello.src_mac, from->mac, sizeof(hello.src_mac));
	memcpy(hello.dst_mac, at->mac, sizeof(hello.dst_mac));
	net_watch_hello(c->watch, &hello); /* one that could not be sent is one that does not arrive */
}

static void died(struct controller *c, const struct link *l, const struct liveness *alive)
{
	uint64_t silent_ns = alive->timers.detect_ns;
	cJSON *fields = cJSON_CreateObject();

	cJSON_AddStringToObject(fields, "protocol", alive->timers.protocol);
	cJSON_AddNumberToObject(fields, "afterMs", round((double)silent_ns / 1e6));
	event(c, "neighbour-dead", l->name, fields, "%s: silent for %.3f s: %s expired", l->name, silent_ns / 1e9,
	      alive->timers.protocol);
}

static void came_back(struct controller *c, const struct link *l, const struct liveness *alive)
{
	cJSON *fields = cJSON_CreateObject();

	cJSON_AddStringToObject(fields, "protocol", alive->timers.protocol);
	event(c, "neighbour-alive", l->name, fields, "%s: the neighbour is heard again (%s)", l->name,
	      alive->timers.protocol);
}

static void hear(struct controller *c, const struct link *l, struct liveness *alive)
{
	for (unsigned end = 0; end < 2; end++)
		liveness_heard(alive, end, c->hellos[c->ports[l->ports[end]].id]);
}

static void send_both_ways(struct controller *c, const struct link *l, const struct liveness *alive)
{
	send_hello(c, l, alive, 0);
	send_hello(c, l, alive, 1);
}

static enum liveness_news work_link(struct controller *c, const struct link *l, struct liveness *alive, uint64_t now)
{
	enum liveness_news news;

	hear(c, l, alive);
	news = liveness_check(alive, now);
	if (news == LIVENESS_DIED)
		died(c, l, alive);
	else if (news == LIVENESS_CAME_BACK)
		came_back(c, l, alive);
	if (now >= alive->next_send) {
		send_both_ways(c, l, alive);
		liveness_sent(alive, now);
	}
	return news;
}

static bool is_watched(const struct controller *c, const struct link *l)
{
	return c->alive[l->index].timers.detect_ns && watch_carries(c, l);
}

/* --- Who can still be told --------------------------------------------------------------------------------------- */

/* A hello takes a fraction of a millisecond beyond the time on a wire; a busy machine gets more. */
#define TRIAL_NS 10000000ull

static void try_link(struct controller *c, const struct link *l, uint64_t now)
{
	struct liveness *alive = &c->alive[l->index];
	uint64_t until = now + wires_grace(c, l) + TRIAL_NS;

	if (!is_watched(c, l) || alive->dead || alive->tried == now)
		return;
	liveness_try(alive, now);
	send_both_ways(c, l, alive);
	if (until > c->trial_until)
		c->trial_until = until;
}

/*
 * Timers of one device differ: that a neighbour has died does not yet mean that its other neighbours have missed it.
 * Before anybody changes its mind the links of both ends are tried, so that nothing is said over one that is silent.
 */
static void try_neighbours(struct controller *c, const struct link *l, uint64_t now)
{
	const struct fabric *f = c->lab->fabric;

	c->trial_until = c->trial_until ? c->trial_until : now + TRIAL_NS;
	for (unsigned end = 0; end < 2; end++) {
		vec_each(i, &f->devices.items[f->ports.items[l->ports[end]].device].ports)
			try_link(c, &f->links.items[f->ports.items[*i].link], now);
	}
}

static void judge(struct controller *c)
{
	c->trial_until = 0;
	vec_each(l, &c->lab->fabric->links) {
		if (!is_watched(c, l) || !c->alive[l->index].tried)
			continue;
		hear(c, l, &c->alive[l->index]);
		liveness_judge(&c->alive[l->index]);
		c->alive[l->index].tried = 0;
	}
}

static bool publish_deaf(struct controller *c, const struct link *l)
{
	for (unsigned end = 0; end < 2; end++)
		c->lab->deaf[l->index * 2 + end] = c->alive[l->index].deaf[end];
	return lab_is_told_again(c->lab, l->index);
}

/* What was noticed becomes the lab's. True: routing has to follow. */
static bool publish(struct controller *c)
{
	bool news = false;

	vec_each(l, &c->lab->fabric->links) {
		bool dead = c->alive[l->index].dead;

		news |= dead != c->lab->dead[l->index];
		c->lab->dead[l->index] = dead;
		/* What is due already is not asked for again. */
		news |= publish_deaf(c, l) && !c->follow_at;
	}
	return news;
}

void hello_listen(struct controller *c)
{
	uint64_t now = clock_now();

	vec_each(l, &c->lab->fabric->links) {
		struct liveness *alive = &c->alive[l->index];

		if (!is_watched(c, l))
			continue;
		/* Who has given the other up still waits until it is heard. */
		if (alive->silenced && !c->lab->link_silent[l->index])
			liveness_mended(alive, now);
		alive->silenced = c->lab->link_silent[l->index];
		hear(c, l, alive);
		liveness_listen(alive, now);
		publish_deaf(c, l);
	}
}

/* --- Work -------------------------------------------------------------------------------------------------------- */

bool hello_work(struct controller *c)
{
	uint64_t now = clock_now();

	vec_each(l, &c->lab->fabric->links) {
		if (!is_watched(c, l) || liveness_due(&c->alive[l->index]) > now)
			continue;
		if (work_link(c, l, &c->alive[l->index], now) == LIVENESS_DIED)
			try_neighbours(c, l, now);
	}
	if (c->trial_until && now < c->trial_until)
		return false;
	if (c->trial_until)
		judge(c);
	return publish(c);
}

uint64_t hello_due(const struct controller *c)
{
	uint64_t due = c->trial_until ? c->trial_until : UINT64_MAX;

	vec_each(l, &c->lab->fabric->links) {
		uint64_t at;

		if (!is_watched(c, l))
			continue;
		at = liveness_due(&c->alive[l->index]);
		if (at < due)
			due = at;
	}
	return due;
}
