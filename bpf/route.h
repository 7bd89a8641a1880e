/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Stages: find the way of the packet's flow, and what that means for this packet: TTL, size, ICMP errors. */
#ifndef ERX_ROUTE_H
#define ERX_ROUTE_H

#include "erxdp/hash.h"
#include "capture.h"
#include "maps.h"
#include "packet.h"

inline_stage const struct erx_hops *hops_of(__u32 index)
{
	const struct erx_group *group = bpf_map_lookup_elem(&erx_groups, &index);

	return group ? &group->slots[group->current & 1] : NULL;
}

/* What the longest prefix that covers addr leads to; NULL: no route. */
inline_stage const struct erx_hops *lookup_route(__u32 table, __be32 addr)
{
	struct erx_route_key key = {
		.prefixlen = ERX_TABLE_BITS + 32,
		.table = bpf_htonl(table),
	};
	const struct erx_route *route;

	__builtin_memcpy(key.addr, &addr, sizeof(addr));
	route = bpf_map_lookup_elem(&erx_routes, &key);
	return route ? hops_of(route->group) : NULL;
}

/* Where an address leads that FastPath has programmed (azure.md 5); NULL: it has not. */
inline_stage const struct erx_hops *lookup_fastpath(__u32 table, __be32 addr)
{
	__u32 within_block = bpf_ntohl(addr) & ((1 << ERX_FASTPATH_BITS) - 1);
	__be32 block = addr & ~bpf_htonl((1 << ERX_FASTPATH_BITS) - 1);
	struct erx_fastpath_key key = {.table = bpf_htonl(table)};
	const struct erx_fastpath *found;

	__builtin_memcpy(key.addr, &block, sizeof(block));
	found = bpf_map_lookup_elem(&erx_fastpath, &key);
	if (!found || !(found->programmed >> within_block & 1))
		return NULL;
	return hops_of(found->groups[within_block >> 3]);
}

/* 0, which no way has, when it cannot be told. */
inline_stage __u32 generation_now(void)
{
	__u32 zero = 0;
	const struct erx_control *control = bpf_map_lookup_elem(&erx_control, &zero);

	return control ? control->generation : 0;
}

inline_stage int stop_at(const struct packet *pkt, __u32 flags)
{
	if (flags & ERX_GROUP_NO_ROUTE)
		return ERX_no_route;
	if (flags & ERX_GROUP_NONE)
		return ERX_route_none;
	if (flags & ERX_GROUP_INTERNET)
		return ERX_internet;
	if (flags & ERX_GROUP_ECHO && pkt->icmp_type == ICMP_ECHO && !is_fragment(pkt))
		return ERX_answered_echo;
	return ERX_local;
}

/* Sets pkt->next. What ends here: no route, None, Internet, and the device's own addresses. */
inline_stage int find_route(struct packet *pkt)
{
	pkt->next = NULL;
	if (pkt->port->flags & ERX_PORT_FASTPATH)
		pkt->next = lookup_fastpath(pkt->port->table, pkt->dst);
	if (!pkt->next)
		pkt->next = lookup_route(pkt->port->table, pkt->dst);
	if (!pkt->next)
		return ERX_no_route;
	return pkt->next->flags & ERX_GROUP_STOPS ? stop_at(pkt, pkt->next->flags) : ERX_CONTINUE;
}

inline_stage __u32 choose_member(const struct packet *pkt, const struct erx_hops *hops)
{
	__u32 flow = erx_flow_hash(pkt->port->hash_basis, pkt->src, pkt->dst, pkt->protocol, source_port(pkt),
				   destination_port(pkt));
	__u32 best = 0, chosen = hops->members[0].adjacency;

	for (__u32 i = 0; i < ERX_MAX_MEMBERS; i++) {
		__u32 score;

		if (i >= hops->n)
			break;
		score = erx_member_score(flow, hops->members[i].score_key);
		if (score > best) {
			best = score;
			chosen = hops->members[i].adjacency;
		}
	}
	return chosen;
}

/* The path that this leg counts under, which may depend on where the packet came in. */
inline_stage __u32 path_of(const struct packet *pkt, const struct erx_adjacency *adj)
{
	__u32 leg = adj->path + pkt->port->path_column;
	const __u32 *by_leg;

	if (adj->path == ERX_NO_PATH || !(adj->flags & ERX_ADJ_PATH_BY_LEG))
		return adj->path;
	by_leg = bpf_map_lookup_elem(&erx_legs, &leg);
	return by_leg ? *by_leg : ERX_NO_PATH;
}

