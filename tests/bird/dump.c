// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the control plane decides, as JSON, for the judge beside it to compare
 * with what BIRD decides.
 *
 *   bird-dump graph FILE [DEVICE+N]... [-- STATE...]
 *	The session graph of a topology, and for each state the sessions that are
 *	up and every learned route of every speaker. DEVICE+N: this device adds its
 *	AS N times more (maintenance), in all states. STATE: targets of `erxdpctl
 *	fail` and link names that are down, with a comma between, a name of a link
 *	with ~ before it for its session alone; "" for nothing.
 *
 *   bird-dump decide <CANDIDATES
 *	The decision alone. A line per candidate: number of the set, relax (0/1),
 *	weight, routing weight, local preference, origin, MED, iBGP (0/1), router
 *	id, neighbour, AS path (ASNs with a dash between, or "-").
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/decide.h"
#include "ctl/attrs.h"

#define MAX_CANDIDATES 64

struct input {
	struct topo *topo;
	struct fabric *fabric;
	bool *link_down, *session_down;
	uint8_t *prepends;
};

static void die(const char *what, const char *object)
{
	fprintf(stderr, "bird-dump: %s '%s'\n", what, object);
	exit(1);
}

/* --- What has failed --- */

static uint32_t link_named(const struct fabric *f, const char *name)
{
	vec_each(l, &f->links) {
		if (!strcmp(l->name, name))
			return l->index;
	}
	die("no such target, link or session", name);
	return NO_INDEX;
}

static void fail(struct input *in, const char *name)
{
	index_list links = {};

	if (*name == '~') {
		in->session_down[link_named(in->fabric, name + 1)] = true;
		return;
	}
	if (target_links(in->fabric, name, &links))
		vec_push(&links, link_named(in->fabric, name));
	vec_each(l, &links)
		in->link_down[*l] = true;
	vec_free(&links);
}

static void set_state(struct input *in, const char *state)
{
	char *names = strdup(state), *left = names, *name;

	memset(in->link_down, 0, in->fabric->links.n * sizeof(*in->link_down));
	memset(in->session_down, 0, in->fabric->links.n * sizeof(*in->session_down));
	while ((name = strsep(&left, ","))) {
		if (*name)
			fail(in, name);
	}
	free(names);
}

static void set_prepend(struct input *in, char *arg)
{
	char *plus = strchr(arg, '+');
	const struct device *d;

	if (!plus)
		die("not DEVICE+N:", arg);
	*plus = '\0';
	d = fabric_device(in->fabric, arg);
	if (!d)
		die("no such device", arg);
	in->prepends[d->index] = atoi(plus + 1);
}

/* --- The graph --- */

static void add_addr(cJSON *to, const char *key, const struct addr *a)
{
	char text[ADDR_STRLEN];

	cJSON_AddStringToObject(to, key, addr_format(a, text));
}

static const char *kind_name(enum erx_kind kind)
{
	switch (kind) {
	case ERX_KIND_ERGW: return "ergw";
	case ERX_KIND_VPNGW: return "vpngw";
	case ERX_KIND_MSEE: return "msee";
	case ERX_KIND_CE: return "ce";
	default: return "";
	}
}

static void add_speakers(const struct fabric *f, cJSON *to)
{
	vec_each(d, &f->devices) {
		cJSON *s;

		if (!d->asn)
			continue;
		s = cJSON_AddObjectToObject(to, d->name);
		cJSON_AddStringToObject(s, "kind", kind_name(d->kind));
		cJSON_AddNumberToObject(s, "asn", d->asn);
		add_addr(s, "routerId", &d->router_id);
		cJSON_AddStringToObject(s, "vnet", d->vnet ? d->vnet->name : "");
		cJSON_AddStringToObject(s, "gateway", d->gateway ? d->gateway->name : "");
		cJSON_AddStringToObject(s, "circuit", d->circuit ? d->circuit->name : "");
		cJSON_AddStringToObject(s, "path",
					!d->circuit		  ? ""
					: d->path == PATH_PRIMARY ? "primary"
								  : "secondary");
	}
}

static void add_sessions(const struct rib *r, cJSON *to)
{
	const struct fabric *f = r->fabric;

	vec_each(v, &r->sessions) {
		cJSON *s = cJSON_CreateObject();
		const struct link *l = v->link == NO_INDEX ? NULL : &f->links.items[v->link];

		cJSON_AddItemToArray(to, s);
		cJSON_AddStringToObject(s, "a", f->devices.items[v->a].name);
		cJSON_AddStringToObject(s, "b", f->devices.items[v->b].name);
		add_addr(s, "addrA", &v->addr_a);
		add_addr(s, "addrB", &v->addr_b);
		cJSON_AddStringToObject(s, "link", l ? l->name : "");
		cJSON_AddStringToObject(s, "connection", l && l->connection ? l->connection->name : "");
	}
}

