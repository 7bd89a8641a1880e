// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "obs/diff.h"

#include <ctype.h>
#include <string.h>

/* A row as texts, ready to be compared. */
struct flat {
	const cJSON *row; /* as it came */
	char **text;	  /* by column */
	bool best;	  /* had a star */
	bool matched;
};

typedef VEC(struct flat) flats;

/* --- Forms ------------------------------------------------------------------------------------------------------- */

/* Runs of blanks and line ends to one blank. */
static void squeeze(char *text)
{
	char *out = text;

	for (const char *s = text; *s; s++) {
		if (!isspace((unsigned char)*s))
			*out++ = *s;
		else if (out > text && out[-1] != ' ')
			*out++ = ' ';
	}
	if (out > text && out[-1] == ' ')
		out--;
	*out = '\0';
}

static bool has_origin(const char *path)
{
	size_t n = strlen(path);

	return n && strchr("IEie?", path[n - 1]);
}

static bool same_plain(const char *theirs, const char *ours)
{
	return !strcmp(theirs, ours);
}

/* A box that leaves the origin out says nothing about it. */
static bool same_path(const char *theirs, const char *ours)
{
	size_t n = strlen(ours);

	if (has_origin(theirs) || !has_origin(ours))
		return !strcasecmp(theirs, ours);
	n -= n > 1 ? 2 : 1;
	return strlen(theirs) == n && !strncmp(theirs, ours, n);
}

static bool same_unless_blank(const char *theirs, const char *ours)
{
	return !*theirs || !strcmp(theirs, ours);
}

static bool same_presence(const char *theirs, const char *ours)
{
	return !strcasecmp(theirs, "Incomplete") == !strcasecmp(ours, "Incomplete");
}

static const char *last_part(const char *id)
{
	const char *slash = strrchr(id, '/');

	return slash ? slash + 1 : id;
}

static bool same_last_part(const char *theirs, const char *ours)
{
	return !strcasecmp(last_part(theirs), last_part(ours));
}

static bool (*const same_form[])(const char *theirs, const char *ours) = {
	[FORM_PLAIN] = same_plain,  [FORM_STARRED] = same_plain,
	[FORM_PATH] = same_path,    [FORM_MAY_BE_BLANK] = same_unless_blank,
	[FORM_MAC] = same_presence, [FORM_ID] = same_last_part,
};

/* --- Rows as texts ----------------------------------------------------------------------------------------------- */

static const cJSON *field_of(const cJSON *row, const char *name)
{
	return name ? cJSON_GetObjectItemCaseSensitive(row, name) : NULL;
}

static void take_text(const struct view *v, size_t column, const cJSON *value, struct flat *out)
{
	const struct column *c = &v->columns[column];
	char *text = value_text(value), *speaker = value_text(field_of(out->row, v->speaker));
	size_t n = strlen(text);

	squeeze(text);
	if (c->type == COLUMN_BOOL && !*text) { /* an older CLI has no such field */
		free(text);
		text = xstrdup("false");
	}
	if (c->form == FORM_STARRED && n && text[n - 1] == '*') {
		text[n - 1] = '\0';
		out->best = true;
	}
	if (v->speaker && strcmp(c->field, v->speaker) && *text && !strcmp(text, speaker)) {
		free(text);
		text = xstrdup("self");
	}
	out->text[column] = text;
	free(speaker);
}

/* One flat row for each combination of what its lists hold. */
static void flatten_row(const struct view *v, const cJSON *row, size_t column, const cJSON **chosen, flats *out)
{
	const cJSON *value, *item;
	struct flat flat = {.row = row};

	if (column == v->n_columns) {
		flat.text = xcalloc(v->n_columns, sizeof(*flat.text));
		for (size_t i = 0; i < v->n_columns; i++)
			take_text(v, i, chosen[i], &flat);
		vec_push(out, flat);
		return;
	}
	value = field_of(row, v->columns[column].field);
	if (v->columns[column].type != COLUMN_LIST || v->columns[column].role != ROLE_KEY || !cJSON_IsArray(value) ||
	    !value->child) {
		chosen[column] = value;
		flatten_row(v, row, column + 1, chosen, out);
		return;
	}
	cJSON_ArrayForEach(item, value)
	{
		chosen[column] = item;
		flatten_row(v, row, column + 1, chosen, out);
	}
}

static void flatten_rows(const struct view *v, const cJSON *document, flats *out)
{
	const cJSON **chosen = xcalloc(v->n_columns, sizeof(*chosen)), *row;

	if (!v->list)
		flatten_row(v, document, 0, chosen, out);
	else
		cJSON_ArrayForEach(row, view_rows(v, document)) flatten_row(v, row, 0, chosen, out);
	free(chosen);
}

