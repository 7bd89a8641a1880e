/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the wire process counts, in a file that it and everybody who wants to
 * know have mapped: nobody has to be asked, and what was counted survives the
 * process. A slot for each end of a wire, by the number of its port, counts what
 * came in there, i.e. one direction. One writer; a reader sees each number whole.
 */
#ifndef ERX_WIRE_STATS_H
#define ERX_WIRE_STATS_H

#include <stdbool.h>
#include <stdint.h>
#include "erxdp/limits.h"
#include "lib/error.h"
#include "wire/line.h"

/* Buckets: (actual - asked) in eighths of an octave, from 1 us to over a second. The first has all below. */
#define WIRE_BUCKETS_PER_OCTAVE 8
#define WIRE_N_BUCKETS		(21 * WIRE_BUCKETS_PER_OCTAVE)

struct wire_slot {
	uint64_t since; /* which wire is counted here: that of the configuration (wire/config.h) */
	int64_t base;	/* what wire_accounted() has to be right by: the far port has seen others before */
	int64_t before; /* frames that the near port had sent when the wire was made, beside it */
	uint64_t taken; /* frames out of the socket's ring */
	uint64_t sent;	/* given to the far end, those included that it has refused */
	uint64_t fates[LINE_N_FATES]; /* of those taken */
	uint64_t refused;	      /* by the far end: its port is down or its ring full */
	uint64_t cut_off;	      /* were on the wire, or in its rings, when its process died */
	uint64_t largest_ns;	      /* of actual - asked */
	uint64_t buckets[WIRE_N_BUCKETS];
} __attribute__((aligned(2048)));

#define WIRE_STATS_VERSION 1

struct wire_stats {
	uint32_t version;
	int32_t pid;
	uint64_t applied; /* the nonce of the configuration that is in force, or that could not be (failed) */
	uint32_t failed;
	char why[512];
	struct wire_slot slots[ERX_MAX_PORTS];
};

/* Map the file; with create it is made, of another version made anew, and can be written. NULL after a message. */
struct wire_stats *wire_stats_open(const char *path, bool create, struct error *e);
void wire_stats_close(struct wire_stats *s); /* NULL is fine */

/* actual - asked, of a frame that has left. */
void wire_note(struct wire_slot *slot, int64_t late_ns);
/* The largest error of the best share of frames, in ns: its bucket's upper end. 0: no frame was sent. */
uint64_t wire_percentile(const struct wire_slot *slot, double share);
/* Upper end of a bucket, in ns. */
uint64_t wire_bucket_end(unsigned bucket);

/* How many frames of those that the programs have let through to the process have come to an end here. */
int64_t wire_accounted(const struct wire_slot *slot);

#endif
