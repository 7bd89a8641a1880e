// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The VPN tunnel: its bytes (RFC 3948, 4303, sizes of RFC 4106), what is refused
 * as no packet of it, its MTU, and the MSS that gateways announce through it.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "twin.h"

#define HUB    "10.10.30.4"
#define BRANCH "10.11.30.68"
#define LOC1   "10.2.30.10"

TestSuite(tunnel, .init = twin_load_plain, .fini = twin_unload, .timeout = 120);
TestSuite(mss, .fini = twin_unload, .timeout = 120);

/* --- Through it --------------------------------------------------------------------------------------------------- */

/* The outer packet, field by field: the public addresses are those of the file. */
static void expect_outer(const struct frame *f, size_t inner, uint32_t *sequence)
{
	const uint8_t *ip = ip_at(f), *tail;
	size_t pad = 3 - (inner + 1) % 4, total = 44 + inner + pad + 18;

	cr_expect_eq(f->n, ETH + total, "inner %zu: frame of %zu", inner, f->n);
	cr_expect_eq(get16(ip + 2), total);
	cr_expect_eq(ip[0], 0x45);
	cr_expect_eq(ip[9], UDP);
	cr_expect_eq(sum16(ip, 20, 0), 0xffff, "inner %zu: outer checksum", inner);
	cr_expect_eq(get32(ip + 12), ip_of("52.168.162.84"));
	cr_expect_eq(get32(ip + 16), ip_of("203.0.113.16"));
	cr_expect_eq(get16(ip + 20), 4500);
	cr_expect_eq(get16(ip + 22), 4500);
	cr_expect_eq(get16(ip + 24), total - 20);
	cr_expect_eq(get16(ip + 26), 0, "UDP checksum (RFC 3948 2.1)");
	cr_expect_neq(get32(ip + 28), 0, "an SPI of 0 is no ESP (RFC 3948 2.3)");
	cr_expect_eq(get32(ip + 32), *sequence + 1, "inner %zu: sequence %u after %u", inner, get32(ip + 32),
		     *sequence);
	*sequence = get32(ip + 32);
	tail = ip + 44 + inner;
	for (size_t i = 0; i < pad; i++)
		cr_expect_eq(tail[i], i + 1, "inner %zu: pad", inner);
	cr_expect_eq(tail[pad], pad, "inner %zu: pad length", inner);
	cr_expect_eq(tail[pad + 1], 4, "inner %zu: next header", inner);
	cr_expect_eq((inner + pad + 2) % 4, 0);
	if (inner == 1436)
		cr_expect_eq(total, 1500);
}

Test(tunnel, every_length_there_and_out_again)
{
	uint32_t near = port_at("hub-vpngw/0", "hub"), far = port_at("branch-vpngw/0", "hub-vpngw/0");
	uint32_t last = port_at("branch-vpngw/0", "branch"), sequence = 0;

	for (size_t n = 20; n <= 1436; n++) {
		struct spec s = {
			.src = HUB, .dst = BRANCH, .protocol = n < 28 ? OTHER : UDP, .length = n, .fragment = DF};
		struct frame f, want;
		struct result through, out;

		packet_at(&f, near, &s);
		if (n % 3 == 0 && f.n < 60)
			f.n = 60; /* padding of Ethernet does not go into the tunnel */
		run(near, &f, &through);
		expect_outcome(&through, ERX_forwarded, "in, %zu bytes", n);
		expect_outer(&through.frame, n, &sequence);

		run(far, &through.frame, &out);
		expect_outcome(&out, ERX_forwarded, "out, %zu bytes", n);
		s.ttl = 62;
		make_packet(&want, &s);
		leave_by(&want, last, hops_after(near) + 1, NULL);
		expect_frame(&out.frame, &want, text_of("%zu bytes", n));
	}
}

Test(tunnel, every_length_from_one_into_the_next)
{
	uint32_t in = port_at("hub-vpngw/0", "branch-vpngw/0"), out = port_at("hub-vpngw/0", "loc1-ce1");

	for (size_t n = 20; n <= 1436; n++) {
		struct spec s = {.src = BRANCH, .dst = LOC1, .protocol = OTHER, .length = n};
		struct frame f, want;
		struct result r;

		packet_at(&f, in, &s);
		run(in, &f, &r);
		expect_outcome(&r, ERX_forwarded, "%zu bytes", n);
		make_packet(&want, &s);
		leave_by(&want, out, hops_after(in), &r.frame);
		expect_frame(&r.frame, &want, text_of("%zu bytes", n));
	}
}

