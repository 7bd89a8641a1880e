// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Frames that are wrong, odd or cut short, at the programs of every kind: what each is counted as. */
#include <string.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>

#include "twin.h"

#define HUB  "10.10.30.4"
#define LOC1 "10.2.30.10"

TestSuite(frames, .init = twin_load_plain, .fini = twin_unload, .timeout = 120);

/* A port of each kind of device, hosts' ports and tunnels among them, and a packet that it lets pass. */
static const struct stop {
	const char *device, *from, *src, *dst;
} stops[] = {
	{"hub", "hub-vm", HUB, LOC1},
	{"hub", "hub-ergw/0", LOC1, HUB},
	{"er1.primary", "loc1-ce1", LOC1, HUB},
	{"hub-ergw/0", "er1.primary", LOC1, HUB},
	{"hub-vpngw/0", "hub", HUB, "10.11.30.68"},
	{"hub-vpngw/0", "branch-vpngw/0", "10.11.30.68", HUB},
	{"loc1-ce1", "loc1", LOC1, HUB},
	{"loc1", "loc1-vm", LOC1, HUB},
	{"loc1", "loc1-ce1", HUB, LOC1},
};

static const char *words(const struct stop *s, const char *what)
{
	return text_of("%s from %s: %s", s->device, s->from, what);
}

static uint32_t port_of(const struct stop *s)
{
	return port_at(s->device, s->from);
}

static bool is_tunnel(uint32_t port)
{
	return image_port(port)->entry.role == ERX_ROLE_TUNNEL;
}

/* --- Every length ------------------------------------------------------------------------------------------------- */

static void cut_everywhere(const struct stop *s, uint8_t protocol)
{
	struct spec spec = {.src = s->src, .dst = s->dst, .protocol = protocol, .length = 100};
	uint32_t in = port_of(s);
	struct frame f;
	struct result r;
	size_t whole;

	packet_at(&f, in, &spec);
	whole = f.n;
	/* Shorter than its headers say; with padding behind it; longer than a link takes. */
	for (size_t n = ETH; n <= 1600; n++) {
		f.n = n;
		run(in, &f, &r);
		expect_outcome(&r,
			       n < whole	 ? ERX_truncated
			       : n <= ETH + 1500 ? ERX_forwarded
						 : ERX_oversize,
			       "%s", words(s, text_of("protocol %u, %zu of %zu bytes", protocol, n, whole)));
	}
	f.n = FRAME_MAX;
	run(in, &f, &r);
	expect_outcome(&r, ERX_oversize, "%s", words(s, "all that a page holds"));
}

Test(frames, every_length_from_14_on)
{
	for (size_t i = 0; i < N(stops); i++) {
		cut_everywhere(&stops[i], ICMP);
		cut_everywhere(&stops[i], TCP);
		cut_everywhere(&stops[i], UDP);
	}
}

/* --- Bytes changed ------------------------------------------------------------------------------------------------ */

struct change {
	const char *name;
	uint8_t at, n; /* in the frame */
	uint8_t bytes[6];
	bool fix; /* the header checksum afterwards */
	enum erx_outcome outcome;
};

