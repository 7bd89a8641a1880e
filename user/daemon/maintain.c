// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Planned work, as Microsoft does it (azure.md 7.1): the side to be worked on
 * announces longer AS paths until nothing uses it, then its sessions close, then
 * its links go; and back in the opposite order. A gateway's instances take turns.
 * Each step is a fault of a kind that nobody else asks for, so what a killed
 * controller leaves behind is seen, and taken back by the next.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/controller.h"
#include "lib/log.h"

#define MS 1000000ull

/* Between two steps, so that what is on its way arrives; and how long the work takes. */
#define DRAIN_NS (1000 * MS)
#define WORK_NS	 (3000 * MS)
/* Scaled down by timers: {scale}, but packets on their way need this much. */
#define SHORTEST_NS (50 * MS)

struct step {
	char target[TOPO_MAX_NAME * 2];
	enum fault_kind kind;
	bool back; /* taken back, else begun */
	uint64_t wait_ns;
};

struct maintenance {
	char target[TOPO_MAX_NAME * 2];
	VEC(struct step) steps;
	size_t next;
	uint64_t due;
};

/* Down: from the last rows to the first; back: the other way. */
static const struct {
	enum fault_kind kind;
	bool circuit_only;
	uint64_t wait_ns, wait_back_ns;
} phases[] = {
	{FAULT_PREPENDED, true, DRAIN_NS, 0},
	{FAULT_DRAINED, false, DRAIN_NS, DRAIN_NS},
	{FAULT_SERVICED, false, WORK_NS, DRAIN_NS},
};
#define N_PHASES (sizeof(phases) / sizeof(phases[0]))

void maintenance_free(struct maintenance *m)
{
	if (m)
		vec_free(&m->steps);
	free(m);
}

static uint64_t scaled(const struct controller *c, uint64_t ns)
{
	uint64_t out = (uint64_t)((double)ns * c->lab->topo->timer_scale);

	return ns && out < SHORTEST_NS ? SHORTEST_NS : out;
}

static void add_step(const struct controller *c, struct maintenance *m, const char *target, unsigned phase, bool back)
{
	struct step s = {.kind = phases[phase].kind, .back = back};

	snprintf(s.target, sizeof(s.target), "%s", target);
	s.wait_ns = scaled(c, back ? phases[phase].wait_back_ns : phases[phase].wait_ns);
	vec_push(&m->steps, s);
}

static void add_side(const struct controller *c, struct maintenance *m, const char *target, bool circuit)
{
	for (unsigned p = 0; p < N_PHASES; p++) {
		if (circuit || !phases[p].circuit_only)
			add_step(c, m, target, p, false);
	}
	for (unsigned p = N_PHASES; p-- > 0;) {
		if (circuit || !phases[p].circuit_only)
			add_step(c, m, target, p, true);
	}
}

/* A circuit's path, or both in turn; a gateway's instance, or all in turn. */
static int plan(const struct controller *c, struct maintenance *m, const char *target, struct error *e)
{
	const struct gateway *g = topo_gateway(c->lab->topo, target);
	const struct circuit *circuit = topo_circuit(c->lab->topo, target);
	const struct device *d = fabric_device(c->lab->fabric, target);
	bool edge = strstr(target, "/msee");

	if (d && d->gateway)
		add_side(c, m, target, false);
	else if ((d && d->kind == ERX_KIND_MSEE) || edge)
		add_side(c, m, target, true);
	vec_each(one, &c->lab->fabric->devices) {
		if ((g && one->gateway == g) || (circuit && one->circuit == circuit))
			add_side(c, m, one->name, circuit);
	}
	if (m->steps.n)
		return 0;
	return error_set(e, -EINVAL,
			 "there is no maintenance of '%s': Microsoft's is of a circuit's path ('er1.primary'), a "
			 "circuit, a gateway or an instance of one",
			 target);
}

static int check_target(const struct controller *c, const char *target)
{
	index_list links = {};
	int err = target_links(c->lab->fabric, target, &links);

	vec_free(&links);
	return err;
}

