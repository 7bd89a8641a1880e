// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How much a file asks for. A short line can stand for a lot (a count, a table
 * that many subnets use, a neighbour of many), so every product is summed up here
 * before anything is made of it: one table of what is summed and how much of it
 * a lab can have. The numbers keep `validate` of any file within two seconds and
 * half a gigabyte; sizes of maps are those of include/erxdp/limits.h.
 */
#include "topo/gateway_subnet.h"
#include "topo/parser.h"

enum size {
	SIZE_DEVICES,
	SIZE_HOSTS,
	SIZE_PEERINGS,
	SIZE_ROUTERS_OF_SITE,
	SIZE_ADVERTISED,
	SIZE_RANGES,
	SIZE_SPACES,
	SIZE_USER_ROUTES,
	SIZE_TUNNELS,
	N_SIZES,
};

static const struct {
	const char *what;
	size_t most;
	const char *why;
} sizes[N_SIZES] = {
	[SIZE_DEVICES] = {"devices (VNets, instances of gateways, edge routers, customer routers and switches)", 2000,
			  "each has a table of routes and ports of its own"},
	[SIZE_HOSTS] = {"hosts (virtual machines and servers)", 8000, "each is a network namespace"},
	[SIZE_PEERINGS] = {"halves of peerings", 12000, "each is a port of a VNet"},
	[SIZE_ROUTERS_OF_SITE] = {"routers of one site", 64, "all are neighbours of its switch"},
	[SIZE_ADVERTISED] = {"prefixes that routers advertise", 1 << 20,
			     "each is a route of every table that learns it"},
	[SIZE_RANGES] = {"addresses in ranges", 1 << 23, "each may be programmed for FastPath"},
	[SIZE_SPACES] = {"prefixes of address spaces, once for each network that peers with theirs", 100000,
			 "each is a route of the peer's"},
	[SIZE_USER_ROUTES] =
		{"routes of subnets with a route table (its own, and one for each machine and subnet of the "
		 "network)",
		 500000, "each such subnet has a table of its own"},
	[SIZE_TUNNELS] = {"VPN tunnels times VPN gateways", 30000,
			  "every gateway's prefixes are told over every tunnel"},
};

struct sums {
	struct parser *p;
	size_t of[N_SIZES];
	bool over;
};

/* Tells of the first thing that is too much, and of each sum once. */
static void add(struct sums *s, enum size size, size_t n, struct pos at)
{
	bool was_over = s->of[size] > sizes[size].most;

	s->of[size] += n;
	if (was_over || s->of[size] <= sizes[size].most)
		return;
	s->over = true;
	problem(s->p, at, "from here on there are %zu %s, a lab can have %zu: %s", s->of[size], sizes[size].what,
		sizes[size].most, sizes[size].why);
}

static void add_networks(struct sums *s)
{
	vec_each(v, &s->p->topo->vnets) {
		add(s, SIZE_DEVICES, 1, v->at);
		vec_each(vm, &v->vms)
			add(s, SIZE_HOSTS, 1, vm->at);
		vec_each(half, &v->peerings) {
			add(s, SIZE_PEERINGS, 1, half->at);
			if (half->remote)
				add(s, SIZE_SPACES, half->remote->address_space.n, half->at);
		}
		vec_each(n, &v->subnets) {
			if (n->route_table)
				add(s, SIZE_USER_ROUTES, n->route_table->routes.n + v->vms.n + v->subnets.n, n->at);
			vec_each(r, &n->ranges)
				add(s, SIZE_RANGES, r->count, r->at);
		}
	}
}

static void add_sites(struct sums *s)
{
	vec_each(site, &s->p->topo->sites) {
		add(s, SIZE_DEVICES, 1, site->at);
		vec_each(h, &site->hosts)
			add(s, SIZE_HOSTS, 1, h->at);
		s->of[SIZE_ROUTERS_OF_SITE] = 0;
		vec_each(r, &site->routers) {
			add(s, SIZE_DEVICES, 1, r->at);
			add(s, SIZE_ROUTERS_OF_SITE, 1, r->at);
			vec_each(a, &r->advertise)
				add(s, SIZE_ADVERTISED, a->count, a->at.line ? a->at : r->at);
		}
	}
}

static void add_connections(struct sums *s)
{
	size_t gateways = 0;

	vec_each(g, &s->p->topo->gateways) {
		add(s, SIZE_DEVICES, gateway_instances(g), g->at);
		gateways += g->type == GATEWAY_VPN;
	}
	vec_each(c, &s->p->topo->circuits)
		add(s, SIZE_DEVICES, N_CIRCUIT_PATHS, c->at);
	vec_each(c, &s->p->topo->connections) {
		if (c->type == CONNECTION_IPSEC && c->gateway)
			add(s, SIZE_TUNNELS,
			    gateways * gateway_instances(c->gateway) *
				    (c->gateway2 ? gateway_instances(c->gateway2) : 1),
			    c->at);
	}
}

bool check_sizes(struct parser *p)
{
	const struct topo *t = p->topo;
	struct sums s = {.p = p};

	if (t->name && !t->vnets.n && !t->sites.n && !t->circuits.n)
		problem(p, field_pos(p, &t->name, (struct pos){1, 1}),
			"the topology has no virtual network, no site and no circuit: there is nothing to make of it");
	add_networks(&s);
	add_sites(&s);
	add_connections(&s);
	return !s.over;
}
