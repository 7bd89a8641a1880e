/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Words for numbers, from the lists of the contract. */
#ifndef ERX_OBS_NAMES_H
#define ERX_OBS_NAMES_H

#include "ctl/rib.h"
#include "erxdp/abi.h"

const char *kind_name(enum erx_kind kind);	    /* "msee" */
const char *kind_text(enum erx_kind kind);	    /* "Microsoft edge router" */
const char *role_name(enum erx_role role);	    /* "tunnel" */
const char *outcome_name(enum erx_outcome outcome); /* "no-route" */
const char *outcome_text(enum erx_outcome outcome);
const char *source_name(enum route_source source); /* "bgp" */

#endif
