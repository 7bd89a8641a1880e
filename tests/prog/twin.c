// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "twin.h"

#include <arpa/inet.h>
#include <criterion/hooks.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "erxdp/hash.h"

#define TOPOLOGY   "topologies/interop.yaml"
#define LAB_FORMAT "p%dx"

struct twin twin;
static int home = -1; /* the namespace the process began in */

const char *text_of(const char *format, ...)
{
	static char texts[4][256];
	static unsigned at;
	char *text = texts[at++ % N(texts)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(texts[0]), format, args);
	va_end(args);
	return text;
}

/* --- The lab ------------------------------------------------------------------------------------------------------ */

/* What the tests of all files want besides the shipped topology. */
static const struct edit common[] = {
	{"hashSeed: 0\n", "hashSeed: 0\nicmpErrorLimit: {perSecond: 1000000, burst: 1000000}\n"},
	{"{hub-vm: 10.10.30.4}", "{hub-vm: 10.10.30.4, hub-vm2: 10.10.30.5}"},
	{"{loc1-vm: 10.2.30.10}", "{loc1-vm: 10.2.30.10, loc1-vm2: 10.2.30.11}"},
	{},
};

static char *edited(char *text, const struct edit *edits)
{
	for (; edits && edits->find; edits++) {
		char *at = strstr(text, edits->find), *new;

		cr_assert(at, "'%s' is not in " TOPOLOGY, edits->find);
		new = xasprintf("%.*s%s%s", (int)(at - text), text, edits->replace, at + strlen(edits->find));
		free(text);
		text = new;
	}
	return text;
}

static char *file_text(const char *name)
{
	FILE *in = fopen(name, "re");
	char *text = NULL;
	size_t size = 0;

	cr_assert(in, "cannot open %s: run from the top of the tree", name);
	cr_assert(getdelim(&text, &size, '\0', in) > 0);
	fclose(in);
	return text;
}

static void apply(const char *text)
{
	struct lab_changes changes;
	struct diags diags = {};
	struct error e = {};
	int lock, err;

	twin.lab = lab_parse(text, strlen(text), &diags);
	if (!twin.lab)
		diags_print(&diags, "topology", stderr);
	diags_free(&diags);
	cr_assert(twin.lab, "the topology is refused");
	lab_follow(twin.lab);
	cr_assert_eq(lab_compute(twin.lab, &e), 0, "%s", e.text);
	lock = lab_lock(twin.name, true, true, &e);
	cr_assert_geq(lock, 0, "%s", e.text);
	err = lab_apply(twin.lab, NULL, false, &changes, &e);
	lab_unlock(lock);
	cr_assert_eq(err, 0, "%s", e.text);
	cr_assert_eq(lab_dp(twin.lab, &twin.dp, &e), 0, "%s", e.text);
}

void twin_load_text(const char *text)
{
	char fabric[256], *named;
	struct error e = {};

	if (geteuid())
		cr_skip_test("needs root: namespaces cannot be made");
	snprintf(twin.name, sizeof(twin.name), LAB_FORMAT, getpid());
	named = xasprintf("name: %s\n%s", twin.name, text);
	home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	apply(named);
	free(named);
	/* Programs are run on interfaces of the caller's own namespace. */
	lab_fabric_namespace(twin.name, fabric);
	cr_assert_eq(net_enter(fabric, &e), 0, "%s", e.text);
}

void twin_load(const struct edit *edits)
{
	static const struct edit unnamed[] = {{"name: interop\n", ""}, {}};
	char *text = edited(edited(edited(file_text(TOPOLOGY), unnamed), common), edits);

	twin_load_text(text);
	free(text);
}

void twin_load_plain(void)
{
	twin_load(NULL);
}

static void remove_lab(const char *name)
{
	struct lab_removed removed;
	struct error e = {};
	int lock = lab_lock(name, true, true, &e);

	if (lab_remove(name, &removed, &e))
		fprintf(stderr, "lab '%s' stays: %s\n", name, e.text);
	lab_unlock(lock);
}

void twin_unload(void)
{
	if (home < 0)
		return;
	if (setns(home, CLONE_NEWNET))
		perror("back to the first namespace");
	close(home);
	home = -1;
	dp_close(twin.dp);
	lab_free(twin.lab);
	remove_lab(twin.name);
}

void twin_apply_state(void)
{
	struct lab_changes changes;
	struct error e = {};

	lab_follow(twin.lab);
	cr_assert_eq(lab_compute(twin.lab, &e), 0, "%s", e.text);
	cr_assert_eq(lab_apply(twin.lab, NULL, false, &changes, &e), 0, "%s", e.text);
}

