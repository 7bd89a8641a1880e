// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A forwarding image into the maps. Each part reads what the kernel has, writes
 * what differs and nothing else; what the kernel has is the truth, so a former
 * run that was killed half-way is simply continued.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "dp/internal.h"

#define ROUTES_PER_CALL 4096

struct writer {
	struct dp *dp;
	const struct image *image;
	bool dry;
	struct dp_changes *changes;
	struct error *e;
};

static int write_failed(struct writer *w, const char *what)
{
	return dp_write_failed(w->dp, what, -errno, w->e);
}

static int read_failed(struct writer *w, const char *what)
{
	return error_set(w->e, -errno, "cannot read %s of lab '%s': %s", what, w->dp->lab, strerror(errno));
}

/* --- Arrays ----------------------------------------------------------------------------------------------------- */

/* An array's present content, all of it, and which entries the image has. */
struct array {
	enum dp_map map;
	const char *what;
	uint32_t entries;
	size_t size;
	uint8_t *now;
	bool *wanted;
};

static int array_read(struct writer *w, struct array *a)
{
	a->now = xcalloc(a->entries, a->size);
	a->wanted = xcalloc(a->entries, sizeof(*a->wanted));
	return dp_read_array(w->dp, a->map, a->what, a->entries, a->size, a->now, w->e);
}

static void array_free(struct array *a)
{
	free(a->now);
	free(a->wanted);
}

static void *array_at(struct array *a, uint32_t key)
{
	return a->now + (size_t)key * a->size;
}

/* Make one entry be value; *changed counts it. */
static int array_write(struct writer *w, struct array *a, uint32_t key, const void *value, unsigned *changed)
{
	a->wanted[key] = true;
	if (!memcmp(array_at(a, key), value, a->size))
		return 0;
	(*changed)++;
	if (!w->dry && bpf_map_update_elem(w->dp->maps[a->map], &key, value, BPF_ANY))
		return write_failed(w, a->what);
	memcpy(array_at(a, key), value, a->size);
	return 0;
}

/* Zero what the image does not have. */
static int array_clear_rest(struct writer *w, struct array *a, unsigned *changed)
{
	void *zero = xcalloc(1, a->size);
	int err = 0;

	for (uint32_t key = 0; key < a->entries && !err; key++) {
		if (!a->wanted[key])
			err = array_write(w, a, key, zero, changed);
	}
	free(zero);
	return err;
}

/* --- Parts ------------------------------------------------------------------------------------------------------ */

static int apply_policies(struct writer *w)
{
	struct array a = {DP_MAP_policies, "the TTL policy", ERX_MAX_POLICY_SETS * ERX_N_ROLES * ERX_N_ROLES,
			  sizeof(struct erx_policy)};
	int err = array_read(w, &a);

	vec_each(p, &w->image->policies) {
		for (unsigned in = 0; in < ERX_N_ROLES; in++)
			for (unsigned out = 0; out < ERX_N_ROLES && !err; out++)
				err = array_write(w, &a, ERX_POLICY_INDEX(p->set, in, out), &p->policy.of[in][out],
						  &w->changes->policies);
	}
	array_free(&a);
	return err;
}

/* due_ns belongs to the programs. */
static int apply_limits(struct writer *w)
{
	struct array a = {DP_MAP_icmp_limits, "the ICMP limits", ERX_MAX_DEVICES, sizeof(struct erx_schedule)};
	int err = array_read(w, &a);

	vec_each(d, &w->image->devices) {
		struct erx_schedule limit = d->limit;

		if (err)
			break;
		limit.due_ns = ((struct erx_schedule *)array_at(&a, d->id))->due_ns;
		err = array_write(w, &a, d->id, &limit, &w->changes->icmp_limits);
	}
	array_free(&a);
	return err;
}

/* What a meter had counted before it was taken away says nothing about the next one with its number. */
static int forget_spent(struct writer *w, uint32_t id)
{
	struct erx_spent *zero = xcalloc(w->dp->cpus, sizeof(*zero));
	int err = 0;

	if (!w->dry && bpf_map_update_elem(w->dp->maps[DP_MAP_spent], &id, zero, BPF_ANY))
		err = write_failed(w, "the meters");
	free(zero);
	return err;
}