static const struct change changes[] = {
	{"nothing", 0, 0, {}, false, ERX_forwarded},
	{"another MAC", 5, 1, {0xee}, false, ERX_not_for_me},
	{"another MAC", 0, 1, {0x04}, false, ERX_not_for_me},
	{"broadcast MAC", 0, 6, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, false, ERX_multicast},
	{"multicast MAC", 0, 6, {0x01, 0x00, 0x5e, 0, 0, 1}, false, ERX_multicast},
	{"802.1Q", 12, 2, {0x81, 0x00}, false, ERX_vlan},
	{"802.1ad", 12, 2, {0x88, 0xa8}, false, ERX_vlan},
	{"IPv6", 12, 2, {0x86, 0xdd}, false, ERX_not_ipv4},
	{"a length", 12, 2, {0x00, 0x64}, false, ERX_not_ipv4},
	{"LLDP", 12, 2, {0x88, 0xcc}, false, ERX_not_ipv4},
	{"version 0", 14, 1, {0x05}, true, ERX_bad_version},
	{"version 5", 14, 1, {0x55}, true, ERX_bad_version},
	{"version 6", 14, 1, {0x65}, true, ERX_bad_version},
	{"version 15", 14, 1, {0xf5}, true, ERX_bad_version},
	{"IHL 0", 14, 1, {0x40}, false, ERX_bad_header_length},
	{"IHL 1", 14, 1, {0x41}, false, ERX_bad_header_length},
	{"IHL 2", 14, 1, {0x42}, false, ERX_bad_header_length},
	{"IHL 3", 14, 1, {0x43}, false, ERX_bad_header_length},
	{"IHL 4", 14, 1, {0x44}, false, ERX_bad_header_length},
	{"IHL 6 without its checksum", 14, 1, {0x46}, false, ERX_bad_checksum},
	{"length 0", 16, 2, {0, 0}, true, ERX_bad_length},
	{"length 19", 16, 2, {0, 19}, true, ERX_bad_length},
	{"length above the frame", 16, 2, {0x0f, 0}, true, ERX_truncated},
	{"length 65535", 16, 2, {0xff, 0xff}, true, ERX_truncated},
	{"checksum off by one", 25, 1, {0}, false, ERX_bad_checksum},
	{"checksum 0", 24, 2, {0, 0}, false, ERX_bad_checksum},
	{"checksum ffff", 24, 2, {0xff, 0xff}, false, ERX_bad_checksum},
	{"another TOS", 15, 1, {0xff}, false, ERX_bad_checksum},
	{"TTL 0", 22, 1, {0}, true, ERX_ttl_zero},
	{"to 224.0.0.1", 30, 4, {224, 0, 0, 1}, true, ERX_multicast},
	{"to 239.255.255.255", 30, 4, {239, 255, 255, 255}, true, ERX_multicast},
	{"to 240.0.0.1", 30, 4, {240, 0, 0, 1}, true, ERX_multicast},
	{"to 255.255.255.255", 30, 4, {255, 255, 255, 255}, true, ERX_multicast},
};

static void change(const struct stop *s, const struct change *c)
{
	uint32_t in = port_of(s);
	struct frame f;
	struct result r;

	packet_at(&f, in, &(struct spec){.src = s->src, .dst = s->dst});
	if (c->at == 25)
		f.bytes[25]++;
	else
		memcpy(f.bytes + c->at, c->bytes, c->n);
	if (c->fix)
		fix_ip(&f);
	run(in, &f, &r);
	expect_outcome(&r, c->outcome, "%s", words(s, c->name));
}

Test(frames, malformed_by_reason)
{
	for (size_t i = 0; i < N(stops) * N(changes); i++)
		change(&stops[i / N(changes)], &changes[i % N(changes)]);
}

/* --- Options ------------------------------------------------------------------------------------------------------ */

/* Random options, so that each of their bytes counts in the checksum. */
static void try_options(const struct stop *s, uint8_t ihl, uint16_t length, uint64_t *seed)
{
	struct spec spec = {.src = s->src, .dst = s->dst, .ihl = ihl, .length = length};
	uint32_t in = port_of(s);
	struct frame f;
	struct result r;

	make_packet(&f, &spec);
	for (int i = 20; i < ihl * 4; i++)
		ip_at(&f)[i] = random32(seed);
	fix_ip(&f);
	arrive_at(&f, in, 1);
	run(in, &f, &r);
	expect_outcome(&r, ERX_forwarded, "%s", words(s, text_of("IHL %u", ihl)));
	cr_expect_eq(sum16(ip_at(&r.frame), ip_header(&r.frame), 0), 0xffff, "%s", words(s, "checksum afterwards"));

	ip_at(&f)[(is_tunnel(in) ? 44 : 0) + 20 + random32(seed) % (ihl * 4 - 20)] ^= 1 << random32(seed) % 8;
	run(in, &f, &r);
	expect_outcome(&r, ERX_bad_checksum, "%s", words(s, text_of("IHL %u, one bit changed", ihl)));
}

Test(frames, options_are_carried)
{
	uint64_t seed = 1;

	for (size_t i = 0; i < N(stops); i++) {
		for (uint8_t ihl = 6; ihl <= 15; ihl++) {
			for (int times = 0; times < 20; times++)
				try_options(&stops[i], ihl, ihl * 4 + times, &seed);
		}
	}
}

