// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the edge router of a circuit's path knows: routes, neighbours, ARP. */
#include <errno.h>
#include <inttypes.h>

#include "ctl/decide.h"
#include "obs/show.h"

/* What follows each path where Azure copies it out of the router's screen, in every capture (azure.md 8.2). */
#define PATH_ENDS_IN "\n                    "

#define ARP_LIFETIME_S 14400 /* four hours, Cisco's default: an entry is renewed then */

static uint32_t msee_of(const struct view_call *call)
{
	return device_of_circuit(call->lab->fabric, call->args[0].circuit, call->path);
}

static bool has_peering(const struct view_call *call, struct error *e)
{
	const struct circuit *c = call->args[0].circuit;

	if (!c->has_private_peering)
		error_set(e, -ENOENT, "circuit '%s' has no AzurePrivatePeering, so there is nothing to show", c->name);
	return c->has_private_peering;
}

/* --- Routes ------------------------------------------------------------------------------------------------------ */

static bool is_shown(const struct route *r)
{
	return r->source == SOURCE_BGP && !r->invalid;
}

const struct route *circuit_mark(const struct rib_entry *e)
{
	const struct decide_rules *rules = decide_rules_of(ERX_KIND_MSEE);
	const struct route *best = &e->routes[0];
	enum decide_step step;
	unsigned n = 0;

	for (unsigned i = 0; i < e->n_routes; i++)
		n += is_shown(&e->routes[i]);
	for (unsigned i = 1; i < e->n_best; i++) {
		if (route_compare(&e->routes[i], best, rules, &step) > 0)
			best = &e->routes[i];
	}
	return n > 1 && e->n_best ? best : NULL;
}

static char origin_letter(enum origin origin)
{
	return "IE?"[origin];
}

static cJSON *route_row(const struct rib_entry *e, const struct route *r, bool mark)
{
	char network[PREFIX_STRLEN], hop[ADDR_STRLEN], text[ADDR_STRLEN + 2], preference[16];
	char *as_path = as_path_join(r->attrs, " "), *path;
	cJSON *row = cJSON_CreateObject();

	snprintf(preference, sizeof(preference), "%" PRIu32, r->attrs->local_pref);
	snprintf(text, sizeof(text), "%s%s", addr_format(&r->next_hop, hop), mark ? "*" : "");
	path = xasprintf("%s%s%c" PATH_ENDS_IN, as_path, *as_path ? " " : "", origin_letter(r->attrs->origin));
	cJSON_AddStringToObject(row, "locPrf", preference);
	cJSON_AddStringToObject(row, "network", prefix_format(&e->prefix, network));
	cJSON_AddStringToObject(row, "nextHop", text);
	cJSON_AddStringToObject(row, "path", path);
	cJSON_AddNumberToObject(row, "weight", 0); /* an MSEE gives none */
	free(as_path);
	free(path);
	return row;
}

cJSON *show_circuit_routes(const struct view_call *call, struct error *e)
{
	const struct rib_table *t = rib_table_of(call->lab->now, msee_of(call));
	cJSON *list, *document;

	if (!has_peering(call, e))
		return NULL;
	document = new_list(&list);
	for (size_t i = 0; i < t->n_entries; i++) {
		const struct rib_entry *entry = &t->entries[i];
		const struct route *mark = circuit_mark(entry);

		for (unsigned k = 0; k < entry->n_routes; k++) {
			const struct route *r = &entry->routes[k];

			if (is_shown(r))
				cJSON_AddItemToArray(list, route_row(entry, r, r == mark));
		}
	}
	return document;
}

/* --- Summary ----------------------------------------------------------------------------------------------------- */

static bool was_never_up(const struct lab *lab, const struct session_view *s)
{
	return s->link != NO_INDEX && lab->fabric->links.items[s->link].down_in_file;
}

/* Cisco's words: over its number of prefixes, without a link, or trying. */
static const char *state_down(const struct lab *lab, const struct session_view *s)
{
	struct conditions now = lab_conditions(lab);

	if (!link_carries(lab, s->link))
		return "Idle";
	return now.session_down && now.session_down[s->link] ? "Active" : "Idle (PfxCt)";
}

