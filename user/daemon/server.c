// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Two sockets, one line of JSON for each request and each answer. Nobody is
 * waited for.
 *
 * Who changes something is served as soon as his request is there. Who may only
 * ask comes last in each turn of the loop, one request of each client after the
 * other, for READ_NS and then not before as much time has gone by again: all of
 * them together take half of the controller's time at most, and a change waits
 * for READ_NS and one answer. What is long is not made here (errand.c).
 *
 * A client that does not read is not read from either. Events are not copied for
 * it: it has a place in the list of those that are kept. When an event is
 * forgotten that it has not had, it is queued, up to MOST_WAIT; beyond that the
 * client is dropped, and counted.
 */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/controller.h"
#include "daemon/errand.h"
#include "daemon/names.h"
#include "lib/log.h"

#define MOST_CLIENTS 64
#define MOST_READERS 56		 /* who may only ask leaves room for who changes something */
#define QUEUE	     16		 /* who connects and is not accepted yet */
#define MOST_ERRANDS 4		 /* at the same time; the others wait */
#define CHUNK	     (16 * 1024) /* bytes on their way to a client: with more it is asked nothing and told nothing */
#define READ_NS	     1000000ull
#define STUCK_NS     5000000000ull /* without reading; then its place is for who needs one */

struct buffer {
	char *bytes;
	size_t n, cap;
};

struct client { /* fd -1: free */
	int fd;
	pid_t pid; /* of who has connected; 0: not known */
	bool changing;
	bool listens; /* wants events */
	bool broken;  /* to be dropped */
	struct buffer in, out;
	size_t line;	   /* bytes of the first request with its newline; 0: it is not there yet */
	uint64_t next;	   /* event that it has not been told of */
	uint64_t past;	   /* the last one before the reply to who asks for the past */
	cJSON *reply;	   /* to come after that, or after the errand; NULL: none is owed */
	cJSON *run;	   /* an errand that waits for a place; NULL: none */
	int pipes[2];	   /* that were passed; -1: none */
	uint64_t stuck_at; /* since when it takes nothing; 0: it does */
	uint32_t interest; /* of epoll */
	struct errand errand;
};

struct listener {
	int fd;
	bool changing;
};

struct sockets {
	struct listener listeners[2];
	struct client clients[MOST_CLIENTS];
	int readers;	  /* epoll: all that belongs to clients who may only ask */
	bool called;	  /* something of it has to be looked at; the loop does not wait for it then */
	bool more;	  /* somebody could not be served */
	uint64_t read_at; /* not before */
	unsigned first;	  /* whose turn it is */
	unsigned long refused, dropped;
};

/* --- Buffers ----------------------------------------------------------------------------------------------------- */

static void append(struct buffer *b, const char *bytes, size_t n)
{
	b->bytes = vec_grow(b->bytes, &b->cap, b->n + n, 1);
	memcpy(b->bytes + b->n, bytes, n);
	b->n += n;
}

static void drop_front(struct buffer *b, size_t n)
{
	memmove(b->bytes, b->bytes + n, b->n - n);
	b->n -= n;
}

/* --- Clients ----------------------------------------------------------------------------------------------------- */

static int epoll_of(const struct controller *c, const struct client *client)
{
	return client->changing ? c->epoll : c->sockets->readers;
}

static bool is_busy(const struct client *client)
{
	return client->reply != NULL;
}

/* What the kernel is to tell: nothing that would not be looked at. */
static void set_interest(struct controller *c, struct client *client)
{
	struct epoll_event event = {.data.ptr = client};

	if (!is_busy(client) && !client->line && client->out.n < CHUNK)
		event.events |= EPOLLIN;
	if (client->out.n)
		event.events |= EPOLLOUT;
	if (event.events == client->interest || client->broken)
		return;
	client->interest = event.events;
	epoll_ctl(epoll_of(c, client), EPOLL_CTL_MOD, client->fd, &event);
}

static void flush(struct client *client)
{
	while (client->out.n && !client->broken) {
		ssize_t n = send(client->fd, client->out.bytes, client->out.n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN) {
			client->stuck_at = client->stuck_at ? client->stuck_at : clock_now();
			return;
		}
		if (n < 0 && errno != EINTR)
			client->broken = true;
		else if (n > 0)
			drop_front(&client->out, n);
		client->stuck_at = 0;
	}
}

