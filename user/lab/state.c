// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What has happened to a lab: faults that somebody asked for, what the
 * controller has noticed, and what routing goes by. All of it survives the
 * controller, as text: a line for each, a word and a name.
 *
 *   down er1.primary          a fault (the words of the table below)
 *   fastpath-on hub-er1       a switch
 *   lent-off hub-er1          somebody measures with it; it goes back to off
 *   no-carrier LINK           noticed: nobody asked for it
 *   dead LINK                 noticed: the neighbour is silent
 *   link-down LINK            routing goes by this
 *   session-down LINK
 *   prepends DEVICE 1
 *   since LINK 1763698194123456789
 */
#include "lab/state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/liveness.h"
#include "lib/log.h"

/* --- Faults ------------------------------------------------------------------------------------------------------ */

#define MAINTENANCE_PREPENDS 3 /* enough to lose against any path of equal policy */

static const struct {
	const char *word, *text;
	const char *shuts; /* the session, and why that is down then; NULL: it does not */
	bool circuit_only; /* ARP and BGP are what a circuit's path has */
	bool cuts, silences, prepends;
	bool planned; /* a step of maintenance, which takes it back */
} kinds[N_FAULT_KINDS] = {
	[FAULT_DOWN] = {"down", "is down", .cuts = true},
	[FAULT_SILENT] = {"silent", "loses packets silently", .silences = true},
	[FAULT_ARP] = {"arp", "has no ARP: nothing passes, its session is down", "ARP has no answer", true,
		       .silences = true},
	[FAULT_BGP] = {"bgp", "has its BGP session down, the link is up", "closed, the link is up", true},
	[FAULT_DRAINED] = {"drained", "is drained for maintenance", "closed for maintenance", .planned = true},
	[FAULT_PREPENDED] = {"prepended", "announces longer AS paths", .prepends = true, .planned = true},
	[FAULT_SERVICED] = {"serviced", "is down for maintenance", .cuts = true, .planned = true},
};

const char *fault_word(enum fault_kind kind)
{
	return kinds[kind].word;
}

const char *fault_text(enum fault_kind kind)
{
	return kinds[kind].text;
}

bool fault_is_planned(enum fault_kind kind)
{
	return kinds[kind].planned;
}

static void mark_devices(struct lab *lab, const struct link *l, uint8_t *prepends)
{
	for (int end = 0; end < 2; end++) {
		const struct device *d;

		if (l->ports[end] == NO_INDEX)
			continue;
		d = &lab->fabric->devices.items[lab->fabric->ports.items[l->ports[end]].device];
		if (d->kind == ERX_KIND_MSEE)
			prepends[d->index] = MAINTENANCE_PREPENDS;
	}
}

static void mark_fault(struct lab *lab, const struct fault *fault, uint8_t *prepends)
{
	index_list links = {};

	target_links(lab->fabric, fault->target, &links);
	vec_each(l, &links) {
		lab->cut[*l] = lab->cut[*l] || kinds[fault->kind].cuts;
		lab->link_silent[*l] = lab->link_silent[*l] || kinds[fault->kind].silences;
		if (!lab->shut[*l])
			lab->shut[*l] = kinds[fault->kind].shuts;
		if (kinds[fault->kind].prepends && prepends && lab->fabric->links.items[*l].kind != LINK_REACH)
			mark_devices(lab, &lab->fabric->links.items[*l], prepends);
	}
	vec_free(&links);
}

static void mark_links(struct lab *lab)
{
	size_t n = lab->fabric->links.n;

	memset(lab->cut, 0, n * sizeof(bool));
	memset(lab->link_silent, 0, n * sizeof(bool));
	memset(lab->shut, 0, n * sizeof(*lab->shut));
	vec_each(fault, &lab->faults)
		mark_fault(lab, fault, NULL);
}

static bool may_have(const struct lab *lab, const index_list *links, enum fault_kind kind)
{
	vec_each(l, links) {
		if (kinds[kind].circuit_only && lab->fabric->links.items[*l].kind != LINK_CIRCUIT)
			return false;
	}
	return true;
}

