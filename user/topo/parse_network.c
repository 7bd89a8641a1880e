// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Virtual networks, route tables and virtual network gateways. */
#include "topo/parser.h"

static const enum thing route_table_thing = THING_ROUTE_TABLE, vnet_thing = THING_VNET;

static const struct word icmp_checks[] = {
	{"vnetTag", ICMP_CHECK_VNET_TAG}, {"private", ICMP_CHECK_PRIVATE}, {"any", ICMP_CHECK_ANY}, {}};

static const struct key range_keys[] = {
	{"first", read_address, offsetof(struct address_range, first), .required = true},
	{"count", read_number, offsetof(struct address_range, count), .min = 1, .max = 1 << 20, .required = true},
	{}};

static const struct object object_range = {
	.name = "addressRange", .what = "address range", .keys = range_keys, .size = sizeof(struct address_range)};

static const struct key subnet_keys[] = {
	{"addressPrefix", read_prefix, offsetof(struct subnet, prefix), .required = true},
	{"routeTable", read_reference, offsetof(struct subnet, route_table), &route_table_thing},
	{"icmpErrorCheck", read_enum, offsetof(struct subnet, icmp_check), icmp_checks},
	{"addressRanges", read_list, offsetof(struct subnet, ranges), &object_range},
	{}};

static void subnet_shorthand(struct parser *p, const yaml_node_t *n, void *item)
{
	struct subnet *s = item;

	if (prefix_of_node(p, n, "addressPrefix", false, &s->prefix))
		field_add(p, &s->prefix, node_pos(n), NULL);
}

static const struct object object_subnet = {.name = "subnet",
					    .what = "subnet",
					    .keys = subnet_keys,
					    .size = sizeof(struct subnet),
					    .shorthand = subnet_shorthand};

static const struct key vm_keys[] = {{"address", read_address, offsetof(struct vm, addr), .required = true}, {}};

static void vm_shorthand(struct parser *p, const yaml_node_t *n, void *item)
{
	struct vm *vm = item;

	read_address(p, n, &vm_keys[0], &vm->addr);
	field_add(p, &vm->addr, node_pos(n), NULL);
}

static const struct object object_vm = {.name = "virtualMachine",
					.what = "virtual machine",
					.keys = vm_keys,
					.size = sizeof(struct vm),
					.shorthand = vm_shorthand};

static const struct key peering_keys[] = {
	{"allowVirtualNetworkAccess", read_bool, offsetof(struct peering, allow_access)},
	{"allowForwardedTraffic", read_bool, offsetof(struct peering, allow_forwarded)},
	{"allowGatewayTransit", read_bool, offsetof(struct peering, allow_gateway_transit)},
	{"useRemoteGateways", read_bool, offsetof(struct peering, use_remote_gateways)},
	{}};

static void peering_defaults(void *item)
{
	struct peering *peering = item;

	peering->allow_access = true;
}

static const struct object object_peering = {.name = "virtualNetworkPeering",
					     .what = "peering to",
					     .keys = peering_keys,
					     .size = sizeof(struct peering),
					     .defaults = peering_defaults,
					     .by_reference = true,
					     .refers_to = THING_VNET,
					     .refers_at = offsetof(struct peering, remote)};

static const struct key endpoint_keys[] = {{"address", read_address, offsetof(struct endpoint, addr), .required = true},
					   {"kind", read_text, offsetof(struct endpoint, kind)},
					   {}};

static const struct object object_private_endpoint = {
	.name = "privateEndpoint", .what = "private endpoint", .keys = endpoint_keys, .size = sizeof(struct endpoint)};
static const struct object object_load_balancer = {
	.name = "loadBalancer", .what = "load balancer", .keys = endpoint_keys, .size = sizeof(struct endpoint)};

static const struct key vnet_keys[] = {
	{"location", read_text, offsetof(struct vnet, location)},
	{"addressSpace", read_prefixes, offsetof(struct vnet, address_space), .required = true},
	{"subnets", read_map, offsetof(struct vnet, subnets), &object_subnet},
	{"virtualMachines", read_map, offsetof(struct vnet, vms), &object_vm},
	{"virtualNetworkPeerings", read_map, offsetof(struct vnet, peerings), &object_peering},
	{"privateEndpoints", read_map, offsetof(struct vnet, private_endpoints), &object_private_endpoint},
	{"loadBalancers", read_map, offsetof(struct vnet, load_balancers), &object_load_balancer},
	{}};

static void vnet_defaults(void *item)
{
	struct vnet *v = item;

	v->location = "eastus";
}

