// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/cmd.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/client.h"
#include "lib/log.h"

int refuse(const struct error *e)
{
	log_error("%s", e->text);
	return EXIT_REFUSED;
}

int read_positive(const char *option, const char *text, unsigned *out)
{
	char *end;
	unsigned long n;

	if (!text)
		return 0;
	n = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || !n || n > INT_MAX) {
		log_error("--%s takes a number from 1 on, not '%s'", option, text);
		return -EINVAL;
	}
	*out = n;
	return 0;
}

volatile sig_atomic_t asked_to_stop;

static void on_signal(int number)
{
	(void)number;
	asked_to_stop = 1;
}

void stop_when_asked(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
}

int read_count(const struct call *call, unsigned *out)
{
	return read_positive("count", call->count, out);
}

int read_port(const char *text, uint16_t *out)
{
	char *end;
	long value = text ? strtol(text, &end, 10) : 0;

	if (text && (!isdigit((unsigned char)*text) || *end || value < 1 || value > 65535)) {
		log_error("'%s' is no port number", text);
		return EXIT_USAGE;
	}
	*out = value;
	return 0;
}

int read_time(const char *option, const char *text, uint64_t *out)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = {{"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
	char *end;
	double value;

	if (!text)
		return 0;
	value = strtod(text, &end);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (end != text && !strcmp(end, units[i].unit) && value * units[i].ns >= 1e5 && value < 1e5) {
			*out = (uint64_t)(value * units[i].ns);
			return 0;
		}
	}
	log_error("--%s takes a time of 0.1ms or more, as 1ms or 200s, not '%s'", option, text);
	return EXIT_USAGE;
}

/* At most a byte more than a topology may have: the parser says that it is too large. */
static int slurp(const char *file, char **out, size_t *size)
{
	FILE *in = fopen(file, "re");
	char *text;
	int err;

	if (!in)
		return -errno;
	text = xcalloc(1, TOPO_MAX_BYTES + 2);
	*size = fread(text, 1, TOPO_MAX_BYTES + 1, in);
	err = ferror(in) ? -errno : 0;
	fclose(in);
	if (err)
		free(text);
	else
		*out = text;
	return err;
}

struct lab *parse_lab(const char *file, struct diags *diags, int *code)
{
	size_t size = 0;
	char *text = NULL;
	struct lab *lab;
	int err = slurp(file, &text, &size);

	if (err) {
		log_error("cannot read '%s': %s", file, strerror(-err));
		*code = EXIT_REFUSED;
		return NULL;
	}
	lab = lab_parse(text, size, diags);
	free(text);
	*code = EXIT_INVALID;
	return lab;
}

struct lab *read_lab(const char *file, int *code)
{
	struct diags diags = {};
	struct lab *lab = parse_lab(file, &diags, code);

	diags_print(&diags, file, stderr);
	diags_free(&diags);
	return lab;
}

int name_of_lab(const char *asked, char out[static 256])
{
	struct error e = {};

	return lab_default_name(asked, out, &e) ? refuse(&e) : 0;
}

/* A lab that only parts are there of is told as such, not as one without a controller. */
static int is_loaded(const char *name, struct error *e)
{
	char path[512];

	lab_run_path(name, "topology.yaml", path);
	if (!access(path, F_OK))
		return 0;
	if (errno != ENOENT)
		return error_set(e, -errno, "cannot look at lab '%s': %s%s", name, strerror(errno),
				 errno == EACCES ? "; run as root" : "");
	return error_set(e, -ENOENT, "lab '%s' is not loaded; run 'erxdpctl load FILE'", name);
}

/* Whether a controller listens and has heard of all that ended before now. */
static int hear_controller(const char *name, struct error *e)
{
	cJSON *request = cJSON_CreateObject(), *answer = NULL;
	int err;

	cJSON_AddStringToObject(request, "do", "status");
	err = controller_ask(name, false, request, NULL, NULL, &answer, e);
	cJSON_Delete(answer);
	return err;
}

int put_back_loans(const char *name)
{
	bool dead = !controller_pid(name);
	struct error e = {};
	/* None is started while the lab is loaded or unloaded, which end it. */
	int turn = dead ? lab_turn(name, false, &e) : -1, err = dead && turn < 0 ? turn : is_loaded(name, &e);

	if (!err)
		err = controller_ensure(name, &e);
	if (!err)
		err = hear_controller(name, &e);
	if (err && err != -ENOENT)
		log_error("FastPath of lab '%s' may not be as it was before a comparison: %s", name, e.text);
	else if (dead && !err)
		log_info("FastPath of lab '%s' is again as it was before a comparison that has not ended in order",
			 name);
	lab_unlock(turn);
	return err == -ENOENT ? 0 : err;
}

