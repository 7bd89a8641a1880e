// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Silence: what a neighbour has said stays until the end that was told it gives
 * the neighbour up by a timer of its own, and nothing crosses a link that carries
 * nothing. tests/e2e/silent.bats has the same with packets.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "lab.h"

#define SILENT "tests/e2e/silent.yaml"

static uint32_t link_of(const struct lab *lab, const char *name)
{
	index_list links = {};
	uint32_t link;

	cr_assert_eq(lab_links_named(lab, name, &links), 0, "no link '%s'", name);
	link = links.items[0];
	vec_free(&links);
	return link;
}

static void follow(struct lab *lab)
{
	struct error e = {};

	lab_follow(lab);
	cr_assert_eq(lab_compute(lab, &e), 0, "%s", e.text);
}

static void silence(struct lab *lab, const char *target)
{
	cr_assert_eq(lab_fail(lab, target, FAULT_SILENT), 0);
	follow(lab);
}

/* The timer of this link has expired, or its neighbours hear each other again. */
static void dies(struct lab *lab, const char *link, bool dead)
{
	lab->dead[link_of(lab, link)] = dead;
	follow(lab);
}

static const struct rib_table *table_named(const struct lab *lab, const char *name)
{
	vec_each(t, &lab->now->tables) {
		if (!strcmp(t->name, name))
			return t;
	}
	cr_assert_fail("no table '%s'", name);
	return NULL;
}

static unsigned ways(const struct lab *lab, const char *table, const char *prefix)
{
	const struct rib_entry *entry;
	struct prefix p;

	cr_assert_eq(prefix_parse(prefix, &p), 0);
	entry = rib_find(table_named(lab, table), &p);
	return entry ? entry->n_best : 0;
}

static bool has_way_by(const struct lab *lab, const char *table, const char *prefix, const char *device)
{
	const struct rib_entry *entry;
	struct prefix p;

	cr_assert_eq(prefix_parse(prefix, &p), 0);
	entry = rib_find(table_named(lab, table), &p);
	for (unsigned i = 0; entry && i < entry->n_best; i++) {
		if (entry->routes[i].from == fabric_device(lab->fabric, device)->index)
			return true;
	}
	return false;
}

/* The router has lost its LAN: by its own timer, of which the edge router cannot know. */
Test(silent, a_dead_router_withdraws_nothing)
{
	struct lab *lab = lab_of(SILENT);

	silence(lab, "ce1");
	cr_expect(has_way_by(lab, "dc", "10.20.0.0/24", "ce1"));
	dies(lab, "ce1:dc", true);
	cr_expect(!has_way_by(lab, "dc", "10.20.0.0/24", "ce1"), "the switch has missed it");
	cr_expect_eq(ways(lab, "ce1", "10.1.0.0/24"), 0, "the router has lost its LAN");
	cr_expect_eq(ways(lab, "er1.primary", "10.1.0.0/24"), 1, "nobody has told the edge router");
	cr_expect_eq(ways(lab, "hub", "10.1.0.0/24"), 4, "so nobody has told the VNet");

	dies(lab, "ce1:er1.primary", true);
	cr_expect_eq(ways(lab, "er1.primary", "10.1.0.0/24"), 0);
	cr_expect_eq(ways(lab, "er1.secondary", "10.1.0.0/24"), 1);
	cr_expect_eq(ways(lab, "hub", "10.1.0.0/24"), 3);
	lab_free(lab);
}

/* The same without silence: the withdrawal travels. */
Test(silent, a_living_router_withdraws)
{
	struct lab *lab = lab_of(SILENT);

	dies(lab, "ce1:dc", true);
	cr_expect_eq(ways(lab, "er1.primary", "10.1.0.0/24"), 0);
	cr_expect_eq(ways(lab, "hub", "10.1.0.0/24"), 2);
	lab_free(lab);
}

Test(silent, an_edge_router_takes_nothing_back)
{
	struct lab *lab = lab_of(SILENT);

	silence(lab, "er1.primary/msee");
	dies(lab, "er1.primary:hub-ergw/0", true);
	dies(lab, "er1.primary:hub-ergw/1", true);
	cr_expect_eq(ways(lab, "er1.primary", "10.20.0.0/24"), 0);
	cr_expect(has_way_by(lab, "ce1", "10.20.0.0/24", "er1.primary"), "the router has missed nothing yet");
	cr_expect(has_way_by(lab, "dc", "10.20.0.0/24", "ce1"));
	cr_expect_eq(ways(lab, "hub", "10.1.0.0/24"), 3, "the gateways have");
	lab_free(lab);
}

