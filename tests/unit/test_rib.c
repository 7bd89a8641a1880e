// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Routes of whole topologies: the tables of azure.md 1.5, what failures and
 * restores do to them, and who passes what to whom (azure.md 7.5).
 *
 * The complete tables are golden. After a change that is meant,
 *
 *	ERXDP_UPDATE=1 build/unit-tests --filter 'rib/golden*'
 *
 * writes the files anew; read the diff before committing it.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

/* Small topologies of the tests themselves. */
#define FIXTURE(name) "tests/unit/topologies/" name ".yaml"

static struct model *interop;

static void setup(void)
{
	interop = model_read("topologies/interop.yaml");
}

static void teardown(void)
{
	model_free(interop);
}

TestSuite(rib, .init = setup, .fini = teardown);

struct expected_routes {
	const char *table, *prefix, *routes;
};

static void expect_all(const struct model *m, const struct expected_routes *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		expect_routes(m, rows[i].table, rows[i].prefix, rows[i].routes);
}
#define EXPECT_ALL(m, rows) expect_all(m, rows, sizeof(rows) / sizeof((rows)[0]))

#define HUB    "10.10.30.0/24"
#define SPOKE  "10.11.30.0/26"
#define BRANCH "10.11.30.64/26"
#define REMOTE "10.17.30.0/26"
#define LOC1   "10.2.30.0/25"
#define LOC2   "10.1.31.0/25"

static const struct expected_routes circuits[] = {
	{"er1.primary", HUB, "*bgp 10.10.30.140 65515; *bgp 10.10.30.141 65515"},
	{"er1.primary", SPOKE, "*bgp 10.10.30.140 65515; *bgp 10.10.30.141 65515"},
	{"er1.primary", REMOTE, "*bgp 10.17.30.44 65515; *bgp 10.17.30.45 65515"},
	{"er1.primary", LOC1, "*bgp 192.168.30.17 65021"},
	{"er1.primary", LOC2, ""},
	{"er1.primary", BRANCH, ""},
	{"er1.secondary", HUB, "*bgp 10.10.30.140 65515; *bgp 10.10.30.141 65515"},
	{"er1.secondary", SPOKE, "*bgp 10.10.30.140 65515; *bgp 10.10.30.141 65515"},
	{"er1.secondary", REMOTE, "*bgp 10.17.30.44 65515; *bgp 10.17.30.45 65515"},
	{"er1.secondary", LOC1, ""},
	{"er2.primary", HUB, "*bgp 10.10.30.140 65515; *bgp 10.10.30.141 65515"},
	{"er2.primary", SPOKE, "*bgp 10.10.30.140 65515; *bgp 10.10.30.141 65515"},
	{"er2.primary", LOC2, "*bgp 192.168.31.17 65020"},
	{"er2.primary", LOC1, ""},
	{"er2.primary", REMOTE, ""},
	{"er2.secondary", LOC2, "*bgp 192.168.31.21 65020"},
};

static const struct expected_routes customers[] = {
	{"loc1-ce1", HUB, "*bgp 192.168.30.18 12076; bgp 10.10.30.254 65515 (local-pref)"},
	{"loc1-ce1", SPOKE, "*bgp 192.168.30.18 12076; bgp 10.10.30.254 65515 (local-pref)"},
	{"loc1-ce1", BRANCH, "*bgp 10.10.30.254 65515-65516"},
	{"loc1-ce1", REMOTE, "*bgp 192.168.30.18 12076"},
	{"loc1-ce1", LOC2, ""},
	{"loc1-ce1", LOC1, "*static 192.168.30.1"},
	{"loc1-ce1", "10.10.30.254/32", "*static 10.10.30.254"},
	{"loc2-ce1", HUB, "*bgp 192.168.31.18 12076"},
	{"loc2-ce2", HUB, "*bgp 192.168.31.22 12076"},
	{"loc2-ce2", SPOKE, "*bgp 192.168.31.22 12076"},
	{"loc2-ce1", LOC1, ""},
	{"loc2-ce1", BRANCH, ""},
	{"loc2-ce1", REMOTE, ""},
	{"loc2", HUB, "*bgp 192.168.31.0 12076; *bgp 192.168.31.4 12076"},
	{"loc2", REMOTE, ""},
	{"loc2", "0.0.0.0/0", "*default 192.168.31.0; *default 192.168.31.4"},
	{"loc1", "10.2.30.125/32", "*bgp 192.168.30.0"},
};

