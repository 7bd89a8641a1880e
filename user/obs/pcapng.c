// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "obs/pcapng.h"

#include <string.h>
#include <time.h>

#include "lib/vec.h"
#include "obs/names.h"

enum { BLOCK_SECTION = 0x0a0d0d0a, BLOCK_INTERFACE = 1, BLOCK_PACKET = 6 };
enum { OPTION_END = 0, OPTION_COMMENT = 1, OPTION_IF_NAME = 2, OPTION_IF_DESCRIPTION = 3, OPTION_IF_TSRESOL = 9 };
#define LINKTYPE_ETHERNET 1
#define PENDING		  256 /* arrivals whose verdict is still to come: as many as runs of programs at once */

struct pcapng {
	const struct image *image;
	FILE *out;
	unsigned long written, most;
	int64_t clock_offset_ns; /* from monotonic to real time */
	struct erx_capture_record *pending[PENDING];
	unsigned next;
};

struct block {
	uint8_t bytes[4096];
	size_t n;
};

static void put(struct block *b, const void *data, size_t size)
{
	static const uint8_t zeroes[4];
	size_t pad = -size & 3;

	memcpy(b->bytes + b->n, data, size);
	memcpy(b->bytes + b->n + size, zeroes, pad);
	b->n += size + pad;
}

static void put32(struct block *b, uint32_t value)
{
	put(b, &value, sizeof(value));
}

static void put_option(struct block *b, uint16_t code, const void *data, uint16_t size)
{
	put32(b, (uint32_t)size << 16 | code);
	put(b, data, size);
}

static void write_block(struct pcapng *w, uint32_t type, struct block *b)
{
	uint32_t total = b->n + 12;

	fwrite(&type, sizeof(type), 1, w->out);
	fwrite(&total, sizeof(total), 1, w->out);
	fwrite(b->bytes, b->n, 1, w->out);
	fwrite(&total, sizeof(total), 1, w->out);
}

static void write_section(struct pcapng *w)
{
	struct block b = {};

	put32(&b, 0x1a2b3c4d);
	put32(&b, 1); /* version 1.0 */
	put32(&b, 0xffffffff);
	put32(&b, 0xffffffff); /* length unknown */
	write_block(w, BLOCK_SECTION, &b);
}

static void write_interface(struct pcapng *w, const struct image_port *p)
{
	const struct fabric *f = w->image->fabric;
	const char *link = f->links.items[p->port->link].name;
	uint8_t nanoseconds = 9;
	struct block b = {};

	put32(&b, LINKTYPE_ETHERNET);
	put32(&b, ERX_CAPTURE_SNAPLEN);
	put_option(&b, OPTION_IF_NAME, p->ifname, strlen(p->ifname));
	put_option(&b, OPTION_IF_DESCRIPTION, link, strlen(link));
	put_option(&b, OPTION_IF_TSRESOL, &nanoseconds, 1);
	put32(&b, OPTION_END);
	write_block(w, BLOCK_INTERFACE, &b);
}

struct pcapng *pcapng_new(const struct image *image, FILE *out, unsigned long most)
{
	struct pcapng *w = xcalloc(1, sizeof(*w));
	struct timespec real, monotonic;

	w->out = out;
	w->most = most;
	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_MONOTONIC, &monotonic);
	w->clock_offset_ns = (real.tv_sec - monotonic.tv_sec) * 1000000000ll + real.tv_nsec - monotonic.tv_nsec;
	pcapng_follow(w, image);
	return w;
}

static void forget_arrivals(struct pcapng *w)
{
	for (int i = 0; i < PENDING; i++) {
		free(w->pending[i]);
		w->pending[i] = NULL;
	}
}

void pcapng_follow(struct pcapng *w, const struct image *image)
{
	forget_arrivals(w);
	w->image = image;
	write_section(w);
	vec_each(p, &image->ports)
		write_interface(w, p);
	fflush(w->out);
}

/* Place of a port among the interface blocks. */
static const struct image_port *find_port(const struct pcapng *w, uint32_t id, uint32_t *index)
{
	vec_each(p, &w->image->ports) {
		if (p->id != id)
			continue;
		*index = p - w->image->ports.items;
		return p;
	}
	return NULL;
}

static void write_packet(struct pcapng *w, const struct erx_capture_record *frame, uint32_t port,
			 const struct erx_capture_record *verdict)
{
	uint64_t time = frame->time_ns + w->clock_offset_ns;
	uint32_t index = 0, other = 0;
	const struct image_port *p = find_port(w, port, &index);
	const struct image_port *in = find_port(w, verdict->in_port, &other);
	const struct image_port *out = find_port(w, verdict->out_port, &other);
	struct block b = {};
	char comment[256];

	if (!p || !in)
		return;
	snprintf(comment, sizeof(comment), "%s: in %s, out %s, %s",
		 w->image->fabric->devices.items[in->port->device].name, in->ifname, out ? out->ifname : "-",
		 outcome_name(verdict->outcome));
	put32(&b, index);
	put32(&b, time >> 32);
	put32(&b, time);
	put32(&b, frame->captured);
	put32(&b, frame->length);
	put(&b, frame->frame, frame->captured);
	put_option(&b, OPTION_COMMENT, comment, strlen(comment));
	put32(&b, OPTION_END);
	write_block(w, BLOCK_PACKET, &b);
	w->written++;
}

static void keep(struct pcapng *w, const struct erx_capture_record *record)
{
	struct erx_capture_record **slot = &w->pending[w->next++ % PENDING];

	free(*slot);
	*slot = xcalloc(1, sizeof(**slot) + record->captured);
	memcpy(*slot, record, sizeof(**slot) + record->captured);
}

static struct erx_capture_record **arrival_of(struct pcapng *w, uint64_t id)
{
	for (int i = 0; i < PENDING; i++)
		if (w->pending[i] && w->pending[i]->id == id)
			return &w->pending[i];
	return NULL;
}

static bool is_full(const struct pcapng *w)
{
	return w->most && w->written >= w->most;
}

int pcapng_record(void *writer, const struct erx_capture_record *record)
{
	struct pcapng *w = writer;
	struct erx_capture_record **arrival;

	if (record->step == ERX_CAPTURE_ARRIVED) {
		keep(w, record);
		return 0;
	}
	arrival = arrival_of(w, record->id);
	if (arrival) {
		write_packet(w, *arrival, record->in_port, record);
		free(*arrival);
		*arrival = NULL;
	}
	if (record->captured && !is_full(w))
		write_packet(w, record, record->out_port, record);
	fflush(w->out);
	return ferror(w->out) || is_full(w);
}

unsigned long pcapng_free(struct pcapng *w)
{
	unsigned long written = w->written;

	forget_arrivals(w);
	free(w);
	return written;
}
