// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "any.h"
#include "twin.h"

static uint64_t seed;

void any_seed(uint64_t value)
{
	seed = value;
}

uint32_t any_below(uint32_t n)
{
	return random32(&seed) % n;
}

bool any_one_in(uint32_t n)
{
	return !any_below(n);
}

static uint32_t some_address(void)
{
	static const char *const odd[] = {"0.0.0.0",	  "127.0.0.1",	 "224.0.0.5", "255.255.255.255",
					  "240.0.0.1",	  "10.2.30.127", "8.8.8.8",   "169.254.1.1",
					  "10.10.30.255", "10.200.1.1",	 "10.10.30.1"};
	const struct fabric *f = twin.lab->fabric;

	switch (any_below(8)) {
	case 0: return ip_of(odd[any_below(N(odd))]);
	case 1: return random32(&seed);
	case 2: return __builtin_bswap32(addr_be32(&f->ports.items[any_below(f->ports.n)].addr.addr));
	default: return __builtin_bswap32(addr_be32(&f->hosts.items[any_below(f->hosts.n)].addr));
	}
}

static uint16_t some_length(void)
{
	switch (any_below(8)) {
	case 0: return 20 + any_below(1481);
	case 1: return 1400 + any_below(101);
	default: return 20 + any_below(100);
	}
}

void any_packet(struct frame *f, uint32_t port)
{
	static const int ttls[] = {NONE, 1, 1, 1, 2, 3, 64, 255};
	static const uint8_t protocols[] = {ICMP, ICMP, ICMP, TCP, UDP, UDP, OTHER};
	static const uint16_t fragments[] = {0, 0, 0, DF, DF, MF, MF | 3, 185};
	static const int types[] = {NONE, 3, 4, 5, 8, 8, 11, 12, 13};
	struct spec s = {
		.src = "0.0.0.0",
		.dst = "0.0.0.0",
		.ttl = ttls[any_below(N(ttls))],
		.protocol = protocols[any_below(N(protocols))],
		.fragment = fragments[any_below(N(fragments))],
		.type = types[any_below(N(types))],
		.ihl = any_one_in(8) ? 5 + any_below(11) : 5,
		.tos = random32(&seed),
		.sport = random32(&seed),
		.dport = any_one_in(10) ? 3784 : random32(&seed), /* where hellos go */
		.length = some_length(),
	};
	const struct erx_port *entry = &image_port(port)->entry;

	if (s.length < s.ihl * 4)
		s.length = s.ihl * 4;
	if (entry->role == ERX_ROLE_TUNNEL && s.length > 1436)
		s.length = 1436;
	make_packet(f, &s);
	put32(ip_at(f) + 12, some_address());
	put32(ip_at(f) + 16, some_address());
	if (entry->host && !any_one_in(10))
		memcpy(ip_at(f) + 12, &entry->host, 4);
	fix_ip(f);
	arrive_at(f, port, any_one_in(50) ? 255 - any_below(2) : any_below(20));
}

void any_change(struct frame *f)
{
	static const uint8_t places[] = {12, 13, 14, 14, 15, 16, 17, 20, 21, 22, 23, 24, 25, 26, 30, 34};

	for (uint32_t times = any_below(4); times; times--) {
		switch (any_below(4)) {
		case 0: f->bytes[places[any_below(N(places))]] = random32(&seed); break;
		case 1: f->bytes[any_below(f->n)] ^= 1 << any_below(8); break;
		case 2: f->bytes[ETH + any_below(f->n - ETH)] = any_one_in(2) ? 0xff : random32(&seed); break;
		default: f->n = any_one_in(2) ? ETH + any_below(f->n - ETH + 1) : f->n + any_below(40);
		}
		if (f->n <= ETH)
			f->n = ETH + 1;
	}
	/* Or nearly nothing would come further than the checksum. */
	if (!any_one_in(4) && f->n >= ETH + 20 && ip_header(f) >= 20 && ETH + ip_header(f) <= f->n)
		fix_ip(f);
}

static void arp(struct frame *f, uint32_t port)
{
	static const uint8_t head[] = {0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1, 2, 3, 4, 5, 6, 7};

	f->n = ETH + 28 + (any_one_in(2) ? 18 : 0);
	memset(f->bytes, 0xff, f->n);
	memcpy(f->bytes + 6, (uint8_t[]){2, 3, 4, 5, 6, 7}, 6);
	memcpy(f->bytes + 12, head, sizeof(head));
	memcpy(f->bytes + ETH + 14, &image_port(port)->entry.host, 4);
	put32(f->bytes + ETH + 24, some_address());
}

static void noise(struct frame *f, uint32_t port)
{
	f->n = ETH + 1 + (any_one_in(10) ? any_below(1700) : any_below(100));
	for (size_t i = 0; i < f->n; i += 4)
		put32(f->bytes + i, random32(&seed));
	if (any_one_in(2))
		memcpy(f->bytes, image_port(port)->entry.mac, 6);
	if (any_one_in(2))
		put16(f->bytes + 12, any_one_in(4) ? 0x0806 : 0x0800);
	if (any_one_in(2))
		f->bytes[14] = 0x45;
}

void any_frame(struct frame *f, uint32_t port)
{
	if (any_one_in(5)) {
		noise(f, port);
		return;
	}
	if (any_one_in(20))
		arp(f, port);
	else
		any_packet(f, port);
	any_change(f);
}