/* --- Refused ------------------------------------------------------------------------------------------------------ */

static const struct forged {
	const char *name;
	int at, n; /* in the outer IP packet; negative: from its end */
	uint8_t bytes[4];
	enum erx_outcome outcome;
} forgeries[] = {
	{"nothing", 0, 0, {}, ERX_forwarded},
	{"another source", 12, 4, {203, 0, 113, 17}, ERX_bad_tunnel},
	{"another destination", 16, 4, {52, 168, 162, 85}, ERX_bad_tunnel},
	{"its own address as the source", 12, 4, {203, 0, 113, 16}, ERX_bad_tunnel},
	{"TCP", 9, 1, {TCP}, ERX_bad_tunnel},
	{"ESP without UDP", 9, 1, {50}, ERX_bad_tunnel},
	{"source port 500", 20, 2, {0x01, 0xf4}, ERX_bad_tunnel},
	{"destination port 4501", 22, 2, {0x11, 0x95}, ERX_bad_tunnel},
	{"SPI 0", 28, 4, {0, 0, 0, 0}, ERX_bad_tunnel},
	{"the other direction's SPI", 28, 4, {}, ERX_bad_tunnel}, /* filled in below */
	{"first fragment", 6, 2, {0x20, 0}, ERX_bad_tunnel},
	{"later fragment", 6, 2, {0, 9}, ERX_bad_tunnel},
	{"next header 41", -17, 1, {41}, ERX_bad_tunnel},
	{"next header 59", -17, 1, {59}, ERX_bad_tunnel},
	{"pad length 4", -18, 1, {4}, ERX_bad_tunnel},
	{"pad length 255", -18, 1, {255}, ERX_bad_tunnel},
	/* Right outside, wrong inside. */
	{"inner version 6", 44, 1, {0x65}, ERX_bad_version},
	{"inner IHL 4", 44, 1, {0x44}, ERX_bad_header_length},
	{"inner length 0", 46, 2, {0, 0}, ERX_bad_length},
	{"inner length above the tunnel's", 46, 2, {0x04, 0}, ERX_truncated},
	{"inner TTL changed", 52, 1, {77}, ERX_bad_checksum},
};

static void forge(struct frame *f, uint32_t in, const struct forged *c)
{
	size_t at = (c->at < 0 ? get16(ip_at(f) + 2) : 0) + c->at;
	struct tunnel other = tunnel_of(in, true);

	memcpy(ip_at(f) + at, c->bytes, c->n);
	if (strstr(c->name, "SPI") && c->bytes[0] == 0 && strstr(c->name, "other"))
		put32(ip_at(f) + at, other.spi);
	if (c->at < 20)
		fix_ip(f);
}

Test(tunnel, forgeries_are_refused)
{
	uint32_t in = port_at("branch-vpngw/0", "hub-vpngw/0");

	for (size_t i = 0; i < N(forgeries); i++) {
		struct frame f;
		struct result r;

		packet_at(&f, in, &(struct spec){.src = HUB, .dst = BRANCH});
		forge(&f, in, &forgeries[i]);
		run(in, &f, &r);
		expect_outcome(&r, forgeries[i].outcome, "%s", forgeries[i].name);
	}
}

/* Outer headers that cannot hold an inner one, packets without a tunnel, and tunnels where there is none. */
Test(tunnel, shapes_that_are_none)
{
	uint32_t in = port_at("branch-vpngw/0", "hub-vpngw/0"), plain = port_at("hub", "hub-vm");
	struct frame whole, f;
	struct result r;

	packet_at(&whole, in, &(struct spec){.src = HUB, .dst = BRANCH, .length = 20, .protocol = OTHER});
	for (size_t n = 20; n < 44 + 20 + 18; n++) {
		f = whole;
		put16(ip_at(&f) + 2, n);
		fix_ip(&f);
		run(in, &f, &r);
		expect_outcome(&r, ERX_bad_tunnel, "outer length %zu", n);
	}
	make_packet(&f, &(struct spec){.src = HUB, .dst = BRANCH});
	memcpy(f.bytes, whole.bytes, 12);
	run(in, &f, &r);
	expect_outcome(&r, ERX_bad_tunnel, "a packet in the clear");
	/* Options in the outer header: no gateway of ours sends any. */
	make_packet(&f, &(struct spec){.src = "52.168.162.84",
				       .dst = "203.0.113.16",
				       .ihl = 6,
				       .protocol = UDP,
				       .sport = 4500,
				       .dport = 4500,
				       .length = 200});
	memcpy(f.bytes, whole.bytes, 12);
	run(in, &f, &r);
	expect_outcome(&r, ERX_bad_tunnel, "outer options");
	/* To a host's port the same bytes are a packet like any other. */
	memcpy(whole.bytes, image_port(plain)->entry.mac, 6);
	run(plain, &whole, &r);
	expect_outcome(&r, ERX_spoofed, "at a host");
}

