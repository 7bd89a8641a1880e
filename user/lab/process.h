/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The processes of a lab: its controller, and the one that delays packets. Each
 * holds a lock on a file of the run directory as long as it lives, and has
 * written its number there.
 */
#ifndef ERX_LAB_PROCESS_H
#define ERX_LAB_PROCESS_H

#include <sys/types.h>
#include "lib/error.h"

/* Become the process of that file. Returns a descriptor to keep open, -EBUSY when there is one, or another -errno. */
int process_claim(const char *lab, const char *file, const char *what, struct error *e);
/* Process id of the one that lives, 0 when none does, -errno when that cannot be told. Takes no lock. */
pid_t process_holder(const char *lab, const char *file);
/* End it, with the first signal and then for good, and wait until it is gone. 0 also when there was none. */
int process_end(const char *lab, const char *file, const char *what, int first_signal, struct error *e);

/* Path of a program that lies beside this one, in the source tree as in an installation. */
void process_program(const char *name, char out[static 4096]);
/*
 * In a child: leave the terminal, write to the lab's log, keep `keep` (-1: none) as descriptor 3 and close all others.
 * Returns 0 or -errno.
 */
int process_detach(const char *lab, int keep);

#endif
