// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Kernel settings per namespace. /proc/sys/net shows those of the namespace
 * that the calling thread is in at the moment a file is opened.
 */
#include "net/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	HOSTS = 1 << 0,
	FABRIC = 1 << 1,
	OPTIONAL = 1 << 2, /* the file may be missing: another kernel, IPv6 left out, eth0 not there yet */
};

/*
 * A new namespace inherits most of these from the machine, so all are written
 * even where the kernel's own default would do.
 */
static const struct setting {
	const char *path;
	long value;
	unsigned where;
} settings[] = {
	/* Only the XDP programs may have carried a packet. The second is for interfaces made later. */
	{"ipv4/ip_forward", 0, HOSTS | FABRIC},
	{"ipv4/conf/default/forwarding", 0, HOSTS | FABRIC},
	{"ipv6/conf/all/disable_ipv6", 1, HOSTS | FABRIC | OPTIONAL},
	{"ipv6/conf/default/disable_ipv6", 1, HOSTS | FABRIC | OPTIONAL},
	/* Way out and way back may differ. The kernel takes the stricter of "all" and the interface. */
	{"ipv4/conf/all/rp_filter", 0, HOSTS},
	{"ipv4/conf/default/rp_filter", 0, HOSTS},
	{"ipv4/conf/eth0/rp_filter", 0, HOSTS | OPTIONAL},
	/* Linux limits its own ICMP errors: the last hop of a second traceroute would be missing. Per namespace
	 * since 6.13; before, the files are not visible here and one limit is shared by the whole machine. */
	{"ipv4/icmp_ratelimit", 0, HOSTS},
	{"ipv4/icmp_msgs_per_sec", 1000000, HOSTS | OPTIONAL},
	{"ipv4/icmp_msgs_burst", 100000, HOSTS | OPTIONAL},
};

#define SETTINGS_END (settings + sizeof(settings) / sizeof(*settings))

static int open_setting(const struct setting *s, int flags)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", s->path);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int set_one(const struct setting *s, const char *name, struct error *error)
{
	char text[24];
	int length = snprintf(text, sizeof(text), "%ld\n", s->value);
	int fd = open_setting(s, O_WRONLY);
	int err = fd < 0 ? fd : 0;

	if (err == -ENOENT && s->where & OPTIONAL)
		return 0;
	if (!err && write(fd, text, (size_t)length) != length)
		err = -errno;
	if (fd >= 0)
		close(fd);
	return err ? net_fail(error, err, "cannot set '/proc/sys/net/%s' in namespace '%s'", s->path, name) : 0;
}

int sysctl_set(bool host, const char *name, struct error *error)
{
	unsigned where = host ? HOSTS : FABRIC;
	int err = 0;

	for (const struct setting *s = settings; s < SETTINGS_END && !err; s++) {
		if (s->where & where)
			err = set_one(s, name, error);
	}
	return err;
}

/* Missing but needed counts as different: writing it will say why it cannot be. Returns -errno when it cannot be read.
 */
static int read_setting(const struct setting *s, long *found)
{
	int fd = open_setting(s, O_RDONLY), err = 0;
	char text[24] = "";
	ssize_t length;

	if (fd == -ENOENT && s->where & OPTIONAL) {
		*found = s->value;
		return 0;
	}
	if (fd < 0)
		return fd;
	length = read(fd, text, sizeof(text) - 1);
	if (length <= 0)
		err = length < 0 ? -errno : -ENODATA;
	close(fd);
	*found = strtol(text, NULL, 10);
	return err;
}

bool sysctl_check(bool host, const char *name, struct error *why)
{
	unsigned where = host ? HOSTS : FABRIC;
	bool right = true;
	long found;

	for (const struct setting *s = settings; s < SETTINGS_END; s++) {
		int err = s->where & where ? read_setting(s, &found) : 0;

		if (!(s->where & where) || (!err && found == s->value))
			continue;
		if (err)
			net_note(why, "net/%s in namespace '%s' cannot be read: %s", s->path, name, strerror(-err));
		else
			net_note(why, "net/%s in namespace '%s' is %ld, not %ld", s->path, name, found, s->value);
		right = false;
	}
	return right;
}
