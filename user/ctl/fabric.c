// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/fabric.h"

#include <string.h>
#include "ctl/index.h"
#include "topo/addresses.h"
#include "topo/gateway_subnet.h"

/* One end of a link that is about to be made. */
struct end {
	uint32_t device;
	enum erx_role role;
	struct prefix addr;
};

static const char *const path_names[N_CIRCUIT_PATHS] = {[PATH_PRIMARY] = "primary", [PATH_SECONDARY] = "secondary"};

static struct prefix no_prefix(void)
{
	return (struct prefix){};
}

/* Point-to-point, without a subnet of its own. */
static struct prefix alone(struct addr a)
{
	return addr_is_set(&a) ? prefix_of(&a) : no_prefix();
}

/* The n-th usable address of a point-to-point subnet, with its length. A /31 uses both (RFC 3021). */
static struct prefix usable(const struct prefix *net, unsigned n)
{
	bool both = net->len + 1u >= addr_bits(net->addr.family);

	return (struct prefix){.addr = prefix_nth(net, both ? n : n + 1), .len = net->len};
}

static struct prefix other_end(const struct prefix *own)
{
	struct prefix first = usable(own, 0);

	return addr_equal(&first.addr, &own->addr) ? usable(own, 1) : first;
}

static struct device *add_device(struct fabric *f, const char *name, enum erx_kind kind)
{
	struct device d = {.index = f->devices.n, .name = arena_strdup(f->arena, name), .kind = kind};

	return vec_push(&f->devices, d);
}

static void add_vnets(struct fabric *f)
{
	vec_each(v, &f->topo->vnets)
		add_device(f, v->name, ERX_KIND_VNET)->vnet = v;
}

static void add_gateways(struct fabric *f)
{
	vec_each(g, &f->topo->gateways) {
		enum erx_kind kind = g->type == GATEWAY_VPN ? ERX_KIND_VPNGW : ERX_KIND_ERGW;

		for (unsigned i = 0; i < gateway_instances(g); i++) {
			struct device *d = add_device(f, arena_printf(f->arena, "%s/%u", g->name, i), kind);

			d->asn = g->asn;
			d->vnet = g->vnet;
			d->gateway = g;
			d->instance = i;
			d->instance_addr = gateway_instance_addr(g, i);
			d->bgp_addr = gateway_bgp_addr(g, i);
		}
	}
}

static void add_sites(struct fabric *f)
{
	vec_each(s, &f->topo->sites) {
		add_device(f, s->name, ERX_KIND_LAN)->site = s;
		vec_each(r, &s->routers) {
			struct device *d = add_device(f, r->name, ERX_KIND_CE);

			d->asn = r->asn;
			d->router = r;
			d->site = s;
		}
	}
}

static void add_circuits(struct fabric *f)
{
	vec_each(c, &f->topo->circuits) {
		for (int p = 0; p < N_CIRCUIT_PATHS; p++) {
			char *name = arena_printf(f->arena, "%s.%s", c->name, path_names[p]);
			struct device *d = add_device(f, name, ERX_KIND_MSEE);

			d->asn = MSEE_ASN;
			d->circuit = c;
			d->path = p;
		}
	}
}

static uint32_t add_port(struct fabric *f, uint32_t link, const struct end *e)
{
	struct port p = {.index = f->ports.n, .device = e->device, .link = link, .role = e->role, .addr = e->addr};

	vec_push(&f->ports, p);
	vec_push(&f->devices.items[e->device].ports, p.index);
	return p.index;
}

/*
 * Two devices, or a device and a host, can share more than one link (a host
 * named as a peered VNet; two local gateways of one router): the later one has
 * its connection's name, or else its number, added.
 */
static const char *link_name(struct fabric *f, const char *a, const char *b, const struct connection *c)
{
	const char *name = arena_printf(f->arena, "%s:%s", a, b);

	if (!index_has_link(f->index, name))
		return name;
	if (c)
		name = arena_printf(f->arena, "%s:%s#%s", a, b, c->name);
	else
		name = arena_printf(f->arena, "%s:%s#%zu", a, b, f->links.n);
	return name;
}

