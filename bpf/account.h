/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Stage: the one door of the walk. A packet is counted here once, under one outcome, and shown to a capture. */
#ifndef ERX_ACCOUNT_H
#define ERX_ACCOUNT_H

#include "count.h"
#include "maps.h"
#include "packet.h"

/* Frames go to the ring whole, before and after: tcpdump on a port that redirects sees nothing. */
inline_stage void record(const struct packet *pkt, __u16 step, int outcome, bool with_frame)
{
	struct erx_capture_record *r = bpf_ringbuf_reserve(&erx_capture, sizeof(*r), 0);

	if (!r)
		return;
	r->id = pkt->id;
	r->time_ns = bpf_ktime_get_ns();
	r->in_port = pkt->in_port;
	r->out_port = pkt->out_port;
	r->step = step;
	r->outcome = outcome;
	r->length = 0;
	if (with_frame && !load_bytes(pkt->ctx, 0, r->frame, pkt->bytes, ERX_CAPTURE_SNAPLEN))
		r->length = pkt->bytes;
	bpf_ringbuf_submit(r, 0);
}

inline_stage void capture_arrival(struct packet *pkt)
{
	/* Time and port tell two runs apart, whichever CPUs they are on. */
	pkt->id = bpf_ktime_get_ns() << 16 | (pkt->in_port & 0xffff);
	if (pkt->port->flags & ERX_PORT_CAPTURE_IN)
		record(pkt, ERX_CAPTURE_ARRIVED, 0, true);
}

/* What the whole lab is up to. */
inline_stage void read_control(struct packet *pkt)
{
	__u32 zero = 0;
	const struct erx_control *control = bpf_map_lookup_elem(&erx_control, &zero);

	if (!control)
		return;
	pkt->generation = control->generation;
	if (control->capturing)
		capture_arrival(pkt);
}

inline_stage void capture_departure(const struct packet *pkt, int outcome)
{
	const struct erx_port *out = NULL;
	__u32 port = pkt->out_port;
	bool leaves;

	if (port != ERX_NO_PORT)
		out = bpf_map_lookup_elem(&erx_ports, &port);
	leaves = out && out->flags & ERX_PORT_CAPTURE_OUT;
	if (leaves || pkt->port->flags & ERX_PORT_CAPTURE_IN)
		record(pkt, ERX_CAPTURE_LEFT, outcome, leaves);
}

inline_stage int finish(struct packet *pkt, int outcome)
{
	count_outcome(pkt->device, outcome);
	if (pkt->id)
		capture_departure(pkt, outcome);
	return pkt->out_port == ERX_NO_PORT ? XDP_DROP : XDP_REDIRECT;
}

#endif
