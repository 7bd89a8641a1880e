// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "lib/clock.h"

#include <time.h>

static uint64_t read_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + t.tv_nsec;
}

uint64_t clock_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_date(void)
{
	return read_clock(CLOCK_REALTIME);
}
