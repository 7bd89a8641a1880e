/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Route computation: one speaker per device, with Adj-RIB-In, Loc-RIB and
 * Adj-RIB-Out, exchanging UPDATE-like events until nothing changes. Which
 * sessions exist, what each kind of speaker lets in and sends out, and which
 * step of the decision is whose rule, is data (ctl/policy.c, ctl/decide.c).
 * Pure: no sockets, no clock, no kernel.
 */
#ifndef ERX_CTL_RIB_H
#define ERX_CTL_RIB_H

#include "ctl/fabric.h"
#include "topo/limits.h"

/* What the network is like at a moment. A member that is NULL: nothing of that kind. */
struct conditions {
	bool without_limits;	  /* Azure's limits are neither counted nor act */
	const bool *link_down;	  /* by link: no carrier, or the neighbour was found dead: nothing passes */
	const bool *session_down; /* by link: the BGP session over it is down though the link carries packets */
	/* By link: why one of the two is so, in words that outlive the routes. NULL, here or for a link: they say. */
	const char *const *because;
	const uint8_t *prepends; /* by device: how often it adds its AS beyond once towards every neighbour
				  * (maintenance, azure.md 7.1) */
	/*
	 * Ends of links that nothing reaches though nobody has noticed yet. By link * 2 + end (as link.ports): one
	 * more than the place in earlier[] of the moment up to which that end has heard its neighbour; 0: it hears.
	 * What it was told by then stays as it was told until its own timer speaks (RFC 4271 6.5: a hold timer that
	 * expires, and nothing before, ends what a silent neighbour has said). Those moments are conditions like
	 * these, oldest first; one refers to those before it only, and all of them to the same array.
	 */
	const uint32_t *deaf_since;
	const struct conditions *earlier;
	size_t n_earlier;
};

/* Whether a link carries packets. */
bool link_is_up(const struct fabric *f, const struct conditions *now, uint32_t link);
/* Since which moment a device hears nothing over one of its links, as conditions.deaf_since says; 0: it hears. */
uint32_t link_deaf_since(const struct fabric *f, const struct conditions *now, uint32_t link, uint32_t device);

/* Where a route comes from. Within one table the lower value wins at equal
 * prefixes (azure.md 8.1: UDR, then BGP, then system; a router's connected and
 * static routes before BGP). */
enum route_source {
	SOURCE_LOCAL,	    /* an address of the device itself */
	SOURCE_HOST,	    /* of a host attached here: /32, of a sink its prefixes */
	SOURCE_CONNECTED,   /* the other end of a numbered link; a site's LAN */
	SOURCE_STATIC,	    /* tunnel neighbour, gateway's VNet space, LAN behind the switch, VPN without BGP */
	SOURCE_UDR,	    /* user-defined route */
	SOURCE_BGP,	    /* learned in a session; at a VNet: from its gateways */
	SOURCE_VNET,	    /* system: the VNet's own address space, row per prefix, no next hop of its own */
	SOURCE_PEERING,	    /* system: a peered VNet's address space */
	SOURCE_SYSTEM_NONE, /* system: 10/8, 172.16/12, 192.168/16, 100.64/10 -> None; gone under another's 0/0 */
	SOURCE_INTERNET,    /* system: 0/0 -> Internet */
	SOURCE_DEFAULT,	    /* the default route a CE gives its switch */
};

enum origin { ORIGIN_IGP, ORIGIN_EGP, ORIGIN_INCOMPLETE }; /* RFC 4271: lower wins */

/* Through what a route has come, for policies that ask where it is from (azure.md 7.5). */
#define VIA_VNET    (1u << 0) /* originated by a VNet's gateway */
#define VIA_SITE    (1u << 1) /* announced by a customer router */
#define VIA_MSEE    (1u << 2) /* has crossed an MSEE */
#define VIA_HAIRPIN (1u << 3) /* from one gateway to another by the MSEE both are connected to */
#define VIA_REACH   (1u << 4) /* has crossed a Global Reach connection */
#define VIA_VPN	    (1u << 5) /* has crossed a VPN session */
#define VIA_REMOTE  (1u << 6) /* its gateway has allowRemoteVnetTraffic on (Global Reach asks both ends) */

struct attrs { /* immutable and shared: interned per run */
	const uint32_t *as_path;
	unsigned as_path_len;
	uint32_t local_pref;	 /* 100 by default */
	uint32_t weight;	 /* Azure: 32769 learned from an MSEE, 32768 local and iBGP; 0 elsewhere */
	uint32_t routing_weight; /* of the ExpressRoute connection; counts before the AS path (azure.md 7.4) */
	uint32_t med;
	enum origin origin;
	bool ibgp;		     /* learned in an iBGP session */
	uint32_t via;		     /* VIA_* */
	const uint32_t *communities; /* high 16 bits AS, low 16 value; sorted */
	unsigned n_communities;
};

