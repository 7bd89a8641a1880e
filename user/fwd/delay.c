// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fwd/delay.h"

#include <string.h>

/* The resource that a device is a part of, as latency: names it: a VNet (with its gateways), a circuit or a site. */
static const char *resource_of(const struct fabric *f, uint32_t port)
{
	const struct device *d = &f->devices.items[f->ports.items[port].device];

	if (d->vnet)
		return d->vnet->name;
	return d->circuit ? d->circuit->name : d->site->name;
}

/* Gateways are inside their VNet, and hosts and routers inside their site: such a link joins no pair. */
static bool joins(const struct fabric *f, const struct link *l, const char *a, const char *b)
{
	const char *one, *other;

	if (l->ports[1] == NO_INDEX)
		return false;
	one = resource_of(f, l->ports[0]);
	other = resource_of(f, l->ports[1]);
	return (!strcmp(one, a) && !strcmp(other, b)) || (!strcmp(one, b) && !strcmp(other, a));
}

/* Time through an ExpressRoute gateway is spent on the way in; the way out goes past it (azure.md 5). */
static bool leads_in(const struct fabric *f, const struct link *l, const struct latency *t)
{
	const struct device *d = &f->devices.items[f->ports.items[l->ports[0]].device];

	return l->kind == LINK_GATEWAY && d->kind == ERX_KIND_ERGW && !strcmp(d->gateway->name, t->a);
}

static bool is_meant(const struct fabric *f, const struct link *l, const struct latency *t)
{
	switch (t->kind) {
	case LATENCY_BETWEEN: return joins(f, l, t->a, t->b);
	case LATENCY_CONNECTION: return l->connection && !strcmp(l->connection->name, t->a);
	case LATENCY_GATEWAY: return leads_in(f, l, t);
	}
	return false;
}

static void apply_to(const struct fabric *f, const struct link *l, const struct latency *t, struct link_delay *delay)
{
	if (!is_meant(f, l, t))
		return;
	if (t->kind == LATENCY_GATEWAY)
		*delay = (struct link_delay){{t->rtt_ns, 0}};
	else
		*delay = (struct link_delay){{t->rtt_ns / 2, t->rtt_ns - t->rtt_ns / 2}};
}

struct link_delay *delay_compute(const struct fabric *f)
{
	/* From the general to the particular. */
	static const int order[] = {LATENCY_BETWEEN, LATENCY_CONNECTION, LATENCY_GATEWAY};
	struct link_delay *delays = xcalloc(f->links.n, sizeof(*delays));

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		vec_each(t, &f->topo->latencies) {
			if ((int)t->kind != order[i])
				continue;
			vec_each(l, &f->links)
				apply_to(f, l, t, &delays[l->index]);
		}
	}
	return delays;
}
