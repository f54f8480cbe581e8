/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * engine.c: the engines on fixheap: nothing but the public interface
 *
 * 1. The heap of replay_engine begins at a multiple of START_ALIGN and has one
 *    node with one CPU: so the same calls in one thread give the same offsets,
 *    in every run and on every machine.
 */
#include "engine.h"
#include "space.h"

#define START_ALIGN ((size_t)1 << 30)

struct fixheap *engine_heap;
const char *engine_start;

static int first_range(void *data, const void *start, size_t bytes,
		       enum fixheap_use use)
{
	(void)bytes;
	(void)use;
	*(const char **)data = start;
	return 1;
}

static int create(const struct space_request *request)
{
	int error = space_create(request, &engine_heap);

	if (!error)
		fixheap_walk(engine_heap, first_range, &engine_start);
	return error;
}

static int create_any(size_t heap_bytes)
{
	struct space_request request = { .bytes = heap_bytes };

	return create(&request);
}

static int create_same(size_t heap_bytes)
{
	static const unsigned cpu_node[1];
	static const unsigned char distance[1] = { 10 };
	static const struct fixheap_topology one = { .size = sizeof(one),
						     .nr_nodes = 1,
						     .nr_cpus = 1,
						     .cpu_node = cpu_node,
						     .distance = distance };
	struct space_request request = { .bytes = heap_bytes,
					 .alignment = START_ALIGN,
					 .topology = &one };

	return create(&request);
}

static void *array_alloc(size_t bytes)
{
	return fixheap_array_alloc(engine_heap, bytes, NULL);
}

static bool array_resize(void *array, size_t bytes)
{
	return !fixheap_array_resize(engine_heap, array, bytes);
}

static void array_free(void *array)
{
	fixheap_array_free(engine_heap, array);
}

static void *object_alloc(size_t bytes)
{
	return fixheap_malloc(engine_heap, bytes);
}

static void *alloc(size_t alignment, size_t bytes)
{
	if (!alignment)
		return fixheap_malloc(engine_heap, bytes);
	return fixheap_aligned_alloc(engine_heap, alignment, bytes);
}

static void *move(void *ptr, size_t bytes)
{
	return fixheap_realloc(engine_heap, ptr, bytes);
}

static void release(void *ptr)
{
	fixheap_free(engine_heap, ptr);
}

static int draw_range(void *data, const void *start, size_t bytes,
		      enum fixheap_use use)
{
	if (use != FIXHEAP_USE_FREE)
		map_add(data, (size_t)((const char *)start - engine_start),
			bytes,
			use == FIXHEAP_USE_ARRAY ? MAP_ARRAY : MAP_OBJECT);
	return 0;
}

static void draw(struct map *map)
{
	fixheap_walk(engine_heap, draw_range, map);
}

#define ENGINE(create_it)                                                      \
	{                                                                      \
		.name = "fixheap", .create = (create_it),                      \
		.array_alloc = array_alloc, .array_resize = array_resize,      \
		.array_free = array_free, .object_alloc = object_alloc,        \
		.draw = draw, .alloc = alloc, .move = move, .release = release \
	}

const struct engine fixheap_engine = ENGINE(create_any);
const struct engine replay_engine = ENGINE(create_same);
