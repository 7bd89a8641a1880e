// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The registry: every view with its columns, in the order of az's tables. What
 * az has no table for is in the order of its JSON, as `-o table` does it.
 */
#include "obs/show.h"

static const struct column effective_routes[] = {
	{"source", "Source", COLUMN_TEXT, ROLE_KEY},
	{"state", "State"},
	{"addressPrefix", "Address Prefix", COLUMN_LIST, ROLE_KEY},
	{"nextHopType", "Next Hop Type"},
	{"nextHopIpAddress", "Next Hop IP", COLUMN_LIST, ROLE_KEY},
	{"name", NULL},
	{"disableBgpRoutePropagation", NULL, COLUMN_BOOL},
};

static const struct column circuit_routes[] = {
	{"locPrf", "LocPrf", COLUMN_TEXT, ROLE_FIELD, FORM_MAY_BE_BLANK},
	{"network", "Network", COLUMN_TEXT, ROLE_KEY},
	{"nextHop", "NextHop", COLUMN_TEXT, ROLE_KEY, FORM_STARRED},
	{"path", "Path", COLUMN_TEXT, ROLE_FIELD, FORM_PATH},
	{"weight", "Weight", COLUMN_NUMBER},
};

static const struct column circuit_summary[] = {
	{"as", "As", COLUMN_NUMBER},	{"neighbor", "Neighbor", COLUMN_TEXT, ROLE_KEY},
	{"statePfxRcd", "StatePfxRcd"}, {"upDown", "UpDown", COLUMN_TEXT, ROLE_IGNORED},
	{"v", "V", COLUMN_NUMBER},
};

static const struct column circuit_arp[] = {
	{"age", "Age", COLUMN_NUMBER, ROLE_IGNORED},
	{"interface", "Interface", COLUMN_TEXT, ROLE_KEY},
	{"ipAddress", "IpAddress", COLUMN_TEXT, ROLE_KEY},
	{"macAddress", "MacAddress", COLUMN_TEXT, ROLE_FIELD, FORM_MAC},
};

/* Learned and advertised routes are one type of Azure's. */
static const struct column gateway_routes[] = {
	{"network", "Network", COLUMN_TEXT, ROLE_KEY},
	{"nextHop", "NextHop"},
	{"origin", "Origin"},
	{"sourcePeer", "SourcePeer", COLUMN_TEXT, ROLE_KEY},
	{"asPath", "AsPath"},
	{"weight", "Weight", COLUMN_NUMBER},
	{"localAddress", NULL, COLUMN_TEXT, ROLE_KEY},
};

static const struct column bgp_peers[] = {
	{"neighbor", "Neighbor", COLUMN_TEXT, ROLE_KEY},
	{"asn", "ASN", COLUMN_NUMBER},
	{"state", "State"},
	{"connectedDuration", "ConnectedDuration", COLUMN_TEXT, ROLE_IGNORED},
	{"routesReceived", "RoutesReceived", COLUMN_NUMBER},
	{"messagesSent", "MessagesSent", COLUMN_NUMBER, ROLE_IGNORED},
	{"messagesReceived", "MessagesReceived", COLUMN_NUMBER, ROLE_IGNORED},
	{"localAddress", NULL, COLUMN_TEXT, ROLE_KEY},
};

static const struct column next_hop[] = {
	{"nextHopIpAddress", "NextHopIpAddress"},
	{"nextHopType", "NextHopType"},
	{"routeTableId", "RouteTableId", COLUMN_TEXT, ROLE_FIELD, FORM_ID},
};

static const struct column hops[] = {
	{"address", "Address", COLUMN_TEXT, ROLE_KEY},
	{"type", "Type"},
	{"issues", "Issues", COLUMN_OBJECTS},
	{"id", NULL, COLUMN_TEXT, ROLE_IGNORED},
	{"nextHopIds", NULL, COLUMN_LIST, ROLE_IGNORED},
	{"resourceId", NULL, COLUMN_TEXT, ROLE_IGNORED},
};

static const struct column connectivity_head[] = {
	{"connectionStatus", NULL},
	{"avgLatencyInMs", NULL, COLUMN_NUMBER, ROLE_IGNORED},
	{"maxLatencyInMs", NULL, COLUMN_NUMBER, ROLE_IGNORED},
	{"minLatencyInMs", NULL, COLUMN_NUMBER, ROLE_IGNORED},
	{"probesFailed", NULL, COLUMN_NUMBER, ROLE_IGNORED},
	{"probesSent", NULL, COLUMN_NUMBER, ROLE_IGNORED},
};

