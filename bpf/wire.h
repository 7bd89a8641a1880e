/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The end of a wire is no device: what comes in there goes as it is to the
 * process that delays it. Without the process it is dropped, never passed on at
 * once.
 */
#ifndef ERX_WIRE_H
#define ERX_WIRE_H

#include "maps.h"
#include "packet.h"

/* The source address of a frame that a device has sent has its hop count at the end, 1 at least (read_hops()). */
inline_stage bool wire_injected(const struct xdp_md *ctx)
{
	const struct ethhdr *eth = (void *)(long)ctx->data;

	return (void *)(eth + 1) <= (void *)(long)ctx->data_end && !eth->h_source[5];
}

/* The delay counts from here on, not from when the process has found the time to look. */
inline_stage void wire_stamp(struct xdp_md *ctx)
{
	__u64 *stamp;

	if (bpf_xdp_adjust_meta(ctx, -ERX_WIRE_STAMP_BYTES))
		return;
	stamp = (void *)(long)ctx->data_meta;
	if ((void *)(stamp + 1) <= (void *)(long)ctx->data)
		*stamp = bpf_ktime_get_ns();
}

inline_stage int wire_pass(struct xdp_md *ctx)
{
	__u32 index = ctx->ingress_ifindex - ERX_FIRST_IFINDEX;
	struct erx_wire_stats *stats = bpf_map_lookup_elem(&erx_wires, &index);
	bool injected = wire_injected(ctx);
	int verdict;

	wire_stamp(ctx);
	verdict = bpf_redirect_map(&erx_xsks, index, XDP_DROP);
	if (!stats)
		return verdict;
	stats->received++;
	stats->injected += injected;
	stats->no_process += verdict != XDP_REDIRECT;
	return verdict;
}

#endif
