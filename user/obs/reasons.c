// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Why one neighbour does not tell another of a prefix, and what would make it:
 * a table of rules (azure.md 7.5, 8.1), the first that has something to say speaks.
 */
#include <stdio.h>
#include <string.h>

#include "obs/gaps.h"
#include "obs/words.h"

struct reason_case {
	const struct image *image;
	const struct gap *gap;
	const struct host *to;
	const struct route *route; /* by which the one that knows does */
	unsigned over;		   /* enum link_kind it was learned over, or N_LINK_KINDS */
	char prefix[PREFIX_STRLEN];
};

typedef char *(*reason_say)(const struct reason_case *c);

#define ON(kind) (1u << GAP_##kind)
#define SESSIONS (ON(CIRCUIT) | ON(GATEWAY) | ON(REACH) | ON(VPN) | ON(INSIDE))
#define ANYWHERE (~0u)

static const char *knows(const struct reason_case *c)
{
	return resource_name(c->gap->knows);
}

static const char *lacks(const struct reason_case *c)
{
	return resource_name(c->gap->lacks);
}

/* The VNet of a host, or the hub whose gateways announce it. */
static const struct vnet *announcing_vnet(const struct host *h)
{
	return h->vnet && h->vnet->remote_gateway_of ? h->vnet->remote_gateway_of : h->vnet;
}

/* --- Down --------------------------------------------------------------------------------------------------------- */

static char *say_down(const struct reason_case *c)
{
	const struct fabric *f = c->image->fabric;
	const struct link *l = c->gap->link == NO_INDEX ? NULL : &f->links.items[c->gap->link];
	const char *a = c->gap->knows->name, *b = c->gap->lacks->name;

	if (c->gap->up)
		return NULL;
	if (l && l->down_in_file)
		return xasprintf("'%s' knows %s, but the link to '%s' is shut in the file (customerEdge, link: down)",
				 a, c->prefix, b);
	if (c->gap->session)
		return xasprintf("'%s' knows %s, but its BGP session with '%s' is down: %s%s%s%s", a, c->prefix, b,
				 c->gap->session->down_because ? c->gap->session->down_because : "no reason is known",
				 l ? " (link '" : "", l ? l->name : "", l ? "')" : "");
	return xasprintf("'%s' knows %s, but what joins it to '%s' is down: link '%s'", a, c->prefix, b,
			 l ? l->name : "");
}

/* --- BGP ---------------------------------------------------------------------------------------------------------- */

/* What the neighbour was sent of this prefix, NULL when nothing. */
static const struct attrs *sent(const struct reason_case *c)
{
	const struct advertisement *list;
	size_t n = rib_advertised(c->image->now, c->gap->knows->index, c->gap->lacks->index, &list);

	for (size_t i = 0; i < n; i++) {
		if (prefix_equal(&list[i].prefix, &c->gap->entry->prefix))
			return list[i].attrs;
	}
	return NULL;
}

static char *say_own_as(const struct reason_case *c)
{
	const struct attrs *a = sent(c);
	uint32_t asn = c->gap->lacks->asn;

	/* An MSEE takes a path with its own AS all the same (azure.md 7.2). */
	for (unsigned i = 0; a && c->gap->lacks->kind != ERX_KIND_MSEE && i < a->as_path_len; i++) {
		if (a->as_path[i] == asn)
			return xasprintf("'%s' refuses %s from '%s': its own AS %u is in the AS path; give the two "
					 "sites different ASes, or allow it there (allowas-in)",
					 c->gap->lacks->name, c->prefix, c->gap->knows->name, asn);
	}
	return NULL;
}

/* Both ways between the two gateways of a VNet, and on towards the circuit. */
static char *say_er_vpn(const struct reason_case *c)
{
	bool from_er = c->over == LINK_MSEE_ERGW;

	if (c->gap->knows->kind != ERX_KIND_ERGW || c->route->source != SOURCE_BGP)
		return NULL;
	if (c->gap->kind == GAP_INSIDE && from_er)
		return xasprintf("gateway '%s' has %s by ExpressRoute and does not give it to the VPN gateway '%s': "
				 "no transit between ExpressRoute and VPN without Route Server with branch-to-branch "
				 "traffic, or Virtual WAN",
				 knows(c), c->prefix, lacks(c));
	if (c->gap->kind == GAP_GATEWAY && !from_er)
		return xasprintf("gateway '%s' has %s from the VPN gateway beside it and does not announce it to "
				 "circuit '%s': no transit between ExpressRoute and VPN without Route Server with "
				 "branch-to-branch traffic, or Virtual WAN",
				 knows(c), c->prefix, lacks(c));
	return NULL;
}

