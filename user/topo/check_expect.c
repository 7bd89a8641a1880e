// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Expectations and scenarios: what they name must exist. Whether they hold is for verify to find out. */
#include <string.h>

#include "topo/parser.h"

#define BIT(thing) (1u << THING_##thing)
#define SPEAKERS   (BIT(GATEWAY) | BIT(CIRCUIT) | BIT(ROUTER))
#define TABLES	   (SPEAKERS | BIT(VNET) | BIT(SITE))
#define NEIGHBOURS (TABLES | BIT(CONNECTION))
#define TARGETS	   (SPEAKERS | BIT(CONNECTION))

static const char *const path_names[N_CIRCUIT_PATHS] = {"primary", "secondary"};

/* --- Parts of resources: CIRCUIT.primary, GATEWAY/0, CIRCUIT.primary/msee ------------------------------------------
 */

static bool has_instance(const struct gateway *g, const char *text)
{
	bool two = g->type == GATEWAY_EXPRESSROUTE || g->active_active;

	return !strcmp(text, "0") || (two && !strcmp(text, "1"));
}

/* " (did you mean 'er1.primary'?)", over resources of these kinds and their parts. */
static const char *suggest_part(struct parser *p, const char *text, unsigned things)
{
	VEC(const char *) candidates = {};
	const char *found;
	struct name *n, *tmp;

	HASH_ITER(hh, p->names[SCOPE_DEVICES], n, tmp) {
		if (things & (1u << n->thing))
			vec_push(&candidates, n->text);
		for (int i = 0; n->thing == THING_CIRCUIT && i < N_CIRCUIT_PATHS; i++)
			vec_push(&candidates, arena_printf(p->arena, "%s.%s", n->text, path_names[i]));
		for (int i = 0; n->thing == THING_GATEWAY && i < 2; i++)
			vec_push(&candidates, arena_printf(p->arena, "%s/%d", n->text, i));
	}
	vec_push(&candidates, NULL);
	found = suggest(p, text, candidates.items);
	vec_free(&candidates);
	return found;
}

/* A resource of one of these kinds, a circuit's path or a gateway's instance. */
static void place_check(struct parser *p, const char *text, unsigned things, struct pos at, const char *key,
			const char *what)
{
	struct name *n = name_find(p, SCOPE_DEVICES, text);
	const char *slash = strchr(text, '/');
	int path;

	if (slash) {
		n = name_find(p, SCOPE_DEVICES, arena_printf(p->arena, "%.*s", (int)(slash - text), text));
		if (n && n->thing == THING_GATEWAY && has_instance(n->item, slash + 1))
			return;
		n = NULL;
	} else if (circuit_target(p, text, &path) || (n && things & (1u << n->thing))) {
		return;
	}
	if (n)
		problem(p, at, "'%s' names '%s', which is a %s, not %s", key, shown(p, text), thing_text(n->thing),
			what);
	else
		problem(p, at, "'%s' names '%s', which is not defined%s", key, shown(p, text),
			suggest_part(p, text, things));
}

/* --- Expectations ------------------------------------------------------------------------------------------------- */

static void host_check(struct parser *p, const char *const *host, struct pos at, const char *key)
{
	if (*host)
		name_wanted(p, *host, SCOPE_HOSTS, BIT(HOST) | BIT(SINK), field_pos(p, host, at), key, "a host");
}

static void packets_check(struct parser *p, const struct expectation *e)
{
	const struct packet_expectation *x = &e->packets;

	host_check(p, &x->from, e->at, "'from'");
	host_check(p, &x->to, e->at, "'to'");
	if (x->from && x->to && !strcmp(x->from, x->to))
		problem(p, e->at, "an expectation from '%s' to itself", shown(p, x->from));
	if (x->unreachable && (x->has_trace || x->ttl || x->rtt_max_ns))
		problem(p, e->at, "an expectation has 'unreachable' and something that only an answer can meet");
	if (x->has_trace && !x->hops.n)
		problem(p, field_pos(p, &x->hops, e->at),
			"'traceroute' is an empty list: it ends with the destination");
	if (!x->unreachable && !x->has_trace && !x->ttl && !x->rtt_max_ns && !field_given(p, &x->unreachable) &&
	    !field_given(p, &x->ttl) && !field_given(p, &x->rtt_min_ns))
		problem(p, e->at, "an expectation without traceroute, ttl, unreachable or rtt expects nothing");
}