/* Tunnels without BGP: who has one, for the static routes it redistributes. */
static void add_tunnels(const struct fabric *f, cJSON *to)
{
	vec_each(l, &f->links) {
		cJSON *t;

		if (l->kind != LINK_TUNNEL || l->connection->enable_bgp)
			continue;
		t = cJSON_CreateObject();
		cJSON_AddItemToArray(to, t);
		cJSON_AddStringToObject(t, "link", l->name);
		cJSON_AddStringToObject(t, "connection", l->connection->name);
		cJSON_AddStringToObject(t, "gateway", f->devices.items[f->ports.items[l->ports[0]].device].name);
	}
}

/* --- Routes --- */

static cJSON *path_of(const struct attrs *a)
{
	cJSON *path = cJSON_CreateArray();

	for (unsigned i = 0; i < a->as_path_len; i++)
		cJSON_AddItemToArray(path, cJSON_CreateNumber(a->as_path[i]));
	return path;
}

static cJSON *route_of(const struct route *r)
{
	cJSON *out = cJSON_CreateObject();

	cJSON_AddNumberToObject(out, "session", r->session);
	cJSON_AddItemToObject(out, "path", path_of(r->attrs));
	cJSON_AddNumberToObject(out, "localPref", r->attrs->local_pref);
	cJSON_AddNumberToObject(out, "weight", r->attrs->weight);
	cJSON_AddNumberToObject(out, "routingWeight", r->attrs->routing_weight);
	cJSON_AddBoolToObject(out, "best", r->best);
	cJSON_AddStringToObject(out, "lostAt", decide_step_name(r->lost_at));
	return out;
}

static void add_entry(const struct rib_entry *e, cJSON *to)
{
	char text[PREFIX_STRLEN];
	cJSON *routes = cJSON_CreateArray();

	for (unsigned i = 0; i < e->n_routes; i++) {
		if (e->routes[i].source == SOURCE_BGP && e->routes[i].session != NO_INDEX)
			cJSON_AddItemToArray(routes, route_of(&e->routes[i]));
	}
	if (cJSON_GetArraySize(routes))
		cJSON_AddItemToObject(to, prefix_format(&e->prefix, text), routes);
	else
		cJSON_Delete(routes);
}

static void add_tables(const struct rib *r, cJSON *to)
{
	vec_each(d, &r->fabric->devices) {
		const struct rib_table *t = rib_table_of(r, d->index);
		cJSON *table;

		if (!d->asn)
			continue;
		table = cJSON_AddObjectToObject(to, d->name);
		for (size_t i = 0; i < t->n_entries; i++)
			add_entry(&t->entries[i], table);
	}
}

static void add_state(struct input *in, const char *state, cJSON *out)
{
	const struct conditions now = {
		.link_down = in->link_down, .session_down = in->session_down, .prepends = in->prepends};
	cJSON *item = cJSON_CreateObject(), *up, *down;
	struct rib *r;

	set_state(in, state);
	r = rib_compute(in->fabric, &now);
	if (!cJSON_GetObjectItem(out, "sessions"))
		add_sessions(r, cJSON_AddArrayToObject(out, "sessions"));
	cJSON_AddItemToArray(cJSON_GetObjectItem(out, "states"), item);
	cJSON_AddStringToObject(item, "failed", state);
	cJSON_AddBoolToObject(item, "converged", r->converged);
	up = cJSON_AddArrayToObject(item, "up");
	vec_each(v, &r->sessions)
		cJSON_AddItemToArray(up, cJSON_CreateBool(v->up));
	down = cJSON_AddArrayToObject(item, "linksDown");
	vec_each(l, &in->fabric->links) {
		if (in->link_down[l->index])
			cJSON_AddItemToArray(down, cJSON_CreateString(l->name));
	}
	add_tables(r, cJSON_AddObjectToObject(item, "tables"));
	rib_free(r);
}

static void print(cJSON *out)
{
	char *text = cJSON_PrintUnformatted(out);

	puts(text);
	free(text);
	cJSON_Delete(out);
}

