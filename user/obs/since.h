/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef ERX_OBS_SINCE_H
#define ERX_OBS_SINCE_H

#include "lab/lab.h"

/* When this session came up, or went down: CLOCK_REALTIME in nanoseconds; 0 when nobody has kept it. */
uint64_t session_since(const struct lab *lab, const struct session_view *s);

#endif
