// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The decision: every step told by one changed attribute, each pair compared
 * both ways round, and sets of routes ranked from every order of arrival.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "ctl/decide.h"

/* A case is the base with one field given again. */
#ifdef __clang__
#pragma clang diagnostic ignored "-Winitializer-overrides"
#else
#pragma GCC diagnostic ignored "-Woverride-init"
#endif

static const struct decide_rules relaxed = {.as_path_relax = true};
static const struct decide_rules strict = {.as_path_relax = false};
static const struct decide_rules any_med = {.as_path_relax = true, .always_compare_med = true};

static const uint32_t path_1[] = {65001, 65010}, path_2[] = {65002, 65010}, path_long[] = {65001, 65010, 65010};

#define BASE_ATTRS                                                                                                     \
	.as_path = path_1, .as_path_len = 2, .local_pref = 100, .weight = 32768, .routing_weight = 10, .med = 50,      \
	.origin = ORIGIN_EGP
#define ADDRESS(last)                                                                                                  \
	{                                                                                                              \
		.family = ADDR_IPV4, .bytes = { 10, 0, 0, last }                                                       \
	}
#define BASE_ROUTE .source = SOURCE_BGP, .from = 5, .next_hop = ADDRESS(5), .router_id = ADDRESS(5), .link = 5

/* Each differs from the base in the one thing its step looks at, and is worse. */
static const struct {
	const char *what;
	struct attrs attrs;
	struct route route;
	enum decide_step step;
} worse[] = {
	{"a system route", {BASE_ATTRS}, {BASE_ROUTE, .source = SOURCE_VNET}, DECIDE_SOURCE},
	{"lower weight", {BASE_ATTRS, .weight = 32767}, {BASE_ROUTE}, DECIDE_WEIGHT},
	{"lower routing weight", {BASE_ATTRS, .routing_weight = 0}, {BASE_ROUTE}, DECIDE_ROUTING_WEIGHT},
	{"lower local preference", {BASE_ATTRS, .local_pref = 99}, {BASE_ROUTE}, DECIDE_LOCAL_PREF},
	{"longer path", {BASE_ATTRS, .as_path = path_long, .as_path_len = 3}, {BASE_ROUTE}, DECIDE_AS_PATH},
	{"incomplete origin", {BASE_ATTRS, .origin = ORIGIN_INCOMPLETE}, {BASE_ROUTE}, DECIDE_ORIGIN},
	{"higher MED", {BASE_ATTRS, .med = 51}, {BASE_ROUTE}, DECIDE_MED},
	{"iBGP", {BASE_ATTRS, .ibgp = true}, {BASE_ROUTE}, DECIDE_EBGP},
	{"not eligible", {BASE_ATTRS}, {BASE_ROUTE, .invalid = "a reason"}, DECIDE_INVALID},
};
#define N_WORSE (sizeof(worse) / sizeof(worse[0]))

static const struct attrs base_attrs = {BASE_ATTRS};
static const struct route base = {BASE_ROUTE, .attrs = &base_attrs};

static void expect_order(const char *what, const struct route *a, const struct route *b,
			 const struct decide_rules *rules, enum decide_step expected)
{
	enum decide_step step;

	cr_expect_gt(route_compare(a, b, rules, &step), 0, "%s", what);
	cr_expect_eq(step, expected, "%s: %s", what, decide_step_name(step));
	cr_expect_lt(route_compare(b, a, rules, &step), 0, "%s, the other way round", what);
	cr_expect_eq(step, expected, "%s, the other way round: %s", what, decide_step_name(step));
}

Test(decide, each_step_looks_at_one_thing)
{
	for (size_t i = 0; i < N_WORSE; i++) {
		struct route r = worse[i].route;

		r.attrs = &worse[i].attrs;
		expect_order(worse[i].what, &base, &r, &relaxed, worse[i].step);
		expect_order(worse[i].what, &base, &r, &strict, worse[i].step);
	}
}

