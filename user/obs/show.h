/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the views' documents are made by, one file for each kind of thing that
 * is asked, and what they share. Fields are added in the order of the alphabet,
 * as az prints them.
 */
#ifndef ERX_OBS_SHOW_H
#define ERX_OBS_SHOW_H

#include "obs/view.h"

/* show_vm.c */
cJSON *show_effective_routes(const struct view_call *call, struct error *e);
cJSON *show_next_hop(const struct view_call *call, struct error *e);
bool is_system_route_left_out(const cJSON *row);
/* show_circuit.c */
cJSON *show_circuit_routes(const struct view_call *call, struct error *e);
cJSON *show_circuit_summary(const struct view_call *call, struct error *e);
cJSON *show_circuit_arp(const struct view_call *call, struct error *e);
/*
 * The route that a circuit's table marks by a star: the router shares over all
 * best routes, and marks the one that the last steps of the decision leave. A
 * prefix with a single route has no mark: NULL.
 */
const struct route *circuit_mark(const struct rib_entry *e);
/* show_gateway.c */
cJSON *show_learned_routes(const struct view_call *call, struct error *e);
cJSON *show_advertised_routes(const struct view_call *call, struct error *e);
cJSON *show_bgp_peers(const struct view_call *call, struct error *e);
/* show_router.c */
cJSON *show_router_routes(const struct view_call *call, struct error *e);
void print_router_routes(const cJSON *document, FILE *out);
/* show_connectivity.c */
cJSON *show_connectivity(const struct view_call *call, struct error *e);
void print_connectivity(const cJSON *document, FILE *out);

/* --- Shared (show.c) --------------------------------------------------------------------------------------------- */

/* {"value": []}, and the list in it. */
cJSON *new_list(cJSON **list);
void add_addr(cJSON *row, const char *field, const struct addr *a);
void add_prefix(cJSON *row, const char *field, const struct prefix *p);
/* Azure's resource ids: the lab is the resource group, the subscription nobody's. */
void add_resource_id(cJSON *row, const char *field, const struct lab *lab, const char *type, const char *name);

/* Whether packets pass a link, as far as routing goes by it; no link carries none. */
bool link_carries(const struct lab *lab, uint32_t link);
/* The AS numbers of a path, as decimal numbers with this between them. To be freed. */
char *as_path_join(const struct attrs *a, const char *between);
/* The end of a session that is not this device: its address, and the device. */
const struct device *session_peer(const struct fabric *f, const struct session_view *s, uint32_t device,
				  struct addr *addr);
/* Whether the device has this session. */
bool session_is_of(const struct session_view *s, uint32_t device);
/* How many prefixes a device has accepted in a session. */
size_t session_received(const struct rib *rib, uint32_t device, size_t session);
/* Nanoseconds since the session came up or went down; 0: not known. */
uint64_t session_age(const struct view_call *call, const struct session_view *s);
/*
 * Messages since the session came up: an OPEN, a KEEPALIVE for each interval (a
 * third of the hold time, azure.md 7.1), and an UPDATE for each prefix. Derived,
 * as no messages are sent.
 */
size_t session_messages(uint64_t age_ns, size_t prefixes);

/* "25:24", "11:09:15", "1d02h", "8w4d": as Cisco's tables do it. Returns out. */
char *format_up_down(uint64_t ns, char out[static 32]);
/* "00:19:22.1105221", "3.03:14:13.1796961": a .NET TimeSpan. Returns out. */
char *format_time_span(uint64_t ns, char out[static 32]);

#endif
