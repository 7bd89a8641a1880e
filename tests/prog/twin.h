/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A lab of its own for each test, with real namespaces and maps, whose programs
 * are run on single frames: bytes in, verdict, outcome and bytes out. Criterion
 * runs every test in a process of its own, so there is one lab per process; its
 * name has the process's number, so any number of tests run side by side.
 */
#ifndef TESTS_PROG_TWIN_H
#define TESTS_PROG_TWIN_H

#include <criterion/criterion.h>
#include "frames.h"
#include "fwd/image.h"
#include "lab/lab.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

struct edit { /* first occurrence; { } ends a list */
	const char *find, *replace;
};

extern struct twin {
	char name[32];
	struct lab *lab;
	struct dp *dp;
} twin;

/* Load topologies/interop.yaml with more VMs, no limit of ICMP errors, and these edits; NULL for none. */
void twin_load(const struct edit *edits);
/* The same for a text of one's own, without the line `name:`. */
void twin_load_text(const char *text);
void twin_load_plain(void); /* .init of suites that change nothing */
void twin_unload(void);	    /* .fini */
/* Routes and maps after lab_fail() and lab_restore(). */
void twin_apply_state(void);

/* The port of a device towards a device or host, as index in the fabric; fails the test when there is none. */
uint32_t port_at(const char *device, const char *peer);
const struct image_port *image_port(uint32_t port);
uint32_t ifindex_of(uint32_t port);
const char *device_of(uint32_t port);
/* The descriptor of a pinned map, for tests that tamper. */
int map_of(const char *name);
/* As dp_read_paths() does when the packets of the tests have left. */
void read_paths(dp_path_counts *out);

/* What the tunnel that a port leads to has around packets from (true: to) that port. */
struct tunnel tunnel_of(uint32_t port, bool outgoing);

/*
 * Make *f what arrives at a port: MACs of the two ends, hops in the source MAC,
 * and the tunnel around it when it comes out of one.
 */
void arrive_at(struct frame *f, uint32_t port, uint8_t hops);
/* The same for what leaves. The sequence number is taken from what has left. */
void leave_by(struct frame *f, uint32_t port, uint8_t hops, const struct frame *left);
/* make_packet() and arrive_at() in one: at a port that is no host's, from a device that was the first. */
void packet_at(struct frame *f, uint32_t port, const struct spec *s);
/* What stands in the source MAC of what packet_at() has made when it leaves the device. */
uint8_t hops_after(uint32_t in);

struct result {
	uint32_t verdict;
	int outcome; /* the one counted; -1: none or more than one */
	struct frame frame;
};
/* Run a port's program on a frame. */
void run(uint32_t port, const struct frame *f, struct result *out);
const char *outcome_name(int outcome);

/* Where image and erxdp/hash.h say that the packet leaves a port's device; NO_INDEX: nowhere. */
uint32_t predict_port(uint32_t in, const struct frame *f);

#define expect_outcome(r, wanted, ...)                                                                                 \
	cr_expect_eq((r)->outcome, (int)(wanted), "%s, not %s: %s", outcome_name((r)->outcome), outcome_name(wanted),  \
		     text_of(__VA_ARGS__))
void expect_frame(const struct frame *got, const struct frame *want, const char *text);
/* snprintf() into one of a few buffers, for messages. */
const char *text_of(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
