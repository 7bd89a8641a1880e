// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Azure's limits on routes and their consequence (azure.md 6 and 7.3): one below, and one above. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "model.h"

#define FIXTURE	    "tests/unit/topologies/limits.yaml"
#define REACH	    "  r: {connectionType: GlobalReach, circuit1: c1, circuit2: c2, addressPrefix: 172.17.1.0/29}"
#define FIRST(s, n) ", advertise: [{first: 10." s ".0.0/24, count: " #n "}]"
/* 10.64.0.0/24 and so on. */
#define COUNT(n) FIRST("64", n)

static const struct session_view *session_between(const struct model *m, const char *a, const char *b)
{
	uint32_t x = fabric_device(m->fabric, a)->index, y = fabric_device(m->fabric, b)->index;

	vec_each(s, &m->rib->sessions) {
		if ((s->a == x && s->b == y) || (s->a == y && s->b == x))
			return s;
	}
	cr_assert_fail("no session of %s and %s", a, b);
	return NULL;
}

/* why "": the session is up. */
static void expect_session(const struct model *m, const char *a, const char *b, const char *why)
{
	const struct session_view *s = session_between(m, a, b);

	cr_expect_eq(s->up, !*why, "%s to %s", a, b);
	cr_expect_str_eq(s->down_because ? s->down_because : "", why);
	if (*why)
		cr_expect(!s->sent_a && !s->sent_b, "%s to %s: nothing passes", a, b);
}

static const struct limit_usage *usage(const struct model *m, const char *what)
{
	vec_each(u, &m->rib->limits) {
		if (!strcmp(u->what, what))
			return u;
	}
	vec_each(u, &m->rib->limits)
		fprintf(stderr, "%s\n", u->what);
	cr_assert_fail("nobody counts %s", what);
	return NULL;
}

static void expect_usage(const struct model *m, const char *what, size_t count, size_t limit, bool over)
{
	const struct limit_usage *u = usage(m, what);

	cr_expect(u->count == count && u->limit == limit && u->over == over, "%s: %zu of %zu%s", what, u->count,
		  u->limit, u->over ? ", over" : "");
}

static void expect_customer(const char *tier, const char *advertise, const char *why)
{
	struct model *m = model_with(FIXTURE, "sku", "UltraPerformance", "tier", tier, "ce1", advertise, NULL);

	expect_session(m, "ce1", "c1.primary", why);
	expect_session(m, "ce1", "c1.secondary", why);
	expect_session(m, "ce2", "c2.primary", "");
	cr_expect_eq(!model_entry(m, "a", "10.64.0.0/24"), !!*why, "%s", advertise);
	cr_expect_eq(!model_entry(m, "ce1", "10.1.0.0/16"), !!*why, "the other direction goes with it");
	model_free(m);
}

Test(limit, too_many_prefixes_of_a_customer_drop_the_session)
{
	expect_customer("Standard", COUNT(4000), "");
	expect_customer("Standard", COUNT(4001), "4,001 prefixes from 'ce1' exceed the 4,000 of tier Standard");
	expect_customer("Local", COUNT(4001), "4,001 prefixes from 'ce1' exceed the 4,000 of tier Local");
	expect_customer("Premium", COUNT(9500), "");
	expect_customer("Premium", COUNT(10001), "10,001 prefixes from 'ce1' exceed the 10,000 of tier Premium");
}

/* ", 10.100.0.0/24, 10.100.1.0/24 …" */
static char *spaces(unsigned second, unsigned n)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (unsigned i = 0; i < n; i++)
		fprintf(out, ", 10.%u.%u.0/24", second + (i >> 8), i & 255);
	fclose(out);
	return text;
}

/* n: prefixes of the VNet and its spoke together. */
static void expect_vnet(unsigned n, const char *why)
{
	static const char *const instances[] = {"gw/0", "gw/1"};
	static const char *const edges[] = {"c1.primary", "c1.secondary", "c2.primary", "c2.secondary"};
	char *own = spaces(100, 500), *spoke = spaces(110, n - 502), text[128];
	struct model *m = model_with(FIXTURE, "sku", "Standard", "tier", "Standard", "a", own, "b", spoke, NULL);

	for (size_t i = 0; i < 8; i++) {
		snprintf(text, sizeof(text), why, i / 2 % 4 < 2 ? "a-c1" : "a-c2");
		expect_session(m, instances[i % 2], edges[i / 2], text);
	}
	expect_session(m, "ce1", "c1.primary", "");
	cr_expect_eq(!model_entry(m, "ce1", "10.1.0.0/16"), !!*why);
	cr_expect_eq(!model_entry(m, "a", "192.168.1.0/24"), !!*why);
	expect_usage(m, "prefixes of VNet 'a' and its spokes on connection 'a-c1'", n, 1000, n > 1000);
	model_free(m);
	free(own);
	free(spoke);
}

