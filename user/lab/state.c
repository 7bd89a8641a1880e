// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What has happened to a lab: faults that somebody asked for, what the
 * controller has noticed, and what routing goes by. All of it survives the
 * controller, as text: a line for each, a word and a name.
 *
 *   down er1.primary          a fault (the words of the table below)
 *   fastpath-on hub-er1       a switch
 *   lent-off hub-er1          somebody measures with it; it goes back to off
 *   impair LINK 1,5000000,0,0,0,0    given, delay, jitter, rate, loss, reorder (struct impairment)
 *   no-carrier LINK           noticed: nobody asked for it
 *   dead LINK                 noticed: the neighbour is silent
 *   link-down LINK            routing goes by this
 *   session-down LINK
 *   prepends DEVICE 1
 *   deaf LINK 2,1             its second end hears nothing, since moment 1
 *   moment 1                  the lines above, from link-down on, that follow are of moment 1; 0: of now again
 *   since LINK 1763698194123456789
 */
#include "lab/state.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
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

/* --- Wires ------------------------------------------------------------------------------------------------------- */

static const struct {
	enum impairment_part part;
	size_t offset, size;
} parts[] = {
	{IMPAIR_DELAY, offsetof(struct line_params, delay_ns), sizeof(uint64_t)},
	{IMPAIR_JITTER, offsetof(struct line_params, jitter_ns), sizeof(uint64_t)},
	{IMPAIR_LOSS, offsetof(struct line_params, loss_ppm), sizeof(uint32_t)},
	{IMPAIR_RATE, offsetof(struct line_params, rate_bps), sizeof(uint64_t)},
	{IMPAIR_REORDER, offsetof(struct line_params, reorder_ppm), sizeof(uint32_t)},
};

static void merge_params(struct line_params *to, const struct impairment *from)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (from->given & parts[i].part)
			memcpy((char *)to + parts[i].offset, (const char *)&from->params + parts[i].offset,
			       parts[i].size);
	}
}

struct line_params lab_line(const struct lab *lab, uint32_t link, int from)
{
	struct line_params p = {.delay_ns = lab->delays[link].ns[from]};

	merge_params(&p, &lab->impairments[link]);
	return p;
}

static void mark_wire(struct lab *lab, uint32_t link)
{
	const struct line_params none = {}, one = lab_line(lab, link, 0), other = lab_line(lab, link, 1);

	lab->wired[link] = memcmp(&one, &none, sizeof(none)) || memcmp(&other, &none, sizeof(none));
}

int lab_impair(struct lab *lab, uint32_t link, const struct impairment *impairment)
{
	struct impairment *is = &lab->impairments[link], was = *is;
	struct line_params p;

	if (lab->fabric->links.items[link].kind == LINK_HOST)
		return -EINVAL;
	is->given |= impairment->given;
	merge_params(&is->params, impairment);
	p = lab_line(lab, link, 0);
	/* Overtaking needs somebody who waits. */
	if (p.reorder_ppm && !p.delay_ns && !p.jitter_ns) {
		*is = was;
		return -ERANGE;
	}
	mark_wire(lab, link);
	return 0;
}

bool lab_unimpair(struct lab *lab, uint32_t link)
{
	bool was = lab->impairments[link].given;

	lab->impairments[link] = (struct impairment){};
	mark_wire(lab, link);
	return was;
}

/* Of the wires that can be on one way. */
#define WIRES_ON_A_WAY 4

uint64_t lab_slowest_ns(const struct lab *lab)
{
	uint64_t most = 0;

	for (uint32_t l = 0; l < lab->fabric->links.n; l++) {
		for (int from = 0; from < 2; from++) {
			struct line_params p = lab_line(lab, l, from);
			uint64_t ns = p.delay_ns + p.jitter_ns + (p.rate_bps ? LINE_QUEUE_NS : 0);

			most = ns > most ? ns : most;
		}
	}
	return 2 * WIRES_ON_A_WAY * most;
}

/* What comes with it on a busy machine. */
#define SLACK_MS 100

unsigned lab_wait_ms(const struct lab *lab, unsigned least_ms)
{
	unsigned wires_ms = SLACK_MS + lab_slowest_ns(lab) / 1000000;

	return wires_ms > least_ms ? wires_ms : least_ms;
}

/* --- What routing goes by ---------------------------------------------------------------------------------------- */

