// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What circuits and gateways carry at most: who draws from which meter, and what is refused under which name. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "lib/log.h"
#include "twin.h"

#define SECOND 1000000000ull

TestSuite(meter, .init = twin_load_plain, .fini = twin_unload, .timeout = 120);

static struct image_meter *gateway_meter(const char *name)
{
	vec_each(m, &twin.lab->image->meters) {
		if (m->gateway && !strcmp(m->gateway->name, name))
			return m;
	}
	cr_assert_fail("no meter of %s", name);
	return NULL;
}

static struct image_meter *circuit_meter(const char *name, enum circuit_path path, bool towards_azure)
{
	vec_each(m, &twin.lab->image->meters) {
		if (m->circuit && !strcmp(m->circuit->name, name) && m->path == path &&
		    m->towards_azure == towards_azure)
			return m;
	}
	cr_assert_fail("no meter of %s", name);
	return NULL;
}

/* What was drawn under another rate. */
static void forget_spent(const struct image_meter *m)
{
	struct erx_spent *none = calloc(libbpf_num_possible_cpus(), sizeof(*none));
	int fd = map_of("erx_spent");

	cr_assert_eq(bpf_map_update_elem(fd, &m->id, none, BPF_EXIST), 0);
	close(fd);
	free(none);
}

/* A meter with one rate and nothing else: so many units at once, and then none for an hour. */
static void allow(const struct image_meter *m, enum erx_unit unit, uint64_t lot, unsigned lots)
{
	struct erx_meter entry = m->entry;
	int fd = map_of("erx_meters");

	for (int u = 0; u < ERX_N_UNITS; u++)
		entry.rates[u].lot = 0;
	entry.rates[unit].lot = lot;
	entry.rates[unit].schedule = (struct erx_schedule){.interval_ns = 3600 * SECOND,
							   .slack_ns = (lots - 1) * 3600 * SECOND};
	cr_assert_eq(bpf_map_update_elem(fd, &m->id, &entry, BPF_EXIST), 0);
	close(fd);
	forget_spent(m);
}

/* Number i of a series of flows towards the hub's VM, as it arrives at a port. */
static int outcome_of(uint32_t port, unsigned i, uint16_t length)
{
	struct spec s = {.src = "10.2.30.10", .dst = "10.10.30.4", .protocol = UDP, .length = length};
	struct result r;
	struct frame f;

	s.sport = 1024 + i;
	s.dport = 7;
	packet_at(&f, port, &s);
	run(port, &f, &r);
	return r.outcome;
}

static struct dp_meter_count count_of(const struct image_meter *m)
{
	struct dp_meter_count count;

	cr_assert_eq(dp_read_meter(twin.dp, m->id, &count), 0);
	return count;
}

static uint64_t passed(const struct image_meter *m, enum erx_unit unit)
{
	return count_of(m).passed[unit];
}

static uint64_t flows_of(const struct image_meter *m)
{
	return count_of(m).flows;
}

#define expect_is(got, wanted)                                                                                         \
	do {                                                                                                           \
		int is = (got);                                                                                        \
		cr_expect_eq(is, (int)(wanted), "%s, not %s", outcome_name(is), outcome_name(wanted));                 \
	} while (0)

/* A test runs on one CPU at a time, but not always on the same: with single units in a lot nothing stays behind. */
Test(meter, gateway_packets)
{
	struct image_meter *m = gateway_meter("hub-ergw");
	uint32_t port = port_at("hub-ergw/0", "er1.primary"), other = port_at("hub-ergw/1", "er1.primary");

	allow(m, ERX_PACKETS, 1, 4);
	expect_is(outcome_of(port, 0, 84), ERX_forwarded);
	expect_is(outcome_of(other, 0, 84), ERX_forwarded);
	expect_is(outcome_of(port, 0, 1500), ERX_forwarded);
	expect_is(outcome_of(port, 1, 84), ERX_forwarded);
	expect_is(outcome_of(port, 1, 84), ERX_gateway_packets);
	expect_is(outcome_of(other, 0, 84), ERX_gateway_packets);
	cr_expect_eq(passed(m, ERX_PACKETS), 4);
	cr_expect_eq(count_of(m).refused[ERX_PACKETS], 2);
	cr_expect_eq(passed(m, ERX_BYTES), 3 * 84 + 1500);
	/* The other VNet's gateway has a meter of its own. */
	expect_is(outcome_of(port_at("hub", "hub-ergw/0"), 0, 84), ERX_forwarded);
}

