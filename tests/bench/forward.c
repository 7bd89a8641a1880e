// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The hot parts of `make bench`; forward.py decides who runs when. A NAMESPACE
 * is a path (/run/netns/NAME, /proc/PID/ns/net).
 *
 *   attach PROGRAM NAMESPACE:DEV[=INDEX]...    on these ports; INDEX: where that port's frames go
 *   run OPTION=VALUE...                        one run, its result as JSON; options: see options[]
 *   spread PINS ADDRESS FIRST COUNT PORT...    COUNT host routes like that of ADDRESS into the tables of these ports
 *   swap PINS OBJECT PROGRAM PORT...           another build of the programs on these ports (indexes); PROGRAM: all
 *                                              run this one, "-": each its own
 *   ports PINS                                 frames that each port of a lab has received
 *   echo NAMESPACE PORT                        answers datagrams until it is ended
 *   trips NAMESPACE ADDRESS PORT SECONDS       closed-loop round trips, in ns, one a line
 *
 * What is sent is counted at the sender for the losses only. All else is counted
 * where it arrives.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "erxdp/abi.h"
#include "forward.h"
#include "tests/bench/forward.skel.h"

#define SECOND	      1000000000ull
#define WARM_UP	      (SECOND / 20)
#define CHUNK_NS      (SECOND / 50) /* between two looks at the clock */
#define FIRST_CHUNK   2048
#define MESSAGES      64
#define MAX_CPUS      256
#define DONT_FRAGMENT 0x4000

static void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("bench-forward: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

static uint64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static void sleep_until(uint64_t at)
{
	const struct timespec t = {.tv_sec = at / SECOND, .tv_nsec = at % SECOND};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void enter(const char *namespace)
{
	int fd = open(namespace, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die("cannot enter the namespace %s: %s", namespace, strerror(errno));
	close(fd);
}

/* Into the namespace of "NAMESPACE:DEV"; returns the index of DEV. */
static int enter_port(const char *where)
{
	char namespace[256];
	const char *dev = strrchr(where, ':');
	int index;

	if (!dev || (size_t)(dev - where) >= sizeof(namespace))
		die("'%s' is not NAMESPACE:DEV", where);
	snprintf(namespace, sizeof(namespace), "%.*s", (int)(dev - where), where);
	enter(namespace);
	index = if_nametoindex(dev + 1);
	if (!index)
		die("no interface %s in %s", dev + 1, namespace);
	return index;
}

static struct forward_bpf *load(void)
{
	struct forward_bpf *skel;

	libbpf_set_print(NULL);
	skel = forward_bpf__open_and_load();
	if (!skel)
		die("cannot load the programs: %s", strerror(errno));
	return skel;
}

/* attach */

static void attach_clsact(int index, int program)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = index, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = program, .handle = 1, .priority = 1, .flags = BPF_TC_F_REPLACE);
	int err = bpf_tc_hook_create(&hook);

	if (!err || err == -EEXIST)
		err = bpf_tc_attach(&hook, &opts);
	if (err)
		die("cannot attach to the ingress of interface %d: %s", index, strerror(-err));
}

/* "NAMESPACE:DEV" or "NAMESPACE:DEV=INDEX"; without an index, frames that name this port leave by it. */
static void attach_port(const struct forward_bpf *skel, const struct bpf_program *program, char *where)
{
	char *to = strchr(where, '=');
	__u32 key, out;
	int err;

	if (to)
		*to++ = 0;
	key = enter_port(where);
	out = to ? (__u32)atoi(to) : key;
	if (bpf_map_update_elem(bpf_map__fd(skel->maps.links), &key, &out, BPF_ANY))
		die("no port %u for %s: %s", out, where, strerror(errno));
	if (bpf_program__type(program) == BPF_PROG_TYPE_SCHED_CLS) {
		attach_clsact(key, bpf_program__fd(program));
		return;
	}
	err = bpf_xdp_attach(key, bpf_program__fd(program), XDP_FLAGS_DRV_MODE, NULL);
	if (err)
		die("cannot attach to %s: %s", where, strerror(-err));
}

static int attach(int argc, char **argv)
{
	struct forward_bpf *skel = load();
	const struct bpf_program *program = bpf_object__find_program_by_name(skel->obj, argv[0]);

	if (!program)
		die("no program '%s'", argv[0]);
	for (int i = 1; i < argc; i++)
		attach_port(skel, program, argv[i]);
	return 0;
}

/* run */

enum input { INPUT_FRAMES, INPUT_SKB };

static struct {
	const char *from, *to; /* NAMESPACE:DEV of generator and sink */
	const char *src, *dst; /* addresses; with several targets dst is the first */
	const char *mac;       /* of the first port: where frames go */
	const char *src_mac;
	const char *input; /* frames or skb */
	const char *targets, *batch, *cpu, *seconds, *rate, *fifo;
} args = {.input = "frames", .targets = "1", .batch = "64", .cpu = "0", .seconds = "0.3", .rate = "0", .fifo = "1"};

static const struct option {
	const char *name, **value;
} options[] = {
	{"from", &args.from},	 {"to", &args.to},	 {"src", &args.src},	     {"dst", &args.dst},
	{"mac", &args.mac},	 {"input", &args.input}, {"targets", &args.targets}, {"batch", &args.batch},
	{"cpu", &args.cpu},	 {"rate", &args.rate},	 {"seconds", &args.seconds}, {"fifo", &args.fifo},
	{"smac", &args.src_mac},
};
#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

static void read_options(int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		char *value = strchr(argv[i], '=');
		size_t o = 0;

		if (value)
			*value++ = 0;
		while (o < N_OPTIONS && strcmp(options[o].name, argv[i]))
			o++;
		if (!value || o == N_OPTIONS)
			die("no option '%s'", argv[i]);
		*options[o].value = value;
	}
	if (!args.from || !args.to || !args.src || !args.dst || !args.mac || !args.src_mac)
		die("run needs from, to, src, dst, mac and smac");
}

