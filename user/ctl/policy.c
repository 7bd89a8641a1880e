// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/policy.h"

#include <ctype.h>
#include <string.h>

#define ERGW_ASN 65515

#define WEIGHT_EXPRESSROUTE 32769 /* learned from an MSEE */
#define WEIGHT_LOCAL	    32768 /* the gateway's own, and what the VPN gateway gives */

/* What an export policy may send: own routes, or those learned in a kind of session. */
#define OWN	       (1u << 0)
#define STATIC	       (1u << 1) /* own static VPN routes */
#define LEARNED(kind)  (1u << (2 + SESSION_##kind))
#define LEARNED_IN(id) (1u << (2 + (id)))
#define LEARNED_ANY    (((1u << N_SESSION_KINDS) - 1) << 2)

enum gateway_as { GATEWAY_AS_KEPT, GATEWAY_AS_STRIPPED, GATEWAY_AS_REPLACED };

struct export_policy {
	enum erx_kind kind;
	enum session_kind session;
	uint32_t sends;
	uint32_t via;		    /* what the route has crossed after this */
	uint32_t via_gateway;	    /* and this too when it was learned from a gateway */
	enum gateway_as gateway_as; /* the gateway's private AS at the end of the path */
	bool ibgp;		    /* the path stays as it is */
	bool no_default_route;
	bool transit_if_asked; /* a customer router with `transit: true` sends what it has learned */
};

/* azure.md 7.5: who passes what to whom. A pair that is not here passes nothing. */
static const struct export_policy exports[] = {
	/* Only its VNet's prefixes: no transit between circuits, nor between ExpressRoute and VPN. */
	{ERX_KIND_ERGW, SESSION_GATEWAY, .sends = OWN},
	{ERX_KIND_ERGW, SESSION_INSIDE, .sends = OWN, .ibgp = true},
	/* Transit between VPN neighbours, but no default route. */
	{ERX_KIND_VPNGW, SESSION_VPN, .sends = OWN | STATIC | LEARNED(VPN), .via = VIA_VPN, .no_default_route = true},
	{ERX_KIND_VPNGW, SESSION_INSIDE, .sends = STATIC | LEARNED(VPN), .ibgp = true},
	{ERX_KIND_MSEE, SESSION_CIRCUIT, .sends = LEARNED(GATEWAY) | LEARNED(REACH), .via = VIA_MSEE,
	 .gateway_as = GATEWAY_AS_STRIPPED},
	{ERX_KIND_MSEE, SESSION_GATEWAY, .sends = LEARNED(CIRCUIT) | LEARNED(GATEWAY) | LEARNED(REACH), .via = VIA_MSEE,
	 .via_gateway = VIA_HAIRPIN, .gateway_as = GATEWAY_AS_REPLACED},
	/*
	 * Global Reach is not transitive: what came in over it does not leave over it. Published tests saw 12076
	 * more than once behind it; here each MSEE adds it, so a gateway on both circuits prefers the direct one.
	 */
	{ERX_KIND_MSEE, SESSION_REACH, .sends = LEARNED(CIRCUIT) | LEARNED(GATEWAY), .via = VIA_MSEE | VIA_REACH},
	/* The list of the file is complete, unless the router is told to pass on what it learns. */
	{ERX_KIND_CE, SESSION_CIRCUIT, .sends = OWN, .transit_if_asked = true},
	{ERX_KIND_CE, SESSION_VPN, .sends = OWN, .transit_if_asked = true, .via = VIA_VPN},
};

struct import_policy {
	enum erx_kind kind;
	enum session_kind session;
	bool refuse_own_as;	  /* RFC 4271 9.1.2: a path with the own AS is a loop */
	bool refuse_own_prefixes; /* a gateway never takes its own VNet's prefix from elsewhere */
	bool ask_remote_vnets;	  /* other VNets' routes only with allowRemoteVnetTraffic */
	bool routing_weight;	  /* from the connection */
	bool ibgp;
	uint32_t weight;
};

/* An MSEE refuses nothing, not even a path with its own AS (azure.md 7.2). */
static const struct import_policy imports[] = {
	{ERX_KIND_MSEE, SESSION_CIRCUIT},
	{ERX_KIND_MSEE, SESSION_GATEWAY},
	{ERX_KIND_MSEE, SESSION_REACH},
	{ERX_KIND_ERGW, SESSION_GATEWAY, .refuse_own_as = true, .refuse_own_prefixes = true, .ask_remote_vnets = true,
	 .routing_weight = true, .weight = WEIGHT_EXPRESSROUTE},
	{ERX_KIND_ERGW, SESSION_INSIDE, .ibgp = true, .weight = WEIGHT_LOCAL},
	{ERX_KIND_VPNGW, SESSION_VPN, .refuse_own_as = true, .refuse_own_prefixes = true, .weight = WEIGHT_LOCAL},
	{ERX_KIND_VPNGW, SESSION_INSIDE, .ibgp = true, .weight = WEIGHT_EXPRESSROUTE},
	{ERX_KIND_CE, SESSION_CIRCUIT, .refuse_own_as = true},
	{ERX_KIND_CE, SESSION_VPN, .refuse_own_as = true},
};

