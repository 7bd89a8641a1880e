// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The generation of the maps, and who may write them. */
#include <errno.h>
#include <string.h>
#include <sys/file.h>

#include "dp/internal.h"

enum step { TO_EVEN, TO_ODD, TO_LIKE };

/* To the next even or odd one, or the next that is as it was. 0 is what no way has. */
static uint32_t after(uint32_t is, enum step step)
{
	uint32_t next = step == TO_LIKE ? is + 2 : is + 1 + ((is + 1 + (step == TO_ODD)) & 1);

	return next ? next : 2;
}

/* Others may move it meanwhile. */
static void move_generation(const struct dp *dp, enum step step)
{
	uint32_t *at = &dp->control->generation, is = __atomic_load_n(at, __ATOMIC_SEQ_CST);

	while (!__atomic_compare_exchange_n(at, &is, after(is, step), false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
}

/* Of the directory of the lab's pins: the kernel gives it back when its holder dies. */
static int lock_maps(const struct dp *dp, int mode)
{
	while (flock(dp->lock, mode)) {
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

int dp_begin_change(const struct dp *dp, struct error *e)
{
	int err = lock_maps(dp, LOCK_EX);

	if (err)
		return error_set(e, err, "cannot lock the maps of lab '%s': %s", dp->lab, strerror(-err));
	move_generation(dp, TO_ODD);
	return 0;
}

void dp_end_change(const struct dp *dp)
{
	move_generation(dp, TO_EVEN);
	lock_maps(dp, LOCK_UN);
}

void dp_forget_ways(const struct dp *dp)
{
	move_generation(dp, TO_LIKE);
}

bool dp_was_interrupted(const struct dp *dp)
{
	const volatile uint32_t *generation = &dp->control->generation;
	bool odd;

	if (!(*generation & 1) || lock_maps(dp, LOCK_EX | LOCK_NB))
		return false;
	odd = *generation & 1;
	lock_maps(dp, LOCK_UN);
	return odd;
}
