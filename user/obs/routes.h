/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The effective routes of a host, in the words of `az network nic show-effective-route-table` (azure.md 8.2). */
#ifndef ERX_OBS_ROUTES_H
#define ERX_OBS_ROUTES_H

#include <cjson/cJSON.h>
#include <stdio.h>
#include "ctl/rib.h"

void routes_print(const struct rib *rib, const struct host *h, FILE *out);
cJSON *routes_json(const struct rib *rib, const struct host *h); /* {"value": […]} for a VM */

#endif