/* The steps of the decision, in order; the text names the rule and its source. */
#define DECIDE_STEPS(X)                                                                                                \
	X(SOURCE, "route source: user-defined, then BGP, then system (azure.md 8.1)")                                  \
	X(WEIGHT, "higher weight: ExpressRoute 32769 before VPN 32768 (azure.md 7.4)")                                 \
	X(ROUTING_WEIGHT, "higher routingWeight of the connection, before the AS path (azure.md 7.4)")                 \
	X(LOCAL_PREF, "higher local preference (RFC 4271 9.1.1)")                                                      \
	X(AS_PATH, "shorter AS path (RFC 4271 9.1.2.2 a)")                                                             \
	X(ORIGIN, "lower origin (RFC 4271 9.1.2.2 b)")                                                                 \
	X(MED, "lower MED from the same neighbouring AS (RFC 4271 9.1.2.2 c)")                                         \
	X(EBGP, "eBGP before iBGP (RFC 4271 9.1.2.2 d)")                                                               \
	X(MULTIPATH, "same rank: shares the load (ECMP)")                                                              \
	X(MAX_PATHS, "eight paths at most share the load, the first of the file (azure.md 3.4)")                       \
	X(ROUTER_ID, "lower router id (RFC 4271 9.1.2.2 f)")                                                           \
	X(PEER_ADDRESS, "lower neighbour address (RFC 4271 9.1.2.2 g)")                                                \
	X(INVALID, "not eligible")                                                                                     \
	X(ONLY, "the only route")

enum decide_step {
#define X(id, text) DECIDE_##id,
	DECIDE_STEPS(X) N_DECIDE_STEPS
#undef X
};

const char *decide_step_name(enum decide_step step); /* "as-path" */
const char *decide_step_text(enum decide_step step);

struct route {
	enum route_source source;
	const struct attrs *attrs; /* SOURCE_BGP, and a SOURCE_STATIC that is handed on; NULL elsewhere */
	uint32_t from;		   /* device that announced it; NO_INDEX when none did */
	struct addr next_hop;	   /* neighbour's address, as the tables of design.md 6 show it; may be ADDR_NONE */
	struct addr router_id;	   /* of the announcing device */
	uint32_t link;	  /* packets leave by this link; NO_INDEX: they stop here (local, None, Internet, no such VM) */
	uint32_t session; /* index into rib.sessions it was learned in; NO_INDEX: in none */
	const struct connection *connection; /* ER or VPN connection it was learned through, or NULL */
	const struct udr *udr;		     /* SOURCE_UDR; with link NO_INDEX the appliance or gateway is not there */
	bool echo;			     /* SOURCE_LOCAL: echo requests are answered */
	bool best;			     /* one of the members in use */
	bool unlisted; /* a system route that another has replaced: no row, not even an Invalid one (azure.md 8.1) */
	enum decide_step lost_at; /* !best: the step that decided against it; best: as decided_at, or MULTIPATH */
	const char *invalid;	  /* why it is not eligible (with lost_at INVALID); NULL otherwise */
};

struct rib_entry {
	struct prefix prefix;
	struct route *routes; /* best first, then by rank; members of a multipath in the file's order, primary first */
	unsigned n_routes;
	unsigned n_best; /* 0: no eligible route */
	/* The step in which the best beat the first that is not in use; MULTIPATH or ONLY when there is none. */
	enum decide_step decided_at;
	uint64_t announced_by; /* number of those who announce it; prefixes with other ones may come and go otherwise */
	uint32_t n_alike; /* of rib_compute_classes(): prefixes this one stands for, itself included; 1 elsewhere */
};

/*
 * One routing table. Every device has one; a VNet has another for each subnet
 * with a route table, which differs in what UDRs add and what
 * disableBgpRoutePropagation takes away. A hub with several peers has a third
 * for what these send through its gateways, without its own peerings: they are
 * not transitive (azure.md 7.5).
 */
struct rib_table {
	uint32_t index;
	const char *name; /* the device's name, "VNET/SUBNET", or "VNET/(peers)" */
	uint32_t device;
	const struct subnet *subnet; /* NULL: not a subnet's */
	bool for_peers;		     /* for what comes in over a peering */
	struct rib_entry *entries;   /* sorted by prefix_compare(); equal routes of several entries are kept once */
	size_t n_entries;
};

enum session_kind {
	SESSION_CIRCUIT, /* customer router and MSEE: eBGP on the /30 */
	SESSION_GATEWAY, /* MSEE and ExpressRoute gateway instance: eBGP in the GatewaySubnet */
	SESSION_REACH,	 /* MSEE and MSEE of two circuits: Global Reach */
	SESSION_VPN,	 /* VPN gateway and its neighbour through the tunnel: eBGP */
	SESSION_INSIDE,	 /* ExpressRoute and VPN gateway of one VNet: iBGP */
	N_SESSION_KINDS,
};

