// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* verify: a file's expectations against real packets, and against the routes that are loaded. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>

#include "cmd/cmd.h"
#include "lib/log.h"
#include "obs/expect.h"
#include "obs/print.h"

static cJSON *verdict_json(const struct verdict *v)
{
	const struct expectation *x = v->expectation;
	cJSON *item = cJSON_CreateObject();

	if (x->kind == EXPECT_PACKETS) {
		cJSON_AddStringToObject(item, "from", x->packets.from);
		cJSON_AddStringToObject(item, "to", x->packets.to);
		cJSON_AddStringToObject(item, "hops", v->hops);
		cJSON_AddNumberToObject(item, "ttl", v->ttl);
	} else {
		cJSON_AddStringToObject(item, x->kind == EXPECT_VM ? "vm" : "at", x->routes.at);
		cJSON_AddStringToObject(item, "about", v->about);
		cJSON_AddStringToObject(item, "seen", v->words);
	}
	cJSON_AddBoolToObject(item, "passed", v->passed);
	if (!v->passed)
		cJSON_AddStringToObject(item, "why", v->words);
	if (v->rtt_skipped)
		cJSON_AddStringToObject(item, "skipped", "rtt");
	return item;
}

static void print_list(const verdicts *list)
{
	cJSON *root = cJSON_CreateArray();

	vec_each(v, list)
		cJSON_AddItemToArray(root, verdict_json(v));
	print_json(root);
}

static void print_lines(const verdicts *list)
{
	vec_each(v, list)
		printf("%-6s %s: %s%s\n", v->passed ? "ok" : "FAILED", v->about, v->words,
		       v->rtt_skipped ? " (rtt skipped: latency is not applied yet)" : "");
}

/* The closing line. Returns the exit code. */
static int finish(const verdicts *list, FILE *out)
{
	unsigned passed = 0, skipped = 0;

	vec_each(v, list) {
		passed += v->passed;
		skipped += v->rtt_skipped;
	}
	fprintf(out, "%u passed, %u failed", passed, (unsigned)list->n - passed);
	if (skipped)
		fprintf(out, ", %u skipped", skipped);
	fputc('\n', out);
	return passed == list->n ? EXIT_DONE : EXIT_INVALID;
}

static int verify(const struct lab *lab, const struct topo *file, bool json)
{
	struct error e = {};
	verdicts list = {};
	int err = expectations_check(lab, &file->expects, &list, &e), code;

	if (err) {
		code = refuse(&e);
		verdicts_free(&list);
		return err == -ENOENT ? EXIT_INVALID : code;
	}
	if (json)
		print_list(&list);
	else
		print_lines(&list);
	code = finish(&list, json ? stderr : stdout);
	verdicts_free(&list);
	return code;
}

int cmd_verify(const struct call *call)
{
	struct lab *file = NULL, *lab;
	int code = EXIT_REFUSED;

	if (call->argc) {
		file = read_lab(call->argv[0], &code);
		if (!file)
			return code;
	}
	lab = open_lab(file && !call->lab_given ? file->topo->name : call->lab);
	if (lab)
		code = verify(lab, file ? file->topo : lab->topo, call->json);
	lab_free(lab);
	lab_free(file);
	return lab ? code : EXIT_REFUSED;
}
