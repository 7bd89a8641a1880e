// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * One memory for all sockets: a frame comes in by one and leaves by another
 * without being copied here. Rings and the memory are the kernel's interface
 * (Documentation/networking/af_xdp.rst); libxdp makes them.
 */
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "erxdp/abi.h"
#include "lib/privilege.h"
#include "wire/internal.h"

#define FRAME_BYTES 2048
#define FRAME_SHIFT 11
#define DATA_OFFSET 256 /* XDP_PACKET_HEADROOM: where the kernel puts a packet, a stamp before it */

#define FILL_RING    1024
#define RX_RING	     1024
#define COMP_RING    512
#define FIRST_TARGET 256  /* four times what the kernel takes in one go (NAPI): the process needs a moment to wake */
#define ALL_TARGETS  4096 /* of all ends together, at first */

/* Frames beyond those that wait to be filled: what can be on all lines together. Fewer for many wires, as the kernel
 * keeps 128 bytes for each frame and socket. */
#define MOST_ON_LINES  12288
#define LEAST_ON_LINES 4096
#define KERNEL_RECORDS 400000

#define BIND_TRIES 600 /* 5 ms each: a former process's socket goes when the kernel finds the time */

/* --- The pool ------------------------------------------------------------------------------------------------------
 */

static uint64_t address(uint32_t frame)
{
	return (uint64_t)frame << FRAME_SHIFT;
}

void pool_put(struct pool *p, uint32_t frame)
{
	p->with[frame] = 0;
	p->unused[p->n_unused++] = frame;
}

static uint32_t first_target(unsigned ends)
{
	return ends * FIRST_TARGET > ALL_TARGETS ? ALL_TARGETS / ends : FIRST_TARGET;
}

static uint32_t frames_for(unsigned ends)
{
	uint32_t on_lines = KERNEL_RECORDS / (ends ? ends : 1);

	if (on_lines > MOST_ON_LINES)
		on_lines = MOST_ON_LINES;
	if (on_lines < LEAST_ON_LINES)
		on_lines = LEAST_ON_LINES;
	return on_lines + ends * first_target(ends);
}

/* What waits to be filled must leave lines their half (expect_more()). */
bool pool_suffices(const struct pool *p, unsigned ends)
{
	return ends * p->first_target <= p->n / 2;
}

/* A socket at an interface's only queue, which a former socket may still have. Returns 0 or -errno. */
static int create(struct xsk_socket **out, struct pool *p, const char *interface, struct xsk_ring_cons *rx,
		  struct xsk_ring_prod *tx, struct xsk_ring_prod *fill, struct xsk_ring_cons *completion)
{
	struct xsk_socket_config how = {
		.rx_size = RX_RING,
		.tx_size = TX_RING,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = XDP_COPY,
	};
	int err = -EBUSY;

	for (unsigned tries = 0; err == -EBUSY && tries < BIND_TRIES; tries++) {
		if (tries)
			nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
		err = xsk_socket__create_shared(out, interface, 0, p->umem, rx, tx, fill, completion, &how);
	}
	if (err)
		*out = NULL;
	return err;
}

static int no_socket(int err, struct error *e)
{
	char remedy[PRIVILEGE_TEXT];

	return error_set(e, err, "cannot open an AF_XDP socket: %s%s", strerror(-err),
			 err == -EPERM ? privilege_remedy(err, PRIVILEGE(CAP_NET_RAW), remedy)
				       : "; the kernel needs CONFIG_XDP_SOCKETS");
}

static int umem_open(struct pool *p, struct error *e)
{
	const struct xsk_umem_config config = {
		.fill_size = FILL_RING, .comp_size = COMP_RING, .frame_size = FRAME_BYTES};
	size_t size = (size_t)p->n * FRAME_BYTES;
	int err = xsk_umem__create(&p->umem, p->area, size, &p->fill, &p->completion, &config);

	/* Permission is for the socket; memory has a limit of its own. */
	if (err && err != -EPERM)
		return error_set(e, err, "cannot share %zu MiB with the kernel for the wires: %s%s", size >> 20,
				 strerror(-err), err == -ENOBUFS ? "; run with CAP_IPC_LOCK or raise 'ulimit -l'" : "");
	if (!err)
		err = create(&p->anchor, p, "lo", &p->rx, NULL, &p->fill, &p->completion);
	return err ? no_socket(err, e) : 0;
}