/* A session and what passed over it, for the tables of design.md 6. */
struct session_view {
	enum session_kind kind;
	uint32_t a, b;			     /* devices */
	uint32_t link;			     /* NO_INDEX: inside one VNet (iBGP) */
	const struct connection *connection; /* NULL: CIRCUIT and INSIDE */
	struct addr addr_a, addr_b;
	bool up;
	/* "link down", "BFD expired", "4,001 prefixes from 'loc1-ce1' exceed the 4,000 of tier Standard"; NULL: up. */
	const char *down_because;
	size_t sent_a, sent_b; /* prefixes a advertises to b now, and b to a */
};

/* How far one of Azure's limits is used. */
struct limit_usage {
	enum limit kind;
	const char *object; /* the name of the first thing that `what` names */
	const char *what;   /* "prefixes from 'loc1-ce1' to 'er1.primary'" */
	size_t count, limit;
	bool over;
	const char *consequence; /* of being over: "the BGP session drops until there are fewer" */
	const char *source;	 /* "azure.md 7.3" */
};
typedef VEC(struct limit_usage) limit_list;

/* From 80 % on a view warns. */
static inline bool limit_is_near(const struct limit_usage *u)
{
	return u->count * 5 >= u->limit * 4;
}

struct rib_sent;

struct rib {
	struct arena *arena;
	const struct fabric *fabric;  /* not owned */
	VEC(struct rib_table) tables; /* the devices' own by device index, then those for peers and of subnets */
	VEC(struct session_view) sessions;
	struct rib_sent *sent; /* what passed over the sessions; behind rib_advertised() */
	size_t events;	       /* UPDATEs until the fixed point */
	bool converged;	       /* false: stopped at the budget; unstable names one prefix that kept changing */
	struct prefix unstable;
	limit_list limits; /* every limit that something counts for; a session over one counts what it would bring */
	/* Some gateway is full: of prefixes that fare alike it has learned some and not others. */
	bool full_gateway;
};

/*
 * Compute every table under these conditions (NULL: nothing has failed but the links
 * that the file shuts). Neither the conditions nor their arrays need outlive the call.
 * Always returns a rib; the caller checks ->converged.
 */
struct rib *rib_compute(const struct fabric *f, const struct conditions *now);
/* The same with a bound on the UPDATEs that one prefix may take (0: the bound that rib_compute() sets). */
struct rib *rib_compute_within(const struct fabric *f, const struct conditions *now, size_t budget);
/*
 * The same over one prefix for each class of prefixes that fare alike whatever
 * fails, so that the time does not depend on their number: each entry stands for
 * n_alike prefixes. Which they are follows from the fabric alone, so that two
 * such ribs of one fabric have entries for the same prefixes. What is counted
 * (limits, what sessions have sent, rib_advertised()) counts all. With a
 * full_gateway no prefix stands for others: compute in full.
 */
struct rib *rib_compute_classes(const struct fabric *f, const struct conditions *now);
void rib_free(struct rib *r); /* NULL is fine */

/* The device's own table; that of a host's port (its subnet's, when that has one). */
const struct rib_table *rib_table_of(const struct rib *r, uint32_t device);
const struct rib_table *rib_table_of_host(const struct rib *r, const struct host *h);
/* What a VNet has for those who use its gateways: its own table when it has no other. */
const struct rib_table *rib_table_for_peers(const struct rib *r, uint32_t device);
/* The table for what arrives at a port: a host's; the GatewaySubnet's, when that has a route table, for
 * what comes in from a gateway or past it; the one for peers over a peering; else the device's own. */
const struct rib_table *rib_table_of_port(const struct rib *r, uint32_t port);
/* Exact and longest-prefix look-up; NULL when there is none. Entries without a best route do not cover. */
const struct rib_entry *rib_find(const struct rib_table *t, const struct prefix *p);
const struct rib_entry *rib_lookup(const struct rib_table *t, const struct addr *a);
/* What takes over when p has no route: the longest shorter prefix around it. */
const struct rib_entry *rib_cover(const struct rib_table *t, const struct prefix *p);

/*
 * What device a sends to device b: entries of an Adj-RIB-Out, sorted by prefix.
 * The array is made on the first call and lives as long as the rib.
 */
struct advertisement {
	struct prefix prefix;
	const struct attrs *attrs; /* as on the wire: before the receiver's import policy */
};
size_t rib_advertised(const struct rib *r, uint32_t a, uint32_t b, const struct advertisement **out);

/* Compare two candidate routes of one prefix: > 0 when a wins, < 0 when b does, 0 never for routes of
 * different neighbours. *step is the deciding step; MULTIPATH when both may be used together. */
struct decide_rules {
	bool as_path_relax; /* ECMP over paths of equal length whatever they contain (gateways, MSEE, switch) */
	bool always_compare_med;
	unsigned max_paths; /* that share the load; 0: all */
};
int route_compare(const struct route *a, const struct route *b, const struct decide_rules *rules,
		  enum decide_step *step);

#endif
