/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The controller of one lab: it stays, notices what happens to links and
 * neighbours, lets routing follow, tells of it, and does what `erxdpctl fail`,
 * `restore` and `fastpath` ask for. Packets do not need it: what it has written
 * carries them while it is dead, and the next one takes over.
 *
 *   controller.c  life: taking a lab over, the event loop
 *   watch.c       carrier, as netlink reports it, and links that faults cut
 *   hello.c       neighbours that fall silent (ctl/liveness.h)
 *   wires.c       the process that delays packets: alive, and with the right settings
 *   follow.c      routing follows: lock, compute, write, save, tell
 *   news.c        what was different before, as events
 *   events.c      the last events, and who wants the next ones
 *   maintain.c    planned work, step by step
 *   sweep.c       flows through gateways that have ended
 *   loan.c        switches that somebody has for a while
 *   requests.c    what can be asked for
 *   server.c      two sockets, JSON lines
 *   errand.c      erxdpctl for members of the group
 */
#ifndef ERX_DAEMON_CONTROLLER_H
#define ERX_DAEMON_CONTROLLER_H

#include <cjson/cJSON.h>
#include "ctl/liveness.h"
#include "lab/lab.h"
#include "lib/clock.h"

struct sockets;
struct events;
struct maintenance;

struct port_seen {
	uint32_t id; /* the interface's index is ERX_FIRST_IFINDEX + id */
	uint8_t mac[6];
	bool known, up, carrier;
};

/* Who makes a request. */
struct asker {
	const void *who; /* stands for the connection as long as it lives */
	pid_t pid;	 /* 0: not known */
	bool changing;	 /* it came in by the socket that may change something */
};

struct controller {
	const char *name;
	/*
	 * From here to alive: all there and made from one topology, from the start to
	 * the end. A reload puts other ones in their place, or leaves them when it
	 * fails: then hellos go on and questions are answered, but maps and run
	 * directory may be another lab's. So nothing is written then: generation is 0,
	 * with which follow_lock() lets nobody through before a reload succeeds.
	 */
	struct lab *lab;
	uint64_t generation; /* of the topology that lab was made from; 0: the one that is there cannot be taken over */
	struct lab_switch *way;
	struct net_watch *watch;
	const volatile uint64_t *hellos; /* when each port last heard one, by port id; CLOCK_MONOTONIC ns */
	struct port_seen *ports;	 /* by port of the fabric */
	uint32_t *port_of;		 /* port by interface index - ERX_FIRST_IFINDEX */
	struct liveness *alive;		 /* by link */
	uint64_t trial_until;		 /* what was sent to try links has arrived by then; 0: none is tried */
	struct error trouble;		 /* what follow_later() has told; empty: nothing is wrong */
	uint64_t follow_at;		 /* routing follows then (timers: {azureConvergence}); 0: nothing is due */
	uint64_t sweep_at;		 /* flows through gateways are looked at then; UINT64_MAX: never */
	int wires;			 /* pidfd of the wire process; -1: none is watched */
	uint64_t wires_at;		 /* it is to be looked for then; 0: it lives, or there is no wire */
	struct maintenance *maintenance; /* NULL: none is going on */
	bool half_remade;		 /* interfaces may not be those of the wires that are known of */
	const void *borrower;		 /* an asker's who: has the switches that are lent; NULL: nobody */
	pid_t borrower_pid;
	struct events *events;
	struct sockets *sockets;
	int epoll, timer, lock;
	int claim;  /* proves that this controller is the lab's */
	int gone;   /* inotify: tells when the run directory is taken away */
	bool fresh; /* taken over since the lock was taken */
	bool stopping;
};

/* Run the lab's controller until it is told to stop. ready_fd: told "ok" or why not, then closed; -1: nobody waits.
 * Returns an exit code. */
int controller_run(const char *name, int ready_fd);
/* The topology was replaced: take the new one over, under the lab's lock. Returns 0, or -errno after follow_later(),
 * with the old one as it was. */
int controller_reload(struct controller *c, struct error *e);
/* 0 while the run directory is the one that this controller has claimed, -ENOENT when it is gone or another's, or
 * another -errno when that cannot be seen. */
int check_claim(const struct controller *c, struct error *e);

/* --- watch.c --- */
int watch_start(struct controller *c, struct error *e);
void watch_stop(struct controller *c);
/* Take in what netlink has to say. True: some link's carrier has changed. */
bool watch_read(struct controller *c);
/* What the interfaces are like now: after a change of which nobody knows whether it was made. Returns 0 or -errno. */
int watch_again(struct controller *c, struct error *e);
/* Cut and mend links as faults ask, those that fail first. */
int watch_cut(struct controller *c, struct error *e);
int watch_mend(struct controller *c, struct error *e);
/* Whether the link should carry: not shut in the file, not cut, and it has carrier. */
bool watch_carries(const struct controller *c, const struct link *l);

/* --- wires.c --- */
/* Begin to watch over the wire process; start it when it is missing. Under the lock. */
void wires_watch(struct controller *c);
void wires_unwatch(struct controller *c);
/* It has died. */
void wires_died(struct controller *c);
/* When wires_work() has to be called next. */
uint64_t wires_due(const struct controller *c);
void wires_work(struct controller *c);
/* What the link is to be like has changed: make it so. Under the lock. */
int wires_follow(struct controller *c, struct error *e);
/* How long a hello may be on its way over a link. */
uint64_t wires_grace(const struct controller *c, const struct link *l);

