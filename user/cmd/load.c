// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* validate, load, plan, unload: what changes a lab as a whole. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "daemon/client.h"
#include "lib/log.h"
#include "lib/version.h"
#include "obs/fastpath.h"
#include "obs/limits.h"
#include "obs/print.h"

#define EXCHANGE_MS   5000
#define MUCH_LOSS_PPM 200000 /* no retry makes up for that in the time there is */

static cJSON *problems_json(const char *file, const struct diags *diags)
{
	cJSON *root = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(root, "problems");

	vec_each(d, &diags->list) {
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "file", file);
		cJSON_AddNumberToObject(item, "line", d->at.line);
		cJSON_AddNumberToObject(item, "column", d->at.column);
		cJSON_AddStringToObject(item, "level", d->level == DIAG_ERROR ? "error" : "warning");
		cJSON_AddStringToObject(item, "message", d->text);
		cJSON_AddItemToArray(list, item);
	}
	return root;
}

int cmd_validate(const struct call *call)
{
	const char *file = call->argv[0];
	struct diags diags = {};
	struct error e = {};
	int code;
	struct lab *lab = parse_lab(file, &diags, &code);

	if (lab && (lab_compute(lab, &e) || lab_check_loops(lab, &e)))
		diag_error(&diags, (struct pos){}, "%s", e.text);
	if (lab)
		code = diags.errors ? EXIT_INVALID : EXIT_DONE;
	if (call->json && code != EXIT_REFUSED)
		print_json(problems_json(file, &diags));
	else
		diags_print(&diags, file, stderr);
	if (code == EXIT_DONE)
		log_info("%s: lab '%s', %zu hosts, %zu devices, %zu links: %s", file, lab->topo->name,
			 lab->fabric->hosts.n, lab->fabric->devices.n, lab->fabric->links.n,
			 diags.list.n ? "warnings only" : "no problem found");
	diags_free(&diags);
	lab_free(lab);
	return code;
}

/* The controller takes over what was loaded: the one that is there, or a new one. */
static int hand_over(const char *name, struct error *e)
{
	bool fresh = !controller_pid(name);
	cJSON *request, *answer = NULL;
	int err = controller_ensure(name, e);

	if (err || fresh)
		return err;
	request = cJSON_CreateObject();
	cJSON_AddStringToObject(request, "do", "reload");
	cJSON_AddStringToObject(request, "version", erxdp_version);
	err = controller_ask(name, true, request, NULL, NULL, &answer, e);
	if (!err && !cJSON_IsTrue(cJSON_GetObjectItem(answer, "ok")))
		err = error_set(e, -EIO, "the controller of lab '%s' has not taken it over: %s", name,
				cJSON_GetStringValue(cJSON_GetObjectItem(answer, "error")));
	cJSON_Delete(answer);
	if (!err)
		return 0;
	/* It was killed just now, has been stopped, or is of another version than this: another one can. */
	log_verbose("%s; another controller is started", e->text);
	err = controller_end(name, e);
	return err ? err : controller_ensure(name, e);
}

/*
 * What is loaded under this name, computed; *before is NULL when there is nothing, or nothing that can be used.
 * Returns -errno when that cannot be told: to go on as if nothing were loaded would end in removing what is.
 */
static int loaded_before(const char *name, struct lab **before, struct error *e)
{
	int err = dp_check_contract(name, e);

	*before = NULL;
	if (err && err != -ENOENT)
		return err;
	err = lab_open(name, before, e);
	if (!err && !lab_compute(*before, e))
		return 0;
	if (!err)
		lab_free(*before);
	*before = NULL;
	return err == -ENOENT || err == -EINVAL ? 0 : err;
}

/* In the lab's turn. What is left of a lab without a run directory is locked as well: so that is made. */
static int remove_lab(const char *name, struct lab_removed *removed, struct error *e)
{
	int err = controller_end(name, e), lock;

	memset(removed, 0, sizeof(*removed));
	if (err)
		return err;
	lock = lab_lock(name, true, true, e);
	if (lock < 0)
		return lock;
	err = lab_remove(name, removed, e);
	lab_unlock(lock);
	return err;
}

