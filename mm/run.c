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
 * returns.  Memory is cleared outside all locks.  Cost: O(log blocks) for each
 * zone tried; freeing a range costs that for each run in it.
 */
#include "run.h"

#include "clear.h"
#include "page_poison.h"
#include "pcp.h"
#include "policy.h"
#include "runmap.h"
#include "tag.h"
#include "trim.h"
#include "trace.h"
#include "zone.h"

#include <errno.h>

/* A page of the node's cache: not where some of its pages are kept back. */
static bool cacheable(const struct node *node, const struct run_request *req)
{
	const struct fixheap *heap = node->heap;
	const struct zone *zone;
	struct bounds in;

	if (req->nr_pages != 1 || req->align != 1 ||
	    req->placement != PLACE_SMALL)
		return false;
	if (likely(!heap->reserves))
		return true;
	zone = &heap->zone[heap->order[ORDER_SMALL][node->first]];
	in = (struct bounds){ zone->start_pfn, zone->end_pfn };
	return !zone->local_reserve || !zonelist_reserve(heap, req, &in);
}

static bool alloc_cached(struct node *node, const struct run_request *req,
			 struct run *run, struct zero_range *known)
{
	u64 page = page_make(req->kind, req->placement, node->index);
	bool zero;

	if (!cacheable(node, req) || !pcp_get(node, page, &run->pfn, &zero))
		return false;
	run->nr_pages = 1;
	tag_set(node->heap, run->pfn, req->tag);
	tag_run(node->heap, run->pfn, 1, 1);
	known->pfn = run->pfn;
	known->end = run->pfn + zero;
	return true;
}

/* From the cache of the first node that the request may use, if that is plain
 * without looking at zones. */
static bool alloc_at_once(struct fixheap *heap, const struct run_request *req,
			  struct run *run, struct zero_range *known)
{
	u32 n = req->node;

	if (n == NODE_ANY && !run_is_anywhere(req))
		return false;
	if (n == NODE_ANY)
		n = zonelist_near(heap, req)[0];
	return alloc_cached(&heap->node[n], req, run, known);
}

static bool alloc_any(struct fixheap *heap, const struct run_request *req,
		      struct run *run, struct zero_range *known)
{
	struct contig_request find = { .nr_pages = req->nr_pages,
				       .align = req->align,
				       .placement = req->placement };
	struct region *region = &heap->region;
	struct zone_iter iter = { 0 };
	bool got = false;

	while (!got && zonelist_next(heap, req, &iter, &find)) {
		/* the cache is of all zones of the node */
		if (find.zone && iter.zone == 1 &&
		    alloc_cached(&heap->node[find.zone->node], req, run, known))
			return true;
		spin_lock(&region->lock);
		got = region_alloc_locked(region, req, &find, run, known);
		spin_unlock(&region->lock);
		if (!got)
			trace_fallback(heap, &find.in, req);
	}
	return got;
}

/*
 * The last attempt, with all caches empty and locked: otherwise pages that go
 * from one to the next would be missed, and those that a CPU is just taking.
 */
static bool alloc_drained(struct fixheap *heap, const struct run_request *req,
			  struct run *run, struct zero_range *known)
{
	bool got;

	for (u32 i = 0; i < heap->nr_nodes; i++)
		pcp_lock_all(&heap->node[i]);
	for (u32 i = 0; i < heap->nr_nodes; i++)
		pcp_drain_locked(&heap->node[i]);
	got = alloc_any(heap, req, run, known);
	for (u32 i = 0; i < heap->nr_nodes; i++)
		pcp_unlock_all(&heap->node[i]);
	return got;
}

/* And none of it while free memory is on its way to the system. */
static bool alloc_last(struct fixheap *heap, const struct run_request *req,
		       struct run *run, struct zero_range *known)
{
	bool got;
	u64 seq;

	do {
		seq = trim_begin(heap);
		got = alloc_drained(heap, req, run, known);
	} while (!got && trim_again(heap, seq));
	return got;
}

int run_alloc(struct fixheap *heap, const struct run_request *req,
	      struct run *run)
{
	struct zero_range known;

