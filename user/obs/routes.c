// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "obs/routes.h"

#include <string.h>

#include "obs/names.h"

struct row {
	const char *source, *state, *type;
	char prefix[PREFIX_STRLEN], next_hop[ADDR_STRLEN];
};

typedef VEC(struct row) rows;

static const char *azure_source(const struct route *r)
{
	return r->source == SOURCE_UDR ? "User" : r->source == SOURCE_BGP ? "VirtualNetworkGateway" : "Default";
}

static const char *azure_type(const struct fabric *f, const struct route *r)
{
	static const char *const udr_types[] = {
		[UDR_VIRTUAL_APPLIANCE] = "VirtualAppliance",
		[UDR_VIRTUAL_NETWORK_GATEWAY] = "VirtualNetworkGateway",
		[UDR_NONE] = "None",
		[UDR_VNET_LOCAL] = "VnetLocal",
		[UDR_INTERNET] = "Internet",
	};
	const struct link *l = r->link == NO_INDEX ? NULL : &f->links.items[r->link];
	bool global;

	switch (r->source) {
	case SOURCE_UDR: return udr_types[r->udr->hop];
	case SOURCE_BGP: return "VirtualNetworkGateway";
	case SOURCE_PEERING:
		global = l && strcmp(f->devices.items[f->ports.items[l->ports[0]].device].vnet->location,
				     f->devices.items[f->ports.items[l->ports[1]].device].vnet->location);
		return global ? "VNetGlobalPeering" : "VNetPeering";
	case SOURCE_SYSTEM_NONE: return "None";
	case SOURCE_INTERNET: return "Internet";
	default: return "VnetLocal";
	}
}

/* What Azure shows as the next hop of a gateway's route: the MSEE's underlay address, a VPN gateway's public one. */
static struct addr azure_next_hop(const struct fabric *f, const struct route *r)
{
	const struct link *l = r->link == NO_INDEX ? NULL : &f->links.items[r->link];

	if (r->source == SOURCE_UDR)
		return r->udr->next_hop;
	if (r->source != SOURCE_BGP || !l)
		return (struct addr){};
	if (l->kind == LINK_VNET_MSEE && addr_is_set(&l->circuit->underlay[l->path]))
		return l->circuit->underlay[l->path];
	if (l->kind == LINK_GATEWAY) {
		const struct device *gw = &f->devices.items[f->ports.items[l->ports[0]].device];

		if (!gw->gateway)
			gw = &f->devices.items[f->ports.items[l->ports[1]].device];
		if (gw->instance < gw->gateway->public_addresses.n && !gw->gateway->active_active)
			return gw->gateway->public_addresses.items[gw->instance];
		return gw->instance_addr;
	}
	return r->next_hop;
}

static void add_row(rows *out, const struct fabric *f, const struct rib_entry *e, const struct route *r, bool active)
{
	struct addr hop = azure_next_hop(f, r);
	struct row row = {
		.source = azure_source(r),
		.state = active ? "Active" : "Invalid",
		.type = azure_type(f, r),
	};

	prefix_format(&e->prefix, row.prefix);
	if (addr_is_set(&hop))
		addr_format(&hop, row.next_hop);
	vec_push(out, row);
}

/* Through a peer's gateways: the rows of the peer, whose routes they are. */
static void add_peer_rows(rows *out, const struct rib *rib, const struct rib_entry *e, const struct route *r,
			  bool active)
{
	const struct rib_entry *hub = rib_find(rib_table_of(rib, r->from), &e->prefix);

	for (unsigned i = 0; hub && i < hub->n_best; i++)
		if (hub->routes[i].source == SOURCE_BGP)
			add_row(out, rib->fabric, hub, &hub->routes[i], active);
}

static void collect(const struct rib *rib, const struct rib_table *t, rows *out)
{
	for (size_t at = 0; at < t->n_entries; at++) {
		const struct rib_entry *e = &t->entries[at];

		for (unsigned i = 0; i < e->n_routes; i++) {
			const struct route *r = &e->routes[i];
			const struct link *l = r->link == NO_INDEX ? NULL : &rib->fabric->links.items[r->link];

			if (r->source == SOURCE_HOST || r->source == SOURCE_LOCAL)
				continue; /* Azure delivers inside the VNet by its space, not by host routes */
			if (r->source == SOURCE_BGP && l && l->kind == LINK_PEERING && r->from != NO_INDEX)
				add_peer_rows(out, rib, e, r, i < e->n_best);
			else
				add_row(out, rib->fabric, e, r, i < e->n_best);
		}
	}
}

