// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The short way of bpf/known.h: that packets of known flows take it, that others do
 * not, and that it makes no difference to the packet or to any counter.
 *
 * Where a packet went cannot be seen from outside, so a flow's line of erx_ways is told
 * a wrong device: only the short way counts under that one.
 */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "any.h"
#include "twin.h"

#define PAIRS  3000
#define NARROW 1000
#define FLOWS  100000 /* several times as many as ways */

static struct erx_control *control;
static struct dp_capture *capture; /* of no port; number 0, as it is the lab's only one */

/* Ways are per CPU. */
static void stay_here(void)
{
	cpu_set_t here;

	CPU_ZERO(&here);
	CPU_SET(sched_getcpu(), &here);
	cr_assert_eq(sched_setaffinity(0, sizeof(here), &here), 0);
}

static int drop_record(void *unused, const struct erx_capture_record *record)
{
	(void)unused, (void)record;
	return 0;
}

static void load(void)
{
	const index_list none = {};
	struct error e = {};
	int fd;

	twin_load_plain();
	stay_here();
	fd = map_of("erx_control");
	control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	cr_assert_neq(control, MAP_FAILED);
	close(fd);
	cr_assert_eq(dp_capture_begin(twin.dp, twin.lab->image, &none, &none, drop_record, NULL, &capture, &e), 0, "%s",
		     e.text);
}

static void unload(void)
{
	dp_capture_end(capture);
	twin_unload();
}

TestSuite(known, .init = load, .fini = unload, .timeout = 300);

static void forget_ways(void)
{
	control->generation += 2;
}

/* --- Who takes it ------------------------------------------------------------------------------------------------- */

static bool is_way_of(const struct erx_way *way, uint32_t port, const struct frame *f)
{
	const uint8_t *ip = ip_at(f) + (image_port(port)->entry.role == ERX_ROLE_TUNNEL ? ERX_TUNNEL_HEAD : 0);

	return way->key.generation == control->generation && way->key.in_port == image_port(port)->id &&
	       !memcmp(&way->key.src, ip + 12, 8);
}

/* Tell what this CPU knows of the packet's flow another device; false: it knows nothing. */
static bool mislead(uint32_t port, const struct frame *f, uint16_t device)
{
	struct erx_way *ways = calloc(libbpf_num_possible_cpus(), sizeof(*ways));
	int fd = map_of("erx_ways"), cpu = sched_getcpu();
	bool found = false;

	for (uint32_t i = 0; i < ERX_MAX_WAYS && !found; i++) {
		cr_assert_eq(bpf_map_lookup_elem(fd, &i, ways), 0);
		found = is_way_of(&ways[cpu], port, f);
		ways[cpu].device = device;
		if (found)
			cr_assert_eq(bpf_map_update_elem(fd, &i, ways, BPF_EXIST), 0);
	}
	close(fd);
	free(ways);
	return found;
}

static uint64_t forwarded_by(uint32_t device)
{
	uint64_t counts[ERX_N_OUTCOMES];

	cr_assert_eq(dp_read_device(twin.dp, device, counts), 0);
	return counts[ERX_forwarded];
}

/* Whether a packet takes the short way when an equal one has gone before. */
static bool takes_short_way(uint32_t port, const struct frame *f)
{
	const uint16_t nobody = ERX_MAX_DEVICES - 1;
	size_t size = sizeof(((struct frame *)0)->bytes);
	uint64_t before;
	struct result r;

	forget_ways();
	run(port, f, &r);
	cr_assert_eq(r.outcome, ERX_forwarded, "%s", outcome_name(r.outcome));
	cr_assert(mislead(port, f, nobody));
	before = forwarded_by(nobody);
	cr_assert_eq(dp_test_run(twin.dp, image_port(port)->entry.kind, ifindex_of(port), f->bytes, f->n, r.frame.bytes,
				 &size, &r.verdict),
		     0);
	return forwarded_by(nobody) > before;
}

static const struct spec udp = {.src = "10.2.30.10", .dst = "10.10.30.4", .protocol = UDP, .sport = 1024, .dport = 7};

static bool knows(const char *device, const char *from, const struct spec *s)
{
	uint32_t port = port_at(device, from);
	struct frame f;

	packet_at(&f, port, s);
	return takes_short_way(port, &f);
}

