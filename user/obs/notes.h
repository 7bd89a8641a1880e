/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What an engineer would add to a walk: why a host is not reached, and what one
 * should know about the way. Every note is made by one rule of a table, a pure
 * function of the image and the prediction, and names its source.
 */
#ifndef ERX_OBS_NOTES_H
#define ERX_OBS_NOTES_H

#include "fwd/walk.h"

enum note_way { NOTE_BOTH, NOTE_FORWARD, NOTE_BACK };

struct note {
	const char *name;   /* "no-er-vpn-transit" */
	const char *source; /* "azure.md 7.5" */
	enum note_way way;
	bool cause; /* it says why there is no way */
	char *text; /* one sentence */
};
typedef VEC(struct note) note_list;

struct note_case {
	const struct image *image;
	const struct host *from, *to;
	const struct prediction *p; /* from to to */
};

/*
 * Append the notes on a pair of hosts, causes first. Where a host is not
 * reached there is at least one cause.
 */
void notes_find(const struct note_case *c, note_list *out);
void notes_free(note_list *list);

/* For notes.c: why one walk did not arrive, and what the steps of one have to tell. */
void notes_add(note_list *list, struct note note); /* takes the text; drops it when it is there already */
void notes_causes(const struct note_case *c, enum note_way way, note_list *out);

#endif
