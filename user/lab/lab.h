/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One lab: its model, what has failed, and how both become namespaces, programs
 * and map entries. lab_apply() is the only way anything changes, whoever asks:
 * load, fail, restore and fastpath call it now, an event loop can call it as well.
 *
 * What is loaded is in the kernel (namespaces with the lab's mark, pins). What
 * was asked for is in LAB_RUN/LAB:
 *   topology.yaml  the file as loaded
 *   state          one line per fault and per FastPath switch
 *   ids            numbers by name (fwd/ids.h)
 * All three are replaced by rename, so a reader sees the old or the new one.
 */
#ifndef ERX_LAB_LAB_H
#define ERX_LAB_LAB_H

#include "dp/dp.h"
#include "fwd/image.h"
#include "net/net.h"

#define LAB_RUN "/run/erxdp"

struct fault {
	char *target;
	bool silent; /* carrier stays, packets are lost, routing does not notice */
};

struct lab {
	char *file; /* text of the topology, for topology.yaml */
	size_t file_size;
	struct topo *topo;
	struct fabric *fabric;
	VEC(struct fault) faults;
	bool *fastpath;	   /* by index in topo->connections */
	bool *link_down;   /* by link index: failed, loudly */
	bool *link_silent; /* by link index */
	struct rib *intact, *now;
	struct ids *ids;
	struct image *image;
};

/* --- Locking: one writer of all labs, or any number of readers ---------------------------------------------------- */

/* flock on LAB_RUN, which is made when missing. Says on stderr that it waits when that takes over a second. */
int lab_lock(bool exclusive, struct error *e); /* returns a descriptor to close, or -errno */

/* --- Making ------------------------------------------------------------------------------------------------------- */

/* A lab from a file's text: parsed, expanded, nothing failed. NULL when the file is bad (see diags). */
struct lab *lab_parse(const char *text, size_t size, struct diags *diags);
/* A loaded lab, from its run directory. Returns 0, -ENOENT when it is not loaded, or another -errno. */
int lab_open(const char *name, struct lab **out, struct error *e);
/* The only loaded lab when name is NULL; -EINVAL naming them when there are several. */
int lab_open_default(const char *name, struct lab **out, struct error *e);
void lab_free(struct lab *lab); /* NULL is fine */

/* Take over what is still there of another lab's state: faults, FastPath switches, numbers. What the new file does
 * not know is left out, with a word in the log. */
void lab_adopt(struct lab *lab, const struct lab *before);

/* --- Changing what is asked for ----------------------------------------------------------------------------------- */

/* Returns 0, -ENOENT when there is no such target, -EALREADY when it has failed that way already. */
int lab_fail(struct lab *lab, const char *target, bool silent);
/* NULL: all. Returns how many faults were taken back. */
int lab_restore(struct lab *lab, const char *target);

/* Routes and image for what is asked for now. Returns 0 or -errno with *e filled. */
int lab_compute(struct lab *lab, struct error *e);

/* Refuse what no TTL would end: devices that lower nothing and point at each other. Returns 0 or -ELOOP. */
int lab_check_loops(const struct lab *lab, struct error *e);

/* --- Making it so --------------------------------------------------------------------------------------------------
 */

struct lab_changes {
	bool mounted_bpffs;
	bool loaded; /* programs and maps were made */
	unsigned attached;
	struct net_changes net;
	struct dp_changes dp;
};

bool lab_changes_any(const struct lab_changes *c);

/*
 * Bring the machine to lab->image (after lab_compute()). before: what is loaded now, so that links which go are kept
 * until no route uses them; NULL for none. With dry nothing is changed.
 * Returns 0 or -errno; on failure the caller decides what to go back to.
 */
int lab_apply(struct lab *lab, const struct lab *before, bool dry, struct lab_changes *changes, struct error *e);
/* The same for a change of faults or switches only: links that fail go down first, links that return come up first. */
int lab_apply_state(struct lab *lab, struct lab_changes *changes, struct error *e);

/* Prove that what the ends need (design: checksums, GRO, qdisc, sysctls) took effect. */
int lab_verify(const struct lab *lab, struct error *e);

/* Write the run directory. */
int lab_save(const struct lab *lab, struct error *e);

struct lab_removed {
	unsigned namespaces;
	bool pins, files;
	char held[1536]; /* what a process keeps alive, in words; empty: nothing */
};
/* Remove everything the lab made, whatever of it is there. */
int lab_remove(const char *name, struct lab_removed *removed, struct error *e);

/* Names of all labs of which anything is there (namespaces, pins or files), sorted; to be freed with the strings. */
int lab_names(net_names *out);

/* --- Talking -------------------------------------------------------------------------------------------------------
 */

void lab_host_namespace(const struct lab *lab, const struct host *h, char out[static 256]);
void lab_fabric_namespace(const char *name, char out[static 256]);

struct exchange_pair {
	const struct host *from, *to;
	bool tcp, udp; /* what has passed */
};
typedef VEC(struct exchange_pair) exchange_pairs;
/* The ordered pairs of hosts that the image says can talk both ways. */
void lab_pairs(const struct lab *lab, exchange_pairs *out);
/*
 * One TCP and one UDP exchange of 64 bytes there and back for each pair, all at once. Returns 0 when all have passed,
 * -ETIMEDOUT when some have not within timeout_ms (their flags tell), or another -errno.
 */
int lab_exchange(const struct lab *lab, exchange_pairs *pairs, int timeout_ms, struct error *e);

/* Open the data plane of a loaded lab. */
int lab_dp(const struct lab *lab, struct dp **out, struct error *e);

#endif
