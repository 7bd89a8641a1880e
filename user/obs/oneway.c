// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "obs/oneway.h"

static const char *const texts[ERX_N_KINDS] = {
	[ERX_KIND_ERGW] = "by design: what leaves Azure by ExpressRoute passes no gateway (azure.md 3.1)",
	[ERX_KIND_VPNGW] = "the other direction takes another way; a stateful firewall beside it sees half of the flow "
			   "and drops it (azure.md 9, question 5)",
	[ERX_KIND_MSEE] = "each direction chooses its path by itself; Microsoft's edge keeps no state, so this alone "
			  "does no harm (azure.md 7.1)",
	[ERX_KIND_CE] = "a stateful firewall here sees half of the flow and drops it (azure.md 9, question 5)",
	[ERX_KIND_LAN] = "a stateful firewall here sees half of the flow and drops it (azure.md 9, question 5)",
	[ERX_KIND_VNET] = "an appliance in this VNet sees half of the flow and drops it (azure.md 9, question 5)",
};

static bool passes(const struct walk *w, const struct device *d)
{
	vec_each(s, &w->steps) {
		if (s->device == d)
			return true;
	}
	return false;
}

static void add_missing(const struct walk *way, const struct walk *other, bool back, oneway_list *out)
{
	vec_each(s, &way->steps) {
		struct oneway one = {.device = s->device, .back = back, .text = texts[s->device->kind]};

		if (!passes(other, s->device))
			vec_push(out, one);
	}
}

void oneway_find(const struct prediction *p, oneway_list *out)
{
	if (!p->reachable)
		return;
	add_missing(&p->forward, &p->back, false, out);
	add_missing(&p->back, &p->forward, true, out);
}
