// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Flows through gateways end when they have been idle for long. The programs see
 * to it for a flow that goes on; what has gone for good is taken out here, so that
 * it no longer counts against the gateway.
 */
#include "daemon/controller.h"
#include "lib/log.h"

#define SWEEPS_PER_TIMEOUT 8
#define SHORTEST_NS	   100000000ull
#define LONGEST_NS	   10000000000ull

static uint64_t period(const struct controller *c)
{
	uint64_t ns = c->lab->topo->flow_idle_ns * c->lab->topo->timer_scale / SWEEPS_PER_TIMEOUT;

	return ns < SHORTEST_NS ? SHORTEST_NS : ns > LONGEST_NS ? LONGEST_NS : ns;
}

static bool any_gateway(const struct controller *c)
{
	vec_each(g, &c->lab->topo->gateways) {
		if (g->type == GATEWAY_EXPRESSROUTE)
			return true;
	}
	return false;
}

void sweep_start(struct controller *c)
{
	c->sweep_at = any_gateway(c) ? clock_now() + period(c) : UINT64_MAX;
}

void sweep_work(struct controller *c)
{
	struct error e = {};

	if (clock_now() < c->sweep_at)
		return;
	/* Otherwise the maps may be another lab's. */
	if (c->generation && dp_sweep(c->way->dp, c->way->image, &e))
		log_error("%s", e.text);
	c->sweep_at = clock_now() + period(c);
}
