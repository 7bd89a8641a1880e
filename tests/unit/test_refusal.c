// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is said of a kernel that does not take the programs: a row for each cause, in the words of libbpf and the
 * kernel. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dp/refusal.h"

#define LAB	   "cannot load the XDP programs of lab 'x': "
#define NEW	   "6.1.0-57-amd64"
#define IS(kernel) "; this kernel is Linux " kernel ": "

struct row {
	const char *what, *said;
	int err;
	const char *release;
	bool user;
	const char *sentence;
};

static const struct row rows[] = {
	{"the verifier",
	 "libbpf: prog 'vnet': BPF program load failed: Permission denied\n"
	 "libbpf: prog 'vnet': -- BEGIN PROG LOAD LOG --\n"
	 "R4 invalid zero-sized read: u64=[0,1500]\n"
	 "-- END PROG LOAD LOG --\n"
	 "libbpf: prog 'vnet': failed to load: -13",
	 EACCES, NEW, false,
	 LAB "Permission denied" IS(NEW) "its verifier refuses program 'vnet', as these last lines say\n  "},
	{"the verifier, of a program that is too long for it",
	 "libbpf: prog 'lan': BPF program load failed: Argument list too long\n"
	 "libbpf: prog 'lan': -- BEGIN PROG LOAD LOG --\n"
	 "BPF program is too large. Processed 1000001 insn",
	 E2BIG, "7.3.4", false,
	 LAB "Argument list too long" IS("7.3.4") "its verifier refuses program 'lan', as these last lines say\n  "},
	{"the verifier's EPERM is not a lack of rights",
	 "libbpf: prog 'lan': BPF program load failed: Operation not permitted\n"
	 "libbpf: prog 'lan': -- BEGIN PROG LOAD LOG --",
	 EPERM, NEW, false,
	 LAB "Operation not permitted" IS(NEW) "its verifier refuses program 'lan', as these last lines say\n  "},
	{"a helper",
	 "libbpf: prog 'ce': BPF program load failed: Invalid argument\n"
	 "libbpf: prog 'ce': -- BEGIN PROG LOAD LOG --\n"
	 "unknown func bpf_xdp_load_bytes#189",
	 EINVAL, NEW, false,
	 LAB "Invalid argument" IS(NEW) "it does not let an XDP program call 'bpf_xdp_load_bytes'\n  "},
	{"a helper, in newer words",
	 "libbpf: prog 'ce': BPF program load failed: Invalid argument\n"
	 "libbpf: prog 'ce': -- BEGIN PROG LOAD LOG --\n"
	 "program of this type cannot use helper bpf_jiffies64#118",
	 EINVAL, NEW, false, LAB "Invalid argument" IS(NEW) "it does not let an XDP program call 'bpf_jiffies64'\n  "},
	{"types of the kernel", "libbpf: failed to find valid kernel BTF\nlibbpf: Error loading vmlinux BTF: -3", ESRCH,
	 NEW, false,
	 LAB "No such process" IS(NEW) "it does not describe its types (BTF); CONFIG_DEBUG_INFO_BTF is needed\n  "},
	{"a map", "libbpf: map 'erx_xsks': failed to create: Invalid argument(-22)", EINVAL, NEW, false,
	 LAB "Invalid argument" IS(NEW) "it does not make map 'erx_xsks'\n  "},
	{"memory for a map", "libbpf: map 'erx_ways': failed to create: Cannot allocate memory(-12)", ENOMEM, NEW,
	 false, LAB "Cannot allocate memory" IS(NEW) "it has no memory left for the maps; unload other labs\n  "},
	{"types of the programs",
	 "libbpf: Error loading .BTF into kernel: -12. BTF is optional, ignoring.\nmissing btf func_info\n"
	 "-- BEGIN PROG LOAD LOG --\nlibbpf: prog 'sweep': BPF program load failed: Invalid argument",
	 EINVAL, NEW, false,
	 LAB "Invalid argument" IS(NEW) "it did not take the types (BTF) of the programs: Cannot allocate memory\n  "},
	{"types of the programs, by a probe",
	 "0: (18) r1 = 0xffff88814b190400\nmissing btf func_info\n-- BEGIN PROG LOAD LOG --\n"
	 "libbpf: prog 'sweep': BPF program load failed: Invalid argument",
	 EINVAL, NEW, false,
	 LAB
	 "Invalid argument" IS(NEW) "it did not take the types (BTF) of the programs: libbpf has found that it takes "
				    "none\n  "},
	{"a type of program", "libbpf: prog 'sweep': BPF program load failed: Invalid argument", EINVAL, NEW, false,
	 LAB "Invalid argument" IS(NEW) "it has no programs of the type of 'sweep'\n  "},
	{"bpf(2)", "libbpf: Error in bpf_object__probe_loading():Function not implemented(38).", ENOSYS, NEW, false,
	 LAB "Function not implemented" IS(NEW) "it was built without bpf(2); CONFIG_BPF_SYSCALL is needed\n  "},
	{"rights", "libbpf: Error in bpf_object__probe_loading():Operation not permitted(1).", EPERM, NEW, true,
	 LAB "not permitted; run with CAP_BPF\n  "},
	{"a newer kernel, whatever was said", "libbpf: prog 'vnet': BPF program load failed: Invalid argument", EINVAL,
	 "5.15.0-100-generic", false,
	 LAB "Invalid argument" IS("5.15.0-100-generic") "Linux 6.1 or newer is needed\n  "},
	{"6.0 is older than 6.1", "libbpf: failed to load object 'erxdp_bpf'", EINVAL, "6.0.19", false,
	 LAB "Invalid argument" IS("6.0.19") "Linux 6.1 or newer is needed\n  "},
	{"6.12 is not", "libbpf: failed to load object 'erxdp_bpf'", EINVAL, "6.12.117+deb12-amd64", false,
	 LAB "Invalid argument" IS("6.12.117+deb12-amd64") "it does not take the programs\n  "},
};

static void hear(struct refusal *r, const char *said)
{
	char copy[1024], *rest = copy, *line;

	snprintf(copy, sizeof(copy), "%s", said);
	while ((line = strsep(&rest, "\n")))
		refusal_hear(r, line);
}

Test(refusal, each_cause_has_its_own_words)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct refusal_place place = {.release = rows[i].release,
					      .remedy = rows[i].user ? "; run with CAP_BPF" : ""};
		struct refusal r = {};
		struct error e;

		hear(&r, rows[i].said);
		cr_expect_eq(refusal_tell(&r, -rows[i].err, &place, "x", &e), -rows[i].err, "%s", rows[i].what);
		cr_expect(!strncmp(e.text, rows[i].sentence, strlen(rows[i].sentence)), "%s: %s", rows[i].what, e.text);
	}
}

Test(refusal, the_last_lines_are_kept_in_order)
{
	struct refusal_place place = {.release = NEW, .remedy = ""};
	struct refusal r = {};
	char line[300];
	struct error e;

	for (int i = 1; i <= 20; i++) {
		snprintf(line, sizeof(line), "%d: %0200d", i, 0); /* longer than there is room */
		refusal_hear(&r, line);
	}
	refusal_tell(&r, -EACCES, &place, "x", &e);
	cr_expect(!strstr(e.text, "\n  12: "));
	for (int i = 13; i <= 20; i++) {
		snprintf(line, sizeof(line), "\n  %d: 000", i);
		cr_expect(strstr(e.text, line), "line %d of: %s", i, e.text);
	}
}
