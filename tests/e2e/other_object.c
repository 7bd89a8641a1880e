// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * For LD_PRELOAD: erxdpctl loads the object file that OTHER_OBJECT names instead
 * of the one that is built into it.
 */
#include <bpf/libbpf.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

typedef int (*open_fn)(struct bpf_object_skeleton *s, const struct bpf_object_open_opts *opts);

static size_t read_whole(const char *path, void **data)
{
	FILE *file = path ? fopen(path, "re") : NULL;
	long size;

	if (!file || fseek(file, 0, SEEK_END) || (size = ftell(file)) < 0 || fseek(file, 0, SEEK_SET))
		goto failed;
	*data = malloc((size_t)size);
	if (!*data || fread(*data, 1, (size_t)size, file) != (size_t)size)
		goto failed;
	fclose(file);
	return (size_t)size;

failed:
	perror(path ? path : "OTHER_OBJECT");
	exit(99);
}

int bpf_object__open_skeleton(struct bpf_object_skeleton *s, const struct bpf_object_open_opts *opts)
{
	open_fn real = (open_fn)dlsym(RTLD_NEXT, "bpf_object__open_skeleton");
	void *data;

	s->data_sz = read_whole(getenv("OTHER_OBJECT"), &data);
	s->data = data;
	return real(s, opts);
}
