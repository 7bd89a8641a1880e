// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From an image to a machine that does it. Interfaces first, then programs, then
 * map entries, then what is no longer used: at every moment each route points to
 * a port that is there and has its program.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lab/files.h"
#include "lab/whole.h"
#include "lab/wires.h"
#include "lib/log.h"

/* --- The plan for net/ ------------------------------------------------------------------------------------------- */

static const char *peer_name(const struct fabric *f, const struct port *port)
{
	uint32_t peer = port_peer(f, port->index);

	if (peer == NO_INDEX)
		return f->hosts.items[f->links.items[port->link].host].name;
	return f->devices.items[f->ports.items[peer].device].name;
}

static struct net_port plan_port(const struct lab *lab, uint32_t index)
{
	const struct image_port *p = &lab->image->ports.items[index];
	const struct fabric *f = lab->fabric;
	struct net_port out = {.ifindex = ERX_FIRST_IFINDEX + p->id};

	memcpy(out.name, p->ifname, sizeof(out.name));
	memcpy(out.mac, p->entry.mac, sizeof(out.mac));
	snprintf(out.alias, sizeof(out.alias), "%s>%s", f->devices.items[p->port->device].name, peer_name(f, p->port));
	return out;
}

static bool is_up(const struct lab *lab, const struct link *l)
{
	return !l->down_in_file && !lab->cut[l->index];
}

static void plan_host(const struct lab *lab, const struct link *l, struct net_plan *plan)
{
	const struct host *h = &lab->fabric->hosts.items[l->host];
	struct net_host out = {
		.port = plan_port(lab, l->ports[0]),
		.addr = h->addr,
		.prefixlen = h->prefixlen,
		.gateway = h->gateway,
		.also = h->addresses.items,
		.n_also = h->addresses.n,
		.mtu = l->mtu,
		.up = is_up(lab, l),
	};

	lab_host_namespace(lab, h, out.namespace);
	host_mac(lab->image, h, out.mac);
	vec_push(&plan->hosts, out);
}

static const struct image_wire *wire_of(const struct lab *lab, uint32_t link)
{
	vec_each(w, &lab->image->wires) {
		if (w->link == link)
			return w;
	}
	return NULL;
}

/*
 * A pair at each end of the wire. An AF_XDP socket has one queue: so frames come in by one, and the port that sends
 * them there must have no more than that.
 */
static void plan_wire(const struct lab *lab, const struct link *l, const struct image_wire *w, struct net_plan *plan)
{
	for (int end = 0; end < 2; end++) {
		struct net_link link = {.mtu = ERX_LINK_MTU, .up = is_up(lab, l)};
		struct net_port *far = &link.end[1];

		link.end[0] = plan_port(lab, l->ports[end]);
		link.end[0].queues[0] = 1;
		*far = (struct net_port){.ifindex = ERX_FIRST_IFINDEX + w->end[end].id, .queues = {1, 1}};
		memcpy(far->name, w->end[end].ifname, sizeof(far->name));
		memcpy(far->mac, w->end[end].mac, sizeof(far->mac));
		snprintf(far->alias, sizeof(far->alias), "wire of %.200s", l->name);
		vec_push(&plan->links, link);
	}
}

static void plan_link(const struct lab *lab, const struct link *l, struct net_plan *plan)
{
	struct net_link link = {.mtu = ERX_LINK_MTU, .up = is_up(lab, l)};
	const struct image_wire *w = wire_of(lab, l->index);

	if (w) {
		plan_wire(lab, l, w, plan);
		return;
	}
	link.end[0] = plan_port(lab, l->ports[0]);
	link.end[1] = plan_port(lab, l->ports[1]);
	vec_push(&plan->links, link);
}

static void make_plan(const struct lab *lab, struct net_plan *plan)
{
	memset(plan, 0, sizeof(*plan));
	plan->lab = lab->topo->name;
	lab_fabric_namespace(lab->topo->name, plan->fabric);
	vec_each(l, &lab->fabric->links) {
		if (l->kind == LINK_HOST)
			plan_host(lab, l, plan);
		else
			plan_link(lab, l, plan);
	}
}

