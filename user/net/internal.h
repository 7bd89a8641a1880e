/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the files of this folder share; nothing outside includes it.
 *
 * Everything runs in a thread of its own (worker_run) that moves from namespace
 * to namespace, so that the caller's thread never leaves its own. A netlink
 * socket belongs to the namespace it was opened in and keeps working there.
 */
#ifndef ERX_NET_INTERNAL_H
#define ERX_NET_INTERNAL_H

#include <libmnl/libmnl.h>
#include "net/net.h"

#define NET_DIR "/run/netns"

/* The interface group of every end made here: one request removes them all, and
 * it tells them from interfaces that a user has put beside them. Ends that are
 * about to go move to the second group first ("erxd" in ASCII). */
#define NET_GROUP	 0x65727864
#define NET_GROUP_DOOMED (NET_GROUP + 1)

/* error.c */

/* Fill *error (NULL is fine) with "WHAT: CAUSE; REMEDY" and return err, which is -errno. */
int net_fail(struct error *error, int err, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The same when the words say it all: the text of errno is not appended. */
int net_refuse(struct error *error, int err, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Append to what is there, cut at the end of the buffer. */
void net_append(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Keep the first difference only. */
void net_note(struct error *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* netlink.c */

struct nl;

struct nl *nl_open(struct error *error); /* in the thread's namespace; NULL: *error is filled */
void nl_close(struct nl *nl);		 /* NULL is fine */

/*
 * Requests are collected and sent together; nl_end() names what the request is
 * for ("cannot create link 'x'") and an errno that is no failure (or 0). The first failure of all since
 * the last nl_flush() is what nl_flush() returns.
 */
struct nlmsghdr *nl_begin(struct nl *nl, uint16_t type, uint16_t flags);
void nl_end(struct nl *nl, int harmless, const char *format, ...) __attribute__((format(printf, 3, 4)));
int nl_flush(struct nl *nl, struct error *error);

/*
 * Ask one question, with a request from nl_begin(), and hand each answer to fn. A dump
 * that was disturbed is asked again: fn(NULL, arg) says to forget what came so far.
 */
typedef int (*nl_answer)(const struct nlmsghdr *msg, void *arg);
int nl_ask(struct nl *nl, nl_answer fn, void *arg, struct error *error);
/* Attributes of a message, by type; tb has max + 1 places. */
void nl_attributes(const struct nlmsghdr *msg, size_t header, const struct nlattr **tb, uint16_t max);
void nl_nested(const struct nlattr *outer, const struct nlattr **tb, uint16_t max);

/* namespace.c */

enum ns_kind {
	NS_ABSENT,
	NS_REMNANT, /* the file, without a namespace mounted on it: a call was killed */
	NS_OURS,
	NS_FOREIGN,
};

/* Run fn(arg) in a thread that may change its namespace; signals stay with the caller's thread. */
int worker_run(int (*fn)(void *arg), void *arg, struct error *error);

/* File descriptor of a namespace, or -errno. */
int ns_open(const char *name, struct error *error);
/*
 * What has this name. With NS_OURS the thread is inside it and *nl, when asked
 * for, is a socket there. Otherwise the thread is where it was or in a namespace of no interest.
 */
int ns_look(const char *name, const char *lab, enum ns_kind *kind, struct nl **nl, struct error *error);
/* Say why a foreign name cannot be used. */
int ns_foreign(const char *name, struct error *error);
/* Make a namespace; the thread is inside it afterwards. */
int ns_create(const char *name, const char *lab, bool host, struct error *error);
/* Take the name away; absent is fine. */
int ns_remove(const char *name, struct error *error);

struct ns_entry {
	char *name;
	enum ns_kind kind; /* NS_REMNANT or NS_OURS */
};
typedef VEC(struct ns_entry) ns_list;
/* Everything under /run/netns that bears the mark of this lab. */
int ns_scan(const char *lab, ns_list *out, struct error *error);
void ns_list_free(ns_list *list);

/* held.c */

struct ns_id {
	char name[256];
	dev_t dev;
	ino_t ino;
};
typedef VEC(struct ns_id) ns_ids;
void ns_ids_add(ns_ids *ids, const char *name);
/* Name the processes that are inside one of them, after a short time for those that are on their way out. */
void ns_held_by(const ns_ids *ids, char *text, size_t size);

/* remove.c */

/* Remove a namespace with what was made in it; its identity is appended to *ids. */
int ns_retire(const struct ns_entry *entry, ns_ids *ids, struct error *error);

/* sysctl.c */

int sysctl_set(bool host, const char *name, struct error *error);
/* Returns whether all have their values; the first that has not goes into *why. */
bool sysctl_check(bool host, const char *name, struct error *why);

/* link.c */

struct link_seen {
	uint32_t ifindex, peer; /* peer: 0 when there is none */
	int32_t peer_nsid;	/* -1: in the same namespace */
	uint32_t group, mtu, flags, tx_queues, rx_queues;
	bool veth;
	uint8_t mac[6];
	char name[NET_IFNAME_LEN];
	char alias[256];
};
typedef VEC(struct link_seen) links_seen;

struct link_want {
	uint32_t ifindex;
	const char *name;
	const char *alias; /* NULL: none */
	const uint8_t *mac;
	unsigned mtu;
	unsigned tx_queues, rx_queues; /* 0: one per CPU */
	bool up;
	int ns; /* file descriptor of the namespace to make it in, -1: the socket's own */
};

/* 0: as many as there are CPUs. */
unsigned link_queues(unsigned wanted);
int links_read(struct nl *nl, links_seen *out, struct error *error); /* sorted by index */
struct link_seen *links_find(const links_seen *links, uint32_t ifindex);
/* Queue the requests; nl_flush() sends them. An end in another namespace stays down: host_configure() sees to it. */
void link_create(struct nl *nl, const struct link_want *a, const struct link_want *b);
void link_set(struct nl *nl, const struct link_want *want);
void link_set_up(struct nl *nl, uint32_t ifindex, bool up);
void link_delete(struct nl *nl, uint32_t ifindex, const char *name);
/* Remove everything made here that is in the socket's namespace; or only what link_doom() has marked. */
void links_delete_group(struct nl *nl, uint32_t group);
void link_doom(struct nl *nl, uint32_t ifindex, const char *name);
/* Whether what is there is what is wanted, apart from the peer; the first difference goes into *why. */
bool link_is_as_wanted(const struct link_seen *seen, const struct link_want *want, const char *where,
		       struct error *why);

/* hello.c */

#define HELLO_BYTES 66
void hello_write(const struct net_hello *hello, uint8_t frame[static HELLO_BYTES]);

/* host.c */

enum todo {
	TODO_NAMESPACE = 1 << 0,
	TODO_PAIR = 1 << 1,
	TODO_PORTS = 1 << 2, /* settings of the fabric's ends */
	TODO_SYSCTL = 1 << 3,
	TODO_ETH = 1 << 4, /* MAC, MTU, up */
	TODO_OFFLOAD = 1 << 5,
	TODO_QDISC = 1 << 6,
	TODO_ADDRESS = 1 << 7, /* and the route, which goes with the address */
	TODO_HOST = TODO_ETH | TODO_OFFLOAD | TODO_QDISC | TODO_ADDRESS,
};

struct host_seen {
	bool has_eth;
	struct link_seen eth;
	VEC(uint32_t) intruders; /* interfaces that have the name or the index that eth0 needs */
};

struct link_want host_end(const struct net_host *host, int ns);
/* The thread and nl are in the host. Returns the todo bits, or -errno. */
int host_look(const struct net_host *host, struct nl *nl, struct host_seen *seen, struct error *why,
	      struct error *error);
/* Enter the host and do what *todo says of it. */
int host_configure(const struct net_host *host, unsigned todo, struct error *error);
/* Enter the host and remove the intruders. */
int host_clear(const struct net_host *host, const struct host_seen *seen, struct error *error);

#endif
