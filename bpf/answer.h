/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Stage: what a device says itself. ARP replies, echo replies, ICMP errors. */
#ifndef ERX_ANSWER_H
#define ERX_ANSWER_H

#include "maps.h"
#include "packet.h"
#include "route.h"
#include "schedule.h"
#include "send.h"

/* A VNet answers for every address but the host's own; a LAN switch for its own and for what is on its LAN. */
inline_stage bool answers_arp_for(const struct packet *pkt, __be32 target)
{
	const struct erx_hops *next;

	if (target == pkt->port->host)
		return false;
	if (pkt->port->flags & ERX_PORT_ARP_ANY)
		return true;
	next = lookup_route(pkt->port->table, target);
	return next && next->flags & (ERX_GROUP_LOCAL | ERX_GROUP_ON_LINK);
}

inline_stage int answer_arp(struct packet *pkt)
{
	struct ethhdr *eth = pkt->start;
	struct arp_ipv4 *arp = (void *)(eth + 1);
	__be32 target;

	if ((void *)(arp + 1) > pkt->end)
		return ERX_truncated;
	target = arp->target;
	if (pkt->port->role != ERX_ROLE_HOST || arp->operation != bpf_htons(1) || arp->hardware != bpf_htons(1) ||
	    arp->protocol != bpf_htons(ETH_P_IP) || arp->hardware_len != ETH_ALEN || arp->protocol_len != 4 ||
	    !answers_arp_for(pkt, target))
		return ERX_arp_other;

	__builtin_memcpy(eth->h_dest, arp->sender_mac, ETH_ALEN);
	__builtin_memcpy(eth->h_source, pkt->port->mac, ETH_ALEN);
	__builtin_memcpy(arp->target_mac, arp->sender_mac, ETH_ALEN);
	__builtin_memcpy(arp->sender_mac, pkt->port->mac, ETH_ALEN);
	arp->target = arp->sender;
	arp->sender = target;
	arp->operation = bpf_htons(2);
	return redirect(pkt, pkt->in_port, ERX_answered_arp);
}

/* Whether the source is somebody whom an answer can reach: no network 0, loopback, multicast or class E. */
inline_stage bool has_host_source(const struct packet *pkt)
{
	__u32 src = bpf_ntohl(pkt->src);

	return src >> 24 != 0 && src >> 24 != 127 && src < 0xe0000000;
}

/* RFC 1812 4.3.2.7: what must never cause an ICMP error. Broadcasts have been dropped before. */
inline_stage bool may_cause_error(const struct packet *pkt)
{
	return !is_icmp_error(pkt) && !(pkt->fragment & FRAGMENT_OFFSET) && has_host_source(pkt);
}

inline_stage bool may_send_error(__u32 device)
{
	struct erx_schedule *limit = bpf_map_lookup_elem(&erx_icmp_limits, &device);

	return limit && take_turn(limit);
}

/*
 * RFC 1071 over the frame from offset on, at most ERX_ICMP_ERROR_MAX bytes: a
 * copy with zeroes behind it is summed whole, so no loop is left for the
 * verifier. bpf_csum_diff() takes at most 512 bytes at once.
 */
inline_stage __u32 checksum_frame(const struct packet *pkt, __u32 offset)
{
	__u32 zero = 0;
	struct erx_scratch *scratch = bpf_map_lookup_elem(&erx_scratch, &zero);
	__u32 sum;

	if (!scratch)
		return 0;
	__builtin_memset(scratch->bytes, 0, ERX_ICMP_ERROR_MAX);
	if (load_bytes(pkt->ctx, offset, scratch->bytes, pkt->bytes - offset, ERX_ICMP_ERROR_MAX))
		return 0;
	sum = bpf_csum_diff(NULL, 0, (__be32 *)scratch->bytes, 512, 0);
	return bpf_csum_diff(NULL, 0, (__be32 *)(scratch->bytes + 512), ERX_ICMP_ERROR_MAX - 512, sum);
}

struct icmp_error {
	struct ethhdr eth;
	struct iphdr ip;
	struct icmp_header icmp;
} __attribute__((packed, aligned(2))); /* as frames lie in memory: the IP header is at an odd multiple of two */

/* Leave the frame as room for the headers, then as much of the packet as RFC 1812 4.3.2.3 lets be quoted. */
inline_stage long make_quote(struct packet *pkt, __u32 *quoted)
{
	const __u32 room = sizeof(struct icmp_error) - ERX_ETH_LEN;

	*quoted = pkt->length < ERX_ICMP_ERROR_MAX - room ? pkt->length : ERX_ICMP_ERROR_MAX - room;
	if (move_end(pkt, ERX_ETH_LEN + *quoted))
		return -1;
	return move_start(pkt, -(int)room);
}

