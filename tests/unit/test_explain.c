// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What `explain` adds to a walk: causes where a host is not reached, hints where it is, one-way devices. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <glob.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "lab/lab.h"
#include "obs/limits.h"
#include "obs/notes.h"
#include "obs/oneway.h"

#define VNETS	 "tests/unit/topologies/explain-vnets.yaml"
#define CIRCUITS "tests/unit/topologies/explain-circuits.yaml"
#define VPN	 "tests/unit/topologies/explain-vpn.yaml"

struct word {
	const char *key, *text;
};

/* --- Labs --------------------------------------------------------------------------------------------------------- */

static const char *text_of(const char *key, const struct word *words)
{
	for (; words && words->key; words++)
		if (!strcmp(words->key, key))
			return words->text;
	cr_assert_fail("nothing is said for $%s", key);
	return "";
}

/* The file with each $word replaced; NULL: as it is. */
static char *fill_in(const char *file, const struct word *words)
{
	FILE *in = fopen(file, "re"), *out;
	char *text = NULL;
	size_t size;

	cr_assert(in, "cannot read %s; run the tests from the top directory", file);
	out = open_memstream(&text, &size);
	for (int c = fgetc(in); c != EOF; c = fgetc(in)) {
		char key[32] = "";

		if (c == '$' && words && fscanf(in, "%31[a-z]", key) == 1)
			fputs(text_of(key, words), out);
		else
			fputc(c, out);
	}
	fclose(in);
	fclose(out);
	return text;
}

static void compute(struct lab *lab)
{
	struct error e = {};

	cr_assert(!(lab_follow(lab), lab_compute(lab, &e)), "%s", e.text);
}

static struct lab *lab_of(const char *file, const struct word *words)
{
	struct diags diags = {};
	char *text = fill_in(file, words);
	struct lab *lab = lab_parse(text, strlen(text), &diags);

	if (!lab)
		diags_print(&diags, file, stderr);
	cr_assert(lab, "%s has an error", file);
	compute(lab);
	diags_free(&diags);
	free(text);
	return lab;
}

static void fail(struct lab *lab, const char *target, bool silent)
{
	cr_assert(!lab_fail(lab, target, silent ? FAULT_SILENT : FAULT_DOWN), "'%s' cannot fail", target);
	compute(lab);
}

/* --- Notes -------------------------------------------------------------------------------------------------------- */

/* Notes on a pair; returns whether it is reachable. */
static bool notes_of(const struct lab *lab, const struct host *from, const struct host *to, note_list *out)
{
	struct flow flow = {.src = from->addr, .dst = to->addr, .protocol = IPPROTO_ICMP};
	struct prediction p;
	struct note_case c = {.image = lab->image, .from = from, .to = to, .p = &p};
	bool reachable;

	predict(lab->image, from, to, &flow, &p);
	notes_find(&c, out);
	reachable = p.reachable;
	prediction_free(&p);
	return reachable;
}

static bool has_note(const note_list *notes, const char *name, const char *part)
{
	vec_each(n, notes) {
		if (!strcmp(n->name, name) && strstr(n->text, part))
			return true;
	}
	return false;
}

static void print_notes(const note_list *notes)
{
	vec_each(n, notes)
		fprintf(stderr, "  %s%s: %s\n", n->cause ? "cause " : "", n->name, n->text);
}

/* Of this pair there is a note of this name with this in it. name NULL: reachable without a cause. */
static void expect_note(const struct lab *lab, const char *from, const char *to, const char *name, const char *part)
{
	const struct host *a = fabric_host(lab->fabric, from), *b = fabric_host(lab->fabric, to);
	note_list notes = {};

	cr_assert(a && b, "no host '%s' or '%s'", from, to);
	notes_of(lab, a, b, &notes);
	if (!has_note(&notes, name, part)) {
		print_notes(&notes);
		cr_expect_fail("%s > %s: no note %s with '%s'", from, to, name, part);
	}
	notes_free(&notes);
}

static void expect_no_note_with(const struct lab *lab, const char *from, const char *to, const char *name,
				const char *part)
{
	note_list notes = {};

	notes_of(lab, fabric_host(lab->fabric, from), fabric_host(lab->fabric, to), &notes);
	cr_expect(!has_note(&notes, name, part), "%s > %s: note %s with '%s'", from, to, name, part);
	notes_free(&notes);
}

