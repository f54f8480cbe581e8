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
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demo.h"
#include "tool.h"

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
