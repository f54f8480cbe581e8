/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run.c: the waist.  Runs of pages, over all zones of the heap.
 *
 * Everything above asks here for runs and gives any allocated range back;
 * what lies below (layers, lists, caches) is not seen from above.
 *
 * Invariants
 *  1. A page is free (in its zone), in a per-CPU cache, or covered by exactly
 *     one run of the runmap.
 *  2. A failed call has changed nothing.
 *
 * Locking: takes the locks of caches and zones itself and holds none when it
 * returns; a range over several zones is freed with all their locks, taken by
 * index.  Memory is cleared outside all locks.  Cost: O(log blocks) for each
 * zone tried; freeing a range costs that for each run in it.
 */
#include "run.h"

#include "page_poison.h"
#include "pcp.h"
#include "runmap.h"
#include "vmstat.h"
#include "zone.h"

#include <errno.h>

static void clear_pages(struct fixheap *heap, u64 pfn, u64 end)
{
	if (pfn >= end)
		return;
	host_clear(pfn_to_addr(heap, pfn), (end - pfn) << PAGE_SHIFT);
	vmstat_add(&zone_of(heap, pfn)->stats.cleared, (end - pfn)
							       << PAGE_SHIFT);
}

/* Clear what of the run is not known to be zero. */
static void clear_run(struct fixheap *heap, const struct run *run,
		      struct zero_range known)
{
	u64 end = run->pfn + run->nr_pages;

	if (known.pfn >= known.end)
		known.pfn = known.end = end;
	clear_pages(heap, run->pfn, known.pfn);
	clear_pages(heap, known.end, end);
}

static bool cacheable(const struct run_request *req)
{
	return req->nr_pages == 1 && req->align == 1 &&
	       req->placement == PLACE_SMALL;
}

static bool alloc_cached(struct zone *zone, const struct run_request *req,
			 struct run *run, struct zero_range *known)
{
	u64 page = page_make(req->kind, req->placement, zone->index);
	bool zero;

	if (!cacheable(req) || !pcp_get(zone, page, &run->pfn, &zero))
		return false;
	run->nr_pages = 1;
	known->pfn = run->pfn;
	known->end = run->pfn + zero;
	return true;
}

static bool alloc_zone(struct zone *zone, const struct run_request *req,
		       struct run *run, struct zero_range *known)
{
	bool got;

	if (alloc_cached(zone, req, run, known))
		return true;
	spin_lock(&zone->lock);
	got = zone_alloc_locked(zone, req, run, known);
	spin_unlock(&zone->lock);
	return got;
}

static bool alloc_any(struct fixheap *heap, const struct run_request *req,
		      struct run *run, struct zero_range *known)
{
	u8 list[NODES_MAX];
	u32 nr = zonelist_fill(heap, req, list);

	for (u32 i = 0; i < nr; i++) {
		if (alloc_zone(&heap->zone[list[i]], req, run, known))
			return true;
	}
	return false;
}

int run_alloc(struct fixheap *heap, const struct run_request *req,
	      struct run *run)
{
	struct zero_range known;

	if (!alloc_any(heap, req, run, &known) &&
	    !(run_drain(heap) && alloc_any(heap, req, run, &known)))
		return -ENOMEM;
	page_poison_check(heap, run);
	if (req->zero)
		clear_run(heap, run, known);
	return 0;
}

const char *run_mistake_locked(struct zone *zone, u64 pfn, enum page_kind kind)
{
	struct run run;
	u64 page;

	if (!runmap_find(zone, pfn, &run, &page) ||
	    page_kind(page) == PAGE_CACHED || page_kind(page) == PAGE_FREEING)
		return "double free, or never allocated";
	if (page_kind(page) != kind)
		return "memory of another kind";
	if (run.pfn != pfn)
		return "interior pointer";
	return "wrong length";
}

const char *run_mistake(struct fixheap *heap, u64 pfn, enum page_kind kind)
{
	struct zone *zone = zone_of(heap, pfn);
	const char *what;

	spin_lock(&zone->lock);
	what = run_mistake_locked(zone, pfn, kind);
	spin_unlock(&zone->lock);
	return what;
}

/* The head at pfn, if it is one of this kind. */
static bool head_locked(struct zone *zone, u64 pfn, enum page_kind kind,
			struct run *run, u64 *page)
{
	*page = page_read(&zone->heap->page[pfn]);
	run->pfn = pfn;
	run->nr_pages = page_len(*page);
	return page_kind(*page) == kind;
}

