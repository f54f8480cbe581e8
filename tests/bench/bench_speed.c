/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_speed.c: how long pairs of page runs and of objects take, beside
 * others.
 *
 * Each case runs on every allocator in turns, a round of some milliseconds
 * each, for one thread and for --threads.  What is told is the median of the
 * nanoseconds of each, and the median over the rounds of our nanoseconds by
 * theirs of the same round.  The first round does not count.
 */
#include <stdio.h>
#include <string.h>

#include "peer.h"
#include "table.h"

#define KIB ((size_t)1 << 10)
#define PAGE (4 * KIB)
#define GIB ((size_t)1 << 30)
#define ROUNDS 31
#define ROUNDS_QUICK 5
#define DPDK_PART 10 /* it is slow: so many times fewer pairs */

struct test {
	const char *measure;
	const char *what;
	struct job job;
	int against;	/* the peer that has a target */
	double at_most; /* of it, with any number of threads */
	double scaling; /* with many threads / with one */
	size_t heap_bytes;
};

/* Page runs: against the buddy. */
#define TEST_PAGES(name, most, scale, bytes, ...)                      \
	{                                                              \
		.measure = "get-put", .what = name, .at_most = (most), \
		.scaling = (scale), .heap_bytes = (bytes),             \
		.against = PEER_BUDDY,                                 \
		.job = {.pages = true,                                 \
			__VA_ARGS__ }                                  \
	}
/* Objects: against jemalloc. */
#define TEST_OBJECTS(name, ...)                                   \
	{                                                         \
		.measure = "objects", .what = name, .at_most = 1, \
		.heap_bytes = GIB, .against = PEER_JEMALLOC,      \
		.job = { __VA_ARGS__ }                            \
	}
#define SIZES(min, max) .min_bytes = (min), .max_bytes = (max)

static const struct test tests[] = {
	TEST_PAGES("page, hot pair", 1.0 / 6, 1.2, GIB, .load = LOAD_HOT,
		   SIZES(PAGE, PAGE), .nr_pairs = 100000),
	TEST_PAGES("page, bulk in order", 1.0 / 3, 1.2, GIB, .load = LOAD_BATCH,
		   SIZES(PAGE, PAGE), .batch = 65536, .cross = true),
	TEST_PAGES("page, random", 1.0 / 3, 1.2, GIB, .load = LOAD_BATCH,
		   SIZES(PAGE, PAGE), .batch = 65536, .cross = true,
		   .shuffled = true),
	TEST_PAGES("2 MiB, random", 0, 2, 32 * GIB, .load = LOAD_BATCH,
		   SIZES(512 * PAGE, 512 * PAGE), .batch = 4096, .cross = true,
		   .shuffled = true, .nr_pairs = 16384),
	TEST_OBJECTS("16 B..1 KiB, hot", .load = LOAD_HOT, SIZES(16, KIB),
		     .nr_pairs = 200000),
	TEST_OBJECTS("16 B..1 KiB, 1,000 each", .load = LOAD_BATCH,
		     SIZES(16, KIB), .batch = 1000, .nr_pairs = 100000),
	TEST_OBJECTS("16 B..1 KiB, larson", .load = LOAD_REPLACE,
		     SIZES(16, KIB), .batch = 5000, .nr_pairs = 100000),
	TEST_OBJECTS("2..256 KiB, 100 each", .load = LOAD_BATCH,
		     SIZES(2 * KIB, 256 * KIB), .batch = 100,
		     .nr_pairs = 10000),
};
#define NR_TESTS (sizeof(tests) / sizeof(*tests))

/* Who takes part, in this order. */
static const enum peer page_peers[] = { PEER_FIXHEAP, PEER_BUDDY };
static const enum peer object_peers[] = { PEER_FIXHEAP, PEER_JEMALLOC,
					  PEER_GLIBC,	PEER_MIMALLOC,
					  PEER_MEMKIND, PEER_TBB,
					  PEER_DPDK };

/* What one allocator took in each round, with one thread and with many. */
struct samples {
	bool there;
	double ns[2][ROUNDS];
};

struct contest {
	const struct test *test;
	unsigned nr_threads, nr_rounds;
	struct worker worker[NR_PEERS];
	struct samples samples[NR_PEERS];
};

static enum bench_result start(struct contest *contest)
{
	const struct test *test = contest->test;
	/* it is for two threads */
	size_t heap_bytes = test->heap_bytes * ((contest->nr_threads + 1) / 2);
	const enum peer *peers = test->job.pages ? page_peers : object_peers;
	size_t nr = test->job.pages
			    ? sizeof(page_peers) / sizeof(*page_peers)
			    : sizeof(object_peers) / sizeof(*object_peers);

	for (size_t i = 0; i < nr; i++) {
		enum peer peer = peers[i];
		const char *why;
		enum bench_result result = peer_start(&contest->worker[peer],
						      peer, heap_bytes, &why);

		if (result == BENCH_ERROR)
			return result;
		if (result == BENCH_OK) {
			contest->samples[peer].there = true;
			continue;
		}
		if (peer == PEER_FIXHEAP)
			return bench_error("%s: %s", test->what, why);
		bench_without(peer_name(peer), why);
	}
	return BENCH_OK;
}

