// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "obs/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BINS 14
#define PLOT_BINS 48
#define BAR	  28 /* columns */

static const struct {
	const char *word;  /* in JSON and CSV */
	const char *title; /* before "to ADDRESS" */
	const char *axis;
} kinds[N_METER_KINDS] = {
	[METER_TCP] = {"tcp", "TCP connect", "TCP connect time, ms"},
	[METER_ICMP] = {"icmp", "ICMP echo", "ICMP round trip, ms"},
};

static const char *const side_words[] = {"off", "on"};

/* --- Working out ---------------------------------------------------------------------------------------------------
 */

static void make_side(const struct meter_result *measured, enum meter_kind kind, bool on, struct compare_side *out)
{
	size_t n = 0;

	out->ms = xcalloc(measured->samples.n + 1, sizeof(*out->ms));
	vec_each(s, &measured->samples) {
		if (s->kind != kind || s->on != on)
			continue;
		out->sent++;
		if (!s->lost)
			out->ms[n++] = s->took_ns / 1e6;
	}
	stats_sort(out->ms, n);
	out->stats = stats_of(out->ms, n);
}

void compare_make(const struct lab *lab, const struct meter_plan *plan, const struct meter_result *measured,
		  const struct bypass *bypass, struct comparison *out)
{
	*out = (struct comparison){.lab = lab, .plan = plan, .measured = measured, .bypass = bypass};
	for (enum meter_kind kind = 0; kind < N_METER_KINDS; kind++) {
		struct compare_kind *k = &out->kinds[kind];

		for (int on = 0; on < 2; on++)
			make_side(measured, kind, on, &k->sides[on]);
		k->saved = k->sides[0].stats.median - k->sides[1].stats.median;
		k->sure = stats_median_difference(k->sides[0].ms, k->sides[0].stats.n, k->sides[1].ms,
						  k->sides[1].stats.n, COMPARE_SHARE, COMPARE_ROUNDS, COMPARE_SEED);
	}
}

void compare_free(struct comparison *c)
{
	for (enum meter_kind kind = 0; kind < N_METER_KINDS; kind++)
		for (int on = 0; on < 2; on++)
			free(c->kinds[kind].sides[on].ms);
}

/* Whether both sides have something to compare. */
static bool is_comparable(const struct compare_kind *k)
{
	return k->sides[0].stats.n && k->sides[1].stats.n;
}

/* --- Text ----------------------------------------------------------------------------------------------------------
 */

struct ms_text {
	char text[32];
};

/* As PsPing prints it, and to the microsecond below one. */
static struct ms_text ms(double value)
{
	struct ms_text t;

	snprintf(t.text, sizeof(t.text), "%.*fms", fabs(value) < 1 ? 3 : 2, value);
	return t;
}

static void print_target(const struct comparison *c, enum meter_kind kind, FILE *out)
{
	char text[ADDR_STRLEN];

	fprintf(out, "%s to %s", kinds[kind].title, addr_format(&c->plan->to->addr, text));
	if (kind == METER_TCP)
		fprintf(out, ":%u", c->measured->port);
}

static void print_side(const struct compare_side *s, bool on, FILE *out)
{
	size_t lost = s->sent - s->stats.n;

	fprintf(out, "FastPath %s:\n", side_words[on]);
	fprintf(out, "  Sent = %zu, Received = %zu, Lost = %zu (%.0f%% loss),\n", s->sent, s->stats.n, lost,
		s->sent ? 100.0 * lost / s->sent : 0);
	if (!s->stats.n)
		return;
	fprintf(out, "  Minimum = %s, Maximum = %s, Average = %s,\n", ms(s->stats.least).text, ms(s->stats.most).text,
		ms(s->stats.mean).text);
	fprintf(out, "  Median = %s, p99 = %s\n", ms(s->stats.median).text, ms(s->stats.p99).text);
}

/*
 * From the fastest to as far beyond the slower median as that is from the fastest, and
 * not beyond p99: one straggler must not push all others into one bin. What took
 * longer counts in the last one.
 */
static struct stats_bins bins_of(const struct compare_kind *k, unsigned most)
{
	const struct stats *off = &k->sides[0].stats, *on = &k->sides[1].stats;

	double least = fmin(off->least, on->least), median = fmax(off->median, on->median);

	return stats_bins_for(least, fmin(fmax(off->p99, on->p99), median + (median - least)), most);
}

static void print_bar(size_t count, size_t most, FILE *out)
{
	int width = most ? (int)((count * BAR + most - 1) / most) : 0;

	fprintf(out, " |%.*s%*s%5zu", width, "############################", BAR - width, "", count);
}

