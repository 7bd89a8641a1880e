// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* events: what the controller has noticed and done. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/cmd.h"
#include "daemon/client.h"
#include "lib/log.h"

#define ALL 1000000

static bool print_event(void *arg, const cJSON *event)
{
	const struct call *call = arg;

	if (call->json) {
		char *line = cJSON_PrintUnformatted(event);

		puts(line);
		free(line);
	} else {
		print_event_line(event);
	}
	fflush(stdout);
	return !ferror(stdout);
}

int cmd_events(const struct call *call)
{
	struct error e = {};
	char name[256];
	unsigned wanted = call->follow ? 0 : ALL;
	int err;

	if (read_count(call, &wanted))
		return EXIT_USAGE;
	if (name_of_lab(call->lab, name))
		return EXIT_REFUSED;
	err = controller_listen(name, wanted, call->follow, NULL, NULL, print_event, (void *)call, &e);
	return err ? refuse(&e) : EXIT_DONE;
}