Test(known, by_each_kind_of_device)
{
	static const char *const way[][2] = {
		{"loc1", "loc1-vm"},	       {"loc1-ce1", "loc1"},  {"er1.primary", "loc1-ce1"},
		{"hub-ergw/0", "er1.primary"}, {"hub", "hub-ergw/0"},
	};
	struct spec s = udp;

	for (size_t i = 0; i < N(way); i++) {
		cr_expect(knows(way[i][0], way[i][1], &s), "UDP at %s", way[i][0]);
		s.protocol = TCP;
		cr_expect(knows(way[i][0], way[i][1], &s), "TCP at %s", way[i][0]);
		s.protocol = UDP;
	}
}

Test(known, not_through_a_tunnel)
{
	struct spec out = {.src = "10.11.30.68", .dst = "10.10.30.4", .protocol = UDP};
	struct spec in = {.src = "10.10.30.4", .dst = "10.11.30.68", .protocol = UDP};

	cr_expect(!knows("hub-vpngw/0", "branch-vpngw/0", &out), "out of it");
	cr_expect(!knows("hub-vpngw/0", "hub", &in), "into it");
}

static void set_flags(uint32_t port, uint8_t flags)
{
	struct erx_port entry = image_port(port)->entry;
	uint32_t id = image_port(port)->id;
	int fd = map_of("erx_ports");

	entry.flags |= flags;
	cr_assert_eq(bpf_map_update_elem(fd, &id, &entry, BPF_EXIST), 0);
	close(fd);
}

/* Which captures look at a port. */
static void look_at(uint32_t port, uint32_t in, uint32_t out)
{
	const struct erx_captured entry = {.in = in, .out = out};
	int fd = map_of("erx_captured");

	cr_assert_eq(bpf_map_update_elem(fd, &image_port(port)->id, &entry, BPF_EXIST), 0);
	close(fd);
}

Test(known, not_where_a_capture_looks)
{
	uint32_t in = port_at("er1.primary", "loc1-ce1"), out = port_at("er1.primary", "hub-ergw/0");

	look_at(in, 1, 0);
	cr_expect(!knows("er1.primary", "loc1-ce1", &udp), "on the way in");
	look_at(in, 0, 1);
	look_at(out, 1, 0);
	cr_expect(knows("er1.primary", "loc1-ce1", &udp), "the other directions");
	look_at(out, 0, 1);
	look_at(port_at("er1.primary", "hub-ergw/1"), 0, 1);
	cr_expect(!knows("er1.primary", "loc1-ce1", &udp), "on the way out");
	look_at(in, 2, 2);
	look_at(out, 2, 2);
	look_at(port_at("er1.primary", "hub-ergw/1"), 2, 2);
	cr_expect(knows("er1.primary", "loc1-ce1", &udp), "what a dead capture has left");
}

/* A switch answers its host; then the host sends what looks like that answer, from the switch's address. */
Test(known, not_what_a_device_has_said_itself)
{
	uint32_t in = port_at("loc1", "loc1-vm");
	struct result r;
	struct frame f;

	packet_at(&f, in, &(struct spec){.src = "10.2.30.10", .dst = "10.2.30.1"});
	run(in, &f, &r);
	expect_outcome(&r, ERX_answered_echo, "the switch");
	make_packet(&f, &(struct spec){.src = "10.2.30.1", .dst = "10.2.30.10", .type = NONE});
	put32(ip_at(&f) + 20, 0);
	arrive_at(&f, in, 0);
	run(in, &f, &r);
	expect_outcome(&r, ERX_spoofed, "as the switch");
}

/* As it is when somebody who changes the maps has been killed in the middle. */
Test(known, nothing_while_the_maps_change)
{
	uint32_t port = port_at("er1.primary", "loc1-ce1");
	struct result r;
	struct frame f;

	packet_at(&f, port, &udp);
	control->generation++;
	run(port, &f, &r);
	expect_outcome(&r, ERX_forwarded, "meanwhile");
	cr_expect(!mislead(port, &f, 0), "remembered");
	run(port, &f, &r);
	expect_outcome(&r, ERX_forwarded, "meanwhile, again");
	control->generation++;
	cr_expect(takes_short_way(port, &f), "afterwards");
}

static uint64_t flows_of(const char *gateway)
{
	struct dp_meter_count count = {};

	vec_each(m, &twin.lab->image->meters) {
		if (m->gateway && !strcmp(m->gateway->name, gateway))
			cr_assert_eq(dp_read_meter(twin.dp, m->id, &count), 0);
	}
	return count.flows;
}