static void print_histogram(const struct compare_kind *k, FILE *out)
{
	struct stats_bins bins = bins_of(k, TEXT_BINS);
	int digits = (int)fmax(0, ceil(-log10(bins.width) - 1e-9));
	size_t counts[2][STATS_MOST_BINS], most = 0;

	for (int on = 0; on < 2; on++) {
		stats_count(&bins, k->sides[on].ms, k->sides[on].stats.n, counts[on]);
		for (unsigned i = 0; i < bins.n; i++)
			most = counts[on][i] > most ? counts[on][i] : most;
	}
	fprintf(out, "%10s   %-*s  %s\n", "from", BAR + 5, "FastPath off", "FastPath on");
	for (unsigned i = 0; i < bins.n; i++) {
		fprintf(out, "%8.*fms", digits, bins.first + i * bins.width);
		print_bar(counts[0][i], most, out);
		print_bar(counts[1][i], most, out);
		fputs(i + 1 == bins.n ? " and more\n" : "\n", out);
	}
}

static void print_difference(const struct compare_kind *k, FILE *out)
{
	fprintf(out, "Median off - on = %s, 95%% interval %s to %s\n", ms(k->saved).text, ms(k->sure.low).text,
		ms(k->sure.high).text);
}

static void print_connections(const struct comparison *c, FILE *out)
{
	vec_each(conn, &c->bypass->connections)
		fprintf(out, "%s%s", conn == c->bypass->connections.items ? "" : ", ", (*conn)->name);
}

void compare_print(const struct comparison *c, FILE *out)
{
	fprintf(out, "From %s to %s, %s switched at ", c->plan->from->name, c->plan->to->name,
		c->bypass->replies ? "FastPath of the replies" : "FastPath");
	print_connections(c, out);
	fprintf(out, ", in blocks of %u (off on on off), %d warm-ups after each switch\n", c->plan->block,
		METER_WARM_UPS);
	for (enum meter_kind kind = 0; kind < N_METER_KINDS; kind++) {
		const struct compare_kind *k = &c->kinds[kind];

		fputc('\n', out);
		print_target(c, kind, out);
		fputs(kind == METER_TCP && c->measured->listened ? " (opened for this):\n" : ":\n", out);
		for (int on = 0; on < 2; on++)
			print_side(&k->sides[on], on, out);
		if (!is_comparable(k))
			continue;
		print_difference(k, out);
		print_histogram(k, out);
	}
}

/* --- JSON and CSV --------------------------------------------------------------------------------------------------
 */

static cJSON *side_json(const struct compare_side *s)
{
	const struct {
		const char *name;
		double value;
	} fields[] = {{"minimumMs", s->stats.least},
		      {"maximumMs", s->stats.most},
		      {"averageMs", s->stats.mean},
		      {"medianMs", s->stats.median},
		      {"p99Ms", s->stats.p99}};
	cJSON *item = cJSON_CreateObject();

	cJSON_AddNumberToObject(item, "sent", (double)s->sent);
	cJSON_AddNumberToObject(item, "received", (double)s->stats.n);
	cJSON_AddNumberToObject(item, "lost", (double)(s->sent - s->stats.n));
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		cJSON_AddItemToObject(item, fields[i].name,
				      s->stats.n ? cJSON_CreateNumber(fields[i].value) : cJSON_CreateNull());
	return item;
}

static cJSON *difference_json(const struct compare_kind *k)
{
	cJSON *item;

	if (!is_comparable(k))
		return cJSON_CreateNull();
	item = cJSON_CreateObject();
	cJSON_AddNumberToObject(item, "medianMs", k->saved);
	cJSON_AddNumberToObject(item, "lowMs", k->sure.low);
	cJSON_AddNumberToObject(item, "highMs", k->sure.high);
	cJSON_AddNumberToObject(item, "confidence", COMPARE_SHARE);
	cJSON_AddNumberToObject(item, "bootstrapRounds", COMPARE_ROUNDS);
	cJSON_AddNumberToObject(item, "bootstrapSeed", COMPARE_SEED);
	return item;
}

static cJSON *sample_json(const struct meter_sample *s)
{
	cJSON *item = cJSON_CreateObject();

	cJSON_AddStringToObject(item, "probe", kinds[s->kind].word);
	cJSON_AddStringToObject(item, "fastPath", side_words[s->on]);
	cJSON_AddNumberToObject(item, "block", s->block);
	cJSON_AddNumberToObject(item, "pair", s->pair);
	if (s->kind == METER_TCP)
		cJSON_AddNumberToObject(item, "sourcePort", s->sport);
	cJSON_AddNumberToObject(item, "atMs", s->at_ns / 1e6);
	cJSON_AddItemToObject(item, "ms", s->lost ? cJSON_CreateNull() : cJSON_CreateNumber(s->took_ns / 1e6));
	return item;
}

static void add_head(const struct comparison *c, cJSON *root)
{
	char text[ADDR_STRLEN];
	cJSON *list;

	cJSON_AddStringToObject(root, "lab", c->lab->topo->name);
	cJSON_AddStringToObject(root, "from", c->plan->from->name);
	cJSON_AddStringToObject(root, "to", c->plan->to->name);
	cJSON_AddStringToObject(root, "address", addr_format(&c->plan->to->addr, text));
	cJSON_AddNumberToObject(root, "port", c->measured->port);
	cJSON_AddBoolToObject(root, "ownListener", c->measured->listened);
	list = cJSON_AddArrayToObject(root, "connections");
	vec_each(conn, &c->bypass->connections)
		cJSON_AddItemToArray(list, cJSON_CreateString((*conn)->name));
	cJSON_AddBoolToObject(root, "replies", c->bypass->replies);
	cJSON_AddNumberToObject(root, "count", c->plan->count);
	cJSON_AddNumberToObject(root, "block", c->plan->block);
	cJSON_AddNumberToObject(root, "warmUps", METER_WARM_UPS);
	cJSON_AddNumberToObject(root, "intervalMs", c->plan->interval_ns / 1e6);
}