static struct link *add_link(struct fabric *f, enum link_kind kind, const struct end *a, const struct end *b,
			     const struct connection *c)
{
	struct link l = {.index = f->links.n, .kind = kind, .host = NO_INDEX, .mtu = ERX_LINK_MTU, .connection = c};
	const char *far = b ? f->devices.items[b->device].name : f->hosts.items[f->hosts.n - 1].name;

	l.name = link_name(f, f->devices.items[a->device].name, far, c);
	l.ports[0] = add_port(f, l.index, a);
	l.ports[1] = b ? add_port(f, l.index, b) : NO_INDEX;
	if (c && kind != LINK_TUNNEL)
		l.circuit = c->circuit;
	index_add_link(f->index, f->arena, l.name, l.index);
	return vec_push(&f->links, l);
}

/* Past the gateway: the VNet reaches the MSEE's endpoint in its GatewaySubnet. */
static void link_vnet_msee(struct fabric *f, const struct connection *c, enum circuit_path path)
{
	struct end vnet = {.device = device_of_vnet(f, c->gateway->vnet), .role = ERX_ROLE_MSEE};
	struct end msee = {.device = device_of_circuit(f, c->circuit, path), .role = ERX_ROLE_VNET};

	msee.addr = alone(msee_endpoint(f->topo, c, path));
	add_link(f, LINK_VNET_MSEE, &vnet, &msee, c)->path = path;
}

static void link_msee_ergw(struct fabric *f, const struct connection *c, enum circuit_path path)
{
	struct end msee = {.device = device_of_circuit(f, c->circuit, path), .role = ERX_ROLE_GATEWAY};

	msee.addr = alone(msee_endpoint(f->topo, c, path));
	for (unsigned i = 0; i < gateway_instances(c->gateway); i++) {
		struct end ergw = {.device = device_of_gateway(f, c->gateway, i), .role = ERX_ROLE_MSEE};

		ergw.addr = alone(f->devices.items[ergw.device].instance_addr);
		add_link(f, LINK_MSEE_ERGW, &msee, &ergw, c)->path = path;
	}
}

static void link_connections(struct fabric *f)
{
	static void (*const steps[])(struct fabric *, const struct connection *, enum circuit_path) = {link_vnet_msee,
												       link_msee_ergw};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		vec_each(c, &f->topo->connections) {
			if (c->type != CONNECTION_EXPRESSROUTE)
				continue;
			steps[i](f, c, PATH_PRIMARY);
			steps[i](f, c, PATH_SECONDARY);
		}
}

static void link_gateways(struct fabric *f)
{
	vec_each(g, &f->topo->gateways) {
		for (unsigned i = 0; i < gateway_instances(g); i++) {
			struct end gateway = {.device = device_of_gateway(f, g, i), .role = ERX_ROLE_VNET};
			struct end vnet = {.device = device_of_vnet(f, g->vnet), .role = ERX_ROLE_GATEWAY};

			gateway.addr = alone(f->devices.items[gateway.device].instance_addr);
			add_link(f, LINK_GATEWAY, &gateway, &vnet, NULL);
		}
	}
}

/* The customer takes the first usable address of the /30, Microsoft the second (azure.md 7.1). */
static void link_circuits(struct fabric *f)
{
	vec_each(c, &f->topo->circuits) {
		for (int p = 0; p < N_CIRCUIT_PATHS; p++) {
			const struct customer_edge *edge = &c->edge[p];
			struct end ce = {.role = ERX_ROLE_MSEE, .addr = usable(&c->link[p], 0)};
			struct end msee = {.role = ERX_ROLE_CE, .addr = usable(&c->link[p], 1)};
			struct link *l;

			if (!edge->router)
				continue;
			ce.device = device_of_router(f, edge->router);
			msee.device = device_of_circuit(f, c, p);
			l = add_link(f, LINK_CIRCUIT, &ce, &msee, NULL);
			l->circuit = c;
			l->path = p;
			l->down_in_file = edge->link_down;
		}
	}
}

static void link_lans(struct fabric *f)
{
	vec_each(s, &f->topo->sites) {
		vec_each(r, &s->routers) {
			struct end ce = {.device = device_of_router(f, r), .role = ERX_ROLE_LAN};
			struct end lan = {.device = device_of_site(f, s), .role = ERX_ROLE_CE};

			ce.addr = r->lan_interface;
			lan.addr = other_end(&r->lan_interface);
			add_link(f, LINK_LAN, &ce, &lan, NULL);
		}
	}
}

