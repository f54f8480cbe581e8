/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * zone.c: regions and their zones, and the books of pages taken and given.
 *
 * A zone is a contiguous slice of a region with one placement.  It begins and
 * ends at a pageblock's border, but for the two ends of the heap itself; so no
 * pageblock belongs to two zones.  A run may: free runs are kept by region.
 *
 * Invariants
 *  1. nr_free of a zone and of a region counts its free pages; heap->used the
 *     others, over all, pages in per-CPU caches included.
 *  2. peak_used >= used at all times.
 *
 * Locking: *_locked want the region lock; the books are read by anybody, so
 * they are written atomically.  Cost: O(1) beside the layers below.
 */
#include "zone.h"

#include "bug.h"
#include "page_poison.h"
#include "place.h"
#include "runmap.h"
#include "vmstat.h"

size_t region_meta_bytes(u64 nr_blocks)
{
	return 3 * maxtree_bytes(nr_blocks);
}

void region_init(struct region *region, const struct bounds *pages,
		 void *memory)
{
	char *next = memory;
	u64 nr_blocks;

	region->start_pfn = pages->pfn;
	region->end_pfn = pages->end;
	region->first_block = (u32)(pages->pfn >> BLOCK_SHIFT);
	region->end_block =
		(u32)((pages->end + BLOCK_PAGES - 1) >> BLOCK_SHIFT);
	nr_blocks = region->end_block - region->first_block;
	maxtree_init(&region->span_pages, next, nr_blocks);
	next += maxtree_bytes(nr_blocks);
	maxtree_init(&region->span_blocks, next, nr_blocks);
	next += maxtree_bytes(nr_blocks);
	maxtree_init(&region->cross, next, nr_blocks);
}

void zone_init(struct zone *zone, const struct bounds *pages)
{
	zone->block = zone->region->block;
	zone->start_pfn = pages->pfn;
	zone->end_pfn = pages->end;
	zone->first_block = (u32)(pages->pfn >> BLOCK_SHIFT);
	zone->end_block = (u32)((pages->end + BLOCK_PAGES - 1) >> BLOCK_SHIFT);
}

void region_open(struct region *region, bool known_zero)
{
	u64 border = max_u64(round_down(region->end_pfn, BLOCK_PAGES),
			     region->start_pfn);
	struct bounds most = { region->start_pfn, border };
	struct bounds rest = { border, region->end_pfn };

	/* a part of a block at the high end is for small things */
	if (most.pfn < most.end)
		contig_give(region, &most, PLACE_ARRAY, known_zero);
	if (rest.pfn < rest.end)
		contig_give(region, &rest, PLACE_SMALL, known_zero);
}

static void atomic_max(u64 *peak, u64 value)
{
	u64 old = __atomic_load_n(peak, __ATOMIC_RELAXED);

	while (value > old &&
	       !__atomic_compare_exchange_n(peak, &old, value, true,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

struct zero_range region_take_locked(struct region *region,
				     const struct run *run,
				     enum placement placement)
{
	const struct bounds pages = { run->pfn, run->pfn + run->nr_pages };
	struct fixheap *heap = region->heap;
	struct zero_range known;
	u64 used;

	MM_DEBUG_ON(contig_free_from(region, run->pfn) < run->nr_pages);
	known = contig_take(region, &pages, placement);
	used = __atomic_add_fetch(&heap->used, run->nr_pages, __ATOMIC_RELAXED);
	atomic_max(&heap->peak_used, used);
	vmstat_add(&zone_of(heap, run->pfn)->stats.nr_allocs, 1);
	return known;
}

static void give(struct region *region, const struct run *run,
		 enum placement placement, bool zero)
{
	const struct bounds pages = { run->pfn, run->pfn + run->nr_pages };
	struct fixheap *heap = region->heap;

	MM_DEBUG_ON(contig_free_from(region, run->pfn));
	contig_give(region, &pages, placement, zero);
	__atomic_sub_fetch(&heap->used, run->nr_pages, __ATOMIC_RELAXED);
	vmstat_add(&zone_of(heap, run->pfn)->stats.nr_frees, 1);
}

void region_give_locked(struct region *region, const struct run *run,
			enum placement placement)
{
	give(region, run, placement, 0);
}

void region_give_zero_locked(struct region *region, const struct run *run,
			     enum placement placement)
{
	give(region, run, placement, 1);
}

void region_release_locked(struct region *region, const struct run *run,
			   enum placement placement)
{
	if (IS_ENABLED(CONFIG_PAGE_POISON)) {
		runmap_set(region, run,
			   page_make(PAGE_FREEING, placement,
				     zone_of(region->heap, run->pfn)->node));
		spin_unlock(&region->lock);
		page_poison_fill(region->heap, run);
		spin_lock(&region->lock);
		runmap_clear(region, run);
	}
	region_give_locked(region, run, placement);
}

/* Whether the request may have so many of the pages that are free there. */
static bool may_take(const struct region *region, const struct run_request *req,
		     const struct contig_request *find)
{
	u64 nr_free = zonelist_free(region->heap, &find->in);
	u64 reserve = zonelist_reserve(region->heap, req, &find->in);

	return nr_free >= reserve && nr_free - reserve >= req->nr_pages;
}

bool region_alloc_locked(struct region *region, const struct run_request *req,
			 const struct contig_request *find, struct run *run,
			 struct zero_range *known)
{
	u64 page;

	if (!may_take(region, req, find) ||
	    !place_find(region, find, &run->pfn))
		return false;
	run->nr_pages = req->nr_pages;
	*known = region_take_locked(region, run, req->placement);
	page = page_make(req->kind, req->placement,
			 zone_of(region->heap, run->pfn)->node);
	if (req->placement == PLACE_ARRAY)
		page |= (++region->nr_stamps & PAGE_STAMP_MASK)
			<< PAGE_STAMP_SHIFT;
	runmap_set(region, run, page);
	return true;
}
