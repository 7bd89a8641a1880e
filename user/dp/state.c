// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What changes with the state of the network: members of groups, FastPath addresses, and which ports lose packets. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "dp/internal.h"

int dp_read_array(const struct dp *dp, enum dp_map map, const char *what, uint32_t entries, size_t size, void *out,
		  struct error *e)
{
	size_t stride = (size + 7) & ~(size_t)7, bytes = entries * stride; /* as array_map_alloc() lays it out */
	uint8_t *there = mmap(NULL, bytes, PROT_READ, MAP_SHARED, dp->maps[map], 0);

	if (there == MAP_FAILED)
		return error_set(e, -errno, "cannot read %s of lab '%s': %s", what, dp->lab, strerror(errno));
	for (uint32_t i = 0; i < entries; i++) {
		const uint8_t *entry = there + i * stride;

		if (*entry || memcmp(entry, entry + 1, size - 1))
			memcpy((uint8_t *)out + i * size, entry, size);
	}
	munmap(there, bytes);
	return 0;
}

int dp_write_failed(const struct dp *dp, const char *what, int err, struct error *e)
{
	if (err == -ENOSPC || err == -E2BIG)
		return error_set(e, err, "cannot write %s of lab '%s': the map is full; make the topology smaller",
				 what, dp->lab);
	return error_set(e, err, "cannot write %s of lab '%s': %s", what, dp->lab, strerror(-err));
}

bool dp_wait_for_reserve(unsigned *patience)
{
	struct timespec pause = {.tv_nsec = 1000000};

	if (errno != ENOMEM || !*patience)
		return false;
	(*patience)--;
	nanosleep(&pause, NULL);
	return true;
}

void dp_forget(struct dp *dp)
{
	free(dp->ports);
	free(dp->groups);
	vec_free(&dp->blocks);
	dp->ports = NULL;
	dp->groups = NULL;
}

int dp_remember(struct dp *dp, struct error *e)
{
	int err;

	if (dp->groups)
		return 0;
	dp->ports = xcalloc(ERX_MAX_PORTS, sizeof(*dp->ports));
	dp->groups = xcalloc(ERX_MAX_GROUPS, sizeof(*dp->groups));
	err = dp_read_array(dp, DP_MAP_ports, "the ports", ERX_MAX_PORTS, sizeof(*dp->ports), dp->ports, e);
	if (!err)
		err = dp_read_array(dp, DP_MAP_groups, "the next-hop groups", ERX_MAX_GROUPS, sizeof(*dp->groups),
				    dp->groups, e);
	if (!err)
		err = dp_read_blocks(dp, &dp->blocks, e);
	if (err)
		dp_forget(dp);
	return err;
}

/* --- Groups ----------------------------------------------------------------------------------------------------- */

struct group_writes {
	VEC(uint32_t) ids;
	VEC(struct erx_group) values;
};

/*
 * A group that no route of this image uses is left as it is: a packet may be on
 * its way through it.
 */
static void collect_groups(const struct dp *dp, const struct image *image, struct group_writes *out)
{
	vec_each(g, &image->groups) {
		struct erx_group now = dp->groups[g->id];

		now.current &= 1;
		if (!memcmp(&now.slots[now.current], &g->entry, sizeof(g->entry)))
			continue;
		now.slots[!now.current] = g->entry;
		vec_push(&out->ids, g->id);
		vec_push(&out->values, now);
	}
}

static int write_all(struct dp *dp, const struct group_writes *writes, struct error *e)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint32_t count = writes->ids.n;

	if (!bpf_map_update_batch(dp->maps[DP_MAP_groups], writes->ids.items, writes->values.items, &count, &opts))
		return 0;
	return dp_write_failed(dp, "the next-hop groups", -errno, e);
}

/* Into the slots that nobody reads; then, all at once, they are the ones that are read. */
static int write_and_switch(struct dp *dp, struct group_writes *writes, struct error *e)
{
	int err = write_all(dp, writes, e);

	if (err)
		return err;
	vec_each(value, &writes->values)
		value->current = !value->current;
	err = write_all(dp, writes, e);
	for (size_t i = 0; !err && i < writes->ids.n; i++)
		dp->groups[writes->ids.items[i]] = writes->values.items[i];
	return err;
}

int dp_write_groups(struct dp *dp, const struct image *image, bool dry, unsigned *changed, struct error *e)
{
	struct group_writes writes = {};
	int err = 0;

	collect_groups(dp, image, &writes);
	*changed += writes.ids.n;
	if (writes.ids.n && !dry)
		err = write_and_switch(dp, &writes, e);
	vec_free(&writes.ids);
	vec_free(&writes.values);
	return err;
}

/* --- Ports ------------------------------------------------------------------------------------------------------ */

static int write_port(struct dp *dp, const struct image_port *p, struct error *e)
{
	if (bpf_map_update_elem(dp->maps[DP_MAP_ports], &p->id, &p->entry, BPF_EXIST))
		return dp_write_failed(dp, "the ports", -errno, e);
	dp->ports[p->id] = p->entry;
	return 0;
}

static int write_ports(struct dp *dp, const struct image *image, bool recovering, unsigned *changed, struct error *e)
{
	vec_each(p, &image->ports) {
		const struct erx_port *known = &dp->ports[p->id];
		bool recovers = known->flags & ERX_PORT_FAULT && !(p->entry.flags & ERX_PORT_FAULT);
		int err;

		if (recovers != recovering || !memcmp(known, &p->entry, sizeof(*known)))
			continue;
		(*changed)++;
		err = write_port(dp, p, e);
		if (err)
			return err;
	}
	return 0;
}

/* --- Both ------------------------------------------------------------------------------------------------------- */

int dp_apply_state(struct dp *dp, const struct image *image, struct dp_changes *changes, struct error *e)
{
	int err = dp_begin_change(dp, e);

	memset(changes, 0, sizeof(*changes));
	if (err)
		return err;
	err = dp_remember(dp, e);
	if (!err)
		err = write_ports(dp, image, true, &changes->ports, e);
	if (!err)
		err = dp_write_groups(dp, image, false, &changes->groups, e);
	if (!err)
		err = dp_write_blocks(dp, image, false, &changes->blocks, e);
	if (!err)
		err = write_ports(dp, image, false, &changes->ports, e);
	dp_end_change(dp);
	if (err)
		dp_forget(dp);
	return err;
}
