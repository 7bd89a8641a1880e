/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every way a packet can leave a device: one list, from which come the enum,
 * the counters' field names in bpftool, the names in `erxdpctl counters` and
 * the table in bpf/README.md. Each packet is counted under exactly one.
 *
 * X(field, name, text): field of struct erx_device_stats, name for people and
 * JSON, one sentence for the manual.
 */
#ifndef ERXDP_OUTCOMES_H
#define ERXDP_OUTCOMES_H

#define ERX_DELIVERIES(X)                                                                                              \
	X(forwarded, "forwarded", "sent on to the next device or host")                                                \
	X(hello, "hello", "a hello of the controller's for this port, noted with its time")                            \
	X(answered_arp, "answered-arp", "ARP request answered")                                                        \
	X(answered_echo, "answered-echo", "echo request to one of the device's own addresses answered")                \
	X(answered_time_exceeded, "answered-time-exceeded", "TTL ran out and an ICMP time exceeded was sent")          \
	X(answered_too_big, "answered-too-big", "larger than the link with DF set; fragmentation needed was sent")

#define ERX_DROPS(X)                                                                                                   \
	X(unknown_port, "unknown-port", "came in on an interface that is no port of the lab")                          \
	X(fault, "fault", "lost in a silent failure that the user asked for")                                          \
	X(truncated, "truncated", "shorter than its headers say")                                                      \
	X(oversize, "oversize", "longer than 1500 bytes of IP")                                                        \
	X(vlan, "vlan", "carries an 802.1Q or 802.1ad tag")                                                            \
	X(not_ipv4, "not-ipv4", "neither IPv4 nor ARP")                                                                \
	X(arp_other, "arp-other", "ARP that asks for no address of this port, or is no request")                       \
	X(not_for_me, "not-for-me", "sent to another MAC address")                                                     \
	X(bad_version, "bad-version", "IP version is not 4")                                                           \
	X(bad_header_length, "bad-header-length", "IP header length below 5 words")                                    \
	X(bad_length, "bad-length", "IP total length below that of its header")                                        \
	X(bad_checksum, "bad-checksum", "IP header checksum wrong")                                                    \
	X(multicast, "multicast", "broadcast or multicast destination, which Azure does not carry")                    \
	X(spoofed, "spoofed", "source is not the host's own address")                                                  \
	X(bad_tunnel, "bad-tunnel", "arrived on a tunnel without that tunnel's encapsulation")                         \
	X(loop, "loop", "hop budget used up: devices that decrement nothing point at each other")                      \
	X(no_route, "no-route", "no route of this device covers the destination")                                      \
	X(route_none, "route-none", "the route says None")                                                             \
	X(internet, "internet", "the route says Internet, which is not part of the twin")                              \
	X(no_next_hop, "no-next-hop", "the route has no usable next hop")                                              \
	X(local, "local", "addressed to the device itself, which does not answer it")                                  \
	X(ttl_zero, "ttl-zero", "arrived with TTL 0")                                                                  \
	X(ttl_silent, "ttl-silent", "TTL ran out at a device that never answers")                                      \
	X(ttl_unanswerable, "ttl-unanswerable", "TTL ran out, but RFC 1812 4.3.2.7 forbids an answer to this packet")  \
	X(icmp_limited, "icmp-limited", "an ICMP error was due but the device's limit was reached")                    \
	X(too_big, "too-big", "larger than the link, without DF or not to be answered")                                \
	X(fragment_refused, "fragment-refused", "a fragment at a gateway with dropFragments")                          \
	X(circuit_bandwidth, "circuit-bandwidth", "more than the circuit's bandwidth in this direction of this link")  \
	X(gateway_bandwidth, "gateway-bandwidth", "more bits a second than the ExpressRoute gateway's SKU carries")    \
	X(gateway_packets, "gateway-packets", "more packets a second than the ExpressRoute gateway's SKU carries")     \
	X(gateway_connections, "gateway-connections", "more new connections a second than the gateway's SKU takes")    \
	X(gateway_flows, "gateway-flows", "more flows at once than the ExpressRoute gateway's SKU keeps")              \
	X(icmp_error_source, "icmp-error-source", "ICMP error whose source the receiving VM's VNet does not know")     \
	X(no_port, "no-port", "the next hop's interface is gone")                                                      \
	X(no_memory, "no-memory", "the frame had no room for a header that had to be added")                           \
	X(no_program, "no-program", "the pin of the map erx_walk is gone; load the lab again")

enum erx_outcome {
#define X(field, name, text) ERX_##field,
	ERX_DELIVERIES(X) ERX_DROPS(X)
#undef X
		ERX_N_OUTCOMES
};

#define ERX_FIRST_DROP ERX_unknown_port

/* Stages return this while the packet goes on; never counted. */
#define ERX_CONTINUE (-1)

#endif