struct run {
	int generator, out_map, sink; /* fds: program, devmap, map of the sink */
	int sock;
	enum input input;
	uint32_t n_targets, next;
	struct sockaddr_in *addresses; /* of the targets, for sockets */
	uint8_t frame[BENCH_FRAME];
	uint64_t sent;
};

/* The counter of whatever sink sits on the port: by its program, so that nothing has to be pinned. */
static int map_of_program(int prog)
{
	__u32 ids[8], size = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = {.map_ids = (uintptr_t)ids, .nr_map_ids = 8};

	if (prog < 0 || bpf_obj_get_info_by_fd(prog, &info, &size))
		return -1;
	for (__u32 i = 0; i < info.nr_map_ids && i < 8; i++) {
		struct bpf_map_info map = {0};
		__u32 map_size = sizeof(map);
		int fd = bpf_map_get_fd_by_id(ids[i]);

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &map, &map_size) && !strcmp(map.name, "arrived"))
			return fd;
		close(fd);
	}
	return -1;
}

static int find_sink(void)
{
	int index = enter_port(args.to), fd;
	LIBBPF_OPTS(bpf_xdp_query_opts, xdp);
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = index, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, tc, .handle = 1, .priority = 1);

	if (!bpf_xdp_query(index, 0, &xdp) && xdp.attach_mode == XDP_ATTACHED_DRV)
		fd = map_of_program(bpf_prog_get_fd_by_id(xdp.drv_prog_id));
	else
		fd = bpf_tc_query(&hook, &tc) ? -1 : map_of_program(bpf_prog_get_fd_by_id(tc.prog_id));
	if (fd < 0)
		die("no sink on %s", args.to);
	return fd;
}

static struct bench_arrived read_sink(int map)
{
	static struct bench_arrived cpus[MAX_CPUS];
	struct bench_arrived sum = {0};
	__u32 zero = 0;
	int n = libbpf_num_possible_cpus();

	if (n > MAX_CPUS || bpf_map_lookup_elem(map, &zero, cpus))
		die("cannot read the sink: %s", strerror(errno));
	for (int i = 0; i < n; i++) {
		sum.packets += cpus[i].packets;
		sum.ttl = cpus[i].packets && (!i || !sum.ttl) ? cpus[i].ttl : sum.ttl;
	}
	return sum;
}