Test(limit, too_many_prefixes_of_a_vnet_take_its_connections_down)
{
	expect_vnet(1000, "");
	expect_vnet(1001, "1,001 prefixes of VNet 'a' exceed the 1,000 of connection '%s'");
}

#define VPN_OVER "4,001 prefixes exceed the 4,000 of VPN gateway 'vpn'"

Test(limit, too_many_prefixes_of_vpn_neighbours_drop_the_one_too_many)
{
	struct model *m = model_with(FIXTURE, "sku", "Standard", "tier", "Standard", "ce3", FIRST("64", 2000), "ce4",
				     FIRST("96", 2001), NULL);

	expect_session(m, "vpn/0", "ce3", "");
	expect_session(m, "vpn/0", "ce4", VPN_OVER);
	expect_usage(m, "prefixes learned by VPN gateway 'vpn'", 4001, 4000, true);
	cr_expect_not_null(model_entry(m, "a", "10.64.0.0/24"));
	cr_expect_null(model_entry(m, "a", "10.96.0.0/24"));
	model_fail(m, "a-s3");
	expect_session(m, "vpn/0", "ce4", "");
	expect_usage(m, "prefixes learned by VPN gateway 'vpn'", 2001, 4000, false);
	cr_expect_not_null(model_entry(m, "a", "10.96.0.0/24"), "it is back as soon as there are fewer");
	model_restore(m, "a-s3");
	expect_session(m, "vpn/0", "ce4", VPN_OVER);
	model_free(m);
}

Test(limit, a_prefix_that_two_neighbours_bring_counts_once)
{
	struct model *m = model_with(FIXTURE, "sku", "Standard", "tier", "Standard", "ce3", COUNT(4000), "ce4",
				     COUNT(3000), NULL);

	expect_session(m, "vpn/0", "ce3", "");
	expect_session(m, "vpn/0", "ce4", "");
	expect_usage(m, "prefixes learned by VPN gateway 'vpn'", 4000, 4000, false);
	model_free(m);
}

#define AT_C1 "prefixes of customers at 'c1.primary', Global Reach included"

Test(limit, prefixes_of_global_reach_add_up)
{
	struct model *m = model_with(FIXTURE, "sku", "UltraPerformance", "tier", "Standard", "ce1", FIRST("64", 2000),
				     "ce2", FIRST("96", 2000), "reach", REACH, NULL);

	expect_session(m, "c1.primary", "c2.primary", "");
	expect_usage(m, AT_C1, 4000, 4000, false);
	model_free(m);
	m = model_with(FIXTURE, "sku", "UltraPerformance", "tier", "Standard", "ce1", FIRST("64", 2000), "ce2",
		       FIRST("96", 2001), "reach", REACH, NULL);
	expect_session(m, "c1.primary", "c2.primary",
		       "4,001 prefixes at 'c1.primary' with those of Global Reach exceed the 4,000 of tier Standard");
	expect_session(m, "ce1", "c1.primary", "");
	expect_session(m, "ce2", "c2.primary", "");
	expect_usage(m, AT_C1, 4001, 4000, true);
	model_free(m);
}

/* Nobody goes down for prefixes that do not come because of another limit. */
Test(limit, what_one_limit_has_stopped_counts_nowhere_else)
{
	struct model *m = model_with(FIXTURE, "sku", "Standard", "tier", "Standard", "ce1", FIRST("64", 4001), "ce2",
				     FIRST("96", 4000), "reach", REACH, NULL);

	expect_session(m, "ce1", "c1.primary", "4,001 prefixes from 'ce1' exceed the 4,000 of tier Standard");
	expect_session(m, "ce2", "c2.primary", "");
	expect_session(m, "c1.primary", "c2.primary", "");
	expect_usage(m, AT_C1, 4000, 4000, false);
	expect_usage(m, "prefixes learned by gateway 'gw'", 4000, 4000, false);
	cr_expect_not(m->rib->full_gateway);
	model_free(m);
}

static size_t learned(const struct model *m, const char *table, const char *within)
{
	const struct rib_table *t = model_table(m, table);
	struct prefix p;
	size_t n = 0;

	cr_assert_eq(prefix_parse(within, &p), 0);
	for (size_t i = 0; i < t->n_entries; i++)
		n += t->entries[i].n_best && prefix_covers(&p, &t->entries[i].prefix);
	return n;
}

