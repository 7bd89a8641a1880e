/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who reaches whom: what packets did beside what the routes say. */
#ifndef ERX_OBS_REACH_H
#define ERX_OBS_REACH_H

#include <cjson/cJSON.h>
#include <stdio.h>
#include "lab/ping.h"

struct reach_pair {
	const struct ping *ping;
	bool told; /* the routes say that packets get there and back */
};

struct reach {
	const struct lab *lab;
	VEC(struct reach_pair) pairs; /* in the order of the pings */
	size_t differ;
	double seconds;	 /* that the packets took */
	bool wires_dead; /* there are wires, and nobody passes on what is on them */
};

/* Ask the routes about each ping. Faults that routing has not noticed do not count. */
void reach_compare(const struct lab *lab, const pings *list, double seconds, struct reach *out);
void reach_free(struct reach *r);

void reach_print_matrix(const struct reach *r, FILE *out);
void reach_print_pair(const struct reach *r, FILE *out); /* the only one */
/* {pairs: [{from, to, packets, model, ttl, rttMs, differs, why}], reachable, differ, seconds} */
cJSON *reach_json(const struct reach *r);

#endif
