// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * For each kind of destination, a walk over ports: from the port a packet came
 * in by, along every member that its device may choose and that lowers nothing,
 * to the port at the other end. A port met again on the same walk is a loop.
 *
 * Destinations whose prefixes lead to the same groups everywhere are one kind,
 * so thousands of customer prefixes are walked once.
 */
#include "fwd/loops.h"

#include <string.h>
#include <uthash.h>

struct destination { /* a prefix, and what it leads to in all tables */
	UT_hash_handle hh;
	struct prefix prefix;
	uint64_t signature;
};

struct kind_seen {
	UT_hash_handle hh;
	uint64_t signature;
};

enum color { UNSEEN, ON_WALK, DONE };

struct search {
	const struct image *image;
	const bool *candidates; /* by port: a loop may enter here */
	struct addr to;
	uint8_t *colors;   /* by port: enum color */
	uint32_t *came_by; /* by port: the port before it on this walk */
	uint32_t end;	   /* where the loop closed */
};

static uint64_t mix(uint64_t a, uint64_t b)
{
	uint64_t h = (a * 0x9e3779b97f4a7c15ull) ^ (b + 0x7f4a7c159e3779b9ull);

	h ^= h >> 29;
	return h * 0xbf58476d1ce4e5b9ull;
}

static bool visit(struct search *s, uint32_t port);

static bool follow(struct search *s, uint32_t port, const struct image_adjacency *adj)
{
	const struct image_port *in = &s->image->ports.items[port];
	struct policy_case a_case = policy_case_of(s->image->fabric, in->port);
	uint32_t next = port_peer(s->image->fabric, adj->port);

	if (next == NO_INDEX || policy_find(&a_case, in->entry.role, adj->entry.role)->policy.decrements)
		return false;
	if (s->colors[next] == DONE || !s->candidates[next])
		return false;
	if (s->colors[next] == UNSEEN) {
		s->came_by[next] = port;
		return visit(s, next);
	}
	s->came_by[next] = port;
	s->end = next;
	return true;
}

/* As deep as the lab has ports at most: each is entered once. */
static bool visit(struct search *s, uint32_t port)
{
	const struct image_route *r = image_lookup(s->image, image_table_of_port(s->image, port), &s->to);
	const struct erx_hops *hops = r ? &s->image->groups.items[r->group_at].entry : NULL;

	s->colors[port] = ON_WALK;
	for (uint32_t i = 0; hops && !(hops->flags & ERX_GROUP_STOPS) && i < hops->n; i++) {
		if (follow(s, port, image_adjacency(s->image, hops->members[i].adjacency)))
			return true;
	}
	s->colors[port] = DONE;
	return false;
}

static bool search_to(const struct image *image, const bool *candidates, const struct addr *to, struct loop *out)
{
	size_t n = image->ports.n;
	struct search s = {.image = image,
			   .candidates = candidates,
			   .to = *to,
			   .colors = xcalloc(n, 1),
			   .came_by = xcalloc(n, sizeof(uint32_t))};
	bool found = false;

	for (uint32_t port = 0; port < n && !found; port++)
		found = candidates[port] && s.colors[port] == UNSEEN && visit(&s, port);
	if (found) {
		uint32_t port = s.end;

		out->destination = *to;
		do {
			const struct port *p = &image->fabric->ports.items[port];

			vec_push(&out->devices, &image->fabric->devices.items[p->device]);
			port = s.came_by[port];
		} while (port != s.end);
	}
	free(s.colors);
	free(s.came_by);
	return found;
}

/* --- Where a loop can be at all ---------------------------------------------------------------------------------- */

/* Whether the device may send on what enters here, also back to where it came from, without lowering anything. */
static bool is_neutral(const struct image *image, const struct image_port *in)
{
	const struct device *d = &image->fabric->devices.items[in->port->device];
	struct policy_case a_case = policy_case_of(image->fabric, in->port);

	vec_each(p, &d->ports) {
		const struct image_port *out = &image->ports.items[*p];

		if (out != in && !policy_find(&a_case, in->entry.role, out->entry.role)->policy.decrements)
			return true;
	}
	return false;
}

/* Whether the device that sends into this port has itself a port that a loop may enter by. */
static bool has_candidate_before(const struct image *image, const bool *candidates, uint32_t port)
{
	uint32_t peer = port_peer(image->fabric, port);

	if (peer == NO_INDEX)
		return false;
	vec_each(p, &image->fabric->devices.items[image->fabric->ports.items[peer].device].ports) {
		if (candidates[*p])
			return true;
	}
	return false;
}

/* Most labs have few such ports: most links have a device that lowers the TTL at one end. */
static bool *find_candidates(const struct image *image)
{
	bool *candidates = xcalloc(image->ports.n, sizeof(*candidates)), changed = true;

	vec_each(p, &image->ports)
		candidates[p->port->index] = is_neutral(image, p);
	while (changed) {
		changed = false;
		for (uint32_t port = 0; port < image->ports.n; port++) {
			if (!candidates[port] || has_candidate_before(image, candidates, port))
				continue;
			candidates[port] = false;
			changed = true;
		}
	}
	return candidates;
}

/* --- Which destinations ------------------------------------------------------------------------------------------ */

/* Every prefix of the image with the groups it leads to. */
static struct destination *collect(const struct image *image)
{
	struct destination *all = NULL, *d;

	vec_each(r, &image->routes) {
		HASH_FIND(hh, all, &r->prefix, sizeof(r->prefix), d);
		if (!d) {
			d = xcalloc(1, sizeof(*d));
			d->prefix = r->prefix;
			HASH_ADD(hh, all, prefix, sizeof(d->prefix), d);
		}
		d->signature += mix(r->table, r->group);
	}
	return all;
}

static bool is_new_kind(struct kind_seen **seen, uint64_t signature)
{
	struct kind_seen *k;

	HASH_FIND(hh, *seen, &signature, sizeof(signature), k);
	if (k)
		return false;
	k = xcalloc(1, sizeof(*k));
	k->signature = signature;
	HASH_ADD(hh, *seen, signature, sizeof(k->signature), k);
	return true;
}

bool image_find_loop(const struct image *image, struct loop *out)
{
	struct destination *all = collect(image), *d, *next;
	struct kind_seen *seen = NULL, *k, *next_k;
	bool *candidates = find_candidates(image);
	bool found = false;

	memset(out, 0, sizeof(*out));
	HASH_ITER(hh, all, d, next) {
		if (!found && is_new_kind(&seen, d->signature))
			found = search_to(image, candidates, &d->prefix.addr, out);
		HASH_DEL(all, d);
		free(d);
	}
	HASH_ITER(hh, seen, k, next_k) {
		HASH_DEL(seen, k);
		free(k);
	}
	free(candidates);
	return found;
}
