// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * FastPath's rules (azure.md 5), one by one: a case in which exactly that rule is
 * the first to forbid, and beside it one that differs in what the rule looks at.
 * Then how many addresses have room, and that the image does what the rules say.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "fwd/fastpath.h"
#include "lab.h"

#define RULES  "tests/unit/topologies/fastpath.yaml"
#define LIMITS "tests/unit/topologies/fastpath-limit.yaml"

#define PROVIDER    "serviceProviderProperties: {peeringLocation: London, bandwidthInMbps: 1000}"
#define DIRECT	    "expressRoutePort: port"
#define TEN	    "expressRoutePort: ten"
#define HUNDRED	    "expressRoutePort: hundred"
#define UNITS(n)    "sku: ErGwScale, autoScaleConfiguration: {bounds: {min: " #n ", max: 20}}"
#define ROUTE(n, p) "{name: " #n ", addressPrefix: " p ", nextHopType: VirtualAppliance, nextHopIpAddress: 10.1.0.4}, "

static struct fastpath_span find(const struct lab *lab, const char *connection, const char *address)
{
	struct fastpath_span s;
	struct addr a;

	cr_assert_eq(addr_parse(address, &a), 0);
	fastpath_find(lab->topo, lab->fastpath, topo_connection(lab->topo, connection), &a, &s);
	return s;
}

/* What forbids the bypass of an address, in words; "" when nothing does. */
static void why(const struct lab *lab, const char *connection, const char *address, char out[static 256])
{
	struct fastpath_span s = find(lab, connection, address);

	*out = '\0';
	if (s.rule)
		fastpath_rule_text(s.rule, &s.c, out, 256);
}

/* --- Rules ------------------------------------------------------------------------------------------------------- */

