// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Adjacencies, and under which path each counts. A path is one directed leg
 * (design.md 2): LEG>LEG where a leg is a VNet, a site, a circuit path or a VPN
 * connection. Most legs are known from the port a packet leaves by; where they
 * depend on the port it came in by, the adjacency has a row of legs.
 */
#include <stdio.h>
#include <string.h>

#include "fwd/compile.h"

struct path_name {
	UT_hash_handle hh;
	uint32_t id;
	char name[];
};

void compile_paths_free(struct compiler *c)
{
	struct path_name *p, *next;

	HASH_ITER(hh, c->paths, p, next) {
		HASH_DEL(c->paths, p);
		free(p);
	}
}

static uint32_t path_id(struct compiler *c, const char *from, const char *joint, const char *to, const char *suffix)
{
	char *name = arena_printf(c->image->arena, "%s%s%s%s", from, joint, to, suffix);
	struct path_name *known;

	HASH_FIND_STR(c->paths, name, known);
	if (!known) {
		struct image_path path = {.id = compile_id(c, ID_PATH, name), .name = name};

		known = xcalloc(1, sizeof(*known) + strlen(name) + 1);
		strcpy(known->name, name);
		known->id = path.id;
		HASH_ADD_STR(c->paths, name, known);
		vec_push(&c->image->paths, path);
	}
	return known->id;
}

/* How a device is called as the end of a leg: gateways count as their VNet, routers as their site. */
static const char *leg_name(const struct device *d)
{
	switch (d->kind) {
	case ERX_KIND_VNET:
	case ERX_KIND_ERGW:
	case ERX_KIND_VPNGW: return d->vnet->name;
	case ERX_KIND_CE:
	case ERX_KIND_LAN: return d->site->name;
	default: return d->name;
	}
}

struct egress {
	const struct fabric *f;
	const struct port *port;
	const struct link *link;
	const struct device *device;
	const struct device *peer; /* NULL: a host */
};

static struct egress egress_of(const struct fabric *f, uint32_t port)
{
	struct egress e = {.f = f, .port = &f->ports.items[port]};
	uint32_t peer = port_peer(f, port);

	e.link = &f->links.items[e.port->link];
	e.device = &f->devices.items[e.port->device];
	if (peer != NO_INDEX)
		e.peer = &f->devices.items[f->ports.items[peer].device];
	return e;
}

/* The path of what leaves here whatever port it came in by; ERX_NO_PATH when it is no leg of its own. */
static uint32_t plain_path(struct compiler *c, const struct egress *e)
{
	switch (e->link->kind) {
	case LINK_CIRCUIT:
	case LINK_REACH: return path_id(c, leg_name(e->device), ">", leg_name(e->peer), "");
	case LINK_VNET_MSEE:
		if (e->device->kind == ERX_KIND_VNET)
			return path_id(c, e->device->name, ">", e->peer->name, "");
		if (!gateway_can_fastpath(e->link->connection->gateway))
			return ERX_NO_PATH;
		return path_id(c, e->device->name, ">", e->peer->name, "/fastpath");
	case LINK_MSEE_ERGW:
		if (e->device->kind == ERX_KIND_MSEE)
			return path_id(c, e->device->name, ">", leg_name(e->peer), "/gateway");
		return ERX_NO_PATH;
	default: return ERX_NO_PATH;
	}
}

/* Where the leg depends on the ingress port: out of and into tunnels, and VM to VM over a peering. */
static bool has_legs(const struct egress *e)
{
	switch (e->link->kind) {
	case LINK_TUNNEL:
	case LINK_PEERING: return true;
	case LINK_GATEWAY: return e->device->kind == ERX_KIND_VPNGW;
	case LINK_LAN: return e->device->kind == ERX_KIND_CE;
	default: return false;
	}
}

/* Named as the peering is in the file, whichever end sends. */
static uint32_t peering_path(struct compiler *c, const struct egress *e)
{
	const struct device *first = e->device->index < e->peer->index ? e->device : e->peer;
	const struct device *second = first == e->device ? e->peer : e->device;

	return path_id(c, first->name, "<>", second->name, "");
}