static struct addr public_addr(const struct gateway *g, unsigned instance)
{
	return instance < g->public_addresses.n ? g->public_addresses.items[instance] : (struct addr){};
}

static void link_tunnel(struct fabric *f, const struct connection *c, unsigned instance, const struct end *far,
			struct addr far_public)
{
	struct end near = {.device = device_of_gateway(f, c->gateway, instance), .role = ERX_ROLE_TUNNEL};
	struct link *l;

	near.addr = alone(f->devices.items[near.device].instance_addr);
	l = add_link(f, LINK_TUNNEL, &near, far, c);
	l->mtu = c->mtu;
	l->outer[0] = public_addr(c->gateway, instance);
	l->outer[1] = far_public;
}

/* Every active instance has a tunnel to every active instance of the other side. */
static void link_tunnels(struct fabric *f)
{
	vec_each(c, &f->topo->connections) {
		unsigned far_instances = c->gateway2 ? gateway_instances(c->gateway2) : 1;
		struct end far = {.role = ERX_ROLE_TUNNEL};

		if (c->type != CONNECTION_IPSEC)
			continue;
		for (unsigned near = 0; near < gateway_instances(c->gateway); near++) {
			for (unsigned i = 0; i < far_instances; i++) {
				if (c->gateway2) {
					far.device = device_of_gateway(f, c->gateway2, i);
					far.addr = alone(f->devices.items[far.device].instance_addr);
					link_tunnel(f, c, near, &far, public_addr(c->gateway2, i));
				} else {
					far.device = device_of_router(f, c->local_gateway->router);
					far.addr = c->local_gateway->router->tunnel_interface;
					link_tunnel(f, c, near, &far, c->local_gateway->public_address);
				}
			}
		}
	}
}

static void link_peerings(struct fabric *f)
{
	vec_each(v, &f->topo->vnets) {
		struct end near = {.device = device_of_vnet(f, v), .role = ERX_ROLE_PEERING};

		vec_each(p, &v->peerings) {
			struct end far = {.device = device_of_vnet(f, p->remote), .role = ERX_ROLE_PEERING};

			/* Both halves are in the model: the first in the file makes the link. */
			if (p->connected && near.device < far.device)
				add_link(f, LINK_PEERING, &near, &far, NULL);
		}
	}
}

static void add_host(struct fabric *f, struct host h, const struct end *e)
{
	struct link *l;

	h.index = f->hosts.n;
	h.name = arena_strdup(f->arena, h.name);
	if (!h.addresses.n)
		vec_push(&h.addresses, prefix_of(&h.addr));
	vec_push(&f->hosts, h);
	l = add_link(f, LINK_HOST, e, NULL, NULL);
	l->host = h.index;
	f->hosts.items[h.index].port = l->ports[0];
}

/* All prefixes of each subnet's sink, by the subnet's place in the VNet. To be freed; the lists go to the hosts. */
static prefix_list *sink_addresses(const struct vnet *v)
{
	prefix_list *lists = xcalloc(v->subnets.n, sizeof(*lists));
	struct address_walk w = {.vnet = v};
	struct address_run r;

	while (address_next(&w, &r)) {
		if (!address_has_host(&r))
			addresses_cover(&r.first, r.count, &lists[r.subnet - v->subnets.items]);
	}
	return lists;
}

static void add_sinks(struct fabric *f, const struct vnet *v, const struct end *vnet)
{
	prefix_list *lists = sink_addresses(v), *list = lists;

	vec_each(s, &v->subnets) {
		if (list->n)
			add_host(f,
				 (struct host){.name = s->sink,
					       .addr = list->items[0].addr,
					       .addresses = *list,
					       .prefixlen = addr_bits(s->prefix.addr.family),
					       .gateway = prefix_nth(&s->prefix, 1),
					       .vnet = v,
					       .subnet = s,
					       .sink = true},
				 vnet);
		list++;
	}
	free(lists);
}

