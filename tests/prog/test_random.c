// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A million frames that nobody would think of, at every port of the lab: what
 * must hold for each of them whatever it is, and that each is counted once.
 *
 * The frames are the same in every run; ERXDP_SEED=n tries others,
 * ERXDP_FRAMES=n fewer or more. bpf_prog_test_run() takes one frame per call
 * (its `repeat` runs the same frame again), so the counters, which take two
 * calls per device, are read once per batch.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twin.h"

#define FRAMES 1000000
#define BATCH  5000

static uint64_t seed;

static uint32_t below(uint32_t n)
{
	return random32(&seed) % n;
}

static bool one_in(uint32_t n)
{
	return !below(n);
}

/* --- Frames ------------------------------------------------------------------------------------------------------- */

static uint32_t some_address(void)
{
	static const char *const odd[] = {"0.0.0.0",	  "127.0.0.1",	 "224.0.0.5", "255.255.255.255",
					  "240.0.0.1",	  "10.2.30.127", "8.8.8.8",   "169.254.1.1",
					  "10.10.30.255", "10.200.1.1",	 "10.10.30.1"};
	const struct fabric *f = twin.lab->fabric;

	switch (below(8)) {
	case 0: return ip_of(odd[below(N(odd))]);
	case 1: return random32(&seed);
	case 2: return __builtin_bswap32(addr_be32(&f->ports.items[below(f->ports.n)].addr.addr));
	default: return __builtin_bswap32(addr_be32(&f->hosts.items[below(f->hosts.n)].addr));
	}
}

static uint16_t some_length(void)
{
	switch (below(8)) {
	case 0: return 20 + below(1481);
	case 1: return 1400 + below(101);
	default: return 20 + below(100);
	}
}

