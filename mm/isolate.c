/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * isolate.c: take a range out of use, and out of the heap.
 *
 * To isolate a range takes its free pages out of the free runs at once; what
 * is freed later stays out as well.  Such pages are neither free nor in use and
 * do not count as the heap's.  When all of the range's pages are out, caches
 * taken back, the range leaves.
 *
 * Invariants
 *  1. nr_isolated of a range counts its pages that no run has and no free run
 *     holds; it is 0 if the range is not isolated.
 *
 * Locking: the region lock.  Callbacks of the comm layer run without.
 * Cost: O(runs of the range).
 */
#include "grow.h"
#include "heap.h"
#include "page_poison.h"
#include "objects.h"
#include "policy.h"
#include "ranges.h"
#include "ready.h"
#include "runmap.h"
#include "trim.h"
#include "zone.h"

#include <errno.h>

/* They count as the heap's, with sign 1, or, with -1, do not any more.  The
 * first range may lie in several zones. */
static void count_by_zone(struct fixheap *heap, const struct bounds *pages,
			  i64 sign)
{
	u64 pfn = pages->pfn, end;

	for (; pfn < pages->end; pfn = end) {
		struct zone *zone = zone_of(heap, pfn);

		end = min_u64(zone->end_pfn, pages->end);
		range_count_locked(heap, zone, (u64)(sign * (i64)(end - pfn)));
	}
}

/* These pages of the range are out of use, or, with sign -1, not any more. */
static void note_isolated(struct fixheap *heap, struct range *range,
			  const struct bounds *pages, i64 sign)
{
	struct range changed = *range;

	changed.nr_isolated += (u64)(sign * (i64)(pages->end - pages->pfn));
	range_change_locked(heap, range_id(heap, range), &changed);
	count_by_zone(heap, pages, -sign);
}

bool isolate_split_locked(struct fixheap *heap, struct run *rest,
			  struct run *part)
{
	while (rest->nr_pages) {
		struct range *range = range_find_locked(heap, rest->pfn);
		u64 nr = min_u64(rest->nr_pages, range->end_pfn - rest->pfn);

		*part = (struct run){ rest->pfn, nr };
		rest->pfn += nr;
		rest->nr_pages -= nr;
		if (!range->isolated)
			return true;
		note_isolated(heap, range,
			      &(struct bounds){ part->pfn, part->pfn + nr }, 1);
	}
	return false;
}

/* The free pages from *pfn on, or, without any, where the next may be. */
static u64 free_here(struct fixheap *heap, const struct range *range, u64 *pfn)
{
	u64 nr = contig_free_from(&heap->region, *pfn), page;
	struct run run;

	if (nr)
		return min_u64(nr, range->end_pfn - *pfn);
	if (runmap_find(&heap->region, *pfn, &run, &page))
		*pfn = run.pfn + run.nr_pages;
	else
		++*pfn;
	return 0;
}

static void isolate_locked(struct fixheap *heap, struct range *range)
{
	struct range changed = *range;

	changed.isolated = true;
	range_change_locked(heap, range_id(heap, range), &changed);
	for (u64 pfn = range->start_pfn; pfn < range->end_pfn;) {
		struct bounds pages = { .pfn = pfn };
		u64 nr = free_here(heap, range, &pfn);

		if (!nr)
			continue;
		pages.end = pfn = pages.pfn + nr;
		contig_take(&heap->region, &pages, PLACE_SMALL);
		note_isolated(heap, range, &pages, 1);
	}
}

/* The run that covers pfn, or the next one in the range; false: there is none.
 * To find it costs a look at a descriptor for each page in between. */
static bool next_run(struct fixheap *heap, const struct range *range, u64 pfn,
		     struct run *run, u64 *page)
{
	bool found = runmap_find(&heap->region, pfn, run, page);

	while (!found && ++pfn < range->end_pfn) {
		if (page_read(&heap->page[pfn]))
			found = runmap_find(&heap->region, pfn, run, page);
	}
	return found;
}

static void online_locked(struct fixheap *heap, struct range *range)
{
	struct range changed;
	struct run run;
	u64 page;

	for (u64 pfn = range->start_pfn; pfn < range->end_pfn;) {
		bool found = next_run(heap, range, pfn, &run, &page);
		struct bounds pages = { pfn, range->end_pfn };

		if (found)
			pages.end = run.pfn;
		if (pages.pfn < pages.end) {
			note_isolated(heap, range, &pages, -1);
			region_open(&heap->region, &pages, false);
		}
		pfn = found ? run.pfn + run.nr_pages : range->end_pfn;
	}
	changed = *range;
	changed.isolated = false;
	range_change_locked(heap, range_id(heap, range), &changed);
}

/* All of its pages are isolated: it leaves; *left: what it was. */
static bool leave_locked(struct fixheap *heap, struct range *range,
			 struct range *left)
{
	const struct run all = { range->start_pfn,
				 range->end_pfn - range->start_pfn };

	if (range->nr_isolated != all.nr_pages)
		return false;
	page_poison_forget(heap, &all);
	*left = *range;
	range_del_locked(heap, range_id(heap, range));
	return true;
}

void isolate_give_back(struct fixheap *heap, u64 pfn)
{
	struct region *region = &heap->region;
	struct range *range, left;
	bool gone = false;

	spin_lock(&region->lock);
	range = range_find_locked(heap, pfn);
	if (range && range->was_own && !range->isolated) {
		isolate_locked(heap, range);
		gone = leave_locked(heap, range, &left);
		if (!gone)
			online_locked(heap, range);
	}
	spin_unlock(&region->lock);
	if (gone)
		range_release(heap, &left);
}

/* --- memory that is gone -------------------------------------------------- */

/* A run that can be forgotten: all of it in the range, and nothing that others
 * keep books of. */
