// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What az has printed, as a document of a view. */
#include <errno.h>
#include <string.h>

#include "obs/diff.h"

static const char *type_name(const cJSON *value)
{
	static const struct {
		int type;
		const char *name;
	} names[] = {{cJSON_NULL, "null"},	 {cJSON_False, "a boolean"}, {cJSON_True, "a boolean"},
		     {cJSON_Number, "a number"}, {cJSON_String, "a string"}, {cJSON_Array, "a list"},
		     {cJSON_Object, "an object"}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (value && (value->type & 0xff) == names[i].type)
			return names[i].name;
	}
	return "nothing";
}

/* Where the parser has stopped, as a position of the text. */
static int not_json(const char *name, const char *text, const char *at, struct error *e)
{
	struct pos pos = {.line = 1, .column = 1};

	for (const char *s = text; s < at && *s; s++) {
		pos.column++;
		if (*s == '\n') {
			pos.line++;
			pos.column = 1;
		}
	}
	return error_set(
		e, -EINVAL,
		"%s:%u:%u: this is no JSON: expected what az prints with -o json, without the warnings that it "
		"writes beside it",
		name, pos.line, pos.column);
}

/* Fields of the first generation of the CLI, one level deeper. */
static void flatten(cJSON *row)
{
	cJSON *deeper = cJSON_DetachItemFromObjectCaseSensitive(row, "additionalProperties"), *field;

	while (deeper && (field = deeper->child)) {
		cJSON_DetachItemViaPointer(deeper, field);
		if (cJSON_GetObjectItemCaseSensitive(row, field->string)) {
			cJSON_Delete(field);
		} else {
			char *key = xstrdup(field->string);

			cJSON_AddItemToObject(row, key, field);
			free(key);
		}
	}
	cJSON_Delete(deeper);
}

/* Who speaks is named by other tables of a gateway as well. */
static bool is_telling(const struct view *v, const struct column *c)
{
	return !v->list || (c->role == ROLE_KEY && (!v->speaker || strcmp(c->field, v->speaker)));
}

static const char *first_key(const struct view *v)
{
	for (size_t i = 0; i < v->n_columns; i++) {
		if (v->columns[i].role == ROLE_KEY)
			return v->columns[i].field;
	}
	return v->columns[0].field;
}

/* A key may be null, as the next hop of an own network is, but some key has to be there: else it is another table. */
static int check_row(const struct view *v, const char *name, const char *at, cJSON *row, struct error *e)
{
	bool known = false;

	if (!cJSON_IsObject(row))
		return error_set(e, -EINVAL, "%s: %s is %s; expected an object, as '%s -o json' prints", name, at,
				 type_name(row), v->source);
	flatten(row);
	for (size_t i = 0; i < v->n_columns; i++) {
		const struct column *c = &v->columns[i];
		const cJSON *value = cJSON_GetObjectItemCaseSensitive(row, c->field);
		bool list = c->type == COLUMN_LIST || c->type == COLUMN_OBJECTS;

		known = known || (value && is_telling(v, c));
		if (cJSON_IsObject(value) || (cJSON_IsArray(value) && !list))
			return error_set(e, -EINVAL, "%s: %s.%s is %s; expected %s", name, at, c->field,
					 type_name(value),
					 c->type == COLUMN_NUMBER ? "a number"
					 : list			  ? "a list"
								  : "a string");
	}
	if (known)
		return 0;
	return error_set(e, -EINVAL, "%s: %s has no '%s'; expected what '%s -o json' prints", name, at, first_key(v),
			 v->source);
}

static int check_rows(const struct view *v, const char *name, cJSON *document, struct error *e)
{
	cJSON *rows = cJSON_GetObjectItemCaseSensitive(document, v->list), *row;
	int err = 0, n = 0;

	if (!cJSON_IsArray(rows))
		return error_set(e, -EINVAL, "%s: '%s' is %s; expected a list, as '%s -o json' prints", name, v->list,
				 rows ? type_name(rows) : "missing", v->source);
	cJSON_ArrayForEach(row, rows)
	{
		char at[64];

		snprintf(at, sizeof(at), "%s[%d]", v->list, n++);
		err = err ? err : check_row(v, name, at, row, e);
	}
	return err;
}

cJSON *diff_read(const struct view *v, const char *name, const char *text, struct error *e)
{
	const char *end = text;
	cJSON *root = cJSON_ParseWithOpts(text, &end, true), *document;
	int err;

	if (!root) {
		not_json(name, text, end, e);
		return NULL;
	}
	/* The rows alone, as `--query value` gives them. */
	if (v->list && cJSON_IsArray(root)) {
		document = cJSON_CreateObject();
		cJSON_AddItemToObject(document, v->list, root);
		root = document;
	}
	if (!cJSON_IsObject(root))
		err = error_set(e, -EINVAL, "%s: this is %s; expected %s, as '%s -o json' prints", name,
				type_name(root), v->list ? "an object or a list" : "an object", v->source);
	else
		err = v->list ? check_rows(v, name, root, e) : check_row(v, name, "the document", root, e);
	if (!err)
		return root;
	cJSON_Delete(root);
	return NULL;
}
