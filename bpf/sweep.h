/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Flows through gateways end by themselves: Azure's idle timeout, whatever TCP has said. */
#ifndef ERX_SWEEP_H
#define ERX_SWEEP_H

#include "maps.h"

struct bpf_map;

/* Counts only what it has removed, so the count stays right whoever else adds or removes. */
static long end_idle_flow(struct bpf_map *map, const struct erx_flow_key *flow, const __u64 *seen, void *unused)
{
	struct erx_flow_key key = *flow;
	const struct erx_meter *meter = bpf_map_lookup_elem(&erx_meters, &key.meter);
	/* The coarse clock, which is not for this type of program, lags a few milliseconds behind. */
	__u64 now = bpf_ktime_get_ns(), last = *seen;
	__u64 *flows;

	/* A packet may have come in between. */
	if (meter && (last >= now || now - last <= meter->idle_ns))
		return 0;
	flows = bpf_map_lookup_elem(&erx_flow_counts, &key.meter);
	if (!bpf_map_delete_elem(&erx_flows, &key) && flows)
		__sync_fetch_and_add(flows, -1);
	return 0;
}

#endif
