// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A numbered UDP flow whose every datagram is known by the time it was sent at.
 *
 *	flow send FILE PORT RATE ADDRESS...	until SIGTERM; to the addresses in turn
 *	flow receive FILE PORT			until SIGTERM
 *
 * FILE gets one 64-bit number per datagram, in the machine's own byte order: by the
 * sender the time it was sent at (CLOCK_MONOTONIC, ns), by the receiver the time it
 * arrived at, or 0. Both have the same clock when they run on one machine.
 * A sender that was kept from running catches up, so that what is late is late,
 * and what is lost can be told from what was never sent.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_DATAGRAMS 4000000
#define MAX_ADDRESSES 1024
#define RCVBUF	      (64 << 20)

static volatile sig_atomic_t stopped;
static uint64_t times[MAX_DATAGRAMS];

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "flow: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int save(const char *file, size_t n)
{
	FILE *out = fopen(file, "we");

	if (!out || fwrite(times, sizeof(*times), n, out) != n || fclose(out))
		die(file);
	return 0;
}

static void sleep_until(uint64_t at)
{
	const struct timespec t = {.tv_sec = at / 1000000000, .tv_nsec = at % 1000000000};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static int send_flow(int sock, const char *file, int port, double rate, char **addresses, int n_addresses)
{
	static struct sockaddr_in to[MAX_ADDRESSES];
	uint64_t start = now_ns(), n = 0;

	for (int i = 0; i < n_addresses; i++) {
		to[i] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
		if (inet_pton(AF_INET, addresses[i], &to[i].sin_addr) != 1)
			die(addresses[i]);
	}
	while (!stopped && n < MAX_DATAGRAMS) {
		sleep_until(start + (uint64_t)(n * 1e9 / rate));
		times[n] = now_ns();
		/* An error is a datagram that does not arrive; that is what is measured. */
		(void)!sendto(sock, &n, sizeof(n), 0, (struct sockaddr *)&to[n % n_addresses], sizeof(to[0]));
		n++;
	}
	return save(file, n);
}

static int receive_flow(int sock, const char *file, int port)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
	uint64_t number, n = 0;
	int size = RCVBUF;

	if (setsockopt(sock, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) && errno != EPERM)
		die("SO_RCVBUFFORCE");
	if (bind(sock, (struct sockaddr *)&any, sizeof(any)))
		die("bind");
	while (!stopped) {
		if (recv(sock, &number, sizeof(number), 0) != sizeof(number) || number >= MAX_DATAGRAMS)
			continue;
		times[number] = now_ns();
		n = number >= n ? number + 1 : n;
	}
	return save(file, n);
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = stop}; /* without SA_RESTART: recv() returns */
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	sigaction(SIGTERM, &action, NULL);
	prctl(PR_SET_TIMERSLACK, 1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (sock < 0)
		die("socket");
	if (argc >= 6 && argc - 5 <= MAX_ADDRESSES && !strcmp(argv[1], "send"))
		return send_flow(sock, argv[2], atoi(argv[3]), atof(argv[4]), argv + 5, argc - 5);
	if (argc == 4 && !strcmp(argv[1], "receive"))
		return receive_flow(sock, argv[2], atoi(argv[3]));
	fprintf(stderr, "usage: flow send FILE PORT RATE ADDRESS... | receive FILE PORT\n");
	return 2;
}
