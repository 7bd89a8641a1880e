// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Any bytes as a topology file. What is accepted must expand into a fabric, and
 * while it is small also into routes and a forwarding image.
 *
 *	make build/fuzz-topo && mkdir -p build/corpus
 *	build/fuzz-topo -dict=tests/fuzz/topo.dict -max_total_time=300 build/corpus topologies tests/golden/bad
 *
 * New finds go into build/corpus; the other two directories are read only.
 */
#include "ctl/fabric.h"
#include "ctl/rib.h"
#include "fwd/loops.h"
#include "topo/topo.h"

#define SMALL_FABRIC 64 /* devices; the fixed point of a large one is no matter for a fuzzer */
#define FEW_PREFIXES 512

static size_t advertised(const struct topo *t)
{
	size_t n = 0;

	vec_each(site, &t->sites)
		vec_each(router, &site->routers)
			vec_each(a, &router->advertise)
				n += a->count;
	return n;
}

static size_t addresses(const struct topo *t)
{
	size_t n = 0;

	vec_each(vnet, &t->vnets)
		vec_each(subnet, &vnet->subnets)
			vec_each(range, &subnet->ranges)
				n += range->count;
	return n;
}

/* Routes, the forwarding image, and the search for loops in it. */
static void compile(const struct fabric *f, const struct topo *t)
{
	struct image_input in = {.fabric = f, .ids = ids_new()};
	struct diags d = {};
	struct image *image;
	struct rib *rib = rib_compute(f, NULL);
	bool *fastpath = xcalloc(t->connections.n, sizeof(bool));
	struct loop loop = {};

	for (size_t i = 0; i < t->connections.n; i++)
		fastpath[i] = t->connections.items[i].fastpath;
	in.intact = in.now = rib;
	in.fastpath = fastpath;
	image = rib->converged ? image_compile(&in, &d) : NULL;
	if (image)
		image_find_loop(image, &loop);
	vec_free(&loop.devices);
	image_free(image);
	rib_free(rib);
	ids_free(in.ids);
	diags_free(&d);
	free(fastpath);
}

static void expand(const struct topo *t)
{
	struct fabric *f = fabric_build(t);

	if (f->devices.n <= SMALL_FABRIC && advertised(t) + addresses(t) <= FEW_PREFIXES)
		compile(f, t);
	fabric_free(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diags d = {};
	struct topo *t = topo_parse((const char *)data, size, &d);

	if (!!t == !!d.errors)
		__builtin_trap(); /* either a model or an error, never both or neither */
	if (t)
		expand(t);
	topo_free(t);
	diags_free(&d);
	return 0;
}
