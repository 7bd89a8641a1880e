// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* fail, restore, fastpath: what changes the state of a loaded lab. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "lib/log.h"
#include "obs/fastpath.h"
#include "obs/print.h"

static cJSON *request_to(const char *what)
{
	cJSON *request = cJSON_CreateObject();

	cJSON_AddStringToObject(request, "do", what);
	return request;
}

/* The options exclude each other. */
static const char *how_to_fail(const struct call *call)
{
	int n = call->silent + call->maintenance + (call->layer != NULL);

	if (n > 1) {
		log_error("--silent, --layer and --maintenance exclude each other");
		return NULL;
	}
	if (call->layer && strcmp(call->layer, "arp") && strcmp(call->layer, "bgp")) {
		log_error("--layer is arp or bgp, not '%s'", call->layer);
		return NULL;
	}
	return call->layer ? call->layer : call->maintenance ? "maintenance" : call->silent ? "silent" : "down";
}

int cmd_fail(const struct call *call)
{
	const char *how = how_to_fail(call);
	cJSON *request;
	char name[256];

	if (!how)
		return EXIT_USAGE;
	if (name_of_lab(call->lab, name))
		return EXIT_REFUSED;
	request = request_to("fail");
	cJSON_AddStringToObject(request, "target", call->argv[0]);
	cJSON_AddStringToObject(request, "how", how);
	return call->maintenance ? order_and_watch(name, request) : order(name, request);
}

int cmd_restore(const struct call *call)
{
	cJSON *request;
	char name[256];

	if (!call->all == !call->argc) {
		log_error("restore takes a target or --all");
		return EXIT_USAGE;
	}
	if (name_of_lab(call->lab, name))
		return EXIT_REFUSED;
	request = request_to("restore");
	if (!call->all)
		cJSON_AddStringToObject(request, "target", call->argv[0]);
	return order(name, request);
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

/* Somebody compares, and will put the switch back. */
static const struct loan *loan_of(const struct lab *lab, const struct connection *c)
{
	return &lab->loans[c - lab->topo->connections.items];
}

static cJSON *status_json_of(const struct lab *lab, const struct connection *c)
{
	cJSON *item = fastpath_json(lab->topo, lab->fastpath, c);

	if (loan_of(lab, c)->lent)
		cJSON_AddBoolToObject(item, "goesBackTo", loan_of(lab, c)->was_on);
	return item;
}

static void status_print_of(const struct lab *lab, const struct connection *c)
{
	fastpath_print(lab->topo, lab->fastpath, c, stdout);
	if (loan_of(lab, c)->lent)
		printf("  lent to a comparison; %s again after it\n", loan_of(lab, c)->was_on ? "on" : "off");
}

/* One connection, or all of them. */
static int fastpath_status(const struct lab *lab, const struct connection *only, bool json)
{
	cJSON *list = json ? cJSON_CreateArray() : NULL;
	bool any = false;

	vec_each(c, &lab->topo->connections) {
		if (c->type != CONNECTION_EXPRESSROUTE || (only && c != only))
			continue;
		any = true;
		if (json)
			cJSON_AddItemToArray(list, status_json_of(lab, c));
		else
			status_print_of(lab, c);
	}
	if (json && only)
		print_json(cJSON_DetachItemFromArray(list, 0));
	else if (json)
		print_json(list);
	if (json && only)
		cJSON_Delete(list);
	if (!any)
		log_info("lab '%s' has no ExpressRoute connection", lab->topo->name);
	return EXIT_DONE;
}

static int fastpath_switch(const struct lab *lab, const struct connection *c, bool on)
{
	cJSON *request;
	char why[256];

	if (on && fastpath_impossible(lab->topo, c, why, sizeof(why))) {
		log_error("FastPath cannot be on for '%s': %s", c->name, why);
		return EXIT_INVALID;
	}
	request = request_to("fastpath");
	cJSON_AddStringToObject(request, "connection", c->name);
	cJSON_AddBoolToObject(request, "on", on);
	return order(lab->topo->name, request);
}

static int fastpath_named(const struct lab *lab, const struct call *call)
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
	struct lab *lab;
	int code;

	if (!change && strcmp(verb, "status")) {
		log_error("fastpath takes on, off or status, not '%s'", verb);
		return EXIT_USAGE;
	}
	if (change && call->argc < 2) {
		log_error("fastpath %s needs a connection; 'erxdpctl fastpath status' lists them", verb);
		return EXIT_USAGE;
	}
	lab = open_lab(call->lab);
	if (!lab)
		return EXIT_REFUSED;
	code = call->argc < 2 ? fastpath_status(lab, NULL, call->json) : fastpath_named(lab, call);
	lab_free(lab);
	return code;
}
