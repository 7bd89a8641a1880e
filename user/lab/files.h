/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The run directory of a lab; shared by the files of lab/. */
#ifndef ERX_LAB_FILES_H
#define ERX_LAB_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include "lib/error.h"

struct lab;

/* Write a file by rename, if its text is another. Returns 0 or -errno. */
int run_write(const char *lab, const char *file, const void *data, unsigned long size, struct error *e);
/* The text of a file, to be freed. Returns 0, -ENOENT when there is none (*text is NULL then), or another -errno. */
int run_read(const char *lab, const char *file, char **text, size_t *size, struct error *e);
/* Take the run directory away, with all that erxdp keeps there; *any: there was something. Returns 0 or -errno. */
int run_remove(const char *lab, bool *any, struct error *e);

#endif
