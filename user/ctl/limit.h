/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Azure's limits on routes: which sessions they take down, and how far each is used. Internal to ctl. */
#ifndef ERX_CTL_LIMIT_H
#define ERX_CTL_LIMIT_H

#include "ctl/speaker.h"

/*
 * Take down the sessions that are over a limit (down_because says it), and append
 * how far every limit is used to *out, with texts in the arena. Leaves the speakers
 * without a prefix at hand.
 */
void limits_apply(struct bgp *b, struct arena *arena, limit_list *out);

#endif
