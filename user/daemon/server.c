// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Two sockets, one line of JSON for each request and each answer. Nobody is waited for. */
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
#include "daemon/names.h"
#include "lib/log.h"

#define MOST_CLIENTS 64
#define MOST_READERS 56 /* who may only ask leaves room for who changes something */

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
	bool wants_out;
	struct buffer in, out;
	size_t replayed; /* bytes of the past that it has asked for: they do not count as unread */
};

struct listener {
	int fd;
	bool changing;
};

struct sockets {
	struct listener listeners[2];
	struct client clients[MOST_CLIENTS];
};

/* --- Clients ----------------------------------------------------------------------------------------------------- */

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

static void drop_client(struct controller *c, struct client *client)
{
	if (client->fd < 0)
		return;
	close(client->fd);
	free(client->in.bytes);
	free(client->out.bytes);
	*client = (struct client){.fd = -1};
	loan_client_gone(c, client);
}

static void flush(struct controller *c, struct client *client)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
	bool more;

	while (client->out.n && !client->broken) {
		ssize_t n = send(client->fd, client->out.bytes, client->out.n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0 && errno != EINTR)
			client->broken = true;
		else if (n > 0)
			drop_front(&client->out, n);
	}
	more = client->out.n > 0;
	if (more == client->wants_out || client->broken)
		return;
	client->wants_out = more;
	event.events |= more ? EPOLLOUT : 0;
	epoll_ctl(c->epoll, EPOLL_CTL_MOD, client->fd, &event);
}

static void say(struct controller *c, struct client *client, const char *line)
{
	if (client->out.n + strlen(line) > MOST_WAIT + client->replayed) {
		client->broken = true;
		return;
	}
	append(&client->out, line, strlen(line));
	append(&client->out, "\n", 1);
	flush(c, client);
}

struct replay {
	struct controller *c;
	struct client *client;
};

static void replay_line(void *arg, const char *line)
{
	const struct replay *r = arg;

	r->client->replayed += strlen(line) + 1;
	say(r->c, r->client, line);
}

static void answer(struct controller *c, struct client *client, const char *line)
{
	struct asker asker = {.who = client, .pid = client->pid, .changing = client->changing};
	struct replay replay = {c, client};
	bool listens = false;
	size_t last = 0;
	cJSON *reply = request_answer(c, line, &asker, &listens, &last);
	char *text = cJSON_PrintUnformatted(reply);

	/* Who asks for the past again without having read it waits for too much. */
	if (last && client->out.n > MOST_WAIT)
		client->broken = true;
	else if (last) {
		client->replayed = 0;
		events_replay(c->events, last, replay_line, &replay);
	}
	client->listens = client->listens || listens;
	say(c, client, text);
	free(text);
	cJSON_Delete(reply);
}

static void take_lines(struct controller *c, struct client *client)
{
	char *end;

	/* After the last one nothing is there any more that could be asked about. */
	while (!client->broken && !c->stopping && client->in.n &&
	       (end = memchr(client->in.bytes, '\n', client->in.n))) {
		size_t n = end - client->in.bytes + 1;

		*end = '\0';
		answer(c, client, client->in.bytes);
		drop_front(&client->in, n);
	}
	if (client->in.n >= MOST_LINE) {
		say(c, client,
		    "{\"ok\":false,\"error\":\"a request has at most 65536 bytes and ends with a newline\"}");
		client->broken = true;
	}
}

static void hear(struct controller *c, struct client *client)
{
	char bytes[4096];
	ssize_t n = recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client->broken = true;
		return;
	}
	append(&client->in, bytes, n);
	take_lines(c, client);
}

/* --- Sockets ----------------------------------------------------------------------------------------------------- */

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

static pid_t peer_of(int fd)
{
	struct ucred peer = {};
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) ? 0 : peer.pid;
}

static void accept_client(struct controller *c, const struct listener *l)
{
	int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *client = free_client(c->sockets, l->changing);
	struct epoll_event event = {.events = EPOLLIN};

	if (fd < 0)
		return;
	if (!client) {
		close(fd);
		return;
	}
	*client = (struct client){.fd = fd, .pid = peer_of(fd), .changing = l->changing};
	event.data.ptr = client;
	if (epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &event))
		drop_client(c, client);
}

void server_work(struct controller *c, void *who, uint32_t what)
{
	struct sockets *s = c->sockets;
	struct client *client = who;

	for (int i = 0; i < 2; i++) {
		if (who == &s->listeners[i]) {
			accept_client(c, who);
			return;
		}
	}
	if (client->fd < 0)
		return; /* dropped since the kernel told */
	if (what & EPOLLOUT)
		flush(c, client);
	if (what & (EPOLLIN | EPOLLHUP | EPOLLERR))
		hear(c, client);
	for (int i = 0; i < MOST_CLIENTS; i++) {
		if (s->clients[i].broken)
			drop_client(c, &s->clients[i]);
	}
}

void server_tell(struct controller *c, const char *line)
{
	for (int i = 0; c->sockets && i < MOST_CLIENTS; i++) {
		if (c->sockets->clients[i].fd >= 0 && c->sockets->clients[i].listens)
			say(c, &c->sockets->clients[i], line);
	}
}

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
	    (group && chown(path, 0, group->gr_gid)) || listen(fd, 16)) {
		error_set(e, -errno, "cannot listen on '%s': %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -EIO;
	}
	return fd;
}

int server_start(struct controller *c, struct error *e)
{
	static const char *const names[] = {READ_SOCKET, CHANGE_SOCKET};
	struct sockets *s = xcalloc(1, sizeof(*s));

	c->sockets = s;
	for (int i = 0; i < MOST_CLIENTS; i++)
		s->clients[i].fd = -1;
	s->listeners[0].fd = s->listeners[1].fd = -1;
	for (int i = 0; i < 2; i++) {
		struct listener *l = &s->listeners[i];
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = l};
		char path[512];

		lab_run_path(c->name, names[i], path);
		l->changing = i == 1;
		l->fd = open_socket(path, l->changing, e);
		if (l->fd < 0)
			return l->fd;
		if (epoll_ctl(c->epoll, EPOLL_CTL_ADD, l->fd, &event))
			return error_set(e, -errno, "cannot wait for requests: %s", strerror(errno));
	}
	return 0;
}

void server_stop(struct controller *c)
{
	if (!c->sockets)
		return;
	/* What is lent stays so: who stops this controller may hold the lab's lock, and the next one ends the loan. */
	c->borrower = NULL;
	for (int i = 0; i < MOST_CLIENTS; i++)
		drop_client(c, &c->sockets->clients[i]);
	for (int i = 0; i < 2; i++) {
		if (c->sockets->listeners[i].fd >= 0)
			close(c->sockets->listeners[i].fd);
	}
	free(c->sockets);
	c->sockets = NULL;
}
