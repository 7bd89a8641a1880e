// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The run directory: what was asked for, and the lock. */
#include "lab/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lab/state.h"
#include "lib/log.h"
#include "wire/wire.h"

/* All that may be in a lab's run directory; sockets and "controller" are the controller's (daemon/). */
static const char *const run_files[] = {"topology.yaml", "state",     "ids",	  "read.sock", "change.sock",
					"controller",	 WIRE_CONFIG, WIRE_STATS, WIRE_LOCK,   LAB_LOG};

void lab_run_path(const char *lab, const char *file, char out[static 512])
{
	snprintf(out, 512, LAB_RUN "/%s%s%s", lab, *file ? "/" : "", file);
}

/* --- Locks ------------------------------------------------------------------------------------------------------- */

/*
 * A directory that members of the group may pass through, to the controller's
 * reading socket, and nobody but root may open: whoever can open it can hold the
 * lock and keep everybody waiting.
 */
static int make_directory(const char *path, struct error *e)
{
	const struct group *group = getgrnam(LAB_GROUP);

	if (mkdir(path, 0700)) {
		if (errno == EEXIST)
			return 0;
		return error_set(e, -errno, "cannot create '%s': %s%s", path, strerror(errno),
				 errno == EACCES || errno == EPERM ? "; run as root" : "");
	}
	if (group && (chown(path, 0, group->gr_gid) || chmod(path, 0710)))
		return error_set(e, -errno, "cannot open '%s' to group " LAB_GROUP ": %s", path, strerror(errno));
	return 0;
}

/* Whether the directory that fd holds is still the one of that name: an unload may have taken it away. */
static bool is_current(int fd, const char *path)
{
	struct stat held, named;

	return !fstat(fd, &held) && !stat(path, &named) && held.st_ino == named.st_ino;
}

static int open_directory(const char *path, bool exclusive, struct error *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return error_set(e, -errno, "cannot open '%s': %s%s", path, strerror(errno),
				 errno == EACCES ? "; run as root" : "");
	/* Who may not write there is told before anything is tried. */
	if (exclusive && faccessat(AT_FDCWD, path, W_OK, AT_EACCESS)) {
		int err = error_set(e, -errno, "cannot write to '%s': %s%s", path, strerror(errno),
				    errno == EACCES ? "; run as root" : "");

		close(fd);
		return err;
	}
	return fd;
}

static int wait_for(int fd, const char *path, int mode, struct error *e)
{
	for (unsigned waited = 0; flock(fd, mode | LOCK_NB); waited++) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_set(e, -errno, "cannot lock '%s': %s", path, strerror(errno));
		if (waited == 250)
			log_info("waiting for another erxdpctl to finish");
		/* Readers hold it for milliseconds, and a failure does not wait. */
		nanosleep(&(struct timespec){.tv_nsec = waited < 50 ? 200000 : 4000000}, NULL);
	}
	return 0;
}

static int lock_directory(const char *path, bool create, bool exclusive, struct error *e)
{
	for (;;) {
		int err = create ? make_directory(path, e) : 0, fd;

		if (err)
			return err;
		fd = open_directory(path, exclusive, e);
		if (fd < 0)
			return fd;
		err = wait_for(fd, path, exclusive ? LOCK_EX : LOCK_SH, e);
		if (!err && is_current(fd, path))
			return fd;
		close(fd);
		if (err)
			return err;
	}
}

int lab_lock_all(bool exclusive, struct error *e)
{
	return lock_directory(LAB_RUN, true, exclusive, e);
}

int lab_lock(const char *name, bool create, bool exclusive, struct error *e)
{
	char path[512];
	int fd;

	lab_run_path(name, "", path);
	fd = lock_directory(path, create, exclusive, e);
	if (fd == -ENOENT)
		error_set(e, fd, "lab '%s' is not loaded; run 'erxdpctl load FILE'", name);
	return fd;
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
	int fd, err;

	/* Going back must not fail for want of space where nothing has changed. */
	if (has_text(lab, file, data, size))
		return 0;
	lab_run_path(lab, "", path);
	err = make_directory(path, e);
	if (err)
		return err;
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
	char path[512];

	lab_run_path(name, "", path);
	rmdir(path); /* not empty: somebody's after all */
}

int lab_generation(const char *name, uint64_t *out, struct error *e)
{
	struct stat now;
	char path[512];

	lab_run_path(name, "topology.yaml", path);
	if (stat(path, &now))
		return error_set(e, -errno, "cannot look at lab '%s': %s%s", name, strerror(errno),
				 errno == ENOENT ? "; it is gone" : "");
	*out = (uint64_t)now.st_ino << 32 ^ now.st_mtim.tv_sec * 1000000000ull ^ now.st_mtim.tv_nsec;
	return 0;
}

int run_remove(const char *lab, struct error *e)
{
	char path[512], fresh[520];

	for (size_t i = 0; i < sizeof(run_files) / sizeof(run_files[0]); i++) {
		lab_run_path(lab, run_files[i], path);
		snprintf(fresh, sizeof(fresh), "%s.new", path);
		unlink(fresh);
		if (unlink(path) && errno != ENOENT)
			return error_set(e, -errno, "cannot remove '%s': %s", path, strerror(errno));
	}
	lab_run_path(lab, "", path);
	if (rmdir(path) && errno != ENOENT)
		return error_set(e, -errno, "cannot remove '%s': %s", path, strerror(errno));
	return 0;
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
	diags_free(&diags);
	if (!lab)
		return error_set(e, -EINVAL,
				 "what is kept of lab '%s' in '" LAB_RUN "' is damaged; run 'erxdpctl unload %s'", name,
				 name);
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
