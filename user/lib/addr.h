/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Addresses and prefixes: one tagged type for every family. Nothing outside
 * this file and the map keys knows how many bytes an address has.
 */
#ifndef ERX_LIB_ADDR_H
#define ERX_LIB_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum addr_family {
	ADDR_NONE = 0, /* no address: a zeroed struct addr */
	ADDR_IPV4 = 4,
	ADDR_IPV6 = 6,
};

struct addr {
	uint8_t family;	   /* enum addr_family */
	uint8_t bytes[16]; /* network order; bytes past the family's size are zero */
};

struct prefix {
	struct addr addr; /* host bits may be set: prefix_network() clears them */
	uint8_t len;	  /* bits */
};

#define ADDR_STRLEN   46
#define PREFIX_STRLEN 50

/* Parse one address in the family's usual text form. Returns 0 or -EINVAL; *out is untouched on failure. */
int addr_parse(const char *text, struct addr *out);
/* Parse "address/length"; a bare address is a host prefix. Host bits are kept. Returns 0 or -EINVAL. */
int prefix_parse(const char *text, struct prefix *out);

/* Write the text form into buf (ADDR_STRLEN, PREFIX_STRLEN bytes) and return buf; "-" for ADDR_NONE. */
const char *addr_format(const struct addr *a, char buf[static ADDR_STRLEN]);
const char *prefix_format(const struct prefix *p, char buf[static PREFIX_STRLEN]);

/* Bits and bytes of an address of this family. */
unsigned addr_bits(uint8_t family);
unsigned addr_size(uint8_t family);

bool addr_is_set(const struct addr *a);
bool addr_equal(const struct addr *a, const struct addr *b);
/* Total order: family, then value. */
int addr_compare(const struct addr *a, const struct addr *b);
/* IPv4 as a big-endian word (for map keys and packets), 0 when not IPv4. */
uint32_t addr_be32(const struct addr *a);
struct addr addr_from_be32(uint32_t be);
/* a + n, as an integer of the address's width. */
struct addr addr_plus(const struct addr *a, uint64_t n);
/* b - a; UINT64_MAX when b comes before a, is further away than that, or is of another family. */
uint64_t addr_distance(const struct addr *a, const struct addr *b);
bool addr_is_private(const struct addr *a);   /* RFC 1918 */
bool addr_is_multicast(const struct addr *a); /* includes the limited broadcast */

struct prefix prefix_network(const struct prefix *p); /* host bits cleared */
struct prefix prefix_of(const struct addr *a);	      /* a as /32 or /128 */
bool prefix_equal(const struct prefix *a, const struct prefix *b);
/* Total order: family, value, then length (shorter first). */
int prefix_compare(const struct prefix *a, const struct prefix *b);
bool prefix_covers(const struct prefix *outer, const struct prefix *inner);
bool prefix_has(const struct prefix *p, const struct addr *a);
bool prefix_overlaps(const struct prefix *a, const struct prefix *b);
bool prefix_has_host_bits(const struct prefix *p);
/* The n-th address counted from the network address. */
struct addr prefix_nth(const struct prefix *p, uint64_t n);
/* The address before the broadcast one (IPv4), the last one (IPv6). */
struct addr prefix_last_usable(const struct prefix *p);
/* The n-th prefix of the same length after p. */
struct prefix prefix_next(const struct prefix *p, uint64_t n);

#endif
