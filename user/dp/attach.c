// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Programs on ports. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/if_link.h>

#include "dp/internal.h"

static void link_path(const char *lab, uint32_t ifindex, char out[static 512])
{
	char name[32];

	snprintf(name, sizeof(name), "ports/%u", ifindex);
	dp_pin_path(lab, name, out);
}

/* Whether the pin holds this program on this interface (a defunct link says interface 0), or -errno. */
static int is_attached(const char *path, uint32_t ifindex, uint32_t program)
{
	struct bpf_link_info info = {};
	uint32_t size = sizeof(info);
	int fd = bpf_obj_get(path), err;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	err = bpf_obj_get_info_by_fd(fd, &info, &size) ? -errno : 0;
	close(fd);
	if (err)
		return err;
	return info.type == BPF_LINK_TYPE_XDP && info.xdp.ifindex == ifindex && info.prog_id == program;
}

bool dp_fabric_is_new(const struct dp *dp)
{
	struct stat st;

	return dp->control->fabric_inode && !stat("/proc/thread-self/ns/net", &st) &&
	       dp->control->fabric_inode != st.st_ino;
}

/* Where a program belongs: every port, and both ends of every wire. */
struct place {
	uint32_t id;
	unsigned program;
	const char *ifname;
};
typedef VEC(struct place) places;

static void list_places(const struct image *image, places *out)
{
	vec_each(p, &image->ports)
		vec_push(out, ((struct place){p->id, p->entry.kind, p->ifname}));
	vec_each(w, &image->wires) {
		for (int end = 0; end < 2; end++)
			vec_push(out, ((struct place){w->end[end].id, DP_WIRE, w->end[end].ifname}));
	}
}

static int attach_one(struct dp *dp, const struct place *at, struct error *e)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
	uint32_t ifindex = ERX_FIRST_IFINDEX + at->id;
	int fd, err = 0;
	char path[512];

	link_path(dp->lab, ifindex, path);
	if (unlink(path) && errno != ENOENT)
		return error_set(e, -errno, "cannot remove '%s': %s", path, strerror(errno));
	fd = bpf_link_create(dp->programs[at->program], ifindex, BPF_XDP, &opts);
	if (fd < 0)
		return error_set(e, -errno, "cannot attach '%s' to '%s' in native mode: %s",
				 dp_program_names[at->program], at->ifname, strerror(errno));
	if (bpf_obj_pin(fd, path))
		err = error_set(e, -errno, "cannot pin the link of '%s' as '%s': %s", at->ifname, path,
				strerror(errno));
	close(fd);
	return err;
}

static int detach(const char *lab, uint32_t ifindex, struct error *e)
{
	char path[512];

	link_path(lab, ifindex, path);
	if (unlink(path) && errno != ENOENT)
		return error_set(e, -errno, "cannot remove '%s': %s", path, strerror(errno));
	return 0;
}

static bool *wanted_ports(const struct image *image)
{
	bool *wanted = xcalloc(ERX_MAX_PORTS, sizeof(bool));
	places all = {};

	list_places(image, &all);
	vec_each(p, &all)
		wanted[p->id] = true;
	vec_free(&all);
	return wanted;
}

/* anew: what looks attached is on the interfaces of a fabric that is gone. */
static int attach_if_missing(struct dp *dp, const struct place *at, bool anew, unsigned *attached, struct error *e)
{
	char path[512];
	int err = 0;

	link_path(dp->lab, ERX_FIRST_IFINDEX + at->id, path);
	if (!anew)
		err = is_attached(path, ERX_FIRST_IFINDEX + at->id, dp->program_ids[at->program]);
	if (err > 0)
		return 0;
	if (err < 0)
		return error_set(e, err, "cannot look at '%s', the link of '%s': %s", path, at->ifname, strerror(-err));
	err = attach_one(dp, at, e);
	*attached += !err;
	return err;
}

int dp_attach(struct dp *dp, const struct image *image, unsigned *attached, struct error *e)
{
	bool anew = dp_fabric_is_new(dp);
	places all = {};
	int err = 0;

	*attached = 0;
	list_places(image, &all);
	vec_each(at, &all) {
		err = attach_if_missing(dp, at, anew, attached, e);
		if (err)
			break;
	}
	vec_free(&all);
	return err;
}

int dp_detach(const char *lab, const struct image *image, struct error *e)
{
	bool *wanted = wanted_ports(image);
	struct dirent *entry;
	char path[512];
	int err = 0;
	DIR *dir;

	dp_pin_path(lab, "ports", path);
	dir = opendir(path);
	errno = dir ? 0 : errno;
	while (!err && dir && (entry = readdir(dir))) {
		unsigned ifindex;

		if (sscanf(entry->d_name, "%u", &ifindex) == 1 && ifindex - ERX_FIRST_IFINDEX < ERX_MAX_PORTS &&
		    !wanted[ifindex - ERX_FIRST_IFINDEX])
			err = detach(lab, ifindex, e);
		errno = 0;
	}
	if (!err && errno)
		err = error_set(e, -errno, "cannot list '%s': %s", path, strerror(errno));
	if (dir)
		closedir(dir);
	free(wanted);
	return err;
}

unsigned dp_unattached(const struct dp *dp, const struct image *image)
{
	unsigned missing = 0;
	places all = {};
	char path[512];

	list_places(image, &all);
	vec_each(p, &all) {
		link_path(dp->lab, ERX_FIRST_IFINDEX + p->id, path);
		missing += is_attached(path, ERX_FIRST_IFINDEX + p->id, dp->program_ids[p->program]) <= 0;
	}
	vec_free(&all);
	return missing;
}
