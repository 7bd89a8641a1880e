// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* erxdpd: the controller of one lab; started by 'erxdpctl load' or by systemd. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/controller.h"
#include "lib/log.h"
#include "lib/version.h"

static const struct option options[] = {
	{"help", no_argument, NULL, 'h'},
	{"verbose", no_argument, NULL, 'v'},
	{"version", no_argument, NULL, 'V'},
	{"ready-fd", required_argument, NULL, 'r'},
	{},
};

static void usage(FILE *out)
{
	fprintf(out, "usage: erxdpd [options] LAB\n\n"
		     "The controller of a loaded lab: notices failures and lets routing follow. 'erxdpctl load'\n"
		     "starts it; it runs in the foreground until SIGTERM. Packets are carried without it too.\n\n"
		     "  -v, --verbose    say what is done and what took how long; -vv: more\n"
		     "  --ready-fd FD    write 'ok' there, or why not, once the lab is taken over\n"
		     "  --version\n");
}

int main(int argc, char **argv)
{
	int ready = -1, letter;

	while ((letter = getopt_long(argc, argv, "hv", options, NULL)) != -1) {
		switch (letter) {
		case 'h': usage(stdout); return 0;
		case 'V': printf("erxdpd %s\n", erxdp_version); return 0;
		case 'v': log_level = log_level < LOG_VERBOSE ? LOG_VERBOSE : LOG_DEBUG; break;
		case 'r': ready = atoi(optarg); break;
		default: usage(stderr); return 2;
		}
	}
	if (argc - optind != 1 || !*argv[optind] || strpbrk(argv[optind], "./")) {
		usage(stderr);
		return 2;
	}
	return controller_run(argv[optind], ready);
}
