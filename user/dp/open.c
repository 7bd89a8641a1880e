// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Loading, pinning and opening what a lab's data plane is made of. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/magic.h>

#include "dp/internal.h"
#include "dp/refusal.h"
#include "erxdp.skel.h"
#include "lib/log.h"
#include "lib/privilege.h"

#define BPFFS	     "/sys/fs/bpf"
#define HELLOS_BYTES (ERX_MAX_PORTS * sizeof(uint64_t))

const char *const dp_program_names[DP_N_PROGRAMS] = {
#define X(id, name, text) name,
	ERX_KINDS(X)
#undef X
		[DP_WIRE] = "wire",
};

static const char *const map_names[DP_N_MAPS] = {
#define X(name) "erx_" #name,
	DP_MAPS(X)
#undef X
};

/* Programs on the kernel's tracepoints; each link is pinned under its program's name. */
static const char *const tracepoints[] = {"port_lost", "port_refused"};

void dp_pin_path(const char *lab, const char *rest, char out[static 512])
{
	snprintf(out, 512, DP_ROOT "/%s%s%s", lab, *rest ? "/" : "", rest);
}

bool dp_is_mounted(void)
{
	struct statfs fs;

	return !statfs(BPFFS, &fs) && fs.f_type == BPF_FS_MAGIC;
}

static int not_mounted(int err, struct error *e)
{
	char remedy[PRIVILEGE_TEXT];

	privilege_remedy(err, PRIVILEGE(CAP_SYS_ADMIN), remedy);
	return error_set(e, err, "cannot mount bpffs on '" BPFFS "': %s%s", strerror(-err),
			 *remedy ? remedy : "; the kernel needs CONFIG_BPF_SYSCALL");
}

int dp_mount(bool *mounted, struct error *e)
{
	struct statfs fs;

	*mounted = false;
	/* A second one over the first would hide all pins, so there is no guessing. */
	if (statfs(BPFFS, &fs))
		return error_set(e, -errno, "cannot look at '" BPFFS "': %s; is sysfs mounted?", strerror(errno));
	if (fs.f_type == BPF_FS_MAGIC)
		return 0;
	if (mount("bpf", BPFFS, "bpf", 0, "mode=0700"))
		return not_mounted(-errno, e);
	*mounted = true;
	return 0;
}

/* --- What libbpf says, kept for the message of a refused program ------------------------------------------------ */

static __thread struct refusal said;

/* The verifier's log comes as one message, and what matters is its end: so all of it is formatted. */
static int keep_words(enum libbpf_print_level level, const char *format, va_list args)
{
	char *text, *rest, *line;

	if (vasprintf(&text, format, args) < 0)
		return 0;
	if (level != LIBBPF_DEBUG)
		log_debug("%s", text);
	rest = text;
	while (level == LIBBPF_WARN && (line = strsep(&rest, "\n"))) {
		if (*line)
			refusal_hear(&said, line);
	}
	free(text);
	return 0;
}

/* --- Opening pins ----------------------------------------------------------------------------------------------- */

static struct dp *dp_new(const char *lab)
{
	struct dp *dp = xcalloc(1, sizeof(*dp));

	snprintf(dp->lab, sizeof(dp->lab), "%s", lab);
	memset(dp->maps, -1, sizeof(dp->maps));
	memset(dp->programs, -1, sizeof(dp->programs));
	dp->sweep = -1;
	dp->lock = -1;
	dp->cpus = libbpf_num_possible_cpus();
	return dp;
}

void dp_close(struct dp *dp)
{
	if (!dp)
		return;
	for (int i = 0; i < DP_N_MAPS; i++)
		if (dp->maps[i] >= 0)
			close(dp->maps[i]);
	for (int i = 0; i < DP_N_PROGRAMS; i++)
		if (dp->programs[i] >= 0)
			close(dp->programs[i]);
	if (dp->sweep >= 0)
		close(dp->sweep);
	if (dp->lock >= 0)
		close(dp->lock);
	dp_forget(dp);
	if (dp->hellos)
		munmap((void *)dp->hellos, HELLOS_BYTES);
	if (dp->control)
		munmap(dp->control, sizeof(*dp->control));
	free(dp);
}

const volatile uint64_t *dp_hellos(struct dp *dp)
{
	void *at;

	if (!dp->hellos) {
		at = mmap(NULL, HELLOS_BYTES, PROT_READ, MAP_SHARED, dp->maps[DP_MAP_hellos], 0);
		dp->hellos = at == MAP_FAILED ? NULL : at;
	}
	return dp->hellos;
}

