// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "obs/notes.h"

#include <stdio.h>
#include <string.h>

#include "obs/words.h"

/* One step of a walk, as the rules see it. */
struct note_step {
	const struct note_case *c;
	const struct step *s;
	const struct host *to; /* where this walk goes */
	const struct rib_table *table;
	const struct rib_entry *entry; /* in use; n_best > 0 */
	const struct link *out;	       /* the link it leaves by; NULL: none */
};

typedef char *(*step_say)(const struct note_step *n);

static const struct fabric *fabric_of(const struct note_step *n)
{
	return n->c->image->fabric;
}

static const struct device *far_device(const struct note_step *n)
{
	const struct fabric *f = fabric_of(n);
	uint32_t peer = n->s->out_port == NO_INDEX ? NO_INDEX : port_peer(f, n->s->out_port);

	return peer == NO_INDEX ? NULL : &f->devices.items[f->ports.items[peer].device];
}

static bool has_gateway(const struct device *d)
{
	return d->vnet && !d->gateway && (d->vnet->er_gateway || d->vnet->vpn_gateway);
}

/* --- Next hops nobody knows --------------------------------------------------------------------------------------- */

static char *say_msee(const struct note_step *n)
{
	const struct fabric *f = fabric_of(n);
	char endpoint[ADDR_STRLEN], underlay[ADDR_STRLEN] = "";
	struct addr shown;

	if (!n->out || n->s->device->kind != ERX_KIND_VNET || n->out->kind != LINK_VNET_MSEE)
		return NULL;
	shown = n->out->circuit->underlay[n->out->path];
	if (addr_is_set(&shown))
		addr_format(&shown, underlay);
	addr_format(&f->ports.items[port_peer(f, n->s->out_port)].addr.addr, endpoint);
	return xasprintf("the next hop %s%s%s%s is Microsoft's edge router '%s', not the gateway: what leaves '%s' by "
			 "ExpressRoute never passes '%s', which only exchanges the routes and lets in what comes from "
			 "the circuit",
			 *underlay ? underlay : endpoint, *underlay ? " (" : "", *underlay ? endpoint : "",
			 *underlay ? " in traceroute)" : "", far_device(n)->name, n->s->device->name,
			 n->out->connection->gateway->name);
}

/* --- ExpressRoute and VPN ----------------------------------------------------------------------------------------- */

static bool chooses_itself(const struct device *d)
{
	return d->kind == ERX_KIND_CE || has_gateway(d);
}

/* The next shorter entry that is in use and covers the destination. */
static const struct rib_entry *shorter_entry(const struct note_step *n, unsigned below)
{
	struct prefix p = prefix_of(&n->to->addr);

	for (unsigned len = below; len-- > 0;) {
		const struct rib_entry *e;

		p.len = len;
		e = rib_find(n->table, &p);
		if (e && e->n_best)
			return e;
	}
	return NULL;
}

static bool would_win(const struct note_step *n, const struct route *a, const struct route *b)
{
	struct decide_rules rules = {.as_path_relax = n->s->device->kind != ERX_KIND_CE};
	enum decide_step step;

	return route_compare(a, b, &rules, &step) > 0 && step != DECIDE_ROUTER_ID && step != DECIDE_PEER_ADDRESS;
}

static char *say_longer_by_vpn(const struct note_step *n)
{
	const struct route *vpn = &n->entry->routes[0];
	const struct rib_entry *e = shorter_entry(n, n->entry->prefix.len);
	char longer[PREFIX_STRLEN], shorter[PREFIX_STRLEN];

	if (!chooses_itself(n->s->device) || !learned_by_vpn(n->c->image->now, vpn))
		return NULL;
	while (e && !learned_by_expressroute(n->c->image->now, &e->routes[0]))
		e = shorter_entry(n, e->prefix.len);
	if (!e || !would_win(n, &e->routes[0], vpn))
		return NULL;
	return xasprintf("'%s' has %s by VPN and %s by ExpressRoute: the longer prefix wins, so the VPN carries it as "
			 "long as it is announced, and nothing moves back when ExpressRoute returns. At equal length "
			 "ExpressRoute would win: announce %s over ExpressRoute as well, or only %s over the VPN",
			 n->s->device->name, prefix_format(&n->entry->prefix, longer),
			 prefix_format(&e->prefix, shorter), longer, shorter);
}

