/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the resources of a file are made of: devices, the ports of each, the
 * links that join two ports, and the hosts. Pure: no routes, no kernel. Addresses
 * in a GatewaySubnet come from topo/gateway_subnet.h.
 *
 * Devices per resource:
 *   VNet                  one   kind VNET   named as the VNet
 *   ExpressRoute gateway  two   kind ERGW   GATEWAY/0, GATEWAY/1
 *   VPN gateway           one   kind VPNGW  GATEWAY/0 (two when activeActive)
 *   circuit               two   kind MSEE   CIRCUIT.primary, CIRCUIT.secondary
 *   router of a site      one   kind CE     named as the router
 *   site                  one   kind LAN    named as the site
 * Hosts are the virtual machines and servers of the file, and one sink per subnet
 * that has addresses without a namespace of their own (ranges, load balancers,
 * private endpoints): the host that answers for all of these, SUBNET's `sink`.
 * Names of vnets, sites, gateways, circuits, routers and connections are
 * unique among each other (the parser sees to it), so a device is known by name.
 */
#ifndef ERX_CTL_FABRIC_H
#define ERX_CTL_FABRIC_H

#include "erxdp/abi.h"
#include "lib/vec.h"
#include "topo/topo.h"

#define NO_INDEX UINT32_MAX
#define MSEE_ASN 12076 /* every Microsoft edge router (azure.md 7.1) */

struct device {
	uint32_t index;
	const char *name;
	enum erx_kind kind;
	uint32_t asn;		       /* 0: does not speak BGP (VNET, LAN) */
	struct addr router_id;	       /* for the last steps of the decision: the lowest address of the device */
	const struct vnet *vnet;       /* VNET, ERGW, VPNGW */
	const struct gateway *gateway; /* ERGW, VPNGW */
	unsigned instance;	       /* ERGW, VPNGW */
	struct addr instance_addr;     /* ERGW, VPNGW: in the GatewaySubnet */
	struct addr bgp_addr;	       /* ERGW, VPNGW: what BGP neighbours peer with */
	const struct circuit *circuit; /* MSEE */
	enum circuit_path path;	       /* MSEE */
	const struct router *router;   /* CE */
	const struct site *site;       /* CE, LAN */
	VEC(uint32_t) ports;	       /* in order of creation */
};

struct port {
	uint32_t index;
	uint32_t device;
	uint32_t link;
	enum erx_role role; /* what is at the other end */
	struct prefix addr; /* the port's own address and length; ADDR_NONE when it has none */
};

/* What a link is, for its name, its path counters and its latency. */
enum link_kind {
	LINK_HOST,	/* VNet or switch to host */
	LINK_PEERING,	/* VNet to VNet */
	LINK_VNET_MSEE, /* past the gateway, both directions: connection + path */
	LINK_MSEE_ERGW, /* through the gateway: connection + path + instance */
	LINK_GATEWAY,	/* gateway instance to its VNet */
	LINK_CIRCUIT,	/* CE to MSEE: circuit + path */
	LINK_LAN,	/* CE to switch */
	LINK_TUNNEL,	/* IPsec: connection */
	LINK_REACH,	/* Global Reach: connection + path */
};

struct link {
	uint32_t index;
	const char *name; /* "DEVICE:DEVICE" or "DEVICE:HOST"; unique */
	enum link_kind kind;
	uint32_t ports[2]; /* the second is NO_INDEX for LINK_HOST */
	uint32_t host;	   /* LINK_HOST */
	unsigned mtu;	   /* inner bytes for tunnels, ERX_LINK_MTU elsewhere */
	const struct connection *connection;
	const struct circuit *circuit;
	enum circuit_path path;
	struct addr outer[2]; /* LINK_TUNNEL: public address of each end, as ports[] */
	bool down_in_file;    /* customerEdge … link: down */
};

