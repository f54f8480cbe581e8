/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * contig.c: page runs of any length in a region, over both layers.
 *
 * A run is taken and given back in at most three pieces: the end of an open
 * pageblock, a row of whole blocks, the start of an open pageblock.  Where it
 * goes is decided here, and in contig_find only:
 *
 *  - Runs of a pageblock or more go to the lowest address where they fit, and
 *    start right behind what lies there, if place.c knows nothing better.
 *  - Smaller runs go into open blocks of their own placement, the fullest
 *    first.  A placement that runs out opens the highest whole block (medium
 *    runs begin at its end): so these come down from the high end, and the
 *    border moves by itself.
 *  - When no whole block is left, the emptiest block of another placement
 *    serves, and at last the border between two blocks.
 *
 * Every free run of the zone is found by one of these, so a request fails
 * only when no free run holds it at its alignment; one that may lie in several
 * zones is found by its span.
 *
 * Locking: the region lock.  Cost: O(log16 blocks) and two bitmaps, whatever
 * the length; an alignment beyond the page size looks at every span that is
 * long enough until one serves.
 */
#include "contig.h"

#include "bitmap.h"
#include "page_alloc.h"
#include "span.h"
#include "zeromap.h"
#include "trace.h"

/* First pfn >= pfn, of those that follow it in memory, whose address is a
 * multiple of align pages.  In a symmetric heap the offsets of arrays are, too,
 * as heap_may_align says. */
u64 contig_align(const struct region *region, u64 pfn, u64 align)
{
	u64 page = (uintptr_t)pfn_to_addr(region->heap, pfn) >> PAGE_SHIFT;

	return round_up(page, align) - page + pfn;
}

/* The lowest span that holds the request. */
static bool find_low(const struct region *region,
		     const struct contig_request *req, u64 *pfn)
{
	struct span span;
	u32 from = 0;

	while (span_next(region, &req->in, &from, req->nr_pages, &span)) {
		*pfn = contig_align(region, span.pfn, req->align);
		if (*pfn + req->nr_pages <= span.pfn + span.nr_pages)
			return true;
	}
	return false;
}

/* A fresh block for one placement, at the high end. */
static bool find_fresh(const struct region *region,
		       const struct contig_request *req, u64 *pfn)
{
	struct span span;

	if (!span_highest(region, &req->in, &span))
		return false;
	*pfn = (u64)(span.end - 1) << BLOCK_SHIFT;
	return contig_align(region, *pfn, req->align) == *pfn;
}

/*
 * The end of the highest whole block, joined with the free pages at the start
 * of the block above if that is of the same placement: so that runs of a good
 * part of a block lie one below the other, over the borders.
 */
static bool find_below(const struct region *region,
		       const struct contig_request *req, u64 *pfn)
{
	struct span span;
	u64 end;

	if (req->align > 1 || !span_highest(region, &req->in, &span))
		return find_fresh(region, req, pfn);
	end = (u64)span.end << BLOCK_SHIFT;
	if (end < req->in.end &&
	    region->block[span.end].placement == req->placement)
		end = span.pfn + span.nr_pages;
	*pfn = end - req->nr_pages;
	return true;
}

/* In an open block of another placement. */
static bool find_foreign(const struct contig_request *req,
			 struct block_request *block, u64 *pfn)
{
	for (u32 place = NR_PLACEMENTS; place--;) {
		block->place = place;
		if (block_find_emptiest(req->zone, block, pfn))
			return true;
	}
	for (u32 place = 0; place < NR_PLACEMENTS && req->align > 1; place++) {
		block->place = place;
		if (block_find_any(req->zone, block, pfn))
			return true;
	}
	return false;
}

