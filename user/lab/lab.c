// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A lab in memory: made from a file or from its run directory, what has failed, routes and image. */
#include "lab/lab.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fwd/loops.h"
#include "fwd/walk.h"
#include "lab/files.h"
#include "lab/state.h"
#include "lab/whole.h"
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
	state_init(lab);
	return lab;
}

void lab_forget_routes(struct lab *lab)
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
	lab_forget_routes(lab);
	state_free(lab);
	ids_free(lab->ids);
	fabric_free(lab->fabric);
	topo_free(lab->topo);
	free(lab->file);
	free(lab);
}

void lab_adopt(struct lab *lab, const struct lab *before)
{
	char *names = ids_format(before->ids);

	ids_free(lab->ids);
	lab->ids = ids_parse(names);
	free(names);
	state_adopt(lab, before);
	lab_follow(lab);
}

/* --- Routes ------------------------------------------------------------------------------------------------------ */

int lab_check_converged(const struct rib *rib, struct error *e)
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

static int check_wires(const struct lab *lab, struct error *e)
{
	unsigned n = 0;

	for (uint32_t l = 0; l < lab->fabric->links.n; l++)
		n += lab->wired[l];
	if (n <= ERX_MAX_WIRES)
		return 0;
	return error_set(e, -E2BIG, "%u links have latency or are impaired; a lab can have %u such links", n,
			 ERX_MAX_WIRES);
}

int lab_compute(struct lab *lab, struct error *e)
{
	struct image_input in = {.fabric = lab->fabric,
				 .link_silent = lab->link_silent,
				 .link_down = lab->link_down,
				 .wired = lab->wired,
				 .fastpath = lab->fastpath};
	struct conditions conditions = lab_conditions(lab);
	struct diags diags = {};
	char *names = ids_format(lab->ids);
	int err = check_wires(lab, e);

	if (err) {
		free(names);
		return err;
	}
	/* Only what this image uses is to keep its number. */
	if (lab->image) {
		ids_free(lab->ids);
		lab->ids = ids_parse(names);
	}
	free(names);
	lab_forget_routes(lab);
	lab->intact = rib_compute(lab->fabric, NULL);
	lab->now = rib_compute(lab->fabric, &conditions);
	err = lab_check_converged(lab->intact, e);
	if (!err)
		err = lab_check_converged(lab->now, e);
	if (err)
		return err;
	in.intact = lab->intact;
	in.now = lab->now;
	in.ids = lab->ids;
	lab->image = image_compile(&in, &diags);
	return lab->image ? 0 : copy_diags(&diags, e);
}

int lab_open_now(const char *name, struct lab **out, struct error *e)
{
	int lock = lab_lock(name, false, false, e), err;
	struct lab *lab = NULL;

	if (lock < 0)
		return lock;
	err = lab_open(name, &lab, e);
	lab_unlock(lock);
	if (!err)
		err = lab_compute(lab, e);
	if (err)
		lab_free(lab);
	else
		*out = lab;
	return err;
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
