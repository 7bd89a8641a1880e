// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * net_watch_*: two pairs in a namespace, whose ends are set up and down from
 * outside with ip, and hellos read on the far end of the pair they were sent by.
 * Labs are named as those of test_net.c, whose end also clears up after these.
 */
#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "frames.h"
#include "net/net.h"

#define FIRST	 1000
#define ENDS	 4
#define LOOPBACK 1
#define ROUNDS	 20

static struct net_plan plan;
static struct net_watch *watch;
static struct error error;
static char lab[64];
static struct net_change heard[ENDS + 1]; /* the last of each end, then of any other */
static unsigned news;

static void note(void *arg, const struct net_change *change)
{
	uint32_t place = change->ifindex - FIRST;

	(void)arg;
	heard[place < ENDS ? place : ENDS] = *change;
	news++;
}

static void forget_heard(void)
{
	memset(heard, 0, sizeof(heard));
	news = 0;
}

static int ip(const char *words)
{
	char command[256];

	snprintf(command, sizeof(command), "ip -n erx-%s %s", lab, words);
	return system(command);
}

static void make_end(struct net_port *port, uint32_t place)
{
	port->ifindex = FIRST + place;
	snprintf(port->name, sizeof(port->name), "end%u", place);
	memcpy(port->mac, (uint8_t[]){0x02, 0, 0, 0, 1, (uint8_t)place}, 6);
}

static void setup(void)
{
	if (geteuid())
		cr_skip_test("needs root: namespaces cannot be made");
	snprintf(lab, sizeof(lab), "t%dn", getpid());
	plan.lab = lab;
	snprintf(plan.fabric, sizeof(plan.fabric), "erx-%s", lab);
	for (uint32_t place = 0; place < ENDS; place += 2) {
		struct net_link link = {.mtu = 1500, .up = true};

		make_end(&link.end[0], place);
		make_end(&link.end[1], place + 1);
		vec_push(&plan.links, link);
	}
	cr_assert_eq(net_apply(&plan, false, NULL, &error), 0, "%s", error.text);
	cr_assert_eq(net_watch_open(plan.fabric, &watch, &error), 0, "%s", error.text);
}

static void teardown(void)
{
	if (!lab[0])
		return;
	net_watch_close(watch);
	net_remove(lab, NULL, &error);
	vec_free(&plan.links);
}

static void read_news(void)
{
	cr_assert_eq(net_watch_read(watch, note, NULL, &error), 0, "%s", error.text);
}

