// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Hellos: over every link of the shipped topology by the real interfaces, and as
 * single frames, right and wrong, at every kind of port.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "net/net.h"
#include "twin.h"

#define HELLO_PORT 3784

static const struct spec control = {
	.src = "192.168.30.17",
	.dst = "192.168.30.18",
	.protocol = UDP,
	.ttl = 255,
	.sport = 49152,
	.dport = HELLO_PORT,
	.length = 20 + 8 + 24,
};

TestSuite(hello, .init = twin_load_plain, .fini = twin_unload, .timeout = 120);

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t noted_at(uint32_t port)
{
	const volatile uint64_t *hellos = dp_hellos(twin.dp);

	cr_assert(hellos);
	return hellos[image_port(port)->id];
}

/* What the controller sends to a port: no device crossed, and no tunnel around it. */
static void hello_at(struct frame *f, uint32_t port, const struct spec *s)
{
	make_packet(f, s);
	memcpy(f->bytes, image_port(port)->entry.mac, 6);
	memcpy(f->bytes + 6, image_port(port_peer(twin.lab->fabric, port))->entry.mac, 6);
	f->bytes[11] = 0;
}

static struct erx_port_stats stats_of(uint32_t port)
{
	struct erx_port_stats stats;
	uint64_t lost;

	cr_assert_eq(dp_read_port(twin.dp, image_port(port)->id, &stats, &lost), 0);
	return stats;
}

static uint64_t packets_in_paths(void)
{
	dp_path_counts paths = {};
	uint64_t sum = 0;

	read_paths(&paths);
	vec_each(p, &paths)
		sum += p->packets;
	vec_free(&paths);
	return sum;
}

static bool has_two_devices(const struct link *l)
{
	return l->kind != LINK_HOST && l->ports[0] != NO_INDEX && l->ports[1] != NO_INDEX;
}

/* --- Over the links ----------------------------------------------------------------------------------------------- */

static void send_over(struct net_watch *w, uint32_t from)
{
	uint32_t to = port_peer(twin.lab->fabric, from);
	uint64_t before = now_ns(), noted = 0;
	struct net_hello hello = {.ifindex = ifindex_of(from),
				  .my_discriminator = from,
				  .state = 3,
				  .detect_mult = 3,
				  .interval_us = 300000};

	memcpy(hello.src_mac, image_port(from)->entry.mac, 6);
	memcpy(hello.dst_mac, image_port(to)->entry.mac, 6);
	cr_assert_eq(net_watch_hello(w, &hello), 0);
	for (int i = 0; i < 20000 && noted < before; i++) {
		noted = noted_at(to);
		usleep(noted < before ? 1000 : 0);
	}
	cr_expect(noted >= before && noted <= now_ns(), "%s towards %s: %lu, not after %lu", device_of(from),
		  device_of(to), (unsigned long)noted, (unsigned long)before);
	cr_expect_lt(noted_at(from), before, "noted at its own end");
}

Test(hello, arrives_over_every_link_in_both_directions)
{
	uint64_t in_paths = packets_in_paths();
	struct net_watch *w = NULL;
	struct error e = {};
	char fabric[256];
	unsigned sent = 0;

	lab_fabric_namespace(twin.name, fabric);
	cr_assert_eq(net_watch_open(fabric, &w, &e), 0, "%s", e.text);
	vec_each(l, &twin.lab->fabric->links) {
		for (int end = 0; end < 2 && has_two_devices(l); end++) {
			if (l->down_in_file)
				continue;
			send_over(w, l->ports[end]);
			sent++;
		}
	}
	cr_expect_gt(sent, 40, "%u links", sent);
	cr_expect_eq(packets_in_paths(), in_paths, "a path counts hellos");
	net_watch_close(w);
}

/* --- One frame ---------------------------------------------------------------------------------------------------- */

Test(hello, is_consumed_and_noted_at_its_port_alone)
{
	vec_each(l, &twin.lab->fabric->links) {
		for (int end = 0; end < 2 && has_two_devices(l); end++) {
			uint32_t port = l->ports[end];
			struct erx_port_stats was = stats_of(port), is;
			uint64_t before = now_ns(), noted;
			struct result r;
			struct frame f;

			hello_at(&f, port, &control);
			run(port, &f, &r);
			noted = noted_at(port);
			is = stats_of(port);
			expect_outcome(&r, ERX_hello, "%s, %s", l->name, device_of(port));
			cr_expect(noted >= before && noted <= now_ns(), "%s: %lu", l->name, (unsigned long)noted);
			cr_expect_lt(noted_at(l->ports[!end]), before);
			cr_expect_eq(is.received - was.received, 1);
			cr_expect_eq(is.injected - was.injected, 1);
		}
	}
}

struct almost {
	const char *what;
	struct spec change; /* fields that are not 0 replace those of a hello */
	uint8_t hops;
	bool bad_checksum;
};

static const struct almost others[] = {
	{"TTL 254", {.ttl = 254}},
	{"a first fragment", {.fragment = MF}},
	{"a later fragment", {.fragment = 1}},
	{"TCP", {.protocol = TCP}},
	{"another port", {.dport = HELLO_PORT + 1}},
	{"an answer", {.sport = HELLO_PORT, .dport = 49152}},
	{"a wrong checksum", .bad_checksum = true},
	{"one device crossed", .hops = 1},
	{"as many devices as may be", .hops = 254},
};

