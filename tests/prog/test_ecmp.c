// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The choice among equal next hops: even shares, independent from one device to
 * the next, and steady when members go and return. Two circuits of two paths
 * each give the VNet and the switch four ways.
 */
#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "erxdp/hash.h"
#include "twin.h"

#define FLOWS 10000

static const char topology[] =
	"profile: \"2018\"\n"
	"icmpErrorLimit: {perSecond: 1000000, burst: 1000000}\n"
	"virtualNetworks:\n"
	"  hub:\n"
	"    location: eastus\n"
	"    addressSpace: [10.10.0.0/16]\n"
	"    subnets: {default: 10.10.0.0/24, GatewaySubnet: 10.10.1.0/24}\n"
	"    virtualMachines: {hub-vm: 10.10.0.4}\n"
	"virtualNetworkGateways:\n"
	"  hub-ergw: {virtualNetwork: hub, gatewayType: ExpressRoute, sku: UltraPerformance}\n"
	"onPremises:\n"
	"  dc:\n"
	"    lan: 10.2.0.0/16\n"
	"    switch: {address: 10.2.0.3}\n"
	"    hosts: {dc-vm: 10.2.0.10}\n"
	"    routers:\n"
	"      ce1: {asn: 65021, lanInterface: 192.168.0.0/31}\n"
	"      ce2: {asn: 65021, lanInterface: 192.168.0.2/31}\n"
	"      ce3: {asn: 65021, lanInterface: 192.168.0.4/31}\n"
	"      ce4: {asn: 65021, lanInterface: 192.168.0.6/31}\n"
	"expressRouteCircuits:\n"
	"  c1:\n"
	"    sku: {tier: Standard, family: MeteredData}\n"
	"    serviceProviderProperties: {peeringLocation: Washington DC, bandwidthInMbps: 1000}\n"
	"    peerings:\n"
	"      AzurePrivatePeering: {peerASN: 65021, vlanId: 1, primaryPeerAddressPrefix: 192.168.1.0/30, "
	"secondaryPeerAddressPrefix: 192.168.1.4/30}\n"
	"    customerEdge: {primary: ce1, secondary: ce2}\n"
	"  c2:\n"
	"    sku: {tier: Standard, family: MeteredData}\n"
	"    serviceProviderProperties: {peeringLocation: Seattle, bandwidthInMbps: 1000}\n"
	"    peerings:\n"
	"      AzurePrivatePeering: {peerASN: 65021, vlanId: 2, primaryPeerAddressPrefix: 192.168.2.0/30, "
	"secondaryPeerAddressPrefix: 192.168.2.4/30}\n"
	"    customerEdge: {primary: ce3, secondary: ce4}\n"
	"connections:\n"
	"  hub-c1: {connectionType: ExpressRoute, virtualNetworkGateway1: hub-ergw, peer: c1}\n"
	"  hub-c2: {connectionType: ExpressRoute, virtualNetworkGateway1: hub-ergw, peer: c2}\n";

static void load(void)
{
	twin_load_text(topology);
}

TestSuite(ecmp, .init = load, .fini = twin_unload, .timeout = 120);

/* Flow number i from one host to the network of the other: random address, protocol and ports. */
static void make_flow(struct frame *f, uint32_t in, const char *src, const char *dst, unsigned i)
{
	uint64_t seed = i;
	struct spec s = {.src = src, .dst = dst, .protocol = random32(&seed) % 2 ? TCP : UDP, .length = 60};

	s.sport = random32(&seed);
	s.dport = random32(&seed);
	make_packet(f, &s);
	arrive_at(f, in, 1);
}

/* Index of the port that the program has chosen, from the MAC; checked against the prediction. */
static uint32_t chosen_port(uint32_t in, const struct frame *f, struct frame *out)
{
	uint32_t predicted = predict_port(in, f), verdict;

	out->n = sizeof(out->bytes);
	cr_assert_eq(dp_test_run(twin.dp, image_port(in)->entry.kind, ifindex_of(in), f->bytes, f->n, out->bytes,
				 &out->n, &verdict),
		     0);
	cr_assert_eq(verdict, 4);
	vec_each(p, &twin.lab->image->ports) {
		if (!memcmp(p->entry.mac, out->bytes + 6, 5) && p->port->device == image_port(in)->port->device) {
			cr_assert_eq(p->port->index, predicted, "%s: the program chooses %s", device_of(in), p->ifname);
			return p->port->index;
		}
	}
	cr_assert_fail("left by no port");
	return NO_INDEX;
}