static bool is_forgettable(const struct range *range, const struct run *run,
			   u64 page)
{
	return run->pfn >= range->start_pfn &&
	       run->pfn + run->nr_pages <= range->end_pfn &&
	       !page_is_moved(page) &&
	       (page_kind(page) == PAGE_ARRAY ||
		page_kind(page) == PAGE_DIRECT || page_kind(page) == PAGE_RAW);
}

static bool all_forgettable(struct fixheap *heap, const struct range *range)
{
	u64 pfn = range->start_pfn, page;
	struct run run;

	for (; pfn < range->end_pfn && next_run(heap, range, pfn, &run, &page);
	     pfn = run.pfn + run.nr_pages) {
		if (!is_forgettable(range, &run, page))
			return false;
	}
	return true;
}

static void forget_locked(struct fixheap *heap, struct range *range)
{
	u64 pfn = range->start_pfn, page;
	struct run run;

	for (; pfn < range->end_pfn && next_run(heap, range, pfn, &run, &page);
	     pfn = run.pfn + run.nr_pages) {
		const struct bounds pages = { run.pfn, run.pfn + run.nr_pages };

		if (page_kind(page) == PAGE_ARRAY)
			policy_drop_locked(heap, run.pfn, page);
		runmap_clear(&heap->region, &run);
		region_unclaim(&heap->region, run.nr_pages);
		note_isolated(heap, range, &pages, 1);
		heap_account(heap, -(long)(run.nr_pages << PAGE_SHIFT));
	}
}

/* --- public --------------------------------------------------------------- */

static struct range *used_range(struct fixheap *heap, unsigned id)
{
	if (id >= heap->max_ranges || !heap->range[id].end_pfn)
		return NULL;
	return &heap->range[id];
}

/* Isolate it, if it is not yet; 0 or -ENOENT. */
static int begin(struct fixheap *heap, unsigned id)
{
	struct region *region = &heap->region;
	struct range *range;
	bool isolated = false;

	spin_lock(&region->lock);
	range = used_range(heap, id);
	if (range) {
		isolated = range->isolated;
		if (!isolated)
			isolate_locked(heap, range);
	}
	spin_unlock(&region->lock);
	if (!range)
		return -ENOENT;
	if (isolated)
		return 0;
	/* before there are new slabs, which would get what caches hold of it */
	run_drain(heap);
	objects_retire(heap);
	/* what is on its way to the system is isolated, too, then */
	trim_again(heap, 1);
	return 0;
}

int fixheap_offline_region(struct fixheap *heap, unsigned id, unsigned flags)
{
	struct region *region = &heap->region;
	struct range *range, left;
	int ret;

	if (flags & ~FIXHEAP_OFFLINE_LOST)
		return -EINVAL;
	if (heap_is_deterministic(heap))
		return -ENOTSUP;
	ret = begin(heap, id);
	if (ret)
		return ret;
	fixheap_reclaim(heap);
	ret = -ENOENT;
	spin_lock(&region->lock);
	range = used_range(heap, id);
	if (range && range->isolated) {
		if (flags & FIXHEAP_OFFLINE_LOST &&
		    all_forgettable(heap, range))
			forget_locked(heap, range);
		ret = leave_locked(heap, range, &left) ? 0 : -EBUSY;
	}
	spin_unlock(&region->lock);
	if (!ret)
		objects_restore(heap);
	if (!ret && flags & FIXHEAP_OFFLINE_LOST)
		touching_wait(heap,
			      &(struct bounds){ left.start_pfn, left.end_pfn });
	else if (!ret)
		range_release(heap, &left);
	return ret;
}

int fixheap_online_region(struct fixheap *heap, unsigned id)
{
	struct region *region = &heap->region;
	struct range *range;

	spin_lock(&region->lock);
	range = used_range(heap, id);
	if (range && range->isolated)
		online_locked(heap, range);
	spin_unlock(&region->lock);
	if (!range)
		return -ENOENT;
	objects_restore(heap);
	return 0;
}

static void fill(const struct range *range, u32 id,
		 struct fixheap_region *region)
{
	region->base = range->base;
	region->bytes = range->bytes;
	region->key = range->key;
	region->node = -1;
	region->flags = (range->own ? FIXHEAP_REGION_OWN : 0) |
			(range->isolated ? FIXHEAP_REGION_ISOLATED : 0) |
			(range->pending ? FIXHEAP_REGION_PENDING : 0);
	region->id = id;
	region->offset = 0;
}

/* The kernel's number of the node of its pages. */
static int node_of(const struct fixheap *heap, const struct range *range)
{
	return fixheap_node_of(heap, pfn_to_addr(heap, range->start_pfn));
}

int fixheap_region_of(struct fixheap *heap, const void *ptr,
		      struct fixheap_region *region)
{
	struct range range;
	u32 id;

	if (!region || region->size != sizeof(*region))
		return -EINVAL;
	if (!range_read(heap, addr_to_pfn(heap, ptr), &range, &id))
		return -ENOENT;
	fill(&range, id, region);
	region->node = node_of(heap, &range);
	region->offset = (size_t)((const char *)ptr - range.base);
	return 0;
}

int fixheap_region_at(struct fixheap *heap, unsigned id,
		      struct fixheap_region *region)
{
	struct range range = { .end_pfn = 0 };

	if (!region || region->size != sizeof(*region))
		return -EINVAL;
	spin_lock(&heap->region.lock);
	for (; id < heap->max_ranges && !range.end_pfn; id++)
		range = heap->range[id];
	spin_unlock(&heap->region.lock);
	if (!range.end_pfn)
		return -ENOENT;
	fill(&range, id - 1, region);
	region->node = node_of(heap, &range);
	return 0;
}