static const struct expected_routes gateways[] = {
	{"hub-ergw/0", LOC1, "*bgp 10.10.30.132 12076-65021 32769; bgp 10.10.30.142 65021 32768 (weight)"},
	{"hub-ergw/1", LOC1, "*bgp 10.10.30.132 12076-65021 32769; bgp 10.10.30.142 65021 32768 (weight)"},
	{"hub-ergw/0", REMOTE, "*bgp 10.10.30.132 12076-12076 32769; *bgp 10.10.30.133 12076-12076 32769"},
	{"hub-ergw/0", LOC2, "*bgp 10.10.30.134 12076-65020 32769; *bgp 10.10.30.135 12076-65020 32769"},
	{"hub-ergw/0", BRANCH, "*bgp 10.10.30.142 65516 32768"},
	{"hub-ergw/0", HUB, "*static hub-ergw/0:hub"},
	{"hub-vpngw/0", LOC1, "*bgp 10.2.30.125 65021 32768"},
	{"hub-vpngw/0", BRANCH, "*bgp 10.11.30.126 65516 32768"},
	{"hub-vpngw/0", REMOTE, ""},
	{"hub-vpngw/0", LOC2, ""},
	{"hub-vpngw/0", "10.2.30.125/32", "*static 10.2.30.125"},
	{"branch-vpngw/0", HUB, "*bgp 10.10.30.254 65515 32768"},
	{"branch-vpngw/0", SPOKE, "*bgp 10.10.30.254 65515 32768"},
	{"branch-vpngw/0", LOC1, "*bgp 10.10.30.254 65515-65021 32768"},
	{"branch-vpngw/0", LOC2, ""},
	{"branch-vpngw/0", REMOTE, ""},
	{"branch-vpngw/0", "10.2.30.125/32", ""},
	{"remote-ergw/0", HUB, "*bgp 10.17.30.36 12076-12076 32769; *bgp 10.17.30.37 12076-12076 32769"},
	{"remote-ergw/0", SPOKE, "*bgp 10.17.30.36 12076-12076 32769; *bgp 10.17.30.37 12076-12076 32769"},
	{"remote-ergw/0", LOC1, "*bgp 10.17.30.36 12076-65021 32769"},
	{"remote-ergw/0", BRANCH, ""},
	{"remote-ergw/0", LOC2, ""},
};

static const struct expected_routes vnets[] = {
	{"hub", LOC1, "*bgp 10.10.30.132 12076-65021 32769; bgp 10.10.30.142 65021 32768 (weight)"},
	{"hub", LOC2, "*bgp 10.10.30.134 12076-65020 32769; *bgp 10.10.30.135 12076-65020 32769"},
	{"hub", REMOTE, "*bgp 10.10.30.132 12076-12076 32769; *bgp 10.10.30.133 12076-12076 32769"},
	{"hub", BRANCH, "*bgp 10.10.30.142 65516 32768"},
	{"hub", SPOKE, "*peering hub:spoke"},
	{"hub", HUB, "*vnet -"},
	{"hub", "10.10.30.4/32", "*host hub:hub-vm"},
	{"hub", "10.0.0.0/8", "*none -"},
	{"hub", "0.0.0.0/0", "*internet -"},
	{"spoke", REMOTE, "*bgp 10.10.30.132 12076-12076 32769"}, /* one way: the hub chooses among the MSEEs */
	{"spoke", BRANCH, "*bgp 10.10.30.142 65516 32768"},
	{"branch", LOC2, ""},
	{"branch", REMOTE, ""},
	{"branch", LOC1, "*bgp 10.11.30.100 65515-65021 32768"},
	{"remote", LOC2, ""},
	{"remote", BRANCH, ""},
};

Test(rib, circuit_tables_of_the_interoperability_setup)
{
	EXPECT_ALL(interop, circuits);
}

Test(rib, customer_tables_of_the_interoperability_setup)
{
	EXPECT_ALL(interop, customers);
}

Test(rib, gateway_tables_of_the_interoperability_setup)
{
	EXPECT_ALL(interop, gateways);
}

Test(rib, vnet_tables_of_the_interoperability_setup)
{
	EXPECT_ALL(interop, vnets);
}

static const struct rib_entry *lookup(const struct model *m, const char *table, const char *address)
{
	struct addr a;

	cr_assert_eq(addr_parse(address, &a), 0);
	return rib_lookup(model_table(m, table), &a);
}

Test(rib, the_three_lost_pings_have_no_route)
{
	cr_expect_eq(lookup(interop, "branch", "10.1.31.10")->routes[0].source, SOURCE_SYSTEM_NONE);
	cr_expect_eq(lookup(interop, "branch", "10.17.30.4")->routes[0].source, SOURCE_SYSTEM_NONE);
	cr_expect_eq(lookup(interop, "loc1", "10.1.31.10")->routes[0].source, SOURCE_DEFAULT);
	cr_expect_null(lookup(interop, "loc1-ce1", "10.1.31.10"), "the router drops without a word");
}

static void golden(const struct model *m, const char *path)
{
	char *got = model_print(m), *expected = NULL;
	size_t size = 0;
	FILE *file;

	if (getenv("ERXDP_UPDATE")) {
		file = fopen(path, "we");
		cr_assert(file && fputs(got, file) >= 0, "cannot write %s", path);
		fclose(file);
	}
	file = fopen(path, "re");
	cr_assert(file, "cannot read %s", path);
	cr_assert_gt(getdelim(&expected, &size, '\0', file), 0);
	fclose(file);
	cr_expect_str_eq(got, expected, "the tables differ from %s; see the head of this file", path);
	free(expected);
	free(got);
}

Test(rib, golden_interop)
{
	golden(interop, "tests/golden/interop-routes.txt");
}

static const struct session_view *session_between(const struct model *m, const char *a, const char *b)
{
	uint32_t x = fabric_device(m->fabric, a)->index, y = fabric_device(m->fabric, b)->index;

	vec_each(s, &m->rib->sessions) {
		if ((s->a == x && s->b == y) || (s->a == y && s->b == x))
			return s;
	}
	return NULL;
}

/* "prefix path, …" of what a sends to b. */
static char *sent_text(const struct model *m, const char *a, const char *b)
{
	const struct advertisement *sent;
	size_t n = rib_advertised(m->rib, fabric_device(m->fabric, a)->index, fabric_device(m->fabric, b)->index,
				  &sent);
	char *text = NULL, prefix[PREFIX_STRLEN];
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (size_t i = 0; i < n; i++) {
		fprintf(out, "%s%s", i ? ", " : "", prefix_format(&sent[i].prefix, prefix));
		for (unsigned k = 0; k < sent[i].attrs->as_path_len; k++)
			fprintf(out, "%s%u", k ? "-" : " ", sent[i].attrs->as_path[k]);
	}
	fclose(out);
	return text;
}