static __sum16 header_checksum(const struct iphdr *ip)
{
	const uint16_t *word = (const void *)ip;
	uint32_t sum = 0;

	for (size_t i = 0; i < sizeof(*ip) / 2; i++)
		sum += word[i];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static void read_mac(const char *text, uint8_t *mac)
{
	if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", mac, mac + 1, mac + 2, mac + 3, mac + 4, mac + 5) != 6)
		die("'%s' is not a MAC address", text);
}

static in_addr_t read_address(const char *text)
{
	struct in_addr addr;

	if (inet_pton(AF_INET, text, &addr) != 1)
		die("'%s' is not an address", text);
	return addr.s_addr;
}

static struct iphdr *write_frame(struct run *r)
{
	struct ethhdr *eth = (void *)r->frame;
	struct iphdr *ip = (void *)(eth + 1);
	struct udphdr *udp = (void *)(ip + 1);

	read_mac(args.mac, eth->h_dest);
	read_mac(args.src_mac, eth->h_source);
	eth->h_proto = htons(ETH_P_IP);
	*ip = (struct iphdr){.version = 4, .ihl = 5, .ttl = BENCH_TTL, .protocol = IPPROTO_UDP};
	ip->tot_len = htons(BENCH_FRAME - sizeof(*eth));
	ip->frag_off = htons(DONT_FRAGMENT);
	ip->saddr = read_address(args.src);
	*udp = (struct udphdr){.dest = htons(BENCH_PORT), .len = htons(BENCH_FRAME - sizeof(*eth) - sizeof(*ip))};
	return ip;
}

/* The order in which COUNT targets come: shuffled, the same in every run. */
static void shuffle(uint32_t *order, uint32_t n)
{
	uint32_t state = 12345;

	for (uint32_t i = 0; i < n; i++)
		order[i] = i;
	for (uint32_t i = n; i > 1; i--) {
		uint32_t j, swap = order[i - 1];

		state = state * 1664525 + 1013904223;
		j = (uint64_t)state * i >> 32;
		order[i - 1] = order[j];
		order[j] = swap;
	}
}

static void write_targets(struct run *r, const struct forward_bpf *skel)
{
	struct bench_generator g = {.n_targets = r->n_targets};
	struct iphdr *ip = write_frame(r);
	uint32_t *order = calloc(r->n_targets, sizeof(*order));
	in_addr_t first = read_address(args.dst);

	shuffle(order, r->n_targets);
	for (uint32_t i = 0; i < r->n_targets; i++) {
		struct bench_target t = {.sport = htons(1024 + order[i] % 1000)};

		ip->daddr = t.dst = htonl(ntohl(first) + order[i]);
		ip->check = 0;
		t.check = header_checksum(ip);
		r->addresses[i] = (struct sockaddr_in){
			.sin_family = AF_INET, .sin_addr.s_addr = t.dst, .sin_port = htons(BENCH_PORT)};
		if (bpf_map_update_elem(bpf_map__fd(skel->maps.targets), &i, &t, BPF_ANY))
			die("targets: %s", strerror(errno));
	}
	memcpy(g.frame, r->frame, sizeof(g.frame));
	if (bpf_map_update_elem(bpf_map__fd(skel->maps.generator), &(__u32){0}, &g, BPF_ANY))
		die("generator: %s", strerror(errno));
	free(order);
}

static void open_socket(struct run *r)
{
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = read_address(args.src)};
	int size = 1 << 20, one = 1;

	r->sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (r->sock < 0 || bind(r->sock, (void *)&own, sizeof(own)))
		die("socket: %s", strerror(errno));
	setsockopt(r->sock, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(r->sock, SOL_SOCKET, SO_NO_CHECK, &one, sizeof(one));
}

/*
 * Each run of a program that no interface has waits for RCU to put it into the
 * table of direct calls and to take it out again: 50 ms. So one has it.
 */
static void keep_in_dispatcher(int program)
{
	int err = unshare(CLONE_NEWNET) ? -errno : bpf_xdp_attach(1, program, XDP_FLAGS_SKB_MODE, NULL);

	/* The open file holds the namespace when this process leaves it. */
	if (!err && open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC) < 0)
		err = -errno;
	if (err)
		die("cannot keep the generator on an interface: %s", strerror(-err));
}

static void prepare(struct run *r)
{
	struct forward_bpf *skel = load();
	__u32 index, zero = 0;

	r->input = strcmp(args.input, "skb") ? INPUT_FRAMES : INPUT_SKB;
	r->n_targets = atoi(args.targets);
	if (!r->n_targets || r->n_targets > BENCH_MAX_TARGETS)
		die("targets is 1 to %d", BENCH_MAX_TARGETS);
	r->addresses = calloc(r->n_targets, sizeof(*r->addresses));
	write_targets(r, skel);
	keep_in_dispatcher(bpf_program__fd(skel->progs.bench_generate));
	r->sink = find_sink();
	index = enter_port(args.from);
	r->generator = bpf_program__fd(skel->progs.bench_generate);
	if (bpf_map_update_elem(bpf_map__fd(skel->maps.first_link), &zero, &index, BPF_ANY))
		die("no port for the generator: %s", strerror(errno));
	open_socket(r);
}

