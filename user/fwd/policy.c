// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The TTL and ICMP policy of azure.md 3.1 (profile 2018) and 3.5 (current). The
 * first row that fits decides, so special rows stand before general ones. A set
 * bit k in `answers` means that running out at decrement k is answered with a
 * time exceeded from the address of the port the packet came in by.
 *
 * Not here, because it is no property of the hop: an answer that a hop sends may
 * still be refused at the VNet edge of the VM it is for (bpf/route.h,
 * check_icmp_error).
 */
#include "fwd/policy.h"

#include <string.h>

#define ANY_ROLE (-1)

#define UNTOUCHED                                                                                                      \
	{                                                                                                              \
		.decrements = 0                                                                                        \
	}
#define ONE_ANSWERED                                                                                                   \
	{                                                                                                              \
		.decrements = 1, .answers = 1                                                                          \
	}
#define ONE_SILENT                                                                                                     \
	{                                                                                                              \
		.decrements = 1, .answers = 0                                                                          \
	}
#define TWO_FIRST                                                                                                      \
	{                                                                                                              \
		.decrements = 2, .answers = 1                                                                          \
	}

static const struct policy_row rows[] = {
	{ERX_KIND_VNET, ANY_ROLE, ANY_ROLE, ALWAYS, UNTOUCHED, "a VNet and its peerings are no hop (azure.md 3.1)"},

	{ERX_KIND_MSEE, ERX_ROLE_REACH, ANY_ROLE, ONLY_PEER_LOWERS, ONE_ANSWERED,
	 "this Global Reach connection is set to peerMseeDecrement: 1 (azure.md 4)"},
	{ERX_KIND_MSEE, ERX_ROLE_REACH, ANY_ROLE, ALWAYS, UNTOUCHED,
	 "the two MSEEs of a Global Reach connection are one hop together (azure.md 4)"},
	{ERX_KIND_MSEE, ANY_ROLE, ANY_ROLE, ALWAYS, ONE_ANSWERED,
	 "an MSEE is a hop and answers from the port the packet came in by: its link address towards the CE, the "
	 "endpoint in the sender's GatewaySubnet towards a VNet (azure.md 3.1)"},

	{ERX_KIND_ERGW, ERX_ROLE_MSEE, ERX_ROLE_VNET, ONLY_TRANSPARENT, UNTOUCHED,
	 "this gateway is set to ttl: transparent (azure.md 3.5, 4)"},
	{ERX_KIND_ERGW, ANY_ROLE, ANY_ROLE, ALWAYS, ONE_SILENT,
	 "an ExpressRoute gateway is a hop from the MSEE into the VNet and never answers (azure.md 3.1)"},

	{ERX_KIND_VPNGW, ERX_ROLE_VNET, ERX_ROLE_TUNNEL, ONLY_TRANSPARENT, UNTOUCHED,
	 "this gateway is set to ttl: transparent (azure.md 3.5)"},
	{ERX_KIND_VPNGW, ERX_ROLE_VNET, ERX_ROLE_TUNNEL, ONLY_2018, TWO_FIRST,
	 "a VPN gateway lowers the TTL twice from the VNet into a tunnel and answers for the first only "
	 "(profile 2018, azure.md 3.1)"},
	{ERX_KIND_VPNGW, ERX_ROLE_VNET, ERX_ROLE_VNET, ALWAYS, ONE_ANSWERED,
	 "a VPN gateway as the next hop of a user-defined route between VNets is one hop (azure.md 3.5)"},
	{ERX_KIND_VPNGW, ANY_ROLE, ANY_ROLE, ALWAYS, UNTOUCHED,
	 "a VPN gateway is no hop for what comes out of a tunnel (azure.md 3.1), nor into one in profile current "
	 "(3.5)"},

	{ERX_KIND_CE, ANY_ROLE, ANY_ROLE, ALWAYS, ONE_ANSWERED,
	 "a customer router is a hop and answers from the interface the packet came in by (azure.md 3.1)"},

	{ERX_KIND_LAN, ERX_ROLE_HOST, ERX_ROLE_HOST, ALWAYS, UNTOUCHED, "within a LAN the switch is no hop"},
	{ERX_KIND_LAN, ANY_ROLE, ANY_ROLE, ALWAYS, ONE_ANSWERED,
	 "a LAN switch routes: it is a hop and answers from the interface the packet came in by (azure.md 3.1)"},
};

struct policy_case policy_case_of(const struct fabric *f, const struct port *in)
{
	const struct device *d = &f->devices.items[in->device];
	const struct link *l = &f->links.items[in->link];

	return (struct policy_case){
		.kind = d->kind,
		.profile = f->topo->profile,
		.transparent = d->gateway && d->gateway->transparent,
		.peer_lowers = l->kind == LINK_REACH && l->connection->peer_msee_decrement,
	};
}

static bool applies(const struct policy_row *row, const struct policy_case *c)
{
	switch (row->when) {
	case ONLY_2018: return c->profile == PROFILE_2018;
	case ONLY_CURRENT: return c->profile == PROFILE_CURRENT;
	case ONLY_TRANSPARENT: return c->transparent;
	case ONLY_PEER_LOWERS: return c->peer_lowers;
	case ALWAYS: break;
	}
	return true;
}

const struct policy_row *policy_find(const struct policy_case *c, enum erx_role in, enum erx_role out)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct policy_row *row = &rows[i];

		if (row->kind == c->kind && (row->in == ANY_ROLE || row->in == (int)in) &&
		    (row->out == ANY_ROLE || row->out == (int)out) && applies(row, c))
			return row;
	}
	return NULL;
}

char *policy_set_name(const struct policy_case *c)
{
	static const char *const kinds[] = {
#define X(id, name, text) name,
		ERX_KINDS(X)
#undef X
	};

	return xasprintf("%s-%s%s%s", kinds[c->kind], c->profile == PROFILE_2018 ? "2018" : "current",
			 c->transparent ? "-transparent" : "", c->peer_lowers ? "-peer" : "");
}

void policy_compile(const struct policy_case *c, struct policy_set *out)
{
	for (int in = 0; in < ERX_N_ROLES; in++)
		for (int to = 0; to < ERX_N_ROLES; to++)
			out->of[in][to] = policy_find(c, in, to)->policy;
}
