// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a gateway's instances have learned, send, and whom they speak with. */
#include "obs/show.h"
#include "topo/gateway_subnet.h"

#define WEIGHT_OWN 32768 /* of what no MSEE has announced (azure.md 7.4) */

typedef VEC(const struct device *) instances;

static bool is_running(const struct lab *lab, const struct device *instance)
{
	return link_carries(lab, device_link(lab->fabric, instance->index, LINK_GATEWAY, NULL, 0));
}

/* All instances of a VPN gateway report. Of an ExpressRoute gateway one does, any: here the first that runs. */
static void reporting(const struct view_call *call, instances *out)
{
	const struct gateway *g = call->args[0].gateway;
	const struct fabric *f = call->lab->fabric;

	for (unsigned i = 0; i < gateway_instances(g); i++) {
		const struct device *d = &f->devices.items[device_of_gateway(f, g, i)];

		if (is_running(call->lab, d) && (g->type == GATEWAY_VPN || !out->n))
			vec_push(out, d);
	}
}

static const struct addr *local_address(const struct device *d)
{
	return addr_is_set(&d->bgp_addr) ? &d->bgp_addr : &d->instance_addr;
}

/* --- Learned ----------------------------------------------------------------------------------------------------- */

static cJSON *learned_row(const struct device *d, const struct prefix *p, const struct route *r)
{
	bool own = r->source != SOURCE_BGP;
	char *path = as_path_join(own ? NULL : r->attrs, "-");
	cJSON *row = cJSON_CreateObject();

	cJSON_AddStringToObject(row, "asPath", path);
	add_addr(row, "localAddress", local_address(d));
	add_prefix(row, "network", p);
	if (!own)
		add_addr(row, "nextHop", &r->next_hop);
	cJSON_AddStringToObject(row, "origin", own ? "Network" : r->attrs->ibgp ? "IBgp" : "EBgp");
	add_addr(row, "sourcePeer", own ? local_address(d) : &r->next_hop);
	cJSON_AddNumberToObject(row, "weight", own ? WEIGHT_OWN : r->attrs->weight);
	free(path);
	return row;
}

/* Its VNets and what static routes lead to are its own networks; an instance's own address is none. */
static void add_learned(cJSON *list, const struct rib *rib, const struct device *d, enum route_source source)
{
	const struct rib_table *t = rib_table_of(rib, d->index);

	for (size_t i = 0; i < t->n_entries; i++) {
		for (unsigned k = 0; k < t->entries[i].n_routes; k++) {
			if (t->entries[i].routes[k].source == source)
				cJSON_AddItemToArray(list,
						     learned_row(d, &t->entries[i].prefix, &t->entries[i].routes[k]));
		}
	}
}

cJSON *show_learned_routes(const struct view_call *call, struct error *e)
{
	cJSON *list, *document = new_list(&list);
	instances from = {};

	(void)e;
	reporting(call, &from);
	vec_each(d, &from) {
		add_learned(list, call->lab->now, *d, SOURCE_STATIC);
		add_learned(list, call->lab->now, *d, SOURCE_BGP);
	}
	vec_free(&from);
	return document;
}

/* --- Advertised -------------------------------------------------------------------------------------------------- */

static cJSON *advertised_row(const struct device *d, const struct advertisement *a)
{
	static const char *const origins[] = {
		[ORIGIN_IGP] = "Igp", [ORIGIN_EGP] = "Egp", [ORIGIN_INCOMPLETE] = "Incomplete"};
	char *path = as_path_join(a->attrs, "-");
	cJSON *row = cJSON_CreateObject();

	cJSON_AddStringToObject(row, "asPath", path);
	add_addr(row, "localAddress", local_address(d));
	add_prefix(row, "network", &a->prefix);
	add_addr(row, "nextHop", local_address(d));
	cJSON_AddStringToObject(row, "origin", origins[a->attrs->origin]);
	cJSON_AddNumberToObject(row, "weight", 0); /* is never sent */
	free(path);
	return row;
}

static void add_advertised(cJSON *list, const struct view_call *call, const struct device *d)
{
	const struct rib *rib = call->lab->now;

	vec_each(s, &rib->sessions) {
		const struct advertisement *sent;
		const struct device *peer;
		struct addr addr;
		size_t n;

		if (!session_is_of(s, d->index) || !s->up)
			continue;
		peer = session_peer(rib->fabric, s, d->index, &addr);
		if (!addr_equal(&addr, &call->peer))
			continue;
		n = rib_advertised(rib, d->index, peer->index, &sent);
		for (size_t i = 0; i < n; i++)
			cJSON_AddItemToArray(list, advertised_row(d, &sent[i]));
	}
}

/* An address that is no peer is no error to Azure: the list is empty. */
cJSON *show_advertised_routes(const struct view_call *call, struct error *e)
{
	cJSON *list, *document = new_list(&list);
	instances from = {};

	(void)e;
	reporting(call, &from);
	vec_each(d, &from)
		add_advertised(list, call, *d);
	vec_free(&from);
	return document;
}

/* --- Peers ------------------------------------------------------------------------------------------------------- */

struct peer {
	uint32_t asn;
	const struct addr *local;
	struct addr addr;
	const char *state;
	uint64_t age_ns;
	size_t received, sent;
	bool connected;
};

static cJSON *peer_row(const struct peer *p)
{
	cJSON *row = cJSON_CreateObject();
	char text[32];

	cJSON_AddNumberToObject(row, "asn", p->asn);
	if (p->connected)
		cJSON_AddStringToObject(row, "connectedDuration", format_time_span(p->age_ns, text));
	else
		cJSON_AddNullToObject(row, "connectedDuration");
	add_addr(row, "localAddress", p->local);
	cJSON_AddNumberToObject(row, "messagesReceived", p->connected ? session_messages(p->age_ns, p->received) : 0);
	cJSON_AddNumberToObject(row, "messagesSent", p->connected ? session_messages(p->age_ns, p->sent) : 0);
	add_addr(row, "neighbor", &p->addr);
	cJSON_AddNumberToObject(row, "routesReceived", p->received);
	cJSON_AddStringToObject(row, "state", p->state);
	return row;
}

static void add_sessions(cJSON *list, const struct view_call *call, const struct device *d)
{
	const struct rib *rib = call->lab->now;

	for (size_t i = 0; i < rib->sessions.n; i++) {
		const struct session_view *s = &rib->sessions.items[i];
		struct peer p = {.local = local_address(d)};

		if (!session_is_of(s, d->index))
			continue;
		p.asn = session_peer(rib->fabric, s, d->index, &p.addr)->asn;
		p.connected = s->up;
		p.state = s->up ? "Connected" : "Connecting";
		p.age_ns = session_age(call, s);
		p.received = session_received(rib, d->index, i);
		p.sent = s->a == d->index ? s->sent_a : s->sent_b;
		cJSON_AddItemToArray(list, peer_row(&p));
	}
}

cJSON *show_bgp_peers(const struct view_call *call, struct error *e)
{
	cJSON *list, *document = new_list(&list);
	instances from = {};

	(void)e;
	reporting(call, &from);
	vec_each(d, &from) {
		struct peer self = {.asn = (*d)->asn, .local = local_address(*d), .state = "Unknown"};

		add_sessions(list, call, *d);
		self.addr = *self.local;
		if ((*d)->kind == ERX_KIND_VPNGW)
			cJSON_AddItemToArray(list, peer_row(&self));
	}
	vec_free(&from);
	return document;
}
