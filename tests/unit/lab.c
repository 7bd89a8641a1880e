// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "lab.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model.h"

#define MAX_WORDS 8

char *text_of(const char *file)
{
	FILE *in = fopen(file, "re");
	char *text = NULL;
	size_t size = 0;

	cr_assert(in, "cannot read %s", file);
	cr_assert_gt(getdelim(&text, &size, '\0', in), 0, "%s is empty", file);
	fclose(in);
	return text;
}

static void compute(struct lab *lab)
{
	struct error e = {};

	cr_assert_eq(lab_compute(lab, &e), 0, "%s", e.text);
}

static struct lab *lab_of_text(const char *file, const char *text)
{
	struct diags d = {};
	struct lab *lab = lab_parse(text, strlen(text), &d);

	if (!lab)
		diags_print(&d, file, stderr);
	cr_assert(lab, "%s has an error", file);
	diags_free(&d);
	compute(lab);
	return lab;
}

struct lab *lab_of(const char *file)
{
	char *text = text_of(file);
	struct lab *lab = lab_of_text(file, text);

	free(text);
	return lab;
}

struct lab *lab_with(const char *file, const char *was, const char *is)
{
	char *text = text_of(file), *at = strstr(text, was), *changed;
	struct lab *lab;

	cr_assert(at, "%s has no '%s'", file, was);
	changed = xasprintf("%.*s%s%s", (int)(at - text), text, is, at + strlen(was));
	lab = lab_of_text(file, changed);
	free(changed);
	free(text);
	return lab;
}

struct lab *lab_filled(const char *file, ...)
{
	struct lab *lab;
	va_list words;
	char *text;

	va_start(words, file);
	text = text_filled(file, words);
	va_end(words);
	lab = lab_of_text(file, text);
	free(text);
	return lab;
}

void lab_down(struct lab *lab, const char *target)
{
	cr_assert_eq(lab_fail(lab, target, FAULT_DOWN), 0, "nothing is called %s", target);
	lab_follow(lab);
	compute(lab);
}

/* The words that are no options, and the options. */
static int split(char *text, char *words[static MAX_WORDS], struct view_options *o)
{
	int n = 0;

	for (char *word = strtok(text, " "); word && n < MAX_WORDS; word = strtok(NULL, " ")) {
		if (!strcmp(word, "--path"))
			o->path = strtok(NULL, " ");
		else if (!strcmp(word, "--peer"))
			o->peer = strtok(NULL, " ");
		else
			words[n++] = word;
	}
	return n;
}

const struct view *view_named(const char *command)
{
	char *text = xstrdup(command), *words[MAX_WORDS];
	struct view_options o = {};
	const struct view *v;
	struct error e = {};

	split(text, words, &o);
	v = view_find(words[0], &e);
	cr_assert(v, "%s", e.text);
	free(text);
	return v;
}

cJSON *view_made(const struct lab *lab, const char *command, struct error *e)
{
	char *text = xstrdup(command), *words[MAX_WORDS];
	struct view_options o = {};
	int n = split(text, words, &o);
	const struct view *v = view_find(words[0], e);
	struct view_call call;
	cJSON *document = NULL;

	if (v && !view_bind(v, lab, n - 1, words + 1, &o, &call, e))
		document = v->make(&call, e);
	free(text);
	return document;
}

cJSON *view_of(const struct lab *lab, const char *command)
{
	struct error e = {};
	cJSON *document = view_made(lab, command, &e);

	cr_assert(document, "%s: %s", command, e.text);
	return document;
}