static cJSON *summary_row(const struct view_call *call, size_t session)
{
	const struct session_view *s = &call->lab->now->sessions.items[session];
	char since[32] = "never", prefixes[32];
	cJSON *row = cJSON_CreateObject();
	const struct device *peer;
	uint64_t age = session_age(call, s);
	struct addr addr;

	peer = session_peer(call->lab->fabric, s, msee_of(call), &addr);
	if (s->up || (age && !was_never_up(call->lab, s)))
		format_up_down(age, since);
	if (s->up)
		snprintf(prefixes, sizeof(prefixes), "%zu", session_received(call->lab->now, msee_of(call), session));
	else
		snprintf(prefixes, sizeof(prefixes), "%s", state_down(call->lab, s));
	cJSON_AddNumberToObject(row, "as", peer->asn);
	add_addr(row, "neighbor", &addr);
	cJSON_AddStringToObject(row, "statePfxRcd", prefixes);
	cJSON_AddStringToObject(row, "upDown", since);
	cJSON_AddNumberToObject(row, "v", 4);
	return row;
}

/* The router lists its neighbours by address. */
static int compare_neighbours(const void *a, const void *b, void *arg)
{
	const struct view_call *call = arg;
	const struct session_view *sessions = call->lab->now->sessions.items;
	struct addr x, y;

	session_peer(call->lab->fabric, &sessions[*(const size_t *)a], msee_of(call), &x);
	session_peer(call->lab->fabric, &sessions[*(const size_t *)b], msee_of(call), &y);
	return addr_compare(&x, &y);
}

cJSON *show_circuit_summary(const struct view_call *call, struct error *e)
{
	const struct rib *rib = call->lab->now;
	cJSON *list, *document;
	VEC(size_t) of = {};

	if (!has_peering(call, e))
		return NULL;
	document = new_list(&list);
	for (size_t i = 0; i < rib->sessions.n; i++) {
		if (session_is_of(&rib->sessions.items[i], msee_of(call)))
			vec_push(&of, i);
	}
	if (of.n)
		qsort_r(of.items, of.n, sizeof(*of.items), compare_neighbours, (void *)call);
	vec_each(session, &of)
		cJSON_AddItemToArray(list, summary_row(call, *session));
	vec_free(&of);
	return document;
}

/* --- ARP --------------------------------------------------------------------------------------------------------- */

static void add_arp(cJSON *list, const char *interface, const struct addr *a, const uint8_t *mac, uint64_t age_s)
{
	cJSON *row = cJSON_CreateObject();
	char text[16] = "Incomplete";

	if (mac)
		snprintf(text, sizeof(text), "%02x%02x.%02x%02x.%02x%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
			 mac[5]);
	cJSON_AddNumberToObject(row, "age", age_s);
	cJSON_AddStringToObject(row, "interface", interface);
	add_addr(row, "ipAddress", a);
	cJSON_AddStringToObject(row, "macAddress", text);
	cJSON_AddItemToArray(list, row);
}

/* How long the customer's router has been heard: since its session came up, renewed every few hours. */
static uint64_t arp_age_s(const struct view_call *call, uint32_t link)
{
	vec_each(s, &call->lab->now->sessions) {
		if (s->link == link && s->up)
			return session_age(call, s) / 1000000000u % ARP_LIFETIME_S;
	}
	return 0;
}

/* A link that loses all packets keeps its entries for hours; without its session too, there was no ARP to begin with.
 */
static bool is_heard(const struct lab *lab, uint32_t link)
{
	struct conditions now = lab_conditions(lab);

	return link_carries(lab, link) && !(lab->link_silent[link] && now.session_down && now.session_down[link]);
}

/* The customer has the first usable address of the link, Microsoft the second (azure.md 7.1). */
cJSON *show_circuit_arp(const struct view_call *call, struct error *e)
{
	const struct lab *lab = call->lab;
	const struct prefix *net = &call->args[0].circuit->link[call->path];
	struct addr customer = prefix_nth(net, 1), microsoft = prefix_nth(net, 2);
	uint32_t msee = msee_of(call), link = device_link(lab->fabric, msee, LINK_CIRCUIT, NULL, 0), port;
	cJSON *list, *document;
	const uint8_t *heard = NULL;

	if (!has_peering(call, e))
		return NULL;
	document = new_list(&list);
	port = link == NO_INDEX ? NO_INDEX : device_port_on(lab->fabric, msee, link);
	if (port != NO_INDEX && is_heard(lab, link))
		heard = lab->image->ports.items[port_peer(lab->fabric, port)].entry.mac;
	add_arp(list, "On-Prem", &customer, heard, heard ? arp_age_s(call, link) : 0);
	if (port != NO_INDEX)
		add_arp(list, "Microsoft", &microsoft, lab->image->ports.items[port].entry.mac, 0);
	return document;
}