/* --- On premises: the switch's table ------------------------------------------------------------------------------ */

static void print_switch(const struct rib *rib, const struct rib_table *t, FILE *out)
{
	char text[PREFIX_STRLEN], hop[ADDR_STRLEN];

	fprintf(out, "%-20s %-10s %-16s %s\n", "Prefix", "Source", "Next Hop", "Device");
	for (size_t at = 0; at < t->n_entries; at++) {
		const struct rib_entry *e = &t->entries[at];

		for (unsigned i = 0; i < e->n_routes; i++) {
			const struct route *r = &e->routes[i];

			fprintf(out, "%-20s %-10s %-16s %s%s\n", prefix_format(&e->prefix, text),
				source_name(r->source), addr_format(&r->next_hop, hop),
				r->from == NO_INDEX ? "-" : rib->fabric->devices.items[r->from].name,
				i < e->n_best ? "" : " (not used)");
		}
	}
}

static cJSON *switch_json(const struct rib *rib, const struct rib_table *t)
{
	cJSON *root = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(root, "value");
	char text[PREFIX_STRLEN], hop[ADDR_STRLEN];

	for (size_t at = 0; at < t->n_entries; at++) {
		const struct rib_entry *e = &t->entries[at];

		for (unsigned i = 0; i < e->n_routes; i++) {
			const struct route *r = &e->routes[i];
			cJSON *item = cJSON_CreateObject();

			cJSON_AddStringToObject(item, "prefix", prefix_format(&e->prefix, text));
			cJSON_AddStringToObject(item, "source", source_name(r->source));
			cJSON_AddStringToObject(item, "nextHop", addr_format(&r->next_hop, hop));
			cJSON_AddStringToObject(item, "device",
						r->from == NO_INDEX ? "" : rib->fabric->devices.items[r->from].name);
			cJSON_AddBoolToObject(item, "used", i < e->n_best);
			cJSON_AddItemToArray(list, item);
		}
	}
	return root;
}

/* --- Both -------------------------------------------------------------------------------------------------------- */

void routes_print(const struct rib *rib, const struct host *h, FILE *out)
{
	const struct rib_table *t = rib_table_of_host(rib, h);
	rows list = {};

	if (!h->vnet) {
		print_switch(rib, t, out);
		return;
	}
	collect(rib, t, &list);
	fprintf(out, "%-21s  %-7s  %-18s  %-21s  %s\n", "Source", "State", "Address Prefix", "Next Hop Type",
		"Next Hop IP");
	fprintf(out, "---------------------  -------  ------------------  ---------------------  -------------\n");
	vec_each(r, &list)
		fprintf(out, "%-21s  %-7s  %-18s  %-21s  %s\n", r->source, r->state, r->prefix, r->type, r->next_hop);
	vec_free(&list);
}

static cJSON *string_array(const char *text)
{
	cJSON *list = cJSON_CreateArray();

	if (*text)
		cJSON_AddItemToArray(list, cJSON_CreateString(text));
	return list;
}

cJSON *routes_json(const struct rib *rib, const struct host *h)
{
	const struct rib_table *t = rib_table_of_host(rib, h);
	cJSON *root, *value;
	rows list = {};

	if (!h->vnet)
		return switch_json(rib, t);
	root = cJSON_CreateObject();
	value = cJSON_AddArrayToObject(root, "value");
	collect(rib, t, &list);
	vec_each(r, &list) {
		cJSON *item = cJSON_CreateObject();
		const struct route_table *udrs = h->subnet->route_table;

		cJSON_AddItemToObject(item, "addressPrefix", string_array(r->prefix));
		cJSON_AddBoolToObject(item, "disableBgpRoutePropagation", udrs && udrs->disable_bgp_propagation);
		cJSON_AddNullToObject(item, "name");
		cJSON_AddItemToObject(item, "nextHopIpAddress", string_array(r->next_hop));
		cJSON_AddStringToObject(item, "nextHopType", r->type);
		cJSON_AddStringToObject(item, "source", r->source);
		cJSON_AddStringToObject(item, "state", r->state);
		cJSON_AddItemToArray(value, item);
	}
	vec_free(&list);
	return root;
}
