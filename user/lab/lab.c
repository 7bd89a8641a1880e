// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A lab in memory: made from a file or from its run directory, what has failed, routes and image. */
#include "lab/lab.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "fwd/loops.h"
#include "fwd/walk.h"
#include "lab/files.h"
#include "lib/log.h"

struct lab *lab_parse(const char *text, size_t size, struct diags *diags)
{
	struct topo *topo = topo_parse(text, size, diags);
	struct lab *lab;

	if (!topo)
		return NULL;
	lab = xcalloc(1, sizeof(*lab));
	lab->file = xcalloc(1, size + 1);
	memcpy(lab->file, text, size);
	lab->file_size = size;
	lab->topo = topo;
	lab->fabric = fabric_build(topo);
	lab->ids = ids_new();
	lab->fastpath = xcalloc(topo->connections.n, sizeof(bool));
	lab->link_down = xcalloc(lab->fabric->links.n, sizeof(bool));
	lab->link_silent = xcalloc(lab->fabric->links.n, sizeof(bool));
	for (size_t i = 0; i < topo->connections.n; i++)
		lab->fastpath[i] = topo->connections.items[i].fastpath;
	return lab;
}

static void free_computed(struct lab *lab)
{
	image_free(lab->image);
	rib_free(lab->now);
	rib_free(lab->intact);
	lab->image = NULL;
	lab->now = lab->intact = NULL;
}

void lab_free(struct lab *lab)
{
	if (!lab)
		return;
	free_computed(lab);
	vec_each(fault, &lab->faults)
		free(fault->target);
	vec_free(&lab->faults);
	ids_free(lab->ids);
	free(lab->fastpath);
	free(lab->link_down);
	free(lab->link_silent);
	fabric_free(lab->fabric);
	topo_free(lab->topo);
	free(lab->file);
	free(lab);
}

/* --- Faults ------------------------------------------------------------------------------------------------------ */

static void mark_links(struct lab *lab)
{
	memset(lab->link_down, 0, lab->fabric->links.n * sizeof(bool));
	memset(lab->link_silent, 0, lab->fabric->links.n * sizeof(bool));
	vec_each(fault, &lab->faults) {
		bool *marks = fault->silent ? lab->link_silent : lab->link_down;
		index_list links = {};

		target_links(lab->fabric, fault->target, &links);
		vec_each(l, &links)
			marks[*l] = true;
		vec_free(&links);
	}
}

int lab_fail(struct lab *lab, const char *target, bool silent)
{
	struct fault fault = {.silent = silent};
	index_list links = {};
	int err = target_links(lab->fabric, target, &links);

	vec_free(&links);
	if (err)
		return err;
	vec_each(f, &lab->faults) {
		if (!strcmp(f->target, target) && f->silent == silent)
			return -EALREADY;
	}
	fault.target = xstrdup(target);
	vec_push(&lab->faults, fault);
	mark_links(lab);
	return 0;
}

int lab_restore(struct lab *lab, const char *target)
{
	size_t kept = 0;
	int taken;

	for (size_t i = 0; i < lab->faults.n; i++) {
		struct fault *f = &lab->faults.items[i];

		if (target && strcmp(f->target, target))
			lab->faults.items[kept++] = *f;
		else
			free(f->target);
	}
	taken = lab->faults.n - kept;
	lab->faults.n = kept;
	mark_links(lab);
	return taken;
}

static const struct connection *same_connection(const struct lab *lab, const char *name, size_t *index)
{
	const struct connection *c = topo_connection(lab->topo, name);

	if (c)
		*index = c - lab->topo->connections.items;
	return c;
}

void lab_adopt(struct lab *lab, const struct lab *before)
{
	char *names = ids_format(before->ids);
	size_t index;

	ids_free(lab->ids);
	lab->ids = ids_parse(names);
	free(names);
	vec_each(f, &before->faults) {
		if (lab_fail(lab, f->target, f->silent))
			log_info("the fault '%s' is taken back: the new file has no such target", f->target);
	}
	/* A switch that was moved by hand stays where it is, unless the file itself has changed it. */
	for (size_t i = 0; i < before->topo->connections.n; i++) {
		const struct connection *was = &before->topo->connections.items[i];
		const struct connection *is = same_connection(lab, was->name, &index);

		if (is && is->fastpath == was->fastpath)
			lab->fastpath[index] = before->fastpath[i];
	}
}