static void drop_client(struct controller *c, struct client *client)
{
	if (client->fd < 0)
		return;
	close(client->fd);
	free(client->in.bytes);
	free(client->out.bytes);
	cJSON_Delete(client->reply);
	cJSON_Delete(client->run);
	errand_end(&client->errand);
	errand_close_pipes(client->pipes);
	*client = (struct client){.fd = -1, .errand = ERRAND_NONE, .pipes = {-1, -1}};
	loan_client_gone(c, client);
}

static void drop_broken(struct controller *c)
{
	for (int i = 0; i < MOST_CLIENTS; i++) {
		if (c->sockets->clients[i].broken)
			drop_client(c, &c->sockets->clients[i]);
	}
}

static void drop_slow(struct controller *c, struct client *client)
{
	client->broken = true;
	c->sockets->dropped++;
	log_info("process %d is dropped: it does not read what it has asked for", client->pid);
}

static void say(struct client *client, const char *line)
{
	append(&client->out, line, strlen(line));
	append(&client->out, "\n", 1);
}

static void say_json(struct client *client, cJSON *reply)
{
	char *text = cJSON_PrintUnformatted(reply);

	say(client, text);
	free(text);
	cJSON_Delete(reply);
}

/* --- Events ------------------------------------------------------------------------------------------------------ */

static bool has_events(const struct controller *c, const struct client *client)
{
	uint64_t last = is_busy(client) ? client->past : client->listens ? events_last(c->events) : 0;

	return client->next && client->next <= last;
}

static void tell_events(const struct controller *c, struct client *client)
{
	while (has_events(c, client) && client->out.n < CHUNK)
		say(client, events_line(c->events, client->next++));
}

void server_forgets(struct controller *c, uint64_t seq, const char *line)
{
	for (int i = 0; c->sockets && i < MOST_CLIENTS; i++) {
		struct client *client = &c->sockets->clients[i];

		if (client->fd < 0 || client->broken || client->next != seq ||
		    !(client->listens || has_events(c, client)))
			continue;
		client->next++;
		say(client, line);
		flush(client);
		if (client->out.n > MOST_WAIT)
			drop_slow(c, client);
	}
}

/* --- Requests ---------------------------------------------------------------------------------------------------- */

static unsigned count_errands(const struct sockets *s)
{
	unsigned n = 0;

	for (int i = 0; i < MOST_CLIENTS; i++)
		n += s->clients[i].errand.pid > 0;
	return n;
}

static void set_reply(struct client *client, bool ok, const char *error, int code)
{
	cJSON_DeleteItemFromObject(client->reply, "ok");
	cJSON_AddBoolToObject(client->reply, "ok", ok);
	cJSON_AddNumberToObject(client->reply, "code", code);
	if (error)
		cJSON_AddStringToObject(client->reply, "error", error);
}

static void run_errand(struct controller *c, struct client *client)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = &client->errand};
	struct error e = {};

	if (errand_start(&client->errand, client->run, client->pipes, &e))
		set_reply(client, false, e.text, 1);
	else if (epoll_ctl(c->sockets->readers, EPOLL_CTL_ADD, client->errand.pidfd, &event)) {
		errand_end(&client->errand);
		set_reply(client, false, "cannot wait for erxdpctl", 1);
	}
	errand_close_pipes(client->pipes);
	cJSON_Delete(client->run);
	client->run = NULL;
}

static void end_errand(struct client *client)
{
	int code = errand_code(&client->errand);

	if (code != -EAGAIN)
		set_reply(client, true, NULL, code);
}

static void answer(struct controller *c, struct client *client, const char *line)
{
	struct asker asker = {.who = client, .pid = client->pid, .changing = client->changing};
	struct wish wish = {};
	cJSON *reply = request_answer(c, line, &asker, &wish);

	/* What the request has brought about comes before its answer. */
	tell_events(c, client);
	if (wish.past) {
		client->next = events_first(c->events, wish.last);
		client->past = events_last(c->events);
		client->listens = client->listens || wish.listens;
		client->reply = reply;
	} else if (wish.run) {
		client->past = events_last(c->events);
		client->reply = reply;
		client->run = wish.run;
	} else {
		say_json(client, reply);
	}
}