/* What is not given: current, ErGw3AZ, a provider's circuit, all switches on, no routes, the hub's machine. */
static const struct rule_case {
	const char *name, *rule; /* NULL: bypass */
	const char *profile, *sku, *circuit, *on, *private, *routes, *address;
} cases[] = {
	{"hub, provider", NULL},
	{"hub, Direct", NULL, .circuit = DIRECT},
	{"hub, 2018", NULL, .profile = "\"2018\""},
	{"second prefix of the hub", NULL, .address = "10.11.0.4"},

	{"ErGw1AZ", "SKU ErGw1AZ has no FastPath; UltraPerformance, ErGw3AZ and ErGwScale from 10 units have",
	 .sku = "sku: ErGw1AZ"},
	{"ErGw2AZ", "SKU ErGw2AZ has no FastPath; UltraPerformance, ErGw3AZ and ErGwScale from 10 units have",
	 .sku = "sku: ErGw2AZ"},
	{"Standard", "SKU Standard has no FastPath; UltraPerformance, ErGw3AZ and ErGwScale from 10 units have",
	 .sku = "sku: Standard"},
	{"HighPerformance, off, spoke",
	 "SKU HighPerformance has no FastPath; UltraPerformance, ErGw3AZ and ErGwScale from 10 units have",
	 .sku = "sku: HighPerformance", .on = "false", .address = "10.2.0.4"},
	{"UltraPerformance", NULL, .sku = "sku: UltraPerformance"},

	{"9 units", "ErGwScale with 9 scale units has no FastPath; it needs 10", .sku = UNITS(9)},
	{"9 units, off, spoke", "ErGwScale with 9 scale units has no FastPath; it needs 10", .sku = UNITS(9),
	 .on = "false", .address = "10.2.0.4"},
	{"10 units", NULL, .sku = UNITS(10)},
	{"11 units", NULL, .sku = UNITS(11)},

	{"off", "expressRouteGatewayBypass of 'hub-er' is off", .on = "false"},
	{"off, spoke", "expressRouteGatewayBypass of 'hub-er' is off", .on = "false", .address = "10.2.0.4"},

	{"global, Direct", "'far' is peered globally: FastPath reaches spokes of the gateway's own region only",
	 .circuit = DIRECT, .address = "10.3.0.4"},
	{"global, provider", "'far' is peered globally: FastPath reaches spokes of the gateway's own region only",
	 .address = "10.3.0.4"},
	{"spoke, Direct", NULL, .circuit = DIRECT, .address = "10.2.0.4"},
	{"range of a spoke, Direct", NULL, .circuit = DIRECT, .address = "10.2.0.64"},

	{"spoke, provider", "provider circuit: peered spokes go through the gateway", .address = "10.2.0.4"},
	{"spoke, provider, 2018", "provider circuit: peered spokes go through the gateway", .profile = "\"2018\"",
	 .address = "10.2.0.4"},
	{"balancer of a spoke, provider", "provider circuit: peered spokes go through the gateway",
	 .address = "10.2.0.6"},

	{"spoke, Direct, 2018", "peered spokes went through the gateway in the years of profile 2018",
	 .profile = "\"2018\"", .circuit = DIRECT, .address = "10.2.0.4"},

	{"private, provider", "provider circuit: private endpoints go through the gateway", .address = "10.1.0.5"},
	{"private, provider, 2018", "provider circuit: private endpoints go through the gateway", .profile = "\"2018\"",
	 .address = "10.1.0.5"},
	{"private, provider, not asked for", "provider circuit: private endpoints go through the gateway",
	 .private = "false", .address = "10.1.0.5"},
	{"private, Direct", NULL, .circuit = DIRECT, .address = "10.1.0.5"},

	{"private, Direct, 2018", "private endpoints went through the gateway in the years of profile 2018",
	 .profile = "\"2018\"", .circuit = DIRECT, .address = "10.1.0.5"},

	{"private in a spoke, Direct", "private endpoints of peered spokes go through the gateway", .circuit = DIRECT,
	 .address = "10.2.0.5"},
	{"private in a spoke, Direct, not asked for", "private endpoints of peered spokes go through the gateway",
	 .circuit = DIRECT, .private = "false", .address = "10.2.0.5"},

	{"private, Direct, not asked for", "enablePrivateLinkFastPath of 'hub-er' is off", .circuit = DIRECT,
	 .private = "false", .address = "10.1.0.5"},
	{"machine, Direct, Private Link not asked for", NULL, .circuit = DIRECT, .private = "false"},

	{"NetApp Files", "NetApp Files with basic network features go through the gateway", .address = "10.1.0.10"},
	{"NetApp Files, Direct", "NetApp Files with basic network features go through the gateway", .circuit = DIRECT,
	 .address = "10.1.0.10"},
	{"NetApp Files in a spoke, Direct", "NetApp Files with basic network features go through the gateway",
	 .circuit = DIRECT, .address = "10.2.0.10"},
	{"balancer of the hub", NULL, .address = "10.1.0.6"},
	{"balancer of the hub, Direct", NULL, .circuit = DIRECT, .address = "10.1.0.6"},

	{"firewall in a spoke", "an Azure Firewall in a peered spoke is reached through the gateway", .circuit = DIRECT,
	 .address = "10.2.0.8"},
	{"firewall in the hub", NULL, .circuit = DIRECT, .address = "10.1.0.8"},
	{"resolver in a spoke", "a DNS Private Resolver in a peered spoke is reached through the gateway",
	 .circuit = DIRECT, .address = "10.2.0.9"},
	{"resolver in the hub", NULL, .circuit = DIRECT, .address = "10.1.0.9"},
	{"balancer of a spoke", "internal load balancers of peered spokes go through the gateway", .circuit = DIRECT,
	 .address = "10.2.0.6"},
	{"Basic balancer of a spoke", "internal load balancers of peered spokes go through the gateway",
	 .circuit = DIRECT, .address = "10.2.0.7"},

	{"Basic balancer, 2018", "Basic load balancers were reached through the gateway in the years of profile 2018",
	 .profile = "\"2018\"", .address = "10.1.0.7"},
	{"Basic balancer", NULL, .address = "10.1.0.7"},
	{"Standard balancer, 2018", NULL, .profile = "\"2018\"", .address = "10.1.0.6"},

	{"route, provider",
	 "provider circuit: what a user-defined route of the GatewaySubnet covers goes through the gateway",
	 .routes = ROUTE(one, "10.1.0.0/24")},
	{"route, provider, 2018",
	 "provider circuit: what a user-defined route of the GatewaySubnet covers goes through the gateway",
	 .profile = "\"2018\"", .routes = ROUTE(one, "10.1.0.0/24")},
	{"route as long as the VNet's prefix",
	 "provider circuit: what a user-defined route of the GatewaySubnet covers goes through the gateway",
	 .routes = ROUTE(one, "10.1.0.0/16")},
	{"route to one address",
	 "provider circuit: what a user-defined route of the GatewaySubnet covers goes through the gateway",
	 .routes = ROUTE(one, "10.1.0.4/32")},
	{"route shorter than the VNet's prefix", NULL, .routes = ROUTE(one, "10.0.0.0/15")},
	{"shorter than one prefix of the VNet, as long as the other", NULL, .routes = ROUTE(one, "10.10.0.0/15"),
	 .address = "10.11.0.4"},
	{"route to other addresses of the hub", NULL, .routes = ROUTE(one, "10.1.0.64/26")},
	{"one long and one short route",
	 "provider circuit: what a user-defined route of the GatewaySubnet covers goes through the gateway",
	 .routes = ROUTE(one, "10.0.0.0/8") ROUTE(two, "10.1.0.4/31")},
	{"route, Direct", NULL, .circuit = DIRECT, .routes = ROUTE(one, "10.1.0.0/24")},
	{"route to a spoke, Direct", NULL, .circuit = DIRECT, .routes = ROUTE(one, "10.2.0.0/24"),
	 .address = "10.2.0.4"},

	{"route, Direct, 2018",
	 "user-defined routes of the GatewaySubnet kept traffic at the gateway in the years of profile 2018",
	 .profile = "\"2018\"", .circuit = DIRECT, .routes = ROUTE(one, "10.1.0.0/24")},
};