/* Read until both ends of the first pair have said that the carrier is so. */
static void wait_for_carrier(bool carrier)
{
	struct pollfd events = {.fd = net_watch_fd(watch), .events = POLLIN};

	while (heard[0].carrier != carrier || heard[1].carrier != carrier || !heard[0].ifindex || !heard[1].ifindex) {
		cr_assert_eq(poll(&events, 1, 1000), 1, "nothing for a second");
		read_news();
	}
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

TestSuite(watch, .init = setup, .fini = teardown, .timeout = 60);

Test(watch, tells_the_present_state_of_all)
{
	cr_assert_eq(ip("link set end3 down"), 0);
	cr_assert_eq(net_watch_dump(watch, note, NULL, &error), 0, "%s", error.text);
	cr_expect_eq(news, ENDS + 1, "%u interfaces", news);
	cr_expect(heard[0].up && heard[0].carrier && heard[1].up && heard[1].carrier);
	cr_expect(heard[2].up && !heard[2].carrier);
	cr_expect(!heard[3].up && !heard[3].carrier);
	cr_expect_eq(heard[ENDS].ifindex, LOOPBACK);
}

Test(watch, is_quiet_while_nothing_happens)
{
	read_news();
	cr_expect_eq(news, 0);
	/* Events of the kernel that change neither of the two. */
	cr_assert_eq(ip("link set end0 alias something"), 0);
	cr_assert_eq(ip("link set end0 mtu 1400"), 0);
	read_news();
	cr_expect_eq(news, 0);
}

/* The best of some rounds: other tests run meanwhile. */
Test(watch, reports_a_lost_carrier_at_both_ends_within_a_millisecond)
{
	double best[2] = {1e9, 1e9};

	for (int i = 0; i < 2 * ROUNDS; i++) {
		bool up = i & 1;
		double start = now_ms(), took;

		forget_heard();
		cr_assert_eq(net_watch_set(watch, FIRST, up, &error), 0, "%s", error.text);
		wait_for_carrier(up);
		took = now_ms() - start;
		best[up] = took < best[up] ? took : best[up];
		cr_expect_eq(heard[0].up, up);
		cr_expect(heard[1].up);
	}
	fprintf(stderr, "carrier lost: %.3f ms, back: %.3f ms\n", best[0], best[1]);
	cr_expect_lt(best[0], 1.0, "%.3f ms", best[0]);
}

Test(watch, hears_what_others_do)
{
	cr_assert_eq(ip("link set end1 down"), 0);
	wait_for_carrier(false);
	cr_expect(heard[0].up && !heard[1].up);
	cr_assert_eq(ip("link set end1 up"), 0);
	wait_for_carrier(true);
	cr_assert_eq(ip("link del end0"), 0);
	read_news();
	cr_expect(heard[0].gone && heard[1].gone);
	cr_expect(!heard[0].carrier && !heard[0].up);
	forget_heard();
	cr_assert_eq(ip("link add extra type veth peer name extra2"), 0);
	read_news();
	cr_expect_eq(news, 2, "%u", news);
	cr_expect(heard[ENDS].ifindex && !heard[ENDS].gone);
}

/* A short failure between two reads is told as such, not swallowed. */
Test(watch, tells_everything_that_has_happened_in_order)
{
	cr_assert_eq(ip("link set end0 down"), 0);
	cr_assert_eq(ip("link set end0 up"), 0);
	wait_for_carrier(true);
	cr_expect_geq(news, 4, "%u", news);
}

Test(watch, misses_nothing_when_the_kernel_throws_events_away)
{
	int bytes = 1, fd = net_watch_fd(watch);

	cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)), 0);
	for (int i = 0; i < 50; i++)
		cr_assert_eq(net_watch_set(watch, FIRST, i & 1, &error), 0, "%s", error.text);
	cr_assert_eq(net_watch_set(watch, FIRST, false, &error), 0, "%s", error.text);
	cr_assert_eq(ip("link del end2"), 0);
	usleep(20000);
	read_news();
	cr_expect_lt(news, 50, "there was no overrun");
	cr_expect(heard[0].ifindex && !heard[0].up && !heard[0].carrier);
	cr_expect(heard[1].ifindex && !heard[1].carrier);
	cr_expect(heard[2].gone && heard[3].gone);
	forget_heard();
	cr_assert_eq(net_watch_set(watch, FIRST, true, &error), 0, "%s", error.text);
	wait_for_carrier(true);
}

static int open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	cr_assert(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

Test(watch, sets_many_at_once_and_opens_nothing_for_it)
{
	struct net_set sets[] = {{FIRST, false}, {FIRST + 2, false}, {FIRST + 4242, false}, {FIRST + 3, false}};
	int before = open_files();

	cr_expect_eq(net_watch_set_all(watch, sets, 2, &error), 0, "%s", error.text);
	cr_expect_eq(net_watch_set_all(watch, sets, 4, &error), -ENODEV);
	cr_expect(strstr(error.text, "cannot set interface 5242 down: No such device"), "%s", error.text);
	cr_expect_eq(open_files(), before);
	cr_assert_eq(net_watch_dump(watch, note, NULL, &error), 0, "%s", error.text);
	cr_expect(!heard[0].up && heard[1].up && !heard[2].up && !heard[3].up);
}

Test(watch, says_when_there_is_no_fabric)
{
	struct net_watch *none = NULL;

	cr_expect_eq(net_watch_open("erx-none-such", &none, &error), -ENOENT);
	cr_expect_null(none);
	cr_expect(strstr(error.text, "there is no namespace 'erx-none-such'; is the lab loaded?"), "%s", error.text);
	net_watch_close(NULL);
}

/* Hellos */

static int listen_at(void *arg)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_ifindex = *(int *)arg, .sll_protocol = htons(ETH_P_ALL)};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));

	cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static const struct net_hello hello = {
	.ifindex = FIRST,
	.src_mac = {2, 0, 0, 0, 1, 7},
	.dst_mac = {2, 0, 0, 0, 1, 1},
	.src = {ADDR_IPV4, {192, 168, 30, 17}},
	.dst = {ADDR_IPV4, {192, 168, 30, 18}},
	.my_discriminator = 0x01020304,
	.your_discriminator = 0xa0b0c0d0,
	.state = 3,
	.detect_mult = 3,
	.interval_us = 300000,
};

/* The packet as RFC 5880 4.1 and RFC 5881 draw it. */
static const uint8_t bfd[] = {
	0x20, 0xc0, 3, 24, 1, 2, 3, 4, 0xa0, 0xb0, 0xc0, 0xd0, 0, 4, 0x93, 0xe0, 0, 4, 0x93, 0xe0, 0, 0, 0, 0,
};

