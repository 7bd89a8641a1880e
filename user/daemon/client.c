// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/client.h"
#include "daemon/names.h"
#include "lab/lab.h"
#include "lab/process.h"

#define READY_FD    3
#define READY_MS    60000 /* a large lab is computed once */
#define ANSWER_S    60	  /* between two lines of an answer */
#define END_STEP_MS 10

/* --- Life -------------------------------------------------------------------------------------------------------- */

pid_t controller_pid(const char *lab)
{
	return process_holder(lab, CONTROLLER_FILE);
}

/* Returns a descriptor or -errno. */
static int connect_to(const char *lab, bool changing)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	char path[512];
	int fd, err;

	lab_run_path(lab, changing ? CHANGE_SOCKET : READ_SOCKET, path);
	if (strlen(path) >= sizeof(at.sun_path))
		return -ENAMETOOLONG;
	strcpy(at.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && !connect(fd, (struct sockaddr *)&at, sizeof(at)))
		return fd;
	err = -errno;
	if (fd >= 0)
		close(fd);
	return err;
}

static void become_controller(const char *lab, int ready)
{
	static const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
	char program[4096];
	int err;

	process_program("erxdpd", program);
	setrlimit(RLIMIT_CPU, &none); /* who starts it may have a limit of its own (errand.c) */
	err = process_detach(lab, ready);
	if (err) {
		dprintf(ready, "cannot open its log '" LAB_LOG "' or leave the terminal: %s", strerror(-err));
		_exit(1);
	}
	execl(program, "erxdpd", "--ready-fd", "3", lab, NULL);
	dprintf(READY_FD, "cannot start '%s': %s; is it installed beside erxdpctl?", program, strerror(errno));
	_exit(1);
}

static int wait_ready(const char *lab, int fd, struct error *e)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char text[1500] = "";
	size_t got = 0;

	while (got < sizeof(text) - 1 && poll(&p, 1, READY_MS) > 0) {
		ssize_t n = read(fd, text + got, sizeof(text) - 1 - got);

		if (n <= 0)
			break;
		got += n;
	}
	if (!strcmp(text, "ok"))
		return 0;
	return error_set(e, -EIO, "the controller of lab '%s' has not started: %s", lab,
			 *text ? text : "it said nothing; see its log in " LAB_RUN);
}

static int start(const char *lab, struct error *e)
{
	int ready[2], err;
	pid_t child;

	if (pipe2(ready, O_CLOEXEC))
		return error_set(e, -errno, "cannot start a controller: %s", strerror(errno));
	child = fork();
	if (child < 0) {
		err = -errno;
		close(ready[0]);
		close(ready[1]);
		return error_set(e, err, "cannot start a controller: %s", strerror(-err));
	}
	if (!child)
		become_controller(lab, ready[1]);
	close(ready[1]);
	err = wait_ready(lab, ready[0], e);
	close(ready[0]);
	if (err) { /* until then its lock looks like that of a controller */
		kill(child, SIGTERM);
		waitpid(child, NULL, 0);
	}
	return err;
}

static int not_told(const char *lab, int err, struct error *e)
{
	return error_set(e, err, "cannot tell whether lab '%s' has a controller: %s", lab, strerror(-err));
}

static void rest(void)
{
	nanosleep(&(struct timespec){.tv_nsec = END_STEP_MS * 1000000}, NULL);
}

/* One that lives and does not listen is still taking the lab over, or about to end. */
static bool listens(const char *lab)
{
	int fd = connect_to(lab, true);

	if (fd >= 0)
		close(fd);
	return fd >= 0 || (fd != -ECONNREFUSED && fd != -ENOENT);
}

int controller_ensure(const char *lab, struct error *e)
{
	for (int waited = 0; waited < READY_MS; waited += END_STEP_MS) {
		pid_t pid = controller_pid(lab);
		int err;

		if (pid < 0)
			return not_told(lab, pid, e);
		if (pid && listens(lab))
			return 0;
		err = pid ? 0 : start(lab, e);
		/* Somebody else may have been faster. */
		if (!pid && (!err || controller_pid(lab) <= 0))
			return err;
		rest();
	}
	return error_set(e, -ETIMEDOUT, "the controller of lab '%s' does not listen; see its log in " LAB_RUN, lab);
}

int controller_end(const char *lab, struct error *e)
{
	return process_end(lab, CONTROLLER_FILE, "controller", SIGTERM, e);
}

/* --- Talking ----------------------------------------------------------------------------------------------------- */

/* Where the group does not exist yet, nobody can be in it. */
static int not_a_member(const char *lab, struct error *e)
{
	return error_set(e, -EACCES,
			 "only root and members of group " LAB_GROUP
			 " may ask the controller of lab '%s': run as root, or "
			 "as root '%s'",
			 lab,
			 getgrnam(LAB_GROUP) ? "usermod -aG " LAB_GROUP " USER' and log in again"
					     : "groupadd --system " LAB_GROUP "', 'usermod -aG " LAB_GROUP
					       " USER', and load the lab again");
}

