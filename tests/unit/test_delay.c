// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which links latency: is about, and in which direction. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "fwd/delay.h"
#include "model.h"

/* Every link with a delay: "LINK there/back" in us, in the fabric's order. To be freed. */
static char *delays_text(const struct model *m)
{
	struct link_delay *delays = delay_compute(m->fabric);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	vec_each(l, &m->fabric->links) {
		const struct link_delay *d = &delays[l->index];

		if (d->ns[0] || d->ns[1])
			fprintf(out, "%s %g/%g\n", l->name, d->ns[0] / 1e3, d->ns[1] / 1e3);
	}
	fclose(out);
	free(delays);
	return text;
}

static void expect_delays(const char *file, const char *latency, const char *expected)
{
	struct model *m = model_with(file, "latency", latency, NULL);
	char *text = delays_text(m);

	cr_expect_str_eq(text, expected, "%s: %s", latency, text);
	free(text);
	model_free(m);
}

#define FILE_NAME "tests/unit/topologies/delays.yaml"

Test(delay, of_a_pair_is_on_both_paths_and_past_and_through_every_instance)
{
	expect_delays(FILE_NAME, "{between: [hub, er1], rtt: 1.6ms}",
		      "hub:er1.primary 800/800\nhub:er1.secondary 800/800\n"
		      "er1.primary:hub-ergw/0 800/800\ner1.primary:hub-ergw/1 800/800\n"
		      "er1.secondary:hub-ergw/0 800/800\ner1.secondary:hub-ergw/1 800/800\n");
	expect_delays(FILE_NAME, "{between: [dc, er1], rtt: 1ms}",
		      "ce1:er1.primary 500/500\nce1:er1.secondary 500/500\n");
}

Test(delay, of_a_pair_finds_tunnels_peerings_and_global_reach)
{
	expect_delays(FILE_NAME, "{between: [dc, hub], rtt: 2ms}", "hub-vpngw/0:ce1 1000/1000\n");
	expect_delays(FILE_NAME, "{between: [spoke, hub], rtt: 4ms}", "hub:spoke 2000/2000\n");
	expect_delays(FILE_NAME, "{between: [er2, er1], rtt: 6ms}",
		      "er1.primary:er2.primary 3000/3000\ner1.secondary:er2.secondary 3000/3000\n");
}

Test(delay, of_a_connection_is_closer_whatever_the_order)
{
	const char *expected = "hub:er1.primary 5000/5000\nhub:er1.secondary 5000/5000\n"
			       "er1.primary:hub-ergw/0 5000/5000\ner1.primary:hub-ergw/1 5000/5000\n"
			       "er1.secondary:hub-ergw/0 5000/5000\ner1.secondary:hub-ergw/1 5000/5000\n";

	expect_delays(FILE_NAME, "{connection: hub-er1, rtt: 10ms}, {between: [hub, er1], rtt: 1ms}", expected);
	expect_delays(FILE_NAME, "{between: [hub, er1], rtt: 1ms}, {connection: hub-er1, rtt: 10ms}", expected);
}

Test(delay, of_a_gateway_is_on_the_way_in_only)
{
	expect_delays(FILE_NAME, "{gateway: hub-ergw, oneWay: 1.4ms}",
		      "hub-ergw/0:hub 1400/0\nhub-ergw/1:hub 1400/0\n");
}

/* Half a nanosecond is nowhere. */
Test(delay, an_odd_round_trip_is_not_cut)
{
	struct model *m = model_with(FILE_NAME, "latency", "{between: [dc, er1], rtt: 0.000001ms}", NULL);
	struct link_delay *delays = delay_compute(m->fabric);

	vec_each(l, &m->fabric->links) {
		if (!strcmp(l->name, "ce1:er1.primary"))
			cr_expect_eq(delays[l->index].ns[0] + delays[l->index].ns[1], 1);
	}
	free(delays);
	model_free(m);
}