struct lab *open_lab(const char *asked)
{
	struct lab *lab = NULL;
	struct error e = {};
	char name[256];
	int err;

	if (name_of_lab(asked, name))
		return NULL;
	err = lab_open_now(name, &lab, &e);
	if (!err && lab_has_loans(lab)) {
		put_back_loans(name);
		lab_free(lab);
		lab = NULL;
		err = lab_open_now(name, &lab, &e);
	}
	if (err)
		refuse(&e);
	return lab;
}

/* --- The controller ---------------------------------------------------------------------------------------------- */

static int said(const cJSON *answer)
{
	const cJSON *error = cJSON_GetObjectItem(answer, "error"), *code = cJSON_GetObjectItem(answer, "code");
	const cJSON *text = cJSON_GetObjectItem(answer, "text");

	if (cJSON_IsTrue(cJSON_GetObjectItem(answer, "ok"))) {
		log_info("%s", cJSON_IsString(text) ? text->valuestring : "done");
		return EXIT_DONE;
	}
	log_error("%s", cJSON_IsString(error) ? error->valuestring : "the controller has refused");
	return cJSON_IsNumber(code) ? (int)code->valuedouble : EXIT_REFUSED;
}

int order(const char *name, cJSON *request)
{
	cJSON *answer = NULL;
	struct error e = {};
	int err = is_loaded(name, &e), code;

	if (!err)
		err = controller_ensure(name, &e);
	if (err) {
		cJSON_Delete(request);
		return refuse(&e);
	}
	if (controller_ask(name, true, request, NULL, NULL, &answer, &e))
		return refuse(&e);
	code = said(answer);
	cJSON_Delete(answer);
	return code;
}

void print_event_line(const cJSON *event)
{
	const cJSON *time = cJSON_GetObjectItem(event, "time"), *kind = cJSON_GetObjectItem(event, "event");
	const cJSON *text = cJSON_GetObjectItem(event, "text");

	if (cJSON_IsString(time) && cJSON_IsString(kind) && cJSON_IsString(text))
		printf("%s  %-16s %s\n", time->valuestring, kind->valuestring, text->valuestring);
}

static bool until_maintained(void *arg, const cJSON *event)
{
	const cJSON *kind = cJSON_GetObjectItem(event, "event"), *state = cJSON_GetObjectItem(event, "state");
	int *code = arg;

	if (!cJSON_IsString(kind) || strcmp(kind->valuestring, "maintenance") || !cJSON_IsString(state))
		return true;
	print_event_line(event);
	fflush(stdout);
	if (!strcmp(state->valuestring, "aborted"))
		*code = EXIT_REFUSED;
	else if (!strcmp(state->valuestring, "done"))
		*code = EXIT_DONE;
	else
		return true;
	return false;
}

int order_and_watch(const char *name, cJSON *request)
{
	int code = EXIT_REFUSED, err;
	cJSON *answer = NULL;
	struct error e = {};

	if (is_loaded(name, &e) || controller_ensure(name, &e)) {
		cJSON_Delete(request);
		return refuse(&e);
	}
	err = controller_listen(name, 0, true, request, &answer, until_maintained, &code, &e);
	if (answer && !cJSON_IsTrue(cJSON_GetObjectItem(answer, "ok")))
		code = said(answer);
	else if (err)
		code = refuse(&e);
	cJSON_Delete(answer);
	return code;
}

bool is_lab_name(const char *name)
{
	if (*name && !strpbrk(name, "./"))
		return true;
	log_error("'%s' is no name of a lab", name);
	return false;
}

const struct host *find_host(const struct lab *lab, const char *name)
{
	struct host as;
	const struct host *found = find_host_as(lab, name, &as);

	return found ? &lab->fabric->hosts.items[found->index] : NULL;
}

const struct host *find_host_as(const struct lab *lab, const char *name, struct host *as)
{
	const struct host *found = fabric_host_as(lab->fabric, name, as);
	VEC(const char *) names = {};
	const char *guess;

	if (found)
		return found;
	vec_each(h, &lab->fabric->hosts)
		vec_push(&names, h->name);
	vec_push(&names, NULL);
	guess = did_you_mean(name, names.items);
	if (guess)
		log_error("lab '%s' has no host '%s' (did you mean '%s'?)", lab->topo->name, name, guess);
	else
		log_error("lab '%s' has no host '%s'; 'erxdpctl status' lists them", lab->topo->name, name);
	vec_free(&names);
	return NULL;
}
