// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "obs/scenario.h"

#include <string.h>

#define SECONDS_FROM_NS 10000000000ull /* as "179.37 s" */

/* --- Words ------------------------------------------------------------------------------------------------------- */

const char *fault_how(const struct planned_fault *f)
{
	if (f->maintenance)
		return "maintenance";
	if (f->layer != LAYER_LINK)
		return f->layer == LAYER_ARP ? "arp" : "bgp";
	return f->silent ? "silent" : "down";
}

static const char *fault_verb(const struct planned_fault *f)
{
	static const struct {
		const char *how, *verb;
	} verbs[] = {{"down", "fails"},
		     {"silent", "fails silently"},
		     {"arp", "loses its ARP"},
		     {"bgp", "loses its BGP session"},
		     {"maintenance", "is maintained"}};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (!strcmp(verbs[i].how, fault_how(f)))
			return verbs[i].verb;
	}
	return "fails";
}

char *faults_text(const struct scenario *s)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	vec_each(f, &s->fail)
		fprintf(out, "%s%s %s", f == s->fail.items ? "" : ", ", f->target, fault_verb(f));
	fclose(out);
	return text;
}

char *azure_text(const struct topo *t)
{
	if (t->azure_convergence_ns)
		return xasprintf(
			"The column 'azure' is 'timers: {azureConvergence: …}' of this file, %g s: the seconds "
			"that Azure's inside takes to act on a change (azure.md 7.1).",
			t->azure_convergence_ns / 1e9);
	return xstrdup("Azure's inside adds seconds to the twin's own time: from a circuit to a VPN about 14 s were "
		       "measured (jocortems), Microsoft's page on VPN as a backup shows under 10 s (azure.md 7.1). "
		       "'timers: {azureConvergence: 10s}' adds them.");
}

/* --- Ways -------------------------------------------------------------------------------------------------------- */

typedef VEC(const char *) device_names;

/* Whether it arrives. */
static bool devices_of(const struct image *image, const struct flow_stream *s, device_names *out)
{
	struct walk w;
	bool there;

	flow_walk(image, s, &w);
	there = w.delivered && w.delivered->index == s->to->index;
	vec_each(step, &w.steps)
		vec_push(out, step->device->name);
	walk_free(&w);
	return there;
}

static char *joined(const device_names *list, size_t first, size_t end)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (size_t i = first; i < end; i++)
		fprintf(out, "%s%s", i == first ? "" : " ", list->items[i]);
	fclose(out);
	return text;
}

char *way_text(const struct image *image, const struct flow_stream *s)
{
	device_names list = {};
	char *text = devices_of(image, s, &list) ? joined(&list, 0, list.n) : NULL;

	vec_free(&list);
	return text;
}

/* Only what differs, between the devices that both ways begin and end with. */
static char *shortened(const device_names *was, const device_names *is)
{
	size_t head = 0, tail = 0;
	char *from, *to, *text;

	while (head < was->n && head < is->n && !strcmp(was->items[head], is->items[head]))
		head++;
	while (tail + head < was->n && tail + head < is->n &&
	       !strcmp(was->items[was->n - 1 - tail], is->items[is->n - 1 - tail]))
		tail++;
	from = joined(was, head, was->n - tail);
	to = joined(is, head, is->n - tail);
	text = xasprintf("%s -> %s", *from ? from : "direct", *to ? to : "direct");
	free(from);
	free(to);
	return text;
}

/* What became of a stream's way; empty when nothing did. To be freed. */
static char *way_change(const struct image *was, const struct image *is, const struct flow_stream *s)
{
	device_names a = {}, b = {};
	bool before = devices_of(was, s, &a), after = devices_of(is, s, &b);
	char *text, *all;

	if (before && after) {
		all = shortened(&a, &b);
		text = strcmp(all, "direct -> direct") ? all : NULL;
		if (!text)
			free(all);
		vec_free(&a);
		vec_free(&b);
		return text ? text : xstrdup("");
	}
	all = before ? joined(&a, 0, a.n) : after ? joined(&b, 0, b.n) : xstrdup("");
	text = before ? xasprintf("%s -> no way", all) : after ? xasprintf("no way -> %s", all) : xstrdup("no way");
	free(all);
	vec_free(&a);
	vec_free(&b);
	return text;
}

/* --- Judging ----------------------------------------------------------------------------------------------------- */

void scenario_judge(struct scenario_result *r)
{
	for (int p = 0; p < N_PHASES; p++) {
		struct phase_result *phase = &r->phases[p];

		vec_each(s, &r->streams) {
			struct outage o;

			outage_find(&s->samples, phase->from_ns, phase->until_ns, &o);
			outage_split(&o, &r->happenings, r->before->topo->azure_convergence_ns);
			vec_push(&phase->outages, o);
		}
	}
}

