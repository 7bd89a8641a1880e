/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The packet on its walk. Fields are values copied out of the headers, so
 * nothing dangles when a header is added or removed; the bytes themselves are
 * reached through start and end only, which are, with what moves them
 * (move_start(), move_end()), all that ties the stages to XDP.
 */
#ifndef ERX_PACKET_H
#define ERX_PACKET_H

#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "erxdp/abi.h"

#define inline_stage static __always_inline

/* <linux/icmp.h> and <linux/if_arp.h> cannot be included for the bpf target without 32-bit headers. */
struct icmp_header {
	__u8 type;
	__u8 code;
	__sum16 checksum;
	union {
		__be32 rest;
		struct {
			__be16 unused;
			__be16 mtu;
		} too_big;
	};
};

/* As <linux/if_ether.h> has it, which is packed and so read byte by byte: frames begin at an even address. */
struct ethernet {
	__u8 dst[ETH_ALEN];
	__u8 src[ETH_ALEN];
	__be16 type;
};

struct arp_ipv4 {
	__be16 hardware, protocol;
	__u8 hardware_len, protocol_len;
	__be16 operation;
	__u8 sender_mac[ETH_ALEN];
	__be32 sender;
	__u8 target_mac[ETH_ALEN];
	__be32 target;
} __attribute__((packed));

enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_UDP = 17 };
enum {
	ICMP_ECHO_REPLY = 0,
	ICMP_UNREACHABLE = 3,
	ICMP_QUENCH = 4,
	ICMP_REDIRECT = 5,
	ICMP_ECHO = 8,
	ICMP_TIME_EXCEEDED = 11,
	ICMP_PARAMETER = 12
};
enum { ICMP_CODE_FRAG_NEEDED = 4 };
enum { FRAGMENT_DF = 0x4000, FRAGMENT_MF = 0x2000, FRAGMENT_OFFSET = 0x1fff };

struct packet {
	struct xdp_md *ctx;
	void *start, *end;	     /* of the frame: locate() */
	const struct erx_port *port; /* where it came in; the device is port->device */
	struct erx_way *way;	     /* set by find_way() */
	const struct erx_hops *next; /* set by find_route() */
	__u64 id;		     /* of this run, for captures */
	__u32 captures;		     /* of the lab, when the walk began */
	__u32 generation;	     /* of the maps, likewise */
	__u32 bytes;		     /* of the frame */
	__u32 in_port;
	__u32 device;	/* 0 until the port is known */
	__u32 out_port; /* ERX_NO_PORT until it leaves */
	__be32 src, dst;
	__u32 ports;	 /* of unfragmented TCP and UDP, source and destination as they lie in the packet, else 0 */
	__u16 length;	 /* IP total length */
	__u16 fragment;	 /* flags and offset, host order */
	__u8 header_len; /* bytes */
	__u8 protocol;
	__u8 ttl;	/* as received */
	__u8 lowered;	/* by how much hop_limit() lowered it */
	__u8 icmp_type; /* of an ICMP message that is not a later fragment, else 0xff */
	__u8 hops;	/* devices crossed so far */
};

/* See where the frame lies: at first, and again after each helper that moves its ends. */
inline_stage void locate(struct packet *pkt)
{
	__u64 bytes;

	pkt->start = (void *)(long)pkt->ctx->data;
	pkt->end = (void *)(long)pkt->ctx->data_end;
	bytes = pkt->end - pkt->start;
	/* Keep the compiler from reordering the difference of two pointers into later sums, which the verifier refuses.
	 */
	asm volatile("" : "+r"(bytes));
	pkt->bytes = bytes;
}

inline_stage long move_start(struct packet *pkt, int by)
{
	long err = bpf_xdp_adjust_head(pkt->ctx, by);

	locate(pkt);
	return err;
}

/* So that the frame has that many bytes. */
inline_stage long move_end(struct packet *pkt, __u32 bytes)
{
	long err = bpf_xdp_adjust_tail(pkt->ctx, (int)bytes - (int)pkt->bytes);

	locate(pkt);
	return err;
}

