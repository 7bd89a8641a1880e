// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What can be asked of a controller, one line of JSON each:
 *
 *   {"do": "fail", "target": "er1.primary", "how": "down"}      down, silent, arp, bgp or maintenance
 *   {"do": "restore", "target": "er1.primary"}                  without a target: everything
 *   {"do": "fastpath", "connection": "hub-er1", "on": true}
 *   {"do": "borrow", "connections": ["hub-er1"]}                their FastPath switches, until this connection ends
 *   {"do": "switch", "on": true}                                all that are lent to this connection
 *   {"do": "give-back"}                                         they are as they were before
 *   {"do": "impair", "link": "ce1:er1.primary", "delayNs": 5000000}     also jitterNs, lossPpm, rateBps, reorderPpm
 *   {"do": "unimpair", "link": "ce1:er1.primary"}               without a link: everything
 *   {"do": "reload", "version": "1.2"}                          the topology was loaded anew, by this version
 *   {"do": "stop"}
 *   {"do": "status"}   {"do": "neighbours"}
 *   {"do": "events", "last": 100, "follow": true}               events come before the answer, and after it
 *   {"do": "events", "after": 12}                               all behind that "seq", or all that are kept
 *   {"do": "run", "args": ["status", "--json"]}                 erxdpctl, to two pipes that are passed with the line
 *
 * Down to "stop" by the changing socket only. The answer has "ok", and "text" or
 * "error" and the exit "code" of erxdpctl; an "id" is given back.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/controller.h"
#include "lib/version.h"

enum { CODE_REFUSED = 1, CODE_USAGE = 2 };

struct request {
	struct controller *c;
	const cJSON *json;
	const struct asker *asker;
	struct wish *wish;
};

/* --- Answers ----------------------------------------------------------------------------------------------------- */

static cJSON *done(const char *format, ...) __attribute__((format(printf, 1, 2)));
static cJSON *done(const char *format, ...)
{
	cJSON *reply = cJSON_CreateObject();
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	cJSON_AddBoolToObject(reply, "ok", true);
	cJSON_AddStringToObject(reply, "text", text);
	return reply;
}

