// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The decision: which of several routes to one prefix is used.
 *
 * Two routes are compared step by step, in the order of the table below; the
 * first step that tells them apart decides and is reported. Routes that no
 * step up to EBGP tells apart may share the load (MULTIPATH) where the device
 * allows it; ROUTER_ID and PEER_ADDRESS then only fix an order.
 *
 * MED is not comparable between neighbouring ASes, and that makes "better"
 * intransitive: a beats b by MED, b beats c by eBGP, c beats a by router id, and
 * the best depends on who is asked first. So a choice among several goes in two
 * rounds (RFC 4271 9.1.2.2 c): routes that another of the same neighbouring AS
 * beats, by MED or before, leave; the best is chosen among those that remain,
 * where MED no longer matters.
 */
#include "ctl/decide.h"

#include <string.h>
#include "ctl/attrs.h"

static const char *const step_names[N_DECIDE_STEPS] = {
	[DECIDE_SOURCE] = "source",
	[DECIDE_WEIGHT] = "weight",
	[DECIDE_ROUTING_WEIGHT] = "routing-weight",
	[DECIDE_LOCAL_PREF] = "local-pref",
	[DECIDE_AS_PATH] = "as-path",
	[DECIDE_ORIGIN] = "origin",
	[DECIDE_MED] = "med",
	[DECIDE_EBGP] = "ebgp",
	[DECIDE_MULTIPATH] = "multipath",
	[DECIDE_MAX_PATHS] = "max-paths",
	[DECIDE_ROUTER_ID] = "router-id",
	[DECIDE_PEER_ADDRESS] = "peer-address",
	[DECIDE_INVALID] = "invalid",
	[DECIDE_ONLY] = "only",
};

static const char *const step_texts[N_DECIDE_STEPS] = {
#define X(id, text) [DECIDE_##id] = text,
	DECIDE_STEPS(X)
#undef X
};

const char *decide_step_name(enum decide_step step)
{
	return step_names[step];
}

const char *decide_step_text(enum decide_step step)
{
	return step_texts[step];
}

#define MAX_AZURE_PATHS 8 /* azure.md 3.4: four circuits with two paths each */

/*
 * A customer's router wants identical AS paths, as routers do until told to
 * relax it. Microsoft's gateways share over paths of equal length (azure.md 7.4),
 * and a switch takes what its routers give it.
 */
const struct decide_rules *decide_rules_of(enum erx_kind kind)
{
	static const struct decide_rules strict = {.as_path_relax = false}, relaxed = {.as_path_relax = true},
					 azure = {.as_path_relax = true, .max_paths = MAX_AZURE_PATHS};

	switch (kind) {
	case ERX_KIND_CE: return &strict;
	case ERX_KIND_VNET:
	case ERX_KIND_ERGW: return &azure;
	default: return &relaxed;
	}
}

/* Routes without attributes (system, static, user-defined) differ in none. */
static const struct attrs *attrs_of(const struct route *r)
{
	static const struct attrs none = {.local_pref = DEFAULT_LOCAL_PREF};

	return r->attrs ? r->attrs : &none;
}

