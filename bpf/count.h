/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is counted for each packet is counted per CPU, and XDP runs in softirq: there is
 * no other writer, so no counter here needs an atomic.
 *
 * Paths are counted by the burst. Frames of a port leave in bursts, whose end the
 * kernel tells (port_lost, port_refused), and most of a burst takes one path: its
 * packets are added up beside the port's own counters and go to the path at the end
 * of the burst, or when another path comes in between. So a look-up of erx_paths, the
 * dearest of all as it is the only one that calls a function, is paid once a burst,
 * and erx_paths says what has left, no later than the driver knows of it.
 */
#ifndef ERX_COUNT_H
#define ERX_COUNT_H

#include "maps.h"
#include "packet.h"

/* The programs that call it never interrupt each other: all run in the softirq that sends the burst. */
__noinline int end_burst(__u32 port)
{
	struct erx_port_stats *stats = bpf_map_lookup_elem(&erx_port_counts, &port);
	struct erx_path *path;
	__u32 key;

	if (!stats || !stats->burst.packets)
		return 0;
	key = stats->burst.path;
	path = bpf_map_lookup_elem(&erx_paths, &key);
	if (path) {
		path->packets += stats->burst.packets;
		path->bytes += stats->burst.bytes;
	}
	stats->burst.packets = stats->burst.bytes = 0;
	return 0;
}

/* Into its path, which end_burst() does when this one ends. */
inline_stage void count_path(const struct erx_way *way, struct erx_port_stats *stats, __u32 length)
{
	__u32 path = way->path;

	if (path == ERX_NO_PATH)
		return;
	if (stats->burst.path != path) {
		end_burst(way->port);
		stats->burst.path = path;
	}
	stats->burst.packets++;
	stats->burst.bytes += length;
}

inline_stage void count_sent(__u32 port, const struct erx_way *way, __u32 bytes, __u32 length)
{
	struct erx_port_stats *stats = bpf_map_lookup_elem(&erx_port_counts, &port);

	if (!stats)
		return;
	stats->sent++;
	stats->sent_bytes += bytes;
	if (way)
		count_path(way, stats, length);
}

inline_stage void count_received(__u32 port, __u32 bytes, bool injected)
{
	struct erx_port_stats *stats = bpf_map_lookup_elem(&erx_port_counts, &port);

	if (!stats)
		return;
	stats->received++;
	stats->received_bytes += bytes;
	if (injected)
		stats->injected++;
}

inline_stage void count_outcome(__u32 device, __u32 outcome)
{
	struct erx_device_stats *stats = bpf_map_lookup_elem(&erx_devices, &device);

	/* The verifier wants the bound; every stage returns one of the list. */
	if (stats && outcome < ERX_N_OUTCOMES)
		((__u64 *)stats)[outcome]++;
}

#endif
