/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Frames that did not get through a port after a program had redirected them
 * there: its driver refused them (a full ring, the far end down), or the kernel
 * did, before any driver (the port itself down). The program cannot know, as
 * frames leave when it has returned, so the kernel's two tracepoints tell. The
 * same for the end of a wire, whose socket had no room.
 */
#ifndef ERX_LOST_H
#define ERX_LOST_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "maps.h"

/* Only what is read here; the offsets come from the running kernel's BTF. */
struct ns_common {
	unsigned int inum;
} __attribute__((preserve_access_index));

struct net {
	struct ns_common ns;
} __attribute__((preserve_access_index));

typedef struct {
	struct net *net;
} possible_net_t;

struct net_device {
	int ifindex;
	possible_net_t nd_net;
} __attribute__((preserve_access_index));

/* Other labs and other users of XDP fire the same tracepoint: the namespace tells whose port it is. */
inline_stage void count_lost(const struct net_device *here, __u32 port, int drops)
{
	__u32 zero = 0;
	const struct erx_control *control = bpf_map_lookup_elem(&erx_control, &zero);
	__u64 *lost;

	if (!control || here->nd_net.net->ns.inum != control->fabric_inode)
		return;
	lost = bpf_map_lookup_elem(&erx_port_lost, &port);
	if (lost)
		*lost += drops;
}

#endif
