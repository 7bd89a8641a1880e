// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Routing follows what was asked for and what was noticed. The lab's lock is
 * held meanwhile, so that a `load` does not write the same maps; what a reader
 * finds in the run directory is what the maps do.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "daemon/controller.h"
#include "lib/log.h"

/* After something could not be followed. */
#define RETRY_NS 1000000000ull

void follow_later(struct controller *c, const struct error *e)
{
	/* Nothing else may happen for long. */
	c->follow_at = clock_now() + RETRY_NS;
	if (!strcmp(c->trouble.text, e->text))
		return;
	c->trouble = *e;
	event(c, "error", c->name, NULL, "%s", e->text);
	log_error("%s", e->text);
}

/* Without its run directory there is nothing to control. */
static int lock_claimed(struct controller *c, struct error *e)
{
	int err = 0;

	c->lock = lab_lock(c->name, false, true, e);
	if (c->lock < 0) {
		err = c->lock;
		c->lock = -1;
	} else {
		err = check_claim(c, e);
	}
	c->stopping = c->stopping || err == -ENOENT;
	return err;
}

int follow_lock(struct controller *c, struct error *e)
{
	int err = lock_claimed(c, e);
	uint64_t generation;

	c->fresh = false;
	if (!err)
		err = lab_generation(c->name, &generation, e);
	if (err)
		follow_later(c, e);
	else if (generation != c->generation)
		err = controller_reload(c, e);
	if (err)
		follow_unlock(c);
	return err;
}

void follow_unlock(struct controller *c)
{
	lab_unlock(c->lock);
	c->lock = -1;
}

/* azure.md 7.1: Azure takes seconds where the twin takes milliseconds; who wants them says how many. */
static bool must_wait(struct controller *c, const struct follow_how *how)
{
	uint64_t delay = c->lab->topo->azure_convergence_ns;
	uint64_t now = clock_now();

	if (!delay || how->hurry || !lab_lags(c->lab))
		return false;
	if (!c->follow_at) {
		c->follow_at = now + delay;
		event(c, "waiting", c->name, NULL, "routing follows in %.3f s (azureConvergence)", delay / 1e9);
	}
	return now < c->follow_at;
}

static void tell_written(struct controller *c, const struct lab_changes *changes, uint64_t since)
{
	unsigned routes = changes->dp.routes_added + changes->dp.routes_changed + changes->dp.routes_removed;
	cJSON *fields;

	if (!changes->dp.groups && !routes)
		return;
	fields = cJSON_CreateObject();
	cJSON_AddNumberToObject(fields, "groups", changes->dp.groups);
	cJSON_AddNumberToObject(fields, "routes", routes);
	cJSON_AddNumberToObject(fields, "tookUs", (double)((clock_now() - since) / 1000));
	event(c, "groups", c->name, fields, "%u next-hop groups written, %u routes, in %.3f ms", changes->dp.groups,
	      routes, (clock_now() - since) / 1e6);
}

int follow(struct controller *c, struct follow_how how, struct lab_changes *changes, struct error *e)
{
	uint64_t since = clock_now();
	bool moves;
	int err;

	memset(changes, 0, sizeof(*changes));
	if (c->alive)
		hello_listen(c);
	moves = !must_wait(c, &how);
	if (moves) {
		c->follow_at = 0;
		lab_follow(c->lab);
	}
	err = lab_switch_apply(c->lab, c->way, how.graceful ? LAB_GRACEFUL : LAB_AT_ONCE, changes, e);
	if (err)
		return err;
	tell_written(c, changes, since);
	if (moves)
		news_of_routes(c);
	return how.unsaved ? 0 : lab_save_state(c->lab, e);
}

int follow_asked(struct controller *c, struct follow_how how, struct lab_changes *changes, struct error *e)
{
	/* As it happens in reality: carrier goes first, routes follow; a link that returns is there before its routes.
	 */
	int err = watch_cut(c, e);

	if (!err)
		err = watch_mend(c, e);
	return err ? err : follow(c, how, changes, e);
}

void follow_noticed(struct controller *c)
{
	struct lab_changes changes;
	struct error e = {};

	if (follow_lock(c, &e))
		return;
	if (!c->borrower && lab_has_loans(c->lab))
		loan_end(c);
	if (follow(c, (struct follow_how){}, &changes, &e))
		follow_later(c, &e);
	else
		*c->trouble.text = '\0';
	follow_unlock(c);
}
