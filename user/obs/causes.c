// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Why a packet does not arrive. How the walk ended says what kind of cause it
 * is: most ends have one, in the table below; where no route was, the cause is
 * between the devices that have one and the device that has not (gaps.h).
 */
#include <stdio.h>

#include "obs/gaps.h"
#include "obs/names.h"
#include "obs/notes.h"
#include "obs/words.h"

#define MOST_REASONS 6

struct ending {
	const struct note_case *c;
	const struct walk *walk;
	const struct step *last;
	const struct host *to; /* where this walk was to arrive */
	enum note_way way;
};

/* "'hub'" and, on the way back, that the first half works. */
static const char *lead_in(const struct ending *e)
{
	return e->way == NOTE_FORWARD ? "" : "on the way back, ";
}

static const struct route *route_in_use(const struct step *s)
{
	return s->route && s->route->entry && s->route->entry->n_best ? &s->route->entry->routes[0] : NULL;
}

static const struct udr *udr_in_use(const struct step *s)
{
	const struct route *r = route_in_use(s);

	return r && r->source == SOURCE_UDR ? r->udr : NULL;
}

/* --- Ends that are causes ----------------------------------------------------------------------------------------- */

static char *say_silent_fault(const struct ending *e)
{
	const struct fabric *f = e->c->image->fabric;
	const struct link *l = &f->links.items[f->ports.items[e->last->in_port].link];

	if (e->last->outcome != ERX_fault)
		return NULL;
	return xasprintf(
		"%slink '%s' loses packets silently: its carrier is up and routing still uses it, until BFD or "
		"the hold timer notices",
		lead_in(e), l->name);
}

static char *say_loop(const struct ending *e)
{
	if (e->walk->outcome != ERX_loop && e->walk->outcome != ERX_ttl_zero && e->walk->outcome != ERX_ttl_silent &&
	    e->walk->outcome != ERX_answered_time_exceeded)
		return NULL;
	return xasprintf("%sthe packet goes in a circle and ends at '%s': routes point at each other", lead_in(e),
			 e->last->device->name);
}

static char *say_other_host(const struct ending *e)
{
	const struct udr *u = udr_in_use(e->last);

	if (!e->walk->delivered)
		return NULL;
	if (u)
		return xasprintf("%suser-defined route '%s' sends it to appliance '%s', and the twin's hosts forward "
				 "nothing",
				 lead_in(e), u->name, e->walk->delivered->name);
	return xasprintf("%sit arrives at '%s', which has the same address in another network", lead_in(e),
			 e->walk->delivered->name);
}

static char *say_udr(const struct ending *e)
{
	const struct udr *u = udr_in_use(e->last);
	char prefix[PREFIX_STRLEN], hop[ADDR_STRLEN];

	if (!u)
		return NULL;
	prefix_format(&u->prefix, prefix);
	switch (u->hop) {
	case UDR_NONE:
		return xasprintf("%suser-defined route '%s' (%s) of '%s' says None: the packet is dropped", lead_in(e),
				 u->name, prefix, e->last->device->name);
	case UDR_VNET_LOCAL:
		if (route_in_use(e->last)->link != NO_INDEX)
			return NULL;
		return xasprintf("%suser-defined route '%s' (%s) of '%s' says VnetLocal, and no virtual machine of it "
				 "has the address: the packet is dropped",
				 lead_in(e), u->name, prefix, e->last->device->name);
	case UDR_INTERNET:
		return xasprintf("%suser-defined route '%s' (%s) of '%s' says Internet, which is not part of the twin",
				 lead_in(e), u->name, prefix, e->last->device->name);
	case UDR_VIRTUAL_APPLIANCE:
		if (route_in_use(e->last)->link != NO_INDEX)
			return xasprintf(
				"%suser-defined route '%s' (%s) of '%s' leads to appliance %s in a peered VNet, "
				"and the twin hands packets only to an appliance of the same VNet",
				lead_in(e), u->name, prefix, e->last->device->name, addr_format(&u->next_hop, hop));
		return xasprintf("%suser-defined route '%s' (%s) of '%s' leads to appliance %s, which '%s' does not "
				 "reach: Azure keeps the route and loses the packets",
				 lead_in(e), u->name, prefix, e->last->device->name, addr_format(&u->next_hop, hop),
				 e->last->device->name);
	case UDR_VIRTUAL_NETWORK_GATEWAY:
		return xasprintf("%suser-defined route '%s' (%s) of '%s' leads to a VPN gateway, and there is none "
				 "(VirtualNetworkGateway as next hop is no ExpressRoute gateway)",
				 lead_in(e), u->name, prefix, e->last->device->name);
	default: return NULL;
	}
}

