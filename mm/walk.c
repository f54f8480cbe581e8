/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * walk.c: tell what the pages of a heap are in use for, range by range.
 *
 * Locking: the region lock to find one range, none while the callback runs.
 * Cost: O(ranges), O(log blocks) for each; pages of slabs are joined to
 * ranges inside a pageblock.
 */
#include "heap.h"

#include "contig.h"
#include "ranges.h"
#include "runmap.h"
#include "zone.h"

static enum fixheap_use use_of(u64 page)
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
	default:
		return FIXHEAP_USE_FREE;
	}
}

/* The range of one use that covers pfn, from pfn on. */
static u64 range_locked(const struct region *region, u64 pfn,
			enum fixheap_use *use)
{
	u64 nr = contig_free_from(region, pfn), page, next;
	u64 end = round_down(pfn, BLOCK_PAGES) + BLOCK_PAGES;
	struct run run;

	*use = FIXHEAP_USE_FREE;
	if (nr || !runmap_find(region, pfn, &run, &page))
		return nr ? nr : 1;
	*use = use_of(page);
	nr = run.pfn + run.nr_pages - pfn;
	if (page_kind(page) != PAGE_EXTENT && page_kind(page) != PAGE_CACHED)
		return nr;
	while (pfn + nr < min_u64(end, region->end_pfn)) {
		next = page_read(&region->heap->page[pfn + nr]);
		if (page_kind(next) != page_kind(page))
			break;
		nr++;
	}
	return nr;
}

int fixheap_walk(struct fixheap *heap, fixheap_walk_fn fn, void *data)
{
	struct bounds pages = { 0, 0 };
	u64 pfn = 0;
	int ret = 0;

	while (!ret && range_pages(heap, pfn, &pages)) {
		struct region *region = &heap->region;
		enum fixheap_use use;
		u64 nr;

		pfn = pages.pfn;
		spin_lock(&region->lock);
		nr = range_locked(region, pfn, &use);
		spin_unlock(&region->lock);
		nr = min_u64(nr, pages.end - pfn);
		ret = fn(data, pfn_to_addr(heap, pfn), nr << PAGE_SHIFT, use);
		pfn += nr;
	}
	return ret;
}