static cJSON *refused(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
static cJSON *refused(int code, const char *format, ...)
{
	cJSON *reply = cJSON_CreateObject();
	char text[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	cJSON_AddBoolToObject(reply, "ok", false);
	cJSON_AddNumberToObject(reply, "code", code);
	cJSON_AddStringToObject(reply, "error", text);
	return reply;
}

static const char *text_of(const struct request *r, const char *field)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(r->json, field);

	return cJSON_IsString(item) ? item->valuestring : NULL;
}

static cJSON *unknown_target(const struct controller *c, const char *target)
{
	const char *guess = did_you_mean(target, target_names(c->lab->fabric));

	if (guess)
		return refused(CODE_USAGE, "'%.120s' is nothing that can fail in lab '%s' (did you mean '%s'?)", target,
			       c->name, guess);
	return refused(
		CODE_USAGE,
		"'%.120s' is nothing that can fail in lab '%s'; name a circuit path, connection, gateway or router",
		target, c->name);
}

/* --- Changes ----------------------------------------------------------------------------------------------------- */

/* Who will find out about a silent failure, and when. */
static void append_watchers(const struct controller *c, const char *target, char *what, size_t size)
{
	const char *told = NULL;
	index_list links = {};
	size_t n = strlen(what);

	target_links(c->lab->fabric, target, &links);
	vec_each(l, &links) {
		const struct liveness_timers *t = &c->alive[*l].timers;

		if (!t->detect_ns || t->protocol == told || n >= size)
			continue;
		n += snprintf(what + n, size - n, "%s %s notices after %g s", told ? "," : ";", t->protocol,
			      t->detect_ns / 1e9);
		told = t->protocol;
	}
	vec_free(&links);
}

static bool somebody_is_dead(const struct controller *c)
{
	vec_each(l, &c->lab->fabric->links) {
		if (c->lab->dead[l->index] && watch_carries(c, l) && !c->lab->link_silent[l->index])
			return true;
	}
	return false;
}

/* In ns; 0: it is late. */
static double follows_in(const struct controller *c)
{
	uint64_t now = clock_now();

	return c->follow_at > now ? (double)(c->follow_at - now) : 0;
}

static cJSON *tell_change(struct controller *c, const char *what, const struct lab_changes *changes)
{
	unsigned routes = changes->dp.routes_added + changes->dp.routes_changed + changes->dp.routes_removed;
	char blocks[64] = "";

	if (c->follow_at)
		return done("%s; routing follows in %.3f s", what, follows_in(c) / 1e9);
	if (!changes->dp.groups && !routes && !changes->dp.blocks)
		return done("%s%s", what,
			    somebody_is_dead(c) ? "; its routes return when the neighbour is heard again" : "");
	/* Of other connections of the circuit or port: their places have moved. */
	if (changes->dp.blocks)
		snprintf(blocks, sizeof(blocks), ", %u blocks of FastPath addresses", changes->dp.blocks);
	return done("%s: %u next-hop groups written, %u routes%s", what, changes->dp.groups, routes, blocks);
}

/*
 * The same state again, down to the time since when each session is up: then what is kept of it is still right, and a
 * full disk does not matter.
 */
static int go_back(struct controller *c, char *before, struct error *e)
{
	size_t size = c->lab->fabric->links.n * sizeof(*c->lab->since);
	uint64_t *since = xcalloc(1, size);
	struct lab_changes changes;
	int err;

	lab_state_set(c->lab, before);
	lab_switch_forget(c->way);
	memcpy(since, c->lab->since, size);
	err = wires_follow(c, e);
	if (!err)
		err = watch_again(c, e);
	if (!err)
		err = follow_asked(c, (struct follow_how){.unsaved = true}, &changes, e);
	memcpy(c->lab->since, since, size);
	free(since);
	return err ? err : lab_save_state(c->lab, e);
}

/* Bring the machine to what is asked for now, or both back to what was asked for before. */
static cJSON *commit(struct controller *c, char *before, struct follow_how how, const char *what)
{
	struct lab_changes changes;
	struct error e = {}, again = {};
	cJSON *reply;

	if (!follow_asked(c, how, &changes, &e))
		reply = tell_change(c, what, &changes);
	else if (go_back(c, before, &again))
		reply = refused(CODE_REFUSED, "%s; going back failed too: %s; 'erxdpctl load' its file again", e.text,
				again.text);
	else
		reply = refused(CODE_REFUSED, "%s; lab '%s' is as it was before", e.text, c->name);
	free(before);
	return reply;
}

static cJSON *fail_now(struct controller *c, const char *target, enum fault_kind kind)
{
	char *before = lab_state_text(c->lab), what[512];
	int err = lab_fail(c->lab, target, kind);

	snprintf(what, sizeof(what), "%.120s %s", target, fault_text(kind));
	if (kind == FAULT_SILENT && !err)
		append_watchers(c, target, what, sizeof(what));
	if (err)
		free(before);
	switch (err) {
	case -ENOENT: return unknown_target(c, target);
	case -EINVAL:
		return refused(CODE_USAGE,
			       "'%s' has no ARP and no BGP session of its own; --layer is for a circuit's path, "
			       "'er1.primary' for instance",
			       target);
	case -EALREADY: return done("%s already", what);
	default: break;
	}
	event(c, "fault", target, NULL, "%s", what);
	return commit(c, before, (struct follow_how){}, what);
}

static cJSON *maintain(struct controller *c, const char *target)
{
	struct error e = {};
	int err = maintain_start(c, target, &e);

	if (err == -ENOENT)
		return unknown_target(c, target);
	if (err)
		return refused(err == -EINVAL ? CODE_USAGE : CODE_REFUSED, "%s", e.text);
	return done("maintenance of %s has begun", target);
}

static cJSON *do_fail(const struct request *r)
{
	const char *target = text_of(r, "target"), *how = text_of(r, "how");

	if (!target || !how)
		return refused(CODE_USAGE, "'fail' needs \"target\" and \"how\"");
	if (!strcmp(how, "maintenance"))
		return maintain(r->c, target);
	for (enum fault_kind kind = FAULT_DOWN; kind <= FAULT_BGP; kind++) {
		if (!strcmp(how, fault_word(kind)))
			return fail_now(r->c, target, kind);
	}
	return refused(CODE_USAGE, "'%s' is no way to fail; there are down, silent, arp, bgp and maintenance", how);
}

static bool have_common(const struct controller *c, const char *one, const char *other)
{
	index_list a = {}, b = {};
	bool common = false;

	target_links(c->lab->fabric, one, &a);
	target_links(c->lab->fabric, other, &b);
	vec_each(i, &a) {
		vec_each(k, &b)
			common = common || *i == *k;
	}
	vec_free(&a);
	vec_free(&b);
	return common;
}

/* A fault keeps the name that it was asked for by: er1.primary does not come back on its own while er1 has failed. */
static cJSON *nothing_to_restore(const struct controller *c, const char *target)
{
	vec_each(f, &c->lab->faults) {
		if (target && have_common(c, f->target, target))
			return done("%s itself has not failed, but '%s' %s; 'erxdpctl restore %s' restores that",
				    target, f->target, fault_text(f->kind), f->target);
	}
	return target ? done("%s has not failed; nothing to restore", target)
		      : done("nothing has failed; nothing to restore");
}

static cJSON *do_restore(const struct request *r)
{
	struct controller *c = r->c;
	const char *target = text_of(r, "target");
	char *before, what[256];
	index_list links = {};
	bool maintained;
	int known = target ? target_links(c->lab->fabric, target, &links) : 0;

	vec_free(&links);
	if (known)
		return unknown_target(c, target);
	before = lab_state_text(c->lab);
	maintained = maintain_is_of(c, target);
	if (maintained)
		maintain_abort(c);
	if (!lab_restore(c->lab, target) && !maintained) {
		free(before);
		return nothing_to_restore(c, target);
	}
	snprintf(what, sizeof(what), "%.200s restored", target ? target : "everything");
	event(c, "restore", target ? target : c->name, NULL, "%s", what);
	return commit(c, before, (struct follow_how){.graceful = maintained}, what);
}

static cJSON *do_fastpath(const struct request *r)
{
	struct controller *c = r->c;
	const char *name = text_of(r, "connection");
	const cJSON *on = cJSON_GetObjectItemCaseSensitive(r->json, "on");
	const struct connection *conn = name ? topo_connection(c->lab->topo, name) : NULL;
	char *before, what[256];
	struct error e = {};

	if (!cJSON_IsBool(on) || !conn || conn->type != CONNECTION_EXPRESSROUTE)
		return refused(CODE_USAGE, "'fastpath' needs \"on\" and the \"connection\" of an ExpressRoute circuit");
	if (loan_check(c, conn - c->lab->topo->connections.items, &e))
		return refused(CODE_REFUSED, "%s", e.text);
	before = lab_state_text(c->lab);
	c->lab->fastpath[conn - c->lab->topo->connections.items] = cJSON_IsTrue(on);
	snprintf(what, sizeof(what), "%.80s: FastPath is %s", name, cJSON_IsTrue(on) ? "on" : "off");
	event(c, "fastpath", name, NULL, "%s", what);
	return commit(c, before, (struct follow_how){}, what);
}

/* --- Loans --- */

static int read_connections(const struct request *r, index_list *out)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(r->json, "connections"), *item;
	const struct topo *t = r->c->lab->topo;

	cJSON_ArrayForEach(item, list)
	{
		const struct connection *c = cJSON_IsString(item) ? topo_connection(t, item->valuestring) : NULL;

		if (!c || c->type != CONNECTION_EXPRESSROUTE)
			return -EINVAL;
		vec_push(out, (uint32_t)(c - t->connections.items));
	}
	return out->n ? 0 : -EINVAL;
}

