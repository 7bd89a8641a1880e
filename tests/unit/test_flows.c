// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which streams a measurement sends: pairs, directions, ways. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lab/flows.h"

#define FILE_NAME "topologies/vpn-backup.yaml"

static struct lab *lab_with(const char *failed, const char *also)
{
	struct diags diags = {};
	struct error e = {};
	FILE *in = fopen(FILE_NAME, "re");
	char *text = xcalloc(1, TOPO_MAX_BYTES);
	size_t size;
	struct lab *lab;

	cr_assert(in, "cannot read " FILE_NAME "; run the tests from the top directory");
	size = fread(text, 1, TOPO_MAX_BYTES, in);
	fclose(in);
	lab = lab_parse(text, size, &diags);
	cr_assert(lab);
	free(text);
	diags_free(&diags);
	cr_assert(!failed || !lab_fail(lab, failed, FAULT_DOWN));
	cr_assert(!also || !lab_fail(lab, also, FAULT_DOWN));
	lab_follow(lab);
	cr_assert_eq(lab_compute(lab, &e), 0, "%s", e.text);
	return lab;
}

struct chosen {
	struct lab *before, *after;
	flow_streams streams;
	struct flow_choice choice;
};

static void choose(struct chosen *c, const char *failed, size_t most_hosts)
{
	*c = (struct chosen){.before = lab_with(NULL, NULL), .after = lab_with(failed, NULL)};
	c->choice = flows_choose(c->before->image, c->after->image, most_hosts, &c->streams);
}

static void chosen_free(struct chosen *c)
{
	flow_streams_free(&c->streams);
	lab_free(c->before);
	lab_free(c->after);
}

/* How many streams go from one to the other. */
static unsigned count(const struct chosen *c, const char *from, const char *to)
{
	unsigned n = 0;

	vec_each(s, &c->streams)
		n += !strcmp(s->from->name, from) && !strcmp(s->to->name, to);
	return n;
}

/* hub, app, data, office: the two spokes do not know each other. */
Test(flows, every_pair_that_talks_is_measured_both_ways)
{
	struct chosen c;

	choose(&c, "er1", 12);
	cr_expect_eq(c.choice.pairs, 5);
	cr_expect_eq(c.choice.talking, 5);
	cr_expect_eq(count(&c, "hub-vm", "app-vm"), 1);
	cr_expect_eq(count(&c, "app-vm", "hub-vm"), 1);
	cr_expect_eq(count(&c, "app-vm", "data-vm"), 0);
	vec_each(s, &c.streams)
		cr_expect(flow_arrives(c.before->image, s));
	chosen_free(&c);
}

/* Azure sends on the primary alone (prepended), the office on both, to either instance of the gateway. */
Test(flows, each_of_the_ways_that_equal_paths_share_has_a_stream)
{
	struct chosen c;

	choose(&c, "er1", 12);
	cr_expect_eq(count(&c, "hub-vm", "office-pc"), 1);
	cr_expect_eq(count(&c, "office-pc", "hub-vm"), 4);
	vec_each(a, &c.streams) {
		vec_each(b, &c.streams) {
			if (a != b && a->from == b->from && a->to == b->to)
				cr_expect_neq(a->source_port, b->source_port);
		}
	}
	chosen_free(&c);
}

/* Nothing talks with the office before, but it does after: then it is measured as well. */
Test(flows, a_pair_that_only_talks_afterwards_is_measured)
{
	struct chosen c = {.before = lab_with("er1", "hub-office-vpn"), .after = lab_with(NULL, NULL)};

	c.choice = flows_choose(c.before->image, c.after->image, 12, &c.streams);
	cr_expect_eq(c.choice.pairs, 5);
	cr_expect_geq(count(&c, "office-pc", "hub-vm"), 1);
	chosen_free(&c);
}

Test(flows, above_the_bound_every_host_takes_part)
{
	struct chosen c;

	choose(&c, "er1", 3); /* as many pairs as three hosts have: 3 */
	cr_expect_eq(c.choice.pairs, 3);
	cr_expect_eq(c.choice.talking, 5);
	vec_each(h, &c.before->fabric->hosts) {
		unsigned parts = 0;

		vec_each(s, &c.streams)
			parts += s->from == h || s->to == h;
		cr_expect_gt(parts, 0, "%s takes no part", h->name);
	}
	chosen_free(&c);
}

Test(flows, streams_together_stay_affordable)
{
	cr_expect_eq(prober_interval_ns(1), 1000000);
	cr_expect_eq(prober_interval_ns(15), 1000000);
	cr_expect_eq(prober_interval_ns(16), 2000000);
	cr_expect_eq(prober_interval_ns(90), 6000000);
}
