// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The addresses that MSEEs send past the gateway: erx_fastpath. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "dp/internal.h"

#define BLOCKS_PER_CALL 4096

static int by_key(const void *a, const void *b)
{
	return memcmp(&((const struct dp_block *)a)->key, &((const struct dp_block *)b)->key,
		      sizeof(struct erx_fastpath_key));
}

static void sort(dp_blocks *blocks)
{
	if (blocks->n)
		qsort(blocks->items, blocks->n, sizeof(*blocks->items), by_key);
}

int dp_read_blocks(const struct dp *dp, dp_blocks *out, struct error *e)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	struct erx_fastpath_key *keys = xcalloc(BLOCKS_PER_CALL, sizeof(*keys));
	struct erx_fastpath *values = xcalloc(BLOCKS_PER_CALL, sizeof(*values));
	uint32_t at = 0;
	bool first = true;
	int err;

	out->n = 0;
	do {
		uint32_t count = BLOCKS_PER_CALL;

		err = bpf_map_lookup_batch(dp->maps[DP_MAP_fastpath], first ? NULL : &at, &at, keys, values, &count,
					   &opts)
			      ? -errno
			      : 0;
		if (err && err != -ENOENT)
			break;
		for (uint32_t i = 0; i < count; i++)
			vec_push(out, ((struct dp_block){keys[i], values[i]}));
		first = false;
	} while (!err);
	free(keys);
	free(values);
	sort(out);
	if (err != -ENOENT)
		return error_set(e, err, "cannot read the FastPath addresses of lab '%s': %s", dp->lab, strerror(-err));
	return 0;
}

static void wanted_blocks(const struct image *image, dp_blocks *out)
{
	vec_each(b, &image->blocks) {
		struct dp_block block = {.key.table = htonl(b->table), .value = b->entry};

		memcpy(block.key.addr, b->first.bytes, sizeof(block.key.addr));
		vec_push(out, block);
	}
	sort(out);
}

/* Blocks of a that are not in b, or are otherwise there; keys_only: not there at all. */
static void difference(const dp_blocks *a, const dp_blocks *b, bool keys_only, dp_blocks *out)
{
	size_t at = 0;

	vec_each(block, a) {
		while (at < b->n && by_key(&b->items[at], block) < 0)
			at++;
		if (at < b->n && !by_key(&b->items[at], block) &&
		    (keys_only || !memcmp(&b->items[at].value, &block->value, sizeof(block->value))))
			continue;
		vec_push(out, *block);
	}
}

static int write_block(const struct dp *dp, const struct dp_block *b)
{
	unsigned patience = DP_RESERVE_TRIES;

	while (bpf_map_update_elem(dp->maps[DP_MAP_fastpath], &b->key, &b->value, BPF_ANY)) {
		if (!dp_wait_for_reserve(&patience))
			return -1;
	}
	return 0;
}

static int remove_block(const struct dp *dp, const struct dp_block *b)
{
	return bpf_map_delete_elem(dp->maps[DP_MAP_fastpath], &b->key) && errno != ENOENT ? -1 : 0;
}

static int each_block(const struct dp *dp, const dp_blocks *blocks,
		      int (*fn)(const struct dp *dp, const struct dp_block *b), struct error *e)
{
	vec_each(b, blocks) {
		if (fn(dp, b))
			return dp_write_failed(dp, "the FastPath addresses", -errno, e);
	}
	return 0;
}

int dp_write_blocks(struct dp *dp, const struct image *image, bool dry, unsigned *changed, struct error *e)
{
	dp_blocks wanted = {}, write = {}, gone = {};
	int err = 0;

	wanted_blocks(image, &wanted);
	difference(&wanted, &dp->blocks, false, &write);
	difference(&dp->blocks, &wanted, true, &gone);
	*changed += write.n + gone.n;
	if (!dry)
		err = each_block(dp, &write, write_block, e);
	if (!dry && !err)
		err = each_block(dp, &gone, remove_block, e);
	vec_free(&write);
	vec_free(&gone);
	if (dry || err) {
		vec_free(&wanted);
		return err;
	}
	vec_free(&dp->blocks);
	dp->blocks = wanted;
	return 0;
}
