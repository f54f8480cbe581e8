/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_pages.c: does random single-page traffic leave whole pageblocks?
 *
 * A heap of 8 GiB is filled with single pages to the last one, and then random
 * ones are freed until half of them, 70 or 90 % are left: in practice no
 * pageblock is whole then.
 * Twenty million times one of the pages that are left, chosen at random, is
 * freed and another one allocated.  An allocator that takes pages from blocks
 * that are nearly full lets the others drain; one that takes what was freed
 * last keeps them all in use for ever.
 *
 * A pageblock could be whole if the pages in use stood side by side: that
 * many are (pages that are not in use) / (pages of a block).  How many are
 * whole is counted in what fixheap_walk reports as free, with the caches left
 * alone: a page in a cache is not free.
 *
 * The pages are not touched.
 */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"
#include "trace.h"

#define NR_BLOCKS 4096
#define NR_PAIRS 20000000
#define QUICK 8 /* a quick run has this part of all three */

/* In percent: how many pages stay in use, how many blocks shall be whole. */
static const struct fill {
	unsigned percent, target;
	const char *name;
} fills[] = {
	{ 50, 98, "whole blocks, 50 % fill" },
	{ 70, 95, "whole blocks, 70 % fill" },
	{ 90, 85, "whole blocks, 90 % fill" },
};
#define NR_FILLS (sizeof(fills) / sizeof(*fills))

struct pages {
	struct fixheap *heap;
	void **page; /* [nr]: those in use */
	size_t nr;
	uint64_t random;
};

struct blocks {
	uintptr_t start, end; /* the free pages that the walk is in */
	size_t nr_whole;
};

static bool pages_get(struct pages *pages)
{
	void *page = fixheap_pages_alloc(pages->heap, 1, 0, NULL);

	if (page)
		pages->page[pages->nr++] = page;
	return page;
}

static void pages_put_any(struct pages *pages)
{
	size_t at = trace_below(&pages->random, pages->nr);

	fixheap_pages_free(pages->heap, pages->page[at], 1);
	pages->page[at] = pages->page[--pages->nr];
}

/* Count the whole blocks of the free pages that have been walked over. */
static void blocks_end(struct blocks *blocks)
{
	uintptr_t block = BENCH_BLOCK_PAGES * fixheap_page_size();
	uintptr_t first = (blocks->start + block - 1) / block;
	uintptr_t end = blocks->end / block;

	if (end > first)
		blocks->nr_whole += end - first;
}

static int blocks_walk(void *data, const void *start, size_t bytes,
		       enum fixheap_use use)
{
	struct blocks *blocks = data;

	if (use != FIXHEAP_USE_FREE)
		return 0;
	if ((uintptr_t)start != blocks->end) {
		blocks_end(blocks);
		blocks->start = (uintptr_t)start;
	}
	blocks->end = (uintptr_t)start + bytes;
	return 0;
}

static size_t whole_blocks(struct fixheap *heap)
{
	struct blocks blocks = { 0 };

	fixheap_walk(heap, blocks_walk, &blocks);
	blocks_end(&blocks);
	return blocks.nr_whole;
}

/* Fill the heap, free what is too much, then the pairs. */
static bool pages_run(struct pages *pages, size_t nr_pages, size_t nr_stay,
		      size_t nr_pairs)
{
	while (pages->nr < nr_pages)
		if (!pages_get(pages))
			return false;
	while (pages->nr > nr_stay)
		pages_put_any(pages);
	for (size_t i = 0; i < nr_pairs; i++) {
		pages_put_any(pages);
		if (!pages_get(pages))
			return false;
		if (i % 65536 == 0)
			bench_progress("pages: %zu of %zu million pairs",
				       i / 1000000, nr_pairs / 1000000);
	}
	return true;
}

static enum bench_result report(const struct pages *pages,
				const struct fill *fill, size_t nr_pages)
{
	size_t could = (nr_pages - pages->nr) / BENCH_BLOCK_PAGES;
	struct row row = { .measure = "pages",
			   .what = fill->name,
			   .unit = "%",
			   .limit = fill->target,
			   .at_least = true };

	row.ours = 100.0 * (double)whole_blocks(pages->heap) / (double)could;
	return table_row(&row);
}

static enum bench_result measure(void *base, const struct fill *fill,
				 size_t nr_pages, size_t nr_pairs,
				 uint64_t seed)
{
	struct pages pages = { .random = seed };
	size_t nr_stay = nr_pages / 100 * fill->percent;
	enum bench_result result;

	pages.page = malloc(nr_pages * sizeof(*pages.page));
	if (!pages.page)
		return bench_error("no memory for a table of pages");
	pages.heap = bench_heap(base, nr_pages * fixheap_page_size(), 1);
	if (!pages.heap) {
		free(pages.page);
		return BENCH_ERROR;
	}
	if (!pages_run(&pages, nr_pages, nr_stay, nr_pairs))
		result = bench_error("pages: %zu of %zu pages in use: %s",
				     pages.nr, nr_pages, strerror(errno));
	else
		result = report(&pages, fill, nr_pages);
	if (fixheap_validate(pages.heap))
		result = bench_error("pages: the heap is corrupt");
	fixheap_destroy(pages.heap);
	free(pages.page);
	return result;
}

enum bench_result bench_pages(const struct bench_options *options)
{
	size_t part = options->quick ? QUICK : 1;
	size_t nr_pages = (size_t)NR_BLOCKS / part * BENCH_BLOCK_PAGES;
	size_t bytes = nr_pages * fixheap_page_size();
	enum bench_result result = BENCH_OK;
	void *base;

	if (!bench_wants(options, "pages"))
		return BENCH_OK;
	table_title("Pageblocks whole after 20 million random get/put pairs "
		    "of single pages, of those possible");
	base = bench_reserve(bytes);
	if (!base)
		return BENCH_ERROR;
	for (size_t i = 0; i < NR_FILLS; i++)
		result = bench_worse(result,
				     measure(base, &fills[i], nr_pages,
					     NR_PAIRS / part, options->seed));
	bench_release(base, bytes);
	return result;
}
