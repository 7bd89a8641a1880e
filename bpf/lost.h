/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Frames that a port's driver refused after a program had redirected them
 * there: a full ring, or a port that is down. The program cannot know (frames
 * leave in bulk when it has returned), so the kernel's tracepoint tells.
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
inline_stage void count_lost(const struct net_device *to, int drops)
{
	__u32 zero = 0, port = to->ifindex - ERX_FIRST_IFINDEX;
	const struct erx_control *control = bpf_map_lookup_elem(&erx_control, &zero);
	__u64 *lost;

	if (!control || to->nd_net.net->ns.inum != control->fabric_inode)
		return;
	lost = bpf_map_lookup_elem(&erx_port_lost, &port);
	if (lost)
		*lost += drops;
}

#endif
