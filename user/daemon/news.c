// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a change of routes was: sessions, what is announced over them, and best paths, compared with before. */
#include <stdio.h>
#include <string.h>

#include "daemon/controller.h"
#include "obs/limits.h"
#include "obs/names.h"

/* More best paths than this are counted, not told one by one. */
#define MOST_PATHS 200

static const char *device_name(const struct controller *c, uint32_t device)
{
	return c->lab->fabric->devices.items[device].name;
}

static const char *session_name(const struct controller *c, const struct session_view *s, char out[static 256])
{
	if (s->link != NO_INDEX)
		return c->lab->fabric->links.items[s->link].name;
	snprintf(out, 256, "%.120s:%.120s", device_name(c, s->a), device_name(c, s->b));
	return out;
}

/* --- Sessions ---------------------------------------------------------------------------------------------------- */

static void tell_session(struct controller *c, const struct session_view *s)
{
	cJSON *fields = cJSON_CreateObject();
	char name[256];
	const char *why = !s->up && s->down_because ? s->down_because : "";

	cJSON_AddStringToObject(fields, "state", s->up ? "up" : "down");
	cJSON_AddStringToObject(fields, "a", device_name(c, s->a));
	cJSON_AddStringToObject(fields, "b", device_name(c, s->b));
	if (*why)
		cJSON_AddStringToObject(fields, "because", why);
	event(c, "session", session_name(c, s, name), fields, "BGP session %s - %s is %s%s%s", device_name(c, s->a),
	      device_name(c, s->b), s->up ? "up" : "down", *why ? ": " : "", why);
}

static void session_changed(struct controller *c, const struct session_view *s)
{
	tell_session(c, s);
	if (s->link != NO_INDEX)
		c->lab->since[s->link] = clock_date();
}

/* A session that ends ends what was said in it; nothing more can have come over it. */
static void tell_dropped(struct controller *c, const char *session, cJSON *fields, uint32_t from, uint32_t to, size_t n)
{
	event(c, "drop", session, fields, "%s drops %zu prefix%s of %s: the session is down", device_name(c, to), n,
	      n == 1 ? "" : "es", device_name(c, from));
}

static void tell_said(struct controller *c, const char *session, cJSON *fields, uint32_t from, uint32_t to, size_t was,
		      size_t is)
{
	size_t moved = is < was ? was - is : is - was;

	event(c, is < was ? "withdraw" : "announce", session, fields, "%s %s %zu prefix%s %s %s: %zu now",
	      device_name(c, from), is < was ? "withdraws" : "announces", moved, moved == 1 ? "" : "es",
	      is < was ? "from" : "to", device_name(c, to), is);
}

static void sent_changed(struct controller *c, const struct session_view *s, uint32_t from, uint32_t to, size_t was,
			 size_t is)
{
	char name[256];
	const char *session = session_name(c, s, name);
	cJSON *fields;

	if (was == is)
		return;
	fields = cJSON_CreateObject();
	cJSON_AddStringToObject(fields, "from", device_name(c, from));
	cJSON_AddStringToObject(fields, "to", device_name(c, to));
	cJSON_AddNumberToObject(fields, "was", was);
	cJSON_AddNumberToObject(fields, "prefixes", is);
	if (s->up)
		tell_said(c, session, fields, from, to, was, is);
	else
		tell_dropped(c, session, fields, from, to, was);
}

static void compare_sessions(struct controller *c, const struct rib *was, const struct rib *now)
{
	for (size_t i = 0; i < now->sessions.n && i < was->sessions.n; i++) {
		const struct session_view *a = &was->sessions.items[i], *b = &now->sessions.items[i];

		if (a->up != b->up)
			session_changed(c, b);
	}
	for (size_t i = 0; i < now->sessions.n && i < was->sessions.n; i++) {
		const struct session_view *a = &was->sessions.items[i], *b = &now->sessions.items[i];

		sent_changed(c, b, b->a, b->b, a->sent_a, b->sent_a);
		sent_changed(c, b, b->b, b->a, a->sent_b, b->sent_b);
	}
}

/* --- Over a load ------------------------------------------------------------------------------------------------- */

void news_remember(const struct controller *c, session_memory *out)
{
	const struct rib *now = c->way ? c->way->now : NULL;

	for (size_t i = 0; now && i < now->sessions.n; i++) {
		const struct session_view *s = &now->sessions.items[i];
		struct session_was was = {xstrdup(device_name(c, s->a)), xstrdup(device_name(c, s->b)), s->up};

		vec_push(out, was);
	}
}

void news_forget(session_memory *memory)
{
	vec_each(m, memory) {
		free(m->a);
		free(m->b);
	}
	vec_free(memory);
}

static const struct session_was *recall(const struct controller *c, const session_memory *memory,
					const struct session_view *s)
{
	vec_each(m, memory) {
		if (!strcmp(m->a, device_name(c, s->a)) && !strcmp(m->b, device_name(c, s->b)))
			return m;
	}
	return NULL;
}

static bool is_news(const struct rib *now, const struct session_view *s, const struct session_was *was)
{
	return was ? was->up != s->up : session_is_worth_a_word(now, s);
}

