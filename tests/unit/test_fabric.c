// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the resources of a file become: devices, ports with their addresses, links, hosts, targets. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "model.h"

static struct model *interop;

static void setup(void)
{
	interop = model_read("topologies/interop.yaml");
}

static void teardown(void)
{
	model_free(interop);
}

TestSuite(fabric, .init = setup, .fini = teardown);

static const struct link *find_link(const struct model *m, const char *name)
{
	vec_each(l, &m->fabric->links) {
		if (!strcmp(l->name, name))
			return l;
	}
	cr_assert_fail("no link '%s'", name);
	return NULL;
}

/* "near > far": address and length of both ends. */
static char *link_addresses(const struct model *m, const char *name)
{
	const struct link *l = find_link(m, name);
	char near[PREFIX_STRLEN], far[PREFIX_STRLEN] = "host";

	prefix_format(&m->fabric->ports.items[l->ports[0]].addr, near);
	if (l->ports[1] != NO_INDEX)
		prefix_format(&m->fabric->ports.items[l->ports[1]].addr, far);
	return xasprintf("%s > %s", near, far);
}

static void expect_addresses(const struct model *m, const char *name, const char *expected)
{
	char *got = link_addresses(m, name);

	cr_expect_str_eq(got, expected, "%s: %s", name, got);
	free(got);
}

/* azure.md 1.3, and 1.2 for the customer's side. */
static const struct {
	const char *link, *addresses;
} published[] = {
	{"hub:er1.primary", "- > 10.10.30.132/32"},
	{"hub:er1.secondary", "- > 10.10.30.133/32"},
	{"hub:er2.primary", "- > 10.10.30.134/32"},
	{"hub:er2.secondary", "- > 10.10.30.135/32"},
	{"remote:er1.primary", "- > 10.17.30.36/32"},
	{"remote:er1.secondary", "- > 10.17.30.37/32"},
	{"er1.primary:hub-ergw/0", "10.10.30.132/32 > 10.10.30.140/32"},
	{"er1.primary:hub-ergw/1", "10.10.30.132/32 > 10.10.30.141/32"},
	{"er2.secondary:hub-ergw/1", "10.10.30.135/32 > 10.10.30.141/32"},
	{"er1.secondary:remote-ergw/0", "10.17.30.37/32 > 10.17.30.44/32"},
	{"hub-ergw/1:hub", "10.10.30.141/32 > -"},
	{"hub-vpngw/0:hub", "10.10.30.142/32 > -"},
	{"branch-vpngw/0:branch", "10.11.30.100/32 > -"},
	{"loc1-ce1:er1.primary", "192.168.30.17/30 > 192.168.30.18/30"},
	{"loc1-ce1:er1.secondary", "192.168.30.21/30 > 192.168.30.22/30"},
	{"loc2-ce1:er2.primary", "192.168.31.17/30 > 192.168.31.18/30"},
	{"loc2-ce2:er2.secondary", "192.168.31.21/30 > 192.168.31.22/30"},
	{"loc1-ce1:loc1", "192.168.30.0/31 > 192.168.30.1/31"},
	{"loc2-ce2:loc2", "192.168.31.4/31 > 192.168.31.5/31"},
	{"hub-vpngw/0:loc1-ce1", "10.10.30.142/32 > 10.2.30.125/32"},
	{"hub-vpngw/0:branch-vpngw/0", "10.10.30.142/32 > 10.11.30.100/32"},
	{"hub:spoke", "- > -"},
	{"hub:hub-vm", "- > host"},
	{"loc1:loc1-vm", "10.2.30.3/25 > host"},
};

Test(fabric, addresses_are_the_published_ones)
{
	for (size_t i = 0; i < sizeof(published) / sizeof(published[0]); i++)
		expect_addresses(interop, published[i].link, published[i].addresses);
}

static const char *bgp_address(const struct model *m, const char *device, char text[static ADDR_STRLEN])
{
	return addr_format(&fabric_device(m->fabric, device)->bgp_addr, text);
}

