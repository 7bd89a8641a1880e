/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Growable arrays and an arena. Running out of memory ends the process with a
 * message (a command of some megabytes on a machine that has none left cannot
 * do better), so none of these return an error.
 */
#ifndef ERX_LIB_VEC_H
#define ERX_LIB_VEC_H

#include <stddef.h>
#include <stdlib.h>

/* struct { int *items; size_t n, cap; } for VEC(int); zero-initialised is empty. */
#define VEC(type)                                                                                                      \
	struct {                                                                                                       \
		type *items;                                                                                           \
		size_t n, cap;                                                                                         \
	}

void *vec_grow(void *items, size_t *cap, size_t need, size_t item_size);

/* Append one item; evaluates to a pointer to it, valid until the next push. */
#define vec_push(v, item)                                                                                              \
	({                                                                                                             \
		(v)->items = vec_grow((v)->items, &(v)->cap, (v)->n + 1, sizeof(*(v)->items));                         \
		(v)->items[(v)->n] = (item);                                                                           \
		&(v)->items[(v)->n++];                                                                                 \
	})

#define vec_each(ptr, v)                                                                                               \
	for (__typeof__(*(v)->items) *ptr = (v)->items, *ptr##_end = ptr ? ptr + (v)->n : ptr; ptr < ptr##_end; ptr++)

#define vec_free(v)                                                                                                    \
	do {                                                                                                           \
		free((v)->items);                                                                                      \
		(v)->items = NULL;                                                                                     \
		(v)->n = (v)->cap = 0;                                                                                 \
	} while (0)

void *xcalloc(size_t n, size_t size);
char *xstrdup(const char *text);
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * An arena owns everything allocated from it; arena_free() gives all back at
 * once. Memory comes zeroed and stays where it is.
 */
struct arena;
struct arena *arena_new(void);
void arena_free(struct arena *a); /* NULL is fine */
void *arena_alloc(struct arena *a, size_t size);
char *arena_strdup(struct arena *a, const char *text);
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
