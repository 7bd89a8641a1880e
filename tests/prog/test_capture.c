// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Captures: several at once, killed, and while the lab changes under them. Nothing that
 * others write is touched by them.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "dp/internal.h"
#include "twin.h"

#define PACKETS 40

TestSuite(capture, .init = twin_load_plain, .fini = twin_unload, .timeout = 120);

static struct error error;

/* What a capture has been given. */
struct seen {
	unsigned arrived, left, frames;
	uint64_t last_ns;
	uint32_t length; /* of the last frame */
	uint8_t frame[ERX_CAPTURE_SNAPLEN];
};

static int note(void *arg, const struct erx_capture_record *r)
{
	struct seen *seen = arg;

	seen->arrived += r->step == ERX_CAPTURE_ARRIVED;
	seen->left += r->step == ERX_CAPTURE_LEFT;
	seen->frames += r->captured > 0;
	cr_expect_geq(r->time_ns, seen->last_ns, "out of order");
	seen->last_ns = r->time_ns;
	if (r->captured) {
		seen->length = r->captured;
		memcpy(seen->frame, r->frame, r->captured);
	}
	return 0;
}

static index_list list_of(uint32_t port)
{
	index_list list = {};

	vec_push(&list, image_port(port)->id);
	return list;
}

static int begin(struct dp *dp, const index_list *in, const index_list *out, struct seen *seen, struct dp_capture **c)
{
	memset(seen, 0, sizeof(*seen));
	return dp_capture_begin(dp, twin.lab->image, in, out, note, seen, c, &error);
}

static struct dp *another_handle(void)
{
	struct dp *dp;

	cr_assert_eq(dp_open(twin.name, false, &dp, &error), 0, "%s", error.text);
	return dp;
}

static const struct spec udp = {.src = "10.2.30.10", .dst = "10.10.30.4", .protocol = UDP, .sport = 1024, .dport = 7};

static void send_packets(unsigned n, struct frame *f)
{
	uint32_t port = port_at("er1.primary", "loc1-ce1");
	struct result r;

	for (unsigned i = 0; i < n; i++) {
		packet_at(f, port, &udp);
		run(port, f, &r);
		expect_outcome(&r, ERX_forwarded, "packet %u", i);
	}
}

Test(capture, each_of_two_sees_all_of_it)
{
	index_list in = list_of(port_at("er1.primary", "loc1-ce1")),
		   out = list_of(port_at("er1.primary", "hub-ergw/0"));
	const index_list none = {};
	struct dp_capture *a, *b;
	struct dp *other = another_handle();
	struct seen at_a, at_b;
	struct frame f;

	send_packets(2, &f); /* a known flow is seen as well */
	cr_assert_eq(begin(twin.dp, &in, &none, &at_a, &a), 0, "%s", error.text);
	send_packets(PACKETS, &f);
	cr_assert_eq(begin(other, &in, &out, &at_b, &b), 0, "%s", error.text);
	send_packets(PACKETS, &f);
	cr_expect_eq(dp_capture_end(a), 0);
	send_packets(PACKETS, &f);
	cr_expect_eq(dp_capture_read(b, 0, &error), 0, "%s", error.text);
	cr_expect_eq(dp_capture_end(b), 0);
	send_packets(PACKETS, &f);
	cr_expect_eq(at_a.arrived, 2 * PACKETS, "%u", at_a.arrived);
	cr_expect_eq(at_a.left, 2 * PACKETS, "%u", at_a.left);
	cr_expect_eq(at_a.frames, 2 * PACKETS, "%u", at_a.frames);
	cr_expect_eq(at_a.length, f.n);
	cr_expect_arr_eq(at_a.frame, f.bytes, f.n);
	cr_expect_eq(at_b.arrived, 2 * PACKETS, "%u", at_b.arrived);
	cr_expect_eq(at_b.left, 2 * PACKETS, "%u", at_b.left);
	dp_close(other);
}

Test(capture, there_are_only_so_many)
{
	index_list in = list_of(port_at("er1.primary", "loc1-ce1"));
	struct dp_capture *captures[ERX_MAX_CAPTURES], *more;
	struct seen seen;

	for (int i = 0; i < ERX_MAX_CAPTURES; i++)
		cr_assert_eq(begin(twin.dp, &in, &in, &seen, &captures[i]), 0, "%s", error.text);
	cr_expect_eq(begin(twin.dp, &in, &in, &seen, &more), -EBUSY);
	dp_capture_end(captures[5]);
	cr_expect_eq(begin(twin.dp, &in, &in, &seen, &captures[5]), 0, "%s", error.text);
	for (int i = 0; i < ERX_MAX_CAPTURES; i++)
		dp_capture_end(captures[i]);
}

/* A process that captures all that a port does, until it is killed. */
static pid_t begin_in_child(uint32_t port)
{
	index_list list = list_of(port);
	struct dp_capture *c;
	struct seen seen;
	int ready[2];
	char told;
	pid_t pid;

	cr_assert(!pipe(ready));
	pid = fork();
	if (!pid) {
		if (begin(another_handle(), &list, &list, &seen, &c) || write(ready[1], "", 1) != 1)
			_exit(1);
		pause();
	}
	close(ready[1]);
	cr_assert_eq(read(ready[0], &told, 1), 1, "the child does not capture");
	close(ready[0]);
	return pid;
}

