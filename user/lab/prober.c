// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Sends one datagram of each stream per tick of a timer, and notes what arrives.
 * A tick that was missed is not made up for: a burst afterwards would measure
 * the queues.
 */
#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "lab/flow_ports.h"
#include "lab/flows.h"
#include "lib/clock.h"

#define MS	      1000000ull
#define MOST_PER_S    15000 /* datagrams of all streams together: a third of a core, some ten devices each */
#define RECEIVE_BYTES (8 << 20)
#define DRAIN_NS      (500 * MS) /* what is on its way may take a wire's latency and a busy machine's turn */
#define TIMER	      UINT32_MAX

struct datagram {
	uint32_t word; /* of this run */
	uint32_t stream, number;
	uint32_t reserved;
};

struct source { /* a sending socket: a host's, bound to one port */
	uint32_t host;
	uint16_t port;
	int fd;
};

struct prober {
	const struct lab *lab;
	flow_streams *streams;
	uint64_t interval_ns;
	uint32_t word;
	int epoll, timer;
	int *receivers; /* by host index; -1: none */
	VEC(struct source) sources;
	int *send_by; /* by stream */
	pthread_t thread;
	bool running;
	atomic_bool stop;
	uint64_t open; /* sent and not arrived */
	uint64_t last_round;
	struct prober_report report;
	struct error *e;
};

uint64_t prober_interval_ns(size_t streams)
{
	uint64_t ms = (streams * 1000 + MOST_PER_S - 1) / MOST_PER_S;

	return (ms ? ms : 1) * MS;
}

/* --- Sockets ----------------------------------------------------------------------------------------------------- */

static int bound_socket(struct prober *p, const struct host *h, uint16_t port, int *out)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_addr.s_addr = addr_be32(&h->addr), .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), err;

	if (fd >= 0 && !bind(fd, (struct sockaddr *)&at, sizeof(at))) {
		*out = fd;
		return 0;
	}
	err = -errno;
	if (fd >= 0)
		close(fd);
	if (err == -EADDRINUSE)
		return error_set(p->e, err,
				 "UDP port %u of host '%s' is taken: does another 'scenario run' measure in lab '%s'?",
				 port, h->name, p->lab->topo->name);
	return error_set(p->e, err, "cannot open a test socket in host '%s': %s", h->name, strerror(-err));
}

static int watch(struct prober *p, int fd, uint32_t who)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = who};

	if (!epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &event))
		return 0;
	return error_set(p->e, -errno, "cannot watch a test socket: %s", strerror(errno));
}

static int open_receiver(struct prober *p, const struct host *h)
{
	int *fd = &p->receivers[h->index], size = RECEIVE_BYTES;
	int err = bound_socket(p, h, FLOW_PORT, fd);

	if (err)
		return err;
	setsockopt(*fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return watch(p, *fd, h->index);
}

static int *find_source(struct prober *p, uint32_t host, uint16_t port)
{
	vec_each(s, &p->sources) {
		if (s->host == host && s->port == port)
			return &s->fd;
	}
	return NULL;
}

static int open_source(struct prober *p, const struct flow_stream *s)
{
	int *fd = find_source(p, s->from->index, s->source_port), new, err;

	if (!fd) {
		err = bound_socket(p, s->from, s->source_port, &new);
		if (err)
			return err;
		fd = &vec_push(&p->sources,
			       ((struct source){.host = s->from->index, .port = s->source_port, .fd = new}))
			      ->fd;
	}
	p->send_by[s - p->streams->items] = *fd;
	return 0;
}

static int open_host(struct prober *p, const struct host *h)
{
	char namespace[256];
	int err;

	lab_host_namespace(p->lab, h, namespace);
	err = net_enter(namespace, p->e);
	if (!err)
		err = open_receiver(p, h);
	vec_each(s, p->streams) {
		if (!err && s->from == h)
			err = open_source(p, s);
	}
	return err;
}

/* In a thread of its own: a socket belongs to the namespace its thread was in when it was made. */
static int open_hosts(void *arg)
{
	struct prober *p = arg;
	int err = 0;

	vec_each(h, &p->lab->fabric->hosts) {
		if (!err)
			err = open_host(p, h);
	}
	return err;
}

static int open_timer(struct prober *p)
{
	struct timespec interval = {.tv_sec = p->interval_ns / (1000 * MS), .tv_nsec = p->interval_ns % (1000 * MS)};
	struct itimerspec when = {.it_interval = interval, .it_value = interval};

	p->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (p->timer < 0 || timerfd_settime(p->timer, 0, &when, NULL))
		return error_set(p->e, -errno, "cannot make a timer: %s", strerror(errno));
	return watch(p, p->timer, TIMER);
}

/* --- The loop ---------------------------------------------------------------------------------------------------- */

static void send_one(struct prober *p, struct flow_stream *s)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_addr.s_addr = addr_be32(&s->to->addr), .sin_port = htons(FLOW_PORT)};
	uint32_t at = s - p->streams->items;
	struct datagram d = {.word = p->word, .stream = at, .number = s->samples.n};
	struct sample sample = {.sent_ns = clock_date()};

	if (sendto(p->send_by[at], &d, sizeof(d), MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to)) != sizeof(d)) {
		p->report.unsent++; /* its number goes to the next one */
		return;
	}
	vec_push(&s->samples, sample);
	p->open++;
}