static void expect_sent(const struct model *m, const char *a, const char *b, const char *expected)
{
	char *got = sent_text(m, a, b);

	cr_expect_str_eq(got, expected, "%s to %s\n     is: %s\n should: %s", a, b, got, expected);
	free(got);
}

/* Seed text, row 15: with the circuit's primary link shut, Location 1 goes by VPN. */
static const struct expected_routes without_er1_primary[] = {
	{"hub", LOC1, "*bgp 10.10.30.142 65021 32768"},
	{"spoke", LOC1, "*bgp 10.10.30.142 65021 32768"},
	{"hub", REMOTE, "*bgp 10.10.30.132 12076-12076 32769; *bgp 10.10.30.133 12076-12076 32769"},
	{"remote", LOC1, ""},
	{"remote", HUB, "*bgp 10.17.30.36 12076-12076 32769; *bgp 10.17.30.37 12076-12076 32769"},
	{"loc1-ce1", HUB, "*bgp 10.10.30.254 65515"},
	{"loc1-ce1", REMOTE, ""},
	{"loc1-ce1", "192.168.30.16/30", ""},
	{"loc1", HUB, "*bgp 192.168.30.0 65515"},
	{"er1.primary", LOC1, ""},
	{"er1.primary", HUB, "*bgp 10.10.30.140 65515; *bgp 10.10.30.141 65515"},
};

Test(rib, vpn_takes_over_and_gives_back)
{
	char *before = model_print(interop), *after;

	model_fail(interop, "er1.primary");
	EXPECT_ALL(interop, without_er1_primary);
	model_restore(interop, "er1.primary");
	after = model_print(interop);
	cr_expect_str_eq(after, before, "a restore leaves no trace");
	free(before);
	free(after);
}

Test(rib, every_failure_is_undone_by_its_restore)
{
	char *before = model_print(interop);

	for (const char *const *t = target_names(interop->fabric); *t; t++) {
		char *after;

		model_fail(interop, *t);
		cr_expect(interop->rib->converged, "%s", *t);
		model_restore(interop, *t);
		after = model_print(interop);
		cr_expect_str_eq(after, before, "%s", *t);
		free(after);
	}
	free(before);
}

static const struct expected_routes without_an_msee[] = {
	{"hub", LOC2, "*bgp 10.10.30.135 12076-65020 32769"},
	{"hub-ergw/0", LOC2, "*bgp 10.10.30.135 12076-65020 32769"},
	{"loc2-ce1", HUB, ""},
	{"loc2", HUB, "*bgp 192.168.31.4 12076"},
	{"loc2", "0.0.0.0/0", "*default 192.168.31.0; *default 192.168.31.4"},
};

Test(rib, losing_an_edge_router_leaves_the_other_path)
{
	model_fail(interop, "er2.primary/msee");
	EXPECT_ALL(interop, without_an_msee);
}

static const struct expected_routes without_a_gateway_instance[] = {
	{"er1.primary", HUB, "*bgp 10.10.30.141 65515"},
	{"hub", LOC2, "*bgp 10.10.30.134 12076-65020 32769; *bgp 10.10.30.135 12076-65020 32769"},
	{"hub-ergw/0", LOC2, ""},
};

Test(rib, losing_a_gateway_instance_leaves_the_other)
{
	model_fail(interop, "hub-ergw/0");
	EXPECT_ALL(interop, without_a_gateway_instance);
}

static const struct expected_routes without_the_gateway[] = {
	{"hub", LOC1, "*bgp 10.10.30.142 65021 32768"},
	{"hub", LOC2, ""},
	{"hub", REMOTE, ""},
	{"er1.primary", HUB, ""},
	{"loc1-ce1", HUB, "*bgp 10.10.30.254 65515"},
};

Test(rib, losing_the_gateway_takes_all_expressroute_away)
{
	model_fail(interop, "hub-ergw");
	EXPECT_ALL(interop, without_the_gateway);
}

static const struct expected_routes without_a_router[] = {
	{"loc2", "0.0.0.0/0", "*default 192.168.31.4"},
	{"loc2", HUB, "*bgp 192.168.31.4 12076"},
	{"hub", LOC2, "*bgp 10.10.30.135 12076-65020 32769"},
};

Test(rib, losing_a_customer_router)
{
	model_fail(interop, "loc2-ce1");
	EXPECT_ALL(interop, without_a_router);
}

/* Single cables, which no target names: what lies behind them is announced no more. */
Test(rib, a_router_without_its_lan_announces_nothing)
{
	model_cut(interop, "loc2-ce1:loc2");
	expect_sent(interop, "loc2-ce1", "er2.primary", "");
	expect_routes(interop, "hub", LOC2, "*bgp 10.10.30.135 12076-65020 32769");
}

Test(rib, a_gateway_without_its_vnet_announces_nothing)
{
	model_cut(interop, "hub-ergw/0:hub");
	expect_sent(interop, "hub-ergw/0", "er1.primary", "");
	expect_routes(interop, "er1.primary", HUB, "*bgp 10.10.30.141 65515");
	cr_expect_not(session_between(interop, "hub-ergw/0", "hub-vpngw/0")->up);
	expect_routes(interop, "hub", LOC2, "*bgp 10.10.30.134 12076-65020 32769; *bgp 10.10.30.135 12076-65020 32769");
	model_cut(interop, "hub-ergw/1:hub");
	expect_routes(interop, "hub", LOC2, "");
}

