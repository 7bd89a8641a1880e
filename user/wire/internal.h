/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Shared by the files of wire/; nobody else includes this. */
#ifndef ERX_WIRE_INTERNAL_H
#define ERX_WIRE_INTERNAL_H

#include <sys/types.h>
#include <xdp/xsk.h>
#include "wire/config.h"
#include "wire/stats.h"
#include "wire/wire.h"

/* --- sockets.c: memory and AF_XDP ----------------------------------------------------------------------------------
 */

#define TX_RING 256

struct pool { /* of frames, in memory that all sockets share */
	uint8_t *area;
	uint32_t n;		    /* frames */
	struct line_frame *frames;  /* what is known of each */
	uint16_t *offsets;	    /* of the packet in its frame */
	uint32_t *with;		    /* the end whose socket has it, 0: it is here */
	uint32_t *unused, n_unused; /* a stack */
	uint32_t first_target;	    /* frames that a new end gets to fill */
	uint32_t promised;	    /* the sum of all ends' `target` */
	struct xsk_umem *umem;
	/* The memory belongs to a socket that no wire's end takes away. */
	struct xsk_socket *anchor;
	struct xsk_ring_prod fill;
	struct xsk_ring_cons completion, rx;
	ino_t fabric; /* namespace that the sockets are in */
};

struct end {
	uint32_t id;
	int fd;
	struct xsk_socket *socket; /* NULL: not open */
	struct xsk_ring_cons rx, completion;
	struct xsk_ring_prod tx, fill;
	uint32_t posted;  /* frames that the kernel may fill or has filled */
	uint32_t target;  /* how many that should be */
	uint32_t sending; /* given to the kernel, not back yet */
	bool unsent;	  /* the kernel has not taken all of them yet */
	bool gone;	  /* its interface is */
};

/* In the fabric's namespace. ends: how many sockets there will be. Returns 0 or -errno. */
int pool_open(struct pool *p, unsigned ends, struct error *e);
/* Whether so many sockets can share it; it was made for another number. */
bool pool_suffices(const struct pool *p, unsigned ends);
void pool_close(struct pool *p);

int end_open(struct end *end, struct pool *p, struct error *e);
/* Frames that the kernel has come back to the pool. */
void end_close(struct end *end, struct pool *p);
bool end_is_bound(const struct end *end);
/* Give the kernel frames to fill, take back those it has sent. */
void end_refill(struct end *end, struct pool *p);
void end_reap(struct end *end, struct pool *p);

struct received {
	uint32_t frame, bytes;
	uint64_t stamp; /* when it came, 0: not known */
};
#define RECEIVE_BATCH 64
uint32_t end_receive(struct end *end, struct pool *p, struct received out[static RECEIVE_BATCH]);

bool end_has_room(const struct end *end);
void end_send(struct end *end, struct pool *p, uint32_t frame);
/* Make the kernel send what end_send() has queued. Returns how many of these the far side has refused. */
uint32_t end_kick(struct end *end);

void pool_put(struct pool *p, uint32_t frame);

/* --- wires.c: a configuration made so --------------------------------------------------------------------------------
 */

struct wire {
	struct wire_setting setting;
	struct end end[2];
	struct delay_line line[2]; /* [0]: what comes in by end[0] */
	struct wire_slot *slot[2];
};

struct wires {
	const struct wire_host *host;
	struct wire_stats *stats;
	struct pool pool;
	VEC(struct wire *) list;
	int epoll;
};

/* Returns 0, or -errno: then some wires may be missing, and packets are dropped there. */
int wires_apply(struct wires *w, const wire_settings *settings, struct error *e);
void wires_close(struct wires *w);

#endif