int lab_fail(struct lab *lab, const char *target, enum fault_kind kind)
{
	struct fault fault = {.kind = kind};
	index_list links = {};
	int err = target_links(lab->fabric, target, &links);

	if (!err && !may_have(lab, &links, kind))
		err = -EINVAL;
	vec_free(&links);
	if (err)
		return err;
	vec_each(f, &lab->faults) {
		if (!strcmp(f->target, target) && f->kind == kind)
			return -EALREADY;
	}
	fault.target = xstrdup(target);
	vec_push(&lab->faults, fault);
	mark_links(lab);
	return 0;
}

struct which_faults {
	const char *target; /* NULL: any */
	int kind;	    /* -1: any */
	bool planned_only;
};

static bool is_meant(const struct fault *f, const struct which_faults *which)
{
	return (!which->target || !strcmp(f->target, which->target)) &&
	       (which->kind < 0 || (int)f->kind == which->kind) && (!which->planned_only || kinds[f->kind].planned);
}

static int take_back(struct lab *lab, struct which_faults which)
{
	size_t kept = 0;
	int taken;

	for (size_t i = 0; i < lab->faults.n; i++) {
		struct fault *f = &lab->faults.items[i];

		if (is_meant(f, &which))
			free(f->target);
		else
			lab->faults.items[kept++] = *f;
	}
	taken = lab->faults.n - kept;
	lab->faults.n = kept;
	mark_links(lab);
	return taken;
}

int lab_restore(struct lab *lab, const char *target)
{
	return take_back(lab, (struct which_faults){.target = target, .kind = -1});
}

int lab_restore_kind(struct lab *lab, const char *target, enum fault_kind kind)
{
	return take_back(lab, (struct which_faults){.target = target, .kind = kind});
}

int lab_restore_planned(struct lab *lab)
{
	return take_back(lab, (struct which_faults){.kind = -1, .planned_only = true});
}

/* --- Loans ------------------------------------------------------------------------------------------------------- */

bool lab_has_loans(const struct lab *lab)
{
	for (size_t i = 0; i < lab->topo->connections.n; i++) {
		if (lab->loans[i].lent)
			return true;
	}
	return false;
}

unsigned lab_end_loans(struct lab *lab)
{
	unsigned n = 0;

	for (size_t i = 0; i < lab->topo->connections.n; i++) {
		if (!lab->loans[i].lent)
			continue;
		lab->fastpath[i] = lab->loans[i].was_on;
		lab->loans[i] = (struct loan){};
		n++;
	}
	return n;
}

/* --- What routing goes by ---------------------------------------------------------------------------------------- */

static bool is_effect(const struct lab *lab, uint32_t link, enum liveness_effect effect)
{
	return lab->dead[link] && liveness_timers_of(lab->fabric, &lab->fabric->links.items[link]).effect == effect;
}

static bool wants_link_down(const struct lab *lab, uint32_t link)
{
	return lab->cut[link] || lab->no_carrier[link] || is_effect(lab, link, LIVENESS_LINK);
}

static bool wants_session_down(const struct lab *lab, uint32_t link)
{
	return lab->shut[link] || is_effect(lab, link, LIVENESS_SESSION);
}

/* To be freed. */
static uint8_t *wanted_prepends(const struct lab *lab)
{
	uint8_t *prepends = xcalloc(lab->fabric->devices.n, sizeof(*prepends));

	vec_each(fault, &lab->faults) {
		if (kinds[fault->kind].prepends)
			mark_fault((struct lab *)lab, fault, prepends);
	}
	return prepends;
}

bool lab_lags(const struct lab *lab)
{
	uint8_t *prepends = wanted_prepends(lab);
	bool lags = memcmp(prepends, lab->prepends, lab->fabric->devices.n * sizeof(*prepends));

	free(prepends);
	for (uint32_t l = 0; l < lab->fabric->links.n && !lags; l++)
		lags = wants_link_down(lab, l) != lab->link_down[l] ||
		       wants_session_down(lab, l) != lab->session_down[l];
	return lags;
}

