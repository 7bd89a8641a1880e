// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* status: what is loaded. */
#include "obs/status.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "daemon/client.h"
#include "lab/wires.h"
#include "lib/log.h"
#include "obs/print.h"

static void show_parts(const char *name, int err, const struct error *e, cJSON *list)
{
	cJSON *item = list ? cJSON_CreateObject() : NULL;

	if (err == -ENOENT)
		log_error("of lab '%s' only parts are there, as after a load that was cut short: 'erxdpctl load' with "
			  "its file completes it, 'erxdpctl unload %s' removes them",
			  name, name);
	else
		log_error("of lab '%s' only parts are there: %s", name, e->text);
	if (!item)
		return;
	cJSON_AddStringToObject(item, "lab", name);
	cJSON_AddBoolToObject(item, "damaged", true);
	cJSON_AddItemToArray(list, item);
}

/* Under its lock: a lab that is just being made is no damaged one. */
static int read_locked(const char *name, struct lab **lab, net_states *states, struct error *e)
{
	int lock = lab_lock(name, false, false, e), err;
	struct error unread = {};
	char fabric[256];

	if (lock < 0)
		return lock;
	err = lab_open(name, lab, e);
	lab_fabric_namespace(name, fabric);
	if (!err && net_states_read(fabric, states, &unread))
		log_verbose("%s", unread.text);
	lab_unlock(lock);
	return err;
}

static bool is_there(const char *name)
{
	net_names names = {};
	bool found = false;

	lab_names(&names);
	vec_each(n, &names) {
		found = found || !strcmp(name, *n);
		free(*n);
	}
	vec_free(&names);
	return found;
}

/* Whatever of the lab can still be read is shown; what is gone is said. Returns whether anything is there. */
static bool show_one(const char *name, cJSON *list)
{
	struct status_input in = {};
	struct error e = {};
	net_states states = {};
	struct lab *lab = NULL;
	load_list loads = {};
	struct dp *dp = NULL;
	pid_t pid;
	int err;

	err = read_locked(name, &lab, &states, &e);
	if (!err && lab_has_loans(lab)) {
		put_back_loans(name);
		lab_free(lab);
		vec_free(&states);
		lab = NULL;
		err = read_locked(name, &lab, &states, &e);
	}
	if (!err)
		err = lab_compute(lab, &e);
	if (err) {
		bool there = err != -ENOENT || is_there(name); /* or it was unloaded meanwhile */

		if (there)
			show_parts(name, err, &e, list);
		lab_free(lab);
		vec_free(&states);
		return there;
	}
	pid = controller_pid(name);
	err = lab_dp(lab, &dp, &e);
	if (err == -EPROTO)
		log_error("%s", e.text);
	else if (err)
		log_verbose("%s", e.text);
	if (dp && loads_watch(dp, lab->image, &loads))
		log_verbose("cannot read what circuits and gateways of lab '%s' carry", name);
	in = (struct status_input){.lab = lab,
				   .dp = dp,
				   .states = &states,
				   .controller = pid > 0 ? pid : 0,
				   .loads = &loads,
				   .wires = wires_pid(name)};
	in.unattached = dp ? dp_unattached(dp, lab->image) : 0;
	if (list)
		cJSON_AddItemToArray(list, status_json(&in));
	else
		status_print(&in, stdout);
	dp_close(dp);
	vec_free(&loads);
	vec_free(&states);
	lab_free(lab);
	return true;
}

int cmd_status(const struct call *call)
{
	cJSON *list = call->json ? cJSON_CreateArray() : NULL;
	bool found = !call->lab;
	net_names names = {};

	lab_names(&names);
	if (found && !names.n && !list)
		log_info("no lab is loaded; run 'erxdpctl load FILE'");
	vec_each(n, &names) {
		if (!call->lab || !strcmp(call->lab, *n))
			found = show_one(*n, list) || found;
		free(*n);
	}
	vec_free(&names);
	if (list) {
		cJSON *root = cJSON_CreateObject();

		cJSON_AddItemToObject(root, "labs", list);
		print_json(root);
	}
	if (!found)
		log_error("lab '%s' is not loaded; run 'erxdpctl load FILE'", call->lab);
	return found ? EXIT_DONE : EXIT_REFUSED;
}
