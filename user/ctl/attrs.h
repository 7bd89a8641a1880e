/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Path attributes, interned: equal attributes are one object, so speakers
 * compare them by address and thousands of prefixes share a few.
 */
#ifndef ERX_CTL_ATTRS_H
#define ERX_CTL_ATTRS_H

#include "ctl/rib.h"

#define DEFAULT_LOCAL_PREF 100

/* A longer path is not accepted, as routers bound it (a loop through an MSEE would grow it for ever). */
#define MAX_AS_PATH 250

struct attrs_pool;

struct attrs_pool *attrs_pool_new(struct arena *arena);
void attrs_pool_free(struct attrs_pool *pool); /* the attributes themselves stay in the arena */
/* The one object equal to *draft, whose arrays need not outlive the call. */
const struct attrs *attrs_intern(struct attrs_pool *pool, const struct attrs *draft);

bool as_path_has(const struct attrs *a, uint32_t asn);
bool as_path_equal(const struct attrs *a, const struct attrs *b);
/* The AS the route came from last; 0 when the path is empty. */
uint32_t neighbour_as(const struct attrs *a);

#endif
