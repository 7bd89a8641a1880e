// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * One TCP and one UDP exchange per pair of hosts, all at once, in one thread: a
 * socket belongs to the namespace its thread was in when it was made, so the
 * thread visits each host once, makes that host's sockets, and then serves all
 * of them from one loop.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lab/lab.h"

#define MESSAGE_BYTES 64
#define RESEND_MS     250 /* UDP may lose a message while the other side is still asking ARP */

enum duty { LISTENER, TCP_SERVER, UDP_SERVER, TCP_CLIENT, UDP_CLIENT };

struct talker {
	enum duty duty;
	int fd;
	struct exchange_pair *pair; /* clients */
	struct sockaddr_in to;	    /* UDP_CLIENT */
	size_t got;
	struct talker *next; /* all of them, for the end */
};

struct host_ends {
	struct sockaddr_in tcp, udp;
};

struct meeting {
	const struct lab *lab;
	exchange_pairs *pairs;
	int timeout_ms;
	int epoll;
	struct talker *talkers;
	struct host_ends *ends; /* by host index */
	size_t missing;
	int err; /* the first that kept a socket from being waited for */
	struct error *e;
};

static struct talker *add_talker(struct meeting *m, enum duty duty, int fd, uint32_t events)
{
	struct talker *t = xcalloc(1, sizeof(*t));
	struct epoll_event event = {.events = events, .data.ptr = t};

	t->duty = duty;
	t->fd = fd;
	t->next = m->talkers;
	m->talkers = t;
	if (epoll_ctl(m->epoll, EPOLL_CTL_ADD, fd, &event) && !m->err)
		m->err = error_set(m->e, -errno, "cannot wait for the test sockets of lab '%s': %s", m->lab->topo->name,
				   strerror(errno));
	return t;
}

static int open_server(struct meeting *m, const struct host *h, enum duty duty, struct sockaddr_in *at)
{
	int type = duty == LISTENER ? SOCK_STREAM : SOCK_DGRAM;
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(*at);

	*at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = addr_be32(&h->addr)};
	if (fd < 0 || bind(fd, (struct sockaddr *)at, size) || getsockname(fd, (struct sockaddr *)at, &size) ||
	    (duty == LISTENER && listen(fd, 1024))) {
		int err = -errno;

		if (fd >= 0)
			close(fd);
		return error_set(m->e, err, "cannot open a test socket in host '%s': %s", h->name, strerror(-err));
	}
	add_talker(m, duty, fd, EPOLLIN);
	return 0;
}

static int enter_host(struct meeting *m, const struct host *h)
{
	char namespace[256];

	lab_host_namespace(m->lab, h, namespace);
	return net_enter(namespace, m->e);
}

static int open_servers(struct meeting *m)
{
	vec_each(h, &m->lab->fabric->hosts) {
		int err = enter_host(m, h);

		if (!err)
			err = open_server(m, h, LISTENER, &m->ends[h->index].tcp);
		if (!err)
			err = open_server(m, h, UDP_SERVER, &m->ends[h->index].udp);
		if (err)
			return err;
	}
	return 0;
}

