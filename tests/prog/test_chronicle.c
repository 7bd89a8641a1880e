// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a scenario has of its controller's events, while events go on: a controller of this test's own tells two more
 * before each answer.
 */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/chronicle.h"
#include "daemon/names.h"
#include "lab/files.h"
#include "lab/lab.h"

static struct {
	char lab[32];
	int listener;
	unsigned told; /* events so far */
	pthread_t thread;
} fake;

static unsigned number_in(const cJSON *request, const char *field, unsigned otherwise)
{
	const cJSON *item = cJSON_GetObjectItem(request, field);

	return item ? item->valuedouble : otherwise;
}

static unsigned first_asked_for(const cJSON *request)
{
	unsigned last = number_in(request, "last", 0), after = number_in(request, "after", fake.told - last);

	return after > fake.told ? 1 : after + 1;
}

static void answer(FILE *client)
{
	char line[1000];
	cJSON *request;

	if (!fgets(line, sizeof(line), client))
		return;
	request = cJSON_Parse(line);
	fake.told += 2;
	for (unsigned seq = first_asked_for(request); seq <= fake.told; seq++)
		fprintf(client, "{\"seq\": %u, \"event\": \"groups\", \"text\": \"event %u\"}\n", seq, seq);
	fprintf(client, "{\"ok\": true}\n");
	cJSON_Delete(request);
}

static void *serve(void *unused)
{
	int fd;

	while ((fd = accept(fake.listener, NULL, NULL)) >= 0) {
		FILE *client = fdopen(fd, "r+");

		answer(client);
		fclose(client);
	}
	return unused;
}

static void begin(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	char path[512];

	snprintf(fake.lab, sizeof(fake.lab), "chr%d", getpid());
	lab_run_path(fake.lab, "", path);
	/* The last lab to go takes the directory of all of them away, maybe in between. */
	do
		mkdir(LAB_RUN, 0750);
	while (mkdir(path, 0700) && errno == ENOENT);
	lab_run_path(fake.lab, READ_SOCKET, path);
	cr_assert_lt(strlen(path), sizeof(at.sun_path));
	strcpy(at.sun_path, path);
	fake.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert(!bind(fake.listener, (struct sockaddr *)&at, sizeof(at)) && !listen(fake.listener, 8));
	cr_assert(!pthread_create(&fake.thread, NULL, serve, NULL));
}

static void end(void)
{
	struct error e = {};
	bool any;

	shutdown(fake.listener, SHUT_RDWR);
	pthread_join(fake.thread, NULL);
	close(fake.listener);
	cr_expect_eq(run_remove(fake.lab, &any, &e), 0, "%s", e.text);
}

TestSuite(chronicle, .init = begin, .fini = end, .timeout = 60);

static void update(struct chronicle *c)
{
	struct error e = {};
	bool more = false;

	cr_assert_eq(chronicle_update(c, &more, &e), 0, "%s", e.text);
	cr_expect(more);
}

Test(chronicle, has_every_event_once_however_many_come_meanwhile)
{
	struct chronicle c;
	struct error e = {};
	unsigned first;

	fake.told = 7;
	cr_assert_eq(chronicle_begin(&c, fake.lab, &e), 0, "%s", e.text);
	first = fake.told + 1;
	for (int i = 0; i < 3; i++)
		update(&c);
	cr_assert_eq(c.list.n, fake.told + 1 - first, "%zu of %u", c.list.n, fake.told + 1 - first);
	for (unsigned i = 0; i < c.list.n; i++) {
		char text[40];

		snprintf(text, sizeof(text), "event %u", first + i);
		cr_expect_str_eq(c.list.items[i].text, text);
	}
	chronicle_free(&c);
}

Test(chronicle, goes_on_with_a_controller_that_counts_anew)
{
	struct chronicle c;
	struct error e = {};

	fake.told = 100;
	cr_assert_eq(chronicle_begin(&c, fake.lab, &e), 0, "%s", e.text);
	fake.told = 0;
	update(&c);
	update(&c);
	cr_assert_eq(c.list.n, 4);
	cr_expect_str_eq(c.list.items[0].text, "event 1");
	cr_expect_str_eq(c.list.items[3].text, "event 4");
	chronicle_free(&c);
}
