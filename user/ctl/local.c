// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/local.h"

#include <string.h>
#include "topo/gateway_subnet.h"

/* Azure's system routes with next hop None (azure.md 8.1); what else there is in a table may replace them (table.c). */
static const char *const none_prefixes[] = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"};

/* One table that is being filled. */
struct fill {
	const struct local_case *c;
	const struct device *device;
	local_list *out;
};

static bool is_up(const struct local_case *c, uint32_t link)
{
	return link_is_up(c->fabric, c->now, link);
}

const struct conditions *conditions_heard(const struct local_case *c, uint32_t link, uint32_t device)
{
	uint32_t since = link_deaf_since(c->fabric, c->now, link, device);

	return since ? &c->now->earlier[since - 1] : c->now;
}

static struct route local_route(enum route_source source, uint32_t link)
{
	return (struct route){.source = source, .from = NO_INDEX, .session = NO_INDEX, .link = link};
}

static struct route *add(const struct fill *fill, const struct prefix *p, struct route r)
{
	struct local_route l = {.prefix = prefix_network(p), .route = r};

	return &vec_push(fill->out, l)->route;
}

static void add_own_address(const struct fill *fill, const struct addr *a, bool echo)
{
	struct prefix p = prefix_of(a);
	struct route r = local_route(SOURCE_LOCAL, NO_INDEX);

	if (!addr_is_set(a))
		return;
	vec_each(l, fill->out) {
		if (l->route.source == SOURCE_LOCAL && prefix_equal(&l->prefix, &p))
			return;
	}
	r.echo = echo;
	add(fill, &p, r);
}

/* CE, switch and an MSEE's link addresses answer echo; gateways and MSEE endpoints do not (azure.md 3.1). */
static bool answers_echo(enum erx_kind kind, enum erx_role role)
{
	if (kind == ERX_KIND_MSEE)
		return role == ERX_ROLE_CE || role == ERX_ROLE_REACH;
	return kind == ERX_KIND_CE || kind == ERX_KIND_LAN;
}

static struct addr far_address(const struct fabric *f, const struct port *p)
{
	return f->ports.items[port_peer(f, p->index)].addr.addr;
}

/*
 * An interface's address, its neighbour and its subnet are there while it is up. A host prefix is no subnet. Of the
 * subnet only the neighbour is behind the link: the other addresses are nobody's, and two routers that send them to
 * each other would pass a packet to and fro.
 */
static void add_interfaces(const struct fill *fill)
{
	const struct fabric *f = fill->c->fabric;

	vec_each(i, &fill->device->ports) {
		const struct port *p = &f->ports.items[*i];
		struct addr neighbour;
		struct prefix host;

		if (!addr_is_set(&p->addr.addr) || p->role == ERX_ROLE_HOST || !is_up(fill->c, p->link))
			continue;
		add_own_address(fill, &p->addr.addr, answers_echo(fill->device->kind, p->role));
		if (p->addr.len == addr_bits(p->addr.addr.family))
			continue;
		neighbour = far_address(f, p);
		host = prefix_of(&neighbour);
		add(fill, &host, local_route(SOURCE_CONNECTED, p->link))->next_hop = neighbour;
		add(fill, &p->addr, local_route(SOURCE_CONNECTED, NO_INDEX));
	}
}

static const struct device *far_device(const struct fabric *f, const struct port *p)
{
	return &f->devices.items[f->ports.items[port_peer(f, p->index)].device];
}

static void add_statics(const struct fill *fill, const struct prefix *prefixes, size_t n, struct route r)
{
	for (size_t i = 0; i < n; i++)
		add(fill, &prefixes[i], r);
}

void vnets_behind(const struct topo *t, const struct vnet *v, vnet_list *out)
{
	vec_push(out, v);
	vec_each(spoke, &t->vnets) {
		if (spoke->remote_gateway_of == v)
			vec_push(out, spoke);
	}
}

