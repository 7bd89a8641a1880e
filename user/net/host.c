// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The inside of a host: its eth0 with address, default route, queueing and
 * offloads. The reasons for the last two are in the table of net.h.
 */
#include "net/internal.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define ETH	    "eth0"
#define PFIFO_LIMIT 1000
/* With more, a flow whose sender changes the CPU is received on two CPUs at once and overtakes itself: up to 0.9 %
 * of the segments of eight TCP flows were sent again, and 0.01 % with one. */
#define HOST_TX_QUEUES 1

struct link_want host_end(const struct net_host *host, int ns)
{
	return (struct link_want){
		.ifindex = NET_HOST_IFINDEX,
		.name = ETH,
		.mac = host->mac,
		.mtu = host->mtu,
		.tx_queues = HOST_TX_QUEUES,
		.up = true,
		.ns = ns,
	};
}

/* Offloads: the old ioctl does what is needed and its socket stays with the namespace */

static int offload(int fd, uint32_t command, uint32_t *value)
{
	struct ethtool_value request = {.cmd = command, .data = *value};
	struct ifreq ifr = {.ifr_data = (void *)&request};

	strcpy(ifr.ifr_name, ETH);
	if (ioctl(fd, SIOCETHTOOL, &ifr) < 0)
		return -errno;
	*value = request.data;
	return 0;
}

static int offload_socket(struct error *error)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? net_fail(error, -errno, "cannot open a socket for ethtool") : fd;
}

/*
 * GRO makes the end poll its queue: without it every frame redirected to it is lost. The driver tells the other end
 * that it may redirect here when GRO is switched on while this end is up, and at no other time that can be relied on:
 * so it is switched, off and on, last. Checksums must be complete, because a redirected frame forgets that its sum
 * was still to be done.
 */
static int set_offload(const struct net_host *host, struct error *error)
{
	uint32_t on = 1, off = 0;
	int fd = offload_socket(error);
	int err;

	if (fd < 0)
		return fd;
	err = offload(fd, ETHTOOL_SGRO, &off);
	if (!err)
		err = offload(fd, ETHTOOL_SGRO, &on);
	if (!err)
		err = offload(fd, ETHTOOL_STXCSUM, &off);
	close(fd);
	return err ? net_fail(error, err, "cannot set the offloads of " ETH " in '%s'", host->namespace) : 0;
}

static int check_offload(const struct net_host *host, bool *right, struct error *why, struct error *error)
{
	uint32_t gro = 0, tx = 1;
	int fd = offload_socket(error);
	int err;

	if (fd < 0)
		return fd;
	err = offload(fd, ETHTOOL_GGRO, &gro);
	if (!err)
		err = offload(fd, ETHTOOL_GTXCSUM, &tx);
	close(fd);
	if (err)
		return net_fail(error, err, "cannot read the offloads of " ETH " in '%s'", host->namespace);
	if (!gro)
		net_note(why, "GRO of " ETH " in '%s' is off", host->namespace);
	if (tx)
		net_note(why, "TX checksum offload of " ETH " in '%s' is on", host->namespace);
	*right = gro && !tx;
	return 0;
}

/* Queueing */

static int take_qdisc(const struct nlmsghdr *msg, void *arg)
{
	const struct nlattr *tb[TCA_OPTIONS + 1];
	const struct tcmsg *tc;
	bool *right = arg;

	if (!msg) {
		*right = false;
		return 0;
	}
	tc = mnl_nlmsg_get_payload(msg);
	if (tc->tcm_ifindex != NET_HOST_IFINDEX || tc->tcm_parent != TC_H_ROOT)
		return 0;
	nl_attributes(msg, sizeof(*tc), tb, TCA_OPTIONS);
	if (!tb[TCA_KIND] || strcmp(mnl_attr_get_str(tb[TCA_KIND]), "pfifo") || !tb[TCA_OPTIONS])
		return 0;
	if (mnl_attr_get_payload_len(tb[TCA_OPTIONS]) >= sizeof(struct tc_fifo_qopt))
		*right = ((const struct tc_fifo_qopt *)mnl_attr_get_payload(tb[TCA_OPTIONS]))->limit == PFIFO_LIMIT;
	return 0;
}

