// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * ICMP errors of the devices to the byte (RFC 792, 1191, RFC 1812 4.3.2), what
 * must never cause one, how many there are per second, and which of them the
 * edge of a VNet lets in (azure.md 3.3).
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "twin.h"

TestSuite(icmp, .fini = twin_unload, .timeout = 120);

/* --- The bytes ---------------------------------------------------------------------------------------------------- */

struct place {
	const char *device, *from, *src, *dst;
	const char *as; /* source of the error */
	unsigned mtu;	/* of the way out */
};

static const struct place places[] = {
	{"er1.primary", "loc1-ce1", "10.2.30.10", "10.10.30.4", "192.168.30.18", 1500},
	{"er1.primary", "hub", "10.10.30.4", "10.2.30.10", "10.10.30.132", 1500},
	{"hub-vpngw/0", "hub", "10.10.30.4", "10.11.30.68", "10.10.30.142", 1436},
	{"loc1-ce1", "loc1", "10.2.30.10", "10.11.30.68", "192.168.30.0", 1436},
	{"loc1-ce1", "er1.primary", "10.10.30.4", "10.2.30.10", "192.168.30.17", 1500},
	{"loc1-ce1", "hub-vpngw/0", "10.11.30.68", "10.2.30.10", "10.2.30.125", 1500},
	{"loc1", "loc1-vm", "10.2.30.10", "10.10.30.4", "10.2.30.3", 1500},
};

/* By RFC and by the device's own table: for what came out of a tunnel that is a tunnel again. */
static void expect_error(const struct place *p, const struct frame *packet, bool too_big, const char *text)
{
	uint32_t in = port_at(p->device, p->from);
	struct frame f = *packet, want;
	struct result r;

	arrive_at(&f, in, 3);
	if (f.n < 60)
		f.n = 60; /* as Ethernet pads it: not part of the packet, so not of the quote */
	run(in, &f, &r);
	expect_outcome(&r, too_big ? ERX_answered_too_big : ERX_answered_time_exceeded, "%s", text);
	make_error(&want, packet, ip_of(p->as), too_big ? 3 : 11, too_big ? 4 : 0, too_big ? p->mtu : 0);
	leave_by(&want, predict_port(in, &want), 1, &r.frame);
	expect_frame(&r.frame, &want, text);
}

Test(icmp, time_exceeded_of_every_length)
{
	twin_load(NULL);
	for (size_t i = 0; i < N(places); i++) {
		unsigned most = image_port(port_at(places[i].device, places[i].from))->entry.tunnel_mtu ?: 1500;

		/* Around the largest quote, 576 - 28, every length; elsewhere even and odd ones. */
		for (unsigned n = 28; n <= most; n += n >= 540 && n < 556		    ? 1
						      : n == 28 || n == 99 || n + 1 == most ? 1
											    : 71) {
			struct spec s = {.src = places[i].src, .dst = places[i].dst, .ttl = 1, .tos = n, .length = n};
			struct frame packet;

			make_packet(&packet, &s);
			expect_error(&places[i], &packet, false, text_of("%s, %u bytes", places[i].device, n));
		}
	}
}

Test(icmp, time_exceeded_at_the_lengths_of_the_rules)
{
	static const uint16_t lengths[] = {28, 29, 100, 101, 547, 548, 549, 575, 576, 577, 1435, 1436, 1499, 1500};

	twin_load(NULL);
	for (size_t i = 0; i < N(places) * N(lengths); i++) {
		const struct place *p = &places[i / N(lengths)];
		uint16_t n = lengths[i % N(lengths)];
		struct spec s = {.src = p->src, .dst = p->dst, .ttl = 1, .protocol = n & 2 ? UDP : TCP, .length = n};
		struct frame packet;

		if (n > (image_port(port_at(p->device, p->from))->entry.tunnel_mtu ?: 1500))
			continue;
		make_packet(&packet, &s);
		expect_error(p, &packet, false, text_of("%s, %u bytes", p->device, n));
	}
}

Test(icmp, options_are_quoted_as_they_came)
{
	twin_load(NULL);
	for (uint8_t ihl = 5; ihl <= 15; ihl++) {
		struct spec s = {.src = "10.2.30.10", .dst = "10.10.30.4", .ttl = 1, .ihl = ihl, .length = 548 + ihl};
		struct frame packet;

		make_packet(&packet, &s);
		expect_error(&places[0], &packet, false, text_of("%u words of header", ihl));
	}
}

