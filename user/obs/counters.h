/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the programs have counted: per path, per device, per drop reason. */
#ifndef ERX_OBS_COUNTERS_H
#define ERX_OBS_COUNTERS_H

#include <cjson/cJSON.h>
#include <stdio.h>
#include "dp/dp.h"
#include "wire/stats.h"

void counters_print(const struct dp *dp, const struct image *image, const struct wire_stats *wires, FILE *out);
/* {paths: […], devices: […], links: […], drops: […]} */
cJSON *counters_json(const struct dp *dp, const struct image *image, const struct wire_stats *wires);

#endif
