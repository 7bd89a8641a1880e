/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* FastPath switches for a while, from their lab's controller (daemon/loan.c). */
#ifndef ERX_DAEMON_BORROW_H
#define ERX_DAEMON_BORROW_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/error.h"

struct borrowed;

/*
 * Borrow the switches of these connections. They go back when the borrower asks for it, or ends in any way. Starts a
 * controller when none lives. Returns 0, or -errno: -EBUSY when some are lent already.
 */
int borrow_begin(const char *lab, const char *const *connections, size_t n, struct borrowed **out, struct error *e);
/* All of them on or off; returns when packets go by it. The first argument is the struct borrowed. */
int borrow_turn(void *borrowed, bool on, struct error *e);
/* They are as before when this returns 0. Otherwise the controller is gone and has left that to the next one. NULL is
 * fine; freed in any case. */
int borrow_end(struct borrowed *b, struct error *e);

#endif
