/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * span_find.c: which span of a part of the region holds a request?
 *
 * Spans reach over the borders of zones, so that a run can, too.  A request
 * that must stay in one zone sees of each span the part that lies in it.  At
 * most one span sticks out at each end of the part, so that cutting costs two
 * more steps at most.
 *
 * What is left of a span may lie in one open block only.  Then it need not be
 * found here, as that block's bitmap has it.
 *
 * Locking: the region lock.  Cost: O(log16 blocks) a step; span_shortest: in
 * the whole region O(log rows), else it looks at up to TRIES spans.
 */
#include "sizetree.h"
#include "span.h"

/* The trees saturate at 2^32 - 1 pages; only a span of all 2^32 has more. */
static u32 tree_min(u64 nr_pages)
{
	return (u32)min_u64(nr_pages, UINT32_MAX);
}

static u32 first_block(const struct bounds *in)
{
	return (u32)(in->pfn >> BLOCK_SHIFT);
}

static u32 end_block(const struct bounds *in)
{
	return (u32)((in->end + BLOCK_PAGES - 1) >> BLOCK_SHIFT);
}

static bool is_whole(const struct region *region, const struct bounds *in)
{
	return in->pfn == region->start_pfn && in->end == region->end_pfn;
}

/* The span filed under entry i, cut; false: nothing is left of it. */
static bool span_cut(const struct region *region, const struct bounds *in,
		     u64 i, struct span *span)
{
	u32 b = region->first_block + (u32)i;
	u32 low = (u32)((in->pfn + BLOCK_PAGES - 1) >> BLOCK_SHIFT);
	u32 high = (u32)(in->end >> BLOCK_SHIFT);
	u64 end;

	span_fill(region, b, region->block[b].span_end ?: b, span);
	end = min_u64(span->pfn + span->nr_pages, in->end);
	span->pfn = max_u64(span->pfn, in->pfn);
	if (span->pfn >= end)
		return false;
	span->nr_pages = end - span->pfn;
	if (span->first < low)
		span->first = low;
	if (span->end > high)
		span->end = high;
	if (span->end < span->first)
		span->end = span->first;
	return true;
}

/* Where a search of the part begins: at the row that covers its first block. */
static u32 begin(const struct region *region, const struct bounds *in)
{
	struct span row;
	u32 b = first_block(in);

	return span_find(region, b, &row) ? row.first : b;
}

bool span_next(const struct region *region, const struct bounds *in, u32 *from,
	       u64 nr_pages, struct span *span)
{
	if (!*from)
		*from = begin(region, in);
	while (*from < end_block(in)) {
		u64 i = maxtree_first(&region->span_pages,
				      *from - region->first_block,
				      tree_min(nr_pages));

		if (i == MAXTREE_NONE)
			break;
		*from = region->first_block + (u32)i + 1;
		if (span_cut(region, in, i, span) && span->nr_pages >= nr_pages)
			return true;
	}
	*from = end_block(in);
	return false;
}

bool span_last(const struct region *region, const struct bounds *in,
	       u64 nr_pages, struct span *span)
{
	u64 before = end_block(in) - region->first_block;

	for (;;) {
		before = maxtree_last(&region->span_pages, before,
				      tree_min(nr_pages));
		if (before == MAXTREE_NONE ||
		    !span_cut(region, in, before, span))
			return false;
		if (span->nr_pages >= nr_pages)
			return true;
	}
}

bool span_highest(const struct region *region, const struct bounds *in,
		  struct span *span)
{
	u64 before = end_block(in) - region->first_block;

	for (;;) {
		before = bittree_last(&region->span_rows, before);
		if (before == BITTREE_NONE ||
		    !span_cut(region, in, before, span))
			return false;
		if (span->first < span->end)
			return true;
	}
}

/* So many spans are looked at for one that is not much too long. */
#define TRIES 16

/* In a part: the shortest of the first few that are long enough. */
static bool shortest_in(const struct region *region, const struct bounds *in,
			u64 nr_pages, struct span *span)
{
	struct span other;
	u32 from = 0;

	if (!span_next(region, in, &from, nr_pages, span))
		return false;
	for (u32 i = 1; i < TRIES; i++) {
		if (!span_next(region, in, &from, nr_pages, &other))
			break;
		if (other.nr_pages < span->nr_pages)
			*span = other;
	}
	return true;
}

bool span_shortest(const struct region *region, const struct bounds *in,
		   u64 nr_pages, struct span *span)
{
	u64 edges = 2 * (BLOCK_PAGES - 1);
	u64 least = nr_pages > edges ? nr_pages - edges : 1;
	u64 sure = (nr_pages + BLOCK_PAGES - 1) >> BLOCK_SHIFT;
	u32 nr_blocks = (u32)((least + BLOCK_PAGES - 1) >> BLOCK_SHIFT);
	u32 b = 0;

	if (!is_whole(region, in))
		return shortest_in(region, in, nr_pages, span);
	/* lengths that may be enough with the pages at both ends */
	for (u32 i = 0; nr_blocks < sure && i < TRIES; i++) {
		if (!sizetree_find(region, nr_blocks, b, &b))
			return false;
		span_fill(region, b, region->block[b].span_end, span);
		if (span->nr_pages >= nr_pages)
			return true;
		nr_blocks = region->block[b].span_end - b;
		b++;
	}
	if (!sizetree_find(region, (u32)sure, 0, &b))
		return false;
	span_fill(region, b, region->block[b].span_end, span);
	return true;
}
