// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The top level, and what is ours alone: latency, expectations, scenarios, timers. */
#include <string.h>

#include "topo/keys.h"
#include "topo/parser.h"

static void read_between(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	struct latency *l = (void *)((char *)field - offsetof(struct latency, a));
	name_list pair = {};

	read_words(p, n, key, &pair);
	if (pair.n == 2) {
		l->a = pair.items[0];
		l->b = pair.items[1];
	} else if (n->type == YAML_SEQUENCE_NODE) {
		problem(p, node_pos(n), "'between' must be a list of two names");
	}
}

static const struct key between_keys[] = {{"between", read_between, offsetof(struct latency, a), .required = true},
					  {"rtt", read_duration, offsetof(struct latency, rtt_ns), .required = true},
					  {}};
static const struct key latency_connection_keys[] = {
	{"connection", read_text, offsetof(struct latency, a), .required = true},
	{"rtt", read_duration, offsetof(struct latency, rtt_ns), .required = true},
	{}};
static const struct key latency_gateway_keys[] = {
	{"gateway", read_text, offsetof(struct latency, a), .required = true},
	{"oneWay", read_duration, offsetof(struct latency, rtt_ns), .required = true},
	{}};

static const struct object object_latency[] = {
	[LATENCY_BETWEEN] = {.name = "latencyBetween", .what = "latency of a pair", .keys = between_keys},
	[LATENCY_CONNECTION] = {.name = "latencyConnection",
				.what = "latency of a connection",
				.keys = latency_connection_keys},
	[LATENCY_GATEWAY] = {.name = "latencyGateway",
			     .what = "latency through a gateway",
			     .keys = latency_gateway_keys},
};

/* The first key that tells which form this is; -1 after a message. */
static int latency_form(struct parser *p, const yaml_node_t *n)
{
	if (n->type == YAML_MAPPING_NODE) {
		for (const yaml_node_pair_t *i = n->data.mapping.pairs.start; i < n->data.mapping.pairs.top; i++) {
			const yaml_node_t *key = node_at(p, i->key);

			for (size_t form = 0; form < N_ITEMS(object_latency) && key->type == YAML_SCALAR_NODE; form++)
				if (!strcmp((char *)key->data.scalar.value, object_latency[form].keys[0].name))
					return form;
		}
	}
	problem(p, node_pos(n), "an item of 'latency' must have one of the keys between, connection, gateway");
	return -1;
}

static void read_latencies(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	VEC(struct latency) *list = field;
	const yaml_node_item_t *items;
	size_t count;

	if (!node_items(p, n, key, &items, &count))
		return;
	list_reserve(p, list, count, sizeof(*list->items));
	for (size_t i = 0; i < count; i++) {
		const yaml_node_t *node = node_at(p, items[i]);
		int form = latency_form(p, node);
		struct owner outer = p->owner;

		if (form < 0)
			continue;
		p->owner = (struct owner){object_latency[form].what, NULL};
		read_object(p, node, &object_latency[form],
			    vec_push(list, ((struct latency){.at = node_pos(node), .kind = form})));
		p->owner = outer;
	}
}

