// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "obs/expect.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lab/probe.h"

#define UNANSWERED_HOPS 8 /* shown of a trace that has not arrived */

static char *trace_text(const struct trace *t)
{
	unsigned n = t->reached || t->n_hops < UNANSWERED_HOPS ? t->n_hops : UNANSWERED_HOPS;
	char *text = NULL, hop[ADDR_STRLEN];
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (unsigned i = 0; i < n; i++)
		fprintf(out, "%s%s", i ? " " : "", addr_is_set(&t->hops[i]) ? addr_format(&t->hops[i], hop) : "*");
	if (!t->reached)
		fputs(" ...", out);
	fclose(out);
	return text;
}

static char *hops_text(const name_list *hops)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	vec_each(hop, hops)
		fprintf(out, "%s%s", hop == hops->items ? "" : " ", *hop);
	fclose(out);
	return text;
}

/* Why the packets are not what the file expects; NULL when they are. */
static char *packets_fault(const struct packet_expectation *x, const struct trace *t, const char *seen,
			   const char *expected)
{
	if (x->unreachable && (t->reached || t->ttl))
		return xasprintf("answers, but should not: %s", seen);
	if (x->unreachable && t->refused)
		return xasprintf("an ICMP unreachable came back; it should be silent");
	if (!x->unreachable && !t->reached)
		return xasprintf("lost; hops %s", seen);
	if (x->has_trace && strcmp(seen, expected))
		return xasprintf("hops %s, expected %s", seen, expected);
	if (x->ttl && t->ttl != x->ttl)
		return xasprintf("ttl=%u, expected %d", t->ttl, x->ttl);
	if (x->rtt_max_ns && (t->rtt_ns < x->rtt_min_ns || t->rtt_ns > x->rtt_max_ns))
		return xasprintf("rtt %.3f ms, expected %g ms to %g ms", t->rtt_ns / 1e6, x->rtt_min_ns / 1e6,
				 x->rtt_max_ns / 1e6);
	return NULL;
}

static struct verdict packets_check(const struct expectation *e, const struct trace *t)
{
	const struct packet_expectation *x = &e->packets;
	char *seen = trace_text(t), *expected = hops_text(&x->hops), *fault = packets_fault(x, t, seen, expected);
	struct verdict v = {.expectation = e, .passed = !fault, .ttl = t->ttl};

	v.about = xasprintf("%s > %s", x->from, x->to);
	if (fault)
		v.words = fault;
	else
		v.words = x->unreachable ? xstrdup("lost, silently") : xasprintf("%s ttl=%u", seen, t->ttl);
	if (x->rtt_max_ns)
		v.rtt_ns = t->rtt_ns;
	v.hops = xstrdup(t->reached ? seen : "");
	free(expected);
	free(seen);
	return v;
}

/* The traces that a list asks for, in its order. */
static int traces_collect(const struct lab *lab, const expectation_list *list, traces *out, struct error *e)
{
	vec_each(x, list) {
		struct trace t;

		if (x->kind != EXPECT_PACKETS)
			continue;
		t = (struct trace){.from = fabric_host(lab->fabric, x->packets.from),
				   .to = fabric_host(lab->fabric, x->packets.to),
				   .timed = x->packets.rtt_max_ns};
		if (!t.from || !t.to)
			return error_set(e, -ENOENT, "lab '%s' has no host '%s'; is the file the one that is loaded?",
					 lab->topo->name, t.from ? x->packets.to : x->packets.from);
		vec_push(out, t);
	}
	return 0;
}

int expectations_check(const struct lab *lab, const expectation_list *list, verdicts *out, struct error *e)
{
	traces sent = {};
	size_t next = 0;
	int err = traces_collect(lab, list, &sent, e);

	if (!err && sent.n)
		err = lab_trace(lab, &sent, e);
	for (size_t i = 0; !err && i < list->n; i++) {
		const struct expectation *x = &list->items[i];

		if (x->kind == EXPECT_PACKETS)
			vec_push(out, packets_check(x, &sent.items[next++]));
		else
			vec_push(out, expectation_check(lab->now, x));
	}
	vec_free(&sent);
	return err;
}

void verdicts_free(verdicts *list)
{
	vec_each(v, list) {
		free(v->about);
		free(v->words);
		free(v->hops);
	}
	vec_free(list);
}