static void free_flats(const struct view *v, flats *list)
{
	vec_each(f, list) {
		for (size_t i = 0; i < v->n_columns; i++)
			free(f->text[i]);
		free(f->text);
	}
	vec_free(list);
}

/* Whether all rows are of one instance. */
static bool speaks_alone(const struct view *v, const flats *list)
{
	for (size_t i = 0; v->speaker && i < v->n_columns; i++) {
		if (strcmp(v->columns[i].field, v->speaker))
			continue;
		vec_each(f, list) {
			if (strcmp(f->text[i], list->items[0].text[i]))
				return false;
		}
	}
	return v->speaker;
}

static void forget_speaker(const struct view *v, flats *list)
{
	for (size_t i = 0; i < v->n_columns; i++) {
		if (strcmp(v->columns[i].field, v->speaker))
			continue;
		vec_each(f, list)
			*f->text[i] = '\0';
	}
}

/* --- Comparing --------------------------------------------------------------------------------------------------- */

static int compare_keys(const struct view *v, const struct flat *a, const struct flat *b)
{
	for (size_t i = 0; i < v->n_columns; i++) {
		int order = v->columns[i].role == ROLE_KEY ? strcmp(a->text[i], b->text[i]) : 0;

		if (order)
			return order;
	}
	return 0;
}

static int compare_flats(const void *a, const void *b, void *arg)
{
	const struct view *v = arg;
	const struct flat *x = a, *y = b;
	int order = compare_keys(v, x, y);

	/* Rows with one key, as two for one network: in the order of their other fields, so that like meets like. */
	for (size_t i = 0; !order && i < v->n_columns; i++)
		order = v->columns[i].role == ROLE_FIELD ? strcmp(x->text[i], y->text[i]) : 0;
	return order;
}

static char *key_text(const struct view *v, const struct flat *f)
{
	char *text = xstrdup("");

	for (size_t i = 0; i < v->n_columns; i++) {
		char *longer;

		if (v->columns[i].role != ROLE_KEY || !*f->text[i])
			continue;
		longer = xasprintf("%s%s%s", text, *text ? " " : "", f->text[i]);
		free(text);
		text = longer;
	}
	return text;
}

static void add_field(struct diff_row *row, const char *name, const char *theirs, const char *ours)
{
	struct diff_field field = {.name = name, .theirs = xstrdup(theirs), .ours = xstrdup(ours)};

	vec_push(&row->fields, field);
}

static void compare_fields(struct diff *d, const struct flat *theirs, const struct flat *ours)
{
	const struct view *v = d->view;
	struct diff_row row = {};

	for (size_t i = 0; i < v->n_columns; i++) {
		const struct column *c = &v->columns[i];

		if (c->role == ROLE_FIELD && !same_form[c->form](theirs->text[i], ours->text[i]))
			add_field(&row, c->field, theirs->text[i], ours->text[i]);
	}
	if (theirs->best != ours->best)
		add_field(&row, "best", theirs->best ? "yes" : "no", ours->best ? "yes" : "no");
	if (row.fields.n) {
		row.key = key_text(v, theirs);
		vec_push(&d->different, row);
	} else {
		d->same++;
	}
}

static void add_only(struct diff *d, diff_rows *to, const struct flat *f)
{
	struct diff_row row = {};

	if (to == &d->missing && d->view->left_out && d->view->left_out(f->row)) {
		d->left_out++;
		return;
	}
	row.key = key_text(d->view, f);
	row.row = cJSON_Duplicate(f->row, true);
	vec_push(to, row);
}

/* Both sorted: what has the same key meets. */
static void merge(struct diff *d, const flats *theirs, const flats *ours)
{
	size_t i = 0, k = 0;

	while (i < theirs->n || k < ours->n) {
		int order = i == theirs->n ? 1
			    : k == ours->n ? -1
					   : compare_keys(d->view, &theirs->items[i], &ours->items[k]);

		if (order < 0)
			add_only(d, &d->missing, &theirs->items[i++]);
		else if (order > 0)
			add_only(d, &d->extra, &ours->items[k++]);
		else
			compare_fields(d, &theirs->items[i++], &ours->items[k++]);
	}
}

/* What stands beside the list: a row of its own without a key. */
static void compare_head(struct diff *d, const cJSON *theirs, const cJSON *ours)
{
	struct diff_row row = {};

	for (size_t i = 0; i < d->view->n_head; i++) {
		const struct column *c = &d->view->head[i];
		char *a = value_text(field_of(theirs, c->field)), *b = value_text(field_of(ours, c->field));

		/* A bare list has no head. */
		if (c->role == ROLE_FIELD && field_of(theirs, c->field) && strcmp(a, b))
			add_field(&row, c->field, a, b);
		free(a);
		free(b);
	}
	if (!row.fields.n)
		return;
	row.key = xstrdup("");
	vec_push(&d->different, row);
}

