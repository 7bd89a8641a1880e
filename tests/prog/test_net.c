// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * net/ against the kernel: what it makes is looked at with ip, tc and ethtool, not
 * with its own eyes. Every test has a lab of its own, named after its process, so
 * that the tests may run side by side and twice at once.
 */
#include <criterion/criterion.h>
#include <criterion/hooks.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "net/net.h"

#define HOSTS	    3
#define LINKS	    5
#define FIRST	    1000
#define LAB_FORMAT  "t%dn"
#define KILL_ROUNDS 50

/* State of one test; each runs in a process of its own. */
static char lab[64];
static char other_lab[80]; /* its name begins with the other's */
static struct net_plan plan;
static struct net_changes changes;
static struct error error;

/* Tools */

static const char *shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Run a command; what it says, on both outputs. */
static const char *shell(const char *format, ...)
{
	static char output[65536];
	char command[1024];
	va_list args;
	size_t n;
	FILE *pipe;

	va_start(args, format);
	n = (size_t)vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	snprintf(command + n, sizeof(command) - n, " 2>&1");
	pipe = popen(command, "re");
	cr_assert(pipe);
	n = fread(output, 1, sizeof(output) - 1, pipe);
	output[n] = 0;
	pclose(pipe);
	return output;
}

static void expect_text(const char *output, const char *needle)
{
	cr_expect(strstr(output, needle), "'%s' is not in: %s", needle, output);
}

/* Names under /run/netns and mounts of this test's labs. */
static int traces_left(void)
{
	return atoi(shell("{ ls -A /run/netns 2>/dev/null; cat /proc/self/mountinfo; } | grep -c 'erx-%s'", lab));
}

static void make_port(struct net_port *port, uint32_t place, const char *name)
{
	port->ifindex = FIRST + place;
	snprintf(port->name, sizeof(port->name), "%.15s", name);
	snprintf(port->alias, sizeof(port->alias), "dev%u>peer (link %s)", place, name);
	memcpy(port->mac, (uint8_t[]){0x02, 0, 0, 0, 1, (uint8_t)place}, 6);
}

static struct net_host make_host(const char *in, unsigned i, uint32_t place)
{
	struct net_host host = {.mtu = 1500, .prefixlen = 24, .up = true};
	char text[32];

	snprintf(host.namespace, sizeof(host.namespace), "erx-%s-h%u", in, i);
	snprintf(text, sizeof(text), "vm%u", i);
	make_port(&host.port, place, text);
	memcpy(host.mac, (uint8_t[]){0x02, 0, 0, 0, 2, (uint8_t)i}, 6);
	snprintf(text, sizeof(text), "10.9.%u.4", i);
	addr_parse(text, &host.addr);
	snprintf(text, sizeof(text), "10.9.%u.1", i);
	addr_parse(text, &host.gateway);
	return host;
}

static struct net_plan make_plan(const char *name, unsigned links, unsigned hosts)
{
	struct net_plan made = {.lab = name};
	uint32_t place = 0;
	char text[32];

	snprintf(made.fabric, sizeof(made.fabric), "erx-%s", name);
	for (unsigned i = 0; i < links; i++) {
		struct net_link link = {.mtu = i == 1 ? 1436 : 1500, .up = i != 4};

		for (int end = 0; end < 2; end++) {
			snprintf(text, sizeof(text), "l%u.%d", i, end);
			make_port(&link.end[end], place++, text);
		}
		vec_push(&made.links, link);
	}
	for (unsigned i = 0; i < hosts; i++)
		vec_push(&made.hosts, make_host(name, i, place++));
	return made;
}

static void free_plan(struct net_plan *p)
{
	vec_free(&p->links);
	vec_free(&p->hosts);
}

static void setup(void)
{
	if (geteuid())
		cr_skip_test("needs root: namespaces cannot be made");
	snprintf(lab, sizeof(lab), LAB_FORMAT, getpid());
	snprintf(other_lab, sizeof(other_lab), "%s-x", lab);
	plan = make_plan(lab, LINKS, HOSTS);
}

/* Runs after a failed assertion as well. */
static void teardown(void)
{
	if (!lab[0])
		return;
	net_remove(lab, NULL, &error);
	net_remove(other_lab, NULL, &error);
	shell("for n in $(ls /run/netns | grep '^erx-%s'); do ip netns del $n || rm -f /run/netns/$n; done", lab);
	free_plan(&plan);
}