const struct object object_virtual_network = {.name = "virtualNetwork",
					      .what = "virtual network",
					      .keys = vnet_keys,
					      .size = sizeof(struct vnet),
					      .defaults = vnet_defaults};

static const struct word udr_hops[] = {{"VirtualAppliance", UDR_VIRTUAL_APPLIANCE},
				       {"VirtualNetworkGateway", UDR_VIRTUAL_NETWORK_GATEWAY},
				       {"None", UDR_NONE},
				       {"VnetLocal", UDR_VNET_LOCAL},
				       {"Internet", UDR_INTERNET},
				       {}};

static const struct key udr_keys[] = {{"addressPrefix", read_prefix, offsetof(struct udr, prefix), .required = true},
				      {"nextHopType", read_enum, offsetof(struct udr, hop), udr_hops, .required = true},
				      {"nextHopIpAddress", read_address, offsetof(struct udr, next_hop)},
				      {}};

static const struct object object_udr = {
	.name = "route", .what = "route", .keys = udr_keys, .size = sizeof(struct udr), .list_form = true};

static const struct key route_table_keys[] = {
	{"disableBgpRoutePropagation", read_bool, offsetof(struct route_table, disable_bgp_propagation)},
	{"routes", read_map, offsetof(struct route_table, routes), &object_udr},
	{}};

const struct object object_route_table = {
	.name = "routeTable", .what = "route table", .keys = route_table_keys, .size = sizeof(struct route_table)};

static const struct word gateway_types[] = {{"ExpressRoute", GATEWAY_EXPRESSROUTE}, {"Vpn", GATEWAY_VPN}, {}};

/* Which SKUs exist depends on the type: gateway_sku_resolve() looks it up. */
static void read_sku(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	if (!scalar_text(p, n, key->name, "the name of a gateway SKU"))
		field_add(p, field, node_pos(n), NULL);
}

static void read_ttl(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	static const struct word words[] = {{"decrement", false}, {"transparent", true}, {}};
	const struct key as_enum = {.name = key->name, .with = words};
	bool *transparent = field;
	int value = *transparent;

	read_enum(p, n, &as_enum, &value);
	*transparent = value;
}

static const struct key bounds_keys[] = {
	{"min", read_number, offsetof(struct gateway, scale_units_min), .min = 1, .max = 40, .required = true},
	{"max", read_number, offsetof(struct gateway, scale_units_max), .min = 1, .max = 40, .required = true},
	{}};

static const struct object object_bounds = {.name = "autoScaleBounds", .what = "'bounds'", .keys = bounds_keys};

static const struct key auto_scale_keys[] = {{"bounds", read_inline, 0, &object_bounds, .required = true}, {}};

static const struct object object_auto_scale = {
	.name = "autoScaleConfiguration", .what = "'autoScaleConfiguration'", .keys = auto_scale_keys};

static const struct key gateway_keys[] = {
	{"virtualNetwork", read_reference, offsetof(struct gateway, vnet), &vnet_thing, .required = true},
	{"gatewayType", read_enum, offsetof(struct gateway, type), gateway_types, .required = true},
	{"sku", read_sku, offsetof(struct gateway, sku), .required = true},
	{"asn", read_number, offsetof(struct gateway, asn), .min = 1},
	{"activeActive", read_bool, offsetof(struct gateway, active_active)},
	{"publicIPAddresses", read_addresses, offsetof(struct gateway, public_addresses)},
	{"instanceAddresses", read_addresses, offsetof(struct gateway, instance_addresses)},
	{"bgpPeeringAddress", read_address, offsetof(struct gateway, bgp_address)},
	{"ttl", read_ttl, offsetof(struct gateway, transparent)},
	{"dropFragments", read_bool, offsetof(struct gateway, drop_fragments)},
	{"allowRemoteVnetTraffic", read_bool, offsetof(struct gateway, allow_remote_vnet_traffic)},
	{"autoScaleConfiguration", read_inline, 0, &object_auto_scale},
	{}};

static void gateway_defaults(void *item)
{
	struct gateway *g = item;

	g->asn = 65515; /* what Azure gives every gateway, azure.md 7.1 */
}

const struct object object_gateway = {.name = "virtualNetworkGateway",
				      .what = "gateway",
				      .keys = gateway_keys,
				      .size = sizeof(struct gateway),
				      .defaults = gateway_defaults};

const struct object *const network_objects[] = {&object_virtual_network,
						&object_subnet,
						&object_range,
						&object_vm,
						&object_peering,
						&object_private_endpoint,
						&object_load_balancer,
						&object_route_table,
						&object_udr,
						&object_gateway,
						&object_auto_scale,
						&object_bounds,
						NULL};
