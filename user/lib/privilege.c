// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "lib/privilege.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Those that this program needs for anything. */
static const struct {
	unsigned capability;
	const char *name;
} names[] = {
	{CAP_NET_ADMIN, "CAP_NET_ADMIN"}, {CAP_NET_RAW, "CAP_NET_RAW"}, {CAP_IPC_LOCK, "CAP_IPC_LOCK"},
	{CAP_SYS_ADMIN, "CAP_SYS_ADMIN"}, {CAP_PERFMON, "CAP_PERFMON"}, {CAP_BPF, "CAP_BPF"},
};

/* All bits when the kernel does not tell: then nothing is said to be missing. */
static uint64_t effective(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data))
		return ~0ull;
	return (uint64_t)data[1].effective << 32 | data[0].effective;
}

const char *privilege_remedy(int err, uint64_t needs, char out[static PRIVILEGE_TEXT])
{
	uint64_t has = effective(), lacks;

	*out = '\0';
	if (err != -EPERM && err != -EACCES)
		return out;
	/* The one stands for the other two, as before they were there. */
	if (has & PRIVILEGE(CAP_SYS_ADMIN))
		has |= PRIVILEGE(CAP_BPF) | PRIVILEGE(CAP_PERFMON);
	lacks = needs & ~has;
	if (!has && geteuid()) {
		snprintf(out, PRIVILEGE_TEXT, "; run as root");
		return out;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t n = strlen(out);

		if (lacks & PRIVILEGE(names[i].capability))
			snprintf(out + n, PRIVILEGE_TEXT - n, "%s %s", n ? " and" : "; run with", names[i].name);
	}
	if (!*out)
		snprintf(out, PRIVILEGE_TEXT, "; a container, lockdown or a security module may forbid it");
	return out;
}