/* A route worse at step i and otherwise like the base loses to one that is worse at every later step. */
Test(decide, an_earlier_step_outweighs_all_later_ones)
{
	const struct attrs bad_later = {.as_path = path_long,
					.as_path_len = 3,
					.local_pref = 1,
					.weight = 32768,
					.routing_weight = 0,
					.med = 99,
					.origin = ORIGIN_INCOMPLETE,
					.ibgp = true};
	const struct attrs low_weight = {BASE_ATTRS, .weight = 32767};
	struct route winner = {BASE_ROUTE, .attrs = &bad_later}, loser = {BASE_ROUTE, .attrs = &low_weight};

	expect_order("weight before the rest", &winner, &loser, &relaxed, DECIDE_WEIGHT);
}

Test(decide, equal_routes_share_and_keep_an_order)
{
	struct route far = base;

	far.from = far.link = 6;
	far.next_hop.bytes[3] = far.router_id.bytes[3] = 6;
	expect_order("the same path, strict", &base, &far, &strict, DECIDE_MULTIPATH);
	expect_order("the same path, relaxed", &base, &far, &relaxed, DECIDE_MULTIPATH);
}

Test(decide, strict_multipath_wants_identical_paths)
{
	const struct attrs other_path = {BASE_ATTRS, .as_path = path_2};
	struct route far = {BASE_ROUTE, .attrs = &other_path, .router_id = ADDRESS(6)};

	expect_order("paths of equal length, strict", &base, &far, &strict, DECIDE_ROUTER_ID);
	expect_order("paths of equal length, relaxed", &base, &far, &relaxed, DECIDE_MULTIPATH);
	far.router_id = base.router_id;
	far.next_hop.bytes[3] = 6;
	expect_order("the same router id", &base, &far, &strict, DECIDE_PEER_ADDRESS);
}

Test(decide, med_counts_within_one_neighbouring_as)
{
	const struct attrs other_as = {BASE_ATTRS, .as_path = path_2, .med = 51};
	struct route far = {BASE_ROUTE, .attrs = &other_as, .router_id = ADDRESS(6)};

	expect_order("MED of another AS", &base, &far, &relaxed, DECIDE_MULTIPATH);
	expect_order("MED of another AS, compared always", &base, &far, &any_med, DECIDE_MED);
}

Test(decide, every_step_has_a_name_and_a_text)
{
	for (int i = 0; i < N_DECIDE_STEPS; i++) {
		cr_expect(decide_step_name(i) && *decide_step_name(i), "step %d", i);
		cr_expect(decide_step_text(i) && *decide_step_text(i), "step %d", i);
	}
	cr_expect_str_eq(decide_step_name(DECIDE_AS_PATH), "as-path");
}

#define MAX_SET 6

struct outcome {
	uint32_t from[MAX_SET]; /* in rank */
	enum decide_step lost_at[MAX_SET];
	struct ranking ranking;
};

static void rank(const struct route *set, const unsigned *order, unsigned n, const struct decide_rules *rules,
		 struct outcome *out)
{
	struct route routes[MAX_SET];

	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < n; i++)
		routes[i] = set[order[i]];
	out->ranking = decide_rank(routes, n, rules);
	for (unsigned i = 0; i < n; i++) {
		out->from[i] = routes[i].from;
		out->lost_at[i] = routes[i].lost_at;
	}
}

/* Heap's algorithm; every permutation must give the outcome of the first. */
static void permute(const struct route *set, unsigned *order, unsigned n, unsigned k, const struct decide_rules *rules,
		    const struct outcome *expected)
{
	struct outcome got;

	if (k <= 1) {
		rank(set, order, n, rules, &got);
		cr_expect_eq(memcmp(&got, expected, sizeof(got)), 0, "another order of arrival, another outcome");
		return;
	}
	for (unsigned i = 0; i < k; i++) {
		unsigned other = k % 2 ? 0 : i, swapped;

		permute(set, order, n, k - 1, rules, expected);
		swapped = order[other];
		order[other] = order[k - 1];
		order[k - 1] = swapped;
	}
}

static struct outcome every_order(const struct route *set, unsigned n, const struct decide_rules *rules)
{
	unsigned order[MAX_SET] = {0, 1, 2, 3, 4, 5};
	struct outcome expected;

