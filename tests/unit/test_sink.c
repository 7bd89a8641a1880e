// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The host that answers for addresses without a namespace: in the fabric, the routes, the image and the walk. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>

#include "fwd/loops.h"
#include "lab.h"
#include "model.h"
#include "obs/explain.h"
#include "obs/names.h"

#define FILE_NAME "tests/unit/topologies/sink.yaml"

static struct lab *lab;

static void setup(void)
{
	lab = lab_of(FILE_NAME);
}

static void teardown(void)
{
	lab_free(lab);
}

TestSuite(sink, .init = setup, .fini = teardown);

static const struct host *host(const char *name)
{
	const struct host *h = fabric_host(lab->fabric, name);

	cr_assert(h, "no host '%s'", name);
	return h;
}

static const struct {
	const char *name, *addr, *gateway, *cover;
	uint64_t addresses;
	size_t prefixes;
} sinks[] = {
	{"hub-default-sink", "10.10.0.70", "10.10.0.1", "10.10.0.0/25", 22, 6},
	{"hub-many-sink", "10.64.0.4", "10.64.0.1", "10.64.0.0/14", 200000, 21},
	{"spoke-default-sink", "10.11.0.16", "10.11.0.1", "10.11.0.0/27", 17, 2},
};

Test(sink, each_subnet_with_such_addresses_has_one)
{
	char text[PREFIX_STRLEN];
	size_t n = 0;

	vec_each(h, &lab->fabric->hosts) {
		struct prefix cover = host_cover(h);

		if (!h->sink) {
			cr_expect_eq(host_count_addresses(h), 1, "%s", h->name);
			continue;
		}
		cr_assert(n < sizeof(sinks) / sizeof(sinks[0]));
		cr_expect_str_eq(h->name, sinks[n].name);
		cr_expect_str_eq(addr_format(&h->addr, text), sinks[n].addr, "%s", text);
		cr_expect_str_eq(addr_format(&h->gateway, text), sinks[n].gateway, "%s", text);
		cr_expect_str_eq(prefix_format(&cover, text), sinks[n].cover, "%s", text);
		cr_expect_eq(host_count_addresses(h), sinks[n].addresses);
		cr_expect_eq(h->addresses.n, sinks[n].prefixes, "%s: %zu", h->name, h->addresses.n);
		n++;
	}
	cr_expect_eq(n, sizeof(sinks) / sizeof(sinks[0]));
}

Test(sink, is_found_by_any_of_its_addresses)
{
	static const char *const others[] = {"10.64.0.3", "10.67.13.68", "10.10.0.69", "10.10.0.90", "10.10.0.7"};
	struct host as;
	const struct host *h = fabric_host_as(lab->fabric, "10.65.3.7", &as);
	char text[ADDR_STRLEN];

	cr_assert_eq(h, &as);
	cr_expect_str_eq(addr_format(&h->addr, text), "10.65.3.7");
	cr_expect(same_host(h, host("hub-many-sink")));
	cr_expect_not(same_host(h, host("hub-default-sink")));
	cr_expect_not(same_host(NULL, NULL));
	cr_expect_eq(host("10.67.13.67"), host("hub-many-sink"), "the last");
	cr_expect_eq(host("10.10.0.8"), host("hub-default-sink"), "a private endpoint");
	cr_expect_eq(host("10.10.0.9"), host("hub-default-sink"), "a load balancer");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		cr_expect_null(fabric_host(lab->fabric, others[i]), "%s", others[i]);
	h = fabric_host_as(lab->fabric, "hub-vm", &as);
	cr_expect_eq(h, host("hub-vm"), "by name there is nothing to replace");
}

Test(sink, is_found_by_the_names_of_what_it_stands_for)
{
	static const char *const named[][2] = {
		{"pe", "10.10.0.8"}, {"hub/pe", "10.10.0.8"}, {"hub/lb", "10.10.0.9"}, {"spoke/lb", "10.11.0.10"}};
	static const char *const nothing[] = {"lb", "spoke/pe", "hub/", "/lb", "hubs/lb", "hub/hub-vm"};
	char text[ADDR_STRLEN];
	struct host as;

	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		const struct host *h = fabric_host_as(lab->fabric, named[i][0], &as);

		cr_assert(h, "%s", named[i][0]);
		cr_expect_str_eq(addr_format(&h->addr, text), named[i][1], "%s", named[i][0]);
	}
	for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++)
		cr_expect_null(fabric_host_as(lab->fabric, nothing[i], &as), "%s", nothing[i]);
}

static const struct image_port *port_of(const char *name)
{
	return &lab->image->ports.items[host(name)->port];
}

/* What a spoofed packet from beside the addresses meets; a host of the same subnet is no neighbour of the sink. */
Test(sink, its_port_lets_in_no_more_than_the_prefix_around_its_addresses)
{
	const struct erx_port *e = &port_of("hub-default-sink")->entry;

	cr_expect_eq(e->host, inet_addr("10.10.0.0"));
	cr_expect_eq(e->host_mask, inet_addr("255.255.255.128"));
	cr_expect_eq(port_of("hub-vm")->entry.host_mask, inet_addr("255.255.255.255"));
	cr_expect_eq(host("hub-default-sink")->prefixlen, 32);
}

