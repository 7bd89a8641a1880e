// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The programs as they are, with room for few routes. */
#include "erxdp/limits.h"

#undef ERX_MAX_ROUTES
#define ERX_MAX_ROUTES 400
#include "erxdp.bpf.c"
