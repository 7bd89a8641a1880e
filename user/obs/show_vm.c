// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a VM's network knows: effective routes, and the next hop to an address. */
#include <netinet/in.h>
#include <string.h>

#include "fwd/walk.h"
#include "obs/routes.h"
#include "obs/show.h"

struct row {
	const char *source, *state, *type;
	struct prefix prefix;
	struct addr next_hop;
	const struct udr *udr;
	uint32_t link;	   /* by which the VNet with the gateways sends; NO_INDEX: by none */
	unsigned group, n; /* order of Azure's list; place in its group */
};

typedef VEC(struct row) rows;

/* Per source of a route: Azure's word, and where in the list its rows are. */
static const struct {
	const char *source, *type;
	unsigned group;
} kinds[] = {
	[SOURCE_VNET] = {"Default", "VnetLocal", 0},
	[SOURCE_PEERING] = {"Default", "VNetPeering", 1},
	[SOURCE_BGP] = {"VirtualNetworkGateway", "VirtualNetworkGateway", 2},
	[SOURCE_INTERNET] = {"Default", "Internet", 3},
	[SOURCE_SYSTEM_NONE] = {"Default", "None", 4},
	[SOURCE_UDR] = {"User", NULL, 5},
};

static const char *const udr_types[] = {
	[UDR_VIRTUAL_APPLIANCE] = "VirtualAppliance",
	[UDR_VIRTUAL_NETWORK_GATEWAY] = "VirtualNetworkGateway",
	[UDR_NONE] = "None",
	[UDR_VNET_LOCAL] = "VnetLocal",
	[UDR_INTERNET] = "Internet",
};

static const struct device *device_at_end(const struct fabric *f, const struct link *l, int end)
{
	return &f->devices.items[f->ports.items[l->ports[end]].device];
}

static const char *type_of(const struct fabric *f, const struct route *r)
{
	const struct link *l = r->link == NO_INDEX ? NULL : &f->links.items[r->link];

	if (r->source == SOURCE_UDR)
		return udr_types[r->udr->hop];
	if (r->source == SOURCE_PEERING && l &&
	    strcmp(device_at_end(f, l, 0)->vnet->location, device_at_end(f, l, 1)->vnet->location))
		return "VNetGlobalPeering";
	return kinds[r->source].type;
}

/* Active-standby shows the gateway's public address, active-active the instance's (azure.md 8.1). */
static struct addr gateway_hop(const struct device *gateway)
{
	const struct gateway *g = gateway->gateway;

	if (gateway->instance < g->public_addresses.n && !g->active_active)
		return g->public_addresses.items[gateway->instance];
	return gateway->instance_addr;
}

static struct addr next_hop_of(const struct fabric *f, const struct route *r)
{
	const struct link *l = r->link == NO_INDEX ? NULL : &f->links.items[r->link];

	if (r->source == SOURCE_UDR)
		return r->udr->next_hop;
	if (r->source != SOURCE_BGP || !l)
		return (struct addr){};
	if (l->kind == LINK_VNET_MSEE && addr_is_set(&l->circuit->underlay[l->path]))
		return l->circuit->underlay[l->path];
	if (l->kind == LINK_GATEWAY)
		return gateway_hop(device_at_end(f, l, device_at_end(f, l, 0)->gateway ? 0 : 1));
	return r->next_hop;
}

static void add_row(rows *out, const struct fabric *f, const struct rib_entry *e, const struct route *r, bool active)
{
	struct row row = {
		.source = kinds[r->source].source,
		.state = active ? "Active" : "Invalid",
		.type = type_of(f, r),
		.prefix = e->prefix,
		.next_hop = next_hop_of(f, r),
		.udr = r->udr,
		.link = r->link,
		.group = kinds[r->source].group,
		.n = out->n,
	};

	/* A user-defined route to a gateway is one row, however many instances that has. */
	if (r->udr && out->n && out->items[out->n - 1].udr == r->udr)
		return;
	vec_push(out, row);
}

/* Through a peer's gateways: the rows of the peer, whose routes they are, those that it does not use as well. */
static void add_peer_rows(rows *out, const struct rib *rib, const struct rib_entry *e, const struct route *r,
			  bool active)
{
	const struct rib_entry *hub = rib_find(rib_table_for_peers(rib, r->from), &e->prefix);

	for (unsigned i = 0; hub && i < hub->n_routes; i++) {
		if (hub->routes[i].source == SOURCE_BGP)
			add_row(out, rib->fabric, hub, &hub->routes[i], active && i < hub->n_best);
	}
}

/* Azure delivers inside a VNet by its space: there are no rows for single hosts, nor for what another has replaced. */
static void add_entry(rows *out, const struct rib *rib, const struct rib_entry *e)
{
	for (unsigned i = 0; i < e->n_routes; i++) {
		const struct route *r = &e->routes[i];
		const struct link *l = r->link == NO_INDEX ? NULL : &rib->fabric->links.items[r->link];

		if (!kinds[r->source].source || r->unlisted)
			continue;
		if (r->source == SOURCE_BGP && l && l->kind == LINK_PEERING && r->from != NO_INDEX)
			add_peer_rows(out, rib, e, r, i < e->n_best);
		else
			add_row(out, rib->fabric, e, r, i < e->n_best);
	}
}

static int compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return x->n < y->n ? -1 : x->n > y->n;
}

