/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Paths are counted by the burst. Frames of a port leave in bursts, whose end the
 * kernel tells (port_lost, port_refused), and most of a burst takes one path: its
 * packets are added up beside the port's own counters and go to the path at the end
 * of the burst, or when another path comes in between. So a look-up of erx_paths, the
 * dearest of all as it is the only one that calls a function, is paid once a burst,
 * and erx_paths says what has left, no later than the driver knows of it.
 */
#ifndef ERX_BURST_H
#define ERX_BURST_H

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

inline_stage void count_path(const struct packet *pkt, struct erx_port_stats *stats)
{
	__u32 path = pkt->way->path;

	if (path == ERX_NO_PATH)
		return;
	if (stats->burst.path != path) {
		end_burst(pkt->way->port);
		stats->burst.path = path;
	}
	stats->burst.packets++;
	stats->burst.bytes += pkt->length;
}

#endif
