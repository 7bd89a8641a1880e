/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The way of a packet through the compiled image, device by device: what
 * `explain` says and tests hold against real packets. It reads the values that
 * are loaded into the maps and does with them what bpf/ does, in the same order
 * and with the same hash; it is a second reading of one image, not a second
 * model.
 */
#ifndef ERX_FWD_WALK_H
#define ERX_FWD_WALK_H

#include "fwd/image.h"

struct flow {
	struct addr src, dst;
	uint8_t protocol;
	uint16_t sport, dport; /* host order; 0 unless TCP or UDP */
	bool icmp_error;
	bool trusting; /* what routing believes: faults that nobody has noticed lose nothing */
};

struct step { /* one device */
	const struct device *device;
	uint32_t in_port;  /* fabric index */
	uint32_t out_port; /* fabric index; NO_INDEX when it ended here */
	const struct image_route *route;
	const struct erx_hops *hops;
	uint32_t member; /* which of hops->members */
	const struct policy_row *policy;
	uint8_t ttl_in, ttl_out;
	enum erx_outcome outcome;
};

struct walk {
	VEC(struct step) steps;
	enum erx_outcome outcome;     /* of the last device */
	const struct host *delivered; /* NULL: it did not arrive */
	uint8_t ttl;		      /* on arrival */
};

/*
 * Walk a packet that comes in at port (fabric index). originated: it is made by
 * that port's device itself, e.g. an ICMP error about what came in there.
 */
void walk_packet(const struct image *image, uint32_t port, const struct flow *flow, uint8_t ttl, bool originated,
		 struct walk *out);
void walk_free(struct walk *w);

/* One line of a traceroute, predicted. */
struct hop {
	unsigned ttl;
	const struct device *device; /* that the probe ended at; NULL: the destination answered */
	struct addr addr;	     /* what the line shows; ADDR_NONE: "*" */
	char silent[256];	     /* why nothing is shown */
};

struct prediction {
	VEC(struct hop) hops; /* up to the destination or the first 30 */
	bool reachable;	      /* there and back */
	uint8_t ping_ttl;     /* what ping prints */
	struct walk forward, back;
};

/* What traceroute and ping between two hosts will show. flow->src and dst are the hosts' addresses. */
void predict(const struct image *image, const struct host *from, const struct host *to, const struct flow *flow,
	     struct prediction *out);
void prediction_free(struct prediction *p);

#endif
