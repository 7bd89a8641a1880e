/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The wires of a lab: what its process is to do, and that it does. The file that
 * tells it is written here; so is the process started, by load and by the
 * controller alike. Under the lab's lock.
 */
#ifndef ERX_LAB_WIRES_H
#define ERX_LAB_WIRES_H

#include <sys/types.h>
#include "lab/lab.h"
#include "wire/stats.h"

/*
 * Make the process do what lab->image (or that of the short way) has wires for, and wait until it does; without wires
 * it ends. touched: interfaces or maps have been made, so it has to look again. *changed counts the wires that are
 * new or different, all of them when the process was missing. With dry that is all. Returns 0 or -errno.
 */
struct wires_how {
	bool touched; /* interfaces or maps have been made: the process has to look again */
	bool loaded;  /* the maps are new: what they have counted is gone */
	bool dry;
};
int wires_make(const struct lab *lab, const struct image *image, struct wires_how how, unsigned *changed,
	       struct error *e);

/* Before interfaces are made: forget what was counted at the ends of wires that are new. Returns 0 or -errno. */
int wires_clear_new(const struct lab *lab, struct error *e);

/* Start the process when it should live and does not. *pid: of the one that lives now, 0 when none should. Does not
 * wait until it has begun. Returns 0 or -errno. */
int wires_ensure(const char *lab, pid_t *pid, struct error *e);
/* Of the process; 0: dead; -1: there is no wire. */
pid_t wires_pid(const char *lab);
int wires_end(const char *lab, struct error *e);

/* What becomes of the frames of one direction, as the programs and the process have counted it. */
struct wire_counts {
	uint64_t received;   /* out of the port at this end; struct erx_wire_stats */
	uint64_t injected;   /* of those: hellos, and what somebody has put on the link by hand */
	int64_t before;	     /* the port has sent so many when there was no such wire yet */
	uint64_t delivered;  /* came in by the port at the other end, since the wire was made */
	uint64_t lost;	     /* as asked for */
	uint64_t overrun;    /* would have waited too long for the rate */
	uint64_t ring_full;  /* the process did not keep up, or had no memory left */
	uint64_t refused;    /* by the port at the other end: it is down, or its ring is full */
	uint64_t no_process; /* nobody was there */
	uint64_t cut_off;    /* were under way when the process died */
	int64_t in_flight;   /* all others */
};
/* stats NULL: the process has counted nothing yet. */
void wires_count(const struct dp *dp, const struct image *image, const struct wire_stats *stats,
		 const struct image_wire *w, int from, struct wire_counts *out);
/* For reading; NULL: there is no wire. */
struct wire_stats *wires_stats(const char *lab);

#endif