static int check_qdisc(struct nl *nl, bool *right, struct error *error)
{
	struct tcmsg *tc = mnl_nlmsg_put_extra_header(nl_begin(nl, RTM_GETQDISC, NLM_F_DUMP), sizeof(*tc));

	tc->tcm_family = AF_UNSPEC;
	return nl_ask(nl, take_qdisc, right, error);
}

static void put_qdisc(struct nl *nl, const struct net_host *host)
{
	struct tc_fifo_qopt options = {.limit = PFIFO_LIMIT};
	struct nlmsghdr *msg = nl_begin(nl, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE);
	struct tcmsg *tc = mnl_nlmsg_put_extra_header(msg, sizeof(*tc));

	tc->tcm_family = AF_UNSPEC;
	tc->tcm_ifindex = NET_HOST_IFINDEX;
	tc->tcm_parent = TC_H_ROOT;
	mnl_attr_put_strz(msg, TCA_KIND, "pfifo");
	mnl_attr_put(msg, TCA_OPTIONS, sizeof(options), &options);
	nl_end(nl, 0, "cannot set the pfifo queue of " ETH " in '%s'", host->namespace);
}

/* Address and route */

static uint8_t family_of(const struct addr *a)
{
	return a->family == ADDR_IPV6 ? AF_INET6 : AF_INET;
}

static bool holds(const struct nlattr *attr, const struct addr *a)
{
	size_t size = addr_size(a->family);

	return attr && mnl_attr_get_payload_len(attr) == size && !memcmp(mnl_attr_get_payload(attr), a->bytes, size);
}

static void put_addr(struct nlmsghdr *msg, uint16_t type, const struct addr *a)
{
	mnl_attr_put(msg, type, addr_size(a->family), a->bytes);
}

struct addresses {
	const struct net_host *host;
	bool found;
	VEC(struct prefix) others;
};

static int take_address(const struct nlmsghdr *msg, void *arg)
{
	const struct nlattr *tb[IFA_LOCAL + 1], *local;
	const struct ifaddrmsg *info;
	struct addresses *seen = arg;
	struct prefix other = {};

	if (!msg) {
		seen->found = false;
		seen->others.n = 0;
		return 0;
	}
	info = mnl_nlmsg_get_payload(msg);
	nl_attributes(msg, sizeof(*info), tb, IFA_LOCAL);
	local = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	if (info->ifa_index != NET_HOST_IFINDEX || info->ifa_scope == RT_SCOPE_LINK || !local)
		return 0;
	if (info->ifa_family == family_of(&seen->host->addr) && info->ifa_prefixlen == seen->host->prefixlen &&
	    holds(local, &seen->host->addr)) {
		seen->found = true;
		return 0;
	}
	other.addr.family = info->ifa_family == AF_INET6 ? ADDR_IPV6 : ADDR_IPV4;
	other.len = info->ifa_prefixlen;
	memcpy(other.addr.bytes, mnl_attr_get_payload(local), addr_size(other.addr.family));
	vec_push(&seen->others, other);
	return 0;
}

static int read_addresses(struct nl *nl, struct addresses *seen, struct error *error)
{
	struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(nl_begin(nl, RTM_GETADDR, NLM_F_DUMP), sizeof(*info));

	info->ifa_family = AF_UNSPEC;
	return nl_ask(nl, take_address, seen, error);
}

typedef VEC(struct prefix) prefixes;

struct routes {
	const struct net_host *host;
	bool found;	/* the default route */
	prefixes local; /* what was made local here, the kernel's own left out */
};

/*
 * Prefixes of which the host answers for every address are routes of the type local, as the kernel makes them for
 * 127.0.0.0/8: one each, whatever the number of addresses. They are on lo, where no change of eth0 takes them away, and
 * known by their protocol.
 */
#define LOOPBACK_IFINDEX 1

