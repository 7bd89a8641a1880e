// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One direction of a wire: when frames leave, in which order, and which do not. */
#include <criterion/criterion.h>
#include <string.h>

#include "wire/config.h"
#include "wire/stats.h"

#define MS	 1000000ull
#define N_FRAMES 4096

static struct line_frame frames[N_FRAMES];

static struct delay_line made(struct line_params params)
{
	struct delay_line l;

	line_init(&l, &params, 4711, N_FRAMES);
	return l;
}

Test(line, constant_delay_is_exact)
{
	struct delay_line l = made((struct line_params){.delay_ns = 5 * MS});

	cr_assert_eq(line_push(&l, frames, 7, 100, 10 * MS), LINE_TAKEN);
	cr_assert_eq(line_push(&l, frames, 3, 100, 11 * MS), LINE_TAKEN);
	cr_expect_eq(line_due(&l, frames), 15 * MS);
	cr_expect_eq(line_pop(&l, frames, 15 * MS - 1), LINE_NONE);
	cr_expect_eq(line_pop(&l, frames, 15 * MS), 7);
	cr_expect_eq(line_due(&l, frames), 16 * MS);
	cr_expect_eq(line_pop(&l, frames, 20 * MS), 3);
	cr_expect_eq(line_due(&l, frames), UINT64_MAX);
	cr_expect_eq(l.n, 0);
}

Test(line, jitter_keeps_the_order_and_its_bounds)
{
	struct delay_line l = made((struct line_params){.delay_ns = 10 * MS, .jitter_ns = 3 * MS});
	uint64_t before = 0, least = UINT64_MAX, most = 0;

	/* So far apart that none has to wait for the one before. */
	for (uint32_t i = 0; i < N_FRAMES; i++) {
		uint64_t arrived = i * 20 * MS, delay;

		line_push(&l, frames, i, 100, arrived);
		delay = frames[i].due - arrived;
		least = delay < least ? delay : least;
		most = delay > most ? delay : most;
	}
	cr_expect(least >= 7 * MS && least < 7 * MS + MS / 10, "least %lu", least);
	cr_expect(most <= 13 * MS && most > 13 * MS - MS / 10, "most %lu", most);
	l = made((struct line_params){.delay_ns = 10 * MS, .jitter_ns = 3 * MS});
	for (uint32_t i = 0; i < N_FRAMES; i++) {
		line_push(&l, frames, i, 100, i * MS / 10);
		cr_assert(frames[i].due >= before, "frame %u is due before the one before", i);
		before = frames[i].due;
	}
	for (uint32_t i = 0; i < N_FRAMES; i++)
		cr_assert_eq(line_pop(&l, frames, UINT64_MAX), i);
}

Test(line, a_shorter_delay_lets_nobody_pass)
{
	struct delay_line l = made((struct line_params){.delay_ns = 50 * MS});

	line_push(&l, frames, 0, 100, 0);
	line_set(&l, &(struct line_params){.delay_ns = MS});
	line_push(&l, frames, 1, 100, MS);
	cr_expect_eq(frames[1].due, 50 * MS);
	line_push(&l, frames, 2, 100, 60 * MS);
	cr_expect_eq(frames[2].due, 61 * MS);
}

Test(line, loss_is_the_share_that_was_asked_for_and_the_same_again)
{
	struct delay_line l = made((struct line_params){.loss_ppm = 10000}), again = l;
	unsigned lost = 0;

	for (uint32_t i = 0; i < 100000; i++) {
		enum line_fate fate = line_push(&l, frames, 0, 100, i);

		lost += fate == LINE_LOST;
		cr_assert_eq(line_push(&again, frames, 1, 100, i), fate);
		line_pop(&l, frames, UINT64_MAX);
		line_pop(&again, frames, UINT64_MAX);
	}
	cr_expect(lost > 800 && lost < 1200, "%u of 100000", lost);
	l = made((struct line_params){.loss_ppm = LINE_MILLION});
	for (uint32_t i = 0; i < 1000; i++)
		cr_assert_eq(line_push(&l, frames, 0, 100, i), LINE_LOST);
}

