/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Devices that lower no TTL (a VPN gateway between tunnels, a transparent
 * gateway, a VNet) must not point at each other: a packet would circle until the
 * hop budget ends it. Loops that a TTL ends are the user's to see, as in reality.
 */
#ifndef ERX_FWD_LOOPS_H
#define ERX_FWD_LOOPS_H

#include "fwd/image.h"

struct loop {
	struct addr destination;
	VEC(const struct device *) devices; /* in the order a packet meets them */
};

/* The first endless loop of the image; false when there is none. Free the list with vec_free(). */
bool image_find_loop(const struct image *image, struct loop *out);

#endif
