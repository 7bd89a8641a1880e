// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Mappings and lists of the document, driven by tables of keys. */
#include <string.h>

#include "topo/parser.h"

struct any_list { /* the layout of every VEC */
	void *items;
	size_t n, cap;
};

struct head { /* how every resource with a name begins */
	const char *name;
	struct pos at;
};

void list_reserve(struct parser *p, void *vec, size_t n, size_t item_size)
{
	struct any_list list = {.items = n ? arena_alloc(p->arena, n * item_size) : NULL, .cap = n};

	memcpy(vec, &list, sizeof(list));
}

static void *list_take(void *vec, size_t item_size)
{
	struct any_list list;
	void *item;

	memcpy(&list, vec, sizeof(list));
	item = (char *)list.items + list.n++ * item_size;
	memcpy(vec, &list, sizeof(list));
	return item;
}

static const struct key *key_find(const struct object *o, const char *text)
{
	for (const struct key *k = o->keys; k->name; k++)
		if (!strcmp(k->name, text))
			return k;
	return NULL;
}

static void unknown_key(struct parser *p, const struct object *o, const char *text, struct pos at)
{
	const char *candidates[64];
	size_t n = 0;

	for (const struct key *k = o->keys; k->name && n + 1 < N_ITEMS(candidates); k++)
		candidates[n++] = k->name;
	candidates[n] = NULL;
	problem(p, at, "unknown key '%s' in %s%s", shown(p, text), owner_text(p, &p->owner),
		suggest(p, text, candidates));
}

static const char *key_text(struct parser *p, const yaml_node_t *n)
{
	if (n->type != YAML_SCALAR_NODE) {
		problem(p, node_pos(n), "a key in %s is not a word", owner_text(p, &p->owner));
		return NULL;
	}
	if (strlen((const char *)n->data.scalar.value) != n->data.scalar.length) {
		problem(p, node_pos(n), "a key in %s contains a NUL character", owner_text(p, &p->owner));
		return NULL;
	}
	return arena_strdup(p->arena, (const char *)n->data.scalar.value);
}

static void key_read(struct parser *p, const yaml_node_t *n, const struct key *k, void *item)
{
	void *field = (char *)item + k->at;
	bool word = n->type == YAML_SCALAR_NODE;

	if (k->read != read_inline)
		field_add(p, field, node_pos(n),
			  word ? arena_strdup(p->arena, (const char *)n->data.scalar.value) : NULL)
			->name = k->name;
	k->read(p, n, k, field);
}

static void pairs_read(struct parser *p, const yaml_node_t *n, const struct object *o, void *item)
{
	uint64_t seen = 0;

	for (const yaml_node_pair_t *pair = n->data.mapping.pairs.start; pair < n->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = node_at(p, pair->key);
		const char *text = key_text(p, key);
		const struct key *k = text ? key_find(o, text) : NULL;

		if (!text || (o->list_form && !strcmp(text, "name")))
			continue;
		if (!k) {
			unknown_key(p, o, text, node_pos(key));
		} else if (seen & (1ull << (k - o->keys))) {
			problem(p, node_pos(key), "duplicate key '%s' in %s", text, owner_text(p, &p->owner));
		} else {
			seen |= 1ull << (k - o->keys);
			key_read(p, node_at(p, pair->value), k, item);
		}
	}
	for (const struct key *k = o->keys; k->name; k++)
		if (k->required && !(seen & (1ull << (k - o->keys))))
			problem(p, node_pos(n), "missing key '%s' in %s", k->name, owner_text(p, &p->owner));
}

void read_object(struct parser *p, const yaml_node_t *n, const struct object *o, void *item)
{
	if (n->type == YAML_MAPPING_NODE) {
		pairs_read(p, n, o, item);
	} else if (o->shorthand) {
		o->shorthand(p, n, item);
	} else if (!node_is_null(n)) {
		problem(p, node_pos(n), "%s must be a mapping of keys", owner_text(p, &p->owner));
	} else {
		for (const struct key *k = o->keys; k->name; k++)
			if (k->required)
				problem(p, node_pos(n), "missing key '%s' in %s", k->name, owner_text(p, &p->owner));
	}
}

void read_struct(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	const struct object *o = key->with;
	struct owner outer = p->owner;

	p->owner = (struct owner){arena_printf(p->arena, "%s of %s", o->what, owner_text(p, &outer)), NULL};
	read_object(p, n, o, field);
	p->owner = outer;
}

void read_inline(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	read_struct(p, n, key, field);
}

static void item_read(struct parser *p, const yaml_node_t *n, const struct object *o, const char *name, void *item)
{
	struct owner outer = p->owner;

	if (o->defaults)
		o->defaults(item);
	p->owner = (struct owner){o->what, name};
	read_object(p, n, o, item);
	p->owner = outer;
}

static void named_read(struct parser *p, const yaml_node_t *n, const struct object *o, const char *name, struct pos at,
		       void *vec)
{
	struct head head = {name, at};
	void *item;

	if (!o->by_reference && !name_check(p, name, at, o->what, TOPO_MAX_NAME))
		return;
	item = list_take(vec, o->size);
	if (o->by_reference) {
		memcpy(item, &at, sizeof(at));
		reference_add(p, o->refers_to, name, at, (char *)item + o->refers_at);
	} else {
		memcpy(item, &head, sizeof(head));
	}
	item_read(p, n, o, name, item);
}

