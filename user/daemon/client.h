/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Asking a lab's controller, for the verbs of erxdpctl. */
#ifndef ERX_DAEMON_CLIENT_H
#define ERX_DAEMON_CLIENT_H

#include <cjson/cJSON.h>
#include <sys/types.h>
#include "lib/error.h"

/* Process id of the lab's controller, 0 when none lives, -errno when that cannot be told. */
pid_t controller_pid(const char *lab);
/* Start one unless it lives already, and wait until it has taken the lab over. Returns 0 or -errno. */
int controller_ensure(const char *lab, struct error *e);
/* End it and wait until it is gone. 0 also when there was none. */
int controller_end(const char *lab, struct error *e);

/*
 * Send a request (deleted) and wait for the answer, which the caller deletes.
 * each, unless NULL, is called for every event that comes before it. changing
 * asks by the socket of that kind. Returns 0 or -errno; a refusal is an answer.
 */
typedef void (*controller_event_fn)(void *arg, const cJSON *event);
int controller_ask(const char *lab, bool changing, cJSON *request, controller_event_fn each, void *arg, cJSON **answer,
		   struct error *e);

/*
 * A connection that stays, by the changing socket, for requests that belong
 * together: what is lent to it goes back when it is closed, by whatever.
 * controller_say() deletes the request; a refusal is 0 here as well, with its
 * answer, which the caller deletes.
 */
struct controller_line;
int controller_open(const char *lab, struct controller_line **out, struct error *e);
int controller_say(struct controller_line *line, cJSON *request, cJSON **answer, struct error *e);
void controller_close(struct controller_line *line); /* NULL is fine */

/*
 * Let the controller run `erxdpctl ARGS` (an array of strings; deleted) for a member of the group, and pass its output
 * on to standard output and error. *code: its exit code. Returns 0 or -errno: -EACCES when this user may not ask,
 * -ECONNREFUSED when there is nobody to answer.
 */
int controller_run_for_me(const char *lab, cJSON *args, int *code, struct error *e);

/*
 * Listen: the last n events, then with follow each that happens until fn says no
 * or the controller ends. also, unless NULL, is a request made once listening has
 * begun (deleted); its answer goes to *answer.
 */
typedef bool (*controller_listen_fn)(void *arg, const cJSON *event);
int controller_listen(const char *lab, unsigned last, bool follow, cJSON *also, cJSON **answer, controller_listen_fn fn,
		      void *arg, struct error *e);

#endif
