// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How long a stream was interrupted and what that time was, from made-up samples and events. */
#include <criterion/criterion.h>
#include <string.h>

#include "obs/outage.h"

#define MS 1000000ul

/* A datagram every ms from 1000 ms on, one letter each: '.' has arrived, 'x' is lost. */
static void make_samples(const char *text, samples *out)
{
	for (size_t i = 0; text[i]; i++)
		vec_push(out, ((struct sample){.sent_ns = (1000 + i) * MS, .arrived = text[i] == '.'}));
}

static struct outage outage_in(const char *text, uint64_t from_ms, uint64_t until_ms)
{
	samples list = {};
	struct outage o;

	make_samples(text, &list);
	outage_find(&list, from_ms * MS, until_ms * MS, &o);
	vec_free(&list);
	return o;
}

/* "first+ms*lost" of each gap; '<' before one that was going on, '>' after one that goes on. */
static char *gaps_text(const struct outage *o)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	vec_each(g, &o->gaps)
		fprintf(out, "%s%s%lu+%lu*%lu%s", g == o->gaps.items ? "" : " ", g->from_before ? "<" : "",
			g->first_ns / MS, (g->last_ns - g->first_ns) / MS, g->lost, g->goes_on ? ">" : "");
	fclose(out);
	return text;
}

static const struct {
	const char *samples;
	uint64_t from, until;
	const char *gaps;
	uint64_t sent, lost, lost_ms;
} spans[] = {
	{"..........", 1000, 1010, "", 10, 0, 0},
	{"", 1000, 1010, "", 0, 0, 0},
	{"...x......", 1000, 1010, "1003+0*1", 10, 1, 0},
	{"...xxxx...", 1000, 1010, "1003+3*4", 10, 4, 3},
	{"..xx..xxx.", 1000, 1010, "1002+1*2 1006+2*3", 10, 5, 3},
	{"....xxxxxx", 1000, 1010, "1004+5*6>", 10, 6, 5},
	{"xx........", 1000, 1010, "1000+1*2", 10, 2, 1},
	{"xxxxxxxxxx", 1000, 1010, "1000+9*10>", 10, 10, 9},
	/* Only what was sent in the span counts, the end excluded. */
	{"xx......xx", 1002, 1008, "", 6, 0, 0},
	{"...xxxx...", 1005, 1010, "<1005+1*2", 5, 2, 1},
	{"...xxxx...", 1000, 1005, "1003+1*2>", 5, 2, 1},
	{"xxxxxxxxxx", 1002, 1008, "<1002+5*6>", 6, 6, 5},
	/* What was lost just before the span and arrives in it is no gap of it. */
	{"..x.......", 1003, 1010, "", 7, 0, 0},
};

Test(outage, gaps_are_found_by_number)
{
	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		struct outage o = outage_in(spans[i].samples, spans[i].from, spans[i].until);
		char *gaps = gaps_text(&o);

		cr_expect_str_eq(gaps, spans[i].gaps, "'%s': %s, expected %s", spans[i].samples, gaps, spans[i].gaps);
		cr_expect_eq(o.sent, spans[i].sent, "'%s': sent", spans[i].samples);
		cr_expect_eq(o.lost, spans[i].lost, "'%s': lost", spans[i].samples);
		cr_expect_eq(o.lost_ns, spans[i].lost_ms * MS, "'%s': time", spans[i].samples);
		cr_expect_eq(o.goes_on, strchr(spans[i].gaps, '>') != NULL);
		cr_expect_eq(o.from_before, *spans[i].gaps == '<');
		free(gaps);
		outage_free(&o);
	}
}

/* A sender that was late has lost nothing: the numbers go on. */
Test(outage, a_pause_of_the_sender_is_no_loss)
{
	samples list = {};
	struct outage o;

	vec_push(&list, ((struct sample){.sent_ns = 1000 * MS, .arrived = true}));
	vec_push(&list, ((struct sample){.sent_ns = 1500 * MS, .arrived = true}));
	outage_find(&list, 0, 2000 * MS, &o);
	cr_expect_eq(o.lost, 0);
	cr_expect_eq(o.gaps.n, 0);
	vec_free(&list);
	outage_free(&o);
}

/* --- What the time was ------------------------------------------------------------------------------------------- */

