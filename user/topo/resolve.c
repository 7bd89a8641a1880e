// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Names become pointers, and defaults that depend on other resources are filled. */
#include <string.h>
#include <strings.h>

#include "topo/parser.h"

static const enum scope scope_of[N_THINGS] = {
	[THING_VNET] = SCOPE_DEVICES,	    [THING_SITE] = SCOPE_DEVICES,
	[THING_GATEWAY] = SCOPE_DEVICES,    [THING_LOCAL_GATEWAY] = SCOPE_LOCAL_GATEWAYS,
	[THING_CIRCUIT] = SCOPE_DEVICES,    [THING_ROUTER] = SCOPE_DEVICES,
	[THING_CONNECTION] = SCOPE_DEVICES, [THING_ROUTE_TABLE] = SCOPE_ROUTE_TABLES,
	[THING_PORT] = SCOPE_PORTS,	    [THING_HOST] = SCOPE_HOSTS,
	[THING_SINK] = SCOPE_HOSTS,
};

static bool is_before(struct pos a, struct pos b)
{
	return a.line != b.line ? a.line < b.line : a.column < b.column;
}

static void name_taken(struct parser *p, struct name *old, enum thing thing, struct pos at)
{
	enum thing first = old->thing, second = thing;
	struct pos where = at, other = old->at;

	if (is_before(at, old->at)) {
		first = thing;
		second = old->thing;
		where = old->at;
		other = at;
	}
	problem(p, where, "the name '%s' of this %s is taken by the %s in line %u: %s", old->text, thing_text(second),
		thing_text(first), other.line,
		scope_of[thing] == SCOPE_DEVICES
			? "names of networks, sites, gateways, circuits, routers and connections "
			  "are unique in the file"
			: "give one of them another name");
}

static void name_add(struct parser *p, enum thing thing, const char *text, struct pos at, void *item)
{
	enum scope scope = scope_of[thing];
	struct name *n = name_find(p, scope, text);

	if (n) {
		name_taken(p, n, thing, at);
		return;
	}
	n = arena_alloc(p->arena, sizeof(*n));
	*n = (struct name){.text = text, .thing = thing, .at = at, .item = item};
	HASH_ADD_KEYPTR(hh, p->names[scope], text, strlen(text), n);
}

/* A circuit stands for two edge routers, which have names of their own. */
static void derived_names_check(struct parser *p)
{
	static const char *const paths[N_CIRCUIT_PATHS] = {"primary", "secondary"};

	vec_each(c, &p->topo->circuits) {
		for (size_t i = 0; i < N_CIRCUIT_PATHS; i++) {
			const char *derived = arena_printf(p->arena, "%s.%s", c->name, paths[i]);
			struct name *n = name_find(p, SCOPE_DEVICES, derived);

			if (n)
				problem(p, n->at, "the name '%s' of this %s is that of the %s path of circuit '%s'",
					shown(p, derived), thing_text(n->thing), paths[i], shown(p, c->name));
		}
	}
}

void names_collect(struct parser *p)
{
	struct topo *t = p->topo;

	vec_each(v, &t->vnets) {
		name_add(p, THING_VNET, v->name, v->at, v);
		vec_each(vm, &v->vms)
			name_add(p, THING_HOST, vm->name, vm->at, vm);
	}
	vec_each(s, &t->sites) {
		name_add(p, THING_SITE, s->name, s->at, s);
		vec_each(h, &s->hosts)
			name_add(p, THING_HOST, h->name, h->at, h);
		vec_each(r, &s->routers)
			name_add(p, THING_ROUTER, r->name, r->at, r);
	}
	vec_each(g, &t->gateways)
		name_add(p, THING_GATEWAY, g->name, g->at, g);
	vec_each(l, &t->local_gateways)
		name_add(p, THING_LOCAL_GATEWAY, l->name, l->at, l);
	vec_each(c, &t->circuits)
		name_add(p, THING_CIRCUIT, c->name, c->at, c);
	vec_each(c, &t->connections)
		name_add(p, THING_CONNECTION, c->name, c->at, c);
	vec_each(r, &t->route_tables)
		name_add(p, THING_ROUTE_TABLE, r->name, r->at, r);
	vec_each(e, &t->er_ports)
		name_add(p, THING_PORT, e->name, e->at, e);
	derived_names_check(p);
}

