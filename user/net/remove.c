// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "net/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define WAIT_MS 2000
#define STEP_MS 5

static bool is_ours(const struct link_seen *link)
{
	return link->group == NET_GROUP || link->group == NET_GROUP_DOOMED;
}

/* The request has removed them when it returns; but an end whose other namespace is being torn down goes later. */
static int wait_until_gone(struct nl *nl, const char *name, struct error *error)
{
	struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
	links_seen links = {};
	int err = 0;
	size_t left;

	for (int waited = 0;; waited += STEP_MS) {
		err = links_read(nl, &links, error);
		left = 0;
		vec_each(link, &links)
			left += is_ours(link);
		if (err || !left)
			break;
		if (waited >= WAIT_MS) {
			err = net_refuse(error, -EBUSY, "%zu interfaces in namespace '%s' do not go away; try again",
					 left, name);
			break;
		}
		nanosleep(&step, NULL);
	}
	vec_free(&links);
	return err;
}

/* Remove what was made inside. A process that stays keeps the namespace, but no interface of the lab. */
static int empty_namespace(const char *name, struct error *error)
{
	int err = net_enter(name, error);
	struct nl *nl;

	if (err)
		return err;
	nl = nl_open(error);
	if (!nl)
		return -ENOTSUP;
	links_delete_group(nl, NET_GROUP);
	links_delete_group(nl, NET_GROUP_DOOMED);
	err = nl_flush(nl, error);
	if (!err)
		err = wait_until_gone(nl, name, error);
	nl_close(nl);
	return err;
}

int ns_retire(const struct ns_entry *entry, ns_ids *ids, struct error *error)
{
	int err = 0;

	if (entry->kind == NS_OURS) {
		err = empty_namespace(entry->name, error);
		ns_ids_add(ids, entry->name);
	}
	return err ? err : ns_remove(entry->name, error);
}

struct removal {
	const char *lab;
	unsigned removed;
	ns_ids ids;
	struct error *error;
};

static int compare_entries(const void *a, const void *b)
{
	return strcmp(((const struct ns_entry *)a)->name, ((const struct ns_entry *)b)->name);
}

/* Sorted by name the fabric comes first, and with its ends go those of all hosts, in one request. */
static int remove_all(void *arg)
{
	struct removal *removal = arg;
	ns_list list = {};
	int err = ns_scan(removal->lab, &list, removal->error);

	if (!err && list.n)
		qsort(list.items, list.n, sizeof(*list.items), compare_entries);
	vec_each(entry, &list) {
		if (!err)
			err = ns_retire(entry, &removal->ids, removal->error);
		if (!err && entry->kind == NS_OURS)
			removal->removed++;
	}
	ns_list_free(&list);
	return err;
}

int net_remove(const char *lab, unsigned *removed, struct error *held)
{
	struct removal removal = {.lab = lab, .error = held};
	int err;

	held->text[0] = 0;
	err = worker_run(remove_all, &removal, held);
	if (!err)
		ns_held_by(&removal.ids, held->text, sizeof(held->text));
	if (removed)
		*removed = removal.removed;
	vec_free(&removal.ids);
	return err;
}