void lab_follow(struct lab *lab)
{
	free(lab->prepends);
	lab->prepends = wanted_prepends(lab);
	for (uint32_t l = 0; l < lab->fabric->links.n; l++) {
		lab->link_down[l] = wants_link_down(lab, l);
		lab->session_down[l] = wants_session_down(lab, l);
	}
}

/* What was asked for comes first: who closes a session by hand does not wonder that it expires. */
static const char *why_down(const struct lab *lab, uint32_t link)
{
	if (lab->link_down[link] && (lab->cut[link] || lab->no_carrier[link]))
		return NULL;
	if (lab->session_down[link] && lab->shut[link])
		return lab->shut[link];
	if (!lab->dead[link] || !(lab->link_down[link] || lab->session_down[link]))
		return NULL;
	return liveness_timers_of(lab->fabric, &lab->fabric->links.items[link]).expired;
}

struct conditions lab_conditions(const struct lab *lab)
{
	for (uint32_t l = 0; l < lab->fabric->links.n; l++)
		lab->because[l] = why_down(lab, l);
	return (struct conditions){.link_down = lab->link_down,
				   .session_down = lab->session_down,
				   .because = lab->because,
				   .prepends = lab->prepends};
}

/* --- Life -------------------------------------------------------------------------------------------------------- */

void state_init(struct lab *lab)
{
	size_t links = lab->fabric->links.n;

	lab->fastpath = xcalloc(lab->topo->connections.n, sizeof(bool));
	for (size_t i = 0; i < lab->topo->connections.n; i++)
		lab->fastpath[i] = lab->topo->connections.items[i].fastpath;
	lab->loans = xcalloc(lab->topo->connections.n, sizeof(*lab->loans));
	lab->cut = xcalloc(links, sizeof(bool));
	lab->link_silent = xcalloc(links, sizeof(bool));
	lab->shut = xcalloc(links, sizeof(*lab->shut));
	lab->no_carrier = xcalloc(links, sizeof(bool));
	lab->dead = xcalloc(links, sizeof(bool));
	lab->link_down = xcalloc(links, sizeof(bool));
	lab->session_down = xcalloc(links, sizeof(bool));
	lab->because = xcalloc(links, sizeof(*lab->because));
	lab->since = xcalloc(links, sizeof(*lab->since));
	lab->prepends = xcalloc(lab->fabric->devices.n, sizeof(*lab->prepends));
}

void state_free(struct lab *lab)
{
	void *const arrays[] = {lab->fastpath,	   lab->loans,	    lab->cut,	lab->link_silent,
				lab->shut,	   lab->no_carrier, lab->dead,	lab->link_down,
				lab->session_down, lab->because,    lab->since, lab->prepends};

	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
		free(arrays[i]);
	vec_each(fault, &lab->faults)
		free(fault->target);
	vec_free(&lab->faults);
}

/* --- Text -------------------------------------------------------------------------------------------------------- */

/* The states that a link can be in, by the word that says so. */
static bool *link_flags(struct lab *lab, const char *word)
{
	const struct {
		const char *word;
		bool *flags;
	} all[] = {
		{"no-carrier", lab->no_carrier},
		{"dead", lab->dead},
		{"link-down", lab->link_down},
		{"session-down", lab->session_down},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (!strcmp(all[i].word, word))
			return all[i].flags;
	}
	return NULL;
}

static void write_links(struct lab *lab, FILE *out)
{
	static const char *const words[] = {"no-carrier", "dead", "link-down", "session-down"};

	for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++) {
		const bool *flags = link_flags(lab, words[w]);

		vec_each(l, &lab->fabric->links) {
			if (flags[l->index])
				fprintf(out, "%s %s\n", words[w], l->name);
		}
	}
	vec_each(l, &lab->fabric->links) {
		if (lab->since[l->index])
			fprintf(out, "since %s %llu\n", l->name, (unsigned long long)lab->since[l->index]);
	}
}

