// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Expectations of routes. A resource that is several devices (both instances of
 * a gateway, both edge routers of a circuit) must meet them at each.
 */
#include <stdio.h>
#include <string.h>

#include "ctl/attrs.h"
#include "obs/expect.h"
#include "obs/names.h"
#include "obs/routes.h"
#include "obs/show.h"

/* What is asked of one table, and where the answer is written. */
struct look {
	const struct rib *rib;
	const struct route_expectation *x;
	const struct device *device;
	const struct rib_table *table;
	FILE *seen, *expected; /* expected stays empty when all holds */
};

/* ", " between the parts of an answer. */
static FILE *next_part(FILE *out, const char *separator)
{
	if (ftell(out) > 0)
		fputs(separator, out);
	return out;
}

/* --- Which devices a name means ----------------------------------------------------------------------------------- */

static bool is_called(const struct device *d, const char *name)
{
	return !strcmp(d->name, name) || (d->gateway && !strcmp(d->gateway->name, name)) ||
	       (d->circuit && !strcmp(d->circuit->name, name));
}

/* The device at the other end of a link; NULL when that is a host, or there is no link. */
static const struct device *far_end(const struct fabric *f, uint32_t device, uint32_t link)
{
	const struct link *l = link == NO_INDEX ? NULL : &f->links.items[link];

	for (int end = 0; l && end < 2; end++) {
		if (l->ports[end] != NO_INDEX && f->ports.items[l->ports[end]].device != device)
			return &f->devices.items[f->ports.items[l->ports[end]].device];
	}
	return NULL;
}

/* Whether a route of this table has come from there: by its announcer, its connection, or its way out. */
static bool is_from(const struct look *k, const struct route *r, const char *name)
{
	const struct fabric *f = k->rib->fabric;
	const struct device *next = far_end(f, k->table->device, r->link);

	return (r->connection && !strcmp(r->connection->name, name)) ||
	       (r->from != NO_INDEX && is_called(&f->devices.items[r->from], name)) || (next && is_called(next, name));
}

static bool is_from_any(const struct look *k, const struct route *r, const name_list *names)
{
	vec_each(name, names) {
		if (is_from(k, r, *name))
			return true;
	}
	return !names->n;
}

/* --- One route ---------------------------------------------------------------------------------------------------- */

static void print_as_path(FILE *out, const uint32_t *path, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s%u", i ? " " : "", path[i]);
}

/* Whether each of the routes in use passes. */
static bool all_best(const struct look *k, const struct rib_entry *e,
		     bool (*passes)(const struct look *k, const struct route *r))
{
	for (unsigned i = 0; i < e->n_best; i++) {
		if (!passes(k, &e->routes[i]))
			return false;
	}
	return true;
}

static bool via_passes(const struct look *k, const struct route *r)
{
	return is_from_any(k, r, &k->x->via);
}

/* Every name stands for one at least of the routes in use, and every such route for a name. */
static bool via_holds(const struct look *k, const struct rib_entry *e)
{
	vec_each(name, &k->x->via) {
		bool found = false;

		for (unsigned i = 0; i < e->n_best && !found; i++)
			found = is_from(k, &e->routes[i], *name);
		if (!found)
			return false;
	}
	return all_best(k, e, via_passes);
}

static void via_expected(const struct look *k)
{
	vec_each(name, &k->x->via)
		fprintf(k->expected, "%s%s", name == k->x->via.items ? "via " : " and ", *name);
}

/* With 'over', the route from there lost by that rule; without, the best beat the next one by it. */
static bool rule_holds(const struct look *k, const struct rib_entry *e)
{
	const struct route_expectation *x = k->x;

	if (!x->over)
		return !strcmp(decide_step_name(e->decided_at), x->rule);
	for (unsigned i = e->n_best; i < e->n_routes; i++) {
		if (is_from(k, &e->routes[i], x->over) &&
		    (!x->rule || !strcmp(decide_step_name(e->routes[i].lost_at), x->rule)))
			return true;
	}
	return false;
}

static void rule_expected(const struct look *k)
{
	fprintf(k->expected, "%s%s%s%s", k->x->rule ? k->x->rule : "", k->x->over && k->x->rule ? " " : "",
		k->x->over ? "over " : "", k->x->over ? k->x->over : "");
}

static bool as_path_passes(const struct look *k, const struct route *r)
{
	return r->attrs && r->attrs->as_path_len == k->x->as_path.n &&
	       !memcmp(r->attrs->as_path, k->x->as_path.items, k->x->as_path.n * sizeof(uint32_t));
}

static bool as_path_holds(const struct look *k, const struct rib_entry *e)
{
	return all_best(k, e, as_path_passes);
}

