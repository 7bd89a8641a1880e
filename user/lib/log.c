// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "lib/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

enum log_level log_level = LOG_NORMAL;

static void say(const char *prefix, const char *format, va_list args)
{
	fputs(prefix, stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

#define LOG_FUNCTION(name, prefix, least)                                                                              \
	void name(const char *format, ...)                                                                             \
	{                                                                                                              \
		va_list args;                                                                                          \
                                                                                                                       \
		if (log_level < (least))                                                                               \
			return;                                                                                        \
		va_start(args, format);                                                                                \
		say(prefix, format, args);                                                                             \
		va_end(args);                                                                                          \
	}

LOG_FUNCTION(log_error, "erxdpctl: ", LOG_QUIET)
LOG_FUNCTION(log_info, "", LOG_NORMAL)
LOG_FUNCTION(log_verbose, "", LOG_VERBOSE)
LOG_FUNCTION(log_debug, "  ", LOG_DEBUG)

double log_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

void log_took(const char *what, double *since)
{
	double now = log_clock();

	if (now - *since > 1)
		log_info("%s took %.1f s", what, now - *since);
	else
		log_verbose("%-32s %7.1f ms", what, (now - *since) * 1e3);
	*since = now;
}
