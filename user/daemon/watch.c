// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "daemon/controller.h"
#include "lib/log.h"

/* The far end of a link that was set up reports carrier within a millisecond; a busy machine gets more. */
#define MEND_WAIT_MS 200

static void port_changed(void *arg, const struct net_change *change)
{
	struct controller *c = arg;
	uint32_t at = change->ifindex - ERX_FIRST_IFINDEX, port;

	if (at >= ERX_MAX_PORTS)
		return;
	port = c->port_of[at];
	if (port == NO_INDEX)
		return;
	c->ports[port].known = true;
	c->ports[port].up = change->up && !change->gone;
	c->ports[port].carrier = change->carrier && !change->gone;
}

static bool port_works(const struct controller *c, uint32_t port)
{
	const struct port_seen *seen = &c->ports[port];

	return !seen->known || (seen->up && seen->carrier);
}

static bool has_carrier(const struct controller *c, const struct link *l)
{
	return port_works(c, l->ports[0]) && (l->ports[1] == NO_INDEX || port_works(c, l->ports[1]));
}

bool watch_carries(const struct controller *c, const struct link *l)
{
	return !l->down_in_file && !c->lab->cut[l->index] && !c->lab->no_carrier[l->index];
}

/* Carrier that is missing though nobody asked for that. */
static bool note_carrier(struct controller *c, const struct link *l)
{
	bool missing = !l->down_in_file && !c->lab->cut[l->index] && !has_carrier(c, l);

	if (missing == c->lab->no_carrier[l->index])
		return false;
	c->lab->no_carrier[l->index] = missing;
	if (!missing && c->alive)
		hello_restart(c, l);
	event(c, "carrier", l->name, cJSON_CreateObject(), "%s %s carrier, set from outside", l->name,
	      missing ? "has lost" : "has");
	return true;
}

static bool note_all(struct controller *c)
{
	bool changed = false;

	vec_each(l, &c->lab->fabric->links)
		changed |= note_carrier(c, l);
	return changed;
}

static int drain(struct controller *c, struct error *e)
{
	return net_watch_read(c->watch, port_changed, c, e);
}

int watch_again(struct controller *c, struct error *e)
{
	return net_watch_dump(c->watch, port_changed, c, e);
}

bool watch_read(struct controller *c)
{
	struct error e = {};

	if (drain(c, &e))
		log_error("%s", e.text);
	return note_all(c);
}

int watch_start(struct controller *c, struct error *e)
{
	const struct fabric *f = c->lab->fabric;
	char fabric[256];
	int err;

	lab_fabric_namespace(c->name, fabric);
	c->ports = xcalloc(f->ports.n, sizeof(*c->ports));
	c->port_of = xcalloc(ERX_MAX_PORTS, sizeof(*c->port_of));
	memset(c->port_of, 0xff, ERX_MAX_PORTS * sizeof(*c->port_of));
	vec_each(p, &c->lab->image->ports) {
		struct port_seen *seen = &c->ports[p->port->index];

		seen->id = p->id;
		memcpy(seen->mac, p->entry.mac, sizeof(seen->mac));
		c->port_of[p->id] = p->port->index;
	}
	err = net_watch_open(fabric, &c->watch, e);
	if (!err)
		err = watch_again(c, e);
	if (!err)
		note_all(c);
	return err;
}

void watch_stop(struct controller *c)
{
	net_watch_close(c->watch);
	free(c->ports);
	free(c->port_of);
	c->watch = NULL;
	c->ports = NULL;
	c->port_of = NULL;
}

typedef VEC(struct net_set) set_list;

/* Links that are not as faults ask; of those only the ones to be set up, or down. A wire's ends do not see each other.
 */
static void collect_sets(const struct controller *c, bool up, set_list *out)
{
	vec_each(l, &c->lab->fabric->links) {
		bool wanted = !l->down_in_file && !c->lab->cut[l->index];
		int ends = c->lab->wired[l->index] ? 2 : 1;

		/* What was set down from outside is not ours to mend. */
		for (int i = 0; i < ends && wanted == up && !c->lab->no_carrier[l->index]; i++) {
			const struct port_seen *seen = &c->ports[l->ports[i]];

			if (seen->known && seen->up != up)
				vec_push(out, ((struct net_set){.ifindex = ERX_FIRST_IFINDEX + seen->id, .up = up}));
		}
	}
}

static int set_links(struct controller *c, bool up, size_t *n, struct error *e)
{
	set_list sets = {};
	int err = 0;

	collect_sets(c, up, &sets);
	*n = sets.n;
	/* Written down first: who is killed here leaves a link that is down because somebody has asked for it. */
	if (sets.n && !up)
		err = lab_save_state(c->lab, e);
	if (sets.n && !err)
		err = net_watch_set_all(c->watch, sets.items, sets.n, e);
	if (!err)
		err = drain(c, e);
	vec_free(&sets);
	return err;
}

int watch_cut(struct controller *c, struct error *e)
{
	size_t n;

	return set_links(c, false, &n, e);
}

static bool all_mended(const struct controller *c)
{
	vec_each(l, &c->lab->fabric->links) {
		if (watch_carries(c, l) && !has_carrier(c, l))
			return false;
	}
	return true;
}

/* To be freed. */
static bool *links_with_carrier(const struct controller *c)
{
	bool *has = xcalloc(c->lab->fabric->links.n, sizeof(*has));

	vec_each(l, &c->lab->fabric->links)
		has[l->index] = has_carrier(c, l);
	return has;
}

/* Silence counts from now on where a link has come back, and nowhere else. */
static void watch_anew(struct controller *c, const bool *had_carrier)
{
	vec_each(l, &c->lab->fabric->links) {
		if (!had_carrier[l->index] && watch_carries(c, l))
			hello_restart(c, l);
	}
}

int watch_mend(struct controller *c, struct error *e)
{
	bool *had_carrier = links_with_carrier(c);
	size_t n;
	int err = set_links(c, true, &n, e);

	for (uint64_t until = clock_now() + MEND_WAIT_MS * 1000000ull; n && !err && !all_mended(c);) {
		struct pollfd p = {.fd = net_watch_fd(c->watch), .events = POLLIN};

		if (clock_now() >= until)
			break;
		poll(&p, 1, 5);
		err = drain(c, e);
	}
	/* What has happened by itself meanwhile has been read with the rest. */
	note_all(c);
	watch_anew(c, had_carrier);
	free(had_carrier);
	return err;
}