/* Everybody's turn, in an order that changes. */
static enum bench_result turn(struct contest *contest, unsigned round,
			      uint64_t seed)
{
	struct job job = contest->test->job;

	job.seed = seed + round;
	for (unsigned i = 0; i < NR_PEERS; i++) {
		unsigned peer = (i + round) % NR_PEERS;
		struct samples *samples = &contest->samples[peer];

		if (!samples->there)
			continue;
		for (unsigned many = 0; many <= (contest->nr_threads > 1);
		     many++) {
			double ns;

			job.nr_threads = many ? contest->nr_threads : 1;
			job.nr_pairs = contest->test->job.nr_pairs /
				       (peer == PEER_DPDK ? DPDK_PART : 1);
			ns = peer_ask(&contest->worker[peer], &job);
			if (ns < 0)
				return BENCH_ERROR;
			if (round)
				samples->ns[many][round - 1] = ns;
		}
	}
	bench_progress("%s: round %u of %u", contest->test->what, round,
		       contest->nr_rounds);
	return BENCH_OK;
}

static double median(const double *sample, unsigned nr)
{
	double copy[ROUNDS];

	memcpy(copy, sample, nr * sizeof(*copy));
	return table_median(copy, nr);
}

static double median_ratio(const double *ours, const double *theirs,
			   unsigned nr)
{
	double ratio[ROUNDS];

	for (unsigned i = 0; i < nr; i++)
		ratio[i] = ours[i] / theirs[i];
	return table_median(ratio, nr);
}

static enum bench_result print_peers(const struct contest *contest,
				     unsigned many)
{
	const struct test *test = contest->test;
	const double *ours = contest->samples[PEER_FIXHEAP].ns[many];
	enum bench_result result = BENCH_OK;
	unsigned nr = contest->nr_rounds;

	for (int peer = 1; peer < NR_PEERS; peer++) {
		const double *theirs = contest->samples[peer].ns[many];
		struct row row = { .measure = test->measure,
				   .what = test->what,
				   .unit = "ns",
				   .peer = peer_name((enum peer)peer) };

		if (!contest->samples[peer].there)
			continue;
		row.nr_threads = many ? contest->nr_threads : 1;
		row.ours = median(ours, nr);
		row.theirs = median(theirs, nr);
		row.ratio = median_ratio(ours, theirs, nr);
		/* pages: the promise is for one thread */
		if (peer == test->against && !(many && test->job.pages))
			row.at_most = test->at_most;
		result = bench_worse(result, table_row(&row));
	}
	return result;
}

/* How each goes with many threads, by how it goes with one. */
static enum bench_result print_scaling(const struct contest *contest)
{
	enum bench_result result = BENCH_OK;
	unsigned nr = contest->nr_rounds;

	for (int peer = 0; peer < NR_PEERS; peer++) {
		const struct samples *samples = &contest->samples[peer];
		char name[40];
		struct row row = { .measure = contest->test->measure,
				   .what = contest->test->what,
				   .unit = "ns",
				   .nr_threads = contest->nr_threads,
				   .peer = name };

		if (!samples->there)
			continue;
		if (peer == PEER_FIXHEAP)
			snprintf(name, sizeof(name), "1 thread");
		else
			snprintf(name, sizeof(name), "(%s itself)",
				 peer_name((enum peer)peer));
		row.ours = median(samples->ns[1], nr);
		row.theirs = median(samples->ns[0], nr);
		row.ratio = median_ratio(samples->ns[1], samples->ns[0], nr);
		if (peer == PEER_FIXHEAP)
			row.at_most = contest->test->scaling;
		result = bench_worse(result, table_row(&row));
	}
	return result;
}

static enum bench_result measure(const struct test *test,
				 const struct bench_options *options)
{
	static struct contest contest;
	enum bench_result result;

	memset(&contest, 0, sizeof(contest));
	contest.test = test;
	contest.nr_threads = options->nr_threads;
	contest.nr_rounds = options->quick ? ROUNDS_QUICK : ROUNDS;
	result = start(&contest);
	for (unsigned i = 0; i <= contest.nr_rounds && result == BENCH_OK; i++)
		result = turn(&contest, i, options->seed);
	for (int peer = 0; peer < NR_PEERS; peer++)
		if (contest.samples[peer].there)
			peer_stop(&contest.worker[peer]);
	if (result != BENCH_OK)
		return result;
	result = print_peers(&contest, 0);
	if (options->nr_threads > 1) {
		result = bench_worse(result, print_peers(&contest, 1));
		if (test->scaling)
			result = bench_worse(result, print_scaling(&contest));
	}
	return result;
}

static enum bench_result measure_all(const char *measure_name,
				     const char *title,
				     const struct bench_options *options)
{
	enum bench_result result = BENCH_OK;

	if (!bench_wants(options, measure_name))
		return BENCH_OK;
	table_title(title);
	for (size_t i = 0; i < NR_TESTS && result != BENCH_ERROR; i++)
		if (!strcmp(tests[i].measure, measure_name))
			result = bench_worse(result,
					     measure(&tests[i], options));
	return result;
}

enum bench_result bench_get_put(const struct bench_options *options)
{
	return measure_all("get-put",
			   "A get/put pair of pages, in turns with a "
			   "buddy allocator under a spinlock",
			   options);
}

enum bench_result bench_objects(const struct bench_options *options)
{
	const char *title = "A malloc/free pair, in turns with others";

	if (!bench_wants(options, "objects"))
		return BENCH_OK;
	if (bench_has_objects())
		return measure_all("objects", title, options);
	table_title(title);
	table_skip("objects", "objects", "built without CONFIG_JEMALLOC");
	return BENCH_OK;
}
