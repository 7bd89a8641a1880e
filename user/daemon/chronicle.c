// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "daemon/chronicle.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/client.h"

/* --- Events ------------------------------------------------------------------------------------------------------ */

uint64_t date_read(const char *text)
{
	struct tm tm = {};
	unsigned us;
	char zone;

	if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%6u%c", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
		   &tm.tm_sec, &us, &zone) != 8 ||
	    zone != 'Z')
		return 0;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	return timegm(&tm) * 1000000000ull + us * 1000ull;
}

static const char *text_of(const cJSON *event, const char *field)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(event, field);

	return cJSON_IsString(item) ? item->valuestring : "";
}

static double seq_of(const cJSON *event)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(event, "seq");

	return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

static int ask_events(const char *lab, const char *which, double n, controller_event_fn each, void *arg,
		      struct error *e)
{
	cJSON *request = cJSON_CreateObject(), *answer = NULL;
	int err;

	cJSON_AddStringToObject(request, "do", "events");
	cJSON_AddNumberToObject(request, which, n);
	err = controller_ask(lab, false, request, each, arg, &answer, e);
	cJSON_Delete(answer);
	return err;
}

static void note_seq(void *arg, const cJSON *event)
{
	*(double *)arg = seq_of(event);
}

static void take(void *arg, const cJSON *event)
{
	struct chronicle *c = arg;
	cJSON *copy = cJSON_Duplicate(event, true);

	cJSON_AddItemToArray(c->events, copy);
	c->seq = seq_of(copy);
	vec_push(&c->list, ((struct told){.at_ns = date_read(text_of(copy, "time")),
					  .kind = text_of(copy, "event"),
					  .object = text_of(copy, "object"),
					  .text = text_of(copy, "text"),
					  .state = text_of(copy, "state")}));
}

int chronicle_begin(struct chronicle *c, const char *lab, struct error *e)
{
	*c = (struct chronicle){.lab = lab, .events = cJSON_CreateArray()};
	return ask_events(lab, "last", 1, note_seq, &c->seq, e);
}

int chronicle_update(struct chronicle *c, bool *more, struct error *e)
{
	size_t before = c->list.n;
	int err = ask_events(c->lab, "after", c->seq, take, c, e);

	*more = c->list.n > before;
	return err;
}

void chronicle_free(struct chronicle *c)
{
	cJSON_Delete(c->events);
	vec_free(&c->list);
}

/* --- Rest -------------------------------------------------------------------------------------------------------- */

static int ask(const char *lab, const char *what, cJSON **answer, struct error *e)
{
	cJSON *request = cJSON_CreateObject();

	cJSON_AddStringToObject(request, "do", what);
	return controller_ask(lab, false, request, NULL, NULL, answer, e);
}

static bool is_meant(const cJSON *neighbour, const link_names *links)
{
	vec_each(name, links) {
		if (!strcmp(*name, text_of(neighbour, "link")))
			return true;
	}
	return false;
}

static bool is_true(const cJSON *object, const char *field)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, field));
}

static bool neighbours_are(const cJSON *answer, const link_names *links, bool dead)
{
	const cJSON *n;

	cJSON_ArrayForEach(n, cJSON_GetObjectItemCaseSensitive(answer, "neighbours"))
	{
		if (is_meant(n, links) && is_true(n, "watched") && is_true(n, "dead") != dead)
			return false;
	}
	return true;
}

int controller_rests(const char *lab, const link_names *links, bool dead, bool *rests, struct error *e)
{
	cJSON *status = NULL, *neighbours = NULL;
	int err = ask(lab, "status", &status, e);

	if (!err)
		err = ask(lab, "neighbours", &neighbours, e);
	*rests = !err && !is_true(status, "maintenance") && !cJSON_HasObjectItem(status, "followsInMs") &&
		 neighbours_are(neighbours, links, dead);
	cJSON_Delete(status);
	cJSON_Delete(neighbours);
	return err;
}

int controller_slowest(const char *lab, const link_names *links, double *ms, char protocol[static 64], struct error *e)
{
	cJSON *answer = NULL;
	const cJSON *n;
	int err = ask(lab, "neighbours", &answer, e);

	*ms = 0;
	*protocol = '\0';
	cJSON_ArrayForEach(n, cJSON_GetObjectItemCaseSensitive(answer, "neighbours"))
	{
		const cJSON *detect = cJSON_GetObjectItemCaseSensitive(n, "detectMs");

		if (!is_meant(n, links) || !is_true(n, "watched") || !cJSON_IsNumber(detect) ||
		    detect->valuedouble <= *ms)
			continue;
		*ms = detect->valuedouble;
		snprintf(protocol, 64, "%s", text_of(n, "protocol"));
	}
	cJSON_Delete(answer);
	return err;
}
