/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the shim and its tests share: a file, mapped by both, whose name is in the
 * environment variable ERXDP_INJECT. A process that has been running for long is
 * armed in the same way as one that is about to start: write error and fail_at,
 * then seen = failed = 0, then armed = 1. All processes that have the file count
 * together.
 */
#ifndef ERX_INJECT_CONTROL_H
#define ERX_INJECT_CONTROL_H

#include <stdint.h>

#define INJECT_ENVIRONMENT "ERXDP_INJECT"
#define INJECT_MAGIC	   0x65727869 /* "erxi" */
#define INJECT_CALLS	   16384      /* that are kept by name; more are counted */
#define INJECT_NAME	   112

struct inject_control {
	uint32_t magic;
	uint32_t armed;	  /* 0: calls are neither counted nor touched */
	uint32_t fail_at; /* the n-th call fails, from 1 on; 0: none, they are counted only */
	int32_t error;	  /* errno of that call; 0: the one that fits it, which is written here */
	uint32_t seen;	  /* calls since it was armed */
	uint32_t failed;  /* 1: it has happened */
	uint32_t pad[2];
	char names[INJECT_CALLS][INJECT_NAME]; /* of the calls in their order: "mkdir /run/erxdp" */
};

#endif
