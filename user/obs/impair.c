// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "obs/impair.h"

#include <inttypes.h>
#include <string.h>

#define BAR 40 /* characters of the longest bar of a histogram */

struct direction {
	const struct image_wire *wire;
	const struct link *link;
	int from;
	struct line_params params;
	const char *device; /* that sends */
};

void wire_drops(const struct wire_counts *c, struct wire_drop out[static N_WIRE_DROPS])
{
	const struct wire_drop all[N_WIRE_DROPS] = {
		{"lost", "lost-on-purpose", "lost, as 'impair set --loss' asks", c->lost},
		{"overrun", "rate-exceeded", "would have waited for the wire's rate for over 50 ms", c->overrun},
		{"ringFull", "ring-full", "came faster than the wire process could take them", c->ring_full},
		{"refused", "refused", "the port at the far end is down, or its ring is full", c->refused},
		{"noProcess", "no-wire-process", "there was no wire process", c->no_process},
		{"cutOff", "cut-off", "were on the wire when its process died", c->cut_off},
	};

	memcpy(out, all, sizeof(all));
}

static bool is_meant(const struct impair_view *view, const struct image_wire *w)
{
	if (!view->only)
		return true;
	vec_each(l, view->only) {
		if (*l == w->link)
			return true;
	}
	return false;
}

static struct direction direction_of(const struct impair_view *view, const struct image_wire *w, int from)
{
	const struct fabric *f = view->lab->fabric;
	const struct link *l = &f->links.items[w->link];

	return (struct direction){.wire = w,
				  .link = l,
				  .from = from,
				  .params = lab_line(view->lab, w->link, from),
				  .device = f->devices.items[f->ports.items[l->ports[from]].device].name};
}

static const struct wire_slot *slot_of(const struct impair_view *view, const struct direction *d)
{
	return view->stats ? &view->stats->slots[d->wire->end[d->from].id] : NULL;
}

char *impair_delay_text(const struct lab *lab, uint32_t link)
{
	double there = lab_line(lab, link, 0).delay_ns / 1e6, back = lab_line(lab, link, 1).delay_ns / 1e6;

	return there == back ? xasprintf("%g ms", there) : xasprintf("%g ms / %g ms", there, back);
}

/* --- Text ----------------------------------------------------------------------------------------------------------
 */

static const char *ms(uint64_t ns, char text[static 32])
{
	snprintf(text, 32, ns ? "%g ms" : "-", ns / 1e6);
	return text;
}

static const char *percent(uint32_t ppm, char text[static 32])
{
	snprintf(text, 32, ppm ? "%g %%" : "-", ppm / 1e4);
	return text;
}

static const char *rate(uint64_t bps, char text[static 32])
{
	if (!bps)
		return "-";
	snprintf(text, 32, "%g Mbit/s", bps / 1e6);
	return text;
}

static void print_params(const struct impair_view *view, const struct direction *d, FILE *out)
{
	const struct line_params *p = &d->params;
	char delay[32], jitter[32], loss[32], speed[32], reorder[32];

	fprintf(out, "%-34s %-20s %10s %10s %8s %14s %8s  %s\n", d->link->name, d->device, ms(p->delay_ns, delay),
		ms(p->jitter_ns, jitter), percent(p->loss_ppm, loss), rate(p->rate_bps, speed),
		percent(p->reorder_ppm, reorder),
		view->lab->impairments[d->link->index].given ? "impair set" : "the file");
}

/* An octave in a line. */
static void print_histogram(const struct wire_slot *slot, FILE *out)
{
	uint64_t octaves[WIRE_N_BUCKETS / WIRE_BUCKETS_PER_OCTAVE + 1] = {}, most = 0;
	unsigned first = UINT32_MAX, last = 0;

	for (unsigned b = 0; b < WIRE_N_BUCKETS; b++) {
		unsigned o = (b + WIRE_BUCKETS_PER_OCTAVE - 1) / WIRE_BUCKETS_PER_OCTAVE;

		octaves[o] += slot->buckets[b];
		most = octaves[o] > most ? octaves[o] : most;
		if (slot->buckets[b]) {
			first = o < first ? o : first;
			last = o;
		}
	}
	for (unsigned o = first; most && o <= last; o++) {
		int bar = (int)((octaves[o] * BAR + most - 1) / most);

		fprintf(out, "  up to %10.3f ms %10" PRIu64 " %.*s\n",
			wire_bucket_end(o * WIRE_BUCKETS_PER_OCTAVE) / 1e6, octaves[o], bar,
			"########################################");
	}
}

static void print_stats(const struct impair_view *view, const struct direction *d, FILE *out)
{
	const struct wire_slot *slot = slot_of(view, d);
	struct wire_drop drops[N_WIRE_DROPS];
	struct wire_counts c;

	wires_count(view->dp, view->lab->image, view->stats, d->wire, d->from, &c);
	wire_drops(&c, drops);
	fprintf(out, "\n%s from %s: %" PRIu64 " passed, %" PRId64 " in flight", d->link->name, d->device, c.delivered,
		c.in_flight);
	for (int i = 0; i < N_WIRE_DROPS; i++)
		fprintf(out, ", %" PRIu64 " %s", drops[i].packets, drops[i].reason);
	fputc('\n', out);
	if (!slot || !slot->sent)
		return;
	fprintf(out, "  actual - asked: p50 %.3f ms, p99 %.3f ms, p99.9 %.3f ms, max %.3f ms\n",
		wire_percentile(slot, 0.5) / 1e6, wire_percentile(slot, 0.99) / 1e6, wire_percentile(slot, 0.999) / 1e6,
		slot->largest_ns / 1e6);
	print_histogram(slot, out);
}