static int make_former(const char *name, struct lab *before, struct lab_changes *changes, struct error *e)
{
	int lock = lab_lock(name, false, true, e), err;

	if (lock < 0)
		return lock;
	err = lab_apply(before, NULL, false, changes, e);
	if (!err)
		err = lab_save(before, e);
	lab_unlock(lock);
	return err ? err : hand_over(name, e);
}

/* Back to what ran before; without a before, to nothing. */
static void undo(const char *name, struct lab *before)
{
	struct lab_changes changes;
	struct lab_removed removed;
	struct error e = {};

	if (before && !make_former(name, before, &changes, &e))
		log_info("lab '%s' is as it was before", name);
	else if (!before && !remove_lab(name, &removed, &e))
		log_info("lab '%s' was not loaded; nothing of it is left", name);
	else
		log_error("going back failed too: %s; run 'erxdpctl unload %s'", e.text, name);
}

static bool is_refusing(const struct dp *dp, const struct image *image)
{
	vec_each(m, &image->meters) {
		struct dp_meter_count c;

		if (!dp_read_meter(dp, m->id, &c) &&
		    (c.refused[ERX_BYTES] || c.refused[ERX_PACKETS] || c.refused[ERX_CONNECTIONS] || c.flows_refused))
			return true;
	}
	return false;
}

/* The exchange of all pairs at once may be more than a circuit or gateway of a small scale carries. */
static void say_refusing(const struct lab *lab)
{
	struct dp *dp = NULL;
	struct error e = {};

	if (lab_dp(lab, &dp, &e))
		return;
	if (is_refusing(dp, lab->image))
		log_error("a circuit or gateway of lab '%s' has refused packets that are beyond its limits ('erxdpctl "
			  "status' says which): limits: {scale} may be too small for it",
			  lab->topo->name);
	dp_close(dp);
}

static int report_exchange(const struct lab *lab, const exchange_pairs *pairs)
{
	vec_each(p, pairs) {
		if (!p->tcp || !p->udp)
			log_error("no %s exchange between '%s' and '%s' of lab '%s', though the model says they can "
				  "talk; the lab is left running for inspection: try 'erxdpctl explain %s %s', "
				  "'erxdpctl counters'",
				  p->tcp ? "UDP" : "TCP", p->from->name, p->to->name, lab->topo->name, p->from->name,
				  p->to->name);
	}
	say_refusing(lab);
	return EXIT_INVALID;
}

/* A silent fault loses packets that the model says arrive: that is what the user asked for. */
static bool loses_on_purpose(const struct lab *lab)
{
	vec_each(f, &lab->faults) {
		if (f->kind == FAULT_SILENT || f->kind == FAULT_ARP) {
			log_info("no exchange between hosts was tried: '%s' fails silently", f->target);
			return true;
		}
	}
	for (uint32_t l = 0; l < lab->fabric->links.n; l++) {
		if (lab->impairments[l].params.loss_ppm >= MUCH_LOSS_PPM) {
			log_info("no exchange between hosts was tried: '%s' is to lose %g %% of its packets",
				 lab->fabric->links.items[l].name, lab->impairments[l].params.loss_ppm / 1e4);
			return true;
		}
	}
	return false;
}

static int not_known(const char *name, const char *why)
{
	log_error("%s", why);
	log_info("lab '%s' is loaded; whether its hosts reach each other is not known", name);
	return EXIT_REFUSED;
}

/* What the lab was while its hosts talked, and what it is now: hosts talk without a lock. */
static bool is_as_it_was(const struct lab *was, const struct lab *is)
{
	char *before = lab_state_text(was), *now = lab_state_text(is);
	bool same = was->file_size == is->file_size && !memcmp(was->file, is->file, is->file_size) &&
		    !strcmp(before, now);

	free(before);
	free(now);
	return same;
}

/* Once. Returns the exit code, or -1: the lab has changed meanwhile, and *now is what it has become, so what was heard
 * says nothing. */