static bool is_effect(const struct lab *lab, uint32_t link, enum liveness_effect effect)
{
	return lab->dead[link] && liveness_timers_of(lab->fabric, &lab->fabric->links.items[link]).effect == effect;
}

/* Nothing reaches this end, whether that was asked for or noticed. */
static bool is_deaf(const struct lab *lab, uint32_t link, unsigned end)
{
	return lab->link_silent[link] || lab->deaf[link * 2 + end];
}

/* Neighbours that have lost each other do not find each other again while either of them hears nothing. */
static bool stays_lost(const struct lab *lab, uint32_t link, enum liveness_effect effect)
{
	const struct liveness_timers t = liveness_timers_of(lab->fabric, &lab->fabric->links.items[link]);

	return (lab->link_down[link] || lab->session_down[link]) && t.detect_ns && t.effect == effect &&
	       (is_deaf(lab, link, 0) || is_deaf(lab, link, 1));
}

static bool wants_link_down(const struct lab *lab, uint32_t link)
{
	return lab->cut[link] || lab->no_carrier[link] || is_effect(lab, link, LIVENESS_LINK) ||
	       stays_lost(lab, link, LIVENESS_LINK);
}

static bool wants_session_down(const struct lab *lab, uint32_t link)
{
	return lab->shut[link] || is_effect(lab, link, LIVENESS_SESSION) || stays_lost(lab, link, LIVENESS_SESSION);
}

/* What this end was told stands, though its neighbour may have more to say. */
static bool is_held(const struct lab *lab, uint32_t link, unsigned end)
{
	return is_deaf(lab, link, end) && lab->fabric->links.items[link].ports[1] != NO_INDEX &&
	       !wants_link_down(lab, link) && !wants_session_down(lab, link);
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
		       wants_session_down(lab, l) != lab->session_down[l] || lab_is_told_again(lab, l);
	return lags;
}

bool lab_is_told_again(const struct lab *lab, uint32_t link)
{
	for (unsigned end = 0; end < 2; end++) {
		if (lab->deaf_since[link * 2 + end] && !is_held(lab, link, end))
			return true;
	}
	return false;
}

/* --- Moments ------------------------------------------------------------------------------------------------------ */

static struct lab_moment moment_new(const struct lab *lab)
{
	size_t links = lab->fabric->links.n;

	return (struct lab_moment){.link_down = xcalloc(links, sizeof(bool)),
				   .session_down = xcalloc(links, sizeof(bool)),
				   .prepends = xcalloc(lab->fabric->devices.n, sizeof(uint8_t)),
				   .deaf_since = xcalloc(2 * links, sizeof(uint32_t))};
}

static void moment_free(struct lab_moment *m)
{
	free(m->link_down);
	free(m->session_down);
	free(m->prepends);
	free(m->deaf_since);
}

/* What routing goes by now; the arrays are the lab's. */
static struct lab_moment moment_of_now(const struct lab *lab)
{
	return (struct lab_moment){.link_down = lab->link_down,
				   .session_down = lab->session_down,
				   .prepends = lab->prepends,
				   .deaf_since = lab->deaf_since};
}

static struct lab_moment moment_copy(const struct lab *lab, const struct lab_moment *of)
{
	size_t links = lab->fabric->links.n;
	struct lab_moment m = moment_new(lab);

	memcpy(m.link_down, of->link_down, links * sizeof(bool));
	memcpy(m.session_down, of->session_down, links * sizeof(bool));
	memcpy(m.prepends, of->prepends, lab->fabric->devices.n * sizeof(uint8_t));
	memcpy(m.deaf_since, of->deaf_since, 2 * links * sizeof(uint32_t));
	return m;
}

static struct conditions conditions_of(const struct lab *lab, const struct lab_moment *m)
{
	return (struct conditions){.link_down = m->link_down,
				   .session_down = m->session_down,
				   .prepends = m->prepends,
				   .deaf_since = m->deaf_since,
				   .earlier = lab->earlier};
}

/* After any change of the list. */
static void list_moments(struct lab *lab)
{
	free(lab->earlier);
	lab->earlier = xcalloc(lab->moments.n + 1, sizeof(*lab->earlier));
	for (size_t i = 0; i < lab->moments.n; i++)
		lab->earlier[i] = conditions_of(lab, &lab->moments.items[i]);
}

static void mark_used(const struct lab *lab, const struct lab_moment *by, bool *used)
{
	for (size_t i = 0; i < 2 * lab->fabric->links.n; i++) {
		if (by->deaf_since[i])
			used[by->deaf_since[i] - 1] = true;
	}
}