/* Keys that ask for one route have no meaning without 'prefix'. Returns whether there was one of them. */
static bool one_route_check(struct parser *p, const struct expectation *e)
{
	const struct route_expectation *x = &e->routes;
	bool asked = false;
	const struct {
		const void *key;
		const char *name;
	} needs_prefix[] = {
		{&x->over, "over"},
		{&x->rule, "rule"},
		{&x->as_path, "asPath"},
		{&x->local_pref, "localPreference"},
		{&x->weight, "weight"},
		{&x->next_hops, "nextHops"},
		{&x->source, "source"},
		{&x->state, "state"},
		{&x->next_hop_type, "nextHopType"},
	};

	for (size_t i = 0; i < N_ITEMS(needs_prefix); i++) {
		if (!field_given(p, needs_prefix[i].key))
			continue;
		asked = true;
		if (!field_given(p, &x->prefix))
			problem(p, field_pos(p, needs_prefix[i].key, e->at),
				"'%s' asks about one route: say which by 'prefix'", needs_prefix[i].name);
	}
	if (field_given(p, &x->prefix) + x->has_prefixes + field_given(p, &x->not_see) > 1)
		problem(p, e->at,
			"an expectation has several of 'prefix' (one route), 'prefixes' (the complete list) and "
			"'notSee': "
			"make one of each");
	return asked;
}

static void learned_check(struct parser *p, const struct expectation *e, bool asked)
{
	const struct route_expectation *x = &e->routes;
	bool learned = x->has_prefixes || field_given(p, &x->not_see);

	if (field_given(p, &x->not_see) && !x->not_see.n)
		problem(p, field_pos(p, &x->not_see, e->at), "'notSee' is an empty list");
	if (field_given(p, &x->via) && !learned && !field_given(p, &x->prefix))
		problem(p, field_pos(p, &x->via, e->at), "'via' needs 'prefix', 'prefixes' or 'notSee'");
	if (!learned && !asked && !field_given(p, &x->via) && !field_given(p, &x->prefix) && !field_given(p, &x->asn))
		problem(p, e->at, "an expectation without %s expects nothing",
			e->kind == EXPECT_VM ? "prefix, prefixes or notSee" : "prefix, prefixes, notSee or asn");
}

static void table_check(struct parser *p, const struct expectation *e)
{
	static const char neighbour[] = "a circuit, circuit path, gateway, router, connection, network or site";
	const struct route_expectation *x = &e->routes;
	struct name *n = x->at ? name_find(p, SCOPE_DEVICES, x->at) : NULL;

	if (x->at)
		place_check(p, x->at, TABLES, field_pos(p, &x->at, e->at), "at",
			    "a virtual network, site, gateway, circuit, circuit path or router");
	vec_each(name, &x->via)
		place_check(p, *name, NEIGHBOURS, field_pos(p, name, e->at), "via", neighbour);
	if (x->over)
		place_check(p, x->over, NEIGHBOURS, field_pos(p, &x->over, e->at), "over", neighbour);
	if (field_given(p, &x->asn) && n && (BIT(VNET) | BIT(SITE)) & (1u << n->thing))
		problem(p, field_pos(p, &x->asn, e->at),
			"'%s' is a %s, which has no AS number: name its gateway or router", shown(p, x->at),
			thing_text(n->thing));
}

static bool is_vm(const struct topo *t, const void *host)
{
	vec_each(v, &t->vnets)
		vec_each(vm, &v->vms)
			if (vm == host)
				return true;
	return false;
}

static void vm_check(struct parser *p, const struct expectation *e)
{
	const struct route_expectation *x = &e->routes;
	struct pos at = field_pos(p, &x->at, e->at);
	struct name *n = x->at ? name_wanted(p, x->at, SCOPE_HOSTS, BIT(HOST), at, "'vm'", "a host") : NULL;

	if (n && !is_vm(p->topo, n->item))
		problem(p, at,
			"'%s' is on premises, only virtual machines have effective routes: write 'at' with its "
			"site or router",
			shown(p, x->at));
}

static void expectation_check(struct parser *p, const struct expectation *e)
{
	if (e->kind == EXPECT_PACKETS) {
		packets_check(p, e);
		return;
	}
	if (e->kind == EXPECT_ROUTES)
		table_check(p, e);
	else
		vm_check(p, e);
	learned_check(p, e, one_route_check(p, e));
}

