/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Problems found in a file, with their positions. topo and ctl never print:
 * they append here, and the verb shows every problem of a run at once.
 */
#ifndef ERX_LIB_DIAG_H
#define ERX_LIB_DIAG_H

#include <stdbool.h>
#include <stdio.h>
#include "lib/vec.h"

struct pos {
	unsigned line, column; /* from 1; 0 when there is no position */
};

enum diag_level {
	DIAG_ERROR,
	DIAG_WARNING, /* Azure accepts it, with the consequence the text names */
};

struct diag {
	enum diag_level level;
	struct pos at;
	char *text; /* owned by the list */
};

struct diags {
	VEC(struct diag) list;
	size_t errors;
};

void diag_add(struct diags *d, enum diag_level level, struct pos at, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
#define diag_error(d, at, ...)	 diag_add(d, DIAG_ERROR, at, __VA_ARGS__)
#define diag_warning(d, at, ...) diag_add(d, DIAG_WARNING, at, __VA_ARGS__)

/* Sort by position and print "file:line:col: message", warnings as "file:line:col: warning: message". */
void diags_print(struct diags *d, const char *file, FILE *out);
void diags_free(struct diags *d);

/*
 * The candidate nearest to name by edit distance, NULL when none is near
 * enough to be a likely typing error. candidates ends with NULL.
 */
const char *did_you_mean(const char *name, const char *const *candidates);

#endif