static void each_direction(const struct impair_view *view, FILE *out,
			   void (*fn)(const struct impair_view *, const struct direction *, FILE *))
{
	vec_each(w, &view->lab->image->wires) {
		for (int from = 0; from < 2 && is_meant(view, w); from++) {
			struct direction d = direction_of(view, w, from);

			fn(view, &d, out);
		}
	}
}

void impair_print(const struct impair_view *view, FILE *out)
{
	pid_t pid = wires_pid(view->lab->topo->name);

	if (!view->lab->image->wires.n) {
		fprintf(out, "no link of lab '%s' has delay, loss or a rate\n", view->lab->topo->name);
		return;
	}
	if (pid > 0)
		fprintf(out, "wire process: alive, process %d\n", pid);
	else
		fprintf(out, "wire process: dead; packets on wires are dropped and counted\n");
	fprintf(out, "\n%-34s %-20s %10s %10s %8s %14s %8s  %s\n", "wire", "from", "delay", "jitter", "loss", "rate",
		"reorder", "set by");
	each_direction(view, out, print_params);
	if (view->with_stats)
		each_direction(view, out, print_stats);
}

/* --- JSON ----------------------------------------------------------------------------------------------------------
 */

static cJSON *error_json(const struct wire_slot *slot)
{
	cJSON *root = cJSON_CreateObject(), *buckets = cJSON_CreateArray();

	cJSON_AddNumberToObject(root, "p50Ms", wire_percentile(slot, 0.5) / 1e6);
	cJSON_AddNumberToObject(root, "p99Ms", wire_percentile(slot, 0.99) / 1e6);
	cJSON_AddNumberToObject(root, "p999Ms", wire_percentile(slot, 0.999) / 1e6);
	cJSON_AddNumberToObject(root, "maxMs", slot->largest_ns / 1e6);
	for (unsigned b = 0; b < WIRE_N_BUCKETS; b++) {
		cJSON *bucket;

		if (!slot->buckets[b])
			continue;
		bucket = cJSON_CreateObject();
		cJSON_AddNumberToObject(bucket, "upToMs", wire_bucket_end(b) / 1e6);
		cJSON_AddNumberToObject(bucket, "packets", (double)slot->buckets[b]);
		cJSON_AddItemToArray(buckets, bucket);
	}
	cJSON_AddItemToObject(root, "histogram", buckets);
	return root;
}

static void add_stats(const struct impair_view *view, const struct direction *d, cJSON *item)
{
	const struct wire_slot *slot = slot_of(view, d);
	struct wire_drop drops[N_WIRE_DROPS];
	struct wire_counts c;

	wires_count(view->dp, view->lab->image, view->stats, d->wire, d->from, &c);
	wire_drops(&c, drops);
	cJSON_AddNumberToObject(item, "passed", (double)c.delivered);
	cJSON_AddNumberToObject(item, "inFlight", (double)c.in_flight);
	for (int i = 0; i < N_WIRE_DROPS; i++)
		cJSON_AddNumberToObject(item, drops[i].name, (double)drops[i].packets);
	if (slot)
		cJSON_AddItemToObject(item, "error", error_json(slot));
}

static cJSON *direction_json(const struct impair_view *view, const struct image_wire *w, int from)
{
	struct direction d = direction_of(view, w, from);
	cJSON *item = cJSON_CreateObject();

	cJSON_AddStringToObject(item, "from", d.device);
	cJSON_AddNumberToObject(item, "delayMs", d.params.delay_ns / 1e6);
	cJSON_AddNumberToObject(item, "jitterMs", d.params.jitter_ns / 1e6);
	cJSON_AddNumberToObject(item, "lossPercent", d.params.loss_ppm / 1e4);
	cJSON_AddNumberToObject(item, "rateMbps", d.params.rate_bps / 1e6);
	cJSON_AddNumberToObject(item, "reorderPercent", d.params.reorder_ppm / 1e4);
	if (view->with_stats)
		add_stats(view, &d, item);
	return item;
}

cJSON *impair_json(const struct impair_view *view)
{
	cJSON *root = cJSON_CreateObject(), *list;
	pid_t pid = wires_pid(view->lab->topo->name);

	cJSON_AddStringToObject(root, "lab", view->lab->topo->name);
	cJSON_AddBoolToObject(root, "process", pid > 0);
	list = cJSON_AddArrayToObject(root, "wires");
	vec_each(w, &view->lab->image->wires) {
		const struct link *l = &view->lab->fabric->links.items[w->link];
		cJSON *item, *directions;

		if (!is_meant(view, w))
			continue;
		item = cJSON_CreateObject();
		cJSON_AddStringToObject(item, "link", l->name);
		cJSON_AddBoolToObject(item, "impaired", view->lab->impairments[l->index].given);
		directions = cJSON_AddArrayToObject(item, "directions");
		for (int from = 0; from < 2; from++)
			cJSON_AddItemToArray(directions, direction_json(view, w, from));
		cJSON_AddItemToArray(list, item);
	}
	return root;
}
