// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* routes: what a host's network knows. */
#include <stdio.h>

#include "cmd/cmd.h"
#include "obs/print.h"
#include "obs/routes.h"

static int show_switch(const struct call *call, const struct lab *lab, const struct host *h)
{
	if (call->json)
		print_json(switch_routes_json(lab->now, h));
	else
		switch_routes_print(lab->now, h, stdout);
	return EXIT_DONE;
}

int cmd_routes(const struct call *call)
{
	struct lab *lab = open_lab(call->lab);
	const struct host *h;
	int code = EXIT_USAGE;

	if (!lab)
		return EXIT_REFUSED;
	h = find_host(lab, call->argv[0]);
	if (h && h->vnet)
		code = show_view(call, lab, "effective-routes", call->argc, call->argv);
	else if (h)
		code = show_switch(call, lab, h);
	lab_free(lab);
	return code;
}
