/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_pair.c: a hot malloc/free pair against the process's own malloc.
 *
 * The same loop runs by turns on the heap and on the process's malloc, so
 * that what else the machine does falls on both.  Each turn gives a ratio of
 * thread CPU times; their median is the result, which one disturbed turn does
 * not move.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static enum bench_result measure(struct fixheap *heap, unsigned nr_turns)
{
	enum bench_result result = BENCH_OK;
	double ratio[NR_TURNS];

	for (unsigned i = 0; i < nr_turns; i++) {
		double own = time_process();
		double ours = time_heap(heap);

		if (!own || !ours)
			return bench_error("pair: no memory for one object");
		ratio[i] = ours / own;
		bench_progress("pair: turn %u of %u", i + 1, nr_turns);
	}
	qsort(ratio, nr_turns, sizeof(*ratio), compare);
	if (ratio[nr_turns / 2] > TARGET)
		result = BENCH_MISSED;
	printf("CPU time of a hot %d-byte malloc/free pair / that of the "
	       "process's own:\nmedian %.2f of %u turns of %d pairs, least "
	       "%.2f, target %.2f: %s\n",
	       OBJECT_BYTES, ratio[nr_turns / 2], nr_turns, NR_PAIRS, ratio[0],
	       TARGET, bench_verdict(result));
	return result;
}

enum bench_result bench_pair(const struct bench_options *options)
{
	enum bench_result result = BENCH_ERROR;
	struct fixheap *heap;
	void *base;

	if (options->only && strcmp(options->only, "pair"))
		return BENCH_OK;
	if (!bench_has_objects()) {
		puts("hot pair: not measured, as the library was built "
		     "without CONFIG_JEMALLOC");
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