static void renumber(const struct lab *lab, struct lab_moment *m, const uint32_t *number)
{
	for (size_t i = 0; i < 2 * lab->fabric->links.n; i++) {
		if (m->deaf_since[i])
			m->deaf_since[i] = number[m->deaf_since[i] - 1];
	}
}

/* Ends that fall silent by turns would make a chain without end, and each moment costs all routes once more. */
#define MOST_MOMENTS 16

/* Who has what was said at the oldest moment has what was said at the next one instead; that one knows none before. */
static void forget_oldest(struct lab *lab)
{
	struct lab_moment now = moment_of_now(lab);

	moment_free(&lab->moments.items[0]);
	lab->moments.n--;
	memmove(lab->moments.items, lab->moments.items + 1, lab->moments.n * sizeof(*lab->moments.items));
	for (size_t i = 0; i <= lab->moments.n; i++) {
		uint32_t *since = (i < lab->moments.n ? &lab->moments.items[i] : &now)->deaf_since;

		for (size_t slot = 0; slot < 2 * lab->fabric->links.n; slot++)
			since[slot] -= since[slot] > 1 || (since[slot] && !i);
	}
}

/* Those that nothing refers to any more go; later moments refer to earlier ones. */
static void drop_moments(struct lab *lab)
{
	bool *used = xcalloc(lab->moments.n + 1, sizeof(*used));
	uint32_t *number = xcalloc(lab->moments.n + 1, sizeof(*number)), kept = 0;
	struct lab_moment now = moment_of_now(lab);

	mark_used(lab, &now, used);
	for (size_t i = lab->moments.n; i-- > 0;) {
		if (used[i])
			mark_used(lab, &lab->moments.items[i], used);
	}
	for (size_t i = 0; i < lab->moments.n; i++) {
		struct lab_moment *m = &lab->moments.items[i];

		if (!used[i]) {
			moment_free(m);
			continue;
		}
		renumber(lab, m, number);
		number[i] = kept + 1;
		lab->moments.items[kept++] = *m;
	}
	lab->moments.n = kept;
	renumber(lab, &now, number);
	while (lab->moments.n > MOST_MOMENTS)
		forget_oldest(lab);
	list_moments(lab);
	free(used);
	free(number);
}

/* Ends that have fallen silent keep what they have been told by now, which is a moment of its own. */
static void hold_what_was_said(struct lab *lab, const struct lab_moment *before)
{
	size_t had = lab->moments.n;

	for (uint32_t slot = 0; slot < 2 * lab->fabric->links.n; slot++) {
		uint32_t *since = &lab->deaf_since[slot];

		if (!is_held(lab, slot / 2, slot % 2)) {
			*since = 0;
			continue;
		}
		if (*since)
			continue;
		if (lab->moments.n == had)
			vec_push(&lab->moments, moment_copy(lab, before));
		*since = had + 1;
	}
	drop_moments(lab);
}

void lab_follow(struct lab *lab)
{
	struct lab_moment now = moment_of_now(lab), before = moment_copy(lab, &now);

	hold_what_was_said(lab, &before);
	free(lab->prepends);
	lab->prepends = wanted_prepends(lab);
	for (uint32_t l = 0; l < lab->fabric->links.n; l++) {
		bool link_down = wants_link_down(lab, l), session_down = wants_session_down(lab, l);

		lab->link_down[l] = link_down;
		lab->session_down[l] = session_down;
	}
	moment_free(&before);
}

/* What was asked for comes first: who closes a session by hand does not wonder that it expires. */
static const char *why_down(const struct lab *lab, uint32_t link)
{
	if (lab->link_down[link] && (lab->cut[link] || lab->no_carrier[link]))
		return NULL;
	if (lab->session_down[link] && lab->shut[link])
		return lab->shut[link];
	if (!(lab->link_down[link] || lab->session_down[link]))
		return NULL;
	if (!lab->dead[link])
		return is_deaf(lab, link, 0) || is_deaf(lab, link, 1) ? "the neighbour is not heard" : NULL;
	return liveness_timers_of(lab->fabric, &lab->fabric->links.items[link]).expired;
}

struct conditions lab_conditions(const struct lab *lab)
{
	struct lab_moment now = moment_of_now(lab);
	struct conditions c = conditions_of(lab, &now);