/* The networks a connection without BGP leads to, as each side has configured them. */
static void static_prefixes(const struct fabric *f, const struct device *near, const struct port *p, prefix_list *out)
{
	const struct connection *c = f->links.items[p->link].connection;
	const struct device *far = far_device(f, p);
	vnet_list vnets = {};

	if (far->kind == ERX_KIND_CE) {
		vec_each(prefix, &c->local_gateway->address_prefixes)
			vec_push(out, *prefix);
		return;
	}
	/* Azure fills in the far VNet's own space; a customer routes all that the gateway serves. */
	if (near->kind == ERX_KIND_CE)
		vnets_behind(f->topo, far->vnet, &vnets);
	else
		vec_push(&vnets, far->vnet);
	vec_each(v, &vnets) {
		vec_each(space, &(*v)->address_space)
			vec_push(out, *space);
	}
	vec_free(&vnets);
}

/* With BGP the neighbour's address leads into its own tunnel; without, the networks behind it do. */
static void add_tunnels(const struct fill *fill)
{
	const struct fabric *f = fill->c->fabric;

	vec_each(i, &fill->device->ports) {
		const struct port *p = &f->ports.items[*i];
		const struct connection *c = f->links.items[p->link].connection;
		struct route r = local_route(SOURCE_STATIC, p->link);
		prefix_list prefixes = {};

		if (p->role != ERX_ROLE_TUNNEL || !is_up(fill->c, p->link))
			continue;
		r.connection = c;
		r.next_hop = far_address(f, p);
		if (c->enable_bgp) {
			r.next_hop = tunnel_bgp_addr(f, port_peer(f, p->index));
			vec_push(&prefixes, prefix_of(&r.next_hop));
		} else {
			static_prefixes(f, fill->device, p, &prefixes);
			r.attrs = policy_redistribute(fill->c->pool, fill->device, c);
		}
		add_statics(fill, prefixes.items, prefixes.n, r);
		vec_free(&prefixes);
	}
}

static void fill_gateway(const struct fill *fill)
{
	const struct fabric *f = fill->c->fabric;
	uint32_t link = device_link(f, fill->device->index, LINK_GATEWAY, NULL, 0);
	vnet_list vnets = {};

	add_own_address(fill, &fill->device->instance_addr, false);
	add_own_address(fill, &fill->device->bgp_addr, false);
	add_tunnels(fill);
	if (!is_up(fill->c, link))
		return;
	vnets_behind(f->topo, fill->device->vnet, &vnets);
	vec_each(v, &vnets)
		add_statics(fill, (*v)->address_space.items, (*v)->address_space.n, local_route(SOURCE_STATIC, link));
	vec_free(&vnets);
}

static void fill_msee(const struct fill *fill)
{
	add_interfaces(fill);
}

static void fill_ce(const struct fill *fill)
{
	const struct fabric *f = fill->c->fabric;
	uint32_t link = device_link(f, fill->device->index, LINK_LAN, NULL, 0);

	add_interfaces(fill);
	add_tunnels(fill);
	if (is_up(fill->c, link)) {
		struct route *r = add(fill, &fill->device->site->lan, local_route(SOURCE_STATIC, link));

		r->next_hop = far_address(f, &f->ports.items[device_port_on(f, fill->device->index, link)]);
	}
}

static void add_hosts(const struct fill *fill)
{
	const struct fabric *f = fill->c->fabric;

	vec_each(i, &fill->device->ports) {
		const struct port *p = &f->ports.items[*i];

		if (p->role != ERX_ROLE_HOST || !is_up(fill->c, p->link))
			continue;
		vec_each(a, &f->hosts.items[f->links.items[p->link].host].addresses)
			add(fill, a, local_route(SOURCE_HOST, p->link));
	}
}

