// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From a file to a forwarding image and the walk through it, without a kernel:
 * the published traces from the model alone, stable numbers, few writes however
 * many prefixes, loops.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "erxdp/hash.h"
#include "fwd/loops.h"
#include "fwd/walk.h"
#include "lab/lab.h"

#define INTEROP "topologies/interop.yaml"

static char *read_file(const char *file)
{
	char *text = xcalloc(1, TOPO_MAX_BYTES);
	FILE *in = fopen(file, "re");

	cr_assert(in, "cannot read %s; run the tests from the top directory", file);
	cr_assert(fread(text, 1, TOPO_MAX_BYTES - 1, in) > 0);
	fclose(in);
	return text;
}

/* The file with one text replaced by another, computed. */
static struct lab *lab_with(const char *old, const char *new)
{
	struct diags diags = {};
	struct error e = {};
	char *text = read_file(INTEROP), *at = old ? strstr(text, old) : text, *changed;
	struct lab *lab;

	cr_assert(at, "'%s' is not in " INTEROP, old);
	changed = old ? xasprintf("%.*s%s%s", (int)(at - text), text, new, at + strlen(old)) : xstrdup(text);
	lab = lab_parse(changed, strlen(changed), &diags);
	diags_print(&diags, INTEROP, stderr);
	cr_assert(lab);
	cr_assert(!(lab_follow(lab), lab_compute(lab, &e)), "%s", e.text);
	diags_free(&diags);
	free(changed);
	free(text);
	return lab;
}

/* "10.2.30.3,192.168.30.0,*,10.10.30.4", or "lost". */
static void trace_text(const struct lab *lab, const char *from, const char *to, char *out, size_t size, int *ttl)
{
	const struct host *a = fabric_host(lab->fabric, from), *b = fabric_host(lab->fabric, to);
	struct flow flow = {.src = a->addr, .dst = b->addr, .protocol = IPPROTO_ICMP};
	struct prediction p;
	char text[ADDR_STRLEN];

	predict(lab->image, a, b, &flow, &p);
	*out = '\0';
	*ttl = p.ping_ttl;
	vec_each(h, &p.hops)
		snprintf(out + strlen(out), size - strlen(out), "%s%s", *out ? "," : "",
			 addr_is_set(&h->addr) ? addr_format(&h->addr, text) : "*");
	if (!p.reachable)
		snprintf(out, size, "lost");
	prediction_free(&p);
}

Test(fwd, the_model_alone_gives_the_published_traces)
{
	struct lab *lab = lab_with(NULL, NULL), *failed = lab_with(NULL, NULL);
	FILE *table = fopen("tests/golden/interop-traces.tsv", "re");
	char line[1024], seen[256];
	struct error e = {};
	int rows = 0, ttl;

	cr_assert(table);
	cr_assert(!lab_fail(failed, "er1.primary", FAULT_DOWN));
	cr_assert(!(lab_follow(failed), lab_compute(failed, &e)));
	while (fgets(line, sizeof(line), table)) {
		char from[64], to[64], dst[64], state[64], hops[256], rtt[64], ping[64];
		int row;

		if (sscanf(line, "%d\t%63[^\t]\t%63[^\t]\t%63[^\t]\t%63[^\t]\t%255[^\t]\t%63[^\t]\t%63[^\t\n]", &row,
			   from, to, dst, state, hops, rtt, ping) != 8)
			continue;
		trace_text(strcmp(state, "-") ? failed : lab, from, to, seen, sizeof(seen), &ttl);
		cr_expect_str_eq(seen, hops, "row %d, %s > %s: %s, published %s", row, from, to, seen, hops);
		if (strcmp(ping, "-"))
			cr_expect_eq(ttl, atoi(ping), "row %d: ttl %d, expected %s", row, ttl, ping);
		rows++;
	}
	fclose(table);
	cr_expect_eq(rows, 31);
	lab_free(lab);
	lab_free(failed);
}

Test(fwd, the_default_seed_makes_the_published_choices)
{
	static const struct {
		const char *device, *src, *dst;
		unsigned member;
	} choices[] = {
		{"hub", "10.10.30.4", "10.17.30.4", 0},	   {"hub", "10.11.30.4", "10.17.30.4", 1},
		{"hub", "10.10.30.4", "10.1.31.10", 0},	   {"hub", "10.11.30.4", "10.1.31.10", 0},
		{"remote", "10.17.30.4", "10.10.30.4", 0}, {"remote", "10.17.30.4", "10.11.30.4", 0},
		{"loc2", "10.1.31.10", "10.10.30.4", 1},   {"loc2", "10.1.31.10", "10.11.30.4", 0},
	};

	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		struct addr src, dst;
		uint32_t flow;

		addr_parse(choices[i].src, &src);
		addr_parse(choices[i].dst, &dst);
		flow = erx_flow_hash(erx_device_basis(choices[i].device, ERX_DEFAULT_SEED), addr_be32(&src),
				     addr_be32(&dst), IPPROTO_ICMP, 0, 0);
		cr_expect_eq(erx_member_score(flow, 1) > erx_member_score(flow, 0), choices[i].member, "%s > %s",
			     choices[i].src, choices[i].dst);
	}
}

