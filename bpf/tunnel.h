/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Stages: out of and into the VPN tunnel. The frame is that of ESP in UDP (RFC
 * 3948) with AES-GCM's sizes (RFC 4106); the payload is in the clear, as no
 * encryption is claimed:
 *
 *   IPv4 20 | UDP 8 | SPI 4, sequence 4, IV 8 | inner packet | pad | pad length 1, next header 1 | ICV 16
 */
#ifndef ERX_TUNNEL_H
#define ERX_TUNNEL_H

#include "maps.h"
#include "packet.h"
#include "parse.h"

struct tunnel_header {
	struct iphdr ip;
	struct udphdr udp;
	__be32 spi;
	__be32 sequence;
	__be64 iv;
} __attribute__((packed, aligned(2)));

struct tunnel_trailer { /* behind 0 to 3 bytes of pad */
	__u8 pad_length;
	__u8 next_header;
	__u8 icv[ERX_TUNNEL_ICV];
} __attribute__((packed));

_Static_assert(sizeof(struct tunnel_header) == ERX_TUNNEL_HEAD, "what abi and MTU count with");

#define NEXT_HEADER_IP 4

inline_stage bool is_this_tunnel(const struct packet *pkt, const struct tunnel_header *head)
{
	const struct erx_port *port = pkt->port;

	return pkt->protocol == PROTO_UDP && pkt->header_len == sizeof(head->ip) && !is_fragment(pkt) &&
	       pkt->src == port->tunnel_remote && pkt->dst == port->tunnel_local &&
	       source_port(pkt) == bpf_htons(ERX_TUNNEL_PORT) && destination_port(pkt) == bpf_htons(ERX_TUNNEL_PORT) &&
	       head->spi == bpf_htonl(port->tunnel_spi);
}

/* From a tunnel port on, the packet is the inner one. */
inline_stage int decapsulate(struct packet *pkt)
{
	struct ethhdr *eth = pkt->start;
	struct tunnel_header *head = (void *)(eth + 1);
	__u8 tail[2];
	__u32 inner;

	if (pkt->port->role != ERX_ROLE_TUNNEL)
		return ERX_CONTINUE;
	if ((void *)(head + 1) > pkt->end || !is_this_tunnel(pkt, head) ||
	    pkt->length < sizeof(*head) + sizeof(struct iphdr) + sizeof(struct tunnel_trailer))
		return ERX_bad_tunnel;
	if (bpf_xdp_load_bytes(pkt->ctx, ERX_ETH_LEN + pkt->length - sizeof(struct tunnel_trailer), tail, sizeof(tail)))
		return ERX_bad_tunnel;
	inner = pkt->length - sizeof(*head) - sizeof(struct tunnel_trailer) - tail[0];
	if (tail[1] != NEXT_HEADER_IP || tail[0] > 3 || inner < sizeof(struct iphdr))
		return ERX_bad_tunnel;

	__builtin_memcpy((void *)(head + 1) - sizeof(*eth), eth, sizeof(*eth));
	if (move_start(pkt, sizeof(*head)) || move_end(pkt, ERX_ETH_LEN + inner))
		return ERX_no_memory;
	return parse_ipv4(pkt);
}

/* All of the room from in front of the packet, which moves there by way of a scratch buffer. */
inline_stage int make_room_in_front(struct packet *pkt, __u32 head, __u32 tail)
{
	__u32 zero = 0, length = pkt->length;
	struct erx_scratch *scratch = bpf_map_lookup_elem(&erx_scratch, &zero);

	if (!scratch)
		return -1;
	/* What the sender padded a short frame with would end up behind the trailer. */
	if (move_end(pkt, ERX_ETH_LEN + length) || move_start(pkt, -(int)(head + tail)))
		return -1;
	if (load_bytes(pkt->ctx, ERX_ETH_LEN + head + tail, scratch->bytes, length, ERX_LINK_MTU))
		return -1;
	return store_bytes(pkt->ctx, ERX_ETH_LEN + head, scratch->bytes, length, ERX_LINK_MTU);
}

/*
 * Make room for head bytes in front of the IP packet and tail bytes behind it.
 * A frame that was copied from a socket buffer has next to no room behind it;
 * one that has left a tunnel has that tunnel's trailer, which has to be used
 * again: else a packet in transit would lose headroom with every tunnel.
 */
inline_stage int make_room(struct packet *pkt, __u32 head, __u32 tail)
{
	if (!move_end(pkt, ERX_ETH_LEN + pkt->length + tail))
		return move_start(pkt, -(int)head);
	return make_room_in_front(pkt, head, tail);
}

inline_stage void write_tunnel_header(const struct packet *pkt, const struct erx_adjacency *adj,
				      struct tunnel_header *head, __u32 total)
{
	__u32 port = pkt->way->port, sequence = 0;
	__u32 *counter = bpf_map_lookup_elem(&erx_sequences, &port);

