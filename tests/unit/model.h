/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A topology with its fabric and routes, for the tests of ctl: load, fail, compute, and read as text. */
#ifndef ERX_TESTS_MODEL_H
#define ERX_TESTS_MODEL_H

#include <stdarg.h>

#include "ctl/rib.h"

struct model {
	struct topo *topo;
	struct fabric *fabric;
	bool *down, *session_down; /* by link */
	uint8_t *prepends;	   /* by device */
	struct rib *rib;
};

/* Both end the test when the topology has an error. Routes are computed. */
struct model *model_read(const char *file);
/*
 * The same with every $word of the file replaced: pairs of word and text, then
 * NULL. A word that is not among them becomes nothing.
 */
struct model *model_with(const char *file, ...) __attribute__((sentinel));
/* A file's text with its words replaced so, to be freed. */
char *text_filled(const char *file, va_list words);
void model_free(struct model *m);

/* Take a target's links away, or give them back, and compute anew. */
void model_fail(struct model *m, const char *target);
void model_restore(struct model *m, const char *target);
/* Take one link away, by its name. */
void model_cut(struct model *m, const char *link);
/* Take the session over a link down, or give it back. */
void model_stop(struct model *m, const char *link, bool down);
/* A device adds its AS this often beyond once. */
void model_prepend(struct model *m, const char *device, unsigned times);

const struct rib_table *model_table(const struct model *m, const char *name);
const struct rib_entry *model_entry(const struct model *m, const char *table, const char *prefix);

/*
 * The routes of one prefix, best first, joined by "; ": what is in use has a
 * star, the others the step in which they lost. "" when there are none. Freed
 * by the caller.
 *
 *	*bgp 10.10.30.132 12076-65021 32769; bgp 10.10.30.142 65021 32768 (weight)
 *
 * The next hop is its address, else the link, else "-"; path and weight are
 * left out where there are none.
 */
char *model_routes(const struct model *m, const char *table, const char *prefix);
/* Every table, as tests/golden/interop-routes.txt has it. */
char *model_print(const struct model *m);

/* Expect model_routes() to be this text. */
void expect_routes(const struct model *m, const char *table, const char *prefix, const char *expected);

#endif
