// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "lib/diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void diag_add(struct diags *d, enum diag_level level, struct pos at, const char *format, ...)
{
	struct diag item = {.level = level, .at = at};
	va_list args;

	va_start(args, format);
	if (vasprintf(&item.text, format, args) < 0)
		item.text = xstrdup("out of memory while writing a message");
	va_end(args);
	vec_push(&d->list, item);
	if (level == DIAG_ERROR)
		d->errors++;
}

static int by_position(const void *a, const void *b)
{
	const struct diag *x = a, *y = b;

	if (x->at.line != y->at.line)
		return x->at.line < y->at.line ? -1 : 1;
	if (x->at.column != y->at.column)
		return x->at.column < y->at.column ? -1 : 1;
	return strcmp(x->text, y->text);
}

void diags_print(struct diags *d, const char *file, FILE *out)
{
	if (d->list.n)
		qsort(d->list.items, d->list.n, sizeof(*d->list.items), by_position);
	vec_each(item, &d->list) {
		const char *kind = item->level == DIAG_WARNING ? "warning: " : "";

		if (item->at.line)
			fprintf(out, "%s:%u:%u: %s%s\n", file, item->at.line, item->at.column, kind, item->text);
		else
			fprintf(out, "%s: %s%s\n", file, kind, item->text);
	}
}

void diags_free(struct diags *d)
{
	vec_each(item, &d->list)
		free(item->text);
	vec_free(&d->list);
	d->errors = 0;
}

#define MAX_WORD 64

/* Levenshtein distance, case-insensitive; words over MAX_WORD are never alike. */
static unsigned distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	unsigned row[MAX_WORD + 1];

	if (la > MAX_WORD || lb > MAX_WORD)
		return MAX_WORD;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned above = row[j];
			unsigned best = diagonal + (strncasecmp(a + i - 1, b + j - 1, 1) != 0);

			if (above + 1 < best)
				best = above + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
			diagonal = above;
		}
	}
	return row[lb];
}

const char *did_you_mean(const char *name, const char *const *candidates)
{
	/* One mistake in three letters is a typing error; more is another word. */
	unsigned best = strlen(name) / 3 + 1;
	const char *found = NULL;

	for (; *candidates; candidates++) {
		unsigned d = distance(name, *candidates);

		if (d < best || (d == best && !found)) {
			best = d;
			found = *candidates;
		}
	}
	return found;
}
