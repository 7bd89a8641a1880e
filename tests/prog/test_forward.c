// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Packets through one device: where they leave, what becomes of TTL, checksum,
 * MACs and hop count, which path counts them, and who answers when the TTL runs
 * out (azure.md 3.1, written here a second time, from the paper).
 */
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "twin.h"

struct way {
	const char *device, *from, *src, *dst;
	const char *to; /* NULL: as the hash says */
	uint8_t lowers;
	uint8_t answers; /* bit k: running out at decrement k is answered */
	const char *as;	 /* source of the answer */
	const char *path;
};

#define HUB    "10.10.30.4"
#define SPOKE  "10.11.30.4"
#define BRANCH "10.11.30.68"
#define REMOTE "10.17.30.4"
#define LOC1   "10.2.30.10"
#define LOC2   "10.1.31.10"

static const struct way ways[] = {
	/* A VNet is no hop. */
	{"hub", "hub-vm", HUB, "10.10.30.5", "hub-vm2"},
	{"hub", "hub-vm", HUB, SPOKE, "spoke", .path = "hub<>spoke"},
	{"spoke", "hub", HUB, SPOKE, "spoke-vm"},
	{"hub", "hub-vm", HUB, LOC1, "er1.primary", .path = "hub>er1.primary"},
	{"hub", "hub-vm", HUB, LOC2, "er2.primary", .path = "hub>er2.primary"},
	{"hub", "hub-vm", HUB, REMOTE, "er1.primary", .path = "hub>er1.primary"},
	{"hub", "hub-vm", HUB, BRANCH, "hub-vpngw/0"},
	{"spoke", "spoke-vm", SPOKE, LOC1, "hub"},
	{"hub", "spoke", SPOKE, LOC1, "er1.primary", .path = "hub>er1.primary"},
	{"hub", "spoke", SPOKE, REMOTE, "er1.secondary", .path = "hub>er1.secondary"},
	{"hub", "hub-ergw/0", LOC1, HUB, "hub-vm"},
	{"hub", "hub-ergw/1", LOC1, SPOKE, "spoke"},
	{"hub", "hub-vpngw/0", BRANCH, HUB, "hub-vm"},
	{"hub", "er1.primary", LOC1, HUB, "hub-vm"},

	/* An MSEE is one, and answers from the port the packet came in by. */
	{"er1.primary", "loc1-ce1", LOC1, HUB, NULL, 1, 1, "192.168.30.18", "er1.primary>hub/gateway"},
	{"er1.primary", "loc1-ce1", LOC1, REMOTE, NULL, 1, 1, "192.168.30.18", "er1.primary>remote/gateway"},
	{"er1.primary", "hub", HUB, LOC1, "loc1-ce1", 1, 1, "10.10.30.132", "er1.primary>loc1"},
	{"er1.primary", "hub", HUB, REMOTE, NULL, 1, 1, "10.10.30.132", "er1.primary>remote/gateway"},
	{"er1.secondary", "hub", SPOKE, REMOTE, NULL, 1, 1, "10.10.30.133", "er1.secondary>remote/gateway"},
	{"er1.primary", "remote", REMOTE, LOC1, "loc1-ce1", 1, 1, "10.17.30.36", "er1.primary>loc1"},
	{"er2.primary", "hub", HUB, LOC2, "loc2-ce1", 1, 1, "10.10.30.134", "er2.primary>loc2"},
	{"er2.secondary", "hub", HUB, LOC2, "loc2-ce2", 1, 1, "10.10.30.135", "er2.secondary>loc2"},
	{"er2.secondary", "loc2-ce2", LOC2, HUB, NULL, 1, 1, "192.168.31.22", "er2.secondary>hub/gateway"},

	/* An ExpressRoute gateway is one, and never answers. */
	{"hub-ergw/0", "er1.primary", LOC1, HUB, "hub", 1, 0},
	{"hub-ergw/1", "er2.secondary", LOC2, SPOKE, "hub", 1, 0},
	{"remote-ergw/0", "er1.secondary", HUB, REMOTE, "remote", 1, 0},

	/* A VPN gateway: two from the VNet, the first answered; none out of a tunnel. */
	{"hub-vpngw/0", "hub", HUB, BRANCH, "branch-vpngw/0", 2, 1, "10.10.30.142", "hub>hub-branch-vpn"},
	{"hub-vpngw/0", "hub", HUB, LOC1, "loc1-ce1", 2, 1, "10.10.30.142", "hub>hub-loc1-vpn"},
	{"branch-vpngw/0", "branch", BRANCH, HUB, "hub-vpngw/0", 2, 1, "10.11.30.100", "branch>hub-branch-vpn"},
	{"hub-vpngw/0", "branch-vpngw/0", BRANCH, HUB, "hub", .path = "hub-branch-vpn>hub"},
	{"hub-vpngw/0", "branch-vpngw/0", BRANCH, LOC1, "loc1-ce1", .path = "hub-branch-vpn>hub-loc1-vpn"},
	{"hub-vpngw/0", "loc1-ce1", LOC1, BRANCH, "branch-vpngw/0", .path = "hub-loc1-vpn>hub-branch-vpn"},
	{"branch-vpngw/0", "hub-vpngw/0", HUB, BRANCH, "branch", .path = "hub-branch-vpn>branch"},

	/* A customer router answers from the interface the packet came in by. */
	{"loc1-ce1", "loc1", LOC1, HUB, "er1.primary", 1, 1, "192.168.30.0", "loc1>er1.primary"},
	{"loc1-ce1", "loc1", LOC1, BRANCH, "hub-vpngw/0", 1, 1, "192.168.30.0", "loc1>hub-loc1-vpn"},
	{"loc1-ce1", "er1.primary", HUB, LOC1, "loc1", 1, 1, "192.168.30.17"},
	{"loc1-ce1", "hub-vpngw/0", BRANCH, LOC1, "loc1", 1, 1, "10.2.30.125", "hub-loc1-vpn>loc1"},
	{"loc2-ce2", "loc2", LOC2, HUB, "er2.secondary", 1, 1, "192.168.31.4", "loc2>er2.secondary"},

	/* So does a LAN switch, but within the LAN it is no hop. */
	{"loc1", "loc1-vm", LOC1, HUB, "loc1-ce1", 1, 1, "10.2.30.3"},
	{"loc1", "loc1-ce1", HUB, LOC1, "loc1-vm", 1, 1, "192.168.30.1"},
	{"loc1", "loc1-vm", LOC1, "10.2.30.11", "loc1-vm2"},
	{"loc2", "loc2-vm", LOC2, HUB, "loc2-ce2", 1, 1, "10.1.31.3"},
	{"loc2", "loc2-vm", LOC2, SPOKE, "loc2-ce1", 1, 1, "10.1.31.3"},
	{"loc2", "loc2-ce2", HUB, LOC2, "loc2-vm", 1, 1, "192.168.31.5"},
};

