/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The data plane from userspace: load the programs, pin them, attach them to
 * ports, write a forwarding image into the maps, read counters. The only user of
 * libbpf. Everything a lab has is pinned under DP_ROOT/LAB, so it outlives the
 * command that made it:
 *
 *   erx_ports, erx_routes, …   the maps, by name
 *   contract                   a symbolic link whose text says which build has loaded all this (contract.c)
 *   programs/vnet, …           the programs
 *   ports/1003                 the link that holds a program on the interface with that index
 *   captures/0, …              empty directories: who has the lock on one is that capture
 *   port_lost, port_refused    the links of the tracepoints
 *
 * A pin proves nothing: after an interface went away its link is defunct. So
 * interface index and program are checked each time.
 *
 * Calls that name interfaces (dp_attach, dp_apply) must run in the fabric's
 * namespace.
 */
#ifndef ERX_DP_DP_H
#define ERX_DP_DP_H

#include <stdbool.h>
#include <stdint.h>
#include "fwd/image.h"
#include "lib/error.h"

#define DP_ROOT "/sys/fs/bpf/erxdp"

struct dp;

bool dp_is_mounted(void); /* bpffs, on /sys/fs/bpf */
/* Mount bpffs on /sys/fs/bpf when it is not; *mounted tells whether that was done now. Returns 0 or -errno. */
int dp_mount(bool *mounted, struct error *e);

/* Whether the lab's maps and programs are pinned, all of them; also when that cannot be told, as dp_open() then says.
 */
bool dp_exists(const char *lab);

/*
 * Whether the lab's maps mean what they mean to this build (tools/contract). Returns 0, -ENOENT when no maps
 * are pinned, -EPROTO when another build has loaded them (then only dp_remove() is of use), or another -errno.
 */
int dp_check_contract(const char *lab, struct error *e);

/*
 * The lab's data plane, loaded anew when a part of it is missing, opened when none is
 * (and when a part cannot be opened, that is an error: what runs is left alone).
 * With create false: -ENOENT when there is none. Returns 0 and *out (to be closed),
 * or -errno with the verifier's last lines in *e when a program was refused.
 */
int dp_open(const char *lab, bool create, struct dp **out, struct error *e);
void dp_close(struct dp *dp); /* NULL is fine; what is pinned stays */

/* Remove all pins of a lab. What the pins held goes when nobody else holds it. Safe to run twice. */
int dp_remove(const char *lab, struct error *e);

/* Path of a pin of a lab; rest "" is its directory. */
void dp_pin_path(const char *lab, const char *rest, char out[static 512]);

/* What dp_apply() wrote or, with dry, would write: each part of the image, its name in JSON, and what `plan` says of
 * it.
 */
#define DP_CHANGES(X)                                                                                                  \
	X(policies, "policies", "entries of the TTL policy to write")                                                  \
	X(meters, "meters", "limits of circuits and gateways to write")                                                \
	X(icmp_limits, "icmpLimits", "limits of ICMP errors to write")                                                 \
	X(legs, "legs", "legs of paths to write")                                                                      \
	X(paths, "paths", "path counters to make or to remove")                                                        \
	X(interfaces, "interfaces", "ports to join to their interfaces")                                               \
	X(fabrics, "fabrics", "namespaces to tell the programs of")                                                    \
	X(adjacencies, "adjacencies", "neighbours of ports (address, tunnel, limit) to write")                         \
	X(ports, "ports", "ports to write")                                                                            \
	X(groups, "groups", "next-hop groups to write")                                                                \
	X(blocks, "fastPathBlocks", "blocks of FastPath addresses to write or to remove")                              \
	X(routes_added, "routesAdded", "routes to add")                                                                \
	X(routes_changed, "routesChanged", "routes to change")                                                         \
	X(routes_removed, "routesRemoved", "routes to remove")                                                         \
	X(interrupted, "interrupted", "changes to finish that a writer was killed in")

struct dp_changes {
#define X(field, name, text) unsigned field;
	DP_CHANGES(X)
#undef X
};

/* All of them. */
unsigned dp_changes_sum(const struct dp_changes *c);

/*
 * Bring the maps to the image, touching only entries that differ: first what new
 * entries need, then groups, then new routes, then what is no longer used. The
 * order keeps every packet on a route that is whole. Returns 0 or -errno.
 */
int dp_apply(struct dp *dp, const struct image *image, bool dry, struct dp_changes *changes, struct error *e);

/*
 * The part of dp_apply() that a change of the network's state needs: flags of
 * ports, members of groups and FastPath addresses. What differs is known from a copy in memory, so a
 * call costs what it writes. The image must come from the same fabric as that of
 * the last dp_apply(), and its routes must lead to the same groups. A port that
 * recovers does so before the groups change, one that fails after. Returns 0 or
 * -errno; after a failure the next call reads the maps again and goes on from there.
 */
