// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* reach: packets between hosts, beside what the routes say. */
#include <stdio.h>
#include <time.h>

#include "cmd/cmd.h"
#include "lab/wires.h"
#include "lib/log.h"
#include "obs/print.h"
#include "obs/reach.h"

#define MANY_HOSTS 40 /* from here on it is said before how long it may take */

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/*
 * Hosts of one subnet ask ARP for each other, and the kernel's table of neighbours
 * is one for all namespaces: when it is full, packets are lost before they leave.
 */
static void warn_of_neighbours(const pings *list)
{
	FILE *in = fopen("/proc/sys/net/ipv4/neigh/default/gc_thresh3", "re");
	unsigned long room = 0;
	size_t neighbours = 0;

	if (in && fscanf(in, "%lu", &room) != 1)
		room = 0;
	if (in)
		fclose(in);
	vec_each(p, list) {
		struct prefix subnet = {.addr = p->from->addr, .len = p->from->prefixlen};

		subnet = prefix_network(&subnet);
		neighbours += prefix_has(&subnet, &p->to->addr);
	}
	if (room && neighbours > room)
		log_info("warning: %zu pairs share a subnet and need an ARP entry each, this machine holds %lu in all: "
			 "raise "
			 "net.ipv4.neigh.default.gc_thresh3, or packets are lost before they leave",
			 neighbours, room);
}

static void add_all_pairs(const struct lab *lab, pings *list)
{
	vec_each(from, &lab->fabric->hosts) {
		vec_each(to, &lab->fabric->hosts) {
			if (from != to)
				vec_push(list, ((struct ping){.from = from, .to = to}));
		}
	}
	if (lab->fabric->hosts.n > MANY_HOSTS)
		log_info("%zu pairs of %zu hosts, at most about %.1f s", list->n, lab->fabric->hosts.n,
			 lab_ping_longest_ms(lab, list->n) / 1e3);
	warn_of_neighbours(list);
}

/* as: room for the two hosts, as long as the list is used. */
static int add_pair(const struct lab *lab, const struct call *call, struct host as[2], pings *list)
{
	struct ping p = {.from = find_host_as(lab, call->argv[0], &as[0])};

	p.to = p.from ? find_host_as(lab, call->argv[1], &as[1]) : NULL;
	if (!p.to)
		return EXIT_USAGE;
	if (same_host(p.from, p.to)) {
		log_error("'%s' is one host: name two", p.from->name);
		return EXIT_USAGE;
	}
	vec_push(list, p);
	return 0;
}

static int survey(const struct lab *lab, const struct call *call, pings *list)
{
	double start = now_s();
	struct error e = {};
	struct reach r;
	int code;

	if (lab_ping(lab, list, &e))
		return refuse(&e);
	reach_compare(lab, list, now_s() - start, &r);
	r.wires_dead = wires_pid(lab->topo->name) == 0;
	if (call->json)
		print_json(reach_json(&r));
	else if (call->matrix)
		reach_print_matrix(&r, stdout);
	else
		reach_print_pair(&r, stdout);
	code = r.differ ? EXIT_INVALID : EXIT_DONE;
	reach_free(&r);
	return code;
}

int cmd_reach(const struct call *call)
{
	struct host as[2];
	struct lab *lab;
	pings list = {};
	int code = 0;

	if (call->argc != (call->matrix ? 0 : 2)) {
		log_error("reach takes either --matrix or two hosts");
		return EXIT_USAGE;
	}
	lab = open_lab(call->lab);
	if (!lab)
		return EXIT_REFUSED;
	if (call->matrix)
		add_all_pairs(lab, &list);
	else
		code = add_pair(lab, call, as, &list);
	if (!code)
		code = survey(lab, call, &list);
	vec_free(&list);
	lab_free(lab);
	return code;
}
