// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "wire/config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HEAD "erxdp-wire 1 "

static void write_params(FILE *out, const struct line_params *p)
{
	fprintf(out, " %" PRIu64 " %" PRIu64 " %" PRIu64 " %u %u", p->delay_ns, p->jitter_ns, p->rate_bps, p->loss_ppm,
		p->reorder_ppm);
}

char *wire_config_format(const wire_settings *wires, uint64_t nonce)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return xstrdup("");
	fprintf(out, HEAD "%" PRIu64 "\n", nonce);
	vec_each(w, wires) {
		fprintf(out, "%" PRIu64 " %u %u %u %u %" PRIu64 " %" PRIu64, w->since, w->port[0], w->end[0], w->end[1],
			w->port[1], w->seed[0], w->seed[1]);
		write_params(out, &w->params[0]);
		write_params(out, &w->params[1]);
		fprintf(out, " %s\n", w->name);
	}
	fclose(out);
	return text;
}

static bool parse_line(const char *line, struct wire_setting *w)
{
	struct line_params *a = &w->params[0], *b = &w->params[1];
	int at = 0;

	if (sscanf(line,
		   "%" SCNu64 " %u %u %u %u %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %u %u %" SCNu64
		   " %" SCNu64 " %" SCNu64 " %u %u %n",
		   &w->since, &w->port[0], &w->end[0], &w->end[1], &w->port[1], &w->seed[0], &w->seed[1], &a->delay_ns,
		   &a->jitter_ns, &a->rate_bps, &a->loss_ppm, &a->reorder_ppm, &b->delay_ns, &b->jitter_ns,
		   &b->rate_bps, &b->loss_ppm, &b->reorder_ppm, &at) != 17 ||
	    !at)
		return false;
	w->name = xstrdup(line + at);
	return true;
}

bool wire_config_parse(const char *text, wire_settings *wires, uint64_t *nonce)
{
	char *copy, *rest, *line;
	bool good = !strncmp(text, HEAD, strlen(HEAD)) && sscanf(text + strlen(HEAD), "%" SCNu64, nonce) == 1;

	if (!good)
		return false;
	copy = rest = xstrdup(text);
	strsep(&rest, "\n");
	while (good && (line = strsep(&rest, "\n")) && *line) {
		struct wire_setting w = {};

		good = parse_line(line, &w);
		if (good)
			vec_push(wires, w);
	}
	free(copy);
	if (!good)
		wire_settings_free(wires);
	return good;
}

void wire_settings_free(wire_settings *wires)
{
	vec_each(w, wires)
		free(w->name);
	vec_free(wires);
}