void diff_compare(const struct view *v, const cJSON *theirs, const cJSON *ours, struct diff *out)
{
	flats a = {}, b = {};

	*out = (struct diff){.view = v};
	compare_head(out, theirs, ours);
	flatten_rows(v, theirs, &a);
	flatten_rows(v, ours, &b);
	if (speaks_alone(v, &a) && speaks_alone(v, &b)) {
		forget_speaker(v, &a);
		forget_speaker(v, &b);
	}
	if (a.n)
		qsort_r(a.items, a.n, sizeof(*a.items), compare_flats, (void *)v);
	if (b.n)
		qsort_r(b.items, b.n, sizeof(*b.items), compare_flats, (void *)v);
	merge(out, &a, &b);
	free_flats(v, &a);
	free_flats(v, &b);
}

static void free_rows(diff_rows *rows)
{
	vec_each(r, rows) {
		vec_each(f, &r->fields) {
			free(f->theirs);
			free(f->ours);
		}
		vec_free(&r->fields);
		cJSON_Delete(r->row);
		free(r->key);
	}
	vec_free(rows);
}

void diff_free(struct diff *d)
{
	free_rows(&d->missing);
	free_rows(&d->extra);
	free_rows(&d->different);
}

/* --- Printing ---------------------------------------------------------------------------------------------------- */

bool diff_is_empty(const struct diff *d)
{
	return !d->missing.n && !d->extra.n && !d->different.n;
}

static const char *or_nothing(const char *text)
{
	return *text ? text : "nothing";
}

static void print_only(const char *word, const struct diff *d, const diff_rows *rows, FILE *out)
{
	vec_each(r, rows) {
		fprintf(out, "%-8s %s", word, r->key);
		for (size_t i = 0, n = 0; i < d->view->n_columns; i++) {
			const struct column *c = &d->view->columns[i];
			char *text = value_text(field_of(r->row, c->field));

			if (c->role == ROLE_FIELD && c->header && *text)
				fprintf(out, "%s %s %s", n++ ? "," : ":", c->field, text);
			free(text);
		}
		fputc('\n', out);
	}
}

void diff_print(const struct diff *d, FILE *out)
{
	print_only("missing", d, &d->missing, out);
	print_only("extra", d, &d->extra, out);
	vec_each(r, &d->different) {
		vec_each(f, &r->fields)
			fprintf(out, "differs  %s%s%s: %s in Azure, %s here\n", r->key, *r->key ? ": " : "", f->name,
				or_nothing(f->theirs), or_nothing(f->ours));
	}
	if (diff_is_empty(d))
		fprintf(out, "nothing differs: %zu rows\n", d->same);
	else
		fprintf(out, "%zu missing here, %zu extra here, %zu different, %zu the same\n", d->missing.n,
			d->extra.n, d->different.n, d->same);
	if (d->left_out)
		fprintf(out, "%zu system routes with next hop None not counted: the twin leaves them out\n",
			d->left_out);
}

static void add_rows(cJSON *root, const char *name, const diff_rows *rows)
{
	cJSON *list = cJSON_AddArrayToObject(root, name);

	vec_each(r, rows)
		cJSON_AddItemToArray(list, cJSON_Duplicate(r->row, true));
}

static cJSON *different_json(const struct diff_row *r)
{
	cJSON *item = cJSON_CreateObject(), *fields;

	cJSON_AddStringToObject(item, "row", r->key);
	fields = cJSON_AddArrayToObject(item, "fields");
	vec_each(f, &r->fields) {
		cJSON *field = cJSON_CreateObject();

		cJSON_AddStringToObject(field, "field", f->name);
		cJSON_AddStringToObject(field, "azure", f->theirs);
		cJSON_AddStringToObject(field, "here", f->ours);
		cJSON_AddItemToArray(fields, field);
	}
	return item;
}

cJSON *diff_json(const struct diff *d)
{
	cJSON *root = cJSON_CreateObject(), *list;

	cJSON_AddStringToObject(root, "view", d->view->name);
	add_rows(root, "missing", &d->missing);
	add_rows(root, "extra", &d->extra);
	list = cJSON_AddArrayToObject(root, "different");
	vec_each(r, &d->different)
		cJSON_AddItemToArray(list, different_json(r));
	cJSON_AddNumberToObject(root, "same", d->same);
	cJSON_AddNumberToObject(root, "leftOut", d->left_out);
	return root;
}
