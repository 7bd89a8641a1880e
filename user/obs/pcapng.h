/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Capture records as pcapng (draft-ietf-opsawg-pcapng), one interface per port, the verdict in the packet's comment. */
#ifndef ERX_OBS_PCAPNG_H
#define ERX_OBS_PCAPNG_H

#include <stdio.h>
#include "fwd/image.h"

struct pcapng;

/* most: packets to write at most, 0 for no limit. The image and the file must outlive the writer. */
struct pcapng *pcapng_new(const struct image *image, FILE *out, unsigned long most);
/* The lab was loaded anew: ports are those of this image from now on, in a section of its own. */
void pcapng_follow(struct pcapng *w, const struct image *image);
/* A dp_capture_fn: nonzero when enough has been written, or nobody reads any more. */
int pcapng_record(void *writer, const struct erx_capture_record *record);
/* Returns how many packets were written. */
unsigned long pcapng_free(struct pcapng *w);

#endif
