// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "obs/explain.h"

#include <netinet/in.h>
#include <string.h>

#include "obs/names.h"

/* --- Words for one step ------------------------------------------------------------------------------------------ */

static const char *device_at(const struct image *image, uint32_t port)
{
	return image->fabric->devices.items[image->fabric->ports.items[port].device].name;
}

/* What is at the other end of a port: a device, or a host. */
static const char *far_end(const struct image *image, uint32_t port)
{
	uint32_t peer = port_peer(image->fabric, port);
	const struct link *l = &image->fabric->links.items[image->fabric->ports.items[port].link];

	return peer == NO_INDEX ? image->fabric->hosts.items[l->host].name : device_at(image, peer);
}

static void as_path_text(const struct attrs *a, char *out, size_t size)
{
	*out = '\0';
	for (unsigned i = 0; a && i < a->as_path_len; i++)
		snprintf(out + strlen(out), size - strlen(out), "%s%u", i ? "-" : "", a->as_path[i]);
}

/* "10.2.30.0/25 bgp via er1.primary (12076-65021)" */
static void route_text(const struct image *image, const struct prefix *prefix, const struct route *r, char *out,
		       size_t size)
{
	const struct fabric *f = image->fabric;
	char text[PREFIX_STRLEN], path[256];

	snprintf(out, size, "%s %s", prefix_format(prefix, text), source_name(r->source));
	if (r->from != NO_INDEX)
		snprintf(out + strlen(out), size - strlen(out), " from %s", f->devices.items[r->from].name);
	if (r->link != NO_INDEX)
		snprintf(out + strlen(out), size - strlen(out), " by %s", f->links.items[r->link].name);
	as_path_text(r->attrs, path, sizeof(path));
	if (*path)
		snprintf(out + strlen(out), size - strlen(out), ", AS path %s", path);
	if (r->attrs && r->attrs->weight)
		snprintf(out + strlen(out), size - strlen(out), ", weight %u", r->attrs->weight);
	if (r->attrs && r->attrs->local_pref != 100)
		snprintf(out + strlen(out), size - strlen(out), ", local preference %u", r->attrs->local_pref);
}

static void step_route_text(const struct image *image, const struct step *s, char *out, size_t size)
{
	const struct image_route *r = s->route;
	char text[PREFIX_STRLEN];

	if (!r)
		snprintf(out, size, "no route");
	else if (r->bypassing)
		snprintf(out, size, "%s FastPath host route of '%s'", prefix_format(&r->prefix, text), r->bypass->name);
	else if (!r->entry || !r->entry->n_best)
		snprintf(out, size, "%s, known before a failure; nothing covers it now",
			 prefix_format(&r->prefix, text));
	else
		route_text(image, &r->entry->prefix, &r->entry->routes[0], out, size);
}

static void step_rule_text(const struct step *s, char *out, size_t size)
{
	const struct image_route *r = s->route;

	if (!r)
		snprintf(out, size, "%s", outcome_text(s->outcome));
	else if (r->bypassing)
		snprintf(out, size, "the bypass is on: the MSEE sends to the VM's host past the gateway (azure.md 5)");
	else if (!r->entry || !r->entry->n_best)
		snprintf(out, size, "%s", outcome_text(s->outcome));
	else
		snprintf(out, size, "longest prefix, then %s", decide_step_text(r->entry->decided_at));
}

/* Members of the group in use, the chosen one in brackets. */
static void members_text(const struct image *image, const struct step *s, char *out, size_t size)
{
	*out = '\0';
	for (uint32_t i = 0; s->hops && i < s->hops->n; i++) {
		const struct image_adjacency *a = image_adjacency(image, s->hops->members[i].adjacency);

		snprintf(out + strlen(out), size - strlen(out), i == s->member ? "%s[%s]" : "%s%s", i ? " " : "",
			 far_end(image, a->port));
	}
}

/* --- FastPath ---------------------------------------------------------------------------------------------------- */

