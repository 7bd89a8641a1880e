/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The contract between the controller and the XDP programs: keys and values of
 * the maps. Included by both sides. Addresses and everything typed __be* are in
 * network order, all else in host order. The controller owns every entry but those
 * of erx_captured and erx_capture, which are the captures'; the programs write only the
 * counters and the ICMP buckets, and end captures whose process is dead.
 *
 * The user of these numbers is `dp/`; ids come from the forwarding image.
 *
 * Labs outlive the build that loaded them. Whatever changes in these headers or bpf/maps.h,
 * comments aside, makes another contract (tools/contract), and other builds refuse the lab.
 * Where only the meaning changes, raise ERX_MEANING.
 */
#ifndef ERXDP_ABI_H
#define ERXDP_ABI_H

#include <linux/types.h>
#include "erxdp/limits.h"
#include "erxdp/outcomes.h"

#define ERX_MEANING 1

#define ERX_KINDS(X)                                                                                                   \
	X(VNET, "vnet", "virtual network")                                                                             \
	X(ERGW, "ergw", "ExpressRoute gateway instance")                                                               \
	X(MSEE, "msee", "Microsoft edge router")                                                                       \
	X(VPNGW, "vpngw", "VPN gateway instance")                                                                      \
	X(CE, "ce", "customer edge router")                                                                            \
	X(LAN, "lan", "on-premises LAN switch")

/* What a port leads to, seen from its own device. */
#define ERX_ROLES(X)                                                                                                   \
	X(HOST, "host")	      /* a VM or server */                                                                     \
	X(VNET, "vnet")	      /* a gateway's or MSEE's way into the VNet */                                            \
	X(PEERING, "peering") /* VNet to VNet */                                                                       \
	X(GATEWAY, "gateway") /* an ExpressRoute or VPN gateway instance */                                            \
	X(MSEE, "msee")	      /* from a VNet or a CE */                                                                \
	X(CE, "ce")	      /* from an MSEE or a switch */                                                           \
	X(LAN, "lan")	      /* from a CE */                                                                          \
	X(TUNNEL, "tunnel")   /* an IPsec tunnel's far end */                                                          \
	X(REACH, "reach")     /* Global Reach: the other circuit's MSEE */

enum erx_kind {
#define X(id, name, text) ERX_KIND_##id,
	ERX_KINDS(X)
#undef X
		ERX_N_KINDS
};

enum erx_role {
#define X(id, name) ERX_ROLE_##id,
	ERX_ROLES(X)
#undef X
		ERX_N_ROLES
};

enum erx_icmp_check {			  /* at a VM's port, for ICMP errors (azure.md 3.3) */
		      ERX_CHECK_NONE,	  /* on-premises hosts, and icmpErrorCheck: any */
		      ERX_CHECK_VNET_TAG, /* the source must hit a route whose group has ERX_GROUP_VNET_TAG */
		      ERX_CHECK_PRIVATE,  /* the source must be an RFC 1918 address */
};

/* Flags of struct erx_port. */
#define ERX_PORT_FAULT		(1 << 0) /* a silent failure: everything that arrives is lost */
#define ERX_PORT_DROP_FRAGMENTS (1 << 1)
#define ERX_PORT_ARP_ANY	(1 << 2) /* answer for every address but the host's own, as a VNet does */
#define ERX_PORT_FASTPATH	(1 << 3) /* erx_fastpath has entries for what arrives here */

/* erx_ports: index is ifindex - ERX_FIRST_IFINDEX. A zeroed entry (hash_basis 0) is no port. */
struct erx_port {
	__u32 device;	  /* index into erx_devices and erx_icmp_limits */
	__u32 table;	  /* routing table for what arrives here */
	__u32 hash_basis; /* stable hash of the device's name and the file's seed, never 0 */
	__be32 addr;	  /* source of ICMP errors about what arrives here; 0: this port has no address */
	__be32 host;	  /* host port: the sources let in, under host_mask; 0: any source */
	__be32 host_mask;
	__be32 tunnel_local; /* tunnel port: outer addresses and SPI of what may arrive; 0 elsewhere */
	__be32 tunnel_remote;
	__u32 tunnel_spi;
	__u16 policy_set;  /* row of erx_policies */
	__u16 path_column; /* added to an adjacency's path row */
	__u16 tunnel_mtu;  /* inner bytes; TCP MSS is clamped to this minus 40; 0 elsewhere */
	__u16 meter;	   /* index into erx_meters for what arrives here and is sent on; 0: none */
	__u8 mac[6];
	__u8 kind;  /* enum erx_kind */
	__u8 role;  /* enum erx_role */
	__u8 flags; /* ERX_PORT_* */
	__u8 pad[3];
};

