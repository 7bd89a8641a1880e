// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "obs/words.h"

#include <stdio.h>
#include <string.h>

#include "obs/names.h"

const char *device_name(const struct fabric *f, uint32_t device)
{
	return f->devices.items[device].name;
}

const char *port_device(const struct fabric *f, uint32_t port)
{
	return device_name(f, f->ports.items[port].device);
}

const char *port_far_end(const struct fabric *f, uint32_t port)
{
	uint32_t peer = port_peer(f, port);
	const struct link *l = &f->links.items[f->ports.items[port].link];

	return peer == NO_INDEX ? f->hosts.items[l->host].name : port_device(f, peer);
}

const char *host_text(const struct host *h, char buf[static HOST_TEXT])
{
	char text[ADDR_STRLEN];

	if (h->sink)
		snprintf(buf, HOST_TEXT, "%s (%s)", h->name, addr_format(&h->addr, text));
	else
		snprintf(buf, HOST_TEXT, "%s", h->name);
	return buf;
}

static void as_path_text(const struct attrs *a, char *out, size_t size)
{
	*out = '\0';
	for (unsigned i = 0; a && i < a->as_path_len; i++)
		snprintf(out + strlen(out), size - strlen(out), "%s%u", i ? "-" : "", a->as_path[i]);
}

void route_text(const struct fabric *f, const struct prefix *prefix, const struct route *r, char *out, size_t size)
{
	char text[PREFIX_STRLEN], path[256];

	snprintf(out, size, "%s %s", prefix_format(prefix, text), source_name(r->source));
	if (r->udr)
		snprintf(out + strlen(out), size - strlen(out), " '%s'", r->udr->name);
	if (r->from != NO_INDEX)
		snprintf(out + strlen(out), size - strlen(out), " from %s", device_name(f, r->from));
	if (r->link != NO_INDEX)
		snprintf(out + strlen(out), size - strlen(out), " by %s", f->links.items[r->link].name);
	as_path_text(r->attrs, path, sizeof(path));
	if (*path)
		snprintf(out + strlen(out), size - strlen(out), ", AS path %s", path);
	if (r->attrs && r->attrs->weight)
		snprintf(out + strlen(out), size - strlen(out), ", weight %u", r->attrs->weight);
	if (r->attrs && r->attrs->routing_weight)
		snprintf(out + strlen(out), size - strlen(out), ", routingWeight %u", r->attrs->routing_weight);
	if (r->attrs && r->attrs->local_pref != 100)
		snprintf(out + strlen(out), size - strlen(out), ", local preference %u", r->attrs->local_pref);
}

const char *resource_name(const struct device *d)
{
	return d->gateway ? d->gateway->name : d->circuit ? d->circuit->name : d->name;
}

unsigned learned_over(const struct rib *rib, const struct route *r)
{
	uint32_t link = r->session == NO_INDEX ? NO_INDEX : rib->sessions.items[r->session].link;

	if (r->source != SOURCE_BGP && !r->connection)
		return N_LINK_KINDS;
	if (link != NO_INDEX)
		return rib->fabric->links.items[link].kind;
	return r->connection && r->connection->type == CONNECTION_IPSEC ? LINK_TUNNEL : N_LINK_KINDS;
}

bool learned_by_vpn(const struct rib *rib, const struct route *r)
{
	return learned_over(rib, r) == LINK_TUNNEL;
}

bool learned_by_expressroute(const struct rib *rib, const struct route *r)
{
	unsigned kind = learned_over(rib, r);

	return kind == LINK_CIRCUIT || kind == LINK_MSEE_ERGW;
}

const struct step *last_step(const struct walk *w)
{
	return &w->steps.items[w->steps.n - 1];
}

const struct rib_table *step_table(const struct image *image, const struct step *s)
{
	return image_table_of_port(image, s->in_port)->now;
}
