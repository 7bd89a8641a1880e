// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The identifier of an echo request is the number of the host it goes to, so
 * that a reply is known by the socket it comes to and that number, however many
 * pairs there are. A word in the payload tells this call's replies from those of
 * another that runs beside it.
 */
#include "lab/ping.h"

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

#define ROUNDS	 3
#define ROUND_MS 400 /* for the last answers of a round */
#define BURST	 256 /* requests before the answers are looked at */
#define BURST_MS 5   /* answers of a burst, at most; those that come later are not lost */
#define SEND_MS	 10  /* to send a burst, on a busy machine */
#define HOST_MS	 2   /* to open a socket in a host, likewise */

struct request {
	struct icmphdr icmp;
	uint32_t word;
};

struct survey {
	const struct lab *lab;
	pings *list;
	size_t hosts;
	int *sockets;	/* by host index; -1: nothing starts there */
	uint32_t *at;	/* place in list + 1, by from * hosts + to */
	uint64_t *sent; /* when, by place in list */
	size_t open;	/* without an answer */
	uint32_t word;
	struct error *e;
};

static void send_request(struct survey *s, size_t at)
{
	const struct ping *p = &s->list->items[at];
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = addr_be32(&p->to->addr)};
	struct request request = {.icmp = {.type = ICMP_ECHO}, .word = s->word};

	request.icmp.un.echo.id = htons(p->to->index);
	request.icmp.checksum = echo_checksum(&request, sizeof(request));
	s->sent[at] = clock_now();
	sendto(s->sockets[p->from->index], &request, sizeof(request), MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to));
}

static struct ping *pair_of(struct survey *s, const struct host *from, uint16_t id)
{
	uint32_t at = id < s->hosts ? s->at[from->index * s->hosts + id] : 0;

	return at ? &s->list->items[at - 1] : NULL;
}

static void note_reply(struct survey *s, const struct host *h, const struct iphdr *ip, const struct request *reply)
{
	struct ping *p = pair_of(s, h, ntohs(reply->icmp.un.echo.id));

	if (!p || p->answered || reply->word != s->word || ip->saddr != addr_be32(&p->to->addr))
		return;
	p->answered = true;
	p->ttl = ip->ttl;
	p->rtt_ns = clock_now() - s->sent[p - s->list->items];
	s->open--;
}

/* An unreachable quotes the request's header and its first eight bytes (RFC 792). */
static void note_refusal(struct survey *s, const struct host *h, const struct icmphdr *icmp, const uint8_t *end)
{
	const struct iphdr *quoted = (const void *)(icmp + 1);
	const struct icmphdr *echo;
	struct ping *p;

	if ((const uint8_t *)(quoted + 1) > end)
		return;
	echo = (const void *)((const uint8_t *)quoted + quoted->ihl * 4);
	if ((const uint8_t *)(echo + 1) > end || quoted->protocol != IPPROTO_ICMP || echo->type != ICMP_ECHO)
		return;
	p = pair_of(s, h, ntohs(echo->un.echo.id));
	if (p && quoted->daddr == addr_be32(&p->to->addr))
		p->refused = true;
}

static void note(struct survey *s, const struct host *h, const uint8_t *data, size_t size)
{
	const struct iphdr *ip = (const void *)data;
	const struct icmphdr *icmp = (const void *)(data + ip->ihl * 4);

	if ((const uint8_t *)(icmp + 1) > data + size)
		return;
	if (icmp->type == ICMP_DEST_UNREACH)
		note_refusal(s, h, icmp, data + size);
	else if (icmp->type == ICMP_ECHOREPLY && (const uint8_t *)icmp + sizeof(struct request) <= data + size)
		note_reply(s, h, ip, (const void *)icmp);
}

static void receive(struct survey *s, const struct host *h)
{
	uint8_t data[2048];
	ssize_t n;

	while ((n = recv(s->sockets[h->index], data, sizeof(data), 0)) > 0) {
		if (n >= (ssize_t)sizeof(struct iphdr))
			note(s, h, data, n);
	}
}

static void receive_for(struct survey *s, unsigned ms)
{
	struct pollfd *polls = xcalloc(s->hosts, sizeof(*polls));
	uint64_t end = clock_now() + ms * 1000000ull;

	for (size_t i = 0; i < s->hosts; i++)
		polls[i] = (struct pollfd){.fd = s->sockets[i], .events = POLLIN};
	while (s->open && clock_now() < end) {
		if (poll(polls, s->hosts, ms < 20 ? ms : 20) <= 0)
			continue;
		vec_each(h, &s->lab->fabric->hosts) {
			if (polls[h->index].revents & POLLIN)
				receive(s, h);
		}
	}
	free(polls);
}

static void ask(struct survey *s)
{
	unsigned burst = 0;

	for (size_t at = 0; at < s->list->n; at++) {
		if (s->list->items[at].answered)
			continue;
		send_request(s, at);
		if (++burst % BURST == 0)
			receive_for(s, BURST_MS);
	}
	receive_for(s, lab_wait_ms(s->lab, ROUND_MS));
}

static int run(void *arg)
{
	struct survey *s = arg;

	vec_each(p, s->list) {
		int *fd = &s->sockets[p->from->index];

		if (*fd < 0)
			*fd = echo_open(s->lab, p->from, s->e);
		if (*fd < 0)
			return *fd;
	}
	for (int round = 0; round < ROUNDS && s->open; round++)
		ask(s);
	return 0;
}

unsigned lab_ping_longest_ms(const struct lab *lab, size_t pairs)
{
	size_t hosts = lab->fabric->hosts.n;
	unsigned round = lab_wait_ms(lab, ROUND_MS);

	return hosts * HOST_MS + ROUNDS * (round + (pairs + BURST - 1) / BURST * (BURST_MS + SEND_MS));
}

int lab_ping(const struct lab *lab, pings *list, struct error *e)
{
	struct survey s = {.lab = lab, .list = list, .hosts = lab->fabric->hosts.n, .open = list->n, .e = e};
	char fabric[256];
	int err;

	if (getrandom(&s.word, sizeof(s.word), 0) != sizeof(s.word))
		s.word = clock_now();
	s.sockets = xcalloc(s.hosts, sizeof(*s.sockets));
	memset(s.sockets, -1, s.hosts * sizeof(*s.sockets));
	s.at = xcalloc(s.hosts * s.hosts, sizeof(*s.at));
	s.sent = xcalloc(list->n, sizeof(*s.sent));
	for (size_t i = 0; i < list->n; i++)
		s.at[list->items[i].from->index * s.hosts + list->items[i].to->index] = i + 1;
	lab_fabric_namespace(lab->topo->name, fabric);
	err = net_call(fabric, run, &s, e);
	for (size_t i = 0; i < s.hosts; i++)
		if (s.sockets[i] >= 0)
			close(s.sockets[i]);
	free(s.sockets);
	free(s.at);
	free(s.sent);
	return err;
}