static struct spec changed(const struct spec *change)
{
	struct spec s = control;

	s.ttl = change->ttl ? change->ttl : s.ttl;
	s.fragment = change->fragment;
	s.protocol = change->protocol ? change->protocol : s.protocol;
	s.sport = change->sport ? change->sport : s.sport;
	s.dport = change->dport ? change->dport : s.dport;
	return s;
}

static void expect_no_hello(uint32_t port, const struct frame *f, struct result *r, const char *text)
{
	uint64_t noted = noted_at(port);

	run(port, f, r);
	cr_expect_neq(r->outcome, ERX_hello, "%s", text);
	cr_expect_geq(r->outcome, 0, "%s: no single outcome", text);
	cr_expect_eq(noted_at(port), noted, "%s: noted", text);
}

Test(hello, is_nothing_that_only_looks_like_one)
{
	const uint32_t ports[] = {port_at("er1.primary", "loc1-ce1"), port_at("hub", "er1.primary"),
				  port_at("hub-vpngw/0", "branch-vpngw/0")};

	for (size_t i = 0; i < N(ports) * N(others); i++) {
		const struct almost *o = &others[i % N(others)];
		uint32_t port = ports[i / N(others)];
		struct spec s = changed(&o->change);
		struct result r;
		struct frame f;

		hello_at(&f, port, &s);
		f.bytes[11] = o->hops;
		if (o->bad_checksum)
			ip_at(&f)[10] ^= 1;
		expect_no_hello(port, &f, &r, text_of("%s at %s", o->what, device_of(port)));
	}
}

/* A VNet lowers no TTL: what a VM sends with 255 arrives so at the edge router, by way of a port that takes hellos. */
Test(hello, cannot_be_forged_by_a_host)
{
	uint32_t in = port_at("hub", "hub-vm"), next = port_at("er1.primary", "hub");
	struct spec s = control;
	struct result r;
	struct frame f;

	s.src = "10.10.30.4";
	s.dst = "10.2.30.10";
	for (unsigned byte = 0; byte < 256; byte++) {
		packet_at(&f, in, &s);
		f.bytes[11] = (uint8_t)byte;
		expect_no_hello(in, &f, &r, text_of("source MAC ending in %02x", byte));
		expect_outcome(&r, ERX_forwarded, "source MAC ending in %02x", byte);
		cr_expect_eq(r.frame.bytes[11], 1);
		cr_expect_eq(ip_at(&r.frame)[8], 255, "TTL %u", ip_at(&r.frame)[8]);
		f = r.frame;
		expect_no_hello(next, &f, &r, "at the edge router");
	}
	/* Whatever its addresses: the router's own, the broadcast address, none. */
	for (size_t i = 0; i < 3; i++) {
		s.dst = (const char *[]){"10.10.30.132", "192.168.30.18", "0.0.0.0"}[i];
		packet_at(&f, in, &s);
		expect_no_hello(in, &f, &r, s.dst);
	}
}

/* Somebody in a branch, through the tunnel: the packet inside is no hello, and neither is one around it. */
Test(hello, cannot_come_out_of_a_tunnel)
{
	uint32_t port = port_at("hub-vpngw/0", "branch-vpngw/0");
	struct spec s = control;
	struct result r;
	struct frame f;

	s.src = "10.11.30.68";
	s.dst = "10.10.30.4";
	packet_at(&f, port, &s);
	f.bytes[11] = 2;
	expect_no_hello(port, &f, &r, "inside of a tunnel");
	expect_outcome(&r, ERX_forwarded, "inside of a tunnel");
}

Test(hello, is_lost_where_packets_are_lost_silently)
{
	uint32_t port = port_at("er1.primary", "loc1-ce1"), id = image_port(port)->id;
	struct erx_port entry = image_port(port)->entry;
	struct erx_port_stats was = stats_of(port);
	int map = map_of("erx_ports");
	struct result r;
	struct frame f;

	entry.flags |= ERX_PORT_FAULT;
	cr_assert_eq(bpf_map_update_elem(map, &id, &entry, BPF_EXIST), 0);
	hello_at(&f, port, &control);
	expect_no_hello(port, &f, &r, "silent failure");
	expect_outcome(&r, ERX_fault, "silent failure");
	/* A device's packet that is lost with it has been sent by a program; the hello has not. */
	f.bytes[11] = 1;
	expect_no_hello(port, &f, &r, "silent failure");
	cr_expect_eq(stats_of(port).received - was.received, 2);
	cr_expect_eq(stats_of(port).injected - was.injected, 1);
	close(map);
}

Test(hello, of_a_host_is_not_injected)
{
	uint32_t port = port_at("hub", "hub-vm");
	struct result r;
	struct frame f;
	struct spec s = control;

	s.src = "10.10.30.4";
	packet_at(&f, port, &s);
	run(port, &f, &r);
	cr_expect_eq(stats_of(port).injected, 0);
}