static int try_exchange(const struct lab *lab, struct lab **now)
{
	exchange_pairs pairs = {};
	struct error e = {}, gone = {};
	int err, code = EXIT_DONE;

	lab_pairs(lab, &pairs);
	err = lab_exchange(lab, &pairs, EXCHANGE_MS + 3 * lab_slowest_ns(lab) / 1000000, &e);
	if (!err)
		log_verbose("%zu pairs of hosts have exchanged TCP and UDP", pairs.n);
	else if (lab_open_now(lab->topo->name, now, &gone))
		code = refuse(&gone);
	else if (!is_as_it_was(lab, *now))
		code = -1;
	else
		code = err == -ETIMEDOUT ? report_exchange(lab, &pairs) : not_known(lab->topo->name, e.text);
	vec_free(&pairs);
	return code;
}

#define TRIES 3

static int check_exchange(const char *name)
{
	struct lab *lab, *now = NULL;
	struct error e = {};
	int code = -1;

	if (lab_open_now(name, &lab, &e))
		return refuse(&e);
	for (int i = 0; code < 0 && i < TRIES; i++) {
		code = loses_on_purpose(lab) ? EXIT_DONE : try_exchange(lab, &now);
		if (now) {
			lab_free(lab);
			lab = now;
			now = NULL;
		}
	}
	if (code < 0)
		code = not_known(name, "the lab was changed each time while its hosts talked");
	lab_free(lab);
	return code;
}

static void warn_of_limit(void *unused, const struct limit_usage *u)
{
	char text[512];

	(void)unused;
	if (!u->over)
		return;
	limit_text(u, text, sizeof(text));
	log_info("warning: %s", text);
}

static void say_loaded(const struct lab *lab, const struct lab *before, const struct lab_changes *c, double since)
{
	if (c->mounted_bpffs)
		log_info("bpffs was not mounted; it is now, on /sys/fs/bpf");
	if (before && !lab_changes_any(c) && strcmp(before->file, lab->file))
		log_info("lab '%s' has the new file; nothing changes for its packets (%.2f s)", lab->topo->name,
			 log_clock() - since);
	else if (before && !lab_changes_any(c))
		log_info("lab '%s' is loaded already; nothing to do (%.2f s)", lab->topo->name, log_clock() - since);
	else
		log_info("lab '%s' is %s: %zu hosts, %zu devices, %zu links (%.2f s)", lab->topo->name,
			 before ? "brought up to date" : "loaded", lab->fabric->hosts.n, lab->fabric->devices.n,
			 lab->fabric->links.n, log_clock() - since);
}

/* Make it so, save it. Under the lab's lock. */
static int make(struct lab *lab, const struct lab *before, struct lab_changes *changes, struct error *e)
{
	double since;
	int err = lab_apply(lab, before, false, changes, e);

	since = log_clock();
	if (!err)
		err = lab_verify(lab, e);
	log_took("settings of the ends", &since);
	return err ? err : lab_save(lab, e);
}

static int prepare(struct lab *lab, const struct lab *before, struct error *e)
{
	double since = log_clock();
	int err;

	if (before)
		lab_adopt(lab, before);
	err = lab_compute(lab, e);
	if (!err)
		err = lab_check_loops(lab, e);
	log_took("routes and image", &since);
	return err;
}

/* Under the lab's lock, before anything is touched. Returns the exit code. */
static int begin_load(struct lab *lab, struct lab **before, struct error *e)
{
	const char *name = lab->topo->name;

	*before = NULL;
	if (loaded_before(name, before, e))
		return refuse(e);
	if (!prepare(lab, *before, e))
		return EXIT_DONE;
	if (!*before)
		lab_forget_unused(name);
	refuse(e);
	return EXIT_INVALID;
}

/* In the lab's turn. */
static int load_in_turn(const struct call *call, struct lab *lab, double start)
{
	const char *name = lab->topo->name;
	struct lab *before;
	struct lab_changes changes = {};
	struct error e = {};
	int lock = lab_lock(name, true, true, &e), code, err = 0;

	if (lock < 0)
		return refuse(&e);
	code = begin_load(lab, &before, &e);
	if (!code)
		err = make(lab, before, &changes, &e);
	lab_unlock(lock);
	if (!code && !err && (!call->no_controller || controller_pid(name)))
		err = hand_over(name, &e);
	if (err) {
		code = refuse(&e);
		undo(name, before);
	} else if (!code) {
		say_loaded(lab, before, &changes, start);
		fastpath_limits(lab->topo, lab->fastpath, warn_of_limit, NULL);
	}
	lab_free(before);
	return code;
}

