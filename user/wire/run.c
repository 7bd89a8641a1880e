// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The loop: take what has come, send what is due, sleep until the next is. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "wire/internal.h"

#define SPIN_NS	   10000  /* the last moment before a frame is due is not worth a sleep */
#define RETRY_NS   100000 /* the kernel had no buffer to send with */
#define LOOK_EVERY 256	  /* turns without a sleep until the other descriptors get their look */

/* What the loop finds in an event's pointer when it is no end. */
static char timer_tag, files_tag;

struct runner {
	struct wires wires;
	const char *directory;
	int timer, files;
	uint64_t armed; /* what the timer is set to */
	bool stopping;
};

static void file_path(const struct runner *r, const char *file, char out[static 512])
{
	snprintf(out, 512, "%s/%s", r->directory, file);
}

/* --- Configuration -------------------------------------------------------------------------------------------------
 */

/* To be freed; NULL after a message. */
static char *read_text(const char *path, struct error *e)
{
	FILE *in = fopen(path, "re"), *out;
	char *text = NULL;
	size_t size;
	int c;

	if (!in) {
		error_set(e, -errno, "cannot open '%s': %s", path, strerror(errno));
		return NULL;
	}
	out = open_memstream(&text, &size);
	while (out && (c = getc(in)) != EOF)
		putc(c, out);
	if (out)
		fclose(out);
	fclose(in);
	return text;
}

static int apply_text(struct runner *r, const char *text, uint64_t *nonce, struct error *e)
{
	wire_settings settings = {};
	int err = 0;

	if (!wire_config_parse(text, &settings, nonce))
		return error_set(e, -EPROTO, "the list of wires in '%s' is of another version", r->directory);
	r->stopping = !settings.n;
	if (settings.n)
		err = wires_apply(&r->wires, &settings, e);
	wire_settings_free(&settings);
	return err;
}

/* Who has written the configuration waits until `applied` has its nonce. */
static int configure(struct runner *r, struct error *e)
{
	struct wire_stats *stats = r->wires.stats;
	uint64_t nonce = 0;
	char path[512], *text;
	int err;

	file_path(r, WIRE_CONFIG, path);
	text = read_text(path, e);
	err = text ? apply_text(r, text, &nonce, e) : -EIO;
	free(text);
	stats->failed = err != 0;
	snprintf(stats->why, sizeof(stats->why), "%.500s", err ? e->text : "");
	__atomic_store_n(&stats->applied, nonce, __ATOMIC_RELEASE);
	return err;
}

static void files_changed(struct runner *r)
{
	char changes[4096] __attribute__((aligned(8))), path[512];
	struct error e = {};
	bool again = false;
	ssize_t n;

	while ((n = read(r->files, changes, sizeof(changes))) > 0) {
		for (char *at = changes; at < changes + n;) {
			const struct inotify_event *event = (const void *)at;

			again = again || (event->mask & IN_MOVED_TO && event->len && !strcmp(event->name, WIRE_CONFIG));
			at += sizeof(*event) + event->len;
		}
	}
	file_path(r, WIRE_LOCK, path);
	if (access(path, F_OK))
		r->stopping = true;
	else if (again && configure(r, &e))
		log_error("%s", e.text);
}

/* --- Frames --------------------------------------------------------------------------------------------------------
 */

static void receive(struct wires *w, struct wire *wire, int i, uint64_t now)
{
	struct received batch[RECEIVE_BATCH];
	struct wire_slot *slot = wire->slot[i];
	struct pool *p = &w->pool;
	uint32_t n;

	while ((n = end_receive(&wire->end[i], p, batch))) {
		for (uint32_t k = 0; k < n; k++) {
			const struct received *r = &batch[k];
			enum line_fate fate = line_push(&wire->line[i], p->frames, r->frame, r->bytes,
							r->stamp && r->stamp < now ? r->stamp : now);

			slot->fates[fate]++;
			if (fate != LINE_TAKEN)
				pool_put(p, r->frame);
		}
		slot->taken += n;
		end_refill(&wire->end[i], p);
	}
}

/* Send what is due; returns whether that has to be tried again soon. */
static bool transmit(struct wires *w, struct wire *wire, int i, uint64_t now)
{
	struct end *out = &wire->end[!i];
	struct wire_slot *slot = wire->slot[i];
	struct pool *p = &w->pool;
	uint64_t due[TX_RING], after;
	uint32_t n = 0, refused, frame;

	while (n < TX_RING && end_has_room(out) && (frame = line_pop(&wire->line[i], p->frames, now)) != LINE_NONE) {
		due[n++] = p->frames[frame].due;
		end_send(out, p, frame);
	}
	if (!out->unsent)
		return false;
	refused = end_kick(out);
	slot->refused += refused;
	slot->sent += n;
	after = clock_now();
	for (uint32_t k = 0; k < n; k++)
		wire_note(slot, (int64_t)(after - due[k]));
	return out->unsent || n == TX_RING;
}

