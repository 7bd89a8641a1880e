/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The short way through a device, for packets that are as most are: all they need is
 * in the frame and in their flow's line of erx_ways, which decide() has written for
 * the first of them. Nothing ends here but what a meter refuses. Whatever is not so (a
 * fragment, options, a TTL that runs out, a size that does not fit, anything wrong), or
 * belongs to a flow that is not plain, takes the whole walk, which knows each reason.
 */
#ifndef ERX_KNOWN_H
#define ERX_KNOWN_H

#include "count.h"
#include "maps.h"
#include "meter.h"
#include "packet.h"
#include "route.h"
#include "send.h"

#define NOT_KNOWN XDP_PASS /* which no program of a device ever returns */

struct known {
	struct ethernet *eth;
	struct iphdr *ip;
	struct erx_way *way;
	__u32 bytes;  /* of the frame */
	__u32 length; /* of IP */
	__u32 ports;  /* the first word behind the header, whatever it is: the key says what it must be */
	__u32 hops;
};

inline_stage bool read_frame(const struct xdp_md *ctx, struct known *k)
{
	void *start = (void *)(long)ctx->data, *frame_end = (void *)(long)ctx->data_end;
	__u32 *ports = start + ERX_ETH_LEN + sizeof(*k->ip);
	__u64 bytes = frame_end - start;

	if ((void *)(ports + 1) > frame_end)
		return false;
	asm volatile("" : "+r"(bytes)); /* as in locate() */
	k->eth = start;
	k->ip = start + ERX_ETH_LEN;
	k->ports = *ports;
	k->bytes = bytes;
	k->length = bpf_ntohs(k->ip->tot_len);
	return true;
}

/* IPv4 without options, in one piece, whole, and with the ports of TCP and UDP. */
inline_stage bool is_usual(const struct known *k)
{
	return k->eth->type == bpf_htons(ETH_P_IP) && *(const __u8 *)k->ip == 0x45 &&
	       !(k->ip->frag_off & bpf_htons(FRAGMENT_MF | FRAGMENT_OFFSET)) &&
	       k->length >= sizeof(*k->ip) + sizeof(k->ports) && k->length <= k->bytes - ERX_ETH_LEN &&
	       k->bytes <= ERX_ETH_LEN + ERX_LINK_MTU;
}

/* A flow's first packet. Not ICMP's, whose messages begin with something else than ports. */
inline_stage bool learn(const struct known *k, const struct flow_key *key, __u32 index)
{
	__u8 protocol = k->ip->protocol;

	return (protocol == PROTO_UDP || protocol == PROTO_TCP) &&
	       decide(key->where, index, key->ends, k->ports, protocol | DECIDE_PLAIN) == ERX_CONTINUE;
}

inline_stage bool find_known_way(struct known *k, __u32 in_port)
{
	struct flow_key key = make_key(*(const __u64 *)&k->ip->saddr, k->ports, generation_now(), k->eth->dst, in_port);
	__u32 index = way_index(&key);

	k->way = bpf_map_lookup_elem(&erx_ways, &index);
	if (!k->way)
		return false;
	if (!same_flow(k->way, &key, k->ip->protocol) && !learn(k, &key, index))
		return false;
	return k->way->flags & ERX_WAY_PLAIN;
}

/* False: a hello, what was put on a link by hand, a loop. The walk tells them apart. */
inline_stage bool read_known_hops(struct known *k)
{
	k->hops = 0;
	if (k->way->flags & ERX_WAY_FROM_HOST)
		return true;
	k->hops = k->eth->src[5];
	return k->hops && k->hops < ERX_HOP_BUDGET;
}

inline_stage bool outlives(const struct known *k)
{
	return k->ip->ttl > k->way->policy.decrements;
}

inline_stage bool is_short_enough(const struct known *k)
{
	return k->length <= k->way->mtu;
}

inline_stage int forward_known(const struct known *k)
{
	int stop = meter(k->way, k->length);

	if (stop != ERX_CONTINUE)
		return stop;
	lower_ttl(k->ip, k->way->policy.decrements);
	set_addresses(k->eth, k->way, k->hops);
	count_sent(k->way->port, k->way, k->bytes, k->length);
	return ERX_forwarded;
}

/* An action, or NOT_KNOWN: then neither the frame nor a counter has changed. */
inline_stage int cross_known(struct xdp_md *ctx)
{
	__u32 in_port = ctx->ingress_ifindex - ERX_FIRST_IFINDEX;
	struct known k = {};
	int outcome;

	if (in_port >= ERX_MAX_PORTS)
		return NOT_KNOWN;
	if (!read_frame(ctx, &k) || !is_usual(&k) || !checksum_is_right(checksum_ip_header(k.ip)) ||
	    !find_known_way(&k, in_port) || !read_known_hops(&k) || !outlives(&k) || !is_short_enough(&k) ||
	    bpf_redirect_map(&erx_links, k.way->port, XDP_DROP) != XDP_REDIRECT)
		return NOT_KNOWN;
	count_received(in_port, k.bytes, false);
	outcome = forward_known(&k);
	count_outcome(k.way->device, outcome);
	return outcome == ERX_forwarded ? XDP_REDIRECT : XDP_DROP;
}

#endif
