/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Azure's system routes beside a default route of somebody else's, and beside a route to exactly their prefix
 * (azure.md 8.1): the rows of a VM for each source and next hop type, what failures change, and that packets of the
 * forwarding image go where the rows say.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "fwd/walk.h"
#include "lab.h"
#include "lab/lab.h"
#include "obs/notes.h"

#define FILE_NAME "tests/unit/topologies/default-route.yaml"

/* What the topology's words are; NULL: nothing. */
struct words {
	const char *ce1, *ce2, *ce3, *table, *routes, *spokespace, *peerspace, *er, *peerflag, *hubflag;
};

static const char *or_nothing(const char *text)
{
	return text ? text : "";
}

static struct lab *filled(const struct words *w)
{
	return lab_filled(FILE_NAME, "ce1", or_nothing(w->ce1), "ce2", or_nothing(w->ce2), "ce3", or_nothing(w->ce3),
			  "table", or_nothing(w->table), "routes", or_nothing(w->routes), "spokespace",
			  or_nothing(w->spokespace), "peerspace", or_nothing(w->peerspace), "er", or_nothing(w->er),
			  "peerflag", or_nothing(w->peerflag), "hubflag", or_nothing(w->hubflag), NULL);
}

/* --- Rows --------------------------------------------------------------------------------------------------------- */

static const char *const reserved[] = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"};

static const char *text_in(const cJSON *row, const char *field)
{
	const cJSON *value = cJSON_GetObjectItem(row, field);

	if (cJSON_IsArray(value))
		value = cJSON_GetArrayItem(value, 0);
	return cJSON_IsString(value) ? value->valuestring : "";
}

static bool is_system_prefix(const char *prefix)
{
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
		if (!strcmp(prefix, reserved[i]))
			return true;
	}
	return !strcmp(prefix, "0.0.0.0/0");
}

/* "Default Internet 0.0.0.0/0 Invalid": Active is left out, a route by several ways is there once. */
static char *rows_of(const struct lab *lab, const char *vm)
{
	char *command = xasprintf("effective-routes %s", vm), *text = NULL, line[160], last[160] = "";
	cJSON *document = view_of(lab, command);
	const cJSON *row;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	cJSON_ArrayForEach(row, cJSON_GetObjectItem(document, "value"))
	{
		bool invalid = !strcmp(text_in(row, "state"), "Invalid");

		if (!is_system_prefix(text_in(row, "addressPrefix")))
			continue;
		snprintf(line, sizeof(line), "%s %s %s%s", text_in(row, "source"), text_in(row, "nextHopType"),
			 text_in(row, "addressPrefix"), invalid ? " Invalid" : "");
		if (strcmp(line, last))
			fprintf(out, "%s%s", ftell(out) > 0 ? "; " : "", line);
		strcpy(last, line);
	}
	fclose(out);
	cJSON_Delete(document);
	free(command);
	return text;
}

static void expect_rows(const struct lab *lab, const char *vm, const char *what, const char *expected)
{
	char *got = rows_of(lab, vm);

	cr_expect_str_eq(got, expected, "%s, rows of %s\n     is: %s\n should: %s", what, vm, got, expected);
	free(got);
}

/* --- Rows and packets --------------------------------------------------------------------------------------------- */

/* The row with the longest prefix that is Active; NULL: none. */
static const cJSON *row_for(const cJSON *rows, const struct addr *a)
{
	const cJSON *row, *best = NULL;
	struct prefix p, longest = {};

	cJSON_ArrayForEach(row, rows)
	{
		if (strcmp(text_in(row, "state"), "Active") || prefix_parse(text_in(row, "addressPrefix"), &p) ||
		    !prefix_has(&p, a) || (best && p.len < longest.len))
			continue;
		best = row;
		longest = p;
	}
	return best;
}

