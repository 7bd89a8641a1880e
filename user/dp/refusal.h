/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Why a kernel does not take the programs: what libbpf and the verifier said, made into one sentence that names it. */
#ifndef ERX_DP_REFUSAL_H
#define ERX_DP_REFUSAL_H

#include <stdbool.h>
#include "lib/error.h"

#define REFUSAL_LINES 8 /* the reason of a refusal and what led to it, then the names of program and object */

/* Zeroes are a load that has not begun. Texts are copies, cut to the room here. */
struct refusal {
	char program[64]; /* whose load failed */
	char map[64];	  /* that was not made */
	char helper[64];  /* that the kernel does not know */
	char types[64];	  /* why it did not take those of the programs; libbpf goes on without */
	bool log;	  /* the verifier has looked at the program */
	bool no_types;	  /* no BTF of the kernel */
	char lines[REFUSAL_LINES][140];
	unsigned n; /* lines heard; the last of them are kept */
};

/* The machine, as far as the sentence needs it. */
struct refusal_place {
	const char *release; /* of uname(2) */
	const char *remedy;  /* of privilege_remedy() for what loading needs */
};

/* A line that libbpf has printed as a warning. */
void refusal_hear(struct refusal *r, const char *line);

/* Sets e, with the last lines; returns err, the -errno that loading the programs of the lab ended with. */
int refusal_tell(const struct refusal *r, int err, const struct refusal_place *place, const char *lab, struct error *e);

#endif
