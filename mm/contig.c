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
 * Locking: the region lock.  Cost: O(log16 blocks) and three bitmaps, whatever
 * the length; an alignment beyond the page size looks at every span that is
 * long enough until one serves.
 */
#include "contig.h"

#include "bitmap.h"
#include "page_alloc.h"
#include "span.h"

/* First pfn >= pfn, of those that follow it in memory, whose address is a
 * multiple of align pages.  In a symmetric heap the offsets of arrays are, too,
 * as heap_may_align says. */
static u64 pfn_align(const struct region *region, u64 pfn, u64 align)
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
		*pfn = pfn_align(region, span.pfn, req->align);
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
	return pfn_align(region, *pfn, req->align) == *pfn;
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
	return find_foreign(req, &block, pfn) || find_low(region, req, pfn);
}

bool contig_find(const struct region *region, const struct contig_request *req,
		 u64 *pfn)
{
	if (req->nr_pages < BLOCK_PAGES && req->zone)
		return find_small(region, req, pfn);
	return find_low(region, req, pfn);
}

/* Join what is known of two pieces that follow each other. */
static struct zero_range zero_join(struct zero_range a, struct zero_range b)
{
	if (a.pfn == a.end)
		return b;
	if (a.end == b.pfn)
		return (struct zero_range){ a.pfn, b.end };
	return a.end - a.pfn >= b.end - b.pfn ? a : b;
}

/* The zone lists that count these pages have so many free ones more. */
static void count_free(struct region *region, const struct bounds *pages,
		       long sign)
{
	struct fixheap *heap = region->heap;
	struct zone *zone = zone_of(heap, pages->pfn);

	region->nr_free += (u64)sign * (pages->end - pages->pfn);
	for (; zone->start_pfn < pages->end; zone++) {
		u64 pfn = max_u64(zone->start_pfn, pages->pfn);
		u64 end = min_u64(zone->end_pfn, pages->end);

		zone->nr_free += (u64)sign * (end - pfn);
		if (zone->index + 1 == heap->nr_zones)
			break;
	}
}

/* Take a part of block b, open or free. */
static struct zero_range take_part(struct region *region, u64 pfn, u32 nr,
				   enum placement placement)
{
	u32 b = (u32)(pfn >> BLOCK_SHIFT);
	struct zone *zone = zone_of(region->heap, pfn);
	struct span zero;

	if (!block_is_open(&region->block[b])) {
		span_del(region, b, b + 1, &zero);
		block_open_free(zone, b, placement, zero.first < zero.end);
	}
	if (block_take(zone, b, pfn % BLOCK_PAGES, nr))
		return (struct zero_range){ pfn, pfn + nr };
	return (struct zero_range){ 0, 0 };
}

struct zero_range contig_take(struct region *region, const struct bounds *pages,
			      enum placement placement)
{
	struct zero_range known = { 0, 0 };
	u64 border = round_down(pages->end, BLOCK_PAGES);
	u64 pfn = pages->pfn;

	count_free(region, pages, -1);
	while (pfn < pages->end) {
		struct zero_range part;
		struct span zero;
		u64 to = border;

		if (pfn % BLOCK_PAGES || pfn >= border) {
			to = min_u64(round_up(pfn + 1, BLOCK_PAGES),
				     pages->end);
			part = take_part(region, pfn, (u32)(to - pfn),
					 placement);
		} else {
			span_del(region, (u32)(pfn >> BLOCK_SHIFT),
				 (u32)(to >> BLOCK_SHIFT), &zero);
			part.pfn = (u64)zero.first << BLOCK_SHIFT;
			part.end = (u64)zero.end << BLOCK_SHIFT;
		}
		known = zero_join(known, part);
		pfn = to;
	}
	return known;
}

/* Give back a part of a block. */
static void give_part(struct region *region, const struct bounds *part,
		      enum placement placement, bool zero)
{
	u32 b = (u32)(part->pfn >> BLOCK_SHIFT);
	u32 i = part->pfn % BLOCK_PAGES, nr = (u32)(part->end - part->pfn);

	if (zero)
		bitmap_set(region->block[b].zero, i, nr);
	block_give(zone_of(region->heap, part->pfn), b, i, nr, placement);
}

void contig_give(struct region *region, const struct bounds *pages,
		 enum placement placement, bool zero)
{
	u64 border = round_down(pages->end, BLOCK_PAGES);
	struct bounds part = *pages;

	count_free(region, pages, 1);
	while (part.pfn < pages->end) {
		part.end = border;
		if (part.pfn % BLOCK_PAGES || part.pfn >= border) {
			part.end = min_u64(round_up(part.pfn + 1, BLOCK_PAGES),
					   pages->end);
			give_part(region, &part, placement, zero);
		} else {
			span_add(region, (u32)(part.pfn >> BLOCK_SHIFT),
				 (u32)(part.end >> BLOCK_SHIFT), zero);
		}
		part.pfn = part.end;
	}
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
		u64 start = pfn_align(region, span.pfn, req->align);
		u64 end = span.pfn + span.nr_pages;

		if (start < end)
			largest = max_u64(largest, end - start);
	}
	return largest;
}
