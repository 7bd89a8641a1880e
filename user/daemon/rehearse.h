/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Carry out a scenario in a loaded lab, through its controller: let fail what it
 * lists, check what it expects then, restore, and check the file's own
 * expectations; meanwhile packets go between the hosts.
 */
#ifndef ERX_DAEMON_REHEARSE_H
#define ERX_DAEMON_REHEARSE_H

#include <signal.h>
#include "obs/scenario.h"

struct rehearsal {
	const struct topo *file; /* of the scenario: what is loaded under its name */
	const struct scenario *scenario;
	uint64_t interval_ns;		   /* 0: as many packets as the machine can afford */
	double timeout_s;		   /* for each coming to rest; 0: what the timers of the links make of it */
	const volatile sig_atomic_t *stop; /* nonzero: give up and restore */
};

/*
 * Returns 0 with *r filled (also when checks have failed), or -errno with *e and nothing left failed: -EBUSY when
 * something has failed in the lab already, -EINTR when *stop was set. scenario_result_free() in every case.
 */
int rehearse(const struct rehearsal *what, struct scenario_result *r, struct error *e);

#endif
