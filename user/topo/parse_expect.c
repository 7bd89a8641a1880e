// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Expectations and scenarios. */
#include <string.h>

#include "topo/parser.h"

#define PACKETS(member) offsetof(struct expectation, packets.member)
#define ROUTES(member)	offsetof(struct expectation, routes.member)

/* --- From host to host -------------------------------------------------------------------------------------------- */

static void read_hops(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	struct packet_expectation *x = (void *)((char *)field - offsetof(struct packet_expectation, hops));

	read_words(p, n, key, &x->hops);
	x->has_trace = true;
	vec_each(hop, &x->hops) {
		struct addr a;

		if (strcmp(*hop, "*") && addr_parse(*hop, &a))
			problem(p, field_pos(p, hop, node_pos(n)),
				"a hop of 'traceroute' must be an address or \"*\", not '%s'", shown(p, *hop));
	}
}

static void read_unreachable(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	static const struct word words[] = {{"silent", true}, {}};
	const struct key as_enum = {.name = key->name, .with = words};
	bool *unreachable = field;
	int value = false;

	read_enum(p, n, &as_enum, &value);
	*unreachable = value;
}

/* LOW..HIGH, for instance 1ms..4ms. */
static void read_rtt(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	struct packet_expectation *x = (void *)((char *)field - offsetof(struct packet_expectation, rtt_min_ns));
	const char *text = scalar_text(p, n, key->name, "a range of durations such as 1ms..4ms");
	const char *dots = text ? strstr(text, "..") : NULL;
	uint64_t low, high;

	if (!text)
		return;
	if (!dots || !parse_duration(arena_printf(p->arena, "%.*s", (int)(dots - text), text), &low) ||
	    !parse_duration(dots + 2, &high) || low > high || !high) {
		problem(p, node_pos(n), "'rtt' of %s must be a range of durations such as 1ms..4ms, not '%s'",
			owner_text(p, &p->owner), shown(p, text));
		return;
	}
	x->rtt_min_ns = low;
	x->rtt_max_ns = high;
}

static const struct key packets_keys[] = {{"from", read_text, PACKETS(from), .required = true},
					  {"to", read_text, PACKETS(to), .required = true},
					  {"traceroute", read_hops, PACKETS(hops)},
					  {"ttl", read_number, PACKETS(ttl), .min = 1, .max = 255},
					  {"unreachable", read_unreachable, PACKETS(unreachable)},
					  {"rtt", read_rtt, PACKETS(rtt_min_ns)},
					  {}};

/* --- Tables of routes --------------------------------------------------------------------------------------------- */

static void read_all_prefixes(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	struct route_expectation *x = (void *)((char *)field - offsetof(struct route_expectation, prefixes));

	x->has_prefixes = true;
	read_prefixes(p, n, key, field);
}

/* A name, or a list of them. */
static void read_names(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	name_list *list = field;
	const char *text;

	if (n->type != YAML_SCALAR_NODE) {
		read_words(p, n, key, field);
		return;
	}
	text = scalar_text(p, n, key->name, "a name or a list of names");
	if (!text)
		return;
	list_reserve(p, list, 1, sizeof(*list->items));
	field_add(p, vec_push(list, text), node_pos(n), text);
}

/* "65515 65021", or with dashes as Azure joins them. */
static void read_as_path(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	static const char expected[] = "AS numbers such as \"12076 65021\"";
	struct route_expectation *x = (void *)((char *)field - offsetof(struct route_expectation, as_path));
	const char *text = scalar_text(p, n, key->name, expected);
	char *rest = text ? arena_strdup(p->arena, text) : NULL, *word;
	uint64_t asn;

	if (!text)
		return;
	list_reserve(p, &x->as_path, strlen(text), sizeof(*x->as_path.items));
	while ((word = strsep(&rest, " -"))) {
		if (!number_of(word, &asn) || !asn || asn > UINT32_MAX) {
			problem(p, node_pos(n), "'%s' of %s must be %s, not '%s'", key->name, owner_text(p, &p->owner),
				expected, shown(p, text));
			return;
		}
		vec_push(&x->as_path, asn);
	}
}

static void read_hop(struct parser *p, const struct key *key, const char *text, struct pos at, struct expected_hop *hop)
{
	size_t len = strlen(text);

	hop->marked = key->max && len && text[len - 1] == '*';
	if (addr_parse(hop->marked ? arena_printf(p->arena, "%.*s", (int)len - 1, text) : text, &hop->addr))
		problem(p, at, "an item of '%s' of %s must be an address such as 10.0.0.4%s, not '%s'", key->name,
			owner_text(p, &p->owner), key->max ? ", or with a star 10.0.0.4*" : "", shown(p, text));
}

/* Addresses; with max set, one may be marked by a star, as in a circuit's table. */
static void read_next_hops(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	struct route_expectation *x = (void *)((char *)field - offsetof(struct route_expectation, next_hops));
	name_list texts = {};

	read_words(p, n, key, &texts);
	list_reserve(p, &x->next_hops, texts.n, sizeof(*x->next_hops.items));
	vec_each(text, &texts)
		read_hop(p, key, *text, field_pos(p, text, node_pos(n)),
			 vec_push(&x->next_hops, ((struct expected_hop){})));
}

/* A word of a list, kept as the list writes it. */
static void read_term(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	const struct word *words = key->with;
	const char **out = field;
	int value = -1;

	read_enum(p, n, key, &value);
	if (value >= 0)
		*out = words[value].text;
}