	for (uint32_t l = 0; l < lab->fabric->links.n; l++)
		lab->because[l] = why_down(lab, l);
	c.because = lab->because;
	c.n_earlier = lab->moments.n;
	return c;
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
	lab->delays = delay_compute(lab->fabric);
	lab->impairments = xcalloc(links, sizeof(*lab->impairments));
	lab->wired = xcalloc(links, sizeof(bool));
	for (size_t l = 0; l < links; l++)
		mark_wire(lab, l);
	lab->no_carrier = xcalloc(links, sizeof(bool));
	lab->dead = xcalloc(links, sizeof(bool));
	lab->deaf = xcalloc(2 * links, sizeof(bool));
	lab->deaf_since = xcalloc(2 * links, sizeof(*lab->deaf_since));
	lab->link_down = xcalloc(links, sizeof(bool));
	lab->session_down = xcalloc(links, sizeof(bool));
	lab->because = xcalloc(links, sizeof(*lab->because));
	lab->since = xcalloc(links, sizeof(*lab->since));
	lab->prepends = xcalloc(lab->fabric->devices.n, sizeof(*lab->prepends));
}

void state_free(struct lab *lab)
{
	void *const arrays[] = {lab->fastpath,	 lab->loans,	  lab->cut,	  lab->link_silent,  lab->shut,
				lab->no_carrier, lab->dead,	  lab->link_down, lab->session_down, lab->because,
				lab->since,	 lab->prepends,	  lab->delays,	  lab->impairments,  lab->wired,
				lab->deaf,	 lab->deaf_since, lab->earlier};

	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
		free(arrays[i]);
	vec_each(fault, &lab->faults)
		free(fault->target);
	vec_free(&lab->faults);
	vec_each(m, &lab->moments)
		moment_free(m);
	vec_free(&lab->moments);
	lab->earlier = NULL;
}

/* --- Text -------------------------------------------------------------------------------------------------------- */

/* The states that a link can be in, by the word that says so; those of a moment after those that are noticed. */
static const char *const link_words[] = {"no-carrier", "dead", "link-down", "session-down"};
#define N_NOTICED    2
#define N_LINK_WORDS 4

static bool *link_flags(const struct lab *lab, const struct lab_moment *m, const char *word)
{
	bool *const flags[N_LINK_WORDS] = {lab->no_carrier, lab->dead, m->link_down, m->session_down};

	for (size_t i = 0; i < N_LINK_WORDS; i++) {
		if (!strcmp(link_words[i], word))
			return flags[i];
	}
	return NULL;
}

static void write_flags(const struct lab *lab, const struct lab_moment *m, size_t first, size_t end, FILE *out)
{
	for (size_t w = first; w < end; w++) {
		const bool *flags = link_flags(lab, m, link_words[w]);

		vec_each(l, &lab->fabric->links) {
			if (flags[l->index])
				fprintf(out, "%s %s\n", link_words[w], l->name);
		}
	}
}

static void write_moment(const struct lab *lab, const struct lab_moment *m, FILE *out)
{
	write_flags(lab, m, N_NOTICED, N_LINK_WORDS, out);
	vec_each(d, &lab->fabric->devices) {
		if (m->prepends[d->index])
			fprintf(out, "prepends %s %u\n", d->name, m->prepends[d->index]);
	}
	for (uint32_t slot = 0; slot < 2 * lab->fabric->links.n; slot++) {
		if (m->deaf_since[slot])
			fprintf(out, "deaf %s %u,%u\n", lab->fabric->links.items[slot / 2].name, slot % 2,
				m->deaf_since[slot]);
	}
}

