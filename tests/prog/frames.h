/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Frames made and read byte by byte, as the RFCs draw them. Nothing here comes
 * from bpf/: checksums are summed over the whole, in network order, so that a
 * mistake in the programs' own arithmetic cannot repeat itself in what a test
 * expects.
 */
#ifndef TESTS_PROG_FRAMES_H
#define TESTS_PROG_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ETH = 14, ICMP = 1, TCP = 6, UDP = 17, OTHER = 253 };
enum { DF = 0x4000, MF = 0x2000 };

/* As much as bpf_prog_test_run takes: a page without head- and tailroom. */
#define FRAME_MAX 3400

struct frame {
	size_t n; /* Ethernet header included */
	uint8_t bytes[FRAME_MAX + 64];
};

struct spec { /* an IPv4 packet; what is left out is 0 or as noted */
	const char *src, *dst;
	uint8_t protocol; /* ICMP */
	int ttl;	  /* 64; NONE for 0 */
	int type;	  /* of ICMP: 8; NONE for 0 */
	uint8_t tos;
	uint8_t ihl;	   /* 5 */
	uint16_t fragment; /* flags and offset */
	uint16_t sport, dport;
	uint16_t length; /* total; 84 */
};
#define NONE (-1)

uint16_t get16(const uint8_t *at);
uint32_t get32(const uint8_t *at);
void put16(uint8_t *at, uint16_t value);
void put32(uint8_t *at, uint32_t value);
uint32_t ip_of(const char *text); /* host order */

/* RFC 1071 in the slow and obvious way: 0xffff when a checksum inside is right. */
uint16_t sum16(const uint8_t *at, size_t n, uint32_t start);
/* The sum of a TCP or UDP segment with its pseudo header. */
uint16_t segment_sum(const struct frame *f);

static inline uint8_t *ip_at(const struct frame *f)
{
	return (uint8_t *)f->bytes + ETH;
}

static inline size_t ip_header(const struct frame *f)
{
	return (ip_at(f)[0] & 15) * 4;
}

void fix_ip(struct frame *f);	   /* header checksum */
void fix_segment(struct frame *f); /* TCP or UDP checksum */

/* An Ethernet frame of type IPv4 with zero MACs and this packet; the payload is a pattern. */
void make_packet(struct frame *f, const struct spec *s);

/* The ICMP error about the packet in *about that `from` (host order) sends. MACs stay zero. */
void make_error(struct frame *f, const struct frame *about, uint32_t from, uint8_t type, uint8_t code, uint16_t mtu);

/* ESP in UDP around the packet of the frame (RFC 3948, sizes of RFC 4106), Ethernet header kept. */
struct tunnel {
	uint32_t src, dst, spi, sequence; /* host order */
};
void wrap(struct frame *f, const struct tunnel *t);

/* Deterministic, per seed. */
uint32_t random32(uint64_t *state);

#endif
