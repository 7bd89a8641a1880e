/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Time in nanoseconds. */
#ifndef ERX_LIB_CLOCK_H
#define ERX_LIB_CLOCK_H

#include <stdint.h>

/* Of the clock that only moves forward, which BPF programs read too (CLOCK_MONOTONIC). */
uint64_t clock_now(void);
/* Since 1970 (CLOCK_REALTIME). */
uint64_t clock_date(void);

#endif
