// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "obs/routes.h"

#include "obs/names.h"

void switch_routes_print(const struct rib *rib, const struct host *h, FILE *out)
{
	const struct rib_table *t = rib_table_of_host(rib, h);
	char text[PREFIX_STRLEN], hop[ADDR_STRLEN];

	fprintf(out, "%-20s %-10s %-16s %s\n", "Prefix", "Source", "Next Hop", "Device");
	for (size_t at = 0; at < t->n_entries; at++) {
		const struct rib_entry *e = &t->entries[at];

		for (unsigned i = 0; i < e->n_routes; i++) {
			const struct route *r = &e->routes[i];

			fprintf(out, "%-20s %-10s %-16s %s%s\n", prefix_format(&e->prefix, text),
				source_name(r->source), addr_format(&r->next_hop, hop),
				r->from == NO_INDEX ? "-" : rib->fabric->devices.items[r->from].name,
				i < e->n_best ? "" : " (not used)");
		}
	}
}

cJSON *switch_routes_json(const struct rib *rib, const struct host *h)
{
	const struct rib_table *t = rib_table_of_host(rib, h);
	cJSON *root = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(root, "value");
	char text[PREFIX_STRLEN], hop[ADDR_STRLEN];

	for (size_t at = 0; at < t->n_entries; at++) {
		const struct rib_entry *e = &t->entries[at];

		for (unsigned i = 0; i < e->n_routes; i++) {
			const struct route *r = &e->routes[i];
			cJSON *item = cJSON_CreateObject();

			cJSON_AddStringToObject(item, "prefix", prefix_format(&e->prefix, text));
			cJSON_AddStringToObject(item, "source", source_name(r->source));
			cJSON_AddStringToObject(item, "nextHop", addr_format(&r->next_hop, hop));
			cJSON_AddStringToObject(item, "device",
						r->from == NO_INDEX ? "" : rib->fabric->devices.items[r->from].name);
			cJSON_AddBoolToObject(item, "used", i < e->n_best);
			cJSON_AddItemToArray(list, item);
		}
	}
	return root;
}
