// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "lab/meter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lab/echo.h"
#include "lib/clock.h"

#define MS	      1000000ull
#define FIRST_PORT    12000 /* source ports: below those that Linux gives away by itself (32768) */
#define LAST_PORT     32767
#define BACKLOG	      1024
#define MOST_SLEEP_NS 100000000
#define PRIORITY      -15 /* the time of a wake-up is part of what is measured */

/* The word tells this call's replies from those of another that runs beside it. */
struct request {
	struct icmphdr icmp;
	uint32_t word;
};

struct meter {
	const struct lab *lab;
	const struct meter_plan *plan;
	struct meter_result *out;
	int listener; /* -1: somebody else listens */
	int echo;     /* raw socket */
	uint32_t word;
	uint16_t sequence;
	uint16_t *ports; /* by pair */
	uint64_t began, due;
	enum { NEITHER, OFF, ON } side;
	struct error *e;
};

/* --- One sample ----------------------------------------------------------------------------------------------------
 */

static struct timespec left_until(uint64_t end)
{
	uint64_t now = clock_now(), left = end > now ? end - now : 0;

	return (struct timespec){.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
}

static bool wait_for(const struct meter *m, int fd, short events, uint64_t end)
{
	struct pollfd p = {.fd = fd, .events = events};
	int n = 0;

	while (n <= 0 && !*m->plan->stop && clock_now() < end) {
		struct timespec left = left_until(end);

		n = ppoll(&p, 1, &left, NULL);
	}
	return n > 0;
}

static int cannot(struct meter *m, const char *what, const struct host *h)
{
	return error_set(m->e, -errno, "cannot %s in host '%s': %s", what, h->name, strerror(errno));
}

/* A socket that goes without a trace when it is closed: no TIME_WAIT keeps the port from its partner. */
static int open_client(struct meter *m, uint16_t sport)
{
	const struct host *from = m->plan->from;
	struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_addr.s_addr = addr_be32(&from->addr), .sin_port = htons(sport)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), err;

	if (fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger)) &&
	    !bind(fd, (struct sockaddr *)&at, sizeof(at)))
		return fd;
	err = cannot(m, "open a test socket", from);
	if (fd >= 0)
		close(fd);
	return err;
}

/* What has been answered is not needed any more. */
static void drain_listener(const struct meter *m)
{
	int fd;

	while (m->listener >= 0 && (fd = accept4(m->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		close(fd);
}

static int take_tcp(struct meter *m, struct meter_sample *s)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_addr.s_addr = addr_be32(&m->plan->to->addr),
				 .sin_port = htons(m->out->port)};
	int fd = open_client(m, s->sport), err = 0;
	socklen_t size = sizeof(err);
	uint64_t start;

	if (fd < 0)
		return fd;
	start = clock_now();
	if (!connect(fd, (struct sockaddr *)&to, sizeof(to)) || errno == EINPROGRESS)
		s->lost = !wait_for(m, fd, POLLOUT, start + METER_WAIT_MS * MS);
	else
		err = errno;
	s->took_ns = clock_now() - start;
	if (!s->lost && !err)
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size);
	close(fd);
	drain_listener(m);
	if (err == ECONNREFUSED)
		return error_set(m->e, -err,
				 "host '%s' refuses a connection to port %u: whoever has the port does not listen",
				 m->plan->to->name, m->out->port);
	s->lost = s->lost || err;
	return 0;
}

static bool is_ours(const struct meter *m, const uint8_t *data, ssize_t n)
{
	const struct iphdr *ip = (const void *)data;
	const struct request *reply = (const void *)(data + ip->ihl * 4);

	return n >= (ssize_t)sizeof(*ip) && (const uint8_t *)(reply + 1) <= data + n &&
	       reply->icmp.type == ICMP_ECHOREPLY && reply->word == m->word &&
	       reply->icmp.un.echo.sequence == htons(m->sequence) && ip->saddr == addr_be32(&m->plan->to->addr);
}

static int take_icmp(struct meter *m, struct meter_sample *s)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = addr_be32(&m->plan->to->addr)};
	struct request request = {.icmp = {.type = ICMP_ECHO, .un.echo.sequence = htons(++m->sequence)},
				  .word = m->word};
	uint64_t start, end;
	uint8_t data[2048];

	request.icmp.checksum = echo_checksum(&request, sizeof(request));
	start = clock_now();
	end = start + METER_WAIT_MS * MS;
	s->lost = true;
	/* What cannot be sent is not answered either. */
	sendto(m->echo, &request, sizeof(request), MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to));
	while (s->lost && wait_for(m, m->echo, POLLIN, end)) {
		s->took_ns = clock_now() - start;
		s->lost = !is_ours(m, data, recv(m->echo, data, sizeof(data), 0));
	}
	return 0;
}

static int (*const take[N_METER_KINDS])(struct meter *m, struct meter_sample *s) = {take_tcp, take_icmp};

/* --- Blocks --------------------------------------------------------------------------------------------------------
 */