static void valid_packet(struct frame *f, uint32_t port)
{
	static const int ttls[] = {NONE, 1, 1, 1, 2, 3, 64, 255};
	static const uint8_t protocols[] = {ICMP, ICMP, ICMP, TCP, UDP, UDP, OTHER};
	static const uint16_t fragments[] = {0, 0, 0, DF, DF, MF, MF | 3, 185};
	static const int types[] = {NONE, 3, 4, 5, 8, 8, 11, 12, 13};
	struct spec s = {
		.src = "0.0.0.0",
		.dst = "0.0.0.0",
		.ttl = ttls[below(N(ttls))],
		.protocol = protocols[below(N(protocols))],
		.fragment = fragments[below(N(fragments))],
		.type = types[below(N(types))],
		.ihl = one_in(8) ? 5 + below(11) : 5,
		.tos = random32(&seed),
		.sport = random32(&seed),
		.dport = one_in(10) ? 3784 : random32(&seed), /* where hellos go */
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
	if (entry->host && !one_in(10))
		memcpy(ip_at(f) + 12, &entry->host, 4);
	fix_ip(f);
	arrive_at(f, port, one_in(50) ? 255 - below(2) : below(20));
}

static void mutate(struct frame *f)
{
	static const uint8_t places[] = {12, 13, 14, 14, 15, 16, 17, 20, 21, 22, 23, 24, 25, 26, 30, 34};

	for (uint32_t times = below(4); times; times--) {
		switch (below(4)) {
		case 0: f->bytes[places[below(N(places))]] = random32(&seed); break;
		case 1: f->bytes[below(f->n)] ^= 1 << below(8); break;
		case 2: f->bytes[ETH + below(f->n - ETH)] = one_in(2) ? 0xff : random32(&seed); break;
		default: f->n = one_in(2) ? ETH + below(f->n - ETH + 1) : f->n + below(40);
		}
		if (f->n <= ETH)
			f->n = ETH + 1;
	}
	/* Or nearly nothing would come further than the checksum. */
	if (!one_in(4) && f->n >= ETH + 20 && ip_header(f) >= 20 && ETH + ip_header(f) <= f->n)
		fix_ip(f);
}

static void arp(struct frame *f, uint32_t port)
{
	static const uint8_t head[] = {0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1, 2, 3, 4, 5, 6, 7};

	f->n = ETH + 28 + (one_in(2) ? 18 : 0);
	memset(f->bytes, 0xff, f->n);
	memcpy(f->bytes + 6, (uint8_t[]){2, 3, 4, 5, 6, 7}, 6);
	memcpy(f->bytes + 12, head, sizeof(head));
	memcpy(f->bytes + ETH + 14, &image_port(port)->entry.host, 4);
	put32(f->bytes + ETH + 24, some_address());
}

static void noise(struct frame *f, uint32_t port)
{
	f->n = ETH + 1 + (one_in(10) ? below(1700) : below(100));
	for (size_t i = 0; i < f->n; i += 4)
		put32(f->bytes + i, random32(&seed));
	if (one_in(2))
		memcpy(f->bytes, image_port(port)->entry.mac, 6);
	if (one_in(2))
		put16(f->bytes + 12, one_in(4) ? 0x0806 : 0x0800);
	if (one_in(2))
		f->bytes[14] = 0x45;
}

/* --- What must hold ----------------------------------------------------------------------------------------------- */

static bool is_error(const uint8_t *ip)
{
	uint8_t type = ip[(ip[0] & 15) * 4];

	return ip[9] == ICMP && !(get16(ip + 6) & 0x1fff) &&
	       (type == 3 || type == 4 || type == 5 || type == 11 || type == 12);
}

static bool sound_packet(const uint8_t *ip, size_t n)
{
	size_t header = (ip[0] & 15) * 4;

	return n >= 20 && ip[0] >> 4 == 4 && header >= 20 && header <= get16(ip + 2) && get16(ip + 2) <= n &&
	       sum16(ip, header, 0) == 0xffff && ip[8] && ip[16] < 224;
}

/* The port a frame has left by; NO_INDEX when it has gone to a VM, whose gateway has no number in its MAC. */
static uint32_t left_by(const struct frame *f)
{
	if (memcmp(f->bytes + 6, (uint8_t[]){0x02, 0x45, 0x52}, 3))
		return NO_INDEX;
	vec_each(p, &twin.lab->image->ports) {
		if (!memcmp(p->entry.mac, f->bytes + 6, 5))
			return p->port->index;
	}
	return NO_INDEX;
}

static const uint8_t *packet_of(const struct frame *f, uint32_t port, size_t *n)
{
	bool tunnel = port != NO_INDEX && image_port(port)->entry.role == ERX_ROLE_TUNNEL;

	*n = f->n - ETH - (tunnel ? 44 + 18 : 0);
	return ip_at(f) + (tunnel ? 44 : 0);
}

/* NULL, or what is wrong with an ICMP error that a device has made. */
static const char *check_answer(const uint8_t *about, const struct frame *arrived, const uint8_t *error)
{
	if (sum16(error + 20, get16(error + 2) - 20, 0) != 0xffff)
		return "answer with a wrong checksum";
	if (get16(error + 2) > 576)
		return "answer of more than 576 bytes";
	if (memcmp(error + 28, about, get16(error + 2) - 28))
		return "answer that quotes something else";
	if (arrived->bytes[0] & 1 || about[16] >= 224)
		return "answer to a broadcast or multicast";
	if (is_error(about))
		return "answer to an ICMP error";
	if (get16(about + 6) & 0x1fff)
		return "answer to a later fragment";
	if (!about[12] || about[12] == 127 || about[12] >= 224)
		return "answer to nobody";
	return NULL;
}

static const char *check_left(uint32_t in, const struct frame *f, const struct frame *out)
{
	uint32_t port = left_by(out);
	const uint8_t *was, *is;
	size_t was_n, n;

	if (get16(out->bytes + 12) == 0x0806)
		return get16(f->bytes + 12) == 0x0806 && get16(ip_at(out) + 6) == 2 ? NULL : "ARP that is no reply";
	if (get16(out->bytes + 12) != 0x0800)
		return "left as neither IPv4 nor ARP";
	if (out->n > ETH + 1500)
		return "larger than a link";
	if (!sound_packet(ip_at(out), out->n - ETH))
		return "left with a bad header or TTL 0";
	was = packet_of(f, in, &was_n);
	is = packet_of(out, port, &n);
	if (!sound_packet(is, n) || !sound_packet(was, was_n))
		return "left, though bad inside";
	if (memcmp(is + 12, was + 12, 8) && is_error(is) && !is_error(was))
		return check_answer(was, f, is);
	if (!memcmp(is + 12, was + 12, 8) && is[8] > was[8])
		return "TTL has grown";
	return memcmp(is + 12, was + 12, 8) && get32(is + 16) != get32(was + 12) ? "an answer to somebody else" : NULL;
}

static void print_frame(const struct frame *f)
{
	for (size_t i = 0; i < f->n; i++)
		fprintf(stderr, "%02x%s", f->bytes[i], i % 32 == 31 || i + 1 == f->n ? "\n" : " ");
}

static bool try_frame(uint32_t in, const struct frame *f)
{
	enum xdp { DROP = 1, REDIRECT = 4 };
	static struct frame out;
	const char *wrong = NULL;
	uint32_t verdict;

	out.n = sizeof(out.bytes);
	cr_assert_eq(dp_test_run(twin.dp, image_port(in)->entry.kind, ifindex_of(in), f->bytes, f->n, out.bytes, &out.n,
				 &verdict),
		     0);
	if (verdict == REDIRECT)
		wrong = check_left(in, f, &out);
	else if (verdict != DROP)
		wrong = "neither dropped nor redirected";
	if (!wrong)
		return verdict == REDIRECT;
	print_frame(f);
	print_frame(&out);
	cr_assert_fail("%s from port %s: %s", device_of(in), image_port(in)->ifname, wrong);
	return false;
}

/* --- The run ------------------------------------------------------------------------------------------------------ */

struct sums {
	uint64_t outcomes[ERX_N_OUTCOMES], all, left, received;
};

static void read_sums(struct sums *s)
{
	memset(s, 0, sizeof(*s));
	vec_each(d, &twin.lab->image->devices) {
		uint64_t counts[ERX_N_OUTCOMES];

		cr_assert_eq(dp_read_device(twin.dp, d->id, counts), 0);
		for (int i = 0; i < ERX_N_OUTCOMES; i++) {
			s->outcomes[i] += counts[i];
			s->all += counts[i];
			s->left += i < ERX_FIRST_DROP && i != ERX_hello ? counts[i] : 0;
		}
	}
	vec_each(p, &twin.lab->image->ports) {
		struct erx_port_stats stats;
		uint64_t lost;

		cr_assert_eq(dp_read_port(twin.dp, p->id, &stats, &lost), 0);
		s->received += stats.received;
	}
}

static void run_batch(struct frame *f, size_t n)
{
	struct sums before, after;
	uint64_t left = 0;

	read_sums(&before);
	for (size_t i = 0; i < n; i++) {
		uint32_t in = below(twin.lab->image->ports.n);

		if (one_in(5)) {
			noise(f, in);
		} else {
			if (one_in(20))
				arp(f, in);
			else
				valid_packet(f, in);
			mutate(f);
		}
		left += try_frame(in, f);
	}
	read_sums(&after);
	cr_assert_eq(after.received - before.received, n, "received %u of %zu",
		     (unsigned)(after.received - before.received), n);
	cr_assert_eq(after.all - before.all, n, "%u outcomes for %zu frames", (unsigned)(after.all - before.all), n);
	cr_assert_eq(after.left - before.left, left);
}

static unsigned long setting(const char *name, unsigned long otherwise)
{
	return getenv(name) ? strtoul(getenv(name), NULL, 0) : otherwise;
}

/* The frames are worth something only when they reach everything that a single frame can reach. */
static void expect_all_outcomes(void)
{
	static const int unreachable[] = {
		ERX_unknown_port,      ERX_fault,
		ERX_icmp_limited,      ERX_fragment_refused,
		ERX_no_port,	       ERX_no_memory,
		ERX_circuit_bandwidth, ERX_gateway_bandwidth,
		ERX_gateway_packets,   ERX_gateway_connections,
		ERX_gateway_flows,
	};
	struct sums s;

	read_sums(&s);
	for (int i = 0; i < ERX_N_OUTCOMES; i++) {
		bool needed = true;

		for (size_t j = 0; j < N(unreachable); j++)
			needed = needed && unreachable[j] != i;
		cr_expect(s.outcomes[i] || !needed, "no frame of them came to be '%s'", outcome_name(i));
	}
}

TestSuite(random, .init = twin_load_plain, .fini = twin_unload, .timeout = 600);

Test(random, a_million_frames)
{
	size_t n = setting("ERXDP_FRAMES", FRAMES);
	static struct frame f;

	seed = setting("ERXDP_SEED", 1);
	for (size_t done = 0; done < n; done += BATCH)
		run_batch(&f, n - done < BATCH ? n - done : BATCH);
	if (n >= FRAMES)
		expect_all_outcomes();
}