static void take_local(struct routes *routes, const struct rtmsg *info, const struct nlattr **tb)
{
	struct prefix p = {.addr.family = info->rtm_family == AF_INET6 ? ADDR_IPV6 : ADDR_IPV4,
			   .len = info->rtm_dst_len};

	if (info->rtm_protocol != RTPROT_STATIC || !tb[RTA_DST] ||
	    mnl_attr_get_payload_len(tb[RTA_DST]) != addr_size(p.addr.family))
		return;
	memcpy(p.addr.bytes, mnl_attr_get_payload(tb[RTA_DST]), addr_size(p.addr.family));
	vec_push(&routes->local, p);
}

static int take_route(const struct nlmsghdr *msg, void *arg)
{
	const struct nlattr *tb[RTA_PRIORITY + 1];
	struct routes *routes = arg;
	const struct rtmsg *info;

	if (!msg) {
		routes->found = false;
		routes->local.n = 0;
		return 0;
	}
	info = mnl_nlmsg_get_payload(msg);
	nl_attributes(msg, sizeof(*info), tb, RTA_PRIORITY);
	if (info->rtm_table == RT_TABLE_LOCAL && info->rtm_type == RTN_LOCAL)
		take_local(routes, info, tb);
	if (info->rtm_dst_len || info->rtm_table != RT_TABLE_MAIN || info->rtm_type != RTN_UNICAST)
		return 0;
	if (holds(tb[RTA_GATEWAY], &routes->host->gateway) && tb[RTA_OIF] &&
	    mnl_attr_get_u32(tb[RTA_OIF]) == NET_HOST_IFINDEX &&
	    (!tb[RTA_PRIORITY] || !mnl_attr_get_u32(tb[RTA_PRIORITY])))
		routes->found = true;
	return 0;
}

static int read_routes(struct nl *nl, struct routes *routes, struct error *error)
{
	struct rtmsg *info = mnl_nlmsg_put_extra_header(nl_begin(nl, RTM_GETROUTE, NLM_F_DUMP), sizeof(*info));

	info->rtm_family = family_of(&routes->host->addr);
	return nl_ask(nl, take_route, routes, error);
}

