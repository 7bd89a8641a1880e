// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Text to document. A first pass over libyaml's events finds what must never
 * reach its document loader: the loader's time grows with the square of the
 * nesting, and aliases can blow a small file up to any size.
 */
#include <string.h>

#include "topo/parser.h"

struct pos node_pos(const yaml_node_t *n)
{
	return (struct pos){n->start_mark.line + 1, n->start_mark.column + 1};
}

static struct pos mark_pos(const yaml_mark_t *m)
{
	return (struct pos){m->line + 1, m->column + 1};
}

bool node_is_null(const yaml_node_t *n)
{
	const char *text = (const char *)n->data.scalar.value;

	if (n->type != YAML_SCALAR_NODE || n->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	return !*text || !strcmp(text, "~") || !strcmp(text, "null");
}

const yaml_node_t *node_at(struct parser *p, int index)
{
	return yaml_document_get_node(&p->document, index);
}

/* libyaml gives a byte offset, and no line, for what it cannot even read. */
static struct pos offset_pos(const char *text, size_t size, size_t offset)
{
	struct pos at = {1, 1};

	for (size_t i = 0; i < offset && i < size; i++) {
		if (text[i] == '\n') {
			at.line++;
			at.column = 1;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) {
			at.column++;
		}
	}
	return at;
}

/* The two mistakes that libyaml's words do not explain. */
static const char *syntax_hint(const yaml_parser_t *y, const char *text, size_t size)
{
	size_t at = y->problem_mark.index;

	if (y->context && strstr(y->context, "alias"))
		return ": a silent hop is written \"*\", in quotes";
	if (at < size && text[at] == '\t')
		return ": indent with spaces, this is a tab";
	return "";
}

static void syntax_problem(struct parser *p, const yaml_parser_t *y, const char *text, size_t size)
{
	const char *why = y->problem ? y->problem : "not readable", *hint = syntax_hint(y, text, size);

	if (y->error == YAML_READER_ERROR)
		problem(p, offset_pos(text, size, y->problem_offset), "not a YAML text in UTF-8: %s", why);
	else if (y->context)
		problem(p, mark_pos(&y->problem_mark), "not YAML: %s, %s that starts in line %zu%s", why, y->context,
			y->context_mark.line + 1, hint);
	else
		problem(p, mark_pos(&y->problem_mark), "not YAML: %s%s", why, hint);
}

static void anchor_check(struct parser *p, const yaml_event_t *e, const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor)
		problem(p, mark_pos(&e->start_mark),
			"anchor '&%s': anchors and aliases are refused, write the value out",
			shown(p, (const char *)anchor));
	if (tag)
		problem(p, mark_pos(&e->start_mark), "tag '%s': tags have no meaning here, leave it out",
			shown(p, (const char *)tag));
}

/* Returns false when the pass must stop here. */
static bool event_check(struct parser *p, const yaml_event_t *e, unsigned *depth, unsigned *documents)
{
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++*documents > 1) {
			problem(p, mark_pos(&e->start_mark), "a second YAML document: one file holds one topology");
			return false;
		}
		return true;
	case YAML_ALIAS_EVENT:
		problem(p, mark_pos(&e->start_mark),
			"alias '*%s': anchors and aliases are refused, write the value out",
			shown(p, (const char *)e->data.alias.anchor));
		return true;
	case YAML_SCALAR_EVENT: anchor_check(p, e, e->data.scalar.anchor, e->data.scalar.tag); return true;
	case YAML_SEQUENCE_START_EVENT:
		anchor_check(p, e, e->data.sequence_start.anchor, e->data.sequence_start.tag);
		break;
	case YAML_MAPPING_START_EVENT:
		anchor_check(p, e, e->data.mapping_start.anchor, e->data.mapping_start.tag);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT: --*depth; return true;
	default: return true;
	}
	if (++*depth > TOPO_MAX_NESTING) {
		problem(p, mark_pos(&e->start_mark), "nested more than %d levels deep", TOPO_MAX_NESTING);
		return false;
	}
	return true;
}

static void events_check(struct parser *p, const char *text, size_t size)
{
	unsigned depth = 0, documents = 0;
	bool more = true;
	yaml_parser_t y;

	yaml_parser_initialize(&y);
	yaml_parser_set_input_string(&y, (const unsigned char *)text, size);
	while (more) {
		yaml_event_t e;

		if (!yaml_parser_parse(&y, &e)) {
			syntax_problem(p, &y, text, size);
			break;
		}
		more = event_check(p, &e, &depth, &documents) && e.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&y);
}

/* 0 with p->document to be deleted by the caller; -1 after a problem. */
int document_load(struct parser *p, const char *text, size_t size)
{
	const struct pos start = {1, 1};
	yaml_parser_t y;
	int loaded;

	if (size > TOPO_MAX_BYTES) {
		problem(p, start, "the file has more than the %d bytes a topology may have", TOPO_MAX_BYTES);
		return -1;
	}
	events_check(p, text, size);
	if (p->diags->errors)
		return -1;
	yaml_parser_initialize(&y);
	yaml_parser_set_input_string(&y, (const unsigned char *)text, size);
	loaded = yaml_parser_load(&y, &p->document);
	if (!loaded)
		syntax_problem(p, &y, text, size);
	yaml_parser_delete(&y);
	if (!loaded)
		return -1;
	if (yaml_document_get_root_node(&p->document))
		return 0;
	problem(p, start, "the file is empty: a topology needs at least a 'name'");
	yaml_document_delete(&p->document);
	return -1;
}
