// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The run directory: what was asked for, and the lock. */
#include "lab/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lab/lab.h"
#include "lib/log.h"

static const char *const run_files[] = {"topology.yaml", "state", "ids"};

void run_path(const char *lab, const char *file, char out[static 512])
{
	snprintf(out, 512, LAB_RUN "/%s%s%s", lab, *file ? "/" : "", file);
}

/* --- Lock -------------------------------------------------------------------------------------------------------- */

/* Whether the directory that fd holds is still the one of that name: an unload may have taken it away. */
static bool is_current(int fd)
{
	struct stat held, named;

	return !fstat(fd, &held) && !stat(LAB_RUN, &named) && held.st_ino == named.st_ino;
}

static int open_run(bool exclusive, struct error *e)
{
	int fd;

	/* For root only: whoever can open it can hold the lock and keep everybody waiting. */
	if (mkdir(LAB_RUN, 0700) && errno != EEXIST)
		return error_set(e, -errno, "cannot create '" LAB_RUN "': %s; run as root", strerror(errno));
	fd = open(LAB_RUN, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_set(e, -errno, "cannot open '" LAB_RUN "': %s; run as root", strerror(errno));
	/* Who may not write there is told before anything is tried. */
	if (exclusive && faccessat(AT_FDCWD, LAB_RUN, W_OK, AT_EACCESS)) {
		close(fd);
		return error_set(e, -EACCES, "cannot write to '" LAB_RUN "': %s; run as root", strerror(EACCES));
	}
	return fd;
}

static int wait_for(int fd, int mode, struct error *e)
{
	for (unsigned waited = 0; flock(fd, mode | LOCK_NB); waited++) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_set(e, -errno, "cannot lock '" LAB_RUN "': %s", strerror(errno));
		if (waited == 20)
			log_info("waiting for another erxdpctl to finish");
		nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	}
	return 0;
}

int lab_lock(bool exclusive, struct error *e)
{
	for (;;) {
		int fd = open_run(exclusive, e), err;

		if (fd < 0)
			return fd;
		err = wait_for(fd, exclusive ? LOCK_EX : LOCK_SH, e);
		if (!err && is_current(fd))
			return fd;
		close(fd);
		if (err)
			return err;
	}
}

/* --- Writing ----------------------------------------------------------------------------------------------------- */

int run_write(const char *lab, const char *file, const void *data, unsigned long size, struct error *e)
{
	char path[512], fresh[520];
	int fd, err = 0;

	run_path(lab, "", path);
	if (mkdir(path, 0755) && errno != EEXIST)
		return error_set(e, -errno, "cannot create '%s': %s", path, strerror(errno));
	run_path(lab, file, path);
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

static char *state_text(const struct lab *lab)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return xstrdup("");
	vec_each(f, &lab->faults)
		fprintf(out, "%s %s\n", f->silent ? "silent" : "fail", f->target);
	for (size_t i = 0; i < lab->topo->connections.n; i++)
		fprintf(out, "fastpath-%s %s\n", lab->fastpath[i] ? "on" : "off", lab->topo->connections.items[i].name);
	fclose(out);
	return text;
}

int lab_save(const struct lab *lab, struct error *e)
{
	const char *name = lab->topo->name;
	char *state = state_text(lab), *ids = ids_format(lab->ids);
	int err = run_write(name, "ids", ids, strlen(ids), e);

	if (!err)
		err = run_write(name, "state", state, strlen(state), e);
	if (!err)
		err = run_write(name, "topology.yaml", lab->file, lab->file_size, e);
	free(state);
	free(ids);
	return err;
}

int run_remove(const char *lab, struct error *e)
{
	char path[512], fresh[520];

	for (size_t i = 0; i < sizeof(run_files) / sizeof(run_files[0]); i++) {
		run_path(lab, run_files[i], path);
		snprintf(fresh, sizeof(fresh), "%s.new", path);
		unlink(fresh);
		if (unlink(path) && errno != ENOENT)
			return error_set(e, -errno, "cannot remove '%s': %s", path, strerror(errno));
	}
	run_path(lab, "", path);
	if (rmdir(path) && errno != ENOENT)
		return error_set(e, -errno, "cannot remove '%s': %s", path, strerror(errno));
	return 0;
}

/* --- Reading ----------------------------------------------------------------------------------------------------- */

static char *run_read(const char *lab, const char *file, size_t *size)
{
	char path[512], *text = NULL;
	FILE *in, *out;
	int c;

	run_path(lab, file, path);
	in = fopen(path, "re");
	if (!in)
		return NULL;
	out = open_memstream(&text, size);
	while (out && (c = getc(in)) != EOF)
		putc(c, out);
	if (out)
		fclose(out);
	fclose(in);
	return text;
}

static void read_state(struct lab *lab, char *text)
{
	char *line;

	while ((line = strsep(&text, "\n"))) {
		char word[32];
		int at = 0;
		const struct connection *c;

		if (sscanf(line, "%31s %n", word, &at) != 1 || !at)
			continue;
		if (!strcmp(word, "fail") || !strcmp(word, "silent")) {
			lab_fail(lab, line + at, *word == 's');
			continue;
		}
		c = topo_connection(lab->topo, line + at);
		if (c)
			lab->fastpath[c - lab->topo->connections.items] = !strcmp(word, "fastpath-on");
	}
}

int lab_open(const char *name, struct lab **out, struct error *e)
{
	size_t size = 0, other = 0;
	char *file = run_read(name, "topology.yaml", &size), *text;
	struct diags diags = {};
	struct lab *lab;

	if (!file)
		return error_set(e, -ENOENT, "lab '%s' is not loaded; run 'erxdpctl load FILE'", name);
	lab = lab_parse(file, size, &diags);
	free(file);
	diags_free(&diags);
	if (!lab)
		return error_set(e, -EINVAL,
				 "what is kept of lab '%s' in '" LAB_RUN "' is damaged; run 'erxdpctl unload %s'", name,
				 name);
	text = run_read(name, "ids", &other);
	if (text) {
		ids_free(lab->ids);
		lab->ids = ids_parse(text);
	}
	free(text);
	text = run_read(name, "state", &other);
	if (text)
		read_state(lab, text);
	free(text);
	*out = lab;
	return 0;
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

static void add_directories(net_names *out, const char *where)
{
	DIR *dir = opendir(where);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.')
			add_name(out, entry->d_name);
	}
	if (dir)
		closedir(dir);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int lab_names(net_names *out)
{
	int err = net_labs(out);

	add_directories(out, LAB_RUN);
	add_directories(out, DP_ROOT);
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

int lab_open_default(const char *name, struct lab **out, struct error *e)
{
	net_names names = {};
	char list[512];
	int err;

	if (name)
		return lab_open(name, out, e);
	add_directories(&names, LAB_RUN);
	list_names(&names, list, sizeof(list));
	if (names.n == 1)
		err = lab_open(names.items[0], out, e);
	else if (!names.n)
		err = error_set(e, -ENOENT, "no lab is loaded; run 'erxdpctl load FILE'");
	else
		err = error_set(e, -EINVAL, "several labs are loaded (%s); name one with --lab", list);
	vec_each(n, &names)
		free(*n);
	vec_free(&names);
	return err;
}
