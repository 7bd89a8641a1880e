/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The controller's files in a lab's run directory, and the bounds of what is said over its sockets. */
#ifndef ERX_DAEMON_NAMES_H
#define ERX_DAEMON_NAMES_H

#define READ_SOCKET	"read.sock"   /* 0660, group erxdp: asks and listens */
#define CHANGE_SOCKET	"change.sock" /* 0600: changes the lab as well */
#define CONTROLLER_FILE "controller"  /* locked as long as it lives; its process id */

#define MOST_LINE (64 * 1024)	/* bytes of a request */
#define MOST_WAIT (1024 * 1024) /* bytes kept for a client that does not read; then it is dropped */

#endif
