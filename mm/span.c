/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * span.c: the block layer, every free run that reaches over a border.
 *
 * A free run either lies inside one open pageblock, where its bitmap finds
 * it, or it contains the border between two blocks.  The latter are kept here
 * as spans, exact to the page: the row of whole free blocks in the middle
 * (perhaps none), the free tail of the open block before it and the free head
 * of the open block behind it.  A span needs no memory of its own: its ends
 * are marked in its first and last pageblock (boundary tags), a max tree by
 * block number says where spans of a given size are, and a set where rows
 * begin.  Another tree has the rows by length.
 *
 * Invariants
 *  1. A closed free block lies in exactly one row; rows never touch.
 *  2. span_end is set in the first block of a row only, span_first in its
 *     last only; both are 0 in every other block.
 *  3. span_pages of a row's first block = free tail before + 512 * blocks +
 *     free head behind, saturated at 2^32 - 1; it is in span_rows.
 *  4. span_pages of block b, where no row starts, is tail + head of the open
 *     blocks b - 1 and b if both are positive, else 0; it is not in span_rows.
 *
 * Locking: the region lock.  Cost: O(1) blocks and O(log16 blocks) for the
 * trees whatever the run's length; blocks inside a row are not touched.
 */
#include "span.h"

#include "sizetree.h"

static u32 tree_index(const struct region *region, u32 b)
{
	return b - region->first_block;
}

/* Free pages that end where block b begins. */
static u32 free_before(const struct region *region, u32 b)
{
	return b > region->first_block ? region->block[b - 1].tail : 0;
}

/* Free pages from the start of block b. */
static u32 free_from(const struct region *region, u32 b)
{
	return b < region->end_block ? region->block[b].head : 0;
}

void span_fill(const struct region *region, u32 first, u32 end,
	       struct span *span)
{
	u32 tail = free_before(region, first);

	span->first = first;
	span->end = end;
	span->pfn = ((u64)first << BLOCK_SHIFT) - tail;
	span->nr_pages = tail + ((u64)(end - first) << BLOCK_SHIFT) +
			 free_from(region, end);
}

#define NO_ROW UINT32_MAX

/* First block of the row that covers block b, or, where none does, of one
 * before it; NO_ROW. */
static u32 row_of(const struct region *region, u32 b)
{
	const struct pageblock *pb = &region->block[b];
	u64 i;

	if (pb->span_first)
		return pb->span_first - 1;
	if (pb->span_end)
		return b;
	i = bittree_last(&region->span_rows, tree_index(region, b));
	return i == BITTREE_NONE ? NO_ROW : region->first_block + (u32)i;
}

/* File the row [first, end), or with end == first the border before first. */
static void span_file(struct region *region, u32 first, u32 end)
{
	u32 tail = free_before(region, first), head = free_from(region, end);
	u64 pages = tail + ((u64)(end - first) << BLOCK_SHIFT) + head;

	if (first == end && (!tail || !head))
		pages = 0;
	maxtree_set(&region->span_pages, tree_index(region, first),
		    (u32)min_u64(pages, UINT32_MAX));
}

/* Mark the ends of the row [first, end) and file it. */
static void row_make(struct region *region, u32 first, u32 end)
{
	region->block[first].span_end = end;
	region->block[end - 1].span_first = first + 1;
	sizetree_add(region, first);
	bittree_set(&region->span_rows, tree_index(region, first));
	span_file(region, first, end);
}

/* Remove the marks of the row [first, end); it stays filed. */
static void row_unmake(struct region *region, u32 first, u32 end)
{
	sizetree_del(region, first);
	region->block[first].span_end = 0;
	region->block[end - 1].span_first = 0;
}

/* No span is filed under block b any more. */
static void span_unfile(struct region *region, u32 b)
{
	maxtree_set(&region->span_pages, tree_index(region, b), 0);
	bittree_clear(&region->span_rows, tree_index(region, b));
}

/* What is new is filed before what is gone is not any more: then a maximum that
 * both share changes once. */
void span_add(struct region *region, u32 first, u32 end)
{
	u32 row_first = first, row_end = end;

	if (first > region->first_block &&
	    region->block[first - 1].span_first) {
		row_first = region->block[first - 1].span_first - 1;
		row_unmake(region, row_first, first);
	}
	if (end < region->end_block && region->block[end].span_end) {
		row_end = region->block[end].span_end;
		row_unmake(region, end, row_end);
	}
	row_make(region, row_first, row_end);
	/* a row, or a border, that is part of this row now */
	if (end < region->end_block)
		span_unfile(region, end);
}

void span_del(struct region *region, u32 first, u32 end)
{
	u32 row = row_of(region, first), row_end = region->block[row].span_end;

	row_unmake(region, row, row_end);
	if (end < row_end)
		row_make(region, end, row_end);
	if (row < first)
		row_make(region, row, first);
	else
		span_unfile(region, row);
}

void span_touch_head(struct region *region, u32 b)
{
	u32 before = b > region->first_block ? region->block[b - 1].span_first
					     : 0;

	span_file(region, before ? before - 1 : b, b);
}

void span_touch_tail(struct region *region, u32 b)
{
	if (b + 1 < region->end_block)
		span_file(region, b + 1,
			  region->block[b + 1].span_end ?: b + 1);
}

bool span_find(const struct region *region, u32 b, struct span *span)
{
	u32 first = row_of(region, b);

	if (first == NO_ROW || region->block[first].span_end <= b)
		return false;
	span_fill(region, first, region->block[first].span_end, span);
	return true;
}
