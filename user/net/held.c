// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who keeps a namespace alive that has lost its name. Threads are looked at
 * one by one: they may be in different namespaces.
 */
#include "net/internal.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS	  10 /* a process that has been told to end needs a moment */
#define ROUND_NS  30000000L
#define NAMED_MAX 4

void ns_ids_add(ns_ids *ids, const char *name)
{
	char path[sizeof(NET_DIR) + 256];
	struct ns_id id = {};
	struct stat st;

	snprintf(path, sizeof(path), NET_DIR "/%s", name);
	if (stat(path, &st) < 0)
		return;
	snprintf(id.name, sizeof(id.name), "%s", name);
	id.dev = st.st_dev;
	id.ino = st.st_ino;
	vec_push(ids, id);
}

struct search {
	const ns_ids *ids;
	char *text;
	size_t size;
	unsigned found;
};

static const struct ns_id *namespace_of(const struct search *search, const char *task)
{
	char path[80];
	struct stat st;

	snprintf(path, sizeof(path), "%s/ns/net", task);
	if (stat(path, &st) < 0)
		return NULL; /* a zombie has none */
	vec_each(id, search->ids) {
		if (id->ino == st.st_ino && id->dev == st.st_dev)
			return id;
	}
	return NULL;
}

static void name_process(struct search *search, const char *pid, const struct ns_id *id)
{
	char path[64], comm[64] = "?";
	size_t used = strlen(search->text);
	FILE *file;

	if (++search->found > NAMED_MAX)
		return;
	snprintf(path, sizeof(path), "/proc/%.16s/comm", pid);
	file = fopen(path, "re");
	if (file) {
		if (fgets(comm, sizeof(comm), file))
			comm[strcspn(comm, "\n")] = 0;
		fclose(file);
	}
	snprintf(search->text + used, search->size - used, "%s'%s' is held by pid %s (%s)", used ? ", " : "", id->name,
		 pid, comm);
}

static void look_at_process(struct search *search, const char *pid)
{
	const struct ns_id *id = NULL;
	struct dirent *entry;
	char path[64];
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%.16s/task", pid);
	tasks = opendir(path);
	if (!tasks)
		return;
	while (!id && (entry = readdir(tasks))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%.16s/task/%.16s", pid, entry->d_name);
		id = namespace_of(search, path);
	}
	closedir(tasks);
	if (id)
		name_process(search, pid, id);
}

/* Not this process: a thread of its own that was in a namespace may still be about to go. */
static void look_at_all(struct search *search)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	char self[16];

	search->text[0] = 0;
	search->found = 0;
	if (!proc)
		return;
	snprintf(self, sizeof(self), "%d", getpid());
	while ((entry = readdir(proc))) {
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && strcmp(entry->d_name, self))
			look_at_process(search, entry->d_name);
	}
	closedir(proc);
}

void ns_held_by(const ns_ids *ids, char *text, size_t size)
{
	struct search search = {.ids = ids, .text = text, .size = size};
	struct timespec pause = {.tv_nsec = ROUND_NS};
	size_t used;

	text[0] = 0;
	if (!ids->n)
		return;
	for (int round = 0; round < ROUNDS; round++) {
		if (round)
			nanosleep(&pause, NULL);
		look_at_all(&search);
		if (!search.found)
			return;
	}
	used = strlen(text);
	if (search.found > NAMED_MAX)
		snprintf(text + used, size - used, " and %u more", search.found - NAMED_MAX);
}
