/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * validate.c: check the metadata of a heap from one end to the other.
 *
 * Each zone is walked along its runs and free ranges: every page must belong
 * to exactly one of them, the descriptors must be where a run begins and only
 * there, and what the blocks, lists, trees and counters say must be what the
 * walk has seen.  The first mistakes are written to stderr, one a line.
 *
 * What lies in the middle is not looked at: of a run or a row of free blocks
 * that is longer than two pageblocks only the first and the last are.  And a
 * fresh look cannot tell whether a page that is said to be zero is.
 *
 * Locking: all locks of the heap are held, so other threads wait; what is wrong
 * is written when they are free again.  Cost: O(runs + free ranges + open
 * blocks); untouched metadata is not touched.
 */
#include "validate.h"

#include "bitmap.h"
#include "heap.h"
#include "objects.h"
#include "pcp.h"
#include "runmap.h"
#include "span.h"

#include <errno.h>
#include <stdio.h>

void check_fail(struct check *check, const char *what, u64 pfn, u64 have,
		u64 want)
{
	size_t room = sizeof(check->text) - check->text_bytes;

	if (check->nr_errors++ >= CHECK_LINES)
		return;
	check->text_bytes += (size_t)snprintf(
		check->text + check->text_bytes, room,
		"fixheap: page %llu: %s: is %llu, must be %llu\n",
		(unsigned long long)pfn, what, (unsigned long long)have,
		(unsigned long long)want);
}

void check_equal(struct check *check, const char *what, u64 pfn, u64 have,
		 u64 want)
{
	if (have != want)
		check_fail(check, what, pfn, have, want);
}

/* Blocks that the walk enters: each is checked once.  Those inside a row of
 * free blocks are not entered. */
static void enter_block(struct check *check, u64 pfn)
{
	struct region *region = check->region;
	u32 b = (u32)(pfn >> BLOCK_SHIFT);

	if (b >= region->end_block || check->last_open == b + 1ull)
		return;
	check->last_open = b + 1ull;
	check_border(check, b);
	if (block_is_open(&region->block[b]))
		check_open(check, b);
	else
		check_closed(check, b);
	if (region->block[b].span_end || region->block[b].span_first)
		check_fail(check, "mark of a row in a block that is in use",
			   pfn, region->block[b].span_end, 0);
}

/* Pages [pfn, end) are inside a run or free: no run begins there. */
static void check_no_heads(struct check *check, u64 pfn, u64 end)
{
	const u64 *page = check->region->heap->page;

	for (; pfn < end; pfn++)
		check_equal(check, "descriptor where no run begins", pfn,
			    page_read(&page[pfn]), 0);
}

/* The same for the part of a range that lies in its first and last block: so
 * the cost does not depend on its length. */
static void check_inside(struct check *check, u64 pfn, u64 end)
{
	u64 first_end = round_up(pfn + 1, BLOCK_PAGES);
	u64 last_start = round_down(end - 1, BLOCK_PAGES);

	if (pfn >= end)
		return;
	check_no_heads(check, pfn, min_u64(first_end, end));
	check_no_heads(check, max_u64(last_start, first_end), end);
}

/* No page of the run's part in block b may be free. */
static void check_used(struct check *check, const struct run *run, u32 b)
{
	struct region *region = check->region;
	u64 start = max_u64(run->pfn, (u64)b << BLOCK_SHIFT);
	u64 end =
		min_u64(run->pfn + run->nr_pages, (u64)(b + 1) << BLOCK_SHIFT);
	struct span row;
	u32 i;

	if (!block_is_open(&region->block[b])) {
		/* one that ends a row is named when it is entered */
		if (!region->block[b].span_first && span_find(region, b, &row))
			check_fail(check, "a run lies in a free block", start,
				   row.first, 0);
		return;
	}
	i = bitmap_next_one(region->block[b].free, start % BLOCK_PAGES);
	if (i < start % BLOCK_PAGES + (end - start))
		check_fail(check, "a page of a run is free", start, i, 0);
}

static void check_descriptor(struct check *check, u64 pfn, u64 page)
{
	u32 node = zone_of(check->region->heap, pfn)->node;

	check_equal(check, "node in a descriptor", pfn, page_node(page), node);
	if (page_kind(page) == PAGE_NONE)
		check_fail(check, "kind in a descriptor", pfn, page_kind(page),
			   PAGE_EXTENT);
	if (page_placement(page) >= NR_PLACEMENTS)
		check_fail(check, "placement in a descriptor", pfn,
			   page_placement(page), 0);
	if (page_kind(page) == PAGE_FREEING && page & PAGE_KEPT_FLAG)
		check->nr_cached += page_len(page);
	if (page_kind(page) == PAGE_CACHED) {
		check->nr_cached++;
		check_equal(check, "descriptor of a cached page", pfn, page,
			    page_make(PAGE_CACHED, PLACE_SMALL, node));
	}
}

