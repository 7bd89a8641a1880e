/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Words for people, on stderr. A message names what failed, on what, why and
 * what to try; it is said once, where the object and the errno are both known.
 */
#ifndef ERX_LIB_LOG_H
#define ERX_LIB_LOG_H

enum log_level { LOG_QUIET, LOG_NORMAL, LOG_VERBOSE, LOG_DEBUG };

/* The only state of the process besides the signal flag. */
extern enum log_level log_level;

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));	 /* always */
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));	 /* unless quiet */
void log_verbose(const char *format, ...) __attribute__((format(printf, 1, 2))); /* -v */
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));	 /* -vv */

/* Seconds of a clock that only moves forward. */
double log_clock(void);
/* What took how long since *since, which moves to now: with -v, and always when it made the user wait over a second. */
void log_took(const char *what, double *since);

#endif
