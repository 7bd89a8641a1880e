/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef ERX_OBS_PRINT_H
#define ERX_OBS_PRINT_H

#include <cjson/cJSON.h>

/* Print a document on standard output and delete it. */
void print_json(cJSON *root);

#endif
