/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * zone.c: a contiguous slice of the heap with one placement, and its books.
 *
 * A zone begins and ends at a pageblock's border, but for the two ends of the
 * heap itself; so no pageblock and no run belongs to two zones.
 *
 * Invariants
 *  1. zone->nr_free counts the free pages; heap->used the others, over all
 *     zones, pages in per-CPU caches included.
 *  2. peak_used >= used at all times.
 *
 * Locking: zone_*_locked want the zone lock; the books are read by anybody,
 * so they are written atomically.  Cost: O(1) beside the layers below.
 */
#include "zone.h"

#include "bug.h"
#include "page_poison.h"
#include "pcp.h"
#include "place.h"
#include "runmap.h"
#include "vmstat.h"

size_t zone_meta_bytes(u64 nr_blocks, u32 nr_cpus)
{
	return 3 * maxtree_bytes(nr_blocks) + pcp_bytes(nr_cpus);
}

void zone_init(struct zone *zone, u64 start_pfn, u64 end_pfn, void *memory,
	       bool known_zero)
{
	char *next = memory;
	u64 nr_blocks, border;

	zone->start_pfn = start_pfn;
	zone->end_pfn = end_pfn;
	zone->first_block = (u32)(start_pfn >> BLOCK_SHIFT);
	zone->end_block = (u32)((end_pfn + BLOCK_PAGES - 1) >> BLOCK_SHIFT);
	nr_blocks = zone->end_block - zone->first_block;
	maxtree_init(&zone->span_pages, next, nr_blocks);
	next += maxtree_bytes(nr_blocks);
	maxtree_init(&zone->span_blocks, next, nr_blocks);
	next += maxtree_bytes(nr_blocks);
	maxtree_init(&zone->cross, next, nr_blocks);
	next += maxtree_bytes(nr_blocks);
	pcp_init(zone, next);
	/* a part of a block at the high end is for small things */
	border = max_u64(round_down(end_pfn, BLOCK_PAGES), start_pfn);
	contig_give(zone, start_pfn, border - start_pfn, PLACE_ARRAY,
		    known_zero);
	contig_give(zone, border, end_pfn - border, PLACE_SMALL, known_zero);
}

struct zone *zone_of(const struct fixheap *heap, u64 pfn)
{
	u32 low = 0, high = heap->nr_zones;

	while (high - low > 1) {
		u32 mid = (low + high) / 2;

		if (pfn < heap->zone[mid].start_pfn)
			high = mid;
		else
			low = mid;
	}
	return &heap->zone[low];
}

static void atomic_max(u64 *peak, u64 value)
{
	u64 old = __atomic_load_n(peak, __ATOMIC_RELAXED);

	while (value > old &&
	       !__atomic_compare_exchange_n(peak, &old, value, true,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

struct zero_range zone_take_locked(struct zone *zone, const struct run *run,
				   enum placement placement)
{
	struct fixheap *heap = zone->heap;
	struct zero_range known;
	u64 used;

	MM_DEBUG_ON(contig_free_from(zone, run->pfn) < run->nr_pages);
	known = contig_take(zone, run->pfn, run->nr_pages, placement);
	used = __atomic_add_fetch(&heap->used, run->nr_pages, __ATOMIC_RELAXED);
	atomic_max(&heap->peak_used, used);
	vmstat_add(&zone->stats.nr_allocs, 1);
	return known;
}

static void give(struct zone *zone, const struct run *run,
		 enum placement placement, bool zero)
{
	MM_DEBUG_ON(contig_free_from(zone, run->pfn));
	contig_give(zone, run->pfn, run->nr_pages, placement, zero);
	__atomic_sub_fetch(&zone->heap->used, run->nr_pages, __ATOMIC_RELAXED);
	vmstat_add(&zone->stats.nr_frees, 1);
}

void zone_give_locked(struct zone *zone, const struct run *run,
		      enum placement placement)
{
	give(zone, run, placement, 0);
}

void zone_give_zero_locked(struct zone *zone, const struct run *run,
			   enum placement placement)
{
	give(zone, run, placement, 1);
}

void zone_release_locked(struct zone *zone, const struct run *run,
			 enum placement placement)
{
	if (IS_ENABLED(CONFIG_PAGE_POISON)) {
		runmap_set(zone, run,
			   page_make(PAGE_FREEING, placement, zone->index));
		spin_unlock(&zone->lock);
		page_poison_fill(zone->heap, run);
		spin_lock(&zone->lock);
		runmap_clear(zone, run);
	}
	zone_give_locked(zone, run, placement);
}

bool zone_alloc_locked(struct zone *zone, const struct run_request *req,
		       struct run *run, struct zero_range *known)
{
	const struct contig_request find = { .nr_pages = req->nr_pages,
					     .align = req->align,
					     .placement = req->placement };
	u64 page = page_make(req->kind, req->placement, zone->index);

	if (zone->nr_free < req->nr_pages ||
	    !place_find(zone, &find, &run->pfn))
		return false;
	run->nr_pages = req->nr_pages;
	*known = zone_take_locked(zone, run, req->placement);
	if (req->placement == PLACE_ARRAY)
		page |= (++zone->nr_stamps & PAGE_STAMP_MASK)
			<< PAGE_STAMP_SHIFT;
	runmap_set(zone, run, page);
	return true;
}