Test(frames, header_longer_than_the_packet)
{
	for (size_t i = 0; i < N(stops); i++) {
		uint32_t in = port_of(&stops[i]);
		struct frame f;
		struct result r;

		make_packet(&f, &(struct spec){.src = stops[i].src, .dst = stops[i].dst, .ihl = 15, .length = 60});
		put16(ip_at(&f) + 2, 59);
		fix_ip(&f);
		if (!is_tunnel(in)) {
			arrive_at(&f, in, 1);
			run(in, &f, &r);
			expect_outcome(&r, ERX_bad_length, "%s", words(&stops[i], "59 of 60 bytes of header"));
		}
	}
}

/* --- Fragments ---------------------------------------------------------------------------------------------------- */

Test(frames, fragments_go_by_address)
{
	static const uint16_t kinds[] = {MF, MF | 1, MF | 185, 185, 0x1fff, DF | MF, DF | 1};

	for (size_t i = 0; i < N(stops) * N(kinds) * 3; i++) {
		const struct stop *s = &stops[i / 3 / N(kinds)];
		uint8_t protocol = i % 3 == 0 ? ICMP : i % 3 == 1 ? TCP : UDP;
		struct spec spec = {.src = s->src, .dst = s->dst, .protocol = protocol, .sport = i, .dport = i * 7};
		uint32_t in = port_of(s), out;
		struct frame f, plain;
		struct result r;

		spec.fragment = kinds[i / 3 % N(kinds)];
		make_packet(&plain, &spec);
		packet_at(&f, in, &spec);
		run(in, &f, &r);
		expect_outcome(&r, ERX_forwarded, "%s", words(s, text_of("fragment %04x", spec.fragment)));
		/* All fragments of a flow take one way: no ports in the hash. */
		out = predict_port(in, &plain);
		cr_expect_arr_eq(r.frame.bytes + 6, image_port(out)->entry.mac, 5, "%s", words(s, "another way"));
	}
}

/* --- Hosts' ports ------------------------------------------------------------------------------------------------- */

Test(frames, hosts_send_from_their_own_address_only)
{
	static const struct {
		const char *device, *from, *dst;
	} ports[] = {{"hub", "hub-vm", LOC1}, {"loc1", "loc1-vm", HUB}, {"spoke", "spoke-vm", HUB}};
	static const char *const spoofed[] = {"10.10.30.5", "10.2.30.11", "10.11.30.5", "10.10.30.132",	  "8.8.8.8",
					      "0.0.0.0",    "127.0.0.1",  "224.0.0.1",	"255.255.255.255"};

	for (size_t i = 0; i < N(ports) * N(spoofed); i++) {
		uint32_t in = port_at(ports[i / N(spoofed)].device, ports[i / N(spoofed)].from);
		struct spec s = {.src = spoofed[i % N(spoofed)], .dst = ports[i / N(spoofed)].dst, .ttl = 1 + i % 2};
		struct frame f;
		struct result r;

		packet_at(&f, in, &s);
		run(in, &f, &r);
		expect_outcome(&r, ERX_spoofed, "%s from %s", s.src, ports[i / N(spoofed)].from);
	}
}

/* --- Interfaces that are no ports --------------------------------------------------------------------------------- */

Test(frames, an_interface_that_is_no_port)
{
	uint64_t before[ERX_N_OUTCOMES], after[ERX_N_OUTCOMES];
	uint8_t out[FRAME_MAX];
	struct frame f;

	packet_at(&f, port_of(&stops[0]), &(struct spec){.src = HUB, .dst = LOC1});
	for (int kind = 0; kind < ERX_N_KINDS; kind++) {
		size_t n = sizeof(out);
		uint32_t verdict;

		cr_assert_eq(dp_read_device(twin.dp, 0, before), 0);
		cr_assert_eq(dp_test_run(twin.dp, kind, 1, f.bytes, f.n, out, &n, &verdict), 0); /* 1: loopback */
		cr_assert_eq(dp_read_device(twin.dp, 0, after), 0);
		cr_expect_eq(verdict, 1);
		cr_expect_eq(after[ERX_unknown_port] - before[ERX_unknown_port], 1);
	}
}

/* --- What the lab's state makes of good packets ------------------------------------------------------------------- */

static void expect_at(const char *device, const char *from, const struct spec *s, enum erx_outcome outcome)
{
	uint32_t in = port_at(device, from);
	struct frame f;
	struct result r;

	packet_at(&f, in, s);
	run(in, &f, &r);
	expect_outcome(&r, outcome, "%s from %s to %s", device, s->src, s->dst);
}