/* Meters count flows by what a way is for. */
Test(known, flows_are_told_apart_while_the_maps_change)
{
	uint32_t port = port_at("hub-ergw/0", "er1.primary");
	uint64_t before = flows_of("hub-ergw");
	struct spec s = udp;
	struct result r;
	struct frame f;

	control->generation++;
	for (int n = 0; n < 20; n++) {
		s.sport = 2000 + n / 2;
		packet_at(&f, port, &s);
		run(port, &f, &r);
		expect_outcome(&r, ERX_forwarded, "packet %d", n);
	}
	cr_expect_eq(flows_of("hub-ergw") - before, 10);
}

Test(known, a_change_ends_even)
{
	uint32_t before = control->generation;

	cr_expect_eq(before % 2, 0);
	twin_apply_state();
	cr_expect_eq(control->generation, before + 2);
	control->generation = before + 3; /* somebody was killed */
	twin_apply_state();
	cr_expect_eq(control->generation, before + 6);
	control->generation = 0xfffffffe;
	twin_apply_state();
	cr_expect_eq(control->generation, 2);
}

/* What has come through a tunnel is known; the same packet outside of it is nobody's. */
Test(known, not_past_a_tunnel)
{
	uint32_t in = port_at("hub-vpngw/0", "branch-vpngw/0");
	struct spec s = {.src = "10.11.30.68", .dst = "10.10.30.4", .protocol = UDP};
	struct frame through, naked;
	struct result r;

	packet_at(&through, in, &s);
	make_packet(&naked, &s);
	memcpy(naked.bytes, through.bytes, 12);
	run(in, &through, &r);
	expect_outcome(&r, ERX_forwarded, "through it");
	run(in, &naked, &r);
	expect_outcome(&r, ERX_bad_tunnel, "past it");
}

/* --- That it makes no difference ---------------------------------------------------------------------------------- */

typedef VEC(uint64_t) numbers;

static void add_device(numbers *out, uint32_t device)
{
	uint64_t counts[ERX_N_OUTCOMES];

	cr_assert_eq(dp_read_device(twin.dp, device, counts), 0);
	for (int i = 0; i < ERX_N_OUTCOMES; i++)
		vec_push(out, counts[i]);
}

static void add_ports(numbers *out, uint32_t device)
{
	struct erx_port_stats stats;
	uint64_t lost;

	vec_each(p, &twin.lab->image->ports) {
		if (p->entry.device != device)
			continue;
		cr_assert_eq(dp_read_port(twin.dp, p->id, &stats, &lost), 0);
		vec_push(out, stats.received);
		vec_push(out, stats.received_bytes);
		vec_push(out, stats.injected);
		vec_push(out, stats.sent);
		vec_push(out, stats.sent_bytes);
	}
}

static void add_paths(numbers *out)
{
	static dp_path_counts paths;

	read_paths(&paths);
	vec_each(path, &paths) {
		vec_push(out, path->packets);
		vec_push(out, path->bytes);
	}
}

static void add_meters(numbers *out)
{
	struct dp_meter_count count;

	vec_each(m, &twin.lab->image->meters) {
		cr_assert_eq(dp_read_meter(twin.dp, m->id, &count), 0);
		/* Not connections: of two equal packets only one opens one. */
		vec_push(out, count.passed[ERX_PACKETS]);
		vec_push(out, count.passed[ERX_BYTES]);
	}
}

/* Every counter that a packet at this port can move. */
static void read_ledger(uint32_t port, numbers *out)
{
	out->n = 0;
	add_device(out, 0);
	add_device(out, image_port(port)->entry.device);
	add_ports(out, image_port(port)->entry.device);
	add_paths(out);
	add_meters(out);
}

struct run {
	struct result result;
	numbers before, moved;
};

static void run_and_add_up(uint32_t port, const struct frame *f, struct run *r)
{
	read_ledger(port, &r->before);
	run(port, f, &r->result);
	read_ledger(port, &r->moved);
	for (size_t i = 0; i < r->moved.n; i++)
		r->moved.items[i] -= r->before.items[i];
}

/* What is written anew for each packet into a tunnel. */
static void blank_sequence(struct frame *f)
{
	if (f->n > ETH + 44 && ip_at(f)[9] == UDP && get16(ip_at(f) + 22) == ERX_TUNNEL_PORT)
		memset(f->bytes + ETH + 28, 0, 16);
}

