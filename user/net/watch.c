// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What happens to the interfaces of a fabric, as it happens. Three sockets that
 * were opened inside the fabric and work from anywhere: one that only listens,
 * one that asks and changes, and one for hellos. The state of every interface is
 * kept, so that the caller hears of differences only, and of nothing twice.
 */
#include "net/internal.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* An event is about 1.5 KiB in the queue: some thousands of them. */
#define EVENT_BYTES (8 << 20)
#define EVENT_CHUNK 65536

struct net_watch {
	int events;    /* netlink, does not block */
	int packets;   /* AF_PACKET, sends only */
	struct nl *nl; /* dumps and changes */
	char fabric[256];
	VEC(struct net_change) known; /* sorted by index; gone: not seen by the dump under way */
	char in[EVENT_CHUNK] __attribute__((aligned(8)));
};

/* Opening */

static int open_events(struct net_watch *w, struct error *error)
{
	struct sockaddr_nl all = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	int bytes = EVENT_BYTES;

	w->events = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (w->events < 0)
		return net_fail(error, -errno, "cannot open a netlink socket in '%s'", w->fabric);
	/* Without CAP_NET_ADMIN in the first user namespace net.core.rmem_max bounds it: more overruns, nothing lost.
	 */
	if (setsockopt(w->events, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(w->events, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (bind(w->events, (struct sockaddr *)&all, sizeof(all)))
		return net_fail(error, -errno, "cannot listen to changes of interfaces in '%s'", w->fabric);
	return 0;
}

static int open_sockets(void *arg)
{
	struct net_watch *w = ((void **)arg)[0];
	struct error *error = ((void **)arg)[1];
	int err = open_events(w, error);

	if (err)
		return err;
	w->nl = nl_open(error);
	if (!w->nl)
		return -ENOTSUP;
	/* Protocol 0: it receives nothing. */
	w->packets = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (w->packets < 0)
		return net_fail(error, -errno, "cannot open a packet socket in '%s'", w->fabric);
	return 0;
}

int net_watch_open(const char *fabric, struct net_watch **out, struct error *error)
{
	struct net_watch *w = xcalloc(1, sizeof(*w));
	int err;

	w->events = w->packets = -1;
	snprintf(w->fabric, sizeof(w->fabric), "%s", fabric);
	err = net_call(fabric, open_sockets, (void *[]){w, error}, error);
	if (!err)
		err = net_watch_dump(w, NULL, NULL, error);
	if (err) {
		net_watch_close(w);
		return err;
	}
	*out = w;
	return 0;
}

void net_watch_close(struct net_watch *w)
{
	if (!w)
		return;
	if (w->events >= 0)
		close(w->events);
	if (w->packets >= 0)
		close(w->packets);
	nl_close(w->nl);
	vec_free(&w->known);
	free(w);
}

int net_watch_fd(const struct net_watch *w)
{
	return w->events;
}

/* Knowing */

/* Place of the first that is not below ifindex. */
static size_t place_of(const struct net_watch *w, uint32_t ifindex)
{
	size_t low = 0, high = w->known.n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (w->known.items[middle].ifindex < ifindex)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void insert(struct net_watch *w, size_t place, const struct net_change *state)
{
	vec_push(&w->known, *state);
	memmove(w->known.items + place + 1, w->known.items + place, (w->known.n - 1 - place) * sizeof(*state));
	w->known.items[place] = *state;
}

static void forget(struct net_watch *w, size_t place)
{
	w->known.n--;
	memmove(w->known.items + place, w->known.items + place + 1, (w->known.n - place) * sizeof(*w->known.items));
}

/* Returns whether that is news. */
static bool learn(struct net_watch *w, const struct net_change *state)
{
	size_t place = place_of(w, state->ifindex);
	struct net_change *known = w->known.items + place;

	if (place == w->known.n || known->ifindex != state->ifindex) {
		if (!state->gone)
			insert(w, place, state);
		return !state->gone;
	}
	if (state->gone) {
		forget(w, place);
		return true;
	}
	if (known->up == state->up && known->carrier == state->carrier)
		return false;
	*known = *state;
	return true;
}

static bool take_message(const struct nlmsghdr *msg, struct net_change *state)
{
	const struct nlattr *tb[IFLA_CARRIER + 1];
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(msg);

	/* A bridge tells of its ports in messages of the same type. */
	if ((msg->nlmsg_type != RTM_NEWLINK && msg->nlmsg_type != RTM_DELLINK) || info->ifi_family != AF_UNSPEC)
		return false;
	nl_attributes(msg, sizeof(*info), tb, IFLA_CARRIER);
	*state = (struct net_change){
		.ifindex = (uint32_t)info->ifi_index,
		.up = info->ifi_flags & IFF_UP,
		.carrier = tb[IFLA_CARRIER] && mnl_attr_get_u8(tb[IFLA_CARRIER]),
		.gone = msg->nlmsg_type == RTM_DELLINK,
	};
	if (state->gone)
		state->up = state->carrier = false;
	return true;
}

/* The present state of all */

typedef VEC(struct net_change) changes;

static int take_state(const struct nlmsghdr *msg, void *arg)
{
	struct net_change state;
	changes *all = arg;

	if (!msg)
		all->n = 0;
	else if (take_message(msg, &state))
		vec_push(all, state);
	return 0;
}

static int read_all(struct net_watch *w, changes *all, struct error *error)
{
	struct nlmsghdr *msg = nl_begin(w->nl, RTM_GETLINK, NLM_F_DUMP);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(msg, sizeof(*info));

	info->ifi_family = AF_UNSPEC;
	mnl_attr_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return nl_ask(w->nl, take_state, all, error);
}

/* Those that are known and were not among all: gone. */
static void add_gone(const struct net_watch *w, changes *all)
{
	bool *seen = xcalloc(w->known.n + 1, sizeof(*seen));

	vec_each(state, all) {
		size_t place = place_of(w, state->ifindex);

		if (place < w->known.n && w->known.items[place].ifindex == state->ifindex)
			seen[place] = true;
	}
	for (size_t i = 0; i < w->known.n; i++) {
		if (!seen[i])
			vec_push(all, ((struct net_change){.ifindex = w->known.items[i].ifindex, .gone = true}));
	}
	free(seen);
}

static int look_again(struct net_watch *w, bool news_only, net_change_fn fn, void *arg, struct error *error)
{
	changes all = {};
	int err = read_all(w, &all, error);

	if (!err)
		add_gone(w, &all);
	vec_each(state, &all) {
		if (err)
			break;
		if ((learn(w, state) || !news_only) && fn)
			fn(arg, state);
	}
	vec_free(&all);
	return err;
}

int net_watch_dump(struct net_watch *w, net_change_fn fn, void *arg, struct error *error)
{
	return look_again(w, false, fn, arg, error);
}

/* What happens */

static void take_events(struct net_watch *w, int left, net_change_fn fn, void *arg)
{
	const struct nlmsghdr *msg = (const void *)w->in;
	struct net_change state;

	for (; mnl_nlmsg_ok(msg, left); msg = mnl_nlmsg_next(msg, &left)) {
		if (take_message(msg, &state) && learn(w, &state) && fn)
			fn(arg, &state);
	}
}

int net_watch_read(struct net_watch *w, net_change_fn fn, void *arg, struct error *error)
{
	bool overrun = false;

	for (;;) {
		ssize_t n = recv(w->events, w->in, sizeof(w->in), 0);

		if (n >= 0)
			take_events(w, (int)n, fn, arg);
		else if (errno == ENOBUFS)
			overrun = true;
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			return net_fail(error, -errno, "cannot read the changes of interfaces in '%s'", w->fabric);
	}
	return overrun ? look_again(w, true, fn, arg, error) : 0;
}

/* Changing */

int net_watch_set(struct net_watch *w, uint32_t ifindex, bool up, struct error *error)
{
	return net_watch_set_all(w, &(struct net_set){ifindex, up}, 1, error);
}

int net_watch_set_all(struct net_watch *w, const struct net_set *sets, size_t n, struct error *error)
{
	for (size_t i = 0; i < n; i++)
		link_set_up(w->nl, sets[i].ifindex, sets[i].up);
	return nl_flush(w->nl, error);
}

int net_watch_hello(struct net_watch *w, const struct net_hello *hello)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)hello->ifindex};
	uint8_t frame[HELLO_BYTES];

	hello_write(hello, frame);
	if (sendto(w->packets, frame, sizeof(frame), MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to)) < 0)
		return -errno;
	return 0;
}