static void send_round(struct prober *p)
{
	uint64_t now = clock_now(), pause = p->last_round ? now - p->last_round : 0;
	uint64_t expired;

	if (read(p->timer, &expired, sizeof(expired)) < 0 || atomic_load(&p->stop))
		return;
	if (pause > p->report.longest_pause_ns)
		p->report.longest_pause_ns = pause;
	p->last_round = now;
	vec_each(s, p->streams)
		send_one(p, s);
}

static void note(struct prober *p, const struct datagram *d)
{
	struct flow_stream *s;

	if (d->word != p->word || d->stream >= p->streams->n)
		return;
	s = &p->streams->items[d->stream];
	if (d->number >= s->samples.n)
		return;
	if (s->samples.items[d->number].arrived) {
		s->duplicates++;
		return;
	}
	s->samples.items[d->number].arrived = true;
	p->open--;
	if (d->number + 1 < s->newest)
		s->reordered++;
	else
		s->newest = d->number + 1;
}

static void receive(struct prober *p, int fd)
{
	struct datagram d;

	while (recv(fd, &d, sizeof(d), MSG_DONTWAIT) == sizeof(d))
		note(p, &d);
}

static bool goes_on(const struct prober *p, uint64_t *stopped)
{
	if (!atomic_load(&p->stop))
		return true;
	if (!*stopped)
		*stopped = clock_now();
	return p->open && clock_now() < *stopped + DRAIN_NS;
}

static void *pace(void *arg)
{
	struct prober *p = arg;
	struct epoll_event events[64];
	uint64_t stopped = 0;

	prctl(PR_SET_TIMERSLACK, 1);
	while (goes_on(p, &stopped)) {
		int n = epoll_wait(p->epoll, events, 64, 20);

		for (int i = 0; i < n; i++) {
			if (events[i].data.u32 == TIMER)
				send_round(p);
			else
				receive(p, p->receivers[events[i].data.u32]);
		}
	}
	return NULL;
}

/* --- Life -------------------------------------------------------------------------------------------------------- */

/* Signals are for the thread that waits for them. */
static int start_thread(struct prober *p)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	err = pthread_create(&p->thread, NULL, pace, p);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		return error_set(p->e, -err, "cannot start a thread: %s", strerror(err));
	p->running = true;
	return 0;
}

static void allow_files(void)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int prober_start(const struct lab *lab, flow_streams *streams, uint64_t interval_ns, struct prober **out,
		 struct error *e)
{
	struct prober *p = xcalloc(1, sizeof(*p));
	char fabric[256];
	int err;

	*p = (struct prober){.lab = lab, .streams = streams, .interval_ns = interval_ns, .timer = -1, .e = e};
	p->receivers = xcalloc(lab->fabric->hosts.n, sizeof(int));
	memset(p->receivers, -1, lab->fabric->hosts.n * sizeof(int));
	p->send_by = xcalloc(streams->n, sizeof(int));
	if (getrandom(&p->word, sizeof(p->word), 0) != sizeof(p->word))
		p->word = clock_date();
	allow_files();
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	lab_fabric_namespace(lab->topo->name, fabric);
	err = net_call(fabric, open_hosts, p, e);
	if (!err)
		err = open_timer(p);
	if (!err)
		err = start_thread(p);
	if (err)
		prober_stop(p, NULL);
	else
		*out = p;
	return err;
}

static uint64_t drops_of(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = {};
	socklen_t size = sizeof(info);

	return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &size) ? 0 : info[SK_MEMINFO_DROPS];
}

void prober_stop(struct prober *p, struct prober_report *report)
{
	if (!p)
		return;
	atomic_store(&p->stop, true);
	if (p->running)
		pthread_join(p->thread, NULL);
	for (size_t i = 0; i < p->lab->fabric->hosts.n; i++) {
		if (p->receivers[i] < 0)
			continue;
		p->report.own_drops += drops_of(p->receivers[i]);
		close(p->receivers[i]);
	}
	vec_each(s, &p->sources)
		close(s->fd);
	if (p->timer >= 0)
		close(p->timer);
	close(p->epoll);
	if (report)
		*report = p->report;
	vec_free(&p->sources);
	free(p->receivers);
	free(p->send_by);
	free(p);
}
