// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "net/internal.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_QUEUES 64

/* A frame goes to the peer's queue of the CPU it is on. Configured CPUs, not those that are online at the moment,
 * so that the figure stays the same and no pair is made anew for it. */
unsigned link_queues(unsigned wanted)
{
	long n = wanted ? (long)wanted : sysconf(_SC_NPROCESSORS_CONF);

	return n < 1 ? 1 : n > MAX_QUEUES ? MAX_QUEUES : (unsigned)n;
}

/* Reading */

static uint32_t u32_or(const struct nlattr *attr, uint32_t missing)
{
	return attr ? mnl_attr_get_u32(attr) : missing;
}

static bool is_veth(const struct nlattr *linkinfo)
{
	const struct nlattr *tb[IFLA_INFO_KIND + 1];

	if (!linkinfo)
		return false;
	nl_nested(linkinfo, tb, IFLA_INFO_KIND);
	return tb[IFLA_INFO_KIND] && !strcmp(mnl_attr_get_str(tb[IFLA_INFO_KIND]), "veth");
}

static int take_link(const struct nlmsghdr *msg, void *arg)
{
	const struct nlattr *tb[IFLA_LINK_NETNSID + 1];
	const struct ifinfomsg *info;
	links_seen *links = arg;
	struct link_seen link = {.peer_nsid = -1};

	if (!msg) {
		links->n = 0;
		return 0;
	}
	info = mnl_nlmsg_get_payload(msg);
	nl_attributes(msg, sizeof(*info), tb, IFLA_LINK_NETNSID);
	link.ifindex = (uint32_t)info->ifi_index;
	link.flags = info->ifi_flags;
	link.peer = u32_or(tb[IFLA_LINK], 0);
	link.peer_nsid = (int32_t)u32_or(tb[IFLA_LINK_NETNSID], (uint32_t)-1);
	link.group = u32_or(tb[IFLA_GROUP], 0);
	link.mtu = u32_or(tb[IFLA_MTU], 0);
	link.tx_queues = u32_or(tb[IFLA_NUM_TX_QUEUES], 0);
	link.rx_queues = u32_or(tb[IFLA_NUM_RX_QUEUES], 0);
	link.veth = is_veth(tb[IFLA_LINKINFO]);
	if (tb[IFLA_ADDRESS] && mnl_attr_get_payload_len(tb[IFLA_ADDRESS]) == sizeof(link.mac))
		memcpy(link.mac, mnl_attr_get_payload(tb[IFLA_ADDRESS]), sizeof(link.mac));
	if (tb[IFLA_IFNAME])
		snprintf(link.name, sizeof(link.name), "%s", mnl_attr_get_str(tb[IFLA_IFNAME]));
	if (tb[IFLA_IFALIAS])
		snprintf(link.alias, sizeof(link.alias), "%s", mnl_attr_get_str(tb[IFLA_IFALIAS]));
	vec_push(links, link);
	return 0;
}

static int compare_links(const void *a, const void *b)
{
	uint32_t x = ((const struct link_seen *)a)->ifindex, y = ((const struct link_seen *)b)->ifindex;

	return (x > y) - (x < y);
}

int links_read(struct nl *nl, links_seen *out, struct error *error)
{
	struct nlmsghdr *msg = nl_begin(nl, RTM_GETLINK, NLM_F_DUMP);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(msg, sizeof(*info));
	int err;

	info->ifi_family = AF_UNSPEC;
	mnl_attr_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	err = nl_ask(nl, take_link, out, error);
	if (!err && out->n)
		qsort(out->items, out->n, sizeof(*out->items), compare_links);
	return err;
}

struct link_seen *links_find(const links_seen *links, uint32_t ifindex)
{
	struct link_seen key = {.ifindex = ifindex};

	return links->n ? bsearch(&key, links->items, links->n, sizeof(key), compare_links) : NULL;
}

/* Writing */

static struct ifinfomsg *put_info(struct nlmsghdr *msg, uint32_t ifindex)
{
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(msg, sizeof(*info));

	info->ifi_family = AF_UNSPEC;
	info->ifi_index = (int)ifindex;
	return info;
}

static void put_end(struct nlmsghdr *msg, const struct link_want *want, bool up)
{
	struct ifinfomsg *info = put_info(msg, want->ifindex);

	info->ifi_change = IFF_UP;
	info->ifi_flags = up ? IFF_UP : 0;
	mnl_attr_put_strz(msg, IFLA_IFNAME, want->name);
	mnl_attr_put(msg, IFLA_ADDRESS, sizeof(uint8_t[6]), want->mac);
	mnl_attr_put_u32(msg, IFLA_MTU, want->mtu);
	mnl_attr_put_u32(msg, IFLA_GROUP, NET_GROUP);
	mnl_attr_put_u32(msg, IFLA_NUM_TX_QUEUES, link_queues(want->tx_queues));
	mnl_attr_put_u32(msg, IFLA_NUM_RX_QUEUES, link_queues(want->rx_queues));
	if (want->ns >= 0)
		mnl_attr_put_u32(msg, IFLA_NET_NS_FD, (uint32_t)want->ns);
}

/* What the kernel does not take when it makes a pair: an alias, and the second end up before it is joined to the
 * first. */
