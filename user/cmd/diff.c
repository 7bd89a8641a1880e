// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* diff: what a real deployment printed, beside the same view of the lab. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "lib/log.h"
#include "obs/diff.h"
#include "obs/print.h"

#define MAX_BYTES (64u << 20) /* some 200,000 rows */

static int check_bytes(const char *name, const char *text, size_t size)
{
	if (size > MAX_BYTES)
		log_error("'%s' has more than %u MiB, which no table of Azure's has", name, MAX_BYTES >> 20);
	else if (size >= 2 && (!memcmp(text, "\xff\xfe", 2) || !memcmp(text, "\xfe\xff", 2)))
		log_error("'%s' is UTF-16, as '>' of PowerShell writes it; save it as UTF-8", name);
	else
		return EXIT_DONE;
	return EXIT_USAGE;
}

/* To be freed; NULL after a message. */
static char *read_all(const char *name, int *code)
{
	FILE *in = strcmp(name, "-") ? fopen(name, "re") : stdin;
	char *text = xcalloc(1, MAX_BYTES + 2);
	size_t size = in ? fread(text, 1, MAX_BYTES + 1, in) : 0;

	if (!in || ferror(in)) {
		log_error("cannot read '%s': %s", name, strerror(errno));
		*code = EXIT_REFUSED;
	} else {
		*code = check_bytes(name, text, size);
	}
	if (in && in != stdin)
		fclose(in);
	if (*code == EXIT_DONE)
		return text;
	free(text);
	return NULL;
}

/* The document of a file; NULL after a message. */
static cJSON *read_theirs(const struct view *v, const char *name, int *code)
{
	char *text = read_all(name, code);
	struct error e = {};
	cJSON *document;

	if (!text)
		return NULL;
	document = diff_read(v, strcmp(name, "-") ? name : "standard input", text, &e);
	free(text);
	if (document)
		return document;
	log_error("%s", e.text);
	*code = EXIT_USAGE;
	return NULL;
}

static int compare(const struct call *call, const struct view *v, const cJSON *theirs, const cJSON *ours)
{
	struct diff d;
	int code;

	diff_compare(v, theirs, ours, &d);
	code = diff_is_empty(&d) ? EXIT_DONE : EXIT_INVALID;
	if (call->json)
		print_json(diff_json(&d));
	else
		diff_print(&d, stdout);
	diff_free(&d);
	return code;
}

static int diff_lab(const struct call *call, const struct view *v, const cJSON *theirs)
{
	struct lab *lab = open_lab(call->lab);
	cJSON *ours;
	int code;

	if (!lab)
		return EXIT_REFUSED;
	code = make_view(call, lab, v, call->argc - 1, call->argv + 1, &ours);
	if (!code) {
		code = compare(call, v, theirs, ours);
		cJSON_Delete(ours);
	}
	lab_free(lab);
	return code;
}

int cmd_diff(const struct call *call)
{
	const struct view *v;
	cJSON *theirs;
	int code;

	if (!call->az) {
		log_error("diff needs --az FILE: what 'az … -o json' has printed");
		return EXIT_USAGE;
	}
	v = find_view(call->argv[0]);
	theirs = v ? read_theirs(v, call->az, &code) : NULL;
	if (!theirs)
		return v ? code : EXIT_USAGE;
	code = diff_lab(call, v, theirs);
	cJSON_Delete(theirs);
	return code;
}
