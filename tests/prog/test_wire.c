// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The end of a wire without its process: nothing crosses undelayed, and all is counted. */
#include <string.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "lab/wires.h"
#include "twin.h"

TestSuite(wire, .init = twin_load_plain, .fini = twin_unload, .timeout = 120);

static uint32_t run_wire(uint32_t ifindex, const struct frame *f)
{
	struct xdp_md ctx = {.data_end = f->n, .ingress_ifindex = ifindex};
	static uint8_t out[sizeof(f->bytes)];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->bytes, .data_size_in = f->n, .data_out = out,
		    .data_size_out = sizeof(out), .ctx_in = &ctx, .ctx_size_in = sizeof(ctx));
	int fd = map_of("programs/wire"), err = bpf_prog_test_run_opts(fd, &opts);

	close(fd);
	cr_assert_eq(err, 0, "bpf_prog_test_run: %s", strerror(-err));
	return opts.retval;
}

static struct erx_wire_stats count_of(uint32_t end)
{
	struct erx_wire_stats stats;
	uint64_t lost;

	cr_assert_eq(dp_read_wire(twin.dp, end, &stats, &lost), 0);
	return stats;
}

Test(wire, drops_and_counts_without_its_process)
{
	struct spec s = {.src = "10.2.30.10", .dst = "10.10.30.4"};
	const struct image_wire *w;
	struct erx_wire_stats now;
	struct error e = {};
	struct frame f;
	uint32_t end;

	cr_assert_gt(twin.lab->image->wires.n, 0, "interop.yaml has latency");
	w = &twin.lab->image->wires.items[0];
	end = w->end[0].id;
	make_packet(&f, &s);
	f.bytes[11] = 1; /* has crossed a device */
	cr_assert_eq(run_wire(ERX_FIRST_IFINDEX + end, &f), XDP_REDIRECT, "with its process");
	cr_assert_eq(wires_end(twin.name, &e), 0, "%s", e.text);
	cr_expect_eq(run_wire(ERX_FIRST_IFINDEX + end, &f), XDP_DROP);
	f.bytes[11] = 0; /* a hello, or by hand */
	cr_expect_eq(run_wire(ERX_FIRST_IFINDEX + end, &f), XDP_DROP);
	now = count_of(end);
	cr_expect_eq(now.received, 3, "%llu", now.received);
	cr_expect_eq(now.injected, 1, "%llu", now.injected);
	cr_expect_eq(now.no_process, 2, "%llu", now.no_process);
	cr_expect_eq(count_of(w->end[1].id).received, 0);
}