static char *say_er_er(const struct reason_case *c)
{
	const struct circuit *from = NULL, *to = c->gap->lacks->circuit;

	if (c->gap->knows->kind != ERX_KIND_ERGW || c->over != LINK_MSEE_ERGW)
		return NULL;
	if (c->route->connection)
		from = c->route->connection->circuit;
	if (!from || from == to)
		return xasprintf("gateway '%s' has %s from circuit '%s' itself and announces nothing there that it has "
				 "learned from a circuit: two sites of one circuit are not joined through Azure; that "
				 "takes the customer's own link",
				 knows(c), c->prefix, to->name);
	return xasprintf("gateway '%s' has %s from circuit '%s' and does not announce it to circuit '%s': circuits on "
			 "one gateway are not joined; that needs Global Reach between '%s' and '%s', or an appliance "
			 "with Route Server",
			 knows(c), c->prefix, from->name, to->name, from->name, to->name);
}

static char *say_reach_transit(const struct reason_case *c)
{
	const struct route *r = c->route;
	const char *third = r->from == NO_INDEX ? "a third circuit"
						: resource_name(&c->image->fabric->devices.items[r->from]);

	if (c->over != LINK_REACH)
		return NULL;
	return xasprintf("circuit '%s' has %s by Global Reach from '%s' and does not pass it on to '%s': Global Reach "
			 "is not transitive; join '%s' and '%s' by a Global Reach connection of their own",
			 knows(c), c->prefix, third, lacks(c), third, lacks(c));
}

static char *say_hairpin(const struct reason_case *c)
{
	const struct gateway *here = c->gap->lacks->gateway;
	const struct vnet *far = announcing_vnet(c->to);
	const struct gateway *there = far ? far->er_gateway : NULL;

	if (c->gap->knows->kind != ERX_KIND_MSEE || c->over != LINK_MSEE_ERGW || here->allow_remote_vnet_traffic)
		return NULL;
	if (!there)
		return xasprintf("gateway '%s' does not import %s from circuit '%s': allowRemoteVnetTraffic is off",
				 here->name, c->prefix, knows(c));
	return xasprintf("gateway '%s' does not import %s, which another VNet announces to circuit '%s': its "
			 "allowRemoteVnetTraffic is off; set it on '%s'%s%s%s",
			 here->name, c->prefix, knows(c), here->name,
			 there->allow_remote_vnet_traffic ? " (gateway '" : ", and on '", there->name,
			 there->allow_remote_vnet_traffic ? "' has it on: it sees the prefixes of this side, but gets "
							    "no answer)"
							  : "' as well, where it is off too");
}

static char *say_reach_vnets(const struct reason_case *c)
{
	const struct gateway *here = c->gap->lacks->gateway;
	const struct attrs *a = c->route->attrs;
	bool there;

	if (c->over != LINK_REACH || !a || (a->via & VIA_SITE))
		return NULL;
	there = a->via & VIA_REMOTE;
	if (here->allow_remote_vnet_traffic && there)
		return NULL;
	return xasprintf("gateway '%s' does not import %s, which comes by Global Reach from another VNet: "
			 "allowRemoteVnetTraffic must be on at the gateways of both; it is off at %s",
			 here->name, c->prefix,
			 here->allow_remote_vnet_traffic ? "the other VNet's"
			 : there			 ? "this one"
							 : "either");
}

/* --- Customer routers --------------------------------------------------------------------------------------------- */

static char *say_advertise(const struct reason_case *c)
{
	const struct router *r = c->gap->knows->router;
	char first[PREFIX_STRLEN];

	if (!r || c->route->source == SOURCE_BGP)
		return NULL;
	if (!r->advertise.n)
		return xasprintf("router '%s' announces nothing to '%s'; add %s to its advertise list", r->name,
				 c->gap->lacks->name, c->prefix);
	return xasprintf("router '%s' does not announce %s to '%s': its advertise list (%s%s) is complete; add the "
			 "prefix there",
			 r->name, c->prefix, c->gap->lacks->name, prefix_format(&r->advertise.items[0].first, first),
			 r->advertise.n > 1 || r->advertise.items[0].count > 1 ? ", …" : "");
}

static char *say_no_transit(const struct reason_case *c)
{
	const struct router *r = c->gap->knows->router;

	if (!r || r->transit)
		return NULL;
	return xasprintf("router '%s' has learned %s and does not pass it on to '%s'; it would with transit: true",
			 r->name, c->prefix, c->gap->lacks->name);
}

/* --- VPN ---------------------------------------------------------------------------------------------------------- */

static char *say_vpn_default(const struct reason_case *c)
{
	if (c->gap->knows->kind != ERX_KIND_VPNGW || c->gap->entry->prefix.len)
		return NULL;
	return xasprintf("VPN gateway '%s' knows '%s' by a default route only, and passes no default route on to '%s'",
			 knows(c), c->to->name, c->gap->lacks->name);
}

