// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "obs/explain.h"

#include <netinet/in.h>
#include <string.h>

#include "obs/fastpath.h"
#include "obs/limits.h"
#include "obs/names.h"
#include "obs/notes.h"
#include "obs/oneway.h"
#include "obs/words.h"

/* --- Words for one step ------------------------------------------------------------------------------------------ */

static void step_route_text(const struct image *image, const struct step *s, char *out, size_t size)
{
	const struct image_route *r = s->route;
	char text[PREFIX_STRLEN];

	if (!r)
		snprintf(out, size, "no route");
	else if (r->bypassing)
		snprintf(out, size, "FastPath address of '%s', in %s", r->bypass->name,
			 prefix_format(&r->prefix, text));
	else if (!r->entry || !r->entry->n_best)
		snprintf(out, size, "%s, known before a failure; nothing covers it now",
			 prefix_format(&r->prefix, text));
	else
		route_text(image->fabric, &r->entry->prefix, &r->entry->routes[0], out, size);
}

static void step_rule_text(const struct step *s, char *out, size_t size)
{
	const struct image_route *r = s->route;

	if (!r)
		snprintf(out, size, "%s", outcome_text(s->outcome));
	else if (r->bypassing)
		snprintf(out, size, "the bypass is on: the MSEE sends to the VM's host past the gateway (azure.md 5)");
	else if (!r->entry || !r->entry->n_best)
		snprintf(out, size, "%s", outcome_text(s->outcome));
	else
		snprintf(out, size, "longest prefix, then %s", decide_step_text(r->entry->decided_at));
}

/* Members of the group in use, the chosen one in brackets. */
static void members_text(const struct image *image, const struct step *s, char *out, size_t size)
{
	*out = '\0';
	for (uint32_t i = 0; s->hops && i < s->hops->n; i++) {
		const struct image_adjacency *a = image_adjacency(image, s->hops->members[i].adjacency);

		snprintf(out + strlen(out), size - strlen(out), i == s->member ? "%s[%s]" : "%s%s", i ? " " : "",
			 port_far_end(image->fabric, a->port));
	}
}

/* --- What lost ---------------------------------------------------------------------------------------------------- */

struct loser {
	const struct prefix *prefix;
	const struct route *route;
	const char *rule;
	const struct device *at; /* where it lost: the device itself, or the gateway that a VNet has its routes from */
};
typedef VEC(struct loser) loser_list;

static void add_losers(const struct device *at, const struct rib_entry *e, const struct rib_entry *chosen,
		       loser_list *out)
{
	bool shorter = e->prefix.len < chosen->prefix.len;
	unsigned first = e == chosen ? e->n_best : 0, end = shorter ? e->n_best : e->n_routes;

	for (unsigned i = first; i < end; i++) {
		const struct route *r = &e->routes[i];
		struct loser l = {.prefix = &e->prefix, .route = r, .rule = decide_step_text(r->lost_at), .at = at};

		if (r->invalid)
			l.rule = r->invalid;
		else if (shorter)
			l.rule = "a longer prefix is used first (azure.md 8.1; RFC 1812 5.2.4.3)";
		vec_push(out, l);
	}
}

/* What leaves Azure does not pass the gateway, but it is the gateway that has chosen. */
static void add_gateway_losers(const struct image *image, const struct rib_entry *chosen, loser_list *out)
{
	const struct route *best = chosen && chosen->n_best ? &chosen->routes[0] : NULL;
	const struct device *d = best && best->from != NO_INDEX ? &image->fabric->devices.items[best->from] : NULL;
	const struct rib_entry *e;

	if (!d || !d->gateway || best->source != SOURCE_BGP)
		return;
	e = rib_find(rib_table_of(image->now, d->index), &chosen->prefix);
	for (unsigned i = e ? e->n_best : 0; e && i < e->n_routes; i++) {
		/* What came over from the other gateway competes in the VNet's own table. */
		if (!e->routes[i].attrs->ibgp)
			vec_push(out, ((struct loser){&e->prefix, &e->routes[i], decide_step_text(e->routes[i].lost_at),
						      d}));
	}
}

/* Everything in the table that covers the destination and is not what is used, longest prefix first. */
static void find_losers(const struct image *image, const struct step *s, const struct addr *dst, loser_list *out)
{
	const struct rib_entry *chosen = s->route ? s->route->entry : NULL;
	struct prefix p = prefix_of(dst);

	for (unsigned len = p.len + 1; chosen && len-- > 0;) {
		const struct rib_entry *e;

		p.len = len;
		e = rib_find(step_table(image, s), &p);
		if (e)
			add_losers(s->device, e, chosen, out);
		if (e && e == chosen && s->device->kind == ERX_KIND_VNET)
			add_gateway_losers(image, chosen, out);
	}
}

