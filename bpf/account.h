/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Stage: the one door of the walk. A packet is counted here once, under one outcome, and shown to a capture. */
#ifndef ERX_ACCOUNT_H
#define ERX_ACCOUNT_H

#include "capture.h"
#include "count.h"
#include "maps.h"
#include "packet.h"

/* What the whole lab is up to. */
inline_stage void read_control(struct packet *pkt)
{
	__u32 zero = 0;
	const struct erx_control *control = bpf_map_lookup_elem(&erx_control, &zero);

	if (!control)
		return;
	pkt->generation = control->generation;
	pkt->captures = control->capturing;
	if (pkt->captures)
		capture_arrival(pkt);
}

inline_stage int finish(struct packet *pkt, int outcome)
{
	count_outcome(pkt->device, outcome);
	if (pkt->captures)
		capture_departure(pkt, outcome);
	return pkt->out_port == ERX_NO_PORT ? XDP_DROP : XDP_REDIRECT;
}

#endif