char *lab_state_text(const struct lab *lab)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return xstrdup("");
	vec_each(f, &lab->faults)
		fprintf(out, "%s %s\n", kinds[f->kind].word, f->target);
	vec_each(c, &lab->topo->connections) {
		size_t i = c - lab->topo->connections.items;

		fprintf(out, "fastpath-%s %s\n", lab->fastpath[i] ? "on" : "off", c->name);
		if (lab->loans[i].lent)
			fprintf(out, "lent-%s %s\n", lab->loans[i].was_on ? "on" : "off", c->name);
	}
	write_links((struct lab *)lab, out);
	vec_each(d, &lab->fabric->devices) {
		if (lab->prepends[d->index])
			fprintf(out, "prepends %s %u\n", d->name, lab->prepends[d->index]);
	}
	fclose(out);
	return text;
}

static bool read_fault(struct lab *lab, const char *word, const char *name)
{
	for (int kind = 0; kind < N_FAULT_KINDS; kind++) {
		if (strcmp(kinds[kind].word, word))
			continue;
		if (lab_fail(lab, name, kind))
			log_info("the fault '%s' is taken back: there is no such target now", name);
		return true;
	}
	return false;
}

static bool read_switch(struct lab *lab, const char *word, const char *name)
{
	static const struct {
		const char *word;
		bool lent, on;
	} words[] = {{"fastpath-on", false, true},
		     {"fastpath-off", false, false},
		     {"lent-on", true, true},
		     {"lent-off", true, false}};
	const struct connection *c = topo_connection(lab->topo, name);
	size_t i = 0, n = sizeof(words) / sizeof(words[0]);

	while (i < n && strcmp(words[i].word, word))
		i++;
	if (i < n && c && words[i].lent)
		lab->loans[c - lab->topo->connections.items] = (struct loan){.lent = true, .was_on = words[i].on};
	else if (i < n && c)
		lab->fastpath[c - lab->topo->connections.items] = words[i].on;
	return i < n;
}

static const struct link *link_named(const struct lab *lab, const char *name)
{
	vec_each(l, &lab->fabric->links) {
		if (!strcmp(l->name, name))
			return l;
	}
	return NULL;
}

/* "NAME 123": cuts the number off. */
static unsigned long long split_number(char *name)
{
	char *blank = strrchr(name, ' ');

	if (!blank)
		return 0;
	*blank = '\0';
	return strtoull(blank + 1, NULL, 10);
}

static void read_seen(struct lab *lab, const char *word, char *name)
{
	bool numbered = !strcmp(word, "since") || !strcmp(word, "prepends");
	unsigned long long number = numbered ? split_number(name) : 0;
	bool *flags = link_flags(lab, word);
	const struct device *d;
	const struct link *l;

	if (!strcmp(word, "prepends")) {
		d = fabric_device(lab->fabric, name);
		if (d)
			lab->prepends[d->index] = number;
		return;
	}
	l = link_named(lab, name);
	if (l && flags)
		flags[l->index] = true;
	else if (l && numbered)
		lab->since[l->index] = number;
}

void state_parse(struct lab *lab, char *text)
{
	char *line;

	while ((line = strsep(&text, "\n"))) {
		char *name = strchr(line, ' ');

		if (!name)
			continue;
		*name++ = '\0';
		if (!read_fault(lab, line, name) && !read_switch(lab, line, name))
			read_seen(lab, line, name);
	}
}

void lab_state_set(struct lab *lab, char *text)
{
	state_free(lab);
	state_init(lab);
	state_parse(lab, text);
}

/* A switch that was moved by hand stays where it is, unless the file itself has changed it. Loans have ended by then.
 */
static void adopt_switches(struct lab *lab, const struct lab *before)
{
	for (size_t i = 0; i < lab->topo->connections.n; i++) {
		const struct connection *is = &lab->topo->connections.items[i];
		const struct connection *was = topo_connection(before->topo, is->name);
		size_t at = was ? was - before->topo->connections.items : 0;

		lab->fastpath[i] = is->fastpath;
		if (was && was->fastpath == is->fastpath)
			lab->fastpath[i] = before->loans[at].lent ? before->loans[at].was_on : before->fastpath[at];
	}
}

void state_adopt(struct lab *lab, const struct lab *before)
{
	char *text = lab_state_text(before);

	state_parse(lab, text);
	free(text);
	lab_end_loans(lab);
	adopt_switches(lab, before);
}
