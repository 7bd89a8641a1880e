// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The wire process is nobody's child for good: whoever has found it missing has
 * started it. The controller watches over it by number, and starts another when
 * it dies; while there is none the programs drop what is to cross a wire.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/controller.h"
#include "lab/wires.h"
#include "lib/log.h"

#define RETRY_NS 1000000000ull /* one that ends at once would do so again */

void wires_unwatch(struct controller *c)
{
	if (c->wires >= 0)
		close(c->wires);
	c->wires = -1;
	c->wires_at = 0;
}

static void try_later(struct controller *c, const struct error *e)
{
	log_error("%s", e->text);
	event(c, "error", c->name, NULL, "%s", e->text);
	c->wires_at = clock_now() + RETRY_NS;
}

void wires_watch(struct controller *c)
{
	struct epoll_event readable = {.events = EPOLLIN, .data.ptr = &c->wires};
	struct error e = {};
	pid_t pid;

	wires_unwatch(c);
	if (wires_ensure(c->name, &pid, &e)) {
		try_later(c, &e);
		return;
	}
	if (!pid)
		return;
	c->wires = pidfd_open(pid, 0);
	if (c->wires >= 0 && !epoll_ctl(c->epoll, EPOLL_CTL_ADD, c->wires, &readable))
		return;
	error_set(&e, -errno, "cannot watch over the wire process %d of lab '%s': %s", pid, c->name, strerror(errno));
	wires_unwatch(c);
	try_later(c, &e);
}

void wires_died(struct controller *c)
{
	struct pollfd told = {.fd = c->wires, .events = POLLIN};
	int status;
	pid_t pid;

	/* What was told is of one that has been replaced since. */
	if (poll(&told, 1, 0) <= 0)
		return;
	wires_unwatch(c);
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		server_child_ended(c, pid, status);
	/* Ended on purpose, when the last wire has gone or a load has replaced it. */
	if (wires_pid(c->name))
		return;
	event(c, "wires", c->name, NULL, "the wire process has died: packets on wires are dropped and counted");
	c->wires_at = clock_now();
}

uint64_t wires_due(const struct controller *c)
{
	return c->wires_at ? c->wires_at : UINT64_MAX;
}

void wires_work(struct controller *c)
{
	struct error e = {};

	if (!c->wires_at || clock_now() < c->wires_at)
		return;
	if (follow_lock(c, &e)) {
		c->wires_at = clock_now() + RETRY_NS;
		return;
	}
	wires_watch(c);
	if (c->wires >= 0)
		event(c, "wires", c->name, NULL, "the wire process was started again");
	follow_unlock(c);
}

uint64_t wires_grace(const struct controller *c, const struct link *l)
{
	uint64_t most = 0;

	for (int from = 0; from < 2 && c->lab->wired[l->index]; from++) {
		struct line_params p = lab_line(c->lab, l->index, from);
		uint64_t ns = p.delay_ns + p.jitter_ns + (p.rate_bps ? LINE_QUEUE_NS : 0);

		most = ns > most ? ns : most;
	}
	return most;
}

/* Whether the links that are wires are those of the image. */
static bool same_wires(const struct controller *c)
{
	size_t n = 0;

	vec_each(l, &c->lab->fabric->links)
		n += c->lab->wired[l->index];
	if (c->half_remade || !c->way->image || n != c->way->image->wires.n)
		return false;
	vec_each(w, &c->way->image->wires) {
		if (!c->lab->wired[w->link])
			return false;
	}
	return true;
}

/* Links become wires or cease to be: interfaces are made anew, the long way. */
static int remake(struct controller *c, struct error *e)
{
	struct lab_changes changes;
	int err = lab_compute(c->lab, e);

	if (!err) {
		err = lab_apply(c->lab, NULL, false, &changes, e);
		c->half_remade = err;
	}
	lab_forget_routes(c->lab);
	lab_switch_forget(c->way);
	return err ? err : watch_again(c, e);
}

int wires_follow(struct controller *c, struct error *e)
{
	unsigned changed;
	int err;

	if (same_wires(c))
		err = wires_make(c->lab, c->way->image, (struct wires_how){}, &changed, e);
	else
		err = remake(c, e);
	wires_watch(c);
	return err;
}