	if (!alloc_at_once(heap, req, run, &known) &&
	    !alloc_any(heap, req, run, &known) &&
	    !alloc_last(heap, req, run, &known))
		return -ENOMEM;
	trace_alloc(heap, run, req->kind);
	page_poison_check(heap, run);
	if (req->zero)
		clear_run(heap, run, known, req->zero);
	return 0;
}

const char *run_mistake_locked(struct region *region, u64 pfn,
			       enum page_kind kind)
{
	struct run run;
	u64 page;

	if (!runmap_find(region, pfn, &run, &page) ||
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
	struct region *region = &heap->region;
	const char *what;

	spin_lock(&region->lock);
	what = run_mistake_locked(region, pfn, kind);
	spin_unlock(&region->lock);
	return what;
}

/* The head at pfn, if it is one of this kind. */
static bool head_locked(struct region *region, u64 pfn, enum page_kind kind,
			struct run *run, u64 *page)
{
	*page = page_read(&region->heap->page[pfn]);
	run->pfn = pfn;
	run->nr_pages = page_len(*page);
	return page_kind(*page) == kind;
}

/* Whether the run may have the part behind it, of which pages are kept back. */
static bool may_grow(const struct region *region, const struct run *run,
		     u64 page, const struct run *part)
{
	struct run_request req = { .node = NODE_ANY,
				   .placement = page_placement(page) };

	if (likely(!region->heap->reserves))
		return true;
	policy_again(region->heap, run->pfn, page, &req);
	if (part->pfn + part->nr_pages - run->pfn >= BLOCK_PAGES)
		req.placement = PLACE_ARRAY;
	return region_may_have(region, &req, part);
}

static int grow_locked(struct region *region, const struct run *run, u64 page,
		       const struct run *part, struct zero_range *known)
{
	if (contig_free_from(region, part->pfn) < part->nr_pages ||
	    part->pfn + part->nr_pages >
		    policy_limit(region->heap, run->pfn, page) ||
	    !may_grow(region, run, page, part))
		return -ENOMEM;
	*known = region_take_locked(region, part, page_placement(page));
	return 0;
}

/* The descriptor of a run that is about to be free; page: what it is of. */
static u64 claimed(const struct fixheap *heap, const struct run *run, u64 page)
{
	return page_make(PAGE_FREEING, page_placement(page),
			 zone_of(heap, run->pfn)->node);
}

static int resize_once(struct fixheap *heap, const struct run *wanted,
		       enum page_kind kind, u64 *old_pages, const char **what)
{
	struct region *region = &heap->region;
	struct zero_range known = { 0, 0 };
	struct run run, part;
	int ret = -EINVAL;
	u64 page;

	*what = NULL;
	spin_lock(&region->lock);
	if (!head_locked(region, wanted->pfn, kind, &run, &page)) {
		*what = run_mistake_locked(region, wanted->pfn, kind);
		goto unlock;
	}
	*old_pages = run.nr_pages;
	part.pfn = run.pfn + min_u64(run.nr_pages, wanted->nr_pages);
	part.nr_pages =
		max_u64(run.nr_pages, wanted->nr_pages) - (part.pfn - run.pfn);
	ret = 0;
	if (wanted->nr_pages > run.nr_pages)
		ret = grow_locked(region, &run, page, &part, &known);
	if (ret)
		goto unlock;
	runmap_clear(region, &run);
	runmap_set(region, wanted, page);
	if (wanted->nr_pages < run.nr_pages && page & PAGE_MOVED_FLAG) {
		runmap_set(region, &part, claimed(heap, &part, page));
	} else if (wanted->nr_pages < run.nr_pages) {
		region_release_locked(region, &part, page_placement(page));
		trace_free(heap, &part, kind);
	}
unlock:
	spin_unlock(&region->lock);
	if (ret || wanted->nr_pages <= run.nr_pages)
		return ret;
	trace_alloc(heap, &part, kind);
	page_poison_check(heap, &part);
	if (page & PAGE_ZERO_FLAG)
		clear_run(heap, &part, known, FIXHEAP_ZERO);
	return 0;
}

int run_resize(struct fixheap *heap, const struct run *wanted,
	       enum page_kind kind, u64 *old_pages, const char **what)
{
	int ret;
	u64 seq;