static char *say_static(const struct reason_case *c)
{
	const struct link *l = &c->image->fabric->links.items[c->gap->link];
	const struct local_gateway *local = l->connection->local_gateway;

	if (c->gap->lacks->gateway && local)
		return xasprintf("connection '%s' has no BGP, and addressPrefixes of local network gateway '%s' do not "
				 "hold '%s'; add %s there, or set enableBgp",
				 l->connection->name, local->name, c->to->name, c->prefix);
	return xasprintf("connection '%s' has no BGP: '%s' sends into it only what the address space of the network "
			 "at its other end holds; %s needs enableBgp",
			 l->connection->name, lacks(c), c->prefix);
}

/* --- VNets -------------------------------------------------------------------------------------------------------- */

static const struct peering *half_of(const struct vnet *v, const struct vnet *remote)
{
	vec_each(p, &v->peerings) {
		if (p->remote == remote)
			return p;
	}
	return NULL;
}

static char *say_initiated(const struct reason_case *c)
{
	const struct vnet *a = c->gap->knows->vnet, *b = c->gap->lacks->vnet;
	bool missing_at_a = !half_of(a, b);

	if (!missing_at_a && half_of(b, a))
		return NULL;
	return xasprintf("the peering of '%s' with '%s' is Initiated, not Connected: '%s' has no half of it; add '%s' "
			 "to its virtualNetworkPeerings",
			 missing_at_a ? b->name : a->name, missing_at_a ? a->name : b->name,
			 missing_at_a ? a->name : b->name, missing_at_a ? b->name : a->name);
}

static char *say_no_access(const struct reason_case *c)
{
	const struct peering *half = half_of(c->gap->lacks->vnet, c->gap->knows->vnet);

	if (half->allow_access)
		return NULL;
	return xasprintf("allowVirtualNetworkAccess is false in the peering of '%s' with '%s'",
			 c->gap->lacks->vnet->name, c->gap->knows->vnet->name);
}

/* Which flag keeps a spoke from the gateways of its hub; NULL: none. */
static char *missing_flag(const struct vnet *spoke, const struct vnet *hub)
{
	const struct peering *mine = half_of(spoke, hub), *theirs = half_of(hub, spoke);
	const struct gateway *own = spoke->er_gateway ? spoke->er_gateway : spoke->vpn_gateway;

	if (own)
		return xasprintf("it has a gateway of its own ('%s'), and a VNet with a gateway cannot use that of a "
				 "peer",
				 own->name);
	if (spoke->remote_gateway_of)
		return xasprintf("it uses those of '%s', and a VNet can use one peer's only",
				 spoke->remote_gateway_of->name);
	if (!mine || !theirs)
		return xasprintf("the peering is only Initiated");
	if (!theirs->allow_gateway_transit && !mine->use_remote_gateways)
		return xasprintf("set useRemoteGateways in the peering of '%s' and allowGatewayTransit in that of '%s'",
				 spoke->name, hub->name);
	if (!mine->use_remote_gateways)
		return xasprintf("set useRemoteGateways in the peering of '%s' with '%s'", spoke->name, hub->name);
	return xasprintf("set allowGatewayTransit in the peering of '%s' with '%s'", hub->name, spoke->name);
}

static char *say_not_transitive(const struct reason_case *c)
{
	const struct vnet *middle = c->gap->knows->vnet;
	const struct device *third;

	if (c->route->link == NO_INDEX || c->image->fabric->links.items[c->route->link].kind != LINK_PEERING)
		return NULL;
	third = &c->image->fabric->devices
			 .items[c->image->fabric->ports
					.items[port_peer(
						c->image->fabric,
						device_port_on(c->image->fabric, c->gap->knows->index, c->route->link))]
					.device];
	return xasprintf("'%s' and '%s' are both peered with '%s', but peering is not transitive: peer the two, or "
			 "send through an appliance in '%s' by user-defined routes",
			 c->gap->lacks->name, third->name, middle->name, middle->name);
}

static char *say_no_gateway_transit(const struct reason_case *c)
{
	char *flag, *text;

	if (c->route->source != SOURCE_BGP)
		return NULL;
	flag = missing_flag(c->gap->lacks->vnet, c->gap->knows->vnet);
	text = xasprintf("'%s' has %s from its gateways, and '%s' does not use them: %s", c->gap->knows->name,
			 c->prefix, c->gap->lacks->name, flag);
	free(flag);
	return text;
}

/* Towards the gateways: the address space of a peer that does not use them is not announced. */
static char *say_not_announced(const struct reason_case *c)
{
	const struct vnet *spoke = c->to->vnet, *hub = c->gap->knows->vnet;
	char *flag, *text;

	if (!hub || !c->gap->lacks->gateway || !spoke || spoke == hub)
		return NULL;
	flag = missing_flag(spoke, hub);
	text = xasprintf("gateway '%s' does not announce %s of peered VNet '%s', which does not use it: %s", lacks(c),
			 c->prefix, spoke->name, flag);
	free(flag);
	return text;
}