	rank(set, order, n, rules, &expected);
	permute(set, order, n, n, rules, &expected);
	return expected;
}

/*
 * The triangle of RFC 4451: a beats b by MED, b beats c by eBGP, c beats a by
 * router id. Compared in pairs, the winner is whoever comes last.
 */
Test(decide, med_does_not_make_the_order_of_arrival_count)
{
	const struct attrs a = {BASE_ATTRS, .med = 10, .ibgp = true}, b = {BASE_ATTRS, .med = 20};
	const struct attrs c = {BASE_ATTRS, .as_path = path_2, .med = 90, .ibgp = true};
	const struct route set[] = {
		{BASE_ROUTE, .attrs = &a, .from = 1, .link = 1, .router_id = ADDRESS(9)},
		{BASE_ROUTE, .attrs = &b, .from = 2, .link = 2, .router_id = ADDRESS(1)},
		{BASE_ROUTE, .attrs = &c, .from = 3, .link = 3, .router_id = ADDRESS(2)},
	};
	struct outcome o = every_order(set, 3, &strict);

	/* b leaves by MED within its AS; of a and c, c has the lower router id. */
	cr_expect_eq(o.from[0], 3);
	cr_expect_eq(o.ranking.n_best, 1);
	o = every_order(set, 3, &relaxed);
	cr_expect_eq(o.ranking.n_best, 2, "a and c share, b does not come back in");
	cr_expect_eq(o.lost_at[2], DECIDE_MED);
	cr_expect_eq(o.ranking.decided_at, DECIDE_MED);
}

Test(decide, a_set_ends_in_one_order_whatever_comes_first)
{
	const struct attrs er = {BASE_ATTRS, .weight = 32769}, vpn = {BASE_ATTRS};
	const struct attrs er_long = {BASE_ATTRS, .weight = 32769, .as_path = path_long, .as_path_len = 3};
	const struct route set[MAX_SET] = {
		{BASE_ROUTE, .attrs = &er, .from = 1, .link = 11, .router_id = ADDRESS(9)},
		{BASE_ROUTE, .attrs = &er, .from = 2, .link = 12, .router_id = ADDRESS(3)},
		{BASE_ROUTE, .attrs = &er_long, .from = 3, .link = 13},
		{BASE_ROUTE, .attrs = &vpn, .from = 4, .link = 14},
		{BASE_ROUTE, .source = SOURCE_VNET, .from = 5, .link = 15},
		{BASE_ROUTE, .attrs = &er, .from = 6, .link = 10, .invalid = "a reason"},
	};
	struct outcome o = every_order(set, MAX_SET, &relaxed);
	const uint32_t expected[MAX_SET] = {1, 2, 3, 4, 5, 6};

	/* Members keep the file's order, though the second has the lower router id. */
	for (int i = 0; i < MAX_SET; i++)
		cr_expect_eq(o.from[i], expected[i], "place %d has route %u", i, o.from[i]);
	cr_expect_eq(o.ranking.n_best, 2);
	cr_expect_eq(o.lost_at[0], DECIDE_MULTIPATH);
	cr_expect_eq(o.lost_at[2], DECIDE_AS_PATH);
	cr_expect_eq(o.lost_at[3], DECIDE_WEIGHT);
	cr_expect_eq(o.lost_at[4], DECIDE_SOURCE);
	cr_expect_eq(o.lost_at[5], DECIDE_INVALID);
}

Test(decide, one_route_and_none)
{
	struct route only = base, invalid = base;
	struct ranking r = decide_rank(&only, 1, &relaxed);

	cr_expect(only.best && only.lost_at == DECIDE_ONLY && r.n_best == 1 && r.decided_at == DECIDE_ONLY);
	invalid.invalid = "a reason";
	r = decide_rank(&invalid, 1, &relaxed);
	cr_expect(!invalid.best && invalid.lost_at == DECIDE_INVALID && r.n_best == 0);
	r = decide_rank(NULL, 0, &relaxed);
	cr_expect_eq(r.n_best, 0);
}