static bool find_small(const struct region *region,
		       const struct contig_request *req, u64 *pfn)
{
	struct block_request block = { .nr = (u32)req->nr_pages,
				       .align = req->align,
				       .place = req->placement };

	if (block_find_fullest(req->zone, &block, pfn))
		return true;
	if (req->placement == PLACE_ARRAY && find_low(region, req, pfn))
		return true;
	if (req->placement == PLACE_MEDIUM ? find_below(region, req, pfn)
					   : find_fresh(region, req, pfn))
		return true;
	if (!find_foreign(req, &block, pfn))
		return find_low(region, req, pfn);
	trace_steal(region->heap, *pfn, req->nr_pages, block.place,
		    req->placement);
	return true;
}

bool contig_find(const struct region *region, const struct contig_request *req,
		 u64 *pfn)
{
	if (req->nr_pages < BLOCK_PAGES && req->zone)
		return find_small(region, req, pfn);
	return find_low(region, req, pfn);
}

/* Others read it without the lock. */
static void count_add(u64 *count, u64 nr)
{
	__atomic_store_n(count, *count + nr, __ATOMIC_RELAXED);
}

/* The zone lists that count these pages have so many free ones more. */
static void count_free(struct region *region, const struct bounds *pages,
		       long sign)
{
	struct fixheap *heap = region->heap;
	struct zone *zone = zone_of(heap, pages->pfn);

	count_add(&region->nr_free, (u64)sign * (pages->end - pages->pfn));
	for (; zone->start_pfn < pages->end; zone++) {
		u64 pfn = max_u64(zone->start_pfn, pages->pfn);
		u64 end = min_u64(zone->end_pfn, pages->end);

		count_add(&zone->nr_free, (u64)sign * (end - pfn));
		if (zone->index + 1 == heap->nr_zones)
			break;
	}
}

/* The part of block b that the pages have: i, and their number. */
static u32 part_of(const struct bounds *pages, u32 b, u32 *i)
{
	u64 start = (u64)b << BLOCK_SHIFT;

	*i = pages->pfn > start ? (u32)(pages->pfn - start) : 0;
	return (u32)min_u64(pages->end - start, BLOCK_PAGES) - *i;
}

/* The free pages at the ends of block b have changed, if they have. */
static void touch(struct region *region, u32 b, u32 old_edges)
{
	u32 changed = block_edges(&region->block[b]) ^ old_edges;

	if (changed >> 16)
		span_touch_head(region, b);
	if (changed & 0xffff)
		span_touch_tail(region, b);
}

/* Take the pages that lie in block b, open or free, if they are a part of it.
 * *known loses what does not read as zero. */
static void take_part(struct region *region, const struct bounds *pages, u32 b,
		      enum placement placement, struct zero_range *known)
{
	u32 i, nr = part_of(pages, b, &i);
	u64 pfn = ((u64)b << BLOCK_SHIFT) + i;
	struct zone *zone = zone_of(region->heap, pfn);

	if (nr == BLOCK_PAGES)
		return;
	if (!block_is_open(&region->block[b]))
		block_open_free(zone, b, placement, zeromap_is_zero(region, b));
	if (block_take(zone, b, i, nr))
		return;
	if (pfn == pages->pfn)
		known->pfn += nr;
	else
		known->end = pfn;
}

/* First the blocks of which it has a part, then the rows: so what touches a row
 * is what it will be when that is filed. */
struct zero_range contig_take(struct region *region, const struct bounds *pages,
			      enum placement placement)
{
	struct zero_range known = { pages->pfn, pages->end };
	u32 first = (u32)(pages->pfn >> BLOCK_SHIFT);
	u32 last = (u32)((pages->end - 1) >> BLOCK_SHIFT);
	u32 row = first + block_is_open(&region->block[first]);
	u32 end = last + !block_is_open(&region->block[last]);
	u32 edges[2] = { block_edges(&region->block[first]),
			 block_edges(&region->block[last]) };

	count_free(region, pages, -1);
	take_part(region, pages, first, placement, &known);
	if (last > first)
		take_part(region, pages, last, placement, &known);
	if (row < end)
		span_del(region, row, end);
	touch(region, first, edges[0]);
	if (last > first)
		touch(region, last, edges[1]);
	return known;
}

