// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Whether one host reaches another, by real packets: a trace for the hops and a
 * series of echo requests for the times. Only what an unreachable destination is
 * due to is the model's word, as it is Azure's word there.
 */
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>

#include "fwd/walk.h"
#include "lab/probe.h"
#include "lab/series.h"
#include "obs/names.h"
#include "obs/show.h"

#define PROBES 100 /* as Azure sends */

struct connectivity {
	const struct view_call *call;
	const struct host *from, *to;
	struct trace trace;
	struct series series;
	unsigned n_hops; /* between the two */
};

/* --- Hops -------------------------------------------------------------------------------------------------------- */

/* Azure makes them up; these at least stay the same for the same question. */
static void hop_id(const struct connectivity *c, unsigned at, char out[static 37])
{
	const char *names[] = {c->call->lab->topo->name, c->from->name, c->to->name};
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (int i = 0; i < 3; i++) {
		for (const char *s = names[i]; *s; s++)
			hash = (hash ^ (uint8_t)*s) * 16777619u;
		hash = (hash ^ '/') * 16777619u;
	}
	snprintf(out, 37, "%08" PRIx32 "-0000-4000-8000-%012x", hash, at);
}

static void add_host_id(cJSON *row, const struct lab *lab, const struct host *h)
{
	if (h->vnet)
		add_resource_id(row, "resourceId", lab, "Compute/virtualMachines", h->name);
	else
		cJSON_AddStringToObject(row, "resourceId", "Unknown");
}

static cJSON *hop_row(const struct connectivity *c, unsigned at, const struct addr *a, const char *type,
		      const struct host *host)
{
	cJSON *row = cJSON_CreateObject(), *next;
	char id[37];

	if (addr_is_set(a))
		add_addr(row, "address", a);
	else
		cJSON_AddStringToObject(row, "address", "*");
	hop_id(c, at, id);
	cJSON_AddStringToObject(row, "id", id);
	cJSON_AddArrayToObject(row, "issues");
	next = cJSON_AddArrayToObject(row, "nextHopIds");
	if (at <= c->n_hops) {
		hop_id(c, at + 1, id);
		cJSON_AddItemToArray(next, cJSON_CreateString(id));
	}
	if (host)
		add_host_id(row, c->call->lab, host);
	else
		cJSON_AddStringToObject(row, "resourceId", "Unknown");
	cJSON_AddStringToObject(row, "type", type);
	return row;
}

/* A hop that answers from a GatewaySubnet is Azure's gateway or edge router; others belong to nobody Azure knows. */
static const char *hop_type(const struct topo *t, const struct addr *a)
{
	vec_each(v, &t->vnets) {
		if (addr_is_set(a) && v->gateway_subnet && prefix_has(&v->gateway_subnet->prefix, a))
			return "VirtualNetworkGateway";
	}
	return "Unknown";
}

static void add_hops(const struct connectivity *c, cJSON *list)
{
	const struct topo *t = c->call->lab->topo;

	cJSON_AddItemToArray(list, hop_row(c, 0, &c->from->addr, "Source", c->from));
	for (unsigned i = 0; i < c->n_hops; i++) {
		const struct addr *a = &c->trace.hops[i];

		cJSON_AddItemToArray(list, hop_row(c, i + 1, a, hop_type(t, a), NULL));
	}
	cJSON_AddItemToArray(list,
			     hop_row(c, c->n_hops + 1, &c->to->addr, c->to->vnet ? "VnetLocal" : "Destination", c->to));
}

/* Of a destination that does not answer: the hops up to the last that did. */
static unsigned hops_between(const struct trace *t)
{
	unsigned n = t->reached ? t->n_hops - 1 : t->n_hops;

	while (!t->reached && n && !addr_is_set(&t->hops[n - 1]))
		n--;
	return n;
}

/* --- Issues ------------------------------------------------------------------------------------------------------ */

static void add_context(cJSON *list, const char *key, const char *value)
{
	cJSON *item = cJSON_CreateObject();

	cJSON_AddStringToObject(item, "key", key);
	cJSON_AddStringToObject(item, "value", value);
	cJSON_AddItemToArray(list, item);
}

static const struct udr *udr_of(const struct step *s)
{
	const struct rib_entry *e = s->route ? s->route->entry : NULL;

	return e && e->n_routes && e->routes[0].source == SOURCE_UDR ? e->routes[0].udr : NULL;
}

/* Where it went wrong: where it stopped, or what sent it to an appliance. */
static const struct step *step_to_blame(const struct walk *w)
{
	const struct step *blame = &w->steps.items[w->steps.n - 1];

	vec_each(s, &w->steps) {
		if (w->delivered && udr_of(s))
			blame = s;
	}
	return blame;
}