static bool has_index(const struct net_plan *plan, uint32_t ifindex)
{
	vec_each(l, &plan->links) {
		if (l->end[0].ifindex == ifindex || l->end[1].ifindex == ifindex)
			return true;
	}
	vec_each(h, &plan->hosts) {
		if (h->port.ifindex == ifindex)
			return true;
	}
	return false;
}

/* Also what was there before, as far as its numbers are still free: it carries packets until the routes have moved. */
static void add_former(struct net_plan *plan, const struct lab *before)
{
	struct net_plan former;

	make_plan(before, &former);
	vec_each(l, &former.links) {
		if (!has_index(plan, l->end[0].ifindex) && !has_index(plan, l->end[1].ifindex))
			vec_push(&plan->links, *l);
	}
	vec_each(h, &former.hosts) {
		bool known = has_index(plan, h->port.ifindex);

		vec_each(other, &plan->hosts)
			known = known || !strcmp(other->namespace, h->namespace);
		if (!known)
			vec_push(&plan->hosts, *h);
	}
	vec_free(&former.links);
	vec_free(&former.hosts);
}

static void free_plan(struct net_plan *plan)
{
	vec_free(&plan->links);
	vec_free(&plan->hosts);
}

/* --- Inside the fabric's namespace ------------------------------------------------------------------------------- */

struct dp_job {
	struct lab *lab;
	bool dry;
	struct lab_changes *changes;
	struct error *e;
};

static int dp_job(void *arg)
{
	struct dp_job *job = arg;
	const char *name = job->lab->topo->name;
	struct dp *dp;
	int err;

	job->changes->loaded = !dp_exists(name);
	if (job->dry && job->changes->loaded)
		return 0;
	err = dp_open(name, true, &dp, job->e);
	if (err)
		return err;
	if (job->dry)
		job->changes->attached = dp_unattached(dp, job->lab->image);
	else
		err = dp_attach(dp, job->lab->image, &job->changes->attached, job->e);
	if (!err)
		err = dp_apply(dp, job->lab->image, job->dry, &job->changes->dp, job->e);
	dp_close(dp);
	return err;
}

int apply_maps(struct lab *lab, bool dry, struct lab_changes *changes, struct error *e)
{
	struct dp_job job = {.lab = lab, .dry = dry, .changes = changes, .e = e};
	char fabric[256];

	lab_fabric_namespace(lab->topo->name, fabric);
	*e->text = '\0';
	return net_call(fabric, dp_job, &job, e);
}

int lab_apply_maps(struct lab *lab, struct lab_changes *changes, struct error *e)
{
	memset(changes, 0, sizeof(*changes));
	return apply_maps(lab, false, changes, e);
}

