/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The model of a topology file: Azure's resources, by Azure's names. Parsing
 * resolves every reference, fills every default, and reports every problem of
 * the file in one run. What the resources mean for devices, wires and routes
 * is not decided here (ctl/fabric.h does).
 *
 * Everything hangs off one arena: pointers stay valid until topo_free().
 * Arrays keep the order of the file; that order is part of the contract
 * (addresses of MSEE endpoints, order of ECMP members).
 */
#ifndef ERX_TOPO_TOPO_H
#define ERX_TOPO_TOPO_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/addr.h"
#include "lib/diag.h"
#include "lib/vec.h"

#define TOPO_MAX_BYTES	 (1024 * 1024)
#define TOPO_MAX_NESTING 64
#define TOPO_MAX_NAME	 80 /* Azure's own limit for these resources */

enum profile { PROFILE_2018, PROFILE_CURRENT };
/* What a VNet's edge lets in of ICMP errors, azure.md 3.3. */
enum icmp_check { ICMP_CHECK_VNET_TAG, ICMP_CHECK_PRIVATE, ICMP_CHECK_ANY };
enum udr_hop { UDR_VIRTUAL_APPLIANCE, UDR_VIRTUAL_NETWORK_GATEWAY, UDR_NONE, UDR_VNET_LOCAL, UDR_INTERNET };
enum gateway_type { GATEWAY_EXPRESSROUTE, GATEWAY_VPN };
enum connection_type { CONNECTION_EXPRESSROUTE, CONNECTION_IPSEC, CONNECTION_GLOBAL_REACH };
enum circuit_tier { TIER_LOCAL, TIER_STANDARD, TIER_PREMIUM };
enum circuit_path { PATH_PRIMARY, PATH_SECONDARY, N_CIRCUIT_PATHS };
enum tri { UNSET = -1, NO = 0, YES = 1 };

typedef VEC(struct prefix) prefix_list;
typedef VEC(struct addr) addr_list;
typedef VEC(const char *) name_list;

struct udr {
	const char *name;
	struct pos at;
	struct prefix prefix;
	enum udr_hop hop;
	struct addr next_hop; /* VirtualAppliance only */
};

struct route_table {
	const char *name;
	struct pos at;
	bool disable_bgp_propagation;
	VEC(struct udr) routes;
};

struct address_range { /* addresses without a namespace; one sink answers for all */
	struct pos at;
	struct addr first;
	uint32_t count;
};

struct subnet {
	const char *name;
	struct pos at;
	struct prefix prefix;
	const struct route_table *route_table; /* NULL: none */
	enum icmp_check icmp_check;
	VEC(struct address_range) ranges;
	/* The host that answers for the addresses here that have no namespace of their own; NULL: there are none. */
	const char *sink;
};

struct vm {
	const char *name;
	struct pos at;
	struct addr addr;
	const struct subnet *subnet; /* the one that holds addr */
};

struct vnet;

struct peering { /* one half: this VNet's view of remote */
	struct pos at;
	const struct vnet *remote;
	bool allow_access;	    /* allowVirtualNetworkAccess, default true */
	bool allow_forwarded;	    /* allowForwardedTraffic */
	bool allow_gateway_transit; /* allowGatewayTransit */
	bool use_remote_gateways;   /* useRemoteGateways */
	bool connected;		    /* the other half exists; else the state is Initiated and nothing passes */
	bool global;		    /* the two VNets are in different locations */
};

/* What an endpoint is, as far as FastPath tells them apart (azure.md 5). A word that is none of these counts as the
 * first. */
enum endpoint_kind {
	ENDPOINT_STANDARD,	       /* load balancers: the default */
	ENDPOINT_BASIC,		       /* load balancer of the SKU Basic */
	ENDPOINT_AZURE_FIREWALL,       /* the firewall's private address */
	ENDPOINT_DNS_PRIVATE_RESOLVER, /* its inbound endpoint */
	ENDPOINT_NETAPP_FILES,	       /* a volume with basic network features */
	ENDPOINT_PRIVATE,	       /* a private endpoint, whatever is behind it */
};

struct endpoint { /* a private endpoint or an internal load balancer: one sink answers for these too */
	const char *name;
	struct pos at;
	struct addr addr;
	const char *kind; /* as written, NULL when absent */
	enum endpoint_kind kind_of;
	const struct subnet *subnet; /* the one that holds addr */
};

struct vnet {
	const char *name;
	struct pos at;
	const char *location;
	prefix_list address_space;
	VEC(struct subnet) subnets;
	VEC(struct vm) vms;
	VEC(struct peering) peerings;
	VEC(struct endpoint) private_endpoints;
	VEC(struct endpoint) load_balancers;
	const struct subnet *gateway_subnet; /* NULL: none */
	const struct gateway *er_gateway;    /* NULL: none */
	const struct gateway *vpn_gateway;   /* NULL: none */
	const struct vnet
		*remote_gateway_of; /* the peer whose gateways this VNet uses, both halves agreeing; or NULL */
};

struct gateway_sku;

