// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Network namespaces with names under /run/netns, as `ip netns` knows them.
 *
 * A name comes into being in three steps, and a process may be killed between
 * any two: the namespace is made and marked (alias of its loopback) while it
 * has no name and dies with the thread; then the file appears, in one step,
 * holding the same mark as text; then the namespace is mounted over it. A
 * file that has the text but no mount is a remnant, and everybody can tell
 * whose, without a list kept elsewhere.
 */
#include "net/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define OWN_NS	 "/proc/thread-self/ns/net"
#define MARK	 "erxdp:"
#define LOOPBACK 1 /* the first interface of every namespace */

struct mark {
	char text[256]; /* IFALIASZ */
};

struct ns_path {
	char text[sizeof(NET_DIR) + 256];
};

static struct mark mark_of(const char *lab)
{
	struct mark mark;

	snprintf(mark.text, sizeof(mark.text), MARK "%s", lab);
	return mark;
}

static struct ns_path path_of(const char *name)
{
	struct ns_path path;

	snprintf(path.text, sizeof(path.text), NET_DIR "/%s", name);
	return path;
}

/* Whether a namespace is mounted on it, or -errno. */
static int is_mounted(const char *path)
{
	struct statfs fs;

	if (statfs(path, &fs))
		return errno == ENOENT ? 0 : -errno;
	return fs.f_type == NSFS_MAGIC;
}

/* Entering */

struct job {
	int (*fn)(void *arg);
	void *arg;
	const char *namespace; /* to enter first, or NULL */
	struct error *error;
	int result;
};

/* The way back matters: a thread that has been joined may still be seen by others, and must not be seen
 * inside a namespace that has just been removed. */
static void *job_main(void *arg)
{
	struct job *job = arg;
	int home = open(OWN_NS, O_RDONLY | O_CLOEXEC);

	if (home < 0) {
		job->result = net_fail(job->error, -errno, "cannot open '" OWN_NS "'");
		return NULL;
	}
	job->result = job->namespace ? net_enter(job->namespace, job->error) : 0;
	if (!job->result)
		job->result = job->fn(job->arg);
	setns(home, CLONE_NEWNET);
	close(home);
	return NULL;
}

static int job_run(struct job *job)
{
	pthread_t thread;
	int err = pthread_create(&thread, NULL, job_main, job);

	if (err)
		return net_fail(job->error, -err, "cannot start a thread");
	pthread_join(thread, NULL);
	return job->result;
}

