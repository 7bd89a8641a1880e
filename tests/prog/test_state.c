// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * dp_apply_state(): what a failure changes and nothing else, against the maps
 * themselves and against dp_apply(), which reads them.
 */
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "dp/dp.h"
#include "twin.h"

TestSuite(state, .init = twin_load_plain, .fini = twin_unload, .timeout = 120);

static struct dp_changes changes;
static struct error error;

static void compute(void)
{
	lab_follow(twin.lab);
	cr_assert_eq(lab_compute(twin.lab, &error), 0, "%s", error.text);
}

static void apply(void)
{
	cr_assert_eq(dp_apply_state(twin.dp, twin.lab->image, &changes, &error), 0, "%s", error.text);
}

/* What dp_apply() finds to be done. */
static struct dp_changes missing(void)
{
	struct dp_changes found;

	cr_assert_eq(dp_apply(twin.dp, twin.lab->image, true, &found, &error), 0, "%s", error.text);
	return found;
}

static struct erx_group group_in_map(uint32_t id)
{
	struct erx_group group;
	int map = map_of("erx_groups");

	cr_assert_eq(bpf_map_lookup_elem(map, &id, &group), 0);
	close(map);
	return group;
}

static struct erx_port port_in_map(uint32_t port)
{
	struct erx_port entry;
	int map = map_of("erx_ports");

	cr_assert_eq(bpf_map_lookup_elem(map, &image_port(port)->id, &entry), 0);
	close(map);
	return entry;
}

static void set_port(uint32_t port, const struct erx_port *entry)
{
	int map = map_of("erx_ports");

	cr_assert_eq(bpf_map_update_elem(map, &image_port(port)->id, entry, BPF_EXIST), 0);
	close(map);
}

static void expect_as_image(void)
{
	vec_each(g, &twin.lab->image->groups) {
		struct erx_group group = group_in_map(g->id);

		cr_expect_arr_eq(&group.slots[group.current & 1], &g->entry, sizeof(g->entry));
	}
}

Test(state, writes_the_groups_that_a_failure_changes_and_no_others)
{
	static const char *const failures[] = {"er1.primary", "hub-er2", "hub-ergw/0", "loc2-ce1"};

	for (size_t i = 0; i < N(failures); i++) {
		struct dp_changes expected;

		cr_assert_eq(lab_fail(twin.lab, failures[i], FAULT_DOWN), 0);
		compute();
		expected = missing();
		cr_expect_gt(expected.groups, 0, "%s changes nothing", failures[i]);
		cr_expect_eq(dp_changes_sum(&expected), expected.groups, "%s: not groups alone", failures[i]);
		apply();
		cr_expect_eq(changes.groups, expected.groups, "%s: %u groups, not %u", failures[i], changes.groups,
			     expected.groups);
		cr_expect_eq(dp_changes_sum(&changes), changes.groups);
		expect_as_image();
		apply();
		cr_expect_eq(dp_changes_sum(&changes), 0, "%s: written again", failures[i]);
	}
	lab_restore(twin.lab, NULL);
	compute();
	apply();
	expect_as_image();
	changes = missing();
	cr_expect_eq(dp_changes_sum(&changes), 0);
}

/* A reader of the old members sees them whole: they stay in the slot that is no longer current. */
Test(state, leaves_the_old_members_in_their_slot)
{
	uint32_t before[ERX_MAX_GROUPS] = {};
	unsigned switched = 0;

	vec_each(g, &twin.lab->image->groups)
		before[g->id] = group_in_map(g->id).current;
	apply();
	cr_assert_eq(lab_fail(twin.lab, "er1.primary", FAULT_DOWN), 0);
	compute();
	apply();
	vec_each(g, &twin.lab->image->groups)
		switched += group_in_map(g->id).current != before[g->id];
	cr_expect_eq(switched, changes.groups);
	cr_expect_gt(switched, 0);
}

Test(state, marks_ports_that_lose_packets)
{
	uint32_t port = port_at("er1.primary", "loc1-ce1");
	struct erx_port before = port_in_map(port);

	cr_assert_eq(lab_fail(twin.lab, "er1.primary", FAULT_SILENT), 0);
	compute();
	apply();
	cr_expect_eq(changes.ports, 2, "%u ports", changes.ports);
	cr_expect_eq(port_in_map(port).flags, before.flags | ERX_PORT_FAULT);
	lab_restore(twin.lab, NULL);
	compute();
	apply();
	cr_expect_eq(changes.ports, 2, "%u ports", changes.ports);
	cr_expect_eq(port_in_map(port).flags, before.flags);
	apply();
	cr_expect_eq(dp_changes_sum(&changes), 0);
}

/* Another process has written: the copy is stale until it is dropped. */
Test(state, reads_the_maps_again_when_told_to)
{
	uint32_t port = port_at("er1.primary", "loc1-ce1");
	struct erx_port entry = port_in_map(port);

	apply();
	entry.flags |= ERX_PORT_FAULT;
	set_port(port, &entry);
	apply();
	cr_expect_eq(changes.ports, 0);
	dp_forget(twin.dp);
	apply();
	cr_expect_eq(changes.ports, 1);
	cr_expect_eq(port_in_map(port).flags, ERX_PORT_FASTPATH);
	dp_forget(twin.dp);
	dp_forget(twin.dp);
}
