// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* erxdp-wire: delays the packets of one lab's wires; started by 'erxdpctl load' and by the controller. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lab/lab.h"
#include "lab/process.h"
#include "lib/log.h"
#include "lib/version.h"
#include "wire/wire.h"

struct ours {
	const char *lab;
	struct dp *dp;
};

static int in_fabric(void *arg, int (*fn)(void *), void *fn_arg, struct error *e)
{
	struct ours *o = arg;
	char fabric[256];

	lab_fabric_namespace(o->lab, fabric);
	return net_call(fabric, fn, fn_arg, e);
}

static int open_maps(void *arg, struct error *e)
{
	struct ours *o = arg;

	dp_close(o->dp);
	o->dp = NULL;
	return dp_open(o->lab, false, &o->dp, e);
}

static int place(void *arg, uint32_t end, int socket, struct error *e)
{
	struct ours *o = arg;

	return dp_place_socket(o->dp, end, socket, e);
}

static int64_t passed(void *arg, uint32_t end, uint32_t port)
{
	struct ours *o = arg;

	return dp_wire_passed(o->dp, end, port);
}

static int64_t sent(void *arg, uint32_t end, uint32_t port)
{
	struct ours *o = arg;

	return dp_wire_sent(o->dp, end, port);
}

static volatile int stop;

static void ask_to_stop(int signal)
{
	(void)signal;
	stop = 1;
}

static int run(const char *lab)
{
	struct ours ours = {.lab = lab};
	const struct wire_host host = {&ours, in_fabric, open_maps, place, passed, sent};
	struct sigaction action = {.sa_handler = ask_to_stop};
	struct error e = {};
	char directory[512];
	int claim = process_claim(lab, WIRE_LOCK, "wire process", &e), err = claim;

	if (claim >= 0) {
		sigaction(SIGTERM, &action, NULL);
		sigaction(SIGINT, &action, NULL);
		signal(SIGHUP, SIG_IGN);
		lab_run_path(lab, "", directory);
		err = wire_run(directory, &host, &stop, &e);
		dp_close(ours.dp);
		close(claim);
	}
	if (err < 0)
		log_error("%s", e.text);
	return err < 0;
}

int main(int argc, char **argv)
{
	bool asks = argc == 2 && !strcmp(argv[1], "--help");

	if (argc == 2 && !strcmp(argv[1], "--version")) {
		printf("erxdp-wire %s\n", erxdp_version);
		return 0;
	}
	if (argc != 2 || asks || !*argv[1] || strpbrk(argv[1], "./") || *argv[1] == '-') {
		fprintf(asks ? stdout : stderr,
			"usage: erxdp-wire LAB\n\n"
			"Delays, loses and paces packets on the wires of a loaded lab. 'erxdpctl load' and the lab's\n"
			"controller start it; 'erxdpctl impair show' tells what it does.\n");
		return asks ? 0 : 2;
	}
	return run(argv[1]);
}