/* The next hop type by which the first step of a walk has left, as Azure calls it. */
static const char *type_taken(const struct lab *lab, const struct step *s)
{
	const struct link *l = s->out_port == NO_INDEX
				       ? NULL
				       : &lab->fabric->links.items[lab->fabric->ports.items[s->out_port].link];
	const struct rib_entry *e = s->route ? s->route->entry : NULL;

	if (s->outcome == ERX_route_none)
		return "None";
	if (s->outcome == ERX_internet)
		return "Internet";
	if (e && e->n_best && e->routes[0].source == SOURCE_UDR && e->routes[0].udr->hop == UDR_VIRTUAL_APPLIANCE)
		return "VirtualAppliance";
	if (!l)
		return "VnetLocal"; /* an address that no VM has */
	switch (l->kind) {
	case LINK_GATEWAY:
	case LINK_VNET_MSEE: return "VirtualNetworkGateway";
	case LINK_PEERING: return e && e->routes[0].source == SOURCE_PEERING ? "VNetPeering" : "VirtualNetworkGateway";
	default: return "VnetLocal";
	}
}

/* What each VM sends to each of these goes by the type of the row that covers it, and show next-hop says the same. */
static void expect_packets_follow_rows(const struct lab *lab, const char *what)
{
	static const char *const to[] = {"10.1.0.4",	"10.2.1.4",   "10.3.0.4",    "10.9.0.10", "10.77.0.1",
					 "172.20.0.10", "172.31.0.1", "192.168.7.7", "192.0.2.1", "100.64.0.1",
					 "8.8.8.8",	"10.2.100.4", "169.254.0.1"};

	vec_each(h, &lab->fabric->hosts) {
		char *command = xasprintf("effective-routes %s", h->name);
		cJSON *document = h->vnet ? view_of(lab, command) : NULL;

		for (size_t i = 0; document && i < sizeof(to) / sizeof(to[0]); i++) {
			struct flow flow = {.src = h->addr, .protocol = IPPROTO_ICMP};
			char *next_hop = xasprintf("next-hop %s %s", h->name, to[i]);
			cJSON *told = view_of(lab, next_hop);
			const char *row, *went, *says = text_in(told, "nextHopType");
			struct walk w;

			addr_parse(to[i], &flow.dst);
			walk_packet(lab->image, h->port, &flow, 64, false, &w);
			row = text_in(row_for(cJSON_GetObjectItem(document, "value"), &flow.dst), "nextHopType");
			went = type_taken(lab, &w.steps.items[0]);
			cr_expect(!strcmp(row, went) || addr_equal(&h->addr, &flow.dst),
				  "%s: %s > %s: row %s, packet %s", what, h->name, to[i], row, went);
			cr_expect(!strcmp(row, says) || strstr(row, "Peering"), "%s: %s > %s: row %s, next-hop %s",
				  what, h->name, to[i], row, says);
			walk_free(&w);
			cJSON_Delete(told);
			free(next_hop);
		}
		cJSON_Delete(document);
		free(command);
	}
}

/* Who is not reached has a cause, who is reached has none. */
static void expect_causes(const struct lab *lab, const char *what)
{
	vec_each(a, &lab->fabric->hosts) {
		vec_each(b, &lab->fabric->hosts) {
			struct flow flow = {.src = a->addr, .dst = b->addr, .protocol = IPPROTO_ICMP};
			struct prediction p;
			struct note_case c = {.image = lab->image, .from = a, .to = b, .p = &p};
			note_list notes = {};
			bool cause = false;

			if (a == b)
				continue;
			predict(lab->image, a, b, &flow, &p);
			notes_find(&c, &notes);
			vec_each(n, &notes)
				cause |= n->cause;
			cr_expect_eq(cause, !p.reachable, "%s: %s > %s: %s", what, a->name, b->name,
				     cause ? "a cause, and it is reached" : "no cause");
			notes_free(&notes);
			prediction_free(&p);
		}
	}
}

/* --- Tables ------------------------------------------------------------------------------------------------------- */

#define INTERNET      "Default Internet 0.0.0.0/0"
#define BY_BGP	      "VirtualNetworkGateway VirtualNetworkGateway "
#define TEN	      "Default None 10.0.0.0/8"
#define HUNDRED	      "Default None 100.64.0.0/10"
#define REST	      "Default None 172.16.0.0/12; Default None 192.168.0.0/16"
#define NONES	      TEN "; " HUNDRED "; " REST
#define USER(hop)     "User " hop " 0.0.0.0/0"
#define OWN	      ", routeTable: own"
#define QUIET	      ", routeTable: quiet"
#define UDR(to, hop)  "{name: u, addressPrefix: " to ", nextHopType: " hop "}"
#define APPLIANCE(to) "{name: u, addressPrefix: " to ", nextHopType: VirtualAppliance, nextHopIpAddress: 10.2.100.4}"