/* due_ns belongs to the programs. */
static int apply_meters(struct writer *w, struct array *a)
{
	static const struct erx_meter none;

	vec_each(m, &w->image->meters) {
		const struct erx_meter *now = array_at(a, m->id);
		struct erx_meter entry = m->entry;
		int err = 0;

		for (int unit = 0; unit < ERX_N_UNITS; unit++)
			entry.rates[unit].schedule.due_ns = now->rates[unit].schedule.due_ns;
		if (!memcmp(now, &none, sizeof(none)))
			err = forget_spent(w, m->id);
		if (!err)
			err = array_write(w, a, m->id, &entry, &w->changes->meters);
		if (err)
			return err;
	}
	return 0;
}

/* New ports before anything leads there; ports that change after the tables they will use. */
static int apply_ports(struct writer *w, struct array *a, bool fresh)
{
	vec_each(p, &w->image->ports) {
		const struct erx_port *now = array_at(a, p->id);
		int err;

		if (fresh && now->hash_basis)
			continue;
		err = array_write(w, a, p->id, &p->entry, &w->changes->ports);
		if (err)
			return err;
	}
	return 0;
}

static int apply_links(struct writer *w)
{
	bool anew = dp_fabric_is_new(w->dp);

	vec_each(p, &w->image->ports) {
		uint32_t ifindex = ERX_FIRST_IFINDEX + p->id, now = 0;

		/* ENOENT: no interface yet. */
		if (bpf_map_lookup_elem(w->dp->maps[DP_MAP_links], &p->id, &now) && errno != ENOENT)
			return read_failed(w, "the port of an interface");
		if (now == ifindex && !anew)
			continue;
		w->changes->interfaces++;
		if (!w->dry && bpf_map_update_elem(w->dp->maps[DP_MAP_links], &p->id, &ifindex, BPF_ANY))
			return write_failed(w, "the port of an interface");
	}
	return 0;
}

static int apply_adjacencies(struct writer *w, struct array *a)
{
	vec_each(adj, &w->image->adjacencies) {
		int err = array_write(w, a, adj->id, &adj->entry, &w->changes->adjacencies);

		if (err)
			return err;
	}
	return 0;
}

static int apply_legs(struct writer *w)
{
	struct array a = {DP_MAP_legs, "the path legs", ERX_MAX_LEGS, sizeof(uint32_t)};
	int err = array_read(w, &a);

	vec_each(leg, &w->image->legs) {
		if (!err)
			err = array_write(w, &a, leg->index, &leg->path, &w->changes->legs);
	}
	array_free(&a);
	return err;
}

/* FastPath addresses lead to groups, too. */
static int apply_groups(struct writer *w)
{
	int err = dp_remember(w->dp, w->e);

	if (!err)
		err = dp_write_groups(w->dp, w->image, w->dry, &w->changes->groups, w->e);
	return err ? err : dp_write_blocks(w->dp, w->image, w->dry, &w->changes->blocks, w->e);
}

/* --- Paths ------------------------------------------------------------------------------------------------------ */

static int add_path(struct writer *w, const struct image_path *path)
{
	struct erx_path *values = xcalloc(w->dp->cpus, sizeof(*values));
	unsigned patience = DP_RESERVE_TRIES;
	int err = 0;

	for (int i = 0; i < w->dp->cpus; i++) {
		snprintf(values[i].lab, sizeof(values[i].lab), "%s", w->dp->lab);
		snprintf(values[i].name, sizeof(values[i].name), "%s", path->name);
	}
	while (!err && bpf_map_update_elem(w->dp->maps[DP_MAP_paths], &path->id, values, BPF_ANY)) {
		if (!dp_wait_for_reserve(&patience))
			err = write_failed(w, "a path counter");
	}
	free(values);
	return err;
}

/* Counters of paths that stay are not touched: what cannot be read is not written either. */
static int apply_paths(struct writer *w)
{
	struct erx_path *values = xcalloc(w->dp->cpus, sizeof(*values));
	int err = 0;

	vec_each(path, &w->image->paths) {
		int missing = bpf_map_lookup_elem(w->dp->maps[DP_MAP_paths], &path->id, values);

		if (missing && errno != ENOENT)
			err = read_failed(w, "a path counter");
		else if (!missing && !strncmp(values[0].name, path->name, ERX_PATH_LEN - 1))
			continue;
		w->changes->paths++;
		if (!err && !w->dry)
			err = add_path(w, path);
		if (err)
			break;
	}
	free(values);
	return err;
}

