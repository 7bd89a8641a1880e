// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fwd/ids.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <uthash.h>

#include "erxdp/abi.h"
#include "lib/vec.h"

struct named {
	UT_hash_handle hh;
	uint32_t id;
	bool used;
	char key[];
};

struct space {
	struct named *names;
	VEC(bool) taken; /* by number: in use, or was when this run began */
	uint32_t lowest; /* no free number below */
};

struct ids {
	struct space spaces[N_ID_SPACES];
};

/* Word in the file, and how many numbers the maps have room for. */
static const struct {
	const char *word;
	uint32_t limit;
} id_spaces[N_ID_SPACES] = {
	[ID_DEVICE] = {"device", ERX_MAX_DEVICES},
	[ID_PORT] = {"port", ERX_MAX_PORTS},
	[ID_TABLE] = {"table", UINT32_MAX},
	[ID_GROUP] = {"group", ERX_MAX_GROUPS},
	[ID_ADJACENCY] = {"adjacency", ERX_MAX_ADJACENCIES},
	[ID_PATH] = {"path", ERX_MAX_PATHS},
	[ID_LEG_ROW] = {"leg", ERX_MAX_LEGS / ERX_LEG_COLUMNS},
	[ID_POLICY_SET] = {"policy", ERX_MAX_POLICY_SETS},
	[ID_METER] = {"meter", ERX_MAX_METERS},
};

struct ids *ids_new(void)
{
	struct ids *ids = xcalloc(1, sizeof(*ids));

	for (int i = 0; i < N_ID_SPACES; i++)
		ids->spaces[i].lowest = 1;
	return ids;
}

static void take(struct space *s, uint32_t id)
{
	while (s->taken.n <= id)
		vec_push(&s->taken, false);
	s->taken.items[id] = true;
}

static struct named *add(struct space *s, const char *key, uint32_t id)
{
	size_t len = strlen(key);
	struct named *n = xcalloc(1, sizeof(*n) + len + 1);

	memcpy(n->key, key, len + 1);
	n->id = id;
	HASH_ADD_KEYPTR(hh, s->names, n->key, len, n);
	take(s, id);
	return n;
}

static void parse_line(struct ids *ids, const char *line)
{
	char word[16], key[1024];
	unsigned id;

	if (sscanf(line, "%15s %u %1023[^\n]", word, &id, key) != 3)
		return;
	for (int i = 0; i < N_ID_SPACES; i++) {
		struct space *s = &ids->spaces[i];
		struct named *twin;

		if (strcmp(word, id_spaces[i].word))
			continue;
		HASH_FIND_STR(s->names, key, twin);
		if (!twin && id > 0 && id < id_spaces[i].limit && id < UINT16_MAX * 4u &&
		    (id >= s->taken.n || !s->taken.items[id]))
			add(s, key, id);
	}
}

struct ids *ids_parse(const char *text)
{
	struct ids *ids = ids_new();
	char *copy = xstrdup(text), *rest = copy, *line;

	while ((line = strsep(&rest, "\n")))
		parse_line(ids, line);
	free(copy);
	return ids;
}

void ids_free(struct ids *ids)
{
	if (!ids)
		return;
	for (int i = 0; i < N_ID_SPACES; i++) {
		struct named *n, *next;

		HASH_ITER(hh, ids->spaces[i].names, n, next) {
			HASH_DEL(ids->spaces[i].names, n);
			free(n);
		}
		vec_free(&ids->spaces[i].taken);
	}
	free(ids);
}

uint32_t ids_get(struct ids *ids, enum id_space space, const char *key)
{
	struct space *s = &ids->spaces[space];
	struct named *n;

	HASH_FIND_STR(s->names, key, n);
	if (!n) {
		while (s->lowest < s->taken.n && s->taken.items[s->lowest])
			s->lowest++;
		if (s->lowest >= id_spaces[space].limit)
			return UINT32_MAX;
		n = add(s, key, s->lowest);
	}
	n->used = true;
	return n->id;
}

uint32_t ids_limit(enum id_space space)
{
	return id_spaces[space].limit - 1;
}

char *ids_format(const struct ids *ids)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return xstrdup("");
	for (int i = 0; i < N_ID_SPACES; i++) {
		struct named *n, *next;

		HASH_ITER(hh, ids->spaces[i].names, n, next) {
			if (n->used)
				fprintf(out, "%s %u %s\n", id_spaces[i].word, n->id, n->key);
		}
	}
	fclose(out);
	return text;
}
