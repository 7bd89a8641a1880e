// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* counters: paths, devices, drops. */
#include "lab/wires.h"
#include "obs/counters.h"

#include "cmd/cmd.h"
#include "obs/print.h"

int cmd_counters(const struct call *call)
{
	struct lab *lab = open_lab(call->lab);
	struct wire_stats *wires;
	struct error e = {};
	struct dp *dp;

	if (!lab)
		return EXIT_REFUSED;
	if (lab_dp(lab, &dp, &e)) {
		lab_free(lab);
		return refuse(&e);
	}
	wires = wires_stats(lab->topo->name);
	if (call->json)
		print_json(counters_json(dp, lab->image, wires));
	else
		counters_print(dp, lab->image, wires, stdout);
	wire_stats_close(wires);
	dp_close(dp);
	lab_free(lab);
	return EXIT_DONE;
}