int pool_open(struct pool *p, unsigned ends, struct error *e)
{
	struct stat here;
	int err;

	memset(p, 0, sizeof(*p));
	p->n = frames_for(ends);
	p->first_target = first_target(ends);
	p->area = mmap(NULL, (size_t)p->n * FRAME_BYTES, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (p->area == MAP_FAILED) {
		p->area = NULL;
		return error_set(e, -errno, "cannot have %u MiB for the wires: %s", p->n >> 9, strerror(errno));
	}
	p->frames = xcalloc(p->n, sizeof(*p->frames));
	p->offsets = xcalloc(p->n, sizeof(*p->offsets));
	p->with = xcalloc(p->n, sizeof(*p->with));
	p->unused = xcalloc(p->n, sizeof(*p->unused));
	for (uint32_t i = p->n; i > 0; i--)
		pool_put(p, i - 1);
	err = umem_open(p, e);
	if (!err && !stat("/proc/thread-self/ns/net", &here))
		p->fabric = here.st_ino;
	if (err)
		pool_close(p);
	return err;
}

void pool_close(struct pool *p)
{
	if (p->anchor)
		xsk_socket__delete(p->anchor);
	if (p->umem)
		xsk_umem__delete(p->umem);
	if (p->area)
		munmap(p->area, (size_t)p->n * FRAME_BYTES);
	free(p->frames);
	free(p->offsets);
	free(p->with);
	free(p->unused);
	memset(p, 0, sizeof(*p));
}

/* --- Ends ----------------------------------------------------------------------------------------------------------
 */

int end_open(struct end *end, struct pool *p, struct error *e)
{
	char interface[IF_NAMESIZE];
	int buffer = 1 << 20, err;

	if (!if_indextoname(ERX_FIRST_IFINDEX + end->id, interface))
		return error_set(e, -errno, "the fabric has no interface %u for a wire: %s",
				 ERX_FIRST_IFINDEX + end->id, strerror(errno));
	err = create(&end->socket, p, interface, &end->rx, &end->tx, &end->fill, &end->completion);
	if (err)
		return error_set(e, err, "cannot open an AF_XDP socket on '%s': %s", interface, strerror(-err));
	end->fd = xsk_socket__fd(end->socket);
	end->posted = end->sending = 0;
	end->unsent = end->gone = false;
	end->target = p->first_target;
	p->promised += end->target;
	/* More than a ring of packets; without the capability net.core.wmem_max bounds it, and sending takes turns. */
	if (setsockopt(end->fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer)))
		setsockopt(end->fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
	return 0;
}

/* Once the socket is gone the kernel does not touch the frames that it had. */
void end_close(struct end *end, struct pool *p)
{
	if (!end->socket)
		return;
	xsk_socket__delete(end->socket);
	end->socket = NULL;
	p->promised -= end->target;
	for (uint32_t frame = 0; frame < p->n; frame++) {
		if (p->with[frame] == end->id)
			pool_put(p, frame);
	}
}

bool end_is_bound(const struct end *end)
{
	return end->socket && !end->gone && (sendto(end->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) >= 0 || errno != ENXIO);
}

static uint64_t *stamp_of(const struct pool *p, uint64_t at)
{
	return (uint64_t *)(p->area + at - ERX_WIRE_STAMP_BYTES);
}

void end_refill(struct end *end, struct pool *p)
{
	uint32_t wanted = end->target > end->posted ? end->target - end->posted : 0, at;

	if (wanted > p->n_unused)
		wanted = p->n_unused;
	if (!wanted || !xsk_ring_prod__reserve(&end->fill, wanted, &at))
		return;
	for (uint32_t i = 0; i < wanted; i++) {
		uint32_t frame = p->unused[--p->n_unused];
		uint64_t to = address(frame);

		p->with[frame] = end->id;
		*stamp_of(p, to + DATA_OFFSET) = 0;
		*xsk_ring_prod__fill_addr(&end->fill, at + i) = to;
	}
	xsk_ring_prod__submit(&end->fill, wanted);
	end->posted += wanted;
}

void end_reap(struct end *end, struct pool *p)
{
	uint32_t at, n = end->sending ? xsk_ring_cons__peek(&end->completion, COMP_RING, &at) : 0;

	if (!n)
		return;
	for (uint32_t i = 0; i < n; i++)
		pool_put(p, *xsk_ring_cons__comp_addr(&end->completion, at + i) >> FRAME_SHIFT);
	xsk_ring_cons__release(&end->completion, n);
	end->sending -= n;
}

/* A burst has nearly emptied what was there for it: more next time, as long as half of the memory stays for lines. */
static void expect_more(struct end *end, struct pool *p, uint32_t n)
{
	if (n * 2 < end->target || end->target * 2 > FILL_RING || p->promised + end->target > p->n / 2)
		return;
	p->promised += end->target;
	end->target *= 2;
}

uint32_t end_receive(struct end *end, struct pool *p, struct received out[static RECEIVE_BATCH])
{
	uint32_t at, n = xsk_ring_cons__peek(&end->rx, RECEIVE_BATCH, &at);

	if (!n)
		return 0;
	for (uint32_t i = 0; i < n; i++) {
		const struct xdp_desc *d = xsk_ring_cons__rx_desc(&end->rx, at + i);

		out[i].frame = d->addr >> FRAME_SHIFT;
		out[i].bytes = d->len;
		out[i].stamp = *stamp_of(p, d->addr);
		p->offsets[out[i].frame] = d->addr - address(out[i].frame);
		p->with[out[i].frame] = 0;
	}
	xsk_ring_cons__release(&end->rx, n);
	end->posted -= n;
	expect_more(end, p, n);
	return n;
}

bool end_has_room(const struct end *end)
{
	return end->socket && end->sending < TX_RING;
}

void end_send(struct end *end, struct pool *p, uint32_t frame)
{
	struct xdp_desc *d;
	uint32_t at;

	/* There is room: the ring has as many places as may be sending. */
	if (!xsk_ring_prod__reserve(&end->tx, 1, &at)) {
		pool_put(p, frame);
		return;
	}
	d = xsk_ring_prod__tx_desc(&end->tx, at);
	*d = (struct xdp_desc){.addr = address(frame) + p->offsets[frame], .len = p->frames[frame].bytes};
	xsk_ring_prod__submit(&end->tx, 1);
	p->with[frame] = end->id;
	end->sending++;
	end->unsent = true;
}

/*
 * The kernel sends some tens of frames per call (EAGAIN: there are more, or no
 * buffer for them now), and stops after one that the far side did not take (EBUSY).
 */
uint32_t end_kick(struct end *end)
{
	uint32_t refused = 0;

	for (unsigned tries = 0; end->unsent && tries < TX_RING; tries++) {
		if (sendto(end->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) >= 0)
			end->unsent = false;
		else if (errno == EBUSY)
			refused++;
		else if (errno != EAGAIN || tries > TX_RING / 32 + refused)
			break;
	}
	return refused;
}
