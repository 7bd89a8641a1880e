// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "obs/fastpath.h"

#include <string.h>

static void text_of_rule(const struct fastpath_span *s, char *out, size_t size)
{
	if (s->rule)
		fastpath_rule_text(s->rule, &s->c, out, size);
	else
		snprintf(out, size, "the way past the gateway is down");
}

bool fastpath_step_text(const struct image *image, const bool *on, const struct step *s, const struct addr *dst,
			char *out, size_t size)
{
	const struct fabric *f = image->fabric;
	const struct link *l = s->out_port == NO_INDEX ? NULL : &f->links.items[f->ports.items[s->out_port].link];
	struct fastpath_span span;
	char why[256];

	if (s->device->kind != ERX_KIND_MSEE || !l || (l->kind != LINK_VNET_MSEE && l->kind != LINK_MSEE_ERGW))
		return false;
	if (l->kind == LINK_VNET_MSEE) {
		snprintf(out, size, "applies: the gateway is bypassed");
		return true;
	}
	if (!fastpath_find(f->topo, on, l->connection, dst, &span) && !span.rule)
		snprintf(why, sizeof(why), "no resource of '%s' uses this address", l->connection->gateway->vnet->name);
	else
		text_of_rule(&span, why, sizeof(why));
	snprintf(out, size, "does not apply: %s", why);
	return true;
}

bool fastpath_impossible(const struct topo *t, const struct connection *c, char *out, size_t size)
{
	struct fastpath_case a_case = {.topo = t, .connection = c, .on = true};
	const struct fastpath_rule *r = fastpath_forbids(&a_case);

	if (r)
		fastpath_rule_text(r, &a_case, out, size);
	return r;
}

/* --- Limits ------------------------------------------------------------------------------------------------------ */

static const char *limited_by(const struct connection *c)
{
	return c->circuit->port ? c->circuit->port->name : c->circuit->name;
}

/* Its own addresses, and those of all that are on and share its limit; 0 when an earlier one has told of them. */
static uint64_t wanted_together(const struct topo *t, const bool *on, const struct connection *c)
{
	uint64_t sum = 0;

	vec_each(other, &t->connections) {
		if (other->type != CONNECTION_EXPRESSROUTE || !on[other - t->connections.items] ||
		    limited_by(other) != limited_by(c))
			continue;
		if (other < c)
			return 0;
		sum += fastpath_count_of(t, on, other).wanted;
	}
	return sum;
}

void fastpath_limits(const struct topo *t, const bool *on, fastpath_limit_fn fn, void *arg)
{
	vec_each(c, &t->connections) {
		struct limit_usage u = {.consequence = "those that are too many go through the gateway",
					.source = "azure.md 5"};
		char what[256];

		if (c->type != CONNECTION_EXPRESSROUTE || !on[c - t->connections.items])
			continue;
		u.count = wanted_together(t, on, c);
		if (!u.count)
			continue;
		u.object = limited_by(c);
		u.what = what;
		u.limit = fastpath_limit(c);
		u.over = u.count > u.limit;
		snprintf(what, sizeof(what), "FastPath addresses on '%s'", u.object);
		fn(arg, &u);
	}
}

/* --- A connection ------------------------------------------------------------------------------------------------ */

static void span_name(const struct fastpath_span *s, char *out, size_t size)
{
	const struct address_run *u = s->c.user;

	switch (u->what) {
	case ADDRESS_VM: snprintf(out, size, "%s", u->vm->name); break;
	case ADDRESS_LOAD_BALANCER:
	case ADDRESS_PRIVATE_ENDPOINT: snprintf(out, size, "%s", u->endpoint->name); break;
	default: snprintf(out, size, "%s/%s", s->c.vnet->name, u->subnet->name); break;
	}
}

static void span_addresses(const struct fastpath_span *s, char *out, size_t size)
{
	struct addr last = addr_plus(&s->first, s->count - 1);
	char a[ADDR_STRLEN], b[ADDR_STRLEN];

	if (s->count == 1)
		snprintf(out, size, "%s", addr_format(&s->first, a));
	else
		snprintf(out, size, "%s-%s", addr_format(&s->first, a), addr_format(&last, b));
}

static bool print_span(void *arg, const struct fastpath_span *s)
{
	char name[256], addresses[2 * ADDR_STRLEN], why[256] = "";

	span_name(s, name, sizeof(name));
	span_addresses(s, addresses, sizeof(addresses));
	if (s->rule)
		fastpath_rule_text(s->rule, &s->c, why, sizeof(why));
	fprintf(arg, "  %-20s %-16s %-29s %s%s\n", s->c.vnet->name, name, addresses, s->rule ? "gateway  " : "bypass",
		why);
	return true;
}

void fastpath_print(const struct topo *t, const bool *on, const struct connection *c, FILE *out)
{
	struct fastpath_count n = fastpath_count_of(t, on, c);
	bool is_on = on[c - t->connections.items];
	char why[256];

	fprintf(out, "%s: FastPath is %s", c->name, is_on ? "on" : "off");
	if (fastpath_impossible(t, c, why, sizeof(why)))
		fprintf(out, "; not possible: %s\n", why);
	else
		fprintf(out, "; %llu of %llu addresses %s programmed on '%s'%s\n", (unsigned long long)n.programmed,
			(unsigned long long)fastpath_limit(c), is_on ? "are" : "would be", limited_by(c),
			n.programmed < n.wanted ? ", the rest goes through the gateway" : "");
	fprintf(out, "  %-20s %-16s %-29s %-8s %s\n", "virtual network", "destination", "address", "way", "rule");
	fastpath_spans(t, on, c, print_span, out);
}

static bool add_span(void *arg, const struct fastpath_span *s)
{
	char name[256], why[256], first[ADDR_STRLEN];
	cJSON *item = cJSON_CreateObject();

	span_name(s, name, sizeof(name));
	cJSON_AddStringToObject(item, "virtualNetwork", s->c.vnet->name);
	cJSON_AddStringToObject(item, "name", name);
	cJSON_AddStringToObject(item, "first", addr_format(&s->first, first));
	cJSON_AddNumberToObject(item, "count", s->count);
	cJSON_AddStringToObject(item, "way", s->rule ? "gateway" : "bypass");
	if (s->rule) {
		fastpath_rule_text(s->rule, &s->c, why, sizeof(why));
		cJSON_AddStringToObject(item, "forbiddenBy", why);
	}
	cJSON_AddItemToArray(arg, item);
	return true;
}

cJSON *fastpath_json(const struct topo *t, const bool *on, const struct connection *c)
{
	struct fastpath_count n = fastpath_count_of(t, on, c);
	bool is_on = on[c - t->connections.items];
	cJSON *item = cJSON_CreateObject();
	char why[256];
	bool impossible = fastpath_impossible(t, c, why, sizeof(why));

	cJSON_AddStringToObject(item, "connection", c->name);
	cJSON_AddBoolToObject(item, "expressRouteGatewayBypass", is_on);
	cJSON_AddBoolToObject(item, "effective", is_on && !impossible);
	if (impossible)
		cJSON_AddStringToObject(item, "forbiddenBy", why);
	cJSON_AddNumberToObject(item, "programmed", is_on ? n.programmed : 0);
	cJSON_AddNumberToObject(item, "wanted", n.wanted);
	cJSON_AddNumberToObject(item, "limit", fastpath_limit(c));
	fastpath_spans(t, on, c, add_span, cJSON_AddArrayToObject(item, "destinations"));
	return item;
}
