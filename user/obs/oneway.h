/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Asymmetry: devices that only one direction of a flow passes. */
#ifndef ERX_OBS_ONEWAY_H
#define ERX_OBS_ONEWAY_H

#include "fwd/walk.h"

struct oneway {
	const struct device *device;
	bool back;	  /* passed by the way back only; else by the way there only */
	const char *text; /* what follows for the flow, with its source */
};
typedef VEC(struct oneway) oneway_list;

/* Append them, those of the way there first. Nothing for a pair that is not reachable. */
void oneway_find(const struct prediction *p, oneway_list *out);

#endif
