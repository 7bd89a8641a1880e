// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "lab/wires.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lab/files.h"
#include "lab/process.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "wire/config.h"
#include "wire/wire.h"

#define PROGRAM	  "erxdp-wire"
#define PROCESS	  "wire process"
#define REREAD_MS 2000	/* one that does not answer is stopped or hangs */
#define START_MS  20000 /* on a busy machine, after a former one whose sockets the kernel still takes apart */

/* --- What it is to do ----------------------------------------------------------------------------------------------
 */

/* FNV-1a: the losses of a link do not depend on what other links there are. */
static uint64_t seed_of(const struct lab *lab, const char *name, int from)
{
	uint64_t h = 0xcbf29ce484222325ull ^ lab->topo->hash_seed;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3ull;
	return (h ^ (unsigned)from) * 0x100000001b3ull;
}

static struct wire_setting setting_of(const struct lab *lab, const struct image *image, const struct image_wire *w)
{
	const struct link *l = &lab->fabric->links.items[w->link];
	struct wire_setting s = {.name = xstrdup(l->name)};

	for (int from = 0; from < 2; from++) {
		s.port[from] = image->ports.items[l->ports[from]].id;
		s.end[from] = w->end[from].id;
		s.seed[from] = seed_of(lab, l->name, from);
		s.params[from] = lab_line(lab, l->index, from);
	}
	return s;
}

static const struct wire_setting *former_of(const wire_settings *former, const struct wire_setting *s)
{
	vec_each(f, former) {
		if (!strcmp(f->name, s->name) && !memcmp(f->end, s->end, sizeof(f->end)) &&
		    !memcmp(f->port, s->port, sizeof(f->port)))
			return f;
	}
	return NULL;
}

/* Where the wire was there before, its counts go on. Returns how many are new or different. */
static unsigned collect(const struct lab *lab, const struct image *image, const wire_settings *former, bool loaded,
			uint64_t nonce, wire_settings *out)
{
	unsigned changed = 0;

	vec_each(w, &image->wires) {
		struct wire_setting s = setting_of(lab, image, w);
		const struct wire_setting *was = loaded ? NULL : former_of(former, &s);

		s.since = was ? was->since : nonce;
		changed += !was || memcmp(was->params, s.params, sizeof(s.params)) ||
			   memcmp(was->seed, s.seed, sizeof(s.seed));
		vec_push(out, s);
	}
	return changed;
}

/* --- That it does --------------------------------------------------------------------------------------------------
 */

pid_t wires_pid(const char *lab)
{
	char path[512];
	pid_t pid;

	lab_run_path(lab, WIRE_CONFIG, path);
	if (access(path, F_OK))
		return -1;
	pid = process_holder(lab, WIRE_LOCK);
	return pid > 0 ? pid : 0;
}

struct wire_stats *wires_stats(const char *lab)
{
	struct wire_stats *stats;
	struct error unused;
	char path[512];

	lab_run_path(lab, WIRE_STATS, path);
	stats = wire_stats_open(path, false, &unused);
	if (stats && stats->version != WIRE_STATS_VERSION) {
		wire_stats_close(stats);
		return NULL;
	}
	return stats;
}

static void become_process(const char *lab)
{
	char program[4096];
	sigset_t none;

	process_program(PROGRAM, program);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (!process_detach(lab, -1)) {
		execl(program, PROGRAM, lab, NULL);
		log_error("cannot start '%s': %s; is it installed beside erxdpctl?", program, strerror(errno));
	}
	_exit(127);
}

static int start(const char *lab, pid_t *pid, struct error *e)
{
	*pid = fork();
	if (*pid < 0)
		return error_set(e, -errno, "cannot start the " PROCESS " of lab '%s': %s", lab, strerror(errno));
	if (!*pid)
		become_process(lab);
	return 0;
}

static bool has_applied(const char *lab, uint64_t nonce, char *why, size_t size)
{
	struct wire_stats *stats = wires_stats(lab);
	bool has = stats && __atomic_load_n(&stats->applied, __ATOMIC_ACQUIRE) == nonce;

	*why = '\0';
	if (has && stats->failed)
		snprintf(why, size, "%s", stats->why);
	wire_stats_close(stats);
	return has;
}