static void read_hops(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	struct expectation *e = (void *)((char *)field - offsetof(struct expectation, hops));

	read_words(p, n, key, &e->hops);
	e->has_trace = true;
	vec_each(hop, &e->hops) {
		struct addr a;

		if (strcmp(*hop, "*") && addr_parse(*hop, &a))
			problem(p, field_pos(p, hop, e->at),
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
	struct expectation *e = (void *)((char *)field - offsetof(struct expectation, rtt_min_ns));
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
	e->rtt_min_ns = low;
	e->rtt_max_ns = high;
}

static const struct key expectation_keys[] = {
	{"from", read_text, offsetof(struct expectation, from), .required = true},
	{"to", read_text, offsetof(struct expectation, to), .required = true},
	{"traceroute", read_hops, offsetof(struct expectation, hops)},
	{"ttl", read_number, offsetof(struct expectation, ttl), .min = 1, .max = 255},
	{"unreachable", read_unreachable, offsetof(struct expectation, unreachable)},
	{"rtt", read_rtt, offsetof(struct expectation, rtt_min_ns)},
	{}};

static const struct object object_expectation = {
	.name = "expectation", .what = "expectation", .keys = expectation_keys, .size = sizeof(struct expectation)};

static const struct key scenario_keys[] = {
	{"fail", read_words, offsetof(struct scenario, fail), .required = true},
	{"expect", read_list, offsetof(struct scenario, expect), &object_expectation},
	{}};

static const struct object object_scenario = {
	.name = "scenario", .what = "scenario", .keys = scenario_keys, .size = sizeof(struct scenario)};

static const struct key timers_keys[] = {
	{"scale", read_factor, offsetof(struct topo, timer_scale)},
	{"azureConvergence", read_duration, offsetof(struct topo, azure_convergence_ns)},
	{}};

static const struct object object_timers = {.name = "timers", .what = "'timers'", .keys = timers_keys};

static const struct key icmp_limit_keys[] = {
	{"perSecond", read_number, offsetof(struct topo, icmp_rate), .min = 1, .max = 1000000},
	{"burst", read_number, offsetof(struct topo, icmp_burst), .min = 1, .max = 1000000},
	{}};

static const struct object object_icmp_limit = {
	.name = "icmpErrorLimit", .what = "'icmpErrorLimit'", .keys = icmp_limit_keys};

static const struct word profiles[] = {{"2018", PROFILE_2018}, {"current", PROFILE_CURRENT}, {}};

static void read_name(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	const char *text = scalar_text(p, n, key->name, "a name");
	const char **name = field;

	if (!text || !name_check(p, text, node_pos(n), "topology", TOPO_MAX_LAB_NAME))
		return;
	/* The kernel keeps such names on bpffs for itself, and the lab's maps are pinned there. */
	if (strchr(text, '.'))
		problem(p, node_pos(n), "topology name '%s' must not have a '.'; write '-' or '_'", text);
	*name = text;
}

static const struct key topology_keys[] = {
	{"name", read_name, offsetof(struct topo, name), .required = true},
	{"profile", read_enum, offsetof(struct topo, profile), profiles},
	{"hashSeed", read_number, offsetof(struct topo, hash_seed)},
	{"virtualNetworks", read_map, offsetof(struct topo, vnets), &object_virtual_network},
	{"virtualNetworkGateways", read_map, offsetof(struct topo, gateways), &object_gateway},
	{"localNetworkGateways", read_map, offsetof(struct topo, local_gateways), &object_local_gateway},
	{"onPremises", read_map, offsetof(struct topo, sites), &object_site},
	{"expressRoutePorts", read_map, offsetof(struct topo, er_ports), &object_port},
	{"expressRouteCircuits", read_map, offsetof(struct topo, circuits), &object_circuit},
	{"connections", read_map, offsetof(struct topo, connections), &object_connection},
	{"routeTables", read_map, offsetof(struct topo, route_tables), &object_route_table},
	{"latency", read_latencies, offsetof(struct topo, latencies)},
	{"expect", read_list, offsetof(struct topo, expects), &object_expectation},
	{"scenarios", read_map, offsetof(struct topo, scenarios), &object_scenario},
	{"timers", read_inline, 0, &object_timers},
	{"icmpErrorLimit", read_inline, 0, &object_icmp_limit},
	{}};

static void topology_defaults(void *item)
{
	struct topo *t = item;

	t->profile = PROFILE_CURRENT;
	t->icmp_rate = 1000;
	t->icmp_burst = 100;
	t->timer_scale = 1;
}

const struct object object_topology = {
	.name = "topology", .what = "topology", .keys = topology_keys, .defaults = topology_defaults};

static const struct object *const lab_objects[] = {&object_topology,
						   &object_latency[LATENCY_BETWEEN],
						   &object_latency[LATENCY_CONNECTION],
						   &object_latency[LATENCY_GATEWAY],
						   &object_expectation,
						   &object_scenario,
						   &object_timers,
						   &object_icmp_limit,
						   NULL};

void topo_keys(topo_key_fn *each, void *arg)
{
	const struct object *const *const files[] = {lab_objects, network_objects, site_objects, circuit_objects};

	for (size_t i = 0; i < N_ITEMS(files); i++)
		for (const struct object *const *o = files[i]; *o; o++)
			for (const struct key *k = (*o)->keys; k->name; k++)
				each(arg, (*o)->name, k->name, k->required);
}
