// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Verdicts for people and for programs. */
#include "obs/expect.h"

static cJSON *verdict_json(const struct verdict *v)
{
	const struct expectation *x = v->expectation;
	cJSON *item = cJSON_CreateObject();

	if (x->kind == EXPECT_PACKETS) {
		cJSON_AddStringToObject(item, "from", x->packets.from);
		cJSON_AddStringToObject(item, "to", x->packets.to);
		cJSON_AddStringToObject(item, "hops", v->hops);
		cJSON_AddNumberToObject(item, "ttl", v->ttl);
		if (v->rtt_ns)
			cJSON_AddNumberToObject(item, "rttMs", v->rtt_ns / 1e6);
	} else {
		cJSON_AddStringToObject(item, x->kind == EXPECT_VM ? "vm" : "at", x->routes.at);
		cJSON_AddStringToObject(item, "about", v->about);
		cJSON_AddStringToObject(item, "seen", v->words);
	}
	cJSON_AddBoolToObject(item, "passed", v->passed);
	if (!v->passed)
		cJSON_AddStringToObject(item, "why", v->words);
	return item;
}

cJSON *verdicts_json(const verdicts *list)
{
	cJSON *root = cJSON_CreateArray();

	vec_each(v, list)
		cJSON_AddItemToArray(root, verdict_json(v));
	return root;
}

void verdicts_print(const verdicts *list, FILE *out)
{
	vec_each(v, list) {
		fprintf(out, "%-6s %s: %s", v->passed ? "ok" : "FAILED", v->about, v->words);
		if (v->passed && v->rtt_ns)
			fprintf(out, " rtt %.3f ms", v->rtt_ns / 1e6);
		fputc('\n', out);
	}
}