static int grow_locked(struct zone *zone, const struct run *part, u64 page,
		       struct zero_range *known)
{
	if (contig_free_from(zone, part->pfn) < part->nr_pages)
		return -ENOMEM;
	*known = zone_take_locked(zone, part, page_placement(page));
	return 0;
}

int run_resize(struct fixheap *heap, const struct run *wanted,
	       enum page_kind kind, u64 *old_pages, const char **what)
{
	struct zone *zone = zone_of(heap, wanted->pfn);
	struct zero_range known = { 0, 0 };
	struct run run, part;
	int ret = -EINVAL;
	u64 page;

	*what = NULL;
	spin_lock(&zone->lock);
	if (!head_locked(zone, wanted->pfn, kind, &run, &page)) {
		*what = run_mistake_locked(zone, wanted->pfn, kind);
		goto unlock;
	}
	*old_pages = run.nr_pages;
	part.pfn = run.pfn + min_u64(run.nr_pages, wanted->nr_pages);
	part.nr_pages =
		max_u64(run.nr_pages, wanted->nr_pages) - (part.pfn - run.pfn);
	ret = 0;
	if (wanted->nr_pages > run.nr_pages)
		ret = grow_locked(zone, &part, page, &known);
	if (ret)
		goto unlock;
	runmap_clear(zone, &run);
	runmap_set(zone, wanted, page);
	if (wanted->nr_pages < run.nr_pages)
		zone_release_locked(zone, &part, page_placement(page));
unlock:
	spin_unlock(&zone->lock);
	if (ret || wanted->nr_pages <= run.nr_pages)
		return ret;
	page_poison_check(heap, &part);
	if (page & PAGE_ZERO_FLAG)
		clear_run(heap, &part, known);
	return 0;
}

void run_set_zero(struct fixheap *heap, const struct run *run)
{
	u64 *page = &heap->page[run->pfn];

	page_write(page, page_read(page) | PAGE_ZERO_FLAG);
}

/* A single page that may stay in the CPU's cache. */
static bool free_cached(struct zone *zone, u64 pfn, enum page_kind kind)
{
	u64 page = page_read(&zone->heap->page[pfn]);

	return page_kind(page) == kind && page_len(page) == 1 &&
	       page_placement(page) == PLACE_SMALL && pcp_put(zone, page, pfn);
}

static const char *free_whole(struct zone *zone, struct run *wanted,
			      enum page_kind kind)
{
	const char *what = NULL;
	struct run run;
	u64 page;

	spin_lock(&zone->lock);
	if (head_locked(zone, wanted->pfn, kind, &run, &page) &&
	    (!wanted->nr_pages || wanted->nr_pages == run.nr_pages)) {
		runmap_clear(zone, &run);
		zone_release_locked(zone, &run, page_placement(page));
		*wanted = run;
	} else {
		what = run_mistake_locked(zone, wanted->pfn, kind);
	}
	spin_unlock(&zone->lock);
	return what;
}

const char *run_free(struct fixheap *heap, struct run *run, enum page_kind kind)
{
	struct zone *zone = zone_of(heap, run->pfn);

	if (kind == PAGE_DIRECT || kind == PAGE_ARRAY)
		return free_whole(zone, run, kind);
	if (run->nr_pages == 1 && !IS_ENABLED(CONFIG_PAGE_POISON) &&
	    free_cached(zone, run->pfn, kind))
		return NULL;
	return run_free_range(heap, run, kind);
}

u64 run_largest(struct fixheap *heap, const struct run_request *req)
{
	u8 list[NODES_MAX];
	u32 nr = zonelist_fill(heap, req, list);
	u64 largest = 0;

	for (u32 i = 0; i < nr; i++) {
		struct zone *zone = &heap->zone[list[i]];

		spin_lock(&zone->lock);
		largest = max_u64(largest, contig_largest(zone, req->align));
		spin_unlock(&zone->lock);
	}
	return largest;
}

bool run_find(struct fixheap *heap, u64 pfn, struct run *run, u64 *page)
{
	struct zone *zone = zone_of(heap, pfn);
	bool found;

	spin_lock(&zone->lock);
	found = runmap_find(zone, pfn, run, page);
	spin_unlock(&zone->lock);
	return found;
}

u64 run_drain(struct fixheap *heap)
{
	u64 nr = 0;

	for (u32 i = 0; i < heap->nr_zones; i++)
		nr += pcp_drain(&heap->zone[i]);
	return nr;
}