static const struct {
	const char *name;
	struct words words;
	const char *vm, *rows;
} tables[] = {
	{"no default route but the system's", {.ce1 = "10.9.0.0/24"}, "one", INTERNET "; " NONES},
	/* By a user-defined route, of every type: the Internet row stays beside it. */
	{"appliance",
	 {.table = OWN, .routes = APPLIANCE("0.0.0.0/0")},
	 "one",
	 INTERNET " Invalid; " USER("VirtualAppliance")},
	{"appliance that is not there",
	 {.table = OWN,
	  .routes = "{name: u, addressPrefix: 0.0.0.0/0, nextHopType: VirtualAppliance, nextHopIpAddress: 10.2.100.9}"},
	 "one",
	 INTERNET " Invalid; " USER("VirtualAppliance")},
	{"None", {.table = OWN, .routes = UDR("0.0.0.0/0", "None")}, "one", INTERNET " Invalid; " USER("None")},
	{"Internet",
	 {.table = OWN, .routes = UDR("0.0.0.0/0", "Internet")},
	 "one",
	 INTERNET " Invalid; " USER("Internet")},
	{"VnetLocal",
	 {.table = OWN, .routes = UDR("0.0.0.0/0", "VnetLocal")},
	 "one",
	 INTERNET " Invalid; " USER("VnetLocal")},
	{"gateway",
	 {.ce3 = "172.20.0.0/24", .table = OWN, .routes = UDR("0.0.0.0/0", "VirtualNetworkGateway"), .er = "#"},
	 "one",
	 INTERNET " Invalid; " USER("VirtualNetworkGateway")},
	{"appliance, without propagation",
	 {.ce1 = "0.0.0.0/0", .table = QUIET, .routes = APPLIANCE("0.0.0.0/0")},
	 "one",
	 INTERNET " Invalid; " USER("VirtualAppliance")},
	/* A subnet without that table has them all. */
	{"another subnet", {.table = OWN, .routes = APPLIANCE("0.0.0.0/0")}, "two", INTERNET "; " NONES},
	{"the peered hub", {.table = OWN, .routes = APPLIANCE("0.0.0.0/0")}, "hub-vm", INTERNET "; " NONES},
	/* Learned by BGP: no Internet row. */
	{"ExpressRoute", {.ce1 = "0.0.0.0/0"}, "hub-vm", BY_BGP "0.0.0.0/0"},
	{"ExpressRoute, by the hub's gateway", {.ce1 = "0.0.0.0/0"}, "two", BY_BGP "0.0.0.0/0"},
	{"ExpressRoute, a peer without gateway transit", {.ce1 = "0.0.0.0/0"}, "peer-vm", INTERNET "; " NONES},
	{"ExpressRoute, a subnet without propagation",
	 {.ce1 = "0.0.0.0/0", .table = QUIET},
	 "one",
	 INTERNET "; " NONES},
	{"two circuits", {.ce1 = "0.0.0.0/0", .ce2 = "0.0.0.0/0"}, "two", BY_BGP "0.0.0.0/0"},
	{"VPN", {.ce3 = "0.0.0.0/0"}, "hub-vm", BY_BGP "0.0.0.0/0"},
	{"VPN, by the hub's gateway", {.ce3 = "0.0.0.0/0"}, "two", BY_BGP "0.0.0.0/0"},
	{"ExpressRoute and VPN",
	 {.ce1 = "0.0.0.0/0", .ce3 = "0.0.0.0/0"},
	 "hub-vm",
	 BY_BGP "0.0.0.0/0; " BY_BGP "0.0.0.0/0 Invalid"},
	/* Both: what BGP has learned is Invalid, and the Internet row is gone all the same. */
	{"user-defined and BGP",
	 {.ce1 = "0.0.0.0/0", .table = OWN, .routes = APPLIANCE("0.0.0.0/0")},
	 "one",
	 BY_BGP "0.0.0.0/0 Invalid; " USER("VirtualAppliance")},
	/* The halves of a default route are none. */
	{"halves", {.ce1 = "0.0.0.0/1, 128.0.0.0/1"}, "hub-vm", INTERNET "; " NONES},
	{"halves, user-defined", {.table = OWN, .routes = UDR("0.0.0.0/1", "None")}, "one", INTERNET "; " NONES},
	/* A route to exactly such a prefix replaces its row, and no other. */
	{"10/8 to None",
	 {.table = OWN, .routes = UDR("10.0.0.0/8", "None")},
	 "one",
	 INTERNET "; " HUNDRED "; " REST "; User None 10.0.0.0/8"},
	{"10/8 to an appliance",
	 {.table = OWN, .routes = APPLIANCE("10.0.0.0/8")},
	 "one",
	 INTERNET "; " HUNDRED "; " REST "; User VirtualAppliance 10.0.0.0/8"},
	{"10/8 by BGP", {.ce1 = "10.0.0.0/8"}, "two", BY_BGP "10.0.0.0/8; " INTERNET "; " HUNDRED "; " REST},
	{"10/8 by both",
	 {.ce1 = "10.0.0.0/8", .table = OWN, .routes = APPLIANCE("10.0.0.0/8")},
	 "one",
	 BY_BGP "10.0.0.0/8 Invalid; " INTERNET "; " HUNDRED "; " REST "; User VirtualAppliance 10.0.0.0/8"},
	{"10/8 and a default route by BGP",
	 {.ce1 = "10.0.0.0/8, 0.0.0.0/0"},
	 "two",
	 BY_BGP "0.0.0.0/0; " BY_BGP "10.0.0.0/8"},
	{"10/8 by BGP under a user-defined default route",
	 {.ce1 = "10.0.0.0/8", .table = OWN, .routes = UDR("0.0.0.0/0", "None")},
	 "one",
	 BY_BGP "10.0.0.0/8; " INTERNET " Invalid; " USER("None")},
	{"10/8 user-defined under a default route by BGP",
	 {.ce1 = "0.0.0.0/0", .table = OWN, .routes = UDR("10.0.0.0/8", "None")},
	 "one",
	 BY_BGP "0.0.0.0/0; User None 10.0.0.0/8"},
	{"a part of 10/8",
	 {.ce1 = "10.0.0.0/9", .table = OWN, .routes = UDR("10.128.0.0/9", "None")},
	 "one",
	 INTERNET "; " NONES},
	/* Address space: the VNet's own that is such a prefix, or holds it; a peer's that is one. */
	{"the VNet's own space",
	 {.spokespace = ", 100.64.0.0/10"},
	 "two",
	 "Default VnetLocal 100.64.0.0/10; " INTERNET "; " TEN "; " REST},
	{"the VNet's own space around it", {.spokespace = ", 100.0.0.0/8"}, "two", INTERNET "; " TEN "; " REST},
	{"a part of it in the VNet's own space", {.spokespace = ", 100.64.0.0/16"}, "two", INTERNET "; " NONES},
	{"a peer's space",
	 {.peerspace = ", 100.64.0.0/10"},
	 "hub-vm",
	 "Default VNetPeering 100.64.0.0/10; " INTERNET "; " TEN "; " REST},
	{"a peer's space under a default route by BGP",
	 {.ce1 = "0.0.0.0/0", .peerspace = ", 100.64.0.0/10"},
	 "hub-vm",
	 "Default VNetPeering 100.64.0.0/10; " BY_BGP "0.0.0.0/0"},
};