int maintain_start(struct controller *c, const char *target, struct error *e)
{
	struct maintenance *m;
	int err = check_target(c, target);

	if (err)
		return err;
	if (c->maintenance)
		return error_set(e, -EBUSY, "maintenance of '%s' is going on; 'erxdpctl restore %s' ends it",
				 c->maintenance->target, c->maintenance->target);
	vec_each(f, &c->lab->faults) {
		if (!strcmp(f->target, target))
			return error_set(e, -EBUSY, "'%s' %s; 'erxdpctl restore %s' first", target, fault_text(f->kind),
					 target);
	}
	m = xcalloc(1, sizeof(*m));
	snprintf(m->target, sizeof(m->target), "%s", target);
	err = plan(c, m, target, e);
	if (err) {
		maintenance_free(m);
		return err;
	}
	m->due = clock_now();
	c->maintenance = m;
	return 0;
}

bool maintain_runs(const struct controller *c)
{
	return c->maintenance;
}

uint64_t maintain_due(const struct controller *c)
{
	return c->maintenance ? c->maintenance->due : UINT64_MAX;
}

static void tell(struct controller *c, const char *target, const char *state, const char *text)
{
	cJSON *fields = cJSON_CreateObject();

	cJSON_AddStringToObject(fields, "state", state);
	event(c, "maintenance", target, fields, "%s %s", target, text);
}

static const char *back_text(enum fault_kind kind)
{
	switch (kind) {
	case FAULT_PREPENDED: return "announces its usual AS paths";
	case FAULT_DRAINED: return "has its BGP sessions back";
	default: return "is up again";
	}
}

/* Routes leave before the link does, and come back after it: nothing is on the link when its carrier goes. */
static int do_step(struct controller *c, const struct step *s, struct error *e)
{
	struct lab_changes changes;

	if (s->back)
		lab_restore_kind(c->lab, s->target, s->kind);
	else
		lab_fail(c->lab, s->target, s->kind);
	tell(c, s->target, s->back ? "back" : fault_word(s->kind), s->back ? back_text(s->kind) : fault_text(s->kind));
	return follow_asked(c, (struct follow_how){.hurry = true, .graceful = true}, &changes, e);
}

static void give_up(struct controller *c, const struct error *e)
{
	struct lab_changes changes;
	struct error again = {};

	log_error("%s", e->text);
	event(c, "error", c->maintenance->target, NULL, "%s", e->text);
	maintain_abort(c);
	if (follow_asked(c, (struct follow_how){.hurry = true}, &changes, &again))
		log_error("%s", again.text);
}

static void end(struct controller *c, const char *state, const char *text)
{
	struct maintenance *m = c->maintenance;

	c->maintenance = NULL;
	tell(c, m->target, state, text);
	maintenance_free(m);
}

void maintain_work(struct controller *c)
{
	struct maintenance *m = c->maintenance;
	struct error e = {};

	if (!m || clock_now() < m->due)
		return;
	if (m->next == m->steps.n) {
		end(c, "done", "has been maintained");
		return;
	}
	if (follow_lock(c, &e)) {
		m->due = clock_now() + DRAIN_NS;
		return;
	}
	/* Loaded anew meanwhile: that has ended it. */
	if (c->maintenance == m) {
		const struct step *s = &m->steps.items[m->next++];

		m->due = clock_now() + s->wait_ns;
		if (do_step(c, s, &e))
			give_up(c, &e);
	}
	follow_unlock(c);
}

bool maintain_is_of(const struct controller *c, const char *target)
{
	const struct maintenance *m = c->maintenance;
	bool is = m && (!target || !strcmp(m->target, target));

	for (size_t i = 0; m && i < m->steps.n && !is; i++)
		is = !strcmp(m->steps.items[i].target, target);
	return is;
}

void maintain_ended(struct controller *c, bool planned)
{
	if (c->maintenance)
		end(c, "aborted", "is no longer maintained");
	else if (planned)
		tell(c, c->name, "aborted", "takes back the maintenance that a former controller has not ended");
}

bool maintain_abort(struct controller *c)
{
	bool planned = lab_restore_planned(c->lab), any = planned || c->maintenance;

	maintain_ended(c, planned);
	return any;
}