Test(icmp, fragmentation_needed_with_the_mtu_of_the_way)
{
	static const uint16_t lengths[] = {1437, 1438, 1460, 1499, 1500};
	static const struct edit edits[] = {
		{"localNetworkGateway2: loc1, enableBgp: true",
		 "localNetworkGateway2: loc1, enableBgp: true, mtu: 1300"},
		{},
	};
	static const struct place narrow[] = {
		{"hub-vpngw/0", "hub", "10.10.30.4", "10.11.30.68", "10.10.30.142", 1436},
		{"loc1-ce1", "loc1", "10.2.30.10", "10.11.30.68", "192.168.30.0", 1300},
		/* In transit: out of a tunnel of 1436 into one of 1300. */
		{"hub-vpngw/0", "branch-vpngw/0", "10.11.30.68", "10.2.30.10", "10.10.30.142", 1300},
	};

	twin_load(edits);
	for (size_t i = 0; i < N(narrow) * N(lengths); i++) {
		const struct place *p = &narrow[i / N(lengths)];
		uint16_t n = lengths[i % N(lengths)] - (p == &narrow[2] ? 100 : 0);
		struct spec s = {.src = p->src, .dst = p->dst, .fragment = DF, .protocol = TCP, .length = n};
		struct frame packet;

		make_packet(&packet, &s);
		expect_error(p, &packet, true, text_of("%s, %u bytes", p->device, n));
	}
}

/* --- Never -------------------------------------------------------------------------------------------------------- */

Test(icmp, never_about_what_must_not_be_answered)
{
	static const struct {
		const char *name, *src;
		int type;
		uint16_t fragment;
		bool answered;
	} cases[] = {
		{"echo request", "10.2.30.10", 8, 0, true},
		{"echo reply", "10.2.30.10", NONE, 0, true},
		{"timestamp", "10.2.30.10", 13, 0, true},
		{"unreachable", "10.2.30.10", 3},
		{"source quench", "10.2.30.10", 4},
		{"redirect", "10.2.30.10", 5},
		{"time exceeded", "10.2.30.10", 11},
		{"parameter problem", "10.2.30.10", 12},
		{"first fragment", "10.2.30.10", 8, MF, true},
		{"first fragment of an error", "10.2.30.10", 3, MF},
		{"middle fragment", "10.2.30.10", 8, MF | 1},
		{"last fragment", "10.2.30.10", 8, 0x1fff},
		{"source 0.0.0.0", "0.0.0.0", 8},
		{"source 0.1.2.3", "0.1.2.3", 8},
		{"source 127.0.0.1", "127.0.0.1", 8},
		{"source 127.255.255.255", "127.255.255.255", 8},
		{"source 224.0.0.1", "224.0.0.1", 8},
		{"source 239.255.255.255", "239.255.255.255", 8},
		{"source 240.0.0.1", "240.0.0.1", 8},
		{"source 255.255.255.255", "255.255.255.255", 8},
		{"source 223.255.255.255", "10.2.30.126", 8, 0, true},
	};

	twin_load(NULL);
	for (size_t i = 0; i < N(cases) * 2; i++) {
		bool too_big = i % 2;
		uint32_t in = port_at("loc1-ce1", too_big ? "loc1" : "er1.primary");
		struct spec s = {.src = cases[i / 2].src, .type = cases[i / 2].type, .fragment = cases[i / 2].fragment};
		struct frame f;
		struct result r;

		s.dst = too_big ? "10.11.30.68" : "10.2.30.11";
		s.ttl = too_big ? 64 : 1;
		s.length = too_big ? 1480 : 84;
		s.fragment |= too_big ? DF : 0;
		packet_at(&f, in, &s);
		run(in, &f, &r);
		if (cases[i / 2].answered)
			expect_outcome(&r, too_big ? ERX_answered_too_big : ERX_answered_time_exceeded, "%s",
				       cases[i / 2].name);
		else
			expect_outcome(&r, too_big ? ERX_too_big : ERX_ttl_unanswerable, "%s", cases[i / 2].name);
	}
}