static int remove_path(struct writer *w, uint32_t id)
{
	w->changes->paths++;
	if (!w->dry && bpf_map_delete_elem(w->dp->maps[DP_MAP_paths], &id) && errno != ENOENT)
		return write_failed(w, "a path counter");
	return 0;
}

static int remove_paths(struct writer *w)
{
	int fd = w->dp->maps[DP_MAP_paths];
	bool *wanted = xcalloc(ERX_MAX_PATHS, sizeof(*wanted));
	uint32_t key, next;
	int err = 0, end;

	vec_each(path, &w->image->paths)
		wanted[path->id] = true;
	end = bpf_map_get_next_key(fd, NULL, &next) ? errno : 0;
	while (!err && !end) {
		key = next;
		end = bpf_map_get_next_key(fd, &key, &next) ? errno : 0;
		if (key >= ERX_MAX_PATHS || !wanted[key])
			err = remove_path(w, key);
	}
	if (!err && end != ENOENT) {
		errno = end;
		err = read_failed(w, "the path counters");
	}
	free(wanted);
	return err;
}

/* --- Routes ----------------------------------------------------------------------------------------------------- */

struct loaded_route {
	struct erx_route_key key;
	struct erx_route value;
};
typedef VEC(struct loaded_route) loaded_routes;

static int by_key(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct erx_route_key));
}

/* The whole trie, sorted by key. */
static int read_routes(struct writer *w, loaded_routes *out)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	struct erx_route_key *keys = xcalloc(ROUTES_PER_CALL, sizeof(*keys)), at;
	struct erx_route *values = xcalloc(ROUTES_PER_CALL, sizeof(*values));
	bool first = true;
	int end;

	do {
		uint32_t count = ROUTES_PER_CALL;

		end = bpf_map_lookup_batch(w->dp->maps[DP_MAP_routes], first ? NULL : &at, &at, keys, values, &count,
					   &opts)
			      ? errno
			      : 0;
		/* The last of them come with ENOENT. */
		for (uint32_t i = 0; (!end || end == ENOENT) && i < count; i++)
			vec_push(out, ((struct loaded_route){keys[i], values[i]}));
		first = false;
	} while (!end);
	free(keys);
	free(values);
	if (end != ENOENT)
		return error_set(w->e, -end, "cannot read the routes of lab '%s': %s", w->dp->lab, strerror(end));
	if (out->n)
		qsort(out->items, out->n, sizeof(*out->items), by_key);
	return 0;
}

static struct loaded_route route_entry(const struct image_route *r)
{
	struct loaded_route out = {
		.key = {.prefixlen = ERX_TABLE_BITS + r->prefix.len, .table = htonl(r->table)},
		.value = {.group = r->group},
	};
	struct prefix network = prefix_network(&r->prefix);

	memcpy(out.key.addr, network.addr.bytes, sizeof(out.key.addr));
	return out;
}

/* Routes on their way into the trie, many in a call. */
struct route_batch {
	uint32_t n;
	struct erx_route_key keys[ROUTES_PER_CALL];
	struct erx_route values[ROUTES_PER_CALL];
};

static int write_routes(struct writer *w, struct route_batch *batch)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	unsigned patience = DP_RESERVE_TRIES;
	uint32_t done = 0, n = batch->n;

	batch->n = 0;
	while (done < n && !w->dry) {
		uint32_t count = n - done;
		int err = bpf_map_update_batch(w->dp->maps[DP_MAP_routes], batch->keys + done, batch->values + done,
					       &count, &opts);

		if (err && !dp_wait_for_reserve(&patience))
			return write_failed(w, "the routes");
		/* Where the kernel fails before the first entry it does not touch the count: none, not all. */
		done += err && count == n - done ? 0 : count;
	}
	return 0;
}

static int add_routes(struct writer *w, const loaded_routes *now, const loaded_routes *wanted)
{
	struct route_batch *batch = xcalloc(1, sizeof(*batch));
	int err = 0;

	vec_each(r, wanted) {
		const struct loaded_route *old = NULL;

		if (now->n)
			old = bsearch(r, now->items, now->n, sizeof(*r), by_key);
		if (old && old->value.group == r->value.group)
			continue;
		w->changes->routes_added += !old;
		w->changes->routes_changed += !!old;
		batch->keys[batch->n] = r->key;
		batch->values[batch->n++] = r->value;
		if (batch->n == ROUTES_PER_CALL)
			err = write_routes(w, batch);
		if (err)
			break;
	}
	if (!err)
		err = write_routes(w, batch);
	free(batch);
	return err;
}