static int warm_up(struct meter *m, unsigned pair)
{
	bool answered = false, first = !m->out->samples.n;

	for (int i = 0; i < METER_WARM_UPS; i++) {
		for (enum meter_kind kind = 0; kind < N_METER_KINDS; kind++) {
			struct meter_sample s = {.sport = m->ports[pair]};
			int err = take[kind](m, &s);

			if (err)
				return err;
			answered = answered || !s.lost;
		}
	}
	if (!answered && first && !*m->plan->stop)
		return error_set(
			m->e, -ETIMEDOUT,
			"no answer from '%s': packets are lost on a way that routing believes in; 'erxdpctl reach "
			"%s %s' and 'erxdpctl counters' tell more",
			m->plan->to->name, m->plan->from->name, m->plan->to->name);
	return 0;
}

/* One of each kind per interval; what was late is not made up for. In steps, so that an end is not waited for. */
static void pace(struct meter *m)
{
	uint64_t now = clock_now();

	if (now > m->due)
		m->due = now;
	for (; now < m->due && !*m->plan->stop; now = clock_now()) {
		uint64_t left = m->due - now;

		nanosleep(&(struct timespec){.tv_nsec = left < MOST_SLEEP_NS ? left : MOST_SLEEP_NS}, NULL);
	}
	m->due += m->plan->interval_ns;
}

static int take_pair(struct meter *m, bool on, unsigned block, unsigned pair)
{
	pace(m);
	for (enum meter_kind kind = 0; kind < N_METER_KINDS; kind++) {
		struct meter_sample s = {.kind = kind, .on = on, .block = block, .pair = pair};
		int err;

		s.sport = kind == METER_TCP ? m->ports[pair] : 0;
		s.at_ns = clock_now() - m->began;
		err = take[kind](m, &s);
		if (err || *m->plan->stop)
			return err ? err : error_set(m->e, -EINTR, "the measuring was ended");
		vec_push(&m->out->samples, s);
	}
	return 0;
}

static int run_block(struct meter *m, bool on, unsigned block)
{
	unsigned first = block * m->plan->block, end = first + m->plan->block;
	int err = 0;

	if (m->side != (on ? ON : OFF)) {
		err = m->plan->turn(m->plan->arg, on, m->e);
		m->side = on ? ON : OFF;
		if (!err)
			err = warm_up(m, first);
	}
	for (unsigned pair = first; pair < end && pair < m->plan->count && !err; pair++)
		err = take_pair(m, on, block, pair);
	return err;
}

/* --- Around it -----------------------------------------------------------------------------------------------------
 */

/* Each pair gets a port that is free now. */
static int choose_ports(struct meter *m)
{
	unsigned port = FIRST_PORT;

	for (unsigned pair = 0; pair < m->plan->count; pair++) {
		int fd;

		do
			fd = open_client(m, port++);
		while (fd == -EADDRINUSE && port <= LAST_PORT);
		if (fd < 0)
			return fd;
		close(fd);
		m->ports[pair] = port - 1;
	}
	return 0;
}

static int run(void *arg)
{
	struct meter *m = arg;
	int err;

	m->echo = echo_open(m->lab, m->plan->from, m->e);
	if (m->echo < 0)
		return m->echo;
	/* Of this thread, which ends with the measuring. Without the right to it, it goes on as it is. */
	setpriority(PRIO_PROCESS, 0, PRIORITY);
	prctl(PR_SET_TIMERSLACK, 1);
	err = choose_ports(m);
	m->began = clock_now();
	for (unsigned block = 0; block * m->plan->block < m->plan->count && !err; block++) {
		bool first = block % 2;

		err = run_block(m, first, block);
		if (!err)
			err = run_block(m, !first, block);
	}
	close(m->echo);
	return err;
}

/* A port of the destination that answers: whoever has it already, or we. */
static int listen_there(void *arg)
{
	struct meter *m = arg;
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_addr.s_addr = addr_be32(&m->plan->to->addr),
				 .sin_port = htons(m->plan->port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), err = 0;
	socklen_t size = sizeof(at);

	m->out->port = m->plan->port;
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, size) || listen(fd, BACKLOG) ||
	    getsockname(fd, (struct sockaddr *)&at, &size)) {
		if (errno != EADDRINUSE)
			err = cannot(m, "listen", m->plan->to);
		if (fd >= 0)
			close(fd);
		return err;
	}
	m->listener = fd;
	m->out->listened = true;
	m->out->port = ntohs(at.sin_port);
	return 0;
}

int lab_meter(const struct lab *lab, const struct meter_plan *plan, struct meter_result *out, struct error *e)
{
	struct meter m = {.lab = lab, .plan = plan, .out = out, .listener = -1, .e = e};
	char namespace[256];
	int err;

	*out = (struct meter_result){};
	if (getrandom(&m.word, sizeof(m.word), 0) != sizeof(m.word))
		m.word = clock_now();
	m.ports = xcalloc(plan->count, sizeof(*m.ports));
	lab_host_namespace(lab, plan->to, namespace);
	err = net_call(namespace, listen_there, &m, e);
	lab_host_namespace(lab, plan->from, namespace);
	if (!err)
		err = net_call(namespace, run, &m, e);
	if (m.listener >= 0)
		close(m.listener);
	free(m.ports);
	return err;
}

void meter_result_free(struct meter_result *r)
{
	vec_free(&r->samples);
}
