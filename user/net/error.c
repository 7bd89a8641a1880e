// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "net/internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/privilege.h"

/* Entering and making namespaces; interfaces; hellos. */
#define NEEDS (PRIVILEGE(CAP_SYS_ADMIN) | PRIVILEGE(CAP_NET_ADMIN) | PRIVILEGE(CAP_NET_RAW))

static const char *remedy(int err, char permission[static PRIVILEGE_TEXT])
{
	switch (-err) {
	case EPERM:
	case EACCES: return privilege_remedy(err, NEEDS, permission);
	case EMFILE:
	case ENFILE: return "; raise the limit of open files (ulimit -n, fs.file-max)";
	case ENOSPC: return "; raise user.max_net_namespaces and fs.mount-max (sysctl), or free space under /run";
	case EROFS: return "; run where /run and /proc/sys are writable (in a container: --privileged)";
	case ENOBUFS:
	case ENOMEM: return "; free some memory, or load a smaller topology";
	default: return "";
	}
}

static void append(struct error *error, const char *format, va_list args)
{
	size_t used = strlen(error->text);

	vsnprintf(error->text + used, sizeof(error->text) - used, format, args);
}

void net_append(struct error *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	append(error, format, args);
	va_end(args);
}

int net_refuse(struct error *error, int err, const char *format, ...)
{
	va_list args;

	if (!error)
		return err;
	error->text[0] = 0;
	va_start(args, format);
	append(error, format, args);
	va_end(args);
	return err;
}

int net_fail(struct error *error, int err, const char *format, ...)
{
	char permission[PRIVILEGE_TEXT];
	va_list args;

	if (!error)
		return err;
	error->text[0] = 0;
	va_start(args, format);
	append(error, format, args);
	va_end(args);
	net_append(error, ": %s%s", strerror(-err), remedy(err, permission));
	return err;
}

void net_note(struct error *why, const char *format, ...)
{
	va_list args;

	if (!why || why->text[0])
		return;
	va_start(args, format);
	append(why, format, args);
	va_end(args);
}