inline_stage __be16 source_port(const struct packet *pkt)
{
	return pkt->ports;
}

inline_stage __be16 destination_port(const struct packet *pkt)
{
	return pkt->ports >> 16;
}

/*
 * Whether 1 <= *length <= most: what the verifier has to know of a number of bytes
 * that a helper copies. By one unsigned "less than" and a sum, from which every
 * verifier learns both ends: that of Linux 6.1 learns no least value from "!= 0",
 * and a length that may be 0 it refuses. The compiler must see neither through the
 * difference nor through the sum, or it compares another register than the helper
 * gets.
 */
inline_stage bool within(__u32 *length, __u32 most)
{
	__u32 less = *length - 1;

	asm volatile("" : "+r"(less));
	if (less >= most)
		return false;
	asm volatile("" : "+r"(less));
	*length = less + 1;
	return true;
}

/*
 * Copy length bytes of the frame, from its offset at on, or the other way. 0, or less
 * when the frame has not so many, or length is 0 or more than the room in memory.
 * Who knows the length while compiling has no need of them.
 */
inline_stage long load_bytes(struct xdp_md *ctx, __u32 at, void *to, __u32 length, __u32 room)
{
	return within(&length, room) ? bpf_xdp_load_bytes(ctx, at, to, length) : -1;
}

inline_stage long store_bytes(struct xdp_md *ctx, __u32 at, void *from, __u32 length, __u32 room)
{
	return within(&length, room) ? bpf_xdp_store_bytes(ctx, at, from, length) : -1;
}

/*
 * The outcome of a packet that ends here. Opaque, so that the compiler sets it where
 * the packet ends and not ahead of each test that all others pass.
 */
inline_stage int end(int outcome)
{
	asm volatile("" : "+r"(outcome));
	if (outcome == ERX_CONTINUE)
		__builtin_unreachable();
	return outcome;
}

/* Source and destination in one word, as they lie in a packet. */
inline_stage __u64 packet_ends(const struct packet *pkt)
{
	return (__u64)pkt->dst << 32 | pkt->src;
}

/* 224.0.0.0 and up, the limited broadcast included. */
inline_stage bool is_multicast(__be32 addr)
{
	return bpf_ntohl(addr) >= 0xe0000000;
}

/* A host's port passes only the host's own addresses. */
inline_stage bool may_send_from(const struct erx_port *port, __be32 addr)
{
	return !port->host || (addr & port->host_mask) == port->host;
}

inline_stage bool is_fragment(const struct packet *pkt)
{
	return pkt->fragment & (FRAGMENT_MF | FRAGMENT_OFFSET);
}

inline_stage bool is_icmp_error(const struct packet *pkt)
{
	switch (pkt->icmp_type) {
	case ICMP_UNREACHABLE:
	case ICMP_QUENCH:
	case ICMP_REDIRECT:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETER: return true;
	default: return false;
	}
}

/* RFC 1071. Sums are of 16-bit words as they lie in memory. */
inline_stage __sum16 checksum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* RFC 1624, equation 3: the checksum after one 16-bit word has changed. */
inline_stage __sum16 checksum_replace(__sum16 check, __be16 old, __be16 new)
{
	return checksum_fold((__u16)~check + (__u16)~old + new);
}

/* Of a header without options, not folded. Words may be of any length (RFC 1071 2). */
inline_stage __u64 checksum_ip_header(const void *ip)
{
	const __u32 *word = ip;
	__u64 sum = 0;

#pragma unroll
	for (int i = 0; i < 5; i++)
		sum += word[i];
	return sum;
}

/*
 * Whether the sum of a header, its checksum included, is the 0xffff of RFC 1071 when it
 * is folded: whether 65535 divides it, as it is not 0 where the version is 4. To multiply by the inverse of an odd
 * number (modulo 2^64) takes its multiples, and nothing else, to the least of all numbers.
 */
inline_stage bool checksum_is_right(__u64 sum)
{
	return sum * 0xfffefffefffeffff <= 0x0001000100010001;
}

#endif
