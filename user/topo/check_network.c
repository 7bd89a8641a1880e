// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Rules of virtual networks: address space, subnets, what has an address there, peerings, routes. */
#include <string.h>

#include "topo/parser.h"

#define AZURE_RESERVED 4   /* the first four addresses of every subnet, and the last one */
#define MAX_PEERINGS   500 /* of one VNet, azure.md 6 */

struct address_user *address_use(address_users *users, struct addr a, uint32_t count, struct pos at, const char *what,
				 const char *name)
{
	struct address_user user = {.first = a, .count = count, .at = at, .what = what, .name = name};

	return addr_is_set(&a) ? vec_push(users, user) : NULL;
}

static int by_first(const void *a, const void *b)
{
	const struct address_user *x = a, *y = b;
	int order = addr_compare(&x->first, &y->first);

	if (order)
		return order;
	return x->at.line != y->at.line ? (x->at.line < y->at.line ? -1 : 1)
					: (x->at.column > y->at.column) - (x->at.column < y->at.column);
}

void address_users_check(struct parser *p, address_users *users)
{
	const struct address_user *widest = NULL; /* of those before, the one that reaches furthest */
	struct addr end = {};

	if (users->n)
		qsort(users->items, users->n, sizeof(*users->items), by_first);
	vec_each(u, users) {
		struct addr last = addr_plus(&u->first, u->count - 1);

		if (widest && addr_compare(&u->first, &end) <= 0 && (!u->owner || u->owner != widest->owner))
			problem(p, u->at, "the address %s of %s '%s' is used twice: %s '%s' has it too",
				address_text(p, &u->first), u->what, shown(p, u->name), widest->what,
				shown(p, widest->name));
		if (!widest || addr_compare(&last, &end) > 0) {
			widest = u;
			end = last;
		}
	}
	vec_free(users);
}

struct placed { /* a prefix in the file, for overlap within one list */
	struct prefix prefix;
	struct pos at;
	const char *name;
};

static int by_prefix(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;

	return prefix_compare(&x->prefix, &y->prefix);
}

typedef VEC(struct placed) placed_list;

/* Frees the list. what: "subnet" and so on. */
static void placed_check(struct parser *p, placed_list *list, const char *what, const char *where)
{
	const struct placed *widest = NULL;

	if (list->n)
		qsort(list->items, list->n, sizeof(*list->items), by_prefix);
	vec_each(i, list) {
		if (widest && prefix_overlaps(&widest->prefix, &i->prefix)) {
			const struct placed *later = i->at.line > widest->at.line || (i->at.line == widest->at.line &&
										      i->at.column > widest->at.column)
							     ? i
							     : widest;
			const struct placed *first = later == i ? widest : i;

			problem(p, later->at, "%s %s%s%s%s overlaps %s%s%s%s of %s", what,
				prefix_text(p, &later->prefix), later->name ? " ('" : "",
				later->name ? shown(p, later->name) : "", later->name ? "')" : "",
				prefix_text(p, &first->prefix), first->name ? " ('" : "",
				first->name ? shown(p, first->name) : "", first->name ? "')" : "", where);
		}
		if (!widest || !prefix_covers(&widest->prefix, &i->prefix))
			widest = i;
	}
	vec_free(list);
}

static void place(placed_list *list, struct prefix x, struct pos at, const char *name)
{
	struct placed item = {.prefix = x, .at = at, .name = name};

	if (addr_is_set(&x.addr))
		vec_push(list, item);
}

static const char *vnet_text(struct parser *p, const struct vnet *v)
{
	return arena_printf(p->arena, "virtual network '%s'", v->name);
}

static void space_check(struct parser *p, struct vnet *v)
{
	placed_list list = {};

	vec_each(x, &v->address_space) {
		struct pos at = field_pos(p, x, v->at);

		if (x->len < 2 || x->len > 29)
			problem(p, at, "the address space %s of virtual network '%s' has a length outside /2 to /29",
				prefix_text(p, x), v->name);
		place(&list, *x, at, NULL);
	}
	placed_check(p, &list, "address space", vnet_text(p, v));
}