/* What tests left behind that did not come to their end. */
ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
	struct error ignored;
	net_names labs = {};
	int pid, end;

	if (stats->tests_skipped)
		fprintf(stderr, "%zu tests skipped: run as root for those that need it\n", stats->tests_skipped);
	if (geteuid())
		return;
	net_labs(&labs);
	vec_each(name, &labs) {
		end = 0;
		if (sscanf(*name, LAB_FORMAT "%n", &pid, &end) == 1 && end && kill(pid, 0) < 0)
			net_remove(*name, NULL, &ignored);
		free(*name);
	}
	vec_free(&labs);
}

static void apply_ok(void)
{
	int err = net_apply(&plan, false, &changes, &error);

	cr_assert_eq(err, 0, "%s", error.text);
}

static void verify_ok(void)
{
	int err = net_verify(&plan, &error);

	cr_expect_eq(err, 0, "%s", error.text);
}

static void remove_ok(unsigned expected)
{
	unsigned removed = 0;
	int err = net_remove(lab, &removed, &error);

	cr_expect_eq(err, 0, "%s", error.text);
	cr_expect_str_empty(error.text);
	cr_expect_eq(removed, expected, "removed %u, not %u", removed, expected);
}

static void expect_changes(unsigned ns_added, unsigned ns_removed, unsigned added, unsigned removed, unsigned set)
{
	cr_expect_eq(changes.namespaces_added, ns_added, "%u namespaces added", changes.namespaces_added);
	cr_expect_eq(changes.namespaces_removed, ns_removed, "%u namespaces removed", changes.namespaces_removed);
	cr_expect_eq(changes.links_added, added, "%u links added", changes.links_added);
	cr_expect_eq(changes.links_removed, removed, "%u links removed", changes.links_removed);
	cr_expect_eq(changes.links_set, set, "%u links set", changes.links_set);
}

TestSuite(net, .init = setup, .fini = teardown, .timeout = 120);

/* Making */

Test(net, makes_the_fabric_as_planned)
{
	const char *out;

	apply_ok();
	expect_changes(HOSTS + 1, 0, LINKS + HOSTS, 0, 0);
	out = shell("ip -n erx-%s -d link show dev l1.0", lab);
	expect_text(out, "1002: l1.0@l1.1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1436");
	expect_text(out, "link/ether 02:00:00:00:01:02");
	expect_text(out, "alias dev2>peer (link l1.0)");
	expect_text(out, "veth ");
	out = shell("ip -n erx-%s link show dev vm2", lab);
	expect_text(out, "1012: vm2@if100: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500");
	expect_text(out, "link-netns");
	expect_text(out, "alias dev12>peer (link vm2)");
	out = shell("ip -n erx-%s link show dev l4.0; ip -n erx-%s link show dev l4.1", lab, lab);
	expect_text(out, "l4.0@l4.1: <BROADCAST,MULTICAST> ");
	expect_text(out, "l4.1@l4.0: <NO-CARRIER,BROADCAST,MULTICAST,UP");
	expect_text(shell("ip -n erx-%s link show dev lo", lab), "LOOPBACK,UP,LOWER_UP");
	expect_text(shell("ip -n erx-%s -6 addr; echo end", lab), "end");
	cr_expect_null(strstr(shell("ip -n erx-%s -6 addr", lab), "inet6"));
	cr_expect_str_empty(shell("ip -o link show group %u", 0x65727864), "interfaces in the caller's namespace");
	verify_ok();
	remove_ok(HOSTS + 1);
	cr_expect_eq(traces_left(), 0);
}

Test(net, makes_hosts_as_planned)
{
	const char *out;

	apply_ok();
	out = shell("ip -n erx-%s-h1 addr show dev eth0", lab);
	expect_text(out, "100: eth0@if1011: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc pfifo");
	expect_text(out, "link/ether 02:00:00:00:02:01");
	expect_text(out, "inet 10.9.1.4/24 ");
	cr_expect_null(strstr(out, "inet6"));
	expect_text(shell("ip -n erx-%s-h1 route", lab), "default via 10.9.1.1 dev eth0");
	expect_text(shell("tc -n erx-%s-h1 qdisc show dev eth0 root", lab), "limit 1000p");
	out = shell("ip netns exec erx-%s-h1 ethtool -k eth0", lab);
	expect_text(out, "\ngeneric-receive-offload: on");
	expect_text(out, "\ntx-checksumming: off");
	out = shell("ip netns exec erx-%s-h1 ping -c 1 -W 1 127.0.0.1", lab);
	expect_text(out, " 0% packet loss");
}

Test(net, uses_as_many_queues_as_there_are_cpus)
{
	char queues[64];

	snprintf(queues, sizeof(queues), "numtxqueues %ld numrxqueues %ld ", sysconf(_SC_NPROCESSORS_CONF),
		 sysconf(_SC_NPROCESSORS_CONF));
	apply_ok();
	expect_text(shell("ip -n erx-%s -d link show dev l0.0", lab), queues);
	expect_text(shell("ip -n erx-%s -d link show dev l0.1", lab), queues);
	expect_text(shell("ip -n erx-%s -d link show dev vm0", lab), queues);
	snprintf(queues, sizeof(queues), "numtxqueues 1 numrxqueues %ld ", sysconf(_SC_NPROCESSORS_CONF));
	expect_text(shell("ip -n erx-%s-h0 -d link show dev eth0", lab), queues);
}