static void read_preference(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	struct route_expectation *x = (void *)((char *)field - offsetof(struct route_expectation, local_pref));

	x->has_local_pref = true;
	read_number(p, n, key, field);
}

static void read_weight(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	struct route_expectation *x = (void *)((char *)field - offsetof(struct route_expectation, weight));

	x->has_weight = true;
	read_number(p, n, key, field);
}

/* The names of ctl's steps; a unit test compares the two. */
static const struct word rules[] = {
	{"source", 0},	   {"weight", 1},	 {"routing-weight", 2}, {"local-pref", 3}, {"as-path", 4},
	{"origin", 5},	   {"med", 6},		 {"ebgp", 7},		{"multipath", 8},  {"max-paths", 9},
	{"router-id", 10}, {"peer-address", 11}, {"invalid", 12},	{"only", 13},	   {}};

static const struct key routes_keys[] = {{"at", read_text, ROUTES(at), .required = true},
					 {"asn", read_number, ROUTES(asn), .min = 1},
					 {"prefixes", read_all_prefixes, ROUTES(prefixes)},
					 {"notSee", read_prefixes, ROUTES(not_see)},
					 {"prefix", read_prefix, ROUTES(prefix)},
					 {"via", read_names, ROUTES(via)},
					 {"over", read_text, ROUTES(over)},
					 {"rule", read_term, ROUTES(rule), rules},
					 {"asPath", read_as_path, ROUTES(as_path)},
					 {"localPreference", read_preference, ROUTES(local_pref)},
					 {"weight", read_weight, ROUTES(weight)},
					 {"nextHops", read_next_hops, ROUTES(next_hops), .max = 1},
					 {}};

/* --- Effective routes of a virtual machine ------------------------------------------------------------------------ */

static const struct word sources[] = {{"Default", 0}, {"User", 1}, {"VirtualNetworkGateway", 2}, {}};
static const struct word states[] = {{"Active", 0}, {"Invalid", 1}, {}};
static const struct word hop_types[] = {
	{"VnetLocal", 0}, {"VNetPeering", 1}, {"VNetGlobalPeering", 2}, {"VirtualNetworkGateway", 3},
	{"Internet", 4},  {"None", 5},	      {"VirtualAppliance", 6},	{}};

static const struct key vm_keys[] = {{"vm", read_text, ROUTES(at), .required = true},
				     {"prefixes", read_all_prefixes, ROUTES(prefixes)},
				     {"notSee", read_prefixes, ROUTES(not_see)},
				     {"prefix", read_prefix, ROUTES(prefix)},
				     {"source", read_term, ROUTES(source), sources},
				     {"state", read_term, ROUTES(state), states},
				     {"nextHopType", read_term, ROUTES(next_hop_type), hop_types},
				     {"nextHops", read_next_hops, ROUTES(next_hops)},
				     {}};

static const struct object forms[] = {
	[EXPECT_PACKETS] = {.name = "expectation", .what = "expectation", .keys = packets_keys},
	[EXPECT_ROUTES] = {.name = "expectationAt", .what = "expectation of routes", .keys = routes_keys},
	[EXPECT_VM] = {.name = "expectationVm", .what = "expectation of effective routes", .keys = vm_keys},
};

void read_expectations(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	expectation_list *list = field;
	const yaml_node_item_t *items;
	size_t count;

	if (!node_items(p, n, key, &items, &count))
		return;
	list_reserve(p, list, count, sizeof(*list->items));
	for (size_t i = 0; i < count; i++) {
		const yaml_node_t *node = node_at(p, items[i]);
		int form = item_form(p, node, key, forms, N_ITEMS(forms));

		if (form >= 0)
			form_read(p, node, &forms[form],
				  vec_push(list, ((struct expectation){.at = node_pos(node), .kind = form})));
	}
}

/* --- Scenarios ---------------------------------------------------------------------------------------------------- */

static const struct word layers[] = {{"arp", LAYER_ARP}, {"bgp", LAYER_BGP}, {}};

static const struct key fault_keys[] = {{"target", read_text, offsetof(struct planned_fault, target), .required = true},
					{"silent", read_bool, offsetof(struct planned_fault, silent)},
					{"layer", read_enum, offsetof(struct planned_fault, layer), layers},
					{"maintenance", read_bool, offsetof(struct planned_fault, maintenance)},
					{}};

static void fault_shorthand(struct parser *p, const yaml_node_t *n, void *item)
{
	struct planned_fault *fault = item;
	const char *text = scalar_text(p, n, "fail", "a list of targets");

	if (text)
		fault->target = text;
}

static const struct object object_fault = {.name = "scenarioFault",
					   .what = "fault",
					   .keys = fault_keys,
					   .size = sizeof(struct planned_fault),
					   .shorthand = fault_shorthand};

static const struct key scenario_keys[] = {
	{"fail", read_list, offsetof(struct scenario, fail), &object_fault, .required = true},
	{"expect", read_expectations, offsetof(struct scenario, expect)},
	{}};

const struct object object_scenario = {
	.name = "scenario", .what = "scenario", .keys = scenario_keys, .size = sizeof(struct scenario)};

const struct object *const expect_objects[] = {&forms[EXPECT_PACKETS], &forms[EXPECT_ROUTES], &forms[EXPECT_VM],
					       &object_fault,	       &object_scenario,      NULL};