/* Give back the pages that lie in block b; true: all of it is free now. */
static bool give_part(struct region *region, const struct bounds *pages, u32 b,
		      enum placement placement, bool zero)
{
	u32 i, nr = part_of(pages, b, &i);

	if (nr == BLOCK_PAGES)
		return true;
	if (zero)
		bitmap_set(region->block[b].zero, i, nr);
	return block_give(zone_of(region->heap, ((u64)b << BLOCK_SHIFT) + i), b,
			  i, nr, placement);
}

void contig_give(struct region *region, const struct bounds *pages,
		 enum placement placement, bool zero)
{
	u32 first = (u32)(pages->pfn >> BLOCK_SHIFT);
	u32 last = (u32)((pages->end - 1) >> BLOCK_SHIFT);
	u32 row = (u32)((pages->pfn + BLOCK_PAGES - 1) >> BLOCK_SHIFT);
	u32 end = (u32)(pages->end >> BLOCK_SHIFT);
	u32 edges = block_edges(&region->block[first]);
	bool whole;

	count_free(region, pages, 1);
	if (row < end)
		zeromap_set(region, row, end, zero ? BLOCK_ZERO : BLOCK_USED);
	whole = give_part(region, pages, first, placement, zero);
	row = first + !whole;
	if (last > first)
		whole = give_part(region, pages, last, placement, zero);
	end = last + whole;
	/* a row is filed with what touches it, a border with both its sides */
	if (row < end)
		span_add(region, row, end);
	else
		touch(region, first, edges);
}

/* One zone has all of the block. */
static struct zone *count_bits(struct region *region, u64 pfn, u64 nr)
{
	struct zone *zone = zone_of(region->heap, pfn);

	count_add(&region->nr_free, nr);
	count_add(&zone->nr_free, nr);
	return zone;
}

void contig_take_bits(struct region *region, u64 pfn, u64 bits, u32 nr)
{
	u32 b = (u32)(pfn >> BLOCK_SHIFT);
	u32 edges = block_edges(&region->block[b]);

	block_take_bits(count_bits(region, pfn, -(u64)nr), b,
			pfn % BLOCK_PAGES / 64, bits, nr);
	touch(region, b, edges);
}

void contig_take_all(struct region *region, u32 b)
{
	u64 pfn = max_u64((u64)b << BLOCK_SHIFT, region->start_pfn);
	u32 edges = block_edges(&region->block[b]);
	u64 nr = region->block[b].nr_free;

	block_take_all(count_bits(region, pfn, -nr), b);
	touch(region, b, edges);
}

void contig_give_bits(struct region *region, u32 b, const u64 *bits, u32 nr,
		      enum placement placement)
{
	u64 pfn = max_u64((u64)b << BLOCK_SHIFT, region->start_pfn);
	u32 edges = block_edges(&region->block[b]);

	if (block_give_bits(count_bits(region, pfn, nr), b, bits, nr,
			    placement))
		span_add(region, b, b + 1);
	else
		touch(region, b, edges);
}

u64 contig_free_from(const struct region *region, u64 pfn)
{
	u64 at = pfn;

	while (at < region->end_pfn) {
		u32 b = (u32)(at >> BLOCK_SHIFT), nr;
		struct span row;

		if (!block_is_open(&region->block[b])) {
			if (!span_find(region, b, &row))
				break;
			at = (u64)row.end << BLOCK_SHIFT;
			continue;
		}
		nr = bitmap_ones_from(region->block[b].free, at % BLOCK_PAGES);
		at += nr;
		if (!nr || at % BLOCK_PAGES)
			break;
	}
	return at - pfn;
}

u64 contig_largest(const struct region *region,
		   const struct contig_request *req)
{
	u64 largest = req->zone ? block_largest(req->zone, req->align) : 0;
	struct span span;
	u32 from = 0;

	while (span_next(region, &req->in, &from, largest + 1, &span)) {
		u64 start = contig_align(region, span.pfn, req->align);
		u64 end = span.pfn + span.nr_pages;

		if (start < end)
			largest = max_u64(largest, end - start);
	}
	return largest;
}
