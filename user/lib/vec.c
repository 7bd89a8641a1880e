// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "lib/vec.h"

#include <obstack.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define obstack_chunk_alloc xmalloc
#define obstack_chunk_free  free

/* The macros of obstack.h align by offsets from the null pointer, which UBSan of clang stops at. */
#define USES_OBSTACK __attribute__((no_sanitize("pointer-overflow")))

struct arena {
	struct obstack stack;
};

static void *checked(void *memory)
{
	if (memory)
		return memory;
	fputs("erxdp: out of memory\n", stderr);
	exit(1);
}

static void *xmalloc(size_t size)
{
	return checked(malloc(size));
}

void *xcalloc(size_t n, size_t size)
{
	return checked(calloc(n ? n : 1, size ? size : 1));
}

char *xstrdup(const char *text)
{
	return checked(strdup(text));
}

static char *vformat(const char *format, va_list args)
{
	char *text = NULL;

	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	return checked(text);
}

char *xasprintf(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = vformat(format, args);
	va_end(args);
	return text;
}

void *vec_grow(void *items, size_t *cap, size_t need, size_t item_size)
{
	if (need <= *cap)
		return items;
	*cap = *cap ? *cap * 2 : 8;
	if (*cap < need)
		*cap = need;
	return checked(reallocarray(items, *cap, item_size));
}

USES_OBSTACK struct arena *arena_new(void)
{
	struct arena *a = xcalloc(1, sizeof(*a));

	obstack_init(&a->stack);
	return a;
}

USES_OBSTACK void arena_free(struct arena *a)
{
	if (!a)
		return;
	obstack_free(&a->stack, NULL);
	free(a);
}

USES_OBSTACK void *arena_alloc(struct arena *a, size_t size)
{
	return memset(obstack_alloc(&a->stack, size), 0, size);
}

USES_OBSTACK char *arena_strdup(struct arena *a, const char *text)
{
	return obstack_copy0(&a->stack, text, strlen(text));
}

char *arena_printf(struct arena *a, const char *format, ...)
{
	va_list args;
	char *text, *copy;

	va_start(args, format);
	text = vformat(format, args);
	va_end(args);
	copy = arena_strdup(a, text);
	free(text);
	return copy;
}
