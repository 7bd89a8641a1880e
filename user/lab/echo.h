/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What all who send echo requests from a host need; shared by the files of lab/. */
#ifndef ERX_LAB_ECHO_H
#define ERX_LAB_ECHO_H

#include "lab/lab.h"

/* RFC 1071, over an even number of bytes. */
uint16_t echo_checksum(const void *data, size_t size);
/* A raw ICMP socket in the host, that does not block; the calling thread stays in the host's namespace. Returns a
 * descriptor or -errno. */
int echo_open(const struct lab *lab, const struct host *h, struct error *e);

#endif
