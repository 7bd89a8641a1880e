// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* impair: what links do to packets. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "cmd/cmd.h"
#include "lab/wires.h"
#include "lib/log.h"
#include "obs/impair.h"
#include "obs/print.h"

/* --- Reading what was typed ----------------------------------------------------------------------------------------
 */

static bool read_delay(const char *text, double *out)
{
	uint64_t ns = 0;

	if ((strcmp(text, "0") && !parse_duration(text, &ns)) || ns > LINE_MOST_NS)
		return false;
	*out = (double)ns;
	return true;
}

static bool read_percent(const char *text, double *out)
{
	char *end;

	*out = strtod(text, &end) * (LINE_MILLION / 100.0);
	if (!isdigit((unsigned char)*text) || (*end && strcmp(end, "%")) || !(*out <= LINE_MILLION))
		return false;
	*out = (double)(uint64_t)(*out + 0.5);
	return true;
}

static bool read_rate(const char *text, double *out)
{
	static const char units[] = "kMG";
	const char *unit;
	char *end;

	*out = strtod(text, &end);
	unit = *end ? strchr(units, *end) : NULL;
	for (int i = 0; unit && i <= unit - units; i++)
		*out *= 1000;
	end += unit != NULL;
	if (!strcmp(end, "bit") || !strcmp(end, "bit/s"))
		end += strlen(end);
	/* 0: no limit. One below that of a modem is a slip of the hand. */
	return isdigit((unsigned char)*text) && !*end && (*out == 0 || (*out >= 1000 && *out <= (double)LINE_MOST_BPS));
}

struct part {
	const char *option, *text, *field;
	bool (*read)(const char *text, double *out);
	const char *expected;
};

/* Returns -EINVAL after a message. */
static int add_parts(const struct call *call, cJSON *request)
{
	const struct part parts[] = {
		{"delay", call->delay, "delayNs", read_delay, "a time such as 250us or 5ms, at most 500ms"},
		{"jitter", call->jitter, "jitterNs", read_delay, "a time such as 250us or 5ms, at most 500ms"},
		{"loss", call->loss, "lossPpm", read_percent, "a percentage from 0 to 100"},
		{"rate", call->rate, "rateBps", read_rate, "bits per second from 1k to 100G, such as 50M, or 0"},
		{"reorder", call->reorder, "reorderPpm", read_percent, "a percentage from 0 to 100"},
	};
	unsigned given = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		double value;

		if (!parts[i].text)
			continue;
		if (!parts[i].read(parts[i].text, &value)) {
			log_error("--%s is %s, not '%s'", parts[i].option, parts[i].expected, parts[i].text);
			return -EINVAL;
		}
		cJSON_AddNumberToObject(request, parts[i].field, value);
		given++;
	}
	if (given)
		return 0;
	log_error("impair set needs --delay, --jitter, --loss, --rate or --reorder");
	return -EINVAL;
}

/* --- Verbs ---------------------------------------------------------------------------------------------------------
 */

static cJSON *request_for(const char *what, const char *link)
{
	cJSON *request = cJSON_CreateObject();

	cJSON_AddStringToObject(request, "do", what);
	if (link)
		cJSON_AddStringToObject(request, "link", link);
	return request;
}

static int set(const struct call *call)
{
	cJSON *request;
	char name[256];

	if (call->argc < 2) {
		log_error("impair set needs a link; 'erxdpctl status' lists them");
		return EXIT_USAGE;
	}
	request = request_for("impair", call->argv[1]);
	if (add_parts(call, request)) {
		cJSON_Delete(request);
		return EXIT_USAGE;
	}
	if (!name_of_lab(call->lab, name))
		return order(name, request);
	cJSON_Delete(request);
	return EXIT_REFUSED;
}

static int reset(const struct call *call)
{
	char name[256];

	if (call->all == (call->argc > 1)) {
		log_error("impair reset takes a link or --all");
		return EXIT_USAGE;
	}
	if (name_of_lab(call->lab, name))
		return EXIT_REFUSED;
	return order(name, request_for("unimpair", call->all ? NULL : call->argv[1]));
}

static int show_links(const struct call *call, const struct lab *lab, const index_list *links)
{
	struct wire_stats *stats = wires_stats(lab->topo->name);
	struct impair_view view = {.lab = lab, .stats = stats, .only = links, .with_stats = call->stats};
	struct error e = {};
	int err = lab_dp(lab, &view.dp, &e);

	if (!err && call->json)
		print_json(impair_json(&view));
	else if (!err)
		impair_print(&view, stdout);
	wire_stats_close(stats);
	dp_close(view.dp);
	return err ? refuse(&e) : EXIT_DONE;
}

static int show(const struct call *call)
{
	struct lab *lab = open_lab(call->lab);
	index_list links = {};
	int code = EXIT_USAGE;

	if (!lab)
		return EXIT_REFUSED;
	if (call->argc > 1 && lab_links_named(lab, call->argv[1], &links))
		log_error("'%s' is no link of lab '%s' and nothing that can fail; 'erxdpctl status' lists the links",
			  call->argv[1], lab->topo->name);
	else
		code = show_links(call, lab, call->argc > 1 ? &links : NULL);
	vec_free(&links);
	lab_free(lab);
	return code;
}

int cmd_impair(const struct call *call)
{
	static const struct {
		const char *name;
		int (*run)(const struct call *call);
	} what[] = {{"set", set}, {"show", show}, {"reset", reset}};
	bool sets = call->delay || call->jitter || call->loss || call->rate || call->reorder;

	for (size_t i = 0; i < sizeof(what) / sizeof(what[0]); i++) {
		if (strcmp(what[i].name, call->argv[0]))
			continue;
		if (sets && what[i].run != set) {
			log_error("impair %s changes nothing: --delay and the like belong to 'impair set'",
				  call->argv[0]);
			return EXIT_USAGE;
		}
		if ((call->stats || call->json) && what[i].run != show) {
			log_error("impair %s prints nothing: --stats and --json belong to 'impair show'",
				  call->argv[0]);
			return EXIT_USAGE;
		}
		return what[i].run(call);
	}
	log_error("impair takes set, show or reset, not '%s'", call->argv[0]);
	return EXIT_USAGE;
}