/* What a router gives its switch without having learned it: a default route, and its tunnel's address. */
static void add_from_router(const struct fill *fill, const struct port *p)
{
	const struct fabric *f = fill->c->fabric;
	const struct device *ce = far_device(f, p);
	const struct conditions *heard = conditions_heard(fill->c, p->link, fill->device->index);
	struct prefix all = {.addr.family = p->addr.addr.family};
	struct route r = local_route(SOURCE_DEFAULT, p->link);

	r.from = ce->index;
	r.next_hop = far_address(f, p);
	r.router_id = ce->router_id;
	add(fill, &all, r);
	vec_each(i, &ce->ports) {
		const struct port *tunnel = &f->ports.items[*i];

		if (tunnel->role != ERX_ROLE_TUNNEL || !link_is_up(f, heard, tunnel->link))
			continue;
		r.source = SOURCE_BGP;
		r.attrs = policy_originate(fill->c->pool, ce, NULL);
		add(fill, &tunnel->addr, r);
		break; /* one address, whatever the number of tunnels */
	}
}

static void fill_lan(const struct fill *fill)
{
	const struct fabric *f = fill->c->fabric;
	const struct site *s = fill->device->site;

	add_own_address(fill, &s->switch_addr, true);
	add_own_address(fill, &s->gateway_addr, true);
	add_interfaces(fill);
	add_hosts(fill);
	add(fill, &s->lan, local_route(SOURCE_CONNECTED, NO_INDEX)); /* where no host is */
	vec_each(i, &fill->device->ports) {
		const struct port *p = &f->ports.items[*i];

		if (p->role == ERX_ROLE_CE && is_up(fill->c, p->link))
			add_from_router(fill, p);
	}
}

/* Address space takes the place of the reserved prefixes that it is or holds (azure.md 8.1). */
static bool vnet_holds(const struct vnet *v, const struct prefix *p)
{
	vec_each(space, &v->address_space) {
		if (prefix_covers(space, p))
			return true;
	}
	return false;
}

static void add_system_routes(const struct fill *fill)
{
	const struct vnet *v = fill->device->vnet;
	struct prefix p;

	vec_each(space, &v->address_space)
		add(fill, space, local_route(SOURCE_VNET, NO_INDEX));
	for (size_t i = 0; i < sizeof(none_prefixes) / sizeof(none_prefixes[0]); i++) {
		if (!prefix_parse(none_prefixes[i], &p) && !vnet_holds(v, &p))
			add(fill, &p, local_route(SOURCE_SYSTEM_NONE, NO_INDEX));
	}
	if (!prefix_parse("0.0.0.0/0", &p))
		add(fill, &p, local_route(SOURCE_INTERNET, NO_INDEX));
}

/* The peering link between two VNets, NO_INDEX when they have none. */
uint32_t peering_link(const struct fabric *f, uint32_t vnet, uint32_t remote)
{
	vec_each(i, &f->devices.items[vnet].ports) {
		const struct port *p = &f->ports.items[*i];

		if (p->role == ERX_ROLE_PEERING && far_device(f, p)->index == remote)
			return p->link;
	}
	return NO_INDEX;
}

static void add_peerings(const struct fill *fill)
{
	const struct fabric *f = fill->c->fabric;

	vec_each(p, &fill->device->vnet->peerings) {
		uint32_t link = peering_link(f, fill->device->index, device_of_vnet(f, p->remote));

		if (p->connected && p->allow_access && is_up(fill->c, link))
			add_statics(fill, p->remote->address_space.items, p->remote->address_space.n,
				    local_route(SOURCE_PEERING, link));
	}
}

static void fill_vnet(const struct fill *fill)
{
	add_system_routes(fill);
	add_hosts(fill);
	add_peerings(fill);
}

static uint32_t vm_link(const struct fabric *f, const struct vnet *v, const struct addr *a)
{
	vec_each(h, &f->hosts) {
		if (h->vnet == v && host_has(h, a))
			return f->ports.items[h->port].link;
	}
	return NO_INDEX;
}

/* An appliance is a VM of this VNet or of a peered one, or a load balancer's address; packets go straight to its port.
 */