static const struct column router_routes[] = {
	{"network", "Network", COLUMN_TEXT, ROLE_KEY},
	{"nextHop", "Next Hop", COLUMN_TEXT, ROLE_KEY},
	{"metric", "Metric", COLUMN_NUMBER},
	{"locPrf", "LocPrf", COLUMN_NUMBER},
	{"weight", "Weight", COLUMN_NUMBER},
	{"path", "Path"},
	{"origin", "Origin"},
	{"best", "Best", COLUMN_BOOL},
	{"multipath", "Multipath", COLUMN_BOOL},
};

static const struct column router_head[] = {
	{"localAs", NULL, COLUMN_NUMBER},
	{"routerId", NULL},
};

#define COLUMNS(array) .columns = array, .n_columns = sizeof(array) / sizeof((array)[0])
#define HEAD(array)    .head = array, .n_head = sizeof(array) / sizeof((array)[0])

const struct view views[] = {
	{.name = "effective-routes",
	 .usage = "VM",
	 .args = {ARG_VM},
	 .source = "az network nic show-effective-route-table",
	 .list = "value",
	 COLUMNS(effective_routes),
	 .make = show_effective_routes,
	 .left_out = is_system_route_left_out},
	{.name = "circuit-routes",
	 .usage = "CIRCUIT --path primary|secondary",
	 .args = {ARG_CIRCUIT},
	 .takes_path = true,
	 .source = "az network express-route list-route-tables",
	 .list = "value",
	 COLUMNS(circuit_routes),
	 .make = show_circuit_routes},
	{.name = "circuit-summary",
	 .usage = "CIRCUIT --path primary|secondary",
	 .args = {ARG_CIRCUIT},
	 .takes_path = true,
	 .source = "az network express-route list-route-tables-summary",
	 .list = "value",
	 COLUMNS(circuit_summary),
	 .make = show_circuit_summary},
	{.name = "circuit-arp",
	 .usage = "CIRCUIT --path primary|secondary",
	 .args = {ARG_CIRCUIT},
	 .takes_path = true,
	 .source = "az network express-route list-arp-tables",
	 .list = "value",
	 COLUMNS(circuit_arp),
	 .make = show_circuit_arp},
	{.name = "learned-routes",
	 .usage = "GATEWAY",
	 .args = {ARG_GATEWAY},
	 .source = "az network vnet-gateway list-learned-routes",
	 .list = "value",
	 .speaker = "localAddress",
	 COLUMNS(gateway_routes),
	 .make = show_learned_routes},
	{.name = "advertised-routes",
	 .usage = "GATEWAY --peer ADDRESS",
	 .args = {ARG_GATEWAY},
	 .takes_peer = true,
	 .source = "az network vnet-gateway list-advertised-routes",
	 .list = "value",
	 .speaker = "localAddress",
	 COLUMNS(gateway_routes),
	 .make = show_advertised_routes},
	{.name = "bgp-peers",
	 .usage = "GATEWAY",
	 .args = {ARG_GATEWAY},
	 .source = "az network vnet-gateway list-bgp-peer-status",
	 .list = "value",
	 .speaker = "localAddress",
	 COLUMNS(bgp_peers),
	 .make = show_bgp_peers},
	{.name = "next-hop",
	 .usage = "VM ADDRESS",
	 .args = {ARG_VM, ARG_ADDRESS},
	 .source = "az network watcher show-next-hop",
	 COLUMNS(next_hop),
	 .make = show_next_hop},
	{.name = "connectivity",
	 .usage = "SRC DST",
	 .args = {ARG_HOST, ARG_HOST},
	 .source = "az network watcher test-connectivity",
	 .list = "hops",
	 COLUMNS(hops),
	 HEAD(connectivity_head),
	 .make = show_connectivity,
	 .print = print_connectivity},
	{.name = "bgp",
	 .usage = "ROUTER",
	 .args = {ARG_ROUTER},
	 .source = "show ip bgp",
	 .list = "routes",
	 COLUMNS(router_routes),
	 HEAD(router_head),
	 .make = show_router_routes,
	 .print = print_router_routes},
	{},
};
