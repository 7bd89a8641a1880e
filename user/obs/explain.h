/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `explain`: device by device, there and back, from the image that is loaded. */
#ifndef ERX_OBS_EXPLAIN_H
#define ERX_OBS_EXPLAIN_H

#include <cjson/cJSON.h>
#include <stdio.h>
#include "fwd/walk.h"

struct explain_input {
	const struct image *image;
	const bool *fastpath; /* by index in topo->connections */
	const struct host *from, *to;
	struct flow flow; /* addresses of the two; protocol and ports as asked */
	bool ports_given;
};

void explain_print(const struct explain_input *in, FILE *out);
/* {reachable, pingTtl, forward: […], back: […]}; to be deleted by the caller. */
cJSON *explain_json(const struct explain_input *in);

#endif
