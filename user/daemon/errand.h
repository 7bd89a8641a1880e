/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An erxdpctl that the controller runs for a member of the group. */
#ifndef ERX_DAEMON_ERRAND_H
#define ERX_DAEMON_ERRAND_H

#include <cjson/cJSON.h>
#include <sys/types.h>
#include "lib/error.h"
#include <stdbool.h>
#include <stdint.h>

#define ERRAND_OPTION "--for-member" /* its first argument: it refuses verbs that are root's */

struct errand {
	pid_t pid;	/* 0: none */
	int pidfd;	/* readable when it has ended */
	uint64_t until; /* CLOCK_MONOTONIC in ns; then it is to be ended */
};
#define ERRAND_NONE ((struct errand){.pidfd = -1})

/* Run `erxdpctl ARGS`, standard output and error to the pipes, which stay the caller's. Returns 0 or -errno. */
int errand_start(struct errand *errand, const cJSON *args, int pipes[2], struct error *e);
/* Its exit code; -EAGAIN while it runs. */
int errand_code(struct errand *errand);
/* It has ended and was waited for, with this status; its exit code. */
int errand_ended(struct errand *errand, int status);
/* Whatever it does just now. */
void errand_end(struct errand *errand);
void errand_close_pipes(int pipes[2]);

#endif