Test(default_route, rows_and_packets)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		struct lab *lab = filled(&tables[i].words);

		expect_rows(lab, tables[i].vm, tables[i].name, tables[i].rows);
		expect_packets_follow_rows(lab, tables[i].name);
		expect_causes(lab, tables[i].name);
		lab_free(lab);
	}
}

/* --- Failures ----------------------------------------------------------------------------------------------------- */

/* What is in the maps: which prefix of which table has which group. */
static char *routes_text(const struct lab *lab)
{
	char *text = NULL, prefix[PREFIX_STRLEN];
	size_t size;
	FILE *out = open_memstream(&text, &size);

	vec_each(r, &lab->image->routes)
		fprintf(out, "%u %s %u\n", r->table, prefix_format(&r->prefix, prefix), r->group);
	fclose(out);
	return text;
}

static void restore(struct lab *lab)
{
	struct error e = {};

	lab_restore(lab, NULL);
	lab_follow(lab);
	cr_assert_eq(lab_compute(lab, &e), 0, "%s", e.text);
}

/* The last default route gone, the system's rows are back, and with it they are gone again; groups alone are written.
 */
Test(default_route, withdrawn_and_back)
{
	static const struct {
		const char *name;
		struct words words;
		const char *vm, *whole, *fail[2], *after[2];
	} cases[] = {
		{"one circuit", {.ce1 = "0.0.0.0/0"}, "two", BY_BGP "0.0.0.0/0", {"hub-c1"}, {INTERNET "; " NONES}},
		{"two circuits",
		 {.ce1 = "0.0.0.0/0", .ce2 = "0.0.0.0/0"},
		 "hub-vm",
		 BY_BGP "0.0.0.0/0",
		 {"c1", "c2"},
		 {BY_BGP "0.0.0.0/0", INTERNET "; " NONES}},
		{"ExpressRoute, then VPN",
		 {.ce1 = "0.0.0.0/0", .ce3 = "0.0.0.0/0"},
		 "two",
		 BY_BGP "0.0.0.0/0; " BY_BGP "0.0.0.0/0 Invalid",
		 {"hub-c1", "hub-branch"},
		 {BY_BGP "0.0.0.0/0", INTERNET "; " NONES}},
		{"under a user-defined one",
		 {.ce1 = "0.0.0.0/0", .table = OWN, .routes = APPLIANCE("0.0.0.0/0")},
		 "one",
		 BY_BGP "0.0.0.0/0 Invalid; " USER("VirtualAppliance"),
		 {"hub-c1"},
		 {INTERNET " Invalid; " USER("VirtualAppliance")}},
		{"10/8",
		 {.ce1 = "10.0.0.0/8"},
		 "two",
		 BY_BGP "10.0.0.0/8; " INTERNET "; " HUNDRED "; " REST,
		 {"c1"},
		 {INTERNET "; " NONES}},
		{"10/8 and then the default route",
		 {.ce1 = "10.0.0.0/8", .ce2 = "0.0.0.0/0"},
		 "two",
		 BY_BGP "0.0.0.0/0; " BY_BGP "10.0.0.0/8",
		 {"c2", "c1"},
		 {BY_BGP "10.0.0.0/8; " INTERNET "; " HUNDRED "; " REST, INTERNET "; " NONES}},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lab *lab = filled(&cases[i].words);
		char *whole = routes_text(lab), *now;

		expect_rows(lab, cases[i].vm, cases[i].name, cases[i].whole);
		for (unsigned k = 0; k < 2 && cases[i].fail[k]; k++) {
			lab_down(lab, cases[i].fail[k]);
			expect_rows(lab, cases[i].vm, cases[i].fail[k], cases[i].after[k]);
			expect_packets_follow_rows(lab, cases[i].fail[k]);
			expect_causes(lab, cases[i].fail[k]);
			now = routes_text(lab);
			cr_expect_str_eq(now, whole, "%s: routes move when %s fails", cases[i].name, cases[i].fail[k]);
			cr_expect(!lab->image->split);
			free(now);
		}
		restore(lab);
		expect_rows(lab, cases[i].vm, cases[i].name, cases[i].whole);
		expect_packets_follow_rows(lab, cases[i].name);
		free(whole);
		lab_free(lab);
	}
}

