/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The fabric by name and by resource: devices, hosts, links, and the targets of
 * `fail` and `capture`. Internal to ctl; fabric.h has the look-ups.
 */
#ifndef ERX_CTL_INDEX_H
#define ERX_CTL_INDEX_H

#include "ctl/fabric.h"

struct fabric_index *index_new(const struct fabric *f); /* once every device exists */
bool index_has_link(const struct fabric_index *x, const char *name);
void index_add_link(struct fabric_index *x, struct arena *arena, const char *name, uint32_t link);
void index_finish(struct fabric_index *x, const struct fabric *f); /* once every link exists */
void index_free(struct fabric_index *x);

#endif
