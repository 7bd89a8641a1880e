/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Frames for those who capture: whole, before and after, as tcpdump sees nothing on a port
 * that redirects. Each capture has a bit in erx_captured and memory of its own, which the
 * kernel takes out of erx_capture when the process dies; who finds that ends the capture.
 */
#ifndef ERX_CAPTURE_H
#define ERX_CAPTURE_H

#include "maps.h"
#include "packet.h"

#define NOT_THERE (-2) /* -ENOENT */

inline_stage __u32 capturing_now(void)
{
	__u32 zero = 0;
	const struct erx_control *control = bpf_map_lookup_elem(&erx_control, &zero);

	return control ? control->capturing : 0;
}

/* Captures that want what comes in by a port, or what leaves by it; ERX_NO_PORT: none. */
inline_stage __u32 captures_in(__u32 port)
{
	const struct erx_captured *captured = bpf_map_lookup_elem(&erx_captured, &port);

	return captured ? captured->in : 0;
}

inline_stage __u32 captures_out(__u32 port)
{
	const struct erx_captured *captured = bpf_map_lookup_elem(&erx_captured, &port);

	return captured ? captured->out : 0;
}

/* Whether anybody looks at what comes in by one port and leaves by the other. */
inline_stage bool is_captured(__u32 in, __u32 out)
{
	__u32 captures = capturing_now();

	return captures && captures & (captures_in(in) | captures_out(out));
}

/* Its process is dead. Decisions of flows that it looked at count no more: they may take the short way again. */
inline_stage void end_capture(__u32 n)
{
	__u32 zero = 0, bit = 1u << n;
	struct erx_control *control = bpf_map_lookup_elem(&erx_control, &zero);

	if (!control || !(__sync_fetch_and_and(&control->capturing, ~bit) & bit))
		return;
	/* 0 is what no way has. */
	if (control->generation != 0xfffffffe)
		__sync_fetch_and_add(&control->generation, 2);
}

/* What show() is told beside the outcome. */
#define SHOW_LEFT  (1 << 16) /* else ARRIVED */
#define SHOW_FRAME (1 << 17)

/* A record to each of these captures. ports: in, and out above it. */
__noinline int show(struct xdp_md *ctx, __u64 id, __u64 ports, __u32 what, __u32 captures)
{
	__u64 bytes = (void *)(long)ctx->data_end - (void *)(long)ctx->data;
	__u32 cpu = bpf_get_smp_processor_id();
	struct erx_capture_record r = {
		.id = id,
		.time_ns = bpf_ktime_get_ns(),
		.in_port = ports,
		.out_port = ports >> 32,
		.step = what & SHOW_LEFT ? ERX_CAPTURE_LEFT : ERX_CAPTURE_ARRIVED,
		.outcome = what,
	};

	asm volatile("" : "+r"(bytes)); /* as in locate() */
	r.length = bytes;
	if (what & SHOW_FRAME)
		r.captured = bytes < ERX_CAPTURE_SNAPLEN ? bytes : ERX_CAPTURE_SNAPLEN;
	for (__u32 n = 0; n < ERX_MAX_CAPTURES; n++) {
		__u64 to = ERX_CAPTURE_INDEX(cpu, n) | (__u64)r.captured << 32;

		if (captures >> n & 1 && bpf_perf_event_output(ctx, &erx_capture, to, &r, sizeof(r)) == NOT_THERE)
			end_capture(n);
	}
	return 0;
}

inline_stage __u64 ports_of(const struct packet *pkt)
{
	return (__u64)pkt->out_port << 32 | pkt->in_port;
}

inline_stage void capture_arrival(struct packet *pkt)
{
	__u32 captures = pkt->captures & captures_in(pkt->in_port);

	/* Time and port tell two runs apart, whichever CPUs they are on. */
	pkt->id = bpf_ktime_get_ns() << 16 | (pkt->in_port & 0xffff);
	if (captures)
		show(pkt->ctx, pkt->id, ports_of(pkt), SHOW_FRAME, captures);
}

/* The frame to those who look at the port out; what became of it to those as well who have seen it come in. */
inline_stage void capture_departure(const struct packet *pkt, int outcome)
{
	__u32 left = pkt->captures & captures_out(pkt->out_port);
	__u32 arrived = pkt->captures & captures_in(pkt->in_port) & ~left;

	if (left)
		show(pkt->ctx, pkt->id, ports_of(pkt), SHOW_LEFT | SHOW_FRAME | outcome, left);
	if (arrived)
		show(pkt->ctx, pkt->id, ports_of(pkt), SHOW_LEFT | outcome, arrived);
}

#endif