/* The CPU's ways of this generation. */
static unsigned plain_ways(void)
{
	struct erx_way *ways = calloc(libbpf_num_possible_cpus(), sizeof(*ways));
	int fd = map_of("erx_ways");
	unsigned n = 0;

	for (uint32_t i = 0; i < ERX_MAX_WAYS; i++) {
		cr_assert_eq(bpf_map_lookup_elem(fd, &i, ways), 0);
		for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++)
			n += ways[cpu].key.generation == twin.dp->control->generation &&
			     ways[cpu].flags & ERX_WAY_PLAIN;
	}
	close(fd);
	free(ways);
	return n;
}

static void read_ports(struct erx_port *out)
{
	cr_assert_eq(dp_read_array(twin.dp, DP_MAP_ports, "the ports", ERX_MAX_PORTS, sizeof(*out), out, &error), 0);
}

Test(capture, one_that_is_killed_leaves_nothing_that_costs)
{
	static struct erx_port before[ERX_MAX_PORTS], after[ERX_MAX_PORTS];
	uint32_t port = port_at("er1.primary", "loc1-ce1");
	struct dp_changes found;
	struct dp_capture *c;
	index_list in = list_of(port_at("hub-ergw/0", "hub"));
	struct seen seen;
	struct frame f;
	cpu_set_t here;
	pid_t pid;

	CPU_ZERO(&here);
	CPU_SET(sched_getcpu(), &here);
	cr_assert_eq(sched_setaffinity(0, sizeof(here), &here), 0);
	read_ports(before);
	pid = begin_in_child(port);
	read_ports(after);
	cr_expect(!memcmp(before, after, sizeof(before)), "erx_ports is nothing of its");
	send_packets(3, &f);
	cr_expect_eq(twin.dp->control->capturing, 1);
	cr_expect_eq(plain_ways(), 0, "it sees this flow");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	send_packets(1, &f); /* which finds nobody there */
	cr_expect_eq(twin.dp->control->capturing, 0);
	send_packets(2, &f);
	cr_expect_eq(plain_ways(), 1, "%u", plain_ways());
	cr_assert_eq(dp_apply(twin.dp, twin.lab->image, true, &found, &error), 0, "%s", error.text);
	cr_expect_eq(dp_changes_sum(&found), 0, "%u", dp_changes_sum(&found));
	/* Its number is free, and the next one does not want what it wanted. */
	cr_assert_eq(begin(twin.dp, &in, &in, &seen, &c), 0, "%s", error.text);
	cr_expect_eq(twin.dp->control->capturing, 1);
	send_packets(3, &f);
	dp_capture_end(c);
	cr_expect_eq(seen.arrived + seen.left, 0);
}

Test(capture, ends_when_ports_have_other_numbers)
{
	index_list in = list_of(port_at("er1.primary", "loc1-ce1"));
	struct image *image = twin.lab->image;
	struct dp_changes found;
	struct dp_capture *c;
	struct seen seen;
	struct frame f;
	uint32_t id;

	cr_assert_eq(begin(twin.dp, &in, &in, &seen, &c), 0, "%s", error.text);
	cr_assert_eq(dp_apply(twin.dp, image, false, &found, &error), 0, "%s", error.text);
	send_packets(1, &f);
	cr_expect_eq(dp_capture_read(c, 0, &error), 0, "the same ports: %s", error.text);
	/* Two ports change places. */
	id = image->ports.items[0].id;
	image->ports.items[0].id = image->ports.items[1].id;
	image->ports.items[1].id = id;
	dp_renumber(twin.dp, image);
	send_packets(1, &f);
	cr_expect_eq(dp_capture_read(c, 0, &error), -ESTALE);
	dp_capture_end(c);
	cr_expect_eq(seen.arrived, 1);
	/* Who has read the file before cannot begin now. */
	image->ports.items[1].id = image->ports.items[0].id;
	image->ports.items[0].id = id;
	cr_expect_eq(begin(twin.dp, &in, &in, &seen, &c), -ESTALE);
	cr_expect_eq(twin.dp->control->capturing, 0);
	dp_renumber(twin.dp, image);
	cr_expect_eq(begin(twin.dp, &in, &in, &seen, &c), 0, "%s", error.text);
	dp_capture_end(c);
}

/* What is too long for a record is there up to its limit. */
Test(capture, a_frame_that_is_too_long_is_cut)
{
	uint32_t port = port_at("er1.primary", "loc1-ce1");
	index_list in = list_of(port);
	const index_list none = {};
	struct dp_capture *c;
	struct seen seen;
	struct result r;
	struct frame f;

	cr_assert_eq(begin(twin.dp, &in, &none, &seen, &c), 0, "%s", error.text);
	packet_at(&f, port, &udp);
	memset(f.bytes + f.n, 0, ERX_CAPTURE_SNAPLEN + 100 - f.n);
	f.n = ERX_CAPTURE_SNAPLEN + 100;
	run(port, &f, &r);
	expect_outcome(&r, ERX_oversize, "of %zu bytes", f.n);
	dp_capture_end(c);
	cr_expect_eq(seen.length, ERX_CAPTURE_SNAPLEN, "%u", seen.length);
	cr_expect_arr_eq(seen.frame, f.bytes, ERX_CAPTURE_SNAPLEN);
}
