/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Namespaces, veth pairs and what their ends need: the only user of netlink.
 * The caller says what must exist; net_apply() makes the difference, touches
 * nothing that is not marked as this lab's, and can be stopped at any moment
 * and run again.
 *
 * Marks of ownership: the loopback of every namespace made here has the alias
 * "erxdp:LAB", set before the namespace gets its name under /run/netns. A
 * namespace of the same name without that alias is somebody else's: refused.
 * The file under the mount holds the same text, so that what a killed call left
 * behind is known as this lab's. Interfaces made here are in a group of their
 * own: others that a user has put beside them stay, unless they have a name or
 * an index that the plan needs. No interface is ever in the caller's own
 * namespace: pairs are made inside the fabric's namespace, the host end directly
 * in the host's.
 */
#ifndef ERX_NET_NET_H
#define ERX_NET_NET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "lib/addr.h"
#include "lib/error.h"
#include "lib/vec.h"

#define NET_IFNAME_LEN 16

/* Of eth0 in every host: below every port of a fabric, above what the kernel makes by itself in a new namespace. */
#define NET_HOST_IFINDEX 100

struct net_port {		   /* a fabric end of a link */
	uint32_t ifindex;	   /* asked for; ERX_FIRST_IFINDEX + port id */
	char name[NET_IFNAME_LEN]; /* unique in the fabric */
	char alias[256];	   /* "DEVICE>PEER (link NAME)", for `ip link` */
	uint8_t mac[6];
	unsigned queues[2]; /* of the sending and the receiving side; 0: one per CPU */
};

struct net_link { /* both ends in the fabric */
	struct net_port end[2];
	unsigned mtu;
	bool up; /* false: the first end is set down, so that both lose carrier */
};

struct net_host {
	char namespace[256];  /* name under /run/netns: erx-LAB-HOST */
	struct net_port port; /* the fabric end */
	uint8_t mac[6];	      /* of the host's eth0 */
	struct addr addr;
	uint8_t prefixlen;
	struct addr gateway; /* default route */
	/* What else it answers for, of addr's family; the caller's, and untouched. addr alone may be among them. */
	const struct prefix *also;
	size_t n_also;
	unsigned mtu;
	bool up;
};

struct net_plan {
	const char *lab;
	char fabric[256]; /* the fabric's namespace: erx-LAB */
	VEC(struct net_link) links;
	VEC(struct net_host) hosts;
};

struct net_changes { /* what net_apply() did or, with dry, would do */
	unsigned namespaces_added, namespaces_removed;
	unsigned links_added, links_removed, links_set; /* set: up/down, address, settings mended */
	/* Processes that keep a removed host's namespace alive, in words; empty when there are none. */
	char held[256];
};

/*
 * Bring the machine to the plan: missing namespaces and pairs are made, pairs and
 * hosts of this lab that the plan does not know are removed, the rest is left alone
 * (compared by interface index, name, MAC and that of the peer, not by name only).
 * A pair whose ends are right is mended in place; one with another index, name, peer
 * or number of queues is made anew, and counts as one removed and one added.
 * A fresh end gets: GRO on and TX checksum offload off at hosts, a `pfifo limit 1000`
 * qdisc at hosts, queues = CPUs (a host sends by one), MTU, address, default route,
 * local routes for the prefixes that it answers for besides. A fresh
 * namespace gets: loopback up, net.ipv4.ip_forward=0 and IPv6 off everywhere;
 * icmp_ratelimit=0, icmp_msgs_per_sec raised, rp_filter=0 in hosts.
 * With dry nothing is changed. Returns 0 or -errno with *error filled; a failure
 * leaves what was there before and possibly some of the new, which the next call finishes.
 */
int net_apply(const struct net_plan *plan, bool dry, struct net_changes *changes, struct error *error);

/* Set one fabric port up or down (both ends lose carrier). Faults use it. */
int net_set_link(const char *fabric, uint32_t ifindex, bool up, struct error *error);

