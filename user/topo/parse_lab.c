// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The top level, and what is ours alone: latency and timers. */
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
		int form = item_form(p, node, key, object_latency, N_ITEMS(object_latency));

		if (form >= 0)
			form_read(p, node, &object_latency[form],
				  vec_push(list, ((struct latency){.at = node_pos(node), .kind = form})));
	}
}

static const struct key timers_keys[] = {
	{"scale", read_factor, offsetof(struct topo, timer_scale)},
	{"azureConvergence", read_duration, offsetof(struct topo, azure_convergence_ns)},
	{}};

static const struct object object_timers = {.name = "timers", .what = "'timers'", .keys = timers_keys};

static const struct key limits_keys[] = {{"enforce", read_bool, offsetof(struct topo, enforce_limits)},
					 {"scale", read_factor, offsetof(struct topo, limit_scale)},
					 {"flowIdleTimeout", read_duration, offsetof(struct topo, flow_idle_ns)},
					 {}};

static const struct object object_limits = {.name = "limits", .what = "'limits'", .keys = limits_keys};

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
	{"expect", read_expectations, offsetof(struct topo, expects)},
	{"scenarios", read_map, offsetof(struct topo, scenarios), &object_scenario},
	{"timers", read_inline, 0, &object_timers},
	{"limits", read_inline, 0, &object_limits},
	{"icmpErrorLimit", read_inline, 0, &object_icmp_limit},
	{}};

static void topology_defaults(void *item)
{
	struct topo *t = item;

	t->profile = PROFILE_CURRENT;
	t->icmp_rate = 1000;
	t->icmp_burst = 100;
	t->timer_scale = 1;
	t->enforce_limits = true;
	t->limit_scale = 1;
	t->flow_idle_ns = 240000000000ull; /* Azure's own, for flows through a gateway */
}

const struct object object_topology = {
	.name = "topology", .what = "topology", .keys = topology_keys, .defaults = topology_defaults};

static const struct object *const lab_objects[] = {&object_topology,
						   &object_latency[LATENCY_BETWEEN],
						   &object_latency[LATENCY_CONNECTION],
						   &object_latency[LATENCY_GATEWAY],
						   &object_timers,
						   &object_limits,
						   &object_icmp_limit,
						   NULL};

void topo_keys(topo_key_fn *each, void *arg)
{
	const struct object *const *const files[] = {lab_objects, expect_objects, network_objects, site_objects,
						     circuit_objects};

	for (size_t i = 0; i < N_ITEMS(files); i++)
		for (const struct object *const *o = files[i]; *o; o++)
			for (const struct key *k = (*o)->keys; k->name; k++)
				each(arg, (*o)->name, k->name, k->required);
}