static cJSON *do_borrow(const struct request *r)
{
	index_list connections = {};
	struct error e = {};
	cJSON *reply;

	if (read_connections(r, &connections))
		reply = refused(CODE_USAGE, "'borrow' needs the \"connections\" of ExpressRoute circuits");
	else if (loan_begin(r->c, r->asker, &connections, &e))
		reply = refused(CODE_REFUSED, "%s", e.text);
	else
		reply = done("%zu switches are lent", connections.n);
	vec_free(&connections);
	return reply;
}

static cJSON *do_switch(const struct request *r)
{
	const cJSON *on = cJSON_GetObjectItemCaseSensitive(r->json, "on");
	struct lab *lab = r->c->lab;
	struct error e = {};
	char *before;

	if (!cJSON_IsBool(on))
		return refused(CODE_USAGE, "'switch' needs \"on\"");
	if (loan_check_borrower(r->c, r->asker, &e))
		return refused(CODE_REFUSED, "%s", e.text);
	before = lab_state_text(lab);
	for (size_t i = 0; i < lab->topo->connections.n; i++)
		lab->fastpath[i] = lab->loans[i].lent ? cJSON_IsTrue(on) : lab->fastpath[i];
	return commit(r->c, before, (struct follow_how){}, "switched");
}

static cJSON *do_give_back(const struct request *r)
{
	struct error e = {};
	char *before;
	cJSON *reply;

	if (loan_check_borrower(r->c, r->asker, &e))
		return refused(CODE_REFUSED, "%s", e.text);
	before = lab_state_text(r->c->lab);
	loan_end(r->c);
	reply = commit(r->c, before, (struct follow_how){}, "given back");
	/* When that failed it is lent still, and is tried again when the connection ends. */
	r->c->borrower = lab_has_loans(r->c->lab) ? r->asker->who : NULL;
	return reply;
}