static int dump_graph(int argc, char **argv)
{
	struct diags d = {};
	struct input in = {};
	cJSON *out = cJSON_CreateObject();
	int err = 0, i = 1;

	in.topo = topo_read(argv[0], &d, &err);
	if (!in.topo) {
		diags_print(&d, argv[0], stderr);
		die("cannot read", argv[0]);
	}
	in.fabric = fabric_build(in.topo);
	in.link_down = xcalloc(in.fabric->links.n, sizeof(*in.link_down));
	in.session_down = xcalloc(in.fabric->links.n, sizeof(*in.session_down));
	in.prepends = xcalloc(in.fabric->devices.n, sizeof(*in.prepends));
	for (; i < argc && strcmp(argv[i], "--"); i++)
		set_prepend(&in, argv[i]);
	add_speakers(in.fabric, cJSON_AddObjectToObject(out, "speakers"));
	add_tunnels(in.fabric, cJSON_AddArrayToObject(out, "tunnels"));
	cJSON_AddArrayToObject(out, "states");
	if (++i >= argc)
		add_state(&in, "", out);
	for (; i < argc; i++)
		add_state(&in, argv[i], out);
	print(out);
	fabric_free(in.fabric);
	topo_free(in.topo);
	diags_free(&d);
	free(in.link_down);
	free(in.session_down);
	free(in.prepends);
	return 0;
}

/* --- The decision alone --- */

struct candidates {
	int set;
	struct decide_rules rules;
	unsigned n;
	struct route routes[MAX_CANDIDATES];
	struct attrs attrs[MAX_CANDIDATES];
	uint32_t paths[MAX_CANDIDATES][MAX_AS_PATH];
};

static void read_path(struct candidates *c, char *text)
{
	struct attrs *a = &c->attrs[c->n];
	char *asn;

	a->as_path = c->paths[c->n];
	while (strcmp(text ? text : "-", "-") && (asn = strsep(&text, "-")))
		c->paths[c->n][a->as_path_len++] = strtoul(asn, NULL, 10);
}

/* A candidate's place in its set is kept as the session it came in. */
static void read_candidate(struct candidates *c, const char *line, const struct attrs *a, bool ibgp)
{
	struct route *r = &c->routes[c->n];
	char id[64], neighbour[64], path[1024];

	if (sscanf(line, "%*d %*d %*u %*u %*u %*u %*u %*u %63s %63s %1023s", id, neighbour, path) != 3)
		die("not a candidate:", line);
	c->attrs[c->n] = *a;
	c->attrs[c->n].ibgp = ibgp;
	read_path(c, path);
	*r = (struct route){
		.source = SOURCE_BGP, .attrs = &c->attrs[c->n], .from = c->n, .link = c->n, .session = c->n};
	if (addr_parse(id, &r->router_id) || addr_parse(neighbour, &r->next_hop))
		die("not an address in", line);
	c->n++;
}

static void rank(struct candidates *c, cJSON *out)
{
	cJSON *set = cJSON_CreateObject(), *best, *lost;
	struct ranking ranking;

	if (!c->n)
		return;
	ranking = decide_rank(c->routes, c->n, &c->rules);
	cJSON_AddItemToArray(out, set);
	cJSON_AddNumberToObject(set, "set", c->set);
	cJSON_AddStringToObject(set, "decidedAt", decide_step_name(ranking.decided_at));
	best = cJSON_AddArrayToObject(set, "best");
	lost = cJSON_AddObjectToObject(set, "lost");
	for (unsigned i = 0; i < c->n; i++) {
		char key[16];

		if (c->routes[i].best)
			cJSON_AddItemToArray(best, cJSON_CreateNumber(c->routes[i].session));
		snprintf(key, sizeof(key), "%u", c->routes[i].session);
		cJSON_AddStringToObject(lost, key, decide_step_name(c->routes[i].lost_at));
	}
	c->n = 0;
}

static int dump_decisions(void)
{
	static struct candidates c;
	cJSON *out = cJSON_CreateArray();
	char line[2048];

	while (fgets(line, sizeof(line), stdin)) {
		struct attrs a = {};
		unsigned relax, origin, ibgp;
		int set;

		if (sscanf(line, "%d %u %u %u %u %u %u %u", &set, &relax, &a.weight, &a.routing_weight, &a.local_pref,
			   &origin, &a.med, &ibgp) != 8)
			die("not a candidate:", line);
		if (set != c.set || c.n == MAX_CANDIDATES)
			rank(&c, out);
		c.set = set;
		c.rules.as_path_relax = relax;
		a.origin = origin;
		read_candidate(&c, line, &a, ibgp);
	}
	rank(&c, out);
	print(out);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc >= 3 && !strcmp(argv[1], "graph"))
		return dump_graph(argc - 2, argv + 2);
	if (argc == 2 && !strcmp(argv[1], "decide"))
		return dump_decisions();
	fprintf(stderr, "usage: bird-dump graph FILE [DEVICE+N]... [-- STATE...] | decide <CANDIDATES\n");
	return 2;
}