static void receive(int fd, struct frame *f)
{
	struct pollfd arrival = {.fd = fd, .events = POLLIN};

	cr_assert_eq(poll(&arrival, 1, 1000), 1, "no frame");
	f->n = (size_t)recv(fd, f->bytes, sizeof(f->bytes), 0);
}

Test(watch, sends_hellos_that_are_bfd)
{
	struct net_hello nobody = hello;
	int peer = FIRST + 1, fd;
	struct frame f;

	fd = net_call(plan.fabric, listen_at, &peer, &error);
	cr_assert_geq(fd, 0, "%s", error.text);
	cr_assert_eq(net_watch_hello(watch, &hello), 0);
	receive(fd, &f);
	cr_assert_eq(f.n, ETH + 20 + 8 + sizeof(bfd));
	cr_expect_arr_eq(f.bytes, ((uint8_t[]){2, 0, 0, 0, 1, 1, 2, 0, 0, 0, 1, 0, 8, 0}), ETH);
	cr_expect_eq(ip_at(&f)[0], 0x45);
	cr_expect_eq(get16(ip_at(&f) + 2), 20 + 8 + sizeof(bfd));
	cr_expect_eq(ip_at(&f)[8], 255, "TTL %u", ip_at(&f)[8]);
	cr_expect_eq(ip_at(&f)[9], UDP);
	cr_expect_eq(get32(ip_at(&f) + 12), ip_of("192.168.30.17"));
	cr_expect_eq(get32(ip_at(&f) + 16), ip_of("192.168.30.18"));
	cr_expect_eq(sum16(ip_at(&f), 20, 0), 0xffff);
	cr_expect_eq(segment_sum(&f), 0xffff);
	cr_expect_geq(get16(ip_at(&f) + 20), 49152);
	cr_expect_eq(get16(ip_at(&f) + 22), 3784);
	cr_expect_arr_eq(ip_at(&f) + 28, bfd, sizeof(bfd));

	nobody.src = nobody.dst = (struct addr){};
	cr_assert_eq(net_watch_hello(watch, &nobody), 0);
	receive(fd, &f);
	cr_expect_eq(get32(ip_at(&f) + 12), 0);
	cr_expect_eq(get32(ip_at(&f) + 16), 0);
	cr_expect_eq(sum16(ip_at(&f), 20, 0), 0xffff);
	cr_expect_eq(segment_sum(&f), 0xffff);
	close(fd);
}

/* A file of one frame, as pcap(5) has it. */
static void write_pcap(const char *path, const struct frame *f)
{
	const uint32_t head[] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1, 0, 0, (uint32_t)f->n, (uint32_t)f->n};
	FILE *file = fopen(path, "we");

	cr_assert(file);
	fwrite(head, sizeof(head), 1, file);
	fwrite(f->bytes, f->n, 1, file);
	fclose(file);
}

Test(watch, sends_hellos_that_tshark_reads)
{
	char path[] = "/tmp/erxdp-hello-XXXXXX", command[512], line[256] = "";
	int peer = FIRST + 1, fd, file = mkstemp(path);
	struct frame f;
	FILE *tshark;

	cr_assert_geq(file, 0);
	close(file);
	if (system("command -v tshark >/dev/null"))
		cr_skip_test("tshark is not installed: run tools/install-deps");
	fd = net_call(plan.fabric, listen_at, &peer, &error);
	cr_assert_eq(net_watch_hello(watch, &hello), 0);
	receive(fd, &f);
	close(fd);
	write_pcap(path, &f);
	snprintf(command, sizeof(command),
		 "tshark -r %s -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE -T fields -e bfd.version "
		 "-e bfd.message_length -e bfd.my_discriminator -e bfd.your_discriminator -e "
		 "bfd.desired_min_tx_interval "
		 "-e ip.checksum.status -e udp.checksum.status -e _ws.malformed 2>/dev/null",
		 path);
	tshark = popen(command, "re");
	cr_assert(tshark && fgets(line, sizeof(line), tshark));
	pclose(tshark);
	unlink(path);
	cr_expect_str_eq(line, "1\t24\t0x01020304\t0xa0b0c0d0\t300000\t1\t1\t\n");
}

Test(watch, says_why_a_hello_did_not_leave)
{
	struct net_hello lost = hello;

	cr_assert_eq(net_watch_set(watch, FIRST, false, &error), 0, "%s", error.text);
	cr_expect_eq(net_watch_hello(watch, &lost), -ENETDOWN);
	lost.ifindex = FIRST + 4242;
	cr_expect_eq(net_watch_hello(watch, &lost), -ENXIO);
}
