// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What documents are put together from, and the printer for people. */
#include "obs/show.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "obs/since.h"

#define NS_PER_S    1000000000ull
#define KEEPALIVE_S 60 /* azure.md 7.1 */

/* --- Documents --------------------------------------------------------------------------------------------------- */

cJSON *new_list(cJSON **list)
{
	cJSON *document = cJSON_CreateObject();

	*list = cJSON_AddArrayToObject(document, "value");
	return document;
}

void add_addr(cJSON *row, const char *field, const struct addr *a)
{
	char text[ADDR_STRLEN];

	cJSON_AddStringToObject(row, field, addr_is_set(a) ? addr_format(a, text) : "");
}

void add_prefix(cJSON *row, const char *field, const struct prefix *p)
{
	char text[PREFIX_STRLEN];

	cJSON_AddStringToObject(row, field, prefix_format(p, text));
}

void add_resource_id(cJSON *row, const char *field, const struct lab *lab, const char *type, const char *name)
{
	char *id = xasprintf("/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/%s/providers/"
			     "Microsoft.%s/%s",
			     lab->topo->name, type, name);

	cJSON_AddStringToObject(row, field, id);
	free(id);
}

char *as_path_join(const struct attrs *a, const char *between)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (unsigned i = 0; a && i < a->as_path_len; i++)
		fprintf(out, "%s%" PRIu32, i ? between : "", a->as_path[i]);
	fclose(out);
	return text;
}

/* --- Links and sessions ------------------------------------------------------------------------------------------ */

bool link_carries(const struct lab *lab, uint32_t link)
{
	struct conditions now = lab_conditions(lab);

	return link_is_up(lab->fabric, &now, link);
}

bool session_is_of(const struct session_view *s, uint32_t device)
{
	return s->a == device || s->b == device;
}

const struct device *session_peer(const struct fabric *f, const struct session_view *s, uint32_t device,
				  struct addr *addr)
{
	bool is_a = s->a == device;

	*addr = is_a ? s->addr_b : s->addr_a;
	return &f->devices.items[is_a ? s->b : s->a];
}

size_t session_received(const struct rib *rib, uint32_t device, size_t session)
{
	const struct rib_table *t = rib_table_of(rib, device);
	size_t n = 0;

	for (size_t i = 0; i < t->n_entries; i++) {
		for (unsigned k = 0; k < t->entries[i].n_routes; k++) {
			const struct route *r = &t->entries[i].routes[k];

			n += r->source == SOURCE_BGP && r->session == session;
		}
	}
	return n;
}

uint64_t session_age(const struct view_call *call, const struct session_view *s)
{
	uint64_t since = session_since(call->lab, s);

	return since && since < call->now_ns ? call->now_ns - since : 0;
}

size_t session_messages(uint64_t age_ns, size_t prefixes)
{
	return 1 + age_ns / NS_PER_S / KEEPALIVE_S + prefixes;
}

/* --- Times ------------------------------------------------------------------------------------------------------- */

char *format_up_down(uint64_t ns, char out[static 32])
{
	unsigned long s = ns / NS_PER_S, minutes = s / 60, hours = minutes / 60, days = hours / 24;

	if (!hours)
		snprintf(out, 32, "%02lu:%02lu", minutes, s % 60);
	else if (!days)
		snprintf(out, 32, "%02lu:%02lu:%02lu", hours, minutes % 60, s % 60);
	else if (days < 7)
		snprintf(out, 32, "%lud%02luh", days, hours % 24);
	else
		snprintf(out, 32, "%luw%lud", days / 7, days % 7);
	return out;
}

char *format_time_span(uint64_t ns, char out[static 32])
{
	unsigned long s = ns / NS_PER_S, hours = s / 3600, ticks = ns % NS_PER_S / 100;
	int n = 0;

	if (hours >= 24)
		n = snprintf(out, 32, "%lu.", hours / 24);
	n += snprintf(out + n, 32 - n, "%02lu:%02lu:%02lu", hours % 24, s / 60 % 60, s % 60);
	if (ticks)
		snprintf(out + n, 32 - n, ".%07lu", ticks);
	return out;
}

/* --- For people -------------------------------------------------------------------------------------------------- */

