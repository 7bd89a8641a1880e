// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What circuits and ExpressRoute gateways carry at most (azure.md 6), and which
 * ports and adjacencies draw from it. Both instances of a gateway draw from one
 * meter: Azure's figures are the gateway's.
 */
#include "fwd/compile.h"

#define SECOND_NS 1000000000ull
/* A CPU draws a millisecond's worth at once, at least one packet: what it has not spent when traffic stops is the
 * error. */
#define LOTS_PER_SECOND 1000
/*
 * What may come at once after a pause. Connections come in bunches, and Azure counts
 * them by the second; a fiftieth of ten seconds is as much as a meter may be wrong.
 */
#define BURST_NS	     20000000ull
#define CONNECTIONS_BURST_NS 200000000ull
#define BURST_LOTS	     10

/* per_second 0: no limit. most: the largest amount that is spent at once. */
static struct erx_rate rate_of(double per_second, uint64_t most, uint64_t burst_ns, enum erx_outcome outcome)
{
	struct erx_rate r = {.outcome = outcome};

	if (per_second <= 0)
		return r;
	r.lot = per_second / LOTS_PER_SECOND > most ? per_second / LOTS_PER_SECOND : most;
	r.schedule.interval_ns = r.lot * (double)SECOND_NS / per_second;
	r.schedule.slack_ns = BURST_LOTS * r.schedule.interval_ns;
	if (r.schedule.slack_ns < burst_ns)
		r.schedule.slack_ns = burst_ns;
	return r;
}

static double bytes_per_s(const struct topo *t, uint64_t mbps)
{
	return mbps * 1e6 / 8 * t->limit_scale;
}

static uint64_t scaled_flows(const struct topo *t, uint64_t flows)
{
	uint64_t n = flows * t->limit_scale;

	return flows && !n ? 1 : n;
}

static struct erx_meter gateway_meter(const struct topo *t, const struct gateway *g)
{
	struct gateway_capacity most = gateway_capacity_of(g);

	return (struct erx_meter){
		.rates =
			{
				[ERX_BYTES] = rate_of(bytes_per_s(t, most.mbps), ERX_LINK_MTU, BURST_NS,
						      ERX_gateway_bandwidth),
				[ERX_PACKETS] = rate_of(most.packets_per_s * t->limit_scale, 1, BURST_NS,
							ERX_gateway_packets),
				[ERX_CONNECTIONS] = rate_of(most.connections_per_s * t->limit_scale, 1,
							    CONNECTIONS_BURST_NS, ERX_gateway_connections),
			},
		.idle_ns = t->flow_idle_ns * t->timer_scale,
		.max_flows = scaled_flows(t, most.flows),
	};
}

static uint16_t add_meter(struct compiler *c, struct image_meter m, const char *key)
{
	m.id = compile_id(c, ID_METER, key);
	vec_each(known, &c->image->meters) {
		if (known->id == m.id)
			return m.id;
	}
	vec_push(&c->image->meters, m);
	return m.id;
}

/* An instance's way into the VNet. */
static uint16_t meter_gateway(struct compiler *c, const struct gateway *g)
{
	struct image_meter m = {.gateway = g, .entry = gateway_meter(c->in->fabric->topo, g)};
	char *key = xasprintf("gateway %s", g->name);
	uint16_t id = add_meter(c, m, key);

	free(key);
	return id;
}

/* Of ExpressRoute Direct, a circuit's bandwidth is what the port has unless the customer wants it enforced. */
static uint16_t meter_circuit(struct compiler *c, const struct link *l, bool towards_azure)
{
	const struct circuit *circuit = l->circuit;
	struct image_meter m = {.circuit = circuit, .path = l->path, .towards_azure = towards_azure};
	uint16_t id;
	char *key;

	if (!circuit->bandwidth_mbps || (circuit->port && !circuit->enable_direct_port_rate_limit))
		return 0;
	m.entry.rates[ERX_BYTES] = rate_of(bytes_per_s(c->in->fabric->topo, circuit->bandwidth_mbps), ERX_LINK_MTU,
					   BURST_NS, ERX_circuit_bandwidth);
	key = xasprintf("circuit %s %s %s", circuit->name, l->path == PATH_PRIMARY ? "primary" : "secondary",
			towards_azure ? "in" : "out");
	id = add_meter(c, m, key);
	free(key);
	return id;
}

void compile_meters(struct compiler *c)
{
	const struct fabric *f = c->in->fabric;

	if (!f->topo->enforce_limits)
		return;
	vec_each(p, &c->image->ports) {
		const struct device *d = &f->devices.items[p->port->device];
		const struct link *l = &f->links.items[p->port->link];
		struct erx_adjacency *out =
			&c->image->adjacencies.items[c->image->adjacency_at.items[p->adjacency]].entry;

		if (d->kind == ERX_KIND_ERGW && l->kind == LINK_GATEWAY)
			out->meter = meter_gateway(c, d->gateway);
		if (d->kind == ERX_KIND_MSEE && l->kind == LINK_CIRCUIT) {
			p->entry.meter = meter_circuit(c, l, true);
			out->meter = meter_circuit(c, l, false);
		}
	}
}