static cJSON *list_of(const struct addr *a)
{
	cJSON *list = cJSON_CreateArray();
	char text[ADDR_STRLEN];

	if (addr_is_set(a))
		cJSON_AddItemToArray(list, cJSON_CreateString(addr_format(a, text)));
	return list;
}

static cJSON *row_json(const struct row *r, bool no_propagation)
{
	cJSON *row = cJSON_CreateObject(), *prefixes;
	char text[PREFIX_STRLEN];

	prefixes = cJSON_AddArrayToObject(row, "addressPrefix");
	cJSON_AddItemToArray(prefixes, cJSON_CreateString(prefix_format(&r->prefix, text)));
	cJSON_AddBoolToObject(row, "disableBgpRoutePropagation", no_propagation);
	if (r->udr)
		cJSON_AddStringToObject(row, "name", r->udr->name);
	else
		cJSON_AddNullToObject(row, "name");
	cJSON_AddItemToObject(row, "nextHopIpAddress", list_of(&r->next_hop));
	cJSON_AddStringToObject(row, "nextHopType", r->type);
	cJSON_AddStringToObject(row, "source", r->source);
	cJSON_AddStringToObject(row, "state", r->state);
	return row;
}

cJSON *routes_json(const struct rib *rib, const struct host *h)
{
	const struct rib_table *t = rib_table_of_host(rib, h);
	const struct route_table *udrs = h->subnet->route_table;
	cJSON *list, *document = new_list(&list);
	rows rows = {};

	for (size_t i = 0; i < t->n_entries; i++)
		add_entry(&rows, rib, &t->entries[i]);
	if (rows.n)
		qsort(rows.items, rows.n, sizeof(*rows.items), compare_rows);
	vec_each(r, &rows)
		cJSON_AddItemToArray(list, row_json(r, udrs && udrs->disable_bgp_propagation));
	vec_free(&rows);
	return document;
}

cJSON *show_effective_routes(const struct view_call *call, struct error *e)
{
	(void)e;
	return routes_json(call->lab->now, call->args[0].host);
}

/* Azure lists some twenty more prefixes with next hop None than the four that the twin has (azure.md 8.1). */
bool is_system_route_left_out(const cJSON *row)
{
	static const char *const kept[] = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"};
	const cJSON *source = cJSON_GetObjectItemCaseSensitive(row, "source");
	const cJSON *type = cJSON_GetObjectItemCaseSensitive(row, "nextHopType");
	char *prefix = value_text(cJSON_GetObjectItemCaseSensitive(row, "addressPrefix"));
	bool left_out = cJSON_IsString(source) && !strcmp(source->valuestring, "Default") && cJSON_IsString(type) &&
			!strcmp(type->valuestring, "None");

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		left_out = left_out && strcmp(prefix, kept[i]);
	free(prefix);
	return left_out;
}

/* --- Next hop ---------------------------------------------------------------------------------------------------- */

/* The link by which a ping from this VM leaves the last VNet on its way; NO_INDEX: it ends before. */
static uint32_t link_taken(const struct lab *lab, const struct host *h, const struct addr *to)
{
	struct flow flow = {.src = h->addr, .dst = *to, .protocol = IPPROTO_ICMP};
	uint32_t link = NO_INDEX;
	struct walk w = {};

	walk_packet(lab->image, h->port, &flow, 64, false, &w);
	vec_each(s, &w.steps) {
		if (s->device->kind != ERX_KIND_VNET)
			break;
		link = s->out_port == NO_INDEX ? NO_INDEX : lab->fabric->ports.items[s->out_port].link;
	}
	walk_free(&w);
	return link;
}

/* Of several equal rows the one that this flow takes. */
static const struct row *pick_row(const rows *rows, uint32_t link)
{
	vec_each(r, rows) {
		if (link != NO_INDEX && r->link == link && !strcmp(r->state, "Active"))
			return r;
	}
	return rows->n ? &rows->items[0] : NULL;
}

/* Network Watcher has one word for both kinds of peering. */
static const char *watcher_type(const struct row *r)
{
	if (!r)
		return "VnetLocal"; /* a VM of the same VNet */
	return strstr(r->type, "Peering") ? "VirtualNetworkPeering" : r->type;
}

static void add_table_id(cJSON *row, const struct lab *lab, const struct row *r, const struct host *h)
{
	if (r && r->udr)
		add_resource_id(row, "routeTableId", lab, "Network/routeTables", h->subnet->route_table->name);
	else
		cJSON_AddStringToObject(row, "routeTableId", "System Route");
}

cJSON *show_next_hop(const struct view_call *call, struct error *e)
{
	const struct host *h = call->args[0].host;
	const struct addr *to = &call->args[1].addr;
	const struct rib_entry *entry = rib_lookup(rib_table_of_host(call->lab->now, h), to);
	cJSON *document = cJSON_CreateObject();
	const struct row *r;
	rows rows = {};

	(void)e;
	if (entry)
		add_entry(&rows, call->lab->now, entry);
	r = pick_row(&rows, link_taken(call->lab, h, to));
	if (r && addr_is_set(&r->next_hop))
		add_addr(document, "nextHopIpAddress", &r->next_hop);
	else
		cJSON_AddNullToObject(document, "nextHopIpAddress");
	cJSON_AddStringToObject(document, "nextHopType", entry ? watcher_type(r) : "None");
	add_table_id(document, call->lab, r, h);
	vec_free(&rows);
	return document;
}
