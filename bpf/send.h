/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Stages: write what has changed, count the path, hand the frame to the next port. */
#ifndef ERX_SEND_H
#define ERX_SEND_H

#include "count.h"
#include "maps.h"
#include "meter.h"
#include "packet.h"
#include "tunnel.h"

/* The only way out of a device. Never XDP_TX: a veth whose host end has GRO on and no program loses it. */
inline_stage int redirect(struct packet *pkt, __u32 port, int outcome)
{
	if (bpf_redirect_map(&erx_links, port, XDP_DROP) != XDP_REDIRECT)
		return end(ERX_no_port);
	pkt->out_port = port;
	count_sent(port, pkt->way, pkt->bytes, pkt->length);
	return outcome;
}

/* RFC 1624: the TTL is the high byte of its word, lowered by so much it raises the sum by as much. */
inline_stage void lower_ttl(struct iphdr *ip, __u32 by)
{
	__u32 sum = ip->check + bpf_htons(by << 8);

	if (!by)
		return;
	ip->ttl -= by;
	ip->check = sum + (sum >= 0xffff);
}

inline_stage int write_ttl(const struct packet *pkt)
{
	struct iphdr *ip = pkt->start + ERX_ETH_LEN;

	if ((void *)(ip + 1) > pkt->end)
		return end(ERX_truncated);
	lower_ttl(ip, pkt->lowered);
	return ERX_CONTINUE;
}

/* Both at once, in words: they lie in the way as in the frame. */
inline_stage void copy_addresses(void *to, const void *from)
{
	*(__u64 *)to = *(const __u64 *)from;
	*(__u32 *)(to + 8) = *(const __u32 *)(from + 8);
}

inline_stage void set_addresses(struct ethernet *eth, const struct erx_way *way, __u32 hops)
{
	copy_addresses(eth, way->dst_mac);
	if (way->flags & ERX_ADJ_FABRIC)
		eth->src[5] = hops + 1;
}

inline_stage int write_addresses(const struct packet *pkt)
{
	struct ethernet *eth = pkt->start;

	if ((void *)(eth + 1) > pkt->end)
		return end(ERX_truncated);
	set_addresses(eth, pkt->way, pkt->hops);
	return ERX_CONTINUE;
}

inline_stage int send(struct packet *pkt, int outcome)
{
	int stop = meter(pkt->way, pkt->length);

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