static const char *words(const struct way *w, unsigned ttl)
{
	return text_of("%s from %s, %s to %s, TTL %u", w->device, w->from, w->src, w->dst, ttl);
}

static uint64_t path_packets(const dp_path_counts *counts, const char *name, uint64_t *bytes)
{
	uint64_t packets = 0;

	vec_each(c, counts) {
		if (!name || !strcmp(c->name, name)) {
			packets += c->packets;
			*bytes += c->bytes;
		}
	}
	return packets;
}

/* One packet on this path and on no other; on none when there is none. */
static void expect_path(const dp_path_counts *before, const dp_path_counts *after, const char *path, size_t length,
			const char *text)
{
	uint64_t was = 0, is = 0, all_was = 0, all_is = 0;
	uint64_t n = path_packets(after, NULL, &all_is) - path_packets(before, NULL, &all_was);

	cr_expect_eq(n, !!path, "%s: counted on %u paths", text, (unsigned)n);
	if (!path)
		return;
	n = path_packets(after, path, &is) - path_packets(before, path, &was);
	cr_expect_eq(n, 1, "%s: not counted on path '%s'", text, path);
	cr_expect_eq(is - was, length, "%s: %u bytes on the path, not %zu", text, (unsigned)(is - was), length);
}

/* The packet as it must leave, all of it made anew. */
static void expect_forwarded(const struct way *w, uint32_t in, const struct spec *s, const struct result *r)
{
	uint32_t out;
	struct spec left = *s;
	struct frame want;

	left.ttl = s->ttl - w->lowers;
	make_packet(&want, &left);
	out = w->to ? port_at(w->device, w->to) : predict_port(in, &want);
	leave_by(&want, out, image_port(in)->entry.role == ERX_ROLE_HOST ? 1 : 8, &r->frame);
	expect_outcome(r, ERX_forwarded, "%s", words(w, s->ttl));
	expect_frame(&r->frame, &want, words(w, s->ttl));
}

