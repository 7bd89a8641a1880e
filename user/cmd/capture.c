// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* capture: what the programs handle, as pcapng. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "lib/log.h"
#include "obs/pcapng.h"

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

/* The ring has one reader: whoever holds the lock on its pin. */
static int run(struct lab *lab, const index_list *in, const index_list *out, FILE *file, unsigned long most)
{
	struct pcapng *writer;
	struct error e = {};
	struct dp *dp;
	int err;

	if (lab_dp(lab, &dp, &e))
		return refuse(&e);
	writer = pcapng_new(lab->image, file, most);
	err = dp_capture(dp, in, out, pcapng_record, writer, &stop, &e);
	log_info("%lu packets captured", pcapng_free(writer));
	dp_close(dp);
	return err ? refuse(&e) : EXIT_DONE;
}

int cmd_capture(const struct call *call)
{
	index_list in = {}, out = {};
	struct lab *lab;
	FILE *file = NULL;
	int code = EXIT_REFUSED;
	unsigned count = 0;

	if (read_count(call, &count))
		return EXIT_USAGE;
	if (!call->write) {
		log_error("capture needs -w FILE, or -w - for standard output");
		return EXIT_USAGE;
	}
	lab = open_lab(call->lab);
	if (!lab)
		return EXIT_REFUSED;
	if (choose_ports(lab, call->argv[0], &in, &out)) {
		code = unknown(lab, call->argv[0]);
	} else {
		file = strcmp(call->write, "-") ? fopen(call->write, "we") : stdout;
		if (!file)
			log_error("cannot write '%s': %m", call->write);
	}
	if (file) {
		struct sigaction action = {.sa_handler = on_signal};

		sigaction(SIGINT, &action, NULL);
		sigaction(SIGTERM, &action, NULL);
		sigaction(SIGPIPE, &action, NULL);
		code = run(lab, &in, &out, file, count);
		if (file != stdout && fclose(file))
			code = EXIT_REFUSED;
	}
	vec_free(&in);
	vec_free(&out);
	lab_free(lab);
	return code;
}