Test(meter, gateway_bandwidth)
{
	struct image_meter *m = gateway_meter("hub-ergw");
	uint32_t port = port_at("hub-ergw/0", "er1.primary");

	allow(m, ERX_BYTES, 1500, 3);
	for (int i = 0; i < 3; i++)
		expect_is(outcome_of(port, 0, 1500), ERX_forwarded);
	expect_is(outcome_of(port, 0, 84), ERX_gateway_bandwidth);
	cr_expect_eq(passed(m, ERX_BYTES), 4500);
	cr_expect_eq(passed(m, ERX_PACKETS), 3);
}

Test(meter, gateway_connections)
{
	struct image_meter *m = gateway_meter("hub-ergw");
	uint32_t port = port_at("hub-ergw/0", "er1.primary");

	allow(m, ERX_CONNECTIONS, 1, 2);
	expect_is(outcome_of(port, 1, 84), ERX_forwarded);
	expect_is(outcome_of(port, 2, 84), ERX_forwarded);
	expect_is(outcome_of(port, 3, 84), ERX_gateway_connections);
	expect_is(outcome_of(port, 2, 84), ERX_forwarded);
	cr_expect_eq(flows_of(m), 2);
	cr_expect_eq(passed(m, ERX_CONNECTIONS), 2);
	/* What a refused connection has drawn besides is given back. */
	cr_expect_eq(passed(m, ERX_PACKETS), 3);
	cr_expect_eq(passed(m, ERX_BYTES), 3 * 84);
}

Test(meter, gateway_flows)
{
	struct image_meter *m = gateway_meter("hub-ergw");
	uint32_t port = port_at("hub-ergw/0", "er1.primary"), other = port_at("hub-ergw/1", "er2.primary");

	m->entry.max_flows = 3;
	allow(m, ERX_CONNECTIONS, 1, 100);
	for (int i = 0; i < 3; i++)
		expect_is(outcome_of(i % 2 ? other : port, i, 84), ERX_forwarded);
	expect_is(outcome_of(port, 3, 84), ERX_gateway_flows);
	expect_is(outcome_of(other, 4, 84), ERX_gateway_flows);
	/* A flow is the gateway's, whichever instance it comes by: one that has failed moves its flows. */
	for (int i = 0; i < 3; i++)
		expect_is(outcome_of(port, i, 84), ERX_forwarded);
	cr_expect_eq(flows_of(m), 3);
	cr_expect_eq(count_of(m).flows_refused, 2);
}

#define IDLE_MS 400

/* Seconds since before, which is now afterwards; in longest when that was the longest time. */
static void note_time(double *before, double *longest)
{
	double now = log_clock();

	if (now - *before > *longest)
		*longest = now - *before;
	*before = now;
}

/* Idle flows end, at the latest when the controller looks; those that go on stay. */
Test(meter, flows_end)
{
	struct image_meter *m = gateway_meter("hub-ergw");
	uint32_t port = port_at("hub-ergw/0", "er1.primary");
	double before, longest = 0;
	uint64_t connections;
	struct error e = {};

	m->entry.max_flows = 2;
	m->entry.idle_ns = IDLE_MS * 1000000ull;
	allow(m, ERX_CONNECTIONS, 1, 100);
	expect_is(outcome_of(port, 1, 84), ERX_forwarded);
	before = log_clock();
	expect_is(outcome_of(port, 2, 84), ERX_forwarded);
	for (int i = 0; i < 6; i++) {
		usleep(IDLE_MS * 1000 / 4);
		expect_is(outcome_of(port, 2, 84), ERX_forwarded);
		note_time(&before, &longest);
	}
	connections = passed(m, ERX_CONNECTIONS);
	cr_assert_eq(dp_sweep(twin.dp, twin.lab->image, &e), 0, "%s", e.text);
	note_time(&before, &longest);
	if (longest * 1000 >= IDLE_MS)
		cr_skip_test("cannot tell: %.0f ms between two packets of a flow that ends after %d ms", longest * 1000,
			     IDLE_MS);
	cr_expect_eq(connections, 2);
	cr_expect_eq(flows_of(m), 1);
	expect_is(outcome_of(port, 3, 84), ERX_forwarded);
	usleep(IDLE_MS * 1500);
	/* Nobody has swept: to the gateway it is a new connection of the same flow. */
	expect_is(outcome_of(port, 3, 84), ERX_forwarded);
	cr_expect_eq(passed(m, ERX_CONNECTIONS), 4);
	cr_expect_eq(flows_of(m), 2);
	usleep(IDLE_MS * 1500);
	cr_assert_eq(dp_sweep(twin.dp, twin.lab->image, &e), 0, "%s", e.text);
	cr_expect_eq(flows_of(m), 0);
}