static uint32_t appliance_link(const struct fabric *f, const struct vnet *v, const struct addr *a)
{
	uint32_t link = vm_link(f, v, a);

	vec_each(p, &v->peerings) {
		if (link == NO_INDEX && p->connected && p->allow_access)
			link = vm_link(f, p->remote, a);
	}
	return link;
}

/* Next hop VirtualNetworkGateway means a VPN gateway, of this VNet or of the hub it uses (azure.md 8.1). */
static void add_udr_to_gateway(const struct fill *fill, const struct udr *u, struct route r)
{
	const struct fabric *f = fill->c->fabric;
	const struct vnet *v = fill->device->vnet, *hub = v->remote_gateway_of;
	size_t before = fill->out->n;

	for (unsigned i = 0; v->vpn_gateway && i < gateway_instances(v->vpn_gateway); i++) {
		uint32_t device = device_of_gateway(f, v->vpn_gateway, i);

		r.link = device_link(f, device, LINK_GATEWAY, NULL, 0);
		r.next_hop = f->devices.items[device].instance_addr;
		if (is_up(fill->c, r.link))
			add(fill, &u->prefix, r);
	}
	if (!v->vpn_gateway && hub && hub->vpn_gateway) {
		r.link = peering_link(f, fill->device->index, device_of_vnet(f, hub));
		add(fill, &u->prefix, r);
	}
	if (fill->out->n == before) {
		r.link = NO_INDEX;
		r.next_hop = (struct addr){};
		add(fill, &u->prefix, r);
	}
}

/* The link of the sink whose addresses all of a prefix is, which then hides the sink's own route; NO_INDEX: none. */
static uint32_t inner_link(const struct fill *fill, const struct prefix *p)
{
	vec_each(l, fill->out) {
		if (l->route.source == SOURCE_HOST && prefix_covers(&l->prefix, p))
			return l->route.link;
	}
	return NO_INDEX;
}

/*
 * A route to an appliance or a gateway that is not there stays in use and
 * loses the packets: Azure does not fall back to another route.
 */
static void add_udrs(const struct fill *fill, const struct route_table *table)
{
	vec_each(u, &table->routes) {
		struct route r = local_route(SOURCE_UDR, NO_INDEX);

		r.udr = u;
		if (u->hop == UDR_VIRTUAL_NETWORK_GATEWAY) {
			add_udr_to_gateway(fill, u, r);
			continue;
		}
		if (u->hop == UDR_VNET_LOCAL)
			r.link = inner_link(fill, &u->prefix);
		if (u->hop == UDR_VIRTUAL_APPLIANCE) {
			r.link = appliance_link(fill->c->fabric, fill->device->vnet, &u->next_hop);
			r.next_hop = u->next_hop;
		}
		add(fill, &u->prefix, r);
	}
}

/* The longest of a VNet's spaces that holds a prefix, 0 bits when none does. */
static unsigned space_bits(const struct vnet *v, const struct prefix *p)
{
	unsigned bits = 0;

	vec_each(space, &v->address_space) {
		if (prefix_covers(space, p) && space->len > bits)
			bits = space->len;
	}
	return bits;
}

/*
 * Azure has no routes to single VMs: they are reached because the VNet's space
 * is VnetLocal. A user-defined route at least as long as that space takes its
 * VMs along, unless it says VnetLocal itself.
 */
static bool udr_takes_over(const struct vnet *v, const struct route_table *table, const struct prefix *host)
{
	const struct udr *longest = NULL;

	vec_each(u, &table->routes) {
		if (prefix_covers(&u->prefix, host) && (!longest || u->prefix.len > longest->prefix.len))
			longest = u;
	}
	return longest && longest->hop != UDR_VNET_LOCAL && longest->prefix.len >= space_bits(v, host);
}

static void fill_subnet(const struct fill *fill, const struct subnet *subnet)
{
	fill_vnet(fill);
	vec_each(l, fill->out) {
		if (l->route.source == SOURCE_HOST &&
		    udr_takes_over(fill->device->vnet, subnet->route_table, &l->prefix))
			l->route.invalid = "a user-defined route covers this address";
	}
	add_udrs(fill, subnet->route_table);
}

