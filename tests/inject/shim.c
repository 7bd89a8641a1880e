// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * LD_PRELOAD: counts the calls that erxdpctl, libbpf and libmnl make to the
 * system, and lets the n-th of them fail as if the kernel had refused it, once:
 * the call is not made. control.h says how it is told.
 *
 * Not counted are what cannot fail (close, munmap, clocks), memory (a program that has
 * none ends at once, like a killed one), printing, and looking through /proc for who
 * holds a namespace: how many calls that takes depends on what else runs, and it is
 * advice only.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "control.h"

#define EXPORT __attribute__((visibility("default")))

static struct inject_control *control;

__attribute__((constructor)) static void start(void)
{
	const char *file = getenv(INJECT_ENVIRONMENT);
	int fd = file ? (int)syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC) : -1;
	struct inject_control *map;

	if (fd < 0)
		return;
	map = (void *)syscall(SYS_mmap, NULL, sizeof(*map), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	syscall(SYS_close, fd);
	if (map != MAP_FAILED && map->magic == INJECT_MAGIC)
		control = map;
}

/* The C library's plugins that look up groups make calls of their own, as many as the machine is set up for. */
static bool is_plugin(const void *caller)
{
	Dl_info info;

	return dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, "/libnss_");
}

/* Count a call; whether it is the one that fails, with errno set. */
static bool call_fails(const void *caller, int error, const char *name, const char *object)
{
	uint32_t n;

	if (!control || !__atomic_load_n(&control->armed, __ATOMIC_ACQUIRE) || is_plugin(caller))
		return false;
	n = __atomic_add_fetch(&control->seen, 1, __ATOMIC_RELAXED);
	if (n <= INJECT_CALLS)
		snprintf(control->names[n - 1], INJECT_NAME, "%s%s%s", name, object && *object ? " " : "",
			 object ? object : "");
	if (n != control->fail_at)
		return false;
	control->error = control->error ? control->error : error;
	control->failed = 1;
	errno = control->error;
	return true;
}

/* In an exported function, or in one that is INLINE in it. */
#define fails(...) call_fails(__builtin_return_address(0), __VA_ARGS__)
#define INLINE	   static inline __attribute__((always_inline))

