// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A change reaches the maps in such an order that every packet has a way meanwhile. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "twin.h"

#define ROUNDS	    100
#define OTHER_TABLE 1000 /* numbers further, where no table is */

TestSuite(change, .init = twin_load_plain, .fini = twin_unload, .timeout = 120);

/* A process that runs the frame for ever, or ends with the outcome that is none of a packet on its way. */
static pid_t keep_arriving(uint32_t port, const struct frame *f)
{
	pid_t pid = fork();
	struct result r = {};

	cr_assert_geq(pid, 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* not longer than a test that fails */
	do {
		run(port, f, &r);
	} while (r.outcome == ERX_forwarded);
	_exit(r.outcome);
}

static void move_table(struct image *image, uint32_t from, uint32_t to)
{
	vec_each(r, &image->routes) {
		if (r->table == from)
			r->table = to;
	}
	vec_each(p, &image->ports) {
		if (p->entry.table == from)
			p->entry.table = to;
	}
}

static void apply(void)
{
	struct dp_changes changes;
	struct error e = {};

	cr_assert_eq(dp_apply(twin.dp, twin.lab->image, false, &changes, &e), 0, "%s", e.text);
	cr_expect_gt(changes.ports, 0);
}

/* As when a hub gets a third peering: its ports use a table that was not there, and the old one goes. */
Test(change, ports_change_to_another_table)
{
	uint32_t port = port_at("hub", "spoke"), table = image_port(port)->entry.table;
	struct image *image = twin.lab->image;
	struct frame f;
	int status = 0;
	pid_t pid, ended = 0;

	packet_at(&f, port, &(struct spec){.src = "10.11.30.4", .dst = "10.2.30.10", .protocol = UDP});
	pid = keep_arriving(port, &f);
	for (unsigned i = 0; i < ROUNDS && !ended; i++) {
		move_table(image, table, table + OTHER_TABLE);
		apply();
		move_table(image, table + OTHER_TABLE, table);
		apply();
		ended = waitpid(pid, &status, WNOHANG);
	}
	if (!ended) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	cr_expect(!ended && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "a packet meanwhile: %s",
		  outcome_name(WEXITSTATUS(status)));
}
