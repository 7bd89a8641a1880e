/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether a file's expectations hold: `verify` and scenarios ask. */
#ifndef ERX_OBS_EXPECT_H
#define ERX_OBS_EXPECT_H

#include <cjson/cJSON.h>
#include <stdio.h>
#include "lab/lab.h"

struct verdict {
	const struct expectation *expectation;
	bool passed;
	char *about; /* "hub-vm > spoke-vm", "loc1-ce1 10.10.30.0/24" */
	char *words; /* what was seen and, when it has failed, what was expected */
	/* Of real packets: */
	char *hops;	 /* "10.10.30.132 * 10.2.30.10"; empty when the destination has not answered */
	unsigned ttl;	 /* of the answer; 0: none */
	uint64_t rtt_ns; /* where it was asked for */
};
typedef VEC(struct verdict) verdicts;

/*
 * Check a list against a loaded lab whose routes are computed: packets really
 * sent, all at once, and routes as lab->now has them. Appends one verdict for
 * each, to be freed by verdicts_free(). Returns 0, -ENOENT when the lab has no
 * such host, or another -errno.
 */
int expectations_check(const struct lab *lab, const expectation_list *list, verdicts *out, struct error *e);
/* One about routes (EXPECT_ROUTES, EXPECT_VM), without a lab. */
struct verdict expectation_check(const struct rib *rib, const struct expectation *x);
void verdicts_free(verdicts *list);

/* A line for each: "ok     hub-vm > spoke-vm: 10.11.30.4 ttl=64". */
void verdicts_print(const verdicts *list, FILE *out);
cJSON *verdicts_json(const verdicts *list);

#endif
