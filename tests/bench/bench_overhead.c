/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_overhead.c: the smallest heap in which each load completes.
 *
 * The factor of a load is the length of that heap over the load's peak live
 * bytes.  It is found on a grid of 0.25 % of the peak: heaps grow from 1.00
 * by 5 % until the load completes, then the last step is halved until two
 * neighbours of the grid are left of which the larger completes and the
 * smaller does not.  (Whether a load completes is nearly, but not exactly,
 * monotone in the heap's length; coming from below with large steps, then
 * halving, gives no heap the benefit of luck at a single point far below.)
 *
 * A factor depends on the seed, that of the grow- loads strongly: there the
 * last few steps decide.  So each load is run for several seeds; the target
 * is held against the mean, and the worst is printed beside it.
 *
 * Arrays are never touched, so they cost address space only; of objects the
 * first byte is written.
 *
 * Not measured here: time.
 */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"

#define GRID 400		/* steps of 1 / GRID of the peak */
#define COARSE (GRID / 20)	/* steps that the search begins with */
#define LARGEST (3 * GRID)	/* where the search gives up */

struct arena {
	void *base;
	size_t bytes;
	void **thing;		/* [trace->nr_ids]: what is live */
};

struct row {
	unsigned nr_seeds;
	double peak, smallest;	/* bytes, sums over the seeds */
	double factor, worst;	/* sum, and largest */
};

static bool replay_free(struct fixheap *heap, const struct trace_op *op,
			void **thing)
{
	/* Only arrays of the loads are a MiB or more. */
	if (op->bytes >= (uint64_t)1 << 20)
		fixheap_array_free(heap, thing[op->id]);
	else
		fixheap_free(heap, thing[op->id]);
	return true;
}

/* Returns false when the heap could not serve. */
static bool replay_op(struct fixheap *heap, const struct trace_op *op,
		      void **thing)
{
	char *got;

	if (op->kind == TRACE_FREE)
		return replay_free(heap, op, thing);
	if (op->kind == TRACE_ARRAY)
		got = fixheap_array_alloc(heap, op->bytes, NULL);
	else
		got = fixheap_malloc(heap, op->bytes);
	if (!got)
		return false;
	if (op->kind == TRACE_OBJECT)
		*(volatile char *)got = 1;
	thing[op->id] = got;
	return true;
}

