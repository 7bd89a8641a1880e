/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Stage: what a circuit and an ExpressRoute gateway carry at most. A circuit is
 * metered at its MSEE, each direction of each link for itself; a gateway on the
 * way into the VNet, which is the only one that crosses it, with both instances
 * drawing from one meter.
 */
#ifndef ERX_METER_H
#define ERX_METER_H

#include "maps.h"
#include "packet.h"
#include "schedule.h"

/* Spend from this CPU's share; draw a lot when it is used up. A lot covers the largest packet. */
inline_stage int spend(struct erx_meter *meter, struct erx_spent *spent, enum erx_unit unit, __u64 amount)
{
	struct erx_rate *rate = &meter->rates[unit];

	if (rate->lot && spent->left[unit] < amount) {
		if (!take_turn(&rate->schedule)) {
			spent->refused[unit]++;
			return rate->outcome;
		}
		spent->left[unit] += rate->lot;
	}
	if (rate->lot)
		spent->left[unit] -= amount;
	spent->passed[unit] += amount;
	return ERX_CONTINUE;
}

/* What is refused for another reason has not passed. */
inline_stage void give_back(struct erx_meter *meter, struct erx_spent *spent, enum erx_unit unit, __u64 amount)
{
	if (meter->rates[unit].lot)
		spent->left[unit] += amount;
	spent->passed[unit] -= amount;
}

inline_stage int open_flow(struct erx_meter *meter, struct erx_spent *spent, const struct erx_flow_key *key, __u64 now)
{
	__u64 *flows = bpf_map_lookup_elem(&erx_flow_counts, &key->meter);
	int stop;

	if (!flows || *flows >= meter->max_flows) {
		spent->flows_refused++;
		return ERX_gateway_flows;
	}
	stop = spend(meter, spent, ERX_CONNECTIONS, 1);
	if (stop != ERX_CONTINUE)
		return stop;
	if (!bpf_map_update_elem(&erx_flows, key, &now, BPF_NOEXIST)) {
		__sync_fetch_and_add(flows, 1);
		return ERX_CONTINUE;
	}
	/* Another CPU was first, or erx_flows is full, which no gateway of Azure's allows. */
	if (bpf_map_lookup_elem(&erx_flows, key))
		return ERX_CONTINUE;
	give_back(meter, spent, ERX_CONNECTIONS, 1);
	spent->flows_refused++;
	return ERX_gateway_flows;
}

/* A flow that has been silent for too long is a new connection, also before the controller has taken it away. */
inline_stage int track_flow(struct erx_meter *meter, struct erx_spent *spent, const struct erx_flow_key *key)
{
	__u64 now = bpf_ktime_get_coarse_ns();
	__u64 *seen = bpf_map_lookup_elem(&erx_flows, key);
	int stop = ERX_CONTINUE;

	if (!seen)
		return open_flow(meter, spent, key, now);
	/* Less than 0 when another CPU has written a later time since. */
	if ((__s64)(now - *seen) > (__s64)meter->idle_ns)
		stop = spend(meter, spent, ERX_CONNECTIONS, 1);
	/* The coarse clock stands still for milliseconds: most packets leave the line as it is. */
	if (stop == ERX_CONTINUE && *seen != now)
		*seen = now;
	return stop;
}

/* A global function, as decide() is. */
__noinline int pass_meter(__u32 index, __u32 length, __u64 ends, __u32 ports, __u32 protocol)
{
	struct erx_flow_key key = {
		.meter = index,
		.src = ends,
		.dst = ends >> 32,
		.sport = ports,
		.dport = ports >> 16,
		.protocol = protocol,
	};
	struct erx_meter *meter = bpf_map_lookup_elem(&erx_meters, &index);
	struct erx_spent *spent = bpf_map_lookup_elem(&erx_spent, &index);
	int stop;

	if (!meter || !spent)
		return ERX_CONTINUE;
	stop = spend(meter, spent, ERX_PACKETS, 1);
	if (stop != ERX_CONTINUE)
		return stop;
	stop = spend(meter, spent, ERX_BYTES, length);
	if (stop == ERX_CONTINUE && meter->max_flows) {
		stop = track_flow(meter, spent, &key);
		if (stop != ERX_CONTINUE)
			give_back(meter, spent, ERX_BYTES, length);
	}
	if (stop != ERX_CONTINUE)
		give_back(meter, spent, ERX_PACKETS, 1);
	return stop;
}

inline_stage int pass(const struct packet *pkt, __u32 index)
{
	return pass_meter(index, pkt->length, packet_ends(pkt), packet_ports(pkt), pkt->protocol);
}

/* What arrives over a circuit is metered by the port, what leaves into one or through a gateway by the way out. */
inline_stage int meter(const struct packet *pkt)
{
	int stop = ERX_CONTINUE;

	if (pkt->port->meter)
		stop = pass(pkt, pkt->port->meter);
	if (stop == ERX_CONTINUE && pkt->way->meter)
		stop = pass(pkt, pkt->way->meter);
	return stop;
}

#endif
