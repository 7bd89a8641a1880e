// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* fail, restore, fastpath: what changes the state of a loaded lab. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "lib/log.h"
#include "obs/print.h"

/* Compute and apply what has been asked for, keep it, and say what it took. */
static int commit(struct lab *lab, const char *what)
{
	struct lab_changes changes;
	struct error e = {};
	int err = lab_compute(lab, &e);

	if (!err)
		err = lab_apply_state(lab, &changes, &e);
	if (!err)
		err = lab_save(lab, &e);
	if (err)
		return refuse(&e);
	log_info("%s: %u next-hop groups written, %u routes", what, changes.dp.groups,
		 changes.dp.routes_added + changes.dp.routes_changed + changes.dp.routes_removed);
	return EXIT_DONE;
}

int cmd_fail(const struct call *call)
{
	int lock, err, code;
	struct lab *lab = open_lab_locked(call->lab, &lock);
	char what[256];

	if (!lab)
		return EXIT_REFUSED;
	err = lab_fail(lab, call->argv[0], call->silent);
	snprintf(what, sizeof(what), "%.200s %s", call->argv[0], call->silent ? "loses packets silently" : "is down");
	if (err == -ENOENT) {
		code = unknown_target(lab, call->argv[0]);
	} else if (err == -EALREADY) {
		log_info("%s already", what);
		code = EXIT_DONE;
	} else {
		code = commit(lab, what);
	}
	close(lock);
	lab_free(lab);
	return code;
}

static int restore(struct lab *lab, const char *target)
{
	index_list links = {};
	char what[256];
	int known = target ? target_links(lab->fabric, target, &links) : 0, taken;

	vec_free(&links);
	if (known)
		return unknown_target(lab, target);
	taken = lab_restore(lab, target);
	if (!taken) {
		log_info("%s has not failed; nothing to restore", target ? target : "anything");
		return EXIT_DONE;
	}
	snprintf(what, sizeof(what), "%.200s restored", target ? target : "everything");
	return commit(lab, what);
}

int cmd_restore(const struct call *call)
{
	int lock, code;
	struct lab *lab;

	if (!call->all == !call->argc) {
		log_error("restore takes a target or --all");
		return EXIT_USAGE;
	}
	lab = open_lab_locked(call->lab, &lock);
	if (!lab)
		return EXIT_REFUSED;
	code = restore(lab, call->all ? NULL : call->argv[0]);
	close(lock);
	lab_free(lab);
	return code;
}

/* --- fastpath ---------------------------------------------------------------------------------------------------- */

static int unknown_connection(const struct lab *lab, const char *name)
{
	VEC(const char *) names = {};
	const char *guess;

	vec_each(c, &lab->topo->connections) {
		if (c->type == CONNECTION_EXPRESSROUTE)
			vec_push(&names, c->name);
	}
	vec_push(&names, NULL);
	guess = did_you_mean(name, names.items);
	if (guess)
		log_error("lab '%s' has no ExpressRoute connection '%s' (did you mean '%s'?)", lab->topo->name, name,
			  guess);
	else
		log_error("lab '%s' has no ExpressRoute connection '%s'", lab->topo->name, name);
	vec_free(&names);
	return EXIT_USAGE;
}

/* The first rule that forbids the bypass; NULL: none does (azure.md 5). */
static const char *forbidden_by(const struct connection *c)
{
	if (!gateway_can_fastpath(c->gateway))
		return "the SKU of its gateway has no FastPath; UltraPerformance, ErGw3AZ or ErGwScale from 10 units "
		       "has";
	return NULL;
}

static cJSON *fastpath_json(const struct lab *lab, const struct connection *c)
{
	bool on = lab->fastpath[c - lab->topo->connections.items];
	const char *why = forbidden_by(c);
	cJSON *item = cJSON_CreateObject();

	cJSON_AddStringToObject(item, "connection", c->name);
	cJSON_AddBoolToObject(item, "expressRouteGatewayBypass", on);
	cJSON_AddBoolToObject(item, "effective", on && !why);
	if (why)
		cJSON_AddStringToObject(item, "forbiddenBy", why);
	return item;
}

static void fastpath_print(const struct lab *lab, const struct connection *c)
{
	bool on = lab->fastpath[c - lab->topo->connections.items];
	const char *why = forbidden_by(c);

	printf("%s: FastPath is %s%s%s\n", c->name, on ? "on" : "off", why ? "; not possible: " : "", why ? why : "");
	printf("  packets from '%s' to the VMs of '%s' go %s '%s'%s\n", c->circuit->name, c->gateway->vnet->name,
	       on && !why ? "past" : "through", c->gateway->name,
	       on && !why ? "; to its peered spokes they go through it" : "");
}

/* One connection, or all of them. */
static int fastpath_status(const struct lab *lab, const struct connection *only, bool json)
{
	cJSON *list = json ? cJSON_CreateArray() : NULL;

	vec_each(c, &lab->topo->connections) {
		if (c->type != CONNECTION_EXPRESSROUTE || (only && c != only))
			continue;
		if (json)
			cJSON_AddItemToArray(list, fastpath_json(lab, c));
		else
			fastpath_print(lab, c);
	}
	if (json && only)
		print_json(cJSON_DetachItemFromArray(list, 0));
	else if (json)
		print_json(list);
	if (json && only)
		cJSON_Delete(list);
	return EXIT_DONE;
}

static int fastpath_switch(struct lab *lab, const struct connection *c, bool on)
{
	const char *why = forbidden_by(c);
	char what[256];

	if (on && why) {
		log_error("FastPath cannot be on for '%s': %s", c->name, why);
		return EXIT_INVALID;
	}
	lab->fastpath[c - lab->topo->connections.items] = on;
	snprintf(what, sizeof(what), "%.80s: FastPath is %s", c->name, on ? "on" : "off");
	return commit(lab, what);
}

static int fastpath_named(struct lab *lab, const struct call *call)
{
	const char *verb = call->argv[0];
	const struct connection *c = topo_connection(lab->topo, call->argv[1]);

	if (!c || c->type != CONNECTION_EXPRESSROUTE)
		return unknown_connection(lab, call->argv[1]);
	if (!strcmp(verb, "status"))
		return fastpath_status(lab, c, call->json);
	return fastpath_switch(lab, c, !strcmp(verb, "on"));
}

int cmd_fastpath(const struct call *call)
{
	const char *verb = call->argv[0];
	bool change = !strcmp(verb, "on") || !strcmp(verb, "off");
	int lock = -1, code;
	struct lab *lab;

	if (!change && strcmp(verb, "status")) {
		log_error("fastpath takes on, off or status, not '%s'", verb);
		return EXIT_USAGE;
	}
	if (change && call->argc < 2) {
		log_error("fastpath %s needs a connection; 'erxdpctl fastpath status' lists them", verb);
		return EXIT_USAGE;
	}
	lab = change ? open_lab_locked(call->lab, &lock) : open_lab(call->lab);
	if (!lab)
		return EXIT_REFUSED;
	code = call->argc < 2 ? fastpath_status(lab, NULL, call->json) : fastpath_named(lab, call);
	if (lock >= 0)
		close(lock);
	lab_free(lab);
	return code;
}
