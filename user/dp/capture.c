// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Frames from the programs. A capture has a number, which is its bit in erx_captured:
 * it holds the lock on captures/NUMBER among the lab's pins. All else that is its own, the
 * kernel takes away with the process: the memory that erx_capture leads to.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dp/internal.h"

#define ONLINE	       "/sys/devices/system/cpu/online"
#define CAPTURED_BYTES (ERX_MAX_PORTS * sizeof(struct erx_captured))
#define LEAST_PAGES    16 /* for each CPU */

struct dp_capture {
	struct dp *dp;
	dp_capture_fn fn;
	void *arg;
	uint32_t number, bit;
	int lock;
	struct erx_captured *captured; /* shared with the programs and other captures */
	struct perf_buffer *buffers;   /* one for each CPU */
	VEC(struct erx_capture_record *) held;
	uint64_t lost;
	bool enough;
};

/* --- Numbers of ports --------------------------------------------------------------------------------------------- */

static uint32_t mix(uint32_t hash, const void *data, size_t size)
{
	for (const uint8_t *at = data; size--; at++)
		hash = (hash ^ *at) * 16777619; /* FNV-1a */
	return hash;
}

/* The same in whatever order the ports are. */
static uint32_t numbering(const struct image *image)
{
	const struct fabric *f = image->fabric;
	uint32_t sum = 0;

	vec_each(p, &image->ports) {
		const char *device = f->devices.items[p->port->device].name;
		const char *link = f->links.items[p->port->link].name;
		uint32_t hash = mix(2166136261, &p->id, sizeof(p->id));

		sum += mix(mix(hash, device, strlen(device) + 1), link, strlen(link));
	}
	return sum ? sum : 1;
}

/* The number first: who begins to capture sets his bit, then looks at it. */
void dp_renumber(const struct dp *dp, const struct image *image)
{
	uint32_t now = numbering(image);

	if (__atomic_exchange_n(&dp->control->numbering, now, __ATOMIC_SEQ_CST) != now)
		__atomic_store_n(&dp->control->capturing, 0, __ATOMIC_SEQ_CST);
}

/* --- A number of one's own ---------------------------------------------------------------------------------------- */

static void lock_path(const struct dp_capture *c, uint32_t number, char out[static 512])
{
	char name[32];

	snprintf(name, sizeof(name), "captures/%u", number);
	dp_pin_path(c->dp->lab, name, out);
}

