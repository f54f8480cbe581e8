/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * runmap.c: which run covers a page?
 *
 * The head of a run has a descriptor that says how long the run is; the other
 * pages of it have none.  To find the head from a page in the middle: look
 * back a few pages, then find the nearest block before it from which a run
 * reaches over the end.  At most one run can leave a block, so one number for
 * each block is enough, and a set of the blocks that have one.  If that run
 * does not come so far, the head is in the same pageblock.
 *
 * Invariants
 *  1. A page has a descriptor exactly if a run begins there.
 *  2. cross of block b = 1 + place of the head in b whose run covers the
 *     first page of block b + 1; 0 if there is none.  The region's `cross` has
 *     those where it is not 0.
 *
 * Locking: the region lock; descriptors of pages that the caller owns may be
 * read without.  Cost: O(1) to set and clear (an EXTENT: its pages); to find,
 * at most 511 descriptors of 8 bytes and O(log64 blocks).
 */
#include "runmap.h"

#include "tag.h"

#define NEAR_PAGES 7 /* a line of descriptors, or two */

static u32 tree_index(const struct region *region, u64 pfn)
{
	return (u32)(pfn >> BLOCK_SHIFT) - region->first_block;
}

/* A run that begins at pfn leaves its block; cross is 0: it does not. */
static void set_cross(struct region *region, u64 pfn, u32 cross)
{
	region->block[pfn >> BLOCK_SHIFT].cross = (u16)cross;
	if (cross)
		bittree_set(&region->cross, tree_index(region, pfn));
	else
		bittree_clear(&region->cross, tree_index(region, pfn));
}

static bool crosses(const struct run *run)
{
	return run->pfn >> BLOCK_SHIFT !=
	       (run->pfn + run->nr_pages - 1) >> BLOCK_SHIFT;
}

void runmap_set(struct region *region, const struct run *run, u64 page)
{
	u64 *pages = region->heap->page;

	if (page_kind(page) == PAGE_EXTENT || page_kind(page) == PAGE_CACHED) {
		for (u64 i = 0; i < run->nr_pages; i++)
			page_write(&pages[run->pfn + i], page);
		return;
	}
	page_write(&pages[run->pfn], page_set_len(page, run->nr_pages));
	if (page_kind(page) != PAGE_FREEING)
		tag_run(region->heap, run->pfn, run->nr_pages, 1);
	if (crosses(run))
		set_cross(region, run->pfn, run->pfn % BLOCK_PAGES + 1);
}

void runmap_clear(struct region *region, const struct run *run)
{
	u64 *pages = region->heap->page;
	enum page_kind kind = page_kind(page_read(&pages[run->pfn]));

	if (kind == PAGE_EXTENT || kind == PAGE_CACHED) {
		for (u64 i = 0; i < run->nr_pages; i++)
			page_write(&pages[run->pfn + i], 0);
		return;
	}
	page_write(&pages[run->pfn], 0);
	if (kind != PAGE_FREEING)
		tag_run(region->heap, run->pfn, run->nr_pages, -1);
	if (crosses(run))
		set_cross(region, run->pfn, 0);
}

static bool covers(const struct region *region, u64 head, u64 pfn,
		   struct run *run, u64 *page)
{
	*page = page_read(&region->heap->page[head]);
	run->pfn = head;
	run->nr_pages = page_len(*page);
	return head + run->nr_pages > pfn;
}

/* The last head in [start, pfn]. */
static bool find_head(const struct region *region, u64 start, u64 pfn,
		      u64 *head)
{
	for (u64 p = pfn + 1; p-- > start;) {
		if (page_read(&region->heap->page[p])) {
			*head = p;
			return true;
		}
	}
	return false;
}

/* The last head in the blocks before, of those that leave their block. */
static bool find_crossing(const struct region *region, u64 pfn, u64 *head)
{
	u64 b = bittree_last(&region->cross, tree_index(region, pfn));

	if (b == BITTREE_NONE)
		return false;
	b += region->first_block;
	*head = (b << BLOCK_SHIFT) + region->block[b].cross - 1;
	return true;
}

bool runmap_find(const struct region *region, u64 pfn, struct run *run,
		 u64 *page)
{
	u64 start = max_u64(round_down(pfn, BLOCK_PAGES), region->start_pfn);
	u64 near = pfn - start > NEAR_PAGES ? pfn - NEAR_PAGES : start;
	u64 head;

	if (find_head(region, near, pfn, &head))
		return covers(region, head, pfn, run, page);
	if (find_crossing(region, pfn, &head) &&
	    covers(region, head, pfn, run, page))
		return true;
	return find_head(region, start, near, &head) &&
	       covers(region, head, pfn, run, page);
}
