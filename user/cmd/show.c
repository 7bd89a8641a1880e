// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* show: the tables of Azure, of the loaded lab. */
#include <stdio.h>
#include <time.h>

#include "cmd/cmd.h"
#include "lib/log.h"
#include "obs/print.h"
#include "obs/view.h"

int make_view(const struct call *call, const struct lab *lab, const struct view *v, int argc, char **argv, cJSON **out)
{
	struct view_options options = {.path = call->path, .peer = call->peer};
	struct view_call bound;
	struct error e = {};
	struct timespec now;

	if (view_bind(v, lab, argc, argv, &options, &bound, &e)) {
		log_error("%s", e.text);
		return EXIT_USAGE;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	bound.now_ns = now.tv_sec * 1000000000ull + now.tv_nsec;
	*out = v->make(&bound, &e);
	return *out ? EXIT_DONE : refuse(&e);
}

const struct view *find_view(const char *name)
{
	struct error e = {};
	const struct view *v = view_find(name, &e);

	if (!v)
		log_error("%s; 'erxdpctl show --help' lists them", e.text);
	return v;
}

int show_view(const struct call *call, const struct lab *lab, const char *name, int argc, char **argv)
{
	const struct view *v = find_view(name);
	cJSON *document;
	int code;

	if (!v)
		return EXIT_USAGE;
	code = make_view(call, lab, v, argc, argv, &document);
	if (code)
		return code;
	if (call->json) {
		print_json(document);
	} else {
		view_print(v, document, stdout);
		cJSON_Delete(document);
	}
	return EXIT_DONE;
}

int cmd_show(const struct call *call)
{
	struct lab *lab;
	int code;

	if (!find_view(call->argv[0]))
		return EXIT_USAGE;
	lab = open_lab(call->lab);
	if (!lab)
		return EXIT_REFUSED;
	code = show_view(call, lab, call->argv[0], call->argc - 1, call->argv + 1);
	lab_free(lab);
	return code;
}
