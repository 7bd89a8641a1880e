// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Verbs of those who are not root: the controller of the lab runs them, for members of the group. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "daemon/client.h"
#include "lib/log.h"

static int refuse_verb(const struct verb *verb)
{
	char list[256] = "";

	for (const struct verb *v = verbs; v->name; v++) {
		if (v->user == MEMBERS)
			snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", *list ? ", " : "", v->name);
	}
	log_error("'%s' is for root alone: run as root, with sudo for instance; members of group " LAB_GROUP
		  " can run %s",
		  verb->name, list);
	return EXIT_REFUSED;
}

/* Where it matters which lab is meant it is named: the controller's own surroundings say nothing of it. */
static cJSON *arguments(const char *lab, int argc, char **argv)
{
	cJSON *args = cJSON_CreateArray();

	cJSON_AddItemToArray(args, cJSON_CreateString(argv[0]));
	if (lab) {
		cJSON_AddItemToArray(args, cJSON_CreateString("--lab"));
		cJSON_AddItemToArray(args, cJSON_CreateString(lab));
	}
	for (int i = 1; i < argc; i++)
		cJSON_AddItemToArray(args, cJSON_CreateString(argv[i]));
	return args;
}

static int ask(const char *lab, cJSON *args, int *code, struct error *e)
{
	char path[512];

	lab_run_path(lab, "", path);
	if (!access(path, F_OK) || errno != ENOENT)
		return controller_run_for_me(lab, args, code, e);
	cJSON_Delete(args);
	return error_set(e, -ENOENT, "lab '%s' is not loaded; run 'erxdpctl load FILE'", lab);
}

/* Any controller can tell of all labs. */
static int ask_anyone(const struct call *call, int argc, char **argv)
{
	int code = EXIT_REFUSED, err = -ENOENT;
	net_names names = {};
	struct error e = {};

	lab_names(&names);
	vec_each(n, &names) {
		if (err)
			err = ask(*n, arguments(NULL, argc, argv), &code, &e);
	}
	if (!names.n)
		code = call->verb->run(call);
	else if (err)
		refuse(&e);
	vec_each(n, &names)
		free(*n);
	vec_free(&names);
	return code;
}

int run_without_root(const struct call *call, int argc, char **argv)
{
	int code = EXIT_REFUSED;
	struct error e = {};
	char name[256];

	if (call->verb->user == ROOT)
		return refuse_verb(call->verb);
	if (call->verb->user == ANYBODY)
		return call->verb->run(call);
	if (access(LAB_RUN, R_OK) && errno == EACCES) {
		log_error("only root and members of group " LAB_GROUP " can see labs: run as root, or as root 'usermod "
			  "-aG " LAB_GROUP " USER' ('groupadd --system " LAB_GROUP
			  "' before, where there is no such group, and load the lab again after)");
		return EXIT_REFUSED;
	}
	/* The controller tells of events itself. */
	if (call->verb->run == cmd_events)
		return call->verb->run(call);
	if (!call->lab && call->verb->run == cmd_status)
		return ask_anyone(call, argc, argv);
	if (name_of_lab(call->lab, name))
		return EXIT_REFUSED;
	return ask(name, arguments(name, argc, argv), &code, &e) ? refuse(&e) : code;
}
