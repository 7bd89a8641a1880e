// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Rules of the customer's side. */
#include "topo/parser.h"

static bool is_host_address(const struct prefix *lan, const struct addr *a)
{
	struct addr network = prefix_nth(lan, 0), last = prefix_last_usable(lan);

	return prefix_has(lan, a) && !addr_equal(&network, a) && addr_compare(a, &last) <= 0;
}

static void lan_address_check(struct parser *p, const struct site *s, const struct addr *a, struct pos at,
			      const char *what, const char *name)
{
	if (!addr_is_set(a) || !addr_is_set(&s->lan.addr))
		return;
	if (!prefix_has(&s->lan, a))
		problem(p, at, "the address %s of %s '%s' is outside the LAN %s of site '%s'", address_text(p, a), what,
			name, prefix_text(p, &s->lan), s->name);
	else if (!is_host_address(&s->lan, a))
		problem(p, at, "%s '%s' cannot have the address %s, the network or broadcast address of LAN %s", what,
			name, address_text(p, a), prefix_text(p, &s->lan));
}

static void advertise_check(struct parser *p, const struct router *r)
{
	vec_each(a, &r->advertise) {
		struct prefix last = prefix_next(&a->first, a->count - 1);

		if (!addr_is_set(&a->first.addr))
			continue;
		if (a->count > 1 && (!a->first.len || prefix_compare(&last, &a->first) <= 0))
			problem(p, a->at, "%u prefixes from %s on run past the end of the address space", a->count,
				prefix_text(p, &a->first));
	}
}

/* Router and switch share a /31 (RFC 3021) or a /30. */
static void lan_interface_check(struct parser *p, const struct site *s, const struct router *r)
{
	struct pos at = field_pos(p, &r->lan_interface, r->at);
	const struct prefix *own = &r->lan_interface;

	if (!addr_is_set(&own->addr))
		return;
	if (own->len != 31 && own->len != 30)
		problem(p, at,
			"lanInterface %s of router '%s' must be a /31 or a /30: the switch has its other address",
			prefix_text(p, own), r->name);
	else if (own->len == 30 && !is_host_address(own, &own->addr))
		problem(p, at, "lanInterface %s of router '%s' is the network or broadcast address of its /30",
			prefix_text(p, own), r->name);
	if (addr_is_set(&s->lan.addr) && prefix_overlaps(own, &s->lan))
		problem(p, at, "lanInterface %s of router '%s' overlaps the LAN %s of site '%s'", prefix_text(p, own),
			r->name, prefix_text(p, &s->lan), s->name);
}

static void router_check(struct parser *p, const struct site *s, const struct router *r, address_users *users)
{
	struct addr network = prefix_nth(&r->lan_interface, 0);

	lan_interface_check(p, s, r);
	advertise_check(p, r);
	if (addr_is_set(&r->lan_interface.addr) && r->lan_interface.len >= 30)
		address_use(users, network, r->lan_interface.len == 31 ? 2 : 4, field_pos(p, &r->lan_interface, r->at),
			    "the link to router", r->name);
	address_use(users, r->tunnel_interface.addr, 1, field_pos(p, &r->tunnel_interface, r->at),
		    "the tunnel interface of router", r->name);
	if (r->hold_time_s < 10)
		caution(p, field_pos(p, &r->hold_time_s, r->at),
			"holdTime %u of router '%s': Microsoft's routers negotiate no less than 10 seconds",
			r->hold_time_s, r->name);
}

static void site_check(struct parser *p, struct site *s)
{
	struct pos at = field_pos(p, &s->switch_addr, s->at);
	address_users users = {};

	if (addr_is_set(&s->lan.addr) && (s->lan.len > 29 || s->lan.len < 8))
		problem(p, field_pos(p, &s->lan, s->at), "the LAN %s of site '%s' has a length outside /8 to /29",
			prefix_text(p, &s->lan), s->name);
	lan_address_check(p, s, &s->switch_addr, at, "the switch of", s->name);
	address_use(&users, s->switch_addr, 1, at, "the switch of", s->name);
	at = field_pos(p, &s->gateway_addr, s->at);
	lan_address_check(p, s, &s->gateway_addr, at, "the hosts' gateway of", s->name);
	if (!addr_equal(&s->gateway_addr, &s->switch_addr))
		address_use(&users, s->gateway_addr, 1, at, "the hosts' gateway of", s->name);
	vec_each(h, &s->hosts) {
		at = field_pos(p, &h->addr, h->at);
		lan_address_check(p, s, &h->addr, at, "host", h->name);
		address_use(&users, h->addr, 1, at, "host", h->name);
	}
	vec_each(r, &s->routers)
		router_check(p, s, r, &users);
	address_users_check(p, &users);
}

void check_sites(struct parser *p)
{
	vec_each(s, &p->topo->sites)
		site_check(p, s);
}
