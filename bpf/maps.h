/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every map of a lab. The values are described in erxdp/abi.h. Arrays that the controller reads as a whole can be
 * mapped: to copy them out entry by entry takes the kernel a hundred times as long as to look where they lie.
 */
#ifndef ERX_MAPS_H
#define ERX_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "erxdp/abi.h"

/* What each port is: device, role, own address, and what may come in there. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ERX_MAX_PORTS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct erx_port);
} erx_ports SEC(".maps");

/* Every device's routing table, in one trie: longest prefix within {table}. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, ERX_MAX_ROUTES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct erx_route_key);
	__type(value, struct erx_route);
} erx_routes SEC(".maps");

/* Next-hop groups: what a route may use now. One write here moves all its routes. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ERX_MAX_GROUPS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct erx_group);
} erx_groups SEC(".maps");

/* How a packet leaves towards one neighbour: port, MAC addresses, tunnel, path counter. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ERX_MAX_ADJACENCIES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct erx_adjacency);
} erx_adjacencies SEC(".maps");

/* What each kind of device does to the TTL, by role of the port in and out: fwd/policy.c, compiled. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ERX_MAX_POLICY_SETS *ERX_N_ROLES *ERX_N_ROLES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct erx_policy);
} erx_policies SEC(".maps");

/* Interfaces by port. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, ERX_MAX_PORTS);
	__type(key, __u32);
	__type(value, __u32);
} erx_links SEC(".maps");

/* Packets and bytes of each path, under its name. Holds real paths only, hence no array. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, ERX_MAX_PATHS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct erx_path);
} erx_paths SEC(".maps");

/* Path by adjacency row and ingress column, where the leg depends on where a packet came from. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ERX_MAX_LEGS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u32);
} erx_legs SEC(".maps");

/* How often each device let a packet out through each door; device 0 is "no port of ours". */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ERX_MAX_DEVICES);
	__type(key, __u32);
	__type(value, struct erx_device_stats);
} erx_devices SEC(".maps");

/* Frames in and out of each port, as the programs saw them. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ERX_MAX_PORTS);
	__type(key, __u32);
	__type(value, struct erx_port_stats);
} erx_port_counts SEC(".maps");

/* Frames a port's driver refused after the program had sent them there. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ERX_MAX_PORTS);
	__type(key, __u32);
	__type(value, __u64);
} erx_port_lost SEC(".maps");

/* Frames that came in by each end of a wire. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ERX_MAX_PORTS);
	__type(key, __u32);
	__type(value, struct erx_wire_stats);
} erx_wires SEC(".maps");

/* The socket of erxdp-wire at each end of a wire; empty while that process is dead. */
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, ERX_MAX_PORTS);
	__type(key, __u32);
	__type(value, __u32);
} erx_xsks SEC(".maps");

/* When a port last had a hello: CLOCK_MONOTONIC in ns. The controller reads it where it lies. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ERX_MAX_PORTS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
} erx_hellos SEC(".maps");

/* Rate limit of ICMP errors per device. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ERX_MAX_DEVICES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct erx_schedule);
} erx_icmp_limits SEC(".maps");

/* What circuits and gateways carry at most. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ERX_MAX_METERS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct erx_meter);
} erx_meters SEC(".maps");

/* What each CPU has drawn from a meter and not yet spent, and what it has let pass. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ERX_MAX_METERS);
	__type(key, __u32);
	__type(value, struct erx_spent);
} erx_spent SEC(".maps");

/* Flows that cross a gateway, with the time of the last packet. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ERX_MAX_FLOWS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct erx_flow_key);
	__type(value, __u64);
} erx_flows SEC(".maps");

/* How many flows of each meter are in erx_flows. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ERX_MAX_METERS);
	__type(key, __u32);
	__type(value, __u64);
} erx_flow_counts SEC(".maps");

/* Addresses that an MSEE sends past the gateway. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ERX_MAX_FASTPATH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct erx_fastpath_key);
	__type(value, struct erx_fastpath);
} erx_fastpath SEC(".maps");

/* ESP sequence number per tunnel port. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ERX_MAX_PORTS);
	__type(key, __u32);
	__type(value, __u32);
} erx_sequences SEC(".maps");

/* What devices have decided for flows lately. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ERX_MAX_WAYS);
	__type(key, __u32);
	__type(value, struct erx_way);
} erx_ways SEC(".maps");

/* Switches of the whole lab. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct erx_control);
} erx_control SEC(".maps");

/* Which captures see what passes a port. Captures change it, each its own bits, while others do. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ERX_MAX_PORTS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct erx_captured);
} erx_captured SEC(".maps");

/* Where each capture takes its records: struct erx_capture_record. As many as ERX_CAPTURE_INDEX() has, set when loaded.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
} erx_capture SEC(".maps");

/* Room to move a packet when a tunnel's trailer has to go behind it. */
struct erx_scratch {
	__u8 bytes[2048];
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct erx_scratch);
} erx_scratch SEC(".maps");

#endif