	do {
		seq = trim_begin(heap);
		ret = resize_once(heap, wanted, kind, old_pages, what);
	} while (ret == -ENOMEM && trim_again(heap, seq));
	return ret;
}

void run_set_zero(struct fixheap *heap, const struct run *run)
{
	u64 *page = &heap->page[run->pfn];

	page_write(page, page_read(page) | PAGE_ZERO_FLAG);
}

/* A single page that may stay in the CPU's cache. */
static bool free_cached(struct fixheap *heap, const struct run *run,
			enum page_kind kind)
{
	u64 pfn = run->pfn;
	struct node *node = &heap->node[zone_of(heap, pfn)->node];
	u64 page = page_read(&heap->page[pfn]);

	if (page_kind(page) != kind || page_len(page) != 1 ||
	    page_placement(page) != PLACE_SMALL)
		return false;
	if (kind == PAGE_RAW)
		tag_run(heap, pfn, 1, -1);
	if (pcp_put(node, page, pfn)) {
		trace_free(heap, run, kind);
		return true;
	}
	if (kind == PAGE_RAW)
		tag_run(heap, pfn, 1, 1);
	return false;
}

static const char *free_whole(struct region *region, struct run *wanted,
			      enum page_kind kind)
{
	const char *what = NULL;
	struct run run;
	u64 page;

	spin_lock(&region->lock);
	if (head_locked(region, wanted->pfn, kind, &run, &page) &&
	    (!wanted->nr_pages || wanted->nr_pages == run.nr_pages)) {
		policy_drop_locked(region->heap, run.pfn, page);
		runmap_clear(region, &run);
		region_release_locked(region, &run, page_placement(page));
		*wanted = run;
		trace_free(region->heap, wanted, kind);
	} else {
		what = run_mistake_locked(region, wanted->pfn, kind);
	}
	spin_unlock(&region->lock);
	return what;
}

const char *run_claim(struct fixheap *heap, struct run *run,
		      enum page_kind kind, u64 *page)
{
	struct region *region = &heap->region;
	const char *what = NULL;
	u64 pfn = run->pfn;

	spin_lock(&region->lock);
	if (head_locked(region, pfn, kind, run, page)) {
		runmap_clear(region, run);
		runmap_set(region, run, claimed(heap, run, *page));
	} else {
		what = run_mistake_locked(region, pfn, kind);
	}
	spin_unlock(&region->lock);
	return what;
}

void run_divide(struct fixheap *heap, const struct run *first, u64 rest)
{
	struct region *region = &heap->region;
	const struct run whole = { first->pfn, first->nr_pages + rest };
	const struct run second = { first->pfn + first->nr_pages, rest };
	u64 page;

	spin_lock(&region->lock);
	page = page_read(&heap->page[first->pfn]);
	runmap_clear(region, &whole);
	runmap_set(region, first, claimed(heap, first, page));
	runmap_set(region, &second, claimed(heap, &second, page));
	spin_unlock(&region->lock);
}

void run_give(struct fixheap *heap, const struct run *run, bool zero)
{
	struct region *region = &heap->region;
	enum placement placement;

	spin_lock(&region->lock);
	placement = page_placement(page_read(&heap->page[run->pfn]));
	runmap_clear(region, run);
	if (zero && !IS_ENABLED(CONFIG_PAGE_POISON))
		region_give_zero_locked(region, run, placement);
	else
		region_release_locked(region, run, placement);
	trace_free(heap, run, PAGE_ARRAY);
	spin_unlock(&region->lock);
}

const char *run_free(struct fixheap *heap, struct run *run, enum page_kind kind)
{
	if (kind == PAGE_DIRECT || kind == PAGE_ARRAY)
		return free_whole(&heap->region, run, kind);
	if (run->nr_pages == 1 && !IS_ENABLED(CONFIG_PAGE_POISON) &&
	    free_cached(heap, run, kind))
		return NULL;
	return run_free_range(heap, run, kind);
}

bool run_find(struct fixheap *heap, u64 pfn, struct run *run, u64 *page)
{
	struct region *region = &heap->region;
	bool found;

	spin_lock(&region->lock);
	found = runmap_find(region, pfn, run, page);
	spin_unlock(&region->lock);
	return found;
}

u64 run_drain(struct fixheap *heap)
{
	u64 nr = 0;

	for (u32 i = 0; i < heap->nr_nodes; i++)
		nr += pcp_drain(&heap->node[i]);
	return nr;
}
