// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Devices and ports: what each port is to the program that runs on it. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "erxdp/hash.h"
#include "fwd/compile.h"

/* What a VM sees as its gateway in every VNet of Azure. */
static const uint8_t azure_gateway_mac[6] = {0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc};

/* Locally administered, with the port's number. The last byte is where source addresses carry the hop count. */
static void port_mac(uint32_t id, uint8_t mac[static 6])
{
	const uint8_t bytes[6] = {0x02, 0x45, 0x52, id >> 8, id, 0};

	memcpy(mac, bytes, 6);
}

void host_mac(const struct image *image, const struct host *h, uint8_t mac[static 6])
{
	uint32_t id = image->ports.items[h->port].id;
	const uint8_t vm[6] = {0x00, 0x0d, 0x3a, 0x01, id >> 8, id};
	const uint8_t server[6] = {0x02, 0x45, 0x52, id >> 8, id, 1};

	memcpy(mac, h->vnet ? vm : server, 6);
}

/*
 * Interface names have 15 characters and no '/': as much of the device's name as
 * fits, then the port's number, which makes it unique.
 */
static void interface_name(const char *name, uint32_t id, char out[static 16])
{
	char number[12];
	size_t room, n = 0;

	snprintf(number, sizeof(number), ".%u", id);
	room = 15 - strlen(number);
	for (const char *s = name; *s && n < room; s++)
		out[n++] = *s == '/' || *s == ':' ? '-' : *s;
	strcpy(out + n, number);
}

static struct erx_schedule icmp_limit(const struct topo *t)
{
	uint64_t interval = 1000000000ull / (t->icmp_rate ? t->icmp_rate : 1);

	return (struct erx_schedule){
		.interval_ns = interval,
		.slack_ns = interval * (t->icmp_burst ? t->icmp_burst - 1 : 0),
	};
}

static void compile_device(struct compiler *c, const struct device *d)
{
	struct image_device out = {
		.id = compile_id(c, ID_DEVICE, d->name),
		.device = d,
		.limit = icmp_limit(c->in->fabric->topo),
	};

	vec_push(&c->image->devices, out);
}

/* The set for what arrives at a port; made when it is the first port that needs it. */
static uint32_t policy_set_of(struct compiler *c, const struct port *port)
{
	struct policy_case a_case = policy_case_of(c->in->fabric, port);
	char *name = policy_set_name(&a_case);
	struct image_policy policy = {.set = compile_id(c, ID_POLICY_SET, name)};

	free(name);
	vec_each(p, &c->image->policies) {
		if (p->set == policy.set)
			return policy.set;
	}
	policy_compile(&a_case, &policy.policy);
	vec_push(&c->image->policies, policy);
	return policy.set;
}

/* Tunnel ports are numbered from 1, all others are column 0; at a VNet, hosts are column 1. */
static uint16_t path_column(const struct fabric *f, const struct port *port)
{
	const struct device *d = &f->devices.items[port->device];
	uint16_t column = 0;

	if (d->kind == ERX_KIND_VNET)
		return port->role == ERX_ROLE_HOST;
	if (port->role != ERX_ROLE_TUNNEL)
		return 0;
	vec_each(p, &d->ports) {
		column += f->ports.items[*p].role == ERX_ROLE_TUNNEL;
		if (*p == port->index)
			break;
	}
	return column < ERX_LEG_COLUMNS ? column : 0;
}

static void tunnel_entry(const struct link *l, const struct port *port, struct erx_port *e)
{
	int own = l->ports[1] == port->index;

	e->tunnel_local = addr_be32(&l->outer[own]);
	e->tunnel_remote = addr_be32(&l->outer[!own]);
	e->tunnel_spi = tunnel_spi(l, !own);
	e->tunnel_mtu = l->mtu;
}

static void host_entry(const struct fabric *f, const struct link *l, struct erx_port *e)
{
	const struct host *h = &f->hosts.items[l->host];
	struct prefix sources = host_cover(h);

	e->host = addr_be32(&sources.addr);
	e->host_mask = htonl(sources.len ? 0xffffffff << (32 - sources.len) : 0);
	if (h->vnet) {
		e->flags |= ERX_PORT_ARP_ANY;
		memcpy(e->mac, azure_gateway_mac, sizeof(e->mac));
	}
}

static struct erx_port port_entry(struct compiler *c, const struct port *port, uint32_t id, uint32_t *table_at)
{
	const struct fabric *f = c->in->fabric;
	const struct device *d = &f->devices.items[port->device];
	const struct link *l = &f->links.items[port->link];
	const struct rib_table *table = rib_table_of_port(c->in->now, port->index);
	struct erx_port e = {
		.device = c->image->devices.items[d->index].id,
		.hash_basis = erx_device_basis(d->name, f->topo->hash_seed ? f->topo->hash_seed : ERX_DEFAULT_SEED),
		.addr = addr_be32(&port->addr.addr),
		.policy_set = policy_set_of(c, port),
		.path_column = path_column(f, port),
		.kind = d->kind,
		.role = port->role,
	};

	port_mac(id, e.mac);
	if (l->kind == LINK_HOST)
		host_entry(f, l, &e);
	if (l->kind == LINK_TUNNEL)
		tunnel_entry(l, port, &e);
	if (c->in->link_silent && c->in->link_silent[l->index])
		e.flags |= ERX_PORT_FAULT;
	if (d->kind == ERX_KIND_ERGW && d->gateway->drop_fragments)
		e.flags |= ERX_PORT_DROP_FRAGMENTS;
	*table_at = table->index;
	e.table = compile_id(c, ID_TABLE, table->name);
	return e;
}

void compile_ports(struct compiler *c)
{
	const struct fabric *f = c->in->fabric;

	vec_each(d, &f->devices)
		compile_device(c, d);
	vec_each(port, &f->ports) {
		const struct device *d = &f->devices.items[port->device];
		char *key = xasprintf("%s>%s", d->name, f->links.items[port->link].name);
		struct image_port out = {.id = compile_id(c, ID_PORT, key), .port = port};

		free(key);
		interface_name(d->name, out.id, out.ifname);
		out.entry = port_entry(c, port, out.id, &out.table_at);
		vec_push(&c->image->ports, out);
	}
}

static void compile_wire(struct compiler *c, const struct link *l)
{
	struct image_wire out = {.link = l->index};

	for (int end = 0; end < 2; end++) {
		char *key = xasprintf("wire %s/%d", l->name, end);

		out.end[end].id = compile_id(c, ID_PORT, key);
		interface_name("wire", out.end[end].id, out.end[end].ifname);
		port_mac(out.end[end].id, out.end[end].mac);
		free(key);
	}
	vec_push(&c->image->wires, out);
}

void compile_wires(struct compiler *c)
{
	vec_each(l, &c->in->fabric->links) {
		if (c->in->wired && c->in->wired[l->index])
			compile_wire(c, l);
	}
}