struct seen_name {
	const char *text;
	UT_hash_handle hh;
};

/* libyaml lets equal keys pass. */
static bool name_is_new(struct parser *p, struct seen_name **seen, const char *text)
{
	struct seen_name *s;

	HASH_FIND_STR(*seen, text, s);
	if (s)
		return false;
	s = arena_alloc(p->arena, sizeof(*s));
	s->text = text;
	HASH_ADD_KEYPTR(hh, *seen, text, strlen(text), s);
	return true;
}

/* The value of the key 'name' of a list's item, NULL after a message. */
static const char *item_name(struct parser *p, const yaml_node_t *n, struct pos *at)
{
	if (n->type != YAML_MAPPING_NODE) {
		problem(p, node_pos(n), "an item of this list must be a mapping with a 'name'");
		return NULL;
	}
	for (const yaml_node_pair_t *pair = n->data.mapping.pairs.start; pair < n->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = node_at(p, pair->key), *value = node_at(p, pair->value);

		if (key->type != YAML_SCALAR_NODE || strcmp((const char *)key->data.scalar.value, "name"))
			continue;
		*at = node_pos(value);
		return scalar_text(p, value, "name", "a name");
	}
	problem(p, node_pos(n), "missing key 'name' in an item of this list");
	return NULL;
}

static void named_list_read(struct parser *p, const yaml_node_t *n, const struct object *o, void *vec)
{
	const yaml_node_item_t *items = n->data.sequence.items.start;
	size_t count = n->data.sequence.items.top - items;
	struct seen_name *seen = NULL;

	list_reserve(p, vec, count, o->size);
	for (size_t i = 0; i < count; i++) {
		const yaml_node_t *item = node_at(p, items[i]);
		struct pos at = {};
		const char *name = item_name(p, item, &at);

		if (!name)
			continue;
		if (name_is_new(p, &seen, name))
			named_read(p, item, o, name, at, vec);
		else
			problem(p, at, "duplicate name '%s'", shown(p, name));
	}
	HASH_CLEAR(hh, seen);
}

void read_map(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	const struct object *o = key->with;
	const yaml_node_pair_t *pairs = n->data.mapping.pairs.start;
	struct seen_name *seen = NULL;

	if (node_is_null(n))
		return;
	if (n->type == YAML_SEQUENCE_NODE && o->list_form) {
		named_list_read(p, n, o, field);
		return;
	}
	if (n->type != YAML_MAPPING_NODE) {
		problem(p, node_pos(n), "'%s' must be a mapping {name: …}", key->name);
		return;
	}
	list_reserve(p, field, n->data.mapping.pairs.top - pairs, o->size);
	for (; pairs < n->data.mapping.pairs.top; pairs++) {
		const yaml_node_t *name = node_at(p, pairs->key);
		const char *text = key_text(p, name);

		if (!text)
			continue;
		if (name_is_new(p, &seen, text))
			named_read(p, node_at(p, pairs->value), o, text, node_pos(name), field);
		else
			problem(p, node_pos(name), "duplicate key '%s' in '%s'", shown(p, text), key->name);
	}
	HASH_CLEAR(hh, seen);
}

bool node_items(struct parser *p, const yaml_node_t *n, const struct key *key, const yaml_node_item_t **items,
		size_t *n_items)
{
	*items = NULL;
	*n_items = 0;
	if (node_is_null(n))
		return true;
	if (n->type != YAML_SEQUENCE_NODE) {
		problem(p, node_pos(n), "'%s' must be a list", key->name);
		return false;
	}
	*items = n->data.sequence.items.start;
	*n_items = n->data.sequence.items.top - n->data.sequence.items.start;
	return true;
}

void read_list(struct parser *p, const yaml_node_t *n, const struct key *key, void *field)
{
	const struct object *o = key->with;
	const yaml_node_item_t *items;
	size_t count;

	if (!node_items(p, n, key, &items, &count))
		return;
	list_reserve(p, field, count, o->size);
	for (size_t i = 0; i < count; i++) {
		const yaml_node_t *node = node_at(p, items[i]);
		struct pos at = node_pos(node);
		void *item = list_take(field, o->size);

		memcpy(item, &at, sizeof(at));
		item_read(p, node, o, NULL, item);
	}
}

static bool has_key(struct parser *p, const yaml_node_t *n, const char *text)
{
	for (const yaml_node_pair_t *i = n->data.mapping.pairs.start; i < n->data.mapping.pairs.top; i++) {
		const yaml_node_t *key = node_at(p, i->key);

		if (key->type == YAML_SCALAR_NODE && !strcmp((const char *)key->data.scalar.value, text))
			return true;
	}
	return false;
}

int item_form(struct parser *p, const yaml_node_t *n, const struct key *key, const struct object *forms, size_t n_forms)
{
	const char *words = "";

	for (size_t i = 0; i < n_forms; i++) {
		if (n->type == YAML_MAPPING_NODE && has_key(p, n, forms[i].keys[0].name))
			return i;
		words = arena_printf(p->arena, "%s%s %s", words, i ? "," : "", forms[i].keys[0].name);
	}
	problem(p, node_pos(n), "an item of '%s' must have one of the keys%s", key->name, words);
	return -1;
}

void form_read(struct parser *p, const yaml_node_t *n, const struct object *form, void *item)
{
	struct owner outer = p->owner;

	p->owner = (struct owner){form->what, NULL};
	read_object(p, n, form, item);
	p->owner = outer;
}
