/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Plots by gnuplot, which need not be there. */
#ifndef ERX_OBS_PLOT_H
#define ERX_OBS_PLOT_H

#include <stdio.h>

#include "lib/error.h"

struct plot {
	const char *file;
	int fd;
};

/* Whether there will be a plot in that file: before anything is measured for it. Returns 0 or -errno. */
int plot_open(const char *file, struct plot *out, struct error *e);
/* Have gnuplot run what script writes; what that prints is the file, which is then done. Returns 0 or -errno;
 * plot_cancel() then. */
int plot_write(struct plot *p, void (*script)(const void *arg, FILE *out), const void *arg, struct error *e);
/* There will be none after all; nothing when there is. */
void plot_cancel(struct plot *p);

#endif
