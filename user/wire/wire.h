/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The process that joins the ends of wires: frames come out of an AF_XDP socket
 * at one end, wait on a line (wire/line.h), and leave by the socket at the other.
 * They stay where the kernel has put them meanwhile, in memory that all sockets
 * share. The only user of AF_XDP.
 */
#ifndef ERX_WIRE_WIRE_H
#define ERX_WIRE_WIRE_H

#include <stdint.h>
#include "lib/error.h"

/* What the layers beside this one do for it. All return 0 or -errno with *e filled, unless said otherwise. */
struct wire_host {
	void *arg;
	/* Run fn in the fabric's namespace. */
	int (*in_fabric)(void *arg, int (*fn)(void *fn_arg), void *fn_arg, struct error *e);
	/* Open the maps that are pinned now; called before the next two. */
	int (*open_maps)(void *arg, struct error *e);
	/* Let what comes in by an end, known by its number, go to this socket. */
	int (*place)(void *arg, uint32_t end, int socket, struct error *e);
	/* Frames that were let through at an end, less those that have come in by the port beyond the other end. */
	int64_t (*passed)(void *arg, uint32_t end, uint32_t port);
	/* Frames that the port joined to an end has sent, less those that came in there. */
	int64_t (*sent)(void *arg, uint32_t end, uint32_t port);
};

/*
 * Do what the configuration says until stop becomes nonzero, the directory goes away, or a configuration has no wire.
 * directory holds the files below; the process is the only one that has them open for writing. Returns 0 or -errno.
 */
int wire_run(const char *directory, const struct wire_host *host, const volatile int *stop, struct error *e);

/* In a lab's run directory. */
#define WIRE_CONFIG "wires"	  /* wire/config.h */
#define WIRE_STATS  "wires.stats" /* wire/stats.h */
#define WIRE_LOCK   "wires.pid"	  /* locked as long as the process lives; its process id */

#endif
