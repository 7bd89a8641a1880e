// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "lab/series.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lab/echo.h"
#include "lib/clock.h"

#define INTERVAL_NS 2000000ull
#define WAIT_NS	    1000000000ull

/* The word tells this call's replies from those of another that runs beside it. */
struct request {
	struct icmphdr icmp;
	uint32_t word;
};

struct sender {
	const struct lab *lab;
	const struct host *from, *to;
	unsigned n;
	int fd;
	uint32_t word;
	uint64_t *sent_ns; /* by sequence number; 0: not sent, or answered already */
	struct series *out;
	struct error *e;
};

static void send_request(struct sender *s, unsigned sequence)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = addr_be32(&s->to->addr)};
	struct request request = {.icmp = {.type = ICMP_ECHO, .un.echo.sequence = htons(sequence)}, .word = s->word};

	request.icmp.checksum = echo_checksum(&request, sizeof(request));
	s->sent_ns[sequence] = clock_now();
	s->out->sent++;
	/* What cannot be sent is not answered either. */
	sendto(s->fd, &request, sizeof(request), MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to));
}

static void note(struct sender *s, const uint8_t *data, size_t size)
{
	const struct iphdr *ip = (const void *)data;
	const struct request *reply = (const void *)(data + ip->ihl * 4);
	unsigned sequence;
	uint64_t rtt;

	if ((const uint8_t *)(reply + 1) > data + size || reply->icmp.type != ICMP_ECHOREPLY ||
	    reply->word != s->word || ip->saddr != addr_be32(&s->to->addr))
		return;
	sequence = ntohs(reply->icmp.un.echo.sequence);
	if (sequence >= s->n || !s->sent_ns[sequence])
		return;
	rtt = clock_now() - s->sent_ns[sequence];
	s->sent_ns[sequence] = 0;
	s->out->least_ns = !s->out->answered || rtt < s->out->least_ns ? rtt : s->out->least_ns;
	s->out->most_ns = rtt > s->out->most_ns ? rtt : s->out->most_ns;
	s->out->sum_ns += rtt;
	s->out->answered++;
}

static void receive_until(struct sender *s, uint64_t end)
{
	struct pollfd poll_fd = {.fd = s->fd, .events = POLLIN};
	uint8_t data[2048];
	uint64_t now;
	ssize_t n;

	while (s->out->answered < s->n && (now = clock_now()) < end) {
		struct timespec left = {.tv_sec = (end - now) / 1000000000u, .tv_nsec = (end - now) % 1000000000u};

		if (ppoll(&poll_fd, 1, &left, NULL) <= 0)
			continue;
		while ((n = recv(s->fd, data, sizeof(data), 0)) > 0) {
			if (n >= (ssize_t)(sizeof(struct iphdr)))
				note(s, data, n);
		}
	}
}

static int run(void *arg)
{
	struct sender *s = arg;
	uint64_t due = clock_now();

	s->fd = echo_open(s->lab, s->from, s->e);
	if (s->fd < 0)
		return s->fd;
	for (unsigned i = 0; i < s->n; i++) {
		send_request(s, i);
		due += INTERVAL_NS;
		receive_until(s, due);
	}
	receive_until(s, clock_now() + WAIT_NS);
	close(s->fd);
	return 0;
}

int lab_series(const struct lab *lab, const struct host *from, const struct host *to, unsigned n, struct series *out,
	       struct error *e)
{
	struct sender s = {.lab = lab, .from = from, .to = to, .n = n, .out = out, .e = e};
	char namespace[256];
	int err;

	*out = (struct series){};
	if (getrandom(&s.word, sizeof(s.word), 0) != sizeof(s.word))
		s.word = clock_now();
	s.sent_ns = xcalloc(n, sizeof(*s.sent_ns));
	lab_host_namespace(lab, from, namespace);
	err = net_call(namespace, run, &s, e);
	free(s.sent_ns);
	return err;
}
