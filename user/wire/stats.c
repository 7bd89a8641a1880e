// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "wire/stats.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_NS 1000.0

static struct wire_stats *map(int fd, bool write, const char *path, struct error *e)
{
	int protection = write ? PROT_READ | PROT_WRITE : PROT_READ;
	struct wire_stats *s;
	struct stat st;

	/* Slots that nobody uses are holes in the file. */
	if (write && ftruncate(fd, sizeof(*s))) {
		error_set(e, -errno, "cannot make room in '%s': %s", path, strerror(errno));
		return NULL;
	}
	if (fstat(fd, &st) || st.st_size < (off_t)sizeof(*s)) {
		error_set(e, -EPROTO, "'%s' is of another version", path);
		return NULL;
	}
	s = mmap(NULL, sizeof(*s), protection, MAP_SHARED, fd, 0);
	if (s != MAP_FAILED)
		return s;
	error_set(e, -errno, "cannot map '%s': %s", path, strerror(errno));
	return NULL;
}

struct wire_stats *wire_stats_open(const char *path, bool create, struct error *e)
{
	int fd = open(path, (create ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC, 0600);
	struct wire_stats *s;

	if (fd < 0) {
		error_set(e, -errno, "cannot open '%s': %s", path, strerror(errno));
		return NULL;
	}
	s = map(fd, create, path, e);
	close(fd);
	if (s && create && s->version != WIRE_STATS_VERSION) {
		memset(s->slots, 0, s->version ? sizeof(s->slots) : 0);
		s->version = WIRE_STATS_VERSION;
	}
	return s;
}

void wire_stats_close(struct wire_stats *s)
{
	if (s)
		munmap(s, sizeof(*s));
}

static unsigned bucket_of(int64_t late_ns)
{
	double octaves = late_ns > FIRST_NS ? log2(late_ns / FIRST_NS) : 0;
	unsigned bucket = (unsigned)ceil(octaves * WIRE_BUCKETS_PER_OCTAVE);

	return bucket < WIRE_N_BUCKETS ? bucket : WIRE_N_BUCKETS - 1;
}

uint64_t wire_bucket_end(unsigned bucket)
{
	return (uint64_t)(FIRST_NS * exp2((double)bucket / WIRE_BUCKETS_PER_OCTAVE));
}

void wire_note(struct wire_slot *slot, int64_t late_ns)
{
	slot->buckets[bucket_of(late_ns)]++;
	if (late_ns > (int64_t)slot->largest_ns)
		slot->largest_ns = late_ns;
}

uint64_t wire_percentile(const struct wire_slot *slot, double share)
{
	uint64_t total = 0, seen = 0;

	for (unsigned i = 0; i < WIRE_N_BUCKETS; i++)
		total += slot->buckets[i];
	for (unsigned i = 0; i < WIRE_N_BUCKETS; i++) {
		seen += slot->buckets[i];
		if (seen && (double)seen >= share * (double)total)
			return wire_bucket_end(i) < slot->largest_ns ? wire_bucket_end(i) : slot->largest_ns;
	}
	return 0;
}

int64_t wire_accounted(const struct wire_slot *slot)
{
	uint64_t dropped = slot->fates[LINE_LOST] + slot->fates[LINE_OVERRUN] + slot->fates[LINE_FULL];

	return (int64_t)(dropped + slot->refused + slot->cut_off) + slot->base;
}