static void expect_same(uint32_t in, struct run *a, struct run *b)
{
	const char *text = text_of("%s from %s, %s", device_of(in), image_port(in)->ifname,
				   outcome_name(b->result.outcome));

	cr_expect_eq(a->result.verdict, b->result.verdict, "%s", text);
	cr_expect_eq(a->result.outcome, b->result.outcome, "%s: %s when known", text, outcome_name(a->result.outcome));
	blank_sequence(&a->result.frame);
	blank_sequence(&b->result.frame);
	expect_frame(&a->result.frame, &b->result.frame, text);
	cr_assert_eq(a->moved.n, b->moved.n);
	for (size_t i = 0; i < a->moved.n; i++)
		cr_expect_eq(a->moved.items[i], b->moved.items[i], "%s: counter %zu moves by %lld, not %lld", text, i,
			     (long long)a->moved.items[i], (long long)b->moved.items[i]);
}

static void resize(struct frame *f, uint16_t length)
{
	put16(ip_at(f) + 2, length);
	f->n = ETH + length;
}

/* No plain link of the twin's has another MTU than the largest frame: now many have. */
static void narrow_links(void)
{
	int fd = map_of("erx_adjacencies");

	vec_each(a, &twin.lab->image->adjacencies) {
		struct erx_adjacency entry = a->entry;

		if (a->id % 3)
			continue;
		entry.mtu = NARROW;
		cr_assert_eq(bpf_map_update_elem(fd, &a->id, &entry, BPF_EXIST), 0);
	}
	close(fd);
}

/* Mostly what does not make it another flow's packet, but may make it one that does not get on. */
static void change(struct frame *f)
{
	static const uint8_t ttls[] = {0, 1, 2, 3, 64, 255};
	static const uint8_t hops[] = {0, 1, 7, 253, 254, 255};
	static const uint8_t fragments[] = {0x20, 0x00, 0x40, 0x80, 0x1f};
	uint8_t *ip = ip_at(f);

	switch (any_below(14)) {
	case 11: put32(ip + 12, get32(ip + 12) ^ (1u << any_below(32))); break;
	case 12: ip[16] = 224 + any_below(32); break;
	case 10: resize(f, NARROW - 50 + any_below(100)); break;
	case 0: ip[8] = ttls[any_below(N(ttls))]; break;
	case 1: f->bytes[11] = hops[any_below(N(hops))]; break;
	case 2: ip[6] = fragments[any_below(N(fragments))]; break;
	case 3: put16(ip + 2, get16(ip + 2) - any_below(70)); break;
	case 4: put16(ip + 2, get16(ip + 2) + any_below(3)); break;
	case 5: f->bytes[any_below(6)] ^= 1; break;
	case 6: ip[9] = any_one_in(2) ? UDP : TCP; break;
	case 7: f->n += any_below(1600); break;
	case 8: f->n = ETH + 1 + any_below(f->n - ETH); break;
	case 9: ip[0] = 0x40 | any_below(8); break;
	default: f->bytes[12 + any_below(2)] ^= 1 << any_below(8);
	}
}

/* A packet that gets on, and its port. */
static uint32_t any_forwarded(struct frame *f)
{
	struct result r = {.outcome = -1};
	uint32_t port = 0;

	while (r.outcome != ERX_forwarded) {
		port = any_below(twin.lab->image->ports.n);
		any_packet(f, port);
		if (f->bytes[11] > 200)
			f->bytes[11] = 1;
		forget_ways();
		run(port, f, &r);
	}
	return port;
}

/* The same packet to a device that remembers its flow, to one that does not, and to one whose port is captured. */
static void run_all_ways(uint32_t port, const struct frame *first, const struct frame *f, uint8_t flags)
{
	static struct run known, learned, walked;
	struct result r;

	set_flags(port, flags);
	forget_ways();
	run(port, first, &r);
	run_and_add_up(port, f, &known);
	forget_ways();
	run_and_add_up(port, f, &learned);
	look_at(port, 1, 0);
	forget_ways();
	run_and_add_up(port, f, &walked);
	look_at(port, 0, 0);
	set_flags(port, 0);
	expect_same(port, &known, &walked);
	expect_same(port, &learned, &walked);
}

