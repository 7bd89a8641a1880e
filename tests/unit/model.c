// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "model.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const source_names[] = {
	[SOURCE_LOCAL] = "local",	[SOURCE_HOST] = "host",	      [SOURCE_CONNECTED] = "connected",
	[SOURCE_STATIC] = "static",	[SOURCE_UDR] = "udr",	      [SOURCE_BGP] = "bgp",
	[SOURCE_VNET] = "vnet",		[SOURCE_PEERING] = "peering", [SOURCE_SYSTEM_NONE] = "none",
	[SOURCE_INTERNET] = "internet", [SOURCE_DEFAULT] = "default",
};

static void compute(struct model *m)
{
	struct conditions now = {.link_down = m->down, .session_down = m->session_down, .prepends = m->prepends};

	rib_free(m->rib);
	m->rib = rib_compute(m->fabric, &now);
}

static struct model *model_of(struct topo *t, struct diags *d)
{
	struct model *m = xcalloc(1, sizeof(*m));

	if (!t)
		diags_print(d, "topology", stderr);
	cr_assert(t, "the topology of this test has an error");
	diags_free(d);
	m->topo = t;
	m->fabric = fabric_build(t);
	m->down = xcalloc(m->fabric->links.n, sizeof(*m->down));
	m->session_down = xcalloc(m->fabric->links.n, sizeof(*m->session_down));
	m->prepends = xcalloc(m->fabric->devices.n, sizeof(*m->prepends));
	compute(m);
	return m;
}

struct model *model_read(const char *file)
{
	struct diags d = {};
	int err = 0;
	struct topo *t = topo_read(file, &d, &err);

	return model_of(t, &d);
}

static const char *replacement(const char *word, va_list args)
{
	const char *key;

	while ((key = va_arg(args, const char *))) {
		const char *text = va_arg(args, const char *);

		if (!strcmp(key, word))
			return text;
	}
	return "";
}

char *text_filled(const char *file, va_list words)
{
	FILE *in = fopen(file, "re"), *out;
	char *text = NULL;
	size_t size;
	int c;

	cr_assert(in, "cannot read %s", file);
	out = open_memstream(&text, &size);
	for (c = fgetc(in); c != EOF; c = fgetc(in)) {
		char word[32] = "";
		va_list args;

		if (c != '$' || fscanf(in, "%31[a-z0-9]", word) != 1) {
			fputc(c, out);
			continue;
		}
		va_copy(args, words);
		fputs(replacement(word, args), out);
		va_end(args);
	}
	fclose(in);
	fclose(out);
	return text;
}

struct model *model_with(const char *file, ...)
{
	struct diags d = {};
	struct topo *t;
	va_list args;
	char *text;

	va_start(args, file);
	text = text_filled(file, args);
	va_end(args);
	t = topo_parse(text, strlen(text), &d);
	free(text);
	return model_of(t, &d);
}

void model_free(struct model *m)
{
	rib_free(m->rib);
	fabric_free(m->fabric);
	topo_free(m->topo);
	free(m->down);
	free(m->session_down);
	free(m->prepends);
	free(m);
}

static void set_links(struct model *m, const char *target, bool down)
{
	index_list links = {};

	cr_assert_eq(target_links(m->fabric, target, &links), 0, "'%s' is no target", target);
	vec_each(l, &links)
		m->down[*l] = down;
	vec_free(&links);
	compute(m);
}

void model_fail(struct model *m, const char *target)
{
	set_links(m, target, true);
}

void model_restore(struct model *m, const char *target)
{
	set_links(m, target, false);
}

static uint32_t link_named(const struct model *m, const char *name)
{
	vec_each(l, &m->fabric->links) {
		if (!strcmp(l->name, name))
			return l->index;
	}
	cr_assert_fail("no link '%s'", name);
	return NO_INDEX;
}

void model_cut(struct model *m, const char *link)
{
	m->down[link_named(m, link)] = true;
	compute(m);
}

void model_stop(struct model *m, const char *link, bool down)
{
	m->session_down[link_named(m, link)] = down;
	compute(m);
}

void model_prepend(struct model *m, const char *device, unsigned times)
{
	m->prepends[fabric_device(m->fabric, device)->index] = times;
	compute(m);
}

const struct rib_table *model_table(const struct model *m, const char *name)
{
	vec_each(t, &m->rib->tables) {
		if (!strcmp(t->name, name))
			return t;
	}
	cr_assert_fail("no table '%s'", name);
	return NULL;
}

const struct rib_entry *model_entry(const struct model *m, const char *table, const char *prefix)
{
	struct prefix p;

	cr_assert_eq(prefix_parse(prefix, &p), 0);
	return rib_find(model_table(m, table), &p);
}

static void print_next_hop(const struct model *m, const struct route *r, FILE *out)
{
	char text[ADDR_STRLEN];

	if (addr_is_set(&r->next_hop))
		fprintf(out, " %s", addr_format(&r->next_hop, text));
	else
		fprintf(out, " %s", r->link == NO_INDEX ? "-" : m->fabric->links.items[r->link].name);
}

static void print_route(const struct model *m, const struct route *r, FILE *out)
{
	fprintf(out, "%s%s", r->best ? "*" : "", source_names[r->source]);
	print_next_hop(m, r, out);
	for (unsigned i = 0; r->attrs && i < r->attrs->as_path_len; i++)
		fprintf(out, "%s%u", i ? "-" : " ", r->attrs->as_path[i]);
	if (r->attrs && r->attrs->weight)
		fprintf(out, " %u", r->attrs->weight);
	if (!r->best)
		fprintf(out, " (%s)", decide_step_name(r->lost_at));
}

char *model_routes(const struct model *m, const char *table, const char *prefix)
{
	const struct rib_entry *e = model_entry(m, table, prefix);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (unsigned i = 0; e && i < e->n_routes; i++) {
		fputs(i ? "; " : "", out);
		print_route(m, &e->routes[i], out);
	}
	fclose(out);
	return text;
}

char *model_print(const struct model *m)
{
	char *text = NULL, prefix[PREFIX_STRLEN];
	size_t size;
	FILE *out = open_memstream(&text, &size);

	vec_each(t, &m->rib->tables) {
		fprintf(out, "%s%s\n", t->index ? "\n" : "", t->name);
		for (size_t i = 0; i < t->n_entries; i++) {
			const struct rib_entry *e = &t->entries[i];

			for (unsigned k = 0; k < e->n_routes; k++) {
				fprintf(out, "  %-18s ", k ? "" : prefix_format(&e->prefix, prefix));
				print_route(m, &e->routes[k], out);
				fputc('\n', out);
			}
		}
	}
	fclose(out);
	return text;
}

void expect_routes(const struct model *m, const char *table, const char *prefix, const char *expected)
{
	char *got = model_routes(m, table, prefix);

	cr_expect_str_eq(got, expected, "%s at %s\n     is: %s\n should: %s", prefix, table, got, expected);
	free(got);
}
