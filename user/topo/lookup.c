// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "topo/topo.h"

#define FIND(list, wanted)                                                                                             \
	do {                                                                                                           \
		vec_each(item, list)                                                                                   \
			if (!strcmp(item->name, wanted))                                                               \
				return item;                                                                           \
		return NULL;                                                                                           \
	} while (0)

const struct vnet *topo_vnet(const struct topo *t, const char *name)
{
	FIND(&t->vnets, name);
}

const struct gateway *topo_gateway(const struct topo *t, const char *name)
{
	FIND(&t->gateways, name);
}

const struct circuit *topo_circuit(const struct topo *t, const char *name)
{
	FIND(&t->circuits, name);
}

const struct connection *topo_connection(const struct topo *t, const char *name)
{
	FIND(&t->connections, name);
}

const struct site *topo_site(const struct topo *t, const char *name)
{
	FIND(&t->sites, name);
}

const struct router *topo_router(const struct topo *t, const char *name)
{
	vec_each(site, &t->sites)
		vec_each(router, &site->routers)
			if (!strcmp(router->name, name))
				return router;
	return NULL;
}
