// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which of many prefixes covers an address. Sorted prefixes nest like brackets,
 * so the predecessor of an address, or one of those around it, is the answer.
 */
#include "topo/parser.h"

#define NOTHING SIZE_MAX

void prefix_index_add(struct prefix_index *x, struct prefix prefix, const void *item)
{
	if (addr_is_set(&prefix.addr))
		vec_push(&x->entries, ((struct indexed_prefix){.prefix = prefix, .item = item, .outer = NOTHING}));
}

static int by_prefix(const void *a, const void *b)
{
	const struct indexed_prefix *x = a, *y = b;

	return prefix_compare(&x->prefix, &y->prefix);
}

void prefix_index_sort(struct prefix_index *x)
{
	struct indexed_prefix *e = x->entries.items;

	if (e)
		qsort(e, x->entries.n, sizeof(*e), by_prefix);
	for (size_t i = 1; i < x->entries.n; i++) {
		size_t outer = i - 1;

		while (outer != NOTHING && !prefix_covers(&e[outer].prefix, &e[i].prefix))
			outer = e[outer].outer;
		/* Of equals one is enough: chains stay as short as a prefix has bits. */
		if (outer != NOTHING && prefix_equal(&e[outer].prefix, &e[i].prefix))
			outer = e[outer].outer;
		e[i].outer = outer;
	}
}

const void *prefix_index_find(const struct prefix_index *x, const struct prefix *wanted)
{
	size_t low = 0, high = x->entries.n, at;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (prefix_compare(&x->entries.items[middle].prefix, wanted) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (at = low ? low - 1 : NOTHING; at != NOTHING; at = x->entries.items[at].outer)
		if (prefix_covers(&x->entries.items[at].prefix, wanted))
			return x->entries.items[at].item;
	return NULL;
}

void prefix_index_free(struct prefix_index *x)
{
	vec_free(&x->entries);
}
