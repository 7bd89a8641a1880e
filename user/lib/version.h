/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef ERX_LIB_VERSION_H
#define ERX_LIB_VERSION_H

/* As git describes the source it was built from; the same in every program of one build. */
extern const char erxdp_version[];

#endif
