/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a lab's controller has told since a moment, and whether it has come to rest. */
#ifndef ERX_DAEMON_CHRONICLE_H
#define ERX_DAEMON_CHRONICLE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include "lib/error.h"
#include "lib/vec.h"

struct told {
	uint64_t at_ns;				  /* CLOCK_REALTIME */
	const char *kind, *object, *text, *state; /* state "" when the event has none */
};

struct chronicle {
	const char *lab;
	double seq;	       /* of the last event that is in it */
	cJSON *events;	       /* all of them, as they came */
	VEC(struct told) list; /* the same, read */
};

/* From now on. Returns 0 or -errno. */
int chronicle_begin(struct chronicle *c, const char *lab, struct error *e);
/* Add what has been told since. *more: something was. Returns 0 or -errno. */
int chronicle_update(struct chronicle *c, bool *more, struct error *e);
void chronicle_free(struct chronicle *c);

/* "2026-11-21T05:19:48.123456Z" in ns since 1970; 0 when it is no such time. */
uint64_t date_read(const char *text);

/*
 * Whether routing has caught up: nothing waits for azureConvergence, no
 * maintenance goes on, and the neighbour on each of these links that somebody
 * watches over is dead, or alive, as said. Returns 0 or -errno.
 */
typedef VEC(const char *) link_names;
int controller_rests(const char *lab, const link_names *links, bool dead, bool *rests, struct error *e);
/* The longest time that the neighbours on these links take to be found dead, in ms, and the protocol that takes it. */
int controller_slowest(const char *lab, const link_names *links, double *ms, char protocol[static 64], struct error *e);

#endif
