/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The tables that Azure prints, as views of a lab. A view is a name, what has
 * to be said with it, its columns, and a function that makes the document which
 * `az … -o json` prints (azure.md 8.2). All else follows from the columns:
 *
 *   for people   one printer, as `az … -o table` (view_print())
 *   --json       the document itself
 *   diff         the document beside one that az has printed (obs/diff.h)
 *
 * so that the three cannot disagree. The registry is in views.c.
 */
#ifndef ERX_OBS_VIEW_H
#define ERX_OBS_VIEW_H

#include <cjson/cJSON.h>
#include <stdio.h>
#include "lab/lab.h"
#include "lib/error.h"

#define VIEW_MAX_ARGS 2

enum column_type {
	COLUMN_TEXT,
	COLUMN_NUMBER,
	COLUMN_BOOL,
	COLUMN_LIST, /* of texts: in a diff a row for each */
	COLUMN_OBJECTS,
};

enum column_role {		 /* in a diff */
		   ROLE_FIELD,	 /* ought to agree */
		   ROLE_KEY,	 /* rows that agree in all of these are one row */
		   ROLE_IGNORED, /* times, counters, and names that Azure makes up */
};

/* How a field is written decides what a difference is. */
enum column_form {
	FORM_PLAIN,
	FORM_STARRED,	   /* a '*' at the end marks the best route: a field of its own, "best" */
	FORM_PATH,	   /* blanks do not count; some MSEEs leave the origin's letter out */
	FORM_MAY_BE_BLANK, /* some MSEEs print none */
	FORM_MAC,	   /* ours are not Azure's: only whether there is one */
	FORM_ID,	   /* a resource's id: only its last part */
};

struct column {
	const char *field;  /* in JSON */
	const char *header; /* for people; NULL: not shown */
	enum column_type type;
	enum column_role role;
	enum column_form form;
};

enum view_arg_kind { ARG_NONE, ARG_VM, ARG_HOST, ARG_CIRCUIT, ARG_GATEWAY, ARG_ROUTER, ARG_ADDRESS };

struct view_arg { /* the member of its kind */
	const struct host *host;
	struct host as; /* what host is when it is one of many addresses: fabric_host_as() */
	const struct circuit *circuit;
	const struct gateway *gateway;
	const struct router *router;
	struct addr addr;
};

struct view_options { /* as typed; NULL: not given */
	const char *path, *peer;
};

struct view_call { /* all names resolved */
	const struct lab *lab;
	uint64_t now_ns; /* CLOCK_REALTIME */
	struct view_arg args[VIEW_MAX_ARGS];
	enum circuit_path path;
	struct addr peer;
};

struct view {
	const char *name;
	const char *usage; /* what follows the name */
	enum view_arg_kind args[VIEW_MAX_ARGS];
	bool takes_path, takes_peer;
	const char *source;		     /* the command whose output it is */
	const char *list;		     /* member that holds the rows; NULL: the document is the row */
	const char *speaker;		     /* field that says which instance reports; see obs/diff.h */
	const struct column *columns, *head; /* of a row; of what stands beside the list */
	size_t n_columns, n_head;
	/* The document, to be deleted by the caller. NULL with *e filled when it cannot be made. */
	cJSON *(*make)(const struct view_call *call, struct error *e);
	void (*print)(const cJSON *document, FILE *out); /* NULL: as az prints tables */
	bool (*left_out)(const cJSON *row);		 /* a row of Azure's that the twin leaves out on purpose */
};

extern const struct view views[]; /* ends with a NULL name */

/* NULL with *e filled: no such view, "did you mean". */
const struct view *view_find(const char *name, struct error *e);
/* Resolve what was typed after the view's name. Returns 0, or -EINVAL with a sentence that names what is wrong. */
int view_bind(const struct view *v, const struct lab *lab, int argc, char *const *argv, const struct view_options *o,
	      struct view_call *out, struct error *e);
/* Print a document of this view for people. */
void view_print(const struct view *v, const cJSON *document, FILE *out);
/* The rows of a document: its list, or itself. */
const cJSON *view_rows(const struct view *v, const cJSON *document);

/*
 * A value as one line of text: lists joined by blanks as az does, objects by
 * their "type", line ends and blanks around cut off; "" for null and for what is
 * not there. To be freed.
 */
char *value_text(const cJSON *value);

#endif
