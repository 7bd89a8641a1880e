// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "daemon/controller.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "daemon/names.h"
#include "lab/process.h"
#include "lib/log.h"

/* What the loop finds in an event's pointer when it is none of the server's. */
static char watch_tag, timer_tag, gone_tag;

/* --- Taking over ------------------------------------------------------------------------------------------------- */

static int add_to_loop(struct controller *c, int fd, void *tag, struct error *e)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = tag};

	if (epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &event))
		return error_set(e, -errno, "cannot wait for events: %s", strerror(errno));
	return 0;
}

/* Sessions that are up and that nobody has a date for have come up now. */
static void date_sessions(struct controller *c)
{
	vec_each(s, &c->way->now->sessions) {
		if (s->link != NO_INDEX && !c->lab->since[s->link])
			c->lab->since[s->link] = clock_date();
	}
}

static void drop_lab(struct controller *c)
{
	wires_unwatch(c);
	c->half_remade = false;
	watch_stop(c);
	free(c->alive);
	c->alive = NULL;
	lab_switch_close(c->way);
	c->way = NULL;
	lab_free(c->lab);
	c->lab = NULL;
}

/* memory: NULL when this controller has just begun. */
static void tell_taken_over(struct controller *c, const session_memory *memory)
{
	const session_memory none = {};

	if (memory)
		event(c, "reload", c->name, NULL, "lab '%s' was loaded anew: %zu devices, %zu links", c->name,
		      c->lab->fabric->devices.n, c->lab->fabric->links.n);
	else
		event(c, "start", c->name, NULL, "controller %d has taken over lab '%s'", getpid(), c->name);
	news_of_load(c, memory ? memory : &none);
}

/* As before the first lab was taken over; what there was is not freed. */
static void hold_nothing(struct controller *c)
{
	c->lab = NULL;
	c->generation = 0;
	c->way = NULL;
	c->watch = NULL;
	c->hellos = NULL;
	c->ports = NULL;
	c->port_of = NULL;
	c->alive = NULL;
	c->wires = -1;
	c->wires_at = 0;
	c->half_remade = false;
}

/*
 * Under the lab's lock. Everything is computed once and compared with what is
 * loaded, so that a change that the last controller was killed in the middle of
 * is finished; on a whole lab that writes nothing. What is told is told when
 * nothing can fail any more, as it may be tried again and again.
 */
static int take_over(struct controller *c, const session_memory *memory, struct error *e)
{
	struct lab_changes changes, mended;
	bool maintained;
	int err = lab_open(c->name, &c->lab, e);

	if (err)
		return err;
	err = lab_generation(c->name, &c->generation, e);
	if (!err)
		err = lab_compute(c->lab, e);
	if (!err)
		err = watch_start(c, e);
	if (!err)
		err = add_to_loop(c, net_watch_fd(c->watch), &watch_tag, e);
	if (!err)
		err = lab_apply_maps(c->lab, &mended, e);
	if (!err)
		err = lab_switch_open(c->lab, &c->way, e);
	if (err)
		return err;
	lab_forget_routes(c->lab);
	c->hellos = dp_hellos(c->way->dp);
	if (!c->hellos)
		return error_set(e, -ENOMEM, "cannot map the arrivals of hellos of lab '%s'", c->name);
	wires_watch(c);
	hello_start(c);
	/* To whom something was lent, that was by another controller, or before the file was another one. */
	loan_end(c);
	/* What maintenance has asked for by then is part of the lab's state. */
	maintained = lab_restore_planned(c->lab);
	err = follow_asked(c, (struct follow_how){}, &changes, e);
	if (err)
		return err;
	date_sessions(c);
	err = lab_save_state(c->lab, e);
	if (err)
		return err;
	if (dp_changes_sum(&mended.dp))
		event(c, "mended", c->name, NULL, "%u map entries were not as they should be",
		      dp_changes_sum(&mended.dp));
	maintain_ended(c, maintained);
	sweep_start(c);
	tell_taken_over(c, memory);
	return 0;
}

/* The new lab is made beside the old one, so there is one at any time. Who was dead stays dead until it is heard: the
 * flags are part of the lab's state. */
int controller_reload(struct controller *c, struct error *e)
{
	struct controller before = *c;
	session_memory memory = {};
	int err;

	news_remember(c, &memory);
	hold_nothing(c);
	err = take_over(c, &memory, e);
	news_forget(&memory);
	if (err) {
		drop_lab(c);
		*c = before;
		c->generation = 0;
		follow_later(c, e);
		return err;
	}
	drop_lab(&before);
	*c->trouble.text = '\0';
	c->fresh = true;
	return 0;
}

/* --- The loop ---------------------------------------------------------------------------------------------------- */

static uint64_t next_due(const struct controller *c)
{
	uint64_t due = hello_due(c), maintain = maintain_due(c), wires = wires_due(c);

	if (maintain < due)
		due = maintain;
	if (wires < due)
		due = wires;
	if (c->follow_at && c->follow_at < due)
		due = c->follow_at;
	if (c->sweep_at < due)
		due = c->sweep_at;
	return due;
}

static void set_timer(struct controller *c)
{
	uint64_t due = next_due(c);
	struct itimerspec t = {};

	if (due != UINT64_MAX) {
		t.it_value.tv_sec = due / 1000000000;
		t.it_value.tv_nsec = due % 1000000000;
	}
	timerfd_settime(c->timer, TFD_TIMER_ABSTIME, &t, NULL);
}

static void timer_rang(struct controller *c)
{
	uint64_t times;
	bool news;

	if (read(c->timer, &times, sizeof(times)) < 0 && errno != EAGAIN)
		log_error("cannot read the timer: %s", strerror(errno));
	news = hello_work(c);
	if (news || (c->follow_at && clock_now() >= c->follow_at))
		follow_noticed(c);
	maintain_work(c);
	sweep_work(c);
	wires_work(c);
}