Test(net, writes_kernel_settings)
{
	static const char *const everywhere[] = {
		"ipv4/ip_forward 0",
		"ipv4/conf/default/forwarding 0",
		"ipv6/conf/all/disable_ipv6 1",
		"ipv6/conf/default/disable_ipv6 1",
	};
	static const char *const in_hosts[] = {
		"ipv4/icmp_ratelimit 0",
		"ipv4/conf/all/rp_filter 0",
		"ipv4/conf/eth0/rp_filter 0",
	};
	char path[64];
	int value;

	apply_ok();
	for (size_t i = 0; i < sizeof(everywhere) / sizeof(*everywhere) * 2; i++) {
		sscanf(everywhere[i / 2], "%63s %d", path, &value);
		cr_expect_eq(atoi(shell("ip netns exec erx-%s%s cat /proc/sys/net/%s", lab, i % 2 ? "-h0" : "", path)),
			     value, "%s", path);
	}
	for (size_t i = 0; i < sizeof(in_hosts) / sizeof(*in_hosts); i++) {
		sscanf(in_hosts[i], "%63s %d", path, &value);
		cr_expect_eq(atoi(shell("ip netns exec erx-%s-h2 cat /proc/sys/net/%s", lab, path)), value, "%s", path);
	}
}

/* A gateway outside the subnet is reached on the link all the same. */
Test(net, accepts_a_gateway_outside_the_subnet)
{
	plan.hosts.items[0].prefixlen = 32;
	apply_ok();
	expect_text(shell("ip -n erx-%s-h0 route", lab), "default via 10.9.0.1 dev eth0 proto static onlink");
	verify_ok();
}

Test(net, changes_nothing_the_second_time)
{
	apply_ok();
	apply_ok();
	expect_changes(0, 0, 0, 0, 0);
	verify_ok();
}

Test(net, dry_run_counts_and_touches_nothing)
{
	cr_assert_eq(net_apply(&plan, true, &changes, &error), 0, "%s", error.text);
	expect_changes(HOSTS + 1, 0, LINKS + HOSTS, 0, 0);
	cr_expect_eq(traces_left(), 0);
	apply_ok();
	plan.hosts.n--;
	plan.links.items[0].mtu = 1400;
	cr_assert_eq(net_apply(&plan, true, &changes, &error), 0, "%s", error.text);
	expect_changes(0, 1, 0, 1, 1);
	expect_text(shell("ip -n erx-%s link show dev l0.0", lab), "mtu 1500");
	expect_text(shell("ip -n erx-%s-h2 link show dev eth0", lab), "LOWER_UP");
}

/* Changing */

Test(net, removes_what_the_plan_no_longer_has)
{
	apply_ok();
	plan.hosts.n--;
	plan.links.n--;
	shell("ip -n erx-%s link set l0.0 address 02:00:00:00:01:00 txqueuelen 777", lab); /* tells it from a new one */
	apply_ok();
	expect_changes(0, 1, 0, 2, 0);
	expect_text(shell("ip -n erx-%s link show dev l4.0", lab), "does not exist");
	expect_text(shell("ip -n erx-%s link show dev vm2", lab), "does not exist");
	expect_text(shell("ip -n erx-%s link show dev l0.0", lab), "qlen 777");
	expect_text(shell("ls /run/netns/erx-%s-h2", lab), "No such file");
	verify_ok();
}

Test(net, reuses_indexes_and_names_of_removed_pairs)
{
	struct net_host host;

	apply_ok();
	/* l4's first index and its name go to the host, whose index goes to l4. */
	host = plan.hosts.items[0];
	plan.hosts.items[0].port.ifindex = plan.links.items[4].end[0].ifindex;
	strcpy(plan.hosts.items[0].port.name, "l4.0");
	plan.links.items[4].end[0].ifindex = host.port.ifindex;
	strcpy(plan.links.items[4].end[0].name, "vm0");
	apply_ok();
	expect_changes(0, 0, 2, 2, 0);
	verify_ok();
	expect_text(shell("ip -n erx-%s link show dev l4.0", lab), "1008: l4.0@if100");
}

