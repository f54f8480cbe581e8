/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_arrays.c: arrays in heaps that are nearly full and broken up.
 *
 * A heap is filled with arrays of random lengths side by side; then each gives
 * back a random part of its end, until 85 % of the heap is in use and there are
 * as many free runs as arrays.  Only address space is used: nothing is touched.
 *
 *   arrays  On 4 TiB with 100,000 free runs, one of them of 120 GiB: pairs of
 *           array alloc and free of 1 MiB to 100 GiB, in turns with mmap and
 *           munmap of as much.  "Flat": the slowest of the sizes by the
 *           fastest.
 *   scale   On 16 GiB to 16 TiB, with free runs in proportion (1,024 on the
 *           first, 1,048,576 on the last): 256 arrays of 1 to 4 MiB live, one
 *           chosen at random is freed and another allocated.  The time may grow
 *           as log2 of the number of free runs does.
 *
 * Each round does some pairs of every kind, and times are those of the
 * thread's CPU.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "table.h"
#include "trace.h"

#define MIB ((size_t)1 << 20)
#define GIB ((size_t)1 << 30)
#define TIB ((size_t)1 << 40)
#define FREE_PERCENT 15
#define ROUNDS 21
#define ROUNDS_QUICK 5
#define TARGET_NS 500
#define TARGET_MMAP 0.1
#define TARGET_FLAT 1.5 /* what "flat" allows */

static double nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* ---- a heap in use ------------------------------------------------------- */

struct land {
	struct fixheap *heap;
	void *base;
	size_t bytes;
	uint64_t random;
};

struct plot {
	void *array;
	size_t keep;
};

static size_t pages_of(size_t bytes)
{
	size_t page = fixheap_page_size();

	return (bytes + page - 1) / page * page;
}

/* Arrays side by side, the last one up to the end and with room at its end. */
static bool settle(struct land *land, struct plot *plot, size_t nr, size_t room)
{
	size_t share = (land->bytes - room) / nr, used = 0;
	size_t hole = share / 100 * FREE_PERCENT;

	for (size_t i = 0; i < nr; i++) {
		size_t keep = share / 2 + trace_below(&land->random, share / 2);
		size_t bytes = hole / 8 << trace_below(&land->random, 5);

		plot[i].keep = pages_of(keep);
		/* mean of 1/8, 1/4, ... 2 of hole: 0.775 of it */
		bytes = plot[i].keep + pages_of(bytes + bytes / 4 + 1);
		if (i == nr - 1) {
			bytes = land->bytes - used;
			plot[i].keep = bytes - room - hole;
		}
		plot[i].array = fixheap_array_alloc(land->heap, bytes, NULL);
		if (!plot[i].array)
			return false;
		used += bytes;
	}
	for (size_t i = 0; i < nr; i++)
		if (fixheap_array_resize(land->heap, plot[i].array,
					 plot[i].keep))
			return false;
	return true;
}

static void land_fini(struct land *land)
{
	fixheap_destroy(land->heap);
	if (land->base)
		bench_release(land->base, land->bytes);
}

/* False: told. */
static bool land_init(struct land *land, size_t bytes, size_t nr_holes,
		      size_t room)
{
	struct plot *plot = calloc(nr_holes, sizeof(*plot));
	bool done = false;

	land->bytes = bytes;
	land->random = nr_holes;
	land->base = bench_reserve(bytes);
	land->heap = land->base ? bench_heap(land->base, bytes, 1) : NULL;
	if (plot && land->heap)
		done = settle(land, plot, nr_holes, room);
	if (land->heap && !done)
		bench_error("arrays: a heap of %zu GiB was not filled: %s",
			    bytes / GIB, strerror(errno));
	free(plot);
	if (!done)
		land_fini(land);
	return done;
}

/* ---- one heap, many sizes ------------------------------------------------ */

