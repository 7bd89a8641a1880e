// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Readers of single values. Each leaves its field alone after a message. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "topo/parser.h"

const char *scalar_text(struct parser *p, const yaml_node_t *n, const char *key, const char *expected)
{
	static const char *const kinds[] = {
		[YAML_SEQUENCE_NODE] = "a list", [YAML_MAPPING_NODE] = "a mapping", [YAML_SCALAR_NODE] = "empty"};
	const char *text = (const char *)n->data.scalar.value;

	if (n->type != YAML_SCALAR_NODE || node_is_null(n) || !*text) {
		problem(p, node_pos(n), "'%s' of %s must be %s, this is %s", key, owner_text(p, &p->owner), expected,
			kinds[n->type]);
		return NULL;
	}
	if (strlen(text) != n->data.scalar.length) {
		problem(p, node_pos(n), "'%s' of %s contains a NUL character", key, owner_text(p, &p->owner));
		return NULL;
	}
	return arena_strdup(p->arena, text);
}

/* One message for a word that is there but wrong. */
static void wrong(struct parser *p, const yaml_node_t *n, const char *key, const char *text, const char *expected)
{
	problem(p, node_pos(n), "'%s' of %s must be %s, not '%s'", key, owner_text(p, &p->owner), expected,
		shown(p, text));
}

bool name_check(struct parser *p, const char *name, struct pos at, const char *what, size_t max)
{
	const char *rule = NULL;
	size_t len = strlen(name);

	if (!len)
		rule = "is empty";
	else if (len > max)
		rule = arena_printf(p->arena, "has %zu characters, at most %zu are allowed", len, max);
	else if (!isascii(name[0]) || !isalnum(name[0]))
		rule = "must begin with a letter A-Z, a-z or a digit";
	for (const char *c = name; *c && !rule; c++)
		if (!isascii(*c) || (!isalnum(*c) && !strchr("._-", *c)))
			rule = "may hold only letters A-Z and a-z, digits, '.', '_' and '-'";
	if (rule)
		problem(p, at, "%s name '%s' %s", what, shown(p, name), rule);
	return !rule;
}

void read_text(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	const char *text = scalar_text(p, n, key->name, "a word");
	const char **out = field;

	if (!text)
		return;
	if (strlen(text) > 255)
		problem(p, node_pos(n), "'%s' of %s has more than 255 characters", key->name, owner_text(p, &p->owner));
	else
		*out = text;
}

void read_bool(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	const char *text = scalar_text(p, n, key->name, "true or false");
	bool *out = field;

	if (!text)
		return;
	if (!strcasecmp(text, "true"))
		*out = true;
	else if (!strcasecmp(text, "false"))
		*out = false;
	else
		wrong(p, n, key->name, text, "true or false");
}

bool number_of(const char *text, uint64_t *out)
{
	char *end;

	if (!isdigit((unsigned char)*text) || strlen(text) > 18)
		return false;
	*out = strtoull(text, &end, 10);
	return !*end;
}

void read_number(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	uint64_t max = key->max ? key->max : UINT32_MAX, value;
	const char *expected = arena_printf(p->arena, "a number from %llu to %llu", (unsigned long long)key->min,
					    (unsigned long long)max);
	const char *text = scalar_text(p, n, key->name, expected);
	uint32_t *out = field;

	if (!text)
		return;
	if (number_of(text, &value) && value >= key->min && value <= max)
		*out = value;
	else
		wrong(p, n, key->name, text, expected);
}

/* Digits, at most one point: what strtod() takes beyond that (inf, 0x, 1e9) is no number here. */
static bool decimal_of(const char *text, const char **end, double *out)
{
	size_t len = strspn(text, "0123456789.");
	const char *point = memchr(text, '.', len);
	char buf[32];

	if (!len || len >= sizeof(buf) || !isdigit((unsigned char)*text) ||
	    (point && memchr(point + 1, '.', text + len - point - 1)))
		return false;
	memcpy(buf, text, len);
	buf[len] = '\0';
	*out = strtod(buf, NULL);
	*end = text + len;
	return true;
}

/* timers.scale: holds and delays are multiplied by it. */
void read_factor(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	static const char expected[] = "a number above 0 and up to 1000";
	const char *text = scalar_text(p, n, key->name, expected), *end;
	double value, *out = field;

	if (!text)
		return;
	if (decimal_of(text, &end, &value) && !*end && value > 0 && value <= 1000)
		*out = value;
	else
		wrong(p, n, key->name, text, expected);
}

