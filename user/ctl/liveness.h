/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who notices that a neighbour is gone while the link still has carrier, and
 * after how long. Pure: the caller has the clock, sends the hellos and knows
 * which have arrived; what is decided here is when silence means death.
 *
 * Times are nanoseconds of one clock that only moves forward.
 */
#ifndef ERX_CTL_LIVENESS_H
#define ERX_CTL_LIVENESS_H

#include "ctl/fabric.h"

enum liveness_effect {
	LIVENESS_SESSION, /* the BGP session over the link goes down, the link itself stays */
	LIVENESS_LINK,	  /* nothing is sent over the link any more, static routes neither */
};

/* What watches over a link. detect_ns 0: nothing does. */
struct liveness_timers {
	const char *protocol; /* "BFD", "BGP hold timer", … */
	const char *expired;  /* the same as a reason: "BFD expired" */
	enum liveness_effect effect;
	uint64_t detect_ns;   /* silence for this long is death */
	uint64_t interval_ns; /* between two hellos */
	unsigned multiplier;  /* hellos in the time of detection, told to the neighbour (RFC 5880 4.1) */
	bool is_bfd;
};

/* The rules are a table in liveness.c; the file's timers: {scale} is applied. */
struct liveness_timers liveness_timers_of(const struct fabric *f, const struct link *l);

/* One watched link. Zeroed, then liveness_start(). */
struct liveness {
	struct liveness_timers timers;
	uint64_t started;  /* from then on silence counts */
	uint64_t heard[2]; /* last arrival at each end; 0: none */
	uint64_t next_send;
	unsigned unheard[2];	   /* hellos sent towards an end since it last heard one */
	uint64_t unheard_since[2]; /* when the first of these was sent */
	uint64_t grace;		   /* how long one may be on its way */
	uint64_t tried;		   /* when both ends were last sent one out of turn */
	bool deaf[2];		   /* what was sent towards this end lately has not come */
	bool dead;
	bool silenced; /* hellos are lost because somebody has asked for that; the caller's */
};

/*
 * Begin, or begin anew after carrier has returned: silence counts from when a hello that is sent now can have come,
 * after grace_ns. What was dead stays so until it is heard; nobody is deaf.
 */
void liveness_start(struct liveness *l, uint64_t now, uint64_t grace_ns);
/* A hello has been sent in each direction. */
void liveness_sent(struct liveness *l, uint64_t now);
/* The same out of turn, to see at once whether the link still carries anything. */
void liveness_try(struct liveness *l, uint64_t now);
/* Long enough after that: an end that has heard nothing since is deaf. */
void liveness_judge(struct liveness *l);
/* Something that took the hellos of late has been taken away: those that were lost tell nothing any more. */
void liveness_mended(struct liveness *l, uint64_t now);
/* The last arrival at an end, as the receiving program has noted it; the same one may be told again. */
void liveness_heard(struct liveness *l, unsigned end, uint64_t when);

/* See whether the ends hear, without judging whether they are dead. */
void liveness_listen(struct liveness *l, uint64_t now);

enum liveness_news { LIVENESS_SAME, LIVENESS_DIED, LIVENESS_CAME_BACK };
/* What the silence means at this moment. */
enum liveness_news liveness_check(struct liveness *l, uint64_t now);
/* When the next hello is due, or the silence will be too long, whichever is first. */
uint64_t liveness_due(const struct liveness *l);

#endif