Test(net, follows_a_new_address_and_route)
{
	apply_ok();
	addr_parse("10.9.77.4", &plan.hosts.items[1].addr);
	addr_parse("10.9.77.1", &plan.hosts.items[1].gateway);
	plan.links.items[4].up = true;
	plan.links.items[0].up = false;
	apply_ok();
	expect_changes(0, 0, 0, 0, 3);
	cr_expect_null(strstr(shell("ip -n erx-%s-h1 -4 addr show dev eth0", lab), "10.9.1.4"));
	expect_text(shell("ip -n erx-%s-h1 route", lab), "default via 10.9.77.1");
	expect_text(shell("ip -n erx-%s link show dev l0.1", lab), "NO-CARRIER");
	expect_text(shell("ip -n erx-%s link show dev l4.1", lab), "LOWER_UP");
	verify_ok();
}

/* Prefixes of which h1 answers for every address, and then others, of which it keeps one. */
Test(net, follows_prefixes_that_a_host_answers_for)
{
	struct prefix also[] = {prefix_of(&plan.hosts.items[1].addr), {}, {}};
	const char *out;

	prefix_parse("10.9.1.64/27", &also[1]);
	prefix_parse("10.128.0.0/10", &also[2]);
	plan.hosts.items[1].also = also;
	plan.hosts.items[1].n_also = 3;
	apply_ok();
	verify_ok();
	out = shell("ip -n erx-%s-h1 route show table local", lab);
	expect_text(out, "local 10.9.1.64/27 dev lo proto static");
	expect_text(out, "local 10.128.0.0/10 dev lo proto static");
	expect_text(out, "local 10.9.1.4 dev eth0 proto kernel");
	expect_text(shell("ip netns exec erx-%s-h1 ping -c 1 -W 1 10.150.3.7", lab), " 0% packet loss");
	prefix_parse("10.9.1.64/26", &also[1]);
	cr_expect_eq(net_verify(&plan, &error), -EINVAL);
	expect_text(error.text, "answer for the addresses");
	apply_ok();
	expect_changes(0, 0, 0, 0, 1);
	verify_ok();
	out = shell("ip -n erx-%s-h1 route show table local", lab);
	cr_expect_null(strstr(out, "10.9.1.64/27"), "%s", out);
	expect_text(out, "local 10.9.1.64/26 dev lo proto static");
	expect_text(out, "local 10.128.0.0/10 dev lo proto static");
	shell("ip -n erx-%s-h1 route del local 10.128.0.0/10 dev lo table local", lab);
	cr_expect_eq(net_verify(&plan, &error), -EINVAL, "an address that is missing is not seen");
	shell("ip -n erx-%s-h1 addr add 10.9.1.70/32 dev eth0", lab);
	apply_ok();
	verify_ok();
	plan.hosts.items[1].n_also = 0;
	apply_ok();
	expect_changes(0, 0, 0, 0, 1);
	cr_expect_null(strstr(shell("ip -n erx-%s-h1 route show table local", lab), "static"));
	apply_ok();
	expect_changes(0, 0, 0, 0, 0);
}

