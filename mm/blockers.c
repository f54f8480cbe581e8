/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * blockers.c: what stands in the way of a run.
 *
 * A window as long as the run is moved over the pages of the heap, from what
 * ends at its low end to the next, and what it touches is counted.  To look at
 * a few places is enough: a window can be moved down, without touching anything
 * more, until it begins where something ends.  The cheapest one touches the
 * fewest live allocations, and of such the fewest pages.
 *
 * A slab counts as the objects in it that do not carry the mark of a free one;
 * see slab.c.
 *
 * Locking: the region lock to look at one run; others change the heap in
 * between, so the answer is a hint.  Cost: O(runs in use) and a look at each
 * small object, for each part of the heap that the request may lie in.
 */
#include "blockers.h"

#include "contig.h"
#include "policy.h"
#include "ranges.h"
#include "runmap.h"
#include "slab.h"
#include "zone.h"

bool area_next(struct fixheap *heap, u64 pfn, struct bounds *area)
{
	const struct range *range = NULL;

	spin_lock(&heap->region.lock);
	do
		range = range_next_locked(heap, range);
	while (range && (range->end_pfn <= pfn || range->isolated));
	if (range) {
		area->pfn = max_u64(range->start_pfn, pfn);
		area->end = range->end_pfn;
		while ((range = range_next_locked(heap, range)) &&
		       range->start_pfn == area->end && !range->isolated)
			area->end = range->end_pfn;
	}
	spin_unlock(&heap->region.lock);
	return area->end > pfn;
}

bool used_next(struct fixheap *heap, u64 pfn, u64 end, struct used *used)
{
	struct region *region = &heap->region;
	struct run run = { pfn, 1 };
	bool found = false;

	used->page = 0;
	spin_lock(&region->lock);
	if (pfn < end && !page_read(&heap->page[pfn]))
		pfn += contig_free_from(region, pfn);
	if (pfn < end) {
		found = true;
		run.pfn = pfn;
		runmap_find(region, pfn, &run, &used->page);
	}
	spin_unlock(&region->lock);
	if (!found)
		return false;
	used->pfn = run.pfn;
	used->end = max_u64(run.pfn + run.nr_pages, pfn + 1);
	used->nr_live = 1;
	if (IS_ENABLED(CONFIG_JEMALLOC) && slab_class_of(used->page)) {
		struct bounds slab;

		used->nr_live = slab_live(heap, pfn, used->page, &slab);
		used->pfn = slab.pfn;
		used->end = slab.end;
	}
	return true;
}

/* Whether zones would still keep back what they shall. */
static bool is_allowed(struct fixheap *heap, const struct run_request *req,
		       const struct window *window)
{
	const struct bounds in = { window->pfn, window->pfn + req->nr_pages };

	return !heap->reserves ||
	       zonelist_free(heap, &in) + window->nr_pages >=
		       req->nr_pages + zonelist_reserve(heap, req, &in);
}

static bool is_better(const struct window *a, const struct window *b)
{
	if (a->nr_live != b->nr_live)
		return a->nr_live < b->nr_live;
	return a->nr_pages < b->nr_pages;
}

static void count(struct window *window, const struct used *used)
{
	window->nr_live += used->nr_live;
	window->nr_pages += used->end - used->pfn;
}

static void discount(struct window *window, const struct used *used)
{
	window->nr_live -= min_u64(window->nr_live, used->nr_live);
	window->nr_pages -= min_u64(window->nr_pages, used->end - used->pfn);
}

/* All windows in pages [in->pfn, in->end) of one area. */
static void slide(struct fixheap *heap, const struct run_request *req,
		  const struct bounds *in, struct window *best)
{
	struct region *region = &heap->region;
	struct window now = { in->pfn, 0, 0 };
	u64 low = in->pfn, high = in->pfn, end;
	struct used used;

	for (;;) {
		now.pfn = contig_align(region, now.pfn, req->align);
		end = now.pfn + req->nr_pages;
		if (end > in->end)
			return;
		while (high < end && used_next(heap, high, end, &used)) {
			count(&now, &used);
			high = used.end;
		}
		high = max_u64(high, end);
		while (used_next(heap, low, now.pfn, &used) &&
		       used.end <= now.pfn) {
			discount(&now, &used);
			low = used.end;
		}
		if (is_better(&now, best) && is_allowed(heap, req, &now))
			*best = now;
		if (!used_next(heap, low, high, &used))
			return;
		discount(&now, &used);
		low = used.end;
		now.pfn = used.end;
	}
}

struct window window_find(struct fixheap *heap, const struct run_request *req)
{
	struct contig_request find = { .align = req->align,
				       .placement = req->placement };
	struct window best = { 0, ~0ull, ~0ull };
	struct zone_iter iter = { 0 };

	while (zonelist_next(heap, req, &iter, &find)) {
		struct bounds area = { 0, 0 };

		while (area_next(heap, area.end, &area) &&
		       area.pfn < find.in.end) {
			const struct bounds in = {
				max_u64(area.pfn, find.in.pfn),
				min_u64(area.end, find.in.end)
			};

			if (in.pfn + req->nr_pages <= in.end)
				slide(heap, req, &in, &best);
		}
	}
	return best;
}
