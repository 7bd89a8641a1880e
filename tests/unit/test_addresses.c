// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Addresses without a namespace of their own: runs of a VNet, and the prefixes that make them up. */
#include <criterion/criterion.h>
#include <string.h>

#include "topo/addresses.h"

static const char text[] =
	"name: x\nvirtualNetworks:\n  v:\n    addressSpace: [10.64.0.0/14, 10.1.0.0/24]\n"
	"    subnets:\n      empty: 10.1.0.0/26\n"
	"      one: {addressPrefix: 10.1.0.64/26, addressRanges: [{first: 10.1.0.80, count: 3},\n"
	"            {first: 10.1.0.70, count: 1}]}\n"
	"      two: {addressPrefix: 10.64.0.0/14, addressRanges: [{first: 10.64.0.4, count: 200000}]}\n"
	"    privateEndpoints: {pe: {address: 10.1.0.69, kind: Storage}}\n"
	"    loadBalancers: {lb: {address: 10.67.255.9, kind: azurefirewall}, plain: {address: 10.1.0.5}}\n"
	"    virtualMachines: {b: 10.1.0.68, a: 10.1.0.4}\n"
	"  bare: {addressSpace: [10.2.0.0/24]}\n";

static struct topo *model;

static void setup(void)
{
	struct diags diags = {};

	model = topo_parse(text, sizeof(text) - 1, &diags);
	cr_assert_not_null(model, "%s", diags.list.n ? diags.list.items[0].text : "");
	cr_expect_eq(diags.list.n, 0);
	diags_free(&diags);
}

static void teardown(void)
{
	topo_free(model);
}

TestSuite(addresses, .init = setup, .fini = teardown);

static const struct {
	const char *first, *subnet;
	uint32_t count;
	enum address_user_kind what;
} expected[] = {
	{"10.1.0.68", "one", 1, ADDRESS_VM},
	{"10.1.0.4", "empty", 1, ADDRESS_VM},
	{"10.1.0.80", "one", 3, ADDRESS_RANGE},
	{"10.1.0.70", "one", 1, ADDRESS_RANGE},
	{"10.64.0.4", "two", 200000, ADDRESS_RANGE},
	{"10.67.255.9", "two", 1, ADDRESS_LOAD_BALANCER},
	{"10.1.0.5", "empty", 1, ADDRESS_LOAD_BALANCER},
	{"10.1.0.69", "one", 1, ADDRESS_PRIVATE_ENDPOINT},
};

#define N_EXPECTED (sizeof(expected) / sizeof(expected[0]))

Test(addresses, come_in_the_order_of_the_file)
{
	struct address_walk w = {.vnet = &model->vnets.items[0]};
	struct address_run r;
	char a[ADDR_STRLEN];
	size_t n = 0;

	for (; address_next(&w, &r); n++) {
		cr_assert(n < N_EXPECTED);
		cr_expect_str_eq(addr_format(&r.first, a), expected[n].first);
		cr_expect_str_eq(r.subnet->name, expected[n].subnet, "%s", a);
		cr_expect_eq(r.count, expected[n].count, "%s", a);
		cr_expect_eq(r.what, expected[n].what, "%s", a);
		cr_expect_eq(address_has_host(&r), !!r.vm, "%s", a);
	}
	cr_expect_eq(n, N_EXPECTED);
	cr_expect_not(address_next(&w, &r), "and stays at its end");
	w = (struct address_walk){.vnet = &model->vnets.items[1]};
	cr_expect_not(address_next(&w, &r));
}

Test(addresses, name_their_subnets_sink)
{
	const struct vnet *v = &model->vnets.items[0];

	cr_expect_str_eq(v->subnets.items[0].sink, "v-empty-sink", "a load balancer");
	cr_expect_str_eq(v->subnets.items[1].sink, "v-one-sink");
	cr_expect_null(v->gateway_subnet);
	v = &model->vnets.items[1];
	vec_each(s, &v->subnets)
		cr_expect_null(s->sink);
}

Test(addresses, kinds_are_words_of_azure)
{
	const struct vnet *v = &model->vnets.items[0];

	cr_expect_eq(v->load_balancers.items[0].kind_of, ENDPOINT_AZURE_FIREWALL, "in any case of letters");
	cr_expect_eq(v->load_balancers.items[1].kind_of, ENDPOINT_STANDARD, "the default");
	cr_expect_eq(v->private_endpoints.items[0].kind_of, ENDPOINT_PRIVATE);
	cr_expect_str_eq(v->private_endpoints.items[0].kind, "Storage");
}

/* The fewest: no two neighbours could be one. Exactly: they follow each other from the first to the last address. */
static void check_cover(const char *first, uint32_t count, size_t n)
{
	prefix_list list = {};
	struct addr a;

	cr_assert_not(addr_parse(first, &a));
	addresses_cover(&a, count, &list);
	cr_expect_eq(list.n, n, "%s + %u: %zu prefixes", first, count, list.n);
	vec_each(p, &list) {
		cr_expect(addr_equal(&p->addr, &a), "%s + %u has a gap", first, count);
		cr_expect_not(prefix_has_host_bits(p));
		a = addr_plus(&p->addr, 1ull << (addr_bits(p->addr.family) - p->len));
		count -= 1u << (addr_bits(p->addr.family) - p->len);
	}
	cr_expect_eq(count, 0);
	vec_free(&list);
}

Test(addresses, are_covered_by_the_fewest_prefixes)
{
	check_cover("10.0.0.4", 0, 0);
	check_cover("10.0.0.4", 1, 1);
	check_cover("10.0.0.4", 4, 1);
	check_cover("10.0.0.4", 5, 2);
	check_cover("10.0.0.5", 10, 5); /* 5, 6 to 7, 8 to 11, 12 to 13, 14 */
	check_cover("10.0.0.0", 256, 1);
	check_cover("10.0.0.0", 1 << 20, 1);
	check_cover("10.0.0.1", (1 << 20) - 2, 38);
	check_cover("10.64.0.4", 200000, 21);
	check_cover("255.255.255.254", 2, 1);
}
