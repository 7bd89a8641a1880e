// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The run directory: what was asked for, and the lock. */
#include "lab/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "lab/state.h"
#include "lib/log.h"
#include "wire/wire.h"

#define GATE "gate" /* to the lab's lock, which is on the directory itself */
#define TURN "turn"

/* All that may be in a lab's run directory besides those; sockets and "controller" are the controller's (daemon/). */
static const char *const run_files[] = {"topology.yaml", "state",     "ids",	  "read.sock", "change.sock",
					"controller",	 WIRE_CONFIG, WIRE_STATS, WIRE_LOCK,   LAB_LOG};

void lab_run_path(const char *lab, const char *file, char out[static 512])
{
	snprintf(out, 512, LAB_RUN "/%s%s%s", lab, *file ? "/" : "", file);
}

/* --- Directories ------------------------------------------------------------------------------------------------- */

/*
 * Members of the group may list the labs and pass through to a controller's
 * reading socket. Nobody but root may open a lab's own directory: whoever can
 * open it can hold the lock and keep everybody waiting.
 */
static int open_to_group(const char *path, mode_t mode, struct error *e)
{
	const struct group *group = getgrnam(LAB_GROUP);
	struct stat is;

	if (!group || (!stat(path, &is) && is.st_gid == group->gr_gid && (is.st_mode & 07777) == mode))
		return 0;
	if (chown(path, 0, group->gr_gid) || chmod(path, mode))
		return error_set(e, -errno, "cannot open '%s' to group " LAB_GROUP ": %s", path, strerror(errno));
	return 0;
}

static int make_directory(const char *path, mode_t mode, struct error *e)
{
	if (mkdir(path, 0700) && errno != EEXIST)
		return error_set(e, -errno, "cannot create '%s': %s%s", path, strerror(errno),
				 errno == EACCES || errno == EPERM ? "; run as root" : "");
	return open_to_group(path, mode, e);
}

/* The last lab to go takes LAB_RUN away, maybe in between. */
static int make_directories(const char *lab, struct error *e)
{
	char path[512];
	int err = -ENOENT;

	lab_run_path(lab, "", path);
	for (int tries = 0; err == -ENOENT && tries < 100; tries++) {
		err = make_directory(LAB_RUN, 0750, e);
		if (!err)
			err = make_directory(path, 0710, e);
	}
	return err;
}

/* Who has come to wait for the lab may have made its gate again. */
static int remove_directory(const char *lab, struct error *e)
{
	char path[512], gate[512], turn[512];
	int err;

	lab_run_path(lab, "", path);
	lab_run_path(lab, GATE, gate);
	lab_run_path(lab, TURN, turn);
	do {
		unlink(gate);
		unlink(turn);
		if (!rmdir(path) || errno == ENOENT) {
			rmdir(LAB_RUN); /* not empty: there are other labs */
			return 0;
		}
		err = -errno;
	} while (err == -ENOTEMPTY && (!access(gate, F_OK) || !access(turn, F_OK)));
	return error_set(e, err, "cannot remove '%s': %s", path, strerror(-err));
}

/* --- Locks (lab.h has who takes which) --------------------------------------------------------------------------- */

