// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "topo/addresses.h"

static bool next_vm(struct address_walk *w, struct address_run *out)
{
	const struct vm *vm;

	if (w->item == w->vnet->vms.n)
		return false;
	vm = &w->vnet->vms.items[w->item++];
	*out = (struct address_run){.first = vm->addr, .count = 1, .subnet = vm->subnet, .vm = vm};
	return true;
}

static bool next_range(struct address_walk *w, struct address_run *out)
{
	const struct vnet *v = w->vnet;

	for (; w->subnet < v->subnets.n; w->subnet++, w->item = 0) {
		const struct subnet *s = &v->subnets.items[w->subnet];
		const struct address_range *r;

		if (w->item == s->ranges.n)
			continue;
		r = &s->ranges.items[w->item++];
		*out = (struct address_run){.first = r->first, .count = r->count, .subnet = s, .range = r};
		return true;
	}
	return false;
}

static bool next_endpoint(const struct endpoint *list, size_t n, struct address_walk *w, struct address_run *out)
{
	const struct endpoint *e;

	if (w->item == n)
		return false;
	e = &list[w->item++];
	*out = (struct address_run){.first = e->addr, .count = 1, .subnet = e->subnet, .endpoint = e};
	return true;
}

static bool next_load_balancer(struct address_walk *w, struct address_run *out)
{
	return next_endpoint(w->vnet->load_balancers.items, w->vnet->load_balancers.n, w, out);
}

static bool next_private_endpoint(struct address_walk *w, struct address_run *out)
{
	return next_endpoint(w->vnet->private_endpoints.items, w->vnet->private_endpoints.n, w, out);
}

bool address_next(struct address_walk *w, struct address_run *out)
{
	static bool (*const steps[N_ADDRESS_USERS])(struct address_walk *, struct address_run *) = {
		[ADDRESS_VM] = next_vm,
		[ADDRESS_RANGE] = next_range,
		[ADDRESS_LOAD_BALANCER] = next_load_balancer,
		[ADDRESS_PRIVATE_ENDPOINT] = next_private_endpoint,
	};

	for (; w->what < N_ADDRESS_USERS; w->what++, w->item = 0) {
		if (!steps[w->what](w, out))
			continue;
		out->what = w->what;
		return true;
	}
	return false;
}

/* The bits at the end of an address that are 0. */
static unsigned zero_bits(const struct addr *a)
{
	unsigned bits = addr_bits(a->family), n = 0;

	while (n < bits && !(a->bytes[(bits - 1 - n) / 8] >> (n % 8) & 1))
		n++;
	return n;
}

void addresses_cover(const struct addr *first, uint32_t count, prefix_list *out)
{
	struct addr a = *first;

	while (count) {
		unsigned bits = zero_bits(&a), most = 31 - __builtin_clz(count);

		if (bits > most)
			bits = most;
		vec_push(out, ((struct prefix){.addr = a, .len = addr_bits(a.family) - bits}));
		a = addr_plus(&a, 1ull << bits);
		count -= 1u << bits;
	}
}

bool address_has_host(const struct address_run *r)
{
	return r->what == ADDRESS_VM;
}