/* When the loop has to come round again. */
static uint64_t work(struct wires *w)
{
	uint64_t now = clock_now(), next = UINT64_MAX;

	vec_each(at, &w->list) {
		struct wire *wire = *at;

		for (int i = 0; i < 2; i++)
			receive(w, wire, i, now);
	}
	vec_each(at, &w->list) {
		struct wire *wire = *at;

		for (int i = 0; i < 2; i++) {
			bool again = transmit(w, wire, i, now);
			uint64_t due = line_due(&wire->line[i], w->pool.frames);

			end_reap(&wire->end[!i], &w->pool);
			end_refill(&wire->end[!i], &w->pool);
			/* Nothing can be done about what is due and has no room before the kernel has. */
			if (again || due <= now)
				due = now + RETRY_NS;
			if (due < next)
				next = due;
		}
	}
	return next;
}

static void end_reports(struct runner *r, struct end *end, uint32_t events)
{
	if (!(events & (EPOLLERR | EPOLLHUP)))
		return;
	/* Its interface has gone: the next configuration says what is there instead. */
	end->gone = true;
	epoll_ctl(r->wires.epoll, EPOLL_CTL_DEL, end->fd, NULL);
}

static void look(struct runner *r, int timeout_ms)
{
	struct epoll_event events[32];
	int n = epoll_wait(r->wires.epoll, events, 32, timeout_ms);
	bool changed = false;

	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr == &files_tag)
			changed = true;
		else if (events[i].data.ptr != &timer_tag)
			end_reports(r, events[i].data.ptr, events[i].events);
	}
	/* Last: it may close the ends that the events are of. */
	if (changed)
		files_changed(r);
}

static void arm(struct runner *r, uint64_t at)
{
	struct itimerspec t = {};

	if (at == r->armed)
		return;
	r->armed = at;
	if (at != UINT64_MAX) {
		t.it_value.tv_sec = at / 1000000000;
		t.it_value.tv_nsec = at % 1000000000;
	}
	timerfd_settime(r->timer, TFD_TIMER_ABSTIME, &t, NULL);
}

static void loop(struct runner *r, const volatile int *stop)
{
	unsigned awake = 0;

	while (!*stop && !r->stopping) {
		uint64_t next = work(&r->wires), now = clock_now();

		if (next == UINT64_MAX || next > now + SPIN_NS) {
			arm(r, next == UINT64_MAX ? next : next - SPIN_NS);
			look(r, -1);
			awake = 0;
		} else if (++awake % LOOK_EVERY == 0) {
			look(r, 0);
		}
	}
}

/* --- Life ----------------------------------------------------------------------------------------------------------
 */

static int watch(struct runner *r, struct error *e)
{
	struct epoll_event timer = {.events = EPOLLIN | EPOLLET, .data.ptr = &timer_tag};
	struct epoll_event files = {.events = EPOLLIN, .data.ptr = &files_tag};

	r->wires.epoll = epoll_create1(EPOLL_CLOEXEC);
	r->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	r->files = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (r->wires.epoll < 0 || r->timer < 0 || r->files < 0 ||
	    inotify_add_watch(r->files, r->directory, IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF) < 0 ||
	    epoll_ctl(r->wires.epoll, EPOLL_CTL_ADD, r->timer, &timer) ||
	    epoll_ctl(r->wires.epoll, EPOLL_CTL_ADD, r->files, &files))
		return error_set(e, -errno, "cannot watch over '%s': %s", r->directory, strerror(errno));
	return 0;
}

/*
 * A frame has to leave when it is due, however busy the hosts are. Before all others the process is on time to some
 * tens of us (p99) on a machine where mere niceness makes it several ms late; it sleeps whenever nothing is due. Where
 * that is not permitted, niceness has to do.
 */
static void come_first(void)
{
	const struct sched_param lowest = {.sched_priority = sched_get_priority_min(SCHED_RR)};

	setpriority(PRIO_PROCESS, 0, -18);
	if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &lowest))
		log_verbose("no real-time priority: %s; delays may be late on a busy machine", strerror(errno));
	prctl(PR_SET_TIMERSLACK, 1);
}

int wire_run(const char *directory, const struct wire_host *host, const volatile int *stop, struct error *e)
{
	struct runner r = {.directory = directory, .timer = -1, .files = -1};
	char path[512];
	int err;

	come_first();
	r.wires.host = host;
	r.wires.epoll = -1;
	file_path(&r, WIRE_STATS, path);
	r.wires.stats = wire_stats_open(path, true, e);
	if (!r.wires.stats)
		return -EIO;
	r.wires.stats->pid = getpid();
	err = watch(&r, e);
	if (!err)
		err = configure(&r, e);
	if (!err)
		loop(&r, stop);
	wires_close(&r.wires);
	if (r.timer >= 0)
		close(r.timer);
	if (r.files >= 0)
		close(r.files);
	if (r.wires.epoll >= 0)
		close(r.wires.epoll);
	wire_stats_close(r.wires.stats);
	return err;
}