/* What tests left behind that did not come to their end. */
ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
	net_names labs = {};
	int pid, end;

	(void)stats;
	if (geteuid())
		return;
	lab_names(&labs);
	vec_each(name, &labs) {
		end = 0;
		if (sscanf(*name, LAB_FORMAT "%n", &pid, &end) == 1 && end && !(*name)[end] && kill(pid, 0) < 0)
			remove_lab(*name);
		free(*name);
	}
	vec_free(&labs);
}

/* --- Ports -------------------------------------------------------------------------------------------------------- */

const struct image_port *image_port(uint32_t port)
{
	return &twin.lab->image->ports.items[port];
}

uint32_t ifindex_of(uint32_t port)
{
	return ERX_FIRST_IFINDEX + image_port(port)->id;
}

const char *device_of(uint32_t port)
{
	const struct fabric *f = twin.lab->fabric;

	return f->devices.items[f->ports.items[port].device].name;
}

static const struct host *host_at(uint32_t port)
{
	const struct fabric *f = twin.lab->fabric;
	const struct link *l = &f->links.items[f->ports.items[port].link];

	return l->kind == LINK_HOST ? &f->hosts.items[l->host] : NULL;
}

uint32_t port_at(const char *device, const char *peer)
{
	const struct fabric *f = twin.lab->fabric;

	vec_each(p, &f->ports) {
		const char *far = host_at(p->index) ? host_at(p->index)->name : device_of(port_peer(f, p->index));

		if (!strcmp(device_of(p->index), device) && !strcmp(far, peer))
			return p->index;
	}
	cr_assert_fail("'%s' has no port towards '%s'", device, peer);
	return NO_INDEX;
}

int map_of(const char *name)
{
	char path[512];
	int fd;

	dp_pin_path(twin.name, name, path);
	fd = bpf_obj_get(path);
	cr_assert_geq(fd, 0, "%s", path);
	return fd;
}

static void add_burst(const struct erx_burst *burst, dp_path_counts *out)
{
	const char *name = "";

	vec_each(path, &twin.lab->image->paths)
		if (path->id == burst->path)
			name = path->name;
	vec_each(count, out) {
		if (!strcmp(count->name, name)) {
			count->packets += burst->packets;
			count->bytes += burst->bytes;
		}
	}
}

typedef VEC(struct erx_burst) burst_list;

/* What the ports hold back: bpf_prog_test_run() sends nothing, so no burst ends by itself. */
static void read_bursts(burst_list *out)
{
	int fd = map_of("erx_port_counts"), cpus = libbpf_num_possible_cpus();
	struct erx_port_stats *stats = calloc(cpus, sizeof(*stats));

	out->n = 0;
	vec_each(port, &twin.lab->image->ports) {
		cr_assert_eq(bpf_map_lookup_elem(fd, &port->id, stats), 0);
		for (int cpu = 0; cpu < cpus; cpu++)
			vec_push(out, stats[cpu].burst);
	}
	free(stats);
	close(fd);
}

/* A burst on a port of the same number in another lab may end ours at any time: read until none has. */
void read_paths(dp_path_counts *out)
{
	burst_list before = {}, after = {};

	do {
		out->n = 0;
		read_bursts(&before);
		dp_read_paths(twin.dp, out);
		read_bursts(&after);
	} while (memcmp(before.items, after.items, after.n * sizeof(*after.items)) != 0);
	vec_each(burst, &after)
		add_burst(burst, out);
	vec_free(&before);
	vec_free(&after);
}

static void mac_beyond(uint32_t port, uint8_t mac[static 6])
{
	if (host_at(port))
		host_mac(twin.lab->image, host_at(port), mac);
	else
		memcpy(mac, image_port(port_peer(twin.lab->fabric, port))->entry.mac, 6);
}

/* --- Frames at ports ---------------------------------------------------------------------------------------------- */

struct tunnel tunnel_of(uint32_t port, bool outgoing)
{
	const struct erx_port *own = &image_port(port)->entry;
	const struct erx_port *to = outgoing ? &image_port(port_peer(twin.lab->fabric, port))->entry : own;

	return (struct tunnel){
		.src = ntohl(to->tunnel_remote),
		.dst = ntohl(to->tunnel_local),
		.spi = to->tunnel_spi,
		.sequence = 1,
	};
}

void arrive_at(struct frame *f, uint32_t port, uint8_t hops)
{
	struct tunnel t = tunnel_of(port, false);

	if (image_port(port)->entry.role == ERX_ROLE_TUNNEL)
		wrap(f, &t);
	memcpy(f->bytes, image_port(port)->entry.mac, 6);
	mac_beyond(port, f->bytes + 6);
	if (!host_at(port))
		f->bytes[11] = hops;
}