int dp_apply_state(struct dp *dp, const struct image *image, struct dp_changes *changes, struct error *e);
/* Read that copy now, so that the first dp_apply_state() need not. Returns 0 or -errno. */
int dp_remember(struct dp *dp, struct error *e);
/* Somebody else has written the maps (dp_apply() by another handle): read them again when needed. */
void dp_forget(struct dp *dp);

/*
 * Attach the program of its device's kind to every port of the image, and that of
 * wires to their ends, in native mode. *attached counts what had to be done. Returns 0 or -errno.
 */
int dp_attach(struct dp *dp, const struct image *image, unsigned *attached, struct error *e);
/*
 * Remove the pins of links on ports that the image does not have: when no route leads there any more (after dp_apply())
 * and going back is no longer wanted. Needs no namespace. Returns 0 or -errno.
 */
int dp_detach(const char *lab, const struct image *image, struct error *e);
/* How many ports lack their program: 0 when all is in place. */
unsigned dp_unattached(const struct dp *dp, const struct image *image);

/*
 * Flows through gateways that have been idle for too long make room. Costs next to
 * nothing while there are none. Returns 0 or -errno.
 */
int dp_sweep(struct dp *dp, const struct image *image, struct error *e);

/* Counters. Sums over CPUs. */
struct dp_path_count {
	char name[ERX_PATH_LEN];
	uint64_t packets, bytes;
};
typedef VEC(struct dp_path_count) dp_path_counts;
int dp_read_paths(const struct dp *dp, dp_path_counts *out); /* sorted by name */
int dp_read_device(const struct dp *dp, uint32_t device_id, uint64_t outcomes[static ERX_N_OUTCOMES]);
/* A meter since it is there, and its flows now. */
struct dp_meter_count {
	uint64_t passed[ERX_N_UNITS];
	uint64_t refused[ERX_N_UNITS], flows_refused; /* packets */
	uint64_t flows;
};
int dp_read_meter(const struct dp *dp, uint32_t meter_id, struct dp_meter_count *out);
int dp_read_port(const struct dp *dp, uint32_t port_id, struct erx_port_stats *stats, uint64_t *lost);
/* The end of a wire, by its number; *lost: its socket had no room. */
int dp_read_wire(const struct dp *dp, uint32_t port_id, struct erx_wire_stats *stats, uint64_t *lost);

/* Before an end belongs to another wire: forget what the programs have counted there. Returns 0 or -errno. */
int dp_clear_wire(const struct dp *dp, uint32_t port_id, struct error *e);
/* Frames that the port joined to an end has sent, less those that came in there: sent while there was no wire. */
int64_t dp_wire_sent(const struct dp *dp, uint32_t end, uint32_t port);
/* Frames that an end has let through to its socket, less those that have come in by the port beyond the other end. */
int64_t dp_wire_passed(const struct dp *dp, uint32_t end, uint32_t port);
/* From now on what comes in by the end of a wire goes to this AF_XDP socket, until that is closed. Returns 0 or -errno.
 */
int dp_place_socket(const struct dp *dp, uint32_t port_id, int socket, struct error *e);

/*
 * When each port (by id) last had a hello of the controller's, in ns of CLOCK_MONOTONIC; 0: not since the
 * data plane was loaded. The programs write there, so it is read without a call. Valid until dp_close();
 * NULL with errno when the map cannot be mapped.
 */
const volatile uint64_t *dp_hellos(struct dp *dp);

/*
 * Capture. `in` and `out` name ports (by id of the image) whose arriving and leaving frames are
 * wanted. Each capture gets all its frames, however many there are; it changes nothing that
 * others write, and ends with its process, whatever that dies of.
 * dp_capture_begin(): 0 or -errno: -EBUSY when there are ERX_MAX_CAPTURES; -ESTALE when
 * the maps are not this image's, whose ports may have other numbers: read the lab again.
 * dp_capture_read(): wait up to wait_ms, then call fn for each record, in the order of time. 0,
 * -ECANCELED when fn has returned nonzero (no record comes after that), -ESTALE when the lab has
 * been loaded with other ports or unloaded (until then all was right), or another -errno.
 * dp_capture_end(): also gives what was still on its way. Returns how many records did not fit.
 */
struct dp_capture;
typedef int (*dp_capture_fn)(void *arg, const struct erx_capture_record *record);
int dp_capture_begin(struct dp *dp, const struct image *image, const index_list *in, const index_list *out,
		     dp_capture_fn fn, void *arg, struct dp_capture **capture, struct error *e);
int dp_capture_read(struct dp_capture *capture, int wait_ms, struct error *e);
uint64_t dp_capture_end(struct dp_capture *capture); /* NULL is fine */

/* Run a program on a frame, as if it had come in by an interface of the current namespace. For tests. */
int dp_test_run(const struct dp *dp, enum erx_kind kind, uint32_t ifindex, const void *frame, size_t size, void *out,
		size_t *out_size, uint32_t *verdict);

#endif
