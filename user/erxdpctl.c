// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* erxdpctl: one table of verbs, from which usage and help are printed as well. */
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "daemon/errand.h"
#include "lib/log.h"
#include "lib/version.h"

static const struct option_text {
	struct option option;
	const char *text;
} options[] = {
	{{"help", no_argument, NULL, 'h'}, "--help             this text"},
	{{"lab", required_argument, NULL, 'l'},
	 "--lab NAME         the lab, if several are loaded (or the variable ERXDP_LAB)"},
	{{"verbose", no_argument, NULL, 'v'}, "-v, --verbose      report each step and its duration; -vv: more"},
	{{"json", no_argument, NULL, 'j'}, "--json             machine-readable output"},
	{{"silent", no_argument, NULL, 's'}, "--silent           lose packets, keep the carrier; a timer detects it"},
	{{"layer", required_argument, NULL, 'L'}, "--layer NAME       arp or bgp: what breaks while the link stays up"},
	{{"maintenance", no_argument, NULL, 'M'}, "--maintenance      planned work: drain, down, and back"},
	{{"no-controller", no_argument, NULL, 'N'},
	 "--no-controller    start no controller; systemd starts it (erxdpd@LAB)"},
	{{"follow", no_argument, NULL, 'f'}, "--follow           continue with new events"},
	{{"all", no_argument, NULL, 'a'}, "--all              everything that has failed, or is impaired"},
	{{"matrix", no_argument, NULL, 'm'}, "--matrix           between all pairs of hosts"},
	{{"write", required_argument, NULL, 'w'}, "-w, --write FILE   where to write; - for standard output"},
	{{"count", required_argument, NULL, 'c'},
	 "-c, --count N      how many packets, past events, or samples a side"},
	{{"interval", required_argument, NULL, 'i'},
	 "--interval TIME    between two packets of a stream or two samples, e.g. 1ms"},
	{{"block", required_argument, NULL, 'b'}, "--block N          consecutive samples of one side"},
	{{"csv", no_argument, NULL, 'C'}, "--csv              print every sample as comma-separated values"},
	{{"svg", required_argument, NULL, 'G'}, "--svg FILE         write a plot; needs gnuplot"},
	{{"timeout", required_argument, NULL, 't'},
	 "--timeout TIME     how long routing may take to settle, e.g. 200s"},
	{{"proto", required_argument, NULL, 'p'}, "--proto NAME       icmp, udp or tcp (default icmp)"},
	{{"sport", required_argument, NULL, 'S'}, "--sport PORT       source port of udp or tcp"},
	{{"dport", required_argument, NULL, 'D'}, "--dport PORT       destination port of udp or tcp"},
	{{"delay", required_argument, NULL, 'Y'},
	 "--delay TIME       one-way delay in each direction, e.g. 5ms; up to 500ms"},
	{{"jitter", required_argument, NULL, 'J'},
	 "--jitter TIME      vary the delay by up to this; packets keep their order"},
	{{"loss", required_argument, NULL, 'O'}, "--loss PERCENT     lose this share of packets, e.g. 0.5"},
	{{"rate", required_argument, NULL, 'R'},
	 "--rate RATE        bits per second, e.g. 100M; k, M and G are powers of 1000"},
	{{"reorder", required_argument, NULL, 'E'},
	 "--reorder PERCENT  let this share of packets overtake those that wait"},
	{{"stats", no_argument, NULL, 'T'},
	 "--stats            counters, and how far delays are from the requested ones"},
	{{"path", required_argument, NULL, 'P'}, "--path NAME        primary or secondary"},
	{{"peer", required_argument, NULL, 'e'}, "--peer ADDRESS     the BGP neighbour"},
	{{"az", required_argument, NULL, 'z'}, "--az FILE          the output of az ... -o json; - for standard input"},
};

#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

static void print_usage(FILE *out)
{
	fprintf(out, "usage: erxdpctl VERB [options] [arguments]\n\n");
	for (const struct verb *v = verbs; v->name; v++)
		fprintf(out, "  %-10s %-34s%s %s\n", v->name, v->args,
			strlen(v->args) > 34 ? "\n                                               " : "", v->summary);
	fprintf(out, "\nEach verb takes --help. Exit codes: 0 done, 1 the system refused, 2 usage,\n"
		     "3 invalid topology or a failed check, 4 'plan' has changes.\n");
}

static bool takes(const struct verb *v, int letter)
{
	return strchr("hv", letter) || strchr(v->options, letter);
}

static void print_help(const struct verb *v)
{
	printf("usage: erxdpctl %s%s%s\n\n%s\n\noptions:\n", v->name, *v->args ? " " : "", v->args, v->text);
	for (size_t i = 0; i < N_OPTIONS; i++) {
		if (takes(v, options[i].option.val))
			printf("  %s\n", options[i].text);
	}
}

