/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the wires of a lab do, and what they have done. */
#ifndef ERX_OBS_IMPAIR_H
#define ERX_OBS_IMPAIR_H

#include <cjson/cJSON.h>
#include <stdio.h>
#include "lab/wires.h"

struct impair_view {
	const struct lab *lab; /* with its image */
	struct dp *dp;
	const struct wire_stats *stats; /* NULL: none yet */
	const index_list *only;		/* these links; NULL: all */
	bool with_stats;
};

void impair_print(const struct impair_view *view, FILE *out);
cJSON *impair_json(const struct impair_view *view);

/* "0.8 ms", "0.8 ms / 2.2 ms" where the directions differ: for `status`. To be freed. */
char *impair_delay_text(const struct lab *lab, uint32_t link);

/* How many frames of a wire's direction were dropped, and why: a row each, also those that are 0. */
struct wire_drop {
	const char *name; /* in JSON */
	const char *reason, *text;
	uint64_t packets;
};
#define N_WIRE_DROPS 6
void wire_drops(const struct wire_counts *c, struct wire_drop out[static N_WIRE_DROPS]);

#endif