static void reference_resolve(struct parser *p, const struct reference *r)
{
	struct name *n = name_find(p, scope_of[r->thing], r->text);

	if (n && n->thing == r->thing) {
		memcpy(r->slot, &n->item, sizeof(n->item));
		return;
	}
	p->unresolved = true;
	if (n)
		problem(p, r->at, "%s names '%s', which is %s, not %s", owner_text(p, &r->owner), shown(p, r->text),
			thing_with_article(p, n->thing), thing_with_article(p, r->thing));
	else
		problem(p, r->at, "%s names %s '%s', which is not defined%s", owner_text(p, &r->owner),
			thing_text(r->thing), shown(p, r->text),
			suggest_name(p, r->text, scope_of[r->thing], 1u << r->thing));
}

static void references_resolve(struct parser *p)
{
	vec_each(r, &p->references)
		reference_resolve(p, r);
}

void subnets_index(const struct vnet *v, struct prefix_index *x)
{
	vec_each(s, &v->subnets)
		prefix_index_add(x, s->prefix, s);
	prefix_index_sort(x);
}

/* Each subnet has a sink of its own: what Azure sets per subnet (route table, ICMP errors) then holds for it as well.
 */
static void sink_resolve(struct parser *p, const struct vnet *v, const struct subnet *subnet)
{
	struct subnet *s = (struct subnet *)subnet;

	if (!s || s->sink)
		return;
	s->sink = arena_printf(p->arena, "%s-%s-sink", v->name, s->name);
	name_add(p, THING_SINK, s->sink, s->at, s);
}

static void endpoint_resolve(struct parser *p, const struct vnet *v, struct endpoint *e,
			     const struct prefix_index *subnets)
{
	struct prefix wanted = prefix_of(&e->addr);

	e->subnet = prefix_index_find(subnets, &wanted);
	sink_resolve(p, v, e->subnet);
}

/* Other words are allowed, they are for people; a slip of the pen is not meant for them. */
static void load_balancer_resolve(struct parser *p, struct endpoint *e)
{
	static const struct word words[] = {{"Standard", ENDPOINT_STANDARD},
					    {"Basic", ENDPOINT_BASIC},
					    {"AzureFirewall", ENDPOINT_AZURE_FIREWALL},
					    {"DnsPrivateResolver", ENDPOINT_DNS_PRIVATE_RESOLVER},
					    {"NetAppFiles", ENDPOINT_NETAPP_FILES},
					    {}};
	const char *candidates[N_ITEMS(words)] = {};

	for (size_t i = 0; e->kind && words[i].text; i++) {
		candidates[i] = words[i].text;
		if (!strcasecmp(words[i].text, e->kind)) {
			e->kind_of = words[i].value;
			return;
		}
	}
	if (e->kind)
		caution(p, field_pos(p, &e->kind, e->at),
			"load balancer '%s' has the kind '%s', which FastPath does not know%s: it counts as %s",
			e->name, shown(p, e->kind), suggest(p, e->kind, candidates), words[0].text);
}

static void vnet_resolve(struct parser *p, struct vnet *v)
{
	struct prefix_index subnets = {};

	vec_each(s, &v->subnets)
		if (!strcmp(s->name, "GatewaySubnet"))
			v->gateway_subnet = s;
	subnets_index(v, &subnets);
	vec_each(vm, &v->vms) {
		struct prefix wanted = prefix_of(&vm->addr);

		vm->subnet = prefix_index_find(&subnets, &wanted);
	}
	vec_each(s, &v->subnets)
		if (s->ranges.n)
			sink_resolve(p, v, s);
	vec_each(e, &v->load_balancers) {
		endpoint_resolve(p, v, e, &subnets);
		load_balancer_resolve(p, e);
	}
	vec_each(e, &v->private_endpoints) {
		endpoint_resolve(p, v, e, &subnets);
		e->kind_of = ENDPOINT_PRIVATE;
	}
	prefix_index_free(&subnets);
}

static void gateway_sku_resolve(struct parser *p, struct gateway *g)
{
	const struct field *f = field_find(p, &g->sku);
	const char *names[32];

	if (!f || !f->text || !field_given(p, &g->type))
		return;
	g->sku = sku_find(f->text, g->type);
	sku_names(g->type, names, N_ITEMS(names));
	if (!g->sku && sku_find(f->text, !g->type))
		problem(p, f->at, "gateway '%s' is of type %s, and '%s' is a SKU of the other type", g->name,
			g->type == GATEWAY_VPN ? "Vpn" : "ExpressRoute", shown(p, f->text));
	else if (!g->sku)
		problem(p, f->at, "gateway '%s' has the unknown SKU '%s'%s", g->name, shown(p, f->text),
			suggest(p, f->text, names));
	if (g->sku && g->sku->scalable && !g->scale_units_min) {
		g->scale_units_min = 2; /* the least that autoscaling can be set to */
		g->scale_units_max = 10;
	}
}

