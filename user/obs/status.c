// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "obs/status.h"

#include <inttypes.h>
#include <string.h>

#include "obs/impair.h"
#include "obs/fastpath.h"
#include "obs/limits.h"
#include "obs/names.h"

struct end {
	char namespace[256];
	const char *interface;
	const char *at; /* device or host */
	uint32_t ifindex;
};

static struct end fabric_end(const struct lab *lab, uint32_t port)
{
	const struct image_port *p = &lab->image->ports.items[port];
	struct end e = {.interface = p->ifname, .ifindex = ERX_FIRST_IFINDEX + p->id};

	lab_fabric_namespace(lab->topo->name, e.namespace);
	e.at = lab->fabric->devices.items[p->port->device].name;
	return e;
}

static struct end other_end(const struct lab *lab, const struct link *l)
{
	struct end e = {.interface = "eth0"};

	if (l->ports[1] != NO_INDEX)
		return fabric_end(lab, l->ports[1]);
	e.at = lab->fabric->hosts.items[l->host].name;
	lab_host_namespace(lab, &lab->fabric->hosts.items[l->host], e.namespace);
	return e;
}

static const struct net_port_state *state_of(const struct status_input *in, uint32_t ifindex)
{
	vec_each(s, in->states) {
		if (s->ifindex == ifindex)
			return s;
	}
	return NULL;
}

static const char *link_state(const struct status_input *in, const struct link *l)
{
	const struct net_port_state *s = state_of(in, fabric_end(in->lab, l->ports[0]).ifindex);

	if (!s)
		return "missing";
	if (in->lab->link_silent[l->index])
		return "silent";
	return s->up && s->carrier ? "up" : "down";
}

static struct erx_port_stats stats_of(const struct status_input *in, uint32_t port)
{
	struct erx_port_stats stats = {};
	uint64_t lost;

	if (in->dp)
		dp_read_port(in->dp, in->lab->image->ports.items[port].id, &stats, &lost);
	return stats;
}

/* --- Text -------------------------------------------------------------------------------------------------------- */

/* What 'impair show' tells in full. */
static void print_wire(const struct lab *lab, const struct link *l, FILE *out)
{
	char *delay;

	if (!lab->wired[l->index])
		return;
	delay = impair_delay_text(lab, l->index);
	fprintf(out, "  wire, %s%s", delay, lab->impairments[l->index].given ? ", impaired" : "");
	free(delay);
}

static void print_wires(const struct status_input *in, FILE *out)
{
	size_t n = in->lab->image->wires.n;

	if (n && in->wires > 0)
		fprintf(out, "wires: %zu, process %d\n", n, in->wires);
	else if (n)
		fprintf(out,
			"wires: %zu, their process is dead; packets on them are dropped and counted, the controller or "
			"'load' starts another\n",
			n);
}

static void print_links(const struct status_input *in, FILE *out)
{
	fprintf(out, "\n%-34s %-7s %-16s %-16s %12s %12s\n", "link", "state", "interface", "interface", "received",
		"sent");
	vec_each(l, &in->lab->fabric->links) {
		struct erx_port_stats stats = stats_of(in, l->ports[0]);

		fprintf(out, "%-34s %-7s %-16s %-16s %12llu %12llu", l->name, link_state(in, l),
			fabric_end(in->lab, l->ports[0]).interface, other_end(in->lab, l).interface, stats.received,
			stats.sent);
		print_wire(in->lab, l, out);
		fputc('\n', out);
	}
}

static void print_limit(void *out, const struct limit_usage *u)
{
	limit_print_warning(u, out);
}

void status_print(const struct status_input *in, FILE *out)
{
	const struct lab *lab = in->lab;
	char namespace[256], text[ADDR_STRLEN];

	lab_fabric_namespace(lab->topo->name, namespace);
	fprintf(out, "lab '%s': %zu hosts, %zu devices, %zu links, namespace %s\n", lab->topo->name,
		lab->fabric->hosts.n, lab->fabric->devices.n, lab->fabric->links.n, namespace);
	if (in->controller)
		fprintf(out, "controller: alive, process %d\n", in->controller);
	else
		fprintf(out, "controller: dead; packets are carried as routes were, the next change or 'load' starts "
			     "one\n");
	print_wires(in, out);
	if (!in->states->n || !in->dp || in->unattached)
		fprintf(out, "damaged: %s; run 'erxdpctl load' with its file again\n",
			!in->states->n ? "the fabric's namespace is gone"
			: !in->dp      ? "the programs are gone"
				       : "a port lacks its program");
	vec_each(f, &lab->faults)
		fprintf(out, "%s: %s %s\n", fault_is_planned(f->kind) ? "maintenance" : "failed", f->target,
			fault_text(f->kind));
	for (size_t i = 0; i < lab->topo->connections.n; i++) {
		if (lab->fastpath[i])
			fprintf(out, "FastPath on: %s\n", lab->topo->connections.items[i].name);
		if (lab->loans[i].lent)
			fprintf(out, "FastPath lent to a comparison: %s, %s again after it\n",
				lab->topo->connections.items[i].name, lab->loans[i].was_on ? "on" : "off");
	}
	limits_print_warnings(lab->now, out);
	fastpath_limits(lab->topo, lab->fastpath, print_limit, out);
	fprintf(out, "\n%-16s %-16s %s\n", "host", "address", "namespace");
	vec_each(h, &lab->fabric->hosts) {
		lab_host_namespace(lab, h, namespace);
		fprintf(out, "%-16s %-16s %s", h->name, addr_format(&h->addr, text), namespace);
		if (h->sink)
			fprintf(out, "  sink for %" PRIu64 " address%s", host_count_addresses(h),
				host_count_addresses(h) == 1 ? "" : "es");
		fputc('\n', out);
	}
	fprintf(out, "\n%-20s %s\n", "device", "kind");
	vec_each(d, &lab->fabric->devices)
		fprintf(out, "%-20s %s\n", d->name, kind_text(d->kind));
	print_links(in, out);
	loads_print(in->loads, out);
}