static char *say_dead_next_hop(const struct ending *e)
{
	const struct fabric *f = e->c->image->fabric;

	if (e->last->outcome != ERX_no_port || e->last->out_port == NO_INDEX)
		return NULL;
	return xasprintf("%s'%s' still sends by link '%s', which is down", lead_in(e), e->last->device->name,
			 f->links.items[f->ports.items[e->last->out_port].link].name);
}

static const struct {
	const char *name, *source;
	char *(*say)(const struct ending *e);
} endings[] = {
	{"silent-fault", "azure.md 7.1", say_silent_fault},
	{"other-host", "azure.md 8.1", say_other_host},
	{"user-defined-route", "azure.md 8.1", say_udr},
	{"dead-next-hop", "azure.md 7.1", say_dead_next_hop},
	{"loop", "azure.md 7.2", say_loop},
};

static bool add_ending(const struct ending *e, note_list *out)
{
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		char *text = endings[i].say(e);

		if (!text)
			continue;
		notes_add(out, (struct note){endings[i].name, endings[i].source, e->way, true, text});
		return true;
	}
	return false;
}

/* --- No route ----------------------------------------------------------------------------------------------------- */

static char *with_subject(const struct ending *e, const char *reason)
{
	const char *lacks = e->last->device->name;
	char host[HOST_TEXT];

	host_text(e->to, host);
	if (e->way == NOTE_FORWARD)
		return xasprintf("'%s' has no route to '%s': %s", lacks, host, reason);
	return xasprintf("'%s' has no route back to '%s': %s", lacks, host, reason);
}

/* The subnet's table lacks what the VNet's own has. */
static bool add_subnet_cause(const struct ending *e, note_list *out)
{
	const struct rib_table *t = step_table(e->c->image, e->last);
	char *reason, *text;

	if (!t->subnet || !t->subnet->route_table->disable_bgp_propagation ||
	    !device_leads_to(e->c->image, t->device, e->to))
		return false;
	reason = xasprintf("route table '%s' of subnet '%s' has disableBgpRoutePropagation on, so what the gateways "
			   "have learned is not there",
			   t->subnet->route_table->name, t->name);
	text = with_subject(e, reason);
	free(reason);
	notes_add(out, (struct note){"bgp-propagation-off", "azure.md 8.1", e->way, true, text});
	return true;
}

/* What has failed comes first, then what was never there, last what the file itself shuts. */
static unsigned rank(const struct ending *e, const struct gap *g)
{
	if (g->up)
		return 1;
	return g->link != NO_INDEX && e->c->image->fabric->links.items[g->link].down_in_file ? 2 : 0;
}

static void add_gap_cause(const struct ending *e, const struct gap *g, size_t most, note_list *out)
{
	struct reason reason = gap_reason(e->c->image, g, e->to);
	struct note note = {reason.name, reason.source, e->way, true, with_subject(e, reason.text)};

	if (out->n < most)
		notes_add(out, note);
	else
		free(note.text);
	free(reason.text);
}

static void add_gap_causes(const struct ending *e, note_list *out)
{
	size_t most = out->n + MOST_REASONS;
	gap_list gaps = {};

	gaps_find(e->c->image, e->last->device->index, e->to, &gaps);
	for (unsigned place = 0; place < 3; place++) {
		vec_each(g, &gaps) {
			if (rank(e, g) == place)
				add_gap_cause(e, g, most, out);
		}
	}
	vec_free(&gaps);
}

static void add_no_route(const struct ending *e, note_list *out)
{
	size_t before = out->n;
	char *reason;

	if (!add_subnet_cause(e, out))
		add_gap_causes(e, out);
	if (out->n > before)
		return;
	reason = xasprintf("no peering, connection or circuit joins them (%s)", outcome_text(e->last->outcome));
	notes_add(out, (struct note){"not-joined", "azure.md 7.5", e->way, true, with_subject(e, reason)});
	free(reason);
}

void notes_causes(const struct note_case *c, enum note_way way, note_list *out)
{
	struct ending e = {.c = c, .way = way};

	e.walk = way == NOTE_FORWARD ? &c->p->forward : &c->p->back;
	e.to = way == NOTE_FORWARD ? c->to : c->from;
	e.last = last_step(e.walk);
	if (same_host(e.walk->delivered, e.to) || add_ending(&e, out))
		return;
	add_no_route(&e, out);
}