static void gateway_subnet_check(struct parser *p, const struct vnet *v, const struct subnet *s)
{
	struct pos at = field_pos(p, &s->prefix, s->at);
	const struct route_table *table = s->route_table;

	if (s->prefix.len > 27 && s->prefix.len <= 29)
		caution(p, at,
			"the GatewaySubnet of '%s' is a /%u: Azure asks for /27 or larger for ExpressRoute, and "
			"for /26 with 16 circuits",
			v->name, s->prefix.len);
	if (!table)
		return;
	at = field_pos(p, &s->route_table, s->at);
	if (table->disable_bgp_propagation)
		problem(p, at,
			"route table '%s' with disableBgpRoutePropagation on the GatewaySubnet of '%s': the gateway "
			"would lose its own routes, Azure refuses it",
			table->name, v->name);
	vec_each(r, &table->routes)
		if (!r->prefix.len && addr_is_set(&r->prefix.addr))
			problem(p, at,
				"route table '%s' with a route to 0.0.0.0/0 on the GatewaySubnet of '%s': Azure "
				"refuses it",
				table->name, v->name);
}

static void subnets_check(struct parser *p, struct vnet *v)
{
	struct prefix_index spaces = {};
	placed_list list = {};

	vec_each(x, &v->address_space)
		prefix_index_add(&spaces, *x, x);
	prefix_index_sort(&spaces);
	vec_each(s, &v->subnets) {
		struct pos at = field_pos(p, &s->prefix, s->at);

		if (!addr_is_set(&s->prefix.addr))
			continue;
		if (v->address_space.n && !prefix_index_find(&spaces, &s->prefix))
			problem(p, at, "subnet '%s' %s is outside the address space of virtual network '%s'", s->name,
				prefix_text(p, &s->prefix), v->name);
		if (s->prefix.len > 29)
			problem(p, at, "subnet '%s' is a /%u: Azure's smallest is /29", s->name, s->prefix.len);
		place(&list, s->prefix, at, s->name);
	}
	placed_check(p, &list, "subnet", vnet_text(p, v));
	prefix_index_free(&spaces);
	if (v->gateway_subnet)
		gateway_subnet_check(p, v, v->gateway_subnet);
}

/* Why nothing but Azure may have this address, NULL when it is free. */
static const char *reserved(const struct subnet *s, const struct addr *a)
{
	struct addr end = prefix_last_usable(&s->prefix);

	for (unsigned i = 0; i < AZURE_RESERVED; i++) {
		struct addr first = prefix_nth(&s->prefix, i);

		if (addr_equal(&first, a))
			return "Azure keeps the first four addresses of a subnet";
	}
	return addr_compare(a, &end) > 0 ? "it is the broadcast address of the subnet" : NULL;
}

/* s: the subnet that has the address, NULL for none. */
static void occupant_check(struct parser *p, const struct vnet *v, const struct subnet *s, const struct addr *a,
			   struct pos at, const char *what, const char *name)
{
	const char *why = s ? reserved(s, a) : NULL;

	if (!addr_is_set(a))
		return;
	if (!s)
		problem(p, at, "the address %s of %s '%s' is in no subnet of virtual network '%s'", address_text(p, a),
			what, name, v->name);
	else if (s == v->gateway_subnet)
		problem(p, at, "%s '%s' has the address %s in the GatewaySubnet of '%s', which is for gateways only",
			what, name, address_text(p, a), v->name);
	else if (why)
		problem(p, at, "%s '%s' cannot have the address %s: %s", what, name, address_text(p, a), why);
}