/* Communities of regions on private peering (azure.md 7.6), by location without blanks, in lower case. */
static const struct {
	const char *location;
	uint16_t value;
} regions[] = {
	{"eastus", 50004},  {"eastus2", 50005},	  {"westus", 50006},
	{"westus2", 50026}, {"japaneast", 50012}, {"japanwest", 50013},
};

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct device *device_at(const struct policy_case *c, unsigned end)
{
	return &c->fabric->devices.items[c->session->ends[end].device];
}

static const struct export_policy *find_export(enum erx_kind kind, enum session_kind session)
{
	for (size_t i = 0; i < ARRAY_SIZE(exports); i++) {
		if (exports[i].kind == kind && exports[i].session == session)
			return &exports[i];
	}
	return NULL;
}

static const struct import_policy *find_import(enum erx_kind kind, enum session_kind session)
{
	for (size_t i = 0; i < ARRAY_SIZE(imports); i++) {
		if (imports[i].kind == kind && imports[i].session == session)
			return &imports[i];
	}
	return NULL;
}

/* A neighbour never gets back what it, or another instance of the same gateway, has sent. */
static bool same_party(const struct device *a, const struct device *b)
{
	return a == b || (a->gateway && a->gateway == b->gateway);
}

static bool is_default_route(const struct prefix *p)
{
	return p->len == 0;
}

static bool may_send(const struct policy_case *c, const struct export_policy *policy, const struct policy_source *s)
{
	const struct device *sender = device_at(c, c->sender);
	uint32_t sends = policy->sends, what;

	if (policy->transit_if_asked && sender->router->transit)
		sends |= LEARNED_ANY;
	if (s->learned)
		what = LEARNED_IN(s->learned->kind);
	else
		what = s->is_static ? STATIC : OWN;
	if (!(sends & what) || (s->learned && policy->no_default_route && is_default_route(c->prefix)))
		return false;
	return !s->learned || !same_party(&c->fabric->devices.items[s->from], device_at(c, !c->sender));
}

/* How often a customer router adds its AS beyond the once: a path's number before its circuit's before the general one.
 */
static unsigned configured_prepends(const struct router *r, const struct device *peer)
{
	unsigned times = 0;
	int specific = -1;

	vec_each(p, &r->prepends) {
		int rank = !p->circuit ? 0 : p->path < 0 ? 1 : 2;

		if (p->circuit && (p->circuit != peer->circuit || (p->path >= 0 && p->path != (int)peer->path)))
			continue;
		if (rank > specific) {
			specific = rank;
			times = p->times;
		}
	}
	return times;
}

static unsigned prepends(const struct policy_case *c)
{
	const struct device *sender = device_at(c, c->sender);
	unsigned times = c->now->prepends ? c->now->prepends[sender->index] : 0;

	return sender->router ? times + configured_prepends(sender->router, device_at(c, !c->sender)) : times;
}

/*
 * Where the private AS of a gateway begins in a path that nothing but Microsoft's
 * own routers have seen since; path_len when there is none. A gateway in
 * maintenance is there more than once. A customer's path keeps whatever it holds
 * (private ASes go on Microsoft peering only).
 */
static unsigned gateway_as_at(const uint32_t *path, unsigned path_len)
{
	unsigned first = path_len;

	while (first > 0 && path[first - 1] == ERGW_ASN)
		first--;
	for (unsigned i = 0; i < first; i++) {
		if (path[i] != MSEE_ASN)
			return path_len;
	}
	return first;
}

/* The path as the neighbour gets it. Returns its length, or 0 when it would be too long. */
static unsigned export_path(const struct policy_case *c, const struct export_policy *policy, const struct attrs *from,
			    uint32_t out[static MAX_AS_PATH])
{
	unsigned gateway_as = gateway_as_at(from->as_path, from->as_path_len);
	unsigned times = policy->ibgp ? 0 : 1 + prepends(c);
	unsigned n = 0;

	if (times + from->as_path_len > MAX_AS_PATH)
		return 0;
	while (n < times)
		out[n++] = device_at(c, c->sender)->asn;
	for (unsigned i = 0; i < from->as_path_len; i++) {
		if (i < gateway_as || policy->gateway_as == GATEWAY_AS_KEPT)
			out[n++] = from->as_path[i];
		else if (policy->gateway_as == GATEWAY_AS_REPLACED)
			out[n++] = MSEE_ASN;
	}
	return n;
}