/* Events as "c100 d200": at 100 ms a change, at 200 ms somebody noticed; w waiting, g groups written, p planned. */
static void make_happenings(const char *text, happenings *out)
{
	static const char letters[] = {[HAPPENED_CHANGE] = 'c',
				       [HAPPENED_PLANNED] = 'p',
				       [HAPPENED_DETECTED] = 'd',
				       [HAPPENED_WAITING] = 'w',
				       [HAPPENED_WRITTEN] = 'g'};
	unsigned ms;
	char letter;
	int n;

	for (; sscanf(text, " %c%u%n", &letter, &ms, &n) == 2; text += n) {
		const char *at = memchr(letters, letter, sizeof(letters));

		cr_assert(at, "no event '%c'", letter);
		vec_push(out, ((struct happening){.kind = at - letters, .at_ns = ms * MS}));
	}
}

static const struct {
	const char *name, *events;
	uint64_t first, last, azure_ms;
	uint64_t detection, azure, twin, rest;
} splits[] = {
	{"carrier: all is the twin's", "c100 g103", 100, 103, 0, 0, 0, 3, 0},
	{"it ended before the event was told", "c100 g110", 100, 104, 0, 0, 0, 4, 0},
	{"a datagram that was under way", "c100 g103", 98, 103, 0, 0, 0, 3, 2},
	{"silent: until somebody noticed", "c100 d1000 g1002", 101, 1001, 0, 899, 0, 1, 0},
	{"azureConvergence", "c100 w100 g600", 100, 599, 500, 0, 499, 0, 0},
	{"all three", "c100 d1000 w1001 g1505", 100, 1504, 500, 900, 500, 4, 0},
	{"hurried: the wait was cut short", "c100 w100 g300", 100, 300, 500, 0, 200, 0, 0},
	{"two neighbours, the second ends it", "c100 d900 g901 d950 g951", 100, 950, 0, 850, 0, 0, 0},
	{"two neighbours, the first ends it", "c100 d900 g901 d950 g951", 100, 900, 0, 800, 0, 0, 0},
	{"two changes, one answer", "c100 w100 c102 g602", 100, 601, 500, 0, 500, 1, 0},
	{"two changes, each answered", "c100 g101 c200 g203", 200, 203, 0, 0, 0, 3, 0},
	{"the repair of what was lost before", "c100 g103 c5000 d5065 g5066", 5000, 5066, 0, 65, 0, 1, 0},
	{"planned work: lost by an earlier step", "p100 g101 p200 p350 g351", 201, 351, 0, 0, 0, 1, 149},
	{"no event accounts for it", "", 100, 130, 0, 0, 0, 0, 30},
	{"nothing was written", "c100 d110", 100, 130, 0, 10, 0, 0, 20},
	{"lost before anything failed", "c100 g103", 50, 60, 0, 0, 0, 0, 10},
	{"one datagram has no length", "c100 g103", 101, 101, 0, 0, 0, 0, 0},
};

static void expect_ms(const char *name, const char *part, uint64_t ns, uint64_t ms)
{
	cr_expect_eq(ns, ms * MS, "%s: %s is %lu us, expected %lu ms", name, part, ns / 1000, ms);
}

Test(outage, the_parts_are_those_of_the_events_and_add_up)
{
	for (size_t i = 0; i < sizeof(splits) / sizeof(splits[0]); i++) {
		struct gap gap = {.first_ns = splits[i].first * MS, .last_ns = splits[i].last * MS};
		happenings all = {};
		struct split s;

		make_happenings(splits[i].events, &all);
		s = gap_split(&gap, &all, splits[i].azure_ms * MS);
		expect_ms(splits[i].name, "detection", s.detection, splits[i].detection);
		expect_ms(splits[i].name, "azure", s.azure, splits[i].azure);
		expect_ms(splits[i].name, "twin", s.twin, splits[i].twin);
		expect_ms(splits[i].name, "rest", s.rest, splits[i].rest);
		cr_expect_eq(s.detection + s.azure + s.twin + s.rest, gap.last_ns - gap.first_ns);
		vec_free(&all);
	}
}

Test(outage, a_stream_has_the_sum_of_its_gaps)
{
	struct outage o = outage_in("....xxxx..xx........", 1000, 1020);
	happenings all = {};

	make_happenings("c1004 d1006 g1008 c1010 g1012", &all);
	outage_split(&o, &all, 0);
	expect_ms("sum", "detection", o.split.detection, 2);
	expect_ms("sum", "twin", o.split.twin, 2);
	expect_ms("sum", "rest", o.split.rest, 0);
	vec_free(&all);
	outage_free(&o);
}
