/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Numbers for names. A device, port, table, group, adjacency or path keeps its
 * number as long as its name is in use, also from one load to the next, so that
 * a change touches only the map entries of what has changed. The table is text
 * in the lab's run directory; losing it costs a full rewrite, nothing else.
 */
#ifndef ERX_FWD_IDS_H
#define ERX_FWD_IDS_H

#include <stddef.h>
#include <stdint.h>

enum id_space {
	ID_DEVICE,
	ID_PORT,
	ID_TABLE,
	ID_GROUP,
	ID_ADJACENCY,
	ID_PATH,
	ID_LEG_ROW,
	ID_POLICY_SET,
	ID_METER,
	N_ID_SPACES
};

struct ids;

struct ids *ids_new(void);
/* A copy of what a former ids_format() wrote; lines that make no sense are left out. */
struct ids *ids_parse(const char *text);
void ids_free(struct ids *ids); /* NULL is fine */

/*
 * The number of key, which is marked as used. A new key gets the lowest number
 * that nobody had before this run (so nothing that is loaded is reused under a
 * packet's feet). UINT32_MAX when the space is full. Numbers start at 1.
 */
uint32_t ids_get(struct ids *ids, enum id_space space, const char *key);

/* How many numbers there are at most. */
uint32_t ids_limit(enum id_space space);

/* The names marked as used since ids_parse(), as text. To be freed. */
char *ids_format(const struct ids *ids);

#endif
