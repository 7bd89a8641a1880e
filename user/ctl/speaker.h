/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The BGP speakers of a fabric and what they tell each other, one prefix at a
 * time. Nothing in BGP makes one prefix depend on another (no speaker here
 * aggregates), so each is brought to its fixed point alone: the state is one
 * route per session, and a prefix that never settles is known by name and does
 * not hold up the others.
 *
 * A session is reliable and in order. What one end has sent (Adj-RIB-Out) and
 * what the other end has received (Adj-RIB-In, before import policy) are then
 * the same, and are kept once, in struct received.
 */
#ifndef ERX_CTL_SPEAKER_H
#define ERX_CTL_SPEAKER_H

#include "ctl/classes.h"
#include "ctl/decide.h"
#include "ctl/policy.h"

/* That a device announces the prefix at hand as its own. */
struct origination {
	uint32_t device;
	const struct attrs *attrs;
	const struct connection *connection; /* of a static VPN route; NULL: the device's own network */
};

struct received {
	const struct attrs *sent;     /* NULL: nothing, or withdrawn */
	const struct attrs *offered;  /* after import policy; NULL: refused */
	const struct attrs *accepted; /* offered, unless a limit stands against it */
	bool changed;		      /* it is in bgp.changed */
};

/* One end of a session, seen from the device that has it. */
struct neighbour {
	uint32_t session;
	unsigned end;
};

struct speaker {
	VEC(struct neighbour) neighbours; /* in the file's order */
	/* Of the prefix at hand: */
	const struct origination *origin; /* own announcement, which no learned route replaces; or NULL */
	VEC(struct route) learned;	  /* accepted routes, ranked */
	unsigned n_best;		  /* of learned */
	bool queued;
	bool active;		  /* it is in bgp.active */
	const struct attrs *told; /* the route the neighbours have been told of, and from whom it was */
	uint32_t told_session;
	/* Of all prefixes: */
	size_t n_learned; /* from edge routers, by a gateway */
	bool full;	  /* it learns no more */
};

/* What stays as the other end has said it, though that would say something else now. */
struct held {
	uint32_t slot;		/* in bgp.received */
	const struct bgp *said; /* the speakers of the moment from which it is */
};

struct bgp {
	const struct fabric *fabric;
	const struct conditions *now;
	const struct prefix_plan *plan;
	struct attrs_pool *pool;
	const struct attrs **announced;	 /* by announcer; NULL: silent now */
	size_t budget;			 /* of UPDATEs that one prefix may take */
	VEC(struct origination) origins; /* of the prefix at hand */
	VEC(struct session) sessions;
	VEC(struct received) received; /* by session * 2 + receiving end */
	VEC(struct held) held;
	bool *is_held;		  /* by place in received */
	VEC(uint32_t) changed;	  /* indexes into received, of the prefix at hand */
	struct speaker *speakers; /* by device; those that speak no BGP have no neighbours */
	VEC(uint32_t) queue;	  /* devices with something to tell, first in first out */
	size_t next;		  /* place in queue */
	struct bgp *before;	  /* the moment before this one; NULL: there is none */
	VEC(uint32_t) active;	  /* speakers with state of the prefix at hand */
	struct prefix prefix;
	const struct prefix_class *settled; /* whose prefix that is; NULL: none, or sessions have changed since */
	bool moved;			    /* it was not as for the prefix before */
	bool in_time;			    /* it settled within the budget */
	size_t events;			    /* UPDATEs so far, of all prefixes */
};

struct local_case;

/*
 * budget: UPDATEs that one prefix may take; 0: what is plenty for a network of this size. earlier: the speakers of
 * c->now->earlier that come before this moment, which are settled along with these; they must outlive them.
 */
struct bgp *bgp_new(const struct local_case *c, size_t budget, struct bgp *const *earlier, size_t n_earlier);
void bgp_free(struct bgp *b);

/*
 * Let the speakers settle on the prefixes of a class. Returns false when they have not within the budget. After a
 * class that the same announce there is nothing to do.
 */
bool bgp_settle(struct bgp *b, const struct prefix_class *k);

/* The address that neighbours through a tunnel peer with, at the end that this port is. */
struct addr tunnel_bgp_addr(const struct fabric *f, uint32_t port);

#endif
