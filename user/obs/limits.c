// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "obs/limits.h"

#include <string.h>

#include "obs/words.h"

static bool is_of(const char *object, const struct device *d)
{
	const struct vnet *v = d->kind == ERX_KIND_VNET ? d->vnet : NULL;

	if (!strcmp(object, d->name) || !strcmp(object, resource_name(d)))
		return true;
	return v && ((v->er_gateway && !strcmp(object, v->er_gateway->name)) ||
		     (v->vpn_gateway && !strcmp(object, v->vpn_gateway->name)));
}

bool limit_concerns(const struct limit_usage *u, const struct walk *w)
{
	vec_each(s, &w->steps) {
		if (is_of(u->object, s->device))
			return true;
	}
	return false;
}

/* Whole percents, rounded down: 100 is reached, not nearly. */
static unsigned percent(const struct limit_usage *u)
{
	return u->limit ? u->count * 100 / u->limit : 100;
}

void limit_text(const struct limit_usage *u, char *out, size_t size)
{
	snprintf(out, size, "%zu of %zu %s (%u %%)%s %s (%s)", u->count, u->limit, u->what, percent(u),
		 u->over ? ":" : "; beyond,", u->consequence, u->source);
}

cJSON *limit_json(const struct limit_usage *u)
{
	cJSON *item = cJSON_CreateObject();

	cJSON_AddStringToObject(item, "object", u->object);
	cJSON_AddStringToObject(item, "what", u->what);
	cJSON_AddNumberToObject(item, "count", u->count);
	cJSON_AddNumberToObject(item, "limit", u->limit);
	cJSON_AddNumberToObject(item, "percent", percent(u));
	cJSON_AddBoolToObject(item, "over", u->over);
	cJSON_AddStringToObject(item, "consequence", u->consequence);
	cJSON_AddStringToObject(item, "source", u->source);
	return item;
}

bool session_is_worth_a_word(const struct rib *rib, const struct session_view *s)
{
	return !s->up && s->down_because && s->link != NO_INDEX && strcmp(s->down_because, "link down") != 0 &&
	       !rib->fabric->links.items[s->link].down_in_file;
}

void limit_print_warning(const struct limit_usage *u, FILE *out)
{
	char text[512];

	if (!limit_is_near(u))
		return;
	limit_text(u, text, sizeof(text));
	fprintf(out, "warning: %s\n", text);
}

void limits_print_warnings(const struct rib *rib, FILE *out)
{
	vec_each(u, &rib->limits)
		limit_print_warning(u, out);
	vec_each(s, &rib->sessions) {
		if (session_is_worth_a_word(rib, s))
			fprintf(out, "warning: the BGP session of '%s' and '%s' is down: %s\n",
				device_name(rib->fabric, s->a), device_name(rib->fabric, s->b), s->down_because);
	}
}

cJSON *limits_json(const struct rib *rib)
{
	cJSON *list = cJSON_CreateArray();

	vec_each(u, &rib->limits)
		cJSON_AddItemToArray(list, limit_json(u));
	return list;
}

cJSON *sessions_down_json(const struct rib *rib)
{
	cJSON *list = cJSON_CreateArray();

	vec_each(s, &rib->sessions) {
		cJSON *item;

		if (s->up)
			continue;
		item = cJSON_CreateObject();
		cJSON_AddStringToObject(item, "a", device_name(rib->fabric, s->a));
		cJSON_AddStringToObject(item, "b", device_name(rib->fabric, s->b));
		cJSON_AddStringToObject(item, "because", s->down_because ? s->down_because : "");
		cJSON_AddItemToArray(list, item);
	}
	return list;
}