static const struct route *vpn_loser(const struct note_step *n)
{
	for (unsigned i = n->entry->n_best; i < n->entry->n_routes; i++) {
		if (learned_by_vpn(n->c->image->now, &n->entry->routes[i]) && !n->entry->routes[i].invalid)
			return &n->entry->routes[i];
	}
	return NULL;
}

static char *say_er_before_vpn(const struct note_step *n)
{
	const struct route *vpn = vpn_loser(n);
	char prefix[PREFIX_STRLEN];

	if (!chooses_itself(n->s->device) || !vpn || !learned_by_expressroute(n->c->image->now, &n->entry->routes[0]))
		return NULL;
	prefix_format(&n->entry->prefix, prefix);
	if (n->s->device->kind == ERX_KIND_CE)
		return xasprintf("'%s' prefers ExpressRoute for %s by %s; the VPN takes over when ExpressRoute fails, "
				 "and gives back when it returns",
				 n->s->device->name, prefix, decide_step_text(vpn->lost_at));
	return xasprintf("'%s' uses ExpressRoute for %s; connection '%s' has the same prefix and takes over when "
			 "ExpressRoute fails, until it returns. Prepending on the VPN side changes nothing; only a "
			 "longer prefix by VPN would win",
			 n->s->device->name, prefix, vpn->connection ? vpn->connection->name : "VPN");
}

/* --- Shares ------------------------------------------------------------------------------------------------------- */

static void members_text(const struct note_step *n, char *out, size_t size)
{
	*out = '\0';
	for (uint32_t i = 0; i < n->s->hops->n; i++) {
		const struct image_adjacency *a = image_adjacency(n->c->image, n->s->hops->members[i].adjacency);

		snprintf(out + strlen(out), size - strlen(out), "%s'%s'", i ? ", " : "",
			 port_far_end(fabric_of(n), a->port));
	}
}

/* How one of these members is made to be preferred. */
static const char *preference(const struct note_step *n)
{
	switch (n->out->kind) {
	case LINK_VNET_MSEE:
		return "To prefer a circuit give its connection a higher routingWeight, which counts before the AS "
		       "path; between primary and secondary of one connection only the customer can choose, by "
		       "prepending or longer prefixes";
	case LINK_CIRCUIT: return "To prefer a path raise localPreference on the router, which Azure does not see";
	case LINK_LAN: return "To prefer a router let the others learn the prefix by a longer AS path";
	case LINK_MSEE_ERGW: return "Both instances of a gateway are active, and nothing prefers one";
	default: return "A longer AS path on the others would prefer one";
	}
}

static char *say_shares(const struct note_step *n)
{
	char prefix[PREFIX_STRLEN], members[512];
	unsigned count = n->s->hops ? n->s->hops->n : 0;

	if (count < 2 || !n->out)
		return NULL;
	members_text(n, members, sizeof(members));
	return xasprintf("'%s' shares what goes to %s among %u: %s, %.3g %% of the flows each, by a hash of addresses, "
			 "protocol and the ports of TCP and UDP; this one takes '%s'. %s",
			 n->s->device->name, prefix_format(&n->entry->prefix, prefix), count, members, 100.0 / count,
			 port_far_end(fabric_of(n), n->s->out_port), preference(n));
}

/* What the VNet's ExpressRoute gateway, which it has its routes from, has turned down for this prefix. */
static const struct route *turned_down(const struct note_step *n)
{
	const struct route *r = &n->entry->routes[0];
	const struct rib_entry *e;

	if (!has_gateway(n->s->device) || r->source != SOURCE_BGP || r->from == NO_INDEX)
		return NULL;
	e = rib_find(rib_table_of(n->c->image->now, r->from), &n->entry->prefix);
	return e && e->n_best < e->n_routes ? &e->routes[e->n_best] : NULL;
}

