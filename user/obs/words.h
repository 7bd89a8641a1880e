/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Words for what a walk meets: ports, routes, where a route comes from. */
#ifndef ERX_OBS_WORDS_H
#define ERX_OBS_WORDS_H

#include "fwd/walk.h"

const char *device_name(const struct fabric *f, uint32_t device);
/* The device that a port belongs to, and what is at its other end: a device or a host. */
const char *port_device(const struct fabric *f, uint32_t port);
const char *port_far_end(const struct fabric *f, uint32_t port);
/* A host's name; of a sink also which of its addresses is meant: "hub-default-sink (10.64.3.7)". Returns buf. */
#define HOST_TEXT 256
const char *host_text(const struct host *h, char buf[static HOST_TEXT]);

/* "10.2.30.0/25 bgp from hub-ergw/0 by hub:er1.primary, AS path 12076-65021, weight 32769" */
void route_text(const struct fabric *f, const struct prefix *prefix, const struct route *r, char *out, size_t size);
/* "vnet" of "hub", "er1" of "er1.primary": the resource a device belongs to. */
const char *resource_name(const struct device *d);

/* The kind of link a route was learned over, through whatever tables it has come since; N_LINK_KINDS: none. */
#define N_LINK_KINDS (LINK_REACH + 1)
unsigned learned_over(const struct rib *rib, const struct route *r);
bool learned_by_vpn(const struct rib *rib, const struct route *r);
bool learned_by_expressroute(const struct rib *rib, const struct route *r);

/* The first device of a prediction's way that a walk ended at: its last step. */
const struct step *last_step(const struct walk *w);
/* The routing table that a step looked in. */
const struct rib_table *step_table(const struct image *image, const struct step *s);

#endif
