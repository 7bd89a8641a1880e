/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What has happened to a lab, in memory and as text; shared by the files of lab/. */
#ifndef ERX_LAB_STATE_H
#define ERX_LAB_STATE_H

#include "lab/lab.h"

/* Make the arrays of a lab whose fabric is there; nothing has happened. */
void state_init(struct lab *lab);
void state_free(struct lab *lab);
/* Take in what lab_state_text() wrote; the text is cut up. What the fabric does not know is left out. */
void state_parse(struct lab *lab, char *text);
/* What is still there of another lab's state. */
void state_adopt(struct lab *lab, const struct lab *before);

#endif