void news_of_load(struct controller *c, const session_memory *memory)
{
	const struct rib *now = c->way->now;

	vec_each(s, &now->sessions) {
		const struct session_was *was = recall(c, memory, s);

		if (is_news(now, s, was))
			(was ? session_changed : tell_session)(c, s);
	}
}

/* --- Best paths -------------------------------------------------------------------------------------------------- */

static bool same_hop(const struct route *a, const struct route *b)
{
	return a->source == b->source && a->from == b->from && a->link == b->link;
}

/* A device's own addresses come and go with its links; nobody has chosen them. */
static bool is_chosen(const struct rib_entry *e)
{
	return e && e->n_best && e->routes[0].source != SOURCE_LOCAL && e->routes[0].source != SOURCE_CONNECTED;
}

static bool same_best(const struct rib_entry *a, const struct rib_entry *b)
{
	unsigned n = a ? a->n_best : 0;

	if (n != (b ? b->n_best : 0))
		return false;
	for (unsigned i = 0; i < n; i++) {
		if (!same_hop(&a->routes[i], &b->routes[i]))
			return false;
	}
	return true;
}

/* What a VNet has from its gateway leaves by an edge router: both count, as one gateway gives a route of each. */
static void hop_name(const struct controller *c, const struct route *r, char out[static 160])
{
	const struct fabric *f = c->lab->fabric;
	const struct link *l = r->link != NO_INDEX ? &f->links.items[r->link] : NULL;

	if (r->from == NO_INDEX)
		snprintf(out, 160, "%s", l ? l->name : source_name(r->source));
	else if (l && l->kind == LINK_VNET_MSEE)
		snprintf(out, 160, "%.70s over %.70s", device_name(c, r->from),
			 device_name(c, f->ports.items[l->ports[1]].device));
	else
		snprintf(out, 160, "%s", device_name(c, r->from));
}

static cJSON *hops_json(const struct controller *c, const struct rib_entry *e, char *text, size_t size)
{
	cJSON *list = cJSON_CreateArray();
	size_t n = 0;

	snprintf(text, size, "nobody");
	for (unsigned i = 0; e && i < e->n_best; i++) {
		char name[160];

		hop_name(c, &e->routes[i], name);
		cJSON_AddItemToArray(list, cJSON_CreateString(name));
		if (n < size)
			n += snprintf(text + n, size - n, "%s%s", i ? ", " : "", name);
	}
	return list;
}

static void best_changed(struct controller *c, const char *table, const struct rib_entry *was,
			 const struct rib_entry *now)
{
	const struct rib_entry *any = now ? now : was;
	char prefix[PREFIX_STRLEN], from[320], to[320], alike[40] = "";
	cJSON *fields = cJSON_CreateObject();
	const char *rule = now && now->n_best ? decide_step_name(now->decided_at) : NULL;

	prefix_format(&any->prefix, prefix);
	if (any->n_alike > 1)
		snprintf(alike, sizeof(alike), " and %u like it", any->n_alike - 1);
	cJSON_AddStringToObject(fields, "prefix", prefix);
	cJSON_AddNumberToObject(fields, "prefixes", any->n_alike);
	cJSON_AddItemToObject(fields, "was", hops_json(c, was, from, sizeof(from)));
	cJSON_AddItemToObject(fields, "now", hops_json(c, now, to, sizeof(to)));
	if (rule)
		cJSON_AddStringToObject(fields, "rule", rule);
	event(c, "best-path", table, fields, "%s: %s%s by %s now, was by %s%s%s", table, prefix, alike, to, from,
	      rule ? "; rule: " : "", rule ? rule : "");
}

static unsigned compare_table(struct controller *c, const struct rib_table *was, const struct rib_table *now,
			      unsigned told)
{
	size_t i = 0, k = 0;

	while (i < was->n_entries || k < now->n_entries) {
		const struct rib_entry *a = i < was->n_entries ? &was->entries[i] : NULL;
		const struct rib_entry *b = k < now->n_entries ? &now->entries[k] : NULL;
		int order = !a ? 1 : !b ? -1 : prefix_compare(&a->prefix, &b->prefix);
		const struct rib_entry *before = order <= 0 ? a : NULL, *after = order >= 0 ? b : NULL;

		if ((is_chosen(before) || is_chosen(after)) && !same_best(before, after) && told++ < MOST_PATHS)
			best_changed(c, now->name, before, after);
		i += order <= 0;
		k += order >= 0;
	}
	return told;
}

static void compare_tables(struct controller *c, const struct rib *was, const struct rib *now)
{
	unsigned told = 0;

	/* What a VNet has for its peers changes with its own. */
	for (size_t i = 0; i < now->tables.n && i < was->tables.n; i++)
		told = now->tables.items[i].for_peers
			       ? told
			       : compare_table(c, &was->tables.items[i], &now->tables.items[i], told);
	if (told > MOST_PATHS)
		event(c, "best-path", c->name, NULL, "and %u best paths more", told - MOST_PATHS);
}

void news_of_routes(struct controller *c)
{
	const struct rib *was = c->way->former, *now = c->way->now;

	if (!was || !now)
		return;
	compare_sessions(c, was, now);
	compare_tables(c, was, now);
}
