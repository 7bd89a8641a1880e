// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The kernel's trie, the FastPath addresses in front of it, and the image agree on
 * what an address meets, for every table and wherever it lies.
 */
#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "twin.h"

#define LOOKUPS 100000

/* Networks within networks, at all lengths, and thousands of neighbours. */
static const struct edit many[] = {
	{"default: 10.10.30.0/25",
	 "default: {addressPrefix: 10.10.30.0/25, addressRanges: [{first: 10.10.30.9, count: 70}]}"},
	{"loc2-ce1: {asn: 65020, lanInterface: 192.168.31.0/31}",
	 "loc2-ce1: {asn: 65020, lanInterface: 192.168.31.0/31, advertise: [10.1.31.0/25, {first: 10.64.0.0/24, count: "
	 "3000}, 10.64.0.0/12, 10.64.0.0/14, 10.64.128.0/17, 10.64.7.64/26, 10.64.7.66/31, 10.64.7.67/32, "
	 "100.64.0.0/10, 100.64.0.0/11, 100.64.0.1/32, 172.16.0.0/13, 172.16.0.0/29]}"},
	{"loc2-ce2: {asn: 65020, lanInterface: 192.168.31.4/31}",
	 "loc2-ce2: {asn: 65020, lanInterface: 192.168.31.4/31, advertise: [10.1.31.0/25, {first: 10.64.0.128/25, "
	 "count: "
	 "700}, 10.72.0.0/13, 128.0.0.0/1, 0.0.0.0/2]}"},
	{},
};

static uint64_t seed = 1;

/* What the programs look an address up in. */
static struct {
	int routes, fastpath;
} maps;

static void open_maps(void)
{
	maps.routes = map_of("erx_routes");
	maps.fastpath = map_of("erx_fastpath");
}

static void close_maps(void)
{
	close(maps.routes);
	close(maps.fastpath);
}

/* Somewhere, or at the edge of a prefix of some table: its first and last address and those beyond. */
static uint32_t some_address(const struct image *image)
{
	const struct image_route *r = &image->routes.items[random32(&seed) % image->routes.n];
	uint32_t first = ntohl(addr_be32(&r->prefix.addr)), last;

	if (image->blocks.n && random32(&seed) % 4 == 0)
		return ntohl(addr_be32(&image->blocks.items[random32(&seed) % image->blocks.n].first)) +
		       random32(&seed) % 64;
	last = r->prefix.len ? first | (r->prefix.len < 32 ? 0xffffffff >> r->prefix.len : 0) : 0xffffffff;
	switch (random32(&seed) % 8) {
	case 0: return random32(&seed);
	case 1: return first;
	case 2: return first - 1;
	case 3: return last;
	case 4: return last + 1;
	case 5: return first ^ 1u << random32(&seed) % 32;
	default: return first + random32(&seed) % ((uint64_t)last - first + 1);
	}
}

/* As bpf/route.h does it. Whether there is anything, and the group. */
static bool look_up(const struct image_table *t, const struct addr *a, uint32_t *group)
{
	struct erx_route_key key = {.prefixlen = ERX_TABLE_BITS + 32, .table = htonl(t->id)};
	struct erx_fastpath_key block = {.table = htonl(t->id)};
	uint32_t at = a->bytes[3] % 64;
	struct erx_fastpath programmed;
	struct erx_route route;
	bool hit;

	memcpy(block.addr, a->bytes, 4);
	block.addr[3] -= at;
	if (!bpf_map_lookup_elem(maps.fastpath, &block, &programmed) && programmed.programmed >> at & 1) {
		*group = programmed.groups[at / 8];
		return true;
	}
	memcpy(key.addr, a->bytes, 4);
	hit = !bpf_map_lookup_elem(maps.routes, &key, &route);
	*group = route.group;
	return hit;
}

static void expect_same(const struct image *image, const struct image_table *t, uint32_t address)
{
	struct addr a = addr_from_be32(htonl(address));
	const struct image_route *predicted = image_lookup(image, t, &a);
	char text[ADDR_STRLEN];
	uint32_t group;
	bool hit = look_up(t, &a, &group);

	cr_expect_eq(hit, !!predicted, "table %u, %s: %s in the trie", t->id, addr_format(&a, text),
		     hit ? "only" : "not");
	if (hit && predicted)
		cr_expect_eq(group, predicted->group, "table %u, %s: group %u, not %u", t->id, addr_format(&a, text),
			     group, predicted->group);
}

TestSuite(lpm, .fini = twin_unload, .timeout = 120);

Test(lpm, trie_and_image_agree)
{
	const struct image *image;

	twin_load(many);
	image = twin.lab->image;
	open_maps();
	cr_assert_gt(image->blocks.n, 0);
	cr_assert_gt(image->routes.n, 10000, "only %zu routes", image->routes.n);
	for (int i = 0; i < LOOKUPS; i++)
		expect_same(image, &image->tables.items[random32(&seed) % image->tables.n], some_address(image));
	close_maps();
}

/* After a failure the routes stay and their groups do what covers them; then again what they did. */
Test(lpm, trie_and_image_agree_after_failures)
{
	static const char *const targets[] = {"er2.primary", "hub-er2", "hub-vpngw"};

	twin_load(many);
	open_maps();
	for (size_t i = 0; i < N(targets); i++) {
		cr_assert_eq(lab_fail(twin.lab, targets[i], FAULT_DOWN), 0);
		twin_apply_state();
		for (int k = 0; k < LOOKUPS / 10; k++) {
			const struct image *image = twin.lab->image;

			expect_same(image, &image->tables.items[random32(&seed) % image->tables.n],
				    some_address(image));
		}
	}
	close_maps();
}