static void find_line(struct client *client)
{
	char *end = client->in.n ? memchr(client->in.bytes, '\n', client->in.n) : NULL;

	client->line = end ? end - client->in.bytes + 1 : 0;
}

static bool can_run(const struct controller *c, const struct client *client)
{
	return client->run && count_errands(c->sockets) < MOST_ERRANDS;
}

/* After the last request nothing is there any more that could be asked about. */
static bool can_work(const struct controller *c, const struct client *client)
{
	if (client->fd < 0 || client->broken || client->out.n >= CHUNK || c->stopping)
		return false;
	if (has_events(c, client))
		return true;
	return is_busy(client) ? can_run(c, client) || (!client->run && !client->errand.pid) : client->line > 0;
}

/* The next step for a client for which there is one: it is short. */
static void work(struct controller *c, struct client *client)
{
	if (has_events(c, client)) {
		tell_events(c, client);
	} else if (client->run) {
		run_errand(c, client);
	} else if (is_busy(client)) {
		say_json(client, client->reply);
		client->reply = NULL;
	} else {
		client->in.bytes[client->line - 1] = '\0';
		answer(c, client, client->in.bytes);
		drop_front(&client->in, client->line);
		find_line(client);
	}
	flush(client);
	set_interest(c, client);
}

/* Pipes for an errand come with a line; only the last two are kept. */
static void take_pipes(struct client *client, struct msghdr *message)
{
	for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
		size_t n = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;
		errand_close_pipes(client->pipes);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(fd));
			if (i < 2)
				client->pipes[i] = fd;
			else
				close(fd);
		}
	}
}

static void hear(struct client *client)
{
	char bytes[4096], control[CMSG_SPACE(2 * sizeof(int))];
	struct iovec part = {bytes, sizeof(bytes)};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(client->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client->broken = true;
		return;
	}
	take_pipes(client, &message);
	append(&client->in, bytes, n);
	find_line(client);
	if (!client->line && client->in.n >= MOST_LINE) {
		say(client, "{\"ok\":false,\"error\":\"a request has at most 65536 bytes and ends with a newline\"}");
		flush(client);
		client->broken = true;
	}
}

/* --- Who connects ------------------------------------------------------------------------------------------------ */

static struct client *free_client(struct sockets *s, bool changing)
{
	struct client *found = NULL;
	int readers = 0;

	for (int i = 0; i < MOST_CLIENTS; i++) {
		struct client *client = &s->clients[i];

		if (client->fd < 0)
			found = client;
		else
			readers += !client->changing;
	}
	return changing || readers < MOST_READERS ? found : NULL;
}

static bool drop_stuck(struct controller *c)
{
	uint64_t now = clock_now();

	for (int i = 0; i < MOST_CLIENTS; i++) {
		struct client *client = &c->sockets->clients[i];

		if (client->fd < 0 || client->changing || !client->stuck_at || now - client->stuck_at < STUCK_NS)
			continue;
		drop_slow(c, client);
		drop_client(c, client);
		return true;
	}
	return false;
}

static pid_t peer_of(int fd)
{
	struct ucred peer = {};
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) ? 0 : peer.pid;
}

