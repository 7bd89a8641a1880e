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
void compile_routes(struct compiler *c);      /* routes.c: tables, routes, groups */
void compile_groups_free(struct compiler *c);
void compile_paths_free(struct compiler *c);

uint32_t hash_text(const char *text);
/* What names a tunnel on the wire, one number per direction: from is the index in l->ports of the sending end. */
uint32_t tunnel_spi(const struct link *l, int from);

#endif
