// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/liveness.h"

#define MS 1000000ull
#define S  1000000000ull

/* A timer that a test has scaled down still has to be kept on a busy machine. */
#define SHORTEST_INTERVAL (10 * MS)

/*
 * Hellos within the time of detection, where the protocol does not say: so many
 * that packets are lost for the time the user reads, not for a third of it less,
 * as they would be with keepalives every 60 s of 180.
 */
#define HELLOS_PER_DETECTION 30
/* Of those that have to be lost, the one that is on its way included. */
#define FEWEST_HELLOS 3
/* A dead neighbour is tried at least this often, so that its return is seen. */
#define RETRY_INTERVAL (300 * MS)

/* One hello may come late on a busy machine: this much beyond the time on the way makes nobody deaf. */
#define LATE (20 * MS)

/* azure.md 7.1: BFD on an edge router's private peering is 300 ms x 3. */
#define BFD_INTERVAL   (300 * MS)
#define BFD_MULTIPLIER 3

static uint64_t circuit_hold(const struct fabric *f, const struct link *l)
{
	const struct device *ce = &f->devices.items[f->ports.items[l->ports[0]].device];

	return ce->router ? ce->router->hold_time_s * S : 0;
}

static uint64_t tunnel_timeout(const struct fabric *f, const struct link *l)
{
	(void)f;
	return l->connection->dpd_timeout_s * S;
}

static uint64_t backbone(const struct fabric *f, const struct link *l)
{
	(void)f;
	(void)l;
	return 60 * S;
}

static uint64_t ospf_dead(const struct fabric *f, const struct link *l)
{
	(void)f;
	(void)l;
	return 40 * S;
}

#define EXPIRES(protocol) protocol, protocol " expired"

/* A link of another kind has nobody who listens: hosts and peerings run no protocol. */
static const struct rule {
	enum link_kind kind;
	const char *protocol, *expired;
	enum liveness_effect effect;
	uint64_t (*detect)(const struct fabric *f, const struct link *l);
} rules[] = {
	/* RFC 4271 4.2: without BFD a silent neighbour is found by the hold timer, 180 s unless the router says less.
	 */
	{LINK_CIRCUIT, EXPIRES("BGP hold timer"), LIVENESS_SESSION, circuit_hold},
	/* azure.md 7.1: between edge router and gateway up to a minute; Global Reach likewise [inferred]. */
	{LINK_MSEE_ERGW, EXPIRES("gateway session timeout"), LIVENESS_SESSION, backbone},
	{LINK_REACH, EXPIRES("Global Reach session timeout"), LIVENESS_SESSION, backbone},
	{LINK_GATEWAY, EXPIRES("gateway health probe"), LIVENESS_LINK, backbone},
	/* IKE gives the tunnel up, and with it every route through it. */
	{LINK_TUNNEL, EXPIRES("dead-peer detection"), LIVENESS_LINK, tunnel_timeout},
	/* azure.md 1.2: the switch runs OSPF; RFC 2328 C.3: the dead interval is four hellos of 10 s. */
	{LINK_LAN, EXPIRES("OSPF dead interval"), LIVENESS_LINK, ospf_dead},
};

static bool has_bfd(const struct fabric *f, const struct link *l)
{
	const struct device *ce = &f->devices.items[f->ports.items[l->ports[0]].device];

	return l->kind == LINK_CIRCUIT && ce->router && ce->router->bfd;
}

static uint64_t scaled(const struct fabric *f, uint64_t ns)
{
	return (uint64_t)((double)ns * f->topo->timer_scale);
}

static struct liveness_timers make_timers(const struct fabric *f, const struct rule *rule, uint64_t detect)
{
	struct liveness_timers t = {.protocol = rule->protocol,
				    .expired = rule->expired,
				    .effect = rule->effect,
				    .detect_ns = scaled(f, detect)};

	if (!t.detect_ns)
		return (struct liveness_timers){};
	t.interval_ns = t.detect_ns / HELLOS_PER_DETECTION;
	if (t.interval_ns < SHORTEST_INTERVAL)
		t.interval_ns = SHORTEST_INTERVAL;
	if (t.detect_ns < 3 * t.interval_ns)
		t.detect_ns = 3 * t.interval_ns;
	t.multiplier = t.detect_ns / t.interval_ns;
	return t;
}

static struct liveness_timers bfd_timers(const struct fabric *f)
{
	struct liveness_timers t = {
		.protocol = "BFD", .expired = "BFD expired", .effect = LIVENESS_SESSION, .is_bfd = true};

	t.interval_ns = scaled(f, BFD_INTERVAL);
	if (t.interval_ns < SHORTEST_INTERVAL)
		t.interval_ns = SHORTEST_INTERVAL;
	t.multiplier = BFD_MULTIPLIER;
	t.detect_ns = t.interval_ns * t.multiplier;
	return t;
}

struct liveness_timers liveness_timers_of(const struct fabric *f, const struct link *l)
{
	if (has_bfd(f, l))
		return bfd_timers(f);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].kind == l->kind)
			return make_timers(f, &rules[i], rules[i].detect(f, l));
	}
	return (struct liveness_timers){};
}