/* A descriptor that has the lock, -EWOULDBLOCK when somebody else has it, or another -errno. */
static int try_number(const struct dp_capture *c, uint32_t number)
{
	char path[512];
	int fd, err;

	lock_path(c, number, path);
	if (mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static int take_number(struct dp_capture *c, struct error *e)
{
	const char *lab = c->dp->lab;

	c->lock = -EWOULDBLOCK;
	for (uint32_t n = 0; n < ERX_MAX_CAPTURES && c->lock == -EWOULDBLOCK; n++) {
		c->lock = try_number(c, n);
		c->number = n;
		c->bit = 1u << n;
	}
	if (c->lock == -EWOULDBLOCK)
		return error_set(e, -EBUSY, "lab '%s' is captured by %d processes already, as many as can be; end one",
				 lab, ERX_MAX_CAPTURES);
	if (c->lock == -ENOENT)
		return error_set(e, -ESTALE, "lab '%s' was unloaded", lab);
	if (c->lock < 0)
		return error_set(e, c->lock, "cannot lock a number for a capture of lab '%s': %s", lab,
				 strerror(-c->lock));
	return 0;
}

/* Whether the lab is still the one that this capture began in, and no program or load has ended it. */
static bool is_current(const struct dp_capture *c)
{
	struct stat held, named;
	char path[512];

	lock_path(c, c->number, path);
	return !fstat(c->lock, &held) && !stat(path, &named) && held.st_ino == named.st_ino &&
	       __atomic_load_n(&c->dp->control->capturing, __ATOMIC_SEQ_CST) & c->bit;
}

/* --- Records ------------------------------------------------------------------------------------------------------ */

/* It lies at a multiple of four only. */
static void hold(struct dp_capture *c, const void *data, size_t size)
{
	struct erx_capture_record head, *copy;

	if (c->enough || size < sizeof(head))
		return;
	memcpy(&head, data, sizeof(head));
	if (head.captured > size - sizeof(head))
		return;
	copy = xcalloc(1, sizeof(head) + head.captured);
	memcpy(copy, data, sizeof(head) + head.captured);
	vec_push(&c->held, copy);
}

static enum bpf_perf_event_ret on_event(void *arg, int cpu, struct perf_event_header *event)
{
	const struct {
		struct perf_event_header header;
		uint32_t size;
		uint8_t data[];
	} *sample = (const void *)event;
	const struct {
		struct perf_event_header header;
		uint64_t id, lost;
	} *loss = (const void *)event;
	struct dp_capture *c = arg;

	(void)cpu;
	if (event->type == PERF_RECORD_SAMPLE)
		hold(c, sample->data, sample->size);
	if (event->type == PERF_RECORD_LOST)
		c->lost += loss->lost;
	return LIBBPF_PERF_EVENT_CONT;
}

static int by_time(const void *a, const void *b)
{
	const struct erx_capture_record *const *x = a, *const *y = b;

	if ((*x)->time_ns != (*y)->time_ns)
		return (*x)->time_ns < (*y)->time_ns ? -1 : 1;
	return (int)(*x)->step - (int)(*y)->step;
}

/* What is older than that, in order; of each CPU all that is older has been read. */
static void deliver(struct dp_capture *c, uint64_t before_ns)
{
	size_t kept = 0;

	if (c->held.n)
		qsort(c->held.items, c->held.n, sizeof(*c->held.items), by_time);
	vec_each(r, &c->held) {
		if ((*r)->time_ns >= before_ns) {
			c->held.items[kept++] = *r;
			continue;
		}
		c->enough = c->enough || c->fn(c->arg, *r);
		free(*r);
	}
	c->held.n = kept;
}

/* --- Memory for them ---------------------------------------------------------------------------------------------- */

/* Numbers of the CPUs that run, out of "0-3,6"; returns how many, or -errno. */
static int online_cpus(int *out, int most)
{
	FILE *in = fopen(ONLINE, "re");
	unsigned from, to;
	int n = 0, fields;

	if (!in)
		return -errno;
	while ((fields = fscanf(in, "%u-%u", &from, &to)) > 0) {
		for (to = fields == 1 ? from : to; from <= to && n < most; from++)
			out[n++] = (int)from;
		if (fgetc(in) != ',')
			break;
	}
	fclose(in);
	return n ? n : -EINVAL;
}

static size_t pages_for_each(int cpus)
{
	size_t wanted = ERX_CAPTURE_BYTES / (size_t)getpagesize() / (size_t)cpus, pages = LEAST_PAGES;

	while (pages * 2 <= wanted)
		pages *= 2;
	return pages;
}

static int make_buffers(struct dp_capture *c)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
				       .size = sizeof(attr),
				       .config = PERF_COUNT_SW_BPF_OUTPUT,
				       .sample_type = PERF_SAMPLE_RAW,
				       .sample_period = 1,
				       .wakeup_events = 1};
	int *cpus = xcalloc(c->dp->cpus, sizeof(*cpus)), *keys = xcalloc(c->dp->cpus, sizeof(*keys));
	int n = online_cpus(cpus, c->dp->cpus), err = n < 0 ? n : 0;
	LIBBPF_OPTS(perf_buffer_raw_opts, opts, .cpu_cnt = n, .cpus = cpus, .map_keys = keys);

	for (int i = 0; i < n; i++)
		keys[i] = ERX_CAPTURE_INDEX(cpus[i], (int)c->number);
	if (!err) {
		c->buffers = perf_buffer__new_raw(c->dp->maps[DP_MAP_capture], pages_for_each(n), &attr, on_event, c,
						  &opts);
		err = c->buffers ? 0 : -errno;
	}
	free(cpus);
	free(keys);
	return err;
}

static int map_captured(struct dp_capture *c)
{
	void *at = mmap(NULL, CAPTURED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, c->dp->maps[DP_MAP_captured], 0);

	if (at == MAP_FAILED)
		return -errno;
	c->captured = at;
	return 0;
}

/* --- Beginning and end -------------------------------------------------------------------------------------------- */