bool parse_duration(const char *text, uint64_t *ns)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = {{"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
	const char *unit;
	double value;

	if (!decimal_of(text, &unit, &value))
		return false;
	while (*unit == ' ')
		unit++;
	for (size_t i = 0; i < N_ITEMS(units); i++) {
		if (strcmp(unit, units[i].unit) || value * units[i].ns > 3600e9)
			continue;
		*ns = value * units[i].ns + 0.5;
		return true;
	}
	return false;
}

void read_duration(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	static const char expected[] = "a duration such as 250us, 1.6ms or 2s, at most an hour";
	const char *text = scalar_text(p, n, key->name, expected);
	uint64_t *out = field;

	if (text && !parse_duration(text, out))
		wrong(p, n, key->name, text, expected);
}

/* Refuses what cannot be the address of anything here. */
static const char *address_fault(const struct addr *a)
{
	if (a->family == ADDR_IPV6)
		return "is IPv6, which this version does not carry yet: use IPv4";
	if (a->bytes[0] == 0)
		return "is in 0.0.0.0/8, which no host can have";
	if (a->bytes[0] == 127)
		return "is a loopback address";
	if (addr_is_multicast(a))
		return a->bytes[0] < 240 ? "is a multicast address" : "is in the reserved space 240.0.0.0/4";
	return NULL;
}

static bool address_of_node(struct parser *p, const yaml_node_t *n, const char *key, struct addr *out)
{
	static const char expected[] = "an IPv4 address such as 10.0.0.4";
	const char *text = scalar_text(p, n, key, expected), *fault;
	struct addr a;

	if (!text)
		return false;
	if (addr_parse(text, &a)) {
		wrong(p, n, key, text, expected);
		return false;
	}
	fault = address_fault(&a);
	if (fault) {
		problem(p, node_pos(n), "'%s' of %s: '%s' %s", key, owner_text(p, &p->owner), shown(p, text), fault);
		return false;
	}
	*out = a;
	return true;
}

void read_address(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	address_of_node(p, n, key->name, field);
}

bool prefix_of_node(struct parser *p, const yaml_node_t *n, const char *key, bool host_bits, struct prefix *out)
{
	static const char expected[] = "an IPv4 prefix such as 10.0.0.0/24";
	const char *text = scalar_text(p, n, key, expected), *fault = NULL;
	struct prefix x, net;

	if (!text)
		return false;
	if (!strchr(text, '/') || prefix_parse(text, &x)) {
		wrong(p, n, key, text, expected);
		return false;
	}
	net = prefix_network(&x);
	/* 0.0.0.0/0 and its halves are routes, though no host has such an address. */
	if (x.addr.family == ADDR_IPV6 || x.addr.bytes[0] || x.len >= 8)
		fault = address_fault(&x.addr);
	if (!fault && !host_bits && prefix_has_host_bits(&x))
		fault = arena_printf(p->arena, "has host bits set: write %s", prefix_text(p, &net));
	if (fault) {
		problem(p, node_pos(n), "'%s' of %s: '%s' %s", key, owner_text(p, &p->owner), shown(p, text), fault);
		return false;
	}
	*out = x;
	return true;
}

void read_prefix(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	prefix_of_node(p, n, key->name, false, field);
}

void read_interface(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	prefix_of_node(p, n, key->name, true, field);
}

void read_enum(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	const struct word *words = key->with;
	const char *candidates[16], *expected = "one of";
	size_t count = 0;
	const char *text;
	int *out = field;

	for (; words[count].text; count++) {
		candidates[count] = words[count].text;
		expected = arena_printf(p->arena, "%s%s %s", expected, count ? "," : "", words[count].text);
	}
	candidates[count] = NULL;
	text = scalar_text(p, n, key->name, expected);
	if (!text)
		return;
	for (; words->text; words++) {
		if (strcasecmp(words->text, text))
			continue;
		*out = words->value;
		return;
	}
	problem(p, node_pos(n), "'%s' of %s must be %s, not '%s'%s", key->name, owner_text(p, &p->owner), expected,
		shown(p, text), suggest(p, text, candidates));
}

void read_reference(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	const enum thing *thing = key->with;
	const char *text = scalar_text(p, n, key->name,
				       arena_printf(p->arena, "the name of %s", thing_with_article(p, *thing)));

	if (text)
		reference_add(p, *thing, text, node_pos(n), field);
}

void read_addresses(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	const yaml_node_item_t *items;
	addr_list *list = field;
	size_t count;

	if (!node_items(p, n, key, &items, &count))
		return;
	if (!count)
		problem(p, node_pos(n), "'%s' of %s is empty", key->name, owner_text(p, &p->owner));
	list_reserve(p, list, count, sizeof(*list->items));
	for (size_t i = 0; i < count; i++) {
		const yaml_node_t *item = node_at(p, items[i]);
		struct addr a;

		if (address_of_node(p, item, key->name, &a))
			field_add(p, vec_push(list, a), node_pos(item), NULL);
	}
}

void read_prefixes(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	const yaml_node_item_t *items;
	prefix_list *list = field;
	size_t count;

	if (!node_items(p, n, key, &items, &count))
		return;
	if (!count && key->required)
		problem(p, node_pos(n), "'%s' of %s is empty", key->name, owner_text(p, &p->owner));
	list_reserve(p, list, count, sizeof(*list->items));
	for (size_t i = 0; i < count; i++) {
		const yaml_node_t *item = node_at(p, items[i]);
		struct prefix x;

		if (prefix_of_node(p, item, key->name, false, &x))
			field_add(p, vec_push(list, x), node_pos(item), NULL);
	}
}

void read_words(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	const yaml_node_item_t *items;
	name_list *list = field;
	size_t count;

	if (!node_items(p, n, key, &items, &count))
		return;
	list_reserve(p, list, count, sizeof(*list->items));
	for (size_t i = 0; i < count; i++) {
		const yaml_node_t *item = node_at(p, items[i]);
		const char *text = scalar_text(p, item, key->name, "a list of words");

		if (text)
			field_add(p, vec_push(list, text), node_pos(item), text);
	}
}