void scenario_count(const struct scenario_result *r, unsigned *passed, unsigned *failed)
{
	*passed = *failed = 0;
	for (int p = PHASE_FAILING; p < N_PHASES; p++) {
		vec_each(v, &r->phases[p].checks)
			++*(v->passed ? passed : failed);
		*failed += !r->phases[p].settled;
	}
}

void scenario_result_free(struct scenario_result *r)
{
	for (int p = 0; p < N_PHASES; p++) {
		vec_each(o, &r->phases[p].outages)
			outage_free(o);
		vec_free(&r->phases[p].outages);
		verdicts_free(&r->phases[p].checks);
	}
	flow_streams_free(&r->streams);
	vec_free(&r->happenings);
	cJSON_Delete(r->events);
	lab_free(r->after);
	lab_free(r->before);
}

/* --- Text -------------------------------------------------------------------------------------------------------- */

struct table { /* of one phase */
	const struct scenario_result *r;
	enum scenario_phase phase;
	const struct image *was, *is;
	int widths[2]; /* of host names */
	bool azure, headed;
	FILE *out;
};

struct row { /* one direction of a pair: its streams, one after the other in the list */
	const struct flow_stream *first, *end;
	const struct flow_stream *worst; /* that was interrupted longest */
	unsigned hit;			 /* streams that lost something */
	uint64_t lost;			 /* by all of them */
	bool moved;			 /* one goes another way */
};

static const struct outage *outage_of(const struct table *t, const struct flow_stream *s)
{
	return &t->r->phases[t->phase].outages.items[s - t->r->streams.items];
}

static bool is_worse(const struct outage *a, const struct outage *b)
{
	if (a->goes_on != b->goes_on)
		return a->goes_on;
	return a->lost_ns != b->lost_ns ? a->lost_ns > b->lost_ns : a->lost > b->lost;
}

static bool has_moved(const struct table *t, const struct flow_stream *s)
{
	char *change = way_change(t->was, t->is, s);
	bool moved = *change;

	free(change);
	return moved;
}

static struct row row_from(const struct table *t, const struct flow_stream *first)
{
	const flow_streams *all = &t->r->streams;
	struct row row = {.first = first, .end = first, .worst = first};

	while (row.end < all->items + all->n && row.end->from == first->from && row.end->to == first->to) {
		const struct outage *o = outage_of(t, row.end);
		bool moved = has_moved(t, row.end);

		row.hit += o->lost > 0;
		row.lost += o->lost;
		/* Without a loss, the one that tells where it went. */
		if (is_worse(o, outage_of(t, row.worst)) || (!row.hit && moved && !row.moved))
			row.worst = row.end;
		row.moved |= moved;
		row.end++;
	}
	return row;
}

static const char *ms_text(uint64_t ns, char out[static 32])
{
	if (ns < SECONDS_FROM_NS)
		snprintf(out, 32, "%.1f ms", ns / 1e6);
	else
		snprintf(out, 32, "%.2f s", ns / 1e9);
	return out;
}

static const char *lost_text(const struct table *t, const struct outage *o, char out[static 32])
{
	if (!o->lost)
		return "0 ms";
	if (o->goes_on)
		return t->phase == PHASE_FAILING ? "until repair" : "for good";
	if (!o->lost_ns) {
		snprintf(out, 32, "< %g ms", t->r->interval_ns / 1e6);
		return out;
	}
	return ms_text(o->lost_ns, out);
}

/* What no packet measures is left blank. */
static void print_part(const struct table *t, const struct outage *o, uint64_t ns)
{
	char text[32];

	fprintf(t->out, "  %10s", o->lost_ns && !o->goes_on ? ms_text(ns, text) : "");
}

static void print_head(struct table *t)
{
	vec_each(s, &t->r->streams) {
		int from = strlen(s->from->name), to = strlen(s->to->name);

		t->widths[0] = from > t->widths[0] ? from : t->widths[0];
		t->widths[1] = to > t->widths[1] ? to : t->widths[1];
	}
	fprintf(t->out, "%-*s  %-*s  %12s  %7s  %10s", t->widths[0], "from", t->widths[1], "to", "lost", "packets",
		"detection");
	if (t->azure)
		fprintf(t->out, "  %10s", "azure");
	fprintf(t->out, "  %10s  %10s  way\n", "twin", "rest");
}

static void print_row(struct table *t, const struct row *row)
{
	const struct outage *o = outage_of(t, row->worst);
	char text[32], *change = way_change(t->was, t->is, row->worst);
	long ways = row->end - row->first;

	if (!t->headed)
		print_head(t);
	t->headed = true;
	fprintf(t->out, "%-*s  %-*s  %12s  %7lu", t->widths[0], row->first->from->name, t->widths[1],
		row->first->to->name, lost_text(t, o, text), (unsigned long)row->lost);
	print_part(t, o, o->split.detection);
	if (t->azure)
		print_part(t, o, o->split.azure);
	print_part(t, o, o->split.twin);
	print_part(t, o, o->split.rest);
	fprintf(t->out, "%s%s", *change ? "  " : "", change);
	if (ways > 1 && row->hit)
		fprintf(t->out, "  (lost on %u of %ld ways)", row->hit, ways);
	fputc('\n', t->out);
	free(change);
}

