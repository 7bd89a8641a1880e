// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "lib/log.h"

#include <stdarg.h>
#include <stdio.h>

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