/* --- Wires ------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *field;
	enum impairment_part part;
	double most;
} impair_fields[] = {
	{"delayNs", IMPAIR_DELAY, LINE_MOST_NS},      {"jitterNs", IMPAIR_JITTER, LINE_MOST_NS},
	{"lossPpm", IMPAIR_LOSS, LINE_MILLION},	      {"rateBps", IMPAIR_RATE, LINE_MOST_BPS},
	{"reorderPpm", IMPAIR_REORDER, LINE_MILLION},
};

static void set_part(struct impairment *i, enum impairment_part part, double value)
{
	i->given |= part;
	switch (part) {
	case IMPAIR_DELAY: i->params.delay_ns = (uint64_t)value; break;
	case IMPAIR_JITTER: i->params.jitter_ns = (uint64_t)value; break;
	case IMPAIR_LOSS: i->params.loss_ppm = (uint32_t)value; break;
	case IMPAIR_RATE: i->params.rate_bps = (uint64_t)value; break;
	case IMPAIR_REORDER: i->params.reorder_ppm = (uint32_t)value; break;
	}
}

/* Returns NULL, or the refusal. */
static cJSON *read_impairment(const struct request *r, struct impairment *out)
{
	for (size_t i = 0; i < sizeof(impair_fields) / sizeof(impair_fields[0]); i++) {
		const cJSON *value = cJSON_GetObjectItemCaseSensitive(r->json, impair_fields[i].field);

		if (!value)
			continue;
		if (!cJSON_IsNumber(value) || !(value->valuedouble >= 0 && value->valuedouble <= impair_fields[i].most))
			return refused(CODE_USAGE, "\"%s\" is a number from 0 to %.0f", impair_fields[i].field,
				       impair_fields[i].most);
		set_part(out, impair_fields[i].part, value->valuedouble);
	}
	return out->given ? NULL : refused(CODE_USAGE, "'impair' needs something to set, a delay for instance");
}

/* NULL: the links are there; else the refusal. */
static cJSON *named_links(const struct controller *c, const char *name, index_list *links)
{
	if (lab_links_named(c->lab, name, links))
		return refused(CODE_USAGE,
			       "'%.120s' is no link of lab '%s' and nothing that can fail; 'erxdpctl status' lists the "
			       "links",
			       name, c->name);
	if (!links->n)
		return refused(CODE_USAGE, "'%.120s' has no link between two devices", name);
	return NULL;
}

/* Bring the wires to what is asked for now, or both back to what was asked for before. */
static cJSON *commit_wires(struct controller *c, char *before, const index_list *links, const char *what)
{
	struct error e = {}, again = {};
	struct lab_changes changes;
	cJSON *reply;
	int err = wires_follow(c, &e);

	if (!err)
		err = follow_asked(c, (struct follow_how){}, &changes, &e);
	if (!err)
		reply = done("%s", what);
	else if (go_back(c, before, &again))
		reply = refused(CODE_REFUSED, "%s; going back failed too: %s; 'erxdpctl load' its file again", e.text,
				again.text);
	else
		reply = refused(CODE_REFUSED, "%s; lab '%s' is as it was before", e.text, c->name);
	/* A longer delay makes a gap in what is heard. */
	vec_each(l, links)
		hello_restart(c, &c->lab->fabric->links.items[*l]);
	free(before);
	return reply;
}

/* Returns NULL, or the refusal with the lab as it was. */
static cJSON *impair_links(struct controller *c, const index_list *links, const struct impairment *i, char *before)
{
	vec_each(l, links) {
		const char *name = c->lab->fabric->links.items[*l].name;
		int err = lab_impair(c->lab, *l, i);

		if (!err)
			continue;
		lab_state_set(c->lab, before);
		if (err == -ERANGE)
			return refused(CODE_USAGE,
				       "'%s' has no delay: nothing waits that could be overtaken; give --delay too",
				       name);
		return refused(CODE_USAGE,
			       "'%s' is the link of a host; wires join two devices, impair the next link on the way",
			       name);
	}
	return NULL;
}

