// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Alone in its file: make compiles it anew when the version has changed, and nothing else. */
#include "lib/version.h"

const char erxdp_version[] = ERXDP_VERSION;
