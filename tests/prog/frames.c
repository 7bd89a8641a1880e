// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "frames.h"

#include <arpa/inet.h>
#include <string.h>

uint16_t get16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

void put16(uint8_t *at, uint16_t value)
{
	at[0] = value >> 8;
	at[1] = value;
}

void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

uint32_t ip_of(const char *text)
{
	struct in_addr a = {};

	inet_pton(AF_INET, text, &a);
	return ntohl(a.s_addr);
}

uint16_t sum16(const uint8_t *at, size_t n, uint32_t start)
{
	uint32_t sum = start;

	for (size_t i = 0; i < n; i++) {
		sum += i % 2 ? at[i] : at[i] << 8;
		while (sum > 0xffff)
			sum = (sum & 0xffff) + 1;
	}
	return sum;
}

uint16_t segment_sum(const struct frame *f)
{
	const uint8_t *ip = ip_at(f);
	size_t header = ip_header(f), n = get16(ip + 2) - header;
	uint16_t sum = sum16(ip + 12, 8, 0);

	sum = sum16((uint8_t[]){0, ip[9], n >> 8, n}, 4, sum);
	return sum16(ip + header, n, sum);
}

void fix_ip(struct frame *f)
{
	uint8_t *ip = ip_at(f);

	put16(ip + 10, 0);
	put16(ip + 10, ~sum16(ip, ip_header(f), 0));
}

void fix_segment(struct frame *f)
{
	uint8_t *check = ip_at(f) + ip_header(f) + (ip_at(f)[9] == TCP ? 16 : 6);

	put16(check, 0);
	put16(check, ~segment_sum(f));
}

static void make_payload(struct frame *f, const struct spec *s, size_t n)
{
	uint8_t *at = ip_at(f) + ip_header(f);

	for (size_t i = 0; i < n; i++)
		at[i] = 0x5a + i * 7;
	if (s->fragment & 0x1fff)
		return;
	if (s->protocol == ICMP && n >= 8) {
		memcpy(at, (uint8_t[]){s->type, 0, 0, 0, 0x12, 0x34, 0, 1}, 8);
		put16(at + 2, ~sum16(at, n, 0));
	} else if ((s->protocol == UDP && n >= 8) || (s->protocol == TCP && n >= 20)) {
		put16(at, s->sport);
		put16(at + 2, s->dport);
		if (s->protocol == UDP)
			put16(at + 4, n);
		else
			memcpy(at + 12, (uint8_t[]){0x50, 0x10, 0x20, 0, 0, 0, 0, 0}, 8);
		fix_segment(f);
	}
}

void make_packet(struct frame *f, const struct spec *in)
{
	struct spec s = *in;
	uint8_t *ip = ip_at(f);

	s.protocol = s.protocol ?: ICMP;
	s.type = s.type == NONE ? 0 : s.type ?: 8;
	s.length = s.length ?: 84;
	s.ihl = s.ihl ?: 5;
	memset(f->bytes, 0, ETH + s.ihl * 4);
	f->n = ETH + s.length;
	put16(f->bytes + 12, 0x0800);
	ip[0] = 0x40 | s.ihl;
	ip[1] = s.tos;
	put16(ip + 2, s.length);
	put16(ip + 4, 0xbeef);
	put16(ip + 6, s.fragment);
	ip[8] = s.ttl == NONE ? 0 : s.ttl ?: 64;
	ip[9] = s.protocol;
	put32(ip + 12, ip_of(s.src));
	put32(ip + 16, ip_of(s.dst));
	memset(ip + 20, 1, s.ihl * 4 - 20); /* options that do nothing */
	fix_ip(f);
	if (s.length > s.ihl * 4)
		make_payload(f, &s, s.length - s.ihl * 4);
}

void make_error(struct frame *f, const struct frame *about, uint32_t from, uint8_t type, uint8_t code, uint16_t mtu)
{
	const uint8_t *was = ip_at(about);
	size_t quoted = get16(was + 2) < 576 - 28 ? get16(was + 2) : 576 - 28;
	uint8_t *ip = ip_at(f), *icmp = ip + 20;

	memset(f->bytes, 0, ETH + 28);
	f->n = ETH + 28 + quoted;
	put16(f->bytes + 12, 0x0800);
	ip[0] = 0x45;
	ip[1] = 0xc0 | (was[1] & 0x1e); /* RFC 1812 4.3.2.5: precedence 6, the packet's TOS */
	put16(ip + 2, 28 + quoted);
	ip[8] = 64;
	ip[9] = ICMP;
	put32(ip + 12, from);
	memcpy(ip + 16, was + 12, 4);
	fix_ip(f);
	icmp[0] = type;
	icmp[1] = code;
	put16(icmp + 6, mtu);
	memcpy(icmp + 8, was, quoted);
	put16(icmp + 2, ~sum16(icmp, 8 + quoted, 0));
}

void wrap(struct frame *f, const struct tunnel *t)
{
	uint8_t *ip = ip_at(f), *tail;
	size_t inner = get16(ip + 2), pad = (4 - (inner + 2) % 4) % 4, total = 44 + inner + pad + 2 + 16;

	memmove(ip + 44, ip, inner);
	memset(ip, 0, 44);
	ip[0] = 0x45;
	put16(ip + 2, total);
	put16(ip + 6, DF);
	ip[8] = 64;
	ip[9] = UDP;
	put32(ip + 12, t->src);
	put32(ip + 16, t->dst);
	fix_ip(f);
	put16(ip + 20, 4500);
	put16(ip + 22, 4500);
	put16(ip + 24, total - 20);
	put32(ip + 28, t->spi);
	put32(ip + 32, t->sequence);
	put32(ip + 40, t->sequence);
	tail = ip + 44 + inner;
	for (size_t i = 0; i < pad; i++)
		*tail++ = i + 1;
	*tail++ = pad;
	*tail++ = 4;
	memset(tail, 0, 16);
	f->n = ETH + total;
}

uint32_t random32(uint64_t *state) /* splitmix64 */
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z >> 32;
}
