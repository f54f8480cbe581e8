/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_pair.c: a hot malloc/free pair against the process's own malloc.
 *
 * The same loop runs by turns on the heap and on the process's malloc, so
 * that what else the machine does falls on both.  Each turn gives a ratio of
 * thread CPU times; their median is the result, which one disturbed turn does
 * not move.
 */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "table.h"

#define OBJECT_BYTES 64
#define NR_PAIRS 400000
#define NR_TURNS 101
#define NR_TURNS_QUICK 21
#define HEAP_BYTES ((size_t)64 << 20)
#define TARGET 1.0

/* The compiler must believe that the object is used. */
#define USE(pointer) __asm__ volatile("" : "+r"(pointer) : : "memory")

static double thread_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Seconds, or 0 when the heap did not serve. */
static double time_heap(struct fixheap *heap)
{
	double begin = thread_seconds();

	for (unsigned i = 0; i < NR_PAIRS; i++) {
		void *object = fixheap_malloc(heap, OBJECT_BYTES);

		if (!object)
			return 0;
		USE(object);
		fixheap_free(heap, object);
	}
	return thread_seconds() - begin;
}

static double time_process(void)
{
	double begin = thread_seconds();

	for (unsigned i = 0; i < NR_PAIRS; i++) {
		void *object = malloc(OBJECT_BYTES);

		if (!object)
			return 0;
		USE(object);
		free(object);
	}
	return thread_seconds() - begin;
}

static enum bench_result measure(struct fixheap *heap, unsigned nr_turns)
{
	double ratio[NR_TURNS], own[NR_TURNS], ours[NR_TURNS];
	struct row row = { .measure = "pair",
			   .what = "64 B, hot pair",
			   .peer = "glibc",
			   .unit = "ns",
			   .at_most = TARGET };

	for (unsigned i = 0; i < nr_turns; i++) {
		own[i] = time_process();
		ours[i] = time_heap(heap);
		if (!own[i] || !ours[i])
			return bench_error("pair: no memory for one object");
		ratio[i] = ours[i] / own[i];
		bench_progress("pair: turn %u of %u", i + 1, nr_turns);
	}
	row.ours = table_median(ours, nr_turns) / NR_PAIRS * 1e9;
	row.theirs = table_median(own, nr_turns) / NR_PAIRS * 1e9;
	row.ratio = table_median(ratio, nr_turns);
	return table_row(&row);
}

enum bench_result bench_pair(const struct bench_options *options)
{
	enum bench_result result = BENCH_ERROR;
	struct fixheap *heap;
	void *base;

	if (!bench_wants(options, "pair"))
		return BENCH_OK;
	table_title("A hot pair in this process, in turns with its malloc");
	if (!bench_has_objects()) {
		table_skip("pair", "64 B, hot pair",
			   "built without CONFIG_JEMALLOC");
		return BENCH_OK;
	}
	base = bench_reserve(HEAP_BYTES);
	if (!base)
		return BENCH_ERROR;
	heap = bench_heap(base, HEAP_BYTES, 1);
	if (heap)
		result = measure(heap,
				 options->quick ? NR_TURNS_QUICK : NR_TURNS);
	fixheap_destroy(heap);
	bench_release(base, HEAP_BYTES);
	return result;
}
