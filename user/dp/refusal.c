// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "dp/refusal.h"

#define OLDEST_MAJOR 6 /* Linux 6.1 is the first that has all that the programs use */
#define OLDEST_MINOR 1

/* The end of a name in these lines: 'name' or name#number. */
#define NAME "%63[^'#\n]"

void refusal_hear(struct refusal *r, const char *line)
{
	static const char *const no_types[] = {
		"libbpf: failed to find valid kernel BTF",
		"libbpf: Error loading vmlinux BTF",
		"libbpf: vmlinux BTF is not found",
	};
	int number;

	sscanf(line, "libbpf: prog '" NAME "': BPF program load failed", r->program);
	sscanf(line, "libbpf: map '" NAME "': failed to create", r->map);
	sscanf(line, "unknown func " NAME, r->helper);
	sscanf(line, "program of this type cannot use helper " NAME, r->helper);
	if (sscanf(line, "libbpf: Error loading .BTF into kernel: -%d", &number) == 1)
		snprintf(r->types, sizeof(r->types), "%s", strerror(number));
	/* A probe of libbpf's has failed: it has taken them out before it asked. */
	if (strstr(line, "missing btf func_info") && !*r->types)
		snprintf(r->types, sizeof(r->types), "libbpf has found that it takes none");
	r->log = r->log || strstr(line, "-- BEGIN PROG LOAD LOG --");
	for (size_t i = 0; i < sizeof(no_types) / sizeof(no_types[0]); i++)
		r->no_types = r->no_types || !strncmp(line, no_types[i], strlen(no_types[i]));
	snprintf(r->lines[r->n++ % REFUSAL_LINES], sizeof(r->lines[0]), "%s", line);
}

static void last_lines(const struct refusal *r, char *out, size_t size)
{
	unsigned from = r->n > REFUSAL_LINES ? r->n - REFUSAL_LINES : 0;
	size_t at = 0;

	*out = '\0';
	for (unsigned i = from; i < r->n && at < size; i++)
		at += (size_t)snprintf(out + at, size - at, "\n  %s", r->lines[i % REFUSAL_LINES]);
}

/* --- The causes, the first that applies is named ---------------------------------------------------------------- */

static bool is_forbidden(const struct refusal *r, int err, const struct refusal_place *place)
{
	(void)place;
	return err == -EPERM && !r->log;
}

static bool is_old(const struct refusal *r, int err, const struct refusal_place *place)
{
	unsigned major = 0, minor = 0;

	(void)r, (void)err;
	return sscanf(place->release, "%u.%u", &major, &minor) == 2 &&
	       (major < OLDEST_MAJOR || (major == OLDEST_MAJOR && minor < OLDEST_MINOR));
}

static bool has_no_bpf(const struct refusal *r, int err, const struct refusal_place *place)
{
	(void)r, (void)place;
	return err == -ENOSYS;
}

static bool has_no_types(const struct refusal *r, int err, const struct refusal_place *place)
{
	(void)err, (void)place;
	return r->no_types;
}

static bool has_no_helper(const struct refusal *r, int err, const struct refusal_place *place)
{
	(void)err, (void)place;
	return *r->helper;
}

/* Programs are refused for that later, in words that do not say so. */
static bool refuses_types(const struct refusal *r, int err, const struct refusal_place *place)
{
	(void)err, (void)place;
	return *r->types;
}

static bool lacks_memory(const struct refusal *r, int err, const struct refusal_place *place)
{
	(void)r, (void)place;
	return err == -ENOMEM;
}

static bool refuses_map(const struct refusal *r, int err, const struct refusal_place *place)
{
	(void)err, (void)place;
	return *r->map;
}

static bool refuses_program(const struct refusal *r, int err, const struct refusal_place *place)
{
	(void)err, (void)place;
	return *r->program && r->log;
}

static bool has_no_type(const struct refusal *r, int err, const struct refusal_place *place)
{
	(void)err, (void)place;
	return *r->program;
}

static const struct {
	bool (*applies)(const struct refusal *r, int err, const struct refusal_place *place);
	size_t name; /* offset of the name in struct refusal that the sentence has a %s for, or NO_NAME */
	const char *sentence;
} causes[] = {
#define NAMED(field) offsetof(struct refusal, field)
#define NO_NAME	     sizeof(struct refusal)
	{is_forbidden, NO_NAME, NULL},
	{is_old, NO_NAME, "Linux 6.1 or newer is needed"},
	{has_no_bpf, NO_NAME, "it was built without bpf(2); CONFIG_BPF_SYSCALL is needed"},
	{has_no_types, NO_NAME, "it does not describe its types (BTF); CONFIG_DEBUG_INFO_BTF is needed"},
	{has_no_helper, NAMED(helper), "it does not let an XDP program call '%s'"},
	{refuses_types, NAMED(types), "it did not take the types (BTF) of the programs: %s"},
	{lacks_memory, NO_NAME, "it has no memory left for the maps; unload other labs"},
	{refuses_map, NAMED(map), "it does not make map '%s'"},
	{refuses_program, NAMED(program), "its verifier refuses program '%s', as these last lines say"},
	{has_no_type, NAMED(program), "it has no programs of the type of '%s'"},
	{NULL, NO_NAME, "it does not take the programs"},
};

int refusal_tell(const struct refusal *r, int err, const struct refusal_place *place, const char *lab, struct error *e)
{
	char lines[sizeof(r->lines) + REFUSAL_LINES * 3 + 1], sentence[160];
	size_t i = 0;

	last_lines(r, lines, sizeof(lines));
	while (causes[i].applies && !causes[i].applies(r, err, place))
		i++;
	if (!causes[i].sentence)
		return error_set(e, err, "cannot load the XDP programs of lab '%s': not permitted%s%s", lab,
				 place->remedy, lines);
	snprintf(sentence, sizeof(sentence), causes[i].sentence,
		 causes[i].name == NO_NAME ? "" : (const char *)r + causes[i].name);
	return error_set(e, err, "cannot load the XDP programs of lab '%s': %s; this kernel is Linux %s: %s%s", lab,
			 strerror(-err), place->release, sentence, lines);
}