static const char *given(const char *text, const char *otherwise)
{
	return text ? text : otherwise;
}

static struct lab *lab_of_case(const struct rule_case *c)
{
	return lab_filled(RULES, "profile", given(c->profile, "current"), "sku", given(c->sku, "sku: ErGw3AZ"),
			  "circuit", given(c->circuit, PROVIDER), "on", given(c->on, "true"), "private",
			  given(c->private, "true"), "routes", given(c->routes, ""), "far",
			  c->profile ? "false" : "true", NULL);
}

Test(fastpath, each_rule_is_the_first_to_forbid)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lab *lab = lab_of_case(&cases[i]);
		char text[256];

		why(lab, "hub-er", given(cases[i].address, "10.1.0.4"), text);
		cr_expect_str_eq(text, given(cases[i].rule, ""), "%s: \"%s\"", cases[i].name, text);
		lab_free(lab);
	}
}

/* A range that a route covers in part is judged in parts, and so are blocks of 64 that the parts share. */
Test(fastpath, a_route_covers_part_of_a_range)
{
	static const struct {
		const char *address;
		bool bypass;
	} parts[] = {{"10.1.0.64", true},  {"10.1.0.79", true},	 {"10.1.0.80", false},	{"10.1.0.95", false},
		     {"10.1.0.96", true},  {"10.1.0.129", true}, {"10.1.0.130", false}, {"10.1.0.131", false},
		     {"10.1.0.132", true}, {"10.1.0.163", true}};
	struct lab *lab = lab_filled(RULES, "profile", "current", "sku", "sku: ErGw3AZ", "circuit", PROVIDER, "on",
				     "true", "private", "true", "far", "true", "routes",
				     ROUTE(one, "10.1.0.80/28") ROUTE(two, "10.1.0.130/31"), NULL);
	const struct connection *c = topo_connection(lab->topo, "hub-er");
	struct fastpath_count n = fastpath_count_of(lab->topo, lab->fastpath, c);

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		cr_expect_eq(!find(lab, "hub-er", parts[i].address).rule, parts[i].bypass, "%s", parts[i].address);
	/* 2 machines, 4 load balancers, 100 of the range less 16 and 2. */
	cr_expect_eq(n.wanted, 2 + 4 + 100 - 16 - 2, "%llu", (unsigned long long)n.wanted);
	cr_expect_eq(n.programmed, n.wanted);
	lab_free(lab);
}

Test(fastpath, an_address_of_nobody_is_told_from_one_that_is_forbidden)
{
	struct lab *lab = lab_of_case(&(struct rule_case){});
	const struct connection *c = topo_connection(lab->topo, "hub-er");
	struct fastpath_span s;
	struct addr a;

	cr_assert_eq(addr_parse("10.1.0.20", &a), 0);
	cr_expect_not(fastpath_find(lab->topo, lab->fastpath, c, &a, &s));
	cr_expect_null(s.rule, "nothing forbids it");
	lab->fastpath[0] = false;
	cr_expect_not(fastpath_find(lab->topo, lab->fastpath, c, &a, &s));
	cr_expect_not_null(s.rule, "the switch does");
	lab_free(lab);
}

