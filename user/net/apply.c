// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Bring the machine to a plan: look at everything, note what differs, and then
 * do it in an order in which what runs is touched last.
 */
#include "net/internal.h"

#include <errno.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PAIRS_PER_BATCH 16 /* each host needs an open file until its pair is made */

struct pair { /* either a link or a host */
	const struct net_link *link;
	const struct net_host *host;
	unsigned todo;
	int32_t nsid; /* the host's namespace, as the fabric's calls it; -1: unknown */
	struct host_seen seen;
};

enum fate { FATE_OTHER, FATE_KEPT, FATE_IN_THE_WAY, FATE_OBSOLETE };

struct work {
	const struct net_plan *plan;
	struct error *error;
	struct error why; /* the first difference */
	unsigned fabric_todo;
	links_seen links; /* of the fabric */
	enum fate *fates; /* of each of them */
	VEC(struct pair) pairs;
	ns_list gone; /* namespaces that the plan does not know */
	ns_ids ids;
	struct nl *nl; /* in the fabric */
};

/* The plan itself */

static int check_port(const struct net_port *port, struct error *error)
{
	if (!port->name[0] || port->ifindex <= NET_HOST_IFINDEX)
		return net_refuse(error, -EINVAL, "port '%s' has no name, or index %u, which hosts' ends use",
				  port->name, port->ifindex);
	return 0;
}

static int check_names(const struct net_plan *plan, struct error *error)
{
	size_t length = strlen(plan->lab) + 4;
	char fabric[256];

	if ((size_t)snprintf(fabric, sizeof(fabric), "erx-%s", plan->lab) >= sizeof(fabric) - 10 || !plan->lab[0] ||
	    strchr(plan->lab, '/'))
		return net_refuse(error, -EINVAL, "'%s' cannot be a lab's name: empty, too long or with a slash",
				  plan->lab);
	if (strcmp(plan->fabric, fabric))
		return net_refuse(error, -EINVAL, "the fabric of lab '%s' must be called '%s', not '%s'", plan->lab,
				  fabric, plan->fabric);
	vec_each(host, &plan->hosts) {
		if (strncmp(host->namespace, fabric, length) || host->namespace[length] != '-' ||
		    strchr(host->namespace, '/'))
			return net_refuse(error, -EINVAL, "the name of namespace '%s' must begin with '%s-'",
					  host->namespace, fabric);
	}
	return 0;
}

static int check_plan(const struct net_plan *plan, struct error *error)
{
	int err = check_names(plan, error);

	vec_each(link, &plan->links) {
		for (int i = 0; i < 2 && !err; i++)
			err = check_port(&link->end[i], error);
	}
	vec_each(host, &plan->hosts) {
		if (!err)
			err = check_port(&host->port, error);
	}
	return err;
}

static struct link_want port_want(const struct net_port *port, unsigned mtu, bool up)
{
	return (struct link_want){
		.ifindex = port->ifindex,
		.name = port->name,
		.alias = port->alias[0] ? port->alias : NULL,
		.mac = port->mac,
		.mtu = mtu,
		.tx_queues = port->queues[0],
		.rx_queues = port->queues[1],
		.up = up,
		.ns = -1,
	};
}

/* The fabric's ends of a pair: two of a link, one of a host. Down is said to the first only, both lose carrier. */
static int pair_ports(const struct pair *pair, struct link_want want[2])
{
	if (pair->host) {
		want[0] = port_want(&pair->host->port, pair->host->mtu, pair->host->up);
		return 1;
	}
	want[0] = port_want(&pair->link->end[0], pair->link->mtu, pair->link->up);
	want[1] = port_want(&pair->link->end[1], pair->link->mtu, true);
	return 2;
}

/* Looking */

static int take_nsid(const struct nlmsghdr *msg, void *arg)
{
	const struct nlattr *tb[NETNSA_NSID + 1];
	int32_t *nsid = arg;

	*nsid = -1;
	if (!msg)
		return 0;
	nl_attributes(msg, sizeof(struct rtgenmsg), tb, NETNSA_NSID);
	if (tb[NETNSA_NSID])
		*nsid = (int32_t)mnl_attr_get_u32(tb[NETNSA_NSID]);
	return 0;
}