cJSON *compare_json(const struct comparison *c)
{
	cJSON *root = cJSON_CreateObject(), *list;

	add_head(c, root);
	for (enum meter_kind kind = 0; kind < N_METER_KINDS; kind++) {
		cJSON *item = cJSON_AddObjectToObject(root, kinds[kind].word);

		for (int on = 0; on < 2; on++)
			cJSON_AddItemToObject(item, side_words[on], side_json(&c->kinds[kind].sides[on]));
		cJSON_AddItemToObject(item, "difference", difference_json(&c->kinds[kind]));
	}
	list = cJSON_AddArrayToObject(root, "samples");
	vec_each(s, &c->measured->samples)
		cJSON_AddItemToArray(list, sample_json(s));
	return root;
}

void compare_csv(const struct comparison *c, FILE *out)
{
	fputs("order,probe,fastPath,block,pair,sourcePort,atMs,ms\n", out);
	vec_each(s, &c->measured->samples) {
		fprintf(out, "%zu,%s,%s,%u,%u,", (size_t)(s - c->measured->samples.items), kinds[s->kind].word,
			side_words[s->on], s->block, s->pair);
		if (s->kind == METER_TCP)
			fprintf(out, "%u", s->sport);
		fprintf(out, ",%.6f,", s->at_ns / 1e6);
		if (!s->lost)
			fprintf(out, "%.6f", s->took_ns / 1e6);
		fputc('\n', out);
	}
}

/* --- Plot ----------------------------------------------------------------------------------------------------------
 */

static const struct {
	const char *colour, *shape;
} looks[] = {{"#9a9a9a", "transparent solid 0.55 border -1"}, {"#0078d4", "transparent solid 0.55 border -1"}};

static void plot_data(const struct compare_kind *k, enum meter_kind kind, const struct stats_bins *bins, FILE *out)
{
	size_t counts[STATS_MOST_BINS];

	for (int on = 0; on < 2; on++) {
		stats_count(bins, k->sides[on].ms, k->sides[on].stats.n, counts);
		fprintf(out, "$%s_%s << END\n", kinds[kind].word, side_words[on]);
		for (unsigned i = 0; i < bins->n; i++)
			fprintf(out, "%.9g %zu\n", bins->first + (i + 0.5) * bins->width, counts[i]);
		fputs("END\n", out);
	}
}

static void plot_panel(const struct comparison *c, enum meter_kind kind, FILE *out)
{
	const struct compare_kind *k = &c->kinds[kind];
	struct stats_bins bins = bins_of(k, PLOT_BINS);

	plot_data(k, kind, &bins, out);
	fputs("unset arrow\nset title '", out);
	print_target(c, kind, out);
	fprintf(out, ": %s less with FastPath (95%% interval %s to %s)'\n", ms(k->saved).text, ms(k->sure.low).text,
		ms(k->sure.high).text);
	fprintf(out, "set xlabel '%s'\nset ylabel 'samples'\nset boxwidth %.9g\n", kinds[kind].axis, bins.width);
	for (int on = 0; on < 2; on++)
		fprintf(out, "set arrow from %.9g, graph 0 to %.9g, graph 1 nohead lw 2 lc rgb '%s'\n",
			k->sides[on].stats.median, k->sides[on].stats.median, looks[on].colour);
	fputs("plot ", out);
	for (int on = 0; on < 2; on++)
		fprintf(out, "%s$%s_%s using 1:2 with boxes fs %s lc rgb '%s' title 'FastPath %s, median %s'",
			on ? ", " : "", kinds[kind].word, side_words[on], looks[on].shape, looks[on].colour,
			side_words[on], ms(k->sides[on].stats.median).text);
	fputc('\n', out);
}

/* Names need no quoting: the topology language allows letters, digits, hyphens, underscores and dots. */
void compare_plot(const struct comparison *c, FILE *out)
{
	unsigned panels = 0;

	for (enum meter_kind kind = 0; kind < N_METER_KINDS; kind++)
		panels += is_comparable(&c->kinds[kind]);
	fputs("set terminal svg size 1280,720 font 'sans,16' background '#ffffff' noenhanced\n"
	      "set yrange [0:*]\nset tics out nomirror\nset border 3\nset key top right\n",
	      out);
	fprintf(out, "set multiplot layout %u,1 title '%s to %s'\n", panels ? panels : 1, c->plan->from->name,
		c->plan->to->name);
	for (enum meter_kind kind = 0; kind < N_METER_KINDS; kind++) {
		if (is_comparable(&c->kinds[kind]))
			plot_panel(c, kind, out);
	}
	fputs("unset multiplot\n", out);
}
