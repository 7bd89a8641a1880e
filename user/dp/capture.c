// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Frames out of the ring, and the flags that put them there. */
#include <errno.h>
#include <string.h>

#include "dp/internal.h"

static int flag_port(struct dp *dp, uint32_t id, uint8_t clear, uint8_t set)
{
	struct erx_port port;

	if (bpf_map_lookup_elem(dp->maps[DP_MAP_ports], &id, &port))
		return -errno;
	if (((port.flags & ~clear) | set) == port.flags)
		return 0;
	port.flags = (port.flags & ~clear) | set;
	return bpf_map_update_elem(dp->maps[DP_MAP_ports], &id, &port, BPF_EXIST) ? -errno : 0;
}

/* Programs that know a flow do not look at its ports' flags again before the generation is another. */
static int flag_all(struct dp *dp, const index_list *in, const index_list *out)
{
	struct error unused;
	int err = dp_begin_change(dp, &unused);

	if (err)
		return err;
	for (uint32_t id = 0; id < ERX_MAX_PORTS && !err; id++)
		err = flag_port(dp, id, ERX_PORT_CAPTURE_IN | ERX_PORT_CAPTURE_OUT, 0);
	vec_each(id, in) {
		if (!err)
			err = flag_port(dp, *id, 0, ERX_PORT_CAPTURE_IN);
	}
	vec_each(id, out) {
		if (!err)
			err = flag_port(dp, *id, 0, ERX_PORT_CAPTURE_OUT);
	}
	dp_end_change(dp);
	return err;
}

struct reader {
	dp_capture_fn fn;
	void *arg;
	bool enough;
};

static int on_record(void *arg, void *data, size_t size)
{
	struct reader *r = arg;

	if (size >= sizeof(struct erx_capture_record) && !r->enough && r->fn(r->arg, data))
		r->enough = true;
	return 0;
}

int dp_capture(struct dp *dp, const index_list *in, const index_list *out, dp_capture_fn fn, void *arg,
	       const volatile int *stop, struct error *e)
{
	static const index_list nothing;
	struct reader reader = {.fn = fn, .arg = arg};
	struct ring_buffer *ring = ring_buffer__new(dp->maps[DP_MAP_capture], on_record, &reader, NULL);
	int err = ring ? 0 : -errno;

	/* What a former capture left in the ring is not ours. */
	reader.enough = true;
	if (!err)
		ring_buffer__consume(ring);
	reader.enough = false;
	if (!err)
		err = flag_all(dp, in, out);
	if (!err)
		__atomic_store_n(&dp->control->capturing, 1, __ATOMIC_SEQ_CST);
	while (!err && !*stop && !reader.enough) {
		int n = ring_buffer__poll(ring, 100);

		if (n < 0 && n != -EINTR)
			err = n;
	}
	__atomic_store_n(&dp->control->capturing, 0, __ATOMIC_SEQ_CST);
	flag_all(dp, &nothing, &nothing);
	if (ring)
		ring_buffer__consume(ring);
	ring_buffer__free(ring);
	return err ? error_set(e, err, "cannot capture in lab '%s': %s", dp->lab, strerror(-err)) : 0;
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