static const struct size {
	size_t bytes;
	const char *name;
} sizes[] = {
	{ MIB, "array, 1 MiB" },	 { 16 * MIB, "array, 16 MiB" },
	{ 256 * MIB, "array, 256 MiB" }, { 4 * GIB, "array, 4 GiB" },
	{ 100 * GIB, "array, 100 GiB" },
};
#define NR_SIZES (sizeof(sizes) / sizeof(*sizes))
#define NR_PAIRS 2000
#define NR_MAPS 200

struct figures {
	double ours[NR_SIZES][ROUNDS], map[NR_SIZES][ROUNDS];
};

/* Up to a tenth more than the size: so one hole does not serve all. */
static size_t vary(struct land *land, size_t bytes)
{
	return pages_of(bytes + trace_below(&land->random, bytes / 10));
}

static double time_arrays(struct land *land, size_t bytes)
{
	size_t length[64];
	double begin;

	for (unsigned i = 0; i < 64; i++)
		length[i] = vary(land, bytes);
	begin = nanoseconds();
	for (unsigned i = 0; i < NR_PAIRS; i++) {
		void *array =
			fixheap_array_alloc(land->heap, length[i % 64], NULL);

		if (!array)
			return -1;
		fixheap_array_free(land->heap, array);
	}
	return (nanoseconds() - begin) / NR_PAIRS;
}

static double time_maps(struct land *land, size_t bytes)
{
	double begin = nanoseconds();

	for (unsigned i = 0; i < NR_MAPS; i++) {
		size_t length = vary(land, bytes);
		void *map = mmap(NULL, length, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
				 -1, 0);

		if (map == MAP_FAILED)
			return -1;
		munmap(map, length);
	}
	return (nanoseconds() - begin) / NR_MAPS;
}

static enum bench_result print_sizes(struct figures *figures, unsigned nr)
{
	struct row flat = { .measure = "arrays",
			    .what = "slowest size / fastest",
			    .peer = "itself",
			    .unit = "ns",
			    .at_most = TARGET_FLAT };
	enum bench_result result = BENCH_OK;

	for (size_t i = 0; i < NR_SIZES; i++) {
		struct row row = { .measure = "arrays",
				   .what = sizes[i].name,
				   .peer = "mmap+munmap",
				   .unit = "ns",
				   .at_most = TARGET_MMAP,
				   .limit = TARGET_NS };
		double ratio[ROUNDS];

		for (unsigned j = 0; j < nr; j++)
			ratio[j] = figures->ours[i][j] / figures->map[i][j];
		row.ratio = table_median(ratio, nr);
		row.ours = table_median(figures->ours[i], nr);
		row.theirs = table_median(figures->map[i], nr);
		result = bench_worse(result, table_row(&row));
		if (row.ours > flat.ours)
			flat.ours = row.ours;
		if (!flat.theirs || row.ours < flat.theirs)
			flat.theirs = row.ours;
	}
	flat.ratio = flat.ours / flat.theirs;
	return bench_worse(result, table_row(&flat));
}

enum bench_result bench_arrays(const struct bench_options *options)
{
	unsigned nr = options->quick ? ROUNDS_QUICK : ROUNDS;
	static struct figures figures;
	struct land land = { 0 };

	if (!bench_wants(options, "arrays"))
		return BENCH_OK;
	table_title("Array alloc and free on 4 TiB, 85 % in use, 100,000 free "
		    "runs");
	if (!bench_has_arrays()) {
		table_skip("arrays", "arrays", "built without CONFIG_ARRAY");
		return BENCH_OK;
	}
	if (!land_init(&land, 4 * TIB, 100000, 120 * GIB))
		return BENCH_ERROR;
	for (unsigned i = 0; i < nr; i++) {
		for (size_t j = 0; j < NR_SIZES; j++) {
			double ours = time_arrays(&land, sizes[j].bytes);
			double map = time_maps(&land, sizes[j].bytes);

			if (ours < 0 || map < 0) {
				land_fini(&land);
				return bench_error("arrays: no room for %s",
						   sizes[j].name);
			}
			figures.ours[j][i] = ours;
			figures.map[j][i] = map;
		}
		bench_progress("arrays: round %u of %u", i + 1, nr);
	}
	land_fini(&land);
	return print_sizes(&figures, nr);
}