static void ranges_check(struct parser *p, const struct vnet *v, const struct subnet *s, address_users *users)
{
	vec_each(r, &s->ranges) {
		struct addr last, end = prefix_last_usable(&s->prefix);
		const char *why;

		if (!addr_is_set(&r->first) || !r->count || !addr_is_set(&s->prefix.addr))
			continue;
		last = addr_plus(&r->first, r->count - 1);
		why = reserved(s, &r->first);
		if (s == v->gateway_subnet)
			problem(p, r->at, "an address range in the GatewaySubnet of '%s', which is for gateways only",
				v->name);
		else if (!prefix_has(&s->prefix, &r->first) || addr_compare(&last, &r->first) < 0 ||
			 addr_compare(&last, &end) > 0)
			problem(p, r->at, "the address range %s to %s is not inside subnet '%s' %s",
				address_text(p, &r->first), address_text(p, &last), s->name,
				prefix_text(p, &s->prefix));
		else if (why)
			problem(p, r->at, "the address range cannot begin with %s: %s", address_text(p, &r->first),
				why);
		else
			address_use(users, r->first, r->count, r->at, "an address range of subnet", s->name);
	}
}

static void endpoint_check(struct parser *p, const struct vnet *v, const struct prefix_index *subnets,
			   const struct endpoint *e, const char *what, address_users *users)
{
	struct prefix wanted = prefix_of(&e->addr);
	struct pos at = field_pos(p, &e->addr, e->at);

	occupant_check(p, v, prefix_index_find(subnets, &wanted), &e->addr, at, what, e->name);
	address_use(users, e->addr, 1, at, what, e->name);
}

static void occupants_check(struct parser *p, struct vnet *v)
{
	struct prefix_index subnets = {};
	address_users users = {};

	subnets_index(v, &subnets);
	vec_each(vm, &v->vms) {
		struct pos at = field_pos(p, &vm->addr, vm->at);

		occupant_check(p, v, vm->subnet, &vm->addr, at, "virtual machine", vm->name);
		address_use(&users, vm->addr, 1, at, "virtual machine", vm->name);
	}
	vec_each(e, &v->private_endpoints)
		endpoint_check(p, v, &subnets, e, "private endpoint", &users);
	vec_each(e, &v->load_balancers)
		endpoint_check(p, v, &subnets, e, "load balancer", &users);
	vec_each(s, &v->subnets)
		ranges_check(p, v, s, &users);
	address_users_check(p, &users);
	prefix_index_free(&subnets);
}

/* Whose gateways a VNet's routes may point to: its own, or those of the hub it uses. */
static const struct vnet *gateway_home(const struct vnet *v)
{
	return v->remote_gateway_of ? v->remote_gateway_of : v;
}

/* A route table is checked where it is used: what it may say depends on the VNet. The first such route will do. */
static void table_use_check(struct parser *p, const struct vnet *v, const struct subnet *s)
{
	const struct vnet *home = gateway_home(v);
	struct pos at = field_pos(p, &s->route_table, s->at);
	const struct udr *route = NULL;

	vec_each(r, &s->route_table->routes)
		if (!route && r->hop == UDR_VIRTUAL_NETWORK_GATEWAY)
			route = r;
	if (route && home->er_gateway)
		problem(p, at,
			"route '%s' of route table '%s' goes to a VirtualNetworkGateway, and '%s' has the ExpressRoute "
			"gateway "
			"'%s': Azure allows that with a VPN gateway alone, advertise the prefix over BGP",
			route->name, s->route_table->name, home->name, home->er_gateway->name);
	else if (route && !home->vpn_gateway)
		caution(p, at,
			"route '%s' of route table '%s' goes to a VirtualNetworkGateway, and '%s' has none: its "
			"packets are "
			"lost",
			route->name, s->route_table->name, v->name);
}