int worker_run(int (*fn)(void *arg), void *arg, struct error *error)
{
	struct job job = {.fn = fn, .arg = arg, .error = error};
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	err = job_run(&job);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

int net_call(const char *namespace, int (*fn)(void *arg), void *arg, struct error *error)
{
	struct job job = {.fn = fn, .arg = arg, .namespace = namespace, .error = error};

	return job_run(&job);
}

int ns_open(const char *name, struct error *error)
{
	struct ns_path path = path_of(name);
	int fd = open(path.text, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return net_refuse(error, -ENOENT, "there is no namespace '%s'; is the lab loaded?", name);
	if (fd < 0)
		return net_fail(error, -errno, "cannot open namespace '%s'", name);
	return fd;
}

int net_enter(const char *namespace, struct error *error)
{
	int fd = ns_open(namespace, error);
	int err = 0;

	if (fd < 0)
		return fd;
	if (setns(fd, CLONE_NEWNET) < 0)
		err = -errno;
	close(fd);
	if (err == -EINVAL)
		return net_refuse(error, err, "'" NET_DIR "/%s' is not a network namespace; load the lab again",
				  namespace);
	return err ? net_fail(error, err, "cannot enter namespace '%s'", namespace) : 0;
}

/* Marks */

static int take_alias(const struct nlmsghdr *msg, void *arg)
{
	const struct nlattr *tb[IFLA_IFALIAS + 1];
	struct mark *mark = arg;

	mark->text[0] = 0;
	if (!msg)
		return 0;
	nl_attributes(msg, sizeof(struct ifinfomsg), tb, IFLA_IFALIAS);
	if (tb[IFLA_IFALIAS])
		snprintf(mark->text, sizeof(mark->text), "%s", mnl_attr_get_str(tb[IFLA_IFALIAS]));
	return 0;
}

static int read_mark(struct nl *nl, struct mark *mark, struct error *error)
{
	struct nlmsghdr *msg = nl_begin(nl, RTM_GETLINK, 0);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(msg, sizeof(*info));

	info->ifi_index = LOOPBACK;
	return nl_ask(nl, take_alias, mark, error);
}

/* Mark the thread's namespace, and its loopback up: what is made here is used at once. */
static int write_mark(const char *lab, const char *name, struct error *error)
{
	struct mark mark = mark_of(lab);
	struct nl *nl = nl_open(error);
	struct ifinfomsg *info;
	struct nlmsghdr *msg;
	int err;

	if (!nl)
		return -ENOTSUP;
	msg = nl_begin(nl, RTM_NEWLINK, 0);
	info = mnl_nlmsg_put_extra_header(msg, sizeof(*info));
	info->ifi_index = LOOPBACK;
	info->ifi_flags = IFF_UP;
	info->ifi_change = IFF_UP;
	mnl_attr_put_strz(msg, IFLA_IFALIAS, mark.text);
	nl_end(nl, 0, "cannot mark namespace '%s'", name);
	err = nl_flush(nl, error);
	nl_close(nl);
	return err;
}

/* The mark of the namespace of this name; the thread is inside it afterwards. */
static int enter_and_read(const char *name, struct mark *mark, struct nl **nl, struct error *error)
{
	int err = net_enter(name, error);

	if (err)
		return err;
	*nl = nl_open(error);
	if (!*nl)
		return -ENOTSUP;
	err = read_mark(*nl, mark, error);
	if (err) {
		nl_close(*nl);
		*nl = NULL;
	}
	return err;
}

/* Text of a file that has no namespace mounted on it. */
static bool read_text(const char *path, struct mark *mark)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t length = fd < 0 ? -1 : read(fd, mark->text, sizeof(mark->text) - 1);

	if (fd >= 0)
		close(fd);
	mark->text[length < 0 ? 0 : length] = 0;
	return length >= 0;
}

static enum ns_kind file_kind(const char *path, const struct mark *mine)
{
	struct mark mark;

	if (!read_text(path, &mark))
		return NS_FOREIGN;
	/* Empty: `ip netns add` was killed, or a call on a file system that cannot
	 * make a file appear with its text (see put_file()). Nobody uses it. */
	return !mark.text[0] || !strcmp(mark.text, mine->text) ? NS_REMNANT : NS_FOREIGN;
}

int ns_look(const char *name, const char *lab, enum ns_kind *kind, struct nl **nl, struct error *error)
{
	struct ns_path path = path_of(name);
	struct mark mine = mark_of(lab), mark;
	struct nl *socket = NULL;
	struct stat st;
	int err, mounted;

	*kind = NS_ABSENT;
	if (lstat(path.text, &st) < 0)
		return errno == ENOENT ? 0 : net_fail(error, -errno, "cannot look at '%s'", path.text);
	mounted = is_mounted(path.text);
	if (mounted < 0)
		return net_fail(error, mounted, "cannot look at '%s'", path.text);
	if (!mounted || S_ISLNK(st.st_mode)) {
		*kind = S_ISREG(st.st_mode) ? file_kind(path.text, &mine) : NS_FOREIGN;
		return 0;
	}
	err = enter_and_read(name, &mark, &socket, error);
	if (err == -EINVAL && !is_mounted(path.text)) /* another lab's, which goes just now */
		return ns_look(name, lab, kind, nl, error);
	if (err)
		return err;
	*kind = strcmp(mark.text, mine.text) ? NS_FOREIGN : NS_OURS;
	if (*kind == NS_OURS && nl)
		*nl = socket;
	else
		nl_close(socket);
	return 0;
}

int ns_foreign(const char *name, struct error *error)
{
	struct ns_path path = path_of(name);
	struct nl *nl = NULL;
	struct mark mark = {""};

	if (is_mounted(path.text) > 0)
		enter_and_read(name, &mark, &nl, NULL);
	else
		read_text(path.text, &mark); /* of a lab in the making */
	nl_close(nl);
	if (!strncmp(mark.text, MARK, strlen(MARK)))
		return net_refuse(error, -EEXIST, "namespace '%s' belongs to lab '%s'; rename one of the labs", name,
				  mark.text + strlen(MARK));
	if (is_mounted(path.text) <= 0)
		return net_refuse(error, -EEXIST, "'%s' is a file that erxdp did not make; remove it or rename the lab",
				  path.text);
	return net_refuse(
		error, -EEXIST,
		"namespace '%s' exists and erxdp did not make it; remove it ('ip netns del %s') or rename the lab",
		name, name);
}

/* Making */

/* Mounts made inside must reach other mount namespaces, as those of `ip netns add` do; same steps, same lock. */
static int share_directory(void)
{
	if (!mount("", NET_DIR, "none", MS_SHARED | MS_REC, NULL))
		return 0;
	if (errno != EINVAL)
		return -errno;
	if (mount(NET_DIR, NET_DIR, "none", MS_BIND | MS_REC, NULL) < 0)
		return -errno;
	return mount("", NET_DIR, "none", MS_SHARED | MS_REC, NULL) < 0 ? -errno : 0;
}

/*
 * For a moment: while a name is given or taken, as labs that are loaded at the
 * same time may want the same one, or share the directory. Returns a descriptor
 * to close, or -errno.
 */
static int lock_directory(struct error *error)
{
	int fd = open(NET_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return net_fail(error, -errno, "cannot open '" NET_DIR "'");
	while (flock(fd, LOCK_EX)) {
		if (errno == EINTR)
			continue;
		err = net_fail(error, -errno, "cannot lock '" NET_DIR "'");
		close(fd);
		return err;
	}
	return fd;
}

static int prepare_directory(struct error *error)
{
	int fd, err;

	if (mkdir(NET_DIR, 0755) < 0 && errno != EEXIST)
		return net_fail(error, -errno, "cannot create '" NET_DIR "'");
	fd = lock_directory(error);
	if (fd < 0)
		return fd;
	err = share_directory();
	close(fd);
	return err ? net_fail(error, err, "cannot make '" NET_DIR "' a shared mount") : 0;
}

/* The file with the mark inside appears under its name in one step, or not at all. */
static int put_whole_file(const char *path, const struct mark *mark)
{
	int fd = open(NET_DIR, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0444);
	size_t length = strlen(mark->text);
	char link[64];
	int err = 0;

	if (fd < 0)
		return -errno;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (write(fd, mark->text, length) != (ssize_t)length)
		err = -ENOSPC;
	else if (linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* Where the file system has no O_TMPFILE (overlay before Linux 6.3) the file is empty for a moment. */
static int put_file(const char *path, const struct mark *mark)
{
	int err = put_whole_file(path, mark);
	size_t length = strlen(mark->text);
	int fd;

	if (err != -EOPNOTSUPP && err != -EISDIR && err != -ENOENT)
		return err;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (fd < 0)
		return -errno;
	err = write(fd, mark->text, length) == (ssize_t)length ? 0 : -ENOSPC;
	close(fd);
	if (err)
		unlink(path);
	return err;
}

/* Give the thread's namespace its name. Under the directory's lock. */
static int put_name(const char *name, const char *lab, struct error *error)
{
	struct ns_path path = path_of(name);
	struct mark mark = mark_of(lab);
	int err = put_file(path.text, &mark);

	if (err == -EEXIST && is_mounted(path.text) == 0 && file_kind(path.text, &mark) == NS_REMNANT) {
		unlink(path.text);
		err = put_file(path.text, &mark);
	}
	if (err == -EEXIST) /* somebody has been faster */
		return ns_foreign(name, error);
	if (err)
		return net_fail(error, err, "cannot create '%s'", path.text);
	if (mount(OWN_NS, path.text, "none", MS_BIND, NULL) < 0) {
		err = -errno;
		unlink(path.text);
		return net_fail(error, err, "cannot mount namespace '%s'", name);
	}
	return 0;
}

static int publish(const char *name, const char *lab, struct error *error)
{
	int fd = lock_directory(error), err;

	if (fd < 0)
		return fd;
	err = put_name(name, lab, error);
	close(fd);
	return err;
}

int ns_create(const char *name, const char *lab, bool host, struct error *error)
{
	int err = prepare_directory(error);

	if (err)
		return err;
	if (unshare(CLONE_NEWNET) < 0) {
		err = -errno;
		if (err == -EINVAL)
			return net_refuse(error, err, "the kernel has no network namespaces (CONFIG_NET_NS)");
		return net_fail(error, err, "cannot create namespace '%s'", name);
	}
	err = sysctl_set(host, name, error);
	if (!err)
		err = write_mark(lab, name, error);
	if (!err)
		err = publish(name, lab, error);
	return err;
}

/* Removing and finding */

static int take_name(const char *name, struct error *error)
{
	struct ns_path path = path_of(name);
	int mounted;

	while ((mounted = is_mounted(path.text)) > 0) {
		if (umount2(path.text, MNT_DETACH) < 0)
			return net_fail(error, -errno, "cannot unmount namespace '%s'", name);
	}
	if (mounted < 0)
		return net_fail(error, mounted, "cannot look at '%s'", path.text);
	if (unlink(path.text) < 0 && errno != ENOENT)
		return net_fail(error, -errno, "cannot remove '%s'", path.text);
	return 0;
}

int ns_remove(const char *name, struct error *error)
{
	int fd = lock_directory(error), err;

	if (fd < 0)
		return fd;
	err = take_name(name, error);
	close(fd);
	return err;
}

/* Lab "a" can only have "erx-a" and names that begin with "erx-a-". */
static bool may_be_of(const char *name, const char *lab)
{
	size_t length = strlen(lab);

	return !strncmp(name, "erx-", 4) && !strncmp(name + 4, lab, length) &&
	       (!name[4 + length] || name[4 + length] == '-');
}

/* An empty file may be another lab's or `ip netns`' in the making: left alone. */
static bool has_our_text(const char *name, const struct mark *mine)
{
	struct ns_path path = path_of(name);
	struct mark mark;

	return read_text(path.text, &mark) && !strcmp(mark.text, mine->text);
}

static int scan_one(const char *name, const char *lab, ns_list *out, struct error *error)
{
	struct mark mine = mark_of(lab);
	enum ns_kind kind;
	int err = ns_look(name, lab, &kind, NULL, error);

	if (err == -ENOENT)
		return 0; /* gone meanwhile */
	if (err)
		return err;
	if (kind == NS_OURS || (kind == NS_REMNANT && has_our_text(name, &mine)))
		vec_push(out, ((struct ns_entry){xstrdup(name), kind}));
	return 0;
}

int ns_scan(const char *lab, ns_list *out, struct error *error)
{
	DIR *dir = opendir(NET_DIR);
	struct dirent *entry;
	int err = 0;

	if (!dir)
		return errno == ENOENT ? 0 : net_fail(error, -errno, "cannot read '" NET_DIR "'");
	for (errno = 0; !err && (entry = readdir(dir)); errno = 0) {
		if (may_be_of(entry->d_name, lab))
			err = scan_one(entry->d_name, lab, out, error);
	}
	if (!err && errno)
		err = net_fail(error, -errno, "cannot read '" NET_DIR "'");
	closedir(dir);
	return err;
}

void ns_list_free(ns_list *list)
{
	vec_each(entry, list)
		free(entry->name);
	vec_free(list);
}

static void add_lab(net_names *labs, const char *lab)
{
	vec_each(known, labs) {
		if (!strcmp(*known, lab))
			return;
	}
	vec_push(labs, xstrdup(lab));
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int find_labs(void *arg)
{
	net_names *labs = arg;
	DIR *dir = opendir(NET_DIR);
	struct dirent *entry;
	struct mark mark;
	struct nl *nl;
	int err;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	for (errno = 0; (entry = readdir(dir)); errno = 0) {
		struct ns_path path = path_of(entry->d_name);

		nl = NULL;
		if (strncmp(entry->d_name, "erx-", 4) || is_mounted(path.text) <= 0)
			continue;
		if (!enter_and_read(entry->d_name, &mark, &nl, NULL) && !strncmp(mark.text, MARK, strlen(MARK)) &&
		    may_be_of(entry->d_name, mark.text + strlen(MARK)))
			add_lab(labs, mark.text + strlen(MARK));
		nl_close(nl);
	}
	err = -errno;
	closedir(dir);
	if (labs->n)
		qsort(labs->items, labs->n, sizeof(*labs->items), compare_names);
	return err;
}

int net_labs(net_names *labs)
{
	return worker_run(find_labs, labs, NULL);
}
