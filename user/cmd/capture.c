// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* capture: what the programs handle, as pcapng. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cmd/cmd.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "obs/pcapng.h"

#define WAIT_MS	   100
#define SOON_NS	   50000000ull
#define MOST_STALE 50 /* in a row */

static volatile int stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

/* Which ports a name means: both ends of links (what leaves them, and what a host sends), all ports of a device. */
static int choose_ports(const struct lab *lab, const char *name, index_list *in, index_list *out)
{
	const struct device *d = fabric_device(lab->fabric, name);
	index_list links = {};

	vec_each(p, &lab->image->ports) {
		if (d && p->port->device == d->index) {
			vec_push(in, p->id);
			vec_push(out, p->id);
		}
	}
	if (d)
		return 0;
	vec_each(l, &lab->fabric->links) {
		if (!strcmp(l->name, name))
			vec_push(&links, l->index);
	}
	if (!links.n)
		target_links(lab->fabric, name, &links);
	vec_each(index, &links) {
		const struct link *l = &lab->fabric->links.items[*index];

		vec_push(out, lab->image->ports.items[l->ports[0]].id);
		if (l->ports[1] != NO_INDEX)
			vec_push(out, lab->image->ports.items[l->ports[1]].id);
		else
			vec_push(in, lab->image->ports.items[l->ports[0]].id);
	}
	vec_free(&links);
	return out->n ? 0 : -1;
}

static int unknown(const struct lab *lab, const char *name)
{
	VEC(const char *) names = {};
	const char *guess;

	vec_each(d, &lab->fabric->devices)
		vec_push(&names, d->name);
	vec_each(l, &lab->fabric->links)
		vec_push(&names, l->name);
	for (const char *const *target = target_names(lab->fabric); *target; target++)
		vec_push(&names, *target);
	vec_push(&names, NULL);
	guess = did_you_mean(name, names.items);
	if (guess)
		log_error("lab '%s' has no link or device '%s' (did you mean '%s'?)", lab->topo->name, name, guess);
	else
		log_error("lab '%s' has no link or device '%s'; 'erxdpctl status' lists them", lab->topo->name, name);
	vec_free(&names);
	return EXIT_USAGE;
}

/* A capture goes on when the lab is loaded anew: then its ports are looked for again, by name. */
struct work {
	const char *target;
	struct lab *lab;
	struct dp *dp;
	index_list in, out;
	struct pcapng *writer;
	uint64_t lost;
};

/* What the name means in the lab as it is now; returns an exit code. */
static int look(struct work *w)
{
	vec_free(&w->in);
	vec_free(&w->out);
	if (choose_ports(w->lab, w->target, &w->in, &w->out))
		return unknown(w->lab, w->target);
	return EXIT_DONE;
}

/* Until it is to end: -ECANCELED, or a reason. */
static int capture_once(struct work *w, struct error *e)
{
	struct dp_capture *capture = NULL;
	int err = lab_dp(w->lab, &w->dp, e);

	if (!err)
		err = dp_capture_begin(w->dp, w->lab->image, &w->in, &w->out, pcapng_record, w->writer, &capture, e);
	while (!err && !stop)
		err = dp_capture_read(capture, WAIT_MS, e);
	w->lost += dp_capture_end(capture);
	dp_close(w->dp);
	w->dp = NULL;
	return err;
}

/* The lab is being loaded: wait for it. Returns an exit code. */
static int look_again(struct work *w)
{
	char *name = xstrdup(w->lab->topo->name);
	struct lab *now = open_lab(name);

	free(name);
	if (!now)
		return EXIT_REFUSED;
	pcapng_follow(w->writer, now->image);
	lab_free(w->lab);
	w->lab = now;
	return look(w);
}

static int run(struct work *w, FILE *file, unsigned long most)
{
	int code = EXIT_DONE, err = -ESTALE;
	struct error e = {};

	w->writer = pcapng_new(w->lab->image, file, most);
	for (unsigned stale = 0; err == -ESTALE && code == EXIT_DONE && !stop;) {
		uint64_t before = clock_now();

		err = capture_once(w, &e);
		/* Only a load that was killed leaves maps that are not of the file that is kept. */
		stale = clock_now() - before < SOON_NS ? stale + 1 : 0;
		if (err != -ESTALE || stale == MOST_STALE)
			break;
		if (stale)
			nanosleep(&(struct timespec){.tv_nsec = WAIT_MS * 1000000}, NULL);
		code = look_again(w);
	}
	log_info("%lu packets captured", pcapng_free(w->writer));
	if (w->lost)
		log_info("%lu records are missing: they came faster than they could be written",
			 (unsigned long)w->lost);
	if (err && err != -ECANCELED && !stop && code == EXIT_DONE)
		return refuse(&e);
	return code;
}

int cmd_capture(const struct call *call)
{
	struct work w = {.target = call->argv[0]};
	FILE *file = NULL;
	int code = EXIT_REFUSED;
	unsigned count = 0;

	if (read_count(call, &count))
		return EXIT_USAGE;
	if (!call->write) {
		log_error("capture needs -w FILE, or -w - for standard output");
		return EXIT_USAGE;
	}
	w.lab = open_lab(call->lab);
	if (!w.lab)
		return EXIT_REFUSED;
	code = look(&w);
	if (code == EXIT_DONE) {
		file = strcmp(call->write, "-") ? fopen(call->write, "we") : stdout;
		if (!file) {
			log_error("cannot write '%s': %m", call->write);
			code = EXIT_REFUSED;
		}
	}
	if (file) {
		struct sigaction action = {.sa_handler = on_signal};

		sigaction(SIGINT, &action, NULL);
		sigaction(SIGTERM, &action, NULL);
		sigaction(SIGPIPE, &action, NULL);
		code = run(&w, file, count);
		if (file != stdout && fclose(file))
			code = EXIT_REFUSED;
	}
	vec_free(&w.in);
	vec_free(&w.out);
	lab_free(w.lab);
	return code;
}