/* Longest prefix within one table: the table is matched in full, ahead of the address. */
struct erx_route_key {
	__u32 prefixlen; /* ERX_TABLE_BITS plus the prefix's own length */
	__be32 table;
	__u8 addr[4];
};
#define ERX_TABLE_BITS 32

/* erx_routes. All else is said by the group, so that a route never has to be rewritten when the network changes. */
struct erx_route {
	__u32 group; /* index into erx_groups */
};

/* Flags of struct erx_group. */
#define ERX_GROUP_LOCAL	   (1 << 0) /* an address of the device itself */
#define ERX_GROUP_ECHO	   (1 << 1) /* with LOCAL: echo requests are answered */
#define ERX_GROUP_VNET_TAG (1 << 2) /* counts as VirtualNetwork for the ICMP check */
#define ERX_GROUP_NONE	   (1 << 3) /* drop: next hop type None */
#define ERX_GROUP_INTERNET (1 << 4) /* drop: next hop type Internet */
#define ERX_GROUP_ON_LINK  (1 << 5) /* an address of this LAN: the switch answers ARP for it */
#define ERX_GROUP_NO_ROUTE (1 << 6) /* drop: the route was there before a failure, and nothing covers it */

#define ERX_GROUP_STOPS (ERX_GROUP_LOCAL | ERX_GROUP_NONE | ERX_GROUP_INTERNET | ERX_GROUP_NO_ROUTE)

/* What a packet that matches a route meets: a stop, or members in the file's order. */
struct erx_hops {
	__u32 n;
	__u32 flags; /* ERX_GROUP_* */
	struct erx_member {
		__u32 adjacency; /* index into erx_adjacencies */
		__u32 score_key; /* stable per member: its place in the group when nothing has failed */
	} members[ERX_MAX_MEMBERS];
};

/*
 * erx_groups: a flow takes the member with the highest score, so losing one moves
 * only its flows. Changing one entry moves every route that points here. An array
 * entry is not written at once, so the controller writes the slot that is not
 * current, then the word that makes it current. Entry 0 is empty.
 */
struct erx_group {
	__u32 current; /* 0 or 1 */
	struct erx_hops slots[2];
};

/* Flags of struct erx_adjacency. */
#define ERX_ADJ_ENCAP	    (1 << 0) /* into the tunnel that the outer_ and spi fields describe */
#define ERX_ADJ_PATH_BY_LEG (1 << 1) /* path is a row of erx_legs, the column is the ingress port's */
#define ERX_ADJ_FABRIC	    (1 << 2) /* the far end is a port: its source MAC carries the hop count */
#define ERX_ADJ_CHECKED	    (1 << 3) /* icmp_check is not NONE */

#define ERX_NO_PATH 0xffffffff
/* erx_legs: index is row * ERX_LEG_COLUMNS + the ingress port's column. */
#define ERX_LEG_COLUMNS 128

/* erx_adjacencies */
struct erx_adjacency {
	__u32 port; /* slot of erx_links, and index of erx_ports */
	__u32 path; /* key of erx_paths, the first index of a row of erx_legs, or ERX_NO_PATH */
	__u8 dst_mac[6];
	__u8 src_mac[6];
	__u16 mtu;	 /* bytes of (inner) IP */
	__u8 role;	 /* enum erx_role of the port, for the policy */
	__u8 flags;	 /* ERX_ADJ_* */
	__u8 icmp_check; /* enum erx_icmp_check, when the port leads to a host */
	__u8 pad[1];
	__u16 meter;	   /* index into erx_meters for what leaves by it; 0: none */
	__u32 check_table; /* routing table of that check */
	__be32 outer_src, outer_dst;
	__u32 spi;
};

/*
 * erx_ways (per CPU): what a device has decided for a flow, so that its next packet
 * needs no look-up. A way is found by the flow's hash, holds for one generation of
 * the maps, and is overwritten by the next flow that meets it there.
 */
struct erx_policy {	 /* also the value of erx_policies */
	__u8 decrements; /* how often the device lowers the TTL, 0 to 2 */
	__u8 answers;	 /* bit k: running out at decrement k is answered, else it is silent */
};
struct erx_way {
	struct erx_way_key {
		__be32 src, dst;
		__u32 ports;	  /* source and destination, as they lie in a packet */
		__u32 generation; /* struct erx_control */
		__u16 in_port;
		__u8 mac[6];		   /* of in_port: what the frame is addressed to */
	} __attribute__((aligned(8))) key; /* compared by words */
	__u8 protocol;			   /* part of the key, too */
	__u8 flags;			   /* ERX_ADJ_* and ERX_WAY_* */
	struct erx_policy policy;
	__u16 mtu; /* as in struct erx_adjacency, as all that has the same name */
	__u16 meter;
	__u16 in_meter; /* of in_port */
	__u16 device;	/* of in_port */
	__u32 port;
	__u8 dst_mac[6]; /* and src_mac behind it, as in a frame */
	__u8 src_mac[6];
	__u32 path;	 /* of the ingress port */
	__u32 adjacency; /* index into erx_adjacencies, for what only some packets need */
	__u32 seen;	 /* tick of the kernel's clock, odd, when the flow was last looked up in erx_flows; 0: never */
};
/* Flags of struct erx_way, beside those of its adjacency. */
#define ERX_WAY_PLAIN	  (1 << 4) /* no tunnel, no silent failure, no capture, not the device's own: bpf/known.h */
#define ERX_WAY_FROM_HOST (1 << 5) /* in_port is a host's */

