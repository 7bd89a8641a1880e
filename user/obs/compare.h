/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Latency with FastPath off and on, in PsPing's terms and beyond: as text, JSON, CSV and as a plot. */
#ifndef ERX_OBS_COMPARE_H
#define ERX_OBS_COMPARE_H

#include <cjson/cJSON.h>
#include <stdio.h>

#include "lab/meter.h"
#include "lib/stats.h"
#include "obs/bypass.h"

#define COMPARE_ROUNDS 2000 /* of the bootstrap */
#define COMPARE_SEED   1    /* so that the interval follows from the samples alone */
#define COMPARE_SHARE  0.95

struct compare_side {
	size_t sent;
	double *ms; /* those received, smallest first */
	struct stats stats;
};

struct compare_kind {
	struct compare_side sides[2]; /* off, on */
	double saved;		      /* median off less median on */
	struct stats_interval sure;
};

struct comparison {
	const struct lab *lab;
	const struct meter_plan *plan;
	const struct meter_result *measured;
	const struct bypass *bypass;
	struct compare_kind kinds[N_METER_KINDS];
};

/* Work out what was measured; all that the arguments point to must outlive the comparison. */
void compare_make(const struct lab *lab, const struct meter_plan *plan, const struct meter_result *measured,
		  const struct bypass *bypass, struct comparison *out);
void compare_free(struct comparison *c);

void compare_print(const struct comparison *c, FILE *out);
cJSON *compare_json(const struct comparison *c);
/* A heading, then a line for each sample, in the order they were taken. */
void compare_csv(const struct comparison *c, FILE *out);
/* A script that makes gnuplot write an SVG to its standard output. */
void compare_plot(const struct comparison *c, FILE *out);

#endif