static void route_table_check(struct parser *p, struct route_table *table)
{
	placed_list list = {};

	vec_each(r, &table->routes) {
		bool appliance = r->hop == UDR_VIRTUAL_APPLIANCE;

		if (!field_given(p, &r->hop))
			continue;
		if (appliance && !field_given(p, &r->next_hop))
			problem(p, r->at, "route '%s' goes to a VirtualAppliance: it needs a nextHopIpAddress",
				r->name);
		else if (!appliance && field_given(p, &r->next_hop))
			problem(p, field_pos(p, &r->next_hop, r->at),
				"route '%s' has a nextHopIpAddress, which only the next hop VirtualAppliance takes",
				r->name);
		place(&list, r->prefix, field_pos(p, &r->prefix, r->at), r->name);
	}
	if (list.n)
		qsort(list.items, list.n, sizeof(*list.items), by_prefix);
	for (size_t i = 1; i < list.n; i++)
		if (prefix_equal(&list.items[i - 1].prefix, &list.items[i].prefix))
			problem(p, list.items[i].at, "route table '%s' has two routes to %s: '%s' and '%s'",
				table->name, prefix_text(p, &list.items[i].prefix), list.items[i - 1].name,
				list.items[i].name);
	vec_free(&list);
}

void check_networks(struct parser *p)
{
	vec_each(v, &p->topo->vnets) {
		space_check(p, v);
		subnets_check(p, v);
		occupants_check(p, v);
		vec_each(s, &v->subnets)
			if (s->route_table)
				table_use_check(p, v, s);
	}
	vec_each(t, &p->topo->route_tables)
		route_table_check(p, t);
}

static void remote_gateways_check(struct parser *p, const struct vnet *v, const struct peering *half)
{
	const struct peering *other = peering_between(half->remote, v);
	struct pos at = field_pos(p, &half->use_remote_gateways, half->at);
	const char *remote = half->remote->name;
	const struct gateway *own = v->er_gateway ? v->er_gateway : v->vpn_gateway;

	if (other && !other->allow_gateway_transit)
		problem(p, at,
			"'%s' has useRemoteGateways towards '%s', whose half of the peering lacks "
			"allowGatewayTransit: set it there",
			v->name, remote);
	if (own)
		problem(p, at, "'%s' has useRemoteGateways and its own gateway '%s': a virtual network uses either",
			v->name, own->name);
	if (!half->remote->er_gateway && !half->remote->vpn_gateway)
		problem(p, at, "'%s' has useRemoteGateways towards '%s', which has no gateway", v->name, remote);
	if (v->remote_gateway_of && v->remote_gateway_of != half->remote)
		problem(p, at, "'%s' has useRemoteGateways towards '%s' and '%s': only one peering can have it",
			v->name, v->remote_gateway_of->name, remote);
	if (half->global && p->topo->profile == PROFILE_2018)
		problem(p, at,
			"'%s' has useRemoteGateways over a global peering to '%s', which Azure did not have in 2018: "
			"use profile current, or one location",
			v->name, remote);
}

static void peering_check(struct parser *p, const struct vnet *v, const struct peering *half)
{
	if (!half->remote)
		return;
	if (half->remote == v) {
		problem(p, half->at, "virtual network '%s' is peered with itself", v->name);
		return;
	}
	if (!half->connected && !p->unresolved)
		caution(p, half->at,
			"the peering of '%s' with '%s' has no other half: it stays Initiated and carries nothing, "
			"add '%s' to the virtualNetworkPeerings of '%s'",
			v->name, half->remote->name, v->name, half->remote->name);
	if (half->use_remote_gateways)
		remote_gateways_check(p, v, half);
}

void check_peerings(struct parser *p)
{
	vec_each(v, &p->topo->vnets) {
		if (v->peerings.n > MAX_PEERINGS)
			problem(p, v->at, "virtual network '%s' has %zu peerings: Azure allows %d", v->name,
				v->peerings.n, MAX_PEERINGS);
		else
			vec_each(half, &v->peerings)
				peering_check(p, v, half);
	}
}
