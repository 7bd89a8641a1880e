/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What FastPath could change for two hosts: by which connections their packets come into a VNet. */
#ifndef ERX_OBS_BYPASS_H
#define ERX_OBS_BYPASS_H

#include "lab/lab.h"

struct bypass {
	VEC(const struct connection *) connections; /* several when equal paths share the flows */
	bool replies; /* what comes in are the replies: the first host is in Azure, and what leaves Azure passes no
			 gateway */
};

/*
 * Those whose switches move the packets from one host to another, for TCP to that port (0: any) and for ICMP echo; if
 * no packet comes into a VNet by ExpressRoute that way, those of the way back. Returns 0, or with the reason in words:
 * -EHOSTUNREACH when the two cannot talk, -ENOENT when no gateway is on their way, -EPERM when a rule of Azure's
 * forbids the bypass, -ENETDOWN when the way past the gateway has failed. To be freed in any case.
 */
int bypass_find(const struct lab *lab, const struct host *from, const struct host *to, uint16_t port,
		struct bypass *out, struct error *e);
void bypass_free(struct bypass *b);

#endif
