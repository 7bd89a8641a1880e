// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "daemon/rehearse.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "daemon/chronicle.h"
#include "daemon/client.h"
#include "lib/clock.h"
#include "lib/log.h"

#define MOST_HOSTS 12  /* up to here every pair is measured */
#define WARM_S	   0.3 /* ARP is asked, caches are filled: not measured */
#define CALM_S	   0.3 /* before something fails, and after it was restored */
#define QUIET_S	   0.3 /* without an event is rest */
#define POLL_S	   0.1
#define SPARE_S	   5.0	/* beyond what timers and convergence explain, on a busy machine */
#define PLANNED_S  60.0 /* planned work, before timers: {scale} */
#define PROGRESS_S 30.0

struct play {
	const struct rehearsal *what;
	const char *lab;
	struct scenario_result *r;
	struct prober *prober;
	struct chronicle chronicle;
	size_t failed; /* how many of the scenario's faults have been asked for */
	bool works;    /* the last of them is planned work, and that goes on */
	struct error *e;
};

/* --- Waiting ----------------------------------------------------------------------------------------------------- */

static int interrupted(const struct play *p)
{
	return *p->what->stop ? error_set(p->e, -EINTR, "scenario '%s' was interrupted", p->what->scenario->name) : 0;
}

static int pause_for(const struct play *p, double seconds)
{
	double until = log_clock() + seconds;

	while (!*p->what->stop && log_clock() < until)
		nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	return interrupted(p);
}

/* The links of the scenario's faults; of all, or of those that somebody has to notice. */
static void links_of(const struct play *p, bool silent_only, link_names *out)
{
	const struct fabric *f = p->r->before->fabric;

	vec_each(fault, &p->what->scenario->fail) {
		index_list links = {};

		if (silent_only && strcmp(fault_how(fault), "silent"))
			continue;
		target_links(f, fault->target, &links);
		vec_each(l, &links)
			vec_push(out, f->links.items[*l].name);
		vec_free(&links);
	}
}

/* How long it may take until routing has come to rest. */
static int longest_rest(const struct play *p, const link_names *links, bool dead, double *seconds)
{
	const struct topo *t = p->r->before->topo;
	char protocol[64] = "";
	double ms = 0;
	int err = links->n ? controller_slowest(p->lab, links, &ms, protocol, p->e) : 0;

	*seconds = SPARE_S + ms * 1.5 / 1e3 + t->azure_convergence_ns / 1e9;
	vec_each(fault, &p->what->scenario->fail) {
		if (fault->maintenance)
			*seconds += PLANNED_S * (t->timer_scale > 1 ? t->timer_scale : 1);
	}
	if (p->what->timeout_s)
		*seconds = p->what->timeout_s;
	if (dead && ms > 1000)
		log_info("the %s takes %g s to notice", protocol, ms / 1e3);
	return err;
}

struct rest {
	double began, quiet_since, told;
	bool reached;
};

static int look_for_rest(struct play *p, const link_names *links, bool dead, struct rest *rest)
{
	double now = log_clock();
	bool more, rests;
	int err = chronicle_update(&p->chronicle, &more, p->e);

	if (!err)
		err = controller_rests(p->lab, links, dead, &rests, p->e);
	if (err)
		return err;
	if (more || !rests)
		rest->quiet_since = now;
	rest->reached = now - rest->quiet_since >= QUIET_S;
	if (now - rest->told >= PROGRESS_S) {
		log_info("routing has not come to rest yet after %.0f s", now - rest->began);
		rest->told = now;
	}
	return 0;
}

/* Until neighbours that must notice have noticed, routing has followed, and nothing more happens. */
static int settle(struct play *p, const link_names *links, bool dead, struct phase_result *phase)
{
	double now = log_clock(), most;
	struct rest rest = {.began = now, .quiet_since = now, .told = now};
	int err = longest_rest(p, links, dead, &most);

	while (!err && !rest.reached && log_clock() - rest.began < most) {
		err = pause_for(p, POLL_S);
		if (!err)
			err = look_for_rest(p, links, dead, &rest);
	}
	phase->settled = rest.reached;
	phase->settled_after_s = (rest.reached ? rest.quiet_since : log_clock()) - rest.began;
	return err;
}

/* --- Failing and restoring --------------------------------------------------------------------------------------- */

