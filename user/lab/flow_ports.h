/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* UDP ports of the streams in every host: above those that Linux gives away by itself. */
#ifndef ERX_LAB_FLOW_PORTS_H
#define ERX_LAB_FLOW_PORTS_H

#define FLOW_PORT	  61000
#define FLOW_FIRST_SOURCE 61001

#endif