/* What somebody may do to a running lab, and what the next apply makes of it. LAB stands for the lab. */
static const struct damage {
	const char *name, *command;
	unsigned ns, added, removed, set;
	long cpus; /* a machine with fewer has no such damage: there a link has one queue */
} damages[] = {
	{"mtu of a port", "ip -n erx-LAB link set l0.1 mtu 1400", .set = 1},
	{"mac of a port", "ip -n erx-LAB link set l0.0 address 02:00:00:00:07:07", .set = 1},
	{"alias of a port", "ip -n erx-LAB link set l0.0 alias x", .set = 1},
	{"group of a port", "ip -n erx-LAB link set l0.0 group 7", .set = 1},
	{"group of those to remove", "ip -n erx-LAB link set l0.0 group 1702000741", .set = 1},
	{"a port down", "ip -n erx-LAB link set l0.1 down", .set = 1},
	{"a port up that is down in the plan", "ip -n erx-LAB link set l4.0 up", .set = 1},
	{"forwarding", "ip netns exec erx-LAB sysctl -w net.ipv4.ip_forward=1", .set = 1},
	{"forwarding in a host", "ip netns exec erx-LAB-h0 sysctl -w net.ipv4.ip_forward=1", .set = 1},
	{"icmp limit", "ip netns exec erx-LAB-h0 sysctl -w net.ipv4.icmp_ratelimit=1000", .set = 1},
	{"rp_filter of eth0", "ip netns exec erx-LAB-h0 sysctl -w net.ipv4.conf.eth0.rp_filter=1", .set = 1},
	{"IPv6", "ip netns exec erx-LAB-h0 sysctl -w net.ipv6.conf.all.disable_ipv6=0", .set = 1},
	{"gro", "ip netns exec erx-LAB-h0 ethtool -K eth0 gro off", .set = 1},
	{"checksum", "ip netns exec erx-LAB-h0 ethtool -K eth0 tx on", .set = 1},
	{"no queue", "tc -n erx-LAB-h0 qdisc del dev eth0 root", .set = 1},
	{"short queue", "tc -n erx-LAB-h0 qdisc replace dev eth0 root pfifo limit 5", .set = 1},
	{"other queue", "tc -n erx-LAB-h0 qdisc replace dev eth0 root handle 1: bfifo", .set = 1},
	{"no address", "ip -n erx-LAB-h0 addr flush dev eth0", .set = 1},
	{"two addresses", "ip -n erx-LAB-h0 addr add 10.9.0.9/24 dev eth0", .set = 1},
	{"no route", "ip -n erx-LAB-h0 route del default", .set = 1},
	{"other route", "ip -n erx-LAB-h0 route replace default via 10.9.0.200", .set = 1},
	{"eth0 down", "ip -n erx-LAB-h0 link set eth0 down", .set = 1},
	{"eth0's mac", "ip -n erx-LAB-h0 link set eth0 address 02:00:00:00:07:07", .set = 1},
	{"a pair gone", "ip -n erx-LAB link del l1.0", .added = 1},
	{"eth0 gone", "ip -n erx-LAB-h1 link del eth0", .added = 1},
	{"port renamed", "ip -n erx-LAB link set l4.0 name other", .added = 1, .removed = 1},
	{"eth0 renamed", "ip -n erx-LAB-h1 link set eth0 down && ip -n erx-LAB-h1 link set eth0 name lan", .added = 1,
	 .removed = 1},
	{"port moved out", "ip -n erx-LAB link set l2.0 netns erx-LAB-h0", .added = 1, .removed = 1},
	{"hosts exchanged",
	 "ip -n erx-LAB-h0 link set eth0 netns erx-LAB-h1 name lan && ip -n erx-LAB-h1 link del eth0", .added = 2,
	 .removed = 1},
	{"another eth0", "ip -n erx-LAB-h0 link del eth0 && ip -n erx-LAB-h0 link add eth0 type veth peer name p",
	 .added = 1},
	{"another port", "ip -n erx-LAB link del l0.0 && ip -n erx-LAB link add l0.0 index 1000 type veth peer name p",
	 .added = 1, .removed = 1},
	{"single queue",
	 "ip -n erx-LAB link del l3.0 && ip -n erx-LAB link add l3.0 index 1006 numtxqueues 1 numrxqueues 1 type veth"
	 " peer name l3.1 index 1007 numtxqueues 1 numrxqueues 1",
	 .added = 1, .removed = 1, .cpus = 2},
	{"host gone", "ip netns del erx-LAB-h2", .ns = 1, .added = 1},
	{"fabric gone", "ip netns del erx-LAB", .ns = 1, .added = LINKS + HOSTS},
	{"a host's file without its mount", "umount -l /run/netns/erx-LAB-h0", .ns = 1, .added = 1},
	{"an empty file", "ip netns del erx-LAB-h0; sleep 0.1; touch /run/netns/erx-LAB-h0", .ns = 1, .added = 1},
};

/* Put the lab's name where the text says LAB. */
static const char *for_lab(const char *text)
{
	static char out[512];
	size_t n = 0;

	while (*text && n + sizeof(lab) < sizeof(out)) {
		if (strncmp(text, "LAB", 3)) {
			out[n++] = *text++;
			continue;
		}
		n += (size_t)sprintf(out + n, "%s", lab);
		text += 3;
	}
	out[n] = 0;
	return out;
}

static void wait_for_cleanup(void)
{
	struct timespec pause = {.tv_nsec = 100000000};

	nanosleep(&pause, NULL);
}

Test(net, mends_every_damage)
{
	apply_ok();
	for (size_t i = 0; i < sizeof(damages) / sizeof(*damages); i++) {
		const struct damage *d = &damages[i];
		const char *words;

		if (d->cpus > sysconf(_SC_NPROCESSORS_CONF))
			continue;
		words = shell("%s", for_lab(d->command));
		cr_expect(!strstr(words, "rror") && !strstr(words, "annot") && !strstr(words, "usage"), "%s: %s",
			  d->name, words);
		if (d->ns)
			wait_for_cleanup(); /* the kernel takes its time for a namespace's interfaces */
		cr_expect_eq(net_verify(&plan, &error), -EINVAL, "%s: not seen", d->name);
		cr_expect_eq(net_apply(&plan, false, &changes, &error), 0, "%s: %s", d->name, error.text);
		cr_expect(changes.namespaces_added == d->ns && changes.links_added == d->added &&
				  changes.links_removed == d->removed && changes.links_set == d->set,
			  "%s: %u namespaces, %u added, %u removed, %u set", d->name, changes.namespaces_added,
			  changes.links_added, changes.links_removed, changes.links_set);
		cr_expect_eq(net_verify(&plan, &error), 0, "%s: %s", d->name, error.text);
	}
	remove_ok(HOSTS + 1);
	cr_expect_eq(traces_left(), 0);
}

