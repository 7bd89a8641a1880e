// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "obs/load.h"

#include <math.h>
#include <time.h>

#include "lib/clock.h"

/* One limit of a meter, and how it stands. */
struct standing {
	const char *what, *unit;
	double now, limit; /* in that unit */
	uint64_t dropped;
};

#define N_LIMITS (ERX_N_UNITS + 1)

int loads_watch(const struct dp *dp, const struct image *image, load_list *out)
{
	uint64_t since = clock_now();
	double seconds;
	int err = 0;

	vec_each(m, &image->meters) {
		struct load l = {.meter = m};

		err = err ? err : dp_read_meter(dp, m->id, &l.count);
		vec_push(out, l);
	}
	if (!err && out->n)
		nanosleep(&(struct timespec){.tv_nsec = LOAD_WATCH_MS * 1000000}, NULL);
	seconds = (clock_now() - since) / 1e9;
	vec_each(l, out) {
		struct dp_meter_count before = l->count;

		err = err ? err : dp_read_meter(dp, l->meter->id, &l->count);
		for (int unit = 0; unit < ERX_N_UNITS; unit++)
			l->per_second[unit] = (l->count.passed[unit] - before.passed[unit]) / seconds;
	}
	return err;
}

/* --- Limits ------------------------------------------------------------------------------------------------------ */

/* The interval is whole nanoseconds: what the file says, not 14.000000084. */
static double per_second(const struct erx_rate *r)
{
	return rint(r->lot * 1e12 / r->schedule.interval_ns) / 1e3;
}

static unsigned standings(const struct load *l, struct standing out[N_LIMITS])
{
	static const struct {
		const char *what, *unit;
		double factor;
	} units[ERX_N_UNITS] = {
		[ERX_BYTES] = {"bandwidth", "Mbit/s", 8e-6},
		[ERX_PACKETS] = {"packets", "packets/s", 1},
		[ERX_CONNECTIONS] = {"connections", "connections/s", 1},
	};
	const struct erx_meter *m = &l->meter->entry;
	unsigned n = 0;

	for (int unit = 0; unit < ERX_N_UNITS; unit++) {
		const struct erx_rate *r = &m->rates[unit];

		if (r->lot)
			out[n++] = (struct standing){units[unit].what, units[unit].unit,
						     l->per_second[unit] * units[unit].factor,
						     per_second(r) * units[unit].factor, l->count.refused[unit]};
	}
	if (m->max_flows)
		out[n++] = (struct standing){"flows", "flows", l->count.flows, m->max_flows, l->count.flows_refused};
	return n;
}

static void object_text(const struct image_meter *m, char *out, size_t size)
{
	if (m->gateway)
		snprintf(out, size, "%s", m->gateway->name);
	else
		snprintf(out, size, "%s.%s", m->circuit->name, m->path == PATH_PRIMARY ? "primary" : "secondary");
}

static const char *direction(const struct image_meter *m)
{
	return m->gateway || m->towards_azure ? "towards Azure" : "from Azure";
}

/* Three digits, and no powers of ten. */
static const char *number_text(double value, char out[static 32])
{
	snprintf(out, 32, value < 99.95 ? "%.3g" : "%.0f", value);
	return out;
}

/* --- Output ------------------------------------------------------------------------------------------------------ */

void loads_print(const load_list *loads, FILE *out)
{
	bool headed = false;

	vec_each(l, loads) {
		struct standing s[N_LIMITS];
		unsigned n = standings(l, s);
		char object[256], now[32], limit[32];

		object_text(l->meter, object, sizeof(object));
		for (unsigned i = 0; i < n; i++) {
			if (!s[i].now && !s[i].dropped)
				continue;
			if (!headed)
				fprintf(out, "\n%-20s %-14s %-13s %12s %12s %6s %12s\n", "limit of", "direction",
					"what", "now", "at most", "%", "dropped");
			headed = true;
			fprintf(out, "%-20s %-14s %-13s %12s %12s %6.0f %12llu\n", object, direction(l->meter),
				s[i].unit, number_text(s[i].now, now), number_text(s[i].limit, limit),
				100 * s[i].now / s[i].limit, (unsigned long long)s[i].dropped);
		}
	}
}

cJSON *loads_json(const load_list *loads)
{
	cJSON *list = cJSON_CreateArray();

	vec_each(l, loads) {
		struct standing s[N_LIMITS];
		unsigned n = standings(l, s);
		char object[256];

		object_text(l->meter, object, sizeof(object));
		for (unsigned i = 0; i < n; i++) {
			cJSON *item = cJSON_CreateObject();

			cJSON_AddStringToObject(item, "object", object);
			cJSON_AddStringToObject(item, "direction", direction(l->meter));
			cJSON_AddStringToObject(item, "what", s[i].what);
			cJSON_AddStringToObject(item, "unit", s[i].unit);
			cJSON_AddNumberToObject(item, "now", s[i].now);
			cJSON_AddNumberToObject(item, "limit", s[i].limit);
			cJSON_AddNumberToObject(item, "percent", 100 * s[i].now / s[i].limit);
			cJSON_AddNumberToObject(item, "dropped", s[i].dropped);
			cJSON_AddItemToArray(list, item);
		}
	}
	return list;
}