static cJSON *do_impair(const struct request *r)
{
	struct controller *c = r->c;
	const char *name = text_of(r, "link");
	char *before, what[256];
	struct impairment i = {};
	index_list links = {};
	cJSON *reply;

	if (!name)
		return refused(CODE_USAGE, "'impair' needs a \"link\"");
	reply = read_impairment(r, &i);
	if (!reply)
		reply = named_links(c, name, &links);
	if (!reply) {
		before = lab_state_text(c->lab);
		reply = impair_links(c, &links, &i, before);
		if (reply)
			free(before);
	}
	if (!reply) {
		snprintf(what, sizeof(what), "%.120s: %zu link%s impaired", name, links.n, links.n == 1 ? "" : "s");
		event(c, "impair", name, NULL, "%s", what);
		reply = commit_wires(c, before, &links, what);
	}
	vec_free(&links);
	return reply;
}

static cJSON *do_unimpair(const struct request *r)
{
	struct controller *c = r->c;
	const char *name = text_of(r, "link");
	char *before = lab_state_text(c->lab), what[256];
	index_list links = {};
	unsigned reset = 0;
	cJSON *reply = name ? named_links(c, name, &links) : NULL;

	for (uint32_t l = 0; !name && l < c->lab->fabric->links.n; l++)
		vec_push(&links, l);
	for (size_t k = 0; !reply && k < links.n; k++)
		reset += lab_unimpair(c->lab, links.items[k]);
	if (!reply && !reset)
		reply = name ? done("%s was not impaired; nothing to reset", name)
			     : done("nothing is impaired; nothing to reset");
	if (reply) {
		free(before);
	} else {
		snprintf(what, sizeof(what), "%.120s: %u link%s as the file says again", name ? name : c->name, reset,
			 reset == 1 ? "" : "s");
		event(c, "impair", name ? name : c->name, NULL, "%s", what);
		reply = commit_wires(c, before, &links, what);
	}
	vec_free(&links);
	return reply;
}

/* follow_lock() has reloaded when the file is another one; a changed run directory of the same file is taken over too.
 */
static cJSON *do_reload(const struct request *r)
{
	const char *version = text_of(r, "version");
	struct error e = {};

	/* After an upgrade the one who loads is newer, and so must be who controls. */
	if (version && strcmp(version, erxdp_version))
		return refused(CODE_REFUSED, "it is of version %s, not %.60s", erxdp_version, version);

	if (!r->c->fresh && controller_reload(r->c, &e))
		return refused(CODE_REFUSED, "%s", e.text);
	return done("lab '%s' is taken over", r->c->name);
}

static cJSON *do_stop(const struct request *r)
{
	r->c->stopping = true;
	return done("the controller of lab '%s' stops", r->c->name);
}

/* --- Questions --------------------------------------------------------------------------------------------------- */

static cJSON *do_status(const struct request *r)
{
	cJSON *reply = done("the controller of lab '%s' is alive", r->c->name);

	cJSON_AddStringToObject(reply, "lab", r->c->name);
	cJSON_AddNumberToObject(reply, "pid", getpid());
	cJSON_AddBoolToObject(reply, "maintenance", maintain_runs(r->c));
	server_count(r->c, reply);
	if (r->c->follow_at)
		cJSON_AddNumberToObject(reply, "followsInMs", follows_in(r->c) / 1e6);
	if (*r->c->trouble.text)
		cJSON_AddStringToObject(reply, "trouble", r->c->trouble.text);
	return reply;
}

static void add_neighbour(const struct controller *c, const struct link *l, cJSON *list)
{
	const struct liveness *alive = &c->alive[l->index];
	uint64_t now = clock_now();
	cJSON *item;

	if (!alive->timers.detect_ns)
		return;
	item = cJSON_CreateObject();
	cJSON_AddStringToObject(item, "link", l->name);
	cJSON_AddStringToObject(item, "protocol", alive->timers.protocol);
	cJSON_AddNumberToObject(item, "detectMs", alive->timers.detect_ns / 1e6);
	cJSON_AddNumberToObject(item, "intervalMs", alive->timers.interval_ns / 1e6);
	cJSON_AddBoolToObject(item, "watched", watch_carries(c, l));
	cJSON_AddBoolToObject(item, "dead", alive->dead);
	for (int end = 0; end < 2; end++) {
		uint64_t heard = c->hellos[c->ports[l->ports[end]].id];

		if (heard)
			cJSON_AddNumberToObject(item, end ? "heardAtBMsAgo" : "heardAtAMsAgo",
						now > heard ? (now - heard) / 1e6 : 0);
	}
	cJSON_AddItemToArray(list, item);
}