/* erx_policies: index ERX_POLICY_INDEX(set, role in, role out) */
#define ERX_POLICY_INDEX(set, in, out) (((set)*ERX_N_ROLES + (in)) * ERX_N_ROLES + (out))

/* erx_paths (per CPU): one directed leg, e.g. "er1.primary>hub/fastpath". */
struct erx_path {
	char lab[ERX_NAME_LEN];
	char name[ERX_PATH_LEN];
	__u64 packets;
	__u64 bytes; /* of IP, inner packet */
};

/*
 * erx_port_counts (per CPU). Bytes are whole frames, but those of the burst are of IP.
 * Only the programs look at the burst: packets that leave by the port and are not in
 * erx_paths yet. Nothing is left of it when the burst is over.
 */
struct erx_port_stats {
	__u64 received;
	__u64 received_bytes;
	__u64 sent; /* handed to the driver of this port */
	__u64 sent_bytes;
	__u64 injected; /* of those received, at a port that is no host's: sent by no program. Hellos are. */
	struct erx_burst {
		__u64 path; /* key of erx_paths, of all of them */
		__u64 packets;
		__u64 bytes;
	} burst;
};

/* erx_hellos: bpf_ktime_get_ns(), which is CLOCK_MONOTONIC, when the last hello came in by a port; 0: none yet. */

/* erx_port_lost: frames that did not get through the port, from the tracepoints of bpf/lost.h. */

/*
 * erx_wires (per CPU), by port id of a wire's end, as erx_xsks: what has come in from the port it is joined to. What a
 * socket's ring had no room for is in erx_port_lost, under the same id.
 */
struct erx_wire_stats {
	__u64 received;
	__u64 injected;	  /* of those: sent by no program, as struct erx_port_stats has it */
	__u64 no_process; /* of those: dropped, as nobody had a socket there */
};

/* What a wire's program puts in front of a frame: bpf_ktime_get_ns(), which is CLOCK_MONOTONIC, when it came. */
#define ERX_WIRE_STAMP_BYTES 8

/* erx_device_stats (per CPU): a field per outcome, named as in outcomes.h. */
struct erx_device_stats {
#define X(field, name, text) __u64 field;
	ERX_DELIVERIES(X)
	ERX_DROPS(X)
#undef X
};

/*
 * A virtual schedule (GCRA): something is allowed while due_ns is at most
 * slack_ns ahead of now, and moves due_ns by interval_ns. The controller writes
 * the first two, the programs the third. erx_icmp_limits has one per device, for
 * ICMP errors.
 */
struct erx_schedule {
	__u64 interval_ns; /* 1e9 / events per second */
	__u64 slack_ns;	   /* (burst - 1) * interval_ns */
	__u64 due_ns;	   /* bpf_ktime_get_ns() time base */
};

/* What a meter counts. Bytes are of IP, as in erx_paths. A connection is a flow's first packet. */
enum erx_unit { ERX_BYTES, ERX_PACKETS, ERX_CONNECTIONS, ERX_N_UNITS };

/*
 * How much of one unit may pass per second. CPUs draw from the schedule in lots of
 * a millisecond's worth and spend them from erx_spent, so that a packet costs
 * no clock and no line of memory shared with other CPUs.
 */
struct erx_rate {
	__u64 lot; /* units per event of the schedule, at least one packet's; 0: no limit */
	struct erx_schedule schedule;
	__u32 outcome; /* enum erx_outcome of what is refused */
	__u32 pad;
};

/* erx_meters: a circuit's bandwidth in one direction of one link, or what an ExpressRoute gateway carries (azure.md 6).
 */
struct erx_meter {
	struct erx_rate rates[ERX_N_UNITS];
	__u64 idle_ns;	 /* a flow ends after this long without a packet */
	__u32 max_flows; /* at once; 0: flows are not looked at */
	__u32 pad;
};

/* erx_spent (per CPU), by meter: what is left of the lots drawn, what has passed, and how many packets each rate
 * refused. */
struct erx_spent {
	__u64 left[ERX_N_UNITS];
	__u64 passed[ERX_N_UNITS];
	__u64 refused[ERX_N_UNITS];
	__u64 flows_refused; /* packets that would have opened one flow too many */
};