static int change(const struct play *p, const char *what, const char *target, const char *how)
{
	cJSON *request = cJSON_CreateObject(), *answer = NULL;
	const char *text;
	int err;

	cJSON_AddStringToObject(request, "do", what);
	cJSON_AddStringToObject(request, "target", target);
	if (how)
		cJSON_AddStringToObject(request, "how", how);
	err = controller_ask(p->lab, true, request, NULL, NULL, &answer, p->e);
	if (err)
		return err;
	if (cJSON_IsTrue(cJSON_GetObjectItem(answer, "ok"))) {
		text = cJSON_GetStringValue(cJSON_GetObjectItem(answer, "text"));
		log_info("%s", text ? text : "done");
	} else {
		text = cJSON_GetStringValue(cJSON_GetObjectItem(answer, "error"));
		err = error_set(p->e, -EINVAL, "%s", text ? text : "the controller has refused");
	}
	cJSON_Delete(answer);
	return err;
}

/* Planned work comes to its end before the next fault: a controller does one at a time. */
static int await_end(struct play *p, const char *target)
{
	struct phase_result phase = {};
	link_names none = {};
	int err = settle(p, &none, false, &phase);

	if (!err && !phase.settled)
		err = error_set(p->e, -ETIMEDOUT, "maintenance of '%s' has not ended within %.0f s", target,
				phase.settled_after_s);
	p->works = err;
	return err;
}

static int fail_one(struct play *p, const struct planned_fault *f)
{
	int err = interrupted(p);

	if (err)
		return err;
	p->failed++; /* also when the answer is lost */
	p->works = f->maintenance;
	err = change(p, "fail", f->target, fault_how(f));
	return err || !f->maintenance ? err : await_end(p, f->target);
}

static int fail_all(struct play *p)
{
	int err = 0;

	vec_each(f, &p->what->scenario->fail) {
		if (!err)
			err = fail_one(p, f);
	}
	return err;
}

/* All of them, whatever goes wrong; the first error is returned. Planned work has come back by itself. */
static int restore_all(struct play *p)
{
	int first = 0;

	while (p->failed) {
		const struct planned_fault *f = &p->what->scenario->fail.items[--p->failed];
		int err = !f->maintenance || p->works ? change(p, "restore", f->target, NULL) : 0;

		p->works = false;
		if (!first)
			first = err;
	}
	return first;
}

/* After an error: what it was stays in p->e. */
static void back_out(struct play *p)
{
	struct error e = {}, *was = p->e;

	if (!p->failed)
		return;
	log_info("restoring what scenario '%s' has let fail", p->what->scenario->name);
	p->e = &e;
	if (restore_all(p))
		log_error("%s; 'erxdpctl restore --lab %s --all' brings everything back", e.text, p->lab);
	p->e = was;
}

/* --- The course of it -------------------------------------------------------------------------------------------- */

static const char *damaged_link(const struct lab *lab)
{
	vec_each(l, &lab->fabric->links) {
		if (lab->no_carrier[l->index] || lab->dead[l->index])
			return l->name;
	}
	return NULL;
}

static int check_whole(const struct play *p)
{
	const struct lab *lab = p->r->before;
	const char *link = damaged_link(lab);

	if (lab->faults.n)
		return error_set(p->e, -EBUSY,
				 "in lab '%s' something has failed already: '%s' %s; 'erxdpctl restore --lab %s --all' "
				 "first",
				 p->lab, lab->faults.items[0].target, fault_text(lab->faults.items[0].kind), p->lab);
	if (link)
		return error_set(p->e, -EBUSY,
				 "in lab '%s' the link '%s' does not work already; 'erxdpctl events --lab %s' tells "
				 "why, 'erxdpctl load' mends it",
				 p->lab, link, p->lab);
	return 0;
}

/* What the routes will be, as far as they can be known before. */
static int foresee(const struct play *p, struct lab **out)
{
	struct lab *lab;
	int err = lab_open_now(p->lab, &lab, p->e);

	if (err)
		return err;
	vec_each(f, &p->what->scenario->fail) {
		if (!f->maintenance)
			lab_fail(lab, f->target, f->layer == LAYER_BGP ? FAULT_BGP : FAULT_DOWN);
	}
	lab_follow(lab);
	err = lab_compute(lab, p->e);
	if (err)
		lab_free(lab);
	else
		*out = lab;
	return err;
}

static int choose_streams(struct play *p)
{
	struct scenario_result *r = p->r;
	struct lab *then = NULL;
	int err = foresee(p, &then);

	if (err)
		return err;
	r->choice = flows_choose(r->before->image, then->image, MOST_HOSTS, &r->streams);
	lab_free(then);
	r->interval_ns = p->what->interval_ns ? p->what->interval_ns : prober_interval_ns(r->streams.n);
	if (r->choice.pairs < r->choice.talking)
		log_info("%zu of %zu pairs of hosts that can talk are measured, every host in one at least",
			 r->choice.pairs, r->choice.talking);
	return 0;
}

