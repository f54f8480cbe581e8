/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * demo_worker.c: one case of the demo on one heap, in a process of its own
 *
 * A bump heap cannot be undone and an allocator may keep what it has, so each
 * trial starts from nothing: cmd_demo.c starts
 *
 *	fixheap demo-worker ENGINE CASE HEAP UNIT CELLS
 *
 * (numbers in decimal, sizes in bytes) and reads one line:
 *
 *	done PEAK MAP			the case completed
 *	fail PEAK MAP WHAT		WHAT was refused
 *	none TEXT			the heap could not be made, and why
 *
 * PEAK: bytes live at most, or at the refusal; MAP: see map.c, "-" without.
 *
 * The engine on fixheap is here too: it is nothing but the public interface.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fixheap/fixheap.h>

#include "demo.h"
#include "space.h"
#include "tool.h"

static struct fixheap *heap;
static const char *heap_start;

static int fixheap_engine_create(size_t heap_bytes)
{
	struct space_request request = { .bytes = heap_bytes };

	return space_create(&request, &heap);
}

static void *engine_array_alloc(size_t bytes)
{
	return fixheap_array_alloc(heap, bytes, NULL);
}

static bool engine_array_resize(void *array, size_t bytes)
{
	return !fixheap_array_resize(heap, array, bytes);
}

static void engine_array_free(void *array)
{
	fixheap_array_free(heap, array);
}

static void *engine_object_alloc(size_t bytes)
{
	return fixheap_malloc(heap, bytes);
}

static int draw_range(void *data, const void *start, size_t bytes,
		      enum fixheap_use use)
{
	struct map *map = data;

	if (!heap_start)
		heap_start = start;
	if (use == FIXHEAP_USE_FREE)
		return 0;
	map_add(map, (size_t)((const char *)start - heap_start), bytes,
		use == FIXHEAP_USE_ARRAY ? MAP_ARRAY : MAP_OBJECT);
	return 0;
}

static void engine_draw(struct map *map)
{
	fixheap_walk(heap, draw_range, map);
}

const struct engine fixheap_engine = {
	.name = "fixheap",
	.create = fixheap_engine_create,
	.array_alloc = engine_array_alloc,
	.array_resize = engine_array_resize,
	.array_free = engine_array_free,
	.object_alloc = engine_object_alloc,
	.draw = engine_draw,
};

static void print_trial(const struct trial *trial, bool done, size_t heap_bytes,
			size_t cells)
{
	struct map map;

	printf("%s %zu ", done ? "done" : "fail", trial->peak_bytes);
	if (cells) {
		map_init(&map, heap_bytes, cells);
		trial->engine->draw(&map);
		map_write(&map, stdout);
	} else {
		putchar('-');
	}
	printf("%s%s\n", done ? "" : " ", trial->failed);
}

int cmd_demo_worker(int argc, char **argv)
{
	struct trial trial = { 0 };
	size_t index, heap_bytes, cells;
	int error;

	if (argc != 6)
		return bad_usage("", "demo-worker is for fixheap demo only");
	trial.engine = strcmp(argv[1], bump_engine.name) ? &fixheap_engine
							 : &bump_engine;
	index = strtoul(argv[2], NULL, 10) % NR_DEMO_CASES;
	heap_bytes = strtoul(argv[3], NULL, 10);
	trial.unit = strtoul(argv[4], NULL, 10);
	cells = strtoul(argv[5], NULL, 10);
	error = trial.engine->create(heap_bytes);
	if (error)
		printf("none %s\n",
		       error == -ENOENT ? "not installed" : strerror(-error));
	else
		print_trial(&trial, demo_cases[index].run(&trial), heap_bytes,
			    cells);
	return finish_output(EXIT_SUCCESS);
}
