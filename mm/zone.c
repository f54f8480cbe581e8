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
 * they are written whole.  Cost: O(1) beside the layers below.
 */
#include "zone.h"

#include "bug.h"
#include "page_poison.h"
#include "place.h"
#include "ranges.h"
#include "runmap.h"
#include "sizetree.h"
#include "tag.h"

size_t region_meta_bytes(u64 nr_blocks)
{
	return maxtree_bytes(nr_blocks) + 3 * bittree_bytes(nr_blocks) +
	       bittree_bytes(sizetree_limit(nr_blocks));
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
	bittree_init(&region->span_rows, next, nr_blocks);
	next += bittree_bytes(nr_blocks);
	bittree_init(&region->cross, next, nr_blocks);
	next += bittree_bytes(nr_blocks);
	bittree_init(&region->zeromap, next, nr_blocks);
	next += bittree_bytes(nr_blocks);
	bittree_init(&region->short_rows, next, sizetree_limit(nr_blocks));
}

void zone_init(struct zone *zone, const struct bounds *pages)
{
	zone->block = zone->region->block;
	zone->start_pfn = pages->pfn;
	zone->end_pfn = pages->end;
	zone->first_block = (u32)(pages->pfn >> BLOCK_SHIFT);
	zone->end_block = (u32)((pages->end + BLOCK_PAGES - 1) >> BLOCK_SHIFT);
}

void zone_set_pages(struct zone *zone, u64 nr_pages)
{
	const struct fixheap *heap = zone->heap;

	__atomic_store_n(&zone->nr_pages, nr_pages, __ATOMIC_RELAXED);
	__atomic_store_n(&zone->small_reserve,
			 nr_pages * heap->small_reserve / 1000,
			 __ATOMIC_RELAXED);
	__atomic_store_n(&zone->local_reserve,
			 nr_pages * heap->local_reserve / 1000,
			 __ATOMIC_RELAXED);
}

void region_open(struct region *region, const struct bounds *pages,
		 bool known_zero)
{
	u64 border = max_u64(round_down(pages->end, BLOCK_PAGES), pages->pfn);
	struct bounds most = { pages->pfn, border };
	struct bounds rest = { border, pages->end };

	/* a part of a block at the high end is for small things */
	if (most.pfn < most.end)
		contig_give(region, &most, PLACE_ARRAY, known_zero);
	if (rest.pfn < rest.end)
		contig_give(region, &rest, PLACE_SMALL, known_zero);
}

/* Written with the region lock only, which is cheaper than atomic addition. */
static void add_locked(u64 *counter, u64 nr)
{
	__atomic_store_n(counter, *counter + nr, __ATOMIC_RELAXED);
}

void region_claim(struct region *region, u64 nr_pages)
{
	struct fixheap *heap = region->heap;

	add_locked(&heap->used, nr_pages);
	if (heap->used > heap->peak_used)
		__atomic_store_n(&heap->peak_used, heap->used,
				 __ATOMIC_RELAXED);
	if (IS_ENABLED(CONFIG_VMSTAT))
		add_locked(&region->nr_allocs, 1);
}

void region_unclaim(struct region *region, u64 nr_pages)
{
	add_locked(&region->heap->used, -nr_pages);
	if (IS_ENABLED(CONFIG_VMSTAT))
		add_locked(&region->nr_frees, 1);
}

struct zero_range region_take_locked(struct region *region,
				     const struct run *run,
				     enum placement placement)
{
	const struct bounds pages = { run->pfn, run->pfn + run->nr_pages };
	struct zero_range known;

	MM_DEBUG_ON(contig_free_from(region, run->pfn) < run->nr_pages);
	known = contig_take(region, &pages, placement);
	if (placement != PLACE_ARRAY)
		__atomic_store_n(&region->had_small, true, __ATOMIC_RELAXED);
	region_claim(region, run->nr_pages);
	return known;
}

void region_put_locked(struct region *region, const struct run *run,
		       enum placement placement, bool zero)
{
	struct bounds pages = { run->pfn, run->pfn + run->nr_pages };
	struct run rest = *run, part;

	MM_DEBUG_ON(contig_free_from(region, run->pfn));
	if (likely(!region->heap->nr_isolated))
		contig_give(region, &pages, placement, zero);
	else
		while (isolate_split_locked(region->heap, &rest, &part)) {
			pages.pfn = part.pfn;
			pages.end = part.pfn + part.nr_pages;
			contig_give(region, &pages, placement, zero);
		}
}