static void write_seen(const struct lab *lab, FILE *out)
{
	struct lab_moment now = moment_of_now(lab);

	write_flags(lab, &now, 0, N_NOTICED, out);
	vec_each(l, &lab->fabric->links) {
		if (lab->since[l->index])
			fprintf(out, "since %s %llu\n", l->name, (unsigned long long)lab->since[l->index]);
	}
	for (size_t i = 0; i < lab->moments.n; i++) {
		fprintf(out, "moment %zu\n", i + 1);
		write_moment(lab, &lab->moments.items[i], out);
	}
	if (lab->moments.n)
		fprintf(out, "moment 0\n");
	write_moment(lab, &now, out);
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
	vec_each(l, &lab->fabric->links) {
		const struct impairment *i = &lab->impairments[l->index];

		if (i->given)
			fprintf(out, "impair %s %u,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%u,%u\n", l->name, i->given,
				i->params.delay_ns, i->params.jitter_ns, i->params.rate_bps, i->params.loss_ppm,
				i->params.reorder_ppm);
	}
	write_seen(lab, out);
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

int lab_links_named(const struct lab *lab, const char *name, index_list *links)
{
	const struct link *l = link_named(lab, name);
	index_list all = {};
	int err;

	if (l) {
		vec_push(links, l->index);
		return 0;
	}
	err = target_links(lab->fabric, name, &all);
	vec_each(i, &all) {
		if (lab->fabric->links.items[*i].kind != LINK_HOST)
			vec_push(links, *i);
	}
	vec_free(&all);
	return err;
}

static bool read_impairment(struct lab *lab, const char *word, char *name)
{
	struct impairment i = {};
	char *blank = strrchr(name, ' ');
	const struct link *l;

	if (strcmp(word, "impair"))
		return false;
	if (!blank || sscanf(blank, "%u,%" SCNu64 ",%" SCNu64 ",%" SCNu64 ",%u,%u", &i.given, &i.params.delay_ns,
			     &i.params.jitter_ns, &i.params.rate_bps, &i.params.loss_ppm, &i.params.reorder_ppm) != 6)
		return true;
	*blank = '\0';
	l = link_named(lab, name);
	if (!l || lab_impair(lab, l->index, &i))
		log_info("'%s' is not impaired any more: there is no such link now", name);
	return true;
}

/* "NAME 123": cuts off what is behind the name; NULL: nothing is. */
static char *split_value(char *name)
{
	char *blank = strrchr(name, ' ');

	if (!blank)
		return NULL;
	*blank = '\0';
	return blank + 1;
}

/* A text is read from top to bottom; what it says of a moment goes to this one. */
struct reading {
	struct lab *lab;
	size_t moment; /* one more than the place in lab->moments; 0: now */
};

static struct lab_moment moment_read(const struct reading *r)
{
	return r->moment ? r->lab->moments.items[r->moment - 1] : moment_of_now(r->lab);
}

static void read_prepends(const struct reading *r, char *name)
{
	const char *value = split_value(name);
	const struct device *d = fabric_device(r->lab->fabric, name);

	if (d && value)
		moment_read(r).prepends[d->index] = strtoul(value, NULL, 10);
}

static void read_since(const struct reading *r, char *name)
{
	const char *value = split_value(name);
	const struct link *l = link_named(r->lab, name);

	if (l && value)
		r->lab->since[l->index] = strtoull(value, NULL, 10);
}

/* A moment knows those before it only. */
static void read_deaf(const struct reading *r, char *name)
{
	const char *value = split_value(name);
	const struct link *l = link_named(r->lab, name);
	size_t known = r->moment ? r->moment - 1 : r->lab->moments.n;
	unsigned end, since;

	if (l && value && sscanf(value, "%u,%u", &end, &since) == 2 && end < 2 && since <= known)
		moment_read(r).deaf_since[l->index * 2 + end] = since;
}

static void read_moment(struct reading *r, const char *number)
{
	r->moment = strtoul(number, NULL, 10) ? r->lab->moments.n + 1 : 0;
	if (r->moment)
		vec_push(&r->lab->moments, moment_new(r->lab));
}

static void read_seen(struct reading *r, const char *word, char *name)
{
	const struct lab_moment m = moment_read(r);
	bool *flags = link_flags(r->lab, &m, word);
	const struct link *l = flags ? link_named(r->lab, name) : NULL;

	if (l)
		flags[l->index] = true;
	else if (!strcmp(word, "prepends"))
		read_prepends(r, name);
	else if (!strcmp(word, "deaf"))
		read_deaf(r, name);
	else if (!strcmp(word, "since"))
		read_since(r, name);
	else if (!strcmp(word, "moment"))
		read_moment(r, name);
}

void state_parse(struct lab *lab, char *text)
{
	struct reading r = {.lab = lab};
	char *line;

	while ((line = strsep(&text, "\n"))) {
		char *name = strchr(line, ' ');

		if (!name)
			continue;
		*name++ = '\0';
		if (!read_fault(lab, line, name) && !read_switch(lab, line, name) && !read_impairment(lab, line, name))
			read_seen(&r, line, name);
	}
	/* Nothing comes over to them before they are heard. */
	for (uint32_t slot = 0; slot < 2 * lab->fabric->links.n; slot++)
		lab->deaf[slot] = lab->deaf_since[slot];
	list_moments(lab);
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
