/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A lab in memory and its views, for the tests of obs: nothing is loaded. */
#ifndef ERX_TESTS_LAB_H
#define ERX_TESTS_LAB_H

#include "obs/view.h"

/* Both end the test when the topology has an error. Routes are computed. */
struct lab *lab_of(const char *file);
/* The same with one piece of the file's text in place of another. */
struct lab *lab_with(const char *file, const char *was, const char *is);
/* The same with every $word replaced, as model_with() does. */
struct lab *lab_filled(const char *file, ...) __attribute__((sentinel));
/* Take a target away and compute anew. */
void lab_down(struct lab *lab, const char *target);

/* A file's text, to be freed; the test ends when it cannot be read. */
char *text_of(const char *file);

/* A command as typed after `erxdpctl show`: "circuit-routes er1 --path primary". */
const struct view *view_named(const char *command);
/* Its document, to be deleted; NULL with *e filled. */
cJSON *view_made(const struct lab *lab, const char *command, struct error *e);
/* The same; the test ends when there is none. */
cJSON *view_of(const struct lab *lab, const char *command);

#endif
