// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "lab/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lab/lab.h"

#define KEPT_FD	    3
#define NAME_MS	    1000
#define END_MS	    5000
#define END_STEP_MS 10

static void pause_ms(unsigned ms)
{
	nanosleep(&(struct timespec){.tv_nsec = ms * 1000000l}, NULL);
}

int process_claim(const char *lab, const char *file, const char *what, struct error *e)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[512], text[32];
	int fd, n;

	lab_run_path(lab, file, path);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set(e, -errno, "cannot open '%s': %s; is lab '%s' loaded?", path, strerror(errno), lab);
	if (fcntl(fd, F_OFD_SETLK, &lock)) {
		close(fd);
		return error_set(e, -EBUSY, "lab '%s' has a %s already", lab, what);
	}
	n = snprintf(text, sizeof(text), "%d\n", getpid());
	if (ftruncate(fd, 0) || pwrite(fd, text, n, 0) != n) {
		error_set(e, -EIO, "cannot write '%s': %s", path, strerror(errno));
		close(fd);
		return -EIO;
	}
	return fd;
}

/* Who holds the lock on the file of that name: asking takes no lock. */
static int read_holder(int fd, pid_t *pid)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char text[32] = "";

	if (fcntl(fd, F_OFD_GETLK, &lock))
		return -errno;
	if (lock.l_type == F_UNLCK)
		return 0;
	if (read(fd, text, sizeof(text) - 1) < 0)
		return -errno;
	*pid = atoi(text);
	return *pid > 0 ? 0 : -EAGAIN; /* it has taken the lock, and is about to say who it is */
}

pid_t process_holder(const char *lab, const char *file)
{
	char path[512];
	unsigned waited = 0;
	pid_t pid = 0;
	int fd, err;

	lab_run_path(lab, file, path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	while ((err = read_holder(fd, &pid)) == -EAGAIN && waited++ < NAME_MS && !lseek(fd, 0, SEEK_SET))
		pause_ms(1);
	close(fd);
	return err ? err : pid;
}

int process_end(const char *lab, const char *file, const char *what, int first_signal, struct error *e)
{
	const int signals[] = {first_signal, SIGKILL};
	pid_t pid = process_holder(lab, file), now = pid;

	/* Only while the lock says that this number is that process's. */
	for (int i = 0; i < 2 && pid > 0 && now == pid; i++) {
		kill(pid, signals[i]);
		for (int waited = 0; waited < END_MS && now == pid; waited += END_STEP_MS) {
			pause_ms(END_STEP_MS);
			now = process_holder(lab, file);
		}
	}
	if (now < 0)
		return error_set(e, now, "cannot tell whether lab '%s' has a %s: %s", lab, what, strerror(-now));
	return now ? error_set(e, -EBUSY, "the %s of lab '%s' does not end", what, lab) : 0;
}

void process_program(const char *name, char out[static 4096])
{
	ssize_t n = readlink("/proc/self/exe", out, 4000);
	char *slash;

	out[n > 0 ? n : 0] = '\0';
	slash = strrchr(out, '/');
	strcpy(slash ? slash + 1 : out, name);
}

int process_detach(const char *lab, int keep)
{
	int out, null = open("/dev/null", O_RDONLY);
	char log[512];

	lab_run_path(lab, LAB_LOG, log);
	out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (null < 0 || out < 0 || setsid() < 0 || chdir("/"))
		return -errno;
	dup2(null, 0);
	dup2(out, 1);
	dup2(out, 2);
	if (keep == KEPT_FD)
		fcntl(keep, F_SETFD, 0);
	else if (keep >= 0)
		dup2(keep, KEPT_FD);
	close_range(keep >= 0 ? KEPT_FD + 1 : KEPT_FD, ~0u, 0);
	return 0;
}