static void expect_no_note(const struct lab *lab, const char *from, const char *to, const char *name)
{
	expect_no_note_with(lab, from, to, name, "");
}

/* --- Every pair has its cause ------------------------------------------------------------------------------------- */

/* A cause, and a better one than that somebody does not pass it on. */
static unsigned check_pair(const struct lab *lab, const struct host *a, const struct host *b, const char *what)
{
	note_list notes = {};
	bool reachable = notes_of(lab, a, b, &notes), cause = false;

	vec_each(n, &notes) {
		cause |= n->cause;
		cr_expect(strcmp(n->name, "not-passed-on"), "%s: %s > %s: %s", what, a->name, b->name, n->text);
		cr_expect(n->source && *n->source && *n->text);
	}
	cr_expect_neq(cause, reachable, "%s: %s > %s is %sreachable and has %s cause", what, a->name, b->name,
		      reachable ? "" : "not ", cause ? "a" : "no");
	notes_free(&notes);
	return !reachable;
}

static unsigned check_all_pairs(const struct lab *lab, const char *what)
{
	unsigned lost = 0;

	vec_each(a, &lab->fabric->hosts) {
		vec_each(b, &lab->fabric->hosts) {
			if (a != b)
				lost += check_pair(lab, a, b, what);
		}
	}
	return lost;
}

/* Whole, and with each thing that can fail failed alone, loudly and silently. */
static unsigned check_states(struct lab *lab, const char *file)
{
	unsigned lost = check_all_pairs(lab, file);

	for (const char *const *target = target_names(lab->fabric); *target; target++) {
		for (int silent = 0; silent < 2; silent++) {
			char *what = xasprintf("%s, %s failed%s", file, *target, silent ? " silently" : "");

			fail(lab, *target, silent);
			lost += check_all_pairs(lab, what);
			lab_restore(lab, NULL);
			free(what);
		}
	}
	return lost;
}

Test(explain, every_unreachable_pair_of_every_shipped_topology_has_a_cause)
{
	unsigned lost = 0;
	glob_t files;

	cr_assert(!glob("topologies/*.yaml", 0, NULL, &files));
	for (size_t i = 0; i < files.gl_pathc; i++) {
		struct lab *lab = lab_of(files.gl_pathv[i], NULL);

		lost += check_states(lab, files.gl_pathv[i]);
		lab_free(lab);
	}
	globfree(&files);
	cr_expect_gt(lost, 100);
}

Test(explain, causes_of_the_interoperability_setup)
{
	static const struct {
		const char *from, *to, *name, *part;
	} cases[] = {
		{"branch-vm", "loc2-vm", "no-er-vpn-transit", "does not give it to the VPN gateway 'hub-vpngw'"},
		{"branch-vm", "remote-vm", "no-er-vpn-transit", "'branch' has no route to 'remote-vm'"},
		{"loc1-vm", "loc2-vm", "no-er-er-transit", "Global Reach between 'er2' and 'er1'"},
		{"loc2-vm", "loc1-vm", "no-er-er-transit", "Global Reach between 'er1' and 'er2'"},
		{"loc2-vm", "branch-vm", "no-er-vpn-transit", "does not announce it to circuit 'er2'"},
		{"loc2-vm", "remote-vm", "no-er-er-transit", "10.17.30.0/26 from circuit 'er1'"},
		{"remote-vm", "branch-vm", "no-er-vpn-transit", "does not announce it to circuit 'er1'"},
		{"remote-vm", "loc2-vm", "no-er-er-transit", "10.1.31.0/25 from circuit 'er2'"},
	};
	struct lab *lab = lab_of("topologies/interop.yaml", NULL);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_note(lab, cases[i].from, cases[i].to, cases[i].name, cases[i].part);
	lab_free(lab);
}

Test(explain, what_is_down_is_named)
{
	struct lab *lab = lab_of("topologies/interop.yaml", NULL);

	fail(lab, "er1.primary", false);
	expect_note(lab, "remote-vm", "loc1-vm", "session-down", "link 'loc1-ce1:er1.primary'");
	lab_restore(lab, NULL);
	lab_follow(lab);
	fail(lab, "er1.primary", true);
	expect_note(lab, "remote-vm", "loc1-vm", "silent-fault", "loses packets silently");
	lab_free(lab);
}