/* Beside the protocol in what decide() is told of a packet. */
#define DECIDE_ECHO  (1 << 8)  /* an echo request, which a device of that address answers */
#define DECIDE_OWN   (1 << 9)  /* the device's own answer */
#define DECIDE_PLAIN (1 << 10) /* for the short way only, which is of no use to what is in a tunnel */

/*
 * Whether what known.h does is all that packets of this flow need. A device's own
 * answer has an address that a host behind the same port must not send from.
 */
inline_stage bool is_plain(const struct packet *pkt, const struct erx_adjacency *adj, __u32 what)
{
	return !(pkt->port->flags & ERX_PORT_FAULT) && pkt->port->role != ERX_ROLE_TUNNEL &&
	       !(adj->flags & ERX_ADJ_ENCAP) && !(what & DECIDE_OWN) && !is_captured(pkt->in_port, adj->port);
}

inline_stage void write_way(const struct packet *pkt, const struct erx_adjacency *adj, const struct erx_policy *policy,
			    __u32 what)
{
	struct erx_way *way = pkt->way;

	way->protocol = pkt->protocol;
	way->flags = adj->flags | (is_plain(pkt, adj, what) ? ERX_WAY_PLAIN : 0) |
		     (pkt->port->role == ERX_ROLE_HOST ? ERX_WAY_FROM_HOST : 0);
	way->policy = *policy;
	way->mtu = adj->mtu;
	way->meter = adj->meter;
	way->in_meter = pkt->port->meter;
	way->device = pkt->port->device;
	__builtin_memcpy(way->dst_mac, adj->dst_mac, ETH_ALEN);
	__builtin_memcpy(way->src_mac, adj->src_mac, ETH_ALEN);
	way->port = adj->port;
	way->path = path_of(pkt, adj);
	way->seen = 0;
}

/* One member of the group, by the flow's hash; and all that is the same for each packet of the flow. */
inline_stage int choose_next_hop(struct packet *pkt, __u32 what)
{
	const struct erx_hops *hops = pkt->next;
	const struct erx_adjacency *adj;
	const struct erx_policy *policy;
	__u32 index;

	if (!hops->n)
		return ERX_no_next_hop;
	index = hops->n == 1 ? hops->members[0].adjacency : choose_member(pkt, hops);
	pkt->way->adjacency = index;
	adj = bpf_map_lookup_elem(&erx_adjacencies, &index);
	if (!adj)
		return ERX_no_next_hop;
	index = ERX_POLICY_INDEX(pkt->port->policy_set, pkt->port->role, adj->role);
	policy = bpf_map_lookup_elem(&erx_policies, &index);
	if (!policy)
		return ERX_no_next_hop;
	write_way(pkt, adj, policy, what);
	return ERX_CONTINUE;
}

/* struct erx_way_key in words. */
struct flow_key {
	__u64 ends;  /* source and destination */
	__u64 ports; /* and the generation */
	__u64 where; /* port and its MAC address: where it came in */
};

inline_stage struct flow_key make_key(__u64 ends, __u32 ports, __u32 generation, const void *mac, __u32 in_port)
{
	return (struct flow_key){
		.ends = ends,
		.ports = (__u64)generation << 32 | ports,
		.where = *(const __u64 *)mac << 16 | in_port,
	};
}

/* Where the way of a flow lies: two multiplications that wait for nothing, as it is the first thing to be waited for.
 */
inline_stage __u32 way_index(const struct flow_key *key)
{
	__u64 h = key->ends * 0x9e3779b97f4a7c15ull ^ (key->ports ^ key->where) * 0xc2b2ae3d27d4eb4full;

	return h >> (64 - ERX_WAY_BITS);
}

inline_stage bool same_flow(const struct erx_way *way, const struct flow_key *key, __u8 protocol)
{
	const __u64 *word = (const void *)&way->key;

	return word[0] == key->ends && word[1] == key->ports && word[2] == key->where && way->protocol == protocol;
}

/* What needs no more than the key. The walk has asked it before, with a reason for each; the short way has not. */
inline_stage bool is_welcome(const struct packet *pkt, __u64 where, __u32 what)
{
	if (!pkt->port->hash_basis || make_key(0, 0, 0, pkt->port->mac, pkt->in_port).where != where)
		return false;
	return !is_multicast(pkt->dst) && (what & DECIDE_OWN || may_send_from(pkt->port, pkt->src));
}

/*
 * Decide for the flow and write it down at this place. What ends here is not
 * remembered, and nothing is while the maps are being changed. A global function of plain numbers, as are others that
 * few packets need: the verifier walks it once, not once for every way that leads here.
 */