/* ---- one load, many heaps ------------------------------------------------ */

static const struct scale {
	size_t bytes, nr_holes;
	const char *name;
} scales[] = {
	{ 16 * GIB, 1 << 10, "16 GiB, 1,024 runs" },
	{ 256 * GIB, 1 << 14, "256 GiB, 16,384 runs" },
	{ 4 * TIB, 1 << 18, "4 TiB, 262,144 runs" },
	{ 16 * TIB - GIB, 1 << 20, "16 TiB, 1,048,576 runs" },
};
#define NR_SCALES (sizeof(scales) / sizeof(*scales))
#define NR_LIVE 256
#define NR_REPLACED 20000

struct country {
	struct land land;
	void *live[NR_LIVE];
	double ns[ROUNDS];
};

static bool replace_one(struct country *country)
{
	struct land *land = &country->land;
	uint64_t draw = trace_random(&land->random);
	void **live = &country->live[draw % NR_LIVE];
	size_t pages = 256 + (draw >> 32) % 768;

	fixheap_array_free(land->heap, *live);
	*live = fixheap_array_alloc(land->heap, pages * fixheap_page_size(),
				    NULL);
	return *live;
}

static double time_replaced(struct country *country)
{
	double begin = nanoseconds();

	for (unsigned i = 0; i < NR_REPLACED; i++)
		if (!replace_one(country))
			return -1;
	return (nanoseconds() - begin) / NR_REPLACED;
}

static unsigned log2_of(size_t nr)
{
	return 63 - (unsigned)__builtin_clzl(nr);
}

static enum bench_result print_scales(struct country *country, unsigned nr)
{
	enum bench_result result = BENCH_OK;
	double first[ROUNDS];

	memcpy(first, country[0].ns, sizeof(first));
	for (size_t i = 0; i < NR_SCALES; i++) {
		struct row row = { .measure = "scale",
				   .what = scales[i].name,
				   .peer = "16 GiB",
				   .unit = "ns" };
		double ratio[ROUNDS];

		for (unsigned j = 0; j < nr; j++)
			ratio[j] = country[i].ns[j] / first[j];
		row.ours = table_median(country[i].ns, nr);
		row.theirs = table_median(country[0].ns, nr);
		row.ratio = table_median(ratio, nr);
		if (i)
			row.at_most = (double)log2_of(scales[i].nr_holes) /
				      log2_of(scales[0].nr_holes);
		result = bench_worse(result, table_row(&row));
	}
	return result;
}

enum bench_result bench_scale(const struct bench_options *options)
{
	unsigned nr = options->quick ? ROUNDS_QUICK : ROUNDS;
	static struct country country[NR_SCALES];
	enum bench_result result = BENCH_OK;
	size_t made = 0;

	if (!bench_wants(options, "scale"))
		return BENCH_OK;
	table_title("Arrays of 1 to 4 MiB replaced, 85 % in use: against "
		    "16 GiB, by log2 of the free runs");
	if (!bench_has_arrays()) {
		table_skip("scale", "scale", "built without CONFIG_ARRAY");
		return BENCH_OK;
	}
	for (; made < NR_SCALES && result == BENCH_OK; made++)
		if (!land_init(&country[made].land, scales[made].bytes,
			       scales[made].nr_holes, 0))
			result = BENCH_ERROR;
	made -= result != BENCH_OK;
	for (unsigned i = 0; i <= nr && result == BENCH_OK; i++)
		for (size_t j = 0; j < NR_SCALES; j++) {
			double ns = time_replaced(&country[j]);

			if (ns < 0)
				result = bench_error("scale: no room on %s",
						     scales[j].name);
			country[j].ns[i ? i - 1 : 0] = ns;
		}
	while (made--)
		land_fini(&country[made].land);
	return result == BENCH_OK ? print_scales(country, nr) : result;
}
