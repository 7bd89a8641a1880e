/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The forwarding image: all that the XDP programs look up, as values of the
 * contract in erxdp/abi.h, but with no kernel in it. dp/ writes it into maps,
 * `explain` and the packet walk of walk.h read it, so that what is predicted
 * and what is loaded are one thing.
 *
 * Groups are formed from what the network looks like when nothing has failed
 * ("intact"), and filled from what it looks like now. A failure therefore
 * rewrites the groups of the devices it concerns, however many prefixes use
 * them, and never a route.
 */
#ifndef ERX_FWD_IMAGE_H
#define ERX_FWD_IMAGE_H

#include "ctl/rib.h"
#include "erxdp/abi.h"
#include "fwd/ids.h"
#include "fwd/policy.h"

struct image_device {
	uint32_t id;
	const struct device *device;
	struct erx_schedule limit;
};

struct image_port {
	uint32_t id; /* index in erx_ports and erx_links; the interface's index is ERX_FIRST_IFINDEX + id */
	const struct port *port;
	char ifname[16];
	struct erx_port entry;
	uint32_t adjacency; /* id of the plain one that leaves here */
	uint32_t table_at;  /* index in image->tables of entry.table */
	uint32_t transit;   /* peerings: id of the one towards the peer's gateways; else 0 */
};

/* A link with delay, loss or rate: each port is joined to an end of the wire, and a process joins the ends. */
struct image_wire {
	uint32_t link;	     /* fabric link index */
	struct {	     /* as the link's ports[] */
		uint32_t id; /* from the numbers of ports; erx_ports has no entry for it */
		char ifname[16];
		uint8_t mac[6];
	} end[2];
};

struct image_adjacency {
	uint32_t id;
	uint32_t port; /* fabric port index */
	struct erx_adjacency entry;
};

struct image_group {
	uint32_t id;
	struct erx_hops entry;
};

struct image_path {
	uint32_t id;
	const char *name;
};

struct image_leg {
	uint32_t index; /* in erx_legs */
	uint32_t path;	/* id, or ERX_NO_PATH */
};

struct image_route {
	uint32_t table; /* id */
	struct prefix prefix;
	uint32_t group;		       /* id */
	uint32_t group_at;	       /* index in image->groups */
	const struct rib_entry *entry; /* what decides now: its own entry, or the one that covers it since a failure */
	bool stands_in;		       /* entry is the covering one; NULL entry: nothing covers */
	const struct connection
		*bypass; /* what this connection's FastPath does with addresses of prefix; NULL: a route */
	bool bypassing;	 /* and it is in use */
};

struct image_block {	/* addresses in front of a table: an entry of erx_fastpath */
	uint32_t table; /* id */
	struct addr first;
	struct erx_fastpath entry;
	uint32_t bypass_at[8]; /* index in image->bypasses of each eight addresses */
};

struct image_meter {
	uint32_t id;
	struct erx_meter entry;
	/* What it limits: a gateway, or a circuit's path in one direction. */
	const struct gateway *gateway;
	const struct circuit *circuit;
	enum circuit_path path;
	bool towards_azure;
};

struct image_table {
	uint32_t id;
	const struct rib_table *now;
	size_t first_route, n_routes; /* in image->routes, sorted by prefix_compare() */
	size_t first_block, n_blocks; /* in image->blocks, sorted by address */
};

struct image_policy {
	uint32_t set;
	struct policy_set policy;
};

struct image {
	struct arena *arena;
	const struct fabric *fabric; /* not owned, like the ribs */
	const struct rib *now;
	VEC(struct image_device) devices; /* by fabric index */
	VEC(struct image_port) ports;	  /* by fabric index */
	VEC(struct image_table) tables;	  /* by rib index */
	VEC(struct image_route) routes;
	VEC(struct image_route) bypasses; /* in no table: what blocks lead to */
	VEC(struct image_block) blocks;
	VEC(struct image_meter) meters;
	VEC(struct image_group) groups;
	VEC(struct image_adjacency) adjacencies;
	VEC(uint32_t) adjacency_at; /* index in adjacencies, by id */
	VEC(struct image_path) paths;
	VEC(struct image_leg) legs;
	VEC(struct image_policy) policies;
	VEC(struct image_wire) wires;
	const bool *link_down, *link_silent; /* by link index, not owned */
	/* Prefixes of one group differ now, so that after a change routes may have to move, not only groups. */
	bool split;
};

struct image_input {
	const struct fabric *fabric;
	const struct rib *intact; /* nothing has failed */
	const struct rib *now;
	const bool *link_down;	 /* by link index: what has failed or is shut */
	const bool *link_silent; /* by link index: loses packets and nobody has noticed */
	const bool *wired;	 /* by link index: it is a wire; NULL: none is
				  */
	const bool *fastpath;	 /* by index in topo->connections: the bypass is on */
	struct ids *ids;
};

/*
 * Compile. From ribs of rib_compute_classes() (both, or neither) the groups are the
 * same as from full ones, with the same numbers, unless `split` is set; the routes
 * are then those of the prefixes that stand for others.
 *
 * All pointers of the input must outlive the image. Returns NULL when a
 * map cannot hold the lab, with the reason in diags.
 */
struct image *image_compile(const struct image_input *in, struct diags *diags);
void image_free(struct image *image); /* NULL is fine */

/* What a packet to *a meets: its FastPath entry, or the longest match as the trie has it; NULL: no route. */
const struct image_route *image_lookup(const struct image *image, const struct image_table *t, const struct addr *a);
/* The table for what arrives at a port. */
const struct image_table *image_table_of_port(const struct image *image, uint32_t port);
/* The adjacency with this id; NULL: none. */
const struct image_adjacency *image_adjacency(const struct image *image, uint32_t id);
/* MAC of a host's own interface: Azure's vendor prefix for VMs. */
void host_mac(const struct image *image, const struct host *h, uint8_t mac[static 6]);

#endif
