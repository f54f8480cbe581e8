/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * walk.c: tell what the pages of a heap are in use for, range by range.
 *
 * Locking: the region lock to find one range, none while the callback runs.
 * Cost: O(ranges), O(log blocks) for each; pages of slabs are joined to
 * ranges inside a pageblock.
 */
#include "walk.h"

#include "contig.h"
#include "ranges.h"
#include "runmap.h"
#include "zone.h"

enum fixheap_use page_use(u64 page)
{
	switch (page_kind(page)) {
	case PAGE_EXTENT:
		return FIXHEAP_USE_SMALL;
	case PAGE_DIRECT:
		return FIXHEAP_USE_LARGE;
	case PAGE_ARRAY:
		return FIXHEAP_USE_ARRAY;
	case PAGE_RAW:
		return FIXHEAP_USE_PAGES;
	case PAGE_CACHED:
		return FIXHEAP_USE_CACHED;
	case PAGE_TICKET:
		return FIXHEAP_USE_RESERVED;
	case PAGE_FREEING:
		return page & PAGE_KEPT_FLAG ? FIXHEAP_USE_CACHED
					     : FIXHEAP_USE_FREE;
	default:
		return FIXHEAP_USE_FREE;
	}
}

/* Out of use: neither free nor a run's, as in a region that is isolated. */
static bool is_out(const struct region *region, u64 pfn)
{
	struct run run;
	u64 page;

	return !page_read(&region->heap->page[pfn]) &&
	       !contig_free_from(region, pfn) &&
	       !runmap_find(region, pfn, &run, &page);
}

/* Pages of one use from pfn on, and of what; their number. */
static u64 piece_locked(const struct region *region, u64 pfn,
			struct piece *piece)
{
	u64 nr = contig_free_from(region, pfn);
	u64 end = min_u64(round_down(pfn, BLOCK_PAGES) + BLOCK_PAGES,
			  region->end_pfn);
	struct run run;

	piece->page = 0;
	piece->run_pfn = pfn;
	piece->is_free = nr;
	if (nr)
		return nr;
	if (!runmap_find(region, pfn, &run, &piece->page)) {
		/* it is that of a run in front */
		piece->page = 0;
		do
			nr++;
		while (pfn + nr < end && is_out(region, pfn + nr));
		return nr;
	}
	piece->run_pfn = run.pfn;
	nr = run.pfn + run.nr_pages - pfn;
	if (page_kind(piece->page) != PAGE_EXTENT &&
	    page_kind(piece->page) != PAGE_CACHED)
		return nr;
	while (pfn + nr < end &&
	       page_kind(page_read(&region->heap->page[pfn + nr])) ==
		       page_kind(piece->page))
		nr++;
	return nr;
}

bool piece_next(struct fixheap *heap, u64 pfn, struct piece *piece)
{
	struct bounds pages = { 0, 0 };

	if (!range_pages(heap, pfn, &pages))
		return false;
	piece->pfn = pages.pfn;
	spin_lock(&heap->region.lock);
	piece->end = pages.pfn + piece_locked(&heap->region, pages.pfn, piece);
	spin_unlock(&heap->region.lock);
	piece->end = min_u64(piece->end, pages.end);
	return true;
}

int fixheap_walk(struct fixheap *heap, fixheap_walk_fn fn, void *data)
{
	struct piece piece = { .end = 0 };
	int ret = 0;

	while (!ret && piece_next(heap, piece.end, &piece))
		ret = fn(data, pfn_to_addr(heap, piece.pfn),
			 (piece.end - piece.pfn) << PAGE_SHIFT,
			 page_use(piece.page));
	return ret;
}