static void send_frames(struct run *r, uint32_t n)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = r->frame, .data_size_in = sizeof(r->frame), .repeat = n,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = atoi(args.batch));
	int err = bpf_prog_test_run_opts(r->generator, &opts);

	if (err)
		die("live frames: %s", strerror(-err));
	r->sent += n;
}

static void send_messages(struct run *r, uint32_t n)
{
	static uint8_t payload[BENCH_FRAME - sizeof(struct ethhdr) - sizeof(struct iphdr) - sizeof(struct udphdr)];
	static struct mmsghdr messages[MESSAGES];
	struct iovec part = {.iov_base = payload, .iov_len = sizeof(payload)};

	for (uint32_t done = 0; done < n; done += MESSAGES) {
		int sent;

		for (int i = 0; i < MESSAGES; i++) {
			messages[i].msg_hdr = (struct msghdr){.msg_name = &r->addresses[r->next],
							      .msg_namelen = sizeof(*r->addresses),
							      .msg_iov = &part,
							      .msg_iovlen = 1};
			r->next = r->next + 1 < r->n_targets ? r->next + 1 : 0;
		}
		sent = sendmmsg(r->sock, messages, MESSAGES, 0);
		r->sent += sent > 0 ? sent : 0;
	}
}

static void input(struct run *r, uint32_t n)
{
	if (r->input == INPUT_SKB)
		send_messages(r, n);
	else
		send_frames(r, n);
}

/* As fast as it goes, or `rate` packets a second in bursts of one batch, for `length` ns. */
static void input_for(struct run *r, uint64_t length)
{
	const uint32_t batch = atoi(args.batch);
	const double rate = atof(args.rate);
	uint64_t start = now_ns(), n = 0, chunk = rate > 0 ? batch : FIRST_CHUNK;

	while (now_ns() - start < length) {
		uint64_t before = now_ns();

		input(r, chunk);
		n += chunk;
		if (rate > 0)
			sleep_until(start + n / rate * SECOND);
		else
			chunk = (chunk * CHUNK_NS / (now_ns() - before + 1) / batch + 1) * batch;
	}
}

