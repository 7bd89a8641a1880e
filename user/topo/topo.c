// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "topo/parser.h"

static void parser_free(struct parser *p)
{
	HASH_CLEAR(hh, p->fields);
	for (size_t i = 0; i < N_SCOPES; i++)
		HASH_CLEAR(hh, p->names[i]);
	vec_free(&p->references);
}

static void model_check(struct parser *p)
{
	static void (*const checks[])(struct parser * p) = {
		check_networks,	   check_peerings,	    check_sites,     check_gateways, check_circuits,
		check_connections, check_gateway_addresses, check_asns,	     check_limits,   check_overlaps,
		check_latencies,   check_expectations,	    check_scenarios,
	};

	/* Checks compare a lot with a lot: what is too much is not for them. */
	if (!check_sizes(p))
		return;
	for (size_t i = 0; i < N_ITEMS(checks); i++)
		checks[i](p);
}

struct topo *topo_parse(const char *text, size_t size, struct diags *diags)
{
	struct arena *arena = arena_new();
	struct topo *t = arena_alloc(arena, sizeof(*t));
	struct parser p = {.topo = t, .arena = arena, .diags = diags, .owner = {"the topology", NULL}};
	size_t before = diags->errors;

	t->arena = arena;
	object_topology.defaults(t);
	if (!document_load(&p, text, size)) {
		read_object(&p, node_at(&p, 1), &object_topology, t);
		yaml_document_delete(&p.document);
		names_collect(&p);
		resolve(&p);
		model_check(&p);
	}
	parser_free(&p);
	if (diags->errors == before)
		return t;
	topo_free(t);
	return NULL;
}

/* Reads at most one byte more than allowed, so that topo_parse() can say how the file is too large. */
static char *file_text(const char *file, size_t *size, int *err)
{
	char *text = xcalloc(1, TOPO_MAX_BYTES + 1);
	FILE *in = fopen(file, "re");

	*size = 0;
	if (in) {
		*size = fread(text, 1, TOPO_MAX_BYTES + 1, in);
		*err = ferror(in) ? -errno : 0;
		fclose(in);
	} else {
		*err = -errno;
	}
	if (!*err)
		return text;
	free(text);
	return NULL;
}

struct topo *topo_read(const char *file, struct diags *diags, int *err)
{
	struct topo *t = NULL;
	size_t size;
	char *text;

	text = file_text(file, &size, err);
	if (text)
		t = topo_parse(text, size, diags);
	free(text);
	return t;
}

void topo_free(struct topo *t)
{
	if (t)
		arena_free(t->arena);
}