/* The answer goes by the device's own table: for what came through a tunnel, into a tunnel again. */
static void expect_answered(const struct way *w, uint32_t in, const struct frame *packet, const struct result *r)
{
	struct frame want;
	uint8_t ttl = ip_at(packet)[8];

	make_error(&want, packet, ip_of(w->as), 11, 0, 0);
	leave_by(&want, predict_port(in, &want), 1, &r->frame);
	expect_outcome(r, ERX_answered_time_exceeded, "%s", words(w, ttl));
	expect_frame(&r->frame, &want, words(w, ttl));
}

static void try_way(const struct way *w, uint8_t ttl)
{
	struct spec s = {.src = w->src, .dst = w->dst, .ttl = ttl, .tos = 0x2a};
	uint32_t in = port_at(w->device, w->from);
	dp_path_counts before = {}, after = {};
	struct frame packet, f;
	struct result r;

	make_packet(&packet, &s);
	f = packet;
	arrive_at(&f, in, 7);
	read_paths(&before);
	run(in, &f, &r);
	read_paths(&after);
	if (ttl > w->lowers) {
		expect_forwarded(w, in, &s, &r);
		expect_path(&before, &after, w->path, get16(ip_at(&packet) + 2), words(w, ttl));
	} else if (w->answers >> (ttl - 1) & 1) {
		expect_answered(w, in, &packet, &r);
	} else {
		expect_outcome(&r, ERX_ttl_silent, "%s", words(w, ttl));
		expect_path(&before, &after, NULL, 0, words(w, ttl));
	}
	vec_free(&before);
	vec_free(&after);
}

static void try_ways(const struct way *of, size_t n)
{
	static const uint8_t ttls[] = {1, 2, 3, 64, 128, 255};

	for (size_t i = 0; i < n * N(ttls); i++)
		try_way(&of[i / N(ttls)], ttls[i % N(ttls)]);
}

TestSuite(forward, .fini = twin_unload, .timeout = 120);

Test(forward, every_kind_of_device_in_profile_2018)
{
	twin_load(NULL);
	try_ways(ways, N(ways));
}

Test(forward, other_profiles_and_knobs)
{
	static const struct edit edits[] = {
		{"profile: \"2018\"", "profile: current"},
		{"hub-ergw:     {virtualNetwork: hub,", "hub-ergw: {virtualNetwork: hub, ttl: transparent,"},
		{"expressRouteGatewayBypass: false", "expressRouteGatewayBypass: true"},
		{},
	};
	static const struct way others[] = {
		{"hub-vpngw/0", "hub", HUB, BRANCH, "branch-vpngw/0", .path = "hub>hub-branch-vpn"},
		{"hub-ergw/0", "er1.primary", LOC1, HUB, "hub"},
		{"remote-ergw/0", "er1.primary", HUB, REMOTE, "remote", 1, 0},
		{"er1.primary", "loc1-ce1", LOC1, HUB, "hub", 1, 1, "192.168.30.18", "er1.primary>hub/fastpath"},
	};

	twin_load(edits);
	try_ways(others, N(others));
}

