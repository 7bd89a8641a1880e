// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Words for messages, and what the parser remembers about fields and names. */
#include <string.h>

#include "topo/parser.h"

#define SHOWN_BYTES 60

/*
 * Edit distances are the only part of a message that costs more than its
 * length, about this many steps in a second. A file with more to guess at is
 * not one with a typing error.
 */
#define SUGGESTION_STEPS 50000000

static bool is_control(const unsigned char *c)
{
	return *c < 0x20 || *c == 0x7f || (*c == 0xc2 && c[1] < 0xa0);
}

const char *shown(struct parser *p, const char *text)
{
	const unsigned char *c = (const unsigned char *)text;
	char *out, *o;

	out = o = arena_alloc(p->arena, SHOWN_BYTES + 8);
	while (*c && o - out < SHOWN_BYTES) {
		size_t n = *c < 0x80 ? 1 : *c < 0xe0 ? 2 : *c < 0xf0 ? 3 : 4;

		if (is_control(c))
			*o++ = '?';
		else
			o = mempcpy(o, c, n);
		c += n;
	}
	if (*c)
		strcpy(o, "...");
	return out;
}

const char *owner_text(struct parser *p, const struct owner *o)
{
	return o->name ? arena_printf(p->arena, "%s '%s'", o->what, shown(p, o->name)) : o->what;
}

const char *address_text(struct parser *p, const struct addr *a)
{
	return addr_format(a, arena_alloc(p->arena, ADDR_STRLEN));
}

const char *prefix_text(struct parser *p, const struct prefix *x)
{
	return prefix_format(x, arena_alloc(p->arena, PREFIX_STRLEN));
}

const char *suggest(struct parser *p, const char *text, const char *const *candidates)
{
	size_t len = strlen(text);
	const char *found = NULL;

	for (size_t i = 0; candidates[i] && p->suggestions < SUGGESTION_STEPS; i++)
		p->suggestions += len * strlen(candidates[i]);
	if (p->suggestions < SUGGESTION_STEPS)
		found = did_you_mean(text, candidates);
	return found ? arena_printf(p->arena, " (did you mean '%s'?)", shown(p, found)) : "";
}

const char *suggest_name(struct parser *p, const char *text, enum scope scope, unsigned things)
{
	VEC(const char *) candidates = {};
	const char *found;
	struct name *n, *tmp;

	if (p->suggestions >= SUGGESTION_STEPS)
		return "";
	HASH_ITER(hh, p->names[scope], n, tmp)
		if (things & (1u << n->thing))
			vec_push(&candidates, n->text);
	vec_push(&candidates, NULL);
	found = suggest(p, text, candidates.items);
	vec_free(&candidates);
	return found;
}

struct field *field_add(struct parser *p, const void *key, struct pos at, const char *text)
{
	struct field *f;

	HASH_FIND_PTR(p->fields, &key, f);
	if (!f) {
		f = arena_alloc(p->arena, sizeof(*f));
		f->key = key;
		HASH_ADD_PTR(p->fields, key, f);
	}
	f->at = at;
	f->text = text;
	return f;
}

const struct field *field_find(const struct parser *p, const void *key)
{
	struct field *f;

	HASH_FIND_PTR(p->fields, &key, f);
	return f;
}

bool field_given(const struct parser *p, const void *key)
{
	return field_find(p, key);
}

struct pos field_pos(const struct parser *p, const void *key, struct pos otherwise)
{
	const struct field *f = field_find(p, key);

	return f ? f->at : otherwise;
}

struct name *name_find(const struct parser *p, enum scope scope, const char *text)
{
	struct name *n;

	HASH_FIND_STR(p->names[scope], text, n);
	return n;
}

const char *thing_text(enum thing thing)
{
	static const char *const texts[N_THINGS] = {
		[THING_VNET] = "virtual network",   [THING_SITE] = "site",
		[THING_GATEWAY] = "gateway",	    [THING_LOCAL_GATEWAY] = "local network gateway",
		[THING_CIRCUIT] = "circuit",	    [THING_ROUTER] = "router",
		[THING_CONNECTION] = "connection",  [THING_ROUTE_TABLE] = "route table",
		[THING_PORT] = "ExpressRoute port", [THING_HOST] = "host",
		[THING_SINK] = "subnet's sink",
	};

	return texts[thing];
}

const char *thing_with_article(struct parser *p, enum thing thing)
{
	return arena_printf(p->arena, "%s %s", thing == THING_PORT ? "an" : "a", thing_text(thing));
}

void reference_add(struct parser *p, enum thing thing, const char *text, struct pos at, void *slot)
{
	struct reference r = {.thing = thing, .text = text, .at = at, .owner = p->owner, .slot = slot};

	vec_push(&p->references, r);
}

struct name *name_wanted(struct parser *p, const char *text, enum scope scope, unsigned things, struct pos at,
			 const char *where, const char *what)
{
	struct name *n = name_find(p, scope, text);

	if (n && things & (1u << n->thing))
		return n;
	if (n)
		problem(p, at, "%s names '%s', which is a %s, not %s", where, shown(p, text), thing_text(n->thing),
			what);
	else
		problem(p, at, "%s names '%s', which is not defined%s", where, shown(p, text),
			suggest_name(p, text, scope, things));
	return NULL;
}