/* --- Text -------------------------------------------------------------------------------------------------------- */

static void print_losers(const struct explain_input *in, const struct step *s, FILE *out)
{
	loser_list losers = {};
	char text[512];

	find_losers(in->image, s, &in->flow.dst, &losers);
	vec_each(l, &losers) {
		route_text(in->image->fabric, l->prefix, l->route, text, sizeof(text));
		fprintf(out, "      lost%s%s:%s %s: %s\n", l->at == s->device ? "" : " at ",
			l->at == s->device ? "" : l->at->name, l->at == s->device ? "  " : "", text, l->rule);
	}
	vec_free(&losers);
}

static void print_step(const struct explain_input *in, const struct step *s, FILE *out)
{
	char text[512];

	fprintf(out, "  %s (%s), from %s\n", s->device->name, kind_text(s->device->kind),
		port_far_end(in->image->fabric, s->in_port));
	step_route_text(in->image, s, text, sizeof(text));
	fprintf(out, "      route:  %s\n", text);
	step_rule_text(s, text, sizeof(text));
	fprintf(out, "      rule:   %s\n", text);
	if (s->hops && s->hops->n > 1) {
		members_text(in->image, s, text, sizeof(text));
		fprintf(out, "      shares: %s%s\n", text,
			in->ports_given || in->flow.protocol == IPPROTO_ICMP
				? ""
				: " (which one depends on the ports; give --sport and --dport)");
	}
	print_losers(in, s, out);
	if (s->policy)
		fprintf(out, "      TTL:    %u to %u; %s\n", s->ttl_in, s->ttl_out, s->policy->text);
	if (fastpath_step_text(in->image, in->fastpath, s, &in->flow.dst, text, sizeof(text)))
		fprintf(out, "      FastPath %s\n", text);
	if (s->outcome != ERX_forwarded)
		fprintf(out, "      ends here: %s\n", outcome_text(s->outcome));
}

static void print_way(const struct explain_input *in, const struct walk *w, FILE *out)
{
	vec_each(s, &w->steps)
		print_step(in, s, out);
	if (w->delivered)
		fprintf(out, "  %s receives it with TTL %u\n", w->delivered->name, w->ttl);
}

static void print_hops(const struct prediction *p, FILE *out)
{
	const char *host = p->forward.delivered ? p->forward.delivered->name : "";
	char text[ADDR_STRLEN];

	vec_each(h, &p->hops) {
		fprintf(out, "  %2u  %-15s", h->ttl, addr_is_set(&h->addr) ? addr_format(&h->addr, text) : "*");
		fprintf(out, "  %s%s%s\n", h->device ? h->device->name : host, *h->silent ? " silent: " : "",
			h->silent);
	}
}

static void print_oneway(const oneway_list *list, FILE *out)
{
	if (list->n)
		fprintf(out, "\none way only\n");
	vec_each(o, list)
		fprintf(out, "  %s (%s): %s; %s\n", o->device->name, kind_text(o->device->kind),
			o->back ? "the way back" : "the way there", o->text);
}

static void print_notes(const note_list *notes, FILE *out)
{
	if (notes->n)
		fprintf(out, "\nnotes\n");
	vec_each(n, notes)
		fprintf(out, "  %s%s (%s)\n", n->cause ? "cause: " : "", n->text, n->source);
}

static bool concerns(const struct limit_usage *u, const struct prediction *p)
{
	return limit_is_near(u) && (limit_concerns(u, &p->forward) || limit_concerns(u, &p->back));
}

/* Limits near or over, of what the two ways pass. */
static void print_limits(const struct rib *rib, const struct prediction *p, FILE *out)
{
	bool first = true;
	char text[512];

	vec_each(u, &rib->limits) {
		if (!concerns(u, p))
			continue;
		limit_text(u, text, sizeof(text));
		fprintf(out, "%s  %s\n", first ? "\nlimits\n" : "", text);
		first = false;
	}
}

static void print_verdict(const struct prediction *p, const note_list *notes, FILE *out)
{
	if (p->reachable)
		fprintf(out, "\nreachable; ping prints ttl=%u\n", p->ping_ttl);
	else
		fprintf(out, "\nnot reachable: %s\n", notes->n ? notes->items[0].text : "no cause is known");
}

