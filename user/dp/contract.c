// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which contract this build has with the programs, and which one a lab was loaded
 * with. The pins say so before any map is opened: DP_ROOT/LAB/contract is a symbolic
 * link to nothing, whose text is the number of tools/contract and the version of the build.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dp/internal.h"
#include "lib/version.h"

static const char contract[] = ERXDP_CONTRACT;

/* Of a contract, a space, and a version. */
#define TEXT_SIZE 256

int dp_write_contract(const char *lab, struct error *e)
{
	char path[512], text[TEXT_SIZE];

	dp_pin_path(lab, "contract", path);
	snprintf(text, sizeof(text), "%s %s", contract, erxdp_version);
	if (symlink(text, path))
		return error_set(e, -errno, "cannot write '%s': %s", path, strerror(errno));
	return 0;
}

static int other_build(const char *lab, const char *text, struct error *e)
{
	return error_set(e, -EPROTO,
			 "lab '%s' was loaded by another build of erxdp (%s), whose maps this one (%s %s) cannot read; "
			 "run 'erxdpctl unload %s' and load it again",
			 lab, text, contract, erxdp_version, lab);
}

/* One from before there was a contract to be told has maps and nothing else; a load that was killed at once has none.
 */
static int no_contract(const char *lab, struct error *e)
{
	char path[512];

	dp_pin_path(lab, "erx_ports", path);
	if (!access(path, F_OK))
		return other_build(lab, "which does not say its version", e);
	return error_set(e, -errno, "cannot look at '%s': %s", path, strerror(errno));
}

int dp_check_contract(const char *lab, struct error *e)
{
	char path[512], text[TEXT_SIZE] = "";
	size_t length = strlen(contract);

	dp_pin_path(lab, "contract", path);
	if (readlink(path, text, sizeof(text) - 1) < 0) {
		if (errno != ENOENT)
			return error_set(e, -errno, "cannot read '%s': %s", path, strerror(errno));
		return no_contract(lab, e);
	}
	if (!strncmp(text, contract, length) && text[length] == ' ')
		return 0;
	return other_build(lab, text, e);
}
