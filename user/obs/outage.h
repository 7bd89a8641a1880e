/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How long a stream of datagrams was interrupted, and what that time was: pure
 * arithmetic over what was sent, what arrived and what the controller has told.
 * All times are CLOCK_REALTIME in ns.
 */
#ifndef ERX_OBS_OUTAGE_H
#define ERX_OBS_OUTAGE_H

#include "lab/flows.h"

enum happening_kind {
	HAPPENED_CHANGE,   /* something failed or was restored */
	HAPPENED_PLANNED,  /* a step of planned work */
	HAPPENED_DETECTED, /* a neighbour was found dead or alive, a carrier lost or back */
	HAPPENED_WAITING,  /* routing waits for azureConvergence */
	HAPPENED_WRITTEN,  /* next-hop groups were written */
};
struct happening {
	enum happening_kind kind;
	uint64_t at_ns;
};
typedef VEC(struct happening) happenings; /* in order of time */

struct split { /* parts of an interruption, ns; they add up to it */
	uint64_t detection, azure, twin, rest;
};

struct gap {			    /* datagrams lost one after the other */
	uint64_t first_ns, last_ns; /* when the first and the last of them were sent */
	uint64_t lost;
	bool from_before; /* it was going on already when the span began */
	bool goes_on;	  /* nothing has arrived up to the end of the span */
	struct split split;
};

struct outage { /* of one stream in one span of time */
	VEC(struct gap) gaps;
	uint64_t sent, lost;
	uint64_t lost_ns; /* the gaps together, each from its first lost to its last lost */
	bool from_before, goes_on;
	struct split split; /* of all gaps */
};

/* Gaps of what was sent from from_ns on and before until_ns. To be freed by outage_free(). */
void outage_find(const samples *list, uint64_t from_ns, uint64_t until_ns, struct outage *out);
void outage_free(struct outage *o);
/*
 * What a gap was. The groups that were written next ended it; they answer a
 * change before. Detection goes from that change to the moment
 * somebody noticed, azure from the waiting on for azure_ns, twin from there to
 * the writing; the rest is what no event accounts for.
 */
struct split gap_split(const struct gap *gap, const happenings *all, uint64_t azure_ns);
/* For every gap, and their sum. */
void outage_split(struct outage *o, const happenings *all, uint64_t azure_ns);

#endif