/* erx_flows: flows through gateways; the value is when the last packet came, CLOCK_MONOTONIC_COARSE in ns. */
struct erx_flow_key {
	__u32 meter;
	__be32 src, dst;
	__be16 sport, dport; /* as the flow hash has them */
	__u32 protocol;
};

/* erx_flow_counts, by meter: entries of erx_flows. The programs add and take away. */

/*
 * erx_fastpath: the addresses that an MSEE sends past the gateway, in front of the
 * trie. They are programmed one by one, as Azure does (azure.md 5), and lie in
 * blocks of 64, so that 200,000 of them fit a CPU's cache. No VNet is
 * smaller than a /29, so eight addresses in a row belong to the same one.
 */
#define ERX_FASTPATH_BITS 6 /* of an address, within a block */
struct erx_fastpath_key {
	__be32 table;
	__u8 addr[4]; /* the block's first */
};
struct erx_fastpath {
	__u64 programmed; /* bit n: address n of the block */
	__u32 groups[8];  /* index into erx_groups, for each eight addresses */
};

/* erx_control, one entry. Userspace has it mapped and changes each field for itself. */
struct erx_control {
	__u32 capturing;    /* bit n: capture n sees frames. What a capture has in erx_captured counts only then. */
	__u32 fabric_inode; /* of the lab's namespace, as in /proc/PID/ns/net */
	/*
	 * Another number before and after anything changes that a decision rests on: ways of
	 * an older one are not used. Odd while it changes: then the programs decide for
	 * each packet anew, and go on so when the one who makes the change is killed. A capture
	 * that begins or ends adds 2: all is decided anew, and odd stays odd.
	 */
	__u32 generation;
	__u32 numbering; /* stands for which port has which number: never 0, another when one has another number */
};

/*
 * erx_captured, by port: which captures want to see what comes in by it, and what leaves.
 * Bit n belongs to the process that captures as number n: it holds the lock on that
 * directory of the lab's pins, and erx_capture leads to its memory, both for as long as it
 * lives. A program that finds nothing there takes the capture out of `capturing`.
 */
struct erx_captured {
	__u32 in;
	__u32 out;
};

/* erx_capture: where capture n takes records of a CPU. The kernel empties it when the process dies. */
#define ERX_CAPTURE_INDEX(cpu, n) ((cpu)*ERX_MAX_CAPTURES + (n))

enum erx_capture_step { ERX_CAPTURE_ARRIVED, ERX_CAPTURE_LEFT };

/* What erx_capture is given. A run of the program gives up to two to a capture, ARRIVED then LEFT, under one id. */
struct erx_capture_record {
	__u64 id;		 /* unique per run of a program */
	__u64 time_ns;		 /* CLOCK_MONOTONIC */
	__u32 in_port, out_port; /* out_port: ERX_NO_PORT when the packet did not leave */
	__u16 step;		 /* enum erx_capture_step */
	__u16 outcome;		 /* enum erx_outcome; LEFT only */
	__u32 length;		 /* bytes of the frame */
	__u32 captured;		 /* of these are here, ERX_CAPTURE_SNAPLEN at most; 0: this record has no frame */
	__u32 pad;
	__u8 frame[];
};
#define ERX_NO_PORT 0xffffffff

_Static_assert(sizeof(struct erx_port) == 56, "erx_port is shared with the programs");
_Static_assert(sizeof(struct erx_route_key) == 12, "no hole in a trie's key");
_Static_assert(sizeof(struct erx_route) == 4, "erx_route is shared with the programs");
_Static_assert(sizeof(struct erx_adjacency) == 44, "erx_adjacency is shared with the programs");
_Static_assert(sizeof(struct erx_way) == 64, "a line of the cache");
_Static_assert(ERX_MAX_PORTS <= 1 << 16 && ERX_MAX_DEVICES <= 1 << 16, "erx_way has 16 bits for each");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the programs put keys together in words");
_Static_assert(sizeof(struct erx_port_stats) == 64, "a line of the cache");
_Static_assert(sizeof(struct erx_flow_key) == 20, "no hole in a hash's key");
_Static_assert(sizeof(struct erx_fastpath_key) == 8, "no hole in a hash's key");
_Static_assert(sizeof(struct erx_fastpath) == 40, "erx_fastpath is shared with the programs");
_Static_assert(sizeof(struct erx_meter) == 136, "erx_meter is shared with the programs");
_Static_assert(ERX_MAX_CAPTURES <= 32, "a bit each");
_Static_assert(sizeof(struct erx_captured) == 8, "mapped as an array, whose entries are multiples of 8");
_Static_assert(sizeof(struct erx_device_stats) == 8 * ERX_N_OUTCOMES, "one counter per outcome");

#endif
