// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* When silence means that a neighbour is gone: the timers of each kind of link, and the clockwork behind them. */
#include <criterion/criterion.h>
#include <string.h>

#include "ctl/liveness.h"
#include "model.h"

#define MS 1000000ull

static struct liveness_timers timers_of(const struct model *m, const char *name)
{
	vec_each(l, &m->fabric->links) {
		if (!strcmp(l->name, name))
			return liveness_timers_of(m->fabric, l);
	}
	cr_assert_fail("no link '%s'", name);
	return (struct liveness_timers){};
}

/* azure.md 7.1: the hold timer without BFD, a minute between edge router and gateway, 45 s of dead-peer detection. */
Test(liveness, every_kind_of_link_has_its_timer)
{
	static const struct {
		const char *link, *protocol;
		uint64_t detect_ms;
		enum liveness_effect effect;
	} cases[] = {
		{"loc1-ce1:er1.primary", "BGP hold timer", 180000, LIVENESS_SESSION},
		{"er1.primary:hub-ergw/0", "gateway session timeout", 60000, LIVENESS_SESSION},
		{"hub-vpngw/0:loc1-ce1", "dead-peer detection", 45000, LIVENESS_LINK},
		{"loc1-ce1:loc1", "OSPF dead interval", 40000, LIVENESS_LINK},
	};
	struct model *m = model_read("topologies/interop.yaml");

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct liveness_timers t = timers_of(m, cases[i].link);

		cr_assert_not_null(t.protocol, "%s is watched by nobody", cases[i].link);
		cr_expect_str_eq(t.protocol, cases[i].protocol);
		cr_expect_eq(t.detect_ns, cases[i].detect_ms * MS, "%s: %llu", cases[i].link,
			     (unsigned long long)t.detect_ns);
		cr_expect_eq(t.effect, cases[i].effect);
	}
	cr_expect_eq(timers_of(m, "hub:spoke").detect_ns, 0, "a peering runs no protocol");
	cr_expect_eq(timers_of(m, "hub:hub-vm").detect_ns, 0, "a host runs no protocol");
	model_free(m);
}

static struct liveness watched(uint64_t detect, uint64_t interval, uint64_t now)
{
	struct liveness l = {.timers = {.detect_ns = detect, .interval_ns = interval, .multiplier = detect / interval}};

	liveness_start(&l, now, 0);
	return l;
}

/* Step through time: hellos when they are due; those towards an end arrive while hears[end]. Returns when it died. */
static uint64_t run(struct liveness *l, uint64_t from, uint64_t until, const bool hears[2],
		    enum liveness_news until_news)
{
	for (uint64_t now = from; now<until; now = liveness_due(l)> now ? liveness_due(l) : now + 1) {
		if (liveness_check(l, now) == until_news)
			return now;
		if (now < l->next_send)
			continue;
		liveness_sent(l, now);
		for (unsigned end = 0; end < 2; end++) {
			if (hears[end])
				liveness_heard(l, end, now + 1000);
		}
	}
	return 0;
}

Test(liveness, silence_of_either_end_kills_after_the_detection_time)
{
	static const bool cases[][2] = {{false, false}, {true, false}, {false, true}};

	for (size_t i = 0; i < 3; i++) {
		struct liveness l = watched(900 * MS, 300 * MS, 0);
		uint64_t died;

		cr_assert_eq(run(&l, 0, 5000 * MS, (const bool[]){true, true}, LIVENESS_DIED), 0);
		died = run(&l, 5000 * MS, 9000 * MS, cases[i], LIVENESS_DIED);
		cr_expect(died >= 5600 * MS && died <= 5901 * MS, "died at %llu ms", (unsigned long long)(died / MS));
	}
}

Test(liveness, hearing_both_ends_brings_it_back)
{
	struct liveness l = watched(900 * MS, 300 * MS, 0);

	cr_assert_neq(run(&l, 0, 5000 * MS, (const bool[]){false, false}, LIVENESS_DIED), 0);
	cr_expect_eq(run(&l, 2000 * MS, 5000 * MS, (const bool[]){true, false}, LIVENESS_CAME_BACK), 0);
	cr_expect_neq(run(&l, 5000 * MS, 9000 * MS, (const bool[]){true, true}, LIVENESS_CAME_BACK), 0);
}

/* Also where a living one says something every six seconds only. */
Test(liveness, a_dead_neighbour_is_tried_often)
{
	struct liveness l = watched(180000 * MS, 6000 * MS, 0);
	uint64_t died, back;

	/* Last heard just after a hello was sent, so it dies just after one as well. */
	cr_assert_eq(run(&l, 0, 10000 * MS, (const bool[]){true, true}, LIVENESS_DIED), 0);
	died = run(&l, 10000 * MS, 400000 * MS, (const bool[]){false, false}, LIVENESS_DIED);
	cr_assert_neq(died, 0);
	back = run(&l, died + 1, died + 10000 * MS, (const bool[]){true, true}, LIVENESS_CAME_BACK);
	cr_expect(back > died && back <= died + 600 * MS, "back after %llu ms",
		  (unsigned long long)((back - died) / MS));
}

/* A controller that was stopped has sent nothing, so nothing could be heard. */
Test(liveness, a_sender_that_paused_is_no_timeout)
{
	struct liveness l = watched(900 * MS, 300 * MS, 0);

	run(&l, 0, 3000 * MS, (const bool[]){true, true}, LIVENESS_DIED);
	cr_expect_eq(liveness_check(&l, 60000 * MS), LIVENESS_SAME);
	cr_expect_eq(run(&l, 60000 * MS, 70000 * MS, (const bool[]){true, true}, LIVENESS_DIED), 0);
}