struct gateway {
	const char *name;
	struct pos at;
	const struct vnet *vnet;
	enum gateway_type type;
	const struct gateway_sku *sku;
	uint32_t asn;
	bool active_active;	      /* ExpressRoute: always two instances */
	addr_list public_addresses;   /* VPN: one per active instance */
	addr_list instance_addresses; /* as set in the file; empty: by rule */
	struct addr bgp_address;      /* VPN, active-standby; ADDR_NONE: by rule */
	bool transparent;	      /* ttl: transparent */
	bool drop_fragments;
	bool allow_remote_vnet_traffic;		   /* default by profile */
	unsigned scale_units_min, scale_units_max; /* ErGwScale; 0 otherwise */
};

struct router;

struct local_gateway {
	const char *name;
	struct pos at;
	const struct router *router;
	struct addr public_address; /* gatewayIpAddress */
	bool has_bgp;
	uint32_t asn;
	struct addr bgp_address;
	prefix_list address_prefixes; /* static routes of a connection without BGP */
};

struct advertised { /* count prefixes of one length, one after the other */
	struct pos at;
	struct prefix first;
	uint32_t count;
};

struct prepend { /* circuit NULL: towards every neighbour */
	const struct circuit *circuit;
	int path; /* enum circuit_path or -1 for both */
	unsigned times;
};

struct router {
	const char *name;
	struct pos at;
	const struct site *site;
	uint32_t asn;
	struct prefix lan_interface;	  /* the router's address and length; the switch has the other one of the /31 */
	struct prefix tunnel_interface;	  /* ADDR_NONE: no VPN here */
	VEC(struct advertised) advertise; /* complete list, the site's LAN when the file has none */
	uint32_t local_pref_er, local_pref_ipsec; /* default 100 */
	VEC(struct prepend) prepends;
	bool bfd;
	unsigned hold_time_s; /* default 180 */
	bool transit;
};

struct server {
	const char *name;
	struct pos at;
	struct addr addr;
};

struct site {
	const char *name;
	struct pos at;
	struct prefix lan;
	struct addr switch_addr;
	struct addr gateway_addr; /* what hosts use: the first address of the LAN unless set */
	VEC(struct server) hosts;
	VEC(struct router) routers;
};

struct er_port { /* ExpressRoute Direct */
	const char *name;
	struct pos at;
	const char *peering_location;
	unsigned bandwidth_gbps;
};

struct customer_edge {
	struct pos at;
	const struct router *router; /* NULL: nothing connected on this path */
	bool link_down;		     /* the CE-MSEE link is shut in the file */
};

struct circuit {
	const char *name;
	struct pos at;
	enum circuit_tier tier;
	const char *family;
	const char *peering_location;
	unsigned bandwidth_mbps;
	const struct er_port *port; /* NULL: a provider circuit */
	bool enable_direct_port_rate_limit;
	bool has_private_peering;
	uint32_t peer_asn;
	unsigned vlan;
	struct prefix link[N_CIRCUIT_PATHS]; /* network form; customer odd address, Microsoft even */
	struct customer_edge edge[N_CIRCUIT_PATHS];
	struct addr underlay[N_CIRCUIT_PATHS]; /* next hops that effective routes show; ADDR_NONE: by rule */
};

struct connection {
	const char *name;
	struct pos at;
	enum connection_type type;
	const struct gateway *gateway;		   /* virtualNetworkGateway1; NULL for GlobalReach */
	const struct circuit *circuit;		   /* peer, or circuit1 */
	const struct circuit *circuit2;		   /* GlobalReach */
	struct prefix address_prefix;		   /* GlobalReach /29 */
	unsigned peer_msee_decrement;		   /* GlobalReach: by how much the second MSEE lowers the TTL, 0 or 1 */
	const struct gateway *gateway2;		   /* IPsec between VNets */
	const struct local_gateway *local_gateway; /* IPsec to a site */
	uint32_t routing_weight;
	bool fastpath; /* expressRouteGatewayBypass */
	bool private_link_fastpath;
	bool enable_bgp;
	unsigned mtu;		  /* inner bytes through the tunnel; default 1436 */
	unsigned dpd_timeout_s;	  /* default 45 */
	addr_list msee_addresses; /* primary, secondary; empty: by rule */
};

struct latency {
	struct pos at;
	enum { LATENCY_BETWEEN, LATENCY_CONNECTION, LATENCY_GATEWAY } kind;
	const char *a, *b; /* names as written; b only for LATENCY_BETWEEN */
	uint64_t rtt_ns;   /* LATENCY_GATEWAY: one way */
};

/* What an expectation is about, and so who can tell: packets, or the computed routes. */
enum expectation_kind {
	EXPECT_PACKETS, /* from, to: between two hosts */
	EXPECT_ROUTES,	/* at: a table of routes */
	EXPECT_VM,	/* vm: the effective routes of a virtual machine */
};

struct packet_expectation {
	const char *from, *to; /* hosts */
	name_list hops;	       /* traceroute: address text or "*" */
	bool has_trace;
	int ttl; /* what ping prints; 0: not checked */
	bool unreachable;
	uint64_t rtt_min_ns, rtt_max_ns; /* 0: not checked */
};