static const struct side {
	const char *device, *host, *src, *dst;
	const char *peers[4], *targets[4]; /* what ends a member */
} sides[] = {
	{"hub",
	 "hub-vm",
	 "10.10.0.4",
	 "10.2.0.10",
	 {"c1.primary", "c1.secondary", "c2.primary", "c2.secondary"},
	 {"c1.primary", "c1.secondary", "c2.primary", "c2.secondary"}},
	{"dc", "dc-vm", "10.2.0.10", "10.10.0.4", {"ce1", "ce2", "ce3", "ce4"}, {"ce1", "ce2", "ce3", "ce4"}},
};

static void choose_all(const struct side *s, uint32_t choices[static FLOWS])
{
	uint32_t in = port_at(s->device, s->host);
	static struct frame f, out;

	for (unsigned i = 0; i < FLOWS; i++) {
		make_flow(&f, in, s->src, s->dst, i);
		choices[i] = chosen_port(in, &f, &out);
	}
}

static void expect_shares(const struct side *s, const uint32_t *choices, unsigned members)
{
	unsigned used = 0;

	for (int m = 0; m < 4; m++) {
		uint32_t port = port_at(s->device, s->peers[m]);
		double share = 0;

		for (unsigned i = 0; i < FLOWS; i++)
			share += choices[i] == port;
		share /= FLOWS;
		used += share > 0;
		cr_expect(!share || fabs(share - 1.0 / members) < 0.02, "%s to %s: %.4f of the flows, %u members",
			  s->device, s->peers[m], share, members);
	}
	cr_expect_eq(used, members, "%u of %u members used", used, members);
}

/* No flow may move but those of the member that has gone or returned. */
static void expect_moved(const uint32_t *with, const uint32_t *without, uint32_t port, const char *text)
{
	unsigned moved = 0, kept = 0;

	for (unsigned i = 0; i < FLOWS; i++) {
		moved += with[i] != without[i] && with[i] != port;
		kept += with[i] == port && without[i] == port;
	}
	cr_expect_eq(moved, 0, "%s: %u flows of other members have moved", text, moved);
	cr_expect_eq(kept, 0, "%s: %u flows still use it", text, kept);
}

/* Take members away one by one down to two, then bring them back in another order. */
static void thin_out(const struct side *s, int first, int second)
{
	static uint32_t four[FLOWS], three[FLOWS], two[FLOWS], again[FLOWS];
	uint32_t a = port_at(s->device, s->peers[first]), b = port_at(s->device, s->peers[second]);

	choose_all(s, four);
	expect_shares(s, four, 4);
	cr_assert_eq(lab_fail(twin.lab, s->targets[first], FAULT_DOWN), 0);
	twin_apply_state();
	choose_all(s, three);
	expect_shares(s, three, 3);
	expect_moved(four, three, a, "one failed");
	cr_assert_eq(lab_fail(twin.lab, s->targets[second], FAULT_DOWN), 0);
	twin_apply_state();
	choose_all(s, two);
	expect_shares(s, two, 2);
	expect_moved(three, two, b, "two failed");
	cr_assert_eq(lab_restore(twin.lab, s->targets[first]), 1);
	twin_apply_state();
	choose_all(s, again);
	expect_shares(s, again, 3);
	expect_moved(four, again, b, "the first is back");
	cr_assert_eq(lab_restore(twin.lab, NULL), 1);
	twin_apply_state();
	choose_all(s, again);
	cr_expect_arr_eq(again, four, sizeof(four), "all back, but not the same flows");
}

Test(ecmp, shares_and_steadiness_at_the_vnet)
{
	thin_out(&sides[0], 0, 2);
}

Test(ecmp, shares_and_steadiness_at_the_switch)
{
	thin_out(&sides[1], 3, 1);
}

/* --- Independence ------------------------------------------------------------------------------------------------- */

/*
 * The largest correlation (Pearson) of "device A chose its member i" with "device
 * B chose its member j" over the same flows.
 */
static double correlation(const uint8_t *a, unsigned members_a, const uint8_t *b, unsigned members_b, unsigned n)
{
	double worst = 0;

	for (unsigned i = 0; i < members_a; i++) {
		for (unsigned j = 0; j < members_b; j++) {
			double pa = 0, pb = 0, both = 0, r;

			for (unsigned k = 0; k < n; k++) {
				pa += a[k] == i;
				pb += b[k] == j;
				both += a[k] == i && b[k] == j;
			}
			pa /= n;
			pb /= n;
			r = fabs((both / n - pa * pb) / sqrt(pa * (1 - pa) * pb * (1 - pb)));
			worst = r > worst ? r : worst;
		}
	}
	return worst;
}

