// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* verify: a file's expectations against real packets. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "lab/probe.h"
#include "lib/log.h"
#include "obs/print.h"

struct tally {
	unsigned passed, failed, skipped;
	cJSON *list; /* NULL: text */
};

static void trace_text(const struct trace *t, char *out, size_t size)
{
	char text[ADDR_STRLEN];

	*out = '\0';
	for (unsigned i = 0; i < t->n_hops && (t->reached || i < 8); i++) {
		const char *hop = addr_is_set(&t->hops[i]) ? addr_format(&t->hops[i], text) : "*";

		snprintf(out + strlen(out), size - strlen(out), "%s%s", i ? " " : "", hop);
	}
	if (!t->reached)
		snprintf(out + strlen(out), size - strlen(out), " ...");
}

static void expected_text(const struct expectation *x, char *out, size_t size)
{
	*out = '\0';
	vec_each(hop, &x->hops)
		snprintf(out + strlen(out), size - strlen(out), "%s%s", *out ? " " : "", *hop);
}

/* Why the packets are not what the file expects; empty when they are. */
static void compare(const struct expectation *x, const struct trace *t, char *why, size_t size)
{
	char expected[512], seen[512];

	*why = '\0';
	trace_text(t, seen, sizeof(seen));
	expected_text(x, expected, sizeof(expected));
	if (x->unreachable && (t->reached || t->ttl))
		snprintf(why, size, "answers, but should not: %s", seen);
	else if (x->unreachable && t->refused)
		snprintf(why, size, "an ICMP unreachable came back; it should be silent");
	else if (!x->unreachable && !t->reached)
		snprintf(why, size, "lost; hops %s", seen);
	else if (x->has_trace && strcmp(seen, expected))
		snprintf(why, size, "hops %s, expected %s", seen, expected);
	else if (x->ttl && t->ttl != x->ttl)
		snprintf(why, size, "ttl=%u, expected %d", t->ttl, x->ttl);
}

static void report(struct tally *tally, const struct expectation *x, const struct trace *t)
{
	bool rtt = x->rtt_min_ns || x->rtt_max_ns;
	char why[1200], seen[512];
	cJSON *item;

	compare(x, t, why, sizeof(why));
	trace_text(t, seen, sizeof(seen));
	tally->passed += !*why;
	tally->failed += !!*why;
	tally->skipped += rtt;
	if (tally->list) {
		item = cJSON_CreateObject();
		cJSON_AddStringToObject(item, "from", x->from);
		cJSON_AddStringToObject(item, "to", x->to);
		cJSON_AddBoolToObject(item, "passed", !*why);
		cJSON_AddStringToObject(item, "hops", t->reached ? seen : "");
		cJSON_AddNumberToObject(item, "ttl", t->ttl);
		if (*why)
			cJSON_AddStringToObject(item, "why", why);
		if (rtt)
			cJSON_AddStringToObject(item, "skipped", "rtt");
		cJSON_AddItemToArray(tally->list, item);
		return;
	}
	printf("%-6s %s > %s: ", *why ? "FAILED" : "ok", x->from, x->to);
	if (*why)
		printf("%s", why);
	else if (x->unreachable)
		printf("lost, silently");
	else
		printf("%s ttl=%u", seen, t->ttl);
	puts(rtt ? " (rtt skipped: latency is not applied yet)" : "");
}

static void finish(struct tally *tally)
{
	FILE *words = tally->list ? stderr : stdout;

	if (tally->list)
		print_json(tally->list);
	fprintf(words, "%u passed, %u failed", tally->passed, tally->failed);
	if (tally->skipped)
		fprintf(words, ", %u skipped", tally->skipped);
	fputc('\n', words);
}

static int verify(const struct lab *lab, const struct topo *expects, bool json)
{
	struct tally tally = {.list = json ? cJSON_CreateArray() : NULL};
	struct error e = {};
	traces list = {};

	vec_each(x, &expects->expects) {
		struct trace t = {.from = fabric_host(lab->fabric, x->from), .to = fabric_host(lab->fabric, x->to)};

		if (!t.from || !t.to) {
			log_error("lab '%s' has no host '%s'; is the file the one that is loaded?", lab->topo->name,
				  t.from ? x->to : x->from);
			vec_free(&list);
			return EXIT_INVALID;
		}
		vec_push(&list, t);
	}
	if (lab_trace(lab, &list, &e)) {
		vec_free(&list);
		return refuse(&e);
	}
	for (size_t i = 0; i < list.n; i++)
		report(&tally, &expects->expects.items[i], &list.items[i]);
	vec_free(&list);
	finish(&tally);
	return tally.failed ? EXIT_INVALID : EXIT_DONE;
}

int cmd_verify(const struct call *call)
{
	struct lab *file = NULL, *lab;
	int code = EXIT_REFUSED;

	if (call->argc) {
		file = read_lab(call->argv[0], &code);
		if (!file)
			return code;
	}
	lab = open_lab(file && !call->lab_given ? file->topo->name : call->lab);
	if (lab)
		code = verify(lab, file ? file->topo : lab->topo, call->json);
	lab_free(lab);
	lab_free(file);
	return lab ? code : EXIT_REFUSED;
}
