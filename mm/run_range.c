/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run_range.c: free any range of pages, whatever calls produced it.
 *
 * jemalloc gives back parts and unions of what its hooks got, and so may a
 * runtime with fixheap_pages_free.  The range is walked run by run: first to
 * see that all of it is in use and of one kind, then again to take it away.
 * The runs at its two ends may stick out: their remainders become runs.
 *
 * Invariants
 *  1. Nothing is freed unless the whole range passes the check.
 *  2. Afterwards every remainder is a run with a head of its own.
 *
 * Locking: the region lock.  Cost: O(log blocks) for each run in the range; an
 * EXTENT: for its pages.
 */
#include "runmap.h"
#include "tag.h"
#include "trace.h"
#include "zone.h"

/* Runs of this kind cover the part without a gap. */
static const char *check_locked(struct region *region, const struct run *part,
				enum page_kind kind)
{
	u64 end = part->pfn + part->nr_pages;
	struct run run;
	u64 page;

	for (u64 pfn = part->pfn; pfn < end; pfn = run.pfn + run.nr_pages) {
		if (runmap_find(region, pfn, &run, &page) &&
		    page_kind(page) == kind)
			continue;
		if (pfn == part->pfn)
			return run_mistake_locked(region, pfn, kind);
		return "part of the range is free, or of another kind";
	}
	return NULL;
}

/* The descriptor of a run that was cut, for its part that begins at pfn. */
static u64 page_at(const struct region *region, u64 page, u64 pfn)
{
	u64 node = zone_of(region->heap, pfn)->node;

	return (page & ~(0xffull << PAGE_NODE_SHIFT)) | node << PAGE_NODE_SHIFT;
}

/* Take the part out of the runmap. */
static enum placement absorb_locked(struct region *region,
				    const struct run *part)
{
	u64 end = part->pfn + part->nr_pages;
	struct run run;
	u64 page = 0;

	for (u64 pfn = part->pfn; pfn < end; pfn = run.pfn + run.nr_pages) {
		struct run before, behind;

		runmap_find(region, pfn, &run, &page);
		runmap_clear(region, &run);
		before = (struct run){ run.pfn, part->pfn - run.pfn };
		if (run.pfn < part->pfn)
			runmap_set(region, &before, page);
		behind = (struct run){ end, run.pfn + run.nr_pages - end };
		if (run.pfn + run.nr_pages <= end)
			continue;
		tag_set(region->heap, end, tag_of(region->heap, run.pfn));
		runmap_set(region, &behind, page_at(region, page, end));
	}
	return page_placement(page);
}

const char *run_free_range(struct fixheap *heap, const struct run *run,
			   enum page_kind kind)
{
	struct region *region = &heap->region;
	const char *what;

	spin_lock(&region->lock);
	what = check_locked(region, run, kind);
	if (!what) {
		region_release_locked(region, run, absorb_locked(region, run));
		trace_free(heap, run, kind);
	}
	spin_unlock(&region->lock);
	return what;
}
