// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* All that a scenario has shown, for programs. Times of packets are ms since the phase began. */
#include "obs/scenario.h"

static const char *const phase_names[N_PHASES] = {"before", "failing", "restoring"};

static void add_ms(cJSON *item, const char *name, uint64_t ns)
{
	cJSON_AddNumberToObject(item, name, (double)(ns / 1000) / 1e3);
}

static void add_split(cJSON *item, const struct split *s)
{
	add_ms(item, "detectionMs", s->detection);
	add_ms(item, "azureMs", s->azure);
	add_ms(item, "twinMs", s->twin);
	add_ms(item, "restMs", s->rest);
}

static cJSON *gap_json(const struct gap *g, uint64_t begun)
{
	cJSON *item = cJSON_CreateObject();

	add_ms(item, "firstLostAtMs", g->first_ns - begun);
	add_ms(item, "lastLostAtMs", g->last_ns - begun);
	add_ms(item, "lostMs", g->last_ns - g->first_ns);
	cJSON_AddNumberToObject(item, "packets", g->lost);
	cJSON_AddBoolToObject(item, "fromBefore", g->from_before);
	cJSON_AddBoolToObject(item, "goesOn", g->goes_on);
	add_split(item, &g->split);
	return item;
}

static cJSON *outage_json(const struct flow_stream *s, const struct outage *o, uint64_t begun)
{
	cJSON *item = cJSON_CreateObject(), *gaps;

	cJSON_AddStringToObject(item, "from", s->from->name);
	cJSON_AddStringToObject(item, "to", s->to->name);
	cJSON_AddNumberToObject(item, "sourcePort", s->source_port);
	cJSON_AddNumberToObject(item, "sent", o->sent);
	cJSON_AddNumberToObject(item, "lost", o->lost);
	add_ms(item, "lostMs", o->lost_ns);
	cJSON_AddBoolToObject(item, "fromBefore", o->from_before);
	cJSON_AddBoolToObject(item, "goesOn", o->goes_on);
	add_split(item, &o->split);
	gaps = cJSON_AddArrayToObject(item, "gaps");
	vec_each(g, &o->gaps)
		cJSON_AddItemToArray(gaps, gap_json(g, begun));
	return item;
}

static cJSON *phase_json(const struct scenario_result *r, enum scenario_phase phase)
{
	const struct phase_result *p = &r->phases[phase];
	cJSON *item = cJSON_CreateObject(), *list;

	cJSON_AddStringToObject(item, "phase", phase_names[phase]);
	add_ms(item, "durationMs", p->until_ns - p->from_ns);
	if (phase != PHASE_BEFORE) {
		cJSON_AddBoolToObject(item, "settled", p->settled);
		cJSON_AddNumberToObject(item, "settledAfterMs", p->settled_after_s * 1e3);
		cJSON_AddItemToObject(item, "checks", verdicts_json(&p->checks));
	}
	list = cJSON_AddArrayToObject(item, "streams");
	vec_each(o, &p->outages)
		cJSON_AddItemToArray(list, outage_json(&r->streams.items[o - p->outages.items], o, p->from_ns));
	return item;
}

static void add_way(cJSON *item, const char *name, const struct image *image, const struct flow_stream *s)
{
	char *way = way_text(image, s);

	if (way)
		cJSON_AddStringToObject(item, name, way);
	else
		cJSON_AddNullToObject(item, name);
	free(way);
}

static cJSON *stream_json(const struct scenario_result *r, const struct flow_stream *s)
{
	cJSON *item = cJSON_CreateObject();

	cJSON_AddStringToObject(item, "from", s->from->name);
	cJSON_AddStringToObject(item, "to", s->to->name);
	cJSON_AddNumberToObject(item, "sourcePort", s->source_port);
	cJSON_AddNumberToObject(item, "sent", s->samples.n);
	cJSON_AddNumberToObject(item, "duplicates", s->duplicates);
	cJSON_AddNumberToObject(item, "reordered", s->reordered);
	add_way(item, "wayBefore", r->before->image, s);
	add_way(item, "wayAfter", r->after->image, s);
	return item;
}

static void add_measuring(cJSON *root, const struct scenario_result *r)
{
	cJSON *item = cJSON_AddObjectToObject(root, "measuring"), *list;

	add_ms(item, "intervalMs", r->interval_ns);
	add_ms(item, "longestPauseMs", r->prober.longest_pause_ns);
	cJSON_AddNumberToObject(item, "pairs", r->choice.pairs);
	cJSON_AddNumberToObject(item, "pairsThatTalk", r->choice.talking);
	cJSON_AddNumberToObject(item, "ownDrops", r->prober.own_drops);
	cJSON_AddNumberToObject(item, "unsent", r->prober.unsent);
	list = cJSON_AddArrayToObject(item, "streams");
	vec_each(s, &r->streams)
		cJSON_AddItemToArray(list, stream_json(r, s));
}

static void add_faults(cJSON *root, const struct scenario *s)
{
	cJSON *list = cJSON_AddArrayToObject(root, "faults");

	vec_each(f, &s->fail) {
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "target", f->target);
		cJSON_AddStringToObject(item, "how", fault_how(f));
		cJSON_AddItemToArray(list, item);
	}
}

cJSON *scenario_json(const struct scenario_result *r)
{
	char *azure = azure_text(r->before->topo);
	cJSON *root = cJSON_CreateObject(), *list;
	unsigned passed, failed;

	scenario_count(r, &passed, &failed);
	cJSON_AddStringToObject(root, "lab", r->before->topo->name);
	cJSON_AddStringToObject(root, "scenario", r->scenario->name);
	add_faults(root, r->scenario);
	list = cJSON_AddArrayToObject(root, "phases");
	for (int p = 0; p < N_PHASES; p++)
		cJSON_AddItemToArray(list, phase_json(r, p));
	add_measuring(root, r);
	cJSON_AddItemToObject(root, "events", cJSON_Duplicate(r->events, true));
	add_ms(root, "azureConvergenceMs", r->before->topo->azure_convergence_ns);
	cJSON_AddStringToObject(root, "azure", azure);
	cJSON_AddNumberToObject(root, "passed", passed);
	cJSON_AddNumberToObject(root, "failed", failed);
	free(azure);
	return root;
}