static void put_rest(struct nl *nl, const struct link_want *want, bool up)
{
	struct ifinfomsg *info;
	struct nlmsghdr *msg;

	if (want->ns >= 0 || (!want->alias && !up))
		return;
	msg = nl_begin(nl, RTM_SETLINK, 0);
	info = put_info(msg, want->ifindex);
	info->ifi_change = up ? IFF_UP : 0;
	info->ifi_flags = up ? IFF_UP : 0;
	if (want->alias)
		mnl_attr_put_strz(msg, IFLA_IFALIAS, want->alias);
	nl_end(nl, 0, "cannot set interface '%s'", want->name);
}

void link_create(struct nl *nl, const struct link_want *a, const struct link_want *b)
{
	struct nlmsghdr *msg = nl_begin(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	struct nlattr *linkinfo, *data, *peer;

	put_end(msg, a, a->up);
	linkinfo = mnl_attr_nest_start(msg, IFLA_LINKINFO);
	mnl_attr_put_strz(msg, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(msg, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(msg, VETH_INFO_PEER);
	put_end(msg, b, false);
	mnl_attr_nest_end(msg, peer);
	mnl_attr_nest_end(msg, data);
	mnl_attr_nest_end(msg, linkinfo);
	nl_end(nl, 0, "cannot create the veth pair '%s' - '%s'", a->name, b->name);
	put_rest(nl, a, false);
	put_rest(nl, b, b->up);
}

void link_set(struct nl *nl, const struct link_want *want)
{
	struct nlmsghdr *msg = nl_begin(nl, RTM_SETLINK, 0);
	struct ifinfomsg *info = put_info(msg, want->ifindex);

	info->ifi_change = IFF_UP;
	info->ifi_flags = want->up ? IFF_UP : 0;
	mnl_attr_put(msg, IFLA_ADDRESS, sizeof(uint8_t[6]), want->mac);
	mnl_attr_put_u32(msg, IFLA_MTU, want->mtu);
	mnl_attr_put_u32(msg, IFLA_GROUP, NET_GROUP);
	if (want->alias)
		mnl_attr_put_strz(msg, IFLA_IFALIAS, want->alias);
	nl_end(nl, 0, "cannot set interface '%s'", want->name);
}

void link_set_up(struct nl *nl, uint32_t ifindex, bool up)
{
	struct ifinfomsg *info = put_info(nl_begin(nl, RTM_SETLINK, 0), ifindex);

	info->ifi_change = IFF_UP;
	info->ifi_flags = up ? IFF_UP : 0;
	nl_end(nl, 0, "cannot set interface %u %s", ifindex, up ? "up" : "down");
}

void link_delete(struct nl *nl, uint32_t ifindex, const char *name)
{
	struct nlmsghdr *msg = nl_begin(nl, RTM_DELLINK, 0);

	put_info(msg, ifindex);
	nl_end(nl, ENODEV, "cannot remove interface '%s'", name);
}

/* The kernel waits for packets in flight once per request, not once per interface: that is why groups. */
void links_delete_group(struct nl *nl, uint32_t group)
{
	struct nlmsghdr *msg = nl_begin(nl, RTM_DELLINK, 0);

	put_info(msg, 0);
	mnl_attr_put_u32(msg, IFLA_GROUP, group);
	nl_end(nl, ENODEV, "cannot remove interfaces of group %u", group);
}

void link_doom(struct nl *nl, uint32_t ifindex, const char *name)
{
	struct nlmsghdr *msg = nl_begin(nl, RTM_SETLINK, 0);

	put_info(msg, ifindex);
	mnl_attr_put_u32(msg, IFLA_GROUP, NET_GROUP_DOOMED);
	nl_end(nl, ENODEV, "cannot move interface '%s' to the group of those to remove", name);
}

/* Comparing */

static const char *mac_text(const uint8_t mac[6], char text[18])
{
	snprintf(text, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	return text;
}

bool link_is_as_wanted(const struct link_seen *seen, const struct link_want *want, const char *where, struct error *why)
{
	bool up = seen->flags & IFF_UP;
	bool right = true;
	char a[18], b[18];

	if (memcmp(seen->mac, want->mac, sizeof(seen->mac))) {
		net_note(why, "MAC address of '%s' in namespace '%s' is %s, not %s", want->name, where,
			 mac_text(seen->mac, a), mac_text(want->mac, b));
		right = false;
	}
	if (seen->mtu != want->mtu) {
		net_note(why, "MTU of '%s' in namespace '%s' is %u, not %u", want->name, where, seen->mtu, want->mtu);
		right = false;
	}
	if (up != want->up) {
		net_note(why, "interface '%s' in namespace '%s' is %s", want->name, where, up ? "up" : "down");
		right = false;
	}
	if (want->alias && strcmp(seen->alias, want->alias)) {
		net_note(why, "alias of '%s' in namespace '%s' is '%s', not '%s'", want->name, where, seen->alias,
			 want->alias);
		right = false;
	}
	if (seen->group != NET_GROUP) {
		net_note(why, "interface '%s' in namespace '%s' is in group %u", want->name, where, seen->group);
		right = false;
	}
	return right;
}

struct set_link {
	uint32_t ifindex;
	bool up;
	struct error *error;
};

static int set_up_or_down(void *arg)
{
	struct set_link *set = arg;
	struct nl *nl = nl_open(set->error);
	int err;

	if (!nl)
		return -ENOTSUP;
	link_set_up(nl, set->ifindex, set->up);
	err = nl_flush(nl, set->error);
	nl_close(nl);
	return err;
}

int net_set_link(const char *fabric, uint32_t ifindex, bool up, struct error *error)
{
	struct set_link set = {ifindex, up, error};

	return net_call(fabric, set_up_or_down, &set, error);
}