static void write_value(const cJSON *value, FILE *out)
{
	const cJSON *item, *type = cJSON_GetObjectItemCaseSensitive(value, "type");

	if (cJSON_IsString(value))
		fputs(value->valuestring, out);
	else if (cJSON_IsNumber(value))
		fprintf(out, "%.15g", value->valuedouble);
	else if (cJSON_IsBool(value))
		fputs(cJSON_IsTrue(value) ? "true" : "false", out);
	else if (cJSON_IsObject(value))
		write_value(type, out);
	else if (cJSON_IsArray(value))
		cJSON_ArrayForEach(item, value)
		{
			if (item->prev && item != value->child)
				fputc(' ', out);
			write_value(item, out);
		}
}

char *value_text(const cJSON *value)
{
	char *text = NULL, *start;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	write_value(value, out);
	fclose(out);
	while (size && isspace((unsigned char)text[size - 1]))
		text[--size] = '\0';
	start = text + strspn(text, " \t\r\n");
	memmove(text, start, strlen(start) + 1);
	return text;
}

const cJSON *view_rows(const struct view *v, const cJSON *document)
{
	return v->list ? cJSON_GetObjectItemCaseSensitive(document, v->list) : document;
}

/* As wide as its widest value, and the header with the two blanks that az leaves behind it. */
static size_t column_width(const struct column *c, const cJSON *rows)
{
	size_t width = strlen(c->header) + 2;
	const cJSON *row;

	cJSON_ArrayForEach(row, rows)
	{
		char *text = value_text(cJSON_GetObjectItemCaseSensitive(row, c->field));

		width = strlen(text) > width ? strlen(text) : width;
		free(text);
	}
	return width;
}

struct line { /* blanks are written once something follows them */
	FILE *out;
	size_t owed;
};

static void put_cell(struct line *l, const char *text, size_t width)
{
	if (*text)
		fprintf(l->out, "%*s%s", (int)l->owed, "", text);
	l->owed = (*text ? 0 : l->owed) + 2 + (width > strlen(text) ? width - strlen(text) : 0);
}

static void print_row(const struct view *v, const cJSON *row, const size_t *widths, FILE *out)
{
	struct line l = {.out = out};

	for (size_t i = 0; i < v->n_columns; i++) {
		char *text = value_text(cJSON_GetObjectItemCaseSensitive(row, v->columns[i].field));

		if (v->columns[i].header)
			put_cell(&l, text, widths[i]);
		free(text);
	}
	fputc('\n', out);
}

static void print_heading(const struct view *v, const size_t *widths, FILE *out)
{
	struct line l = {.out = out};

	for (size_t i = 0; i < v->n_columns; i++) {
		if (v->columns[i].header)
			put_cell(&l, v->columns[i].header, widths[i]);
	}
	fputc('\n', out);
	for (size_t i = 0, n = 0; i < v->n_columns; i++) {
		if (!v->columns[i].header)
			continue;
		fputs(n++ ? "  " : "", out);
		for (size_t k = 0; k < widths[i]; k++)
			fputc('-', out);
	}
	fputc('\n', out);
}

static void print_table(const struct view *v, const cJSON *rows, FILE *out)
{
	size_t *widths = xcalloc(v->n_columns, sizeof(*widths));
	const cJSON *row;

	for (size_t i = 0; i < v->n_columns; i++)
		widths[i] = v->columns[i].header ? column_width(&v->columns[i], rows) : 0;
	print_heading(v, widths, out);
	cJSON_ArrayForEach(row, rows) print_row(v, row, widths, out);
	free(widths);
}

/* A document that is one row: as a list of it. */
static void print_single(const struct view *v, const cJSON *document, FILE *out)
{
	cJSON *rows = cJSON_CreateArray();

	cJSON_AddItemToArray(rows, cJSON_Duplicate(document, true));
	print_table(v, rows, out);
	cJSON_Delete(rows);
}

void view_print(const struct view *v, const cJSON *document, FILE *out)
{
	if (v->print)
		v->print(document, out);
	else if (v->list)
		print_table(v, view_rows(v, document), out);
	else
		print_single(v, document, out);
}
