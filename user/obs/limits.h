/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How far Azure's limits are used, and which sessions are down for it (azure.md 6, 7.3). */
#ifndef ERX_OBS_LIMITS_H
#define ERX_OBS_LIMITS_H

#include <cjson/cJSON.h>
#include <stdio.h>
#include "fwd/walk.h"

/* Whether a limit is of something that this walk passes: a device, its resource, a gateway of its VNet. */
bool limit_concerns(const struct limit_usage *u, const struct walk *w);

/* "3,600 of 4,000 prefixes from 'ce' to 'er1.primary' (90 %); beyond, the BGP session drops (azure.md 7.3)" */
void limit_text(const struct limit_usage *u, char *out, size_t size);
/* {object, what, count, limit, percent, over, consequence, source} */
cJSON *limit_json(const struct limit_usage *u);

/* It is down, and not because its link is, which needs no words. */
bool session_is_worth_a_word(const struct rib *rib, const struct session_view *s);

/* A line "warning: …" for a limit from 80 % on; and for each of a rib's, and each session that is down though its link
 * is up. */
void limit_print_warning(const struct limit_usage *u, FILE *out);
void limits_print_warnings(const struct rib *rib, FILE *out);
/* Every limit that something counts for, and every session that is down: [{a, b, because}]. */
cJSON *limits_json(const struct rib *rib);
cJSON *sessions_down_json(const struct rib *rib);

#endif