/* BFD tells the router that Azure is gone, and nobody else. The switch waits for its own dead interval. */
Test(silent, a_switch_keeps_what_a_router_has_given_it)
{
	struct lab *lab = lab_of(SILENT);

	silence(lab, "ce2");
	dies(lab, "ce2:er2.primary", true);
	dies(lab, "ce2:er2.secondary", true);
	cr_expect_eq(ways(lab, "ce2", "10.20.0.0/24"), 0);
	cr_expect(has_way_by(lab, "dc", "10.20.0.0/24", "ce2"));
	cr_expect_eq(ways(lab, "hub", "10.1.0.0/24"), 2, "the edge routers have noticed by BFD");
	lab_free(lab);
}

/* The tunnel is given up after the dead-peer detection; what the VNet does is up to the probe of the instance. */
Test(silent, a_vnet_keeps_what_a_gateway_has_given_it)
{
	struct lab *lab = lab_of(SILENT);

	silence(lab, "hub-vpngw/0");
	dies(lab, "hub-vpngw/0:ce4", true);
	cr_expect_eq(ways(lab, "hub-vpngw/0", "10.4.0.0/24"), 0);
	cr_expect(has_way_by(lab, "hub", "10.4.0.0/24", "hub-vpngw/0"));
	cr_expect(has_way_by(lab, "hub-ergw/0", "10.4.0.0/24", "hub-vpngw/0"), "the gateway beside it was not told");
	dies(lab, "hub-vpngw/0:hub", true);
	cr_expect(!has_way_by(lab, "hub", "10.4.0.0/24", "hub-vpngw/0"));
	cr_expect(!has_way_by(lab, "hub-ergw/0", "10.4.0.0/24", "hub-vpngw/0"));
	lab_free(lab);
}

/* One direction: the end that hears goes on learning, the other one does not. */
Test(silent, each_end_by_itself)
{
	struct lab *lab = lab_of(SILENT);
	uint32_t link = link_of(lab, "ce1:er1.primary");

	lab->deaf[link * 2 + 1] = true; /* the edge router */
	follow(lab);
	dies(lab, "ce1:dc", true);
	cr_expect_eq(ways(lab, "er1.primary", "10.1.0.0/24"), 1);
	lab_down(lab, "hub-er1");
	cr_expect(!has_way_by(lab, "ce1", "10.20.0.0/24", "er1.primary"), "the router hears the withdrawal");
	lab_free(lab);
}

/* A second device falls silent later: it has said what it knew by then, which is not what the first one had said. */
Test(silent, every_silence_has_its_own_moment)
{
	struct lab *lab = lab_of(SILENT);

	silence(lab, "ce1");
	dies(lab, "ce1:er1.secondary", true);
	silence(lab, "er1.primary/msee");
	cr_expect_eq(lab->moments.n, 2);
	dies(lab, "ce1:er1.primary", true);
	cr_expect_eq(ways(lab, "er1.primary", "10.1.0.0/24"), 0);
	cr_expect_eq(ways(lab, "hub-ergw/0", "10.1.0.0/24"), 3, "of the secondary it had heard the end");
	lab_free(lab);
}

/* After the repair both ends say what is so now. */
Test(silent, a_repair_before_the_timer_brings_the_news)
{
	struct lab *lab = lab_of(SILENT);

	silence(lab, "ce1");
	dies(lab, "ce1:dc", true);
	cr_expect(lab_restore(lab, "ce1"));
	cr_expect(lab_lags(lab));
	follow(lab);
	cr_expect_eq(ways(lab, "er1.primary", "10.1.0.0/24"), 0, "the withdrawal arrives now");
	cr_expect_eq(lab->moments.n, 0, "nothing is remembered that nobody needs");
	dies(lab, "ce1:dc", false);
	cr_expect_eq(ways(lab, "hub", "10.1.0.0/24"), 4);
	lab_free(lab);
}