void lab_list_changes(const struct lab_changes *c, lab_change_list *out)
{
	const struct lab_change all[] = {{"bpffs", "file systems (bpffs) to mount", c->mounted_bpffs},
					 {"namespacesAdded", "namespaces to make", c->net.namespaces_added},
					 {"namespacesRemoved", "namespaces to remove", c->net.namespaces_removed},
					 {"linksAdded", "links to make", c->net.links_added},
					 {"linksRemoved", "links to remove", c->net.links_removed},
					 {"linksSet", "links to set up, down or right", c->net.links_set},
					 {"programs", "times the XDP programs have to be loaded", c->loaded},
					 {"portsAttached", "ports that need their program", c->attached},
					 {"wires", "wires to join or to set", c->wires},
#define X(field, name, text) {name, text, c->dp.field},
					 DP_CHANGES(X)
#undef X
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		vec_push(out, all[i]);
}

bool lab_changes_any(const struct lab_changes *c)
{
	lab_change_list all = {};
	bool any = false;

	lab_list_changes(c, &all);
	vec_each(change, &all)
		any = any || change->n;
	vec_free(&all);
	return any;
}

/* --- The whole way ----------------------------------------------------------------------------------------------- */

static int apply_dry(struct lab *lab, const struct net_plan *plan, struct lab_changes *changes, struct error *e)
{
	int err = net_apply(plan, true, &changes->net, e);

	if (err)
		return err;
	err = apply_maps(lab, true, changes, e);
	if (!err || err == -ENOENT)
		wires_make(lab, lab->image, (struct wires_how){.loaded = changes->loaded, .dry = true}, &changes->wires,
			   e);
	if (err != -ENOENT || !changes->net.namespaces_added)
		return err;
	/* No fabric to look into: every port is new, and what the maps lack is not known yet. */
	changes->loaded = !dp_exists(lab->topo->name);
	changes->attached = lab->image->ports.n;
	return 0;
}

static int save_ids(const struct lab *lab, struct error *e)
{
	char *ids = ids_format(lab->ids);
	int err = run_write(lab->topo->name, "ids", ids, strlen(ids), e);

	free(ids);
	return err;
}

static int make_wires(const struct lab *lab, struct lab_changes *changes, struct error *e)
{
	const struct wires_how how = {.touched = changes->net.links_added || changes->attached,
				      .loaded = changes->loaded};

	return wires_make(lab, lab->image, how, &changes->wires, e);
}

/* A second bpffs over the first would hide all pins. */
static int mount_bpffs(const char *name, bool *mounted, struct error *e)
{
	int lock, err;

	*mounted = false;
	if (dp_is_mounted())
		return 0;
	lock = lab_lock_machine(name, e);
	if (lock < 0)
		return lock;
	err = dp_mount(mounted, e);
	lab_unlock(lock);
	return err;
}

int lab_apply(struct lab *lab, const struct lab *before, bool dry, struct lab_changes *changes, struct error *e)
{
	struct net_plan plan, both;
	struct net_changes second = {};
	double since = log_clock();
	int err;

	memset(changes, 0, sizeof(*changes));
	make_plan(lab, &plan);
	if (dry) {
		err = apply_dry(lab, &plan, changes, e);
		free_plan(&plan);
		return err;
	}
	make_plan(lab, &both);
	if (before)
		add_former(&both, before);
	err = mount_bpffs(lab->topo->name, &changes->mounted_bpffs, e);
	/* Numbers before entries: a killed run must not leave entries whose numbers nobody knows. */
	if (!err)
		err = save_ids(lab, e);
	if (!err)
		err = wires_clear_new(lab, e);
	if (!err)
		err = net_apply(&both, false, &changes->net, e);
	log_took("namespaces and links", &since);
	if (!err)
		err = apply_maps(lab, false, changes, e);
	log_took("programs and maps", &since);
	if (!err)
		err = make_wires(lab, changes, e);
	log_took("wires", &since);
	if (!err && before)
		err = net_apply(&plan, false, &second, e);
	if (!err)
		err = dp_detach(lab->topo->name, lab->image, e);
	if (before)
		log_took("links that are no longer used", &since);
	changes->net.links_removed += second.links_removed;
	changes->net.namespaces_removed += second.namespaces_removed;
	free_plan(&plan);
	free_plan(&both);
	return err;
}

int lab_verify(const struct lab *lab, struct error *e)
{
	struct net_plan plan;
	int err;

	make_plan(lab, &plan);
	err = net_verify(&plan, e);
	free_plan(&plan);
	return err;
}

int lab_dp(const struct lab *lab, struct dp **out, struct error *e)
{
	return dp_open(lab->topo->name, false, out, e);
}

int lab_remove(const char *name, struct lab_removed *removed, struct error *e)
{
	struct error held = {};
	double since = log_clock();
	char path[512];
	struct error held_by_wires = {};
	int err, net_err, wire_err;

	memset(removed, 0, sizeof(*removed));
	dp_pin_path(name, "", path);
	removed->pins = !access(path, F_OK);
	err = dp_remove(name, e);
	log_took("programs and maps", &since);
	net_err = net_remove(name, &removed->namespaces, &held);
	log_took("namespaces and links", &since);
	/* After its interfaces: the kernel takes sockets apart quickly that have none. */
	wire_err = wires_end(name, &held_by_wires);
	log_took("wire process", &since);
	snprintf(removed->held, sizeof(removed->held), "%s", held.text);
	if (net_err && !err) {
		*e = held;
		err = net_err;
	}
	if (wire_err && !err) {
		*e = held_by_wires;
		err = wire_err;
	}
	return err ? err : run_remove(name, &removed->files, e);
}
