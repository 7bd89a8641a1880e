/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Stages: look the destination up, choose a member of the group, and what the policy says of the TTL. */
#ifndef ERX_ROUTE_H
#define ERX_ROUTE_H

#include "erxdp/hash.h"
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
	__u32 flow = erx_flow_hash(pkt->port->hash_basis, pkt->src, pkt->dst, pkt->protocol, pkt->sport, pkt->dport);
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

/* Sets pkt->adjacency. */
inline_stage int choose_next_hop(struct packet *pkt)
{
	const struct erx_hops *hops = pkt->next;
	__u32 adjacency;

	if (!hops->n)
		return ERX_no_next_hop;
	adjacency = hops->n == 1 ? hops->members[0].adjacency : choose_member(pkt, hops);
	pkt->adjacency = bpf_map_lookup_elem(&erx_adjacencies, &adjacency);
	return pkt->adjacency ? ERX_CONTINUE : ERX_no_next_hop;
}

/*
 * What this kind of device does to the TTL between these two roles (azure.md
 * 3.1). With two decrements the packet can run out at the first or the second,
 * and the policy says for each whether an answer is sent. TTL is at least 1 here.
 */
inline_stage int hop_limit(struct packet *pkt)
{
	__u32 index = ERX_POLICY_INDEX(pkt->port->policy_set, pkt->port->role, pkt->adjacency->role);
	const struct erx_policy *policy = bpf_map_lookup_elem(&erx_policies, &index);
	__u32 left = pkt->ttl - 1;

	if (!policy)
		return ERX_no_route;
	if (left < policy->decrements)
		return policy->answers >> left & 1 ? ERX_answered_time_exceeded : ERX_ttl_silent;
	pkt->ttl -= policy->decrements;
	pkt->lowered = policy->decrements;
	return ERX_CONTINUE;
}

inline_stage int fits_link(const struct packet *pkt)
{
	if (pkt->length <= pkt->adjacency->mtu)
		return ERX_CONTINUE;
	return pkt->fragment & FRAGMENT_DF ? ERX_answered_too_big : ERX_too_big;
}

inline_stage bool is_private(__be32 addr)
{
	return (addr & bpf_htonl(0xff000000)) == bpf_htonl(0x0a000000) ||
	       (addr & bpf_htonl(0xfff00000)) == bpf_htonl(0xac100000) ||
	       (addr & bpf_htonl(0xffff0000)) == bpf_htonl(0xc0a80000);
}

/*
 * The VNet's edge, at the VM's port: an ICMP error belongs to no flow that the
 * VM has opened, so an inbound rule must admit its source. The default rule
 * admits the VirtualNetwork tag, which is what this VM's routes reach (azure.md
 * 3.3). This is why most hops are silent; there is no list of hops.
 */
inline_stage int check_icmp_error(const struct packet *pkt)
{
	const struct erx_adjacency *adj = pkt->adjacency;
	const struct erx_hops *known;

	if (adj->icmp_check == ERX_CHECK_NONE || !is_icmp_error(pkt))
		return ERX_CONTINUE;
	if (adj->icmp_check == ERX_CHECK_PRIVATE && is_private(pkt->src))
		return ERX_CONTINUE;
	known = lookup_route(adj->check_table, pkt->src);
	return known && known->flags & ERX_GROUP_VNET_TAG ? ERX_CONTINUE : ERX_icmp_error_source;
}

#endif
