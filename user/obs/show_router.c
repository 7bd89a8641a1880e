// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A customer router's BGP table, as Cisco's `show ip bgp` has it. */
#include <inttypes.h>
#include <string.h>

#include "ctl/attrs.h"
#include "ctl/decide.h"
#include "obs/show.h"

#define WEIGHT_OWN 32768 /* Cisco's, of what the router itself announces */

static const char *const origins[] = {[ORIGIN_IGP] = "i", [ORIGIN_EGP] = "e", [ORIGIN_INCOMPLETE] = "?"};

struct row {
	struct prefix prefix;
	struct addr next_hop;
	const struct attrs *attrs; /* NULL: the router's own */
	bool best, multipath;
};

typedef VEC(struct row) rows;

/* --- Rows -------------------------------------------------------------------------------------------------------- */

/* The router's list, as long as its LAN is there; it leads to the switch. */
static void add_own(const struct view_call *call, const struct device *d, rows *out)
{
	const struct fabric *f = call->lab->fabric;
	uint32_t lan = device_link(f, d->index, LINK_LAN, NULL, 0);
	struct addr hop;

	if (!link_carries(call->lab, lan))
		return;
	hop = f->ports.items[port_peer(f, device_port_on(f, d->index, lan))].addr.addr;
	vec_each(a, &d->router->advertise) {
		for (uint32_t i = 0; i < a->count; i++) {
			struct prefix next = prefix_next(&a->first, i);
			struct row row = {.prefix = prefix_network(&next), .next_hop = hop, .best = true};

			vec_push(out, row);
		}
	}
}

/* Of routes that share the load one is the best all the same: the one that the last steps leave. */
static const struct route *best_of(const struct rib_entry *e)
{
	const struct decide_rules *rules = decide_rules_of(ERX_KIND_CE);
	const struct route *best = NULL;
	enum decide_step step;

	for (unsigned i = 0; i < e->n_best; i++) {
		const struct route *r = &e->routes[i];

		if (r->source == SOURCE_BGP && (!best || route_compare(r, best, rules, &step) > 0))
			best = r;
	}
	return best;
}

static void add_learned(const struct view_call *call, const struct device *d, rows *out)
{
	const struct rib_table *t = rib_table_of(call->lab->now, d->index);

	for (size_t i = 0; i < t->n_entries; i++) {
		const struct rib_entry *e = &t->entries[i];
		const struct route *best = best_of(e);

		for (unsigned k = 0; k < e->n_routes; k++) {
			const struct route *r = &e->routes[k];
			struct row row = {.prefix = e->prefix,
					  .next_hop = r->next_hop,
					  .attrs = r->attrs,
					  .best = r == best,
					  .multipath = best && r != best && k < e->n_best};

			if (r->source == SOURCE_BGP && !r->invalid)
				vec_push(out, row);
		}
	}
}

static int compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = prefix_compare(&x->prefix, &y->prefix);

	if (order)
		return order;
	if (!x->attrs != !y->attrs)
		return x->attrs ? 1 : -1;
	return x->best != y->best ? y->best - x->best : addr_compare(&x->next_hop, &y->next_hop);
}

/* What the router announces itself, nobody else's route replaces. */
static void sort_rows(rows *rows)
{
	const struct prefix *own = NULL;

	if (!rows->n)
		return;
	qsort(rows->items, rows->n, sizeof(*rows->items), compare_rows);
	vec_each(r, rows) {
		if (!r->attrs)
			own = &r->prefix;
		else if (own && prefix_equal(&r->prefix, own))
			r->best = r->multipath = false;
	}
}

/* IOS prints a local preference that was set, and a metric that was sent. */
static cJSON *row_json(const struct row *r)
{
	char *path = as_path_join(r->attrs, " ");
	cJSON *row = cJSON_CreateObject();

	cJSON_AddBoolToObject(row, "best", r->best);
	if (r->attrs && r->attrs->local_pref != DEFAULT_LOCAL_PREF)
		cJSON_AddNumberToObject(row, "locPrf", r->attrs->local_pref);
	else
		cJSON_AddNullToObject(row, "locPrf");
	if (!r->attrs || r->attrs->med)
		cJSON_AddNumberToObject(row, "metric", r->attrs ? r->attrs->med : 0);
	else
		cJSON_AddNullToObject(row, "metric");
	cJSON_AddBoolToObject(row, "multipath", r->multipath);
	add_prefix(row, "network", &r->prefix);
	add_addr(row, "nextHop", &r->next_hop);
	cJSON_AddStringToObject(row, "origin", origins[r->attrs ? r->attrs->origin : ORIGIN_IGP]);
	cJSON_AddStringToObject(row, "path", path);
	cJSON_AddNumberToObject(row, "weight", r->attrs ? r->attrs->weight : WEIGHT_OWN);
	free(path);
	return row;
}

cJSON *show_router_routes(const struct view_call *call, struct error *e)
{
	const struct fabric *f = call->lab->fabric;
	const struct device *d = &f->devices.items[device_of_router(f, call->args[0].router)];
	cJSON *document = cJSON_CreateObject(), *list;
	rows rows = {};

	(void)e;
	cJSON_AddNumberToObject(document, "localAs", d->asn);
	add_addr(document, "routerId", &d->router_id);
	list = cJSON_AddArrayToObject(document, "routes");
	add_own(call, d, &rows);
	add_learned(call, d, &rows);
	sort_rows(&rows);
	vec_each(r, &rows)
		cJSON_AddItemToArray(list, row_json(r));
	vec_free(&rows);
	return document;
}

/* --- For people -------------------------------------------------------------------------------------------------- */

static void print_route(const cJSON *row, const char *network, FILE *out)
{
	static const char *const fields[] = {"nextHop", "metric", "locPrf", "weight", "path", "origin"};
	enum { HOP, METRIC, PREFERENCE, WEIGHT, PATH, ORIGIN, N };
	bool best = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(row, "best"));
	bool multipath = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(row, "multipath"));
	char *text[N];

	for (int i = 0; i < N; i++)
		text[i] = value_text(cJSON_GetObjectItemCaseSensitive(row, fields[i]));
	fprintf(out, " *%-4s%-17s", best ? ">" : multipath ? "m" : "", network);
	/* IOS goes on in the next line when the network is too long for its column. */
	if (strlen(network) > 16)
		fprintf(out, "\n%23s", "");
	fprintf(out, "%-16s%10s%7s%7s %s%s%s\n", text[HOP], text[METRIC], text[PREFERENCE], text[WEIGHT], text[PATH],
		*text[PATH] ? " " : "", text[ORIGIN]);
	for (int i = 0; i < N; i++)
		free(text[i]);
}

void print_router_routes(const cJSON *document, FILE *out)
{
	char *id = value_text(cJSON_GetObjectItemCaseSensitive(document, "routerId")), *before = xstrdup("");
	const cJSON *row;

	fprintf(out,
		"BGP table version is 1, local router ID is %s\n"
		"Status codes: * valid, > best, m multipath\n"
		"Origin codes: i - IGP, e - EGP, ? - incomplete\n\n"
		"     Network          Next Hop            Metric LocPrf Weight Path\n",
		id);
	cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(document, "routes"))
	{
		char *network = value_text(cJSON_GetObjectItemCaseSensitive(row, "network"));

		print_route(row, strcmp(network, before) ? network : "", out);
		free(before);
		before = network;
	}
	free(before);
	free(id);
}
