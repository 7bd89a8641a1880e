// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "obs/print.h"

#include <stdio.h>
#include <stdlib.h>

void print_json(cJSON *root)
{
	char *text = cJSON_Print(root);

	puts(text ? text : "null");
	cJSON_free(text);
	cJSON_Delete(root);
}