Test(known, makes_no_difference)
{
	const char *pairs = getenv("ERXDP_PAIRS"), *seed = getenv("ERXDP_SEED");
	struct frame f, g;

	narrow_links();
	any_seed(seed ? strtoul(seed, NULL, 0) : 1);
	for (unsigned long n = pairs ? strtoul(pairs, NULL, 0) : PAIRS; n; n--) {
		uint32_t port = any_forwarded(&f);

		g = f;
		for (uint32_t changes = any_below(3); changes; changes--)
			change(&g);
		if (!any_one_in(4) && g.n >= ETH + 20 && ip_header(&g) >= 20 && ETH + ip_header(&g) <= g.n)
			fix_ip(&g);
		run_all_ways(port, &f, &g, any_one_in(16) ? ERX_PORT_FAULT : 0);
	}
}

/* --- Many flows, few places --------------------------------------------------------------------------------------- */

struct flow {
	uint32_t port; /* where it comes in */
	uint32_t src;
	const char *dst;
	uint16_t sport;
};

static uint32_t pick(uint64_t *state, uint32_t n)
{
	return random32(state) % n;
}

/* A device where flows are shared among paths, or one that has no choice. */
static uint32_t some_port(uint64_t *state)
{
	static const char *const ports[][2] = {{"loc1-ce1", "loc1"},
					       {"er1.primary", "loc1-ce1"},
					       {"hub", "hub-ergw/0"},
					       {"er2.secondary", "loc2-ce2"}};
	uint32_t n = pick(state, N(ports));

	return port_at(ports[n][0], ports[n][1]);
}

static void some_ends(uint64_t *state, struct flow *flow)
{
	static const char *const to[] = {"10.10.30.4", "10.11.30.68", "10.17.30.4", "10.2.30.10"};

	flow->src = ip_of("10.2.0.0") + pick(state, 1 << 16);
	flow->dst = to[pick(state, N(to))];
}

/* Many flows between the same addresses, at the same port. */
static void by_ports(uint64_t *state, struct flow *flow)
{
	uint64_t pair = 1 + pick(state, 64);

	some_ends(&pair, flow);
	flow->port = some_port(&pair);
	flow->sport = pick(state, 1 << 16);
}

static void by_addresses(uint64_t *state, struct flow *flow)
{
	some_ends(state, flow);
	flow->port = some_port(state);
	flow->sport = 1024;
}

/* The same packet at every port. */
static void by_place(uint64_t *state, struct flow *flow)
{
	uint64_t packet = 1 + pick(state, 200);

	some_ends(&packet, flow);
	flow->sport = pick(&packet, 1 << 16);
	flow->port = pick(state, twin.lab->image->ports.n);
}

static void make_flow(const struct flow *flow, struct frame *f)
{
	make_packet(f, &(struct spec){.src = "10.2.30.10",
				      .dst = flow->dst,
				      .protocol = UDP,
				      .sport = flow->sport,
				      .dport = 7,
				      .length = 40});
	put32(ip_at(f) + 12, flow->src);
	fix_ip(f);
	arrive_at(f, flow->port, 1);
}

struct fate {
	uint32_t verdict;
	uint8_t macs[12];
};

static struct fate fate_of(const struct flow *flow)
{
	static struct frame f, out;
	struct fate fate;

	make_flow(flow, &f);
	out.n = sizeof(out.bytes);
	cr_assert_eq(dp_test_run(twin.dp, image_port(flow->port)->entry.kind, ifindex_of(flow->port), f.bytes, f.n,
				 out.bytes, &out.n, &fate.verdict),
		     0);
	memcpy(fate.macs, out.bytes, 12);
	return fate;
}

/* Each flow on its own, then all of them again, while the devices remember what there is room for. */
static void expect_no_mistake(void (*make)(uint64_t *state, struct flow *flow))
{
	static struct flow flows[FLOWS];
	static struct fate alone[FLOWS];
	uint64_t state = 1;

	for (size_t i = 0; i < FLOWS; i++) {
		make(&state, &flows[i]);
		forget_ways();
		alone[i] = fate_of(&flows[i]);
	}
	for (size_t i = 0; i < FLOWS; i++) {
		struct fate fate = fate_of(&flows[i]);

		cr_expect(!memcmp(&fate, &alone[i], sizeof(fate)), "%s, source port %u goes elsewhere at %s",
			  flows[i].dst, flows[i].sport, device_of(flows[i].port));
	}
}

Test(known, no_flow_is_taken_for_one_of_other_ports)
{
	expect_no_mistake(by_ports);
}

Test(known, no_flow_is_taken_for_one_of_other_addresses)
{
	expect_no_mistake(by_addresses);
}

Test(known, no_flow_is_taken_for_one_of_another_port)
{
	expect_no_mistake(by_place);
}
