/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * runmap.c: which run covers a page?
 *
 * The head of a run has a descriptor that says how long the run is; the other
 * pages of it have none.  To find the head from a page in the middle: look
 * back in the same pageblock, and if no head is there, find the nearest block
 * before it from which a run reaches over the end.  At most one run can leave
 * a block, so one number for each block is enough, kept in a max tree.
 *
 * Invariants
 *  1. A page has a descriptor exactly if a run begins there.
 *  2. cross of block b = 1 + place of the head in b whose run covers the
 *     first page of block b + 1; 0 if there is none.
 *
 * Locking: the region lock; descriptors of pages that the caller owns may be
 * read without.  Cost: O(1) to set and clear (an EXTENT: its pages); to find,
 * at most 511 descriptors of 8 bytes and O(log16 blocks).
 */
#include "runmap.h"

static u32 tree_index(const struct region *region, u64 pfn)
{
	return (u32)(pfn >> BLOCK_SHIFT) - region->first_block;
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
	if (crosses(run))
		maxtree_set(&region->cross, tree_index(region, run->pfn),
			    run->pfn % BLOCK_PAGES + 1);
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
	if (crosses(run))
		maxtree_set(&region->cross, tree_index(region, run->pfn), 0);
}

static bool covers(const struct region *region, u64 head, u64 pfn,
		   struct run *run, u64 *page)
{
	*page = page_read(&region->heap->page[head]);
	run->pfn = head;
	run->nr_pages = page_len(*page);
	return head + run->nr_pages > pfn;
}

bool runmap_find(const struct region *region, u64 pfn, struct run *run,
		 u64 *page)
{
	u64 start = max_u64(round_down(pfn, BLOCK_PAGES), region->start_pfn);
	u64 i;

	for (u64 p = pfn + 1; p-- > start;) {
		if (page_read(&region->heap->page[p]))
			return covers(region, p, pfn, run, page);
	}
	i = maxtree_last(&region->cross, tree_index(region, pfn), 1);
	if (i == MAXTREE_NONE)
		return false;
	return covers(region,
		      ((region->first_block + i) << BLOCK_SHIFT) +
			      maxtree_get(&region->cross, i) - 1,
		      pfn, run, page);
}
