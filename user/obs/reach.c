// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "obs/reach.h"

#include <netinet/in.h>
#include <string.h>

#include "obs/notes.h"
#include "obs/words.h"

static bool arrives(const struct image *image, const struct host *from, const struct host *to)
{
	struct flow flow = {.src = from->addr, .dst = to->addr, .protocol = IPPROTO_ICMP, .trusting = true};
	struct walk way;
	bool there;

	walk_packet(image, from->port, &flow, 64, false, &way);
	there = same_host(way.delivered, to);
	walk_free(&way);
	return there;
}

void reach_compare(const struct lab *lab, const pings *list, double seconds, struct reach *out)
{
	memset(out, 0, sizeof(*out));
	out->lab = lab;
	out->seconds = seconds;
	vec_each(p, list) {
		struct reach_pair pair = {.ping = p};

		pair.told = arrives(lab->image, p->from, p->to) && arrives(lab->image, p->to, p->from);
		out->differ += pair.told != p->answered;
		vec_push(&out->pairs, pair);
	}
}

void reach_free(struct reach *r)
{
	vec_free(&r->pairs);
}

static bool differs(const struct reach_pair *p)
{
	return p->told != p->ping->answered;
}

/* The first cause that explain has for what is loaded, faults included; NULL when it has none. To be freed. */
static char *cause_of(const struct reach *r, const struct reach_pair *pair)
{
	const struct host *from = pair->ping->from, *to = pair->ping->to;
	struct flow flow = {.src = from->addr, .dst = to->addr, .protocol = IPPROTO_ICMP};
	struct prediction p;
	struct note_case c = {.image = r->lab->image, .from = from, .to = to, .p = &p};
	note_list notes = {};
	char *text = NULL;

	predict(r->lab->image, from, to, &flow, &p);
	notes_find(&c, &notes);
	if (notes.n && notes.items[0].cause)
		text = xasprintf("%s (%s)", notes.items[0].text, notes.items[0].source);
	notes_free(&notes);
	prediction_free(&p);
	return text;
}

static char *why(const struct reach *r, const struct reach_pair *p)
{
	char *cause = cause_of(r, p), *text;

	if (!differs(p))
		return cause;
	if (p->told && r->wires_dead)
		text = xasprintf("packets are lost, though the routes lead there and back: the process of wires is "
				 "dead; 'erxdpctl load' with the lab's file starts another");
	else if (p->told)
		text = xasprintf("packets are lost, though the routes lead there and back: %s",
				 cause ? cause
				       : "nothing that is loaded explains it; see 'erxdpctl counters' and 'status'");
	else
		text = xasprintf("packets pass, though the routes do not lead there: %s", cause ? cause : "no cause");
	free(cause);
	return text;
}

/* --- Text --------------------------------------------------------------------------------------------------------- */

static char symbol(const struct reach_pair *p)
{
	if (differs(p))
		return p->told ? 'X' : '?';
	return p->told ? '+' : '.';
}

static unsigned digits(size_t n)
{
	return n < 10 ? 1 : 1 + digits(n / 10);
}

/* Numbers of the columns, one digit per line. */
static void print_header(size_t n, unsigned width, FILE *out)
{
	size_t unit = 1;

	for (unsigned i = 1; i < width; i++)
		unit *= 10;
	for (; unit; unit /= 10) {
		fprintf(out, "%*s  ", width, "");
		for (size_t i = 1; i <= n; i++)
			fputc(i < unit && unit > 1 ? ' ' : '0' + i / unit % 10, out);
		fputc('\n', out);
	}
}

static void print_names(const struct reach_pair *p, FILE *out)
{
	char from[HOST_TEXT], to[HOST_TEXT];

	fprintf(out, "%s > %s: ", host_text(p->ping->from, from), host_text(p->ping->to, to));
}

static void print_differences(const struct reach *r, FILE *out)
{
	vec_each(p, &r->pairs) {
		char *text;

		if (!differs(p))
			continue;
		text = why(r, p);
		print_names(p, out);
		fprintf(out, "%s\n", text);
		free(text);
	}
}

static size_t count_reachable(const struct reach *r)
{
	size_t n = 0;

	vec_each(p, &r->pairs)
		n += p->ping->answered;
	return n;
}

void reach_print_matrix(const struct reach *r, FILE *out)
{
	size_t n = r->lab->fabric->hosts.n, reachable = count_reachable(r);
	unsigned width = digits(n);
	const struct reach_pair *next = r->pairs.items;
	char text[ADDR_STRLEN];

	vec_each(h, &r->lab->fabric->hosts)
		fprintf(out, "%*zu  %-16s %s\n", width, h->index + (size_t)1, h->name, addr_format(&h->addr, text));
	fputc('\n', out);
	print_header(n, width, out);
	vec_each(from, &r->lab->fabric->hosts) {
		fprintf(out, "%*zu  ", width, from->index + (size_t)1);
		vec_each(to, &r->lab->fabric->hosts)
			fputc(from == to ? '-' : symbol(next++), out);
		fputc('\n', out);
	}
	fprintf(out, "\nfrom line to column: + reached, . not reached, as the routes say; X lost, ? reached, which the "
		     "routes do not say\n\n");
	print_differences(r, out);
	fprintf(out, "%zu pairs: %zu reached, %zu not, %zu differ from the routes (%.2f s)\n", r->pairs.n, reachable,
		r->pairs.n - reachable, r->differ, r->seconds);
}

void reach_print_pair(const struct reach *r, FILE *out)
{
	const struct reach_pair *p = &r->pairs.items[0];
	char *text = why(r, p);

	print_names(p, out);
	if (differs(p))
		fprintf(out, "%s\n", text);
	else if (p->told)
		fprintf(out, "reached, ttl=%u, %.3f ms, as the routes say\n", p->ping->ttl, p->ping->rtt_ns / 1e6);
	else
		fprintf(out, "not reached, as the routes say: %s\n", text ? text : "no cause");
	free(text);
}

/* --- JSON --------------------------------------------------------------------------------------------------------- */

static cJSON *pair_json(const struct reach *r, const struct reach_pair *p)
{
	cJSON *item = cJSON_CreateObject();
	char *text = NULL;

	/* Of a matrix only what differs is explained: a cause for each pair would take longer than the packets. */
	if (differs(p) || (r->pairs.n == 1 && !p->told))
		text = why(r, p);
	cJSON_AddStringToObject(item, "from", p->ping->from->name);
	cJSON_AddStringToObject(item, "to", p->ping->to->name);
	cJSON_AddBoolToObject(item, "packets", p->ping->answered);
	cJSON_AddBoolToObject(item, "model", p->told);
	cJSON_AddBoolToObject(item, "differs", differs(p));
	if (p->ping->answered) {
		cJSON_AddNumberToObject(item, "ttl", p->ping->ttl);
		cJSON_AddNumberToObject(item, "rttMs", p->ping->rtt_ns / 1e6);
	} else {
		cJSON_AddNullToObject(item, "ttl");
		cJSON_AddNullToObject(item, "rttMs");
	}
	if (text)
		cJSON_AddStringToObject(item, "why", text);
	else
		cJSON_AddNullToObject(item, "why");
	free(text);
	return item;
}

cJSON *reach_json(const struct reach *r)
{
	cJSON *root = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(root, "pairs");

	vec_each(p, &r->pairs)
		cJSON_AddItemToArray(list, pair_json(r, p));
	cJSON_AddNumberToObject(root, "reachable", count_reachable(r));
	cJSON_AddNumberToObject(root, "differ", r->differ);
	cJSON_AddNumberToObject(root, "seconds", r->seconds);
	return root;
}