static void send_message(struct talker *t)
{
	char message[MESSAGE_BYTES] = "erxdp";

	if (t->duty == UDP_CLIENT)
		sendto(t->fd, message, sizeof(message), MSG_DONTWAIT, (struct sockaddr *)&t->to, sizeof(t->to));
	else
		send(t->fd, message, sizeof(message), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int open_clients_of(struct meeting *m, struct exchange_pair *pair)
{
	int tcp = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	const struct host_ends *ends = &m->ends[pair->to->index];
	struct talker *t;

	if (tcp < 0 || udp < 0)
		return error_set(m->e, -errno, "cannot open a test socket in host '%s': %s", pair->from->name,
				 strerror(errno));
	if (connect(tcp, (const struct sockaddr *)&ends->tcp, sizeof(ends->tcp)) && errno != EINPROGRESS) {
		int err = -errno;

		close(tcp);
		close(udp);
		return error_set(m->e, err, "cannot connect a test socket of host '%s' to '%s': %s", pair->from->name,
				 pair->to->name, strerror(-err));
	}
	t = add_talker(m, TCP_CLIENT, tcp, EPOLLOUT | EPOLLIN | EPOLLET);
	t->pair = pair;
	t = add_talker(m, UDP_CLIENT, udp, EPOLLIN);
	t->pair = pair;
	t->to = ends->udp;
	send_message(t);
	m->missing += 2;
	return 0;
}

static int open_clients(struct meeting *m)
{
	vec_each(h, &m->lab->fabric->hosts) {
		int err = enter_host(m, h);

		vec_each(pair, m->pairs) {
			if (!err && pair->from == h)
				err = open_clients_of(m, pair);
		}
		if (err)
			return err;
	}
	return 0;
}

/* A client has its whole message back. */
static void passed(struct meeting *m, struct talker *t, bool *flag)
{
	if (!*flag)
		m->missing--;
	*flag = true;
	epoll_ctl(m->epoll, EPOLL_CTL_DEL, t->fd, NULL);
}

static void serve(struct meeting *m, struct talker *t, uint32_t events)
{
	char buffer[MESSAGE_BYTES];
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	ssize_t n;
	int fd;

	switch (t->duty) {
	case LISTENER:
		while ((fd = accept4(t->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
			add_talker(m, TCP_SERVER, fd, EPOLLIN);
		break;
	case TCP_SERVER:
		n = recv(t->fd, buffer, sizeof(buffer), 0);
		if (n > 0)
			send(t->fd, buffer, n, MSG_NOSIGNAL);
		else if (!n || errno != EAGAIN)
			epoll_ctl(m->epoll, EPOLL_CTL_DEL, t->fd, NULL);
		break;
	case UDP_SERVER:
		n = recvfrom(t->fd, buffer, sizeof(buffer), 0, (struct sockaddr *)&from, &size);
		if (n > 0)
			sendto(t->fd, buffer, n, 0, (struct sockaddr *)&from, size);
		break;
	case TCP_CLIENT:
		if (events & EPOLLOUT && !t->got)
			send_message(t);
		while ((n = recv(t->fd, buffer, sizeof(buffer), 0)) > 0)
			t->got += n;
		if (t->got >= MESSAGE_BYTES)
			passed(m, t, &t->pair->tcp);
		break;
	case UDP_CLIENT:
		if (recv(t->fd, buffer, sizeof(buffer), 0) == MESSAGE_BYTES)
			passed(m, t, &t->pair->udp);
		break;
	}
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

static void resend(struct meeting *m)
{
	for (struct talker *t = m->talkers; t; t = t->next) {
		if (t->duty == UDP_CLIENT && !t->pair->udp)
			send_message(t);
	}
}

static int talk(struct meeting *m)
{
	int64_t start = now_ms(), next = start + RESEND_MS;
	struct epoll_event events[64];

	while (m->missing && !m->err && now_ms() < start + m->timeout_ms) {
		int n = epoll_wait(m->epoll, events, 64, RESEND_MS / 5);

		for (int i = 0; i < n; i++)
			serve(m, events[i].data.ptr, events[i].events);
		if (now_ms() >= next) {
			resend(m);
			next = now_ms() + RESEND_MS;
		}
	}
	if (m->err)
		return m->err;
	return m->missing ? -ETIMEDOUT : 0;
}

static int meet(void *arg)
{
	struct meeting *m = arg;
	int err = open_servers(m);

	if (!err)
		err = open_clients(m);
	return err ? err : talk(m);
}

int lab_exchange(const struct lab *lab, exchange_pairs *pairs, int timeout_ms, struct error *e)
{
	struct meeting m = {.lab = lab, .pairs = pairs, .timeout_ms = timeout_ms, .e = e};
	char fabric[256];
	int err;

	m.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (m.epoll < 0)
		return error_set(e, -errno, "cannot wait for the test sockets of lab '%s': %s", lab->topo->name,
				 strerror(errno));
	m.ends = xcalloc(lab->fabric->hosts.n, sizeof(*m.ends));
	lab_fabric_namespace(lab->topo->name, fabric);
	err = net_call(fabric, meet, &m, e);
	while (m.talkers) {
		struct talker *t = m.talkers;

		m.talkers = t->next;
		close(t->fd);
		free(t);
	}
	close(m.epoll);
	free(m.ends);
	return err;
}