Test(rib, a_vnet_without_the_way_past_its_gateway)
{
	model_cut(interop, "hub:er2.primary");
	expect_routes(interop, "hub", LOC2, "*bgp 10.10.30.135 12076-65020 32769");
	expect_routes(interop, "er2.primary", HUB, "*bgp 10.10.30.140 65515; *bgp 10.10.30.141 65515");
}

/* The commonest support case: the link is there, the session over it is not. */
Test(rib, a_session_goes_down_and_its_link_stays)
{
	const struct session_view *s;
	char *before = model_print(interop), *after;

	model_stop(interop, "loc1-ce1:er1.primary", true);
	s = session_between(interop, "loc1-ce1", "er1.primary");
	cr_assert(s && !s->up);
	cr_expect_eq(s->kind, SESSION_CIRCUIT);
	cr_expect_str_eq(s->down_because, "session down");
	expect_routes(interop, "loc1-ce1", HUB, "*bgp 10.10.30.254 65515");
	expect_routes(interop, "hub", LOC1, "*bgp 10.10.30.142 65021 32768");
	expect_routes(interop, "loc1-ce1", "192.168.30.18/32", "*connected 192.168.30.18");
	model_cut(interop, "loc1-ce1:er1.primary");
	cr_expect_str_eq(session_between(interop, "loc1-ce1", "er1.primary")->down_because, "link down");
	model_restore(interop, "er1.primary");
	model_stop(interop, "loc1-ce1:er1.primary", false);
	after = model_print(interop);
	cr_expect_str_eq(after, before);
	free(before);
	free(after);
}

Test(rib, a_tunnel_keeps_its_static_routes_without_its_session)
{
	const struct session_view *s;

	model_stop(interop, "hub-vpngw/0:loc1-ce1", true);
	s = session_between(interop, "hub-vpngw/0", "loc1-ce1");
	cr_expect(s->kind == SESSION_VPN && s->connection == topo_connection(interop->topo, "hub-loc1-vpn"));
	expect_routes(interop, "hub-vpngw/0", "10.2.30.125/32", "*static 10.2.30.125");
	expect_routes(interop, "hub-vpngw/0", LOC1, "");
}

/* azure.md 7.1: Microsoft lengthens the AS path on one side before it takes that side down. */
Test(rib, maintenance_of_an_edge_router_moves_all_to_the_other)
{
	model_prepend(interop, "er2.primary", 3);
	expect_routes(interop, "hub-ergw/0", LOC2,
		      "*bgp 10.10.30.135 12076-65020 32769; "
		      "bgp 10.10.30.134 12076-12076-12076-12076-65020 32769 (as-path)");
	expect_routes(interop, "hub", LOC2, "*bgp 10.10.30.135 12076-65020 32769");
	expect_sent(interop, "er2.primary", "loc2-ce1",
		    "10.10.30.0/24 12076-12076-12076-12076, 10.11.30.0/26 12076-12076-12076-12076");
	expect_routes(interop, "loc2", HUB,
		      "*bgp 192.168.31.4 12076; bgp 192.168.31.0 12076-12076-12076-12076 (as-path)");
}

/* One instance after the other; its private AS leaves no trace at the customer, however often it is there. */
Test(rib, maintenance_of_a_gateway_instance_moves_all_to_the_other)
{
	model_prepend(interop, "hub-ergw/0", 2);
	expect_routes(interop, "er1.primary", HUB,
		      "*bgp 10.10.30.141 65515; bgp 10.10.30.140 65515-65515-65515 (as-path)");
	expect_sent(interop, "er1.primary", "loc1-ce1",
		    "10.10.30.0/24 12076, 10.11.30.0/26 12076, 10.17.30.0/26 12076");
	model_prepend(interop, "hub-ergw/1", 2);
	expect_sent(interop, "er1.primary", "loc1-ce1",
		    "10.10.30.0/24 12076, 10.11.30.0/26 12076, 10.17.30.0/26 12076");
	expect_sent(interop, "er1.primary", "remote-ergw/0",
		    "10.2.30.0/25 12076-65021, 10.10.30.0/24 12076-12076-12076-12076, "
		    "10.11.30.0/26 12076-12076-12076-12076");
}

Test(rib, running_out_of_updates_is_said)
{
	struct rib *r = rib_compute_within(interop->fabric, NULL, 1);

	cr_expect_not(r->converged);
	cr_expect(addr_is_set(&r->unstable.addr));
	rib_free(r);
	r = rib_compute(interop->fabric, NULL);
	cr_expect(r->converged);
	cr_expect_gt(r->events, 0);
	rib_free(r);
}

Test(rib, advertisements_are_as_on_the_wire)
{
	expect_sent(interop, "hub-ergw/0", "er1.primary", "10.10.30.0/24 65515, 10.11.30.0/26 65515");
	expect_sent(interop, "er1.primary", "loc1-ce1",
		    "10.10.30.0/24 12076, 10.11.30.0/26 12076, 10.17.30.0/26 12076");
	expect_sent(interop, "er1.primary", "hub-ergw/0", "10.2.30.0/25 12076-65021, 10.17.30.0/26 12076-12076");
	expect_sent(interop, "loc1-ce1", "er1.primary", "10.2.30.0/25 65021");
	expect_sent(interop, "loc1-ce1", "er1.secondary", "");
	expect_sent(interop, "hub-vpngw/0", "loc1-ce1",
		    "10.10.30.0/24 65515, 10.11.30.0/26 65515, 10.11.30.64/26 65515-65516");
	expect_sent(interop, "hub-vpngw/0", "hub-ergw/1", "10.2.30.0/25 65021, 10.11.30.64/26 65516");
	expect_sent(interop, "hub-ergw/1", "hub-vpngw/0", "10.10.30.0/24, 10.11.30.0/26");
	expect_sent(interop, "hub-ergw/0", "loc1-ce1", "");
}