/* --- What a failure writes --------------------------------------------------------------------------------------- */

static unsigned groups_that_differ(const struct image *a, const struct image *b)
{
	unsigned n = 0;

	vec_each(g, &a->groups) {
		vec_each(other, &b->groups)
			n += g->id == other->id && memcmp(&g->entry, &other->entry, sizeof(g->entry));
	}
	return n;
}

static unsigned routes_that_differ(const struct image *a, const struct image *b)
{
	unsigned n = a->routes.n != b->routes.n;

	for (size_t i = 0; !n && i < a->routes.n; i++) {
		const struct image_route *x = &a->routes.items[i], *y = &b->routes.items[i];

		n += x->table != y->table || x->group != y->group || !prefix_equal(&x->prefix, &y->prefix);
	}
	return n;
}

/* A second image of the same file with the numbers of the first, as a later command makes it. */
static struct lab *after_failure(const struct lab *before, const char *old, const char *new, const char *target)
{
	struct lab *lab = lab_with(old, new);
	struct error e = {};

	lab_adopt(lab, before);
	cr_assert(!lab_fail(lab, target, FAULT_DOWN));
	cr_assert(!(lab_follow(lab), lab_compute(lab, &e)), "%s", e.text);
	return lab;
}

static unsigned writes_of_a_failure(const char *old, const char *new)
{
	struct lab *before = lab_with(old, new), *after = after_failure(before, old, new, "er1.primary");
	unsigned groups = groups_that_differ(before->image, after->image);

	cr_expect_eq(routes_that_differ(before->image, after->image), 0, "a failure must not rewrite routes");
	cr_expect(groups > 0);
	lab_free(before);
	lab_free(after);
	return groups;
}

Test(fwd, a_failure_writes_as_many_groups_for_2000_prefixes_as_for_one)
{
	const char *old = "advertise: [10.2.30.0/25]";
	const char *many = "advertise: [10.2.30.0/25, {first: 10.64.0.0/24, count: 2000}]";
	unsigned one = writes_of_a_failure(old, "advertise: [10.2.30.0/25, 10.64.0.0/24]");

	cr_expect_eq(writes_of_a_failure(old, many), one);
}

Test(fwd, restore_gives_the_same_image_again)
{
	struct lab *before = lab_with(NULL, NULL), *after = after_failure(before, NULL, NULL, "hub-er1");
	struct error e = {};

	cr_expect(groups_that_differ(before->image, after->image) > 0);
	cr_assert_eq(lab_restore(after, NULL), 1);
	cr_assert(!(lab_follow(after), lab_compute(after, &e)));
	cr_expect_eq(groups_that_differ(before->image, after->image), 0);
	cr_expect_eq(routes_that_differ(before->image, after->image), 0);
	lab_free(before);
	lab_free(after);
}

Test(fwd, fastpath_is_one_group_per_edge_router)
{
	struct lab *before = lab_with(NULL, NULL), *after = lab_with(NULL, NULL);
	size_t index = topo_connection(after->topo, "hub-er1") - after->topo->connections.items;
	struct error e = {};

	lab_adopt(after, before);
	after->fastpath[index] = true;
	cr_assert(!(lab_follow(after), lab_compute(after, &e)));
	cr_expect_eq(groups_that_differ(before->image, after->image), 2, "er1.primary and er1.secondary");
	cr_expect_eq(routes_that_differ(before->image, after->image), 0);
	lab_free(before);
	lab_free(after);
}

/* --- Numbers ----------------------------------------------------------------------------------------------------- */

Test(ids, a_name_keeps_its_number_and_a_number_is_not_reused_at_once)
{
	struct ids *first = ids_new(), *second;
	uint32_t a = ids_get(first, ID_PORT, "hub>one"), b = ids_get(first, ID_PORT, "hub>two");
	char *text;

	cr_expect_neq(a, b);
	cr_expect_eq(ids_get(first, ID_PORT, "hub>one"), a);
	cr_expect_eq(ids_get(first, ID_GROUP, "hub>one"), 1, "each kind of thing counts for itself");
	text = ids_format(first);
	second = ids_parse(text);
	free(text);
	cr_expect_eq(ids_get(second, ID_PORT, "hub>two"), b);
	cr_expect_neq(ids_get(second, ID_PORT, "hub>three"), a, "'one' may still be loaded");
	text = ids_format(second);
	cr_expect_null(strstr(text, "hub>one"), "what was not used is forgotten");
	free(text);
	ids_free(first);
	ids_free(second);
}

Test(ids, a_damaged_file_is_read_as_far_as_it_makes_sense)
{
	struct ids *ids = ids_parse("port 7 a\nport 7 b\nport x c\nnonsense\nport 99999999 d\nport 0 e\n");

	cr_expect_eq(ids_get(ids, ID_PORT, "a"), 7);
	cr_expect_neq(ids_get(ids, ID_PORT, "b"), 7);
	cr_expect_lt(ids_get(ids, ID_PORT, "d"), ERX_MAX_PORTS);
	cr_expect_gt(ids_get(ids, ID_PORT, "e"), 0);
	ids_free(ids);
}