int load_parsed(const struct call *call, struct lab *lab)
{
	double start = log_clock(), since;
	struct error e = {};
	int turn = lab_turn(lab->topo->name, true, &e), code;

	if (turn < 0)
		return refuse(&e);
	code = load_in_turn(call, lab, start);
	lab_unlock(turn);
	since = log_clock();
	if (code == EXIT_DONE) {
		code = check_exchange(lab->topo->name);
		log_took("exchange between hosts", &since);
	}
	return code;
}

int cmd_load(const struct call *call)
{
	int code;
	struct lab *lab = read_lab(call->argv[0], &code);

	if (lab)
		code = load_parsed(call, lab);
	lab_free(lab);
	return code;
}

/* --- plan -------------------------------------------------------------------------------------------------------- */

static void print_plan(const struct call *call, const struct lab_changes *c)
{
	cJSON *root = call->json ? cJSON_CreateObject() : NULL;
	lab_change_list all = {};

	lab_list_changes(c, &all);
	vec_each(change, &all) {
		if (root)
			cJSON_AddNumberToObject(root, change->name, change->n);
		else if (change->n)
			printf("%6u %s\n", change->n, change->text);
	}
	vec_free(&all);
	if (root)
		print_json(root);
	else if (!lab_changes_any(c))
		puts("nothing to do");
}

int cmd_plan(const struct call *call)
{
	struct lab_changes changes = {};
	struct error e = {};
	int code, lock, err;
	struct lab *lab = read_lab(call->argv[0], &code), *before;

	if (!lab)
		return code;
	lock = lab_lock(lab->topo->name, false, false, &e); /* not there when the lab is not */
	err = loaded_before(lab->topo->name, &before, &e);
	if (!err)
		err = prepare(lab, before, &e);
	if (!err)
		err = lab_apply(lab, before, true, &changes, &e);
	lab_unlock(lock);
	if (err)
		code = refuse(&e);
	else
		code = lab_changes_any(&changes) ? EXIT_CHANGES : EXIT_DONE;
	if (!err)
		print_plan(call, &changes);
	lab_free(before);
	lab_free(lab);
	return code;
}

/* --- unload ------------------------------------------------------------------------------------------------------ */

static int unload_one(const char *name)
{
	struct lab_removed removed;
	struct error e = {};
	double since = log_clock();
	int turn = lab_turn(name, true, &e), err;

	if (turn < 0)
		return refuse(&e);
	err = remove_lab(name, &removed, &e);
	lab_unlock(turn);
	if (*removed.held)
		log_info("%s", removed.held);
	if (err)
		return refuse(&e);
	if (removed.namespaces || removed.pins || removed.files)
		log_info("lab '%s' is unloaded: %u namespaces removed (%.2f s)", name, removed.namespaces,
			 log_clock() - since);
	else
		log_info("lab '%s' is not loaded; nothing to remove", name);
	return EXIT_DONE;
}

static int unload_only(void)
{
	net_names names = {};
	int code = EXIT_DONE;

	lab_names(&names);
	if (names.n == 1)
		code = unload_one(names.items[0]);
	else if (!names.n)
		log_info("no lab is loaded; nothing to remove");
	for (size_t i = 0; names.n > 1 && i < names.n; i++)
		log_error("%s lab '%s' is loaded; name the one to unload", i ? "and" : "several labs:", names.items[i]);
	if (names.n > 1)
		code = EXIT_USAGE;
	vec_each(n, &names)
		free(*n);
	vec_free(&names);
	return code;
}

int unload_lab(const char *name)
{
	return name ? unload_one(name) : unload_only();
}

int cmd_unload(const struct call *call)
{
	const char *name = call->argc ? call->argv[0] : call->lab;

	return name && !is_lab_name(name) ? EXIT_USAGE : unload_lab(name);
}
