// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who passes what to whom: every row of azure.md 7.5, and what it takes to turn it round. */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "fwd/walk.h"
#include "model.h"

#define FIXTURE(name) "tests/unit/topologies/" name ".yaml"
#define ALLOW	      ", allowRemoteVnetTraffic: true"

#define A  "10.1.0.0/16" /* hub */
#define B  "10.2.0.0/16" /* on the hub's first circuit */
#define D  "10.4.0.0/16" /* on the circuit behind Global Reach */
#define E  "10.5.0.0/16" /* on the hub's second circuit */
#define SP "10.6.0.0/16" /* spoke of the hub */
#define P  "10.7.0.0/16" /* peered with the spoke */
#define S1 "192.168.1.0/24"
#define S2 "192.168.2.0/24"
#define S3 "192.168.3.0/24"
#define S4 "192.168.4.0/24" /* by VPN, like S5 */
#define S5 "192.168.5.0/24"

/* Which switches are on: allowRemoteVnetTraffic of a, b, d. */
enum { NONE, ON_A = 1, ON_B = 2, ON_D = 4, ANYHOW = 8 };

static const struct {
	const char *rule;
	unsigned switches;
	const char *prefix, *at;
	bool passed;
} rows[] = {
	{"VPN to the ExpressRoute gateway: learned", ANYHOW, S4, "a-gw/0", true},
	{"VPN to the ExpressRoute gateway: not sent on", ANYHOW, S4, "c1.primary", false},
	{"VPN to the ExpressRoute gateway: not sent on", ANYHOW, S4, "ce1", false},
	{"ExpressRoute to the VPN gateway: the VNet", ANYHOW, A, "ce4", true},
	{"ExpressRoute to the VPN gateway: its spoke", ANYHOW, SP, "ce4", true},
	{"ExpressRoute to the VPN gateway: nothing learned", ANYHOW, S1, "a-vpn/0", false},
	{"ExpressRoute to the VPN gateway: nothing learned", ANYHOW, S1, "ce4", false},
	{"ExpressRoute to the VPN gateway: nothing learned", ANYHOW, B, "ce4", false},
	{"VPN neighbour to VPN neighbour", ANYHOW, S4, "ce5", true},
	{"VPN neighbour to VPN neighbour", ANYHOW, S5, "ce4", true},
	{"VPN neighbour to VPN neighbour: no default route", ANYHOW, "0.0.0.0/0", "a-vpn/0", true},
	{"VPN neighbour to VPN neighbour: no default route", ANYHOW, "0.0.0.0/0", "ce5", false},
	{"circuit to circuit on one gateway", ANYHOW, S1, "c2.primary", false},
	{"circuit to circuit on one gateway", ANYHOW, S2, "c1.primary", false},
	{"circuit to circuit on one gateway: the hub's", ANYHOW, S2, "a", true},
	{"VNet to VNet on one circuit", NONE, B, "a", false},
	{"VNet to VNet on one circuit", NONE, A, "b", false},
	{"VNet to VNet on one circuit: who asks imports", ON_A, B, "a", true},
	{"VNet to VNet on one circuit: the other does not", ON_A, A, "b", false},
	{"VNet to VNet on one circuit: who asks imports", ON_B, A, "b", true},
	{"VNet to VNet on one circuit: the other does not", ON_B, B, "a", false},
	{"VNet to VNet on one circuit: both", ON_A | ON_B, B, "a", true},
	{"VNet to VNet on one circuit: both, the spoke too", ON_A | ON_B, SP, "b", true},
	{"VNet to VNet on two circuits of one hub", ON_A | ON_B, E, "b", false},
	{"VNet to the customer of its circuit", ANYHOW, A, "ce1", true},
	{"Global Reach: site to site", ANYHOW, S1, "ce3", true},
	{"Global Reach: site to site", ANYHOW, S3, "ce1", true},
	{"Global Reach: not to another circuit of the gateway", ANYHOW, S3, "c2.primary", false},
	{"Global Reach: not to another circuit of the gateway", ANYHOW, S2, "ce3", false},
	{"Global Reach: VNet to site", ANYHOW, A, "ce3", true},
	{"Global Reach: site to VNet", ANYHOW, S3, "a", true},
	{"Global Reach: VNet to VNet needs both", NONE, D, "a", false},
	{"Global Reach: VNet to VNet needs both", ON_A, D, "a", false},
	{"Global Reach: VNet to VNet needs both", ON_A, A, "d", false},
	{"Global Reach: VNet to VNet needs both", ON_D, D, "a", false},
	{"Global Reach: VNet to VNet needs both", ON_D, A, "d", false},
	{"Global Reach: VNet to VNet, both", ON_A | ON_D, D, "a", true},
	{"Global Reach: VNet to VNet, both", ON_A | ON_D, A, "d", true},
	{"Global Reach: VNet to VNet, both, not a third", ON_A | ON_D, D, "b", false},
	{"hub's gateways to the spoke", ANYHOW, S1, "sp", true},
	{"hub's gateways to the spoke", ANYHOW, S4, "sp", true},
	{"hub's gateways for the spoke", ANYHOW, SP, "ce1", true},
	{"a peer's gateways are not a third's", ANYHOW, S1, "p", false},
	{"a peer's gateways are not for a third", ANYHOW, P, "ce1", false},
	{"peer of a peer", ANYHOW, A, "p", false},
	{"peer of a peer", ANYHOW, P, "a", false},
	{"peer", ANYHOW, P, "sp", true},
};