static struct flow reverse(const struct flow *f)
{
	struct flow r = {.src = f->dst, .dst = f->src, .protocol = f->protocol, .sport = f->dport, .dport = f->sport};

	return r;
}

/* A pair of hosts with all that is said of it. */
struct finding {
	struct prediction there;
	oneway_list oneway;
	note_list notes;
};

static void find(const struct explain_input *in, struct finding *f)
{
	struct note_case c = {.image = in->image, .from = in->from, .to = in->to, .p = &f->there};

	memset(f, 0, sizeof(*f));
	predict(in->image, in->from, in->to, &in->flow, &f->there);
	oneway_find(&f->there, &f->oneway);
	notes_find(&c, &f->notes);
}

static void finding_free(struct finding *f)
{
	prediction_free(&f->there);
	vec_free(&f->oneway);
	notes_free(&f->notes);
}

void explain_print(const struct explain_input *in, FILE *out)
{
	struct explain_input back = *in;
	char from[HOST_TEXT], to[HOST_TEXT];
	struct finding f;

	find(in, &f);
	host_text(in->from, from);
	host_text(in->to, to);
	fprintf(out, "%s > %s\n", from, to);
	print_way(in, &f.there.forward, out);
	fprintf(out, "\n%s > %s, the way back%s\n", to, from, f.oneway.n ? " (not the same devices)" : "");
	back.flow = reverse(&in->flow);
	print_way(&back, &f.there.back, out);
	print_oneway(&f.oneway, out);
	print_notes(&f.notes, out);
	print_limits(in->image->now, &f.there, out);
	fprintf(out, "\ntraceroute shows\n");
	print_hops(&f.there, out);
	print_verdict(&f.there, &f.notes, out);
	finding_free(&f);
}

/* --- JSON -------------------------------------------------------------------------------------------------------- */

static const struct step *step_of(const struct walk *w, const struct device *d)
{
	vec_each(s, &w->steps) {
		if (s->device == d)
			return s;
	}
	return NULL;
}

static cJSON *losers_json(const struct explain_input *in, const struct step *s)
{
	cJSON *list = cJSON_CreateArray();
	loser_list losers = {};
	char text[512];

	if (s)
		find_losers(in->image, s, &in->flow.dst, &losers);
	vec_each(l, &losers) {
		cJSON *item = cJSON_CreateObject();

		route_text(in->image->fabric, l->prefix, l->route, text, sizeof(text));
		cJSON_AddStringToObject(item, "route", text);
		cJSON_AddStringToObject(item, "lostBy", l->rule);
		cJSON_AddStringToObject(item, "at", l->at->name);
		cJSON_AddItemToArray(list, item);
	}
	vec_free(&losers);
	return list;
}

static cJSON *members_json(const struct image *image, const struct step *s)
{
	cJSON *list = cJSON_CreateArray();

	for (uint32_t i = 0; s && s->hops && i < s->hops->n; i++) {
		const struct image_adjacency *a = image_adjacency(image, s->hops->members[i].adjacency);

		cJSON_AddItemToArray(list, cJSON_CreateString(port_far_end(image->fabric, a->port)));
	}
	return list;
}

/* What a device decides: the same fields in a line of the traceroute and in the list of all devices. */
static void add_decision(const struct explain_input *in, const struct step *s, cJSON *item)
{
	char text[512] = "";

	if (s)
		step_route_text(in->image, s, text, sizeof(text));
	cJSON_AddStringToObject(item, "route", text);
	*text = '\0';
	if (s)
		step_rule_text(s, text, sizeof(text));
	cJSON_AddStringToObject(item, "rule", text);
	cJSON_AddItemToObject(item, "losers", losers_json(in, s));
	cJSON_AddItemToObject(item, "members", members_json(in->image, s));
	if (s && fastpath_step_text(in->image, in->fastpath, s, &in->flow.dst, text, sizeof(text)))
		cJSON_AddStringToObject(item, "fastPath", text);
}

/* One line of the traceroute, with what its device does to a packet that goes on. */
static cJSON *hop_json(const struct explain_input *in, const struct walk *way, const struct hop *hop)
{
	const char *host = way->delivered ? way->delivered->name : "";
	cJSON *item = cJSON_CreateObject();
	char addr[ADDR_STRLEN];

	cJSON_AddStringToObject(item, "device", hop->device ? hop->device->name : host);
	cJSON_AddNumberToObject(item, "ttl", hop->ttl);
	if (addr_is_set(&hop->addr))
		cJSON_AddStringToObject(item, "hop", addr_format(&hop->addr, addr));
	else
		cJSON_AddNullToObject(item, "hop");
	if (*hop->silent)
		cJSON_AddStringToObject(item, "silent", hop->silent);
	else
		cJSON_AddNullToObject(item, "silent");
	add_decision(in, hop->device ? step_of(way, hop->device) : NULL, item);
	return item;
}