static void switch_off(struct dp_capture *c)
{
	if (__atomic_fetch_and(&c->dp->control->capturing, ~c->bit, __ATOMIC_SEQ_CST) & c->bit)
		dp_forget_ways(c->dp);
}

/* Whoever had the number before may have been killed: what it wanted is not wanted any more. */
static void want(struct dp_capture *c, const index_list *in, const index_list *out)
{
	for (uint32_t id = 0; id < ERX_MAX_PORTS; id++) {
		if ((c->captured[id].in | c->captured[id].out) & c->bit) {
			__atomic_fetch_and(&c->captured[id].in, ~c->bit, __ATOMIC_SEQ_CST);
			__atomic_fetch_and(&c->captured[id].out, ~c->bit, __ATOMIC_SEQ_CST);
		}
	}
	vec_each(id, in)
		__atomic_fetch_or(&c->captured[*id].in, c->bit, __ATOMIC_SEQ_CST);
	vec_each(id, out)
		__atomic_fetch_or(&c->captured[*id].out, c->bit, __ATOMIC_SEQ_CST);
}

/* Programs that know a flow do not ask again who captures before the generation is another. */
static int switch_on(struct dp_capture *c, const struct image *image, struct error *e)
{
	__atomic_fetch_or(&c->dp->control->capturing, c->bit, __ATOMIC_SEQ_CST);
	dp_forget_ways(c->dp);
	if (__atomic_load_n(&c->dp->control->numbering, __ATOMIC_SEQ_CST) == numbering(image))
		return 0;
	return error_set(e, -ESTALE, "the maps of lab '%s' are not of the file that was read", c->dp->lab);
}

int dp_capture_begin(struct dp *dp, const struct image *image, const index_list *in, const index_list *out,
		     dp_capture_fn fn, void *arg, struct dp_capture **capture, struct error *e)
{
	struct dp_capture *c = xcalloc(1, sizeof(*c));
	int err;

	*c = (struct dp_capture){.dp = dp, .fn = fn, .arg = arg};
	err = take_number(c, e);
	if (!err) {
		switch_off(c);
		err = map_captured(c);
		if (!err)
			err = make_buffers(c);
		if (err)
			error_set(e, err, "cannot make memory for a capture of lab '%s': %s", dp->lab, strerror(-err));
	}
	if (!err) {
		want(c, in, out);
		err = switch_on(c, image, e);
	}
	if (!err) {
		*capture = c;
		return 0;
	}
	c->enough = true;
	dp_capture_end(c);
	return err;
}

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

int dp_capture_read(struct dp_capture *c, int wait_ms, struct error *e)
{
	int n = perf_buffer__poll(c->buffers, wait_ms);
	uint64_t now = clock_ns();

	if (n < 0 && n != -EINTR)
		return error_set(e, n, "cannot capture in lab '%s': %s", c->dp->lab, strerror(-n));
	perf_buffer__consume(c->buffers);
	deliver(c, now);
	if (c->enough)
		return -ECANCELED;
	if (!is_current(c))
		return error_set(e, -ESTALE, "lab '%s' was loaded anew or unloaded", c->dp->lab);
	return 0;
}

uint64_t dp_capture_end(struct dp_capture *c)
{
	uint64_t lost;

	if (!c)
		return 0;
	if (c->lock >= 0)
		switch_off(c);
	if (c->buffers)
		perf_buffer__consume(c->buffers);
	deliver(c, UINT64_MAX);
	perf_buffer__free(c->buffers);
	if (c->captured)
		munmap(c->captured, CAPTURED_BYTES);
	if (c->lock >= 0)
		close(c->lock);
	lost = c->lost;
	vec_free(&c->held);
	free(c);
	return lost;
}

int dp_test_run(const struct dp *dp, enum erx_kind kind, uint32_t ifindex, const void *frame, size_t size, void *out,
		size_t *out_size, uint32_t *verdict)
{
	struct xdp_md ctx = {.data_end = size, .ingress_ifindex = ifindex};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = size, .data_out = out,
		    .data_size_out = *out_size, .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = 1);
	int err = bpf_prog_test_run_opts(dp->programs[kind], &opts);

	*out_size = opts.data_size_out;
	*verdict = opts.retval;
	return err;
}