/* Whether what fd holds is still what has that name: an unload may have taken it away. */
static bool is_current(int fd, const char *path)
{
	struct stat held, named;

	return !fstat(fd, &held) && !stat(path, &named) && held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

#define SAY_AFTER_S 1

static volatile sig_atomic_t rang;

bool lab_waits_quietly;

static void ring(int signal)
{
	(void)signal;
	rang = 1;
}

/* The kernel keeps the queue and wakes who is first in it: who only asks now and then has no place there. The signal
 * ends the wait once, for a word about it. */
static int wait_in_queue(int fd, int mode, const char *lab)
{
	struct sigaction action = {.sa_handler = ring}, former;
	struct itimerval once = {.it_value.tv_sec = SAY_AFTER_S}, none = {};
	int err;

	rang = 0;
	sigaction(SIGALRM, &action, &former);
	setitimer(ITIMER_REAL, &once, NULL);
	while ((err = flock(fd, mode) ? -errno : 0) == -EINTR) {
		if (rang && !lab_waits_quietly)
			log_info("waiting for another erxdpctl to finish with lab '%s'", lab);
		rang = 0;
	}
	setitimer(ITIMER_REAL, &none, NULL);
	sigaction(SIGALRM, &former, NULL);
	return err;
}

static int wait_for(int fd, int mode, const char *path, const char *lab, struct error *e)
{
	int err = flock(fd, mode | LOCK_NB) ? -errno : 0;

	if (err == -EWOULDBLOCK || err == -EINTR)
		err = wait_in_queue(fd, mode, lab);
	return err ? error_set(e, err, "cannot lock '%s': %s", path, strerror(-err)) : 0;
}

/* A lock on what has that name when it is held. Returns a descriptor or -errno. */
static int lock_path(const char *path, int flags, int mode, const char *lab, struct error *e)
{
	for (;;) {
		int fd = open(path, flags | O_CLOEXEC, 0600), err;

		if (fd < 0)
			return error_set(e, -errno, "cannot open '%s': %s%s", path, strerror(errno),
					 errno == EACCES || errno == EPERM ? "; run as root" : "");
		err = wait_for(fd, mode, path, lab, e);
		if (!err && is_current(fd, path))
			return fd;
		close(fd);
		if (err)
			return err;
	}
}

static int lock_file(const char *lab, const char *file, int mode, struct error *e)
{
	char path[512];

	lab_run_path(lab, file, path);
	return lock_path(path, *file ? O_RDWR | O_CREAT : O_RDONLY | O_DIRECTORY, mode, lab, e);
}

static int not_loaded(const char *lab, int err, struct error *e)
{
	return err == -ENOENT ? error_set(e, err, "lab '%s' is not loaded; run 'erxdpctl load FILE'", lab) : err;
}

int lab_turn(const char *name, bool exclusive, struct error *e)
{
	int err, fd;

	do {
		err = exclusive ? make_directories(name, e) : 0;
		fd = err ? err : lock_file(name, TURN, exclusive ? LOCK_EX : LOCK_SH, e);
	} while (exclusive && !err && fd == -ENOENT);
	return not_loaded(name, fd, e);
}

/* The gate is held as long as it takes to get in, so who comes later stands behind who came before. */
static int pass_gate(const char *name, bool exclusive, struct error *e)
{
	int gate = lock_file(name, GATE, LOCK_EX, e), fd;

	if (gate < 0)
		return gate;
	fd = lock_file(name, "", exclusive ? LOCK_EX : LOCK_SH, e);
	lab_unlock(gate);
	return fd;
}

int lab_lock(const char *name, bool create, bool exclusive, struct error *e)
{
	int err, fd;

	do {
		err = create ? make_directories(name, e) : 0;
		fd = err ? err : pass_gate(name, exclusive, e);
	} while (create && !err && fd == -ENOENT);
	return not_loaded(name, fd, e);
}

int lab_lock_machine(const char *name, struct error *e)
{
	return lock_path(LAB_RUN, O_RDONLY | O_DIRECTORY, LOCK_EX, name, e);
}

void lab_unlock(int lock)
{
	if (lock < 0)
		return;
	/* Also for a child that has it still, and is about to become another program. */
	flock(lock, LOCK_UN);
	close(lock);
}

/* --- A file's text ------------------------------------------------------------------------------------------------ */

int run_read(const char *lab, const char *file, char **text, size_t *size, struct error *e)
{
	char path[512];
	FILE *in, *out;
	int c, err = 0;

	*text = NULL;
	lab_run_path(lab, file, path);
	in = fopen(path, "re");
	if (!in && errno == ENOENT)
		return -ENOENT;
	if (!in)
		return error_set(e, -errno, "cannot open '%s': %s", path, strerror(errno));
	out = open_memstream(text, size);
	while (out && (c = getc(in)) != EOF)
		putc(c, out);
	if (ferror(in) || !out)
		err = error_set(e, -errno, "cannot read '%s': %s", path, strerror(errno));
	if (out)
		fclose(out);
	fclose(in);
	if (err) {
		free(*text);
		*text = NULL;
	}
	return err;
}

static bool has_text(const char *lab, const char *file, const void *data, size_t size)
{
	struct error unused;
	size_t there = 0;
	char *text;
	bool same = !run_read(lab, file, &text, &there, &unused) && there == size && !memcmp(text, data, size);

	free(text);
	return same;
}

/* --- Writing ----------------------------------------------------------------------------------------------------- */

int run_write(const char *lab, const char *file, const void *data, unsigned long size, struct error *e)
{
	char path[512], fresh[520];
	int fd, err = 0;

	/* Going back must not fail for want of space where nothing has changed. */
	if (has_text(lab, file, data, size))
		return 0;
	lab_run_path(lab, file, path);
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return error_set(e, -errno, "cannot write '%s': %s", fresh, strerror(errno));
	for (unsigned long done = 0; done < size && !err;) {
		ssize_t n = write(fd, (const char *)data + done, size - done);

		if (n < 0 && errno != EINTR)
			err = -errno;
		else if (n > 0)
			done += n;
	}
	if (close(fd) && !err)
		err = -errno;
	if (!err && rename(fresh, path))
		err = -errno;
	if (err) {
		unlink(fresh);
		error_set(e, err, "cannot write '%s': %s", path, strerror(-err));
	}
	return err;
}

int lab_save_state(const struct lab *lab, struct error *e)
{
	char *state = lab_state_text(lab);
	int err = run_write(lab->topo->name, "state", state, strlen(state), e);

	free(state);
	return err;
}

int lab_save(const struct lab *lab, struct error *e)
{
	const char *name = lab->topo->name;
	char *ids = ids_format(lab->ids);
	int err = run_write(name, "ids", ids, strlen(ids), e);

	if (!err)
		err = lab_save_state(lab, e);
	if (!err)
		err = run_write(name, "topology.yaml", lab->file, lab->file_size, e);
	free(ids);
	return err;
}

void lab_forget_unused(const char *name)
{
	struct error unused;

	remove_directory(name, &unused); /* not empty: somebody's after all */
}

int lab_generation(const char *name, uint64_t *out, struct error *e)
{
	struct stat now;
	char path[512];

	lab_run_path(name, "topology.yaml", path);
	if (stat(path, &now))
		return error_set(e, -errno, "cannot look at '%s': %s; run 'erxdpctl load' with the file of lab '%s'",
				 path, strerror(errno), name);
	*out = (uint64_t)now.st_ino << 32 ^ now.st_mtim.tv_sec * 1000000000ull ^ now.st_mtim.tv_nsec;
	return 0;
}

int run_remove(const char *lab, bool *any, struct error *e)
{
	char path[512], fresh[520];

	for (size_t i = 0; i < sizeof(run_files) / sizeof(run_files[0]); i++) {
		lab_run_path(lab, run_files[i], path);
		snprintf(fresh, sizeof(fresh), "%s.new", path);
		unlink(fresh);
		if (!unlink(path))
			*any = true;
		else if (errno != ENOENT)
			return error_set(e, -errno, "cannot remove '%s': %s", path, strerror(errno));
	}
	return remove_directory(lab, e);
}

/* --- Reading ----------------------------------------------------------------------------------------------------- */

/* What the lab was before: a part that is there and cannot be read is no reason to go on without it. */
static int read_former(struct lab *lab, const char *name, struct error *e)
{
	char *ids = NULL, *state = NULL;
	size_t size;
	int err = run_read(name, "ids", &ids, &size, e);

	if (!err || err == -ENOENT)
		err = run_read(name, "state", &state, &size, e);
	if (ids) {
		ids_free(lab->ids);
		lab->ids = ids_parse(ids);
	}
	if (state)
		state_parse(lab, state);
	free(ids);
	free(state);
	return err == -ENOENT ? 0 : err;
}

static const struct diag *first_error(const struct diags *diags)
{
	const struct diag *d = diags->list.items;

	while (d->level != DIAG_ERROR)
		d++;
	return d;
}

int lab_open(const char *name, struct lab **out, struct error *e)
{
	struct diags diags = {};
	struct lab *lab;
	size_t size = 0;
	char *file;
	int err = run_read(name, "topology.yaml", &file, &size, e);

	if (err == -ENOENT)
		return error_set(e, err, "lab '%s' is not loaded; run 'erxdpctl load FILE'", name);
	if (err)
		return err;
	lab = lab_parse(file, size, &diags);
	free(file);
	if (!lab)
		error_set(e, -EINVAL,
			  "what is kept of lab '%s' is damaged: '" LAB_RUN "/%s/topology.yaml', line %u: %s; run "
			  "'erxdpctl load' with its file, or 'erxdpctl unload %s'",
			  name, name, first_error(&diags)->at.line, first_error(&diags)->text, name);
	diags_free(&diags);
	if (!lab)
		return -EINVAL;
	err = read_former(lab, name, e);
	if (err)
		lab_free(lab);
	else
		*out = lab;
	return err;
}

/* --- Which labs there are ---------------------------------------------------------------------------------------- */

static void add_name(net_names *out, const char *name)
{
	vec_each(known, out) {
		if (!strcmp(*known, name))
			return;
	}
	vec_push(out, xstrdup(name));
}

static int add_directories(net_names *out, const char *where)
{
	DIR *dir = opendir(where);
	struct dirent *entry;
	int err;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	for (errno = 0; (entry = readdir(dir)); errno = 0) {
		if (entry->d_name[0] != '.')
			add_name(out, entry->d_name);
	}
	err = -errno;
	closedir(dir);
	return err;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int lab_names(net_names *out)
{
	int err = net_labs(out), next = add_directories(out, LAB_RUN);

	err = err ? err : next;
	next = add_directories(out, DP_ROOT);
	err = err ? err : next;
	if (out->n)
		qsort(out->items, out->n, sizeof(*out->items), by_name);
	return err;
}

static void list_names(const net_names *names, char *out, size_t size)
{
	*out = '\0';
	vec_each(n, names) {
		strncat(out, *out ? ", " : "", size - strlen(out) - 1);
		strncat(out, *n, size - strlen(out) - 1);
	}
}

int lab_default_name(const char *asked, char out[static 256], struct error *e)
{
	net_names names = {};
	char list[512];
	int err = 0;

	snprintf(out, 256, "%s", asked ? asked : "");
	if (asked)
		return 0;
	err = add_directories(&names, LAB_RUN);
	list_names(&names, list, sizeof(list));
	if (err)
		error_set(e, err, "cannot list '" LAB_RUN "': %s", strerror(-err));
	else if (names.n == 1)
		snprintf(out, 256, "%s", names.items[0]);
	else if (!names.n)
		err = error_set(e, -ENOENT, "no lab is loaded; run 'erxdpctl load FILE'");
	else
		err = error_set(e, -EINVAL, "several labs are loaded (%s); name one with --lab", list);
	vec_each(n, &names)
		free(*n);
	vec_free(&names);
	return err;
}