/* RFC 4271 5.1.5: what is local to an AS stays there. */
Test(rib, weight_and_preference_are_not_sent)
{
	struct model *m = model_with(FIXTURE("joined"), "ce", ", transit: true, localPreference: {ExpressRoute: 300}",
				     NULL);
	const struct advertisement *sent;
	size_t n = rib_advertised(m->rib, fabric_device(m->fabric, "ce")->index,
				  fabric_device(m->fabric, "c2.primary")->index, &sent);

	cr_assert_eq(n, 2);
	cr_expect_eq(model_entry(m, "ce", "10.1.0.0/16")->routes[0].attrs->local_pref, 300);
	for (size_t i = 0; i < n; i++)
		cr_expect(sent[i].attrs->local_pref == 100 && sent[i].attrs->weight == 0);
	n = rib_advertised(m->rib, fabric_device(m->fabric, "a-gw/0")->index,
			   fabric_device(m->fabric, "c1.primary")->index, &sent);
	cr_assert_eq(n, 1);
	cr_expect_eq(sent[0].attrs->weight, 0);
	model_free(m);
}

Test(rib, sessions_count_what_passed)
{
	const struct session_view *s = session_between(interop, "loc1-ce1", "er1.primary");
	char text[ADDR_STRLEN];

	cr_assert(s && s->up);
	cr_expect_eq(s->sent_a, 1, "the router's one prefix");
	cr_expect_eq(s->sent_b, 3, "three VNets");
	cr_expect_str_eq(addr_format(&s->addr_b, text), "192.168.30.18");
	s = session_between(interop, "loc1-ce1", "er1.secondary");
	cr_assert(s && !s->up, "shut in the file");
	s = session_between(interop, "hub-ergw/0", "hub-vpngw/0");
	cr_assert(s && s->up && s->link == NO_INDEX);
	cr_expect_null(session_between(interop, "loc2-ce1", "loc2-ce2"), "no iBGP between the routers of a site");
}

Test(rib, vnet_prefixes_carry_their_region)
{
	const struct attrs *a = model_entry(interop, "loc1-ce1", REMOTE)->routes[0].attrs;

	cr_assert_eq(a->n_communities, 1);
	cr_expect_eq(a->communities[0], 12076u << 16 | 50026, "West US 2");
	cr_expect_eq(model_entry(interop, "loc1-ce1", HUB)->routes[0].attrs->communities[0], 12076u << 16 | 50004);
}

