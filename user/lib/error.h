/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Why a call failed, in one sentence: object, cause, remedy. Whoever knows all three writes it, callers pass it on. */
#ifndef ERX_LIB_ERROR_H
#define ERX_LIB_ERROR_H

struct error {
	char text[1536]; /* room for the verifier's last lines */
};

/* Write the sentence and return code, so that `return error_set(e, -EINVAL, …)` reads in one line. */
int error_set(struct error *e, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
