// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* scenario: let fail what a file's scenario lists, measure and check. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "daemon/rehearse.h"
#include "lib/log.h"
#include "obs/print.h"

/* --- list -------------------------------------------------------------------------------------------------------- */

static cJSON *list_json(const struct topo *t)
{
	cJSON *list = cJSON_CreateArray();

	vec_each(s, &t->scenarios) {
		cJSON *item = cJSON_CreateObject();
		char *faults = faults_text(s);

		cJSON_AddStringToObject(item, "name", s->name);
		cJSON_AddStringToObject(item, "faults", faults);
		cJSON_AddNumberToObject(item, "expect", s->expect.n);
		cJSON_AddItemToArray(list, item);
		free(faults);
	}
	return list;
}

static int list_scenarios(const struct topo *t, bool json)
{
	size_t width = 0;

	if (json) {
		print_json(list_json(t));
		return EXIT_DONE;
	}
	vec_each(s, &t->scenarios)
		width = strlen(s->name) > width ? strlen(s->name) : width;
	vec_each(s, &t->scenarios) {
		char *faults = faults_text(s);

		printf("%-*s  %s; %zu expectations\n", (int)width, s->name, faults, s->expect.n);
		free(faults);
	}
	return EXIT_DONE;
}

/* --- run --------------------------------------------------------------------------------------------------------- */

static const struct scenario *find_scenario(const struct topo *t, const char *file, const char *name)
{
	VEC(const char *) names = {};
	const char *guess;

	vec_each(s, &t->scenarios) {
		if (!strcmp(s->name, name))
			return s;
	}
	vec_each(s, &t->scenarios)
		vec_push(&names, s->name);
	vec_push(&names, NULL);
	guess = did_you_mean(name, names.items);
	if (guess)
		log_error("'%s' has no scenario '%s' (did you mean '%s'?)", file, name, guess);
	else
		log_error("'%s' has no scenario '%s'; 'erxdpctl scenario list %s' lists them", file, name, file);
	vec_free(&names);
	return NULL;
}

enum loaded { ABSENT, SAME, OTHER };

static enum loaded what_is_loaded(const struct lab *file)
{
	struct error e = {};
	struct lab *now;
	enum loaded state;

	if (lab_open(file->topo->name, &now, &e))
		return ABSENT;
	state = now->file_size == file->file_size && !memcmp(now->file, file->file, now->file_size) ? SAME : OTHER;
	lab_free(now);
	return state;
}

static int report(const struct scenario_result *r, bool json)
{
	unsigned passed, failed;

	scenario_count(r, &passed, &failed);
	if (json) {
		print_json(scenario_json(r));
		fprintf(stderr, "%u passed, %u failed\n", passed, failed);
	} else {
		scenario_print(r, stdout);
	}
	return failed ? EXIT_INVALID : EXIT_DONE;
}

static int run_loaded(const struct rehearsal *what, bool json)
{
	struct scenario_result r;
	struct error e = {};
	int err = rehearse(what, &r, &e), code;

	code = err ? refuse(&e) : report(&r, json);
	scenario_result_free(&r);
	return err == -ENOENT ? EXIT_INVALID : code;
}

/* Nothing stays of a lab that was loaded only for this. */
static int run_unloaded(const struct call *call, struct lab *file, const struct rehearsal *what)
{
	int code = load_parsed(call, file), end;

	if (code == EXIT_REFUSED) /* and has left nothing */
		return code;
	if (code == EXIT_DONE)
		code = asked_to_stop ? EXIT_REFUSED : run_loaded(what, call->json);
	fflush(stdout);
	end = unload_lab(file->topo->name);
	return code ? code : end;
}

static int run(struct lab *file, const struct rehearsal *what, const struct call *call)
{
	const char *name = file->topo->name;

	switch (what_is_loaded(file)) {
	case SAME: return run_loaded(what, call->json);
	case ABSENT: return run_unloaded(call, file, what);
	default: break;
	}
	log_error("lab '%s' is loaded from another state of '%s'; 'erxdpctl load %s' brings it up to date, 'erxdpctl "
		  "unload %s' takes it away",
		  name, call->argv[1], call->argv[1], name);
	return EXIT_REFUSED;
}

static int run_named(struct lab *file, const struct call *call)
{
	struct rehearsal what = {.file = file->topo, .stop = &asked_to_stop};
	uint64_t timeout_ns = 0;

	if (call->lab_given && strcmp(call->lab, file->topo->name)) {
		log_error("'%s' is the file of lab '%s', not of '%s'", call->argv[1], file->topo->name, call->lab);
		return EXIT_USAGE;
	}
	what.scenario = find_scenario(file->topo, call->argv[1], call->argv[2]);
	if (!what.scenario || read_time("interval", call->interval, &what.interval_ns) ||
	    read_time("timeout", call->timeout, &timeout_ns))
		return EXIT_USAGE;
	what.timeout_s = timeout_ns / 1e9;
	stop_when_asked();
	return run(file, &what, call);
}

int cmd_scenario(const struct call *call)
{
	bool running = !strcmp(call->argv[0], "run");
	struct lab *file;
	int code;

	if (call->argc != (running ? 3 : 2) || (!running && strcmp(call->argv[0], "list"))) {
		log_error("scenario takes 'run FILE NAME' or 'list FILE'");
		return EXIT_USAGE;
	}
	file = read_lab(call->argv[1], &code);
	if (!file)
		return code;
	code = running ? run_named(file, call) : list_scenarios(file->topo, call->json);
	lab_free(file);
	return code;
}