/* --- Routes ------------------------------------------------------------------------------------------------------ */

static int check_converged(const struct rib *rib, struct error *e)
{
	char text[PREFIX_STRLEN];

	if (rib->converged)
		return 0;
	return error_set(e, -ELOOP,
			 "the routes do not settle: after %zu updates %s still changes; look for routers that "
			 "re-advertise to each other (transit: true)",
			 rib->events, prefix_format(&rib->unstable, text));
}

static int copy_diags(struct diags *diags, struct error *e)
{
	if (diags->list.n)
		error_set(e, -E2BIG, "%s", diags->list.items[0].text);
	diags_free(diags);
	return -E2BIG;
}

int lab_compute(struct lab *lab, struct error *e)
{
	struct image_input in = {.fabric = lab->fabric,
				 .link_silent = lab->link_silent,
				 .link_down = lab->link_down,
				 .fastpath = lab->fastpath};
	struct conditions now = {.link_down = lab->link_down};
	struct diags diags = {};
	char *names = ids_format(lab->ids);
	int err;

	/* Only what this image uses is to keep its number. */
	if (lab->image) {
		ids_free(lab->ids);
		lab->ids = ids_parse(names);
	}
	free(names);
	free_computed(lab);
	lab->intact = rib_compute(lab->fabric, NULL);
	lab->now = rib_compute(lab->fabric, &now);
	err = check_converged(lab->intact, e);
	if (!err)
		err = check_converged(lab->now, e);
	if (err)
		return err;
	in.intact = lab->intact;
	in.now = lab->now;
	in.ids = lab->ids;
	lab->image = image_compile(&in, &diags);
	return lab->image ? 0 : copy_diags(&diags, e);
}

int lab_check_loops(const struct lab *lab, struct error *e)
{
	char text[ADDR_STRLEN], names[256] = "";
	struct loop loop;

	if (!image_find_loop(lab->image, &loop))
		return 0;
	vec_each(d, &loop.devices)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s'%s'", *names ? ", " : "",
			 (*d)->name);
	vec_free(&loop.devices);
	return error_set(e, -ELOOP,
			 "packets to %s would circle for ever between %s, none of which lowers the TTL; remove a route "
			 "or set one gateway to ttl: decrement",
			 addr_format(&loop.destination, text), names);
}

/* --- Names ------------------------------------------------------------------------------------------------------- */

void lab_fabric_namespace(const char *name, char out[static 256])
{
	snprintf(out, 256, "erx-%s", name);
}

void lab_host_namespace(const struct lab *lab, const struct host *h, char out[static 256])
{
	snprintf(out, 256, "erx-%s-%s", lab->topo->name, h->name);
}

/* Whether the image lets a UDP packet through in both directions. */
static bool can_talk(const struct lab *lab, const struct host *from, const struct host *to)
{
	struct flow flow = {.src = from->addr, .dst = to->addr, .protocol = IPPROTO_UDP, .sport = 40000, .dport = 7};
	struct prediction p;
	bool yes;

	predict(lab->image, from, to, &flow, &p);
	yes = p.reachable;
	prediction_free(&p);
	return yes;
}

/* Above this many hosts the pairs are too many to wait for: each host in one pair at least. */
#define ALL_PAIRS_HOSTS 10

void lab_pairs(const struct lab *lab, exchange_pairs *out)
{
	bool *met = xcalloc(lab->fabric->hosts.n, sizeof(*met));
	bool all = lab->fabric->hosts.n <= ALL_PAIRS_HOSTS;

	vec_each(from, &lab->fabric->hosts) {
		vec_each(to, &lab->fabric->hosts) {
			struct exchange_pair pair = {.from = from, .to = to};

			if (from == to || (!all && met[from->index] && met[to->index]) || !can_talk(lab, from, to))
				continue;
			met[from->index] = met[to->index] = true;
			vec_push(out, pair);
		}
	}
	free(met);
}