static struct model *matrix(unsigned switches)
{
	return model_with(FIXTURE("matrix"), "a", switches & ON_A ? ALLOW : "", "b", switches & ON_B ? ALLOW : "", "d",
			  switches & ON_D ? ALLOW : "", NULL);
}

static bool has_route(const struct model *m, const char *table, const char *prefix)
{
	const struct rib_entry *e = model_entry(m, table, prefix);

	return e && e->n_best && (e->routes[0].source == SOURCE_BGP || e->routes[0].source == SOURCE_PEERING);
}

Test(transit, who_passes_what_to_whom)
{
	for (unsigned switches = NONE; switches < ANYHOW; switches++) {
		struct model *m = matrix(switches);

		cr_expect(m->rib->converged);
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			if (rows[i].switches == ANYHOW || rows[i].switches == switches)
				cr_expect_eq(has_route(m, rows[i].at, rows[i].prefix), rows[i].passed,
					     "%s (switches %u): %s at %s", rows[i].rule, switches, rows[i].prefix,
					     rows[i].at);
		}
		model_free(m);
	}
}

/* A gateway takes its own VNet's prefix from nobody, by whatever way it comes. */
Test(transit, nobody_tells_a_gateway_of_its_own_vnet)
{
	struct model *m = model_with(FIXTURE("matrix"), "ce1",
				     ", advertise: [192.168.1.0/24, 10.1.0.0/16, 10.6.0.0/16]", NULL);

	expect_routes(m, "c1.primary", A, "*bgp 10.1.1.12 65515; *bgp 10.1.1.13 65515; *bgp 172.16.1.1 65001");
	expect_routes(m, "a-gw/0", A, "*static a-gw/0:a");
	expect_routes(m, "a-gw/0", SP, "*static a-gw/0:a");
	/* The edge router tells of its best route, which during maintenance of both instances is the customer's. */
	model_prepend(m, "a-gw/0", 1);
	model_prepend(m, "a-gw/1", 1);
	expect_routes(m, "c1.primary", A,
		      "*bgp 172.16.1.1 65001; bgp 10.1.1.12 65515-65515 (as-path); "
		      "bgp 10.1.1.13 65515-65515 (as-path)");
	expect_routes(m, "b", A, "*bgp 10.2.1.4 12076-65001 32769; *bgp 10.2.1.5 12076-65001 32769");
	expect_routes(m, "a-gw/0", A, "*static a-gw/0:a");
	expect_routes(m, "a-gw/1", SP, "*static a-gw/1:a");
	expect_routes(m, "a-gw/0", "0.0.0.0/0", "*bgp 10.1.1.14 65004 32768");
	model_free(m);
}

/*
 * A VNet's prefix that a customer's router passes on is that customer's: over
 * Global Reach it reaches gateways that ask for no other VNet.
 */
Test(transit, what_a_customer_passes_on_is_the_customers)
{
	struct model *m = model_with(FIXTURE("matrix"), NULL);

	cr_expect_not(has_route(m, "c1.primary", E));
	cr_expect_not(has_route(m, "d", E));
	model_free(m);
	m = model_with(FIXTURE("matrix"), "ce1", ", transit: true", NULL);
	expect_routes(m, "c1.primary", E, "*bgp 172.16.1.1 65001-12076");
	expect_routes(m, "d-gw/0", E,
		      "*bgp 10.4.1.4 12076-12076-65001-12076 32769; *bgp 10.4.1.5 12076-12076-65001-12076 32769");
	/* What came over Global Reach does not leave over it, but a router that passes it on makes it its own. */
	cr_expect(has_route(m, "c2.primary", S3) == false);
	cr_expect(has_route(m, "c2.secondary", S3));
	cr_expect(has_route(m, "e", S3));
	model_free(m);
}