Test(net, verify_names_the_first_difference)
{
	cr_expect_eq(net_verify(&plan, &error), -EINVAL);
	expect_text(error.text, "is missing");
	apply_ok();
	shell("ip netns exec erx-%s-h1 ethtool -K eth0 gro off", lab);
	cr_expect_eq(net_verify(&plan, &error), -EINVAL);
	expect_text(error.text, "GRO of eth0 in 'erx-");
	apply_ok();
	shell("ip netns exec erx-%s sysctl -w net.ipv4.ip_forward=1", lab);
	cr_expect_eq(net_verify(&plan, &error), -EINVAL);
	expect_text(error.text, "net/ipv4/ip_forward in namespace 'erx-");
	expect_text(error.text, "is 1, not 0");
}

/* Interfaces of others in our namespaces stay. */
Test(net, leaves_a_users_own_interfaces_alone)
{
	apply_ok();
	shell("ip -n erx-%s link add mine0 type veth peer name mine1; ip -n erx-%s-h0 addr add 10.1.1.1/24 dev lo", lab,
	      lab);
	apply_ok();
	expect_changes(0, 0, 0, 0, 0);
	expect_text(shell("ip -n erx-%s link show dev mine0", lab), "mine0@mine1");
	expect_text(shell("ip -n erx-%s-h0 addr show dev lo", lab), "10.1.1.1/24");
}

/* Refusing */

Test(net, refuses_a_foreign_namespace)
{
	shell("ip netns add erx-%s-h1 && ip -n erx-%s-h1 link add keep0 type veth peer name keep1", lab, lab);
	cr_expect_eq(net_apply(&plan, false, &changes, &error), -EEXIST);
	expect_text(error.text, "exists and erxdp did not make it");
	expect_text(error.text, "ip netns del erx-");
	expect_text(shell("ip -n erx-%s-h1 link show dev keep0", lab), "keep0@keep1");
	cr_expect_eq(atoi(shell("ls /run/netns | grep -c 'erx-%s'", lab)), 1, "something was made");
	remove_ok(0);
	expect_text(shell("ip -n erx-%s-h1 link show dev keep0", lab), "keep0@keep1");
}

Test(net, refuses_a_foreign_file_and_a_foreign_link)
{
	shell("mkdir -p /run/netns; echo mine > /run/netns/erx-%s-h0", lab);
	cr_expect_eq(net_apply(&plan, false, &changes, &error), -EEXIST);
	expect_text(error.text, "is a file that erxdp did not make");
	remove_ok(0);
	expect_text(shell("cat /run/netns/erx-%s-h0", lab), "mine");
	shell("rm /run/netns/erx-%s-h0; ln -s /proc/$PPID/ns/net /run/netns/erx-%s-h0", lab, lab);
	cr_expect_eq(net_apply(&plan, false, &changes, &error), -EEXIST);
	remove_ok(0);
	expect_text(shell("ls -l /run/netns/erx-%s-h0", lab), "->");
}

Test(net, tells_labs_apart_whose_names_begin_alike)
{
	struct net_plan other = make_plan(other_lab, 1, 1);
	net_names labs = {};
	unsigned seen = 0;

	apply_ok();
	cr_assert_eq(net_apply(&other, false, &changes, &error), 0, "%s", error.text);
	net_labs(&labs);
	vec_each(name, &labs) {
		seen += !strcmp(*name, lab) || !strcmp(*name, other_lab);
		free(*name);
	}
	vec_free(&labs);
	cr_expect_eq(seen, 2);
	apply_ok();
	expect_changes(0, 0, 0, 0, 0);
	remove_ok(HOSTS + 1);
	cr_expect_eq(net_verify(&other, &error), 0, "%s", error.text);
	/* A host of ours may want the name that the other lab has. */
	snprintf(plan.hosts.items[0].namespace, sizeof(plan.hosts.items[0].namespace), "%s",
		 other.hosts.items[0].namespace);
	cr_expect_eq(net_apply(&plan, false, &changes, &error), -EEXIST);
	expect_text(error.text, "belongs to lab");
	free_plan(&other);
}

Test(net, leaves_empty_files_that_may_be_others)
{
	apply_ok();
	shell("touch /run/netns/erx-%s-later; mkdir /run/netns/erx-%s-dir", lab, lab);
	remove_ok(HOSTS + 1);
	expect_text(shell("ls /run/netns"), "-later");
	shell("rmdir /run/netns/erx-%s-dir", lab);
}