/* The leg from a port that this device was entered by. */
static uint32_t leg_path(struct compiler *c, const struct egress *e, const struct port *in)
{
	const struct link *from = &e->f->links.items[in->link];
	const char *to = e->link->kind == LINK_TUNNEL ? e->link->connection->name : leg_name(e->peer);

	if (e->link->kind == LINK_PEERING)
		return in->role == ERX_ROLE_HOST ? peering_path(c, e) : ERX_NO_PATH;
	if (in->role == ERX_ROLE_TUNNEL)
		return path_id(c, from->connection->name, ">", to, "");
	return e->link->kind == LINK_TUNNEL ? path_id(c, leg_name(e->device), ">", to, "") : ERX_NO_PATH;
}

static uint32_t leg_row(struct compiler *c, const struct egress *e, const char *key)
{
	uint32_t row = compile_id(c, ID_LEG_ROW, key) * ERX_LEG_COLUMNS;
	bool done[ERX_LEG_COLUMNS] = {};

	vec_each(p, &e->device->ports) {
		const struct port *in = &e->f->ports.items[*p];
		uint32_t column = c->image->ports.items[*p].entry.path_column;
		struct image_leg leg = {.index = row + column};

		if (done[column] || in == e->port)
			continue;
		done[column] = true;
		leg.path = leg_path(c, e, in);
		vec_push(&c->image->legs, leg);
	}
	return row;
}

uint32_t tunnel_spi(const struct link *l, int from)
{
	return 0x10000000 | ((hash_text(l->name) * 2 + from) & 0x0fffffff);
}

static void host_fields(struct compiler *c, const struct egress *e, struct erx_adjacency *a)
{
	static const uint8_t checks[] = {
		[ICMP_CHECK_VNET_TAG] = ERX_CHECK_VNET_TAG,
		[ICMP_CHECK_PRIVATE] = ERX_CHECK_PRIVATE,
		[ICMP_CHECK_ANY] = ERX_CHECK_NONE,
	};
	const struct host *h = &e->f->hosts.items[e->link->host];

	host_mac(c->image, h, a->dst_mac);
	if (!h->vnet)
		return;
	a->icmp_check = checks[h->subnet->icmp_check];
	if (a->icmp_check != ERX_CHECK_NONE)
		a->flags |= ERX_ADJ_CHECKED;
	a->check_table = c->image->ports.items[e->port->index].entry.table;
}

static void tunnel_fields(const struct egress *e, struct erx_adjacency *a)
{
	int own = e->link->ports[1] == e->port->index;

	a->flags |= ERX_ADJ_ENCAP;
	a->outer_src = addr_be32(&e->link->outer[own]);
	a->outer_dst = addr_be32(&e->link->outer[!own]);
	a->spi = tunnel_spi(e->link, own);
}

/* transit: for what a VNet sends through its peer's gateways, which is no leg of its own. */
static uint32_t compile_adjacency(struct compiler *c, uint32_t port, bool transit)
{
	struct egress e = egress_of(c->in->fabric, port);
	const struct image_port *out = &c->image->ports.items[port];
	char *key = xasprintf("%s>%s%s", e.device->name, e.link->name, transit ? " transit" : "");
	struct image_adjacency adj = {
		.id = compile_id(c, ID_ADJACENCY, key),
		.port = port,
		.entry = {.port = out->id, .path = ERX_NO_PATH, .mtu = e.link->mtu, .role = e.port->role},
	};

	memcpy(adj.entry.src_mac, out->entry.mac, 6);
	if (e.peer) {
		adj.entry.flags |= ERX_ADJ_FABRIC;
		memcpy(adj.entry.dst_mac, c->image->ports.items[port_peer(e.f, port)].entry.mac, 6);
	} else {
		host_fields(c, &e, &adj.entry);
	}
	if (e.link->kind == LINK_TUNNEL)
		tunnel_fields(&e, &adj.entry);
	if (!transit && has_legs(&e)) {
		adj.entry.flags |= ERX_ADJ_PATH_BY_LEG;
		adj.entry.path = leg_row(c, &e, key);
	} else if (!transit) {
		adj.entry.path = plain_path(c, &e);
	}
	free(key);
	while (c->image->adjacency_at.n <= adj.id)
		vec_push(&c->image->adjacency_at, 0);
	c->image->adjacency_at.items[adj.id] = c->image->adjacencies.n;
	vec_push(&c->image->adjacencies, adj);
	return adj.id;
}

void compile_adjacencies(struct compiler *c)
{
	vec_each(p, &c->image->ports) {
		p->adjacency = compile_adjacency(c, p->port->index, false);
		if (c->in->fabric->links.items[p->port->link].kind == LINK_PEERING)
			p->transit = compile_adjacency(c, p->port->index, true);
	}
}