/* Both directions of a ping between two hosts, as the compiled image has it. */
static void walk(const struct model *m, const char *from, const char *to, bool *there, bool *back)
{
	const struct host *a = fabric_host(m->fabric, from), *b = fabric_host(m->fabric, to);
	struct flow flow = {.src = a->addr, .dst = b->addr, .protocol = IPPROTO_ICMP};
	bool *fastpath = xcalloc(m->topo->connections.n, sizeof(bool));
	struct image_input in = {
		.fabric = m->fabric, .intact = m->rib, .now = m->rib, .fastpath = fastpath, .ids = ids_new()};
	struct diags diags = {};
	struct image *image = image_compile(&in, &diags);
	struct prediction p;

	cr_assert(image);
	predict(image, a, b, &flow, &p);
	*there = p.forward.delivered == b;
	*back = p.back.delivered == a;
	prediction_free(&p);
	image_free(image);
	ids_free(in.ids);
	free(fastpath);
}

Test(transit, one_switch_shows_the_prefix_and_gets_no_answer)
{
	struct model *m = matrix(ON_A);
	bool there, back;

	walk(m, "a-vm", "b-vm", &there, &back);
	cr_expect(there && !back, "it arrives, and the answer has no route");
	walk(m, "b-vm", "a-vm", &there, &back);
	cr_expect_not(there);
	model_free(m);
	m = matrix(ON_A | ON_B);
	walk(m, "a-vm", "b-vm", &there, &back);
	cr_expect(there && back);
	model_free(m);
}

/* azure.md 7.4: for equal prefixes the circuit is preferred, but a longer one by VPN still wins. */
Test(transit, a_longer_prefix_by_vpn_wins_over_the_circuit)
{
	struct model *m = model_with(FIXTURE("matrix"), "ce1", ", advertise: [192.168.4.0/23, 192.168.4.0/24]", NULL);
	const struct rib_entry *e = model_entry(m, "a", S4);
	struct addr a;

	cr_expect_eq(e->n_best, 3, "both paths of one circuit, one of the other");
	cr_expect_eq(e->decided_at, DECIDE_WEIGHT, "32769 before 32768");
	cr_expect_eq(m->fabric->links.items[e->routes[0].link].kind, LINK_VNET_MSEE);
	model_free(m);
	m = model_with(FIXTURE("matrix"), "ce1", ", advertise: [192.168.4.0/23]", NULL);
	cr_assert_eq(addr_parse("192.168.4.10", &a), 0);
	e = rib_lookup(model_table(m, "a"), &a);
	cr_expect_eq(e->prefix.len, 24);
	cr_expect_eq(m->fabric->links.items[e->routes[0].link].kind, LINK_GATEWAY, "to the VPN gateway");
	model_free(m);
}

#define SITE_PREFIX "192.168.0.0/24"

static unsigned shared_by(const struct model *m, const char *table)
{
	return model_entry(m, table, SITE_PREFIX)->n_best;
}

/* azure.md 3.4: four circuits with two paths each at most. */
Test(transit, load_is_shared_over_four_circuits_and_no_more)
{
	struct model *m = model_read(FIXTURE("five-circuits"));
	const struct rib_entry *e = model_entry(m, "a", SITE_PREFIX);

	cr_expect_eq(shared_by(m, "gw/0"), 8);
	cr_expect_eq(shared_by(m, "a"), 8);
	for (unsigned i = 0; i < e->n_best; i++)
		cr_expect_str_neq(e->routes[i].connection->name, "a-c5", "the first four of the file");
	e = model_entry(m, "gw/0", SITE_PREFIX);
	cr_expect_eq(e->n_routes, 10);
	cr_expect_eq(e->decided_at, DECIDE_MAX_PATHS);
	cr_expect(!e->routes[9].best && e->routes[9].lost_at == DECIDE_MAX_PATHS);
	model_fail(m, "c2");
	cr_expect_eq(shared_by(m, "a"), 8, "the fifth takes the second's place");
	model_fail(m, "c3");
	cr_expect_eq(shared_by(m, "a"), 6);
	cr_expect_eq(model_entry(m, "gw/0", SITE_PREFIX)->decided_at, DECIDE_MULTIPATH);
	model_free(m);
}