Test(fabric, bgp_addresses_of_gateways)
{
	char text[ADDR_STRLEN];

	cr_expect_str_eq(bgp_address(interop, "hub-ergw/0", text), "10.10.30.140");
	cr_expect_str_eq(bgp_address(interop, "hub-vpngw/0", text), "10.10.30.254", "active-standby: last usable");
	cr_expect_str_eq(bgp_address(interop, "branch-vpngw/0", text), "10.11.30.126");
}

Test(fabric, tunnels_know_their_outer_addresses)
{
	const struct link *l = find_link(interop, "hub-vpngw/0:loc1-ce1");
	char near[ADDR_STRLEN], far[ADDR_STRLEN];

	cr_expect_str_eq(addr_format(&l->outer[0], near), "52.168.162.84");
	cr_expect_str_eq(addr_format(&l->outer[1], far), "66.198.12.106");
	cr_expect_eq(l->mtu, 1436);
	cr_expect_eq(find_link(interop, "hub:spoke")->mtu, 1500);
	cr_expect(find_link(interop, "loc1-ce1:er1.secondary")->down_in_file);
	cr_expect_not(find_link(interop, "loc1-ce1:er1.primary")->down_in_file);
}

Test(fabric, ports_and_links_point_at_each_other)
{
	const struct fabric *f = interop->fabric;

	vec_each(l, &f->links) {
		for (int end = 0; end < 2 && l->ports[end] != NO_INDEX; end++) {
			const struct port *p = &f->ports.items[l->ports[end]];

			cr_expect_eq(p->link, l->index);
			cr_expect_eq(device_port_on(f, p->device, l->index), p->index);
			cr_expect_eq(port_peer(f, p->index), l->ports[!end]);
		}
		vec_each(other, &f->links)
			cr_expect(other == l || strcmp(other->name, l->name), "two links '%s'", l->name);
	}
	vec_each(h, &f->hosts)
		cr_expect_eq(f->links.items[f->ports.items[h->port].link].host, h->index);
}

Test(fabric, resources_find_their_devices)
{
	const struct fabric *f = interop->fabric;

	vec_each(d, &f->devices) {
		cr_expect_eq(fabric_device(f, d->name), d);
		if (d->kind == ERX_KIND_VNET)
			cr_expect_eq(device_of_vnet(f, d->vnet), d->index);
		if (d->gateway)
			cr_expect_eq(device_of_gateway(f, d->gateway, d->instance), d->index);
		if (d->circuit)
			cr_expect_eq(device_of_circuit(f, d->circuit, d->path), d->index);
		if (d->kind == ERX_KIND_LAN)
			cr_expect_eq(device_of_site(f, d->site), d->index);
		if (d->router)
			cr_expect_eq(device_of_router(f, d->router), d->index);
	}
	cr_expect_null(fabric_device(f, "nobody"));
}

Test(fabric, hosts_by_name_and_by_address)
{
	const struct host *h = fabric_host(interop->fabric, "hub-vm");
	char text[ADDR_STRLEN];

	cr_assert(h);
	cr_expect_eq(fabric_host(interop->fabric, "10.10.30.4"), h);
	cr_expect_str_eq(addr_format(&h->gateway, text), "10.10.30.1");
	cr_expect_eq(h->prefixlen, 25);
	cr_expect_str_eq(addr_format(&fabric_host(interop->fabric, "loc1-vm")->gateway, text), "10.2.30.1");
	cr_expect_null(fabric_host(interop->fabric, "10.10.30.5"));
	cr_expect_null(fabric_host(interop->fabric, "nobody"));
}

static char *target_text(const struct model *m, const char *target)
{
	index_list links = {};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (target_links(m->fabric, target, &links))
		fputs("no target", out);
	vec_each(l, &links)
		fprintf(out, "%s%s", l == links.items ? "" : " ", m->fabric->links.items[*l].name);
	fclose(out);
	vec_free(&links);
	return text;
}

