/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The long way, in pieces; shared by the files of lab/. */
#ifndef ERX_LAB_WHOLE_H
#define ERX_LAB_WHOLE_H

#include "lab/lab.h"

/* Programs and every map from lab->image. */
int apply_maps(struct lab *lab, bool dry, struct lab_changes *changes, struct error *e);
/* 0, or -ELOOP when the routes do not settle. */
int lab_check_converged(const struct rib *rib, struct error *e);

#endif