static char *say_weight(const struct note_step *n)
{
	const struct route *best = &n->entry->routes[0], *loser = turned_down(n);
	char prefix[PREFIX_STRLEN];

	if (!loser || !best->attrs || !loser->attrs || !best->connection || !loser->connection)
		return NULL;
	prefix_format(&n->entry->prefix, prefix);
	if (loser->lost_at == DECIDE_ROUTING_WEIGHT)
		return xasprintf("'%s' prefers connection '%s' for %s by its routingWeight %u (that of '%s' is %u), "
				 "whatever the AS paths; equal weights would share the load or let the AS path decide",
				 n->s->device->name, best->connection->name, prefix, best->attrs->routing_weight,
				 loser->connection->name, loser->attrs->routing_weight);
	if (loser->lost_at != DECIDE_AS_PATH)
		return NULL;
	if (best->connection == loser->connection)
		return xasprintf(
			"'%s' uses one path of connection '%s' only for %s: the AS path of the other is longer "
			"(%u against %u), so the customer prepends there",
			n->s->device->name, best->connection->name, prefix, loser->attrs->as_path_len,
			best->attrs->as_path_len);
	return xasprintf("'%s' prefers connection '%s' for %s by its shorter AS path (%u against %u); a higher "
			 "routingWeight on '%s' would turn that round",
			 n->s->device->name, best->connection->name, prefix, best->attrs->as_path_len,
			 loser->attrs->as_path_len, loser->connection->name);
}

/* --- User-defined, BGP, system ------------------------------------------------------------------------------------ */

static char *say_udr(const struct note_step *n)
{
	const struct route *r = &n->entry->routes[0];
	char prefix[PREFIX_STRLEN];

	if (r->source != SOURCE_UDR)
		return NULL;
	return xasprintf("user-defined route '%s' (%s) of route table '%s' decides at '%s': the longest prefix first, "
			 "then user-defined before BGP before system",
			 r->udr->name, prefix_format(&n->entry->prefix, prefix),
			 n->table->subnet ? n->table->subnet->route_table->name : "", n->table->name);
}

static char *say_default_route(const struct note_step *n)
{
	const struct route *r = &n->entry->routes[0];

	if (n->entry->prefix.len || r->source != SOURCE_BGP || n->s->device->kind != ERX_KIND_VNET)
		return NULL;
	return xasprintf("'%s' sends it by a default route that it has learned by BGP: that replaces the system route "
			 "to the Internet, so all that nothing longer covers goes the same way (forced tunnelling)",
			 n->table->name);
}

/* A private address that would end at None in a network without a default route of its own. */
static char *say_none_taken_away(const struct note_step *n)
{
	struct prefix p = prefix_of(&n->to->addr);
	char text[PREFIX_STRLEN];

	for (unsigned len = p.len + 1; len-- > n->entry->prefix.len;) {
		const struct rib_entry *e;

		p.len = len;
		e = rib_find(n->table, &p);
		for (unsigned i = 0; e && i < e->n_routes; i++) {
			if (e->routes[i].unlisted && e->routes[i].invalid)
				return xasprintf("'%s' has no system route %s (None): %s, so the packet follows that",
						 n->table->name, prefix_format(&e->prefix, text), e->routes[i].invalid);
		}
	}
	return NULL;
}

/* A BGP route to a part of the VNet's own or a peered space, which the system route beats all the same. */
static char *say_system_first(const struct note_step *n)
{
	struct prefix p = prefix_of(&n->to->addr);
	char text[PREFIX_STRLEN];

	for (unsigned len = p.len + 1; n->s->device->kind == ERX_KIND_VNET && len-- > 0;) {
		const struct rib_entry *e;

		p.len = len;
		e = rib_find(n->table, &p);
		for (unsigned i = e ? e->n_best : 0; e && i < e->n_routes; i++) {
			if (e->routes[i].source != SOURCE_BGP || !e->routes[i].invalid)
				continue;
			return xasprintf("'%s' has learned %s by BGP and does not use it: it lies %s", n->table->name,
					 prefix_format(&e->prefix, text), e->routes[i].invalid);
		}
	}
	return NULL;
}