Test(tunnel, too_big_for_it)
{
	static const struct {
		uint16_t length, fragment;
		enum erx_outcome outcome;
	} cases[] = {
		{1436, DF, ERX_forwarded},
		{1436, 0, ERX_forwarded},
		{1437, DF, ERX_answered_too_big},
		{1437, 0, ERX_too_big},
		{1500, DF, ERX_answered_too_big},
		{1500, 0, ERX_too_big},
		{1437, DF | MF, ERX_answered_too_big},
		{1437, DF | 5, ERX_too_big},
	};
	uint32_t in = port_at("hub-vpngw/0", "hub");

	for (size_t i = 0; i < N(cases); i++) {
		struct frame f;
		struct result r;

		packet_at(&f, in,
			  &(struct spec){
				  .src = HUB, .dst = BRANCH, .length = cases[i].length, .fragment = cases[i].fragment});
		run(in, &f, &r);
		expect_outcome(&r, cases[i].outcome, "%u bytes, flags %04x", cases[i].length, cases[i].fragment);
		if (r.outcome == ERX_answered_too_big)
			cr_expect_eq(get16(ip_at(&r.frame) + 26), 1436, "MTU %u", get16(ip_at(&r.frame) + 26));
	}
}

/* A request that came by the circuit may have its answer go by the tunnel. */
Test(tunnel, echo_reply_too_big_for_it)
{
	uint32_t in = port_at("loc1-ce1", "er1.primary");

	for (uint16_t n = 1430; n < 1445; n++) {
		struct frame f;
		struct result r;

		packet_at(&f, in, &(struct spec){.src = BRANCH, .dst = "10.2.30.125", .length = n});
		run(in, &f, &r);
		expect_outcome(&r, n <= 1436 ? ERX_answered_echo : ERX_too_big, "%u bytes", n);
	}
}

/* --- On the wire -------------------------------------------------------------------------------------------------- */

/*
 * bpf_prog_test_run() gives every frame room behind it, a socket buffer does not:
 * so real datagrams of every length, there by one path of the code and through
 * a second tunnel by the other.
 */
static int receiver_socket(void *port)
{
	struct sockaddr_in own = {.sin_family = AF_INET};
	socklen_t size = sizeof(own);
	struct timeval patience = {.tv_sec = 2};
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), room = 8 << 20;

	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (bind(s, (struct sockaddr *)&own, sizeof(own)) || getsockname(s, (struct sockaddr *)&own, &size))
		return -1;
	*(in_port_t *)port = own.sin_port;
	return s;
}

static int sender_socket(void *arg)
{
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)arg;
	return s;
}

static int socket_in(const char *host, int (*make)(void *), void *arg)
{
	char namespace[256];
	struct error e;
	int s;

	lab_host_namespace(twin.lab, fabric_host(twin.lab->fabric, host), namespace);
	s = net_call(namespace, make, arg, &e);
	cr_assert_geq(s, 0, "%s", e.text);
	return s;
}

static void exchange_lengths(const char *from, const char *to, size_t most)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	int in = socket_in(to, receiver_socket, &addr.sin_port), out = socket_in(from, sender_socket, NULL);
	uint8_t sent[1500], got[1500];

	addr.sin_addr.s_addr = addr_be32(&fabric_host(twin.lab->fabric, to)->addr);
	for (size_t n = 0; n <= most; n++) {
		for (size_t i = 0; i < n; i++)
			sent[i] = i * 31 + n;
		cr_assert_eq(sendto(out, sent, n, 0, (struct sockaddr *)&addr, sizeof(addr)), (ssize_t)n);
		cr_assert_eq(recv(in, got, sizeof(got), 0), (ssize_t)n, "%s to %s, %zu bytes", from, to, n);
		cr_assert_arr_eq(got, sent, n, "%s to %s, %zu bytes", from, to, n);
	}
	close(in);
	close(out);
}

Test(tunnel, real_datagrams_of_every_length)
{
	exchange_lengths("hub-vm", "branch-vm", 1436 - 28);
	exchange_lengths("loc1-vm", "branch-vm", 1436 - 28); /* two tunnels */
}

