/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * contig.c: page runs of any length in one zone, over both layers.
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
 * only when no free run holds it at its alignment.
 *
 * Locking: the zone lock.  Cost: O(log16 blocks) and three bitmaps, whatever
 * the length; an alignment beyond the page size looks at every span that is
 * long enough until one serves.
 */
#include "contig.h"

#include "bitmap.h"
#include "page_alloc.h"
#include "span.h"

/* First pfn >= pfn whose address is a multiple of align pages. */
static u64 pfn_align(const struct zone *zone, u64 pfn, u64 align)
{
	u64 origin = (uintptr_t)zone->heap->origin >> PAGE_SHIFT;

	return round_up(origin + pfn, align) - origin;
}

static bool span_fits(const struct zone *zone, const struct span *span,
		      const struct contig_request *req, u64 *pfn)
{
	*pfn = pfn_align(zone, span->pfn, req->align);
	return *pfn + req->nr_pages <= span->pfn + span->nr_pages;
}

/* The lowest span that holds the request. */
static bool find_low(const struct zone *zone, const struct contig_request *req,
		     u64 *pfn)
{
	struct span span;
	u32 from = zone->first_block;

	while (span_first(zone, from, req->nr_pages, &span)) {
		if (span_fits(zone, &span, req, pfn))
			return true;
		from = span.first + 1;
	}
	return false;
}

/* A fresh block for one placement, at the high end. */
static bool find_fresh(const struct zone *zone,
		       const struct contig_request *req, u64 *pfn)
{
	u32 b;

	if (!span_highest_block(zone, &b))
		return false;
	*pfn = (u64)b << BLOCK_SHIFT;
	return pfn_align(zone, *pfn, req->align) == *pfn;
}

/*
 * The end of the highest whole block, joined with the free pages at the start
 * of the block above if that is of the same placement: so that runs of a good
 * part of a block lie one below the other, over the borders.
 */
static bool find_below(const struct zone *zone,
		       const struct contig_request *req, u64 *pfn)
{
	struct span span;
	u32 b;

	if (req->align > 1 || !span_highest_block(zone, &b) ||
	    !span_find(zone, b, &span))
		return find_fresh(zone, req, pfn);
	*pfn = (u64)span.end << BLOCK_SHIFT;
	if (span.end < zone->end_block &&
	    zone->block[span.end].placement == req->placement)
		*pfn = span.pfn + span.nr_pages;
	*pfn -= req->nr_pages;
	return true;
}

static bool find_small(const struct zone *zone,
		       const struct contig_request *req, u64 *pfn)
{
	struct block_request block = { .nr = (u32)req->nr_pages,
				       .align = req->align,
				       .place = req->placement };

	if (block_find_fullest(zone, &block, pfn))
		return true;
	if (req->placement == PLACE_ARRAY && find_low(zone, req, pfn))
		return true;
	if (req->placement == PLACE_MEDIUM ? find_below(zone, req, pfn)
					   : find_fresh(zone, req, pfn))
		return true;
	for (u32 place = NR_PLACEMENTS; place--;) {
		block.place = place;
		if (block_find_emptiest(zone, &block, pfn))
			return true;
	}
	for (u32 place = 0; place < NR_PLACEMENTS && req->align > 1; place++) {
		block.place = place;
		if (block_find_any(zone, &block, pfn))
			return true;
	}
	return find_low(zone, req, pfn);
}

bool contig_find(const struct zone *zone, const struct contig_request *req,
		 u64 *pfn)
{
	if (req->nr_pages < BLOCK_PAGES)
		return find_small(zone, req, pfn);
	return find_low(zone, req, pfn);
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

/* Take a part of block b, open or free. */
static struct zero_range take_part(struct zone *zone, u64 pfn, u32 nr,
				   enum placement placement)
{
	u32 b = (u32)(pfn >> BLOCK_SHIFT);
	struct span zero;

	if (!block_is_open(&zone->block[b])) {
		span_del(zone, b, b + 1, &zero);
		block_open_free(zone, b, placement, zero.first < zero.end);
	}
	if (block_take(zone, b, pfn % BLOCK_PAGES, nr))
		return (struct zero_range){ pfn, pfn + nr };
	return (struct zero_range){ 0, 0 };
}

struct zero_range contig_take(struct zone *zone, u64 pfn, u64 nr_pages,
			      enum placement placement)
{
	struct zero_range known = { 0, 0 };
	u64 end = pfn + nr_pages;

	zone->nr_free -= nr_pages;
	while (pfn < end) {
		u64 border = round_down(end, BLOCK_PAGES);
		struct zero_range part;
		struct span zero;
		u64 to;

		if (pfn % BLOCK_PAGES || pfn >= border) {
			to = min_u64(round_up(pfn + 1, BLOCK_PAGES), end);
			part = take_part(zone, pfn, (u32)(to - pfn), placement);
		} else {
			to = border;
			span_del(zone, (u32)(pfn >> BLOCK_SHIFT),
				 (u32)(to >> BLOCK_SHIFT), &zero);
			part.pfn = (u64)zero.first << BLOCK_SHIFT;
			part.end = (u64)zero.end << BLOCK_SHIFT;
		}
		known = zero_join(known, part);
		pfn = to;
	}
	return known;
}

void contig_give(struct zone *zone, u64 pfn, u64 nr_pages,
		 enum placement placement, bool zero)
{
	u64 end = pfn + nr_pages;

	zone->nr_free += nr_pages;
	while (pfn < end) {
		u64 border = round_down(end, BLOCK_PAGES);
		u32 b = (u32)(pfn >> BLOCK_SHIFT);
		u64 to;

		if (pfn % BLOCK_PAGES || pfn >= border) {
			to = min_u64(round_up(pfn + 1, BLOCK_PAGES), end);
			if (zero)
				bitmap_set(zone->block[b].zero,
					   pfn % BLOCK_PAGES, (u32)(to - pfn));
			block_give(zone, b, pfn % BLOCK_PAGES, (u32)(to - pfn),
				   placement);
		} else {
			to = border;
			span_add(zone, b, (u32)(to >> BLOCK_SHIFT), zero);
		}
		pfn = to;
	}
}

u64 contig_free_from(const struct zone *zone, u64 pfn)
{
	u64 at = pfn;

	while (at < zone->end_pfn) {
		u32 b = (u32)(at >> BLOCK_SHIFT), nr;
		struct span row;

		if (!block_is_open(&zone->block[b])) {
			if (!span_find(zone, b, &row))
				break;
			at = (u64)row.end << BLOCK_SHIFT;
			continue;
		}
		nr = bitmap_ones_from(zone->block[b].free, at % BLOCK_PAGES);
		at += nr;
		if (!nr || at % BLOCK_PAGES)
			break;
	}
	return at - pfn;
}

u64 contig_largest(const struct zone *zone, u64 align)
{
	u64 largest = block_largest(zone, align);
	u32 from = zone->first_block;
	struct span span;

	while (span_first(zone, from, largest + 1, &span)) {
		u64 start = pfn_align(zone, span.pfn, align);
		u64 end = span.pfn + span.nr_pages;

		if (start < end)
			largest = max_u64(largest, end - start);
		from = span.first + 1;
	}
	return largest;
}
