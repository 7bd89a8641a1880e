/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every key the language has, so that the schema and its documentation can be checked against the parser. */
#ifndef ERX_TOPO_KEYS_H
#define ERX_TOPO_KEYS_H

#include <stdbool.h>

typedef void topo_key_fn(void *arg, const char *object, const char *key, bool required);

void topo_keys(topo_key_fn *each, void *arg);

#endif