/* Those that lost something and, when it fails, those that go another way; the others are counted. */
static void print_losses(const struct scenario_result *r, enum scenario_phase phase, FILE *out)
{
	bool back = phase == PHASE_RESTORING;
	const struct flow_stream *s = r->streams.items;
	size_t all = 0, others = 0;
	struct table t = {.r = r,
			  .phase = phase,
			  .was = back ? r->after->image : r->before->image,
			  .is = back ? r->before->image : r->after->image,
			  .widths = {4, 2},
			  .azure = r->before->topo->azure_convergence_ns,
			  .out = out};

	while (s < r->streams.items + r->streams.n) {
		struct row row = row_from(&t, s);

		all++;
		if (row.hit || (row.moved && !back))
			print_row(&t, &row);
		else
			others++;
		s = row.end;
	}
	fprintf(out, "%zu of %zu directions between hosts %slost nothing\n", others, all,
		back ? "" : "keep their way and ");
}

static void print_failed(const verdicts *list, FILE *out)
{
	verdicts failed = {};

	vec_each(v, list) {
		if (!v->passed)
			vec_push(&failed, *v);
	}
	verdicts_print(&failed, out);
	fprintf(out, "%zu of %zu expectations of the file hold again\n", list->n - failed.n, list->n);
	vec_free(&failed);
}

static void print_phase(const struct scenario_result *r, enum scenario_phase phase, const char *title, FILE *out)
{
	const struct phase_result *p = &r->phases[phase];

	fprintf(out, "\n%s (%.1f s)\n", title, (p->until_ns - p->from_ns) / 1e9);
	print_losses(r, phase, out);
	if (!p->settled)
		fprintf(out, "FAILED routing has not come to rest within %.1f s\n", p->settled_after_s);
	if (phase == PHASE_FAILING)
		verdicts_print(&p->checks, out);
	else
		print_failed(&p->checks, out);
}

/* What was on a slow wire when the fault came was sent before it. */
static bool was_under_way(const struct scenario_result *r, const struct gap *g)
{
	return g->goes_on && g->last_ns - g->first_ns <= lab_slowest_ns(r->before);
}

static uint64_t lost_before(const struct scenario_result *r, size_t *streams)
{
	uint64_t lost = 0;

	*streams = 0;
	vec_each(o, &r->phases[PHASE_BEFORE].outages) {
		uint64_t of_stream = 0;

		/* Of those that had no way there is nothing to lose. */
		if (o->goes_on && o->from_before)
			continue;
		vec_each(g, &o->gaps)
			of_stream += was_under_way(r, g) ? 0 : g->lost;
		lost += of_stream;
		*streams += of_stream > 0;
	}
	return lost;
}

static void print_measuring(const struct scenario_result *r, FILE *out)
{
	size_t streams, duplicates = 0, reordered = 0;
	uint64_t lost = lost_before(r, &streams);

	fprintf(out,
		"\n%zu streams between %zu of %zu pairs of hosts, %g ms between two packets of each, at worst %.1f "
		"ms\n",
		r->streams.n, r->choice.pairs, r->choice.talking, r->interval_ns / 1e6,
		r->prober.longest_pause_ns / 1e6);
	vec_each(s, &r->streams) {
		duplicates += s->duplicates;
		reordered += s->reordered;
	}
	if (duplicates || reordered)
		fprintf(out, "%zu packets arrived twice, %zu after one that was sent later\n", duplicates, reordered);
	if (lost)
		fprintf(out, "warning: %zu streams lost %lu packets before anything failed\n", streams,
			(unsigned long)lost);
	if (r->prober.own_drops)
		fprintf(out,
			"warning: %lu packets arrived and were lost in the measuring sockets; a longer --interval "
			"helps\n",
			(unsigned long)r->prober.own_drops);
}

void scenario_print(const struct scenario_result *r, FILE *out)
{
	char *faults = faults_text(r->scenario), *azure = azure_text(r->before->topo);
	unsigned passed, failed;

	scenario_count(r, &passed, &failed);
	fprintf(out, "scenario '%s' of lab '%s': %s\n", r->scenario->name, r->before->topo->name, faults);
	print_phase(r, PHASE_FAILING, "Failing", out);
	print_phase(r, PHASE_RESTORING, "Restoring", out);
	print_measuring(r, out);
	fprintf(out, "%s\n%u passed, %u failed\n", azure, passed, failed);
	free(azure);
	free(faults);
}
