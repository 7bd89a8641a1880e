// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* compare: latency with FastPath off and on. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "daemon/borrow.h"
#include "lib/log.h"
#include "obs/compare.h"
#include "obs/plot.h"
#include "obs/print.h"

#define COUNT	    100
#define BLOCK	    10
#define INTERVAL_NS 20000000 /* so that a run takes some four seconds */
#define LONG_S	    1.0	     /* from here on it is said before how long it takes */

/* --- What was typed ------------------------------------------------------------------------------------------------
 */

static int read_options(const struct call *call, struct meter_plan *plan)
{
	*plan = (struct meter_plan){.count = COUNT, .block = BLOCK, .interval_ns = INTERVAL_NS, .stop = &asked_to_stop};
	if (call->json && call->csv) {
		log_error("--json and --csv exclude each other");
		return EXIT_USAGE;
	}
	if (read_count(call, &plan->count) || read_positive("block", call->block, &plan->block) ||
	    read_time("interval", call->interval, &plan->interval_ns))
		return EXIT_USAGE;
	if (plan->count <= METER_MOST_PAIRS)
		return 0;
	log_error("--count is at most %u: each sample of a side has a source port of its own", METER_MOST_PAIRS);
	return EXIT_USAGE;
}

/* "DST[:PORT]": cuts the port off. */
static int read_ends(const struct lab *lab, const struct call *call, struct host *to, struct meter_plan *plan)
{
	char *colon = strrchr(call->argv[1], ':');

	if (colon && read_port(colon + 1, &plan->port))
		return EXIT_USAGE;
	if (colon)
		*colon = '\0';
	plan->from = find_host(lab, call->argv[0]);
	plan->to = plan->from ? find_host_as(lab, call->argv[1], to) : NULL;
	if (!plan->to)
		return EXIT_USAGE;
	if (!same_host(plan->from, plan->to))
		return 0;
	log_error("'%s' is one host: name two", plan->from->name);
	return EXIT_USAGE;
}

/* --- What is printed -----------------------------------------------------------------------------------------------
 */

static void plot_script(const void *arg, FILE *out)
{
	compare_plot(arg, out);
}

static int report(const struct call *call, const struct comparison *c, struct plot *plot)
{
	struct error e = {};

	if (call->json)
		print_json(compare_json(c));
	else if (call->csv)
		compare_csv(c, stdout);
	else
		compare_print(c, stdout);
	if (call->svg && plot_write(plot, plot_script, c, &e))
		return refuse(&e);
	return EXIT_DONE;
}

static void say_put_back(const struct lab *lab, const struct bypass *bypass)
{
	vec_each(c, &bypass->connections)
		log_info("%s: FastPath is %s again", (*c)->name,
			 lab->fastpath[*c - lab->topo->connections.items] ? "on" : "off");
}

/* --- Doing it ------------------------------------------------------------------------------------------------------
 */

static int measure(const struct lab *lab, struct meter_plan *plan, const struct bypass *bypass,
		   struct meter_result *out)
{
	double takes_s = 2.0 * plan->count * plan->interval_ns / 1e9;
	struct borrowed *borrowed = NULL;
	VEC(const char *) names = {};
	struct error e = {}, again = {};
	int err;

	vec_each(c, &bypass->connections)
		vec_push(&names, (*c)->name);
	if (takes_s > LONG_S)
		log_info("measuring for about %.1f s", takes_s);
	stop_when_asked();
	err = borrow_begin(lab->topo->name, names.items, names.n, &borrowed, &e);
	plan->turn = borrow_turn;
	plan->arg = borrowed;
	if (!err)
		err = lab_meter(lab, plan, out, &e);
	vec_free(&names);
	if (err == -EINTR)
		error_set(&e, err, "ended after %zu of %u samples", out->samples.n, plan->count * 2 * N_METER_KINDS);
	if (borrow_end(borrowed, &again))
		put_back_loans(lab->topo->name);
	else if (borrowed)
		say_put_back(lab, bypass);
	return err ? refuse(&e) : 0;
}

/* What was measured until somebody ended it is printed, too, as ping and PsPing do. */
static int compare_plotted(const struct call *call, const struct lab *lab, struct meter_plan *plan,
			   const struct bypass *bypass, struct plot *plot)
{
	struct meter_result measured = {};
	struct comparison comparison;
	int code = measure(lab, plan, bypass, &measured);

	if (!code || (asked_to_stop && measured.samples.n)) {
		compare_make(lab, plan, &measured, bypass, &comparison);
		code = report(call, &comparison, plot) ? EXIT_REFUSED : code;
		compare_free(&comparison);
	}
	meter_result_free(&measured);
	return code;
}

static int compare(const struct call *call, const struct lab *lab, struct meter_plan *plan)
{
	struct plot plot = {.fd = -1};
	struct bypass bypass;
	struct error e = {};
	int code;

	if (bypass_find(lab, plan->from, plan->to, plan->port, &bypass, &e)) {
		log_error("nothing to compare: %s", e.text);
		code = EXIT_INVALID;
	} else if (call->svg && plot_open(call->svg, &plot, &e)) {
		code = refuse(&e);
	} else {
		code = compare_plotted(call, lab, plan, &bypass, &plot);
	}
	plot_cancel(&plot);
	bypass_free(&bypass);
	return code;
}

int cmd_compare(const struct call *call)
{
	struct meter_plan plan;
	struct lab *lab;
	struct host to;
	int code = read_options(call, &plan);

	if (code)
		return code;
	lab = open_lab(call->lab);
	if (!lab)
		return EXIT_REFUSED;
	code = read_ends(lab, call, &to, &plan);
	if (!code)
		code = compare(call, lab, &plan);
	lab_free(lab);
	return code;
}