/* --- How many ----------------------------------------------------------------------------------------------------- */

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Expire n packets at a port; how many were answered. All others must have met the limit. */
static unsigned expire(uint32_t in, const struct frame *f, unsigned n)
{
	unsigned answered = 0;
	struct result r;

	while (n--) {
		run(in, f, &r);
		answered += r.outcome == ERX_answered_time_exceeded;
		cr_expect(r.outcome == ERX_answered_time_exceeded || r.outcome == ERX_icmp_limited, "%s",
			  outcome_name(r.outcome));
	}
	return answered;
}

/* burst, and what has been earned while it took. */
static void expect_burst(unsigned answered, double burst, double rate, double took, const char *text)
{
	cr_expect(answered >= burst && answered <= burst + took * rate, "%s: %u answers in %.3f s", text, answered,
		  took);
}

static void check_limit(unsigned burst, unsigned rate, unsigned n)
{
	uint32_t in = port_at("er1.primary", "loc1-ce1"), other = port_at("er2.secondary", "loc2-ce2");
	double start = seconds(), took, pause = 0.4 * burst / rate;
	struct frame f, elsewhere;
	unsigned answered;

	packet_at(&f, in, &(struct spec){.src = "10.2.30.10", .dst = "10.10.30.4", .ttl = 1});
	packet_at(&elsewhere, other, &(struct spec){.src = "10.1.31.10", .dst = "10.10.30.4", .ttl = 1});
	answered = expire(in, &f, n);
	expect_burst(answered, burst, rate, seconds() - start, "at first");
	/* The debt at this moment is between nothing and one interval more than the bucket. */
	start = seconds();
	usleep(pause * 1e6);
	answered = expire(in, &f, n);
	took = seconds() - start;
	cr_expect(answered + 1 >= pause * rate && answered <= took * rate + 2, "%u answers after %.3f s", answered,
		  took);
	/* A device of its own has a limit of its own. */
	cr_expect_geq(expire(other, &elsewhere, burst), burst);
}

Test(icmp, a_hundred_at_once_then_a_thousand_per_second)
{
	static const struct edit edits[] = {{"icmpErrorLimit: {perSecond: 1000000, burst: 1000000}\n", ""}, {}};

	twin_load(edits);
	check_limit(100, 1000, 200);
}

Test(icmp, limit_is_set_by_the_file)
{
	static const struct edit edits[] = {{"{perSecond: 1000000, burst: 1000000}", "{perSecond: 20, burst: 5}"}, {}};

	twin_load(edits);
	check_limit(5, 20, 50);
}

/* --- At the edge of a VNet ---------------------------------------------------------------------------------------- */

#define HUB   "10.10.30.4"
#define SPOKE "10.11.30.4"
#define FAR   "10.17.30.4"

struct edge {
	const char *src;
	bool tag, private; /* admitted by vnetTag, by private; `any` admits all */
};

static const struct edge edges[] = {
	{"10.2.30.125", true, true},				      /* learned from the circuit and the VPN */
	{"10.2.30.10", true, true},	{"10.10.30.132", true, true}, /* own space */
	{"10.17.30.36", true, true},				      /* another VNet's, by the circuit */
	{"10.200.0.1", false, true},				      /* the system route None */
	{"192.168.30.17", false, true},				      /* learned nowhere */
	{"172.16.0.1", false, true},	{"172.32.0.1", false, false}, {"192.169.0.1", false, false},
	{"11.0.0.1", false, false},	{"8.8.8.8", false, false}, /* Internet does not count */
};

static const struct edit edge_edits[] = {
	{"default: 10.11.30.0/26", "default: {addressPrefix: 10.11.30.0/26, icmpErrorCheck: private}"},
	{"default: 10.17.30.0/27", "default: {addressPrefix: 10.17.30.0/27, icmpErrorCheck: any}"},
	{},
};

static void expect_edge(const char *device, const char *from, const struct spec *s, bool admitted)
{
	uint32_t in = port_at(device, from);
	struct frame f;
	struct result r;

	packet_at(&f, in, s);
	run(in, &f, &r);
	expect_outcome(&r, admitted ? ERX_forwarded : ERX_icmp_error_source, "%s, type %d from %s", device, s->type,
		       s->src);
}

