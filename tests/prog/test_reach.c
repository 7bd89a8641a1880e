// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Global Reach: what the second of two edge routers does to the TTL (azure.md 4),
 * at a router with two such connections that are set differently.
 */
#include <stdio.h>
#include <string.h>

#include "fwd/walk.h"
#include "twin.h"

#define SITE(n)                                                                                                        \
	"  s" #n ":\n    lan: 10.20" #n ".0.0/24\n    switch: {address: 10.20" #n ".0.3}\n    hosts: {s" #n            \
	"-vm: 10.20" #n ".0.10}\n    routers: {ce" #n ": {asn: 6500" #n ", lanInterface: 192.168.2" #n ".0/31}}\n"
#define CIRCUIT(n, where)                                                                                              \
	"  c" #n ": {sku: {tier: Standard, family: MeteredData}, serviceProviderProperties: {peeringLocation: " where  \
	", bandwidthInMbps: 1000}, peerings: {AzurePrivatePeering: {peerASN: 6500" #n ", vlanId: 300, "                \
	"primaryPeerAddressPrefix: 192.168.3" #n ".16/30, secondaryPeerAddressPrefix: 192.168.3" #n                    \
	".20/30}}, customerEdge: {primary: ce" #n ", secondary: ce" #n "}}\n"

static const char topology[] = "onPremises:\n" SITE(1) SITE(2)
	SITE(3) "expressRouteCircuits:\n" CIRCUIT(1, "Washington DC") CIRCUIT(2, "Seattle")
		CIRCUIT(3, "Chicago") "connections:\n"
				      "  r12: {connectionType: GlobalReach, circuit1: c1, circuit2: c2, addressPrefix: "
				      "172.17.1.0/29, "
				      "peerMseeDecrement: 1}\n"
				      "  r31: {connectionType: GlobalReach, circuit1: c3, circuit2: c1, addressPrefix: "
				      "172.17.2.0/29}\n";

static void load(void)
{
	twin_load_text(topology);
}

TestSuite(reach, .init = load, .fini = twin_unload, .timeout = 120);

static const struct way {
	const char *device, *from, *src, *dst;
	uint8_t lowers;
	const char *as; /* source of the answer when the TTL runs out */
} ways[] = {
	/* Each of the two first routers is a hop, towards the customer it answers from the link to him. */
	{"c1.primary", "ce1", "10.201.0.10", "10.202.0.10", 1, "192.168.31.18"},
	{"c2.primary", "ce2", "10.202.0.10", "10.201.0.10", 1, "192.168.32.18"},
	{"c3.secondary", "ce3", "10.203.0.10", "10.201.0.10", 1, "192.168.33.22"},
	/* The second one is, where the connection says so; then it answers from the link between the two. */
	{"c1.primary", "c2.primary", "10.202.0.10", "10.201.0.10", 1, "172.17.1.1"},
	{"c1.secondary", "c2.secondary", "10.202.0.10", "10.201.0.10", 1, "172.17.1.5"},
	{"c2.primary", "c1.primary", "10.201.0.10", "10.202.0.10", 1, "172.17.1.2"},
	{"c1.primary", "c3.primary", "10.203.0.10", "10.201.0.10", 0, NULL},
	{"c3.secondary", "c1.secondary", "10.201.0.10", "10.203.0.10", 0, NULL},
};

static void check_ttl(const struct way *w, int ttl)
{
	uint32_t in = port_at(w->device, w->from);
	struct spec s = {.src = w->src, .dst = w->dst, .ttl = ttl};
	const char *text = text_of("%s from %s with TTL %d", w->device, w->from, ttl);
	struct result r;
	struct frame f;

	packet_at(&f, in, &s);
	f.bytes[11] = 1;
	run(in, &f, &r);
	if (ttl > w->lowers) {
		expect_outcome(&r, ERX_forwarded, "%s", text);
		cr_expect_eq(ip_at(&r.frame)[8], ttl - w->lowers, "%s: TTL %u", text, ip_at(&r.frame)[8]);
	} else {
		expect_outcome(&r, ERX_answered_time_exceeded, "%s", text);
		cr_expect_eq(get32(ip_at(&r.frame) + 12), ip_of(w->as), "%s: answers from %08x", text,
			     get32(ip_at(&r.frame) + 12));
	}
	cr_expect_eq(sum16(ip_at(&r.frame), 20, 0), 0xffff, "%s: checksum", text);
}

Test(reach, the_second_router_is_a_hop_where_the_connection_says_so)
{
	for (size_t i = 0; i < N(ways); i++) {
		check_ttl(&ways[i], 64);
		check_ttl(&ways[i], 2);
		check_ttl(&ways[i], 1);
	}
}

/* Switch, router and MSEE at either end are six; where the second MSEE is none, five. */
Test(reach, predicted_hops_follow)
{
	const struct {
		const char *from, *to;
		uint8_t ttl;
	} pings[] = {{"s1-vm", "s2-vm", 58}, {"s2-vm", "s1-vm", 58}, {"s1-vm", "s3-vm", 59}, {"s3-vm", "s1-vm", 59}};

	for (size_t i = 0; i < N(pings); i++) {
		const struct host *a = fabric_host(twin.lab->fabric, pings[i].from),
				  *b = fabric_host(twin.lab->fabric, pings[i].to);
		struct flow flow = {.src = a->addr, .dst = b->addr, .protocol = ICMP};
		struct prediction p;

		predict(twin.lab->image, a, b, &flow, &p);
		cr_expect(p.reachable);
		cr_expect_eq(p.ping_ttl, pings[i].ttl, "%s to %s: ttl=%u", pings[i].from, pings[i].to, p.ping_ttl);
		prediction_free(&p);
	}
}