static void refuse_client(struct sockets *s, int fd)
{
	static const char why[] =
		"{\"ok\":false,\"code\":1,\"error\":\"too many ask already; try again in a moment\"}\n";

	s->refused++;
	if (send(fd, why, sizeof(why) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_verbose("somebody who was turned away has gone already");
	close(fd);
}

static void take_in(struct controller *c, const struct listener *l, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct client *client = free_client(c->sockets, l->changing);

	if (!client && !l->changing && drop_stuck(c))
		client = free_client(c->sockets, false);
	if (!client) {
		refuse_client(c->sockets, fd);
		return;
	}
	*client = (struct client){.fd = fd,
				  .pid = peer_of(fd),
				  .changing = l->changing,
				  .errand = ERRAND_NONE,
				  .pipes = {-1, -1},
				  .interest = EPOLLIN,
				  .next = events_last(c->events) + 1};
	event.data.ptr = client;
	if (epoll_ctl(epoll_of(c, client), EPOLL_CTL_ADD, fd, &event))
		drop_client(c, client);
}

/* All who wait, as far as the queue is long. */
static void accept_clients(struct controller *c, const struct listener *l)
{
	for (int i = 0; i < QUEUE; i++) {
		int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return;
		take_in(c, l, fd);
	}
}

/* --- Turns ------------------------------------------------------------------------------------------------------- */

/* Take in what has come from a client; what it asks for is answered elsewhere. */
static void attend(struct controller *c, struct client *client, uint32_t what)
{
	if (client->fd < 0)
		return; /* dropped since the kernel told */
	if (what & EPOLLOUT)
		flush(client);
	/* Who has gone may have left a change to be made; an answer nobody waits for. */
	if (what & EPOLLIN && (client->changing || !(what & EPOLLHUP)))
		hear(client);
	else if (what & (EPOLLHUP | EPOLLERR))
		client->broken = true;
	set_interest(c, client);
}

static void call_readers(struct controller *c, bool called)
{
	struct epoll_event event = {.events = called ? 0 : EPOLLIN, .data.ptr = &c->sockets->readers};

	if (c->sockets->called == called)
		return;
	c->sockets->called = called;
	epoll_ctl(c->epoll, EPOLL_CTL_MOD, c->sockets->readers, &event);
}

void server_work(struct controller *c, void *who, uint32_t what)
{
	struct sockets *s = c->sockets;
	struct client *client = who;

	if (who == &s->readers) {
		call_readers(c, true);
		return;
	}
	if (who == &s->listeners[1]) {
		accept_clients(c, who);
		return;
	}
	attend(c, client, what);
	while (can_work(c, client))
		work(c, client);
	drop_broken(c);
}

static void attend_reader(struct controller *c, const struct epoll_event *event)
{
	struct sockets *s = c->sockets;

	for (int i = 0; i < MOST_CLIENTS; i++) {
		if (event->data.ptr == &s->clients[i].errand) {
			if (s->clients[i].errand.pid > 0)
				end_errand(&s->clients[i]);
			return;
		}
	}
	attend(c, event->data.ptr, event->events);
}

static void attend_readers(struct controller *c)
{
	struct epoll_event events[2 * MOST_CLIENTS];
	int n = epoll_wait(c->sockets->readers, events, 2 * MOST_CLIENTS, 0);
	const struct listener *l = &c->sockets->listeners[0];
	bool knocks = false;

	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr == l)
			knocks = true;
		else
			attend_reader(c, &events[i]);
	}
	/* Who has gone leaves his place to who comes. */
	drop_broken(c);
	if (knocks)
		accept_clients(c, l);
}

/* One step for each in turn, until nobody waits or the time is over. Returns whether somebody waits still. */
static bool serve_readers(struct controller *c, uint64_t until)
{
	struct sockets *s = c->sockets;
	unsigned idle = 0;

	while (idle < MOST_CLIENTS) {
		struct client *client = &s->clients[s->first];

		if (clock_now() >= until)
			return true;
		s->first = (s->first + 1) % MOST_CLIENTS;
		idle++;
		if (client->changing || !can_work(c, client))
			continue;
		idle = 0;
		work(c, client);
	}
	return false;
}

void server_child_ended(struct controller *c, pid_t pid, int status)
{
	struct sockets *s = c->sockets;

	for (int i = 0; s && i < MOST_CLIENTS; i++) {
		if (s->clients[i].errand.pid != pid)
			continue;
		set_reply(&s->clients[i], true, NULL, errand_ended(&s->clients[i].errand, status));
		s->more = true;
	}
}

static void end_late_errands(struct controller *c, uint64_t now)
{
	for (int i = 0; i < MOST_CLIENTS; i++) {
		struct client *client = &c->sockets->clients[i];

		if (client->errand.pid <= 0 || now < client->errand.until)
			continue;
		errand_end(&client->errand);
		set_reply(client, false, "it took too long and was ended", 1);
	}
}

static bool has_readers_work(const struct controller *c)
{
	for (int i = 0; i < MOST_CLIENTS; i++) {
		const struct client *client = &c->sockets->clients[i];

		if (!client->changing && can_work(c, client))
			return true;
	}
	return false;
}