static u64 check_run(struct check *check, u64 pfn, u64 page)
{
	struct region *region = check->region;
	struct run run = { pfn, page_len(page) };
	u32 first = (u32)(pfn >> BLOCK_SHIFT), last;
	u32 cross;

	check_descriptor(check, pfn, page);
	if (!run.nr_pages)
		return pfn + 1;
	if (pfn + run.nr_pages > region->end_pfn) {
		check_fail(check, "length of a run", pfn, run.nr_pages,
			   region->end_pfn - pfn);
		return region->end_pfn;
	}
	last = (u32)((pfn + run.nr_pages - 1) >> BLOCK_SHIFT);
	check_inside(check, pfn + 1, pfn + run.nr_pages);
	check_used(check, &run, first);
	if (first == last)
		return pfn + run.nr_pages;
	check_used(check, &run, last);
	cross = region->block[first].cross;
	check_equal(check, "head of the run that leaves a block", pfn, cross,
		    pfn % BLOCK_PAGES + 1);
	check->nr_cross++;
	enter_block(check, pfn + run.nr_pages - 1);
	return pfn + run.nr_pages;
}

/* Pages [pfn, end) are free. */
static void count_free(struct check *check, u64 pfn, u64 end)
{
	const struct fixheap *heap = check->region->heap;

	check->nr_free += end - pfn;
	while (pfn < end) {
		const struct zone *zone = zone_of(heap, pfn);
		u64 next = min_u64(zone->end_pfn, end);

		check->free_of[zone->index] += next - pfn;
		pfn = next;
	}
}

/* The range that starts at pfn; returns its end. */
static u64 check_range(struct check *check, u64 pfn)
{
	struct region *region = check->region;
	const struct pageblock *pb = &region->block[pfn >> BLOCK_SHIFT];
	u64 page = page_read(&region->heap->page[pfn]), end;

	if (!page && pfn % BLOCK_PAGES == 0 && !block_is_open(pb) &&
	    pb->span_end) {
		end = (u64)check_row(check, (u32)(pfn >> BLOCK_SHIFT))
		      << BLOCK_SHIFT;
		check_inside(check, pfn, end);
		count_free(check, pfn, end);
		return end;
	}
	enter_block(check, pfn);
	if (page)
		return check_run(check, pfn, page);
	end = pfn;
	if (block_is_open(pb))
		end += bitmap_ones_from(pb->free, pfn % BLOCK_PAGES);
	if (end == pfn && check->isolated) {
		check->nr_isolated++;
		check->isolated_of[zone_of(region->heap, pfn)->index]++;
		return pfn + 1;
	}
	if (end == pfn) {
		check_fail(check, "a page is neither free nor in a run", pfn, 0,
			   1);
		return pfn + 1;
	}
	check_no_heads(check, pfn, end);
	count_free(check, pfn, end);
	return end;
}

/* What zones and caches count. */
static void check_zones(struct check *check)
{
	const struct fixheap *heap = check->region->heap;
	u64 nr_cached = 0;

	for (u32 i = 0; i < heap->nr_zones; i++) {
		const struct zone *zone = &heap->zone[i];

		check_equal(check, "free pages of the zone", zone->start_pfn,
			    zone->nr_free, check->free_of[i]);
		check_equal(check, "pages of the zone", zone->start_pfn,
			    zone->nr_pages,
			    check->pages_of[i] - check->isolated_of[i]);
	}
	for (u32 n = 0; n < heap->nr_nodes; n++) {
		nr_cached += pcp_count(&heap->node[n]);
		check_pcp(check, &heap->node[n]);
	}
	nr_cached += objects_cached_pages(heap);
	check_equal(check, "pages in caches", 0, nr_cached, check->nr_cached);
}

static void check_region(struct check *check)
{
	struct region *region = check->region;
	const struct fixheap *heap = region->heap;
	const struct range *range = NULL;
	u64 pfn = 0;

	/* what follows searches the trees: not if it would be led astray */
	if (!check_summaries(check) || !check_ranges(check))
		return;
	while ((range = range_next_locked(heap, range))) {
		pfn = max_u64(pfn, range->start_pfn);
		check->isolated = range->isolated;
		check->nr_isolated = 0;
		while (pfn < range->end_pfn)
			pfn = check_range(check, pfn);
		check_equal(check, "isolated pages", range->start_pfn,
			    range->nr_isolated, check->nr_isolated);
	}
	check_equal(check, "free pages of the region", pfn, region->nr_free,
		    check->nr_free);
	check_zones(check);
	check_lists(check);
	check_trees(check);
	check_zeromap(check);
}

static void check_heap(struct fixheap *heap, void *data)
{
	struct check *check = data;

	heap_lock_all(heap);
	check_region(check);
	if (!check->nr_errors)
		check_equal(check, "used pages of the heap", 0,
			    heap->used + check->nr_free, heap->nr_pages);
	if (heap->peak_used < heap->used)
		check_fail(check, "highest use of the heap", 0, heap->peak_used,
			   heap->used);
	heap_unlock_all(heap);
}

int fixheap_validate(struct fixheap *heap)
{
	struct check check = { .region = &heap->region };

	objects_call_stopped(heap, check_heap, &check);
	if (check.text_bytes)
		host_print(check.text, check.text_bytes);
	return check.nr_errors ? -EUCLEAN : 0;
}