/*
 * Prove that every setting of the plan took effect: GRO, checksum offload, qdisc,
 * sysctls, ip_forward=0, ifindexes that differ. Returns 0 or -EINVAL naming the first that did not.
 */
int net_verify(const struct net_plan *plan, struct error *error);

/*
 * Remove every namespace marked as this lab's (found by the mark, not by a list) and
 * wait up to 2 s until its interfaces are gone. Returns 0 when all names and interfaces
 * are gone; *held then names what a process keeps alive, without name and interfaces
 * ("'erx-x-vm' is held by pid 123 (bash)"), empty when nothing. Returns -errno with
 * *held filled when something could not be removed. Safe to run twice.
 */
int net_remove(const char *lab, unsigned *removed, struct error *held);

/* Labs that have at least one marked namespace; names appended, to be freed by the caller. */
typedef VEC(char *) net_names;
int net_labs(net_names *labs);

/* Enter a namespace under /run/netns by setns alone (mounts stay: bpffs remains visible). Returns 0 or -errno. */
int net_enter(const char *namespace, struct error *error);
/* Run fn(arg) in a namespace, in a thread of its own; returns what fn returned, or -errno. */
int net_call(const char *namespace, int (*fn)(void *arg), void *arg, struct error *error);

struct net_port_state {
	uint32_t ifindex;
	char name[NET_IFNAME_LEN];
	bool up, carrier;
	uint64_t rx_packets, tx_packets, rx_dropped, tx_dropped;
};
typedef VEC(struct net_port_state) net_states;
/* State of every interface of a namespace, sorted by index. */
int net_states_read(const char *namespace, net_states *out, struct error *error);

/*
 * Watching a fabric. The sockets are opened inside it and work from every
 * namespace; none of these calls makes a thread or a socket but net_watch_open().
 * One watch belongs to one thread.
 */
struct net_watch;

/* Changes count from here on. Returns 0 and *out (to be closed), or -errno. */
int net_watch_open(const char *fabric, struct net_watch **out, struct error *error);
void net_watch_close(struct net_watch *w); /* NULL is fine */
/* Readable: there is something for net_watch_read(). */
int net_watch_fd(const struct net_watch *w);

struct net_change { /* how an interface is now; gone: it is no more, or left the fabric */
	uint32_t ifindex;
	bool up, carrier, gone;
};
typedef void (*net_change_fn)(void *arg, const struct net_change *change);

/*
 * Every difference since the last call, in order; never blocks. When the kernel
 * has had to throw events away (ENOBUFS) all interfaces are read again, so the
 * last state of each is never missed, only what it was in between. fn may call
 * net_watch_set() and net_watch_hello(). Returns 0 or -errno.
 */
int net_watch_read(struct net_watch *w, net_change_fn fn, void *arg, struct error *error);
/* The present state of all interfaces, changed or not, and of those that have gone. */
int net_watch_dump(struct net_watch *w, net_change_fn fn, void *arg, struct error *error);

/* Set interfaces up or down; done when it returns. Returns 0 or -errno of the first that failed. */
struct net_set {
	uint32_t ifindex;
	bool up;
};
int net_watch_set(struct net_watch *w, uint32_t ifindex, bool up, struct error *error);
int net_watch_set_all(struct net_watch *w, const struct net_set *sets, size_t n, struct error *error);

/* A BFD control packet (RFC 5880 4.1) as it leaves an interface; RFC 5881: UDP port 3784, TTL 255. */
struct net_hello {
	uint32_t ifindex;
	uint8_t src_mac[6], dst_mac[6]; /* of the two ports; the last byte of src_mac is sent as 0 */
	struct addr src, dst;		/* unset: 0.0.0.0 */
	uint32_t my_discriminator, your_discriminator;
	uint8_t state; /* 0 AdminDown, 1 Down, 2 Init, 3 Up */
	uint8_t detect_mult;
	uint32_t interval_us; /* desired and required */
};
/* Send one; never blocks. Returns 0 or -errno: -ENETDOWN when the interface is down, -ENXIO when it is gone. */
int net_watch_hello(struct net_watch *w, const struct net_hello *hello);

#endif
