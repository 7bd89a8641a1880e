// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "lib/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

unsigned addr_size(uint8_t family)
{
	return family == ADDR_IPV4 ? 4 : family == ADDR_IPV6 ? 16 : 0;
}

unsigned addr_bits(uint8_t family)
{
	return addr_size(family) * 8;
}

int addr_parse(const char *text, struct addr *out)
{
	struct addr a = {.family = strchr(text, ':') ? ADDR_IPV6 : ADDR_IPV4};

	if (inet_pton(a.family == ADDR_IPV4 ? AF_INET : AF_INET6, text, a.bytes) != 1)
		return -EINVAL;
	*out = a;
	return 0;
}

int prefix_parse(const char *text, struct prefix *out)
{
	const char *slash = strchr(text, '/');
	char head[ADDR_STRLEN];
	struct prefix p = {};
	unsigned long len;
	char *end;

	if (!slash) {
		if (addr_parse(text, &p.addr))
			return -EINVAL;
		*out = prefix_of(&p.addr);
		return 0;
	}
	if ((size_t)(slash - text) >= sizeof(head))
		return -EINVAL;
	memcpy(head, text, slash - text);
	head[slash - text] = '\0';
	if (addr_parse(head, &p.addr) || slash[1] < '0' || slash[1] > '9')
		return -EINVAL;
	len = strtoul(slash + 1, &end, 10);
	if (*end || len > addr_bits(p.addr.family))
		return -EINVAL;
	p.len = len;
	*out = p;
	return 0;
}

const char *addr_format(const struct addr *a, char buf[static ADDR_STRLEN])
{
	if (!addr_is_set(a))
		return strcpy(buf, "-");
	inet_ntop(a->family == ADDR_IPV4 ? AF_INET : AF_INET6, a->bytes, buf, ADDR_STRLEN);
	return buf;
}

const char *prefix_format(const struct prefix *p, char buf[static PREFIX_STRLEN])
{
	char head[ADDR_STRLEN];

	if (!addr_is_set(&p->addr))
		return strcpy(buf, "-");
	snprintf(buf, PREFIX_STRLEN, "%s/%u", addr_format(&p->addr, head), p->len);
	return buf;
}

bool addr_is_set(const struct addr *a)
{
	return a->family != ADDR_NONE;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return addr_compare(a, b) == 0;
}

int addr_compare(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

uint32_t addr_be32(const struct addr *a)
{
	uint32_t be = 0;

	if (a->family == ADDR_IPV4)
		memcpy(&be, a->bytes, sizeof(be));
	return be;
}

struct addr addr_from_be32(uint32_t be)
{
	struct addr a = {.family = ADDR_IPV4};

	memcpy(a.bytes, &be, sizeof(be));
	return a;
}

struct addr addr_plus(const struct addr *a, uint64_t n)
{
	struct addr r = *a;
	uint64_t carry = n;

	for (int i = (int)addr_size(a->family) - 1; i >= 0 && carry; i--) {
		carry += r.bytes[i];
		r.bytes[i] = carry & 0xff;
		carry >>= 8;
	}
	return r;
}

uint64_t addr_distance(const struct addr *a, const struct addr *b)
{
	uint64_t distance = 0;
	int borrow = 0;

	if (a->family != b->family || addr_compare(a, b) > 0)
		return UINT64_MAX;
	for (unsigned i = addr_size(a->family); i-- > 0;) {
		int digit = b->bytes[i] - a->bytes[i] - borrow;
		unsigned place = addr_size(a->family) - 1 - i;

		borrow = digit < 0;
		if (place < sizeof(distance))
			distance |= (uint64_t)(uint8_t)digit << (8 * place);
		else if ((uint8_t)digit)
			return UINT64_MAX;
	}
	return distance;
}

bool addr_is_private(const struct addr *a)
{
	const uint8_t *b = a->bytes;

	return a->family == ADDR_IPV4 &&
	       (b[0] == 10 || (b[0] == 172 && (b[1] & 0xf0) == 16) || (b[0] == 192 && b[1] == 168));
}

bool addr_is_multicast(const struct addr *a)
{
	return a->family == ADDR_IPV4 ? a->bytes[0] >= 224 : a->family == ADDR_IPV6 && a->bytes[0] == 0xff;
}

struct prefix prefix_network(const struct prefix *p)
{
	struct prefix r = *p;

	for (unsigned bit = p->len; bit < addr_bits(p->addr.family); bit++)
		r.addr.bytes[bit / 8] &= ~(0x80u >> (bit % 8));
	return r;
}

struct prefix prefix_of(const struct addr *a)
{
	return (struct prefix){.addr = *a, .len = addr_bits(a->family)};
}

bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
	return prefix_compare(a, b) == 0;
}

int prefix_compare(const struct prefix *a, const struct prefix *b)
{
	int order = addr_compare(&a->addr, &b->addr);

	return order ? order : (a->len > b->len) - (a->len < b->len);
}

bool prefix_has(const struct prefix *p, const struct addr *a)
{
	unsigned whole = p->len / 8, rest = p->len % 8;

	if (p->addr.family != a->family || memcmp(p->addr.bytes, a->bytes, whole))
		return false;
	return !rest || !((p->addr.bytes[whole] ^ a->bytes[whole]) & (uint8_t)(0xff00 >> rest));
}

bool prefix_covers(const struct prefix *outer, const struct prefix *inner)
{
	return outer->len <= inner->len && prefix_has(outer, &inner->addr);
}

bool prefix_overlaps(const struct prefix *a, const struct prefix *b)
{
	return prefix_covers(a, b) || prefix_covers(b, a);
}

bool prefix_has_host_bits(const struct prefix *p)
{
	struct prefix net = prefix_network(p);

	return !prefix_equal(&net, p);
}

struct addr prefix_nth(const struct prefix *p, uint64_t n)
{
	struct prefix net = prefix_network(p);

	return addr_plus(&net.addr, n);
}

struct addr prefix_last_usable(const struct prefix *p)
{
	struct prefix net = prefix_network(p);
	struct addr a = net.addr;

	for (unsigned bit = p->len; bit < addr_bits(a.family); bit++)
		a.bytes[bit / 8] |= 0x80u >> (bit % 8);
	if (a.family == ADDR_IPV4 && p->len < 31)
		a.bytes[3] &= 0xfe;
	return a;
}

struct prefix prefix_next(const struct prefix *p, uint64_t n)
{
	struct prefix r = prefix_network(p);
	unsigned host_bits = addr_bits(p->addr.family) - p->len;

	/* Add n at the prefix's last bit: shift within the byte that holds it. */
	unsigned byte = p->len ? (p->len - 1) / 8 : 0;
	uint64_t carry = n << (host_bits % 8);

	for (int i = (int)byte; i >= 0 && carry; i--) {
		carry += r.addr.bytes[i];
		r.addr.bytes[i] = carry & 0xff;
		carry >>= 8;
	}
	return r;
}
