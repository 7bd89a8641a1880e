// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The short way from a failure to the maps. A lab has thousands of prefixes and
 * a few dozen kinds of them: those that every failure treats alike share a
 * next-hop group. So routes are computed for one prefix of each kind, and the
 * groups that come out are written; routes only name groups and stay.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "lab/lab.h"
#include "lab/whole.h"
#include "lib/log.h"

int lab_switch_open(const struct lab *lab, struct lab_switch **out, struct error *e)
{
	struct lab_switch *s;
	struct dp *dp;
	int err = dp_open(lab->topo->name, false, &dp, e);

	if (err)
		return err;
	s = xcalloc(1, sizeof(*s));
	s->dp = dp;
	s->intact = rib_compute_classes(lab->fabric, NULL);
	*out = s;
	return 0;
}

void lab_switch_close(struct lab_switch *s)
{
	if (!s)
		return;
	image_free(s->image);
	rib_free(s->former);
	rib_free(s->now);
	rib_free(s->intact);
	dp_close(s->dp);
	free(s);
}

void lab_switch_forget(struct lab_switch *s)
{
	dp_forget(s->dp);
}

/* What classes cannot tell apart differs now: routes may have to move to other groups. */
static int switch_whole(struct lab *lab, struct lab_switch *s, struct lab_changes *changes, struct error *e)
{
	int err;

	log_verbose("prefixes that were alike differ now: all routes are computed");
	err = lab_compute(lab, e);
	if (!err)
		err = apply_maps(lab, false, changes, e);
	lab_forget_routes(lab);
	dp_forget(s->dp);
	return err;
}

/* --- In order ----------------------------------------------------------------------------------------------------- */

/* Planned changes go in this order, so that a packet never meets a device that has nowhere to send it. */
enum phase {
	PHASE_GAIN, /* had no next hop, has one now */
	PHASE_MOVE, /* has another one now */
	PHASE_END,  /* has none any more */
	N_PHASES,
};

/* Long enough for what is on its way, in any queue. */
#define PHASE_PAUSE_NS 20000000

static bool leads_somewhere(const struct erx_hops *hops)
{
	return hops->n || hops->flags & ERX_GROUP_LOCAL;
}

static enum phase phase_of(const struct erx_hops *was, const struct erx_hops *now)
{
	if (!leads_somewhere(now))
		return PHASE_END;
	return leads_somewhere(was) ? PHASE_MOVE : PHASE_GAIN;
}

/* What the groups of an image had before, by place in it; a group that is new had what it has. */
static struct erx_hops *former_hops(const struct image *image, const struct image *former)
{
	struct erx_hops *was = xcalloc(image->groups.n, sizeof(*was));
	uint32_t *at = xcalloc(ERX_MAX_GROUPS, sizeof(*at)); /* place in former, plus one */

	for (uint32_t i = 0; i < former->groups.n; i++)
		at[former->groups.items[i].id] = i + 1;
	for (uint32_t i = 0; i < image->groups.n; i++) {
		uint32_t place = at[image->groups.items[i].id];

		was[i] = place ? former->groups.items[place - 1].entry : image->groups.items[i].entry;
	}
	free(at);
	return was;
}

static int apply_in_order(struct lab_switch *s, struct image *image, struct dp_changes *changes, struct error *e)
{
	struct erx_hops *was = former_hops(image, s->image), *now = xcalloc(image->groups.n, sizeof(*now));
	int err = 0;

	for (uint32_t i = 0; i < image->groups.n; i++)
		now[i] = image->groups.items[i].entry;
	for (enum phase phase = PHASE_GAIN; phase < N_PHASES && !err; phase++) {
		struct dp_changes step = {};

		for (uint32_t i = 0; i < image->groups.n; i++)
			image->groups.items[i].entry = phase_of(&was[i], &now[i]) <= phase ? now[i] : was[i];
		err = dp_apply_state(s->dp, image, &step, e);
		changes->groups += step.groups;
		changes->blocks += step.blocks;
		changes->ports += step.ports;
		if (!err && step.groups && phase + 1 < N_PHASES)
			nanosleep(&(struct timespec){.tv_nsec = PHASE_PAUSE_NS}, NULL);
	}
	for (uint32_t i = 0; i < image->groups.n; i++)
		image->groups.items[i].entry = now[i];
	free(was);
	free(now);
	return err;
}

static int apply_groups(struct lab_switch *s, struct image *image, enum lab_pace pace, struct dp_changes *changes,
			struct error *e)
{
	if (pace == LAB_GRACEFUL && s->image)
		return apply_in_order(s, image, changes, e);
	return dp_apply_state(s->dp, image, changes, e);
}

int lab_switch_apply(struct lab *lab, struct lab_switch *s, enum lab_pace pace, struct lab_changes *changes,
		     struct error *e)
{
	struct conditions conditions = lab_conditions(lab);
	struct rib *now = rib_compute_classes(lab->fabric, &conditions);
	struct image_input in = {
		.fabric = lab->fabric,
		.intact = s->intact,
		.now = now,
		.link_down = lab->link_down,
		.link_silent = lab->link_silent,
		.wired = lab->wired,
		.fastpath = lab->fastpath,
		.ids = lab->ids,
	};
	struct diags diags = {};
	struct image *image;
	int err = lab_check_converged(now, e);

	memset(changes, 0, sizeof(*changes));
	if (err) {
		rib_free(now);
		return err;
	}
	image = image_compile(&in, &diags);
	diags_free(&diags);
	/* Routes that were moved have to move back, too. */
	if (image && !image->split && !(s->image && s->image->split))
		err = apply_groups(s, image, pace, &changes->dp, e);
	else
		err = switch_whole(lab, s, changes, e);
	if (err) {
		image_free(image);
		rib_free(now);
		return err;
	}
	image_free(s->image);
	rib_free(s->former);
	s->image = image;
	s->former = s->now;
	s->now = now;
	return 0;
}