Test(icmp, edge_admits_errors_by_their_source)
{
	static const int errors[] = {3, 4, 5, 11, 12};

	twin_load(edge_edits);
	for (size_t i = 0; i < N(edges) * N(errors); i++) {
		const struct edge *e = &edges[i / N(errors)];
		struct spec s = {.src = e->src, .type = errors[i % N(errors)]};

		s.dst = HUB;
		expect_edge("hub", "hub-ergw/0", &s, e->tag);
		expect_edge("hub", "hub-vpngw/0", &s, e->tag);
		expect_edge("hub", "er1.primary", &s, e->tag);
		s.dst = SPOKE;
		expect_edge("spoke", "hub", &s, e->private || e->tag);
		/* The hub in transit does not check for its spoke. */
		expect_edge("hub", "hub-ergw/0", &s, true);
		s.dst = FAR;
		expect_edge("remote", "remote-ergw/0", &s, true);
		s.dst = "10.2.30.10";
		expect_edge("loc1", "loc1-ce1", &s, true);
	}
}

Test(icmp, edge_admits_all_that_is_no_error)
{
	static const struct spec others[] = {
		{.type = NONE},
		{.type = 8},
		{.type = 13},
		{.type = 3, .fragment = 1},
		{.protocol = UDP, .sport = 53, .dport = 3},
		{.protocol = TCP, .sport = 0x300, .dport = 11},
		{.protocol = OTHER},
	};

	twin_load(edge_edits);
	for (size_t i = 0; i < N(edges) * N(others); i++) {
		struct spec s = others[i % N(others)];

		s.src = edges[i / N(others)].src;
		s.dst = HUB;
		expect_edge("hub", "hub-ergw/0", &s, true);
		s.dst = SPOKE;
		expect_edge("spoke", "hub", &s, true);
	}
}

/* --- Echo --------------------------------------------------------------------------------------------------------- */

Test(icmp, echo_to_own_addresses)
{
	static const struct {
		const char *device, *from, *src, *dst;
		enum erx_outcome outcome;
	} cases[] = {
		{"loc1", "loc1-vm", "10.2.30.10", "10.2.30.3", ERX_answered_echo},
		{"loc1", "loc1-vm", "10.2.30.10", "10.2.30.1", ERX_answered_echo},
		{"loc1-ce1", "loc1", "10.2.30.10", "192.168.30.0", ERX_answered_echo},
		{"loc1-ce1", "loc1", "10.2.30.10", "10.2.30.125", ERX_answered_echo},
		{"loc1-ce1", "loc1", "0.0.0.0", "192.168.30.0", ERX_local},
		{"loc1-ce1", "loc1", "127.0.0.1", "192.168.30.0", ERX_local},
		{"loc1-ce1", "loc1", "224.0.0.1", "192.168.30.0", ERX_local},
		{"loc1-ce1", "loc1", "251.9.75.23", "192.168.30.0", ERX_local},
		{"loc1-ce1", "loc1", "255.255.255.255", "192.168.30.0", ERX_local},
		{"er1.primary", "loc1-ce1", "10.2.30.10", "192.168.30.18", ERX_answered_echo},
		{"hub", "hub-vm", HUB, "10.10.30.1", ERX_no_next_hop},
		{"hub-vpngw/0", "hub", HUB, "10.10.30.142", ERX_local},
		{"er1.primary", "hub", HUB, "10.10.30.132", ERX_local},
		{"hub-ergw/0", "er1.primary", "10.2.30.10", "10.10.30.140", ERX_local},
	};

	twin_load(NULL);
	for (size_t i = 0; i < N(cases) * 2; i++) {
		uint32_t in = port_at(cases[i / 2].device, cases[i / 2].from);
		struct spec s = {
			.src = cases[i / 2].src, .dst = cases[i / 2].dst, .length = 84 + i, .ttl = i % 2 ? 1 : 64};
		struct frame f, want;
		struct result r;

		packet_at(&f, in, &s);
		run(in, &f, &r);
		expect_outcome(&r, cases[i / 2].outcome, "%s from %s", s.dst, s.src);
		if (cases[i / 2].outcome != ERX_answered_echo)
			continue;
		/* RFC 1122 3.2.2.6: the request with its addresses exchanged and another type. */
		s = (struct spec){.src = s.dst, .dst = s.src, .type = NONE, .length = s.length};
		make_packet(&want, &s);
		leave_by(&want, predict_port(in, &want), 1, &r.frame);
		expect_frame(&r.frame, &want, text_of("echo from %s", s.src));
	}
}