static int ask_nsid(struct work *w, const char *name, int32_t *nsid)
{
	int fd = ns_open(name, w->error);
	struct nlmsghdr *msg;
	int err;

	if (fd < 0)
		return fd;
	msg = nl_begin(w->nl, RTM_GETNSID, 0);
	mnl_nlmsg_put_extra_header(msg, sizeof(struct rtgenmsg));
	mnl_attr_put_u32(msg, NETNSA_FD, (uint32_t)fd);
	err = nl_ask(w->nl, take_nsid, nsid, w->error);
	close(fd);
	return err;
}

/* Returns whether the namespace is there, or -errno: a foreign one is not touched. */
static int look_at_namespace(struct work *w, const char *name, unsigned *todo, struct nl **nl)
{
	enum ns_kind kind;
	int err = ns_look(name, w->plan->lab, &kind, nl, w->error);

	if (err)
		return err;
	if (kind == NS_FOREIGN)
		return ns_foreign(name, w->error);
	if (kind == NS_OURS)
		return 1;
	*todo |= TODO_NAMESPACE;
	net_note(&w->why, "namespace '%s' is missing", name);
	return 0;
}

static int look_at_fabric(struct work *w)
{
	int there = look_at_namespace(w, w->plan->fabric, &w->fabric_todo, &w->nl);

	if (there <= 0)
		return there;
	if (!sysctl_check(false, w->plan->fabric, &w->why))
		w->fabric_todo |= TODO_SYSCTL;
	return links_read(w->nl, &w->links, w->error);
}

static int look_at_host(struct work *w, struct pair *pair)
{
	struct nl *nl = NULL;
	int there = look_at_namespace(w, pair->host->namespace, &pair->todo, &nl);
	int todo;

	if (there <= 0)
		return there;
	todo = host_look(pair->host, nl, &pair->seen, &w->why, w->error);
	nl_close(nl);
	if (todo < 0)
		return todo;
	pair->todo |= (unsigned)todo;
	return w->nl ? ask_nsid(w, pair->host->namespace, &pair->nsid) : 0;
}

static void keep(struct work *w, const struct link_seen *link)
{
	w->fates[link - w->links.items] = FATE_KEPT;
}

static struct link_seen *find_end(const struct work *w, const struct net_port *port)
{
	struct link_seen *link = links_find(&w->links, port->ifindex);

	if (!link || !link->veth || strcmp(link->name, port->name))
		return NULL;
	return link->tx_queues == link_queues(port->queues[0]) && link->rx_queues == link_queues(port->queues[1])
		       ? link
		       : NULL;
}

/* Only a pair that leads from the right port to the right place is the pair that is wanted. */
static bool pair_is_there(struct work *w, const struct pair *pair)
{
	struct link_seen *a = find_end(w, pair->host ? &pair->host->port : &pair->link->end[0]);
	struct link_seen *b;

	if (!a)
		return false;
	if (pair->host) {
		if (!pair->seen.has_eth || a->peer != NET_HOST_IFINDEX || a->peer_nsid < 0 ||
		    a->peer_nsid != pair->nsid)
			return false;
		keep(w, a);
		return true;
	}
	b = find_end(w, &pair->link->end[1]);
	if (!b || a->peer != b->ifindex || a->peer_nsid >= 0)
		return false;
	keep(w, a);
	keep(w, b);
	return true;
}

static void compare_pair(struct work *w, struct pair *pair)
{
	struct link_want want[2];
	int n = pair_ports(pair, want);

	if (!pair_is_there(w, pair)) {
		net_note(&w->why, "the pair of '%s' in namespace '%s' is missing or leads elsewhere", want[0].name,
			 w->plan->fabric);
		pair->todo |= TODO_PAIR | (pair->host ? TODO_HOST : 0);
		return;
	}
	for (int i = 0; i < n; i++) {
		if (!link_is_as_wanted(links_find(&w->links, want[i].ifindex), &want[i], w->plan->fabric, &w->why))
			pair->todo |= TODO_PORTS;
	}
}

static bool is_in_the_way(const struct work *w, const struct link_seen *link)
{
	struct link_want want[2];

	vec_each(pair, &w->pairs) {
		int n = pair->todo & TODO_PAIR ? pair_ports(pair, want) : 0;

		for (int i = 0; i < n; i++) {
			if (link->ifindex == want[i].ifindex || !strcmp(link->name, want[i].name))
				return true;
		}
	}
	return false;
}