/* Nor where the hellos that follow are on their way for longer than three of them take to be sent. */
Test(liveness, a_sender_that_paused_is_no_timeout_over_a_long_way)
{
	struct liveness l = watched(450 * MS, 15 * MS, 0);

	liveness_start(&l, 0, 60 * MS);
	for (uint64_t now = 0; now < 5000 * MS; now += 15 * MS) {
		bool pause = now >= 2010 * MS && now < 4500 * MS;

		if (pause)
			continue;
		/* Sent 60 ms ago. */
		for (unsigned end = 0; end < 2 && now >= 60 * MS && (now < 2070 * MS || now >= 4560 * MS); end++)
			liveness_heard(&l, end, now);
		cr_assert_eq(liveness_check(&l, now), LIVENESS_SAME, "at %llu ms", (unsigned long long)(now / MS));
		liveness_sent(&l, now);
	}
}

/* What falls silent meanwhile is found as soon as the time has passed once more. */
Test(liveness, a_neighbour_that_died_during_a_pause_is_found)
{
	struct liveness l = watched(900 * MS, 30 * MS, 0);
	uint64_t died;

	run(&l, 0, 3000 * MS, (const bool[]){true, true}, LIVENESS_DIED);
	died = run(&l, 60000 * MS, 70000 * MS, (const bool[]){false, false}, LIVENESS_DIED);
	cr_expect(died >= 60900 * MS && died <= 60931 * MS, "died at %llu ms", (unsigned long long)(died / MS));
}

/* One that was kept from the CPU for most of the time: the silence was as long, and so was what packets met. */
Test(liveness, a_sender_that_was_late_makes_silence_no_longer)
{
	struct liveness l = watched(2400 * MS, 80 * MS, 0);
	uint64_t died = 0;

	run(&l, 0, 3000 * MS, (const bool[]){true, true}, LIVENESS_DIED);
	for (uint64_t now = 3000 * MS; now < 9000 * MS && !died; now += 200 * MS) {
		if (liveness_check(&l, now) == LIVENESS_DIED)
			died = now;
		else
			liveness_sent(&l, now);
	}
	cr_expect(died >= 5320 * MS && died <= 5600 * MS, "died at %llu ms", (unsigned long long)(died / MS));
}

Test(liveness, the_same_arrival_told_again_is_no_new_one)
{
	struct liveness l = watched(900 * MS, 300 * MS, 0);

	liveness_sent(&l, 0);
	liveness_heard(&l, 0, 1);
	liveness_heard(&l, 1, 1);
	liveness_sent(&l, 300 * MS);
	liveness_heard(&l, 0, 1);
	cr_expect_eq(l.unheard[0], 1);
}

/* Over a wire the first hello takes longer than silence may last; then they come as often as they are sent. */
Test(liveness, a_long_way_is_no_silence)
{
	struct liveness l = watched(150 * MS, 50 * MS, 0);

	liveness_start(&l, 1000 * MS, 400 * MS);
	for (uint64_t now = 1000 * MS; now < 3000 * MS; now += 50 * MS) {
		if (now >= 1400 * MS) {
			liveness_heard(&l, 0, now);
			liveness_heard(&l, 1, now);
		}
		cr_assert_eq(liveness_check(&l, now), LIVENESS_SAME, "at %llu ms", (unsigned long long)(now / MS));
		liveness_sent(&l, now);
	}
	cr_expect_neq(run(&l, 3000 * MS, 3200 * MS, (const bool[]){false, false}, LIVENESS_DIED), 0);
}

/* A hello that had its time and did not come, long before that means death; the first that comes ends it. */
Test(liveness, an_end_that_hears_nothing_is_deaf_long_before_anybody_is_dead)
{
	struct liveness l = watched(180000 * MS, 6000 * MS, 0);

	run(&l, 0, 12000 * MS, (const bool[]){true, true}, LIVENESS_DIED);
	cr_expect(!l.deaf[0] && !l.deaf[1]);
	cr_assert_eq(run(&l, 12000 * MS, 30000 * MS, (const bool[]){true, false}, LIVENESS_DIED), 0);
	cr_expect(!l.deaf[0] && l.deaf[1], "the second end hears nothing");
	cr_expect_leq(l.next_send, 30600 * MS, "its neighbour's return is looked for often");
	liveness_heard(&l, 1, 30001 * MS);
	cr_expect(!l.deaf[1]);
}

Test(liveness, a_trial_tells_at_once)
{
	struct liveness l = watched(180000 * MS, 6000 * MS, 0);

	run(&l, 0, 12000 * MS, (const bool[]){true, true}, LIVENESS_DIED);
	liveness_try(&l, 13000 * MS);
	liveness_heard(&l, 0, 13001 * MS);
	liveness_judge(&l);
	cr_expect(!l.deaf[0] && l.deaf[1]);
	/* It takes nothing from the time until death, nor does it add to it. */
	cr_expect_eq(liveness_check(&l, 14000 * MS), LIVENESS_SAME);
}

/* What is on a wire is on its way. */
Test(liveness, a_long_way_makes_nobody_deaf)
{
	struct liveness l = watched(150 * MS, 50 * MS, 0);

	liveness_start(&l, 0, 400 * MS);
	liveness_sent(&l, 0);
	liveness_listen(&l, 440 * MS);
	cr_expect(!l.deaf[0] && !l.deaf[1]);
	liveness_listen(&l, 451 * MS);
	cr_expect(l.deaf[0] && l.deaf[1]);
}
