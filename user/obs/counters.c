// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Two sums hold once the lab is quiet, and tests add them up. Per device:
 * received = forwarded + answered + dropped. Per direction of a link: sent =
 * received by the peer + lost in the port + what a wire between them has lost or
 * still has. Hellos are in neither: they are the
 * controller's, and no device has sent them.
 */
#include "obs/counters.h"

#include <string.h>

#include "obs/impair.h"
#include "obs/names.h"

struct device_counts {
	uint64_t outcomes[ERX_N_OUTCOMES];
	uint64_t received, lost; /* over all ports; without hellos */
};

static void read_device(const struct dp *dp, const struct image *image, const struct image_device *d,
			struct device_counts *c)
{
	memset(c, 0, sizeof(*c));
	dp_read_device(dp, d->id, c->outcomes);
	vec_each(p, &d->device->ports) {
		struct erx_port_stats stats;
		uint64_t lost = 0;

		if (dp_read_port(dp, image->ports.items[*p].id, &stats, &lost))
			continue;
		c->received += stats.received;
		c->lost += lost;
	}
	c->received -= c->outcomes[ERX_hello];
}

static uint64_t sum(const uint64_t *outcomes, int from, int to)
{
	uint64_t total = 0;

	for (int i = from; i < to; i++)
		total += outcomes[i];
	return total;
}

/* --- Text -------------------------------------------------------------------------------------------------------- */

static void print_paths(const struct dp *dp, FILE *out)
{
	dp_path_counts paths = {};

	dp_read_paths(dp, &paths);
	fprintf(out, "%-44s %12s %15s\n", "path", "packets", "bytes");
	vec_each(p, &paths)
		fprintf(out, "%-44s %12lu %15lu\n", p->name, p->packets, p->bytes);
	vec_free(&paths);
}

static void print_devices(const struct dp *dp, const struct image *image, FILE *out)
{
	fprintf(out, "\n%-20s %-6s %12s %12s %10s %10s\n", "device", "kind", "received", "forwarded", "answered",
		"dropped");
	vec_each(d, &image->devices) {
		struct device_counts c;

		read_device(dp, image, d, &c);
		fprintf(out, "%-20s %-6s %12lu %12lu %10lu %10lu\n", d->device->name, kind_name(d->device->kind),
			c.received, c.outcomes[ERX_forwarded], sum(c.outcomes, ERX_answered_arp, ERX_FIRST_DROP),
			sum(c.outcomes, ERX_FIRST_DROP, ERX_N_OUTCOMES));
	}
}

static void print_drops(const struct dp *dp, const struct image *image, FILE *out)
{
	fprintf(out, "\n%-20s %-20s %12s\n", "device", "drop reason", "packets");
	vec_each(d, &image->devices) {
		struct device_counts c;

		read_device(dp, image, d, &c);
		for (int i = ERX_FIRST_DROP; i < ERX_N_OUTCOMES; i++) {
			if (c.outcomes[i])
				fprintf(out, "%-20s %-20s %12lu  %s\n", d->device->name, outcome_name(i), c.outcomes[i],
					outcome_text(i));
		}
		if (c.lost)
			fprintf(out, "%-20s %-20s %12lu  %s\n", d->device->name, "lost-in-port", c.lost,
				"sent, but refused by the port's driver");
	}
}

static void print_wire_drops(const struct dp *dp, const struct image *image, const struct wire_stats *wires, FILE *out)
{
	vec_each(w, &image->wires) {
		struct wire_drop drops[N_WIRE_DROPS];
		uint64_t sums[N_WIRE_DROPS] = {};

		for (int from = 0; from < 2; from++) {
			struct wire_counts c;

			wires_count(dp, image, wires, w, from, &c);
			wire_drops(&c, drops);
			for (int i = 0; i < N_WIRE_DROPS; i++)
				sums[i] += drops[i].packets;
		}
		for (int i = 0; i < N_WIRE_DROPS; i++) {
			if (sums[i])
				fprintf(out, "%-20s %-20s %12lu  %s\n", image->fabric->links.items[w->link].name,
					drops[i].reason, sums[i], drops[i].text);
		}
	}
}

void counters_print(const struct dp *dp, const struct image *image, const struct wire_stats *wires, FILE *out)
{
	print_paths(dp, out);
	print_devices(dp, image, out);
	print_drops(dp, image, out);
	print_wire_drops(dp, image, wires, out);
}

/* --- JSON -------------------------------------------------------------------------------------------------------- */

static void add_paths(const struct dp *dp, cJSON *list)
{
	dp_path_counts paths = {};

	dp_read_paths(dp, &paths);
	vec_each(p, &paths) {
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "path", p->name);
		cJSON_AddNumberToObject(item, "packets", p->packets);
		cJSON_AddNumberToObject(item, "bytes", p->bytes);
		cJSON_AddItemToArray(list, item);
	}
	vec_free(&paths);
}