/* The C library's own function of this name. */
#define REAL(name)                                                                                                     \
	({                                                                                                             \
		static typeof(name) *real_;                                                                            \
		if (!real_)                                                                                            \
			real_ = (typeof(name) *)dlsym(RTLD_NEXT, #name);                                               \
		real_;                                                                                                 \
	})

/* A function whose arguments are passed on; object: a string that tells one call from another, or NULL. */
#define CALL(type, name, error, failure, object, parameters, ...)                                                      \
	EXPORT type name parameters                                                                                    \
	{                                                                                                              \
		if (fails(error, #name, object))                                                                       \
			return failure;                                                                                \
		return REAL(name)(__VA_ARGS__);                                                                        \
	}

/* Of a process's own directory: see the top. */
static bool is_about_processes(const char *path)
{
	return !strncmp(path, "/proc", 5) && (!path[5] || !path[6] || (path[6] >= '1' && path[6] <= '9'));
}

/* --- Files -------------------------------------------------------------------------------------------------------- */

static mode_t mode_of(int flags, va_list args)
{
	return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(args, mode_t) : 0;
}

INLINE int counted_open(const char *path, int flags, mode_t mode)
{
	return fails(EMFILE, "open", path) ? -1 : REAL(open)(path, flags, mode);
}

#define OPEN(name)                                                                                                     \
	EXPORT int name(const char *path, int flags, ...)                                                              \
	{                                                                                                              \
		va_list args;                                                                                          \
		mode_t mode;                                                                                           \
                                                                                                                       \
		va_start(args, flags);                                                                                 \
		mode = mode_of(flags, args);                                                                           \
		va_end(args);                                                                                          \
		return counted_open(path, flags, mode);                                                                \
	}
OPEN(open)
OPEN(open64)

EXPORT int openat(int dir, const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = mode_of(flags, args);
	va_end(args);
	return fails(EMFILE, "openat", path) ? -1 : REAL(openat)(dir, path, flags, mode);
}

static ssize_t counted_read(int fd, void *data, size_t size)
{
	return fails(EIO, "read", NULL) ? -1 : REAL(read)(fd, data, size);
}

CALL(ssize_t, read, EIO, -1, NULL, (int fd, void *data, size_t size), fd, data, size)
CALL(ssize_t, write, ENOSPC, -1, NULL, (int fd, const void *data, size_t size), fd, data, size)
CALL(int, mkdir, ENOSPC, -1, path, (const char *path, mode_t mode), path, mode)
CALL(int, unlink, EIO, -1, path, (const char *path), path)
CALL(int, rmdir, EIO, -1, path, (const char *path), path)
CALL(int, remove, EIO, -1, path, (const char *path), path)
CALL(int, rename, EIO, -1, to, (const char *from, const char *to), from, to)
CALL(int, linkat, EIO, -1, to, (int a, const char *from, int b, const char *to, int flags), a, from, b, to, flags)
CALL(int, chmod, EPERM, -1, path, (const char *path, mode_t mode), path, mode)
CALL(int, chown, EPERM, -1, path, (const char *path, uid_t uid, gid_t gid), path, uid, gid)
CALL(int, fchmod, EPERM, -1, NULL, (int fd, mode_t mode), fd, mode)
CALL(int, fchown, EPERM, -1, NULL, (int fd, uid_t uid, gid_t gid), fd, uid, gid)
CALL(int, ftruncate, ENOSPC, -1, NULL, (int fd, off_t size), fd, size)
CALL(int, fsync, EIO, -1, NULL, (int fd), fd)
CALL(int, lstat, EIO, -1, path, (const char *path, struct stat *st), path, st)
CALL(int, fstat, EIO, -1, NULL, (int fd, struct stat *st), fd, st)
CALL(int, statfs, EIO, -1, path, (const char *path, struct statfs *st), path, st)
CALL(int, statfs64, EIO, -1, path, (const char *path, struct statfs64 *st), path, st)
CALL(int, access, EIO, -1, path, (const char *path, int mode), path, mode)
CALL(int, faccessat, EIO, -1, path, (int dir, const char *path, int mode, int flags), dir, path, mode, flags)
CALL(int, nftw, EMFILE, -1, path, (const char *path, __nftw_func_t fn, int n, int flags), path, fn, n, flags)

EXPORT int stat(const char *path, struct stat *st)
{
	if (!is_about_processes(path) && fails(EIO, "stat", path))
		return -1;
	return REAL(stat)(path, st);
}

/* Who waits for a lock asks again and again: only what asks at once is counted the first time. */
EXPORT int flock(int fd, int operation)
{
	static __thread int waited_for = -1;
	bool again = waited_for == fd;
	int result;

	if (!again && fails(ENOLCK, "flock", NULL))
		return -1;
	result = REAL(flock)(fd, operation);
	waited_for = result < 0 && errno == EWOULDBLOCK ? fd : -1;
	return result;
}

/* --- Directories -------------------------------------------------------------------------------------------------- */

static __thread DIR *fresh; /* of a directory only the first reading is counted */

EXPORT DIR *opendir(const char *path)
{
	bool counted = !is_about_processes(path);
	DIR *dir;

	if (counted && fails(EMFILE, "opendir", path))
		return NULL;
	dir = REAL(opendir)(path);
	fresh = counted ? dir : NULL;
	return dir;
}

EXPORT struct dirent *readdir(DIR *dir)
{
	bool counted = dir == fresh;

	fresh = NULL;
	if (counted && fails(EIO, "readdir", NULL))
		return NULL;
	return REAL(readdir)(dir);
}

/* --- Streams: a file that is read is opened and read through the calls above -------------------------------------- */

/* Of /sys/kernel/btf/vmlinux each page is a call, and all are alike. */
#define STREAM_READS 4

struct stream {
	int fd, reads;
};

static ssize_t stream_read(void *cookie, char *data, size_t size)
{
	struct stream *s = cookie;

	return s->reads++ < STREAM_READS ? counted_read(s->fd, data, size) : REAL(read)(s->fd, data, size);
}

static int stream_seek(void *cookie, off64_t *offset, int whence)
{
	off64_t at = lseek64(((struct stream *)cookie)->fd, *offset, whence);

	if (at < 0)
		return -1;
	*offset = at;
	return 0;
}

static int stream_close(void *cookie)
{
	struct stream *s = cookie;
	int result = close(s->fd);

	free(s);
	return result;
}

static FILE *make_stream(int fd, const char *mode)
{
	const cookie_io_functions_t functions = {.read = stream_read, .seek = stream_seek, .close = stream_close};
	struct stream *s = malloc(sizeof(*s));
	FILE *stream = s ? fopencookie(s, mode, functions) : NULL;

	if (!stream) {
		free(s);
		close(fd);
		return NULL;
	}
	*s = (struct stream){.fd = fd};
	return stream;
}

INLINE FILE *open_stream(const char *path, const char *mode)
{
	int fd;

	if (mode[0] != 'r' || strchr(mode, '+') || is_about_processes(path))
		return fails(EMFILE, "fopen", path) ? NULL : REAL(fopen)(path, mode);
	fd = counted_open(path, O_RDONLY | O_CLOEXEC, 0);
	return fd < 0 ? NULL : make_stream(fd, mode);
}

EXPORT FILE *fopen(const char *path, const char *mode)
{
	return open_stream(path, mode);
}

EXPORT FILE *fopen64(const char *path, const char *mode)
{
	return open_stream(path, mode);
}

/* --- Namespaces, mounts, processes -------------------------------------------------------------------------------- */

CALL(int, mount, EPERM, -1, to,
     (const char *from, const char *to, const char *type, unsigned long flags, const void *data), from, to, type, flags,
     data)
CALL(int, umount2, EBUSY, -1, path, (const char *path, int flags), path, flags)
CALL(int, setns, EPERM, -1, NULL, (int fd, int type), fd, type)
CALL(int, unshare, ENOSPC, -1, NULL, (int flags), flags)
CALL(pid_t, fork, EAGAIN, -1, NULL, (void))
CALL(int, execv, ENOENT, -1, path, (const char *path, char *const argv[]), path, argv)
CALL(int, execve, ENOENT, -1, path, (const char *path, char *const argv[], char *const env[]), path, argv, env)
CALL(int, pipe2, EMFILE, -1, NULL, (int fds[2], int flags), fds, flags)

EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	return fails(EAGAIN, "pthread_create", NULL) ? errno : REAL(pthread_create)(thread, attr, fn, arg);
}

/* --- Descriptors and memory of the kernel ------------------------------------------------------------------------- */

CALL(int, dup3, EMFILE, -1, NULL, (int from, int to, int flags), from, to, flags)
CALL(void *, mmap, ENOMEM, MAP_FAILED, NULL, (void *at, size_t size, int prot, int flags, int fd, off_t offset), at,
     size, prot, flags, fd, offset)
CALL(void *, mmap64, ENOMEM, MAP_FAILED, NULL, (void *at, size_t size, int prot, int flags, int fd, off64_t offset), at,
     size, prot, flags, fd, offset)
CALL(int, epoll_create1, EMFILE, -1, NULL, (int flags), flags)
CALL(int, timerfd_create, EMFILE, -1, NULL, (int clock, int flags), clock, flags)

EXPORT int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
	if (operation == EPOLL_CTL_ADD && fails(ENOSPC, "epoll_ctl", "add"))
		return -1;
	return REAL(epoll_ctl)(epoll, operation, fd, event);
}

/* One argument or none, as large as a pointer: so are all that are used. */
#define CONTROLLED(name, request_type, error)                                                                          \
	EXPORT int name(int fd, request_type request, ...)                                                             \
	{                                                                                                              \
		va_list args;                                                                                          \
		void *arg;                                                                                             \
                                                                                                                       \
		va_start(args, request);                                                                               \
		arg = va_arg(args, void *);                                                                            \
		va_end(args);                                                                                          \
		return fails(error, #name, NULL) ? -1 : REAL(name)(fd, request, arg);                                  \
	}
CONTROLLED(ioctl, unsigned long, EBUSY)
CONTROLLED(fcntl, int, EMFILE)
CONTROLLED(fcntl64, int, EMFILE)

/* --- Sockets ------------------------------------------------------------------------------------------------------ */

CALL(int, socket, ENOBUFS, -1,
     domain == AF_NETLINK ? "netlink"
     : domain == AF_UNIX  ? "unix"
			  : "inet",
     (int domain, int type, int protocol), domain, type, protocol)
CALL(int, bind, ENOMEM, -1, NULL, (int fd, const struct sockaddr *to, socklen_t size), fd, to, size)
CALL(int, listen, EADDRINUSE, -1, NULL, (int fd, int backlog), fd, backlog)
CALL(int, connect, ECONNREFUSED, -1, NULL, (int fd, const struct sockaddr *to, socklen_t size), fd, to, size)
CALL(int, accept4, EMFILE, -1, NULL, (int fd, struct sockaddr *from, socklen_t *size, int flags), fd, from, size, flags)
CALL(int, getsockname, ENOBUFS, -1, NULL, (int fd, struct sockaddr *name, socklen_t *size), fd, name, size)
CALL(int, setsockopt, ENOMEM, -1, NULL, (int fd, int level, int name, const void *value, socklen_t size), fd, level,
     name, value, size)
CALL(ssize_t, send, ENOBUFS, -1, NULL, (int fd, const void *data, size_t size, int flags), fd, data, size, flags)
CALL(ssize_t, sendto, ENOBUFS, -1, NULL,
     (int fd, const void *data, size_t size, int flags, const struct sockaddr *to, socklen_t length), fd, data, size,
     flags, to, length)
CALL(ssize_t, sendmsg, ENOBUFS, -1, NULL, (int fd, const struct msghdr *message, int flags), fd, message, flags)
CALL(ssize_t, recv, ENOBUFS, -1, NULL, (int fd, void *data, size_t size, int flags), fd, data, size, flags)
CALL(ssize_t, recvmsg, ENOBUFS, -1, NULL, (int fd, struct msghdr *message, int flags), fd, message, flags)
CALL(ssize_t, recvfrom, ENOBUFS, -1, NULL,
     (int fd, void *data, size_t size, int flags, struct sockaddr *from, socklen_t *length), fd, data, size, flags,
     from, length)

/* --- bpf(2), as libbpf makes it ----------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	int error;
} bpf_commands[] = {
	[BPF_MAP_CREATE] = {"map_create", ENOMEM},
	[BPF_MAP_LOOKUP_ELEM] = {"map_lookup_elem", ENOMEM},
	[BPF_MAP_UPDATE_ELEM] = {"map_update_elem", ENOSPC},
	[BPF_MAP_DELETE_ELEM] = {"map_delete_elem", ENOMEM},
	[BPF_MAP_GET_NEXT_KEY] = {"map_get_next_key", ENOMEM},
	[BPF_PROG_LOAD] = {"prog_load", ENOMEM},
	[BPF_OBJ_PIN] = {"obj_pin", ENOSPC},
	[BPF_OBJ_GET] = {"obj_get", EMFILE},
	[BPF_OBJ_GET_INFO_BY_FD] = {"obj_get_info_by_fd", ENOMEM},
	[BPF_RAW_TRACEPOINT_OPEN] = {"raw_tracepoint_open", ENOMEM},
	[BPF_BTF_LOAD] = {"btf_load", ENOMEM},
	[BPF_MAP_FREEZE] = {"map_freeze", EBUSY},
	[BPF_MAP_LOOKUP_BATCH] = {"map_lookup_batch", ENOMEM},
	[BPF_MAP_UPDATE_BATCH] = {"map_update_batch", ENOMEM},
	[BPF_MAP_DELETE_BATCH] = {"map_delete_batch", ENOMEM},
	[BPF_LINK_CREATE] = {"link_create", EBUSY},
	[BPF_LINK_UPDATE] = {"link_update", EBUSY},
	[BPF_PROG_BIND_MAP] = {"prog_bind_map", ENOMEM},
};

INLINE bool bpf_fails(long command)
{
	size_t known = sizeof(bpf_commands) / sizeof(bpf_commands[0]);
	bool named = command >= 0 && (size_t)command < known && bpf_commands[command].name;
	char name[32];

	if (named)
		return fails(bpf_commands[command].error, "bpf", bpf_commands[command].name);
	snprintf(name, sizeof(name), "command %ld", command);
	return fails(EINVAL, "bpf", name);
}

EXPORT long syscall(long number, ...)
{
	va_list args;
	long a[6];

	va_start(args, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if ((number == SYS_bpf && bpf_fails(a[0])) ||
	    (number == SYS_perf_event_open && fails(EMFILE, "perf_event_open", NULL)))
		return -1;
	return REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