/* --- What hides it ------------------------------------------------------------------------------------------------ */

static char *say_longer(const struct reason_case *c)
{
	const struct rib_entry *e = rib_lookup(rib_table_of(c->image->now, c->gap->lacks->index), &c->to->addr);
	char longer[PREFIX_STRLEN];

	if (!e || e->prefix.len <= c->gap->entry->prefix.len || e->routes[0].source == SOURCE_DEFAULT)
		return NULL;
	prefix_format(&e->prefix, longer);
	if (e->routes[0].source == SOURCE_SYSTEM_NONE)
		return xasprintf(
			"'%s' has %s from '%s', but Azure's system route %s (None) is longer and drops the "
			"packet; announce exactly that prefix, a longer one, or a default route, which takes it "
			"away",
			c->gap->lacks->name, c->prefix, knows(c), longer);
	return xasprintf("'%s' could have %s from '%s', but its route %s is longer and does not lead there",
			 c->gap->lacks->name, c->prefix, knows(c), longer);
}

/* --- Limits ------------------------------------------------------------------------------------------------------- */

/* An ExpressRoute gateway learns what its SKU holds, and not what comes after. */
static char *say_full(const struct reason_case *c)
{
	const struct gateway *g = c->gap->lacks->gateway;

	vec_each(u, &c->image->now->limits) {
		if (g && u->kind == LIMIT_PREFIXES_OF_GATEWAY && u->over && !strcmp(u->object, g->name))
			return xasprintf("gateway '%s' is full and has not learned %s: %zu of %zu %s", g->name,
					 c->prefix, u->count, u->limit, u->what);
	}
	return NULL;
}

/* --- The table ---------------------------------------------------------------------------------------------------- */

static char *say_anyway(const struct reason_case *c)
{
	return xasprintf("'%s' knows %s and does not pass it on to '%s'", c->gap->knows->name, c->prefix,
			 c->gap->lacks->name);
}

static const struct {
	const char *name, *source;
	unsigned on; /* kinds of gaps it speaks of */
	reason_say say;
} rules[] = {
	{"session-down", "azure.md 7.1", ANYWHERE, say_down},
	{"longer-prefix-hides-it", "azure.md 8.1", ON(OWN) | ON(PEERING), say_longer},
	{"own-as-in-path", "RFC 4271 9.1.2", SESSIONS & ~ON(INSIDE), say_own_as},
	{"no-er-vpn-transit", "azure.md 7.5", ON(INSIDE) | ON(GATEWAY), say_er_vpn},
	{"no-er-er-transit", "azure.md 7.5", ON(GATEWAY), say_er_er},
	{"remote-vnet-traffic-off", "azure.md 7.5", ON(GATEWAY), say_hairpin},
	{"remote-vnet-traffic-off", "azure.md 7.5", ON(GATEWAY), say_reach_vnets},
	{"global-reach-not-transitive", "azure.md 7.5", ON(REACH), say_reach_transit},
	{"not-advertised", "topologies/README.md, routers", ON(CIRCUIT) | ON(VPN), say_advertise},
	{"router-passes-nothing-on", "topologies/README.md, routers", ON(CIRCUIT) | ON(VPN), say_no_transit},
	{"no-default-over-vpn", "azure.md 7.5", ON(VPN), say_vpn_default},
	{"static-vpn-lacks-prefix", "azure.md 8.1", ON(STATIC_VPN), say_static},
	{"peering-initiated", "azure.md 8.1", ON(PEERING), say_initiated},
	{"peering-access-off", "azure.md 8.1", ON(PEERING), say_no_access},
	{"peering-not-transitive", "azure.md 7.5", ON(PEERING), say_not_transitive},
	{"no-gateway-transit", "azure.md 7.5", ON(PEERING), say_no_gateway_transit},
	{"no-gateway-transit", "azure.md 7.5", ON(OWN), say_not_announced},
	{"gateway-full", "azure.md 6", ON(GATEWAY), say_full},
	{"not-passed-on", "azure.md 7.5", ANYWHERE, say_anyway},
};

struct reason gap_reason(const struct image *image, const struct gap *g, const struct host *to)
{
	struct reason_case c = {.image = image, .gap = g, .to = to, .route = &g->entry->routes[0]};
	struct reason out = {};

	c.over = learned_over(image->now, c.route);
	prefix_format(&g->entry->prefix, c.prefix);
	for (size_t i = 0; !out.text && i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (!(rules[i].on & 1u << g->kind))
			continue;
		out.text = rules[i].say(&c);
		out.name = rules[i].name;
		out.source = rules[i].source;
	}
	return out;
}
