/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who has which address of a GatewaySubnet: Azure's rule (azure.md 1.3), unless
 * the file sets it. The parser asks whether all fit, the fabric gives them out.
 */
#ifndef ERX_TOPO_GATEWAY_SUBNET_H
#define ERX_TOPO_GATEWAY_SUBNET_H

#include "topo/topo.h"

/* How many instances forward: two of an ExpressRoute gateway, one of a VPN gateway unless it is active-active. */
unsigned gateway_instances(const struct gateway *g);
/* ADDR_NONE, here and below, when the VNet has no GatewaySubnet. */
struct addr gateway_instance_addr(const struct gateway *g, unsigned instance);
/* What BGP neighbours of a VPN gateway's instance see. */
struct addr gateway_bgp_addr(const struct gateway *g, unsigned instance);
/* The MSEE's end of an ExpressRoute connection. ADDR_NONE also when a gateway has more connections than pairs. */
struct addr msee_endpoint(const struct topo *t, const struct connection *c, enum circuit_path path);

#endif
