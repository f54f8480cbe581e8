/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_nodes.c: what it costs to choose a zone.
 *
 * Pairs of allocating and freeing a run of pages, on a heap of one node, of two
 * and of eight.  They take turns, so that what else the machine does falls on
 * all; each turn gives the difference to one node in thread CPU time, and their
 * median is the result.  A run of one page comes from the thread's cache, one
 * of three does not.
 *
 * Each is a thread's first heap, as it is the one with the thread's own caches.
 * The pages are not touched.
 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "table.h"

#define HEAP_BYTES ((size_t)16 << 30)
#define NR_PAIRS 20000
#define NR_LOAD 200 /* runs in use besides */
#define NR_TURNS 101
#define NR_TURNS_QUICK 21
#define TARGET 20 /* ns of a pair */

static const unsigned nodes[] = { 1, 2, 8 };
#define NR_HEAPS (sizeof(nodes) / sizeof(nodes[0]))

struct nodes {
	struct fixheap *heap[NR_HEAPS];
	void *base[NR_HEAPS];
};

struct pairs {
	struct fixheap *heap;
	size_t nr_pages;
	double ns; /* of a pair; 0 when the heap did not serve */
};

static void *run_pairs(void *arg)
{
	struct pairs *pairs = arg;
	struct fixheap *heap = pairs->heap;
	size_t nr_pages = pairs->nr_pages;
	struct timespec begin, end;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
	for (unsigned i = 0; i < NR_PAIRS; i++) {
		void *run = fixheap_pages_alloc(heap, nr_pages, 0, NULL);

		if (!run)
			return NULL;
		fixheap_pages_free(heap, run, nr_pages);
	}
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
	pairs->ns = ((double)(end.tv_sec - begin.tv_sec) * 1e9 +
		     (double)(end.tv_nsec - begin.tv_nsec)) /
		    NR_PAIRS;
	return NULL;
}

/* In a thread of its own. */
static double time_pairs(struct fixheap *heap, size_t nr_pages)
{
	struct pairs pairs = { heap, nr_pages, 0 };
	pthread_t thread;

	if (pthread_create(&thread, NULL, run_pairs, &pairs))
		return 0;
	pthread_join(thread, NULL);
	return pairs.ns;
}

static enum bench_result measure(const struct nodes *heaps, size_t nr_pages,
				 unsigned nr_turns)
{
	static double more[NR_HEAPS][NR_TURNS], ratio[NR_HEAPS][NR_TURNS];
	enum bench_result result = BENCH_OK;

	for (unsigned turn = 0; turn < nr_turns; turn++) {
		double one = 0;

		for (size_t i = 0; i < NR_HEAPS; i++) {
			double ns = time_pairs(heaps->heap[i], nr_pages);

			if (ns <= 0)
				return bench_error("nodes: the heap is full");
			if (!i)
				one = ns;
			more[i][turn] = ns - one;
			ratio[i][turn] = ns / one;
		}
		bench_progress("nodes: turn %u of %u", turn, nr_turns);
	}
	for (size_t i = 1; i < NR_HEAPS; i++) {
		char what[48];
		struct row row = { .measure = "nodes",
				   .what = what,
				   .peer = "one node",
				   .unit = "ns more",
				   .limit = TARGET };

		snprintf(what, sizeof(what), "%zu page%s, %u nodes", nr_pages,
			 nr_pages == 1 ? "" : "s", nodes[i]);
		row.ours = table_median(more[i], nr_turns);
		row.ratio = table_median(ratio[i], nr_turns);
		result = bench_worse(result, table_row(&row));
	}
	return result;
}

/* Runs with gaps between: no pageblock gets whole in the loop. */
static bool load(struct fixheap *heap)
{
	void *run[NR_LOAD];

	for (unsigned i = 0; i < NR_LOAD; i++) {
		run[i] = fixheap_pages_alloc(heap, 3, 0, NULL);
		if (!run[i])
			return false;
	}
	for (unsigned i = 0; i < NR_LOAD; i += 2)
		fixheap_pages_free(heap, run[i], 3);
	return true;
}

static bool make(struct nodes *heaps)
{
	for (size_t i = 0; i < NR_HEAPS; i++) {
		heaps->base[i] = bench_reserve(HEAP_BYTES);
		if (!heaps->base[i])
			return false;
		heaps->heap[i] =
			bench_heap(heaps->base[i], HEAP_BYTES, nodes[i]);
		if (!heaps->heap[i] || !load(heaps->heap[i]))
			return false;
	}
	return true;
}

enum bench_result bench_nodes(const struct bench_options *options)
{
	unsigned nr_turns = options->quick ? NR_TURNS_QUICK : NR_TURNS;
	enum bench_result result = BENCH_ERROR;
	struct nodes heaps = { { NULL }, { NULL } };

	if (!bench_wants(options, "nodes"))
		return BENCH_OK;
	table_title("A get/put pair of pages on several nodes");
	if (make(&heaps)) {
		result = measure(&heaps, 1, nr_turns);
		result = bench_worse(result, measure(&heaps, 3, nr_turns));
	}
	for (size_t i = 0; i < NR_HEAPS; i++) {
		fixheap_destroy(heaps.heap[i]);
		if (heaps.base[i])
			bench_release(heaps.base[i], HEAP_BYTES);
	}
	return result;
}
