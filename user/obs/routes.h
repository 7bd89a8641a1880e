/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a host's network knows: a VM's effective routes, of a server the table of its LAN switch. */
#ifndef ERX_OBS_ROUTES_H
#define ERX_OBS_ROUTES_H

#include <cjson/cJSON.h>
#include <stdio.h>
#include "ctl/rib.h"

/* The document of the view effective-routes (obs/view.h), to be deleted. */
cJSON *routes_json(const struct rib *rib, const struct host *vm);

void switch_routes_print(const struct rib *rib, const struct host *h, FILE *out);
cJSON *switch_routes_json(const struct rib *rib, const struct host *h); /* {"value": […]} */

#endif