__noinline int decide(__u64 where, __u32 index, __u64 ends, __u32 ports, __u32 what)
{
	struct packet pkt = {
		.in_port = where & 0xffff,
		.src = ends,
		.dst = ends >> 32,
		.ports = ports,
		.protocol = what,
		.icmp_type = what & DECIDE_ECHO ? ICMP_ECHO : 0xff,
	};
	__u32 in_port = pkt.in_port;
	__u32 generation = generation_now();
	struct flow_key key;
	int stop;

	pkt.port = bpf_map_lookup_elem(&erx_ports, &in_port);
	pkt.way = bpf_map_lookup_elem(&erx_ways, &index);
	if (!pkt.port || !pkt.way)
		return ERX_no_next_hop;
	if (!is_welcome(&pkt, where, what) || (what & DECIDE_PLAIN && pkt.port->role == ERX_ROLE_TUNNEL))
		return ERX_not_for_me;
	stop = find_route(&pkt);
	if (stop != ERX_CONTINUE)
		return stop;
	pkt.way->key.generation = 0;
	stop = choose_next_hop(&pkt, what);
	if (stop != ERX_CONTINUE)
		return stop;
	/* Meters read the key, too; under 0 no packet finds it. */
	key = make_key(ends, ports, generation & 1 ? 0 : generation, pkt.port->mac, in_port);
	*(struct flow_key *)&pkt.way->key = key;
	return ERX_CONTINUE;
}

/* Sets pkt->way: the one that an earlier packet of the flow has left, or one that is found now. */
inline_stage int find_way(struct packet *pkt, __u32 what)
{
	struct flow_key key = make_key(packet_ends(pkt), pkt->ports, pkt->generation, pkt->port->mac, pkt->in_port);
	__u32 index = way_index(&key);

	pkt->way = bpf_map_lookup_elem(&erx_ways, &index);
	if (!pkt->way)
		return end(ERX_no_next_hop);
	if (same_flow(pkt->way, &key, pkt->protocol))
		return ERX_CONTINUE;
	if (pkt->icmp_type == ICMP_ECHO && !is_fragment(pkt))
		what |= DECIDE_ECHO;
	return decide(key.where, index, key.ends, pkt->ports, what | pkt->protocol);
}

/*
 * What this kind of device does to the TTL between these two roles (azure.md
 * 3.1). With two decrements the packet can run out at the first or the second,
 * and the policy says for each whether an answer is sent. TTL is at least 1 here.
 */
inline_stage int hop_limit(struct packet *pkt)
{
	struct erx_policy policy = pkt->way->policy;
	__u32 left = pkt->ttl - 1;

	if (left < policy.decrements)
		return end(policy.answers >> left & 1 ? ERX_answered_time_exceeded : ERX_ttl_silent);
	pkt->lowered = policy.decrements;
	return ERX_CONTINUE;
}

inline_stage int fits_link(const struct packet *pkt)
{
	if (pkt->length <= pkt->way->mtu)
		return ERX_CONTINUE;
	return end(pkt->fragment & FRAGMENT_DF ? ERX_answered_too_big : ERX_too_big);
}

inline_stage bool is_private(__be32 addr)
{
	return (addr & bpf_htonl(0xff000000)) == bpf_htonl(0x0a000000) ||
	       (addr & bpf_htonl(0xfff00000)) == bpf_htonl(0xac100000) ||
	       (addr & bpf_htonl(0xffff0000)) == bpf_htonl(0xc0a80000);
}

__noinline int check_error_source(__u32 adjacency, __be32 source)
{
	const struct erx_adjacency *adj = bpf_map_lookup_elem(&erx_adjacencies, &adjacency);
	const struct erx_hops *known;

	if (!adj)
		return ERX_icmp_error_source;
	if (adj->icmp_check == ERX_CHECK_PRIVATE && is_private(source))
		return ERX_CONTINUE;
	known = lookup_route(adj->check_table, source);
	return known && known->flags & ERX_GROUP_VNET_TAG ? ERX_CONTINUE : ERX_icmp_error_source;
}

/*
 * The VNet's edge, at the VM's port: an ICMP error belongs to no flow that the
 * VM has opened, so an inbound rule must admit its source. The default rule
 * admits the VirtualNetwork tag, which is what this VM's routes reach (azure.md
 * 3.3). This is why most hops are silent; there is no list of hops.
 */
inline_stage int check_icmp_error(const struct packet *pkt)
{
	if (!(pkt->way->flags & ERX_ADJ_CHECKED) || !is_icmp_error(pkt))
		return ERX_CONTINUE;
	return check_error_source(pkt->way->adjacency, pkt->src);
}

#endif
