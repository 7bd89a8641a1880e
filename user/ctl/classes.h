/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which prefixes there are, who announces them, and which of them fare alike
 * whatever fails. All this follows from the fabric alone, so it is worked out
 * once, and the reaction to a failure looks at one prefix of each class.
 *
 * Prefixes in a row are one class when
 *   - the same announcers announce them (with the same attributes and under the
 *     same condition, so they come and go together),
 *   - they have the same length and the same prefix around them, which takes
 *     over when they are gone (and with it the same reserved address space),
 *   - none of them is a device's local route, a user-defined one or a network
 *     that holds another prefix: those have a fate of their own.
 * No policy looks at a prefix but to tell a default route, which is alone.
 */
#ifndef ERX_CTL_CLASSES_H
#define ERX_CTL_CLASSES_H

#include "ctl/fabric.h"

/* Announces some prefixes, all alike, as long as a link carries packets. */
struct announcer {
	uint32_t device;
	const struct vnet *vnet;	     /* a gateway's: whose address space; NULL elsewhere */
	const struct connection *connection; /* of static VPN routes; NULL: the device's own networks */
	uint32_t link;
};

struct announcement {
	struct prefix prefix;
	uint32_t announcer;
};

struct prefix_class {
	uint32_t first, n; /* places in prefixes */
	/* Places in announcements: of the first member. */
	uint32_t announced_at, n_announced;
	uint64_t announced_by; /* the announcers' names as a number; 0: nobody */
};

struct prefix_plan {
	VEC(struct announcer) announcers;
	VEC(struct announcement) announcements; /* sorted by prefix, device, own before static ones */
	VEC(struct prefix) prefixes;		/* every one of the fabric, sorted */
	VEC(struct prefix_class) classes;
};

struct prefix_plan *plan_new(const struct fabric *f);
void plan_free(struct prefix_plan *p); /* NULL is fine */
/* The fabric's own, made on the first call. */
const struct prefix_plan *plan_of(const struct fabric *f);

#endif