/* Replace the packet by an ICMP error about it, from the address of the port it came in by. */
inline_stage int write_error(struct packet *pkt, __u8 type, __u8 code, __u16 mtu)
{
	struct icmp_error *head;
	__u32 quoted;
	__u8 tos;

	if (make_quote(pkt, &quoted))
		return ERX_no_memory;
	head = pkt->start;
	if ((void *)(head + 1) + sizeof(struct iphdr) > pkt->end)
		return ERX_no_memory;
	tos = ((struct iphdr *)(head + 1))->tos;
	head->eth.h_proto = bpf_htons(ETH_P_IP);
	head->ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.tos = (tos & 0x1e) | 0xc0, /* RFC 1812 4.3.2.5: internetwork control */
		.tot_len = bpf_htons(sizeof(head->ip) + sizeof(head->icmp) + quoted),
		.ttl = 64,
		.protocol = PROTO_ICMP,
		.saddr = pkt->port->addr,
		.daddr = pkt->src,
	};
	head->ip.check = checksum_fold(checksum_ip_header(&head->ip));
	head->icmp = (struct icmp_header){.type = type, .code = code};
	if (mtu)
		head->icmp.too_big.mtu = bpf_htons(mtu); /* RFC 1191 4 */
	head->icmp.checksum = checksum_fold(checksum_frame(pkt, ERX_ETH_LEN + sizeof(head->ip)));

	pkt->dst = pkt->src;
	pkt->src = pkt->port->addr;
	pkt->length = sizeof(head->ip) + sizeof(head->icmp) + quoted;
	pkt->icmp_type = type;
	return ERX_CONTINUE;
}

inline_stage int write_error_about(struct packet *pkt, int outcome)
{
	if (!pkt->port->addr)
		return outcome == ERX_answered_too_big ? ERX_too_big : ERX_ttl_silent;
	if (!may_cause_error(pkt))
		return outcome == ERX_answered_too_big ? ERX_too_big : ERX_ttl_unanswerable;
	if (!may_send_error(pkt->device))
		return ERX_icmp_limited;
	if (outcome == ERX_answered_too_big)
		return write_error(pkt, ICMP_UNREACHABLE, ICMP_CODE_FRAG_NEEDED, pkt->way->mtu);
	return write_error(pkt, ICMP_TIME_EXCEEDED, 0, 0);
}

/* RFC 1122 3.2.2.6: the request with its addresses exchanged; so the sum of the header changes by the TTL only. */
inline_stage int write_echo_reply(struct packet *pkt)
{
	struct iphdr *ip = pkt->start + ERX_ETH_LEN;
	struct icmp_header *icmp = (void *)ip + (pkt->header_len & 0x3c);
	__be32 asker = pkt->src;
	__be16 *ttl_word;

	if (!has_host_source(pkt))
		return ERX_local;
	if ((void *)(ip + 1) > pkt->end || (void *)(icmp + 1) > pkt->end)
		return ERX_truncated;
	ttl_word = (__be16 *)&ip->ttl;
	ip->check = checksum_replace(ip->check, *ttl_word, bpf_htons(64 << 8 | PROTO_ICMP));
	ip->ttl = 64;
	ip->saddr = pkt->dst;
	ip->daddr = asker;
	icmp->checksum = checksum_replace(icmp->checksum, bpf_htons(ICMP_ECHO << 8), 0);
	icmp->type = ICMP_ECHO_REPLY;

	pkt->src = pkt->dst;
	pkt->dst = asker;
	pkt->icmp_type = ICMP_ECHO_REPLY;
	return ERX_CONTINUE;
}

/*
 * Turn the packet into the device's answer and send it by the device's own
 * table: no shortcut back to where it came from. The answer is the device's own
 * packet, so nothing decrements it here, and its hop budget starts anew.
 */
inline_stage int answer(struct packet *pkt, int outcome)
{
	int stop = outcome == ERX_answered_echo ? write_echo_reply(pkt) : write_error_about(pkt, outcome);

	if (stop != ERX_CONTINUE)
		return stop;
	pkt->protocol = PROTO_ICMP;
	pkt->ports = 0;
	pkt->lowered = 0;
	pkt->hops = 0;
	stop = find_way(pkt, DECIDE_OWN);
	/* An echo reply is as long as the request, and its way may be narrower. */
	if (stop == ERX_CONTINUE && pkt->length > pkt->way->mtu)
		stop = ERX_too_big;
	if (stop == ERX_CONTINUE)
		return send(pkt, outcome);
	return stop;
}

#endif
