// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* routes: what a host's network knows. */
#include <stdio.h>

#include "cmd/cmd.h"
#include "obs/print.h"
#include "obs/routes.h"

int cmd_routes(const struct call *call)
{
	struct lab *lab = open_lab(call->lab);
	const struct host *h;

	if (!lab)
		return EXIT_REFUSED;
	h = find_host(lab, call->argv[0]);
	if (h && call->json)
		print_json(routes_json(lab->now, h));
	else if (h)
		routes_print(lab->now, h, stdout);
	lab_free(lab);
	return h ? EXIT_DONE : EXIT_USAGE;
}
