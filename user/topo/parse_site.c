// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The customer's side: sites, routers, and Azure's view of them (local network gateways). */
#include <string.h>

#include "topo/parser.h"

static const enum thing router_thing = THING_ROUTER;

static const struct key switch_keys[] = {
	{"address", read_address, offsetof(struct site, switch_addr), .required = true},
	{"gatewayAddress", read_address, offsetof(struct site, gateway_addr)},
	{}};

static const struct object object_switch = {.name = "switch", .what = "'switch'", .keys = switch_keys};

static const struct key server_keys[] = {{"address", read_address, offsetof(struct server, addr), .required = true},
					 {}};

static void server_shorthand(struct parser *p, const yaml_node_t *n, void *item)
{
	struct server *s = item;

	read_address(p, n, &server_keys[0], &s->addr);
	field_add(p, &s->addr, node_pos(n), NULL);
}

static const struct object object_server = {.name = "host",
					    .what = "host",
					    .keys = server_keys,
					    .size = sizeof(struct server),
					    .shorthand = server_shorthand};

static const struct key advertised_keys[] = {
	{"first", read_prefix, offsetof(struct advertised, first), .required = true},
	{"count", read_number, offsetof(struct advertised, count), .min = 1, .max = 1 << 16},
	{}};

static void advertised_defaults(void *item)
{
	struct advertised *a = item;

	a->count = 1;
}

static void advertised_shorthand(struct parser *p, const yaml_node_t *n, void *item)
{
	struct advertised *a = item;

	prefix_of_node(p, n, "advertise", false, &a->first);
}

static const struct object object_advertised = {.name = "advertisedRange",
						.what = "'advertise'",
						.keys = advertised_keys,
						.size = sizeof(struct advertised),
						.defaults = advertised_defaults,
						.shorthand = advertised_shorthand};

static const struct key local_preference_keys[] = {
	{"ExpressRoute", read_number, offsetof(struct router, local_pref_er)},
	{"IPsec", read_number, offsetof(struct router, local_pref_ipsec)},
	{}};

static const struct object object_local_preference = {
	.name = "localPreference", .what = "'localPreference'", .keys = local_preference_keys};

#define MAX_PREPEND	    16
#define MAX_PREPEND_TARGETS 64 /* a router is on fewer circuits than that */

static void prepend_add(struct parser *p, const yaml_node_t *n, const char *target, struct pos at, void *list)
{
	const struct key key = {.name = "prepend", .min = 0, .max = MAX_PREPEND};
	VEC(struct prepend) *prepends = list;
	struct prepend item = {.path = -1}, *added;

	read_number(p, n, &key, &item.times);
	added = vec_push(prepends, item);
	field_add(p, &added->circuit, at, target);
}

static bool prepend_is_repeated(struct parser *p, const void *list, const char *target)
{
	const VEC(struct prepend) *prepends = list;

	vec_each(i, prepends) {
		const struct field *f = field_find(p, &i->circuit);

		if (f && f->text && !strcmp(f->text, target))
			return true;
	}
	return false;
}

/* One number towards every neighbour, or one per circuit or circuit path. */
static void read_prepend(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	const yaml_node_pair_t *pair = n->data.mapping.pairs.start;

	(void)key;
	if (n->type == YAML_MAPPING_NODE && n->data.mapping.pairs.top - pair > MAX_PREPEND_TARGETS) {
		problem(p, node_pos(n), "'prepend' of %s has more than %d targets", owner_text(p, &p->owner),
			MAX_PREPEND_TARGETS);
		return;
	}
	if (n->type != YAML_MAPPING_NODE) {
		list_reserve(p, field, 1, sizeof(struct prepend));
		prepend_add(p, n, NULL, node_pos(n), field);
		return;
	}
	list_reserve(p, field, n->data.mapping.pairs.top - pair, sizeof(struct prepend));
	for (; pair < n->data.mapping.pairs.top; pair++) {
		const yaml_node_t *target = node_at(p, pair->key);
		const char *text = scalar_text(p, target, "prepend", "a circuit or one of its paths");

		if (text && prepend_is_repeated(p, field, text))
			problem(p, node_pos(target), "duplicate key '%s' in 'prepend'", shown(p, text));
		else if (text)
			prepend_add(p, node_at(p, pair->value), text, node_pos(target), field);
	}
}

static const struct key router_keys[] = {
	{"asn", read_number, offsetof(struct router, asn), .min = 1, .required = true},
	{"lanInterface", read_interface, offsetof(struct router, lan_interface), .required = true},
	{"tunnelInterface", read_interface, offsetof(struct router, tunnel_interface)},
	{"advertise", read_list, offsetof(struct router, advertise), &object_advertised},
	{"localPreference", read_inline, 0, &object_local_preference},
	{"prepend", read_prepend, offsetof(struct router, prepends)},
	{"bfd", read_bool, offsetof(struct router, bfd)},
	{"holdTime", read_number, offsetof(struct router, hold_time_s), .min = 3, .max = 65535},
	{"transit", read_bool, offsetof(struct router, transit)},
	{}};

static void router_defaults(void *item)
{
	struct router *r = item;

	r->local_pref_er = 100;
	r->local_pref_ipsec = 100;
	r->hold_time_s = 180;
}

static const struct object object_router = {.name = "router",
					    .what = "router",
					    .keys = router_keys,
					    .size = sizeof(struct router),
					    .defaults = router_defaults};

static const struct key site_keys[] = {{"lan", read_prefix, offsetof(struct site, lan), .required = true},
				       {"switch", read_inline, 0, &object_switch, .required = true},
				       {"hosts", read_map, offsetof(struct site, hosts), &object_server},
				       {"routers", read_map, offsetof(struct site, routers), &object_router},
				       {}};

const struct object object_site = {.name = "site", .what = "site", .keys = site_keys, .size = sizeof(struct site)};

static const struct key bgp_settings_keys[] = {
	{"asn", read_number, offsetof(struct local_gateway, asn), .min = 1, .required = true},
	{"bgpPeeringAddress", read_address, offsetof(struct local_gateway, bgp_address), .required = true},
	{}};

static const struct object object_bgp_settings = {
	.name = "bgpSettings", .what = "'bgpSettings'", .keys = bgp_settings_keys};

static void read_bgp_settings(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	struct local_gateway *l = (void *)((char *)field - offsetof(struct local_gateway, has_bgp));

	l->has_bgp = true;
	read_inline(p, n, key, l);
}

static const struct key local_gateway_keys[] = {
	{"router", read_reference, offsetof(struct local_gateway, router), &router_thing, .required = true},
	{"gatewayIpAddress", read_address, offsetof(struct local_gateway, public_address)},
	{"bgpSettings", read_bgp_settings, offsetof(struct local_gateway, has_bgp), &object_bgp_settings},
	{"addressPrefixes", read_prefixes, offsetof(struct local_gateway, address_prefixes)},
	{}};

const struct object object_local_gateway = {.name = "localNetworkGateway",
					    .what = "local network gateway",
					    .keys = local_gateway_keys,
					    .size = sizeof(struct local_gateway)};

const struct object *const site_objects[] = {&object_site,	    &object_switch,	  &object_server,
					     &object_router,	    &object_advertised,	  &object_local_preference,
					     &object_local_gateway, &object_bgp_settings, NULL};
