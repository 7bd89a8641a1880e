/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Streams of small numbered UDP datagrams between hosts of a lab: which of them
 * arrive says when a pair could not talk. One thread sends and receives all of
 * them; what is lost is known by the numbers alone, so a thread that was late
 * widens the distance between two datagrams and loses none.
 */
#ifndef ERX_LAB_FLOWS_H
#define ERX_LAB_FLOWS_H

#include "fwd/walk.h"
#include "lab/lab.h"

struct sample {
	uint64_t sent_ns : 63; /* CLOCK_REALTIME, as the events of the controller */
	uint64_t arrived : 1;
};
typedef VEC(struct sample) samples;

struct flow_stream { /* one direction of a pair, by one of its ways */
	const struct host *from, *to;
	uint16_t source_port;
	samples samples; /* by number */
	unsigned duplicates;
	unsigned reordered; /* arrived after one that was sent later */
	uint32_t newest;    /* highest number that has arrived, plus one; 0: none */
};
typedef VEC(struct flow_stream) flow_streams;
void flow_streams_free(flow_streams *list);

struct flow_choice {
	size_t pairs, talking; /* unordered pairs: chosen, and all that can talk before or after */
};
/*
 * The streams worth sending: each pair of hosts that can talk there and back
 * before or after, each direction, and of each direction one stream for each of
 * the ways that equal paths share before (at most FLOW_WAYS). Above most_hosts
 * hosts not all pairs: every host that can talk once, then those whose way differs,
 * up to as many as most_hosts hosts would have. Both images are of one topology; the streams name hosts of the first.
 */
#define FLOW_WAYS 4
struct flow_choice flows_choose(const struct image *before, const struct image *after, size_t most_hosts,
				flow_streams *out);
/* The way of a stream through an image, as routing believes it (walk_free()). */
void flow_walk(const struct image *image, const struct flow_stream *s, struct walk *out);
bool flow_arrives(const struct image *image, const struct flow_stream *s);

struct prober;
/* Between two datagrams of a stream, so that all of them together stay affordable. */
uint64_t prober_interval_ns(size_t streams);
/*
 * Open sockets in the hosts and begin. The streams must stay where they are; what is in
 * them may be read after prober_stop(). Returns 0 or -errno; -EADDRINUSE: another one runs in this lab.
 */
int prober_start(const struct lab *lab, flow_streams *streams, uint64_t interval_ns, struct prober **out,
		 struct error *e);
struct prober_report {
	uint64_t longest_pause_ns; /* between two rounds: how late the thread was at worst */
	uint64_t own_drops;	   /* that arrived and found the socket full: not the network's */
	uint64_t unsent;	   /* that the sending host refused; not counted as lost */
};
/* Stop sending, wait until what is on its way has arrived, end. */
void prober_stop(struct prober *p, struct prober_report *report); /* NULL is fine */

#endif