Test(net, refuses_plans_that_could_not_be_found_again)
{
	plan.links.items[0].end[1].ifindex = NET_HOST_IFINDEX;
	cr_expect_eq(net_apply(&plan, false, &changes, &error), -EINVAL);
	expect_text(error.text, "l0.1");
	plan.links.items[0].end[1].ifindex = FIRST + 1;
	snprintf(plan.hosts.items[0].namespace, sizeof(plan.hosts.items[0].namespace), "elsewhere");
	cr_expect_eq(net_apply(&plan, false, &changes, &error), -EINVAL);
	expect_text(error.text, "must begin with 'erx-");
	cr_expect_eq(traces_left(), 0);
}

Test(net, fails_with_the_kernels_words)
{
	struct net_port *port = &plan.links.items[2].end[0];

	port->mac[0] = 1; /* multicast: no interface can have it */
	cr_expect_eq(net_apply(&plan, false, &changes, &error), -EADDRNOTAVAIL);
	expect_text(error.text, "cannot create the veth pair 'l2.0' - 'l2.1': Cannot assign requested address");
	port->mac[0] = 2;
	apply_ok();
	verify_ok();
}

Test(net, asks_for_root_without_it)
{
	int status;
	pid_t child = fork();

	cr_assert(child >= 0);
	if (!child) {
		if (setuid(65534) < 0)
			_exit(1);
		net_apply(&plan, false, &changes, &error);
		_exit(strstr(error.text, "run as root") ? 0 : 2);
	}
	waitpid(child, &status, 0);
	cr_expect_eq(status, 0, "exit %d", status);
	cr_expect_eq(traces_left(), 0);
}

/* Removing */

/* A process inside a namespace, from before it is made until the test kills it. */
static pid_t sleep_inside(const char *namespace)
{
	int ready[2];
	char byte;
	pid_t child;

	cr_assert_eq(pipe2(ready, O_CLOEXEC), 0);
	child = fork();
	cr_assert(child >= 0);
	if (!child) {
		if (net_enter(namespace, &error))
			_exit(1);
		execlp("sleep", "sleep", "60", NULL);
		_exit(1);
	}
	close(ready[1]);
	cr_assert_eq(read(ready[0], &byte, 1), 0); /* closed by exec */
	close(ready[0]);
	return child;
}

Test(net, names_who_holds_a_namespace)
{
	char namespace[256], expected[320];
	pid_t child;

	apply_ok();
	snprintf(namespace, sizeof(namespace), "%s", plan.hosts.items[1].namespace);
	child = sleep_inside(namespace);
	snprintf(expected, sizeof(expected), "'%s' is held by pid %d (sleep)", namespace, child);
	plan.hosts.items[1] = plan.hosts.items[2];
	plan.hosts.n--;
	apply_ok();
	cr_expect_str_eq(changes.held, expected);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);

	child = sleep_inside(plan.fabric);
	snprintf(expected, sizeof(expected), "'%s' is held by pid %d (sleep)", plan.fabric, child);
	cr_expect_eq(net_remove(lab, NULL, &error), 0);
	/* A thread of ours that has looked into another namespace may take a moment to end. */
	cr_expect(strstr(error.text, expected), "%s", error.text);
	cr_expect_eq(traces_left(), 0);
	cr_expect_null(strstr(shell("nsenter -t %d -n ip link", child), "l0.0"));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

Test(net, removes_twice_and_nothing)
{
	remove_ok(0);
	apply_ok();
	remove_ok(HOSTS + 1);
	remove_ok(0);
	cr_expect_eq(traces_left(), 0);
}

Test(net, removes_hosts_whose_fabric_is_gone)
{
	apply_ok();
	shell("ip netns del erx-%s", lab);
	remove_ok(HOSTS);
	cr_expect_eq(traces_left(), 0);
}

/* Being killed */

static void apply_and_remove_for_ever(void)
{
	for (;;) {
		net_apply(&plan, false, &changes, &error);
		net_remove(lab, NULL, &error);
	}
}

Test(net, finishes_what_a_killed_call_began)
{
	unsigned seed = (unsigned)getpid();

	for (int round = 0; round < KILL_ROUNDS; round++) {
		struct timespec moment = {.tv_nsec = rand_r(&seed) % 60000000};
		pid_t child = fork();

		cr_assert(child >= 0);
		if (!child)
			apply_and_remove_for_ever();
		nanosleep(&moment, NULL);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		if (round % 2) {
			apply_ok();
			verify_ok();
		}
		cr_assert_eq(net_remove(lab, NULL, &error), 0, "round %d: %s", round, error.text);
		cr_assert_eq(traces_left(), 0, "round %d", round);
	}
	cr_expect_str_empty(shell("ip -o link show group %u", 0x65727864));
}