/* For an MSEE that sends into a VNet's gateway: why not past it. NULL: not that case. */
static const char *fastpath_text(const struct explain_input *in, const struct step *s)
{
	const struct link *l;

	if (s->device->kind != ERX_KIND_MSEE || s->out_port == NO_INDEX)
		return NULL;
	l = &in->image->fabric->links.items[in->image->fabric->ports.items[s->out_port].link];
	if (l->kind == LINK_VNET_MSEE)
		return "applies: the gateway is bypassed";
	if (l->kind != LINK_MSEE_ERGW)
		return NULL;
	if (!gateway_can_fastpath(l->connection->gateway))
		return "does not apply: the gateway's SKU has none (UltraPerformance, ErGw3AZ, ErGwScale from 10 "
		       "units)";
	if (!in->fastpath[l->connection - in->image->fabric->topo->connections.items])
		return "does not apply: expressRouteGatewayBypass of the connection is off";
	if (!s->route || !s->route->bypass)
		return "does not apply: the destination is no VM of the hub VNet; peered spokes of a provider circuit "
		       "go "
		       "through the gateway";
	return "does not apply: the way past the gateway is down";
}

/* --- Text -------------------------------------------------------------------------------------------------------- */

static void print_losers(const struct image *image, const struct step *s, FILE *out)
{
	const struct rib_entry *e = s->route ? s->route->entry : NULL;
	char text[512];

	for (unsigned i = e ? e->n_best : 0; e && i < e->n_routes; i++) {
		const struct route *r = &e->routes[i];

		route_text(image, &e->prefix, r, text, sizeof(text));
		fprintf(out, "      lost:   %s: %s\n", text, r->invalid ? r->invalid : decide_step_text(r->lost_at));
	}
}

static void print_step(const struct explain_input *in, const struct step *s, FILE *out)
{
	char text[512];

	fprintf(out, "  %s (%s), from %s\n", s->device->name, kind_text(s->device->kind),
		far_end(in->image, s->in_port));
	step_route_text(in->image, s, text, sizeof(text));
	fprintf(out, "      route:  %s\n", text);
	step_rule_text(s, text, sizeof(text));
	fprintf(out, "      rule:   %s\n", text);
	if (s->hops && s->hops->n > 1) {
		members_text(in->image, s, text, sizeof(text));
		fprintf(out, "      shares: %s%s\n", text,
			in->ports_given || in->flow.protocol == IPPROTO_ICMP
				? ""
				: " (which one depends on the ports; give --sport and --dport)");
	}
	print_losers(in->image, s, out);
	if (s->policy)
		fprintf(out, "      TTL:    %u to %u; %s\n", s->ttl_in, s->ttl_out, s->policy->text);
	if (fastpath_text(in, s))
		fprintf(out, "      FastPath %s\n", fastpath_text(in, s));
	if (s->outcome != ERX_forwarded)
		fprintf(out, "      ends here: %s\n", outcome_text(s->outcome));
}

static void print_way(const struct explain_input *in, const struct walk *w, FILE *out)
{
	vec_each(s, &w->steps)
		print_step(in, s, out);
	if (w->delivered)
		fprintf(out, "  %s receives it with TTL %u\n", w->delivered->name, w->ttl);
}

static void print_hops(const struct prediction *p, FILE *out)
{
	char text[ADDR_STRLEN];

	vec_each(h, &p->hops) {
		fprintf(out, "  %2u  %-15s", h->ttl, addr_is_set(&h->addr) ? addr_format(&h->addr, text) : "*");
		fprintf(out, "  %s%s%s\n", h->device ? h->device->name : "", *h->silent ? " silent: " : "", h->silent);
	}
}

