// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* explain: why a packet goes where it goes. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "lib/log.h"
#include "obs/explain.h"
#include "obs/print.h"

static int parse_flow(const struct call *call, struct explain_input *in)
{
	static const struct {
		const char *name;
		uint8_t number;
	} protocols[] = {{"icmp", IPPROTO_ICMP}, {"udp", IPPROTO_UDP}, {"tcp", IPPROTO_TCP}};

	in->flow.protocol = IPPROTO_ICMP;
	for (size_t i = 0; call->proto && i <= 3; i++) {
		if (i == 3) {
			log_error("--proto takes icmp, udp or tcp, not '%s'", call->proto);
			return EXIT_USAGE;
		}
		if (!strcmp(call->proto, protocols[i].name)) {
			in->flow.protocol = protocols[i].number;
			break;
		}
	}
	in->ports_given = call->sport && call->dport;
	return read_port(call->sport, &in->flow.sport) ? EXIT_USAGE : read_port(call->dport, &in->flow.dport);
}

int cmd_explain(const struct call *call)
{
	struct lab *lab = open_lab(call->lab);
	struct explain_input in = {};
	struct host from, to;
	int code = EXIT_USAGE;

	if (!lab)
		return EXIT_REFUSED;
	in.image = lab->image;
	in.fastpath = lab->fastpath;
	in.from = find_host_as(lab, call->argv[0], &from);
	in.to = in.from ? find_host_as(lab, call->argv[1], &to) : NULL;
	if (in.to)
		code = parse_flow(call, &in);
	if (in.to && !code) {
		in.flow.src = in.from->addr;
		in.flow.dst = in.to->addr;
		if (call->json)
			print_json(explain_json(&in));
		else
			explain_print(&in, stdout);
	}
	lab_free(lab);
	return code;
}
