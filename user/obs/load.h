/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How much of what circuits and gateways carry at most is used just now. */
#ifndef ERX_OBS_LOAD_H
#define ERX_OBS_LOAD_H

#include <cjson/cJSON.h>
#include <stdio.h>
#include "lab/lab.h"

struct load {
	const struct image_meter *meter;
	double per_second[ERX_N_UNITS]; /* bytes of IP, packets, connections: what has passed */
	struct dp_meter_count count;
};
typedef VEC(struct load) load_list;

/* Look at all meters twice, LOAD_WATCH_MS apart. Returns 0 or -errno. */
#define LOAD_WATCH_MS 100
int loads_watch(const struct dp *dp, const struct image *image, load_list *out);

/* A line for each meter that something passes, or has been refused at. */
void loads_print(const load_list *loads, FILE *out);
/* Every limit of every meter. */
cJSON *loads_json(const load_list *loads);

#endif