static void add_drop(cJSON *list, const char *device, const char *reason, uint64_t packets)
{
	cJSON *item;

	if (!packets)
		return;
	item = cJSON_CreateObject();
	cJSON_AddStringToObject(item, "device", device);
	cJSON_AddStringToObject(item, "reason", reason);
	cJSON_AddNumberToObject(item, "packets", packets);
	cJSON_AddItemToArray(list, item);
}

static void add_device(const struct dp *dp, const struct image *image, const struct image_device *d, cJSON *devices,
		       cJSON *drops)
{
	cJSON *item = cJSON_CreateObject(), *answered;
	struct device_counts c;

	read_device(dp, image, d, &c);
	cJSON_AddStringToObject(item, "device", d->device->name);
	cJSON_AddStringToObject(item, "kind", kind_name(d->device->kind));
	cJSON_AddNumberToObject(item, "received", c.received);
	cJSON_AddNumberToObject(item, "forwarded", c.outcomes[ERX_forwarded]);
	answered = cJSON_AddObjectToObject(item, "answered");
	for (int i = ERX_answered_arp; i < ERX_FIRST_DROP; i++)
		cJSON_AddNumberToObject(answered, outcome_name(i), c.outcomes[i]);
	cJSON_AddNumberToObject(item, "dropped", sum(c.outcomes, ERX_FIRST_DROP, ERX_N_OUTCOMES));
	cJSON_AddNumberToObject(item, "lost", c.lost);
	cJSON_AddNumberToObject(item, "hellos", c.outcomes[ERX_hello]);
	cJSON_AddItemToArray(devices, item);
	for (int i = ERX_FIRST_DROP; i < ERX_N_OUTCOMES; i++)
		add_drop(drops, d->device->name, outcome_name(i), c.outcomes[i]);
	add_drop(drops, d->device->name, "lost-in-port", c.lost);
}

/* before: sent when there was no wire; received of the port, delivered to the peer, hellos included; the rest says what
 * became of the others. */
static cJSON *wire_json(const struct dp *dp, const struct image *image, const struct wire_stats *wires,
			const struct image_wire *w, int from)
{
	struct wire_drop drops[N_WIRE_DROPS];
	cJSON *item = cJSON_CreateObject();
	struct wire_counts c;

	wires_count(dp, image, wires, w, from, &c);
	wire_drops(&c, drops);
	cJSON_AddNumberToObject(item, "received", (double)c.received);
	cJSON_AddNumberToObject(item, "injected", (double)c.injected);
	cJSON_AddNumberToObject(item, "before", (double)c.before);
	cJSON_AddNumberToObject(item, "delivered", (double)c.delivered);
	cJSON_AddNumberToObject(item, "inFlight", (double)c.in_flight);
	for (int i = 0; i < N_WIRE_DROPS; i++)
		cJSON_AddNumberToObject(item, drops[i].name, (double)drops[i].packets);
	return item;
}

/* One direction: what this end has sent, what the other end has received. */
static void add_direction(const struct dp *dp, const struct image *image, const struct wire_stats *wires,
			  const struct link *l, int end, cJSON *list)
{
	const struct fabric *f = image->fabric;
	struct erx_port_stats here = {}, there = {};
	uint64_t lost = 0, other = 0;
	cJSON *item;

	if (l->ports[end] == NO_INDEX)
		return;
	dp_read_port(dp, image->ports.items[l->ports[end]].id, &here, &lost);
	item = cJSON_CreateObject();
	cJSON_AddStringToObject(item, "link", l->name);
	cJSON_AddStringToObject(item, "from", f->devices.items[f->ports.items[l->ports[end]].device].name);
	cJSON_AddNumberToObject(item, "sent", here.sent);
	if (l->ports[!end] != NO_INDEX) {
		dp_read_port(dp, image->ports.items[l->ports[!end]].id, &there, &other);
		cJSON_AddNumberToObject(item, "receivedByPeer", there.received - there.injected);
	}
	cJSON_AddNumberToObject(item, "lost", lost);
	vec_each(w, &image->wires) {
		if (w->link == l->index)
			cJSON_AddItemToObject(item, "wire", wire_json(dp, image, wires, w, end));
	}
	cJSON_AddItemToArray(list, item);
}

cJSON *counters_json(const struct dp *dp, const struct image *image, const struct wire_stats *wires)
{
	cJSON *root = cJSON_CreateObject();
	cJSON *paths = cJSON_AddArrayToObject(root, "paths"), *devices = cJSON_AddArrayToObject(root, "devices");
	cJSON *links = cJSON_AddArrayToObject(root, "links"), *drops = cJSON_AddArrayToObject(root, "drops");

	add_paths(dp, paths);
	vec_each(d, &image->devices)
		add_device(dp, image, d, devices, drops);
	vec_each(l, &image->fabric->links) {
		add_direction(dp, image, wires, l, 0, links);
		add_direction(dp, image, wires, l, 1, links);
	}
	return root;
}
