/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_heaps.c: the smallest heap of each load, ours beside fixed heaps of
 * others.
 *
 * The loads are those of trace.c, the factor is found as bench_overhead.c says,
 * but for two seeds only and, for the others, with larger steps to begin with.
 * Where they keep their own data in the heap it counts, where they keep it
 * elsewhere it does not, as with ours.  The buddy serves objects, too, from
 * blocks of 32 bytes.  DPDK clears what is freed, which noclear.c spares it.
 * glibc's malloc cannot be told to stay in a range.
 */
#include <stdio.h>
#include <string.h>

#include "peer.h"
#include "replay.h"
#include "table.h"

#define GRID 400	 /* steps of 1 / GRID of the peak */
#define LARGEST 6	 /* times the peak: where the search gives up */
#define COARSE 20	 /* ours begins with these steps */
#define COARSE_PEERS 100 /* and the others with these */
#define SEEDS 2
#define QUICK_LIMIT ((uint64_t)2 << 30) /* larger loads are left out */

static const enum peer peers[] = { PEER_MEMKIND, PEER_TBB, PEER_DPDK,
				   PEER_BUDDY, PEER_BUMP };
#define NR_RIVALS (sizeof(peers) / sizeof(*peers))

struct search {
	const struct replay *replay; /* ours; NULL: */
	struct worker *worker;	     /* this peer's */
	unsigned index;		     /* of the load */
	const struct trace *trace;
	unsigned coarse;
};

static size_t heap_length(const struct trace *trace, unsigned steps)
{
	size_t page = fixheap_page_size();
	size_t bytes = trace->peak_live / GRID * steps;

	return (bytes + page - 1) / page * page;
}

static enum bench_result completes(const struct search *search, unsigned steps)
{
	size_t bytes = heap_length(search->trace, steps);

	bench_progress("%s: %s, heap of %.3f times the peak",
		       search->replay ? "fixheap"
				      : peer_name(search->worker->peer),
		       search->trace->name, (double)steps / GRID);
	if (search->replay)
		return replay_run(search->replay, bytes, 1, NULL);
	return peer_try(search->worker, search->index, search->trace->seed,
			bytes);
}

/* Steps; LARGEST * GRID: not found; 0: an error, told. */
static unsigned smallest_heap(const struct search *search)
{
	unsigned fails = GRID - 1, serves = GRID;
	enum bench_result result;

	while ((result = completes(search, serves)) == BENCH_MISSED) {
		fails = serves;
		serves += search->coarse;
		if (serves >= LARGEST * GRID)
			return LARGEST * GRID;
	}
	while (result != BENCH_ERROR && serves - fails > 1) {
		unsigned middle = fails + (serves - fails) / 2;

		result = completes(search, middle);
		if (result == BENCH_OK)
			serves = middle;
		else
			fails = middle;
	}
	return result == BENCH_ERROR ? 0 : serves;
}

struct rivals {
	struct worker worker[NR_RIVALS];
	bool there[NR_RIVALS];
	double ours, theirs[NR_RIVALS]; /* sums of factors */
};

static enum bench_result measure_seed(struct rivals *rivals, unsigned index,
				      uint64_t seed)
{
	struct search search = { .index = index, .coarse = COARSE };
	enum bench_result result = BENCH_ERROR;
	struct replay replay;
	struct trace trace;
	unsigned steps;

	if (trace_make(&trace, &trace_specs[index], seed))
		return bench_error("no memory to write out a load");
	search.trace = &trace;
	if (replay_init(&replay, &trace, heap_length(&trace, LARGEST * GRID))) {
		search.replay = &replay;
		steps = smallest_heap(&search);
		rivals->ours += (double)steps / GRID;
		result = steps ? BENCH_OK : BENCH_ERROR;
		replay_fini(&replay);
	}
	search.replay = NULL;
	search.coarse = COARSE_PEERS;
	for (size_t i = 0; i < NR_RIVALS && result == BENCH_OK; i++) {
		if (!rivals->there[i])
			continue;
		search.worker = &rivals->worker[i];
		steps = smallest_heap(&search);
		rivals->theirs[i] += (double)steps / GRID;
		result = steps ? BENCH_OK : BENCH_ERROR;
	}
	trace_fini(&trace);
	return result;
}

static enum bench_result measure(struct rivals *rivals, unsigned index,
				 const struct bench_options *options)
{
	unsigned nr = options->quick ? 1 : SEEDS;
	enum bench_result result = BENCH_OK;

	rivals->ours = 0;
	memset(rivals->theirs, 0, sizeof(rivals->theirs));
	for (unsigned i = 0; i < nr && result == BENCH_OK; i++)
		result = measure_seed(rivals, index, options->seed + i);
	for (size_t i = 0; i < NR_RIVALS && result != BENCH_ERROR; i++) {
		struct row row = { .measure = "overhead",
				   .what = trace_specs[index].name,
				   .peer = peer_name(peers[i]),
				   .unit = "x",
				   .at_most = 1 };

		if (!rivals->there[i])
			continue;
		row.ours = rivals->ours / nr;
		row.theirs = rivals->theirs[i] / nr;
		row.ratio = row.ours / row.theirs;
		result = bench_worse(result, table_row(&row));
	}
	return result;
}

enum bench_result bench_heaps(const struct bench_options *options)
{
	enum bench_result result = BENCH_OK;
	static struct rivals rivals;

	if (!bench_wants(options, "overhead"))
		return BENCH_OK;
	table_title("Smallest heap in which a load completes / its peak of "
		    "live bytes (6: more than that)");
	if (!bench_has_arrays() || !bench_has_objects()) {
		table_skip("overhead", "smallest heap",
			   "built without CONFIG_ARRAY or CONFIG_JEMALLOC");
		return BENCH_OK;
	}
	for (size_t i = 0; i < NR_RIVALS; i++) {
		const char *why;

		result = peer_start(&rivals.worker[i], peers[i], 0, &why);
		if (result == BENCH_ERROR)
			return result;
		rivals.there[i] = result == BENCH_OK;
		if (!rivals.there[i])
			bench_without(peer_name(peers[i]), why);
	}
	result = BENCH_OK;
	for (unsigned i = 0; trace_specs[i].name && result != BENCH_ERROR; i++)
		if (!options->quick || trace_specs[i].limit <= QUICK_LIMIT)
			result = bench_worse(result,
					     measure(&rivals, i, options));
	for (size_t i = 0; i < NR_RIVALS; i++)
		if (rivals.there[i])
			peer_stop(&rivals.worker[i]);
	return result;
}