/* --- JSON -------------------------------------------------------------------------------------------------------- */

static cJSON *end_json(const struct end *e)
{
	cJSON *item = cJSON_CreateObject();

	cJSON_AddStringToObject(item, "at", e->at);
	cJSON_AddStringToObject(item, "namespace", e->namespace);
	cJSON_AddStringToObject(item, "interface", e->interface);
	return item;
}

static cJSON *wire_json(const struct lab *lab, const struct link *l)
{
	cJSON *item = cJSON_CreateObject(), *delay = cJSON_AddArrayToObject(item, "delayMs");

	for (int from = 0; from < 2; from++)
		cJSON_AddItemToArray(delay, cJSON_CreateNumber(lab_line(lab, l->index, from).delay_ns / 1e6));
	cJSON_AddBoolToObject(item, "impaired", lab->impairments[l->index].given);
	return item;
}

static void add_links(const struct status_input *in, cJSON *list)
{
	vec_each(l, &in->lab->fabric->links) {
		struct end a = fabric_end(in->lab, l->ports[0]), b = other_end(in->lab, l);
		struct erx_port_stats stats = stats_of(in, l->ports[0]);
		cJSON *item = cJSON_CreateObject(), *ends = cJSON_CreateArray();

		cJSON_AddStringToObject(item, "name", l->name);
		cJSON_AddStringToObject(item, "state", link_state(in, l));
		cJSON_AddItemToArray(ends, end_json(&a));
		cJSON_AddItemToArray(ends, end_json(&b));
		cJSON_AddItemToObject(item, "ends", ends);
		cJSON_AddNumberToObject(item, "received", stats.received);
		cJSON_AddNumberToObject(item, "sent", stats.sent);
		if (in->lab->wired[l->index])
			cJSON_AddItemToObject(item, "wire", wire_json(in->lab, l));
		cJSON_AddItemToArray(list, item);
	}
}

static void add_hosts(const struct lab *lab, cJSON *list)
{
	char namespace[256], text[ADDR_STRLEN];

	vec_each(h, &lab->fabric->hosts) {
		cJSON *item = cJSON_CreateObject();

		lab_host_namespace(lab, h, namespace);
		cJSON_AddStringToObject(item, "name", h->name);
		cJSON_AddStringToObject(item, "address", addr_format(&h->addr, text));
		cJSON_AddStringToObject(item, "namespace", namespace);
		cJSON_AddBoolToObject(item, "sink", h->sink);
		cJSON_AddNumberToObject(item, "addresses", host_count_addresses(h));
		cJSON_AddItemToArray(list, item);
	}
}

static void add_faults(const struct lab *lab, cJSON *list)
{
	vec_each(f, &lab->faults) {
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "target", f->target);
		cJSON_AddStringToObject(item, "how", fault_word(f->kind));
		cJSON_AddBoolToObject(item, "silent", f->kind == FAULT_SILENT);
		cJSON_AddItemToArray(list, item);
	}
}

static void add_limit(void *list, const struct limit_usage *u)
{
	cJSON_AddItemToArray(list, limit_json(u));
}

cJSON *status_json(const struct status_input *in)
{
	const struct lab *lab = in->lab;
	cJSON *root = cJSON_CreateObject(), *devices, *limits;
	char namespace[256];

	lab_fabric_namespace(lab->topo->name, namespace);
	cJSON_AddStringToObject(root, "lab", lab->topo->name);
	cJSON_AddStringToObject(root, "namespace", namespace);
	cJSON_AddBoolToObject(root, "controller", in->controller);
	if (in->controller)
		cJSON_AddNumberToObject(root, "controllerPid", in->controller);
	cJSON_AddNumberToObject(root, "wires", lab->image->wires.n);
	if (lab->image->wires.n)
		cJSON_AddBoolToObject(root, "wireProcess", in->wires > 0);
	if (in->wires > 0)
		cJSON_AddNumberToObject(root, "wirePid", in->wires);
	cJSON_AddBoolToObject(root, "damaged", !in->states->n || !in->dp || in->unattached);
	add_faults(lab, cJSON_AddArrayToObject(root, "failed"));
	add_hosts(lab, cJSON_AddArrayToObject(root, "hosts"));
	devices = cJSON_AddArrayToObject(root, "devices");
	vec_each(d, &lab->fabric->devices) {
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "name", d->name);
		cJSON_AddStringToObject(item, "kind", kind_name(d->kind));
		cJSON_AddItemToArray(devices, item);
	}
	add_links(in, cJSON_AddArrayToObject(root, "links"));
	limits = limits_json(lab->now);
	fastpath_limits(lab->topo, lab->fastpath, add_limit, limits);
	cJSON_AddItemToObject(root, "limits", limits);
	cJSON_AddItemToObject(root, "load", loads_json(in->loads));
	cJSON_AddItemToObject(root, "sessionsDown", sessions_down_json(lab->now));
	return root;
}