struct talk {
	int fd;
	char *bytes;
	size_t n, cap, used;
};

static int talk_open(const char *lab, bool changing, struct talk *t, struct error *e)
{
	memset(t, 0, sizeof(*t));
	t->fd = connect_to(lab, changing);
	if (t->fd >= 0)
		return 0;
	if (t->fd != -EACCES)
		error_set(e, t->fd, "cannot reach the controller of lab '%s': %s; 'erxdpctl load' as root starts it",
			  lab, strerror(-t->fd));
	else if (changing)
		error_set(e, t->fd, "cannot reach the controller of lab '%s': %s; run as root", lab, strerror(EACCES));
	else
		return not_a_member(lab, e);
	return -ECONNREFUSED;
}

static void talk_close(struct talk *t)
{
	close(t->fd);
	free(t->bytes);
}

/* One that has been stopped does not answer; who only listens waits for ever. */
static void talk_expect_answer(struct talk *t)
{
	struct timeval limit = {.tv_sec = ANSWER_S};

	setsockopt(t->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

static int talk_send(struct talk *t, cJSON *request, struct error *e)
{
	char *text = cJSON_PrintUnformatted(request);
	size_t size = strlen(text), done = 0;
	int err = 0;

	text[size] = '\n'; /* in place of the end, which nobody needs any more */
	while (done <= size) {
		ssize_t n = send(t->fd, text + done, size + 1 - done, MSG_NOSIGNAL);

		err = n < 0 ? errno : 0;
		if (err && err != EINTR)
			break;
		if (n > 0)
			done += n;
	}
	free(text);
	cJSON_Delete(request);
	return done > size ? 0 : error_set(e, -EPIPE, "cannot ask the controller: %s", strerror(err));
}

#define MAY_BE_DONE "what was asked for may have been done, 'erxdpctl status' tells"

static int talk_fill(struct talk *t, struct error *e)
{
	ssize_t n;

	if (t->used)
		memmove(t->bytes, t->bytes + t->used, t->n - t->used);
	t->n -= t->used;
	t->used = 0;
	t->bytes = vec_grow(t->bytes, &t->cap, t->n + 65536, 1);
	do
		n = recv(t->fd, t->bytes + t->n, 65536, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return error_set(e, -ETIMEDOUT, "the controller does not answer; 'erxdpctl status' names its process");
	if (n < 0)
		return error_set(e, -errno, "cannot read the controller's answer: %s; " MAY_BE_DONE, strerror(errno));
	if (!n)
		return error_set(e, -EPIPE, "the controller has closed the connection without an answer; " MAY_BE_DONE);
	t->n += n;
	return 0;
}

/* The next line; NULL with *e filled when there is none. */
static cJSON *talk_line(struct talk *t, struct error *e)
{
	for (;;) {
		char *from = t->bytes + t->used, *end = t->n > t->used ? memchr(from, '\n', t->n - t->used) : NULL;
		cJSON *json;

		if (!end) {
			if (talk_fill(t, e))
				return NULL;
			continue;
		}
		*end = '\0';
		t->used = end + 1 - t->bytes;
		json = cJSON_Parse(from);
		if (!json)
			error_set(e, -EPROTO, "the controller has said what is no JSON");
		return json;
	}
}

static bool is_event(const cJSON *line)
{
	return cJSON_HasObjectItem(line, "event");
}

static int talk_ask(struct talk *t, cJSON *request, controller_event_fn each, void *arg, cJSON **answer,
		    struct error *e)
{
	int err = talk_send(t, request, e);

	while (!err) {
		cJSON *line = talk_line(t, e);

		if (!line)
			return -EPIPE;
		if (!is_event(line)) {
			*answer = line;
			return 0;
		}
		if (each)
			each(arg, line);
		cJSON_Delete(line);
	}
	return err;
}

int controller_ask(const char *lab, bool changing, cJSON *request, controller_event_fn each, void *arg, cJSON **answer,
		   struct error *e)
{
	struct talk t;
	int err = talk_open(lab, changing, &t, e);

	if (err) {
		cJSON_Delete(request);
		return err;
	}
	talk_expect_answer(&t);
	err = talk_ask(&t, request, each, arg, answer, e);
	talk_close(&t);
	return err;
}

/* --- Errands ----------------------------------------------------------------------------------------------------- */

static int send_with_pipes(int fd, cJSON *request, const int pipes[2], struct error *e)
{
	char *text = cJSON_PrintUnformatted(request), control[CMSG_SPACE(2 * sizeof(int))] = "";
	struct iovec part = {text, strlen(text) + 1};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	ssize_t n;

	text[part.iov_len - 1] = '\n';
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(2 * sizeof(int));
	memcpy(CMSG_DATA(header), pipes, 2 * sizeof(int));
	n = sendmsg(fd, &message, MSG_NOSIGNAL);
	free(text);
	cJSON_Delete(request);
	return n == (ssize_t)part.iov_len ? 0 : error_set(e, -EPIPE, "cannot ask the controller: %s", strerror(errno));
}

/* Returns whether there may be more. */
static bool pass_on(int from, int to)
{
	char bytes[16384];
	ssize_t n = read(from, bytes, sizeof(bytes));

	if (n < 0)
		return errno == EINTR;
	for (ssize_t done = 0, wrote; done < n; done += wrote) {
		wrote = write(to, bytes + done, n - done);
		if (wrote < 0 && errno == EINTR)
			wrote = 0;
		else if (wrote < 0)
			return false;
	}
	return n > 0;
}

static void pass_all_on(int from[2])
{
	struct pollfd p[2] = {{.fd = from[0], .events = POLLIN}, {.fd = from[1], .events = POLLIN}};

	while ((p[0].fd >= 0 || p[1].fd >= 0) && (poll(p, 2, -1) > 0 || errno == EINTR)) {
		for (int i = 0; i < 2; i++) {
			if (p[i].fd < 0 || !p[i].revents || pass_on(from[i], i + 1))
				continue;
			p[i].fd = -1;
			close(from[i]); /* who writes there learns that nobody reads any more */
			from[i] = -1;
		}
	}
}

static void close_both(int fds[2])
{
	for (int i = 0; i < 2; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

static int run_through(struct talk *t, cJSON *args, int *code, struct error *e)
{
	int out[2] = {-1, -1}, words[2] = {-1, -1}, ours[2], theirs[2], err;
	cJSON *request = cJSON_CreateObject(), *answer;
	const cJSON *said, *number;

	cJSON_AddStringToObject(request, "do", "run");
	cJSON_AddItemToObject(request, "args", args);
	if (pipe2(out, O_CLOEXEC) || pipe2(words, O_CLOEXEC)) {
		err = error_set(e, -errno, "cannot make a pipe: %s", strerror(errno));
		close_both(out);
		cJSON_Delete(request);
		return err;
	}
	ours[0] = out[0], ours[1] = words[0], theirs[0] = out[1], theirs[1] = words[1];
	err = send_with_pipes(t->fd, request, theirs, e);
	close_both(theirs);
	if (!err)
		pass_all_on(ours);
	close_both(ours);
	answer = err ? NULL : talk_line(t, e);
	if (!answer)
		return -EPIPE;
	said = cJSON_GetObjectItem(answer, "error");
	number = cJSON_GetObjectItem(answer, "code");
	*code = cJSON_IsNumber(number) ? (int)number->valuedouble : 1;
	if (cJSON_IsString(said))
		err = error_set(e, -EIO, "%s", said->valuestring);
	cJSON_Delete(answer);
	return err;
}

int controller_run_for_me(const char *lab, cJSON *args, int *code, struct error *e)
{
	struct talk t;
	int err = talk_open(lab, false, &t, e);

	if (err) {
		cJSON_Delete(args);
		return err;
	}
	talk_expect_answer(&t);
	err = run_through(&t, args, code, e);
	talk_close(&t);
	return err;
}

/* --- A connection that stays ------------------------------------------------------------------------------------- */

struct controller_line {
	struct talk talk;
};

int controller_open(const char *lab, struct controller_line **out, struct error *e)
{
	struct talk t;
	int err = talk_open(lab, true, &t, e);

	if (err)
		return err;
	talk_expect_answer(&t);
	*out = xcalloc(1, sizeof(**out));
	(*out)->talk = t;
	return 0;
}

int controller_say(struct controller_line *line, cJSON *request, cJSON **answer, struct error *e)
{
	return talk_ask(&line->talk, request, NULL, NULL, answer, e);
}

void controller_close(struct controller_line *line)
{
	if (!line)
		return;
	talk_close(&line->talk);
	free(line);
}

/* Listening comes first, so that no event of the request itself is missed. */
static int begin_listening(struct talk *t, unsigned last, bool follow, cJSON *also, struct error *e)
{
	cJSON *request = cJSON_CreateObject();
	int err;

	cJSON_AddStringToObject(request, "do", "events");
	cJSON_AddNumberToObject(request, "last", last);
	cJSON_AddBoolToObject(request, "follow", follow);
	err = talk_send(t, request, e);
	if (!err && also)
		return talk_send(t, also, e);
	cJSON_Delete(also);
	return err;
}

int controller_listen(const char *lab, unsigned last, bool follow, cJSON *also, cJSON **answer, controller_listen_fn fn,
		      void *arg, struct error *e)
{
	unsigned answers = also ? 2 : 1;
	bool more = true;
	struct talk t;
	int err = talk_open(lab, also != NULL, &t, e);

	if (err) {
		cJSON_Delete(also);
		return err;
	}
	err = begin_listening(&t, last, follow, also, e);
	while (!err && more && (follow || answers)) {
		cJSON *line = talk_line(&t, e);

		if (!line) {
			err = -EPIPE;
		} else if (is_event(line)) {
			more = fn(arg, line);
			cJSON_Delete(line);
		} else if (--answers == 0 && also && answer) {
			*answer = line;
			more = cJSON_IsTrue(cJSON_GetObjectItem(line, "ok"));
		} else {
			cJSON_Delete(line);
		}
	}
	talk_close(&t);
	return err;
}