static int remove_routes(struct writer *w, const loaded_routes *now, const loaded_routes *wanted)
{
	vec_each(r, now) {
		if (wanted->n && bsearch(r, wanted->items, wanted->n, sizeof(*r), by_key))
			continue;
		w->changes->routes_removed++;
		if (!w->dry && bpf_map_delete_elem(w->dp->maps[DP_MAP_routes], &r->key))
			return write_failed(w, "the routes");
	}
	return 0;
}

/* Routes are taken away only when no port uses their table any more: a port may have changed to another one. */
static int apply_routes(struct writer *w, struct array *ports)
{
	loaded_routes now = {}, wanted = {};
	int err = read_routes(w, &now);

	if (!err) {
		vec_each(r, &w->image->routes)
			vec_push(&wanted, route_entry(r));
		if (wanted.n)
			qsort(wanted.items, wanted.n, sizeof(*wanted.items), by_key);
		err = add_routes(w, &now, &wanted);
	}
	if (!err)
		err = apply_ports(w, ports, false);
	if (!err)
		err = array_clear_rest(w, ports, &w->changes->ports);
	if (!err)
		err = remove_routes(w, &now, &wanted);
	vec_free(&now);
	vec_free(&wanted);
	return err;
}

/* --- All of it -------------------------------------------------------------------------------------------------- */

static int apply_control(struct writer *w)
{
	struct stat st;

	if (stat("/proc/thread-self/ns/net", &st))
		return error_set(w->e, -errno, "cannot read the number of the namespace of lab '%s' from /proc: %s",
				 w->dp->lab, strerror(errno));
	if (w->dp->control->fabric_inode == (uint32_t)st.st_ino)
		return 0;
	w->changes->fabrics++;
	if (!w->dry)
		__atomic_store_n(&w->dp->control->fabric_inode, st.st_ino, __ATOMIC_SEQ_CST);
	return 0;
}

unsigned dp_changes_sum(const struct dp_changes *c)
{
#define X(field, name, text) +c->field
	return 0 DP_CHANGES(X);
#undef X
}

static int apply_all(struct writer *w)
{
	struct array ports = {DP_MAP_ports, "the ports", ERX_MAX_PORTS, sizeof(struct erx_port)};
	struct array adjacencies = {DP_MAP_adjacencies, "the adjacencies", ERX_MAX_ADJACENCIES,
				    sizeof(struct erx_adjacency)};
	struct array meters = {DP_MAP_meters, "the meters", ERX_MAX_METERS, sizeof(struct erx_meter)};
	int err;

	if (!w->dry)
		dp_renumber(w->dp, w->image);
	err = array_read(w, &ports);
	if (!err)
		err = array_read(w, &adjacencies);
	if (!err)
		err = array_read(w, &meters);
	if (!err)
		err = apply_policies(w);
	if (!err)
		err = apply_meters(w, &meters);
	if (!err)
		err = apply_limits(w);
	if (!err)
		err = apply_legs(w);
	if (!err)
		err = apply_paths(w);
	if (!err)
		err = apply_links(w);
	/* Once every interface is of this namespace: a run that is killed before begins anew. */
	if (!err)
		err = apply_control(w);
	if (!err)
		err = apply_adjacencies(w, &adjacencies);
	if (!err)
		err = apply_ports(w, &ports, true);
	if (!err)
		err = apply_groups(w);
	if (!err)
		err = apply_routes(w, &ports);
	if (!err)
		err = array_clear_rest(w, &adjacencies, &w->changes->adjacencies);
	if (!err)
		err = array_clear_rest(w, &meters, &w->changes->meters);
	if (!err)
		err = remove_paths(w);
	array_free(&ports);
	array_free(&adjacencies);
	array_free(&meters);
	return err;
}

int dp_apply(struct dp *dp, const struct image *image, bool dry, struct dp_changes *changes, struct error *e)
{
	struct writer w = {.dp = dp, .image = image, .dry = dry, .changes = changes, .e = e};
	int err = 0;

	memset(changes, 0, sizeof(*changes));
	changes->interrupted += dp_was_interrupted(dp);
	dp_forget(dp);
	if (!dry)
		err = dp_begin_change(dp, e);
	if (err)
		return err;
	err = apply_all(&w);
	if (!dry)
		dp_end_change(dp);
	/* The ports have been written since they were read. */
	dp_forget(dp);
	return err;
}