/* --- hello.c --- */
/* Who was dead stays so until it is heard. */
void hello_start(struct controller *c);
/* Silence on this link counts from now on, and from when a first hello can have come. */
void hello_restart(struct controller *c, const struct link *l);
/* Send what is due, see who has fallen silent or is back. True: routing has to follow. */
bool hello_work(struct controller *c);
/* Which ends hear nothing at this moment: before routing follows, so that nobody is told over a link that is silent. */
void hello_listen(struct controller *c);
/* When hello_work() has to be called next. */
uint64_t hello_due(const struct controller *c);

/* --- follow.c --- */
/* The lab's lock, and a reload when the topology has been replaced. Whoever changes the lab comes by here. Returns 0 or
 * -errno: then nothing is to be changed, the trouble has been told, and it will be tried again. */
int follow_lock(struct controller *c, struct error *e);
void follow_unlock(struct controller *c);
/* Tell what is wrong, once for as long as it is the same, and follow in a while. */
void follow_later(struct controller *c, const struct error *e);
/*
 * Under the lock: bring maps to what is asked for and noticed. hurry: faults and repairs wait for
 * azureConvergence otherwise. graceful: nothing may be lost, so moves come before removals.
 * unsaved: the caller writes the state down.
 */
struct follow_how {
	bool hurry, graceful, unsaved;
};
int follow(struct controller *c, struct follow_how how, struct lab_changes *changes, struct error *e);
/* The same after links have been cut and mended as faults ask. */
int follow_asked(struct controller *c, struct follow_how how, struct lab_changes *changes, struct error *e);
/* Something was noticed: lock, follow, unlock. */
void follow_noticed(struct controller *c);

/* --- news.c --- */
void news_of_routes(struct controller *c);

/* The sessions of a lab, beyond the lab: what a load has changed is told by the names of both ends. */
struct session_was {
	char *a, *b;
	bool up;
};
typedef VEC(struct session_was) session_memory;

void news_remember(const struct controller *c, session_memory *out);
void news_forget(session_memory *memory);
/* Tell which sessions have come up or gone down since, and which new ones are down though nobody has cut their link. */
void news_of_load(struct controller *c, const session_memory *memory);

/* --- events.c --- */
struct events *events_new(void);
void events_free(struct events *e); /* NULL is fine */
/* Keep and tell everybody. fields: an object whose members become the event's; owned from now on; NULL: none. */
void event(struct controller *c, const char *kind, const char *object, cJSON *fields, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* The number of the last event, 0: there was none; of the first of the last n; and the line of one that is kept. */
uint64_t events_last(const struct events *e);
uint64_t events_first(const struct events *e, size_t n);
const char *events_line(const struct events *e, uint64_t seq);

/* --- maintain.c --- */
/* Begin. Returns 0, -EBUSY, or -EINVAL for a target that no maintenance is of. Under the lock. */
int maintain_start(struct controller *c, const char *target, struct error *e);
uint64_t maintain_due(const struct controller *c);
void maintain_work(struct controller *c);
bool maintain_runs(const struct controller *c);
void maintenance_free(struct maintenance *m); /* NULL is fine */
/* Whether it is that of this target, or this target one of its steps'; NULL: any. */
bool maintain_is_of(const struct controller *c, const char *target);
/* End it, and take back what it has asked for, or one that a former controller did not end. Under the lock; the caller
 * follows. Returns whether there was anything. */
bool maintain_abort(struct controller *c);
/* Its steps are taken back already, with the lab that they were asked for in: forget and tell it. planned: there were
 * steps, of a former controller's when none is going on. */
void maintain_ended(struct controller *c, bool planned);

/* --- sweep.c --- */
void sweep_start(struct controller *c);
void sweep_work(struct controller *c);

/* --- loan.c --- under the lock but for the last --- */
/* Lend the FastPath switches of these connections (indexes in topo->connections). Returns 0, -EBUSY when some are lent
 * already, or another -errno. */
int loan_begin(struct controller *c, const struct asker *asker, const index_list *connections, struct error *e);
/* 0 when the switch may be moved by anybody, -EBUSY when it is lent. */
int loan_check(const struct controller *c, size_t connection, struct error *e);
/* 0 when what is lent is lent to that one, -ESTALE when not. */
int loan_check_borrower(const struct controller *c, const struct asker *asker, struct error *e);
/* Nothing is lent any more, and all is asked for as it was before; the caller follows. */
void loan_end(struct controller *c);
/* A connection has ended: so has what was lent to it. */
void loan_client_gone(struct controller *c, const void *who);

/* --- requests.c --- */
/* What the server has to do besides the reply. */
struct wish {
	bool listens; /* to events from now on */
	bool past;    /* the last events come before the reply */
	size_t last;  /* so many of them */
	cJSON *run;   /* arguments of erxdpctl, whose exit code becomes the reply's; to be deleted; NULL: nothing */
};
/* Answer one line. Returns the reply, to be deleted. */
cJSON *request_answer(struct controller *c, const char *line, const struct asker *asker, struct wish *wish);

/* --- server.c --- */
int server_start(struct controller *c, struct error *e);
void server_stop(struct controller *c);
/* An epoll event of one of the server's descriptors: who changes something is served at once. */
void server_work(struct controller *c, void *who, uint32_t what);
/* Tell who listens, and serve those who ask for as long as a turn of theirs takes. At the end of each turn of the loop.
 */
void server_turn(struct controller *c);
/* When server_turn() is to be called next though nothing else happens; UINT64_MAX: not before. */
uint64_t server_due(const struct controller *c);
/* The event of that number is kept no longer. */
void server_forgets(struct controller *c, uint64_t seq, const char *line);
/* A child has ended and was waited for: maybe an errand. */
void server_child_ended(struct controller *c, pid_t pid, int status);
/* Who asks, and who has been turned away, into the answer. */
void server_count(const struct controller *c, cJSON *reply);

#endif
