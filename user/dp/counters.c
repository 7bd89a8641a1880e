// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the programs have counted. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dp/internal.h"

int dp_sum_cpus(const struct dp *dp, enum dp_map map, uint32_t key, size_t size, uint64_t *out)
{
	uint64_t *values = xcalloc(dp->cpus, size);
	size_t fields = size / sizeof(*values);
	int err = 0;

	memset(out, 0, size);
	if (bpf_map_lookup_elem(dp->maps[map], &key, values))
		err = -errno;
	for (size_t i = 0; !err && i < fields * dp->cpus; i++)
		out[i % fields] += values[i];
	free(values);
	return err;
}

int dp_read_device(const struct dp *dp, uint32_t device_id, uint64_t outcomes[static ERX_N_OUTCOMES])
{
	return dp_sum_cpus(dp, DP_MAP_devices, device_id, sizeof(struct erx_device_stats), outcomes);
}

int dp_read_port(const struct dp *dp, uint32_t port_id, struct erx_port_stats *stats, uint64_t *lost)
{
	int err = dp_sum_cpus(dp, DP_MAP_port_counts, port_id, sizeof(*stats), (uint64_t *)stats);

	stats->burst = (struct erx_burst){};
	return err ? err : dp_sum_cpus(dp, DP_MAP_port_lost, port_id, sizeof(*lost), lost);
}

int dp_read_meter(const struct dp *dp, uint32_t meter_id, struct dp_meter_count *out)
{
	struct erx_spent sum;
	int err = dp_sum_cpus(dp, DP_MAP_spent, meter_id, sizeof(sum), (uint64_t *)&sum);

	memcpy(out->passed, sum.passed, sizeof(out->passed));
	memcpy(out->refused, sum.refused, sizeof(out->refused));
	out->flows_refused = sum.flows_refused;
	if (!err && bpf_map_lookup_elem(dp->maps[DP_MAP_flow_counts], &meter_id, &out->flows))
		err = -errno;
	return err;
}

static bool any_flows(const struct dp *dp, const struct image *image)
{
	vec_each(m, &image->meters) {
		uint64_t flows = 0;

		if (m->entry.max_flows && !bpf_map_lookup_elem(dp->maps[DP_MAP_flow_counts], &m->id, &flows) && flows)
			return true;
	}
	return false;
}

int dp_sweep(struct dp *dp, const struct image *image, struct error *e)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	if (!any_flows(dp, image) || !bpf_prog_test_run_opts(dp->sweep, &opts))
		return 0;
	return error_set(e, -errno, "cannot look for flows that have ended in lab '%s': %s", dp->lab, strerror(errno));
}

static int clear(const struct dp *dp, enum dp_map map, uint32_t key, size_t size)
{
	void *zero = xcalloc(dp->cpus, size);
	int err = bpf_map_update_elem(dp->maps[map], &key, zero, BPF_ANY) ? -errno : 0;

	free(zero);
	return err;
}

int dp_clear_wire(const struct dp *dp, uint32_t port_id, struct error *e)
{
	int err = clear(dp, DP_MAP_wires, port_id, sizeof(struct erx_wire_stats));

	if (!err)
		err = clear(dp, DP_MAP_port_lost, port_id, sizeof(uint64_t));
	return err ? dp_write_failed(dp, "the counts of a wire", err, e) : 0;
}

int64_t dp_wire_sent(const struct dp *dp, uint32_t end, uint32_t port)
{
	struct erx_wire_stats in = {};
	struct erx_port_stats out = {};
	uint64_t unused, lost = 0;

	dp_read_wire(dp, end, &in, &unused);
	dp_read_port(dp, port, &out, &lost);
	return (int64_t)(out.sent - lost + in.injected - in.received);
}

int64_t dp_wire_passed(const struct dp *dp, uint32_t end, uint32_t port)
{
	struct erx_wire_stats in = {};
	struct erx_port_stats out = {};
	uint64_t no_room = 0, unused;

	dp_read_wire(dp, end, &in, &no_room);
	dp_read_port(dp, port, &out, &unused);
	return (int64_t)(in.received - in.no_process - no_room - out.received);
}

int dp_place_socket(const struct dp *dp, uint32_t port_id, int socket, struct error *e)
{
	if (!bpf_map_update_elem(dp->maps[DP_MAP_xsks], &port_id, &socket, BPF_ANY))
		return 0;
	return error_set(e, -errno, "cannot put a socket into erx_xsks of lab '%s': %s", dp->lab, strerror(errno));
}

int dp_read_wire(const struct dp *dp, uint32_t port_id, struct erx_wire_stats *stats, uint64_t *lost)
{
	int err = dp_sum_cpus(dp, DP_MAP_wires, port_id, sizeof(*stats), (uint64_t *)stats);

	return err ? err : dp_sum_cpus(dp, DP_MAP_port_lost, port_id, sizeof(*lost), lost);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct dp_path_count *)a)->name, ((const struct dp_path_count *)b)->name);
}

int dp_read_paths(const struct dp *dp, dp_path_counts *out)
{
	struct erx_path *values = xcalloc(dp->cpus, sizeof(*values));
	int fd = dp->maps[DP_MAP_paths];
	uint32_t key, next;

	for (bool more = !bpf_map_get_next_key(fd, NULL, &next); more; more = !bpf_map_get_next_key(fd, &key, &next)) {
		struct dp_path_count count = {};

		key = next;
		if (bpf_map_lookup_elem(fd, &key, values))
			continue;
		memcpy(count.name, values[0].name, sizeof(count.name));
		for (int i = 0; i < dp->cpus; i++) {
			count.packets += values[i].packets;
			count.bytes += values[i].bytes;
		}
		vec_push(out, count);
	}
	if (out->n)
		qsort(out->items, out->n, sizeof(*out->items), by_name);
	free(values);
	return 0;
}