static void take_cpu(void)
{
	struct sched_param fifo = {.sched_priority = 1};
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(atoi(args.cpu), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		die("cannot run on CPU %s: %s", args.cpu, strerror(errno));
	/* Soft interrupts then run in this process, ahead of what else wants the CPU; without the right, behind. */
	if (atoi(args.fifo) && sched_setscheduler(0, SCHED_FIFO, &fifo))
		setpriority(PRIO_PROCESS, 0, -20);
	prctl(PR_SET_TIMERSLACK, 1);
}

static int run(int argc, char **argv)
{
	struct run r = {0};
	struct bench_arrived before, after, end;
	uint64_t start, cpu, ns, cpu_ns, sent, first_sent;

	read_options(argc, argv);
	prepare(&r);
	take_cpu();
	before = read_sink(r.sink);
	first_sent = r.sent;
	input_for(&r, WARM_UP);
	end = read_sink(r.sink);
	start = now_ns();
	cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	sent = r.sent;
	input_for(&r, atof(args.seconds) * SECOND);
	ns = now_ns() - start;
	cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
	after = read_sink(r.sink);
	sent = r.sent - sent;
	usleep(5000); /* what is still in a ring */
	printf("{\"sent\": %llu, \"received\": %llu, \"ns\": %llu, \"cpuNs\": %llu, \"ttl\": %llu, ",
	       (unsigned long long)sent, (unsigned long long)(after.packets - end.packets), (unsigned long long)ns,
	       (unsigned long long)cpu_ns, (unsigned long long)after.ttl);
	after = read_sink(r.sink);
	printf("\"sentInAll\": %llu, \"receivedInAll\": %llu}\n", (unsigned long long)(r.sent - first_sent),
	       (unsigned long long)(after.packets - before.packets));
	return 0;
}

/* spread */

static bool has_pin(const char *pins, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", pins, name);
	return !access(path, F_OK);
}

static int open_pin(const char *pins, const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", pins, name);
	fd = bpf_obj_get(path);
	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	return fd;
}

static void spread_in(int routes, uint32_t table, in_addr_t like, in_addr_t first, uint32_t n)
{
	struct erx_route_key key = {.prefixlen = ERX_TABLE_BITS + 32, .table = htonl(table)};
	struct erx_route route;

	memcpy(key.addr, &like, sizeof(key.addr));
	if (bpf_map_lookup_elem(routes, &key, &route))
		die("table %u has no route to it", table);
	for (uint32_t i = 0; i < n; i++) {
		in_addr_t addr = htonl(ntohl(first) + i);

		memcpy(key.addr, &addr, sizeof(key.addr));
		if (bpf_map_update_elem(routes, &key, &route, BPF_ANY))
			die("route %u: %s", i, strerror(errno));
	}
}

#define BLOCK (1u << ERX_FASTPATH_BITS)

static bool read_block(int map, uint32_t table, uint32_t addr, struct erx_fastpath_key *key, struct erx_fastpath *block)
{
	in_addr_t first = htonl(addr & ~(BLOCK - 1));

	*key = (struct erx_fastpath_key){.table = htonl(table)};
	memcpy(key->addr, &first, sizeof(first));
	*block = (struct erx_fastpath){0};
	return !bpf_map_lookup_elem(map, key, block);
}

/* As above, where FastPath has programmed the address. False: it has not. */
static bool spread_programmed(int map, uint32_t table, in_addr_t like, in_addr_t first, uint32_t n)
{
	uint32_t bit = ntohl(like) % BLOCK, group;
	struct erx_fastpath_key key;
	struct erx_fastpath block;

	if (!read_block(map, table, ntohl(like), &key, &block) || !(block.programmed >> bit & 1))
		return false;
	group = block.groups[bit / 8];
	for (uint32_t i = 0; i < n; i++) {
		uint32_t addr = ntohl(first) + i;

		read_block(map, table, addr, &key, &block);
		block.programmed |= 1ull << addr % BLOCK;
		block.groups[addr % BLOCK / 8] = group;
		if (bpf_map_update_elem(map, &key, &block, BPF_ANY))
			die("address %u: %s", i, strerror(errno));
	}
	return true;
}

/* In the tables of these ports, the further addresses take the way that ADDRESS takes. */
static int spread(int argc, char **argv)
{
	int ports = open_pin(argv[0], "erx_ports"), routes = open_pin(argv[0], "erx_routes");
	int programmed = open_pin(argv[0], "erx_fastpath");
	in_addr_t like = read_address(argv[1]), first = read_address(argv[2]);
	uint32_t n = atoi(argv[3]);

	for (int i = 4; i < argc; i++) {
		__u32 index = atoi(argv[i]) - ERX_FIRST_IFINDEX;
		struct erx_port port;

		if (bpf_map_lookup_elem(ports, &index, &port))
			die("no port %s", argv[i]);
		if (!spread_programmed(programmed, port.table, like, first, n))
			spread_in(routes, port.table, like, first, n);
	}
	return 0;
}

/* swap */

/* Each build jumps to a walk of its own, which lasts as long as a pin does: that of the build before goes. */
static void keep_walk(const struct bpf_object *obj, const char *pins)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, "erx_walk");
	char path[512];

	snprintf(path, sizeof(path), "%s/walk_of_bench", pins);
	unlink(path);
	if (map && bpf_map__pin(map, path))
		die("cannot pin %s: %s", path, strerror(errno));
}

/* What the programs of a lab keep is theirs whichever build runs. */
static struct bpf_object *load_for_lab(const char *file, const char *pins)
{
	struct bpf_object *obj = bpf_object__open_file(file, NULL);
	struct bpf_program *program;
	struct bpf_map *map;

	if (!obj)
		die("%s: %s", file, strerror(errno));
	bpf_object__for_each_program(program, obj) if (bpf_program__type(program) != BPF_PROG_TYPE_XDP)
		bpf_program__set_autoload(program, false);
	bpf_object__for_each_map(map, obj) if (bpf_map__type(map) != BPF_MAP_TYPE_PROG_ARRAY &&
					       has_pin(pins, bpf_map__name(map)) &&
					       bpf_map__reuse_fd(map, open_pin(pins, bpf_map__name(map))))
		die("%s does not take the map %s", file, bpf_map__name(map));
	if (bpf_object__load(obj))
		die("%s: %s", file, strerror(errno));
	keep_walk(obj, pins);
	return obj;
}

