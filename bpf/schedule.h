/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Something so many times a second, shared by all CPUs without a lock. */
#ifndef ERX_SCHEDULE_H
#define ERX_SCHEDULE_H

#include "packet.h"

/* GCRA: whoever moves due_ns first has it. */
inline_stage bool take_turn(struct erx_schedule *s)
{
	__u64 now = bpf_ktime_get_ns();

	for (int try = 0; try < 4; try++) {
		__u64 due = s->due_ns;
		__u64 from = due > now ? due : now;

		if (due > now + s->slack_ns)
			return false;
		if (__sync_val_compare_and_swap(&s->due_ns, due, from + s->interval_ns) == due)
			return true;
	}
	return false;
}

#endif
