// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A BFD control packet in a frame: RFC 5880 4.1, over UDP and IPv4 as RFC 5881 4 and 5 have it. */
#include "net/internal.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <string.h>

#include "erxdp/limits.h"

#define BFD_VERSION  1
#define FIRST_SOURCE 49152 /* RFC 5881 4: 49152 to 65535, one per session */

struct bfd {
	uint8_t version_diag; /* 3 and 5 bits; no diagnostic is given */
	uint8_t state_flags;  /* 2 and 6 bits */
	uint8_t detect_mult;
	uint8_t length;
	uint32_t my_discriminator, your_discriminator;
	uint32_t desired_min_tx_us, required_min_rx_us, required_min_echo_us;
} __attribute__((packed));

struct frame {
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
	struct bfd bfd;
} __attribute__((packed));

_Static_assert(sizeof(struct frame) == HELLO_BYTES, "the caller's buffer is a frame");

/* RFC 1071; size is even. */
static uint32_t sum_words(const void *data, size_t size, uint32_t sum)
{
	const uint8_t *byte = data;

	for (size_t i = 0; i < size; i += 2)
		sum += (uint32_t)byte[i] << 8 | byte[i + 1];
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* RFC 768: over addresses, protocol, length and the datagram; a sum of 0 is sent as 0xffff. */
static uint16_t udp_checksum(const struct frame *f)
{
	uint32_t sum = sum_words(&f->ip.saddr, 8, IPPROTO_UDP + sizeof(f->udp) + sizeof(f->bfd));
	uint16_t check = fold(sum_words(&f->udp, sizeof(f->udp) + sizeof(f->bfd), sum));

	return check ? check : 0xffff;
}

void hello_write(const struct net_hello *h, uint8_t out[static HELLO_BYTES])
{
	struct frame f = {
		.eth = {.h_proto = htons(ETH_P_IP)},
		.ip = {.version = 4,
		       .ihl = 5,
		       .tos = 0xc0, /* internetwork control, as routers send it */
		       .tot_len = htons(sizeof(f) - sizeof(f.eth)),
		       .ttl = 255,
		       .protocol = IPPROTO_UDP,
		       .saddr = addr_be32(&h->src),
		       .daddr = addr_be32(&h->dst)},
		.udp = {.source = htons(FIRST_SOURCE + (h->my_discriminator & 0x3fff)),
			.dest = htons(ERX_HELLO_PORT),
			.len = htons(sizeof(f.udp) + sizeof(f.bfd))},
		.bfd = {.version_diag = BFD_VERSION << 5,
			.state_flags = (uint8_t)(h->state << 6),
			.detect_mult = h->detect_mult,
			.length = sizeof(f.bfd),
			.my_discriminator = htonl(h->my_discriminator),
			.your_discriminator = htonl(h->your_discriminator),
			.desired_min_tx_us = htonl(h->interval_us),
			.required_min_rx_us = htonl(h->interval_us)},
	};

	memcpy(f.eth.h_dest, h->dst_mac, ETH_ALEN);
	memcpy(f.eth.h_source, h->src_mac, ETH_ALEN);
	f.eth.h_source[5] = 0; /* no device has been crossed: what the programs know a hello by (bpf/parse.h) */
	f.ip.check = fold(sum_words(&f.ip, sizeof(f.ip), 0));
	f.udp.check = udp_checksum(&f);
	memcpy(out, &f, sizeof(f));
}
