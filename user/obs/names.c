// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "obs/names.h"

static const struct {
	const char *name, *text;
} kinds[] =
	{
#define X(id, name, text) {name, text},
		ERX_KINDS(X)
#undef X
},
  outcomes[] = {
#define X(field, name, text) {name, text},
	  ERX_DELIVERIES(X) ERX_DROPS(X)
#undef X
};

static const char *const roles[] = {
#define X(id, name) name,
	ERX_ROLES(X)
#undef X
};

static const char *const sources[] = {
	[SOURCE_LOCAL] = "local",	[SOURCE_HOST] = "host",	       [SOURCE_CONNECTED] = "connected",
	[SOURCE_STATIC] = "static",	[SOURCE_UDR] = "user-defined", [SOURCE_BGP] = "bgp",
	[SOURCE_VNET] = "vnet",		[SOURCE_PEERING] = "peering",  [SOURCE_SYSTEM_NONE] = "none",
	[SOURCE_INTERNET] = "internet", [SOURCE_DEFAULT] = "default",
};

const char *kind_name(enum erx_kind kind)
{
	return kinds[kind].name;
}

const char *kind_text(enum erx_kind kind)
{
	return kinds[kind].text;
}

const char *role_name(enum erx_role role)
{
	return roles[role];
}

const char *outcome_name(enum erx_outcome outcome)
{
	return outcomes[outcome].name;
}

const char *outcome_text(enum erx_outcome outcome)
{
	return outcomes[outcome].text;
}

const char *source_name(enum route_source source)
{
	return sources[source];
}