/* The checksum is not summed anew when the TTL is lowered: so every value it can have, by one and by two. */
Test(forward, every_checksum)
{
	static const struct way both[] = {
		{"loc1-ce1", "loc1", LOC1, HUB, "er1.primary", 1},
		{"hub-vpngw/0", "hub", HUB, BRANCH, "branch-vpngw/0", 2},
	};

	twin_load(NULL);
	for (uint32_t i = 0; i < 2 * 0x10000; i++) {
		const struct way *w = &both[i >> 16];
		uint32_t in = port_at(w->device, w->from);
		struct frame f, want;
		struct result r;

		make_packet(&f, &(struct spec){.src = w->src, .dst = w->dst, .length = 20, .protocol = OTHER});
		put16(ip_at(&f) + 4, i);
		fix_ip(&f);
		want = f;
		ip_at(&want)[8] -= w->lowers;
		fix_ip(&want);
		arrive_at(&f, in, 1);
		run(in, &f, &r);
		leave_by(&want, port_at(w->device, w->to), hops_after(in), &r.frame);
		if (r.frame.n != want.n || memcmp(r.frame.bytes, want.bytes, want.n))
			expect_frame(&r.frame, &want, text_of("%s, identification %04x", w->device, i & 0xffff));
	}
}

Test(forward, ttl_zero_at_every_port)
{
	twin_load(NULL);
	for (size_t i = 0; i < N(ways); i++) {
		uint32_t in = port_at(ways[i].device, ways[i].from);
		struct frame f;
		struct result r;

		packet_at(&f, in, &(struct spec){.src = ways[i].src, .dst = ways[i].dst, .ttl = NONE});
		run(in, &f, &r);
		expect_outcome(&r, ERX_ttl_zero, "%s", words(&ways[i], 0));
	}
}

/* The MACs that frames are made with are those of the interfaces. */
static int expect_mac(int s, const char *name, const uint8_t *mac)
{
	struct ifreq ifr = {};

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(s, SIOCGIFHWADDR, &ifr) < 0)
		return -1;
	return memcmp(ifr.ifr_hwaddr.sa_data, mac, 6);
}

static int expect_host_mac(void *mac)
{
	int s = socket(AF_INET, SOCK_DGRAM, 0), differs = expect_mac(s, "eth0", mac);

	close(s);
	return differs;
}

Test(forward, macs_are_those_of_the_interfaces)
{
	static const uint8_t azure[6] = {0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc};
	char namespace[256];
	struct error e;
	uint8_t mac[6];
	int s;

	twin_load(NULL);
	s = socket(AF_INET, SOCK_DGRAM, 0);
	vec_each(p, &twin.lab->image->ports)
		cr_expect_eq(expect_mac(s, p->ifname, p->entry.mac), 0, "%s", p->ifname);
	close(s);
	vec_each(h, &twin.lab->fabric->hosts) {
		host_mac(twin.lab->image, h, mac);
		lab_host_namespace(twin.lab, h, namespace);
		cr_expect_eq(net_call(namespace, expect_host_mac, mac, &e), 0, "%s", h->name);
		if (h->vnet)
			cr_expect_arr_eq(image_port(h->port)->entry.mac, azure, 6, "%s", h->name);
	}
}

/* --- Hop budget --------------------------------------------------------------------------------------------------- */