/* --- ICMP errors -------------------------------------------------------------------------------------------------- */

/* Which addresses a traceroute sees behind the edge router: a default route that leads somewhere admits them all. */
Test(default_route, the_default_route_counts_for_icmp_errors)
{
	static const struct {
		const char *name;
		struct words words;
		const char *seen;
	} cases[] = {
		{"the site's prefix alone", {.ce1 = "10.9.0.0/24"}, "* * 10.9.0.10"},
		{"by BGP", {.ce1 = "0.0.0.0/0"}, "172.16.1.1 192.168.9.1 10.9.0.10"},
		{"to an appliance",
		 {.ce1 = "10.9.0.0/24", .table = OWN, .routes = APPLIANCE("0.0.0.0/0")},
		 "172.16.1.1 192.168.9.1 10.9.0.10"},
		{"to the Internet",
		 {.ce1 = "10.9.0.0/24", .table = OWN, .routes = UDR("0.0.0.0/0", "Internet")},
		 "* * 10.9.0.10"},
		{"to None", {.ce1 = "10.9.0.0/24", .table = OWN, .routes = UDR("0.0.0.0/0", "None")}, "* * 10.9.0.10"},
		{"one of the reserved prefixes by BGP",
		 {.ce1 = "10.9.0.0/24, 172.16.0.0/12"},
		 "172.16.1.1 * 10.9.0.10"},
		{"a default route that this subnet does not take",
		 {.ce1 = "0.0.0.0/0", .table = QUIET, .routes = APPLIANCE("10.9.9.0/24")},
		 ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lab *lab = filled(&cases[i].words);
		const struct host *from = fabric_host(lab->fabric, "one"), *to = fabric_host(lab->fabric, "pc");
		struct flow flow = {.src = from->addr, .dst = to->addr, .protocol = IPPROTO_ICMP};
		char seen[200] = "", text[ADDR_STRLEN];
		struct prediction p;

		predict(lab->image, from, to, &flow, &p);
		for (size_t k = 1; k < p.hops.n; k++)
			snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%s%s", k > 1 ? " " : "",
				 addr_is_set(&p.hops.items[k].addr) ? addr_format(&p.hops.items[k].addr, text) : "*");
		cr_expect_str_eq(seen, cases[i].seen, "%s: '%s', should be '%s'", cases[i].name, seen, cases[i].seen);
		prediction_free(&p);
		lab_free(lab);
	}
}

