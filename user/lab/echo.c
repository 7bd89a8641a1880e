// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "lab/echo.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/privilege.h"

#define RECEIVE_BYTES (1 << 20)

uint16_t echo_checksum(const void *data, size_t size)
{
	const uint16_t *word = data;
	uint32_t sum = 0;

	for (size_t i = 0; i < size / 2; i++)
		sum += word[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

int echo_open(const struct lab *lab, const struct host *h, struct error *e)
{
	char namespace[256];
	int err, fd;

	lab_host_namespace(lab, h, namespace);
	err = net_enter(namespace, e);
	if (err)
		return err;
	fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMP);
	if (fd < 0) {
		char remedy[PRIVILEGE_TEXT];

		err = -errno;
		return error_set(e, err, "cannot open a raw socket in host '%s': %s%s", h->name, strerror(-err),
				 privilege_remedy(err, PRIVILEGE(CAP_NET_RAW), remedy));
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){RECEIVE_BYTES}, sizeof(int));
	return fd;
}
