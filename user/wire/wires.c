// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From a configuration to sockets. A wire that stays keeps its sockets and what is on its lines. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include "wire/internal.h"

static void free_line(struct delay_line *l, struct pool *p)
{
	uint32_t frame;

	while ((frame = line_pop(l, p->frames, UINT64_MAX)) != LINE_NONE)
		pool_put(p, frame);
}

static void wire_close(struct wires *w, struct wire *wire)
{
	for (int i = 0; i < 2; i++) {
		free_line(&wire->line[i], &w->pool);
		end_close(&wire->end[i], &w->pool);
	}
	free(wire->setting.name);
	free(wire);
}

void wires_close(struct wires *w)
{
	vec_each(wire, &w->list)
		wire_close(w, *wire);
	vec_free(&w->list);
	pool_close(&w->pool);
}

static bool is_same(const struct wire_setting *a, const struct wire_setting *b)
{
	return a->since == b->since && !strcmp(a->name, b->name) && !memcmp(a->end, b->end, sizeof(a->end)) &&
	       !memcmp(a->port, b->port, sizeof(a->port));
}

/* Those that are no longer wanted, and those whose interfaces are others now. */
static void close_obsolete(struct wires *w, const wire_settings *settings)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->list.n; i++) {
		struct wire *wire = w->list.items[i];
		bool keep = false;

		vec_each(s, settings)
			keep = keep || is_same(s, &wire->setting);
		if (keep && end_is_bound(&wire->end[0]) && end_is_bound(&wire->end[1]))
			w->list.items[kept++] = wire;
		else
			wire_close(w, wire);
	}
	w->list.n = kept;
}

/* Counts go on where the wire is the one that was counted; what was on it then was cut off. */
static void open_slot(struct wires *w, struct wire *wire, int i)
{
	struct wire_slot *slot = &w->stats->slots[wire->setting.end[i]];
	int64_t passed = w->host->passed(w->host->arg, wire->setting.end[i], wire->setting.port[!i]);

	if (slot->since == wire->setting.since) {
		slot->cut_off += passed - wire_accounted(slot);
	} else {
		memset(slot, 0, sizeof(*slot));
		slot->base = passed;
		slot->before = w->host->sent(w->host->arg, wire->setting.end[i], wire->setting.port[i]);
		slot->since = wire->setting.since;
	}
	wire->slot[i] = slot;
}

static int open_end(struct wires *w, struct wire *wire, int i, struct error *e)
{
	struct end *end = &wire->end[i];
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = end};
	int err = end_open(end, &w->pool, e);

	if (err)
		return err;
	end_refill(end, &w->pool);
	if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, end->fd, &event))
		return error_set(e, -errno, "cannot wait for frames: %s", strerror(errno));
	open_slot(w, wire, i);
	return 0;
}

static int open_wire(struct wires *w, const struct wire_setting *s, struct error *e)
{
	struct wire *wire = xcalloc(1, sizeof(*wire));
	int err = 0;

	wire->setting = *s;
	wire->setting.name = xstrdup(s->name);
	for (int i = 0; i < 2; i++) {
		wire->end[i].id = s->end[i];
		line_init(&wire->line[i], &s->params[i], s->seed[i], w->pool.n / 4 * 3);
	}
	for (int i = 0; i < 2 && !err; i++)
		err = open_end(w, wire, i, e);
	if (err)
		wire_close(w, wire);
	else
		vec_push(&w->list, wire);
	return err;
}

static struct wire *find(const struct wires *w, const struct wire_setting *s)
{
	vec_each(wire, &w->list) {
		if (is_same(s, &(*wire)->setting))
			return *wire;
	}
	return NULL;
}

static int place(struct wires *w, const struct wire *wire, struct error *e)
{
	int err = 0;

	for (int i = 0; i < 2 && !err; i++)
		err = w->host->place(w->host->arg, wire->end[i].id, wire->end[i].fd, e);
	return err;
}

struct job {
	struct wires *w;
	const wire_settings *settings;
	struct error *e;
};

/* In the fabric's namespace: a socket that is opened elsewhere does not see its interface. */
static int apply(void *arg)
{
	struct job *job = arg;
	struct wires *w = job->w;
	unsigned ends = 2 * job->settings->n;
	struct stat here = {};
	int err = 0;

	stat("/proc/thread-self/ns/net", &here);
	if (w->pool.umem && (here.st_ino != w->pool.fabric || !pool_suffices(&w->pool, ends)))
		wires_close(w);
	if (!w->pool.umem)
		err = pool_open(&w->pool, ends, job->e);
	if (err)
		return err;
	close_obsolete(w, job->settings);
	vec_each(s, job->settings) {
		struct wire *wire = find(w, s);

		if (!wire) {
			err = open_wire(w, s, job->e);
			wire = err ? NULL : w->list.items[w->list.n - 1];
		}
		if (!err)
			err = place(w, wire, job->e);
		if (err)
			return err;
		for (int i = 0; i < 2; i++)
			line_set(&wire->line[i], &s->params[i]);
	}
	return 0;
}

int wires_apply(struct wires *w, const wire_settings *settings, struct error *e)
{
	struct job job = {w, settings, e};
	int err = w->host->open_maps(w->host->arg, e);

	return err ? err : w->host->in_fabric(w->host->arg, apply, &job, e);
}
