/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One direction of a wire: which frames get through, and when each of them has
 * to leave. Pure: the caller has the clock and the frames. A frame is known by
 * its number in a table that all lines share, so a line is a chain through that
 * table and needs no memory of its own.
 *
 * Order: first the frames that may overtake (reorder), by arrival; the others
 * leave in the order in which they came, whatever jitter says.
 *
 * Times are nanoseconds of one clock that only moves forward.
 */
#ifndef ERX_WIRE_LINE_H
#define ERX_WIRE_LINE_H

#include <stdbool.h>
#include <stdint.h>

#define LINE_NONE     UINT32_MAX
#define LINE_MILLION  1000000u	      /* shares are parts of a million */
#define LINE_QUEUE_NS 50000000ull     /* what waits for the line's rate waits this long at most */
#define LINE_MOST_NS  500000000ull    /* the longest delay, and the most jitter */
#define LINE_MOST_BPS 100000000000ull /* bits per second */

struct line_params { /* all 0: frames leave at once */
	uint64_t delay_ns;
	uint64_t jitter_ns; /* the delay is up to this much shorter or longer, evenly */
	uint64_t rate_bps;  /* bits of whole frames per second; 0: no limit */
	uint32_t loss_ppm;
	uint32_t reorder_ppm; /* leave without the delay, before those that wait */
};

struct line_frame {
	uint64_t due; /* when it has to leave */
	uint32_t next;
	uint32_t bytes;
};

struct line_chain {
	uint32_t first, last; /* LINE_NONE: empty */
};

struct delay_line {
	struct line_params params;
	struct line_chain waiting, overtaking;
	uint64_t last_due;   /* of the waiting; no later one is due before */
	uint64_t busy_until; /* the rate: the last frame is on the line until then */
	uint64_t random;
	uint32_t n, most; /* frames on the line, and how many there may be */
};

enum line_fate {
	LINE_TAKEN,
	LINE_LOST,    /* as asked for */
	LINE_OVERRUN, /* it would have waited longer than LINE_QUEUE_NS for the rate */
	LINE_FULL,    /* there are line->most frames already */
	LINE_N_FATES,
};

/* The same seed gives the same losses. */
void line_init(struct delay_line *l, const struct line_params *params, uint64_t seed, uint32_t most);
/* Frames that are on the line keep their times. */
void line_set(struct delay_line *l, const struct line_params *params);
/* A frame has come. Unless it is LINE_TAKEN it stays the caller's. */
enum line_fate line_push(struct delay_line *l, struct line_frame *frames, uint32_t frame, uint32_t bytes,
			 uint64_t arrived);
/* When the next frame has to leave; UINT64_MAX: there is none. */
uint64_t line_due(const struct delay_line *l, const struct line_frame *frames);
/* Take the next frame that is due by now; LINE_NONE when there is none. */
uint32_t line_pop(struct delay_line *l, struct line_frame *frames, uint64_t now);

#endif
