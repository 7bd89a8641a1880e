// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "net/internal.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

static void take_counters(struct net_port_state *state, const struct nlattr *attr)
{
	struct rtnl_link_stats64 stats = {};
	size_t size = mnl_attr_get_payload_len(attr);

	/* Attributes are aligned to four bytes only, and older kernels have fewer fields. */
	memcpy(&stats, mnl_attr_get_payload(attr), size < sizeof(stats) ? size : sizeof(stats));
	state->rx_packets = stats.rx_packets;
	state->tx_packets = stats.tx_packets;
	state->rx_dropped = stats.rx_dropped;
	state->tx_dropped = stats.tx_dropped;
}

static int take_state(const struct nlmsghdr *msg, void *arg)
{
	const struct nlattr *tb[IFLA_CARRIER + 1];
	struct net_port_state state = {};
	const struct ifinfomsg *info;
	net_states *states = arg;

	if (!msg) {
		states->n = 0;
		return 0;
	}
	info = mnl_nlmsg_get_payload(msg);
	nl_attributes(msg, sizeof(*info), tb, IFLA_CARRIER);
	state.ifindex = (uint32_t)info->ifi_index;
	state.up = info->ifi_flags & IFF_UP;
	state.carrier = tb[IFLA_CARRIER] && mnl_attr_get_u8(tb[IFLA_CARRIER]);
	if (tb[IFLA_IFNAME])
		snprintf(state.name, sizeof(state.name), "%s", mnl_attr_get_str(tb[IFLA_IFNAME]));
	if (tb[IFLA_STATS64])
		take_counters(&state, tb[IFLA_STATS64]);
	vec_push(states, state);
	return 0;
}

static int compare_states(const void *a, const void *b)
{
	uint32_t x = ((const struct net_port_state *)a)->ifindex, y = ((const struct net_port_state *)b)->ifindex;

	return (x > y) - (x < y);
}

struct reading {
	net_states *out;
	struct error *error;
};

static int read_states(void *arg)
{
	struct reading *reading = arg;
	struct nl *nl = nl_open(reading->error);
	struct ifinfomsg *info;
	int err;

	if (!nl)
		return -ENOTSUP;
	info = mnl_nlmsg_put_extra_header(nl_begin(nl, RTM_GETLINK, NLM_F_DUMP), sizeof(*info));
	info->ifi_family = AF_UNSPEC;
	err = nl_ask(nl, take_state, reading->out, reading->error);
	nl_close(nl);
	if (!err && reading->out->n)
		qsort(reading->out->items, reading->out->n, sizeof(*reading->out->items), compare_states);
	return err;
}

int net_states_read(const char *namespace, net_states *out, struct error *error)
{
	struct reading reading = {out, error};

	return net_call(namespace, read_states, &reading, error);
}
