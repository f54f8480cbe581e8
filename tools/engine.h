/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * engine.h: heaps of one size, to be compared.  See engine.c and bump.c.
 *
 * An engine has one heap, which ends with the process.
 */
#ifndef TOOLS_ENGINE_H
#define TOOLS_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

#include <fixheap/fixheap.h>

#include "map.h"

struct engine {
	const char *name;
	/* 0; -ENOENT: what it needs is not installed; or -errno. */
	int (*create)(size_t heap_bytes);
	void *(*array_alloc)(size_t bytes);
	/* In place; false: it cannot. */
	bool (*array_resize)(void *array, size_t bytes);
	void (*array_free)(void *array);
	void *(*object_alloc)(size_t bytes);
	/* Tell the map what is in use for what. */
	void (*draw)(struct map *map);
	/* As malloc, aligned_alloc, realloc, free; alignment 0: any. */
	void *(*alloc)(size_t alignment, size_t bytes);
	void *(*move)(void *ptr, size_t bytes);
	void (*release)(void *ptr);
};

/* jemalloc on a range that only grows, as runtimes do it. */
extern const struct engine bump_engine;
/* jemalloc on memory of the system's, up to a limit. */
extern const struct engine jemalloc_engine;
extern const struct engine fixheap_engine;
/* The same on a machine of one node and one CPU, whatever this is. */
extern const struct engine replay_engine;

/* The heap of the last two, and where it begins. */
extern struct fixheap *engine_heap;
extern const char *engine_start;

#endif