static const struct {
	const char *target, *links;
} targets[] = {
	{"er1.primary", "loc1-ce1:er1.primary"},
	{"er1.secondary", "loc1-ce1:er1.secondary"},
	{"er1", "loc1-ce1:er1.primary loc1-ce1:er1.secondary"},
	{"er2.secondary/msee",
	 "hub:er2.secondary er2.secondary:hub-ergw/0 er2.secondary:hub-ergw/1 loc2-ce2:er2.secondary"},
	{"hub-er2", "hub:er2.primary hub:er2.secondary er2.primary:hub-ergw/0 er2.primary:hub-ergw/1 "
		    "er2.secondary:hub-ergw/0 er2.secondary:hub-ergw/1"},
	{"hub-loc1-vpn", "hub-vpngw/0:loc1-ce1"},
	{"hub-vpngw", "hub-vpngw/0:hub hub-vpngw/0:loc1-ce1 hub-vpngw/0:branch-vpngw/0"},
	{"remote-ergw/0", "er1.primary:remote-ergw/0 er1.secondary:remote-ergw/0 remote-ergw/0:remote"},
	{"loc2-ce1", "loc2-ce1:er2.primary loc2-ce1:loc2"},
	{"hub", "no target"},
	{"er1.tertiary", "no target"},
	{"hub-ergw/2", "no target"},
};

Test(fabric, targets_take_away_their_links)
{
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		char *got = target_text(interop, targets[i].target);

		cr_expect_str_eq(got, targets[i].links, "%s: %s", targets[i].target, got);
		free(got);
	}
}

Test(fabric, every_listed_target_has_links)
{
	size_t n = 0;

	for (const char *const *name = target_names(interop->fabric); *name; name++, n++) {
		index_list links = {};

		cr_expect_eq(target_links(interop->fabric, *name, &links), 0, "%s", *name);
		cr_expect_gt(links.n, 0, "%s", *name);
		vec_free(&links);
	}
	/* 2 circuits (each, its paths, its MSEEs), 5 connections, 4 gateways (6 instances), 3 routers. */
	cr_expect_eq(n, 2 * 5 + 5 + 4 + 6 + 3, "%zu targets", n);
}

Test(fabric, exceptions_of_the_address_rule)
{
	struct model *m = model_read("tests/unit/topologies/addresses.yaml");
	char text[ADDR_STRLEN];

	/* The VPN gateway was there first and has +4: the endpoints start at +6 (azure.md 1.3). */
	expect_addresses(m, "a:c1.primary", "- > 10.0.1.6/32");
	expect_addresses(m, "a:c2.secondary", "- > 10.0.1.21/32");
	expect_addresses(m, "b-vpn/1:b", "10.1.1.5/32 > -");
	cr_expect_str_eq(bgp_address(m, "b-vpn/1", text), "10.1.1.5", "active-active: the instance");
	expect_addresses(m, "s-ce:s", "192.168.9.1/31 > 192.168.9.0/31");
	expect_addresses(m, "c1.primary:c2.primary", "172.16.9.1/30 > 172.16.9.2/30");
	expect_addresses(m, "c1.secondary:c2.secondary", "172.16.9.5/30 > 172.16.9.6/30");
	model_free(m);
}

Test(fabric, a_tunnel_per_pair_of_active_instances)
{
	struct model *m = model_read("tests/unit/topologies/addresses.yaml");
	char *got = target_text(m, "a-b");
	char near[ADDR_STRLEN], far[ADDR_STRLEN];

	cr_expect_str_eq(got, "a-vpn/0:b-vpn/0 a-vpn/0:b-vpn/1 a-vpn/1:b-vpn/0 a-vpn/1:b-vpn/1");
	free(got);
	cr_expect_str_eq(addr_format(&find_link(m, "a-vpn/1:b-vpn/0")->outer[0], near), "203.0.113.2");
	cr_expect_str_eq(addr_format(&find_link(m, "a-vpn/1:b-vpn/0")->outer[1], far), "203.0.113.3");
	model_free(m);
}

Test(fabric, a_path_without_a_router_is_no_target)
{
	struct model *m = model_read("tests/unit/topologies/addresses.yaml");
	index_list links = {};

	cr_expect_eq(target_links(m->fabric, "c1.secondary", &links), -ENOENT);
	cr_expect_eq(target_links(m->fabric, "c1.secondary/msee", &links), 0);
	cr_expect_eq(target_links(m->fabric, "reach", &links), 0);
	vec_free(&links);
	model_free(m);
}
