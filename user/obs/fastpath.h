/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* FastPath in words: for a step of a walk, and for a connection with all that lies behind it. */
#ifndef ERX_OBS_FASTPATH_H
#define ERX_OBS_FASTPATH_H

#include <cjson/cJSON.h>
#include <stdio.h>
#include "ctl/rib.h"
#include "fwd/fastpath.h"
#include "fwd/walk.h"

/* At an MSEE on the way into a VNet: whether the gateway is bypassed, and if not why. false: not that case. */
bool fastpath_step_text(const struct image *image, const bool *on, const struct step *s, const struct addr *dst,
			char *out, size_t size);

/* The rule that forbids the bypass whatever the destination, the switch left out; false: none does. */
bool fastpath_impossible(const struct topo *t, const struct connection *c, char *out, size_t size);

/*
 * Calls fn for the limit on addresses of each circuit, or port for all of its
 * circuits, that a connection with the bypass on draws from. *u is valid during the call.
 */
typedef void (*fastpath_limit_fn)(void *arg, const struct limit_usage *u);
void fastpath_limits(const struct topo *t, const bool *on, fastpath_limit_fn fn, void *arg);

/* on is by index in topo->connections. */
void fastpath_print(const struct topo *t, const bool *on, const struct connection *c, FILE *out);
cJSON *fastpath_json(const struct topo *t, const bool *on, const struct connection *c);

#endif