static cJSON *hops_json(const struct explain_input *in, const struct prediction *p)
{
	cJSON *list = cJSON_CreateArray();

	vec_each(hop, &p->hops)
		cJSON_AddItemToArray(list, hop_json(in, &p->forward, hop));
	return list;
}

/* Every device, those that are no hop included. */
static cJSON *devices_json(const struct explain_input *in, const struct walk *w)
{
	cJSON *list = cJSON_CreateArray();

	vec_each(s, &w->steps) {
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "device", s->device->name);
		cJSON_AddStringToObject(item, "kind", kind_name(s->device->kind));
		cJSON_AddStringToObject(item, "from", port_far_end(in->image->fabric, s->in_port));
		cJSON_AddNumberToObject(item, "ttlIn", s->ttl_in);
		cJSON_AddNumberToObject(item, "ttlOut", s->policy ? s->ttl_out : s->ttl_in);
		cJSON_AddStringToObject(item, "outcome", outcome_name(s->outcome));
		add_decision(in, s, item);
		cJSON_AddItemToArray(list, item);
	}
	return list;
}

static cJSON *oneway_json(const oneway_list *list)
{
	cJSON *array = cJSON_CreateArray();

	vec_each(o, list) {
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "device", o->device->name);
		cJSON_AddStringToObject(item, "kind", kind_name(o->device->kind));
		cJSON_AddStringToObject(item, "way", o->back ? "back" : "forward");
		cJSON_AddStringToObject(item, "text", o->text);
		cJSON_AddItemToArray(array, item);
	}
	return array;
}

static cJSON *notes_json(const note_list *notes)
{
	static const char *const ways[] = {[NOTE_BOTH] = "both", [NOTE_FORWARD] = "forward", [NOTE_BACK] = "back"};
	cJSON *array = cJSON_CreateArray();

	vec_each(n, notes) {
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "name", n->name);
		cJSON_AddBoolToObject(item, "cause", n->cause);
		cJSON_AddStringToObject(item, "way", ways[n->way]);
		cJSON_AddStringToObject(item, "text", n->text);
		cJSON_AddStringToObject(item, "source", n->source);
		cJSON_AddItemToArray(array, item);
	}
	return array;
}

static cJSON *concerned_limits_json(const struct rib *rib, const struct prediction *p)
{
	cJSON *array = cJSON_CreateArray();

	vec_each(u, &rib->limits) {
		if (concerns(u, p))
			cJSON_AddItemToArray(array, limit_json(u));
	}
	return array;
}

cJSON *explain_json(const struct explain_input *in)
{
	struct explain_input back = {.image = in->image,
				     .fastpath = in->fastpath,
				     .from = in->to,
				     .to = in->from,
				     .flow = reverse(&in->flow),
				     .ports_given = in->ports_given};
	cJSON *root = cJSON_CreateObject();
	struct prediction here;
	struct finding f;

	find(in, &f);
	predict(in->image, back.from, back.to, &back.flow, &here);
	cJSON_AddBoolToObject(root, "reachable", f.there.reachable);
	if (f.there.reachable)
		cJSON_AddNumberToObject(root, "pingTtl", f.there.ping_ttl);
	else
		cJSON_AddNullToObject(root, "pingTtl");
	cJSON_AddItemToObject(root, "forward", hops_json(in, &f.there));
	cJSON_AddItemToObject(root, "back", hops_json(&back, &here));
	cJSON_AddItemToObject(root, "forwardDevices", devices_json(in, &f.there.forward));
	cJSON_AddItemToObject(root, "backDevices", devices_json(&back, &f.there.back));
	cJSON_AddBoolToObject(root, "asymmetric", f.oneway.n > 0);
	cJSON_AddItemToObject(root, "oneWay", oneway_json(&f.oneway));
	cJSON_AddItemToObject(root, "notes", notes_json(&f.notes));
	cJSON_AddItemToObject(root, "limits", concerned_limits_json(in->image->now, &f.there));
	finding_free(&f);
	prediction_free(&here);
	return root;
}