void check_expectations(struct parser *p)
{
	vec_each(e, &p->topo->expects)
		expectation_check(p, e);
}

/* --- Scenarios ---------------------------------------------------------------------------------------------------- */

/* NAME/msee of a circuit path, NAME/0 or NAME/1 of a gateway: what may follow the slash. */
static bool part_check(struct parser *p, const char *head, const char *part)
{
	struct name *n = name_find(p, SCOPE_DEVICES, head);
	int path = -1;

	if (n && n->thing == THING_GATEWAY)
		return has_instance(n->item, part);
	return circuit_target(p, head, &path) && path >= 0 && !strcmp(part, "msee");
}

/* The link between customer and Microsoft: that of one path, or with path -1 either. */
static bool has_customer(const struct circuit *c, int path)
{
	return path < 0 ? c->edge[PATH_PRIMARY].router || c->edge[PATH_SECONDARY].router : c->edge[path].router != NULL;
}

static void slash_check(struct parser *p, const struct scenario *s, const struct planned_fault *f, struct pos at)
{
	const char *slash = strchr(f->target, '/');
	const char *head = arena_printf(p->arena, "%.*s", (int)(slash - f->target), f->target);

	if (!part_check(p, head, slash + 1))
		problem(p, at,
			"scenario '%s' fails '%s', which is no target: a slash follows a gateway (hub-ergw/0) or a "
			"circuit path (er1.primary/msee)",
			s->name, shown(p, f->target));
}

static void target_check(struct parser *p, const struct scenario *s, const struct planned_fault *f, struct pos at)
{
	struct name *n = name_find(p, SCOPE_DEVICES, f->target);
	const struct circuit *c;
	int path;

	if (strchr(f->target, '/')) {
		slash_check(p, s, f, at);
		return;
	}
	c = circuit_target(p, f->target, &path);
	if (c && !has_customer(c, path) && !p->unresolved)
		problem(p, at, "scenario '%s' fails '%s', where no router of the customer is: there is no link to lose",
			s->name, shown(p, f->target));
	if (c || (n && TARGETS & (1u << n->thing)))
		return;
	if (n)
		problem(p, at,
			"scenario '%s' names '%s', which is a %s, not a circuit, circuit path, connection, gateway or "
			"router",
			s->name, shown(p, f->target), thing_text(n->thing));
	else
		problem(p, at, "scenario '%s' names '%s', which is not defined%s", s->name, shown(p, f->target),
			suggest_part(p, f->target, TARGETS));
}

/* Which options go with which target, as `fail` has it. */
static void options_check(struct parser *p, const struct scenario *s, const struct planned_fault *f, struct pos at)
{
	struct name *n = name_find(p, SCOPE_DEVICES, f->target);
	int path = -1;
	bool circuit = circuit_target(p, f->target, &path);

	if (!!f->silent + (f->layer != LAYER_LINK) + !!f->maintenance > 1)
		problem(p, at,
			"scenario '%s' fails '%s' in several ways: silent, layer and maintenance exclude each other",
			s->name, shown(p, f->target));
	if (f->layer != LAYER_LINK && !circuit)
		problem(p, at,
			"scenario '%s' fails a layer of '%s': 'layer' goes with a circuit (er1) or a circuit path "
			"(er1.primary)",
			s->name, shown(p, f->target));
	if (f->maintenance && !(circuit && path >= 0) && !(n && n->thing == THING_GATEWAY))
		problem(p, at,
			"scenario '%s' has maintenance of '%s': Microsoft maintains a circuit path (er1.primary) or a "
			"gateway (hub-ergw)",
			s->name, shown(p, f->target));
}

static void fault_check(struct parser *p, const struct scenario *s, const struct planned_fault *f)
{
	size_t before = p->diags->errors;
	struct pos at = field_pos(p, &f->target, f->at);

	if (!f->target)
		return;
	target_check(p, s, f, at);
	if (p->diags->errors == before)
		options_check(p, s, f, at);
}

void check_scenarios(struct parser *p)
{
	vec_each(s, &p->topo->scenarios) {
		if (!s->fail.n && field_given(p, &s->fail))
			problem(p, s->at, "scenario '%s' fails nothing", s->name);
		vec_each(fault, &s->fail)
			fault_check(p, s, fault);
		vec_each(e, &s->expect)
			expectation_check(p, e);
	}
}
