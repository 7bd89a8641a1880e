// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The last events, as the lines that go over the socket. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/controller.h"

#define KEPT 4096

struct events {
	char *lines[KEPT];
	uint64_t n; /* all that have ever been; the last KEPT are here */
};

struct events *events_new(void)
{
	return xcalloc(1, sizeof(struct events));
}

void events_free(struct events *e)
{
	for (size_t i = 0; e && i < KEPT; i++)
		free(e->lines[i]);
	free(e);
}

/* RFC 3339, UTC, microseconds. */
static void format_date(uint64_t ns, char out[static 40])
{
	time_t seconds = ns / 1000000000;
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(out, 40, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, 40 - n, ".%06uZ", (unsigned)(ns / 1000 % 1000000));
}

void event(struct controller *c, const char *kind, const char *object, cJSON *fields, const char *format, ...)
{
	char text[512], date[40], *line, **slot = &c->events->lines[c->events->n % KEPT];
	cJSON *root = cJSON_CreateObject();
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	format_date(clock_date(), date);
	cJSON_AddNumberToObject(root, "seq", (double)++c->events->n);
	cJSON_AddStringToObject(root, "time", date);
	cJSON_AddStringToObject(root, "event", kind);
	cJSON_AddStringToObject(root, "object", object);
	while (fields && fields->child) {
		cJSON *field = cJSON_DetachItemViaPointer(fields, fields->child);

		cJSON_AddItemToObject(root, field->string, field);
	}
	cJSON_Delete(fields);
	cJSON_AddStringToObject(root, "text", text);
	line = cJSON_PrintUnformatted(root);
	cJSON_Delete(root);
	if (*slot)
		server_forgets(c, c->events->n - KEPT, *slot);
	free(*slot);
	*slot = line;
}

uint64_t events_last(const struct events *e)
{
	return e->n;
}

uint64_t events_first(const struct events *e, size_t n)
{
	uint64_t kept = e->n < KEPT ? e->n : KEPT;

	return e->n - (n < kept ? n : kept) + 1;
}

const char *events_line(const struct events *e, uint64_t seq)
{
	return e->lines[(seq - 1) % KEPT];
}