Test(frames, silent_faults_lose_all_that_arrives)
{
	const struct spec s = {.src = HUB, .dst = LOC1}, back = {.src = LOC1, .dst = HUB};

	cr_assert_eq(lab_fail(twin.lab, "er1.primary", FAULT_SILENT), 0);
	twin_apply_state();
	expect_at("loc1-ce1", "er1.primary", &s, ERX_fault);
	expect_at("er1.primary", "loc1-ce1", &back, ERX_fault);
	expect_at("er1.primary", "hub", &s, ERX_forwarded);
	lab_restore(twin.lab, NULL);
	twin_apply_state();
	expect_at("er1.primary", "loc1-ce1", &back, ERX_forwarded);
}

Test(frames, a_port_without_an_interface)
{
	uint32_t out = image_port(port_at("er1.primary", "loc1-ce1"))->id;
	int links = map_of("erx_links");

	cr_assert_eq(bpf_map_delete_elem(links, &out), 0);
	close(links);
	expect_at("er1.primary", "hub", &(struct spec){.src = HUB, .dst = LOC1}, ERX_no_port);
}

/* What takes the short way goes on without it: all a device of every kind loses is counted. */
Test(frames, without_the_program_of_the_long_way)
{
	const uint32_t walk = 0;
	int programs = map_of("erx_walk");
	struct frame f;
	struct result r;

	cr_assert_eq(bpf_map_delete_elem(programs, &walk), 0);
	for (size_t i = 0; i < N(stops); i++) {
		uint32_t in = port_of(&stops[i]);

		packet_at(&f, in, &(struct spec){.src = stops[i].src, .dst = stops[i].dst, .protocol = ICMP});
		run(in, &f, &r);
		cr_expect_eq(r.verdict, XDP_DROP);
		expect_outcome(&r, ERX_no_program, "%s", words(&stops[i], "an echo request"));
	}
	close(programs);
	expect_at("er1.primary", "hub", &(struct spec){.src = HUB, .dst = LOC1, .protocol = UDP}, ERX_forwarded);
}

Test(frames, destinations_that_lead_nowhere)
{
	expect_at("hub", "hub-vm", &(struct spec){.src = HUB, .dst = "8.8.8.8"}, ERX_internet);
	expect_at("hub", "hub-vm", &(struct spec){.src = HUB, .dst = "10.200.0.1"}, ERX_route_none);
	expect_at("hub", "hub-vm", &(struct spec){.src = HUB, .dst = "10.10.30.77"}, ERX_no_next_hop);
	expect_at("loc1-ce1", "loc1", &(struct spec){.src = LOC1, .dst = "8.8.8.8"}, ERX_no_route);
	/* Without a route there is no answer either, whatever is left of the TTL. */
	expect_at("loc1-ce1", "loc1", &(struct spec){.src = LOC1, .dst = "8.8.8.8", .ttl = 1}, ERX_no_route);
}

TestSuite(fragments, .fini = twin_unload, .timeout = 120);

Test(fragments, refused_where_the_gateway_is_set_so)
{
	static const struct edit edits[] = {
		{"hub-ergw:     {virtualNetwork: hub,", "hub-ergw: {virtualNetwork: hub, dropFragments: true,"}, {}};
	static const uint16_t fragments[] = {MF, MF | 9, 9};

	twin_load(edits);
	for (size_t i = 0; i < N(fragments); i++) {
		struct spec s = {.src = LOC1, .dst = HUB, .fragment = fragments[i]};

		expect_at("hub-ergw/0", "er1.primary", &s, ERX_fragment_refused);
		expect_at("er1.primary", "loc1-ce1", &s, ERX_forwarded);
		s.src = HUB;
		s.dst = "10.17.30.4";
		expect_at("remote-ergw/1", "er1.primary", &s, ERX_forwarded);
	}
	expect_at("hub-ergw/0", "er1.primary", &(struct spec){.src = LOC1, .dst = HUB, .fragment = DF}, ERX_forwarded);
}

/* --- ARP ---------------------------------------------------------------------------------------------------------- */

struct arp {
	const char *name;
	const char *sender, *target; /* NULL: the host's own address */
	uint16_t operation;	     /* 1 */
	uint16_t hardware, protocol; /* 1, 0x0800 */
	uint8_t hardware_len, protocol_len;
	bool vnet, lan; /* answered by a VNet, by the switch of location 1 */
};