Test(rib, own_addresses_and_echo)
{
	static const struct {
		const char *table, *address;
		bool local, echo;
	} rows[] = {
		{"er1.primary", "192.168.30.18/32", true, true},
		{"er1.primary", "10.10.30.132/32", true, false},
		{"hub-ergw/0", "10.10.30.140/32", true, false},
		{"hub-vpngw/0", "10.10.30.142/32", true, false},
		{"hub-vpngw/0", "10.10.30.254/32", true, false},
		{"loc1-ce1", "192.168.30.0/32", true, true},
		{"loc1-ce1", "192.168.30.17/32", true, true},
		{"loc1-ce1", "10.2.30.125/32", true, true},
		{"loc1-ce1", "192.168.30.21/32", false, false},
		{"loc1", "10.2.30.3/32", true, true},
		{"loc1", "10.2.30.1/32", true, true},
		{"loc1", "192.168.30.1/32", true, true},
		{"hub", "10.10.30.1/32", false, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct rib_entry *e = model_entry(interop, rows[i].table, rows[i].address);
		const struct route *r = e ? &e->routes[0] : NULL;

		cr_expect_eq(r && r->source == SOURCE_LOCAL, rows[i].local, "%s", rows[i].address);
		cr_expect_eq(r && r->echo, rows[i].echo, "%s", rows[i].address);
	}
}

Test(rib, entries_are_sorted_and_found)
{
	vec_each(t, &interop->rib->tables) {
		for (size_t i = 0; i < t->n_entries; i++) {
			const struct rib_entry *e = &t->entries[i];

			cr_expect_eq(rib_find(t, &e->prefix), e);
			cr_expect(!i || prefix_compare(&t->entries[i - 1].prefix, &e->prefix) < 0);
			cr_expect_leq(e->n_best, e->n_routes);
			for (unsigned k = 0; k < e->n_routes; k++)
				cr_expect_eq(e->routes[k].best, k < e->n_best);
		}
	}
}

#define ALLOW ", allowRemoteVnetTraffic: true"

#define FROM_EACH_OTHER(endpoint_1, endpoint_2)                                                                        \
	"*bgp " endpoint_1 " 12076-12076 32769; *bgp " endpoint_2 " 12076-12076 32769"

Test(rib, hairpin_is_on_in_2018_and_off_since)
{
	struct model *m = model_with(FIXTURE("hairpin"), "profile", "\"2018\"", NULL);

	expect_routes(m, "a", "10.2.0.0/16", FROM_EACH_OTHER("10.1.1.4", "10.1.1.5"));
	expect_routes(m, "b", "10.1.0.0/16", FROM_EACH_OTHER("10.2.1.4", "10.2.1.5"));
	model_free(m);
	m = model_with(FIXTURE("hairpin"), "profile", "current", NULL);
	expect_routes(m, "a", "10.2.0.0/16", "");
	expect_routes(m, "b", "10.1.0.0/16", "");
	expect_routes(m, "ce", "10.1.0.0/16", "*bgp 172.16.1.2 12076; *bgp 172.16.1.6 12076");
	model_free(m);
}

/* azure.md 7.5: one side on sees the prefix and gets no answer. */
Test(rib, each_gateway_decides_for_itself)
{
	struct model *m = model_with(FIXTURE("hairpin"), "profile", "current", "a", ALLOW, NULL);

	expect_routes(m, "a", "10.2.0.0/16", FROM_EACH_OTHER("10.1.1.4", "10.1.1.5"));
	expect_routes(m, "b", "10.1.0.0/16", "");
	/* The MSEE has told both: the importing gateway refuses. */
	expect_sent(m, "c.primary", "b-gw/0", "10.1.0.0/16 12076-12076, 192.168.0.0/24 12076-65001");
	model_free(m);
}

static const struct expected_routes chain[] = {
	{"ce1", "192.168.2.0/24", "*bgp 172.16.1.2 12076-12076-65002; *bgp 172.16.1.6 12076-12076-65002"},
	{"ce2", "192.168.1.0/24", "*bgp 172.16.2.2 12076-12076-65001; *bgp 172.16.2.6 12076-12076-65001"},
	{"ce2", "192.168.3.0/24", "*bgp 172.16.2.2 12076-12076-65003; *bgp 172.16.2.6 12076-12076-65003"},
	{"ce1", "192.168.3.0/24", ""}, /* not transitive */
	{"ce3", "192.168.1.0/24", ""},
	{"c2.primary", "192.168.1.0/24", "*bgp 172.17.1.1 12076-65001"},
	{"a", "192.168.2.0/24", "*bgp 10.1.1.4 12076-12076-65002 32769; *bgp 10.1.1.5 12076-12076-65002 32769"},
	{"ce2", "10.1.0.0/16", "*bgp 172.16.2.2 12076-12076; *bgp 172.16.2.6 12076-12076"},
	{"ce3", "10.1.0.0/16", ""},
	{"ce3", "10.2.0.0/16", "*bgp 172.16.3.2 12076-12076; *bgp 172.16.3.6 12076-12076"},
};

Test(rib, global_reach_joins_two_circuits_and_no_more)
{
	struct model *m = model_with(FIXTURE("chain"), NULL);

	EXPECT_ALL(m, chain);
	expect_routes(m, "a", "10.2.0.0/16", "");
	model_free(m);
}

Test(rib, vnets_talk_over_global_reach_when_both_ends_allow)
{
	struct model *m = model_with(FIXTURE("chain"), "a", ALLOW, NULL);

	expect_routes(m, "a", "10.2.0.0/16", "");
	expect_routes(m, "b", "10.1.0.0/16", "");
	model_free(m);
	m = model_with(FIXTURE("chain"), "a", ALLOW, "b", ALLOW, NULL);
	expect_routes(m, "a", "10.2.0.0/16",
		      "*bgp 10.1.1.4 12076-12076-12076 32769; *bgp 10.1.1.5 12076-12076-12076 32769");
	model_free(m);
}

Test(rib, global_reach_goes_with_its_links)
{
	struct model *m = model_with(FIXTURE("chain"), NULL);

	model_fail(m, "r12");
	expect_routes(m, "ce1", "192.168.2.0/24", "");
	expect_routes(m, "ce2", "192.168.3.0/24", chain[2].routes);
	model_free(m);
}

#define SITE_PREFIX "192.168.0.0/24"

/* azure.md 7.4: longest prefix, connection weight, AS path, then per flow over what is equal. */
Test(rib, equal_circuits_share)
{
	struct model *m = model_with(FIXTURE("two-circuits"), NULL);

	expect_routes(m, "a", SITE_PREFIX,
		      "*bgp 10.1.1.4 12076-65001 32769; *bgp 10.1.1.5 12076-65001 32769; "
		      "*bgp 10.1.1.6 12076-65001 32769; *bgp 10.1.1.7 12076-65001 32769");
	model_free(m);
}

Test(rib, a_longer_path_steps_back)
{
	struct model *m = model_with(FIXTURE("two-circuits"), "ce2", ", prepend: 2", NULL);

	/* The gateways already leave it out; a VNet takes their best. */
	expect_routes(m, "a-gw/0", SITE_PREFIX,
		      "*bgp 10.1.1.4 12076-65001 32769; *bgp 10.1.1.5 12076-65001 32769; "
		      "bgp 10.1.1.6 12076-65001-65001-65001 32769 (as-path); "
		      "bgp 10.1.1.7 12076-65001-65001-65001 32769 (as-path)");
	expect_routes(m, "a", SITE_PREFIX, "*bgp 10.1.1.4 12076-65001 32769; *bgp 10.1.1.5 12076-65001 32769");
	model_free(m);
}

Test(rib, prepend_on_one_path_of_a_circuit)
{
	struct model *m = model_with(FIXTURE("two-circuits"), "ce1", ", prepend: {c1: 0, c1.primary: 1}", NULL);

	expect_routes(m, "a", SITE_PREFIX,
		      "*bgp 10.1.1.5 12076-65001 32769; *bgp 10.1.1.6 12076-65001 32769; "
		      "*bgp 10.1.1.7 12076-65001 32769");
	model_free(m);
}

/* The path's number goes before its circuit's, whichever comes first in the file. */
Test(rib, prepend_for_a_path_goes_before_its_circuit)
{
	struct model *m = model_with(FIXTURE("two-circuits"), "ce1", ", prepend: {c1.primary: 2, c1: 1}", NULL);

	expect_sent(m, "ce1", "c1.primary", SITE_PREFIX " 65001-65001-65001");
	expect_sent(m, "ce1", "c1.secondary", SITE_PREFIX " 65001-65001");
	model_free(m);
}

Test(rib, the_weight_of_a_connection_outweighs_the_path)
{
	struct model *m = model_with(FIXTURE("two-circuits"), "ce2", ", prepend: {c2: 2}", "c2", ", routingWeight: 10",
				     NULL);
	const struct rib_entry *e = model_entry(m, "a-gw/0", SITE_PREFIX);

	expect_routes(m, "a", SITE_PREFIX,
		      "*bgp 10.1.1.6 12076-65001-65001-65001 32769; *bgp 10.1.1.7 12076-65001-65001-65001 32769");
	cr_expect_eq(e->decided_at, DECIDE_ROUTING_WEIGHT);
	model_free(m);
}

/* azure.md 7.5: circuit to circuit on one gateway, nothing passes. */
Test(rib, a_gateway_does_not_join_its_circuits)
{
	struct model *m = model_with(FIXTURE("two-circuits"), NULL);

	expect_sent(m, "a-gw/0", "c1.primary", "10.1.0.0/16 65515");
	expect_routes(m, "c1.primary", SITE_PREFIX, "*bgp 172.16.1.1 65001");
	model_free(m);
}

#define VPN_PATH(n) "*bgp 10.1.1.62 " n

/* azure.md 7.5: from one VPN neighbour to the other, but no default route and not the VNet's own space. */
static const struct expected_routes vpn_transit[] = {
	{"ce2", "192.168.1.0/24", VPN_PATH("65515-65001")},
	{"ce1", "192.168.2.0/24", VPN_PATH("65515-65002")},
	{"ce2", "9.0.0.0/8", VPN_PATH("65515-65001")},
	{"ce2", "0.0.0.0/0", ""},
	{"ce2", "10.1.0.0/16", VPN_PATH("65515")},
	{"a-vpn/0", "10.1.0.0/16", "*static a-vpn/0:a"},
	{"a-vpn/0", "10.1.0.0/25", "bgp 192.168.8.1 65001 32768 (invalid)"},
	{"a", "10.1.0.0/25", "bgp 10.1.1.4 65001 32768 (invalid)"},
	{"a", "0.0.0.0/0", "*bgp 10.1.1.4 65001 32768; internet - (source)"},
	{"s2", "192.168.1.0/24", "*bgp 192.168.9.2 65515-65001"},
};

Test(rib, vpn_neighbours_reach_each_other)
{
	struct model *m = model_with(FIXTURE("vpn-transit"), "asn", "65002", NULL);

	EXPECT_ALL(m, vpn_transit);
	model_free(m);
}

Test(rib, a_router_refuses_its_own_as)
{
	struct model *m = model_with(FIXTURE("vpn-transit"), "asn", "65001", NULL);

	expect_sent(m, "a-vpn/0", "ce2",
		    "9.0.0.0/8 65515-65001, 10.1.0.0/16 65515, 10.1.0.0/25 65515-65001, "
		    "192.168.1.0/24 65515-65001");
	expect_routes(m, "ce2", "192.168.1.0/24", "");
	expect_routes(m, "ce2", "10.1.0.0/16", VPN_PATH("65515"));
	model_free(m);
	m = model_with(FIXTURE("two-circuits"), "ce2", ", advertise: [192.168.7.0/24]", "reach",
		       "  r: {connectionType: GlobalReach, circuit1: c1, circuit2: c2, addressPrefix: 172.17.1.0/29}",
		       NULL);
	expect_sent(m, "c1.primary", "ce1", "10.1.0.0/16 12076, 192.168.7.0/24 12076-12076-65001");
	expect_routes(m, "ce1", "192.168.7.0/24", "");
	/* A gateway on both circuits prefers the direct one to the way over Global Reach. */
	expect_routes(m, "a", "192.168.7.0/24", "*bgp 10.1.1.6 12076-65001 32769; *bgp 10.1.1.7 12076-65001 32769");
	model_free(m);
}

/* azure.md 7.2: a router that joins two circuits, seen from the far gateway. */
Test(rib, a_transit_router_reflects_vnets)
{
	struct model *m = model_with(FIXTURE("joined"), "ce", ", transit: true", NULL);

	expect_routes(m, "b", "10.1.0.0/16",
		      "*bgp 10.2.1.4 12076-65001-12076 32769; *bgp 10.2.1.5 12076-65001-12076 32769");
	/* The edge router prefers its own gateway's 65515 to the longer way through the customer. */
	expect_routes(m, "c1.primary", "10.1.0.0/16", "*bgp 10.1.1.12 65515; *bgp 10.1.1.13 65515");
	cr_expect(m->rib->converged);
	model_free(m);
	m = model_with(FIXTURE("joined"), NULL);
	expect_routes(m, "b", "10.1.0.0/16", "");
	model_free(m);
}

static const struct expected_routes user_defined[] = {
	{"spoke", "192.168.0.0/24", "*bgp 10.1.1.4 12076-65001 32769"},
	{"spoke/default", "192.168.0.0/24", "*udr 10.1.0.9; bgp 10.1.1.4 12076-65001 32769 (source)"},
	{"spoke/quiet", "192.168.0.0/24", ""},
	{"spoke/quiet", "10.1.0.0/16", "*peering hub:spoke"},
	{"spoke/default", "172.21.0.0/16", "*udr -"},
	/* A missing appliance loses packets, Azure does not fall back. */
	{"spoke/default", "172.20.0.0/16", "*udr 10.1.0.99"},
	{"spoke/default", "10.2.0.4/32", "*host spoke:one"},
	{"spoke/default", "10.2.0.5/32", "*udr 10.1.0.9; host spoke:two (invalid)"},
	{"spoke", "10.2.0.5/32", "*host spoke:two"},
};

Test(rib, user_defined_routes)
{
	struct model *m = model_read(FIXTURE("user-defined"));
	const struct route *r = model_entry(m, "spoke/default", "192.168.0.0/24")->routes;
	const struct host *three = fabric_host(m->fabric, "three");

	EXPECT_ALL(m, user_defined);
	cr_expect_eq(m->fabric->links.items[r->link].kind, LINK_HOST, "straight to the appliance");
	cr_expect_str_eq(m->fabric->hosts.items[m->fabric->links.items[r->link].host].name, "nva");
	cr_expect_str_eq(r->udr->name, "site");
	cr_expect_eq(model_entry(m, "spoke/default", "172.20.0.0/16")->routes[0].link, NO_INDEX);
	cr_expect_str_eq(rib_table_of_host(m->rib, three)->name, "spoke/quiet");
	cr_expect_str_eq(rib_table_of_host(m->rib, fabric_host(m->fabric, "nva"))->name, "hub");
	cr_expect_str_eq(rib_table_of_port(m->rib, three->port)->name, "spoke/quiet");
	model_free(m);
}

/* azure.md 8.1: the VNet's and its peers' system routes stay preferred, even against a longer prefix. */
Test(rib, learned_routes_inside_a_vnet_are_invalid)
{
	struct model *m = model_read(FIXTURE("user-defined"));
	const struct rib_entry *e = model_entry(m, "hub", "10.2.3.0/24");

	cr_assert(e);
	cr_expect_eq(e->n_best, 0);
	cr_expect_eq(e->decided_at, DECIDE_INVALID);
	cr_expect_str_eq(e->routes[0].invalid,
			 "inside the address space of peered VNet 'spoke', whose system route stays preferred");
	cr_expect_eq(lookup(m, "hub", "10.2.3.1")->routes[0].source, SOURCE_PEERING, "it does not cover either");
	cr_expect_null(model_entry(m, "spoke", "10.2.3.0/24"), "the hub does not hand on what it does not use");
	expect_routes(m, "gw/0", "10.1.0.0/16", "*static gw/0:hub");
	model_free(m);
}

static const struct expected_routes static_vpn[] = {
	{"a-vpn/0", "192.168.0.0/24", "*static 192.168.8.1 32768"},
	{"a-vpn/0", "10.2.0.0/16", "*static 10.2.1.4 32768"},
	{"a", "192.168.0.0/24", "*bgp 10.1.1.4 32768"},
	{"a", "10.2.0.0/16", "*bgp 10.1.1.4 32768"},
	{"b", "10.1.0.0/16", "*bgp 10.2.1.4 32768"},
	{"b", "192.168.0.0/24", ""},
	{"ce", "10.1.0.0/16", "*static 10.1.1.4"},
	{"ce", "10.2.0.0/16", ""},
	{"s", "10.1.0.0/16", "*bgp 192.168.9.0"},
	/* A gateway announces its static networks to its BGP neighbours. */
	{"c", "192.168.0.0/24", "*bgp 10.3.1.4 65515 32768"},
	{"c", "10.2.0.0/16", "*bgp 10.3.1.4 65515 32768"},
};

Test(rib, vpn_without_bgp)
{
	struct model *m = model_read(FIXTURE("static-vpn"));

	EXPECT_ALL(m, static_vpn);
	cr_expect_null(session_between(m, "a-vpn/0", "ce"));
	model_fail(m, "a-s");
	expect_routes(m, "a", "192.168.0.0/24", "");
	expect_routes(m, "c", "192.168.0.0/24", "");
	expect_routes(m, "ce", "10.1.0.0/16", "");
	model_free(m);
}

static const struct expected_routes active_active[] = {
	{"a", "192.168.0.0/24", "*bgp 10.1.1.4 65001 32768; *bgp 10.1.1.5 65001 32768"},
	{"ce", "10.1.0.0/16", "*bgp 10.1.1.4 65515; *bgp 10.1.1.5 65515"},
	{"ce", "10.1.1.4/32", "*static 10.1.1.4"},
	{"ce", "10.1.1.5/32", "*static 10.1.1.5"},
	{"s", "192.168.8.1/32", "*bgp 192.168.9.0"},
};

Test(rib, both_instances_of_an_active_active_gateway)
{
	struct model *m = model_read(FIXTURE("active-active"));

	EXPECT_ALL(m, active_active);
	model_fail(m, "a-vpn/1");
	expect_routes(m, "a", "192.168.0.0/24", "*bgp 10.1.1.4 65001 32768");
	expect_routes(m, "ce", "10.1.0.0/16", "*bgp 10.1.1.4 65515");
	model_free(m);
}