static void swap_port(const struct bpf_object *obj, const char *pins, const char *port, const char *program)
{
	struct bpf_prog_info info = {0};
	struct bpf_link_info link_info = {0};
	__u32 size = sizeof(info), link_size = sizeof(link_info);
	const struct bpf_program *to;
	char name[64];
	int link, from;

	snprintf(name, sizeof(name), "ports/%s", port);
	link = open_pin(pins, name);
	if (bpf_obj_get_info_by_fd(link, &link_info, &link_size))
		die("port %s: %s", port, strerror(errno));
	from = bpf_prog_get_fd_by_id(link_info.prog_id);
	if (from < 0 || bpf_obj_get_info_by_fd(from, &info, &size))
		die("program of port %s: %s", port, strerror(errno));
	to = bpf_object__find_program_by_name(obj, strcmp(program, "-") ? program : info.name);
	if (!to || bpf_link_update(link, bpf_program__fd(to), NULL))
		die("cannot change the program of port %s: %s", port, strerror(errno));
	close(from);
	close(link);
}

static int swap(int argc, char **argv)
{
	struct bpf_object *obj;

	libbpf_set_print(NULL);
	obj = load_for_lab(argv[1], argv[0]);
	for (int i = 3; i < argc; i++)
		swap_port(obj, argv[0], argv[i], argv[2]);
	return 0;
}

/* Frames received by each port of a lab: "index frames" a line. */
static int ports(char **argv)
{
	static struct erx_port_stats cpus[MAX_CPUS];
	int map = open_pin(argv[0], "erx_port_counts"), known = open_pin(argv[0], "erx_ports");
	int n = libbpf_num_possible_cpus();
	struct erx_port port;

	for (__u32 i = 0; i < ERX_MAX_PORTS && !bpf_map_lookup_elem(known, &i, &port); i++) {
		unsigned long long received = 0;

		if (!port.hash_basis || bpf_map_lookup_elem(map, &i, cpus))
			continue;
		for (int c = 0; c < n; c++)
			received += cpus[c].received;
		printf("%u %llu\n", ERX_FIRST_IFINDEX + i, received);
	}
	return 0;
}

/* echo, trips */

static int udp_socket(const char *namespace)
{
	int sock;

	enter(namespace);
	prctl(PR_SET_TIMERSLACK, 1);
	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		die("socket: %s", strerror(errno));
	return sock;
}

static _Noreturn void echo(char **argv)
{
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))}, from;
	int sock = udp_socket(argv[0]);
	char data[64];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (bind(sock, (void *)&own, sizeof(own)))
		die("bind: %s", strerror(errno));
	for (;;) {
		socklen_t size = sizeof(from);
		ssize_t n = recvfrom(sock, data, sizeof(data), 0, (void *)&from, &size);

		if (n > 0)
			sendto(sock, data, n, 0, (void *)&from, size);
	}
}

static int trips(char **argv)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
	struct timeval patience = {.tv_usec = 200000};
	int sock = udp_socket(argv[0]);
	uint64_t start = now_ns(), length = atof(argv[3]) * SECOND, number = 0, back;

	to.sin_addr.s_addr = read_address(argv[1]);
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(sock, (void *)&to, sizeof(to)))
		die("connect: %s", strerror(errno));
	while (now_ns() - start < length) {
		uint64_t sent = now_ns();
		ssize_t n;

		number++;
		if (send(sock, &number, sizeof(number), 0) < 0)
			continue;
		do /* a late answer is no answer to this one */
			n = recv(sock, &back, sizeof(back), 0);
		while (n == sizeof(back) && back != number);
		printf("%lld\n", n < 0 ? -1ll : (long long)(now_ns() - sent));
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc >= 4 && !strcmp(argv[1], "attach"))
		return attach(argc - 2, argv + 2);
	if (argc >= 3 && !strcmp(argv[1], "run"))
		return run(argc - 2, argv + 2);
	if (argc >= 7 && !strcmp(argv[1], "spread"))
		return spread(argc - 2, argv + 2);
	if (argc >= 6 && !strcmp(argv[1], "swap"))
		return swap(argc - 2, argv + 2);
	if (argc == 3 && !strcmp(argv[1], "ports"))
		return ports(argv + 2);
	if (argc == 4 && !strcmp(argv[1], "echo"))
		echo(argv + 2);
	if (argc == 6 && !strcmp(argv[1], "trips"))
		return trips(argv + 2);
	fprintf(stderr, "usage: bench-forward attach|run|spread|echo|trips ..., see tests/bench/forward.c\n");
	return 2;
}
