/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Stages: write what has changed, count the path, hand the frame to the next port. */
#ifndef ERX_SEND_H
#define ERX_SEND_H

#include "burst.h"
#include "maps.h"
#include "meter.h"
#include "packet.h"
#include "tunnel.h"

/* The only way out of a device. Never XDP_TX: a veth whose host end has GRO on and no program loses it. */
inline_stage int redirect(struct packet *pkt, __u32 port, int outcome)
{
	struct erx_port_stats *stats;

	if (bpf_redirect_map(&erx_links, port, XDP_DROP) != XDP_REDIRECT)
		return end(ERX_no_port);
	pkt->out_port = port;
	stats = bpf_map_lookup_elem(&erx_port_counts, &port);
	if (!stats)
		return outcome;
	stats->sent++;
	stats->sent_bytes += pkt->bytes;
	if (pkt->way)
		count_path(pkt, stats);
	return outcome;
}

/* RFC 1624: the TTL is the high byte of its word, lowered bytes lower the sum by as much. */
inline_stage int write_ttl(const struct packet *pkt)
{
	struct iphdr *ip = pkt->start + ERX_ETH_LEN;
	__u32 sum;

	if (!pkt->lowered)
		return ERX_CONTINUE;
	if ((void *)(ip + 1) > pkt->end)
		return end(ERX_truncated);
	ip->ttl = pkt->ttl;
	sum = ip->check + bpf_htons(pkt->lowered << 8);
	ip->check = sum + (sum >= 0xffff);
	return ERX_CONTINUE;
}

/* Both at once, in words: they lie in the way as in the frame. */
inline_stage void copy_addresses(void *to, const void *from)
{
	*(__u64 *)to = *(const __u64 *)from;
	*(__u32 *)(to + 8) = *(const __u32 *)(from + 8);
}

inline_stage int write_addresses(const struct packet *pkt)
{
	const struct erx_way *way = pkt->way;
	struct ethernet *eth = pkt->start;

	if ((void *)(eth + 1) > pkt->end)
		return end(ERX_truncated);
	copy_addresses(eth, way->dst_mac);
	if (way->flags & ERX_ADJ_FABRIC)
		eth->src[5] = pkt->hops + 1;
	return ERX_CONTINUE;
}

inline_stage int send(struct packet *pkt, int outcome)
{
	int stop = meter(pkt);

	if (stop == ERX_CONTINUE)
		stop = write_ttl(pkt);
	if (stop == ERX_CONTINUE)
		stop = encapsulate(pkt);
	if (stop == ERX_CONTINUE)
		stop = write_addresses(pkt);
	if (stop != ERX_CONTINUE)
		return stop;
	return redirect(pkt, pkt->way->port, outcome);
}

#endif