void local_routes(const struct local_case *c, const struct device *d, const struct subnet *subnet, local_list *out)
{
	static void (*const fillers[ERX_N_KINDS])(const struct fill *) = {
		[ERX_KIND_VNET] = fill_vnet,	 [ERX_KIND_ERGW] = fill_gateway, [ERX_KIND_MSEE] = fill_msee,
		[ERX_KIND_VPNGW] = fill_gateway, [ERX_KIND_CE] = fill_ce,	 [ERX_KIND_LAN] = fill_lan,
	};
	struct fill fill = {.c = c, .device = d, .out = out};

	if (subnet)
		fill_subnet(&fill, subnet);
	else
		fillers[d->kind](&fill);
}

void local_routes_for_peers(const struct local_case *c, const struct device *d, local_list *out)
{
	struct fill fill = {.c = c, .device = d, .out = out};

	add_system_routes(&fill);
	add_hosts(&fill);
}

static void announce(struct prefix_plan *plan, const struct prefix *p)
{
	struct announcement a = {.prefix = prefix_network(p), .announcer = plan->announcers.n - 1};

	vec_push(&plan->announcements, a);
}

/* The whole address spaces of the VNet and of the spokes that use its gateways (azure.md 7.2). */
static void announce_vnets(const struct fabric *f, const struct device *d, struct prefix_plan *out)
{
	uint32_t link = device_link(f, d->index, LINK_GATEWAY, NULL, 0);
	vnet_list vnets = {};

	vnets_behind(f->topo, d->vnet, &vnets);
	vec_each(v, &vnets) {
		vec_push(&out->announcers, ((struct announcer){.device = d->index, .vnet = *v, .link = link}));
		vec_each(space, &(*v)->address_space)
			announce(out, space);
	}
	vec_free(&vnets);
}

/* A VPN gateway announces the static networks of its connections to its BGP neighbours. */
static void announce_statics(const struct fabric *f, const struct device *d, struct prefix_plan *out)
{
	vec_each(i, &d->ports) {
		const struct port *p = &f->ports.items[*i];
		const struct connection *c = f->links.items[p->link].connection;
		prefix_list prefixes = {};

		if (p->role != ERX_ROLE_TUNNEL || c->enable_bgp)
			continue;
		vec_push(&out->announcers, ((struct announcer){.device = d->index, .connection = c, .link = p->link}));
		static_prefixes(f, d, p, &prefixes);
		vec_each(prefix, &prefixes)
			announce(out, prefix);
		vec_free(&prefixes);
	}
}

/* A customer router's list is announced as long as its LAN is there. */
static void announce_site(const struct fabric *f, const struct device *d, struct prefix_plan *out)
{
	uint32_t link = device_link(f, d->index, LINK_LAN, NULL, 0);

	vec_push(&out->announcers, ((struct announcer){.device = d->index, .link = link}));
	vec_each(a, &d->router->advertise) {
		for (uint32_t i = 0; i < a->count; i++) {
			struct prefix p = prefix_next(&a->first, i);

			announce(out, &p);
		}
	}
}

void local_announcements(const struct fabric *f, const struct device *d, struct prefix_plan *out)
{
	if (d->gateway)
		announce_vnets(f, d, out);
	if (d->kind == ERX_KIND_VPNGW)
		announce_statics(f, d, out);
	if (d->kind == ERX_KIND_CE)
		announce_site(f, d, out);
}

const struct attrs *announced_attrs(const struct local_case *c, const struct announcer *a)
{
	const struct device *d = &c->fabric->devices.items[a->device];

	if (!is_up(c, a->link))
		return NULL;
	if (a->connection)
		return policy_redistribute(c->pool, d, a->connection);
	return policy_originate(c->pool, d, a->vnet);
}
