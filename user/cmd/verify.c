// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* verify: a file's expectations against real packets, and against the routes that are loaded. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>

#include "cmd/cmd.h"
#include "lib/log.h"
#include "obs/expect.h"
#include "obs/print.h"

/* The closing line. Returns the exit code. */
static int finish(const verdicts *list, FILE *out)
{
	unsigned passed = 0;

	vec_each(v, list)
		passed += v->passed;
	fprintf(out, "%u passed, %u failed\n", passed, (unsigned)list->n - passed);
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
		print_json(verdicts_json(&list));
	else
		verdicts_print(&list, stdout);
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
