/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a real deployment printed, beside what the twin prints.
 *
 * Rows are compared by what the view's columns say: rows whose keys agree are
 * one row, its other fields ought to agree, times and counters do not count, nor
 * does the order. A row with a list of prefixes or next hops is a row for each
 * of them. Where a gateway's instance speaks for itself (view.speaker), its own
 * address is "self"; and when one instance alone reports, as of ExpressRoute
 * gateways any does, it does not matter which.
 */
#ifndef ERX_OBS_DIFF_H
#define ERX_OBS_DIFF_H

#include "obs/view.h"

struct diff_field {
	const char *name;
	char *theirs, *ours;
};

struct diff_row {
	char *key;  /* the key's fields, joined by blanks */
	cJSON *row; /* of the side that has it; NULL when both have */
	VEC(struct diff_field) fields;
};

typedef VEC(struct diff_row) diff_rows;

struct diff {
	const struct view *view;
	diff_rows missing;     /* theirs only */
	diff_rows extra;       /* ours only */
	diff_rows different;   /* both, with other fields */
	size_t same, left_out; /* left_out: theirs only, of a kind that the twin leaves out on purpose */
};

/*
 * Read what az has printed: a document of this view, its bare list, or either
 * with fields under "additionalProperties". name is for messages. NULL with *e
 * filled: line and column, or the member, and what was expected there.
 */
cJSON *diff_read(const struct view *v, const char *name, const char *text, struct error *e);
/* Both documents stay the caller's. */
void diff_compare(const struct view *v, const cJSON *theirs, const cJSON *ours, struct diff *out);
void diff_free(struct diff *d);

bool diff_is_empty(const struct diff *d);
void diff_print(const struct diff *d, FILE *out);
cJSON *diff_json(const struct diff *d); /* {view, missing, extra, different, same, leftOut} */

#endif