/* --- Limits ------------------------------------------------------------------------------------------------------ */

static struct lab *lab_of_counts(const char *a, const char *b, const char *c, const char *er1, const char *er2)
{
	return lab_filled(LIMITS, "a", a, "b", b, "c", c, "er1", er1, "er2", er2, NULL);
}

static void expect_why(const struct lab *lab, const char *connection, const char *address, const char *rule)
{
	char text[256];

	why(lab, connection, address, text);
	cr_expect_str_eq(text, rule, "%s by %s: \"%s\"", address, connection, text);
}

static void expect_count(const struct lab *lab, const char *connection, uint64_t programmed, uint64_t wanted)
{
	struct fastpath_count n = fastpath_count_of(lab->topo, lab->fastpath, topo_connection(lab->topo, connection));

	cr_expect_eq(n.programmed, programmed, "%s: %llu programmed, not %llu", connection,
		     (unsigned long long)n.programmed, (unsigned long long)programmed);
	cr_expect_eq(n.wanted, wanted, "%s: %llu wanted, not %llu", connection, (unsigned long long)n.wanted,
		     (unsigned long long)wanted);
}

/* a-vm is the first address, the range begins at the second: number n is 10.64.0.9 + n - 2. */
Test(fastpath, the_limits_of_azure)
{
	struct lab *lab = lab_of_counts("30000", "1", "1", PROVIDER, PROVIDER);

	expect_why(lab, "a-er1", "10.64.97.175", "");
	expect_why(lab, "a-er1", "10.64.97.176", "address 25,001 of 25,000: not programmed");
	expect_why(lab, "a-er1", "10.64.97.177", "address 25,002 of 25,000: not programmed");
	expect_count(lab, "a-er1", 25000, 30001);
	lab_free(lab);

	lab = lab_of_counts("24999", "1", "1", PROVIDER, PROVIDER);
	expect_why(lab, "a-er1", "10.64.97.175", "");
	expect_count(lab, "a-er1", 25000, 25000);
	lab_free(lab);

	lab = lab_of_counts("120000", "1", "1", TEN, PROVIDER);
	expect_why(lab, "a-er1", "10.65.134.167", "");
	expect_why(lab, "a-er1", "10.65.134.168", "address 100,001 of 100,000: not programmed");
	/* The spoke comes after the gateway's own VNet. */
	expect_why(lab, "a-er1", "10.112.0.4", "address 120,002 of 100,000: not programmed");
	expect_count(lab, "a-er1", 100000, 121002);
	lab_free(lab);

	lab = lab_of_counts("220000", "1", "1", HUNDRED, PROVIDER);
	expect_why(lab, "a-er1", "10.67.13.71", "");
	expect_why(lab, "a-er1", "10.67.13.72", "address 200,001 of 200,000: not programmed");
	expect_count(lab, "a-er1", 200000, 221002);
	lab_free(lab);
}

/* What another rule forbids takes no place: the private endpoint and the spoke here. */
Test(fastpath, connections_of_one_circuit_share_its_limit)
{
	struct lab *lab = lab_of_counts("19999", "6000", "30000", PROVIDER, PROVIDER);

	expect_count(lab, "a-er1", 20000, 20000);
	expect_count(lab, "b-er1", 5000, 6001);
	expect_count(lab, "c-er2", 25000, 30001); /* another circuit */
	/* b-vm is 20,001; the range begins at 20,002. */
	expect_why(lab, "b-er1", "10.80.19.198", "");
	expect_why(lab, "b-er1", "10.80.19.199", "address 25,001 of 25,000: not programmed");
	lab->fastpath[0] = false;
	expect_count(lab, "b-er1", 6001, 6001);
	expect_why(lab, "b-er1", "10.80.19.199", "");
	/* Off, a connection's own count is what it would be. */
	expect_count(lab, "a-er1", 20000, 20000);
	/* A later one takes nothing from an earlier one. */
	lab->fastpath[0] = true;
	lab->fastpath[1] = false;
	expect_count(lab, "a-er1", 20000, 20000);
	expect_count(lab, "b-er1", 5000, 6001);
	expect_count(lab, "c-er2", 25000, 30001);
	lab_free(lab);
}