static uint8_t member_of(uint32_t hash, unsigned members)
{
	uint32_t best = 0;
	uint8_t chosen = 0;

	for (unsigned i = 0; i < members; i++) {
		uint32_t score = erx_member_score(hash, i);

		if (score > best) {
			best = score;
			chosen = i;
		}
	}
	return chosen;
}

/* From the switch to the CE that it chooses, on to the edge router and the gateway that that one chooses. */
Test(ecmp, two_choices_in_a_row_by_the_programs)
{
	static uint8_t at_switch[FLOWS], at_msee[FLOWS];
	static struct frame f, there, on, out;
	uint32_t in = port_at("dc", "dc-vm");
	double r;

	for (unsigned i = 0; i < FLOWS; i++) {
		uint32_t ce, msee, gateway;

		make_flow(&f, in, "10.2.0.10", "10.10.0.4", i);
		ce = chosen_port(in, &f, &there);
		ce = port_peer(twin.lab->fabric, ce);
		msee = port_peer(twin.lab->fabric, chosen_port(ce, &there, &on));
		gateway = port_peer(twin.lab->fabric, chosen_port(msee, &on, &out));
		at_msee[i] = !strcmp(device_of(gateway), "hub-ergw/1");
		at_switch[i] = device_of(ce)[2] - '1';
	}
	r = correlation(at_switch, 4, at_msee, 2, FLOWS);
	cr_expect_lt(r, 0.03, "correlation %.4f", r);
}

/* Every pair of devices of the lab on the same flows, by hash.h; more flows, for more pairs have more luck. */
Test(ecmp, any_two_devices_by_the_hash)
{
	enum { DEVICES = 13, N_FLOWS = 40000 };
	static uint8_t choices[DEVICES][N_FLOWS];
	const struct fabric *f = twin.lab->fabric;
	unsigned n = f->devices.n;

	cr_assert_leq(n, DEVICES);
	for (unsigned members = 2; members <= 4; members++) {
		for (unsigned d = 0; d < n * N_FLOWS; d++) {
			uint32_t basis = erx_device_basis(f->devices.items[d / N_FLOWS].name, ERX_DEFAULT_SEED);
			uint64_t seed = d % N_FLOWS;
			uint32_t src = htonl(0x0a020000 + random32(&seed) % 256), dst = htonl(0x0a0a0004);
			uint32_t ports = random32(&seed);

			choices[d / N_FLOWS][d % N_FLOWS] = member_of(
				erx_flow_hash(basis, src, dst, TCP, ports >> 16, ports), members);
		}
		for (unsigned a = 0; a < n; a++) {
			for (unsigned b = 0; b < a; b++) {
				double r = correlation(choices[a], members, choices[b], members, N_FLOWS);

				cr_expect_lt(r, 0.03, "%s and %s, %u members: %.4f", f->devices.items[a].name,
					     f->devices.items[b].name, members, r);
			}
		}
	}
}

/* azure.md 3.4: what goes without ports, so that a ping and a traceroute stay on one way. */
Test(ecmp, only_whole_tcp_and_udp_packets_count_their_ports)
{
	static const struct {
		uint8_t protocol;
		uint16_t fragment;
		bool ports;
	} cases[] = {{TCP, 0, true},	{TCP, DF, true},  {UDP, 0, true},   {UDP, MF, false},
		     {UDP, 100, false}, {TCP, MF, false}, {ICMP, 0, false}, {OTHER, 0, false}};
	uint32_t in = port_at("hub", "hub-vm");

	for (size_t i = 0; i < N(cases); i++) {
		static struct frame f, out;
		unsigned moved = 0;
		uint32_t first = NO_INDEX;

		for (unsigned k = 0; k < 64; k++) {
			struct spec s = {.src = "10.10.0.4", .dst = "10.2.0.10", .fragment = cases[i].fragment};
			uint32_t port;

			s.protocol = cases[i].protocol;
			make_packet(&f, &s);
			put16(ip_at(&f) + 20, k * 977);
			put16(ip_at(&f) + 22, k * 31);
			if (s.protocol == ICMP)
				ip_at(&f)[20] = 8;
			arrive_at(&f, in, 1);
			port = chosen_port(in, &f, &out);
			first = first == NO_INDEX ? port : first;
			moved += port != first;
		}
		cr_expect_eq(moved > 0, cases[i].ports, "protocol %u, fragment %04x: %u of 64 elsewhere",
			     cases[i].protocol, cases[i].fragment, moved);
	}
}