/* A route table of a VNet is Azure's type UserDefinedRoute; for other devices it has no type but Unknown. */
static cJSON *issue_of(const struct walk *w, const char *origin)
{
	const struct step *last = step_to_blame(w);
	bool at_vnet = last->device->kind == ERX_KIND_VNET;
	cJSON *issue = cJSON_CreateObject(), *context = cJSON_AddArrayToObject(issue, "context");

	if (at_vnet)
		add_context(context, "RouteType", udr_of(last) ? "User" : "System");
	add_context(context, "Device", last->device->name);
	add_context(context, "Reason",
		    w->delivered ? "sent to an appliance, and the twin's hosts forward nothing"
				 : outcome_text(w->outcome));
	cJSON_AddStringToObject(issue, "origin", origin);
	cJSON_AddStringToObject(issue, "severity", "Error");
	cJSON_AddStringToObject(issue, "type", at_vnet ? "UserDefinedRoute" : "Unknown");
	return issue;
}

static void add_issue(cJSON *hop, const struct walk *w, const char *origin)
{
	if (w->steps.n)
		cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(hop, "issues"), issue_of(w, origin));
}

/* On the way there the issue is the source's, on the way back the destination's. */
static void add_issues(const struct connectivity *c, cJSON *list)
{
	struct flow flow = {.src = c->from->addr, .dst = c->to->addr, .protocol = IPPROTO_ICMP};
	struct prediction p;

	predict(c->call->lab->image, c->from, c->to, &flow, &p);
	if (!same_host(p.forward.delivered, c->to))
		add_issue(list->child, &p.forward, "Outbound");
	else if (!p.reachable)
		add_issue(list->child->prev, &p.back, "Inbound");
	prediction_free(&p);
}

/* --- The document ------------------------------------------------------------------------------------------------ */

static void add_ms(cJSON *document, const char *field, const struct series *p, uint64_t ns)
{
	if (p->answered)
		cJSON_AddNumberToObject(document, field, (ns + 500000) / 1000000);
	else
		cJSON_AddNullToObject(document, field);
}

static cJSON *connectivity_json(const struct connectivity *c)
{
	const struct series *p = &c->series;
	cJSON *document = cJSON_CreateObject(), *list;

	add_ms(document, "avgLatencyInMs", p, p->answered ? p->sum_ns / p->answered : 0);
	cJSON_AddStringToObject(document, "connectionStatus", p->answered ? "Reachable" : "Unreachable");
	list = cJSON_AddArrayToObject(document, "hops");
	add_hops(c, list);
	if (!p->answered)
		add_issues(c, list);
	add_ms(document, "maxLatencyInMs", p, p->most_ns);
	add_ms(document, "minLatencyInMs", p, p->least_ns);
	cJSON_AddNumberToObject(document, "probesFailed", p->sent - p->answered);
	cJSON_AddNumberToObject(document, "probesSent", p->sent);
	return document;
}

cJSON *show_connectivity(const struct view_call *call, struct error *e)
{
	struct connectivity c = {.call = call, .from = call->args[0].host, .to = call->args[1].host};
	traces list = {};
	cJSON *document = NULL;

	c.trace = (struct trace){.from = c.from, .to = c.to};
	vec_push(&list, c.trace);
	if (!lab_trace(call->lab, &list, e) && !lab_series(call->lab, c.from, c.to, PROBES, &c.series, e)) {
		c.trace = list.items[0];
		c.n_hops = hops_between(&c.trace);
		document = connectivity_json(&c);
	}
	vec_free(&list);
	return document;
}

/* --- For people -------------------------------------------------------------------------------------------------- */

static void print_issues(const cJSON *hop, FILE *out)
{
	const cJSON *issue, *pair;

	cJSON_ArrayForEach(issue, cJSON_GetObjectItemCaseSensitive(hop, "issues"))
	{
		char *type = value_text(issue);

		fprintf(out, "       issue %s:", type);
		free(type);
		cJSON_ArrayForEach(pair, cJSON_GetObjectItemCaseSensitive(issue, "context"))
		{
			char *key = value_text(cJSON_GetObjectItemCaseSensitive(pair, "key"));
			char *value = value_text(cJSON_GetObjectItemCaseSensitive(pair, "value"));

			fprintf(out, "%s %s=%s", pair->prev->next ? "," : "", key, value);
			free(key);
			free(value);
		}
		fputc('\n', out);
	}
}

void print_connectivity(const cJSON *document, FILE *out)
{
	static const char *const fields[] = {"connectionStatus", "probesFailed",   "probesSent",
					     "minLatencyInMs",	 "avgLatencyInMs", "maxLatencyInMs"};
	const cJSON *hop;
	char *text[6];
	unsigned n = 0;

	for (int i = 0; i < 6; i++)
		text[i] = value_text(cJSON_GetObjectItemCaseSensitive(document, fields[i]));
	fprintf(out, "%s: %s of %s probes failed", text[0], text[1], text[2]);
	if (*text[3])
		fprintf(out, "; round trip %s/%s/%s ms (min/avg/max)", text[3], text[4], text[5]);
	fputs("\n", out);
	for (int i = 0; i < 6; i++)
		free(text[i]);
	cJSON_ArrayForEach(hop, cJSON_GetObjectItemCaseSensitive(document, "hops"))
	{
		char *address = value_text(cJSON_GetObjectItemCaseSensitive(hop, "address"));
		char *type = value_text(cJSON_GetObjectItemCaseSensitive(hop, "type"));

		fprintf(out, "  %2u  %-16s %s\n", n++, address, type);
		print_issues(hop, out);
		free(address);
		free(type);
	}
}