static void as_path_expected(const struct look *k)
{
	fputs("AS path ", k->expected);
	print_as_path(k->expected, k->x->as_path.items, k->x->as_path.n);
}

static bool local_pref_passes(const struct look *k, const struct route *r)
{
	return r->attrs && r->attrs->local_pref == k->x->local_pref;
}

static bool local_pref_holds(const struct look *k, const struct rib_entry *e)
{
	return all_best(k, e, local_pref_passes);
}

static void local_pref_expected(const struct look *k)
{
	fprintf(k->expected, "local preference %u", k->x->local_pref);
}

static bool weight_passes(const struct look *k, const struct route *r)
{
	return r->attrs && r->attrs->weight == k->x->weight;
}

static bool weight_holds(const struct look *k, const struct rib_entry *e)
{
	return all_best(k, e, weight_passes);
}

static void weight_expected(const struct look *k)
{
	fprintf(k->expected, "weight %u", k->x->weight);
}

static const struct expected_hop *find_hop(const struct route_expectation *x, const struct addr *a)
{
	vec_each(hop, &x->next_hops) {
		if (addr_equal(&hop->addr, a))
			return hop;
	}
	return NULL;
}

static bool next_hops_hold(const struct look *k, const struct rib_entry *e)
{
	const struct route *mark = circuit_mark(e);

	for (unsigned i = 0; i < e->n_best; i++) {
		const struct expected_hop *hop = find_hop(k->x, &e->routes[i].next_hop);

		if (!hop || (hop->marked && mark != &e->routes[i]))
			return false;
	}
	return e->n_best == k->x->next_hops.n;
}

static void next_hops_expected(const struct look *k)
{
	char text[ADDR_STRLEN];

	vec_each(hop, &k->x->next_hops)
		fprintf(k->expected, "%s%s%s", hop == k->x->next_hops.items ? "next hop " : " and ",
			addr_format(&hop->addr, text), hop->marked ? "*" : "");
}

static void print_route(const struct look *k, const struct route *r, bool mark)
{
	const struct fabric *f = k->rib->fabric;
	const struct device *d = r->from == NO_INDEX ? NULL : &f->devices.items[r->from];
	char text[ADDR_STRLEN];

	fprintf(next_part(k->seen, " and "), "%s", d ? d->name : source_name(r->source));
	if (addr_is_set(&r->next_hop))
		fprintf(k->seen, " %s%s", addr_format(&r->next_hop, text), mark ? "*" : "");
	if (!r->attrs)
		return;
	fputs(" [", k->seen);
	print_as_path(k->seen, r->attrs->as_path, r->attrs->as_path_len);
	fputs("]", k->seen);
	if (r->attrs->local_pref != DEFAULT_LOCAL_PREF || k->x->has_local_pref)
		fprintf(k->seen, " local preference %u", r->attrs->local_pref);
	if (r->attrs->weight)
		fprintf(k->seen, " weight %u", r->attrs->weight);
}

static void print_loser(const struct look *k, const struct rib_entry *e)
{
	const struct route *loser = e->n_best < e->n_routes ? &e->routes[e->n_best] : NULL;
	const struct device *d = loser && loser->from != NO_INDEX ? &k->rib->fabric->devices.items[loser->from] : NULL;

	for (unsigned i = e->n_best; k->x->over && i < e->n_routes; i++) {
		if (is_from(k, &e->routes[i], k->x->over)) {
			loser = &e->routes[i];
			d = loser->from == NO_INDEX ? NULL : &k->rib->fabric->devices.items[loser->from];
			break;
		}
	}
	fprintf(k->seen, "; %s", decide_step_name(loser ? loser->lost_at : e->decided_at));
	if (loser)
		fprintf(k->seen, " over %s", d ? d->name : source_name(loser->source));
}

/* One aspect of a route: whether it is asked for, whether it holds, and what would have. */
struct aspect {
	bool asked;
	bool (*holds)(const struct look *k, const struct rib_entry *e);
	void (*expected)(const struct look *k);
};

static void look_at_route(const struct look *k)
{
	const struct route_expectation *x = k->x;
	const struct aspect aspects[] = {
		{x->via.n, via_holds, via_expected},
		{x->rule || x->over, rule_holds, rule_expected},
		{x->as_path.n, as_path_holds, as_path_expected},
		{x->has_local_pref, local_pref_holds, local_pref_expected},
		{x->has_weight, weight_holds, weight_expected},
		{x->next_hops.n, next_hops_hold, next_hops_expected},
	};
	const struct rib_entry *e = rib_find(k->table, &x->prefix);

	if (!e || !e->n_best) {
		fputs("no route", k->seen);
		fputs("one", k->expected);
		return;
	}
	for (unsigned i = 0; i < e->n_best; i++)
		print_route(k, &e->routes[i], k->device->kind == ERX_KIND_MSEE && &e->routes[i] == circuit_mark(e));
	print_loser(k, e);
	for (size_t i = 0; i < sizeof(aspects) / sizeof(aspects[0]); i++) {
		if (aspects[i].asked && !aspects[i].holds(k, e)) {
			next_part(k->expected, ", ");
			aspects[i].expected(k);
		}
	}
}