/* The circuit is metered at its edge router, each direction of each path for itself. */
Test(meter, circuit)
{
	uint32_t from_ce = port_at("er1.primary", "loc1-ce1"), from_vnet = port_at("er1.primary", "hub");
	struct spec back = {.src = "10.10.30.4", .dst = "10.2.30.10", .protocol = UDP, .length = 1500};
	struct result r;
	struct frame f;

	allow(circuit_meter("er1", PATH_PRIMARY, true), ERX_BYTES, 1500, 2);
	for (int i = 0; i < 2; i++)
		expect_is(outcome_of(from_ce, i, 1500), ERX_forwarded);
	expect_is(outcome_of(from_ce, 3, 84), ERX_circuit_bandwidth);
	packet_at(&f, from_vnet, &back);
	run(from_vnet, &f, &r);
	expect_outcome(&r, ERX_forwarded, "the other direction");
	allow(circuit_meter("er1", PATH_PRIMARY, false), ERX_BYTES, 1500, 1);
	run(from_vnet, &f, &r);
	expect_outcome(&r, ERX_forwarded, "the first lot");
	run(from_vnet, &f, &r);
	expect_outcome(&r, ERX_circuit_bandwidth, "no second one");
	/* VNet to VNet turns round at the edge router and never sees the circuit. */
	back.dst = "10.17.30.4";
	packet_at(&f, from_vnet, &back);
	run(from_vnet, &f, &r);
	expect_outcome(&r, ERX_forwarded, "hub to remote");
}

/* Azure to on-premises never crosses the gateway, nor does what is bypassed: neither draws from its meter. */
Test(meter, fastpath_escapes_the_gateway_but_not_the_circuit)
{
	struct image_meter *gateway, *in;
	uint32_t from_ce = port_at("er1.primary", "loc1-ce1");
	size_t hub_er1 = topo_connection(twin.lab->topo, "hub-er1") - twin.lab->topo->connections.items;

	twin.lab->fastpath[hub_er1] = true;
	twin_apply_state();
	gateway = gateway_meter("hub-ergw");
	in = circuit_meter("er1", PATH_PRIMARY, true);
	allow(gateway, ERX_PACKETS, 1, 1);
	for (int i = 0; i < 20; i++)
		expect_is(outcome_of(from_ce, i, 1000), ERX_forwarded);
	cr_expect_eq(passed(gateway, ERX_PACKETS), 0);
	cr_expect_eq(passed(in, ERX_BYTES), 20 * 1000);
}

/* What the file says becomes what the maps have. */
Test(meter, figures_of_the_file)
{
	const struct erx_meter *m = &gateway_meter("hub-ergw")->entry;

	/* UltraPerformance, azure.md 6: 10 Gbit/s, 1,000,000 packets/s, 16,000 connections/s, 1,000,000 flows. */
	cr_expect_eq(m->rates[ERX_BYTES].lot * SECOND / m->rates[ERX_BYTES].schedule.interval_ns, 1250000000);
	cr_expect_eq(m->rates[ERX_PACKETS].lot * SECOND / m->rates[ERX_PACKETS].schedule.interval_ns, 1000000);
	cr_expect_eq(m->rates[ERX_CONNECTIONS].lot * SECOND / m->rates[ERX_CONNECTIONS].schedule.interval_ns, 16000);
	cr_expect_eq(m->max_flows, 1000000);
	cr_expect_eq(m->idle_ns, 240 * SECOND);
	m = &circuit_meter("er2", PATH_SECONDARY, false)->entry;
	cr_expect_eq(m->rates[ERX_BYTES].lot * SECOND / m->rates[ERX_BYTES].schedule.interval_ns, 125000000);
	cr_expect_eq(m->rates[ERX_PACKETS].lot, 0);
	cr_expect_eq(m->max_flows, 0);
}

/* A CPU's share never becomes more than what was drawn for it: else one such packet would lift the limit for good. */
Test(meter, packets_larger_than_a_lot)
{
	struct image_meter *m = gateway_meter("hub-ergw");
	uint32_t port = port_at("hub-ergw/0", "er1.primary");
	unsigned forwarded = 0;

	allow(m, ERX_BYTES, 400, 10);
	for (int i = 0; i < 20; i++)
		forwarded += outcome_of(port, 0, 1000) == ERX_forwarded;
	/* 4,000 bytes in all; a CPU keeps what is not enough for one. */
	cr_expect(forwarded >= 1 && forwarded <= 4, "%u forwarded", forwarded);
	cr_expect_eq(passed(m, ERX_BYTES), forwarded * 1000);
	cr_expect_eq(count_of(m).refused[ERX_BYTES], 20 - forwarded);
}
