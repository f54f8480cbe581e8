/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * span.c: the block layer, every free run that reaches over a border.
 *
 * A free run either lies inside one open pageblock, where its bitmap finds
 * it, or it contains the border between two blocks.  The latter are kept here
 * as spans, exact to the page: the row of whole free blocks in the middle
 * (perhaps none), the free tail of the open block before it and the free head
 * of the open block behind it.  A span needs no memory of its own: its ends
 * are marked in its first and last pageblock (boundary tags), and two max
 * trees by block number say where spans of a given size are: one counts
 * pages, the other whole blocks.  A third tree has the rows by length.
 *
 * Invariants
 *  1. A closed free block lies in exactly one row; rows never touch.
 *  2. span_end is set in the first block of a row only, span_first in its
 *     last only; both are 0 in every other block.
 *  3. span_pages of a row's first block = free tail before + 512 * blocks +
 *     free head behind, saturated at 2^32 - 1; span_blocks = its blocks.
 *  4. span_pages of block b, where no row starts, is tail + head of the open
 *     blocks b - 1 and b if both are positive, else 0; span_blocks is 0.
 *  5. Blocks [zero_first, zero_end) of a row read as zero.  When rows merge,
 *     the longest such piece is kept: knowledge is lost, never invented.
 *
 * Locking: the region lock.  Cost: O(1) blocks and O(log16 blocks) for the
 * trees whatever the run's length; blocks inside a row are not touched.
 */
#include "span.h"

#include "bitmap.h"
#include "sizetree.h"

static u32 tree_index(const struct region *region, u32 b)
{
	return b - region->first_block;
}

static u32 free_tail(const struct region *region, u32 b)
{
	const struct pageblock *pb = &region->block[b];

	if (b < region->first_block || !block_is_open(pb))
		return 0;
	return bitmap_ones_before(pb->free, BLOCK_PAGES);
}

static u32 free_head(const struct region *region, u32 b)
{
	const struct pageblock *pb = &region->block[b];

	if (b >= region->end_block || !block_is_open(pb))
		return 0;
	return bitmap_ones_from(pb->free, 0);
}

void span_fill(const struct region *region, u32 first, u32 end,
	       struct span *span)
{
	u32 tail = first > region->first_block ? free_tail(region, first - 1)
					       : 0;

	span->first = first;
	span->end = end;
	span->pfn = ((u64)first << BLOCK_SHIFT) - tail;
	span->nr_pages = tail + ((u64)(end - first) << BLOCK_SHIFT) +
			 free_head(region, end);
}

/* File the row [first, end), or with end == first the border before first. */
static void span_file(struct region *region, u32 first, u32 end)
{
	struct span span;
	u64 pages;

	if (first >= region->end_block)
		return;
	span_fill(region, first, end, &span);
	pages = min_u64(span.nr_pages, UINT32_MAX);
	if (first == end) {
		u64 border = (u64)first << BLOCK_SHIFT;

		if (span.pfn == border || span.pfn + span.nr_pages == border)
			pages = 0;
	}
	maxtree_set(&region->span_pages, tree_index(region, first), (u32)pages);
	maxtree_set(&region->span_blocks, tree_index(region, first),
		    end - first);
}

/* Mark the ends of the row [first, end) and file it. */
static void row_make(struct region *region, u32 first, u32 end,
		     const struct span *zero)
{
	struct pageblock *pb = &region->block[first];

	pb->span_end = end;
	region->block[end - 1].span_first = first + 1;
	pb->zero_first = zero->first;
	pb->zero_end = zero->end;
	sizetree_add(region, first);
	span_file(region, first, end);
}

/* Remove the marks of the row [first, end) and what it is filed under. */
static void row_unmake(struct region *region, u32 first, u32 end)
{
	sizetree_del(region, first);
	region->block[first].span_end = 0;
	region->block[end - 1].span_first = 0;
	maxtree_set(&region->span_pages, tree_index(region, first), 0);
	maxtree_set(&region->span_blocks, tree_index(region, first), 0);
}

/* The piece of zero blocks to keep of two. */
static struct span zero_join(struct span a, struct span b)
{
	if (a.end == b.first && a.first < a.end && b.first < b.end)
		return (struct span){ .first = a.first, .end = b.end };
	return a.end - a.first >= b.end - b.first ? a : b;
}

static struct span row_zero(const struct region *region, u32 first)
{
	const struct pageblock *pb = &region->block[first];

	return (struct span){ .first = pb->zero_first, .end = pb->zero_end };
}

void span_add(struct region *region, u32 first, u32 end, bool zero)
{
	struct span known = { .first = first, .end = zero ? end : first };
	u32 row_first = first, row_end = end;

	if (first > region->first_block &&
	    region->block[first - 1].span_first) {
		row_first = region->block[first - 1].span_first - 1;
		known = zero_join(row_zero(region, row_first), known);
		row_unmake(region, row_first, first);
	}
	if (end < region->end_block && region->block[end].span_end) {
		row_end = region->block[end].span_end;
		known = zero_join(known, row_zero(region, end));
		row_unmake(region, end, row_end);
	}
	row_make(region, row_first, row_end, &known);
	/* a border that was filed on its own is part of the row now */
	if (end == row_end && end < region->end_block)
		maxtree_set(&region->span_pages, tree_index(region, end), 0);
}

/* What lies of zero in [first, end). */
static struct span zero_part(struct span zero, u32 first, u32 end)
{
	u32 from = zero.first > first ? zero.first : first;
	u32 to = zero.end < end ? zero.end : end;

	return (struct span){ .first = from, .end = to > from ? to : from };
}

void span_del(struct region *region, u32 first, u32 end, struct span *zero)
{
	struct span row, known, part;

	span_find(region, first, &row);
	known = row_zero(region, row.first);
	row_unmake(region, row.first, row.end);
	if (row.first < first) {
		part = zero_part(known, row.first, first);
		row_make(region, row.first, first, &part);
	}
	if (end < row.end) {
		part = zero_part(known, end, row.end);
		row_make(region, end, row.end, &part);
	}
	*zero = zero_part(known, first, end);
}

void span_touch(struct region *region, u32 b)
{
	u32 before = b > region->first_block ? region->block[b - 1].span_first
					     : 0;

	if (before)
		span_file(region, before - 1, b);
	else
		span_file(region, b, b);
	if (b + 1 == region->end_block)
		return;
	if (region->block[b + 1].span_end)
		span_file(region, b + 1, region->block[b + 1].span_end);
	else
		span_file(region, b + 1, b + 1);
}

bool span_find(const struct region *region, u32 b, struct span *span)
{
	const struct pageblock *pb = &region->block[b];
	u32 first = b;
	u64 i;

	if (pb->span_first) {
		first = pb->span_first - 1;
	} else if (!pb->span_end) {
		i = maxtree_last(&region->span_blocks, tree_index(region, b),
				 1);
		if (i == MAXTREE_NONE)
			return false;
		first = region->first_block + (u32)i;
	}
	if (region->block[first].span_end <= b)
		return false;
	span_fill(region, first, region->block[first].span_end, span);
	return true;
}
