// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "daemon/borrow.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/client.h"
#include "lib/vec.h"

struct borrowed {
	struct controller_line *line;
};

/* Returns 0, -EBUSY with the controller's words when it refuses, or what kept it from being asked. */
static int ask(struct borrowed *b, cJSON *request, struct error *e)
{
	cJSON *answer = NULL;
	const cJSON *error;
	int err = controller_say(b->line, request, &answer, e);

	if (err)
		return err;
	error = cJSON_GetObjectItem(answer, "error");
	if (!cJSON_IsTrue(cJSON_GetObjectItem(answer, "ok")))
		err = error_set(e, -EBUSY, "%s",
				cJSON_IsString(error) ? error->valuestring : "the controller has refused");
	cJSON_Delete(answer);
	return err;
}

static cJSON *request_to(const char *what)
{
	cJSON *request = cJSON_CreateObject();

	cJSON_AddStringToObject(request, "do", what);
	return request;
}

static void borrowed_free(struct borrowed *b)
{
	controller_close(b->line);
	free(b);
}

int borrow_begin(const char *lab, const char *const *connections, size_t n, struct borrowed **out, struct error *e)
{
	struct borrowed *b = xcalloc(1, sizeof(*b));
	cJSON *request = request_to("borrow"), *list = cJSON_AddArrayToObject(request, "connections");
	int err = controller_ensure(lab, e);

	for (size_t i = 0; i < n; i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(connections[i]));
	if (!err)
		err = controller_open(lab, &b->line, e);
	if (err)
		cJSON_Delete(request);
	else
		err = ask(b, request, e);
	if (err)
		borrowed_free(b);
	else
		*out = b;
	return err;
}

int borrow_turn(void *borrowed, bool on, struct error *e)
{
	cJSON *request = request_to("switch");

	cJSON_AddBoolToObject(request, "on", on);
	return ask(borrowed, request, e);
}

int borrow_end(struct borrowed *b, struct error *e)
{
	int err;

	if (!b)
		return 0;
	err = ask(b, request_to("give-back"), e);
	borrowed_free(b);
	/* One that refuses has put them back already, or goes on trying to now that the connection is closed. */
	return err == -EBUSY ? 0 : err;
}