static int open_pin(const struct dp *dp, const char *name, struct error *e)
{
	char path[512];
	int fd;

	dp_pin_path(dp->lab, name, path);
	fd = bpf_obj_get(path);
	return fd < 0 ? error_set(e, -errno, "cannot open '%s': %s", path, strerror(errno)) : fd;
}

static int map_control(struct dp *dp, struct error *e)
{
	void *at = mmap(NULL, sizeof(*dp->control), PROT_READ | PROT_WRITE, MAP_SHARED, dp->maps[DP_MAP_control], 0);

	if (at == MAP_FAILED)
		return error_set(e, -errno, "cannot map the control entry of lab '%s': %s", dp->lab, strerror(errno));
	dp->control = at;
	return 0;
}

static int open_lock(struct dp *dp, struct error *e)
{
	char path[512];

	dp_pin_path(dp->lab, "", path);
	dp->lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dp->lock < 0)
		return error_set(e, -errno, "cannot open '%s': %s", path, strerror(errno));
	return 0;
}

static int open_programs(struct dp *dp, struct error *e)
{
	for (int i = 0; i < DP_N_PROGRAMS; i++) {
		struct bpf_prog_info info = {};
		uint32_t size = sizeof(info);
		char name[64];

		snprintf(name, sizeof(name), "programs/%s", dp_program_names[i]);
		dp->programs[i] = open_pin(dp, name, e);
		if (dp->programs[i] < 0)
			return dp->programs[i];
		if (bpf_obj_get_info_by_fd(dp->programs[i], &info, &size))
			return error_set(e, -errno, "cannot ask for the number of program '%s' of lab '%s': %s",
					 dp_program_names[i], dp->lab, strerror(errno));
		dp->program_ids[i] = info.id;
	}
	dp->sweep = open_pin(dp, "programs/sweep", e);
	return dp->sweep < 0 ? dp->sweep : 0;
}

/* -ENOENT: something is missing, so it has to be loaded. Any other -errno says nothing about what is there. */
static int open_pins(struct dp *dp, struct error *e)
{
	char path[512];
	int err = dp_check_contract(dp->lab, e);

	if (err)
		return err;
	if (dp->cpus < 0)
		return error_set(e, dp->cpus,
				 "cannot tell how many CPUs there are (/sys/devices/system/cpu/possible): %s",
				 strerror(-dp->cpus));
	for (int i = 0; i < DP_N_MAPS; i++) {
		dp->maps[i] = open_pin(dp, map_names[i], e);
		if (dp->maps[i] < 0)
			return dp->maps[i];
	}
	for (size_t i = 0; i < sizeof(tracepoints) / sizeof(tracepoints[0]); i++) {
		dp_pin_path(dp->lab, tracepoints[i], path);
		if (access(path, F_OK))
			return error_set(e, -errno, "cannot look at '%s': %s", path, strerror(errno));
	}
	return open_programs(dp, e);
}

bool dp_exists(const char *lab)
{
	struct dp *dp = dp_new(lab);
	struct error unused;
	bool missing = open_pins(dp, &unused) == -ENOENT;

	dp_close(dp);
	return !missing;
}

/* --- Loading ---------------------------------------------------------------------------------------------------- */

static int make_directories(const char *lab, struct error *e)
{
	static const char *const parts[] = {"", "programs", "ports", "captures"};
	char path[512];
	int tries = 100;

	/* The last lab to go takes the directory of all of them away, maybe in between. */
	dp_pin_path(lab, "", path);
	do {
		if (mkdir(DP_ROOT, 0700) && errno != EEXIST)
			return error_set(e, -errno, "cannot create '" DP_ROOT "': %s; run as root", strerror(errno));
	} while (mkdir(path, 0700) && errno == ENOENT && --tries);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		dp_pin_path(lab, parts[i], path);
		if (mkdir(path, 0700) && errno != EEXIST)
			return error_set(e, -errno, "cannot create '%s': %s", path, strerror(errno));
	}
	return dp_write_contract(lab, e);
}

static int pin_programs(struct erxdp_bpf *skel, const char *lab)
{
	struct bpf_program *prog;
	char name[64], path[512];

	bpf_object__for_each_program(prog, skel->obj)
	{
		if (bpf_program__type(prog) == BPF_PROG_TYPE_TRACING)
			continue;
		snprintf(name, sizeof(name), "programs/%s", bpf_program__name(prog));
		dp_pin_path(lab, name, path);
		if (bpf_program__pin(prog, path))
			return -errno;
	}
	return 0;
}