Test(ids, a_full_space_says_so)
{
	struct ids *ids = ids_new();
	char key[32];
	uint32_t id = 0;

	for (int i = 0; i < ERX_MAX_POLICY_SETS && id != UINT32_MAX; i++) {
		snprintf(key, sizeof(key), "set %d", i);
		id = ids_get(ids, ID_POLICY_SET, key);
	}
	cr_expect_eq(id, UINT32_MAX);
	ids_free(ids);
}

/* --- Policy ------------------------------------------------------------------------------------------------------ */

Test(policy, every_pair_of_roles_at_every_port_has_a_row)
{
	struct lab *lab = lab_with(NULL, NULL);

	vec_each(port, &lab->fabric->ports) {
		struct policy_case a_case = policy_case_of(lab->fabric, port);

		for (int in = 0; in < ERX_N_ROLES; in++)
			for (int out = 0; out < ERX_N_ROLES; out++)
				cr_expect_not_null(policy_find(&a_case, in, out));
	}
	lab_free(lab);
}

/* For what comes in by a device's first port. */
static struct erx_policy policy_at(const struct lab *lab, const char *device, enum profile profile, enum erx_role in,
				   enum erx_role out)
{
	const struct device *d = fabric_device(lab->fabric, device);
	struct policy_case a_case = policy_case_of(lab->fabric, &lab->fabric->ports.items[d->ports.items[0]]);

	a_case.profile = profile;
	return policy_find(&a_case, in, out)->policy;
}

Test(policy, profile_and_gateway_change_what_azure_says_they_change)
{
	struct lab *lab = lab_with("sku: UltraPerformance}", "sku: UltraPerformance, ttl: transparent}");
	struct erx_policy p;

	p = policy_at(lab, "hub-ergw/0", PROFILE_2018, ERX_ROLE_MSEE, ERX_ROLE_VNET);
	cr_expect_eq(p.decrements, 0);
	p = policy_at(lab, "remote-ergw/0", PROFILE_2018, ERX_ROLE_MSEE, ERX_ROLE_VNET);
	cr_expect_eq(p.decrements, 1);
	cr_expect_eq(p.answers, 0);
	p = policy_at(lab, "hub-vpngw/0", PROFILE_2018, ERX_ROLE_VNET, ERX_ROLE_TUNNEL);
	cr_expect_eq(p.decrements, 2);
	cr_expect_eq(p.answers, 1);
	p = policy_at(lab, "hub-vpngw/0", PROFILE_CURRENT, ERX_ROLE_VNET, ERX_ROLE_TUNNEL);
	cr_expect_eq(p.decrements, 0);
	p = policy_at(lab, "hub-vpngw/0", PROFILE_2018, ERX_ROLE_TUNNEL, ERX_ROLE_TUNNEL);
	cr_expect_eq(p.decrements, 0);
	lab_free(lab);
}

/* --- Loops ------------------------------------------------------------------------------------------------------- */

/* What a device does with a destination is turned round, to what no file can ask for. */
static void point(struct lab *lab, const char *device, const char *link, const char *to)
{
	const struct device *d = fabric_device(lab->fabric, device);
	struct addr addr;

	addr_parse(to, &addr);
	vec_each(l, &lab->fabric->links) {
		const struct image_route *r;
		struct erx_hops *hops;

		if (strcmp(l->name, link))
			continue;
		r = image_lookup(lab->image, &lab->image->tables.items[d->index], &addr);
		hops = &lab->image->groups.items[r->group_at].entry;
		*hops = (struct erx_hops){.n = 1};
		hops->members[0].adjacency =
			lab->image->ports.items[device_port_on(lab->fabric, d->index, l->index)].adjacency;
	}
}

Test(loops, devices_that_lower_nothing_must_not_point_at_each_other)
{
	struct lab *lab = lab_with(NULL, NULL);
	struct error e = {};

	cr_assert(!lab_check_loops(lab, &e), "%s", e.text);
	point(lab, "hub-vpngw/0", "hub-vpngw/0:branch-vpngw/0", "10.2.30.10");
	point(lab, "branch-vpngw/0", "hub-vpngw/0:branch-vpngw/0", "10.2.30.10");
	cr_expect_eq(lab_check_loops(lab, &e), -ELOOP);
	cr_expect_not_null(strstr(e.text, "'hub-vpngw/0'"), "%s", e.text);
	cr_expect_not_null(strstr(e.text, "'branch-vpngw/0'"), "%s", e.text);
	lab_free(lab);
}

Test(loops, a_loop_that_a_ttl_ends_is_allowed)
{
	struct lab *lab = lab_with(NULL, NULL);
	struct error e = {};

	point(lab, "loc1-ce1", "loc1-ce1:er1.primary", "10.2.30.10");
	cr_expect(!lab_check_loops(lab, &e), "%s", e.text);
	lab_free(lab);
}
