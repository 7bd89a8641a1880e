/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Stage: read the port and the headers; refuse what is malformed, each kind with its own reason. */
#ifndef ERX_PARSE_H
#define ERX_PARSE_H

#include "count.h"
#include "maps.h"
#include "packet.h"

/*
 * The devices that a frame has crossed stand in its source MAC. 0: no program has
 * sent it. At a host's port the count starts, whatever the host has written there.
 */
inline_stage void read_hops(struct packet *pkt)
{
	const struct ethernet *eth = pkt->start;

	if (pkt->port->role != ERX_ROLE_HOST && (void *)(eth + 1) <= pkt->end)
		pkt->hops = eth->src[5];
}

inline_stage int find_port(struct packet *pkt)
{
	__u32 index = pkt->ctx->ingress_ifindex - ERX_FIRST_IFINDEX;
	const struct erx_port *port = bpf_map_lookup_elem(&erx_ports, &index);

	if (!port || !port->hash_basis)
		return end(ERX_unknown_port);
	locate(pkt);
	pkt->port = port;
	pkt->in_port = index;
	pkt->device = port->device;
	read_hops(pkt);
	count_received(index, pkt->bytes, !pkt->hops && port->role != ERX_ROLE_HOST);
	return ERX_CONTINUE;
}

/* Where a silent failure is, all that arrives is lost. */
inline_stage int lose_silently(const struct packet *pkt)
{
	return pkt->port->flags & ERX_PORT_FAULT ? end(ERX_fault) : ERX_CONTINUE;
}

inline_stage bool same_mac(const __u8 *a, const __u8 *b)
{
	return *(const __u32 *)a == *(const __u32 *)b && *(const __u16 *)(a + 4) == *(const __u16 *)(b + 4);
}

/* Ethernet. On success *ether_type is IPv4 or ARP; only ARP may be broadcast. */
inline_stage int parse_ethernet(struct packet *pkt, __be16 *ether_type)
{
	const struct ethernet *eth = pkt->start;

	if ((void *)(eth + 1) > pkt->end)
		return end(ERX_truncated);
	if (pkt->bytes > ERX_ETH_LEN + ERX_LINK_MTU)
		return end(ERX_oversize);
	*ether_type = eth->type;
	if (eth->type == bpf_htons(ETH_P_8021Q) || eth->type == bpf_htons(ETH_P_8021AD))
		return end(ERX_vlan);
	if (eth->type == bpf_htons(ETH_P_ARP))
		return ERX_CONTINUE;
	if (eth->type != bpf_htons(ETH_P_IP))
		return end(ERX_not_ipv4);
	if (!same_mac(eth->dst, pkt->port->mac))
		return end(eth->dst[0] & 1 ? ERX_multicast : ERX_not_for_me);
	if (pkt->hops >= ERX_HOP_BUDGET)
		return end(ERX_loop);
	return ERX_CONTINUE;
}

/*
 * Options are not looked into, but they are part of the checksum. A global function,
 * as few packets have some and the verifier walks it once.
 */
__noinline __u32 checksum_options(struct xdp_md *ctx, __u32 length)
{
	__u8 options[40] = {};

	if (load_bytes(ctx, ERX_ETH_LEN + sizeof(struct iphdr), options, length, sizeof(options)))
		return 0;
	return checksum_fold(bpf_csum_diff(NULL, 0, (__be32 *)options, sizeof(options), 0)) ^ 0xffff;
}

inline_stage void parse_transport(struct packet *pkt, const struct iphdr *ip)
{
	/* Header lengths are below 64: the mask tells the verifier. */
	const void *payload = (const void *)ip + (pkt->header_len & 0x3c);
	const struct icmp_header *icmp = payload;
	const __u32 *ports = payload; /* of TCP and UDP */

	pkt->ports = 0;
	pkt->icmp_type = 0xff;
	if (pkt->protocol == PROTO_TCP || pkt->protocol == PROTO_UDP) {
		if (!is_fragment(pkt) && pkt->length >= pkt->header_len + 4 && (void *)(ports + 1) <= pkt->end)
			pkt->ports = *ports;
	} else if (pkt->protocol == PROTO_ICMP && !(pkt->fragment & FRAGMENT_OFFSET)) {
		if (pkt->length > pkt->header_len && (void *)(&icmp->type + 1) <= pkt->end)
			pkt->icmp_type = icmp->type;
	}
}

/* RFC 1812 5.2.2. */
inline_stage int parse_ipv4(struct packet *pkt)
{
	const struct iphdr *ip = pkt->start + ERX_ETH_LEN;
	__u32 available = pkt->bytes - ERX_ETH_LEN;
	__u64 sum;

	if ((void *)(ip + 1) > pkt->end)
		return end(ERX_truncated);
	if (ip->version != 4)
		return end(ERX_bad_version);
	if (ip->ihl < 5)
		return end(ERX_bad_header_length);
	pkt->header_len = ip->ihl * 4;
	pkt->length = bpf_ntohs(ip->tot_len);
	if (pkt->length < pkt->header_len)
		return end(ERX_bad_length);
	if (pkt->length > available)
		return end(ERX_truncated);
	sum = checksum_ip_header(ip);
	if (ip->ihl > 5)
		sum += checksum_options(pkt->ctx, pkt->header_len - sizeof(*ip));
	if (!checksum_is_right(sum))
		return end(ERX_bad_checksum);
	pkt->src = ip->saddr;
	pkt->dst = ip->daddr;
	pkt->protocol = ip->protocol;
	pkt->ttl = ip->ttl;
	pkt->fragment = bpf_ntohs(ip->frag_off);
	if (is_multicast(pkt->dst))
		return end(ERX_multicast);
	/* RFC 1812 5.3.1: never forwarded, and no device of ours would have sent it. */
	if (!pkt->ttl)
		return end(ERX_ttl_zero);
	parse_transport(pkt, ip);
	return ERX_CONTINUE;
}

inline_stage int check_source(const struct packet *pkt)
{
	if (!may_send_from(pkt->port, pkt->src))
		return end(ERX_spoofed);
	if (pkt->port->flags & ERX_PORT_DROP_FRAGMENTS && is_fragment(pkt))
		return end(ERX_fragment_refused);
	return ERX_CONTINUE;
}

#endif
