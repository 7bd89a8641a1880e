/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What carrying out a scenario has shown, in words and as JSON. */
#ifndef ERX_OBS_SCENARIO_H
#define ERX_OBS_SCENARIO_H

#include "obs/expect.h"
#include "obs/outage.h"

enum scenario_phase { PHASE_BEFORE, PHASE_FAILING, PHASE_RESTORING, N_PHASES };

struct phase_result {
	uint64_t from_ns, until_ns; /* CLOCK_REALTIME */
	bool settled;		    /* routing came to rest in time */
	double settled_after_s;
	verdicts checks;
	VEC(struct outage) outages; /* by stream; see scenario_judge() */
};

struct scenario_result {
	const struct scenario *scenario;
	struct lab *before, *after; /* with routes: nothing has failed; the scenario has, and routing has followed */
	flow_streams streams;
	struct flow_choice choice;
	uint64_t interval_ns;
	struct prober_report prober;
	struct phase_result phases[N_PHASES];
	happenings happenings;
	cJSON *events; /* of the controller, all since the beginning */
};
void scenario_result_free(struct scenario_result *r);

/* Fill the outages of every phase from what the streams have seen and what has happened. */
void scenario_judge(struct scenario_result *r);
/* Checks that have passed and failed; a routing that did not come to rest is one that failed. */
void scenario_count(const struct scenario_result *r, unsigned *passed, unsigned *failed);
void scenario_print(const struct scenario_result *r, FILE *out);
cJSON *scenario_json(const struct scenario_result *r);

/* "er1.primary fails silently" of all faults; to be freed. */
char *faults_text(const struct scenario *s);
/* As the controller is asked: "down", "silent", "arp", "bgp" or "maintenance". */
const char *fault_how(const struct planned_fault *f);
/* What Azure adds to what the twin shows, or how much of it is in here; to be freed. */
char *azure_text(const struct topo *t);
/* The way of a stream, device by device; NULL when it does not arrive. To be freed. */
char *way_text(const struct image *image, const struct flow_stream *s);

#endif