/* --- MSS ---------------------------------------------------------------------------------------------------------- */

static const struct options {
	const char *name;
	uint8_t n;  /* bytes, a multiple of 4 */
	uint8_t at; /* of the value, from the first option; 0: none to be lowered */
	uint8_t bytes[40];
} options[] = {
	{"MSS alone", 4, 2, {2, 4, 0x05, 0xb4}},
	{"MSS of jumbo frames", 4, 2, {2, 4, 0x23, 0x00}},
	{"the largest MSS", 4, 2, {2, 4, 0xff, 0xff}},
	{"one more than fits", 4, 2, {2, 4, 0x05, 0x75}},
	{"what fits", 4, 0, {2, 4, 0x05, 0x74}},
	{"less", 4, 0, {2, 4, 0x02, 0x18}},
	{"MSS 0", 4, 0, {2, 4, 0, 0}},
	{"at an odd place", 8, 3, {1, 2, 4, 0x05, 0xb4, 1, 1, 0}},
	{"after two", 8, 4, {1, 1, 2, 4, 0x05, 0xb4, 1, 1}},
	{"after three", 8, 5, {1, 1, 1, 2, 4, 0x05, 0xb4, 1}},
	{"as Linux sends it", 20, 2, {2, 4, 0x05, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7}},
	{"as Windows sends it", 12, 2, {2, 4, 0x05, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2}},
	{"after the others", 20, 18, {4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7, 2, 4, 0x05, 0xb4}},
	{"after the others, odd", 20, 17, {4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 3, 3, 7, 2, 4, 0x05, 0xb4, 1}},
	{"at the end of 40", 40, 38, {[0 ... 35] = 1, 2, 4, 0x05, 0xb4}},
	{"behind a long one", 40, 38, {254, 36, [36] = 2, 4, 0x05, 0xb4}},
	{"no options", 0, 0, {}},
	{"no MSS", 12, 0, {1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8}},
	{"behind the end", 8, 0, {0, 0, 0, 0, 2, 4, 0x05, 0xb4}},
	{"inside another", 8, 0, {254, 8, 2, 4, 0x05, 0xb4, 2, 4}},
	/* Cut short, with a payload behind that would make it whole: not an option. */
	{"kind only", 4, 0, {1, 1, 1, 2}},
	{"no value", 4, 0, {1, 1, 2, 4}},
	{"half a value", 4, 0, {1, 2, 4, 0x7f}},
	{"another cut short", 4, 0, {1, 254, 9, 9}},
	{"another that leads into the payload", 4, 0, {254, 4, 254, 4}},
	{"of length 0", 8, 0, {254, 0, 2, 4, 0x05, 0xb4, 1, 1}},
	{"of length 1", 8, 0, {254, 1, 2, 4, 0x05, 0xb4, 1, 1}},
	{"MSS of length 3", 4, 0, {2, 3, 0x7f, 0xff}},
	{"MSS of length 5", 8, 0, {2, 5, 0x7f, 0xff, 0xff, 1, 1, 1}},
};

/* A segment with these options and a payload that looks like an option. */
static void make_segment(struct frame *f, const struct spec *s, const struct options *o, uint8_t flags)
{
	struct spec spec = *s;
	uint8_t *tcp;

	spec.protocol = TCP;
	spec.length = (s->ihl ?: 5) * 4 + 20 + o->n + 9;
	make_packet(f, &spec);
	tcp = ip_at(f) + ip_header(f);
	tcp[12] = (5 + o->n / 4) << 4;
	tcp[13] = flags;
	memcpy(tcp + 20, o->bytes, o->n);
	memcpy(tcp + 20 + o->n, (uint8_t[]){4, 0x7f, 0xff, 2, 4, 0x7f, 0xff, 0x7f, 0xff}, 9);
	fix_segment(f);
}

struct clamp {
	const char *device, *from, *src, *dst, *to;
	uint8_t lowers;
	uint16_t mss; /* 0: not here */
};

