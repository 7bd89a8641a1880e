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

#include "any.h"
#include "twin.h"

#define FRAMES 1000000
#define BATCH  5000

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
		uint32_t in = any_below(twin.lab->image->ports.n);

		any_frame(f, in);
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
		ERX_gateway_flows,     ERX_no_program,
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

	any_seed(setting("ERXDP_SEED", 1));
	for (size_t done = 0; done < n; done += BATCH)
		run_batch(&f, n - done < BATCH ? n - done : BATCH);
	if (n >= FRAMES)
		expect_all_outcomes();
}
