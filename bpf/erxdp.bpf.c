// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The data plane. Each device of a lab runs one of the programs below on each of
 * its ports. They differ in name only, so that `bpftool prog` says what a port
 * belongs to: what a device is and does comes from the maps. Most packets take the
 * short way of known.h, all others the program walk; bpf/README.md tells both in words.
 */
#include "account.h"
#include "answer.h"
#include "count.h"
#include "hello.h"
#include "known.h"
#include "lost.h"
#include "parse.h"
#include "route.h"
#include "send.h"
#include "sweep.h"
#include "tunnel.h"
#include "wire.h"

/* Up to the packet that the device has to forward. *arp: it is no packet but an ARP message. */
inline_stage int arrive(struct packet *pkt, bool *arp)
{
	__be16 ether_type = 0;
	int stop = lose_silently(pkt);

	if (stop == ERX_CONTINUE)
		stop = parse_ethernet(pkt, &ether_type);
	*arp = stop == ERX_CONTINUE && ether_type == bpf_htons(ETH_P_ARP);
	if (stop == ERX_CONTINUE && !*arp)
		stop = parse_ipv4(pkt);
	if (stop == ERX_CONTINUE && !*arp)
		stop = take_hello(pkt);
	if (stop == ERX_CONTINUE && !*arp)
		stop = check_source(pkt);
	if (stop == ERX_CONTINUE && !*arp)
		stop = decapsulate(pkt);
	return stop;
}

inline_stage int forward(struct packet *pkt)
{
	int stop = find_way(pkt, 0);

	if (stop == ERX_CONTINUE)
		stop = hop_limit(pkt);
	if (stop == ERX_CONTINUE)
		stop = fits_link(pkt);
	if (stop == ERX_CONTINUE)
		stop = check_icmp_error(pkt);
	if (stop != ERX_CONTINUE)
		return stop >= ERX_FIRST_DROP ? stop : answer(pkt, stop);
	clamp_tunnel_mss(pkt);
	return send(pkt, ERX_forwarded);
}

/*
 * A program of its own behind those of the devices: the verifier goes through it once
 * a lab, not once for each kind of device. Its map is erx_walk, filled when it is loaded.
 */
SEC("xdp") int walk(struct xdp_md *ctx)
{
	struct packet pkt = {.ctx = ctx, .out_port = ERX_NO_PORT};
	bool arp = false;
	int outcome = find_port(&pkt);

	if (!pkt.port)
		return finish(&pkt, outcome);
	read_control(&pkt);
	outcome = arrive(&pkt, &arp);
	if (outcome == ERX_CONTINUE)
		outcome = arp ? answer_arp(&pkt) : forward(&pkt);
	return finish(&pkt, outcome);
}

/* With an index that does not change it is a jump, not a look-up. */
#define WALK 0
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, int(void *));
} erx_walk SEC(".maps") = {.values = {[WALK] = (void *)&walk}};

/* The kernel empties erx_walk when its last pin and descriptor have gone. */
inline_stage int lose_without_walk(struct xdp_md *ctx)
{
	struct packet pkt = {.ctx = ctx, .out_port = ERX_NO_PORT};
	int outcome = find_port(&pkt);

	return finish(&pkt, pkt.port ? end(ERX_no_program) : outcome);
}

inline_stage int cross(struct xdp_md *ctx)
{
	int verdict = cross_known(ctx);

	if (verdict != NOT_KNOWN)
		return verdict;
	bpf_tail_call_static(ctx, &erx_walk, WALK);
	return lose_without_walk(ctx);
}

SEC("xdp") int vnet(struct xdp_md *ctx)
{
	return cross(ctx);
}

SEC("xdp") int ergw(struct xdp_md *ctx)
{
	return cross(ctx);
}

SEC("xdp") int msee(struct xdp_md *ctx)
{
	return cross(ctx);
}

SEC("xdp") int vpngw(struct xdp_md *ctx)
{
	return cross(ctx);
}

SEC("xdp") int ce(struct xdp_md *ctx)
{
	return cross(ctx);
}

SEC("xdp") int lan(struct xdp_md *ctx)
{
	return cross(ctx);
}

/* Not a device's: both ends of a wire have it. */
SEC("xdp") int wire(struct xdp_md *ctx)
{
	return wire_pass(ctx);
}

SEC("tp_btf/xdp_devmap_xmit")
int BPF_PROG(port_lost, const struct net_device *from, const struct net_device *to, int sent, int drops, int err)
{
	__u32 port = to->ifindex - ERX_FIRST_IFINDEX;

	if (drops > 0)
		count_lost(to, port, drops);
	return end_burst(port);
}

SEC("tp_btf/xdp_redirect_err")
int BPF_PROG(port_refused, const struct net_device *from, const void *prog, const void *to, int err, int map_type,
	     __u32 map_id, __u32 index)
{
	/* At a wire's end: its socket's ring is full. Both maps have the port's number as index. */
	if (map_type == BPF_MAP_TYPE_DEVMAP || map_type == BPF_MAP_TYPE_XSKMAP)
		count_lost(from, index, 1);
	return map_type == BPF_MAP_TYPE_DEVMAP ? end_burst(index) : 0;
}

/* Run by the controller now and then: flows that have ended make room. */
SEC("syscall")
int sweep(void *ctx)
{
	bpf_for_each_map_elem(&erx_flows, end_idle_flow, NULL, 0);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
