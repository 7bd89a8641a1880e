/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which wires there are: a file in the lab's run directory, which lab/ replaces
 * by rename and the process reads again when told. Text, a line per wire.
 */
#ifndef ERX_WIRE_CONFIG_H
#define ERX_WIRE_CONFIG_H

#include "lib/vec.h"
#include "wire/line.h"

struct wire_setting {
	char *name;	  /* of the link */
	uint64_t since;	  /* the nonce of the first configuration that had it: says whether counts go on */
	uint32_t port[2]; /* numbers of the two ports that the wire joins */
	uint32_t end[2];  /* and of the wire's own ends, each joined to its port by a veth pair */
	uint64_t seed[2];
	struct line_params params[2]; /* [0]: what comes in by end[0] */
};
typedef VEC(struct wire_setting) wire_settings;

/* Two configurations with one nonce are the same. */
char *wire_config_format(const wire_settings *wires, uint64_t nonce); /* to be freed */
/* False: that is none of this version. The settings are to be freed by wire_settings_free(). */
bool wire_config_parse(const char *text, wire_settings *wires, uint64_t *nonce);
void wire_settings_free(wire_settings *wires);

#endif
