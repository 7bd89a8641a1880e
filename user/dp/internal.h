/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Shared by the files of dp/, and its tests; nobody else includes this. */
#ifndef ERX_DP_INTERNAL_H
#define ERX_DP_INTERNAL_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "dp/dp.h"

/* Every map by the name it has in bpftool. */
#define DP_MAPS(X)                                                                                                     \
	X(ports)                                                                                                       \
	X(routes)                                                                                                      \
	X(groups)                                                                                                      \
	X(adjacencies)                                                                                                 \
	X(policies)                                                                                                    \
	X(links)                                                                                                       \
	X(paths)                                                                                                       \
	X(legs)                                                                                                        \
	X(devices)                                                                                                     \
	X(port_counts)                                                                                                 \
	X(port_lost)                                                                                                   \
	X(wires)                                                                                                       \
	X(xsks)                                                                                                        \
	X(hellos)                                                                                                      \
	X(icmp_limits)                                                                                                 \
	X(meters)                                                                                                      \
	X(spent)                                                                                                       \
	X(flows)                                                                                                       \
	X(flow_counts)                                                                                                 \
	X(fastpath)                                                                                                    \
	X(sequences)                                                                                                   \
	X(control)                                                                                                     \
	X(captured)                                                                                                    \
	X(capture)                                                                                                     \
	X(scratch)                                                                                                     \
	X(ways)                                                                                                        \
	X(walk)

enum dp_map {
#define X(name) DP_MAP_##name,
	DP_MAPS(X)
#undef X
		DP_N_MAPS
};

/* An entry of erx_fastpath. */
struct dp_block {
	struct erx_fastpath_key key;
	struct erx_fastpath value;
};
typedef VEC(struct dp_block) dp_blocks;

/* A program for each kind of device, and that of the ends of wires. */
enum { DP_WIRE = ERX_N_KINDS, DP_N_PROGRAMS };

struct dp {
	char lab[ERX_NAME_LEN];
	int maps[DP_N_MAPS];	     /* -1 when not open */
	int programs[DP_N_PROGRAMS]; /* -1 when not open */
	uint32_t program_ids[DP_N_PROGRAMS];
	int sweep;			 /* program; -1 when not open */
	int cpus;			 /* possible ones: per-CPU values have as many parts */
	const volatile uint64_t *hellos; /* NULL until asked for */
	struct erx_control *control;	 /* shared with the programs */
	int lock;			 /* of the maps: held while they change; -1 when not open */
	/* What the kernel is known to have, by id; NULL when it has to be asked. */
	struct erx_port *ports;
	struct erx_group *groups;
	dp_blocks blocks; /* sorted by key; as long as groups is set */
};

extern const char *const dp_program_names[DP_N_PROGRAMS];

/*
 * An array of that many entries of size bytes, whose map can be mapped. out has room for all and is zeroed: most
 * entries of most arrays are zero, and those are not written. Returns 0 or -errno.
 */
int dp_read_array(const struct dp *dp, enum dp_map map, const char *what, uint32_t entries, size_t size, void *out,
		  struct error *e);
/* Say what could not be written and why; returns err. */
int dp_write_failed(const struct dp *dp, const char *what, int err, struct error *e);
/*
 * What is not preallocated comes from a reserve that the kernel refills in the
 * background and without waiting: many entries at once can empty it, values per
 * CPU above all. Waits a millisecond and returns whether to try again after
 * errno; *patience counts down.
 */
#define DP_RESERVE_TRIES 1000
bool dp_wait_for_reserve(unsigned *patience);

/* Bring the groups to the image, from what is remembered; *changed counts them. */
int dp_write_groups(struct dp *dp, const struct image *image, bool dry, unsigned *changed, struct error *e);

/* fastpath.c: all of erx_fastpath, sorted; and bring it to the image, from what is remembered. Returns 0 or -errno. */
int dp_read_blocks(const struct dp *dp, dp_blocks *out, struct error *e);
int dp_write_blocks(struct dp *dp, const struct image *image, bool dry, unsigned *changed, struct error *e);

/* Sum the u64 fields of a per-CPU value of size bytes into out. */
int dp_sum_cpus(const struct dp *dp, enum dp_map map, uint32_t key, size_t size, uint64_t *out);

/*
 * Around every change of what the programs look up (change.c): from the first on, what they
 * have decided so far counts no more, and until the second they remember nothing. Only
 * one writer is between the two, whoever else wants to waits for him. One who is killed
 * there leaves a lab that is slower and right, until the next one ends. Returns 0 or -errno.
 */
int dp_begin_change(const struct dp *dp, struct error *e);
void dp_end_change(const struct dp *dp);
/* What the programs have decided so far counts no more; for who writes nothing that has to be whole. Needs no lock. */
void dp_forget_ways(const struct dp *dp);
/* Whether a writer was killed in the middle, and none has come since. */
bool dp_was_interrupted(const struct dp *dp);

/* contract.c: of a lab that is being loaded, before its first map is pinned. Returns 0 or -errno. */
int dp_write_contract(const char *lab, struct error *e);

/* capture.c: ports have these numbers from now on. Captures that know them by others end, and begin anew. */
void dp_renumber(const struct dp *dp, const struct image *image);

/*
 * Whether the current namespace is another one than that of the last dp_apply().
 * Somebody may keep the old fabric alive after its name has gone, with interfaces
 * of the same indexes, programs and all: what looks right is then not ours.
 */
bool dp_fabric_is_new(const struct dp *dp);

#endif