static void gateway_resolve(struct parser *p, struct gateway *g)
{
	struct vnet *v = (struct vnet *)g->vnet;

	gateway_sku_resolve(p, g);
	if (!field_given(p, &g->allow_remote_vnet_traffic))
		g->allow_remote_vnet_traffic = p->topo->profile == PROFILE_2018;
	if (!v)
		return;
	if (g->type == GATEWAY_EXPRESSROUTE && !v->er_gateway)
		v->er_gateway = g;
	else if (g->type == GATEWAY_VPN && !v->vpn_gateway)
		v->vpn_gateway = g;
}

struct peering *peering_between(const struct vnet *v, const struct vnet *remote)
{
	vec_each(i, &v->peerings)
		if (i->remote == remote)
			return i;
	return NULL;
}

static void peering_resolve(struct vnet *v, struct peering *half)
{
	const struct peering *other;

	if (!half->remote)
		return;
	other = peering_between(half->remote, v);
	half->connected = other;
	half->global = strcasecmp(v->location, half->remote->location);
	if (other && half->use_remote_gateways && other->allow_gateway_transit && !v->remote_gateway_of)
		v->remote_gateway_of = half->remote;
}

static void site_resolve(struct parser *p, struct site *s)
{
	if (!addr_is_set(&s->gateway_addr) && addr_is_set(&s->lan.addr))
		s->gateway_addr = prefix_nth(&s->lan, 1);
	vec_each(r, &s->routers) {
		r->site = s;
		if (field_given(p, &r->advertise) || !addr_is_set(&s->lan.addr))
			continue;
		list_reserve(p, &r->advertise, 1, sizeof(*r->advertise.items));
		vec_push(&r->advertise, ((struct advertised){.at = s->at, .first = s->lan, .count = 1}));
	}
}

/* CIRCUIT or CIRCUIT.primary|secondary; the path is -1 for both. NULL: no such circuit. */
const struct circuit *circuit_target(const struct parser *p, const char *text, int *path)
{
	static const char *const ends[N_CIRCUIT_PATHS] = {".primary", ".secondary"};
	size_t len = strlen(text);
	struct name *n = name_find(p, SCOPE_DEVICES, text);

	*path = -1;
	for (int i = 0; !n && i < N_CIRCUIT_PATHS; i++) {
		size_t end = strlen(ends[i]);
		char head[TOPO_MAX_NAME + 1];

		if (len <= end || len - end > TOPO_MAX_NAME || strcmp(text + len - end, ends[i]))
			continue;
		*(char *)mempcpy(head, text, len - end) = '\0';
		n = name_find(p, SCOPE_DEVICES, head);
		*path = i;
	}
	return n && n->thing == THING_CIRCUIT ? n->item : NULL;
}

static void prepends_resolve(struct parser *p, struct router *r)
{
	vec_each(i, &r->prepends) {
		const struct field *f = field_find(p, &i->circuit);

		if (!f->text)
			continue;
		i->circuit = circuit_target(p, f->text, &i->path);
		if (!i->circuit)
			problem(p, f->at, "'prepend' of router '%s' names circuit '%s', which is not defined%s",
				r->name, shown(p, f->text),
				suggest_name(p, f->text, SCOPE_DEVICES, 1u << THING_CIRCUIT));
	}
}

static void circuit_resolve(struct circuit *c)
{
	if (!c->port)
		return;
	if (!c->peering_location)
		c->peering_location = c->port->peering_location;
	if (!c->bandwidth_mbps)
		c->bandwidth_mbps = c->port->bandwidth_gbps * 1000;
}

void resolve(struct parser *p)
{
	struct topo *t = p->topo;

	references_resolve(p);
	vec_each(v, &t->vnets)
		vnet_resolve(p, v);
	vec_each(g, &t->gateways)
		gateway_resolve(p, g);
	vec_each(v, &t->vnets)
		vec_each(half, &v->peerings)
			peering_resolve(v, half);
	vec_each(s, &t->sites) {
		site_resolve(p, s);
		vec_each(r, &s->routers)
			prepends_resolve(p, r);
	}
	vec_each(c, &t->circuits)
		circuit_resolve(c);
}