	if (counter)
		sequence = __sync_fetch_and_add(counter, 1) + 1;
	head->ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.tot_len = bpf_htons(total),
		.frag_off = bpf_htons(FRAGMENT_DF),
		.ttl = 64,
		.protocol = PROTO_UDP,
		.saddr = adj->outer_src,
		.daddr = adj->outer_dst,
	};
	head->ip.check = checksum_fold(checksum_ip_header(&head->ip));
	head->udp = (struct udphdr){
		.source = bpf_htons(ERX_TUNNEL_PORT),
		.dest = bpf_htons(ERX_TUNNEL_PORT),
		.len = bpf_htons(total - sizeof(head->ip)), /* no checksum: RFC 3948 2.1 */
	};
	head->spi = bpf_htonl(adj->spi);
	head->sequence = bpf_htonl(sequence);
	head->iv = bpf_cpu_to_be64(sequence);
}

/* RFC 4303 2.4: the pad counts 1, 2, 3 and ends so that the ICV is aligned to 4 bytes. */
inline_stage long write_trailer(const struct packet *pkt, __u32 at, __u32 pad)
{
	struct tunnel_trailer trailer = {.pad_length = pad, .next_header = NEXT_HEADER_IP};
	__u8 padding[3] = {1, 2, 3};

	if (pad && store_bytes(pkt->ctx, at, padding, pad, sizeof(padding)))
		return -1;
	return bpf_xdp_store_bytes(pkt->ctx, at + pad, &trailer, sizeof(trailer));
}

/* Into the tunnel of the adjacency, if it is one. The Ethernet header's addresses are written later. */
inline_stage int encapsulate(struct packet *pkt)
{
	__u32 pad = -(pkt->length + 2) & 3, tail = pad + sizeof(struct tunnel_trailer);
	__u32 index = pkt->way->adjacency;
	const struct erx_adjacency *adj;
	struct tunnel_header *head;
	struct ethhdr *eth;

	if (!(pkt->way->flags & ERX_ADJ_ENCAP))
		return ERX_CONTINUE;
	adj = bpf_map_lookup_elem(&erx_adjacencies, &index);
	if (!adj || make_room(pkt, sizeof(*head), tail))
		return ERX_no_memory;
	eth = pkt->start;
	head = (void *)(eth + 1);
	if ((void *)(head + 1) > pkt->end)
		return ERX_no_memory;
	eth->h_proto = bpf_htons(ETH_P_IP);
	write_tunnel_header(pkt, adj, head, sizeof(*head) + pkt->length + tail);
	return write_trailer(pkt, ERX_ETH_LEN + sizeof(*head) + pkt->length, pad) ? ERX_no_memory : ERX_CONTINUE;
}

/*
 * Where in the frame the MSS value of a SYN lies; 0: nowhere. A global function:
 * the verifier walks its loop once, not once for every way that leads here.
 */
__noinline __u32 find_mss(struct xdp_md *ctx, __u32 options, __u32 length)
{
	__u8 bytes[40] = {};
	__u32 at = 0;

	if (load_bytes(ctx, options, bytes, length, sizeof(bytes)))
		return 0;
	for (int i = 0; i < 40; i++) {
		__u8 kind, size;

		/* The first comparison is for the verifier, which does not see that the second is stricter. */
		if (at > sizeof(bytes) - 4 || at + 4 > length)
			return 0;
		kind = bytes[at];
		size = bytes[at + 1];
		if (kind == 2 && size == 4)
			return options + at + 2;
		if (kind == 0 || (kind != 1 && size < 2))
			return 0;
		at += kind == 1 ? 1 : size;
	}
	return 0;
}

/*
 * TCP through a tunnel must not announce segments that do not fit it: the
 * gateways lower the MSS option of SYNs to the tunnel's MTU minus 40, both ways
 * (azure.md 3.5; RFC 4459 3.2).
 */
inline_stage void clamp_mss(const struct packet *pkt, __u16 tunnel_mtu)
{
	__u32 at = ERX_ETH_LEN + (pkt->header_len & 0x3c), mss;
	struct tcphdr *tcp = pkt->start + at;
	__be16 old, new = bpf_htons(tunnel_mtu - 40);

	if ((void *)(tcp + 1) > pkt->end || !tcp->syn || tcp->doff <= 5 ||
	    pkt->length < pkt->header_len + tcp->doff * 4)
		return;
	mss = find_mss(pkt->ctx, at + sizeof(*tcp), tcp->doff * 4 - sizeof(*tcp));
	if (!mss || bpf_xdp_load_bytes(pkt->ctx, mss, &old, sizeof(old)) || bpf_ntohs(old) <= bpf_ntohs(new))
		return;
	if (bpf_xdp_store_bytes(pkt->ctx, mss, &new, sizeof(new)))
		return;
	/* At an odd place of the sum its bytes count the other way round. */
	if ((mss - at) & 1) {
		old = __builtin_bswap16(old);
		new = __builtin_bswap16(new);
	}
	tcp = pkt->start + at;
	if ((void *)(tcp + 1) <= pkt->end)
		tcp->check = checksum_replace(tcp->check, old, new);
}

inline_stage void clamp_tunnel_mss(const struct packet *pkt)
{
	if (pkt->port->kind != ERX_KIND_VPNGW || pkt->protocol != PROTO_TCP || is_fragment(pkt))
		return;
	if (pkt->port->tunnel_mtu)
		clamp_mss(pkt, pkt->port->tunnel_mtu);
	if (pkt->way->flags & ERX_ADJ_ENCAP)
		clamp_mss(pkt, pkt->way->mtu);
}

#endif