const struct attrs *policy_export(const struct policy_case *c, const struct policy_source *source)
{
	const struct device *sender = device_at(c, c->sender);
	const struct export_policy *policy = find_export(sender->kind, c->session->kind);
	uint32_t path[MAX_AS_PATH];
	struct attrs out;

	if (!policy || !may_send(c, policy, source))
		return NULL;
	out = *source->attrs;
	out.as_path = path;
	out.as_path_len = export_path(c, policy, source->attrs, path);
	if (!policy->ibgp && !out.as_path_len)
		return NULL;
	/* Weight is never sent, local preference and the connection's weight stay within the AS, MED goes one AS far.
	 */
	out.weight = 0;
	if (!policy->ibgp) {
		out.local_pref = DEFAULT_LOCAL_PREF;
		out.routing_weight = 0;
		out.med = source->learned ? 0 : out.med;
	}
	out.ibgp = false;
	/* A customer's router that passes a route on makes it the customer's own announcement. */
	if (sender->kind == ERX_KIND_CE)
		out.via |= VIA_SITE;
	out.via |= policy->via;
	if (source->learned && source->learned->kind == SESSION_GATEWAY)
		out.via |= policy->via_gateway;
	return attrs_intern(c->pool, &out);
}

/*
 * Other VNets' routes (azure.md 7.5). From the same circuit the importing
 * gateway's own switch decides, so one side may see a prefix and get no answer.
 * Over Global Reach both switches must be on.
 */
static bool wants_remote_vnet(const struct gateway *g, const struct attrs *a)
{
	if (a->via & VIA_HAIRPIN)
		return g->allow_remote_vnet_traffic;
	if ((a->via & VIA_REACH) && !(a->via & VIA_SITE))
		return g->allow_remote_vnet_traffic && (a->via & VIA_REMOTE);
	return true;
}

static uint32_t import_local_pref(const struct device *receiver, enum session_kind session, const struct attrs *sent)
{
	if (receiver->kind != ERX_KIND_CE)
		return sent->local_pref;
	return session == SESSION_VPN ? receiver->router->local_pref_ipsec : receiver->router->local_pref_er;
}

const struct attrs *policy_import(const struct policy_case *c, const struct attrs *sent, bool originates)
{
	const struct device *receiver = device_at(c, !c->sender);
	const struct import_policy *policy = find_import(receiver->kind, c->session->kind);
	struct attrs in = *sent;

	if (!policy || (policy->refuse_own_as && as_path_has(sent, receiver->asn)) ||
	    (policy->refuse_own_prefixes && originates) ||
	    (policy->ask_remote_vnets && !wants_remote_vnet(receiver->gateway, sent)))
		return NULL;
	in.local_pref = import_local_pref(receiver, c->session->kind, sent);
	in.weight = policy->weight;
	if (policy->routing_weight)
		in.routing_weight = c->session->connection->routing_weight;
	in.ibgp = policy->ibgp;
	return attrs_intern(c->pool, &in);
}

/* Locations are written "East US 2" in the portal and eastus2 in ARM. */
static bool same_location(const char *text, const char *location)
{
	for (; *text; text++) {
		if (*text == ' ')
			continue;
		if (tolower((unsigned char)*text) != *location)
			return false;
		location++;
	}
	return !*location;
}

static unsigned region_community(const struct vnet *v, uint32_t *out)
{
	for (size_t i = 0; v->location && i < ARRAY_SIZE(regions); i++) {
		if (same_location(v->location, regions[i].location)) {
			*out = (uint32_t)MSEE_ASN << 16 | regions[i].value;
			return 1;
		}
	}
	return 0;
}

const struct attrs *policy_originate(struct attrs_pool *pool, const struct device *d, const struct vnet *v)
{
	struct attrs a = {.local_pref = DEFAULT_LOCAL_PREF};
	uint32_t community;

	if (d->kind == ERX_KIND_CE) {
		a.via = VIA_SITE;
		return attrs_intern(pool, &a);
	}
	a.weight = WEIGHT_LOCAL;
	a.via = VIA_VNET;
	if (v && d->kind == ERX_KIND_ERGW) {
		a.communities = &community;
		a.n_communities = region_community(v, &community);
		a.via |= d->gateway->allow_remote_vnet_traffic ? VIA_REMOTE : 0;
	}
	return attrs_intern(pool, &a);
}

const struct attrs *policy_redistribute(struct attrs_pool *pool, const struct device *d, const struct connection *c)
{
	struct attrs a = {.local_pref = DEFAULT_LOCAL_PREF, .via = VIA_VPN};

	a.via |= c->gateway2 || d->kind == ERX_KIND_CE ? VIA_VNET : VIA_SITE;
	if (d->kind == ERX_KIND_VPNGW)
		a.weight = WEIGHT_LOCAL;
	return attrs_intern(pool, &a);
}