/* --- One peer to another ------------------------------------------------------------------------------------------ */

#define BOTH_USE_HUB .peerflag = "useRemoteGateways: true", .hubflag = "allowGatewayTransit: true"

/*
 * A route to the hub's gateways that covers another peer leads to the edge router or the VPN gateway, which knows both
 * and sends it back; never from one peering of the hub into another, which would make peering transitive.
 */
Test(default_route, peers_do_not_meet_in_the_hub)
{
	static const struct {
		const char *name;
		struct words words;
		const char *devices;
		int ping_ttl; /* 0: not reached */
	} cases[] = {
		{"by ExpressRoute", {.ce1 = "0.0.0.0/0", BOTH_USE_HUB}, "spoke hub c1.primary hub-er hub peer", 62},
		{"by a network around it",
		 {.ce1 = "10.0.0.0/9", BOTH_USE_HUB},
		 "spoke hub c1.primary hub-er hub peer",
		 62},
		{"by VPN", {.ce3 = "0.0.0.0/0", BOTH_USE_HUB}, "spoke hub hub-vpn hub peer", 63},
		{"a peer that does not use the gateways", {.ce1 = "0.0.0.0/0"}, "spoke hub c1.primary ce1", 0},
		{"no default route", {.ce1 = "10.9.0.0/24", BOTH_USE_HUB}, "spoke", 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lab *lab = filled(&cases[i].words);
		const struct host *from = fabric_host(lab->fabric, "two"), *to = fabric_host(lab->fabric, "peer-vm");
		struct flow flow = {.src = from->addr, .dst = to->addr, .protocol = IPPROTO_ICMP};
		char devices[200] = "";
		struct prediction p;

		predict(lab->image, from, to, &flow, &p);
		vec_each(s, &p.forward.steps)
			snprintf(devices + strlen(devices), sizeof(devices) - strlen(devices), "%s%.*s",
				 *devices ? " " : "", (int)strcspn(s->device->name, "/"), s->device->name);
		cr_expect_str_eq(devices, cases[i].devices, "%s: %s", cases[i].name, devices);
		cr_expect_eq(p.reachable ? p.ping_ttl : 0, cases[i].ping_ttl, "%s: ttl %d", cases[i].name, p.ping_ttl);
		expect_causes(lab, cases[i].name);
		prediction_free(&p);
		lab_free(lab);
	}
}