Test(sink, takes_route_table_and_icmp_check_of_its_subnet)
{
	const struct image_adjacency *hub = image_adjacency(lab->image, port_of("hub-many-sink")->adjacency);
	const struct image_adjacency *spoke = image_adjacency(lab->image, port_of("spoke-default-sink")->adjacency);

	cr_expect_eq(port_of("spoke-default-sink")->entry.table, port_of("spoke-vm")->entry.table);
	cr_expect_neq(port_of("spoke-default-sink")->table_at, port_of("hub-vm")->table_at);
	cr_expect_eq(hub->entry.icmp_check, ERX_CHECK_VNET_TAG);
	cr_expect_eq(spoke->entry.icmp_check, ERX_CHECK_NONE);
}

/* 200,000 addresses are 21 routes in the VNet's table, and none elsewhere. */
Test(sink, routes_are_prefixes_and_not_addresses)
{
	const struct rib_table *t = &lab->now->tables.items[device_of_vnet(lab->fabric, &lab->topo->vnets.items[0])];
	size_t n = 0;

	for (size_t i = 0; i < t->n_entries; i++)
		n += t->entries[i].n_best && t->entries[i].routes[0].source == SOURCE_HOST;
	cr_expect_eq(n, 2 + 6 + 21, "%zu", n);
}

/* Where a packet ends: the host's name, or how it was lost. */
static void expect_end(const char *from, const char *to, const char *expected)
{
	struct flow flow = {.src = host(from)->addr, .protocol = IPPROTO_ICMP};
	struct walk w;
	const char *got;

	addr_parse(to, &flow.dst);
	walk_packet(lab->image, host(from)->port, &flow, 64, false, &w);
	got = w.delivered ? w.delivered->name : outcome_name(w.outcome);
	cr_expect_str_eq(got, expected, "%s > %s: %s", from, to, got);
	walk_free(&w);
}

Test(sink, packets_to_its_addresses_arrive_and_to_others_do_not)
{
	expect_end("pc", "10.64.0.4", "hub-many-sink");
	expect_end("pc", "10.65.3.7", "hub-many-sink");
	expect_end("pc", "10.67.13.67", "hub-many-sink");
	expect_end("pc", "10.67.13.68", "no-next-hop");
	expect_end("pc", "10.64.0.3", "no-next-hop");
	expect_end("hub-vm", "10.10.0.8", "hub-default-sink");
	expect_end("many-vm", "10.64.0.9", "hub-many-sink");
	expect_end("hub-many-sink", "10.2.0.10", "pc");
}

Test(sink, user_defined_routes_count_for_it_as_for_a_virtual_machine)
{
	expect_end("spoke-vm", "10.64.0.63", "hub-many-sink");
	expect_end("spoke-vm", "10.64.0.64", "route-none");
	expect_end("spoke-vm", "10.64.0.96", "hub-many-sink");
	expect_end("pc", "10.64.0.64", "hub-many-sink"); /* the table is of another subnet */
	expect_end("spoke-vm", "10.11.0.17", "route-none");
	expect_end("spoke-vm", "10.11.0.25", "spoke-default-sink"); /* VnetLocal inside None */
	expect_end("spoke-vm", "10.11.0.28", "route-none");
	expect_end("spoke-vm", "172.16.0.1", "spoke-default-sink"); /* a load balancer as next hop */
}

Test(sink, the_prediction_speaks_of_the_address_that_was_asked_for)
{
	struct host as;
	const struct host *from = host("pc"), *to = fabric_host_as(lab->fabric, "10.65.3.7", &as);
	struct flow flow = {.src = from->addr, .dst = to->addr, .protocol = IPPROTO_ICMP};
	struct prediction there, vm;
	char text[ADDR_STRLEN];

	predict(lab->image, from, to, &flow, &there);
	cr_expect(there.reachable);
	cr_expect_str_eq(addr_format(&there.hops.items[there.hops.n - 1].addr, text), "10.65.3.7", "%s", text);
	flow.dst = host("many-vm")->addr;
	predict(lab->image, from, host("many-vm"), &flow, &vm);
	cr_expect_eq(there.hops.n, vm.hops.n, "as a virtual machine of the same subnet");
	cr_expect_eq(there.ping_ttl, vm.ping_ttl);
	prediction_free(&there);
	prediction_free(&vm);
}

Test(sink, explain_names_sink_and_address)
{
	struct host as;
	struct explain_input in = {.image = lab->image, .fastpath = lab->fastpath, .from = host("pc")};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	in.to = fabric_host_as(lab->fabric, "10.65.3.7", &as);
	in.flow = (struct flow){.src = in.from->addr, .dst = in.to->addr, .protocol = IPPROTO_ICMP};
	explain_print(&in, out);
	fclose(out);
	cr_expect(strstr(text, "pc > hub-many-sink (10.65.3.7)\n"), "%s", text);
	cr_expect(strstr(text, "10.65.0.0/16 host by hub:hub-many-sink"), "%s", text);
	cr_expect(strstr(text, "reachable; ping prints ttl=61"), "%s", text);
	free(text);
}

Test(sink, closes_no_loop)
{
	struct loop loop;

	cr_expect_not(image_find_loop(lab->image, &loop));
}

Test(sink, next_hop_takes_any_address)
{
	struct error e = {};
	cJSON *document = view_made(lab, "next-hop hub-vm 10.65.3.7", &e);

	cr_assert(document, "%s", e.text);
	cr_expect_str_eq(cJSON_GetObjectItem(document, "nextHopType")->valuestring, "VnetLocal");
	cJSON_Delete(document);
	document = view_made(lab, "next-hop spoke-vm 10.64.0.70", &e);
	cr_assert(document, "%s", e.text);
	cr_expect_str_eq(cJSON_GetObjectItem(document, "nextHopType")->valuestring, "None");
	cJSON_Delete(document);
}