static void add_hosts(struct fabric *f)
{
	vec_each(v, &f->topo->vnets) {
		struct end vnet = {.device = device_of_vnet(f, v), .role = ERX_ROLE_HOST};

		vec_each(vm, &v->vms)
			add_host(f,
				 (struct host){.name = vm->name,
					       .addr = vm->addr,
					       .prefixlen = vm->subnet->prefix.len,
					       .gateway = prefix_nth(&vm->subnet->prefix, 1),
					       .vnet = v,
					       .subnet = vm->subnet},
				 &vnet);
		add_sinks(f, v, &vnet);
	}
	vec_each(s, &f->topo->sites) {
		struct end lan = {.device = device_of_site(f, s), .role = ERX_ROLE_HOST};

		lan.addr = (struct prefix){.addr = s->switch_addr, .len = s->lan.len};
		vec_each(h, &s->hosts)
			add_host(f,
				 (struct host){.name = h->name,
					       .addr = h->addr,
					       .prefixlen = s->lan.len,
					       .gateway = s->gateway_addr,
					       .site = s},
				 &lan);
	}
}

/* Primary joins primary, secondary secondary; a /30 of the /29 each, the first usable address at circuit1. */
static void link_reach(struct fabric *f)
{
	vec_each(c, &f->topo->connections) {
		if (c->type != CONNECTION_GLOBAL_REACH)
			continue;
		for (int p = 0; p < N_CIRCUIT_PATHS; p++) {
			struct prefix net = {.addr = c->address_prefix.addr, .len = c->address_prefix.len + 1};
			struct end a = {.device = device_of_circuit(f, c->circuit, p), .role = ERX_ROLE_REACH};
			struct end b = {.device = device_of_circuit(f, c->circuit2, p), .role = ERX_ROLE_REACH};

			net = prefix_next(&net, p);
			a.addr = usable(&net, 0);
			b.addr = usable(&net, 1);
			add_link(f, LINK_REACH, &a, &b, c)->path = p;
		}
	}
}

/* RFC 4271 asks for one of the device's own addresses; the lowest does not depend on the order of links. */
static void choose_router_ids(struct fabric *f)
{
	vec_each(d, &f->devices) {
		d->router_id = d->instance_addr;
		vec_each(p, &d->ports) {
			const struct addr *a = &f->ports.items[*p].addr.addr;

			if (addr_is_set(a) && (!addr_is_set(&d->router_id) || addr_compare(a, &d->router_id) < 0))
				d->router_id = *a;
		}
	}
}

struct fabric *fabric_build(const struct topo *topo)
{
	static void (*const steps[])(struct fabric *) = {
		link_connections, link_gateways, link_circuits, link_lans,
		link_tunnels,	  link_peerings, add_hosts,	link_reach,
	};
	struct fabric *f = xcalloc(1, sizeof(*f));

	f->arena = arena_new();
	f->topo = topo;
	add_vnets(f);
	add_gateways(f);
	add_sites(f);
	add_circuits(f);
	f->index = index_new(f);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		steps[i](f);
	choose_router_ids(f);
	index_finish(f->index, f);
	return f;
}

void fabric_free(struct fabric *f)
{
	if (!f)
		return;
	vec_each(d, &f->devices)
		vec_free(&d->ports);
	vec_free(&f->devices);
	vec_free(&f->ports);
	vec_free(&f->links);
	vec_each(h, &f->hosts)
		vec_free(&h->addresses);
	vec_free(&f->hosts);
	index_free(f->index);
	arena_free(f->arena);
	free(f);
}

uint32_t port_peer(const struct fabric *f, uint32_t port)
{
	const struct link *l = &f->links.items[f->ports.items[port].link];

	return l->ports[0] == port ? l->ports[1] : l->ports[0];
}

uint32_t device_port_on(const struct fabric *f, uint32_t device, uint32_t link)
{
	const struct link *l = &f->links.items[link];

	for (int end = 0; end < 2; end++) {
		if (l->ports[end] != NO_INDEX && f->ports.items[l->ports[end]].device == device)
			return l->ports[end];
	}
	return NO_INDEX;
}

uint32_t device_link(const struct fabric *f, uint32_t device, enum link_kind kind, const struct connection *connection,
		     enum circuit_path path)
{
	vec_each(p, &f->devices.items[device].ports) {
		const struct link *l = &f->links.items[f->ports.items[*p].link];

		if (l->kind == kind && (!connection || (l->connection == connection && l->path == path)))
			return l->index;
	}
	return NO_INDEX;
}