static cJSON *do_neighbours(const struct request *r)
{
	cJSON *reply = done("who watches over which link"), *list = cJSON_AddArrayToObject(reply, "neighbours");

	vec_each(l, &r->c->lab->fabric->links)
		add_neighbour(r->c, l, list);
	return reply;
}

/* A number of a request, 0 when it is not there. False: it is something else. */
static bool read_number(const struct request *r, const char *field, double *number)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(r->json, field);

	*number = item ? item->valuedouble : 0;
	return !item || (cJSON_IsNumber(item) && *number >= 0);
}

static cJSON *do_events(const struct request *r)
{
	double last, after, told = (double)events_last(r->c->events);

	if (!read_number(r, "last", &last))
		return refused(CODE_USAGE, "\"last\" is how many events of the past to tell");
	if (!read_number(r, "after", &after))
		return refused(CODE_USAGE, "\"after\" is the \"seq\" of the last event that is known");
	if (cJSON_GetObjectItemCaseSensitive(r->json, "after"))
		last = after > told ? told : told - after; /* more than were told: it counts another controller's */
	r->wish->past = true;
	r->wish->last = (size_t)(last < 1e6 ? last : 1e6);
	r->wish->listens = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(r->json, "follow"));
	return done(r->wish->listens ? "listening" : "that was all");
}

static cJSON *do_run(const struct request *r)
{
	const cJSON *args = cJSON_GetObjectItemCaseSensitive(r->json, "args");

	if (!cJSON_IsArray(args))
		return refused(CODE_USAGE, "'run' needs \"args\": a verb and what goes with it");
	r->wish->run = cJSON_Duplicate(args, true);
	return done("it has run");
}

/* --- Which ------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	bool changes; /* needs the changing socket, and the lab's lock */
	cJSON *(*answer)(const struct request *r);
} answers[] = {
	{"fail", true, do_fail},      {"restore", true, do_restore},   {"fastpath", true, do_fastpath},
	{"borrow", true, do_borrow},  {"switch", true, do_switch},     {"give-back", true, do_give_back},
	{"impair", true, do_impair},  {"unimpair", true, do_unimpair}, {"reload", true, do_reload},
	{"stop", true, do_stop},      {"status", false, do_status},    {"neighbours", false, do_neighbours},
	{"events", false, do_events}, {"run", false, do_run},
};

static cJSON *change(const struct request *r, cJSON *(*answer)(const struct request *r))
{
	struct error e = {};
	cJSON *reply;

	if (answer == do_stop)
		return answer(r);
	if (follow_lock(r->c, &e))
		return refused(CODE_REFUSED, "%s", e.text);
	reply = answer(r);
	follow_unlock(r->c);
	return reply;
}

static cJSON *find_answer(const struct request *r, bool changing)
{
	const char *what = text_of(r, "do");

	if (!what)
		return refused(CODE_USAGE, "a request is an object with a \"do\"");
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		if (strcmp(answers[i].name, what))
			continue;
		if (!answers[i].changes)
			return answers[i].answer(r);
		if (!changing)
			return refused(CODE_USAGE, "'%s' changes the lab: ask by the other socket", what);
		return change(r, answers[i].answer);
	}
	return refused(CODE_USAGE, "'%.60s' is nothing that can be asked for", what);
}

cJSON *request_answer(struct controller *c, const char *line, const struct asker *asker, struct wish *wish)
{
	cJSON *json = cJSON_Parse(line), *reply;
	struct request r = {.c = c, .json = json, .asker = asker, .wish = wish};
	const cJSON *id;

	if (!json)
		return refused(CODE_USAGE, "that is no JSON");
	reply = find_answer(&r, asker->changing);
	id = cJSON_GetObjectItemCaseSensitive(json, "id");
	if (id)
		cJSON_AddItemToObject(reply, "id", cJSON_Duplicate(id, true));
	cJSON_Delete(json);
	return reply;
}
