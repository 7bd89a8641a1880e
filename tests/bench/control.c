// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How long route computation takes for a million prefixes, and how much memory.
 *
 *	control [--prefixes N] [--runs N] [--json FILE]
 *	control --announcements mixed|alike     "ROUTER PREFIX" per line, for another implementation
 *
 * The graph is tests/bench/control.yaml: four customer routers, four edge routers,
 * two gateway instances, a VNet. Prefixes are random, 16 to 28 bits long. In the
 * first case (mixed) any of the routers announce each, chosen at random, and the
 * routers prepend differently, so that neighbouring prefixes are decided anew; in
 * the second (alike) all routers announce all, and prefixes in a row are decided
 * at once. Azure's limits do not act. Each run is a process of its own, so that
 * its memory is counted from nothing; what the file and the list of announcements
 * take is left out.
 */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ctl/classes.h"
#include "ctl/rib.h"

#define TOPOLOGY "tests/bench/control.yaml"
#define MAX_RUNS 100

struct result {
	double prepare_s, compute_s; /* what follows from the fabric alone, and the rest */
	size_t routes, entries, updates, bytes;
};

struct bench_case {
	const char *name;
	bool mixed;
	struct result runs[MAX_RUNS];
};

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static uint64_t random_word(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull; /* splitmix64: the same everywhere */

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* From 11.0.0.0 to 171.255.255.255: none lies in the graph's own networks. */
static struct prefix random_prefix(uint64_t *state)
{
	uint64_t word = random_word(state);
	uint32_t address = (11 + word % 161) << 24 | (word >> 8 & 0xffffff);
	struct prefix p = {.addr = addr_from_be32(__builtin_bswap32(address)), .len = 16 + (word >> 40) % 13};

	return prefix_network(&p);
}

/* The n-th announcement: a prefix, and the routers that announce it as bits. */
static struct prefix next_announcement(uint64_t *state, bool mixed, unsigned n_routers, unsigned *routers)
{
	struct prefix p = random_prefix(state);
	unsigned all = (1u << n_routers) - 1;

	*routers = mixed ? 1 + random_word(state) % all : all;
	return p;
}

static void announce(struct site *site, bool mixed, size_t n)
{
	uint64_t state = 1;

	for (size_t i = 0; i < n; i++) {
		unsigned routers;
		struct advertised a = {.count = 1};

		a.first = next_announcement(&state, mixed, site->routers.n, &routers);
		vec_each(r, &site->routers) {
			if (routers & 1u << (r - site->routers.items))
				vec_push(&r->advertise, a);
		}
	}
}

static struct topo *read_topology(void)
{
	struct diags diags = {};
	int err = 0;
	struct topo *t = topo_read(TOPOLOGY, &diags, &err);

	diags_print(&diags, TOPOLOGY, stderr);
	if (!t)
		fprintf(stderr, "cannot read %s; start this from the top directory\n", TOPOLOGY);
	else /* the lists are the arena's; what is added is not */
		vec_each(r, &t->sites.items[0].routers)
			memset(&r->advertise, 0, sizeof(r->advertise));
	return t;
}

static struct result run(bool mixed, size_t n_prefixes)
{
	struct conditions now = {.without_limits = true};
	struct topo *t = read_topology();
	struct result out = {};
	struct fabric *f;
	struct rib *rib;
	size_t before;
	double start;

	if (!t)
		exit(1);
	announce(&t->sites.items[0], mixed, n_prefixes);
	f = fabric_build(t);
	before = mallinfo2().uordblks + mallinfo2().hblkhd;
	start = now_s();
	plan_of(f);
	out.prepare_s = now_s() - start;
	start = now_s();
	rib = rib_compute(f, &now);
	out.compute_s = now_s() - start;
	out.bytes = mallinfo2().uordblks + mallinfo2().hblkhd - before;
	out.updates = rib->events;
	vec_each(table, &rib->tables) {
		out.entries += table->n_entries;
		for (size_t i = 0; i < table->n_entries; i++)
			out.routes += table->entries[i].n_routes;
	}
	return out; /* the process ends */
}

static int run_apart(bool mixed, size_t n_prefixes, struct result *out)
{
	int ends[2], status = 0;
	pid_t child;

	if (pipe(ends))
		return -errno;
	child = fork();
	if (!child) {
		struct result r = run(mixed, n_prefixes);

		_exit(write(ends[1], &r, sizeof(r)) != sizeof(r));
	}
	close(ends[1]);
	if (child < 0 || read(ends[0], out, sizeof(*out)) != sizeof(*out))
		status = -EIO;
	close(ends[0]);
	if (child > 0)
		waitpid(child, NULL, 0);
	return status;
}

static int by_time(const void *a, const void *b)
{
	const struct result *x = a, *y = b;
	double d = x->prepare_s + x->compute_s - y->prepare_s - y->compute_s;

	return (d > 0) - (d < 0);
}

static double total_s(const struct result *r)
{
	return r->prepare_s + r->compute_s;
}

static void print_row(const struct bench_case *c, int n_runs, size_t n_prefixes)
{
	const struct result *fastest = &c->runs[0], *median = &c->runs[n_runs / 2], *slowest = &c->runs[n_runs - 1];

	printf("%-6s %9zu %10zu %10zu %10zu %7.2f %7.2f %7.2f %9.0f %9.0f %10.0f\n", c->name, n_prefixes,
	       median->entries, median->routes, median->updates, total_s(fastest), total_s(median), total_s(slowest),
	       total_s(median) * 1e9 / median->routes, (double)median->bytes / median->routes,
	       (double)median->bytes / n_prefixes);
}

static void write_json(FILE *out, const struct bench_case *cases, size_t n_cases, int n_runs, size_t n_prefixes)
{
	fprintf(out, "{\"prefixes\": %zu, \"cases\": [", n_prefixes);
	for (size_t i = 0; i < n_cases; i++) {
		const struct result *median = &cases[i].runs[n_runs / 2];

		fprintf(out,
			"%s\n  {\"name\": \"%s\", \"entries\": %zu, \"routes\": %zu, \"updates\": %zu, \"bytes\": "
			"%zu, ",
			i ? "," : "", cases[i].name, median->entries, median->routes, median->updates, median->bytes);
		fprintf(out, "\"nsPerRoute\": %.1f, \"bytesPerRoute\": %.1f, \"runs\": [",
			total_s(median) * 1e9 / median->routes, (double)median->bytes / median->routes);
		for (int k = 0; k < n_runs; k++)
			fprintf(out, "%s{\"prepareSeconds\": %.4f, \"computeSeconds\": %.4f}", k ? ", " : "",
				cases[i].runs[k].prepare_s, cases[i].runs[k].compute_s);
		fprintf(out, "]}");
	}
	fprintf(out, "]}\n");
}

static int print_announcements(const char *which, size_t n_prefixes)
{
	bool mixed = !strcmp(which, "mixed");
	struct topo *t = read_topology();
	char text[PREFIX_STRLEN];
	uint64_t state = 1;

	if (!t)
		return 1;
	for (size_t i = 0; i < n_prefixes; i++) {
		const struct site *s = &t->sites.items[0];
		unsigned routers;
		struct prefix p = next_announcement(&state, mixed, s->routers.n, &routers);

		vec_each(r, &s->routers) {
			if (routers & 1u << (r - s->routers.items))
				printf("%s %s\n", r->name, prefix_format(&p, text));
		}
	}
	topo_free(t);
	return 0;
}

static int bench(size_t n_prefixes, int n_runs, const char *json)
{
	static struct bench_case cases[] = {{.name = "mixed", .mixed = true}, {.name = "alike"}};
	size_t n_cases = sizeof(cases) / sizeof(cases[0]);
	FILE *out;

	for (int i = 0; i < n_runs; i++) {
		for (size_t k = 0; k < n_cases; k++) {
			if (run_apart(cases[k].mixed, n_prefixes, &cases[k].runs[i]))
				return 1;
		}
	}
	printf("%-6s %9s %10s %10s %10s %7s %7s %7s %9s %9s %10s\n", "case", "prefixes", "entries", "routes", "updates",
	       "min s", "med s", "max s", "ns/route", "B/route", "B/prefix");
	for (size_t k = 0; k < n_cases; k++) {
		qsort(cases[k].runs, n_runs, sizeof(cases[k].runs[0]), by_time);
		print_row(&cases[k], n_runs, n_prefixes);
	}
	if (!json)
		return 0;
	out = fopen(json, "we");
	if (!out) {
		fprintf(stderr, "cannot write '%s': %s\n", json, strerror(errno));
		return 1;
	}
	write_json(out, cases, n_cases, n_runs, n_prefixes);
	return fclose(out) ? 1 : 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"prefixes", required_argument, NULL, 'n'},
						{"runs", required_argument, NULL, 'r'},
						{"json", required_argument, NULL, 'j'},
						{"announcements", required_argument, NULL, 'a'},
						{}};
	const char *json = NULL, *announcements = NULL;
	size_t n_prefixes = 1000000;
	int n_runs = 5, option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'n': n_prefixes = strtoull(optarg, NULL, 10); break;
		case 'r': n_runs = atoi(optarg); break;
		case 'j': json = optarg; break;
		case 'a': announcements = optarg; break;
		default: return 2;
		}
	}
	if (!n_prefixes || n_runs < 1 || n_runs > MAX_RUNS)
		return 2;
	return announcements ? print_announcements(announcements, n_prefixes) : bench(n_prefixes, n_runs, json);
}