static const char *why_session_is_down(const struct lab *lab, const char *link)
{
	vec_each(s, &lab->now->sessions) {
		if (s->link != NO_INDEX && !strcmp(lab->fabric->links.items[s->link].name, link))
			return s->down_because ? s->down_because : "";
	}
	return "no such session";
}

Test(explain, a_session_says_why_it_is_down)
{
	static const struct {
		const char *link, *why, *silent;
	} dead[] = {
		{"loc1-ce1:er1.primary", "BGP hold timer expired", "er1.primary"},
		{"er1.primary:hub-ergw/0", "gateway session timeout expired", "hub-ergw/0"},
		{"hub-vpngw/0:loc1-ce1", "dead-peer detection expired", "hub-loc1-vpn"},
	};
	struct lab *lab = lab_of("topologies/interop.yaml", NULL);

	for (size_t i = 0; i < sizeof(dead) / sizeof(dead[0]); i++) {
		vec_each(l, &lab->fabric->links)
			lab->dead[l->index] = !strcmp(l->name, dead[i].link);
		fail(lab, dead[i].silent, true);
		cr_expect_str_eq(why_session_is_down(lab, dead[i].link), dead[i].why, "%s", dead[i].link);
		/* Without carrier nobody waits for a timer. */
		lab_restore(lab, NULL);
		fail(lab, dead[i].silent, false);
		cr_expect_str_eq(why_session_is_down(lab, dead[i].link), "link down", "%s", dead[i].link);
		lab_restore(lab, NULL);
	}
	memset(lab->dead, 0, lab->fabric->links.n * sizeof(*lab->dead));
	cr_assert(!lab_fail(lab, "er1.primary", FAULT_BGP));
	compute(lab);
	cr_expect_str_eq(why_session_is_down(lab, "loc1-ce1:er1.primary"), "closed, the link is up");
	expect_note(lab, "remote-vm", "loc1-vm", "session-down", "is down: closed, the link is up");
	lab_restore(lab, NULL);
	cr_assert(!lab_fail(lab, "er1.primary", FAULT_ARP));
	compute(lab);
	cr_expect_str_eq(why_session_is_down(lab, "loc1-ce1:er1.primary"), "ARP has no answer");
	lab_restore(lab, NULL);
	compute(lab);
	cr_expect_str_eq(why_session_is_down(lab, "loc1-ce1:er1.primary"), "");
	lab_free(lab);
}

/* --- Peerings and route tables ------------------------------------------------------------------------------------ */

/* The spoke 'one' as the test wants it, with a route table unless address is empty. */
struct spoke {
	const char *half, *address, *nobgp, *to, *hop, *advertise, *transit, *lan;
};

static struct lab *vnets(const struct spoke *s)
{
	bool table = s->address != NULL;
	const struct word words[] = {{"transit", s->transit ? s->transit : "true"},
				     {"half", s->half},
				     {"table", table ? ", routeTable: own" : ""},
				     {"nobgp", s->nobgp ? s->nobgp : "false"},
				     {"to", s->to ? s->to : "172.31.0.0/16"},
				     {"hop", s->hop ? s->hop : "None"},
				     {"address", table ? s->address : ""},
				     {"usetwo", "true"},
				     {"lan", s->lan ? s->lan : "192.168.0"},
				     {"gatewaysubnet", ""},
				     {"advertise", s->advertise ? s->advertise : "192.168.0.0/24"},
				     {}};

	return lab_of(VNETS, words);
}

#define USES_HUB "hub: {useRemoteGateways: true}"
#define SITE	 "192.168.0.0/24"