static void give(struct region *region, const struct run *run,
		 enum placement placement, bool zero)
{
	region_put_locked(region, run, placement, zero);
	region_unclaim(region, run->nr_pages);
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

/* Whether there are so many pages at all; several zones decide by where the run
 * would be. */
static bool may_take(const struct region *region, const struct run_request *req,
		     const struct contig_request *find)
{
	const struct zone *zone = find->zone;

	if (!zone)
		return zonelist_free(region->heap, &find->in) >= req->nr_pages;
	return zone->nr_free >=
	       req->nr_pages + zonelist_reserve(region->heap, req, &find->in);
}

/* Free pages of a node, and what its zones keep back from the request. */
struct stock {
	u64 nr_free, reserve;
};

static struct stock stock_of(const struct fixheap *heap,
			     const struct run_request *req, u32 n)
{
	const struct node *node = &heap->node[n];
	struct stock stock = { 0, 0 };

	for (u32 i = 0; i < node->nr_zones; i++) {
		u32 z = heap->order[ORDER_ARRAY][node->first + i];
		const struct zone *zone = &heap->zone[z];
		const struct bounds in = { zone->start_pfn, zone->end_pfn };

		stock.nr_free += zone->nr_free;
		stock.reserve += zonelist_reserve(heap, req, &in);
	}
	return stock;
}

/* Pages of the run in zones of this node. */
static u64 pages_of_node(const struct fixheap *heap, const struct run *run,
			 u32 n)
{
	const struct zone *zone = zone_of(heap, run->pfn);
	u64 end = run->pfn + run->nr_pages, nr = 0;

	for (; zone < heap->zone + heap->nr_zones && zone->start_pfn < end;
	     zone++) {
		if (zone->node == n)
			nr += min_u64(zone->end_pfn, end) -
			      max_u64(zone->start_pfn, run->pfn);
	}
	return nr;
}

bool region_may_have(const struct region *region, const struct run_request *req,
		     const struct run *run)
{
	const struct fixheap *heap = region->heap;
	const struct zone *zone;
	struct bounds in;

	if (likely(!heap->reserves))
		return true;
	zone = zone_of(heap, run->pfn);
	in = (struct bounds){ zone->start_pfn, zone->end_pfn };
	if (run->pfn + run->nr_pages <= zone->end_pfn)
		return zone->nr_free >=
		       run->nr_pages + zonelist_reserve(heap, req, &in);
	for (u32 n = 0; n < heap->nr_nodes; n++) {
		struct stock stock = stock_of(heap, req, n);
		u64 nr = pages_of_node(heap, run, n);

		if (nr && stock.nr_free < nr + stock.reserve)
			return false;
	}
	return true;
}

u64 region_may_give(const struct fixheap *heap, const struct run_request *req,
		    const struct zone *zone)
{
	struct stock stock = stock_of(heap, req, zone->node);

	return stock.nr_free - min_u64(stock.nr_free, stock.reserve);
}

bool region_find_locked(const struct region *region,
			const struct run_request *req,
			const struct contig_request *find, struct run *run)
{
	const struct fixheap *heap = region->heap;
	struct contig_request inner = *find;
	const struct zone *first, *last;
	u64 nr;

	run->nr_pages = find->nr_pages;
	if (!place_find(region, find, &run->pfn))
		return false;
	if (region_may_have(region, req, run))
		return true;
	if (find->zone)
		return false;
	/* over several zones: no more of those at both ends than they give */
	first = zone_of(heap, find->in.pfn);
	last = zone_of(heap, find->in.end - 1);
	nr = region_may_give(heap, req, first);
	if (first->end_pfn - inner.in.pfn > nr)
		inner.in.pfn = first->end_pfn - nr;
	nr = region_may_give(heap, req, last);
	if (inner.in.end - last->start_pfn > nr)
		inner.in.end = last->start_pfn + nr;
	return inner.in.pfn + inner.nr_pages <= inner.in.end &&
	       place_find(region, &inner, &run->pfn) &&
	       region_may_have(region, req, run);
}

bool region_alloc_locked(struct region *region, const struct run_request *req,
			 const struct contig_request *find, struct run *run,
			 struct zero_range *known)
{
	const struct fixheap *heap = region->heap;
	const struct zone *zone = find->zone;
	u64 page;

	if (!may_take(region, req, find) ||
	    !region_find_locked(region, req, find, run))
		return false;
	*known = region_take_locked(region, run, req->placement);
	if (!zone)
		zone = zone_of(heap, run->pfn);
	page = page_make(req->kind, req->placement, zone->node);
	if (req->placement == PLACE_ARRAY &&
	    (req->kind == PAGE_ARRAY || !heap_is_deterministic(heap)))
		page |= (++region->nr_stamps & PAGE_STAMP_MASK)
			<< PAGE_STAMP_SHIFT;
	tag_set(region->heap, run->pfn, req->tag);
	runmap_set(region, run, page);
	return true;
}
