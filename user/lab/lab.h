/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One lab: its model, what has failed, and how both become namespaces, programs
 * and map entries. load and plan go the whole way (lab_apply()); what happens
 * later, fault or repair, goes the short one (lab_switch()), which writes
 * next-hop groups only and is called by the lab's controller alone.
 *
 * What is loaded is in the kernel (namespaces with the lab's mark, pins). What
 * was asked for, and what has been seen, is in LAB_RUN/LAB:
 *   topology.yaml  the file as loaded
 *   state          faults, FastPath switches, loans of them, what was noticed, what routing goes by (lab/state.c)
 *   ids            numbers by name (fwd/ids.h)
 *   wires          what the wire process is to do, and wires.stats what it has counted (lab/wires.h)
 * The texts are replaced by rename, so a reader sees the old or the new one.
 * The controller's sockets, lock and log are there as well (daemon/).
 */
#ifndef ERX_LAB_LAB_H
#define ERX_LAB_LAB_H

#include "dp/dp.h"
#include "fwd/delay.h"
#include "fwd/image.h"
#include "net/net.h"
#include "wire/line.h"

#define LAB_RUN	  "/run/erxdp"
#define LAB_LOG	  "log"	  /* of the lab's processes, in its run directory */
#define LAB_GROUP "erxdp" /* may ask the controller, where the group exists; never made here */

/* What can be done to a target of `fail`; see the table in lab/state.c. */
enum fault_kind {
	FAULT_DOWN,	 /* the carrier is taken away */
	FAULT_SILENT,	 /* carrier stays, packets are lost, nobody is told */
	FAULT_ARP,	 /* no ARP on a circuit's path: nothing passes, the session is down, carrier stays */
	FAULT_BGP,	 /* the BGP session is down, the link carries packets */
	FAULT_DRAINED,	 /* as FAULT_BGP, by maintenance */
	FAULT_PREPENDED, /* the edge router lengthens the AS path, by maintenance */
	FAULT_SERVICED,	 /* as FAULT_DOWN, by maintenance */
	N_FAULT_KINDS,
};

struct fault {
	char *target;
	enum fault_kind kind;
};

/* A FastPath switch that somebody who measures has for a while (daemon/loan.c). */
struct loan {
	bool lent;
	bool was_on; /* what it goes back to */
};

/* What `impair set` has asked of a link, for each direction; what was not given is as the file says, or nothing. */
enum impairment_part {
	IMPAIR_DELAY = 1 << 0,
	IMPAIR_JITTER = 1 << 1,
	IMPAIR_LOSS = 1 << 2,
	IMPAIR_RATE = 1 << 3,
	IMPAIR_REORDER = 1 << 4,
};

struct impairment {
	unsigned given; /* enum impairment_part */
	struct line_params params;
};

/* A moment from which somebody still has what a neighbour said that has been silent since (struct conditions). */
struct lab_moment {
	bool *link_down, *session_down; /* by link */
	uint8_t *prepends;		/* by device */
	uint32_t *deaf_since;		/* by link * 2 + end */
};

struct lab {
	char *file; /* text of the topology, for topology.yaml */
	size_t file_size;
	struct topo *topo;
	struct fabric *fabric;
	VEC(struct fault) faults;
	bool *fastpath;	    /* by index in topo->connections */
	struct loan *loans; /* likewise */
	/* Asked for by faults, by link. */
	bool *cut;	   /* no carrier */
	bool *link_silent; /* loses packets */
	const char **shut; /* why the session over it is closed; NULL: it is not */
	/* Delay and the like, by link: what the file says, what was asked for, and whether both make it a wire. */
	struct link_delay *delays;
	struct impairment *impairments;
	bool *wired;
	/* Noticed, by link. */
	bool *no_carrier; /* and nobody has asked for that */
	bool *dead;	  /* the neighbour has been silent for too long (ctl/liveness.h) */
	bool *deaf;	  /* by link * 2 + end: nothing has come lately, or when it was tried */
	/* What routing goes by: the above, as far as the controller has reacted to it. By link, by link, by device. */
	bool *link_down, *session_down;
	const char **because; /* see struct conditions */
	uint8_t *prepends;
	uint32_t *deaf_since;		/* by link * 2 + end; one more than a place in moments, 0: it hears */
	VEC(struct lab_moment) moments; /* oldest first; only those that something refers to */
	struct conditions *earlier;	/* the moments as struct conditions wants them */
	/* By link: when the session over it last came up or went down, CLOCK_REALTIME in ns; 0: not known. */
	uint64_t *since;
	struct rib *intact, *now;
	struct ids *ids;
	struct image *image;
};

/* --- Locks ---------------------------------------------------------------------------------------------------------
 * Each lab has its own, and no process holds those of two labs. In this order, each part only by who is named:
 *
 *   turn  load and unload, from the first look at what is loaded until the controller has taken over or is gone, so
 *         that two of them come one after the other; shared: who starts a controller to put a loan back. A controller
 *         takes the lab's lock itself, so load cannot hold that one so long.
 *   gate  everybody on the way to the lab's lock, alone, until it is held. Who waits for the lab waits in the gate: who
 *         comes later, reader or writer, stands behind.
 *   lab   a flock on the run directory. One writer (load, unload, the controller for each change) while maps, links
 *         and run files change; or any number of readers while they read run files, not while they compute what
 *         these mean. Nobody holds it while hosts talk.
 *
 * What labs share has no lock of theirs, and each is held for one system call or two: bpffs is mounted under
 * lab_lock_machine(), names in /run/netns are given and taken under a flock on that directory (net/namespace.c), and
 * the directories of all labs, LAB_RUN and DP_ROOT, are made again when the last lab that goes has taken them away.
 * Interfaces' numbers, maps and pins are a lab's own.
 *
 * All are flocks on descriptors with FD_CLOEXEC: the kernel releases them when the process ends, however it does.
 * Waiting for over a second is said on stderr. What comes back goes to lab_unlock(); -errno is fine there.
 */

/* With exclusive the run directory is made; otherwise -ENOENT when there is none. */
int lab_turn(const char *name, bool exclusive, struct error *e);
/* -ENOENT when there is no run directory; with create it is made. */
int lab_lock(const char *name, bool create, bool exclusive, struct error *e);
/* For what all labs have in common; under the lock of the lab of that name. */
int lab_lock_machine(const char *name, struct error *e);
void lab_unlock(int lock);
/* Say nothing while waiting: whoever reads stderr is not to keep those waiting who stand behind in the queue. */
extern bool lab_waits_quietly;

/* --- Making ------------------------------------------------------------------------------------------------------- */

/* A lab from a file's text: parsed, expanded, nothing failed. NULL when the file is bad (see diags). */
struct lab *lab_parse(const char *text, size_t size, struct diags *diags);
/* A loaded lab, from its run directory. Returns 0, -ENOENT when it is not loaded, or another -errno. */
int lab_open(const char *name, struct lab **out, struct error *e);
/* The same, read under the lab's lock, with routes and image as they are now. */
int lab_open_now(const char *name, struct lab **out, struct error *e);
/* The only loaded lab when asked is NULL; -EINVAL naming them when there are several. */
int lab_default_name(const char *asked, char out[static 256], struct error *e);
void lab_free(struct lab *lab); /* NULL is fine */

/* Take over what is still there of another lab's state: faults, FastPath switches, numbers. What the new file does
 * not know is left out, with a word in the log. */
void lab_adopt(struct lab *lab, const struct lab *before);

/* --- Changing what is asked for ----------------------------------------------------------------------------------- */

/*
 * Returns 0, -ENOENT when there is no such target, -EALREADY when it has failed that way already, -EINVAL for a kind
 * that the target has not (FAULT_ARP and FAULT_BGP are of a circuit's path or circuit).
 */
int lab_fail(struct lab *lab, const char *target, enum fault_kind kind);
/* NULL: all. Returns how many faults were taken back. */
int lab_restore(struct lab *lab, const char *target);
/* The same for one kind of fault. */
int lab_restore_kind(struct lab *lab, const char *target, enum fault_kind kind);
/* The same for all that maintenance has asked for, and nobody else. */
int lab_restore_planned(struct lab *lab);
/* Whether any switch is lent; and give all of them back: they are as they were before. Returns how many were lent. */
bool lab_has_loans(const struct lab *lab);
unsigned lab_end_loans(struct lab *lab);
/*
 * Delay, loss and the like of a link of two devices: what is given is added to what was given before. Returns 0,
 * -EINVAL for a host's link, -ERANGE when it would reorder what has no delay.
 */
int lab_impair(struct lab *lab, uint32_t link, const struct impairment *impairment);
/* As the file says again. Returns whether it was not. */
bool lab_unimpair(struct lab *lab, uint32_t link);
/* What the direction from one end of the link ([0]: its first port) is like now. */
struct line_params lab_line(const struct lab *lab, uint32_t link, int from);
/* Links by name, or by a target of `fail`, hosts' links left out there. Returns 0 or -ENOENT. */
int lab_links_named(const struct lab *lab, const char *name, index_list *links);
/* No round trip between two hosts takes longer by what is asked of wires: an upper bound, in ns. */
uint64_t lab_slowest_ns(const struct lab *lab);
/* How long to wait for an answer that takes least_ms at the most when there are no wires. */
unsigned lab_wait_ms(const struct lab *lab, unsigned least_ms);
/* All of a lab's state as text, to be freed; and back to it (the text is cut up). */
char *lab_state_text(const struct lab *lab);
void lab_state_set(struct lab *lab, char *text);
const char *fault_text(enum fault_kind kind); /* "is down" */
const char *fault_word(enum fault_kind kind); /* "down" */
bool fault_is_planned(enum fault_kind kind);  /* a step of maintenance */

/*
 * What routing would go by if it went by everything that is asked for and noticed, and whether that differs from what
 * it goes by. lab_follow() makes it so. What a neighbour says that falls silent stays as it was until then.
 */
bool lab_lags(const struct lab *lab);
/* Whether an end of the link that heard nothing hears again, or has given its neighbour up. */
bool lab_is_told_again(const struct lab *lab, uint32_t link);
void lab_follow(struct lab *lab);
/* As the rib wants it; valid as long as the lab. */
struct conditions lab_conditions(const struct lab *lab);

/* Routes and image for what is asked for now. Returns 0 or -errno with *e filled. */
int lab_compute(struct lab *lab, struct error *e);
/* Give the memory of routes and image back. */
void lab_forget_routes(struct lab *lab);

/* Refuse what no TTL would end: devices that lower nothing and point at each other. Returns 0 or -ELOOP. */
int lab_check_loops(const struct lab *lab, struct error *e);

/* --- Making it so --------------------------------------------------------------------------------------------------
 */

struct lab_changes {
	bool mounted_bpffs;
	bool loaded; /* programs and maps were made */
	unsigned attached;
	unsigned wires; /* that are new or different, or whose process is missing */
	struct net_changes net;
	struct dp_changes dp;
};

/* One of the things that can differ: its name in JSON, what `plan` says of it, and how many there are. */
struct lab_change {
	const char *name, *text;
	unsigned n;
};
typedef VEC(struct lab_change) lab_change_list;

/* All of them, also those of which there are none. There is no other difference: see lab_changes_any(). */
void lab_list_changes(const struct lab_changes *c, lab_change_list *out);
bool lab_changes_any(const struct lab_changes *c);

/*
 * Bring the machine to lab->image (after lab_compute()). before: what is loaded now, so that links which go are kept
 * until no route uses them; NULL for none. With dry nothing is changed.
 * Returns 0 or -errno; on failure the caller decides what to go back to.
 */
int lab_apply(struct lab *lab, const struct lab *before, bool dry, struct lab_changes *changes, struct error *e);

/*
 * The short way: what depends on faults, FastPath and what was noticed, and on nothing else. Computed over classes of
 * prefixes, so it does not matter how many there are; only next-hop groups and flags of ports are written.
 */
struct lab_switch {
	struct dp *dp;
	struct rib *intact; /* over classes, nothing has failed */
	struct rib *now;    /* over classes, of the last call */
	struct rib *former; /* of the call before */
	struct image *image;
};
int lab_switch_open(const struct lab *lab, struct lab_switch **out, struct error *e);
void lab_switch_close(struct lab_switch *s); /* NULL is fine */
/* Somebody else has written the maps since. */
void lab_switch_forget(struct lab_switch *s);
/*
 * Make the maps follow lab->link_down and the rest. LAB_GRACEFUL: first what has somewhere to go moves there, and only
 * when packets on their way have arrived do the routes that end go; for planned changes. Returns 0 or -errno.
 */
enum lab_pace { LAB_AT_ONCE, LAB_GRACEFUL };
int lab_switch_apply(struct lab *lab, struct lab_switch *s, enum lab_pace pace, struct lab_changes *changes,
		     struct error *e);
/* Programs and all maps from lab->image, of a lab whose links are as they should be. Returns 0 or -errno. */
int lab_apply_maps(struct lab *lab, struct lab_changes *changes, struct error *e);

/* Prove that what the ends need (design: checksums, GRO, qdisc, sysctls) took effect. */
int lab_verify(const struct lab *lab, struct error *e);

/* Write the run directory; the state only. */
int lab_save(const struct lab *lab, struct error *e);
int lab_save_state(const struct lab *lab, struct error *e);
/* Take the run directory of a lab away that was locked for a load and never made. */
void lab_forget_unused(const char *name);
/* Path of a file of the lab's run directory; file "" is the directory. */
void lab_run_path(const char *lab, const char *file, char out[static 512]);
/* A number that changes whenever another topology is loaded under this name. Returns 0, or -errno: -ENOENT, none is. */
int lab_generation(const char *name, uint64_t *out, struct error *e);

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