static int begin(struct play *p)
{
	struct scenario_result *r = p->r;
	int err = lab_open_now(p->lab, &r->before, p->e);

	if (!err)
		err = check_whole(p);
	if (!err)
		err = controller_ensure(p->lab, p->e);
	if (!err)
		err = choose_streams(p);
	if (!err)
		err = chronicle_begin(&p->chronicle, p->lab, p->e);
	if (!err)
		err = prober_start(r->before, &r->streams, r->interval_ns, &p->prober, p->e);
	if (!err)
		err = pause_for(p, WARM_S);
	r->phases[PHASE_BEFORE].from_ns = clock_date();
	return err ? err : pause_for(p, CALM_S);
}

static void next_phase(struct play *p, enum scenario_phase phase)
{
	p->r->phases[phase - 1].until_ns = p->r->phases[phase].from_ns = clock_date();
}

static int play_failing(struct play *p)
{
	struct phase_result *phase = &p->r->phases[PHASE_FAILING];
	link_names links = {};
	int err;

	next_phase(p, PHASE_FAILING);
	err = fail_all(p);
	links_of(p, true, &links);
	if (!err)
		err = settle(p, &links, true, phase);
	vec_free(&links);
	if (!err)
		err = lab_open_now(p->lab, &p->r->after, p->e);
	if (!err)
		err = expectations_check(p->r->after, &p->what->scenario->expect, &phase->checks, p->e);
	return err ? err : interrupted(p);
}

static int play_restoring(struct play *p)
{
	struct phase_result *phase = &p->r->phases[PHASE_RESTORING];
	link_names links = {};
	int err;

	next_phase(p, PHASE_RESTORING);
	err = restore_all(p);
	links_of(p, false, &links);
	if (!err)
		err = settle(p, &links, false, phase);
	vec_free(&links);
	if (!err)
		err = pause_for(p, CALM_S);
	phase->until_ns = clock_date();
	return err;
}

static int check_afterwards(struct play *p)
{
	struct lab *lab;
	int err = lab_open_now(p->lab, &lab, p->e);

	if (err)
		return err;
	err = expectations_check(lab, &p->what->file->expects, &p->r->phases[PHASE_RESTORING].checks, p->e);
	lab_free(lab);
	return err;
}

/* --- What the controller has told -------------------------------------------------------------------------------- */

static const struct {
	const char *event;
	enum happening_kind kind;
} told_kinds[] = {
	{"fault", HAPPENED_CHANGE},	{"restore", HAPPENED_CHANGE},	       {"maintenance", HAPPENED_PLANNED},
	{"carrier", HAPPENED_DETECTED}, {"neighbour-dead", HAPPENED_DETECTED}, {"neighbour-alive", HAPPENED_DETECTED},
	{"waiting", HAPPENED_WAITING},	{"groups", HAPPENED_WRITTEN},
};

static void keep_told(struct play *p)
{
	vec_each(told, &p->chronicle.list) {
		for (size_t i = 0; i < sizeof(told_kinds) / sizeof(told_kinds[0]); i++) {
			if (!strcmp(told->kind, told_kinds[i].event))
				vec_push(&p->r->happenings,
					 ((struct happening){.kind = told_kinds[i].kind, .at_ns = told->at_ns}));
		}
	}
	p->r->events = p->chronicle.events;
	p->chronicle.events = NULL;
}

static int check_planned(const struct play *p)
{
	vec_each(told, &p->chronicle.list) {
		if (!strcmp(told->kind, "maintenance") && !strcmp(told->state, "aborted"))
			return error_set(p->e, -ECANCELED, "maintenance of '%s' was given up", told->object);
	}
	return 0;
}

int rehearse(const struct rehearsal *what, struct scenario_result *r, struct error *e)
{
	struct play p = {.what = what, .lab = what->file->name, .r = r, .e = e};
	bool more;
	int err;

	*r = (struct scenario_result){.scenario = what->scenario};
	err = begin(&p);
	if (!err)
		err = play_failing(&p);
	if (!err)
		err = play_restoring(&p);
	if (err)
		back_out(&p);
	prober_stop(p.prober, &r->prober);
	if (!err)
		err = chronicle_update(&p.chronicle, &more, e);
	if (!err)
		err = check_planned(&p);
	keep_told(&p);
	if (!err)
		err = check_afterwards(&p);
	if (!err)
		scenario_judge(r);
	chronicle_free(&p.chronicle);
	return err;
}
