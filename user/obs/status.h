/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A lab as it is: hosts, devices, links with state and counters, what has failed. */
#ifndef ERX_OBS_STATUS_H
#define ERX_OBS_STATUS_H

#include <cjson/cJSON.h>
#include <stdio.h>
#include <sys/types.h>
#include "obs/load.h"

/* states: of the fabric's interfaces; empty when the namespace is gone. dp NULL: the programs are gone. */
struct status_input {
	const struct lab *lab;
	const struct dp *dp;
	const net_states *states;
	int controller;	     /* process id of the controller, 0 when none lives */
	unsigned unattached; /* ports without their program */
	const load_list *loads;
	pid_t wires; /* the process of wires; 0: dead; -1: there is no wire */
};

void status_print(const struct status_input *in, FILE *out);
cJSON *status_json(const struct status_input *in);

#endif