static void take_option(struct call *call, int letter)
{
	switch (letter) {
	case 'l':
		call->lab = optarg;
		call->lab_given = true;
		break;
	case 'v': log_level = log_level < LOG_VERBOSE ? LOG_VERBOSE : LOG_DEBUG; break;
	case 'j': call->json = true; break;
	case 's': call->silent = true; break;
	case 'L': call->layer = optarg; break;
	case 'M': call->maintenance = true; break;
	case 'f': call->follow = true; break;
	case 'N': call->no_controller = true; break;
	case 'a': call->all = true; break;
	case 'm': call->matrix = true; break;
	case 'w': call->write = optarg; break;
	case 'c': call->count = optarg; break;
	case 'i': call->interval = optarg; break;
	case 't': call->timeout = optarg; break;
	case 'b': call->block = optarg; break;
	case 'C': call->csv = true; break;
	case 'G': call->svg = optarg; break;
	case 'p': call->proto = optarg; break;
	case 'S': call->sport = optarg; break;
	case 'D': call->dport = optarg; break;
	case 'Y': call->delay = optarg; break;
	case 'J': call->jitter = optarg; break;
	case 'O': call->loss = optarg; break;
	case 'R': call->rate = optarg; break;
	case 'E': call->reorder = optarg; break;
	case 'T': call->stats = true; break;
	case 'P': call->path = optarg; break;
	case 'e': call->peer = optarg; break;
	case 'z': call->az = optarg; break;
	}
}

static int misuse(const struct verb *v)
{
	fprintf(stderr, "usage: erxdpctl %s%s%s\ntry 'erxdpctl %s --help'\n", v->name, *v->args ? " " : "", v->args,
		v->name);
	return EXIT_USAGE;
}

/* Parse what follows the verb. Returns -1 to go on, or an exit code. */
static int parse(struct call *call, int argc, char **argv)
{
	struct option longs[N_OPTIONS + 1] = {};
	bool first_only = !strcmp(call->verb->name, "exec"); /* the command's options are its own */
	int letter;

	for (size_t i = 0; i < N_OPTIONS; i++)
		longs[i] = options[i].option;
	while ((letter = getopt_long(argc, argv, first_only ? "+hvw:c:" : "hvw:c:", longs, NULL)) != -1) {
		if (letter == 'h') {
			print_help(call->verb);
			return EXIT_DONE;
		}
		if (letter == '?' || !takes(call->verb, letter)) {
			if (letter == 'l')
				log_error("'%s' does not take --lab: FILE has the lab's name", call->verb->name);
			else if (letter != '?')
				log_error("'%s' does not take that option", call->verb->name);
			return misuse(call->verb);
		}
		take_option(call, letter);
	}
	if (call->lab && !is_lab_name(call->lab))
		return EXIT_USAGE;
	call->argc = argc - optind;
	call->argv = argv + optind;
	if (call->argc < call->verb->least || (call->verb->most >= 0 && call->argc > call->verb->most))
		return misuse(call->verb);
	return -1;
}

static const struct verb *find_verb(const char *name)
{
	VEC(const char *) names = {};
	const struct verb *v = verbs;
	const char *guess;

	while (v->name && strcmp(v->name, name))
		v++;
	if (v->name)
		return v;
	for (v = verbs; v->name; v++)
		vec_push(&names, v->name);
	vec_push(&names, NULL);
	guess = did_you_mean(name, names.items);
	if (guess)
		log_error("there is no verb '%s' (did you mean '%s'?)", name, guess);
	else
		log_error("there is no verb '%s'; 'erxdpctl --help' lists them", name);
	vec_free(&names);
	return NULL;
}

static bool reader_is_gone(void)
{
	struct pollfd p = {.fd = STDOUT_FILENO};

	return poll(&p, 1, 0) > 0 && p.revents & POLLERR;
}

/*
 * Who reads has read enough: as of other tools, the end is a quiet one, by SIGPIPE.
 * It comes when all is done: a change is not to be cut short by `| head`, and
 * what was lent or has failed goes back first.
 */
static void end_without_reader(void)
{
	if (!reader_is_gone())
		return;
	signal(SIGPIPE, SIG_DFL);
	raise(SIGPIPE);
}

static int act(int argc, char **argv)
{
	struct call call = {.lab = getenv("ERXDP_LAB")};
	bool for_member = argc > 2 && !strcmp(argv[1], ERRAND_OPTION);
	int code;

	if (for_member) {
		lab_waits_quietly = true;
		argv++;
		argc--;
	}

	if (call.lab && !*call.lab)
		call.lab = NULL;
	if (argc < 2) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		print_usage(stdout);
		return EXIT_DONE;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("erxdpctl %s\n", erxdp_version);
		return EXIT_DONE;
	}
	if (*argv[1] == '-') {
		log_error("'%s' comes before any verb: options follow it, as in 'erxdpctl status --json'; 'erxdpctl "
			  "--help' lists the verbs",
			  argv[1]);
		return EXIT_USAGE;
	}
	call.verb = find_verb(argv[1]);
	if (!call.verb)
		return EXIT_USAGE;
	if (for_member && call.verb->user != MEMBERS) {
		log_error("'%s' is for root alone", call.verb->name);
		return EXIT_REFUSED;
	}
	code = parse(&call, argc - 1, argv + 1);
	/* What exec becomes has its own way. */
	if (call.verb->run != cmd_exec)
		signal(SIGPIPE, SIG_IGN);
	if (code < 0)
		code = geteuid() ? run_without_root(&call, argc - 1, argv + 1) : call.verb->run(&call);
	return code;
}

int main(int argc, char **argv)
{
	int code = act(argc, argv);

	if (fflush(stdout) || ferror(stdout)) {
		end_without_reader();
		log_error("cannot write to standard output");
		return EXIT_REFUSED;
	}
	return code;
}