void server_turn(struct controller *c)
{
	struct sockets *s = c->sockets;
	uint64_t now = clock_now();

	for (int i = 0; i < MOST_CLIENTS; i++) {
		while (s->clients[i].changing && can_work(c, &s->clients[i]))
			work(c, &s->clients[i]);
	}
	end_late_errands(c, now);
	if (now < s->read_at) {
		s->more = s->more || has_readers_work(c);
		return;
	}
	if (s->called)
		attend_readers(c);
	call_readers(c, false);
	s->more = serve_readers(c, now + READ_NS);
	drop_broken(c);
	s->read_at = 2 * clock_now() - now;
}

uint64_t server_due(const struct controller *c)
{
	uint64_t due = c->sockets->more || c->sockets->called ? c->sockets->read_at : UINT64_MAX;

	for (int i = 0; i < MOST_CLIENTS; i++) {
		const struct errand *errand = &c->sockets->clients[i].errand;

		if (errand->pid > 0 && errand->until < due)
			due = errand->until;
	}
	return due;
}

void server_count(const struct controller *c, cJSON *reply)
{
	unsigned readers = 0;

	for (int i = 0; i < MOST_CLIENTS; i++)
		readers += c->sockets->clients[i].fd >= 0 && !c->sockets->clients[i].changing;
	cJSON_AddNumberToObject(reply, "readers", readers);
	cJSON_AddNumberToObject(reply, "readersRefused", c->sockets->refused);
	cJSON_AddNumberToObject(reply, "readersDropped", c->sockets->dropped);
}

/* --- Sockets ----------------------------------------------------------------------------------------------------- */

static int open_socket(const char *path, bool changing, struct error *e)
{
	const struct group *group = changing ? NULL : getgrnam(LAB_GROUP);
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(at.sun_path))
		return error_set(e, -ENAMETOOLONG, "'%s' is too long for a socket: give the lab a shorter name", path);
	strcpy(at.sun_path, path);
	unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) || chmod(path, group ? 0660 : 0600) ||
	    (group && chown(path, 0, group->gr_gid)) || listen(fd, QUEUE)) {
		error_set(e, -errno, "cannot listen on '%s': %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -EIO;
	}
	return fd;
}

static int listen_on(struct controller *c, const char *name, struct listener *l, struct error *e)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = l};
	char path[512];

	lab_run_path(c->name, name, path);
	l->fd = open_socket(path, l->changing, e);
	if (l->fd < 0)
		return l->fd;
	if (epoll_ctl(l->changing ? c->epoll : c->sockets->readers, EPOLL_CTL_ADD, l->fd, &event))
		return error_set(e, -errno, "cannot wait for requests: %s", strerror(errno));
	return 0;
}

int server_start(struct controller *c, struct error *e)
{
	struct sockets *s = xcalloc(1, sizeof(*s));
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = &s->readers};
	int err;

	c->sockets = s;
	for (int i = 0; i < MOST_CLIENTS; i++)
		s->clients[i] = (struct client){.fd = -1, .errand = ERRAND_NONE, .pipes = {-1, -1}};
	s->listeners[0].fd = s->listeners[1].fd = -1;
	s->listeners[1].changing = true;
	s->readers = epoll_create1(EPOLL_CLOEXEC);
	if (s->readers < 0 || epoll_ctl(c->epoll, EPOLL_CTL_ADD, s->readers, &event))
		return error_set(e, -errno, "cannot wait for requests: %s", strerror(errno));
	err = listen_on(c, READ_SOCKET, &s->listeners[0], e);
	return err ? err : listen_on(c, CHANGE_SOCKET, &s->listeners[1], e);
}

void server_stop(struct controller *c)
{
	if (!c->sockets)
		return;
	/* What is lent stays so: who stops this controller may hold the lab's lock, and the next one ends the loan. */
	c->borrower = NULL;
	for (int i = 0; i < MOST_CLIENTS; i++) {
		flush(&c->sockets->clients[i]);
		drop_client(c, &c->sockets->clients[i]);
	}
	for (int i = 0; i < 2; i++) {
		if (c->sockets->listeners[i].fd >= 0)
			close(c->sockets->listeners[i].fd);
	}
	if (c->sockets->readers >= 0)
		close(c->sockets->readers);
	free(c->sockets);
	c->sockets = NULL;
}