static void decide_fates(struct work *w)
{
	for (size_t i = 0; i < w->links.n; i++) {
		const struct link_seen *link = &w->links.items[i];

		if (w->fates[i] == FATE_KEPT)
			continue;
		if (is_in_the_way(w, link))
			w->fates[i] = FATE_IN_THE_WAY;
		else if (link->veth && (link->group == NET_GROUP || link->group == NET_GROUP_DOOMED))
			w->fates[i] = FATE_OBSOLETE;
	}
}

static bool is_in_plan(const struct net_plan *plan, const char *name)
{
	if (!strcmp(name, plan->fabric))
		return true;
	vec_each(host, &plan->hosts) {
		if (!strcmp(name, host->namespace))
			return true;
	}
	return false;
}

static int find_gone(struct work *w)
{
	ns_list all = {};
	int err = ns_scan(w->plan->lab, &all, w->error);

	vec_each(entry, &all) {
		if (is_in_plan(w->plan, entry->name))
			free(entry->name);
		else
			vec_push(&w->gone, *entry);
	}
	vec_free(&all);
	return err;
}

static int look(struct work *w)
{
	int err = check_plan(w->plan, w->error);

	if (!err)
		err = find_gone(w);
	if (!err)
		err = look_at_fabric(w);
	if (err)
		return err;
	vec_each(link, &w->plan->links)
		vec_push(&w->pairs, ((struct pair){.link = link, .nsid = -1}));
	vec_each(host, &w->plan->hosts)
		vec_push(&w->pairs, ((struct pair){.host = host, .nsid = -1}));
	w->fates = xcalloc(w->links.n, sizeof(*w->fates));
	vec_each(pair, &w->pairs) {
		if (pair->host)
			err = look_at_host(w, pair);
		if (err)
			return err;
		compare_pair(w, pair);
	}
	decide_fates(w);
	return 0;
}

static void count(const struct work *w, struct net_changes *changes)
{
	unsigned inner_ends = 0;

	*changes = (struct net_changes){};
	changes->namespaces_added = !!(w->fabric_todo & TODO_NAMESPACE);
	changes->links_set = !!(w->fabric_todo & TODO_SYSCTL);
	vec_each(pair, &w->pairs) {
		changes->namespaces_added += !!(pair->todo & TODO_NAMESPACE);
		changes->links_added += !!(pair->todo & TODO_PAIR);
		changes->links_set += pair->todo && !(pair->todo & TODO_PAIR);
	}
	vec_each(entry, &w->gone)
		changes->namespaces_removed += entry->kind == NS_OURS;
	for (size_t i = 0; i < w->links.n; i++) {
		if (w->fates[i] != FATE_OBSOLETE && w->fates[i] != FATE_IN_THE_WAY)
			continue;
		if (w->links.items[i].peer_nsid < 0)
			inner_ends++;
		else
			changes->links_removed++;
	}
	changes->links_removed += (inner_ends + 1) / 2;
}

/* Doing */

static int make_namespaces(struct work *w)
{
	int err = 0;

	if (w->fabric_todo & TODO_NAMESPACE)
		err = ns_create(w->plan->fabric, w->plan->lab, false, w->error);
	vec_each(pair, &w->pairs) {
		if (!err && pair->todo & TODO_NAMESPACE)
			err = ns_create(pair->host->namespace, w->plan->lab, true, w->error);
	}
	return err;
}

static int enter_fabric(struct work *w)
{
	int err = net_enter(w->plan->fabric, w->error);

	if (!err && w->fabric_todo & TODO_SYSCTL)
		err = sysctl_set(false, w->plan->fabric, w->error);
	if (err || w->nl)
		return err;
	w->nl = nl_open(w->error);
	return w->nl ? 0 : -ENOTSUP;
}

static int remove_links(struct work *w, enum fate fate)
{
	bool any = false;

	for (size_t i = 0; i < w->links.n; i++) {
		if (w->fates[i] != fate)
			continue;
		link_doom(w->nl, w->links.items[i].ifindex, w->links.items[i].name);
		any = true;
	}
	if (any)
		links_delete_group(w->nl, NET_GROUP_DOOMED);
	return nl_flush(w->nl, w->error);
}

