// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Programs on ports. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/if_link.h>

#include "dp/internal.h"

static void link_path(const struct dp *dp, uint32_t ifindex, char out[static 512])
{
	char name[32];

	snprintf(name, sizeof(name), "ports/%u", ifindex);
	dp_pin_path(dp->lab, name, out);
}

/* Whether the pin holds this program on this interface; a defunct link says interface 0. */
static bool is_attached(const char *path, uint32_t ifindex, uint32_t program)
{
	struct bpf_link_info info = {};
	uint32_t size = sizeof(info);
	int fd = bpf_obj_get(path);
	bool yes;

	if (fd < 0)
		return false;
	yes = !bpf_obj_get_info_by_fd(fd, &info, &size) && info.type == BPF_LINK_TYPE_XDP &&
	      info.xdp.ifindex == ifindex && info.prog_id == program;
	close(fd);
	return yes;
}

static int attach_one(struct dp *dp, const struct image_port *port, struct error *e)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
	uint32_t ifindex = ERX_FIRST_IFINDEX + port->id;
	int fd, err = 0;
	char path[512];

	link_path(dp, ifindex, path);
	unlink(path);
	fd = bpf_link_create(dp->programs[port->entry.kind], ifindex, BPF_XDP, &opts);
	if (fd < 0)
		return error_set(e, -errno, "cannot attach '%s' to '%s' in native mode: %s",
				 dp_kind_names[port->entry.kind], port->ifname, strerror(errno));
	if (bpf_obj_pin(fd, path))
		err = error_set(e, -errno, "cannot pin the link of '%s' as '%s': %s", port->ifname, path,
				strerror(errno));
	close(fd);
	return err;
}

/* Links of ports that are no more. */
static void detach_others(struct dp *dp, const struct image *image)
{
	bool *wanted = xcalloc(ERX_MAX_PORTS, sizeof(bool));
	struct dirent *entry;
	char path[512];
	DIR *dir;

	vec_each(p, &image->ports)
		wanted[p->id] = true;
	dp_pin_path(dp->lab, "ports", path);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		unsigned ifindex;

		if (sscanf(entry->d_name, "%u", &ifindex) != 1 || ifindex - ERX_FIRST_IFINDEX >= ERX_MAX_PORTS ||
		    wanted[ifindex - ERX_FIRST_IFINDEX])
			continue;
		link_path(dp, ifindex, path);
		unlink(path);
	}
	if (dir)
		closedir(dir);
	free(wanted);
}

int dp_attach(struct dp *dp, const struct image *image, unsigned *attached, struct error *e)
{
	*attached = 0;
	vec_each(p, &image->ports) {
		char path[512];
		int err;

		link_path(dp, ERX_FIRST_IFINDEX + p->id, path);
		if (is_attached(path, ERX_FIRST_IFINDEX + p->id, dp->program_ids[p->entry.kind]))
			continue;
		err = attach_one(dp, p, e);
		if (err)
			return err;
		(*attached)++;
	}
	detach_others(dp, image);
	return 0;
}

unsigned dp_unattached(const struct dp *dp, const struct image *image)
{
	unsigned missing = 0;
	char path[512];

	vec_each(p, &image->ports) {
		link_path(dp, ERX_FIRST_IFINDEX + p->id, path);
		missing += !is_attached(path, ERX_FIRST_IFINDEX + p->id, dp->program_ids[p->entry.kind]);
	}
	return missing;
}
