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

/*
 * Draw a lot for this CPU, to spend amount. What is larger than a lot is refused until
 * those that were drawn for it cover it: the rate is kept. A global function, as are track_flow(), spend_at_both()
 * and decide(): few packets need it, so what all packets do stays short and is
 * verified once.
 */
__noinline int draw_lot(__u32 index, __u32 unit, __u64 amount)
{
	struct erx_meter *meter = bpf_map_lookup_elem(&erx_meters, &index);
	struct erx_spent *spent = bpf_map_lookup_elem(&erx_spent, &index);

	if (!meter || !spent || unit >= ERX_N_UNITS)
		return ERX_CONTINUE;
	if (!take_turn(&meter->rates[unit].schedule)) {
		spent->refused[unit]++;
		return meter->rates[unit].outcome;
	}
	spent->left[unit] += meter->rates[unit].lot;
	if (spent->left[unit] < amount) {
		spent->refused[unit]++;
		return meter->rates[unit].outcome;
	}
	return ERX_CONTINUE;
}

/* A meter as this CPU sees it. */
struct share {
	__u32 index;
	struct erx_meter *meter;
	struct erx_spent *spent;
};

inline_stage bool find_share(struct share *s, __u32 index)
{
	s->index = index;
	s->meter = bpf_map_lookup_elem(&erx_meters, &index);
	s->spent = bpf_map_lookup_elem(&erx_spent, &index);
	return s->meter && s->spent;
}

/* Spend from this CPU's share; draw a lot when it is used up. */
inline_stage int spend(const struct share *s, enum erx_unit unit, __u64 amount)
{
	int stop = ERX_CONTINUE;

	if (s->meter->rates[unit].lot) {
		if (s->spent->left[unit] < amount)
			stop = draw_lot(s->index, unit, amount);
		if (stop != ERX_CONTINUE)
			return stop;
		s->spent->left[unit] -= amount;
	}
	s->spent->passed[unit] += amount;
	return ERX_CONTINUE;
}

/* What is refused for another reason has not passed. */
inline_stage void give_back(const struct share *s, enum erx_unit unit, __u64 amount)
{
	if (s->meter->rates[unit].lot)
		s->spent->left[unit] += amount;
	s->spent->passed[unit] -= amount;
}

inline_stage int open_flow(const struct share *s, const struct erx_flow_key *key, __u64 now)
{
	__u64 *flows = bpf_map_lookup_elem(&erx_flow_counts, &key->meter);
	int stop;

	if (!flows || *flows >= s->meter->max_flows) {
		s->spent->flows_refused++;
		return ERX_gateway_flows;
	}
	stop = spend(s, ERX_CONNECTIONS, 1);
	if (stop != ERX_CONTINUE)
		return stop;
	if (!bpf_map_update_elem(&erx_flows, key, &now, BPF_NOEXIST)) {
		__sync_fetch_and_add(flows, 1);
		return ERX_CONTINUE;
	}
	/* Another CPU was first, or erx_flows is full, which no gateway of Azure's allows. */
	if (bpf_map_lookup_elem(&erx_flows, key))
		return ERX_CONTINUE;
	give_back(s, ERX_CONNECTIONS, 1);
	s->spent->flows_refused++;
	return ERX_gateway_flows;
}

/* A flow that has been silent for too long is a new connection, also before the controller has taken it away. */
__noinline int track_flow(__u32 index, __u64 ends, __u32 ports, __u32 protocol)
{
	struct erx_flow_key key = {
		.meter = index,
		.src = ends,
		.dst = ends >> 32,
		.sport = ports,
		.dport = ports >> 16,
		.protocol = protocol,
	};
	__u64 now = bpf_ktime_get_coarse_ns();
	int stop = ERX_CONTINUE;
	struct share s;
	__u64 *seen;

	if (!find_share(&s, index))
		return ERX_CONTINUE;
	seen = bpf_map_lookup_elem(&erx_flows, &key);
	if (!seen)
		return open_flow(&s, &key, now);
	/* Less than 0 when another CPU has written a later time since. */
	if ((__s64)(now - *seen) > (__s64)s.meter->idle_ns)
		stop = spend(&s, ERX_CONNECTIONS, 1);
	if (stop == ERX_CONTINUE)
		*seen = now;
	return stop;
}

/* The clock of flows stands still for a tick, and so long the way knows that the flow has been seen. */
inline_stage int see_flow(struct erx_way *way, __u32 index)
{
	__u32 tick = bpf_jiffies64() | 1; /* never 0, which is what a new way has; so it is every second tick */
	int stop;

	if (way->seen == tick)
		return ERX_CONTINUE;
	stop = track_flow(index, *(const __u64 *)&way->key.src, way->key.ports, way->protocol);
	if (stop == ERX_CONTINUE)
		way->seen = tick;
	return stop;
}

inline_stage int spend_at(struct erx_way *way, __u32 index, __u32 length)
{
	struct share s;
	int stop;

	if (!find_share(&s, index))
		return ERX_CONTINUE;
	stop = spend(&s, ERX_PACKETS, 1);
	if (stop != ERX_CONTINUE)
		return stop;
	stop = spend(&s, ERX_BYTES, length);
	if (stop == ERX_CONTINUE && s.meter->max_flows) {
		stop = see_flow(way, index);
		if (stop != ERX_CONTINUE)
			give_back(&s, ERX_BYTES, length);
	}
	if (stop != ERX_CONTINUE)
		give_back(&s, ERX_PACKETS, 1);
	return stop;
}

/*
 * The first is a circuit's always, which has no flows: way->seen is for the second
 * alone. To the verifier a pointer may be NULL in a global function.
 */
__noinline int spend_at_both(struct erx_way *way, __u32 length)
{
	int stop = ERX_CONTINUE;

	if (!way)
		return ERX_CONTINUE;
	if (way->in_meter)
		stop = spend_at(way, way->in_meter, length);
	if (stop == ERX_CONTINUE && way->meter)
		stop = spend_at(way, way->meter, length);
	return stop;
}

/*
 * What arrives over a circuit is metered by the port, what leaves into one or
 * through a gateway, which alone has flows, by the way out.
 */
inline_stage int meter(struct erx_way *way, __u32 length)
{
	return way->in_meter | way->meter ? spend_at_both(way, length) : ERX_CONTINUE;
}

#endif