Test(limit, a_full_gateway_learns_no_more)
{
	struct model *m = model_with(FIXTURE, "sku", "Standard", "tier", "Premium", "ce1", FIRST("64", 3000), "ce2",
				     FIRST("96", 3000), NULL);

	cr_expect(m->rib->full_gateway);
	expect_usage(m, "prefixes learned by gateway 'gw'", 6000, 4000, true);
	cr_expect_eq(learned(m, "gw/0", "10.64.0.0/10"), 4000);
	cr_expect_eq(learned(m, "gw/1", "10.64.0.0/10"), 4000);
	cr_expect_eq(learned(m, "a", "10.64.0.0/11"), 3000, "in the order of prefixes");
	cr_expect_eq(learned(m, "a", "10.96.0.0/11"), 1000);
	cr_expect_null(model_entry(m, "a", "10.99.232.0/24"));
	expect_session(m, "gw/0", "c2.primary", "");
	model_fail(m, "c1");
	cr_expect_not(m->rib->full_gateway);
	cr_expect_eq(learned(m, "a", "10.96.0.0/11"), 3000);
	model_free(m);
}

/*
 * A router that passes on brings the other circuit's prefixes from one path to the
 * other, which is too much. Then Global Reach goes down for the same reason, and
 * what is left is not too much any more.
 */
Test(limit, a_session_comes_back_when_another_limit_has_helped)
{
	struct model *m = model_with(FIXTURE, "sku", "UltraPerformance", "tier", "Standard", "ce1",
				     FIRST("64", 3990) ", transit: true", "ce2", FIRST("96", 100), "reach", REACH,
				     NULL);

	expect_session(m, "ce1", "c1.primary", "");
	expect_session(m, "ce1", "c1.secondary", "");
	expect_session(m, "ce2", "c2.primary", "");
	cr_expect_not(session_between(m, "c1.primary", "c2.primary")->up);
	cr_expect_not(session_between(m, "c1.secondary", "c2.secondary")->up);
	model_free(m);
}

/* Each path is too much because of the other: whatever comes of it, it is an end, and the same every time. */
Test(limit, sessions_that_depend_on_each_other_settle)
{
	struct model *m = model_with(FIXTURE, "sku", "UltraPerformance", "tier", "Standard", "ce1",
				     FIRST("64", 2500) ", transit: true", "ce2", FIRST("96", 2500) ", transit: true",
				     "reach", REACH, NULL);
	char *first = model_print(m), *again;
	unsigned n_up = 0;

	cr_expect(m->rib->converged);
	vec_each(s, &m->rib->sessions)
		n_up += s->kind == SESSION_CIRCUIT && s->up;
	cr_expect_geq(n_up, 2, "no site is cut off");
	model_fail(m, "r");
	expect_session(m, "ce1", "c1.secondary", "");
	model_restore(m, "r");
	again = model_print(m);
	cr_expect_str_eq(again, first);
	free(first);
	free(again);
	model_free(m);
}

Test(limit, how_far_each_is_used)
{
	struct model *m = model_with(FIXTURE, "sku", "Standard", "tier", "Standard", "ce1", COUNT(3200), "ce2",
				     FIRST("96", 1), "reach", REACH, NULL);
	const struct limit_usage *u = usage(m, "prefixes from 'ce1' to 'c1.primary'");

	expect_usage(m, u->what, 3200, 4000, false);
	cr_expect(limit_is_near(u), "from 80 %% on");
	cr_expect_str_eq(u->object, "ce1");
	cr_expect_str_eq(u->consequence, "the BGP session drops until there are fewer");
	cr_expect_str_eq(u->source, "azure.md 7.3");
	cr_expect_not(limit_is_near(usage(m, "prefixes from 'ce2' to 'c2.primary'")));
	expect_usage(m, AT_C1, 3201, 4000, false);
	expect_usage(m, "prefixes of VNet 'a' and its spokes on connection 'a-c1'", 2, 1000, false);
	expect_usage(m, "prefixes learned by gateway 'gw'", 3201, 4000, false);
	expect_usage(m, "prefixes learned by VPN gateway 'vpn'", 2, 4000, false);
	expect_usage(m, "circuits of gateway 'gw'", 2, 4, false);
	expect_usage(m, "circuits of gateway 'gw' from London", 1, 4, false);
	expect_usage(m, "VNets and Global Reach links of circuit 'c1'", 2, 10, false);
	model_fail(m, "c1.primary");
	vec_each(x, &m->rib->limits)
		cr_expect_str_neq(x->what, "prefixes from 'ce1' to 'c1.primary'", "it brings none");
	expect_usage(m, "prefixes from 'ce1' to 'c1.secondary'", 3200, 4000, false);
	model_free(m);
}