static int higher(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

static int lower(uint32_t a, uint32_t b)
{
	return higher(b, a);
}

static int by_source(const struct route *a, const struct route *b, const struct decide_rules *rules)
{
	(void)rules;
	return lower(a->source, b->source);
}

static int by_weight(const struct route *a, const struct route *b, const struct decide_rules *rules)
{
	(void)rules;
	return higher(attrs_of(a)->weight, attrs_of(b)->weight);
}

static int by_routing_weight(const struct route *a, const struct route *b, const struct decide_rules *rules)
{
	(void)rules;
	return higher(attrs_of(a)->routing_weight, attrs_of(b)->routing_weight);
}

static int by_local_pref(const struct route *a, const struct route *b, const struct decide_rules *rules)
{
	(void)rules;
	return higher(attrs_of(a)->local_pref, attrs_of(b)->local_pref);
}

static int by_as_path(const struct route *a, const struct route *b, const struct decide_rules *rules)
{
	(void)rules;
	return lower(attrs_of(a)->as_path_len, attrs_of(b)->as_path_len);
}

static int by_origin(const struct route *a, const struct route *b, const struct decide_rules *rules)
{
	(void)rules;
	return lower(attrs_of(a)->origin, attrs_of(b)->origin);
}

static bool same_neighbour_as(const struct route *a, const struct route *b, const struct decide_rules *rules)
{
	return rules->always_compare_med || neighbour_as(attrs_of(a)) == neighbour_as(attrs_of(b));
}

static int by_med(const struct route *a, const struct route *b, const struct decide_rules *rules)
{
	return same_neighbour_as(a, b, rules) ? lower(attrs_of(a)->med, attrs_of(b)->med) : 0;
}

static int by_ebgp(const struct route *a, const struct route *b, const struct decide_rules *rules)
{
	(void)rules;
	return lower(attrs_of(a)->ibgp, attrs_of(b)->ibgp);
}

static int by_router_id(const struct route *a, const struct route *b, const struct decide_rules *rules)
{
	(void)rules;
	return addr_compare(&b->router_id, &a->router_id);
}

static int by_peer_address(const struct route *a, const struct route *b, const struct decide_rules *rules)
{
	(void)rules;
	return addr_compare(&b->next_hop, &a->next_hop);
}

typedef int (*compare_step)(const struct route *a, const struct route *b, const struct decide_rules *rules);

static const struct {
	enum decide_step step;
	compare_step compare; /* > 0 when a is better */
} rank_steps[] =
	{
		{DECIDE_SOURCE, by_source},
		{DECIDE_WEIGHT, by_weight},
		{DECIDE_ROUTING_WEIGHT, by_routing_weight},
		{DECIDE_LOCAL_PREF, by_local_pref},
		{DECIDE_AS_PATH, by_as_path},
		{DECIDE_ORIGIN, by_origin},
		{DECIDE_MED, by_med},
		{DECIDE_EBGP, by_ebgp},
},
  tie_steps[] = {
	  {DECIDE_ROUTER_ID, by_router_id},
	  {DECIDE_PEER_ADDRESS, by_peer_address},
};
#define N_STEPS(table) (sizeof(table) / sizeof((table)[0]))

static bool may_share(const struct route *a, const struct route *b, const struct decide_rules *rules)
{
	return rules->as_path_relax || as_path_equal(attrs_of(a), attrs_of(b));
}

static int break_tie(const struct route *a, const struct route *b, const struct decide_rules *rules,
		     enum decide_step *step)
{
	for (size_t i = 0; i < N_STEPS(tie_steps); i++) {
		int order = tie_steps[i].compare(a, b, rules);

		*step = tie_steps[i].step;
		if (order)
			return order;
	}
	return a->link != b->link ? lower(a->link, b->link) : lower(a->from, b->from);
}

int route_compare(const struct route *a, const struct route *b, const struct decide_rules *rules,
		  enum decide_step *step)
{
	int order = !a->invalid - !b->invalid;

	*step = DECIDE_INVALID;
	for (size_t i = 0; !order && i < N_STEPS(rank_steps); i++) {
		*step = rank_steps[i].step;
		order = rank_steps[i].compare(a, b, rules);
	}
	if (order)
		return order;
	order = break_tie(a, b, rules, step);
	if (may_share(a, b, rules))
		*step = DECIDE_MULTIPATH;
	return order;
}

/*
 * The step in which another route of the same neighbouring AS beats r before
 * load sharing; MULTIPATH when none does.
 */
static enum decide_step beaten_within_as(const struct route *routes, unsigned n, const struct route *r,
					 const struct decide_rules *rules)
{
	for (unsigned i = 0; i < n; i++) {
		enum decide_step step;

		if (&routes[i] != r && same_neighbour_as(&routes[i], r, rules) &&
		    route_compare(&routes[i], r, rules, &step) > 0 && step < DECIDE_MULTIPATH)
			return step;
	}
	return DECIDE_MULTIPATH;
}

/* Among the routes of one AS the steps up to EBGP are a total order, so one at least is not beaten. */
static unsigned find_best(const struct route *routes, unsigned n, const struct decide_rules *rules)
{
	unsigned best = n;
	enum decide_step step;

	for (unsigned i = 0; i < n; i++) {
		if (beaten_within_as(routes, n, &routes[i], rules) != DECIDE_MULTIPATH)
			continue;
		if (best == n || route_compare(&routes[i], &routes[best], rules, &step) > 0)
			best = i;
	}
	return best;
}

static void move(struct route *routes, unsigned from, unsigned to)
{
	struct route r = routes[from];

	memmove(&routes[to + 1], &routes[to], (from - to) * sizeof(*routes));
	routes[to] = r;
}

/*
 * In what step r, not the best, lost. Against the best itself it may even have
 * won: then another route of its own AS has put it out by MED.
 */
static enum decide_step step_lost(const struct route *routes, unsigned n, const struct route *r,
				  const struct decide_rules *rules)
{
	enum decide_step step, within;

	if (r->invalid)
		return DECIDE_INVALID;
	if (route_compare(&routes[0], r, rules, &step) > 0 && step < DECIDE_MULTIPATH)
		return step;
	within = beaten_within_as(routes, n, r, rules);
	return within < DECIDE_MULTIPATH ? within : step;
}

/* Members of a multipath: the file's order, which is that of the links, primary before secondary. */
static void place_member(struct route *routes, unsigned n_best, unsigned from)
{
	unsigned to = n_best;

	while (to > 0 && routes[to - 1].link > routes[from].link)
		to--;
	move(routes, from, to);
}

/* Those that come last in the file step back, where more are equal than may share the load. */
static unsigned keep_paths(struct route *routes, unsigned n_best, const struct decide_rules *rules)
{
	unsigned kept = rules->max_paths && n_best > rules->max_paths ? rules->max_paths : n_best;

	for (unsigned i = kept; i < n_best; i++) {
		routes[i].best = false;
		routes[i].lost_at = DECIDE_MAX_PATHS;
	}
	return kept;
}

struct ranking decide_rank(struct route *routes, unsigned n, const struct decide_rules *rules)
{
	struct ranking out = {.n_best = 0, .decided_at = DECIDE_INVALID};

	for (unsigned i = 0; i + 1 < n; i++)
		move(routes, i + find_best(routes + i, n - i, rules), i);
	for (unsigned i = 0; i < n; i++) {
		routes[i].lost_at = i ? step_lost(routes, n, &routes[i], rules) : DECIDE_MULTIPATH;
		routes[i].best = !routes[i].invalid && routes[i].lost_at == DECIDE_MULTIPATH;
	}
	for (unsigned i = 0; i < n; i++) {
		if (routes[i].best)
			place_member(routes, out.n_best++, i);
	}
	out.n_best = keep_paths(routes, out.n_best, rules);
	if (!n)
		return out;
	if (!out.n_best)
		routes[0].lost_at = DECIDE_INVALID;
	else if (out.n_best < n)
		out.decided_at = routes[out.n_best].lost_at;
	else
		out.decided_at = n == 1 ? DECIDE_ONLY : DECIDE_MULTIPATH;
	for (unsigned i = 0; i < out.n_best; i++)
		routes[i].lost_at = out.n_best > 1 ? DECIDE_MULTIPATH : out.decided_at;
	return out;
}