static int by_prefix(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

/* What is wanted, sorted. The address itself is local without a route of ours. */
static void wanted_local(const struct net_host *host, prefixes *out)
{
	struct prefix own = prefix_of(&host->addr);

	for (size_t i = 0; i < host->n_also; i++) {
		if (!prefix_equal(&host->also[i], &own))
			vec_push(out, host->also[i]);
	}
	if (out->n)
		qsort(out->items, out->n, sizeof(*out->items), by_prefix);
}

typedef void (*differ_fn)(void *arg, const struct prefix *p, bool wanted);

/* Both lists in one pass: fn hears of each prefix that is in one of them only. Sorts what was seen. */
static void compare_local(const struct net_host *host, prefixes *seen, differ_fn fn, void *arg)
{
	prefixes wanted = {};
	size_t w = 0, s = 0;

	wanted_local(host, &wanted);
	if (seen->n)
		qsort(seen->items, seen->n, sizeof(*seen->items), by_prefix);
	while (w < wanted.n || s < seen->n) {
		int order = w == wanted.n ? 1 : s == seen->n ? -1 : prefix_compare(&wanted.items[w], &seen->items[s]);

		if (order)
			fn(arg, order < 0 ? &wanted.items[w] : &seen->items[s], order < 0);
		w += order <= 0;
		s += order >= 0;
	}
	vec_free(&wanted);
}

static void note_difference(void *arg, const struct prefix *p, bool wanted)
{
	bool *same = arg;

	(void)p;
	(void)wanted;
	*same = false;
}

static int check_address(const struct net_host *host, struct nl *nl, bool *right, struct error *why,
			 struct error *error)
{
	struct addresses seen = {.host = host};
	struct routes routes = {.host = host};
	bool local = true;
	int err = read_addresses(nl, &seen, error);

	if (!err)
		err = read_routes(nl, &routes, error);
	if (!addr_is_set(&host->gateway))
		routes.found = true;
	compare_local(host, &routes.local, note_difference, &local);
	if (!err && (!seen.found || seen.others.n))
		net_note(why, "the address of " ETH " in '%s' is missing or not the only one", host->namespace);
	if (!err && !routes.found)
		net_note(why, "the default route in '%s' is missing or another", host->namespace);
	if (!err && !local)
		net_note(why, "'%s' does not answer for the addresses that it should, or for others", host->namespace);
	*right = seen.found && !seen.others.n && routes.found && local;
	vec_free(&seen.others);
	vec_free(&routes.local);
	return err;
}

static struct nlmsghdr *begin_address(struct nl *nl, uint16_t type, uint16_t flags, const struct prefix *p)
{
	struct nlmsghdr *msg = nl_begin(nl, type, flags);
	struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(msg, sizeof(*info));

	info->ifa_family = family_of(&p->addr);
	info->ifa_prefixlen = p->len;
	info->ifa_index = NET_HOST_IFINDEX;
	put_addr(msg, IFA_LOCAL, &p->addr);
	put_addr(msg, IFA_ADDRESS, &p->addr);
	return msg;
}

/* Others go first: the kernel would make the new one secondary to an older one of its subnet. */
static int put_address(struct nl *nl, const struct net_host *host, struct error *error)
{
	struct addresses seen = {.host = host};
	struct prefix mine = {host->addr, host->prefixlen};
	int err = read_addresses(nl, &seen, error);

	if (err)
		return err;
	vec_each(other, &seen.others) {
		begin_address(nl, RTM_DELADDR, 0, other);
		nl_end(nl, EADDRNOTAVAIL, "cannot remove an address of " ETH " in '%s'", host->namespace);
	}
	vec_free(&seen.others);
	begin_address(nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &mine);
	nl_end(nl, 0, "cannot set the address of " ETH " in '%s'", host->namespace);
	return 0;
}

static void put_route(struct nl *nl, const struct net_host *host)
{
	struct prefix subnet = {host->addr, host->prefixlen};
	struct nlmsghdr *msg;
	struct rtmsg *info;

	if (!addr_is_set(&host->gateway))
		return;
	msg = nl_begin(nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
	info = mnl_nlmsg_put_extra_header(msg, sizeof(*info));
	info->rtm_family = family_of(&host->gateway);
	info->rtm_table = RT_TABLE_MAIN;
	info->rtm_protocol = RTPROT_STATIC;
	info->rtm_scope = RT_SCOPE_UNIVERSE;
	info->rtm_type = RTN_UNICAST;
	if (!prefix_has(&subnet, &host->gateway))
		info->rtm_flags = RTNH_F_ONLINK;
	put_addr(msg, RTA_GATEWAY, &host->gateway);
	mnl_attr_put_u32(msg, RTA_OIF, NET_HOST_IFINDEX);
	nl_end(nl, 0, "cannot set the default route in '%s'", host->namespace);
}

struct local_change {
	struct nl *nl;
	const struct net_host *host;
};

static void change_local(void *arg, const struct prefix *p, bool wanted)
{
	const struct local_change *c = arg;
	/* The kernel may have a route of its own to that prefix, which stays beside it. */
	uint16_t flags = wanted ? NLM_F_CREATE | NLM_F_APPEND : 0;
	struct nlmsghdr *msg = nl_begin(c->nl, wanted ? RTM_NEWROUTE : RTM_DELROUTE, flags);
	struct rtmsg *info = mnl_nlmsg_put_extra_header(msg, sizeof(*info));

	info->rtm_family = family_of(&p->addr);
	info->rtm_dst_len = p->len;
	info->rtm_table = RT_TABLE_LOCAL;
	info->rtm_protocol = RTPROT_STATIC;
	info->rtm_scope = RT_SCOPE_HOST;
	info->rtm_type = RTN_LOCAL;
	put_addr(msg, RTA_DST, &p->addr);
	mnl_attr_put_u32(msg, RTA_OIF, LOOPBACK_IFINDEX);
	nl_end(c->nl, wanted ? EEXIST : ESRCH, "cannot change the addresses that '%s' answers for", c->host->namespace);
}

static int put_local(struct nl *nl, const struct net_host *host, struct error *error)
{
	struct local_change change = {.nl = nl, .host = host};
	struct routes routes = {.host = host};
	int err = read_routes(nl, &routes, error);

	if (!err)
		compare_local(host, &routes.local, change_local, &change);
	vec_free(&routes.local);
	return err;
}

/* All of it */

static int check_eth(const struct net_host *host, struct nl *nl, struct error *why, struct error *error)
{
	bool offload_right = false, qdisc_right = false, address_right = false;
	int err = check_offload(host, &offload_right, why, error);

	if (!err)
		err = check_qdisc(nl, &qdisc_right, error);
	if (!err && !qdisc_right)
		net_note(why, "the queue of " ETH " in '%s' is not pfifo with limit %u", host->namespace, PFIFO_LIMIT);
	if (!err)
		err = check_address(host, nl, &address_right, why, error);
	if (err)
		return err;
	return (offload_right ? 0 : TODO_OFFLOAD) | (qdisc_right ? 0 : TODO_QDISC) | (address_right ? 0 : TODO_ADDRESS);
}

static void find_eth(const links_seen *links, struct host_seen *seen)
{
	vec_each(link, links) {
		bool same_index = link->ifindex == NET_HOST_IFINDEX, same_name = !strcmp(link->name, ETH);

		if (same_index || same_name)
			vec_push(&seen->intruders, link->ifindex);
		if (!same_index || !same_name || !link->veth || link->tx_queues != HOST_TX_QUEUES ||
		    link->rx_queues != link_queues(0))
			continue;
		seen->has_eth = true;
		seen->eth = *link;
	}
}

int host_look(const struct net_host *host, struct nl *nl, struct host_seen *seen, struct error *why,
	      struct error *error)
{
	struct link_want want = host_end(host, -1);
	int todo = sysctl_check(true, host->namespace, why) ? 0 : TODO_SYSCTL;
	links_seen links = {};
	int err = links_read(nl, &links, error);

	if (!err)
		find_eth(&links, seen);
	vec_free(&links);
	if (err || !seen->has_eth)
		return err ? err : todo;
	if (!link_is_as_wanted(&seen->eth, &want, host->namespace, why))
		todo |= TODO_ETH;
	err = check_eth(host, nl, why, error);
	return err < 0 ? err : todo | err;
}

/* The queue is set before the interface goes up: on a running one the kernel waits for packets in flight. */
static int configure_eth(struct nl *nl, const struct net_host *host, unsigned todo, struct error *error)
{
	struct link_want want = host_end(host, -1);
	int err = 0;

	if (todo & TODO_QDISC)
		put_qdisc(nl, host);
	if (todo & TODO_ETH)
		link_set(nl, &want);
	if (todo & TODO_ADDRESS) {
		err = nl_flush(nl, error); /* because what follows asks questions */
		if (!err)
			err = put_local(nl, host, error);
		if (!err)
			err = nl_flush(nl, error);
		if (!err)
			err = put_address(nl, host, error);
		if (!err)
			put_route(nl, host);
	}
	return err ? err : nl_flush(nl, error);
}

int host_configure(const struct net_host *host, unsigned todo, struct error *error)
{
	int err = net_enter(host->namespace, error);
	struct nl *nl;

	if (!err && todo & TODO_SYSCTL)
		err = sysctl_set(true, host->namespace, error);
	if (err || !(todo & (TODO_HOST | TODO_OFFLOAD)))
		return err;
	nl = nl_open(error);
	if (!nl)
		return -ENOTSUP;
	err = configure_eth(nl, host, todo, error);
	nl_close(nl);
	if (!err && todo & (TODO_OFFLOAD | TODO_ETH))
		err = set_offload(host, error);
	return err;
}

int host_clear(const struct net_host *host, const struct host_seen *seen, struct error *error)
{
	int err = net_enter(host->namespace, error);
	struct nl *nl;

	if (err)
		return err;
	nl = nl_open(error);
	if (!nl)
		return -ENOTSUP;
	vec_each(ifindex, &seen->intruders)
		link_delete(nl, *ifindex, ETH);
	err = nl_flush(nl, error);
	nl_close(nl);
	return err;
}