Test(forward, hop_budget_ends_a_packet)
{
	static const struct budget {
		const char *device, *from, *src, *dst;
		uint8_t hops;
		enum erx_outcome outcome;
		uint8_t left;
	} cases[] = {
		{"hub-vpngw/0", "branch-vpngw/0", BRANCH, HUB, 0, ERX_forwarded, 1},
		{"hub-vpngw/0", "branch-vpngw/0", BRANCH, HUB, 253, ERX_forwarded, 254},
		{"hub-vpngw/0", "branch-vpngw/0", BRANCH, HUB, 254, ERX_forwarded, 255},
		{"hub-vpngw/0", "branch-vpngw/0", BRANCH, HUB, 255, ERX_loop},
		{"hub", "spoke", SPOKE, HUB, 255, ERX_loop},
		{"er1.primary", "hub", HUB, LOC1, 255, ERX_loop},
		{"hub-ergw/0", "er1.primary", LOC1, HUB, 255, ERX_loop},
		{"loc1-ce1", "loc1", LOC1, HUB, 255, ERX_loop},
		{"loc1", "loc1-ce1", HUB, LOC1, 255, ERX_loop},
		/* What a host has in that byte is its own affair. */
		{"hub", "hub-vm", HUB, LOC1, 255, ERX_forwarded, 1},
		{"loc1", "loc1-vm", LOC1, HUB, 255, ERX_forwarded, 1},
	};

	twin_load(NULL);
	for (size_t i = 0; i < N(cases); i++) {
		const struct budget *c = &cases[i];
		uint32_t in = port_at(c->device, c->from);
		struct frame f;
		struct result r;

		packet_at(&f, in, &(struct spec){.src = c->src, .dst = c->dst});
		f.bytes[11] = c->hops;
		run(in, &f, &r);
		expect_outcome(&r, c->outcome, "%s from %s, %u hops", c->device, c->from, c->hops);
		if (c->outcome == ERX_forwarded)
			cr_expect_eq(r.frame.bytes[11], c->left, "%u hops left", r.frame.bytes[11]);
	}
}

/* Make the route of a port's table that covers dst lead to another port of the device. */
static void bend_route(uint32_t port, const char *dst, uint32_t out)
{
	const struct image *image = twin.lab->image;
	struct addr a = {};
	const struct image_route *route;
	struct erx_group group;
	int groups = map_of("erx_groups");

	cr_assert_eq(addr_parse(dst, &a), 0);
	route = image_lookup(image, image_table_of_port(image, port), &a);
	cr_assert(route);
	cr_assert_eq(bpf_map_lookup_elem(groups, &route->group, &group), 0);
	group.slots[group.current] = (struct erx_hops){.n = 1, .members = {{.adjacency = image_port(out)->adjacency}}};
	cr_assert_eq(bpf_map_update_elem(groups, &route->group, &group, BPF_ANY), 0);
	close(groups);
}

static int send_one(void *arg)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = 0x900};
	int s = socket(AF_INET, SOCK_DGRAM, 0), sent;

	to.sin_addr.s_addr = addr_be32(&((const struct host *)arg)->addr);
	sent = sendto(s, "loop", 4, 0, (struct sockaddr *)&to, sizeof(to));
	close(s);
	return sent;
}

static void sum_outcomes(uint64_t sums[static ERX_N_OUTCOMES])
{
	memset(sums, 0, ERX_N_OUTCOMES * sizeof(*sums));
	vec_each(d, &twin.lab->image->devices) {
		uint64_t counts[ERX_N_OUTCOMES];

		cr_assert_eq(dp_read_device(twin.dp, d->id, counts), 0);
		for (int i = 0; i < ERX_N_OUTCOMES; i++)
			sums[i] += counts[i];
	}
}

/* Two gateways that decrement nothing send a real packet to each other until its budget is used up. */
Test(forward, real_loop_ends)
{
	const struct host *from, *to;
	uint64_t sums[ERX_N_OUTCOMES], later[ERX_N_OUTCOMES];
	char namespace[256];
	uint32_t in;
	struct error e;

	twin_load(NULL);
	from = fabric_host(twin.lab->fabric, "hub-vm");
	to = fabric_host(twin.lab->fabric, "branch-vm");
	in = port_at("branch-vpngw/0", "hub-vpngw/0");
	bend_route(in, BRANCH, in);
	lab_host_namespace(twin.lab, from, namespace);
	cr_assert_eq(net_call(namespace, send_one, (void *)to, &e), 4);
	for (int wait = 0; wait < 1000; wait++) {
		usleep(20000);
		sum_outcomes(sums);
		if (sums[ERX_loop])
			break;
	}
	cr_expect_eq(sums[ERX_loop], 1);
	cr_expect_eq(sums[ERX_forwarded], 255, "%u devices crossed", (unsigned)sums[ERX_forwarded]);
	usleep(50000);
	sum_outcomes(later);
	cr_expect_arr_eq(sums, later, sizeof(sums), "the traffic has not ended");
}
