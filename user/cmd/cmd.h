/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The verbs of erxdpctl: one file each, wiring only. What a verb computes or
 * prints is made in the layers below.
 */
#ifndef ERX_CMD_CMD_H
#define ERX_CMD_CMD_H

#include <cjson/cJSON.h>
#include <signal.h>
#include <stdbool.h>
#include "lab/lab.h"

/* Exit codes, as in the manual. */
enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_INVALID = 3, EXIT_CHANGES = 4 };

struct call { /* one invocation, parsed */
	const struct verb *verb;
	int argc; /* of what is no option */
	char **argv;
	bool json, silent, all, matrix, follow, maintenance, no_controller, csv;
	const char *layer;
	const char *lab;   /* --lab, or the environment's ERXDP_LAB; NULL: the only one */
	bool lab_given;	   /* by --lab */
	const char *write; /* -w FILE */
	const char *proto, *sport, *dport;
	const char *count;
	const char *path, *peer; /* of views */
	const char *az;		 /* FILE */
	const char *interval, *timeout;
	const char *block;
	const char *svg; /* FILE */
	const char *delay, *jitter, *loss, *rate, *reorder;
	bool stats;
};

struct verb {
	const char *name;
	const char *args;    /* as usage shows them */
	int least, most;     /* how many; most -1: any */
	const char *options; /* letters of the options it takes besides help, verbose and lab */
	int (*run)(const struct call *call);
	const char *summary; /* one line */
	const char *text;    /* for --help */
	enum verb_user {
		ROOT,
		MEMBERS, /* of group LAB_GROUP too: it reads, opens no file, and the controller can run it for them */
		ANYBODY, /* what it needs root for it finds out by itself */
	} user;
};

extern const struct verb verbs[]; /* ends with a NULL name */

int cmd_validate(const struct call *call);
int cmd_load(const struct call *call);
int cmd_plan(const struct call *call);
int cmd_unload(const struct call *call);
int cmd_status(const struct call *call);
int cmd_exec(const struct call *call);
int cmd_verify(const struct call *call);
int cmd_routes(const struct call *call);
int cmd_explain(const struct call *call);
int cmd_reach(const struct call *call);
int cmd_compare(const struct call *call);
int cmd_fastpath(const struct call *call);
int cmd_fail(const struct call *call);
int cmd_restore(const struct call *call);
int cmd_capture(const struct call *call);
int cmd_counters(const struct call *call);
int cmd_events(const struct call *call);
int cmd_show(const struct call *call);
int cmd_diff(const struct call *call);
int cmd_scenario(const struct call *call);
int cmd_impair(const struct call *call);

/* --- Shared by verbs (common.c) ------------------------------------------------------------------------------------
 */

/* Read and check a file, problems into diags. NULL, with *code the exit code, when it cannot be used. */
struct lab *parse_lab(const char *file, struct diags *diags, int *code);
/* Read and check a file; problems go to stderr. NULL, with *code the exit code, when it cannot be used. */
struct lab *read_lab(const char *file, int *code);
/* A loaded lab with its routes computed, read under the lock. NULL after a message. */
struct lab *open_lab(const char *name);
/* Whether a lab can have that name at all: it becomes part of paths. A message when not. */
bool is_lab_name(const char *name);
/* A host by name or address; NULL after a message with "did you mean". */
const struct host *find_host(const struct lab *lab, const char *name);
/* The same with the address that was asked for: fabric_host_as(). */
const struct host *find_host_as(const struct lab *lab, const char *name, struct host *as);
/*
 * Switches of this lab are lent (lab_has_loans()): when this returns, those whose borrower is gone are as before, by
 * its controller, which is started when it is dead. The lab is to be read again. Returns 0, also when it is gone
 * itself, or -errno after a message.
 */
int put_back_loans(const char *name);
/* What load (call) does with a file that was read (load.c). Returns the exit code. */
int load_parsed(const struct call *call, struct lab *lab);
/* What unload does; NULL: the only lab. */
int unload_lab(const char *name);
/* Set by the signals that end a command (also a closed pipe), once stop_when_asked() was called: who has failed or
 * switched something puts it back first. */
extern volatile sig_atomic_t asked_to_stop;
void stop_when_asked(void);
/* Say what failed; returns the exit code. */
int refuse(const struct error *e);
/* --count as a number, 1 or more; without the option *out stays. Returns -EINVAL after a message. */
int read_count(const struct call *call, unsigned *out);
/* The same for any option: its name and what was given, NULL when it was not. */
int read_positive(const char *option, const char *text, unsigned *out);
/* A port, 1 to 65535; NULL: 0. Returns EXIT_USAGE after a message. */
int read_port(const char *text, uint16_t *out);
/* A time as files have it ("200s", "0.5ms"), in ns; NULL: *out stays. Returns EXIT_USAGE after a message. */
int read_time(const char *option, const char *text, uint64_t *out);
/* The lab that is meant; nonzero after a message. */
int name_of_lab(const char *asked, char out[static 256]);
/* Ask the lab's controller (started when it is dead) for a change; request is deleted. Says what came of it; returns
 * the exit code. */
int order(const char *name, cJSON *request);
/* The same for planned work: prints each step, returns when it is over. */
int order_and_watch(const char *name, cJSON *request);
void print_event_line(const cJSON *event);

/* --- Without root (member.c) ---------------------------------------------------------------------------------------
 */

/* What this user cannot do by itself: asks the lab's controller, or says why not. argv: verb, options and arguments as
 * they were typed. Returns the exit code. */
int run_without_root(const struct call *call, int argc, char **argv);

/* --- Views (show.c) ------------------------------------------------------------------------------------------------
 */

struct view;

/* NULL after a message with "did you mean". */
const struct view *find_view(const char *name);
/* A view's document, of what was typed after its name. Returns the exit code, *out untouched unless it is 0. */
int make_view(const struct call *call, const struct lab *lab, const struct view *v, int argc, char **argv, cJSON **out);
/* The same, printed. Returns the exit code. */
int show_view(const struct call *call, const struct lab *lab, const char *name, int argc, char **argv);

#endif