/* --- What has been learned ---------------------------------------------------------------------------------------- */

static bool is_learned(const struct look *k, const struct rib_entry *e)
{
	for (unsigned i = 0; i < e->n_routes; i++) {
		const struct route *r = &e->routes[i];

		if (r->source == SOURCE_BGP && !r->invalid && is_from_any(k, r, &k->x->via))
			return true;
	}
	return false;
}

static bool is_listed(const prefix_list *list, const struct prefix *p)
{
	vec_each(i, list) {
		if (prefix_equal(i, p))
			return true;
	}
	return false;
}

static bool overlaps(const prefix_list *list, const struct prefix *p)
{
	vec_each(i, list) {
		if (prefix_covers(i, p) || prefix_covers(p, i))
			return true;
	}
	return false;
}

static void print_prefixes(FILE *out, const char *words, const prefix_list *list)
{
	char text[PREFIX_STRLEN];

	vec_each(p, list)
		fprintf(next_part(out, ", "), "%s%s", p == list->items ? words : "", prefix_format(p, text));
}

/* seen: what a table shows, of which the file lists all, or names some that must not be there. */
static void compare_prefixes(const struct look *k, const prefix_list *seen)
{
	const struct route_expectation *x = k->x;
	prefix_list missing = {}, extra = {};

	vec_each(p, &x->prefixes) {
		if (!is_listed(seen, p))
			vec_push(&missing, *p);
	}
	vec_each(p, seen) {
		if ((x->has_prefixes && !is_listed(&x->prefixes, p)) || overlaps(&x->not_see, p))
			vec_push(&extra, *p);
	}
	print_prefixes(k->expected, "also ", &missing);
	print_prefixes(k->expected, "not ", &extra);
	if (x->not_see.n && !extra.n)
		print_prefixes(k->seen, "does not see ", &x->not_see);
	else if (seen->n)
		print_prefixes(k->seen, "sees ", seen);
	else
		fputs("sees nothing", k->seen);
	vec_free(&missing);
	vec_free(&extra);
}

static void look_at_learned(const struct look *k)
{
	prefix_list learned = {};

	for (size_t i = 0; i < k->table->n_entries; i++) {
		if (is_learned(k, &k->table->entries[i]))
			vec_push(&learned, k->table->entries[i].prefix);
	}
	compare_prefixes(k, &learned);
	vec_free(&learned);
}

static void look_at_asn(const struct look *k)
{
	fprintf(k->seen, "AS %u", k->device->asn);
	if (k->device->asn != k->x->asn)
		fprintf(k->expected, "AS %u", k->x->asn);
}

/* --- Effective routes --------------------------------------------------------------------------------------------- */

static const char *cell(const cJSON *row, const char *column)
{
	const cJSON *value = cJSON_GetObjectItem(row, column);

	if (cJSON_IsArray(value))
		value = cJSON_GetArrayItem(value, 0);
	return cJSON_IsString(value) ? value->valuestring : "";
}

static bool is_cell(const cJSON *row, const char *column, const char *wanted)
{
	return !wanted || !strcmp(cell(row, column), wanted);
}

static bool row_prefix(const cJSON *row, struct prefix *out)
{
	return !prefix_parse(cell(row, "addressPrefix"), out);
}

static void print_row(const struct look *k, const cJSON *row)
{
	fprintf(next_part(k->seen, " and "), "%s %s", cell(row, "state"), cell(row, "nextHopType"));
	if (k->x->source)
		fprintf(k->seen, " (%s)", cell(row, "source"));
	if (*cell(row, "nextHopIpAddress"))
		fprintf(k->seen, " %s", cell(row, "nextHopIpAddress"));
}

static void row_hops_expected(const struct look *k, const addr_list *seen)
{
	bool same = seen->n == k->x->next_hops.n;

	vec_each(hop, seen)
		same = same && find_hop(k->x, hop);
	if (!same && k->x->next_hops.n)
		next_hops_expected(k);
}

