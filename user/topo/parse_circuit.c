// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* ExpressRoute ports and circuits, and the connections of all kinds. */
#include "topo/parser.h"

static const enum thing port_thing = THING_PORT, router_thing = THING_ROUTER, gateway_thing = THING_GATEWAY,
			circuit_thing = THING_CIRCUIT, local_gateway_thing = THING_LOCAL_GATEWAY;

static const struct key port_keys[] = {
	{"peeringLocation", read_text, offsetof(struct er_port, peering_location), .required = true},
	{"bandwidthInGbps", read_number, offsetof(struct er_port, bandwidth_gbps), .required = true},
	{}};

const struct object object_port = {
	.name = "expressRoutePort", .what = "ExpressRoute port", .keys = port_keys, .size = sizeof(struct er_port)};

/* Accepted because Azure has it; nothing here depends on it. */
static void read_unused(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	const char *text;

	(void)field;
	read_text(p, n, key, &text);
}

static const struct word tiers[] = {{"Local", TIER_LOCAL}, {"Standard", TIER_STANDARD}, {"Premium", TIER_PREMIUM}, {}};

/* The family is kept as text; these are the ones Azure sells. */
static void read_family(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	static const struct word families[] = {{"MeteredData", 0}, {"UnlimitedData", 1}, {}};
	const struct key as_enum = {.name = key->name, .with = families};
	const char **family = field;
	int value = 0;

	read_enum(p, n, &as_enum, &value);
	*family = families[value].text;
}

static const struct key sku_keys[] = {{"tier", read_enum, offsetof(struct circuit, tier), tiers},
				      {"family", read_family, offsetof(struct circuit, family)},
				      {}};

static const struct object object_sku = {.name = "circuitSku", .what = "'sku'", .keys = sku_keys};

static const struct key provider_keys[] = {{"serviceProviderName", read_unused, 0},
					   {"peeringLocation", read_text, offsetof(struct circuit, peering_location)},
					   {"bandwidthInMbps", read_number, offsetof(struct circuit, bandwidth_mbps)},
					   {}};

static const struct object object_provider = {
	.name = "serviceProviderProperties", .what = "'serviceProviderProperties'", .keys = provider_keys};

static const struct key private_peering_keys[] = {
	{"peerASN", read_number, offsetof(struct circuit, peer_asn), .min = 1, .required = true},
	{"vlanId", read_number, offsetof(struct circuit, vlan), .min = 1, .max = 4094, .required = true},
	{"primaryPeerAddressPrefix", read_prefix, offsetof(struct circuit, link[PATH_PRIMARY]), .required = true},
	{"secondaryPeerAddressPrefix", read_prefix, offsetof(struct circuit, link[PATH_SECONDARY]), .required = true},
	{}};

static const struct object object_private_peering = {
	.name = "AzurePrivatePeering", .what = "'AzurePrivatePeering'", .keys = private_peering_keys};

static void read_private_peering(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	struct circuit *c = (void *)((char *)field - offsetof(struct circuit, has_private_peering));

	c->has_private_peering = true;
	read_inline(p, n, key, c);
}

static const struct key peerings_keys[] = {{"AzurePrivatePeering", read_private_peering,
					    offsetof(struct circuit, has_private_peering), &object_private_peering},
					   {}};

static const struct object object_peerings = {.name = "peerings", .what = "'peerings'", .keys = peerings_keys};

static void read_link_state(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	static const struct word words[] = {{"up", false}, {"down", true}, {}};
	const struct key as_enum = {.name = key->name, .with = words};
	bool *down = field;
	int value = *down;

	read_enum(p, n, &as_enum, &value);
	*down = value;
}

static const struct key edge_keys[] = {
	{"router", read_reference, offsetof(struct customer_edge, router), &router_thing, .required = true},
	{"link", read_link_state, offsetof(struct customer_edge, link_down)},
	{}};

static void edge_shorthand(struct parser *p, const yaml_node_t *n, void *item)
{
	struct customer_edge *edge = item;

	read_reference(p, n, &edge_keys[0], &edge->router);
}

static const struct object object_edge = {.name = "customerEdgeRouter",
					  .what = "customer edge",
					  .keys = edge_keys,
					  .size = sizeof(struct customer_edge),
					  .shorthand = edge_shorthand};

static void read_edge(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	struct customer_edge *edge = field;

	edge->at = node_pos(n);
	read_struct(p, n, key, edge);
}

