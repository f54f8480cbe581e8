/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_create.c: what it takes to make a heap, and what its metadata takes.
 *
 * Heaps of 16 GiB to 16 TiB of address space are made and ended in turns, each
 * by the clock on the wall.  Then a heap of 1 TiB is put to use page by page
 * without touching the pages: what the process holds of memory more is the
 * heap's metadata.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "table.h"

#define GIB ((size_t)1 << 30)
#define TIB ((size_t)1 << 40)
#define ROUNDS 31
#define ROUNDS_QUICK 11
#define TARGET_US 200
#define TARGET_TOUCHED 1.0 /* MiB, of an empty heap */
#define TARGET_PAGE 10.0   /* bytes, for each page in use */
#define NR_PAGES ((size_t)1 << 20)

static const struct {
	size_t bytes;
	const char *name;
} heaps[] = {
	{ 16 * GIB, "creation, 16 GiB" },
	{ 256 * GIB, "creation, 256 GiB" },
	{ 4 * TIB, "creation, 4 TiB" },
	{ 16 * TIB, "creation, 16 TiB" },
};
#define NR_HEAPS (sizeof(heaps) / sizeof(*heaps))

static double microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec * 1e-3;
}

/* Bytes of memory that the process holds; no malloc here, no stdio. */
static double resident(void)
{
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	unsigned long pages = 0;
	char text[128];
	ssize_t nr;

	if (fd < 0)
		return 0;
	nr = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[nr > 0 ? nr : 0] = '\0';
	sscanf(text, "%*u %lu", &pages);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static enum bench_result print_times(double us[][ROUNDS], unsigned nr)
{
	enum bench_result result = BENCH_OK;
	double first[ROUNDS];

	memcpy(first, us[0], sizeof(first));
	for (size_t i = 0; i < NR_HEAPS; i++) {
		struct row row = { .measure = "create",
				   .what = heaps[i].name,
				   .peer = "16 GiB",
				   .unit = "us" };
		double ratio[ROUNDS];

		for (unsigned j = 0; j < nr; j++)
			ratio[j] = us[i][j] / first[j];
		row.ratio = table_median(ratio, nr);
		if (i == NR_HEAPS - 1)
			row.limit = TARGET_US;
		row.ours = table_median(us[i], nr);
		row.theirs = table_median(us[0], nr);
		result = bench_worse(result, table_row(&row));
	}
	return result;
}

static enum bench_result measure_times(void *base, unsigned nr)
{
	static double us[NR_HEAPS][ROUNDS];

	for (unsigned i = 0; i < nr; i++)
		for (size_t j = 0; j < NR_HEAPS; j++) {
			double begin = microseconds();
			struct fixheap *heap =
				bench_heap(base, heaps[j].bytes, 1);

			us[j][i] = microseconds() - begin;
			if (!heap)
				return BENCH_ERROR;
			fixheap_destroy(heap);
		}
	return print_times(us, nr);
}

/* What a heap touches when it is made, and for each page in use. */
static enum bench_result measure_touched(void *base)
{
	struct row made = { .measure = "create",
			    .what = "touched by creation, 16 TiB",
			    .unit = "MiB",
			    .limit = TARGET_TOUCHED };
	struct row used = { .measure = "create",
			    .what = "touched for a page in use",
			    .unit = "B",
			    .limit = TARGET_PAGE };
	double empty = resident();
	struct fixheap *heap = bench_heap(base, 16 * TIB, 1);
	double begin = resident();
	enum bench_result result;

	if (!heap)
		return BENCH_ERROR;
	made.ours = (begin - empty) / (1 << 20);
	for (size_t i = 0; i < NR_PAGES; i++)
		if (!fixheap_pages_alloc(heap, 1, 0, NULL))
			return bench_error("create: no page in a new heap");
	used.ours = (resident() - begin) / (double)NR_PAGES;
	fixheap_destroy(heap);
	result = table_row(&made);
	return bench_worse(result, table_row(&used));
}

enum bench_result bench_create(const struct bench_options *options)
{
	unsigned nr = options->quick ? ROUNDS_QUICK : ROUNDS;
	enum bench_result result;
	void *base;

	if (!bench_wants(options, "create"))
		return BENCH_OK;
	table_title("Heap creation, and the metadata that it touches");
	base = bench_reserve(16 * TIB);
	if (!base)
		return BENCH_ERROR;
	result = measure_times(base, nr);
	if (result != BENCH_ERROR)
		result = bench_worse(result, measure_touched(base));
	bench_release(base, 16 * TIB);
	return result;
}
