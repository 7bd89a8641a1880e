// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fwd/image.h"

#include <string.h>

#include "fwd/compile.h"

static const char *const full_messages[N_ID_SPACES] = {
	[ID_DEVICE] = "devices",
	[ID_PORT] = "ports",
	[ID_TABLE] = "routing tables",
	[ID_GROUP] = "next-hop groups",
	[ID_ADJACENCY] = "adjacencies",
	[ID_PATH] = "paths",
	[ID_LEG_ROW] = "rows of path legs",
	[ID_POLICY_SET] = "TTL policies",
	[ID_METER] = "meters of circuits and gateways",
};

uint32_t compile_id(struct compiler *c, enum id_space space, const char *key)
{
	uint32_t id = ids_get(c->in->ids, space, key);

	if (id == UINT32_MAX) {
		if (!c->full)
			diag_error(c->diags, (struct pos){}, "a lab can have %u %s; make the topology smaller",
				   ids_limit(space), full_messages[space]);
		c->full = true;
		return 0;
	}
	return id;
}

uint32_t hash_text(const char *text)
{
	uint32_t h = 0x811c9dc5; /* FNV-1a */

	while (*text)
		h = (h ^ (unsigned char)*text++) * 0x01000193;
	return h;
}

static void check_blocks(struct compiler *c)
{
	if (c->image->blocks.n <= ERX_MAX_FASTPATH)
		return;
	diag_error(c->diags, (struct pos){},
		   "the lab needs %zu blocks of 64 FastPath addresses and can have %u; make the topology smaller",
		   c->image->blocks.n, ERX_MAX_FASTPATH);
	c->full = true;
}

struct image *image_compile(const struct image_input *in, struct diags *diags)
{
	struct image *image = xcalloc(1, sizeof(*image));
	struct compiler c = {.in = in, .image = image, .diags = diags};

	image->arena = arena_new();
	image->fabric = in->fabric;
	image->now = in->now;
	image->link_down = in->link_down;
	image->link_silent = in->link_silent;
	compile_ports(&c);
	compile_wires(&c);
	compile_adjacencies(&c);
	compile_meters(&c);
	compile_routes(&c);
	check_blocks(&c);
	compile_groups_free(&c);
	compile_paths_free(&c);
	if (!c.full)
		return image;
	image_free(image);
	return NULL;
}

void image_free(struct image *image)
{
	if (!image)
		return;
	vec_free(&image->devices);
	vec_free(&image->ports);
	vec_free(&image->tables);
	vec_free(&image->routes);
	vec_free(&image->bypasses);
	vec_free(&image->blocks);
	vec_free(&image->meters);
	vec_free(&image->groups);
	vec_free(&image->adjacencies);
	vec_free(&image->adjacency_at);
	vec_free(&image->paths);
	vec_free(&image->legs);
	vec_free(&image->policies);
	vec_free(&image->wires);
	arena_free(image->arena);
	free(image);
}

static int by_prefix(const void *key, const void *item)
{
	return prefix_compare(key, &((const struct image_route *)item)->prefix);
}

static int by_first(const void *key, const void *item)
{
	return addr_compare(key, &((const struct image_block *)item)->first);
}

/* As lookup_fastpath() of bpf/route.h does it. */
static const struct image_route *lookup_fastpath(const struct image *image, const struct image_table *t,
						 const struct addr *a)
{
	struct prefix p = {.addr = *a, .len = addr_bits(a->family) - ERX_FASTPATH_BITS};
	struct addr first = prefix_network(&p).addr;
	uint64_t within_block = addr_distance(&first, a);
	const struct image_block *b = bsearch(&first, image->blocks.items + t->first_block, t->n_blocks,
					      sizeof(struct image_block), by_first);

	if (!b || !(b->entry.programmed >> within_block & 1))
		return NULL;
	return &image->bypasses.items[b->bypass_at[within_block / 8]];
}

const struct image_route *image_lookup(const struct image *image, const struct image_table *t, const struct addr *a)
{
	const struct image_route *programmed = t->n_blocks ? lookup_fastpath(image, t, a) : NULL;
	struct prefix p = prefix_of(a);

	if (programmed)
		return programmed;
	for (int len = p.len; len >= 0; len--) {
		struct prefix wanted = prefix_network(&(struct prefix){.addr = *a, .len = len});
		const struct image_route *found = NULL;

		if (t->n_routes)
			found = bsearch(&wanted, image->routes.items + t->first_route, t->n_routes,
					sizeof(struct image_route), by_prefix);
		if (found)
			return found;
	}
	return NULL;
}

const struct image_table *image_table_of_port(const struct image *image, uint32_t port)
{
	return &image->tables.items[image->ports.items[port].table_at];
}

const struct image_adjacency *image_adjacency(const struct image *image, uint32_t id)
{
	return id < image->adjacency_at.n ? &image->adjacencies.items[image->adjacency_at.items[id]] : NULL;
}