static const struct key edges_keys[] = {
	{"primary", read_edge, offsetof(struct circuit, edge[PATH_PRIMARY]), &object_edge},
	{"secondary", read_edge, offsetof(struct circuit, edge[PATH_SECONDARY]), &object_edge},
	{}};

static const struct object object_edges = {.name = "customerEdge", .what = "'customerEdge'", .keys = edges_keys};

static const struct key underlay_keys[] = {
	{"primary", read_address, offsetof(struct circuit, underlay[PATH_PRIMARY])},
	{"secondary", read_address, offsetof(struct circuit, underlay[PATH_SECONDARY])},
	{}};

static const struct object object_underlay = {.name = "underlay", .what = "'underlay'", .keys = underlay_keys};

/* Circuits on a port of one's own are ordered in Gbps. */
static void read_gbps(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	unsigned *mbps = field, gbps = 0;

	read_number(p, n, key, &gbps);
	*mbps = gbps * 1000;
}

static const struct key circuit_keys[] = {
	{"sku", read_inline, 0, &object_sku},
	{"serviceProviderProperties", read_inline, 0, &object_provider},
	{"expressRoutePort", read_reference, offsetof(struct circuit, port), &port_thing},
	{"bandwidthInGbps", read_gbps, offsetof(struct circuit, bandwidth_mbps), .min = 1, .max = 400},
	{"enableDirectPortRateLimit", read_bool, offsetof(struct circuit, enable_direct_port_rate_limit)},
	{"peerings", read_inline, 0, &object_peerings},
	{"customerEdge", read_inline, 0, &object_edges},
	{"underlay", read_inline, 0, &object_underlay},
	{}};

static void circuit_defaults(void *item)
{
	struct circuit *c = item;

	c->tier = TIER_STANDARD;
	c->family = "MeteredData";
}

const struct object object_circuit = {.name = "expressRouteCircuit",
				      .what = "circuit",
				      .keys = circuit_keys,
				      .size = sizeof(struct circuit),
				      .defaults = circuit_defaults};

static const struct word connection_types[] = {{"ExpressRoute", CONNECTION_EXPRESSROUTE},
					       {"IPsec", CONNECTION_IPSEC},
					       {"GlobalReach", CONNECTION_GLOBAL_REACH},
					       {}};

/* Which keys go with which type: connection_key_check(). Azure's limits of routingWeight and DPD are its own. */
static const struct key connection_keys[] = {
	{"connectionType", read_enum, offsetof(struct connection, type), connection_types, .required = true},
	{"virtualNetworkGateway1", read_reference, offsetof(struct connection, gateway), &gateway_thing},
	{"virtualNetworkGateway2", read_reference, offsetof(struct connection, gateway2), &gateway_thing},
	{"localNetworkGateway2", read_reference, offsetof(struct connection, local_gateway), &local_gateway_thing},
	{"peer", read_reference, offsetof(struct connection, circuit), &circuit_thing},
	{"circuit1", read_reference, offsetof(struct connection, circuit), &circuit_thing},
	{"circuit2", read_reference, offsetof(struct connection, circuit2), &circuit_thing},
	{"addressPrefix", read_prefix, offsetof(struct connection, address_prefix)},
	{"peerMseeDecrement", read_number, offsetof(struct connection, peer_msee_decrement), .max = 1},
	{"routingWeight", read_number, offsetof(struct connection, routing_weight), .max = 32000},
	{"expressRouteGatewayBypass", read_bool, offsetof(struct connection, fastpath)},
	{"enablePrivateLinkFastPath", read_bool, offsetof(struct connection, private_link_fastpath)},
	{"enableBgp", read_bool, offsetof(struct connection, enable_bgp)},
	{"mtu", read_number, offsetof(struct connection, mtu), .min = 576, .max = 1436},
	{"dpdTimeoutSeconds", read_number, offsetof(struct connection, dpd_timeout_s), .min = 9, .max = 3600},
	{"mseeAddresses", read_addresses, offsetof(struct connection, msee_addresses)},
	{}};

static void connection_defaults(void *item)
{
	struct connection *c = item;

	c->mtu = 1436; /* fills 1500 with what the tunnel adds */
	c->dpd_timeout_s = 45;
}

const struct object object_connection = {.name = "connection",
					 .what = "connection",
					 .keys = connection_keys,
					 .size = sizeof(struct connection),
					 .defaults = connection_defaults};

const struct object *const circuit_objects[] = {
	&object_port,	  &object_circuit,	   &object_sku,	  &object_provider,
	&object_peerings, &object_private_peering, &object_edges, &object_edge,
	&object_underlay, &object_connection,	   NULL};