Test(fastpath, circuits_of_one_port_share_its_limit)
{
	struct lab *lab = lab_of_counts("58997", "30000", "20000", TEN, TEN);

	/* Private Link is not asked for; the spoke counts: 58,997 + 1 + 1,001. */
	expect_count(lab, "a-er1", 59999, 59999);
	expect_count(lab, "b-er1", 30001, 30001);
	expect_count(lab, "c-er2", 10000, 20001);
	expect_why(lab, "c-er2", "10.96.39.78", "");
	expect_why(lab, "c-er2", "10.96.39.79", "address 100,001 of 100,000: not programmed");
	lab->fastpath[1] = false;
	expect_count(lab, "c-er2", 20001, 20001);
	lab_free(lab);

	lab = lab_of_counts("58997", "30000", "20000", TEN, HUNDRED);
	expect_count(lab, "c-er2", 20001, 20001);
	lab_free(lab);

	/* When earlier ones have taken all, not even the first address has room. */
	lab = lab_of_counts("120000", "5", "5", TEN, TEN);
	expect_count(lab, "b-er1", 0, 6);
	expect_why(lab, "c-er2", "10.96.0.4", "address 121,009 of 100,000: not programmed");
	lab_free(lab);
}

/* --- What agrees with what --------------------------------------------------------------------------------------- */

struct tally {
	const struct lab *lab;
	const struct connection *connection;
	uint64_t bypassed, beyond, spans;
};

static bool is_beyond(const struct fastpath_span *s)
{
	char text[256];

	fastpath_rule_text(s->rule, &s->c, text, sizeof(text));
	return strstr(text, "not programmed");
}

static void expect_found(const struct tally *t, const struct fastpath_span *s, uint32_t n)
{
	struct addr a = addr_plus(&s->first, n);
	struct fastpath_span found;
	char text[ADDR_STRLEN];

	addr_format(&a, text);
	cr_expect(fastpath_find(t->lab->topo, t->lab->fastpath, t->connection, &a, &found), "%s", text);
	cr_expect_eq(found.rule, s->rule, "%s", text);
	cr_expect_eq(found.c.vnet, s->c.vnet, "%s", text);
	cr_expect_eq(found.c.user_defined, s->c.user_defined, "%s", text);
	cr_expect_eq(found.c.place, s->c.place ? s->c.place + n : 0, "%s", text);
	cr_expect(addr_equal(&found.first, &a) && found.count == 1, "%s", text);
}

static bool tally_span(void *arg, const struct fastpath_span *s)
{
	struct tally *t = arg;

	cr_assert_gt(s->count, 0);
	t->spans++;
	if (!s->rule)
		t->bypassed += s->count;
	else if (is_beyond(s))
		t->beyond += s->count;
	expect_found(t, s, 0);
	expect_found(t, s, s->count - 1);
	expect_found(t, s, rand() % s->count);
	return true;
}

static void add_programmed(void *arg, const struct prefix *space, const struct addr *first, uint32_t count)
{
	struct addr last = addr_plus(first, count - 1);

	cr_expect(prefix_has(space, first) && prefix_has(space, &last));
	*(uint64_t *)arg += count;
}

/* Spans, the search for one address, the counts and what is programmed are of one opinion. */
static void expect_agreement(const struct lab *lab)
{
	vec_each(c, &lab->topo->connections) {
		struct tally t = {.lab = lab, .connection = c};
		bool *on = &lab->fastpath[c - lab->topo->connections.items], was = *on;
		struct fastpath_count n = fastpath_count_of(lab->topo, lab->fastpath, c);
		uint64_t programmed = 0;

		fastpath_each(lab->topo, lab->fastpath, c, add_programmed, &programmed);
		cr_expect_eq(programmed, n.programmed, "%s", c->name);
		if (!was) {
			fastpath_spans(lab->topo, lab->fastpath, c, tally_span, &t);
			cr_expect_eq(t.bypassed + t.beyond, 0, "%s is off", c->name);
		}
		*on = true;
		t = (struct tally){.lab = lab, .connection = c};
		fastpath_spans(lab->topo, lab->fastpath, c, tally_span, &t);
		*on = was;
		cr_expect_gt(t.spans, 0, "%s", c->name);
		cr_expect_eq(t.bypassed, n.programmed, "%s", c->name);
		cr_expect_eq(t.bypassed + t.beyond, n.wanted, "%s", c->name);
	}
}

