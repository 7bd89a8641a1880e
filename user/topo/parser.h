/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Inside of topo/: how a YAML document becomes a model.
 *
 * Four steps, each over the whole file, so that one run finds every problem:
 *   yaml.c      text to document: size, nesting, anchors, syntax
 *   parse_*.c   document to model, driven by one table of keys per kind of object
 *   resolve.c   names to pointers, defaults that depend on other resources
 *   check_*.c   Azure's rules and ours
 *
 * Every list of the model is allocated once, in its final size, so the address
 * of a field never changes. That address is the field's identity: field_pos()
 * answers where in the file it was written.
 */
#ifndef ERX_TOPO_PARSER_H
#define ERX_TOPO_PARSER_H

#include <uthash.h>
#include <yaml.h>

#include "topo/topo.h"

#define TOPO_MAX_LAB_NAME 63 /* it is part of names of namespaces and maps */

#define N_ITEMS(array) (sizeof(array) / sizeof((array)[0]))

/* Kinds of resources that other parts of the file may name. */
enum thing {
	THING_VNET,
	THING_SITE,
	THING_GATEWAY,
	THING_LOCAL_GATEWAY,
	THING_CIRCUIT,
	THING_ROUTER,
	THING_CONNECTION,
	THING_ROUTE_TABLE,
	THING_PORT,
	THING_HOST,
	THING_SINK, /* made by the parser, VNET-SUBNET-sink; named as a host */
	N_THINGS,
};

/* Names are unique within a scope. */
enum scope { SCOPE_DEVICES, SCOPE_LOCAL_GATEWAYS, SCOPE_ROUTE_TABLES, SCOPE_PORTS, SCOPE_HOSTS, N_SCOPES };

struct field {		 /* something written in the file */
	const void *key; /* its address in the model */
	struct pos at;
	const char *text; /* as written, when it was one word */
	const char *name; /* of the key in the file; NULL for items of lists */
	UT_hash_handle hh;
};

struct name {
	const char *text;
	enum thing thing;
	struct pos at;
	void *item;
	UT_hash_handle hh;
};

struct owner { /* whose key is being read, for messages */
	const char *what, *name;
};

struct reference { /* a name that becomes a pointer once everything is read */
	enum thing thing;
	const char *text;
	struct pos at;
	struct owner owner;
	void *slot; /* const struct … **, written by resolve.c */
};

struct parser {
	yaml_document_t document;
	struct topo *topo;
	struct arena *arena;
	struct diags *diags;
	struct owner owner;
	struct field *fields;
	struct name *names[N_SCOPES];
	VEC(struct reference) references;
	bool unresolved;    /* some name was not found: what follows from that is not said again */
	size_t suggestions; /* work spent on "did you mean", bounded */
};

struct key;
typedef void read_fn(struct parser *p, const yaml_node_t *n, const struct key *key, void *field);

struct key {
	const char *name;
	read_fn *read;
	size_t at;	   /* offset of the field */
	const void *with;  /* what the reader needs: words of an enum, an object, a thing */
	uint64_t min, max; /* numbers and durations; both 0: no bounds but the type's */
	bool required;
};

struct object {			/* a mapping with a fixed set of keys */
	const char *name;	/* in topologies/schema.json and README.md */
	const char *what;	/* in messages */
	const struct key *keys; /* ends with a NULL name */
	size_t size;
	void (*defaults)(void *item);
	/* Reads a value that is not a mapping (the short form); NULL: there is none. */
	void (*shorthand)(struct parser *p, const yaml_node_t *n, void *item);
	bool list_form; /* may also be a list of objects with a 'name', as ARM has it */
	/* The names of this map are names of other resources: a reference at this offset. */
	bool by_reference;
	enum thing refers_to;
	size_t refers_at;
};

struct word { /* of an enumeration; the list ends with a NULL text */
	const char *text;
	int value;
};

/* parse_*.c: the kinds of objects each file defines, NULL terminated; the first ones are those of the top level. */
extern const struct object *const network_objects[], *const site_objects[], *const circuit_objects[],
										    *const expect_objects[];
extern const struct object object_topology, object_virtual_network, object_gateway, object_route_table, object_site,
	object_local_gateway, object_port, object_circuit, object_connection, object_scenario;

/* yaml.c */
int document_load(struct parser *p, const char *text, size_t size);
struct pos node_pos(const yaml_node_t *n);
bool node_is_null(const yaml_node_t *n);
const yaml_node_t *node_at(struct parser *p, int index);

/* object.c: mappings, lists, messages about them */
void read_object(struct parser *p, const yaml_node_t *n, const struct object *o, void *item);
read_fn read_inline; /* with: object; its keys fill the same struct */
read_fn read_struct; /* with: object; its keys fill the struct at the field */
read_fn read_map;    /* with: object; {name: {…}} into a VEC */
read_fn read_list;   /* with: object; [{…}] into a VEC */
void list_reserve(struct parser *p, void *vec, size_t n, size_t item_size);
/* The items of a sequence; one scalar counts as a list of one; false with a message for a mapping. */
bool node_items(struct parser *p, const yaml_node_t *n, const struct key *key, const yaml_node_item_t **items,
		size_t *n_items);