/* 1250 bytes at 10 Mbit/s are a millisecond. */
Test(line, rate_spaces_frames_and_bounds_the_queue)
{
	struct delay_line l = made((struct line_params){.rate_bps = 10000000, .delay_ns = 2 * MS});
	unsigned taken = 0;

	for (uint32_t i = 0; i < 100; i++) {
		if (line_push(&l, frames, i, 1250, 0) != LINE_TAKEN)
			continue;
		cr_expect_eq(frames[i].due, (i + 1) * MS + 2 * MS);
		taken++;
	}
	cr_expect_eq(taken, 51, "%u wait at the most", taken);
	cr_expect_eq(line_push(&l, frames, 200, 1250, 0), LINE_OVERRUN);
	cr_expect_eq(line_push(&l, frames, 200, 1250, 2 * MS), LINE_TAKEN);
	cr_expect_eq(l.n, 52);
}

Test(line, reordered_frames_overtake_and_the_others_keep_their_order)
{
	struct delay_line l = made((struct line_params){.delay_ns = 10 * MS, .reorder_ppm = 250000});
	uint32_t frame, popped = 0, overtaken = 0, last_waiting = 0;

	for (uint32_t i = 0; i < 4000; i++)
		line_push(&l, frames, i, 100, i * MS / 10);
	for (uint64_t now = 0; l.n; now += frame == LINE_NONE ? MS / 10 : 0) {
		frame = line_pop(&l, frames, now);
		if (frame == LINE_NONE)
			continue;
		popped++;
		if (frames[frame].due == frame * MS / 10) {
			overtaken++;
			continue;
		}
		cr_assert(frame >= last_waiting);
		last_waiting = frame;
	}
	cr_expect_eq(popped, 4000);
	cr_expect(overtaken > 900 && overtaken < 1100, "%u overtake", overtaken);
}

Test(line, a_full_line_takes_no_more)
{
	struct delay_line l;

	line_init(&l, &(struct line_params){.delay_ns = MS}, 1, 2);
	cr_expect_eq(line_push(&l, frames, 0, 100, 0), LINE_TAKEN);
	cr_expect_eq(line_push(&l, frames, 1, 100, 0), LINE_TAKEN);
	cr_expect_eq(line_push(&l, frames, 2, 100, 0), LINE_FULL);
	cr_expect_eq(line_pop(&l, frames, MS), 0);
	cr_expect_eq(line_push(&l, frames, 2, 100, 0), LINE_TAKEN);
}

Test(line, percentiles_come_from_the_histogram)
{
	static struct wire_slot slot;

	cr_expect_eq(wire_percentile(&slot, 0.5), 0);
	for (int i = 0; i < 990; i++)
		wire_note(&slot, 20000);
	for (int i = 0; i < 10; i++)
		wire_note(&slot, 3 * (int64_t)MS);
	wire_note(&slot, -500);
	cr_expect_eq(slot.largest_ns, 3 * MS);
	cr_expect(wire_percentile(&slot, 0.5) >= 20000 && wire_percentile(&slot, 0.5) < 22000);
	cr_expect(wire_percentile(&slot, 0.98) < 22000);
	cr_expect_eq(wire_percentile(&slot, 0.999), 3 * MS);
	cr_expect_eq(wire_percentile(&slot, 1), 3 * MS);
}

Test(line, a_configuration_reads_back)
{
	struct wire_setting s = {.name = (char *)"ce 1:er1.primary",
				 .since = 1ull << 60,
				 .port = {1, 2},
				 .end = {3, 4},
				 .seed = {~0ull, 6},
				 .params = {{MS, 2, 3, 4, 5}, {6, 7, 8, 9, 10}}};
	wire_settings in = {}, out = {};
	uint64_t nonce = 0;
	char *text;

	vec_push(&in, s);
	text = wire_config_format(&in, 42);
	cr_assert(wire_config_parse(text, &out, &nonce));
	cr_expect_eq(nonce, 42);
	cr_assert_eq(out.n, 1);
	cr_expect_str_eq(out.items[0].name, s.name);
	cr_expect_eq(out.items[0].since, s.since);
	cr_expect_eq(memcmp(out.items[0].params, s.params, sizeof(s.params)), 0);
	cr_expect_eq(memcmp(out.items[0].seed, s.seed, sizeof(s.seed)), 0);
	cr_expect_eq(memcmp(out.items[0].port, s.port, sizeof(s.port)), 0);
	cr_expect_eq(memcmp(out.items[0].end, s.end, sizeof(s.end)), 0);
	wire_settings_free(&out);
	free(text);
	cr_expect(!wire_config_parse("erxdp-wire 2 1\n", &out, &nonce));
	cr_expect(!wire_config_parse("erxdp-wire 1 1\nrubbish\n", &out, &nonce));
	vec_free(&in);
}