void leave_by(struct frame *f, uint32_t port, uint8_t hops, const struct frame *left)
{
	if (image_port(port)->entry.role == ERX_ROLE_TUNNEL) {
		struct tunnel t = tunnel_of(port, true);

		t.sequence = get32(ip_at(left) + 32);
		wrap(f, &t);
	}
	mac_beyond(port, f->bytes);
	memcpy(f->bytes + 6, image_port(port)->entry.mac, 6);
	if (!host_at(port))
		f->bytes[11] = hops;
}

void packet_at(struct frame *f, uint32_t port, const struct spec *s)
{
	make_packet(f, s);
	arrive_at(f, port, 1);
}

uint8_t hops_after(uint32_t in)
{
	return host_at(in) ? 1 : 2;
}

/* --- Running ------------------------------------------------------------------------------------------------------ */

const char *outcome_name(int outcome)
{
	static const char *const names[] = {
#define X(field, name, text) name,
		ERX_DELIVERIES(X) ERX_DROPS(X)
#undef X
	};

	return outcome >= 0 && outcome < ERX_N_OUTCOMES ? names[outcome] : "no single outcome";
}

/* Of the port's device and of device 0, which is "no port of ours". */
static void read_counts(uint32_t port, uint64_t counts[static ERX_N_OUTCOMES])
{
	uint64_t nobody[ERX_N_OUTCOMES];

	cr_assert_eq(dp_read_device(twin.dp, image_port(port)->entry.device, counts), 0);
	cr_assert_eq(dp_read_device(twin.dp, 0, nobody), 0);
	for (int i = 0; i < ERX_N_OUTCOMES; i++)
		counts[i] += nobody[i];
}

void run(uint32_t port, const struct frame *f, struct result *out)
{
	uint64_t before[ERX_N_OUTCOMES], after[ERX_N_OUTCOMES];
	uint64_t counted = 0;
	bool leaves;
	int err;

	out->outcome = -1;
	out->frame.n = sizeof(out->frame.bytes);
	read_counts(port, before);
	err = dp_test_run(twin.dp, image_port(port)->entry.kind, ifindex_of(port), f->bytes, f->n, out->frame.bytes,
			  &out->frame.n, &out->verdict);
	cr_assert_eq(err, 0, "bpf_prog_test_run, %zu bytes: %s", f->n, strerror(-err));
	read_counts(port, after);
	for (int i = 0; i < ERX_N_OUTCOMES; i++) {
		counted += after[i] - before[i];
		if (after[i] != before[i])
			out->outcome = i;
	}
	if (counted != 1)
		out->outcome = -1;
	/* XDP_DROP 1, XDP_REDIRECT 4: nothing else may ever be said. A hello goes no further. */
	leaves = out->outcome >= 0 && out->outcome < ERX_FIRST_DROP && out->outcome != ERX_hello;
	cr_expect_eq(out->verdict, leaves ? 4 : 1, "verdict %u with %s", out->verdict, outcome_name(out->outcome));
}

uint32_t predict_port(uint32_t in, const struct frame *f)
{
	const uint8_t *ip = ip_at(f), *segment = ip + ip_header(f);
	bool ports = (ip[9] == TCP || ip[9] == UDP) && !(get16(ip + 6) & 0x3fff);
	struct addr dst = addr_from_be32(htonl(get32(ip + 16)));
	const struct image *image = twin.lab->image;
	const struct image_route *route = image_lookup(image, image_table_of_port(image, in), &dst);
	const struct erx_hops *hops = route ? &image->groups.items[route->group_at].entry : NULL;
	uint32_t flow, best = 0, chosen = 0;

	if (!hops || !hops->n)
		return NO_INDEX;
	flow = erx_flow_hash(image_port(in)->entry.hash_basis, htonl(get32(ip + 12)), htonl(get32(ip + 16)), ip[9],
			     ports ? htons(get16(segment)) : 0, ports ? htons(get16(segment + 2)) : 0);
	for (uint32_t i = 0; i < hops->n; i++) {
		uint32_t score = erx_member_score(flow, hops->members[i].score_key);

		if (score > best) {
			best = score;
			chosen = i;
		}
	}
	return image_adjacency(image, hops->members[chosen].adjacency)->port;
}

void expect_frame(const struct frame *got, const struct frame *want, const char *text)
{
	size_t at = 0, n = got->n < want->n ? got->n : want->n;

	cr_expect_eq(got->n, want->n, "%s: %zu bytes, not %zu", text, got->n, want->n);
	while (at < n && got->bytes[at] == want->bytes[at])
		at++;
	if (at < n)
		cr_expect_fail("%s: byte %zu is %02x, not %02x", text, at, got->bytes[at], want->bytes[at]);
}
