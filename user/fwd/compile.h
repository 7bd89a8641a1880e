/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Shared by the parts of the compiler; nobody else includes this. */
#ifndef ERX_FWD_COMPILE_H
#define ERX_FWD_COMPILE_H

#include <uthash.h>
#include "fwd/image.h"

struct group_name;
struct path_name;

struct compiler {
	const struct image_input *in;
	struct image *image;
	struct diags *diags;
	struct group_name *groups; /* by key */
	struct path_name *paths;   /* by name */
	bool full;		   /* some map cannot hold the lab; said once per map */
};

/* The number of a name, reporting a full map once. */
uint32_t compile_id(struct compiler *c, enum id_space space, const char *key);

void compile_ports(struct compiler *c);	      /* ports.c: devices, ports, policies */
void compile_wires(struct compiler *c);	      /* ports.c: ends of wires */
void compile_adjacencies(struct compiler *c); /* adjacency.c: adjacencies, paths, legs */
void compile_meters(struct compiler *c);      /* meters.c: meters, and who is metered */
void compile_routes(struct compiler *c);      /* routes.c: tables, routes, groups */
/* bypass.c: what FastPath puts in front of an MSEE's table. */
void compile_bypasses(struct compiler *c, struct image_table *t);

/* routes.c: what a packet that matches this entry meets now. NULL: nothing covers it. */
void fill_group(struct compiler *c, const struct device *d, const struct rib_entry *now, const struct rib_entry *intact,
		struct erx_hops *g);
/* routes.c: the same prefix when nothing has failed. */
const struct rib_entry *intact_of(const struct compiler *c, const struct image_table *t, const struct rib_entry *now);
/*
 * routes.c: the group of a table with this content, by a name made of kind and
 * signature; index in image->groups. Prefixes that the signature could not tell
 * apart but that do differ now get a group of their own, named by content.
 */
uint32_t intern_group(struct compiler *c, const char *table, const char *kind, uint64_t signature,
		      const struct erx_hops *content);
void compile_groups_free(struct compiler *c);
void compile_paths_free(struct compiler *c);

uint32_t hash_text(const char *text);
/* What names a tunnel on the wire, one number per direction: from is the index in l->ports of the sending end. */
uint32_t tunnel_spi(const struct link *l, int from);

#endif
