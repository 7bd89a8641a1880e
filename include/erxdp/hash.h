/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The flow hash and the choice among members, the same code on both sides: the
 * programs choose with it, `explain` predicts with it, tools/find-seed searches
 * a seed with it.
 *
 * A device's basis is made of its name and the file's seed, so that two choices
 * in a row are independent and adding a device moves nobody's flows. Members
 * are scored one by one (highest random weight), so losing one moves only its
 * flows and bringing it back brings back the same ones.
 */
#ifndef ERXDP_HASH_H
#define ERXDP_HASH_H

#include <linux/types.h>

/* tools/find-seed prints it: the least seed that gives the eight choices of azure.md 3.4. */
#define ERX_DEFAULT_SEED 398

/* The finalizer of MurmurHash3: every input bit changes every output bit with probability close to 1/2. */
static inline __attribute__((always_inline)) __u32 erx_mix(__u32 h)
{
	h ^= h >> 16;
	h *= 0x85ebca6b;
	h ^= h >> 13;
	h *= 0xc2b2ae35;
	h ^= h >> 16;
	return h;
}

/* Never 0: in the maps a basis of 0 says that there is no port. */
static inline __u32 erx_device_basis(const char *name, __u32 seed)
{
	__u32 h = 0x811c9dc5; /* FNV-1a */

	while (*name)
		h = (h ^ (unsigned char)*name++) * 0x01000193;
	h = erx_mix(h ^ erx_mix(seed + 0x9e3779b9));
	return h ? h : 1;
}

/* Addresses as 32-bit words in network order; ports are 0 for fragments and everything but TCP and UDP. */
static inline __attribute__((always_inline)) __u32 erx_flow_hash(__u32 basis, __be32 src, __be32 dst, __u8 protocol,
								 __be16 sport, __be16 dport)
{
	__u32 h = erx_mix(basis ^ src);

	h = erx_mix(h + dst * 0x9e3779b1u);
	return erx_mix(h ^ (((__u32)sport << 16 | dport) * 0x85ebca77u + protocol));
}

static inline __attribute__((always_inline)) __u32 erx_member_score(__u32 flow, __u32 score_key)
{
	return erx_mix(flow + (score_key + 1) * 0x9e3779b9u);
}

#endif