/* Somebody has taken the run directory away: whoever loads the lab again has another controller. */
static void look_for_claim(struct controller *c)
{
	char changes[4096];
	struct error e = {};

	while (read(c->gone, changes, sizeof(changes)) > 0)
		;
	if (check_claim(c, &e) != -ENOENT)
		return;
	log_error("%s", e.text);
	c->stopping = true;
}

static void handle(struct controller *c, const struct epoll_event *event)
{
	if (event->data.ptr == &timer_tag)
		timer_rang(c);
	else if (event->data.ptr == &gone_tag)
		look_for_claim(c);
	else if (event->data.ptr == &c->wires)
		wires_died(c);
	else if (event->data.ptr != &watch_tag)
		server_work(c, event->data.ptr, event->events);
	else if (watch_read(c))
		follow_noticed(c);
}

static volatile sig_atomic_t asked_to_stop;

static void ask_to_stop(int signal)
{
	(void)signal;
	asked_to_stop = 1;
}

/* The timer is for what the controller does by itself; who asks waits for his turn here. */
static int wait_for_events(struct controller *c, struct epoll_event *events, int most, const sigset_t *signals)
{
	uint64_t due = server_due(c), now = clock_now(), ns = due > now ? due - now : 0;
	const struct timespec wait = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

	return epoll_pwait2(c->epoll, events, most, due == UINT64_MAX ? NULL : &wait, signals);
}

static void loop(struct controller *c)
{
	struct epoll_event events[16];
	sigset_t signals;

	/* Those that end it arrive here only, so none comes between the question and the wait. */
	sigemptyset(&signals);
	while (!c->stopping && !asked_to_stop) {
		int n;

		set_timer(c);
		n = wait_for_events(c, events, 16, &signals);
		if (n < 0 && errno != EINTR) {
			log_error("cannot wait for events: %s", strerror(errno));
			break;
		}
		/* Carrier first: whatever else has happened can wait for it. */
		for (int pass = 0; pass < 2; pass++)
			for (int i = 0; i < n && !c->stopping; i++) {
				if ((events[i].data.ptr == &watch_tag) == !pass)
					handle(c, &events[i]);
			}
		server_turn(c);
	}
}

/* --- Life -------------------------------------------------------------------------------------------------------- */

static void catch_signals(void)
{
	struct sigaction stop = {.sa_handler = ask_to_stop}, ignore = {.sa_handler = SIG_IGN};

	sigset_t later;

	sigemptyset(&later);
	sigaddset(&later, SIGTERM);
	sigaddset(&later, SIGINT);
	sigprocmask(SIG_BLOCK, &later, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGHUP, &ignore, NULL);
}

int check_claim(const struct controller *c, struct error *e)
{
	struct stat held = {}, named = {};
	char path[512];
	bool there;

	lab_run_path(c->name, CONTROLLER_FILE, path);
	there = !stat(path, &named);
	if ((!there && errno != ENOENT) || fstat(c->claim, &held))
		return error_set(e, -EIO, "cannot look at '%s': %s", path, strerror(errno));
	if (there && held.st_ino == named.st_ino && held.st_dev == named.st_dev)
		return 0;
	return error_set(e, -ENOENT, "the run directory of lab '%s' is gone, and with it what this controller controls",
			 c->name);
}

static int watch_directory(struct controller *c, struct error *e)
{
	char path[512];

	lab_run_path(c->name, "", path);
	c->gone = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (c->gone < 0 ||
	    inotify_add_watch(c->gone, path, IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF) < 0)
		return error_set(e, -errno, "cannot watch over '%s': %s", path, strerror(errno));
	return add_to_loop(c, c->gone, &gone_tag, e);
}

static int start(struct controller *c, struct error *e)
{
	int err;

	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	c->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (c->epoll < 0 || c->timer < 0)
		return error_set(e, -errno, "cannot wait for events: %s", strerror(errno));
	err = add_to_loop(c, c->timer, &timer_tag, e);
	if (!err)
		err = watch_directory(c, e);
	if (!err) {
		c->lock = lab_lock(c->name, false, true, e);
		err = c->lock < 0 ? c->lock : take_over(c, NULL, e);
		follow_unlock(c);
	}
	return err ? err : server_start(c, e);
}

static void stop(struct controller *c)
{
	server_stop(c);
	drop_lab(c);
	maintenance_free(c->maintenance);
	events_free(c->events);
	if (c->timer >= 0)
		close(c->timer);
	if (c->gone >= 0)
		close(c->gone);
	if (c->epoll >= 0)
		close(c->epoll);
	if (c->claim >= 0)
		close(c->claim);
}

static void tell_ready(int fd, const char *text)
{
	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		log_verbose("nobody waits for this controller");
	close(fd);
}

int controller_run(const char *name, int ready_fd)
{
	struct controller c = {.name = name,
			       .epoll = -1,
			       .timer = -1,
			       .lock = -1,
			       .claim = -1,
			       .gone = -1,
			       .wires = -1,
			       .events = events_new()};
	struct error e = {};
	int err;

	catch_signals();
	/* A failure is to be followed at once also while the hosts are busy. */
	setpriority(PRIO_PROCESS, 0, -15);
	c.claim = process_claim(name, CONTROLLER_FILE, "controller", &e);
	err = c.claim < 0 ? c.claim : start(&c, &e);
	if (err) {
		log_error("%s", e.text);
		tell_ready(ready_fd, e.text);
	} else {
		tell_ready(ready_fd, "ok");
		loop(&c);
	}
	stop(&c);
	return err ? 1 : 0;
}
