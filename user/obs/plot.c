// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "obs/plot.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "gnuplot"

extern char **environ;

/* Run it with that input and output. Returns 0, -ENOENT when it is not there, -EIO when it has failed. */
static int run(char *const *argv, int in, int out)
{
	posix_spawn_file_actions_t actions;
	int err, status;
	pid_t child;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	err = posix_spawnp(&child, *argv, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (err)
		return -err;
	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EIO;
}

static int check_program(struct error *e)
{
	char *const argv[] = {PROGRAM, "--version", NULL};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), err = null < 0 ? -errno : run(argv, null, null);

	if (null >= 0)
		close(null);
	if (err == -ENOENT)
		return error_set(e, err,
				 "--svg needs " PROGRAM ", which is not installed: apt-get install gnuplot-nox");
	return err ? error_set(e, err, "--svg needs " PROGRAM ", which does not run: %s", strerror(-err)) : 0;
}

int plot_open(const char *file, struct plot *out, struct error *e)
{
	int err = check_program(e);

	*out = (struct plot){.file = file, .fd = -1};
	if (err)
		return err;
	out->fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	return out->fd < 0 ? error_set(e, -errno, "cannot write '%s': %s", file, strerror(errno)) : 0;
}

/* An old file is as it was unless gnuplot has begun with it; a new one that is empty is nobody's. */
void plot_cancel(struct plot *p)
{
	struct stat s;

	if (p->fd >= 0 && !fstat(p->fd, &s) && S_ISREG(s.st_mode) && !s.st_size)
		unlink(p->file);
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

int plot_write(struct plot *p, void (*script)(const void *arg, FILE *out), const void *arg, struct error *e)
{
	char *const argv[] = {PROGRAM, "-", NULL};
	int in = memfd_create("plot", MFD_CLOEXEC), copy = in < 0 ? -1 : dup(in), err;
	FILE *text = copy < 0 ? NULL : fdopen(copy, "w");

	if (!text)
		return error_set(e, -errno, "cannot write a script for " PROGRAM ": %s", strerror(errno));
	script(arg, text);
	fclose(text);
	lseek(in, 0, SEEK_SET);
	err = ftruncate(p->fd, 0) && errno != EINVAL ? -errno : run(argv, in, p->fd);
	close(in);
	if (err)
		return error_set(e, err, PROGRAM " has not written '%s': %s", p->file, strerror(-err));
	close(p->fd);
	p->fd = -1;
	return 0;
}