/* A session that was shut cannot be opened over a link that carries nothing. */
Test(silent, what_was_down_stays_down)
{
	struct lab *lab = lab_of(SILENT);

	cr_assert_eq(lab_fail(lab, "er1.primary", FAULT_BGP), 0);
	silence(lab, "er1.primary");
	cr_assert_eq(lab_restore_kind(lab, "er1.primary", FAULT_BGP), 1);
	follow(lab);
	cr_expect_eq(ways(lab, "er1.primary", "10.1.0.0/24"), 0);
	lab_down(lab, "er1.secondary");
	cr_assert_eq(lab_restore_kind(lab, "er1.secondary", FAULT_DOWN), 1);
	follow(lab);
	cr_expect_eq(ways(lab, "er1.secondary", "10.1.0.0/24"), 1, "nothing is wrong with this one");
	lab_free(lab);
}

/* Two by turns: each moment knows the one before, and the chain ends all the same. */
Test(silent, silence_by_turns_is_bounded)
{
	struct lab *lab = lab_of(SILENT);
	static const char *const names[] = {"er1.primary", "er1.secondary"};

	silence(lab, names[0]);
	for (int i = 1; i < 60; i++) {
		silence(lab, names[i % 2]);
		cr_assert(lab_restore(lab, names[!(i % 2)]));
		follow(lab);
		cr_assert(lab->moments.n >= 1 && lab->moments.n <= 17, "%zu moments", lab->moments.n);
		for (size_t m = 0; m < lab->moments.n; m++) {
			for (uint32_t slot = 0; slot < 2 * lab->fabric->links.n; slot++)
				cr_assert_leq(lab->moments.items[m].deaf_since[slot], m);
		}
	}
	follow(lab);
	cr_expect_eq(ways(lab, "hub", "10.1.0.0/24"), 4);
	lab_restore(lab, NULL);
	follow(lab);
	cr_expect_eq(lab->moments.n, 0);
	lab_free(lab);
}

/* Noticed, and asked for by nobody: it is in the text by what it has led to. */
Test(silent, who_was_noticed_deaf_is_so_for_the_next_who_reads)
{
	struct lab *lab = lab_of(SILENT), *other = lab_of(SILENT);
	uint32_t link = link_of(lab, "ce1:er1.primary");
	char *text;

	lab->deaf[link * 2 + 1] = true;
	follow(lab);
	dies(lab, "ce1:dc", true);
	text = lab_state_text(lab);
	lab_state_set(other, text);
	follow(other);
	cr_expect_eq(ways(other, "er1.primary", "10.1.0.0/24"), 1);
	free(text);
	lab_free(lab);
	lab_free(other);
}

/* What the next controller and every reader find. */
Test(silent, the_moments_survive_as_text)
{
	struct lab *lab = lab_of(SILENT), *other = lab_of(SILENT);
	struct error e = {};
	char *text, *again;

	silence(lab, "ce1");
	dies(lab, "ce1:er1.secondary", true);
	silence(lab, "er1.primary/msee");
	dies(lab, "ce1:dc", true);
	text = lab_state_text(lab);
	again = xstrdup(text);
	lab_state_set(other, again);
	free(again);
	again = lab_state_text(other);
	cr_expect_str_eq(again, text);
	cr_assert_eq(lab_compute(other, &e), 0);
	cr_expect_eq(ways(other, "er1.primary", "10.1.0.0/24"), 1);
	cr_expect_eq(ways(other, "hub-ergw/0", "10.1.0.0/24"), 3);
	free(again);
	free(text);
	lab_free(lab);
	lab_free(other);
}

/* A state that was damaged: a moment that refers to a later one, or to none. */
Test(silent, rubbish_about_moments_is_left_out)
{
	static const char *const texts[] = {
		"deaf ce1:dc 0,1\n",
		"moment 1\ndeaf ce1:dc 0,1\ndeaf ce1:dc 1,7\nmoment 0\ndeaf ce1:dc 0,2\ndeaf ce1:dc 2,1\ndeaf ce1:dc\n",
		"moment\nmoment x\ndeaf nobody 0,0\nprepends ce1\nmoment 0\n",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct lab *lab = lab_of(SILENT);
		char *text = xstrdup(texts[i]);
		struct error e = {};

		lab_state_set(lab, text);
		for (uint32_t slot = 0; slot < 2 * lab->fabric->links.n; slot++)
			cr_expect_eq(lab->deaf_since[slot], 0, "text %zu", i);
		cr_expect_eq(lab_compute(lab, &e), 0);
		free(text);
		lab_free(lab);
	}
}