/* --- Between VNets ------------------------------------------------------------------------------------------------ */

static bool imports_vnets(const struct vnet *v)
{
	return v->er_gateway && v->er_gateway->allow_remote_vnet_traffic;
}

/* One that is off is the cause why there is no answer, and said as that. */
static char *say_hairpin(const struct note_step *n)
{
	const struct fabric *f = fabric_of(n);
	const struct device *msee = n->s->device, *to = far_device(n), *from;
	const struct port *in = &f->ports.items[n->s->in_port];

	if (msee->kind != ERX_KIND_MSEE || in->role != ERX_ROLE_VNET || !to || !to->vnet)
		return NULL;
	from = &f->devices.items[f->ports.items[port_peer(f, n->s->in_port)].device];
	return xasprintf("'%s' and '%s' meet at '%s': what goes between them travels to the peering location (%s) and "
			 "back%s",
			 from->name, to->vnet->name, msee->name, msee->circuit->peering_location,
			 imports_vnets(from->vnet) && imports_vnets(to->vnet)
				 ? "; the gateways of both have allowRemoteVnetTraffic on"
				 : "");
}

static char *say_reach(const struct note_step *n)
{
	const struct device *far = far_device(n);

	if (!n->out || n->out->kind != LINK_REACH)
		return NULL;
	return xasprintf("Global Reach '%s' carries it from circuit '%s' to circuit '%s'; it is not transitive, so a "
			 "third circuit needs connections of its own",
			 n->out->connection->name, n->s->device->circuit->name, far->circuit->name);
}

/* --- The table ---------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name, *source;
	step_say say;
} rules[] = {
	{"longer-prefix-by-vpn", "azure.md 7.4", say_longer_by_vpn},
	{"expressroute-before-vpn", "azure.md 7.4", say_er_before_vpn},
	{"next-hop-is-msee", "azure.md 1.3, 3.1", say_msee},
	{"user-defined-route", "azure.md 8.1", say_udr},
	{"default-route-by-bgp", "azure.md 7.4, 8.1", say_default_route},
	{"none-taken-away", "azure.md 8.1", say_none_taken_away},
	{"system-before-bgp", "azure.md 8.1", say_system_first},
	{"prefers-connection", "azure.md 7.4", say_weight},
	{"shares-load", "azure.md 3.4, 7.4", say_shares},
	{"hairpin", "azure.md 7.5", say_hairpin},
	{"global-reach", "azure.md 7.5", say_reach},
};

static void add_hints(const struct note_case *c, enum note_way way, note_list *out)
{
	const struct walk *w = way == NOTE_FORWARD ? &c->p->forward : &c->p->back;

	vec_each(s, &w->steps) {
		struct note_step n = {.c = c, .s = s, .to = way == NOTE_FORWARD ? c->to : c->from};

		if (!s->route || !s->route->entry || !s->route->entry->n_best)
			continue;
		n.table = step_table(c->image, s);
		n.entry = s->route->entry;
		if (s->out_port != NO_INDEX)
			n.out = &c->image->fabric->links.items[c->image->fabric->ports.items[s->out_port].link];
		for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
			char *text = rules[i].say(&n);

			if (text)
				notes_add(out, (struct note){rules[i].name, rules[i].source, way, false, text});
		}
	}
}

void notes_add(note_list *list, struct note note)
{
	vec_each(known, list) {
		if (!strcmp(known->text, note.text)) {
			known->way = known->way == note.way ? note.way : NOTE_BOTH;
			free(note.text);
			return;
		}
	}
	vec_push(list, note);
}

void notes_find(const struct note_case *c, note_list *out)
{
	notes_causes(c, NOTE_FORWARD, out);
	notes_causes(c, NOTE_BACK, out);
	add_hints(c, NOTE_FORWARD, out);
	add_hints(c, NOTE_BACK, out);
}

void notes_free(note_list *list)
{
	vec_each(n, list)
		free(n->text);
	vec_free(list);
}
