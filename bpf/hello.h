/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Stage: hellos, by which the controller sees that a link carries packets. */
#ifndef ERX_HELLO_H
#define ERX_HELLO_H

#include "maps.h"
#include "packet.h"

/*
 * A BFD control packet of the controller's, and no other: frames between devices
 * have crossed one at least, and hosts, whose ports are not looked at here, cannot
 * set the count. RFC 5881 5: TTL 255, or it is not from the neighbour.
 */
inline_stage bool is_hello(const struct packet *pkt)
{
	return !pkt->hops && pkt->port->role != ERX_ROLE_HOST && destination_port(pkt) == bpf_htons(ERX_HELLO_PORT) &&
	       pkt->protocol == PROTO_UDP && pkt->ttl == 255;
}

/* It ends here, also where a tunnel does: there it stands for IKE's own detection (RFC 3706), outside of ESP. */
inline_stage int take_hello(const struct packet *pkt)
{
	__u32 port = pkt->in_port;
	__u64 *seen;

	if (!is_hello(pkt))
		return ERX_CONTINUE;
	seen = bpf_map_lookup_elem(&erx_hellos, &port);
	if (seen)
		*seen = bpf_ktime_get_ns();
	return ERX_hello;
}

#endif
