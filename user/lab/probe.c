// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "lab/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lab/echo.h"
#include "lib/clock.h"

#define ROUNDS	 3 /* as traceroute does */
#define ROUND_MS 400
#define FULL_TTL 64
#define TIMINGS	 5
#define GAP_NS	 500000 /* between two probes that are timed */
#define ID_BASE	 0x4552

struct session {
	const struct lab *lab;
	traces *list;
	int *sockets; /* by host index; -1: no trace starts there */
	uint64_t (*sent_ns)[PROBE_MAX_TTL + 1];
	struct error *e;
};

/* Sequence number 0 is the full-length probe, others are the TTL. */
static void send_probe(struct session *s, size_t at, unsigned sequence)
{
	const struct trace *t = &s->list->items[at];
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = addr_be32(&t->to->addr)};
	int fd = s->sockets[t->from->index], ttl = sequence ? (int)sequence : FULL_TTL;
	struct {
		struct icmphdr icmp;
		uint8_t data[32];
	} packet = {.icmp = {.type = ICMP_ECHO}};

	packet.icmp.un.echo.id = htons(ID_BASE + at);
	packet.icmp.un.echo.sequence = htons(sequence);
	packet.icmp.checksum = echo_checksum(&packet, sizeof(packet));
	setsockopt(fd, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
	s->sent_ns[at][sequence] = clock_now();
	sendto(fd, &packet, sizeof(packet), MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to));
}

static bool is_answered(const struct trace *t, unsigned sequence)
{
	if (!sequence)
		return t->ttl || t->refused;
	return addr_is_set(&t->hops[sequence - 1]) || (t->reached && sequence > t->n_hops);
}

static void send_round(struct session *s)
{
	for (size_t at = 0; at < s->list->n; at++) {
		for (unsigned sequence = 0; sequence <= PROBE_MAX_TTL; sequence++) {
			if (!is_answered(&s->list->items[at], sequence))
				send_probe(s, at, sequence);
		}
	}
}

static void note_reply(struct session *s, size_t at, unsigned sequence, const struct iphdr *ip)
{
	struct trace *t = &s->list->items[at];

	if (!sequence) {
		uint64_t rtt = clock_now() - s->sent_ns[at][0];

		t->ttl = ip->ttl;
		t->open = false;
		t->rtt_ns = t->rtt_ns && t->rtt_ns < rtt ? t->rtt_ns : rtt;
		return;
	}
	t->hops[sequence - 1] = addr_from_be32(ip->saddr);
	if (!t->reached || sequence < t->n_hops)
		t->n_hops = sequence;
	t->reached = true;
}

/* An ICMP message that came to this host: ours by its identifier, its own or the one it quotes. */
static void note(struct session *s, const struct host *h, const uint8_t *data, size_t size)
{
	const struct iphdr *ip = (const void *)data;
	const struct icmphdr *icmp = (const void *)(data + ip->ihl * 4), *echo = icmp;
	bool error = icmp->type == ICMP_TIME_EXCEEDED || icmp->type == ICMP_DEST_UNREACH;
	size_t at, sequence;

	if (error) {
		const struct iphdr *quoted = (const void *)(icmp + 1);

		echo = (const void *)((const uint8_t *)quoted + quoted->ihl * 4);
	}
	if ((const uint8_t *)(echo + 1) > data + size || (!error && icmp->type != ICMP_ECHOREPLY))
		return;
	at = (uint16_t)(ntohs(echo->un.echo.id) - ID_BASE);
	sequence = ntohs(echo->un.echo.sequence);
	if (at >= s->list->n || sequence > PROBE_MAX_TTL || s->list->items[at].from != h)
		return;
	if (icmp->type == ICMP_DEST_UNREACH)
		s->list->items[at].refused = true;
	else if (!error)
		note_reply(s, at, sequence, ip);
	else if (sequence)
		s->list->items[at].hops[sequence - 1] = addr_from_be32(ip->saddr);
}

static void receive(struct session *s, const struct host *h)
{
	uint8_t data[2048];
	ssize_t n;

	while ((n = recv(s->sockets[h->index], data, sizeof(data), 0)) > 0) {
		if (n >= (ssize_t)(sizeof(struct iphdr) + sizeof(struct icmphdr)))
			note(s, h, data, n);
	}
}

/* A silent hop is known only by waiting; a destination that answers ends the wait for its pair. */
static bool all_answered(const struct session *s)
{
	for (size_t at = 0; at < s->list->n; at++)
		for (unsigned sequence = 0; sequence <= PROBE_MAX_TTL; sequence++)
			if (!is_answered(&s->list->items[at], sequence))
				return false;
	return true;
}

static bool all_timed(const struct session *s)
{
	vec_each(t, s->list) {
		if (t->open)
			return false;
	}
	return true;
}

static void receive_until(struct session *s, bool (*done)(const struct session *s))
{
	uint64_t end = clock_now() + lab_wait_ms(s->lab, ROUND_MS) * 1000000ull;
	size_t n = s->lab->fabric->hosts.n;
	struct pollfd *polls = xcalloc(n, sizeof(*polls));

	for (size_t i = 0; i < n; i++)
		polls[i] = (struct pollfd){.fd = s->sockets[i], .events = POLLIN};
	while (clock_now() < end && !done(s)) {
		if (poll(polls, n, 20) <= 0)
			continue;
		vec_each(h, &s->lab->fabric->hosts) {
			if (polls[h->index].revents & POLLIN)
				receive(s, h);
		}
	}
	free(polls);
}

/* One at a time, so that none waits for another. */
static void time_round(struct session *s)
{
	for (size_t at = 0; at < s->list->n; at++) {
		struct trace *t = &s->list->items[at];

		t->open = t->timed && t->ttl;
		if (!t->open)
			continue;
		send_probe(s, at, 0);
		nanosleep(&(struct timespec){.tv_nsec = GAP_NS}, NULL);
	}
	if (!all_timed(s))
		receive_until(s, all_timed);
}

static int run(void *arg)
{
	struct session *s = arg;

	vec_each(t, s->list) {
		int *fd = &s->sockets[t->from->index];

		if (*fd < 0)
			*fd = echo_open(s->lab, t->from, s->e);
		if (*fd < 0)
			return *fd;
	}
	for (int round = 0; round < ROUNDS && !all_answered(s); round++) {
		send_round(s);
		receive_until(s, all_answered);
	}
	for (int i = 0; i < TIMINGS; i++)
		time_round(s);
	vec_each(t, s->list) {
		if (!t->reached)
			t->n_hops = PROBE_MAX_TTL;
	}
	return 0;
}

int lab_trace(const struct lab *lab, traces *list, struct error *e)
{
	struct session s = {.lab = lab, .list = list, .e = e};
	size_t hosts = lab->fabric->hosts.n;
	char fabric[256];
	int err;

	s.sockets = xcalloc(hosts, sizeof(*s.sockets));
	s.sent_ns = xcalloc(list->n, sizeof(*s.sent_ns));
	memset(s.sockets, -1, hosts * sizeof(*s.sockets));
	lab_fabric_namespace(lab->topo->name, fabric);
	err = net_call(fabric, run, &s, e);
	for (size_t i = 0; i < hosts; i++)
		if (s.sockets[i] >= 0)
			close(s.sockets[i]);
	free(s.sockets);
	free(s.sent_ns);
	return err;
}