void liveness_start(struct liveness *l, uint64_t now, uint64_t grace_ns)
{
	l->started = now + grace_ns;
	l->grace = grace_ns;
	l->next_send = now;
	l->unheard[0] = l->unheard[1] = 0;
	l->deaf[0] = l->deaf[1] = false;
}

void liveness_mended(struct liveness *l, uint64_t now)
{
	l->next_send = now;
	l->unheard[0] = l->unheard[1] = 0;
	l->deaf[0] = l->deaf[1] = false;
}

static void count_sent(struct liveness *l, uint64_t now)
{
	for (unsigned end = 0; end < 2; end++) {
		if (!l->unheard[end]++)
			l->unheard_since[end] = now;
	}
}

static bool is_looked_for(const struct liveness *l)
{
	return l->dead || l->deaf[0] || l->deaf[1];
}

void liveness_sent(struct liveness *l, uint64_t now)
{
	uint64_t interval = l->timers.interval_ns;

	if (is_looked_for(l) && interval > RETRY_INTERVAL)
		interval = RETRY_INTERVAL;
	count_sent(l, now);
	/* Late by more than a whole interval: the sender was held up, and does not make up for it. */
	l->next_send += interval;
	if (l->next_send <= now)
		l->next_send = now + interval;
}

void liveness_heard(struct liveness *l, unsigned end, uint64_t when)
{
	if (when <= l->heard[end])
		return;
	l->heard[end] = when;
	l->unheard[end] = 0;
	l->deaf[end] = false;
}

void liveness_try(struct liveness *l, uint64_t now)
{
	l->tried = now;
	count_sent(l, now);
}

void liveness_judge(struct liveness *l)
{
	for (unsigned end = 0; end < 2; end++)
		l->deaf[end] = l->deaf[end] || l->heard[end] < l->tried;
}

/* A hello that had its time, and the next one was due as well. */
void liveness_listen(struct liveness *l, uint64_t now)
{
	uint64_t wait = l->grace + (l->timers.interval_ns > LATE ? l->timers.interval_ns : LATE);

	for (unsigned end = 0; end < 2; end++)
		l->deaf[end] = l->deaf[end] || (l->unheard[end] && now >= l->unheard_since[end] + wait);
}

/* Silence before watching began is nobody's fault. */
static uint64_t silent_since(const struct liveness *l, unsigned end)
{
	return l->heard[end] > l->started ? l->heard[end] : l->started;
}

/*
 * A controller that was stopped has sent nothing, and that is no timeout. With so much time between two hellos that
 * those who wait for the second hear nothing for the time of detection, it begins anew: that one has to have time to
 * come.
 */
static bool explains_silence(const struct liveness *l, uint64_t now)
{
	return now + l->timers.interval_ns >= l->next_send + l->timers.detect_ns;
}

/* One that was only late at times has sent fewer hellos than it wanted to; the silence was as long. */
static bool was_spoken_to(const struct liveness *l, unsigned end)
{
	return l->unheard[end] + 1 >= FEWEST_HELLOS;
}

/* An end that has heard nothing for too long, though hellos were sent towards it. */
static bool is_silent(const struct liveness *l, unsigned end, uint64_t now)
{
	return now >= silent_since(l, end) + l->timers.detect_ns && was_spoken_to(l, end);
}

static bool is_heard(const struct liveness *l, unsigned end, uint64_t now)
{
	return l->heard[end] > l->started && now < l->heard[end] + l->timers.detect_ns;
}

/* The next hello may have been due much later: from now on the return is looked for. */
static void died(struct liveness *l, uint64_t now)
{
	l->dead = true;
	if (l->next_send > now + RETRY_INTERVAL)
		l->next_send = now + RETRY_INTERVAL;
}

enum liveness_news liveness_check(struct liveness *l, uint64_t now)
{
	bool was = l->dead;

	if (!l->timers.detect_ns)
		return LIVENESS_SAME;
	if (explains_silence(l, now))
		l->started = now + l->grace;
	liveness_listen(l, now);
	/* One end is enough: it closes the session, or says so in its own hellos (RFC 5880 6.8.5). */
	if (!was && (is_silent(l, 0, now) || is_silent(l, 1, now)))
		died(l, now);
	else if (was && is_heard(l, 0, now) && is_heard(l, 1, now) && !l->unheard[0] && !l->unheard[1])
		l->dead = false;
	if (l->dead == was)
		return LIVENESS_SAME;
	return l->dead ? LIVENESS_DIED : LIVENESS_CAME_BACK;
}

uint64_t liveness_due(const struct liveness *l)
{
	uint64_t due = l->next_send;

	for (unsigned end = 0; end < 2 && !l->dead; end++) {
		uint64_t over = silent_since(l, end) + l->timers.detect_ns;

		if (was_spoken_to(l, end) && over < due)
			due = over;
	}
	return due;
}
