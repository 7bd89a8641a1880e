/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What to do when the kernel does not permit something. */
#ifndef ERX_LIB_PRIVILEGE_H
#define ERX_LIB_PRIVILEGE_H

#include <linux/capability.h>
#include <stddef.h>
#include <stdint.h>

#define PRIVILEGE(capability) (1ull << (capability))
#define PRIVILEGE_TEXT	      160

/*
 * The remedy for err (-errno) of a call that needs these capabilities, as "; run as root", naming those that this
 * process does not have; "" when err is not about permission. Returns out.
 */
const char *privilege_remedy(int err, uint64_t needs, char out[static PRIVILEGE_TEXT]);

#endif
