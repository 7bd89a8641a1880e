// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "wire/line.h"

#define BITS_NS 8000000000ull /* a byte takes this many ns, divided by the bits per second */

/* xorshift64*, Vigna 2016; 0 would stay 0. */
static uint64_t random_next(struct delay_line *l)
{
	l->random ^= l->random >> 12;
	l->random ^= l->random << 25;
	l->random ^= l->random >> 27;
	return l->random * 0x2545f4914f6cdd1dull;
}

static bool happens(struct delay_line *l, uint32_t ppm)
{
	return ppm && (random_next(l) >> 32) * LINE_MILLION >> 32 < ppm;
}

void line_init(struct delay_line *l, const struct line_params *params, uint64_t seed, uint32_t most)
{
	const struct line_chain empty = {LINE_NONE, LINE_NONE};

	*l = (struct delay_line){.params = *params, .waiting = empty, .overtaking = empty, .most = most};
	l->random = seed ? seed : 1;
	/* Seeds that differ in a few bits begin alike. */
	for (int i = 0; i < 8; i++)
		random_next(l);
}

void line_set(struct delay_line *l, const struct line_params *params)
{
	l->params = *params;
	l->busy_until = 0;
}

static void append(struct line_chain *c, struct line_frame *frames, uint32_t frame)
{
	frames[frame].next = LINE_NONE;
	if (c->first == LINE_NONE)
		c->first = frame;
	else
		frames[c->last].next = frame;
	c->last = frame;
}

/* When the frame's last bit has left the sender; UINT64_MAX: it would have to wait for too long. */
static uint64_t serialise(struct delay_line *l, uint32_t bytes, uint64_t arrived)
{
	uint64_t start = l->busy_until > arrived ? l->busy_until : arrived;

	if (!l->params.rate_bps)
		return arrived;
	if (start - arrived > LINE_QUEUE_NS)
		return UINT64_MAX;
	l->busy_until = start + bytes * BITS_NS / l->params.rate_bps;
	return l->busy_until;
}

static uint64_t delay_of(struct delay_line *l)
{
	const struct line_params *p = &l->params;
	uint64_t delay = p->delay_ns + p->jitter_ns;
	uint64_t less = p->jitter_ns ? random_next(l) % (2 * p->jitter_ns + 1) : 0;

	return delay > less ? delay - less : 0;
}

enum line_fate line_push(struct delay_line *l, struct line_frame *frames, uint32_t frame, uint32_t bytes,
			 uint64_t arrived)
{
	bool overtakes;
	uint64_t sent, due;

	if (happens(l, l->params.loss_ppm))
		return LINE_LOST;
	if (l->n >= l->most)
		return LINE_FULL;
	sent = serialise(l, bytes, arrived);
	if (sent == UINT64_MAX)
		return LINE_OVERRUN;
	overtakes = happens(l, l->params.reorder_ppm);
	due = overtakes ? sent : sent + delay_of(l);
	/* A delay that was made shorter, or jitter: nobody passes the one before. */
	if (!overtakes && due < l->last_due)
		due = l->last_due;
	if (!overtakes)
		l->last_due = due;
	frames[frame].due = due;
	frames[frame].bytes = bytes;
	append(overtakes ? &l->overtaking : &l->waiting, frames, frame);
	l->n++;
	return LINE_TAKEN;
}

static struct line_chain *next_chain(struct delay_line *l, const struct line_frame *frames)
{
	uint32_t a = l->overtaking.first, b = l->waiting.first;

	if (a == LINE_NONE || b == LINE_NONE)
		return a == LINE_NONE ? &l->waiting : &l->overtaking;
	return frames[b].due < frames[a].due ? &l->waiting : &l->overtaking;
}

uint64_t line_due(const struct delay_line *l, const struct line_frame *frames)
{
	uint32_t first = next_chain((struct delay_line *)l, frames)->first;

	return first == LINE_NONE ? UINT64_MAX : frames[first].due;
}

uint32_t line_pop(struct delay_line *l, struct line_frame *frames, uint64_t now)
{
	struct line_chain *c = next_chain(l, frames);
	uint32_t frame = c->first;

	if (frame == LINE_NONE || frames[frame].due > now)
		return LINE_NONE;
	c->first = frames[frame].next;
	l->n--;
	return frame;
}