static int clear_hosts(struct work *w)
{
	int err = 0;

	vec_each(pair, &w->pairs) {
		if (!err && pair->host && pair->todo & TODO_PAIR && pair->seen.intruders.n)
			err = host_clear(pair->host, &pair->seen, w->error);
	}
	return err;
}

static int queue_pair(struct work *w, const struct pair *pair, int *fd)
{
	struct link_want want[2];

	pair_ports(pair, want);
	*fd = -1;
	if (pair->host) {
		*fd = ns_open(pair->host->namespace, w->error);
		if (*fd < 0)
			return *fd;
		want[1] = host_end(pair->host, *fd);
	}
	link_create(w->nl, &want[0], &want[1]);
	return 0;
}

static int make_pairs(struct work *w)
{
	int fds[PAIRS_PER_BATCH];
	int n = 0, err = 0;
	int failed;

	vec_each(pair, &w->pairs) {
		if (pair->todo & TODO_PAIR)
			err = queue_pair(w, pair, &fds[n++]);
		if (!err && n < PAIRS_PER_BATCH && pair + 1 < pair_end)
			continue;
		failed = nl_flush(w->nl, err ? NULL : w->error);
		err = err ? err : failed;
		while (n)
			close(fds[--n]);
		if (err)
			break;
	}
	return err;
}

static int set_ports(struct work *w)
{
	struct link_want want[2];

	vec_each(pair, &w->pairs) {
		int n = pair->todo & TODO_PORTS ? pair_ports(pair, want) : 0;

		for (int i = 0; i < n; i++)
			link_set(w->nl, &want[i]);
	}
	return nl_flush(w->nl, w->error);
}

static int configure_hosts(struct work *w)
{
	int err = 0;

	vec_each(pair, &w->pairs) {
		unsigned todo = pair->todo & (TODO_HOST | TODO_SYSCTL);

		if (!err && pair->host && todo)
			err = host_configure(pair->host, todo, w->error);
	}
	return err;
}

static int remove_gone(struct work *w)
{
	int err = 0;

	vec_each(entry, &w->gone) {
		if (!err)
			err = ns_retire(entry, &w->ids, w->error);
	}
	return err;
}

/* What is not wanted goes last, unless it is in the way: a failure leaves what ran before. */
static int make_it_so(struct work *w)
{
	int err = make_namespaces(w);

	err = err ? err : enter_fabric(w);
	err = err ? err : remove_links(w, FATE_IN_THE_WAY);
	err = err ? err : clear_hosts(w);
	err = err ? err : make_pairs(w);
	err = err ? err : set_ports(w);
	err = err ? err : configure_hosts(w);
	err = err ? err : remove_links(w, FATE_OBSOLETE);
	return err ? err : remove_gone(w);
}

static void work_free(struct work *w)
{
	vec_each(pair, &w->pairs)
		vec_free(&pair->seen.intruders);
	vec_free(&w->pairs);
	vec_free(&w->links);
	free(w->fates);
	ns_list_free(&w->gone);
	vec_free(&w->ids);
	nl_close(w->nl);
}

/* The entries */

struct call {
	struct work work;
	struct net_changes *changes;
	bool dry;
};

static int apply(void *arg)
{
	struct call *call = arg;
	int err = look(&call->work);

	if (err)
		return err;
	count(&call->work, call->changes);
	return call->dry ? 0 : make_it_so(&call->work);
}

int net_apply(const struct net_plan *plan, bool dry, struct net_changes *changes, struct error *error)
{
	struct net_changes unused;
	struct call call = {
		.work = {.plan = plan, .error = error},
		.changes = changes ? changes : &unused,
		.dry = dry,
	};
	int err;

	error->text[0] = 0;
	*call.changes = (struct net_changes){};
	err = worker_run(apply, &call, error);
	if (!err && call.work.ids.n)
		ns_held_by(&call.work.ids, call.changes->held, sizeof(call.changes->held));
	work_free(&call.work);
	return err;
}

static int verify(void *arg)
{
	struct work *w = arg;
	int err = look(w);

	if (!err && w->why.text[0])
		return net_refuse(w->error, -EINVAL, "%s; load the lab again", w->why.text);
	return err;
}

int net_verify(const struct net_plan *plan, struct error *error)
{
	struct work work = {.plan = plan, .error = error};
	int err;

	error->text[0] = 0;
	err = worker_run(verify, &work, error);
	work_free(&work);
	return err;
}