static const struct arp arps[] = {
	{"gateway", NULL, "10.10.30.1", .vnet = true},
	{"LAN's gateway", NULL, "10.2.30.1", .vnet = true, .lan = true},
	{"switch", NULL, "10.2.30.3", .vnet = true, .lan = true},
	{"another host of the LAN", NULL, "10.2.30.11", .vnet = true, .lan = true},
	{"nobody's address of the LAN", NULL, "10.2.30.77", .vnet = true},
	{"another VM", NULL, "10.10.30.5", .vnet = true},
	{"anything", NULL, "8.8.8.8", .vnet = true},
	{"gratuitous", NULL, NULL},
	{"probe for its own address", "0.0.0.0", NULL},
	{"reply", NULL, "10.10.30.1", .operation = 2},
	{"reverse ARP", NULL, "10.10.30.1", .operation = 3},
	{"operation 0", NULL, "10.10.30.1", .operation = 0xff00},
	{"another hardware", NULL, "10.10.30.1", .hardware = 6},
	{"another protocol", NULL, "10.10.30.1", .protocol = 0x86dd},
	{"hardware size 8", NULL, "10.10.30.1", .hardware_len = 8},
	{"protocol size 16", NULL, "10.10.30.1", .protocol_len = 16},
};

static void make_arp(struct frame *f, const struct arp *a, const uint8_t mac[static 6], const char *own)
{
	uint8_t *arp = f->bytes + ETH;

	memset(f->bytes, 0xff, 6);
	memcpy(f->bytes + 6, mac, 6);
	put16(f->bytes + 12, 0x0806);
	put16(arp, a->hardware ?: 1);
	put16(arp + 2, a->protocol ?: 0x0800);
	arp[4] = a->hardware_len ?: 6;
	arp[5] = a->protocol_len ?: 4;
	put16(arp + 6, a->operation ?: 1);
	memcpy(arp + 8, mac, 6);
	put32(arp + 14, ip_of(a->sender ?: own));
	memset(arp + 18, 0, 6);
	put32(arp + 24, ip_of(a->target ?: own));
	f->n = ETH + 28;
}

/* RFC 826: sender and target exchanged, the port's MAC as the answer. */
static void expect_reply(const struct frame *request, const struct result *r, const uint8_t mac[static 6],
			 const char *text)
{
	struct frame want = *request;
	uint8_t *arp = want.bytes + ETH;

	memcpy(want.bytes, request->bytes + 6, 6);
	memcpy(want.bytes + 6, mac, 6);
	put16(arp + 6, 2);
	memcpy(arp + 8, mac, 6);
	memcpy(arp + 14, request->bytes + ETH + 24, 4);
	memcpy(arp + 18, request->bytes + ETH + 8, 10);
	expect_outcome(r, ERX_answered_arp, "%s", text);
	expect_frame(&r->frame, &want, text);
}

static void try_arp(const char *device, const char *from, const struct arp *a, const char *own, bool answered)
{
	uint32_t in = port_at(device, from);
	const uint8_t *mac = image_port(in)->entry.mac;
	const char *text = text_of("%s, %s", from, a->name);
	struct frame f;
	struct result r;

	packet_at(&f, in, &(struct spec){.src = HUB, .dst = HUB});
	make_arp(&f, a, (const uint8_t[6]){0, 0x0d, 0x3a, 1, 2, 3}, own);
	for (int unicast = 0; unicast < 2; unicast++) {
		if (unicast)
			memcpy(f.bytes, mac, 6);
		run(in, &f, &r);
		if (answered)
			expect_reply(&f, &r, mac, text);
		else
			expect_outcome(&r, ERX_arp_other, "%s", text);
	}
	for (size_t n = ETH; n < ETH + 28; n++) {
		f.n = n;
		run(in, &f, &r);
		expect_outcome(&r, ERX_truncated, "%s, %zu bytes", text, n);
	}
}

Test(frames, arp)
{
	for (size_t i = 0; i < N(arps); i++) {
		try_arp("hub", "hub-vm", &arps[i], HUB, arps[i].vnet);
		try_arp("loc1", "loc1-vm", &arps[i], LOC1, arps[i].lan);
		/* Devices know each other without. */
		try_arp("loc1", "loc1-ce1", &arps[i], LOC1, false);
		try_arp("hub", "hub-ergw/0", &arps[i], HUB, false);
		try_arp("er1.primary", "loc1-ce1", &arps[i], LOC1, false);
	}
}
