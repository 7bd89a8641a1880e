/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How long each link takes: what a file's latency: says of resources, by link and direction. Pure. */
#ifndef ERX_FWD_DELAY_H
#define ERX_FWD_DELAY_H

#include "ctl/fabric.h"

struct link_delay {
	uint64_t ns[2]; /* [0] from the link's first port to its second, [1] back */
};

/* By link index; to be freed. The latency of a connection is closer than that of a pair, whatever their order. */
struct link_delay *delay_compute(const struct fabric *f);

#endif