static void look_at_rows(const struct look *k, const cJSON *rows)
{
	const struct route_expectation *x = k->x;
	const char *state = x->state ? x->state : "Active";
	addr_list hops = {};
	struct prefix p;
	struct addr hop;
	bool matches = false;
	const cJSON *row;

	cJSON_ArrayForEach(row, rows)
	{
		if (!row_prefix(row, &p) || !prefix_equal(&p, &x->prefix))
			continue;
		print_row(k, row);
		if (!is_cell(row, "state", state) || !is_cell(row, "source", x->source) ||
		    !is_cell(row, "nextHopType", x->next_hop_type))
			continue;
		matches = true;
		if (!addr_parse(cell(row, "nextHopIpAddress"), &hop))
			vec_push(&hops, hop);
	}
	if (!ftell(k->seen))
		fputs("no route", k->seen);
	if (matches)
		row_hops_expected(k, &hops);
	else
		fprintf(k->expected, "%s %s%s%s%s", state, x->next_hop_type ? x->next_hop_type : "row",
			x->source ? " (" : "", x->source ? x->source : "", x->source ? ")" : "");
	vec_free(&hops);
}

/* By whatever way packets can go; prefixes are those that the gateways have learned. */
static void look_at_active(const struct look *k, const cJSON *rows)
{
	prefix_list seen = {};
	struct prefix p;
	const cJSON *row;

	cJSON_ArrayForEach(row, rows)
	{
		bool learned = is_cell(row, "source", "VirtualNetworkGateway");
		bool leads = !is_cell(row, "nextHopType", "None") && !is_cell(row, "nextHopType", "Internet");

		if (row_prefix(row, &p) && is_cell(row, "state", "Active") && (k->x->has_prefixes ? learned : leads) &&
		    !is_listed(&seen, &p))
			vec_push(&seen, p);
	}
	compare_prefixes(k, &seen);
	vec_free(&seen);
}

static void look_at_vm(const struct look *k, const struct host *vm)
{
	cJSON *root = routes_json(k->rib, vm);
	const cJSON *rows = cJSON_GetObjectItem(root, "value");

	if (addr_is_set(&k->x->prefix.addr))
		look_at_rows(k, rows);
	else
		look_at_active(k, rows);
	cJSON_Delete(root);
}

/* --- All ---------------------------------------------------------------------------------------------------------- */

static void look_at_device(const struct look *k)
{
	if (k->x->asn)
		look_at_asn(k);
	if (addr_is_set(&k->x->prefix.addr))
		look_at_route(k);
	else if (k->x->has_prefixes || k->x->not_see.n)
		look_at_learned(k);
}

static char *about_text(const struct route_expectation *x)
{
	char *text = NULL, prefix[PREFIX_STRLEN];
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fputs(x->at, out);
	if (addr_is_set(&x->prefix.addr)) {
		fprintf(out, " %s", prefix_format(&x->prefix, prefix));
	} else {
		vec_each(name, &x->via)
			fprintf(out, "%s%s", name == x->via.items ? " via " : " or ", *name);
	}
	fclose(out);
	return text;
}

/* Take the answer of one device into the verdict: the first that fails is told, else the last one. */
static void conclude(struct verdict *v, const char *where, const char *seen, const char *expected)
{
	free(v->words);
	v->passed = !*expected;
	if (v->passed)
		v->words = xstrdup(seen);
	else
		v->words = xasprintf("%s%s%s; expected %s", strcmp(where, v->expectation->routes.at) ? where : "",
				     strcmp(where, v->expectation->routes.at) ? ": " : "", seen, expected);
}

static void answer(struct verdict *v, struct look *k, const struct host *vm)
{
	char *seen = NULL, *expected = NULL;
	size_t seen_size, expected_size;

	k->seen = open_memstream(&seen, &seen_size);
	k->expected = open_memstream(&expected, &expected_size);
	if (vm)
		look_at_vm(k, vm);
	else
		look_at_device(k);
	fclose(k->seen);
	fclose(k->expected);
	conclude(v, vm ? vm->name : k->device->name, seen, expected);
	free(seen);
	free(expected);
}

struct verdict expectation_check(const struct rib *rib, const struct expectation *e)
{
	struct verdict v = {.expectation = e, .passed = true, .about = about_text(&e->routes)};
	const struct host *vm = e->kind == EXPECT_VM ? fabric_host(rib->fabric, e->routes.at) : NULL;
	struct look k = {.rib = rib, .x = &e->routes};

	if (vm && vm->vnet)
		answer(&v, &k, vm);
	for (size_t i = 0; e->kind == EXPECT_ROUTES && v.passed && i < rib->fabric->devices.n; i++) {
		k.device = &rib->fabric->devices.items[i];
		k.table = rib_table_of(rib, i);
		if (is_called(k.device, e->routes.at))
			answer(&v, &k, NULL);
	}
	if (!v.words) {
		v.passed = false;
		v.words = xstrdup("not in the lab; is the file the one that is loaded?");
	}
	v.hops = xstrdup("");
	return v;
}