static const struct image_table *table_of(const struct lab *lab, const char *name)
{
	vec_each(t, &lab->image->tables) {
		if (!strcmp(t->now->name, name))
			return t;
	}
	cr_assert_fail("no table %s", name);
	return NULL;
}

static const struct erx_hops *hops_of(const struct lab *lab, const struct image_route *r)
{
	return &lab->image->groups.items[r->group_at].entry;
}

struct comparing {
	const struct lab *lab;
	const struct connection *connection;
	const char *msee;
	unsigned past, through;
};

static void compare_address(struct comparing *k, const struct fastpath_span *s, uint32_t n)
{
	const struct image *image = k->lab->image;
	const struct image_table *t = table_of(k->lab, k->msee);
	struct image_table trie = *t;
	struct addr a = addr_plus(&s->first, n);
	const struct image_route *has, *without;
	char text[ADDR_STRLEN];

	trie.n_blocks = 0;
	has = image_lookup(image, t, &a);
	without = image_lookup(image, &trie, &a);
	addr_format(&a, text);
	cr_assert(has && without, "%s at %s", text, k->msee);
	cr_expect_null(without->bypass, "%s", text);
	if (!s->rule) {
		cr_expect(has->bypassing && has->bypass == k->connection, "%s at %s", text, k->msee);
		cr_expect_eq(hops_of(k->lab, has)->n, 1, "%s", text);
		k->past++;
	} else {
		cr_expect_not(has->bypassing, "%s at %s", text, k->msee);
		cr_expect(!memcmp(hops_of(k->lab, has), hops_of(k->lab, without), sizeof(struct erx_hops)), "%s at %s",
			  text, k->msee);
		k->through++;
	}
}

static bool compare_span(void *arg, const struct fastpath_span *s)
{
	compare_address(arg, s, 0);
	compare_address(arg, s, s->count - 1);
	compare_address(arg, s, rand() % s->count);
	return true;
}

/* At both edge routers of the connection's circuit. */
static void expect_image(struct lab *lab, const char *connection, const char *circuit, bool past, bool through)
{
	const struct connection *c = topo_connection(lab->topo, connection);
	struct error e = {};

	cr_assert_eq(lab_compute(lab, &e), 0, "%s", e.text);
	for (int i = 0; i < 2; i++) {
		char *msee = xasprintf("%s.%s", circuit, i ? "secondary" : "primary");
		struct comparing k = {.lab = lab, .connection = c, .msee = msee};

		fastpath_spans(lab->topo, lab->fastpath, c, compare_span, &k);
		cr_expect_eq(k.past > 0, past, "%s: %u past", connection, k.past);
		cr_expect_eq(k.through > 0, through, "%s: %u through", connection, k.through);
		free(msee);
	}
}

Test(fastpath, the_image_does_what_the_rules_say)
{
	static const struct rule_case of[] = {
		{"provider", .routes = ROUTE(one, "10.1.0.68/30")},
		{"Direct", .circuit = DIRECT, .routes = ROUTE(one, "10.1.0.68/30")},
		{"Direct, 2018", .circuit = DIRECT, .profile = "\"2018\"", .routes = ROUTE(one, "10.1.0.68/30")},
		{"Direct, no Private Link", .circuit = DIRECT, .private = "false"},
		{"10 units", .sku = UNITS(10)},
	};
	static const struct rule_case never[] = {{"9 units", .sku = UNITS(9)},
						 {"ErGw1AZ", .sku = "sku: ErGw1AZ", .circuit = DIRECT}};

	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		struct lab *lab = lab_of_case(&of[i]);

		expect_image(lab, "hub-er", "er", true, true);
		lab->fastpath[0] = false;
		expect_image(lab, "hub-er", "er", false, true);
		lab_free(lab);
	}
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		struct lab *lab = lab_of_case(&never[i]);

		expect_image(lab, "hub-er", "er", false, true);
		cr_expect_eq(lab->image->blocks.n, 0);
		lab_free(lab);
	}
}

static const struct image_route *met_at(const struct lab *lab, const char *msee, const char *address)
{
	struct addr a;

	cr_assert_eq(addr_parse(address, &a), 0);
	return image_lookup(lab->image, table_of(lab, msee), &a);
}

