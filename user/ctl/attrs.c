// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/attrs.h"

#include <string.h>
#include <uthash.h>

/* Attributes as plain words: what is hashed and compared. */
enum {
	WORD_LOCAL_PREF,
	WORD_WEIGHT,
	WORD_ROUTING_WEIGHT,
	WORD_MED,
	WORD_ORIGIN,
	WORD_IBGP,
	WORD_VIA,
	WORD_PATH_LEN,
	N_HEAD
};

struct interned {
	struct attrs attrs;
	UT_hash_handle hh;
	uint32_t words[]; /* head, AS path, communities */
};

struct attrs_pool {
	struct arena *arena;
	struct interned *table;
	VEC(uint32_t) words; /* of the draft that is looked up */
};

struct attrs_pool *attrs_pool_new(struct arena *arena)
{
	struct attrs_pool *pool = xcalloc(1, sizeof(*pool));

	pool->arena = arena;
	return pool;
}

void attrs_pool_free(struct attrs_pool *pool)
{
	HASH_CLEAR(hh, pool->table);
	vec_free(&pool->words);
	free(pool);
}

static size_t to_words(struct attrs_pool *pool, const struct attrs *a)
{
	const uint32_t head[N_HEAD] = {
		[WORD_LOCAL_PREF] = a->local_pref,
		[WORD_WEIGHT] = a->weight,
		[WORD_ROUTING_WEIGHT] = a->routing_weight,
		[WORD_MED] = a->med,
		[WORD_ORIGIN] = a->origin,
		[WORD_IBGP] = a->ibgp,
		[WORD_VIA] = a->via,
		[WORD_PATH_LEN] = a->as_path_len,
	};

	pool->words.n = 0;
	for (int i = 0; i < N_HEAD; i++)
		vec_push(&pool->words, head[i]);
	for (unsigned i = 0; i < a->as_path_len; i++)
		vec_push(&pool->words, a->as_path[i]);
	for (unsigned i = 0; i < a->n_communities; i++)
		vec_push(&pool->words, a->communities[i]);
	return pool->words.n * sizeof(uint32_t);
}

const struct attrs *attrs_intern(struct attrs_pool *pool, const struct attrs *draft)
{
	size_t size = to_words(pool, draft);
	struct interned *found;

	HASH_FIND(hh, pool->table, pool->words.items, size, found);
	if (found)
		return &found->attrs;
	found = arena_alloc(pool->arena, sizeof(*found) + size);
	memcpy(found->words, pool->words.items, size);
	found->attrs = *draft;
	found->attrs.as_path = found->words + N_HEAD;
	found->attrs.communities = found->words + N_HEAD + draft->as_path_len;
	HASH_ADD_KEYPTR(hh, pool->table, found->words, size, found);
	return &found->attrs;
}

bool as_path_has(const struct attrs *a, uint32_t asn)
{
	for (unsigned i = 0; i < a->as_path_len; i++) {
		if (a->as_path[i] == asn)
			return true;
	}
	return false;
}

bool as_path_equal(const struct attrs *a, const struct attrs *b)
{
	return a->as_path_len == b->as_path_len &&
	       (!a->as_path_len || !memcmp(a->as_path, b->as_path, a->as_path_len * sizeof(*a->as_path)));
}

uint32_t neighbour_as(const struct attrs *a)
{
	return a->as_path_len ? a->as_path[0] : 0;
}
