// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "obs/outage.h"

static size_t first_since(const samples *list, uint64_t ns)
{
	size_t low = 0, high = list->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (list->items[middle].sent_ns < ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void add_lost(struct outage *o, struct gap **open, const struct sample *s)
{
	if (!*open)
		*open = vec_push(&o->gaps, ((struct gap){.first_ns = s->sent_ns}));
	(*open)->last_ns = s->sent_ns;
	(*open)->lost++;
	o->lost++;
}

void outage_find(const samples *list, uint64_t from_ns, uint64_t until_ns, struct outage *out)
{
	size_t first = first_since(list, from_ns), end = first_since(list, until_ns);
	struct gap *open = NULL;

	*out = (struct outage){.sent = end - first};
	for (size_t i = first; i < end; i++) {
		if (!list->items[i].arrived)
			add_lost(out, &open, &list->items[i]);
		else
			open = NULL;
	}
	if (open)
		open->goes_on = out->goes_on = true;
	if (out->gaps.n && first && !list->items[first].arrived && !list->items[first - 1].arrived)
		out->gaps.items[0].from_before = out->from_before = true;
	vec_each(gap, &out->gaps)
		out->lost_ns += gap->last_ns - gap->first_ns;
}

void outage_free(struct outage *o)
{
	vec_free(&o->gaps);
}

/* --- What the time was ------------------------------------------------------------------------------------------- */

/* The last of a kind up to a moment; NULL: none. */
static const struct happening *last_until(const happenings *all, enum happening_kind kind, uint64_t ns)
{
	const struct happening *found = NULL;

	vec_each(h, all) {
		if (h->kind == kind && h->at_ns <= ns)
			found = h;
	}
	return found;
}

static const struct happening *first_from(const happenings *all, enum happening_kind kind, uint64_t ns)
{
	vec_each(h, all) {
		if (h->kind == kind && h->at_ns >= ns)
			return h;
	}
	return NULL;
}

/* What ended it: the groups written next after the last datagram that was lost, or else the last ones before. */
static const struct happening *answer_to(const struct gap *gap, const happenings *all)
{
	const struct happening *h = first_from(all, HAPPENED_WRITTEN, gap->last_ns);

	return h ? h : last_until(all, HAPPENED_WRITTEN, gap->last_ns);
}

/*
 * The first of the changes that were answered so: several may come before routing
 * follows any. A step of planned work stands for itself: what was lost before it
 * was lost by an earlier step.
 */
static uint64_t begun_at(const struct gap *gap, const happenings *all, uint64_t ended)
{
	const struct happening *begun = NULL;
	bool answered = false;

	vec_each(h, all) {
		if (h->at_ns > ended)
			break;
		if (h->kind == HAPPENED_WRITTEN)
			answered = true;
		if (h->kind == HAPPENED_PLANNED || (h->kind == HAPPENED_CHANGE && (!begun || answered))) {
			begun = h;
			answered = false;
		}
	}
	return begun ? begun->at_ns : gap->first_ns;
}

/* How much of the gap lies between two moments. */
static uint64_t overlap(const struct gap *gap, uint64_t from, uint64_t until)
{
	if (from < gap->first_ns)
		from = gap->first_ns;
	if (until > gap->last_ns)
		until = gap->last_ns;
	return until > from ? until - from : 0;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

struct split gap_split(const struct gap *gap, const happenings *all, uint64_t azure_ns)
{
	const struct happening *answer = answer_to(gap, all);
	uint64_t ended = answer ? answer->at_ns : gap->last_ns;
	uint64_t begun = begun_at(gap, all, ended), noticed = begun, waits, acts;
	const struct happening *detected = last_until(all, HAPPENED_DETECTED, ended);
	const struct happening *waiting = last_until(all, HAPPENED_WAITING, ended);
	struct split s = {};

	if (detected && detected->at_ns > begun)
		noticed = detected->at_ns;
	waits = acts = noticed;
	if (waiting && waiting->at_ns >= begun) {
		waits = later(noticed, waiting->at_ns);
		acts = later(waits, earlier(waiting->at_ns + azure_ns, ended));
	}
	s.detection = overlap(gap, begun, noticed);
	s.azure = overlap(gap, waits, acts);
	if (answer)
		s.twin = overlap(gap, noticed, waits) + overlap(gap, acts, ended);
	s.rest = gap->last_ns - gap->first_ns - s.detection - s.azure - s.twin;
	return s;
}

void outage_split(struct outage *o, const happenings *all, uint64_t azure_ns)
{
	vec_each(gap, &o->gaps) {
		gap->split = gap_split(gap, all, azure_ns);
		o->split.detection += gap->split.detection;
		o->split.azure += gap->split.azure;
		o->split.twin += gap->split.twin;
		o->split.rest += gap->split.rest;
	}
}