/* A customer who announces a part of a VNet's space has it, with the bypass off or on. */
Test(fastpath, a_longer_prefix_inside_the_vnet_is_matched)
{
	struct lab *lab = lab_with("topologies/fastpath.yaml", "lanInterface: 192.168.100.0/31",
				   "lanInterface: 192.168.100.0/31, advertise: [10.100.10.0/24, 10.128.1.0/28]");
	const struct image_route *r = met_at(lab, "er-japaneast.primary", "10.128.1.4");

	cr_assert(r && r->bypass);
	cr_expect_not(r->bypassing);
	cr_expect_eq(r->prefix.len, 28);
	lab->fastpath[0] = false;
	expect_image(lab, "hub-er", "er-japaneast", false, true);
	lab->fastpath[0] = true;
	lab_down(lab, "er-japaneast.primary");
	r = met_at(lab, "er-japaneast.primary", "10.128.1.4");
	cr_expect(r && r->bypassing, "nobody announces it there any more");
	lab_free(lab);
}

/* The first connection's switch moves the places of the others, in the image as well. */
Test(fastpath, the_image_keeps_to_the_limits)
{
	struct lab *lab = lab_of_counts("19999", "6000", "30000", PROVIDER, PROVIDER);

	expect_image(lab, "a-er1", "er1", true, true); /* the spoke goes through */
	expect_image(lab, "b-er1", "er1", true, true);
	expect_image(lab, "c-er2", "er2", true, true);
	lab->fastpath[0] = false;
	expect_image(lab, "a-er1", "er1", false, true);
	expect_image(lab, "b-er1", "er1", true, false);
	lab_free(lab);
}

/* 200,000 addresses are an entry for each 64 of them, at each of the two edge routers. */
Test(fastpath, blocks_hold_64_addresses)
{
	struct lab *lab = lab_of_counts("200000", "64", "1", HUNDRED, PROVIDER);
	const struct image_table *t = table_of(lab, "er1.primary");

	/* From 10.64.0.9 - the range's last 1 is without room - and a-vm is in its first block. */
	cr_expect_eq(t->n_blocks, (9 + 199999 + 63) / 64, "%zu", t->n_blocks);
	cr_expect_eq(table_of(lab, "er1.secondary")->n_blocks, t->n_blocks);
	cr_expect_eq(table_of(lab, "er2.primary")->n_blocks, 2, "c-vm, and the range's one");
	lab_free(lab);
}

static char *number(unsigned n)
{
	return xasprintf("%u", n);
}

Test(fastpath, random_counts_and_switches)
{
	static const char *const kinds[] = {PROVIDER, TEN, HUNDRED};

	srand(4);
	for (int i = 0; i < 40; i++) {
		char *a = number(1 + rand() % 110000), *b = number(1 + rand() % 60000), *c = number(1 + rand() % 60000);
		struct lab *lab = lab_of_counts(a, b, c, kinds[rand() % 3], kinds[rand() % 3]);

		for (int n = 0; n < 4; n++) {
			for (int k = 0; k < 3; k++)
				lab->fastpath[k] = rand() % 4;
			expect_agreement(lab);
		}
		lab_free(lab);
		free(a);
		free(b);
		free(c);
	}
}

Test(fastpath, random_routes)
{
	srand(5);
	for (int i = 0; i < 40; i++) {
		char *routes = xstrdup("");
		struct lab *lab;

		/* Of growing length, so that each is there once. */
		for (int len = 14 + rand() % 3; len <= 32; len += 1 + rand() % 4) {
			uint32_t a = (0x0a010000 | (rand() & 0xff)) & ~0u << (32 - len);
			char *more = xasprintf("%s{name: r%d, addressPrefix: %u.%u.%u.%u/%d, nextHopType: "
					       "VirtualAppliance, nextHopIpAddress: 10.1.0.4}, ",
					       routes, len, a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255, len);

			free(routes);
			routes = more;
		}
		lab = lab_of_case(&(struct rule_case){.routes = routes, .circuit = i % 3 ? PROVIDER : DIRECT});
		expect_agreement(lab);
		expect_image(lab, "hub-er", "er", find(lab, "hub-er", "10.11.0.4").rule == NULL, true);
		lab_free(lab);
		free(routes);
	}
}
