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
 * Locking: one zone lock at a time; a range over several zones is checked and
 * then freed zone by zone, so a thread that frees part of a range at the same
 * time as another one frees all of it (a caller's mistake) may win in between.
 * Cost: O(log blocks) for each run in the range; an EXTENT: for its pages.
 */
#include "runmap.h"
#include "zone.h"

/* The part of a range that lies in one zone. */
static struct run zone_part(const struct zone *zone, const struct run *range)
{
	u64 end = min_u64(range->pfn + range->nr_pages, zone->end_pfn);
	u64 pfn = max_u64(range->pfn, zone->start_pfn);

	return (struct run){ pfn, end - pfn };
}

/* Runs of this kind cover the part without a gap. */
static const char *check_locked(struct zone *zone, const struct run *part,
				enum page_kind kind)
{
	u64 end = part->pfn + part->nr_pages;
	struct run run;
	u64 page;

	for (u64 pfn = part->pfn; pfn < end; pfn = run.pfn + run.nr_pages) {
		if (runmap_find(zone, pfn, &run, &page) &&
		    page_kind(page) == kind)
			continue;
		if (pfn == part->pfn)
			return run_mistake_locked(zone, pfn, kind);
		return "part of the range is free, or of another kind";
	}
	return NULL;
}

/* Take the part out of the runmap. */
static enum placement absorb_locked(struct zone *zone, const struct run *part)
{
	u64 end = part->pfn + part->nr_pages;
	struct run run;
	u64 page = 0;

	for (u64 pfn = part->pfn; pfn < end; pfn = run.pfn + run.nr_pages) {
		struct run before, behind;

		runmap_find(zone, pfn, &run, &page);
		runmap_clear(zone, &run);
		before = (struct run){ run.pfn, part->pfn - run.pfn };
		if (run.pfn < part->pfn)
			runmap_set(zone, &before, page);
		behind = (struct run){ end, run.pfn + run.nr_pages - end };
		if (run.pfn + run.nr_pages > end)
			runmap_set(zone, &behind, page);
	}
	return page_placement(page);
}

const char *run_free_range(struct fixheap *heap, const struct run *run,
			   enum page_kind kind)
{
	struct zone *first = zone_of(heap, run->pfn);
	struct zone *last = zone_of(heap, run->pfn + run->nr_pages - 1);
	const char *what = NULL;
	struct zone *zone;

	for (zone = first; zone <= last && !what; zone++) {
		struct run part = zone_part(zone, run);

		spin_lock(&zone->lock);
		what = check_locked(zone, &part, kind);
		if (!what && first == last)
			zone_release_locked(zone, &part,
					    absorb_locked(zone, &part));
		spin_unlock(&zone->lock);
	}
	for (zone = first; zone <= last && !what && first != last; zone++) {
		struct run part = zone_part(zone, run);

		spin_lock(&zone->lock);
		zone_release_locked(zone, &part, absorb_locked(zone, &part));
		spin_unlock(&zone->lock);
	}
	return what;
}