struct host {
	uint32_t index;
	const char *name;
	struct addr addr;	 /* of a sink the first of them, or the one that is spoken of: fabric_host_as() */
	prefix_list addresses;	 /* all that it answers for; but for a sink that is addr alone */
	uint8_t prefixlen;	 /* of its subnet or LAN; of a sink, whose neighbours share its prefixes, all bits */
	struct addr gateway;	 /* default route: first address of the subnet; a site's gateway address */
	uint32_t port;		 /* the fabric's end of its link */
	const struct vnet *vnet; /* a VM or sink */
	const struct subnet *subnet; /* a VM or sink */
	const struct site *site;     /* a server */
	bool sink;
};

struct fabric_index;

struct fabric {
	struct arena *arena;
	struct fabric_index *index; /* by name and by resource; behind the look-ups below */
	const struct topo *topo;    /* not owned; must outlive the fabric */
	VEC(struct device) devices;
	VEC(struct port) ports;
	VEC(struct link) links;
	VEC(struct host) hosts;
};

/*
 * Expand a model. Devices, links and hosts come in the order of the file.
 * Never fails for a model that topo_parse() accepted.
 */
struct fabric *fabric_build(const struct topo *topo);
void fabric_free(struct fabric *f); /* NULL is fine */

struct device *fabric_device(const struct fabric *f, const char *name);	       /* NULL: none */
struct host *fabric_host(const struct fabric *f, const char *name_or_address); /* NULL: none */
/*
 * The same, also by the name of a private endpoint or load balancer (or VNET/NAME,
 * when two VNets have one of that name). What is returned has the address that was
 * asked for: of a sink and any of its addresses it is *as, a copy with this one. Two
 * such stand for one host: same_host(), not their pointers, tells.
 */
const struct host *fabric_host_as(const struct fabric *f, const char *name, struct host *as);
bool same_host(const struct host *a, const struct host *b); /* NULL is no host, and not the same as any */
bool host_has(const struct host *h, const struct addr *a);  /* whether it answers for this address */
uint64_t host_count_addresses(const struct host *h);
struct prefix host_cover(const struct host *h); /* the longest prefix that holds all of its addresses */
/* The device a resource has become; those of a gateway and a circuit come one after the other. */
uint32_t device_of_vnet(const struct fabric *f, const struct vnet *v);
uint32_t device_of_gateway(const struct fabric *f, const struct gateway *g, unsigned instance);
uint32_t device_of_circuit(const struct fabric *f, const struct circuit *c, enum circuit_path path);
uint32_t device_of_site(const struct fabric *f, const struct site *s);
uint32_t device_of_router(const struct fabric *f, const struct router *r);
/* The port at the other end, NO_INDEX when that is a host. */
uint32_t port_peer(const struct fabric *f, uint32_t port);
/* The port of a device on a link, NO_INDEX when the link does not touch it. */
uint32_t device_port_on(const struct fabric *f, uint32_t device, uint32_t link);
/* The device's link of one kind, and of a connection and path unless connection is NULL; NO_INDEX: none. */
uint32_t device_link(const struct fabric *f, uint32_t device, enum link_kind kind, const struct connection *connection,
		     enum circuit_path path);

typedef VEC(uint32_t) index_list;
/*
 * Which links a target of `fail` and `capture` takes away: CIRCUIT.PATH (the CE-MSEE
 * link only), CIRCUIT.PATH/msee (all links of that edge router), CIRCUIT (both
 * paths' CE-MSEE links), a connection (its links on both paths, through and past the
 * gateway; a tunnel), a gateway or GATEWAY/instance, a router. Appends to *links.
 * Returns 0, or -ENOENT for a name that is no target: a path without a customer
 * router, for example, has no link to take away.
 */
int target_links(const struct fabric *f, const char *target, index_list *links);
/* Every valid target, NULL terminated, for "did you mean"; owned by the fabric. */
const char *const *target_names(const struct fabric *f);

#endif
