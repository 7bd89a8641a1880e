// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/cmd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"

int refuse(const struct error *e)
{
	log_error("%s", e->text);
	return EXIT_REFUSED;
}

/* At most a byte more than a topology may have: the parser says that it is too large. */
static char *slurp(const char *file, size_t *size)
{
	FILE *in = fopen(file, "re");
	char *text;

	if (!in)
		return NULL;
	text = xcalloc(1, TOPO_MAX_BYTES + 2);
	*size = fread(text, 1, TOPO_MAX_BYTES + 1, in);
	if (ferror(in)) {
		free(text);
		text = NULL;
	}
	fclose(in);
	return text;
}

struct lab *parse_lab(const char *file, struct diags *diags, int *code)
{
	size_t size = 0;
	char *text = slurp(file, &size);
	struct lab *lab;

	if (!text) {
		log_error("cannot read '%s': %s", file, strerror(errno));
		*code = EXIT_REFUSED;
		return NULL;
	}
	lab = lab_parse(text, size, diags);
	free(text);
	*code = EXIT_INVALID;
	return lab;
}

struct lab *read_lab(const char *file, int *code)
{
	struct diags diags = {};
	struct lab *lab = parse_lab(file, &diags, code);

	diags_print(&diags, file, stderr);
	diags_free(&diags);
	return lab;
}

static struct lab *open_computed(const char *name)
{
	struct error e = {};
	struct lab *lab;

	if (lab_open_default(name, &lab, &e)) {
		refuse(&e);
		return NULL;
	}
	if (lab_compute(lab, &e)) {
		refuse(&e);
		lab_free(lab);
		return NULL;
	}
	return lab;
}

struct lab *open_lab_locked(const char *name, int *lock)
{
	struct error e = {};
	struct lab *lab;

	*lock = lab_lock(true, &e);
	if (*lock < 0) {
		refuse(&e);
		return NULL;
	}
	lab = open_computed(name);
	if (!lab)
		close(*lock);
	return lab;
}

struct lab *open_lab(const char *name)
{
	struct error e = {};
	int lock = lab_lock(false, &e);
	struct lab *lab;

	if (lock < 0) {
		refuse(&e);
		return NULL;
	}
	lab = open_computed(name);
	close(lock);
	return lab;
}

bool is_lab_name(const char *name)
{
	if (*name && !strpbrk(name, "./"))
		return true;
	log_error("'%s' is no name of a lab", name);
	return false;
}

const struct host *find_host(const struct lab *lab, const char *name)
{
	const struct host *found = fabric_host(lab->fabric, name);
	VEC(const char *) names = {};
	const char *guess;

	if (found)
		return found;
	vec_each(h, &lab->fabric->hosts)
		vec_push(&names, h->name);
	vec_push(&names, NULL);
	guess = did_you_mean(name, names.items);
	if (guess)
		log_error("lab '%s' has no host '%s' (did you mean '%s'?)", lab->topo->name, name, guess);
	else
		log_error("lab '%s' has no host '%s'; 'erxdpctl status' lists them", lab->topo->name, name);
	vec_free(&names);
	return NULL;
}

int unknown_target(const struct lab *lab, const char *target)
{
	const char *guess = did_you_mean(target, target_names(lab->fabric));

	if (guess)
		log_error("'%s' is nothing that can fail in lab '%s' (did you mean '%s'?)", target, lab->topo->name,
			  guess);
	else
		log_error("'%s' is nothing that can fail in lab '%s'; name a circuit path, connection, gateway or "
			  "router",
			  target, lab->topo->name);
	return EXIT_USAGE;
}