/* Links, states, calls */

static bool carrier_of(uint32_t ifindex)
{
	net_states states = {};
	bool carrier = false;

	cr_assert_eq(net_states_read(plan.fabric, &states, &error), 0, "%s", error.text);
	vec_each(state, &states) {
		if (state->ifindex == ifindex)
			carrier = state->carrier && state->up;
	}
	vec_free(&states);
	return carrier;
}

Test(net, takes_carrier_from_both_ends)
{
	apply_ok();
	cr_expect(carrier_of(FIRST) && carrier_of(FIRST + 1));
	cr_expect_eq(net_set_link(plan.fabric, FIRST, false, &error), 0, "%s", error.text);
	cr_expect(!carrier_of(FIRST) && !carrier_of(FIRST + 1));
	cr_expect_eq(net_set_link(plan.fabric, FIRST, true, &error), 0, "%s", error.text);
	cr_expect(carrier_of(FIRST) && carrier_of(FIRST + 1));
	cr_expect_eq(net_set_link(plan.fabric, plan.hosts.items[0].port.ifindex, false, &error), 0, "%s", error.text);
	expect_text(shell("ip -n erx-%s-h0 link show dev eth0", lab), "NO-CARRIER");
	expect_text(shell("ip -n erx-%s-h0 route", lab), "default via 10.9.0.1 dev eth0");
	cr_expect_eq(net_set_link(plan.fabric, 4242, true, &error), -ENODEV);
	expect_text(error.text, "cannot set interface 4242 up: No such device");
}

Test(net, reads_states_sorted_with_counters)
{
	net_states states = {};

	apply_ok();
	cr_assert_eq(net_states_read(plan.hosts.items[0].namespace, &states, &error), 0, "%s", error.text);
	cr_assert_eq(states.n, 2);
	cr_expect_str_eq(states.items[0].name, "lo");
	cr_expect_str_eq(states.items[1].name, "eth0");
	cr_expect_eq(states.items[1].ifindex, NET_HOST_IFINDEX);
	cr_expect(states.items[1].up && states.items[1].carrier);
	vec_free(&states);
	shell("ping -c 2 -i 0.01 -W 1 -q 127.0.0.1; ip netns exec erx-%s-h0 ping -c 2 -i 0.01 -q 127.0.0.1", lab);
	cr_assert_eq(net_states_read(plan.hosts.items[0].namespace, &states, &error), 0, "%s", error.text);
	cr_expect_eq(states.items[0].rx_packets, 4, "%lu packets", (unsigned long)states.items[0].rx_packets);
	vec_free(&states);
}

/* The namespace of the calling thread, as the kernel numbers it. */
static ino_t own_namespace(void)
{
	struct stat st = {};

	stat("/proc/thread-self/ns/net", &st);
	return st.st_ino;
}

static int note_namespace(void *arg)
{
	*(ino_t *)arg = own_namespace();
	return 7;
}

Test(net, calls_run_inside_and_the_caller_stays_outside)
{
	ino_t before = own_namespace(), inside = 0;
	struct stat st;
	char path[300];

	apply_ok();
	cr_expect_eq(own_namespace(), before);
	cr_expect_eq(net_call(plan.fabric, note_namespace, &inside, &error), 7);
	snprintf(path, sizeof(path), "/run/netns/%s", plan.fabric);
	cr_assert_eq(stat(path, &st), 0);
	cr_expect_eq(inside, st.st_ino);
	cr_expect_eq(own_namespace(), before);
	cr_expect_eq(net_call("erx-none-such", note_namespace, &inside, &error), -ENOENT);
	expect_text(error.text, "there is no namespace 'erx-none-such'; is the lab loaded?");
	cr_expect_eq(net_enter(plan.fabric, &error), 0, "%s", error.text);
	cr_expect_eq(own_namespace(), st.st_ino);
}

/* A machine on which nobody has ever made a namespace: /run/netns is missing. Only this process sees the empty /run. */
Test(net, makes_the_directory_when_it_is_missing)
{
	cr_assert_eq(unshare(CLONE_NEWNS), 0);
	cr_assert_eq(mount("", "/", NULL, MS_PRIVATE | MS_REC, NULL), 0);
	cr_assert_eq(mount("tmpfs", "/run", "tmpfs", 0, NULL), 0);
	apply_ok();
	verify_ok();
	expect_text(shell("ip netns list"), lab);
	expect_text(shell("grep '/run/netns ' /proc/self/mountinfo"), " shared:");
	remove_ok(HOSTS + 1);
	cr_expect_str_empty(shell("ls -A /run/netns"));
}