static void try_segment(const struct clamp *c, const struct options *o, uint8_t flags, uint8_t ihl)
{
	struct spec s = {.src = c->src, .dst = c->dst, .ihl = ihl};
	uint32_t in = port_at(c->device, c->from);
	const char *text = text_of("%s from %s: %s, flags %02x", c->device, c->from, o->name, flags);
	struct frame f, want;
	struct result r;

	make_segment(&f, &s, o, flags);
	arrive_at(&f, in, 1);
	run(in, &f, &r);
	expect_outcome(&r, ERX_forwarded, "%s", text);
	s.ttl = 64 - c->lowers;
	make_segment(&want, &s, o, flags);
	if (o->at && flags & 2 && c->mss) {
		put16(ip_at(&want) + ip_header(&want) + 20 + o->at, c->mss);
		fix_segment(&want);
	}
	cr_assert_eq(segment_sum(&want), 0xffff);
	leave_by(&want, port_at(c->device, c->to), hops_after(in), &r.frame);
	expect_frame(&r.frame, &want, text);
}

static void try_segments(const struct clamp *clamps, size_t n)
{
	enum { FIN = 1, SYN = 2, RST = 4, ACK = 16, ECE = 64, CWR = 128 };
	static const uint8_t flags[] = {SYN, SYN | ACK, SYN | ECE | CWR, ACK, FIN | ACK, RST};

	for (size_t i = 0; i < n * N(options) * N(flags); i++) {
		const struct options *o = &options[i / N(flags) % N(options)];

		try_segment(&clamps[i / N(flags) / N(options)], o, flags[i % N(flags)], 5 + i % 4);
	}
}

Test(mss, lowered_both_ways_at_the_gateways)
{
	static const struct clamp clamps[] = {
		{"hub-vpngw/0", "hub", HUB, BRANCH, "branch-vpngw/0", 2, 1396},
		{"hub-vpngw/0", "branch-vpngw/0", BRANCH, HUB, "hub", 0, 1396},
		{"branch-vpngw/0", "hub-vpngw/0", HUB, BRANCH, "branch", 0, 1396},
		{"hub-vpngw/0", "loc1-ce1", LOC1, BRANCH, "branch-vpngw/0", 0, 1396},
		/* Nobody else does. */
		{"loc1-ce1", "loc1", LOC1, BRANCH, "hub-vpngw/0", 1},
		{"hub", "hub-vm", HUB, BRANCH, "hub-vpngw/0"},
		{"hub-ergw/0", "er1.primary", LOC1, HUB, "hub", 1},
	};

	twin_load(NULL);
	try_segments(clamps, N(clamps));
}

Test(mss, follows_the_mtu_of_the_connection)
{
	static const struct edit edits[] = {
		{"localNetworkGateway2: loc1, enableBgp: true",
		 "localNetworkGateway2: loc1, enableBgp: true, mtu: 1400"},
		{},
	};
	/* In transit the smaller of two tunnels counts, in either order. */
	static const struct clamp clamps[] = {
		{"hub-vpngw/0", "hub", HUB, LOC1, "loc1-ce1", 2, 1360},
		{"hub-vpngw/0", "branch-vpngw/0", BRANCH, LOC1, "loc1-ce1", 0, 1360},
		{"hub-vpngw/0", "loc1-ce1", LOC1, BRANCH, "branch-vpngw/0", 0, 1360},
		{"hub-vpngw/0", "hub", HUB, BRANCH, "branch-vpngw/0", 2, 1396},
	};
	struct options alone = options[0];

	twin_load(edits);
	for (size_t i = 0; i < N(clamps); i++)
		try_segment(&clamps[i], &alone, 2, 5);
}

/* What is no whole TCP header is not looked into, whatever lies where an option would be. */
Test(mss, left_alone_where_there_is_none)
{
	uint32_t in, out;

	twin_load(NULL);
	in = port_at("hub-vpngw/0", "hub");
	out = port_at("hub-vpngw/0", "branch-vpngw/0");
	for (int i = 0; i < 4; i++) {
		struct spec s = {.src = HUB, .dst = BRANCH};
		struct frame f, want;
		struct result r;

		make_segment(&f, &s, &options[0], 2);
		if (i == 0)
			put16(ip_at(&f) + 6, MF);
		else if (i == 1)
			put16(ip_at(&f) + 6, 7);
		else if (i == 2)
			ip_at(&f)[9] = UDP;
		else
			put16(ip_at(&f) + 2, 20 + 20 + 2); /* the value is padding of the frame */
		fix_ip(&f);
		want = f;
		ip_at(&want)[8] = 62;
		fix_ip(&want);
		arrive_at(&f, in, 1);
		run(in, &f, &r);
		expect_outcome(&r, ERX_forwarded, "case %d", i);
		leave_by(&want, out, hops_after(in), &r.frame);
		expect_frame(&r.frame, &want, text_of("case %d", i));
	}
}
