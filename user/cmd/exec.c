// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* exec: a command inside a host. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "lib/log.h"

/* The namespace of the network only: files, processes and bpffs stay those of the caller. */
int cmd_exec(const struct call *call)
{
	struct lab *lab = open_lab(call->lab);
	char **command = call->argv + 1;
	const struct host *h;
	char namespace[256];
	struct error e = {};
	int err;

	if (!lab)
		return EXIT_REFUSED;
	if (!strcmp(*command, "--"))
		command++;
	h = *command ? find_host(lab, call->argv[0]) : NULL;
	if (!*command)
		log_error("exec needs a command after the host");
	if (!h) {
		lab_free(lab);
		return EXIT_USAGE;
	}
	lab_host_namespace(lab, h, namespace);
	lab_free(lab);
	if (net_enter(namespace, &e))
		return refuse(&e);
	execvp(*command, command);
	err = errno;
	log_error("cannot run '%s': %s", *command, strerror(err));
	return err == ENOENT ? 127 : 126; /* as a shell says it */
}