static int attach_tracepoint(const struct erxdp_bpf *skel, const char *lab, const char *name)
{
	struct bpf_program *program = bpf_object__find_program_by_name(skel->obj, name);
	struct bpf_link *link = bpf_program__attach(program);
	char path[512];
	int err;

	if (!link)
		return -errno;
	dp_pin_path(lab, name, path);
	err = bpf_link__pin(link, path) ? -errno : 0;
	bpf_link__destroy(link);
	return err;
}

static int pin_all(struct erxdp_bpf *skel, const char *lab)
{
	struct bpf_map *map;
	char path[512];
	int err = 0;

	bpf_object__for_each_map(map, skel->obj)
	{
		if (bpf_map__is_internal(map))
			continue;
		dp_pin_path(lab, bpf_map__name(map), path);
		if (bpf_map__pin(map, path))
			return -errno;
	}
	for (size_t i = 0; i < sizeof(tracepoints) / sizeof(tracepoints[0]) && !err; i++)
		err = attach_tracepoint(skel, lab, tracepoints[i]);
	return err ? err : pin_programs(skel, lab);
}

/* Programs; that they may be XDP; that they may read the kernel's memory (the tracepoints). */
#define NEEDS (PRIVILEGE(CAP_BPF) | PRIVILEGE(CAP_NET_ADMIN) | PRIVILEGE(CAP_PERFMON))

static int load_failed(int err, const char *lab, struct error *e)
{
	struct utsname kernel = {};
	char remedy[PRIVILEGE_TEXT];
	struct refusal_place place = {.release = kernel.release, .remedy = remedy};

	uname(&kernel);
	privilege_remedy(err, NEEDS, remedy);
	return refusal_tell(&said, err, &place, lab, e);
}

/* As erxdp_bpf__open_and_load(), with room for the captures of every CPU. NULL with errno. */
static struct erxdp_bpf *open_and_load(void)
{
	int cpus = libbpf_num_possible_cpus(), err;
	struct erxdp_bpf *skel = erxdp_bpf__open();

	if (!skel)
		return NULL;
	err = cpus < 0 ? cpus : bpf_map__set_max_entries(skel->maps.erx_capture, ERX_CAPTURE_INDEX(cpus, 0));
	if (!err)
		err = erxdp_bpf__load(skel);
	if (!err)
		return skel;
	erxdp_bpf__destroy(skel);
	errno = -err;
	return NULL;
}

static int load_and_pin(const char *lab, struct error *e)
{
	struct erxdp_bpf *skel;
	libbpf_print_fn_t before;
	int err = dp_remove(lab, e);

	if (!err)
		err = make_directories(lab, e);
	if (err)
		return err;
	said = (struct refusal){};
	before = libbpf_set_print(keep_words);
	skel = open_and_load();
	if (!skel) {
		err = load_failed(-errno, lab, e);
	} else {
		err = pin_all(skel, lab);
		if (err)
			error_set(e, err, "cannot pin the data plane of lab '%s' under '" DP_ROOT "': %s", lab,
				  strerror(-err));
		erxdp_bpf__destroy(skel);
	}
	libbpf_set_print(before);
	return err;
}

int dp_open(const char *lab, bool create, struct dp **out, struct error *e)
{
	struct dp *dp = dp_new(lab);
	int err = open_pins(dp, e);

	if (err == -ENOENT && !create)
		error_set(e, err, "lab '%s' is not loaded; run 'erxdpctl load FILE'", lab);
	if (err == -ENOENT && create) {
		err = load_and_pin(lab, e);
		dp_close(dp);
		dp = dp_new(lab);
		if (!err)
			err = open_pins(dp, e);
	}
	if (!err)
		err = map_control(dp, e);
	if (!err)
		err = open_lock(dp, e);
	if (err) {
		dp_close(dp);
		return err;
	}
	*out = dp;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

int dp_remove(const char *lab, struct error *e)
{
	char path[512];

	dp_pin_path(lab, "", path);
	if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) && errno != ENOENT)
		return error_set(e, -errno, "cannot remove '%s': %s", path, strerror(errno));
	rmdir(DP_ROOT); /* the last lab takes it away; otherwise it is not empty */
	return 0;
}