struct expected_hop {
	struct addr addr;
	bool marked; /* by a star: of several, the one that a circuit's table marks as best */
};

/*
 * What is not given is not checked. prefixes and not_see ask what has been
 * learned, prefix and all after it ask for one route.
 */
struct route_expectation {
	const char *at;	      /* device or resource; a host for EXPECT_VM */
	uint32_t asn;	      /* 0: not checked */
	prefix_list prefixes; /* all of them, in any order */
	bool has_prefixes;
	prefix_list not_see;
	struct prefix prefix; /* ADDR_NONE: none */
	name_list via;	      /* where the routes in use are from: a device, circuit, gateway or connection */
	const char *over;     /* a route from there lost */
	VEC(uint32_t) as_path;
	uint32_t local_pref, weight;
	bool has_local_pref, has_weight;
	const char *rule;			    /* the step of the decision, as decide_step_name() has it */
	VEC(struct expected_hop) next_hops;	    /* in any order */
	const char *source, *state, *next_hop_type; /* EXPECT_VM: Azure's words; NULL: not checked, Active */
};

struct expectation {
	struct pos at;
	enum expectation_kind kind;
	struct packet_expectation packets; /* EXPECT_PACKETS */
	struct route_expectation routes;   /* the others */
};

typedef VEC(struct expectation) expectation_list;

/* How high it shows that something has failed: by the carrier, or with the carrier up by ARP or BGP. */
enum fault_layer { LAYER_LINK, LAYER_ARP, LAYER_BGP };

struct planned_fault {
	struct pos at;
	const char *target; /* checked against the model */
	bool silent;
	enum fault_layer layer;
	bool maintenance;
};

struct scenario {
	const char *name;
	struct pos at;
	VEC(struct planned_fault) fail;
	expectation_list expect;
};

struct topo {
	struct arena *arena;
	const char *name;
	enum profile profile;
	uint32_t hash_seed;		/* as written; 0 stands for ERX_DEFAULT_SEED */
	uint32_t icmp_rate, icmp_burst; /* icmpErrorLimit: {perSecond, burst}; default 1000 and 100 */
	double timer_scale;
	uint64_t azure_convergence_ns;
	bool enforce_limits;
	double limit_scale;    /* what circuits and gateways carry at most, times this */
	uint64_t flow_idle_ns; /* a flow through a gateway ends after this long without a packet, before timer_scale */
	VEC(struct vnet) vnets;
	VEC(struct gateway) gateways;
	VEC(struct local_gateway) local_gateways;
	VEC(struct site) sites;
	VEC(struct er_port) er_ports;
	VEC(struct circuit) circuits;
	VEC(struct connection) connections;
	VEC(struct route_table) route_tables;
	VEC(struct latency) latencies;
	expectation_list expects;
	VEC(struct scenario) scenarios;
};

/* Azure's limits per gateway SKU (azure.md 6), one row each; see topo/skus.c. */
struct gateway_sku {
	const char *name;
	enum gateway_type type;
	unsigned mbps, packets_per_s, connections_per_s, flows;
	unsigned routes;       /* learned prefixes */
	unsigned max_circuits; /* 0: by scale units */
	bool scalable;	       /* ErGwScale */
	bool active_active;    /* VPN: allowed */
	bool fastpath;	       /* ErGwScale: from 10 units */
};

const struct gateway_sku *sku_find(const char *name, enum gateway_type type);

/* What all of a gateway carries together: its SKU, times the scale units of ErGwScale. 0: not known, no limit. */
struct gateway_capacity {
	uint64_t mbps, packets_per_s, connections_per_s, flows;
};
struct gateway_capacity gateway_capacity_of(const struct gateway *g);
/* Whether FastPath is possible on this gateway (azure.md 5): SKU, and units for ErGwScale. */
bool gateway_can_fastpath(const struct gateway *g);

/*
 * Parse text (not NUL terminated) into a model. Always fills diags; returns
 * NULL when there was any error. Warnings alone do not refuse a file.
 */
struct topo *topo_parse(const char *text, size_t size, struct diags *diags);
/* The same for a file; -errno through *err when it cannot be read (then diags stays empty). */
struct topo *topo_read(const char *file, struct diags *diags, int *err);
void topo_free(struct topo *t); /* NULL is fine */

/* A duration as files have it: 250us, 1.6ms or 2s, at most an hour. False: that is none. */
bool parse_duration(const char *text, uint64_t *ns);

/* Look-ups by name, NULL when there is none. */
const struct vnet *topo_vnet(const struct topo *t, const char *name);
const struct gateway *topo_gateway(const struct topo *t, const char *name);
const struct circuit *topo_circuit(const struct topo *t, const char *name);
const struct connection *topo_connection(const struct topo *t, const char *name);
const struct site *topo_site(const struct topo *t, const char *name);
const struct router *topo_router(const struct topo *t, const char *name);

#endif