/* Until it has done what it was told. child: it is this process's own; 0: it is not. */
static int wait_applied(const char *lab, uint64_t nonce, pid_t child, unsigned most_ms, struct error *e)
{
	char why[512];

	for (unsigned waited = 0; waited < most_ms; waited++) {
		if (has_applied(lab, nonce, why, sizeof(why)))
			return *why ? error_set(e, -EIO, "the wires of lab '%s' do not work: %s", lab, why) : 0;
		/* Somebody may have been faster: one that a killed command had just started. */
		if (child && waitpid(child, NULL, WNOHANG) == child && process_holder(lab, WIRE_LOCK) <= 0)
			return error_set(e, -EIO,
					 "the " PROCESS " of lab '%s' has ended at once; see " LAB_RUN "/%s/" LAB_LOG,
					 lab, lab);
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	return error_set(e, -ETIMEDOUT, "the " PROCESS " of lab '%s' does not answer; see " LAB_RUN "/%s/" LAB_LOG, lab,
			 lab);
}

int wires_end(const char *lab, struct error *e)
{
	/* It has nothing to save: what it has counted is in a file already. */
	return process_end(lab, WIRE_LOCK, PROCESS, SIGKILL, e);
}

static int tell(const char *lab, uint64_t nonce, struct error *e)
{
	pid_t pid = process_holder(lab, WIRE_LOCK);
	int err;

	if (pid > 0) {
		err = wait_applied(lab, nonce, 0, REREAD_MS, e);
		if (err != -ETIMEDOUT)
			return err;
		log_verbose("%s; another one is started", e->text);
		err = wires_end(lab, e);
		if (err)
			return err;
	}
	err = start(lab, &pid, e);
	return err ? err : wait_applied(lab, nonce, pid, START_MS, e);
}

static int no_wires(const char *lab, struct error *e)
{
	static const char *const files[] = {WIRE_CONFIG, WIRE_STATS, WIRE_LOCK};
	int err = wires_end(lab, e);
	char path[512];

	for (size_t i = 0; !err && i < sizeof(files) / sizeof(files[0]); i++) {
		lab_run_path(lab, files[i], path);
		if (unlink(path) && errno != ENOENT)
			err = error_set(e, -errno, "cannot remove '%s': %s", path, strerror(errno));
	}
	return err;
}

static int write_and_tell(const char *lab, const wire_settings *settings, uint64_t nonce, struct error *e)
{
	char *text = wire_config_format(settings, nonce);
	int err = run_write(lab, WIRE_CONFIG, text, strlen(text), e);

	free(text);
	return err ? err : tell(lab, nonce, e);
}

static int read_former(const char *lab, wire_settings *former, uint64_t *nonce, struct error *e)
{
	char *text = NULL;
	size_t size;
	int err = run_read(lab, WIRE_CONFIG, &text, &size, e);

	*nonce = 0;
	if (text)
		wire_config_parse(text, former, nonce);
	free(text);
	return err == -ENOENT ? 0 : err;
}

int wires_make(const struct lab *lab, const struct image *image, struct wires_how how, unsigned *changed,
	       struct error *e)
{
	const char *name = lab->topo->name;
	wire_settings former = {}, settings = {};
	uint64_t was, nonce = clock_date();
	int err = read_former(name, &former, &was, e);
	char why[512];

	*changed = 0;
	if (err)
		return err;
	*changed = collect(lab, image, &former, how.loaded, nonce, &settings);
	*changed += former.n > settings.n ? former.n - settings.n : 0;
	/* It is to do nothing new, and lives, and does it. */
	if (settings.n && (wires_pid(name) <= 0 || !has_applied(name, was, why, sizeof(why)) || *why))
		*changed = settings.n;
	if (!how.dry && !settings.n)
		err = no_wires(name, e);
	else if (!how.dry && (*changed || how.touched || how.loaded))
		err = write_and_tell(name, &settings, nonce, e);
	wire_settings_free(&former);
	wire_settings_free(&settings);
	return err;
}

int wires_clear_new(const struct lab *lab, struct error *e)
{
	const char *name = lab->topo->name;
	wire_settings former = {}, settings = {};
	struct dp *dp = NULL;
	uint64_t nonce;
	int err = lab->image->wires.n && dp_exists(name) ? dp_open(name, false, &dp, e) : 0;

	if (!err && dp)
		err = read_former(name, &former, &nonce, e);
	if (!err && dp)
		collect(lab, lab->image, &former, false, 0, &settings);
	vec_each(s, &settings) {
		for (int end = 0; end < 2 && !err && !s->since; end++)
			err = dp_clear_wire(dp, s->end[end], e);
	}
	wire_settings_free(&former);
	wire_settings_free(&settings);
	dp_close(dp);
	return err;
}

int wires_ensure(const char *lab, pid_t *pid, struct error *e)
{
	*pid = wires_pid(lab);
	if (*pid) {
		*pid = *pid > 0 ? *pid : 0;
		return 0;
	}
	return start(lab, pid, e);
}

/* --- Counts --------------------------------------------------------------------------------------------------------
 */

void wires_count(const struct dp *dp, const struct image *image, const struct wire_stats *stats,
		 const struct image_wire *w, int from, struct wire_counts *out)
{
	const struct wire_slot none = {}, *slot = stats ? &stats->slots[w->end[from].id] : &none;
	const struct link *l = &image->fabric->links.items[w->link];
	struct erx_wire_stats in = {};
	uint64_t ring_full = 0;
	int64_t passed = dp_wire_passed(dp, w->end[from].id, image->ports.items[l->ports[!from]].id);

	dp_read_wire(dp, w->end[from].id, &in, &ring_full);
	*out = (struct wire_counts){
		.received = in.received,
		.injected = in.injected,
		.before = slot->before,
		.lost = slot->fates[LINE_LOST],
		.overrun = slot->fates[LINE_OVERRUN],
		.ring_full = ring_full + slot->fates[LINE_FULL],
		.refused = slot->refused,
		.no_process = in.no_process,
		.cut_off = slot->cut_off,
		.in_flight = passed - wire_accounted(slot),
	};
	out->delivered = in.received - in.no_process - ring_full - (uint64_t)(wire_accounted(slot) - slot->base) -
			 (uint64_t)out->in_flight;
}
