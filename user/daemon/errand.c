// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a member of the group asks erxdpctl for: a child of the controller runs
 * it with root's rights, and writes to two pipes that the member has passed, so
 * its output is root's byte for byte and none of it is kept here. erxdpctl itself
 * knows which verbs are for members.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/errand.h"
#include "lab/process.h"
#include "lib/clock.h"
#include "lib/vec.h"

#define MOST_ARGUMENTS 32
#define NICE	       10 /* hosts, wires and the controller come first */
#define CPU_S	       20
#define LONGEST_NS     60000000000ull

/* Nothing that is opened elsewhere in the system is written to by root on a member's behalf. */
static bool is_pipe(int fd)
{
	struct stat st;
	int flags = fcntl(fd, F_GETFL);

	return fd >= 0 && !fstat(fd, &st) && S_ISFIFO(st.st_mode) && (flags & O_ACCMODE) == O_WRONLY;
}

void errand_close_pipes(int pipes[2])
{
	for (int i = 0; i < 2; i++) {
		if (pipes[i] >= 0)
			close(pipes[i]);
		pipes[i] = -1;
	}
}

static void become_erxdpctl(char **argv, const int pipes[2])
{
	static char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	const struct rlimit cpu = {CPU_S, CPU_S};
	int null = open("/dev/null", O_RDONLY);
	char program[4096];
	sigset_t none;

	process_program("erxdpctl", program);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	setpriority(PRIO_PROCESS, 0, NICE);
	/* Standard output of the controller is its log: all of 0 to 2 is taken by then. */
	if (null < 0 || setsid() < 0 || chdir("/") || setrlimit(RLIMIT_CPU, &cpu) || dup2(null, 0) < 0 ||
	    dup2(pipes[0], 1) < 0 || dup2(pipes[1], 2) < 0)
		_exit(1);
	close_range(3, ~0u, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execve(program, argv, environment);
	dprintf(2, "erxdpctl: cannot start '%s': %s\n", program, strerror(errno));
	_exit(1);
}

static int read_arguments(const cJSON *args, char *argv[MOST_ARGUMENTS + 3])
{
	const cJSON *arg;
	int n = 0;

	argv[n++] = "erxdpctl";
	argv[n++] = ERRAND_OPTION;
	cJSON_ArrayForEach(arg, args)
	{
		if (!cJSON_IsString(arg) || n == MOST_ARGUMENTS + 2)
			return -EINVAL;
		argv[n++] = arg->valuestring;
	}
	argv[n] = NULL;
	return n > 2 ? 0 : -EINVAL;
}

int errand_start(struct errand *errand, const cJSON *args, int pipes[2], struct error *e)
{
	char *argv[MOST_ARGUMENTS + 3];
	int err = 0;

	if (!is_pipe(pipes[0]) || !is_pipe(pipes[1]))
		err = error_set(e, -EINVAL, "'run' needs the writing ends of two pipes with it");
	else if (read_arguments(args, argv))
		err = error_set(e, -EINVAL, "'run' needs \"args\": a verb and what goes with it, %d words at most",
				MOST_ARGUMENTS);
	if (err)
		return err;
	errand->pid = fork();
	if (!errand->pid)
		become_erxdpctl(argv, pipes);
	errand->pidfd = errand->pid > 0 ? pidfd_open(errand->pid, 0) : -1;
	errand->until = clock_now() + LONGEST_NS;
	if (errand->pid > 0 && errand->pidfd >= 0)
		return 0;
	err = error_set(e, -errno, "cannot start erxdpctl: %s", strerror(errno));
	errand_end(errand);
	return err;
}

void errand_end(struct errand *errand)
{
	if (errand->pid > 0) {
		kill(errand->pid, SIGKILL);
		waitpid(errand->pid, NULL, 0);
	}
	if (errand->pidfd >= 0)
		close(errand->pidfd);
	*errand = ERRAND_NONE;
}

int errand_ended(struct errand *errand, int status)
{
	errand->pid = 0;
	errand_end(errand);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int errand_code(struct errand *errand)
{
	int status = 0;

	if (waitpid(errand->pid, &status, WNOHANG) != errand->pid)
		return -EAGAIN;
	return errand_ended(errand, status);
}