static bool same_way(const struct prediction *p)
{
	size_t n = p->forward.steps.n;

	if (n != p->back.steps.n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (p->forward.steps.items[i].device != p->back.steps.items[n - 1 - i].device)
			return false;
	return true;
}

static struct flow reverse(const struct flow *f)
{
	struct flow r = {.src = f->dst, .dst = f->src, .protocol = f->protocol, .sport = f->dport, .dport = f->sport};

	return r;
}

void explain_print(const struct explain_input *in, FILE *out)
{
	struct explain_input back = *in;
	struct prediction p;

	predict(in->image, in->from, in->to, &in->flow, &p);
	fprintf(out, "%s > %s\n", in->from->name, in->to->name);
	print_way(in, &p.forward, out);
	fprintf(out, "\n%s > %s, the way back%s\n", in->to->name, in->from->name,
		p.reachable && !same_way(&p) ? " (not the same devices)" : "");
	back.flow = reverse(&in->flow);
	print_way(&back, &p.back, out);
	fprintf(out, "\ntraceroute shows\n");
	print_hops(&p, out);
	if (p.reachable)
		fprintf(out, "\nreachable; ping prints ttl=%u\n", p.ping_ttl);
	else
		fprintf(out, "\nnot reachable\n");
	prediction_free(&p);
}

/* --- JSON -------------------------------------------------------------------------------------------------------- */

static const struct step *step_of(const struct walk *w, const struct device *d)
{
	vec_each(s, &w->steps) {
		if (s->device == d)
			return s;
	}
	return NULL;
}

static cJSON *losers_json(const struct image *image, const struct step *s)
{
	const struct rib_entry *e = s && s->route ? s->route->entry : NULL;
	cJSON *list = cJSON_CreateArray();
	char text[512];

	for (unsigned i = e ? e->n_best : 0; e && i < e->n_routes; i++) {
		const struct route *r = &e->routes[i];
		cJSON *item = cJSON_CreateObject();

		route_text(image, &e->prefix, r, text, sizeof(text));
		cJSON_AddStringToObject(item, "route", text);
		cJSON_AddStringToObject(item, "lostBy", r->invalid ? r->invalid : decide_step_text(r->lost_at));
		cJSON_AddItemToArray(list, item);
	}
	return list;
}

static cJSON *members_json(const struct image *image, const struct step *s)
{
	cJSON *list = cJSON_CreateArray();

	for (uint32_t i = 0; s && s->hops && i < s->hops->n; i++) {
		const struct image_adjacency *a = image_adjacency(image, s->hops->members[i].adjacency);

		cJSON_AddItemToArray(list, cJSON_CreateString(far_end(image, a->port)));
	}
	return list;
}

/* One line of the traceroute, with what its device does to a packet that goes on. */
static cJSON *hop_json(const struct explain_input *in, const struct walk *way, const struct hop *hop)
{
	const struct step *s = hop->device ? step_of(way, hop->device) : NULL;
	cJSON *item = cJSON_CreateObject();
	char text[512] = "", addr[ADDR_STRLEN];

	cJSON_AddStringToObject(item, "device",
				hop->device	 ? hop->device->name
				: way->delivered ? way->delivered->name
						 : "");
	cJSON_AddNumberToObject(item, "ttl", hop->ttl);
	if (addr_is_set(&hop->addr))
		cJSON_AddStringToObject(item, "hop", addr_format(&hop->addr, addr));
	else
		cJSON_AddNullToObject(item, "hop");
	if (*hop->silent)
		cJSON_AddStringToObject(item, "silent", hop->silent);
	else
		cJSON_AddNullToObject(item, "silent");
	if (s)
		step_route_text(in->image, s, text, sizeof(text));
	cJSON_AddStringToObject(item, "route", text);
	*text = '\0';
	if (s)
		step_rule_text(s, text, sizeof(text));
	cJSON_AddStringToObject(item, "rule", text);
	cJSON_AddItemToObject(item, "lost", losers_json(in->image, s));
	cJSON_AddItemToObject(item, "members", members_json(in->image, s));
	if (s && fastpath_text(in, s))
		cJSON_AddStringToObject(item, "fastPath", fastpath_text(in, s));
	return item;
}

static cJSON *way_json(const struct explain_input *in, const struct prediction *p)
{
	cJSON *list = cJSON_CreateArray();

	vec_each(hop, &p->hops)
		cJSON_AddItemToArray(list, hop_json(in, &p->forward, hop));
	return list;
}

cJSON *explain_json(const struct explain_input *in)
{
	struct explain_input back = {.image = in->image,
				     .fastpath = in->fastpath,
				     .from = in->to,
				     .to = in->from,
				     .flow = reverse(&in->flow),
				     .ports_given = in->ports_given};
	cJSON *root = cJSON_CreateObject();
	struct prediction there, here;

	predict(in->image, in->from, in->to, &in->flow, &there);
	predict(in->image, back.from, back.to, &back.flow, &here);
	cJSON_AddBoolToObject(root, "reachable", there.reachable);
	if (there.reachable)
		cJSON_AddNumberToObject(root, "pingTtl", there.ping_ttl);
	else
		cJSON_AddNullToObject(root, "pingTtl");
	cJSON_AddItemToObject(root, "forward", way_json(in, &there));
	cJSON_AddItemToObject(root, "back", way_json(&back, &here));
	prediction_free(&there);
	prediction_free(&here);
	return root;
}