Test(explain, peerings_and_their_flags)
{
	static const struct {
		const char *half, *from, *to, *name, *part;
	} cases[] = {
		{USES_HUB, "one-vm", "two-vm", "peering-not-transitive", "'one' and 'two' are both peered with 'hub'"},
		{USES_HUB, "alone-vm", "hub-vm", "not-joined", "no peering, connection or circuit"},
		{USES_HUB, "pc", "alone-vm", "not-joined", "'ce' has no route to 'alone-vm'"},
		{"", "one-vm", "hub-vm", "peering-initiated", "'one' has no half of it"},
		{"", "one-vm", "pc", "peering-initiated", "add 'hub' to its virtualNetworkPeerings"},
		{"hub: {}", "one-vm", "pc", "no-gateway-transit", "set useRemoteGateways in the peering of 'one'"},
		{"hub: {}", "pc", "one-vm", "no-gateway-transit", "does not announce 10.2.0.0/16"},
		{"hub: {allowVirtualNetworkAccess: false}", "one-vm", "hub-vm", "peering-access-off", "of 'one' with"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lab *lab = vnets(&(struct spoke){.half = cases[i].half});

		expect_note(lab, cases[i].from, cases[i].to, cases[i].name, cases[i].part);
		check_all_pairs(lab, cases[i].half);
		lab_free(lab);
	}
}

Test(explain, both_flags_of_gateway_transit_are_asked_for)
{
	struct lab *lab = vnets(&(struct spoke){.half = "hub: {}", .transit = "false"});

	expect_note(lab, "one-vm", "pc", "no-gateway-transit",
		    "set useRemoteGateways in the peering of 'one' and allowGatewayTransit in that of 'hub'");
	lab_free(lab);
}

Test(explain, a_default_route_from_the_site_is_forced_tunnelling)
{
	struct lab *lab = vnets(&(struct spoke){.half = USES_HUB, .advertise = "0.0.0.0/0", .lan = "198.51.100"});

	expect_note(lab, "one-vm", "pc", "default-route-by-bgp", "forced tunnelling");
	lab_free(lab);
	lab = vnets(&(struct spoke){.half = USES_HUB, .advertise = "0.0.0.0/0"});
	expect_note(lab, "one-vm", "pc", "none-taken-away",
		    "'one' has no system route 192.168.0.0/16 (None): the default route from 'hub' takes");
	check_all_pairs(lab, "a default route that covers private addresses");
	fail(lab, "c", false);
	expect_note(lab, "one-vm", "pc", "session-down", "'one' has no route to 'pc'");
	expect_no_note_with(lab, "one-vm", "pc", "none-taken-away", "");
	check_all_pairs(lab, "the default route withdrawn");
	lab_free(lab);
}

Test(explain, a_shorter_prefix_than_that_of_a_system_route_to_none)
{
	struct lab *lab = vnets(&(struct spoke){.half = USES_HUB, .advertise = "192.0.0.0/8"});

	expect_note(lab, "one-vm", "pc", "longer-prefix-hides-it", "system route 192.168.0.0/16 (None) is longer");
	check_all_pairs(lab, "a prefix around private addresses");
	lab_free(lab);
}

Test(explain, a_site_that_does_not_announce_its_lan)
{
	struct lab *lab = vnets(&(struct spoke){.half = USES_HUB, .advertise = "172.30.0.0/16"});

	expect_note(lab, "hub-vm", "pc", "not-advertised", "advertise list (172.30.0.0/16) is complete");
	expect_note(lab, "pc", "hub-vm", "not-advertised", "'hub' has no route back to 'pc'");
	lab_free(lab);
}

Test(explain, route_tables)
{
	static const struct {
		struct spoke spoke;
		const char *name, *part;
	} cases[] = {
		{{USES_HUB, "", "true"}, "bgp-propagation-off", "route table 'own' of subnet 'one/default'"},
		{{USES_HUB, "", "false", SITE, "None"}, "user-defined-route", "says None"},
		{{USES_HUB, "", "false", SITE, "Internet"}, "user-defined-route", "says Internet"},
		{{"", "", "false", SITE, "VirtualNetworkGateway"},
		 "user-defined-route",
		 "leads to a VPN gateway, and there is none"},
		{{USES_HUB, ", nextHopIpAddress: 10.1.0.99", "false", SITE, "VirtualAppliance"},
		 "user-defined-route",
		 "appliance 10.1.0.99, which 'one' does not reach"},
		{{USES_HUB, ", nextHopIpAddress: 10.1.0.9", "false", SITE, "VirtualAppliance"},
		 "user-defined-route",
		 "10.1.0.9 in a peered VNet"},
		{{USES_HUB, ", nextHopIpAddress: 10.2.0.9", "false", SITE, "VirtualAppliance"},
		 "other-host",
		 "sends it to appliance 'one-nva'"},
		/* A default route, which is what the packet meets as nothing else covers the site. */
		{{USES_HUB, "", "true", "0.0.0.0/0", "None"},
		 "user-defined-route",
		 "'site' (0.0.0.0/0) of 'one' says None"},
		{{USES_HUB, "", "true", "0.0.0.0/0", "Internet"}, "user-defined-route", "says Internet"},
		{{USES_HUB, "", "true", "0.0.0.0/0", "VnetLocal"}, "user-defined-route", "says VnetLocal"},
		{{"", "", "true", "0.0.0.0/0", "VirtualNetworkGateway"},
		 "user-defined-route",
		 "leads to a VPN gateway"},
		{{USES_HUB, ", nextHopIpAddress: 10.2.0.9", "true", "0.0.0.0/0", "VirtualAppliance"},
		 "none-taken-away",
		 "user-defined default route 'site' of route table 'own' takes Azure's system routes to None away"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lab *lab = vnets(&cases[i].spoke);

		expect_note(lab, "one-vm", "pc", cases[i].name, cases[i].part);
		check_all_pairs(lab, cases[i].part);
		lab_free(lab);
	}
}

/* Its kernel drops what is not for it: traceroute shows nobody there. */
Test(explain, an_appliance_is_no_hop_that_answers)
{
	struct lab *lab = vnets(
		&(struct spoke){USES_HUB, ", nextHopIpAddress: 10.2.0.9", "false", SITE, "VirtualAppliance"});
	const struct host *from = fabric_host(lab->fabric, "one-vm"), *to = fabric_host(lab->fabric, "pc");
	struct flow flow = {.src = from->addr, .dst = to->addr, .protocol = IPPROTO_ICMP};
	struct prediction p;

	predict(lab->image, from, to, &flow, &p);
	cr_expect(!p.reachable);
	cr_assert_eq(p.hops.n, 1);
	cr_expect(!addr_is_set(&p.hops.items[0].addr));
	cr_expect_str_eq(p.hops.items[0].silent, "an appliance, and the twin's hosts forward nothing");
	prediction_free(&p);
	lab_free(lab);
}

Test(explain, a_user_defined_route_is_said_to_decide)
{
	struct lab *lab = vnets(&(struct spoke){USES_HUB, "", "false", "10.1.0.0/16", "VnetLocal"});

	expect_note(lab, "one-vm", "hub-vm", "user-defined-route", "before BGP before system");
	lab_free(lab);
}

Test(explain, system_routes_beat_longer_prefixes_by_bgp)
{
	struct lab *lab = vnets(&(struct spoke){.half = USES_HUB, .advertise = "192.168.0.0/24, 10.2.0.0/25"});

	expect_note(lab, "hub-vm", "one-vm", "system-before-bgp",
		    "'hub' has learned 10.2.0.0/25 by BGP and does not use it: it lies inside the address space of "
		    "peered VNet 'one'");
	lab_free(lab);
}

/* --- Limits ------------------------------------------------------------------------------------------------------- */

/* How many limits near or over concern the way from one host to the other. */
static unsigned limits_of(const struct lab *lab, const char *from, const char *to)
{
	const struct host *a = fabric_host(lab->fabric, from), *b = fabric_host(lab->fabric, to);
	struct flow flow = {.src = a->addr, .dst = b->addr, .protocol = IPPROTO_ICMP};
	struct prediction p;
	unsigned n = 0;

	predict(lab->image, a, b, &flow, &p);
	vec_each(u, &lab->now->limits)
		n += limit_is_near(u) && (limit_concerns(u, &p.forward) || limit_concerns(u, &p.back));
	prediction_free(&p);
	return n;
}

Test(explain, limits_that_are_near_over_or_have_dropped_a_session)
{
	struct lab *lab = vnets(&(struct spoke){.half = USES_HUB});

	cr_expect_eq(limits_of(lab, "one-vm", "pc"), 0);
	lab_free(lab);
	lab = vnets(&(struct spoke){USES_HUB, .advertise = "192.168.0.0/24, {first: 11.0.0.0/24, count: 3500}"});
	cr_expect_eq(limits_of(lab, "one-vm", "pc"), 1, "the gateway's 4,000");
	cr_expect_eq(limits_of(lab, "hub-vm", "nva"), 1, "of the VNet's gateway");
	expect_no_note(lab, "one-vm", "pc", "gateway-full");
	lab_free(lab);
	lab = vnets(&(struct spoke){USES_HUB, .advertise = "{first: 11.0.0.0/24, count: 4100}, 192.168.0.0/24"});
	expect_note(lab, "one-vm", "pc", "gateway-full", "gateway 'hub-gw' is full and has not learned 192.168.0.0/24");
	lab_free(lab);
	lab = vnets(&(struct spoke){USES_HUB, .advertise = "192.168.0.0/24, {first: 11.0.0.0/24, count: 10000}"});
	expect_note(lab, "one-vm", "pc", "session-down", "10,001 prefixes from 'ce' exceed the 10,000 of tier Premium");
	check_all_pairs(lab, "a session that is down for a limit");
	lab_free(lab);
}

/* --- Circuits ----------------------------------------------------------------------------------------------------- */

#define REACH                                                                                                          \
	"a-b: {connectionType: GlobalReach, circuit1: a, circuit2: b, addressPrefix: 172.16.9.0/29}\n"                 \
	"  b-c: {connectionType: GlobalReach, circuit1: b, circuit2: c, addressPrefix: 172.16.9.8/29}\n"

static struct lab *circuits(const char *va, const char *second, const char *vb, const char *asb)
{
	const struct word words[] = {{"va", va},	{"second", second}, {"vb", vb}, {"asb", asb},
				     {"edgeb", "ce-b"}, {"reach", REACH},   {}};

	return lab_of(CIRCUITS, words);
}

Test(explain, vnets_on_one_circuit_need_the_switch_at_both_gateways)
{
	static const struct {
		const char *va, *second, *part;
	} cases[] = {
		{"false", "false", "set it on 'va-gw', and on 'va2-gw' as well"},
		{"false", "true", "set it on 'va-gw' (gateway 'va2-gw' has it on: it sees the prefixes"},
		{"true", "false", "'va2' has no route back to 'va-vm': gateway 'va2-gw' does not import 10.1.0.0/16"},
	};
	struct lab *lab;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		lab = circuits(cases[i].va, cases[i].second, "false", "65002");
		expect_note(lab, "va-vm", "va2-vm", "remote-vnet-traffic-off", cases[i].part);
		expect_no_note_with(lab, "va-vm", "va2-vm", "hairpin", "the gateways of both");
		check_all_pairs(lab, cases[i].part);
		lab_free(lab);
	}
	lab = circuits("true", "true", "false", "65002");
	expect_note(lab, "va-vm", "va2-vm", "hairpin", "travels to the peering location (London)");
	expect_note(lab, "va-vm", "va2-vm", "hairpin", "the gateways of both have allowRemoteVnetTraffic on");
	lab_free(lab);
}

Test(explain, global_reach)
{
	struct lab *lab = circuits("true", "true", "false", "65002");

	expect_note(lab, "sa-pc", "sc-pc", "global-reach-not-transitive", "join 'c' and 'a'");
	expect_note(lab, "va-vm", "vb-vm", "remote-vnet-traffic-off", "it is off at the other VNet's");
	expect_note(lab, "vb-vm", "va-vm", "remote-vnet-traffic-off", "it is off at this one");
	expect_note(lab, "sa-pc", "sb-pc", "global-reach", "'a-b' carries it from circuit 'a' to circuit 'b'");
	expect_no_note(lab, "sa-pc", "sb-pc", "own-as-in-path");
	lab_free(lab);
	lab = circuits("true", "true", "true", "65001");
	expect_note(lab, "sa-pc", "sb-pc", "own-as-in-path", "its own AS 65001 is in the AS path");
	expect_no_note(lab, "va-vm", "vb-vm", "remote-vnet-traffic-off");
	check_all_pairs(lab, "two sites of one AS");
	lab_free(lab);
}

Test(explain, a_router_on_two_circuits_passes_nothing_on)
{
	const struct word words[] = {{"va", "true"},
				     {"second", "true"},
				     {"vb", "true"},
				     {"asb", "65001"},
				     {"edgeb", "ce-a"},
				     {"reach", ""},
				     {}};
	struct lab *lab = lab_of(CIRCUITS, words);

	expect_note(lab, "va-vm", "vb-vm", "router-passes-nothing-on", "'ce-a' has learned 10.3.0.0/16");
	expect_note(lab, "va-vm", "sb-pc", "not-joined", "'va' has no route to 'sb-pc'");
	expect_note(lab, "va-vm", "sc-pc", "not-joined", "'va' has no route to 'sc-pc'");
	check_all_pairs(lab, "one router on two circuits");
	lab_free(lab);
}

/* --- ExpressRoute and VPN ----------------------------------------------------------------------------------------- */

static struct lab *vpn(const char *er, const char *announced, const char *shop)
{
	const struct word words[] = {{"er", er}, {"vpn", announced}, {"shop", shop}, {}};

	return lab_of(VPN, words);
}

Test(explain, a_longer_prefix_by_vpn_keeps_traffic_from_expressroute)
{
	struct lab *lab = vpn("10.1.0.0/16", "10.1.0.0/24", "10.2.0.0/24");

	expect_note(lab, "hub-vm", "pc", "longer-prefix-by-vpn",
		    "announce 10.1.0.0/24 over ExpressRoute as well, or only 10.1.0.0/16 over the VPN");
	fail(lab, "hub-c", false);
	expect_no_note(lab, "hub-vm", "pc", "longer-prefix-by-vpn");
	lab_free(lab);
	lab = vpn("10.1.0.0/24", "10.1.0.0/24", "10.2.0.0/24");
	expect_no_note(lab, "hub-vm", "pc", "longer-prefix-by-vpn");
	expect_note(lab, "hub-vm", "pc", "expressroute-before-vpn", "connection 'hub-site' has the same prefix");
	lab_free(lab);
}

Test(explain, a_vpn_without_bgp_reaches_what_its_list_holds)
{
	struct lab *lab = vpn("10.1.0.0/24", "10.1.0.0/24", "10.2.9.0/24");

	expect_note(lab, "hub-vm", "till", "static-vpn-lacks-prefix",
		    "addressPrefixes of local network gateway 'shop'");
	expect_note(lab, "till", "pc", "static-vpn-lacks-prefix", "needs enableBgp");
	check_all_pairs(lab, "a list that lacks the LAN");
	lab_free(lab);
}

/* --- Shares, next hops, one way only ------------------------------------------------------------------------------ */

Test(explain, shares_and_next_hops)
{
	struct lab *lab = lab_of("topologies/ecmp.yaml", NULL);

	expect_note(lab, "vm-a", "dc-host", "shares-load",
		    "among 4: 'er1.primary', 'er1.secondary', 'er2.primary', 'er2.secondary', 25 % of the flows");
	expect_note(lab, "vm-a", "dc-host", "next-hop-is-msee", "never passes 'hub-ergw'");
	expect_no_note(lab, "vm-a", "vm-b", "next-hop-is-msee");
	lab_free(lab);
}

static struct lab *ecmp_with(const char *old, const char *new)
{
	char *text = fill_in("topologies/ecmp.yaml", NULL), *at = strstr(text, old), *changed;
	struct diags diags = {};
	struct lab *lab;

	cr_assert(at, "'%s' is not in ecmp.yaml", old);
	changed = xasprintf("%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
	lab = lab_parse(changed, strlen(changed), &diags);
	cr_assert(lab);
	compute(lab);
	diags_free(&diags);
	free(changed);
	free(text);
	return lab;
}

Test(explain, what_prefers_a_circuit)
{
	struct lab *lab = ecmp_with("hub-ergw, peer: er2}", "hub-ergw, peer: er2, routingWeight: 10}");

	expect_note(lab, "vm-a", "dc-host", "prefers-connection", "'hub-er2' for 10.1.0.0/24 by its routingWeight 10");
	lab_free(lab);
	lab = ecmp_with("192.168.1.0/31}", "192.168.1.0/31, prepend: 2}");
	expect_note(lab, "vm-a", "dc-host", "prefers-connection", "'hub-er2' for 10.1.0.0/24 by its shorter AS path");
	lab_free(lab);
}

Test(explain, devices_that_one_direction_passes)
{
	struct lab *lab = lab_of("topologies/interop.yaml", NULL);
	const struct host *a = fabric_host(lab->fabric, "hub-vm"), *b = fabric_host(lab->fabric, "loc1-vm");
	struct flow flow = {.src = a->addr, .dst = b->addr, .protocol = IPPROTO_ICMP};
	struct prediction p;
	oneway_list list = {};

	predict(lab->image, a, b, &flow, &p);
	oneway_find(&p, &list);
	cr_assert_eq(list.n, 1);
	cr_expect(list.items[0].device->kind == ERX_KIND_ERGW && list.items[0].back);
	prediction_free(&p);
	list.n = 0;
	b = fabric_host(lab->fabric, "branch-vm");
	flow.dst = b->addr;
	predict(lab->image, a, b, &flow, &p);
	oneway_find(&p, &list);
	cr_expect_eq(list.n, 0, "both directions of the VPN pass the same devices");
	prediction_free(&p);
	vec_free(&list);
	lab_free(lab);
}
