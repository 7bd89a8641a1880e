// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The programs around and beside the data plane in `make bench`: a generator of
 * frames, two sinks, and two forwarders to compare with.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "../../tests/bench/forward.h"

#define AF_INET 2

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bench_generator);
} generator SEC(".maps");

/* In the order of the frames; a random one is made by who fills it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BENCH_MAX_TARGETS);
	__type(key, __u32);
	__type(value, struct bench_target);
} targets SEC(".maps");

/* Where the generator's frames go. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} first_link SEC(".maps");

/* bare: by the index a frame came in by. fib: by the one that the lookup names. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, BENCH_MAX_IFINDEX);
	__type(key, __u32);
	__type(value, __u32);
} links SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bench_arrived);
} arrived SEC(".maps");

/* A live frame comes back as the chain has left it, TTL and addresses included: it is written whole. One CPU runs it.
 */
SEC("xdp") int bench_generate(struct xdp_md *ctx)
{
	struct {
		__u64 word[BENCH_FRAME / 8];
	} *frame = (void *)(long)ctx->data;
	struct ethhdr *eth = (void *)frame;
	struct iphdr *ip = (void *)(eth + 1);
	struct udphdr *udp = (void *)(ip + 1);
	__u32 zero = 0, n;
	struct bench_generator *g = bpf_map_lookup_elem(&generator, &zero);
	const struct bench_target *target;

	if (!g || (void *)(frame + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	n = g->next;
	g->next = n + 1 < g->n_targets ? n + 1 : 0;
	target = bpf_map_lookup_elem(&targets, &n);
	if (!target)
		return XDP_ABORTED;
	__builtin_memcpy(frame, g->frame, BENCH_FRAME);
	ip->daddr = target->dst;
	ip->check = target->check;
	udp->source = target->sport;
	return bpf_redirect_map(&first_link, 0, XDP_DROP);
}

static __always_inline bool count_arrived(void *data, void *data_end)
{
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	struct udphdr *udp = (void *)(ip + 1);
	struct bench_arrived *a;
	__u32 zero = 0;

	if ((void *)(udp + 1) > data_end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->protocol != 17 ||
	    udp->dest != bpf_htons(BENCH_PORT))
		return false;
	a = bpf_map_lookup_elem(&arrived, &zero);
	if (!a)
		return false;
	a->packets++;
	a->ttl = ip->ttl;
	return true;
}

SEC("xdp") int bench_sink(struct xdp_md *ctx)
{
	return count_arrived((void *)(long)ctx->data, (void *)(long)ctx->data_end) ? XDP_DROP : XDP_PASS;
}

/* The same for socket buffers: the first place where they can be dropped. */
SEC("tc") int bench_sink_skb(struct __sk_buff *skb)
{
	return count_arrived((void *)(long)skb->data, (void *)(long)skb->data_end) ? TC_ACT_SHOT : TC_ACT_OK;
}

/* A far end that only takes frames. */
SEC("xdp") int bench_pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("xdp") int bench_bare(struct xdp_md *ctx)
{
	struct ethhdr *eth = (void *)(long)ctx->data;

	if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	__builtin_memset(eth->h_dest, 2, ETH_ALEN);
	__builtin_memset(eth->h_source, 4, ETH_ALEN);
	return bpf_redirect_map(&links, ctx->ingress_ifindex, XDP_DROP);
}

static __always_inline void lower_ttl(struct iphdr *ip)
{
	__u32 check = ip->check + bpf_htons(0x0100);

	ip->check = check + (check >= 0xffff);
	ip->ttl--;
}

/* A router as small as it can be: no counters, no checks but those without which it would be wrong. */
SEC("xdp") int bench_fib(struct xdp_md *ctx)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(eth + 1);
	struct bpf_fib_lookup fib = {.family = AF_INET, .ifindex = ctx->ingress_ifindex};

	if ((void *)(ip + 1) > (void *)(long)ctx->data_end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->ttl <= 1)
		return XDP_PASS;
	fib.tos = ip->tos;
	fib.l4_protocol = ip->protocol;
	fib.tot_len = bpf_ntohs(ip->tot_len);
	fib.ipv4_src = ip->saddr;
	fib.ipv4_dst = ip->daddr;
	if (bpf_fib_lookup(ctx, &fib, sizeof(fib), 0) != BPF_FIB_LKUP_RET_SUCCESS)
		return XDP_PASS;
	lower_ttl(ip);
	__builtin_memcpy(eth->h_dest, fib.dmac, ETH_ALEN);
	__builtin_memcpy(eth->h_source, fib.smac, ETH_ALEN);
	return bpf_redirect_map(&links, fib.ifindex, XDP_DROP);
}

char _license[] SEC("license") = "Dual BSD/GPL";