/*
 * An item that comes in several forms, told apart by the first key of each: which one this is, -1 after a message.
 * form_read() reads it then.
 */
int item_form(struct parser *p, const yaml_node_t *n, const struct key *key, const struct object *forms,
	      size_t n_forms);
void form_read(struct parser *p, const yaml_node_t *n, const struct object *form, void *item);
read_fn read_expectations; /* parse_expect.c */

/* read.c: scalars. Each leaves the field alone after a message. */
read_fn read_text, read_bool, read_number, read_factor, read_duration, read_address, read_prefix, read_interface,
	read_enum, read_reference, read_addresses, read_prefixes, read_words;
const char *scalar_text(struct parser *p, const yaml_node_t *n, const char *key, const char *expected);
bool number_of(const char *text, uint64_t *out);
bool prefix_of_node(struct parser *p, const yaml_node_t *n, const char *key, bool host_bits, struct prefix *out);
bool name_check(struct parser *p, const char *name, struct pos at, const char *what, size_t max);

/* message.c */
#define problem(p, at, ...) diag_error((p)->diags, at, __VA_ARGS__)
#define caution(p, at, ...) diag_warning((p)->diags, at, __VA_ARGS__)
/* Text from the file, safe to print: control characters replaced, shortened. */
const char *shown(struct parser *p, const char *text);
const char *owner_text(struct parser *p, const struct owner *o);
const char *address_text(struct parser *p, const struct addr *a);
const char *prefix_text(struct parser *p, const struct prefix *x);
/* " (did you mean 'x'?)" or "". */
const char *suggest(struct parser *p, const char *text, const char *const *candidates);
const char *suggest_name(struct parser *p, const char *text, enum scope scope, unsigned things);
/* The thing of that name when it is one of these; NULL after a message, in which 'where' names it and 'what' is meant.
 */
struct name *name_wanted(struct parser *p, const char *text, enum scope scope, unsigned things, struct pos at,
			 const char *where, const char *what);

/* prefix_index.c */
struct indexed_prefix {
	struct prefix prefix;
	const void *item;
	size_t outer; /* the next one around it */
};
struct prefix_index {
	VEC(struct indexed_prefix) entries;
};
void prefix_index_add(struct prefix_index *x, struct prefix prefix, const void *item);
void prefix_index_sort(struct prefix_index *x); /* after the last one is added, before the first search */
const void *prefix_index_find(const struct prefix_index *x, const struct prefix *wanted); /* NULL: nothing covers it */
void prefix_index_free(struct prefix_index *x);
void subnets_index(const struct vnet *v, struct prefix_index *x);

/* fields and names */
struct field *field_add(struct parser *p, const void *key, struct pos at, const char *text);
const struct field *field_find(const struct parser *p, const void *key);
bool field_given(const struct parser *p, const void *key);
struct pos field_pos(const struct parser *p, const void *key, struct pos otherwise);
struct name *name_find(const struct parser *p, enum scope scope, const char *text);
const char *thing_text(enum thing thing);
const char *thing_with_article(struct parser *p, enum thing thing);
void reference_add(struct parser *p, enum thing thing, const char *text, struct pos at, void *slot);

/* skus.c */
size_t sku_names(enum gateway_type type, const char **names, size_t max); /* NULL terminated */

/* resolve.c */
void names_collect(struct parser *p);
void resolve(struct parser *p);
struct peering *peering_between(const struct vnet *v, const struct vnet *remote); /* v's half; NULL: none */
const struct circuit *circuit_target(const struct parser *p, const char *text, int *path);

/* check_*.c, in the order they run; see topo.c */
bool check_sizes(struct parser *p); /* whether all of it is small enough for the others */
void check_networks(struct parser *p);
void check_peerings(struct parser *p);
void check_sites(struct parser *p);
void check_gateways(struct parser *p);
void check_gateway_addresses(struct parser *p);
void check_circuits(struct parser *p);
void check_connections(struct parser *p);
void check_asns(struct parser *p);
void check_limits(struct parser *p);
void check_overlaps(struct parser *p);
void check_latencies(struct parser *p);
void check_expectations(struct parser *p);
void check_scenarios(struct parser *p);

/* Addresses that must not be used twice, within one network. */
struct address_user {
	struct addr first;
	uint32_t count; /* of consecutive addresses */
	struct pos at;
	const char *what, *name;
	const void *owner; /* one thing under several names may use an address again; NULL: nobody may */
};
typedef VEC(struct address_user) address_users;
struct address_user *address_use(address_users *users, struct addr a, uint32_t count, struct pos at, const char *what,
				 const char *name);
void address_users_check(struct parser *p, address_users *users); /* reports, and frees the list */

#endif
