/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rehome.c: arrays that are bound elsewhere than their zones.
 *
 * When no zone has the contiguous pages that a strict array needs, but other
 * pages are free, these are bound to the nodes wanted: their contents are
 * dropped, and the kernel takes new pages from those nodes when they are
 * touched.  When the array is freed, its pages are dropped again and bound
 * where they belong; so nobody else sees that they were away.
 *
 * Pages are bound first and dropped then.  The other way round, somebody who
 * touches a neighbour in the same 2 MiB in between can get a huge page of the
 * kernel's, and with it ours come back, on the node of before.
 *
 * Pages that the kernel does not take home (a process has only so many
 * mappings, a cpuset may have lost their node) are not free: nobody would get
 * what is promised.  They are tried again whenever caches are reclaimed.
 *
 * Invariants
 *  1. Only pages of arrays with PAGE_MOVED_FLAG may be bound elsewhere.
 *  2. Nodes give no more than they have: promise.c.
 *  3. nr_moved of a pageblock counts the arrays of that kind that lie in it.
 *  4. heap->stranded is a list, by page number + 1 in policy_of, of the runs of
 *     kind PAGE_FREEING that wait to be bound to their home.
 *
 * Locking: the kernel is called without any lock; meanwhile the pages belong
 * to a run, of the caller or of kind PAGE_FREEING.  Cost: calls into the kernel
 * for each part that changes its node; O(pageblocks) to count.
 */
#include "rehome.h"

#include "binding.h"
#include "policy.h"
#include "promise.h"
#include "ready.h"
#include "vmstat.h"

#include <errno.h>
#include <string.h>

/* Lengths that rehome_largest tries from above. */
#define TRIES 32

u64 rehome_fresh_unit(const struct fixheap *heap)
{
	if (heap->bind)
		return pages_of_mapping(heap);
	return max_u64(host_mapping_page(heap->base) >> PAGE_SHIFT, 1);
}

/* The array's blocks behind the one of page keep (all, if it has none). */
static void count_blocks(struct fixheap *heap, const struct run *run, u64 keep,
			 u32 change)
{
	u32 b = (u32)(run->pfn >> BLOCK_SHIFT);
	u32 last = (u32)((run->pfn + run->nr_pages - 1) >> BLOCK_SHIFT);

	if (keep < run->pfn && keep >> BLOCK_SHIFT == b)
		b++;
	for (; b <= last; b++)
		__atomic_add_fetch(&heap->region.block[b].nr_moved, change,
				   __ATOMIC_RELAXED);
}

static void mark(struct fixheap *heap, const struct run *run)
{
	u64 *page = &heap->page[run->pfn];

	page_write(page, page_read(page) | PAGE_MOVED_FLAG);
	count_blocks(heap, run, run->pfn, 1);
	vmstat_add(&heap->nr_rehomed, 1);
	__atomic_add_fetch(&heap->rehomed_pages, run->nr_pages,
			   __ATOMIC_RELAXED);
}

/* --- the way back --------------------------------------------------------- */

/* An array as it stands. */
struct made {
	struct run run;
	u64 page;
};

static int node_made(const struct fixheap *heap, const void *array, u64 at,
		     u64 *end)
{
	const struct made *made = array;

	return policy_node(heap, &made->run, made->page, at, end);
}

/* Whether the run is whole pages of the mapping. */
static bool is_whole(const struct fixheap *heap, const struct run *run)
{
	uintptr_t start = (uintptr_t)pfn_to_addr(heap, run->pfn);

	return !((start | run->nr_pages << PAGE_SHIFT) &
		 (heap->mapping_page - 1));
}

/* Bind those of the pages home that are not there. */
static int bind_back(struct fixheap *heap, const struct made *made,
		     const struct run *run)
{
	u64 end = run->pfn + run->nr_pages;
	struct bounds part = { .end = run->pfn };
	int ret = 0;

	while (part.end < end && !ret) {
		u64 home_end;
		int node, home;

		part.pfn = part.end;
		node = node_made(heap, made, part.pfn, &part.end);
		home = home_node(heap, part.pfn, &home_end);
		part.end = min_u64(min_u64(part.end, home_end), end);
		if (node != home)
			ret = bind_pages(heap, &part, home);
	}
	return ret;
}

/* Zone by zone, as runs of their own; those that cannot be bound are marked. */
static void bind_apart(struct fixheap *heap, const struct made *made,
		       const struct run *run)
{
	struct run rest = *run, part;
	u64 end;

	for (; rest.nr_pages; rest.pfn = end) {
		u64 *page = &heap->page[rest.pfn];

		home_node(heap, rest.pfn, &end);
		part.pfn = rest.pfn;
		part.nr_pages = min_u64(end - part.pfn, rest.nr_pages);
		rest.nr_pages -= part.nr_pages;
		if (rest.nr_pages)
			run_divide(heap, &part, rest.nr_pages);
		if (bind_back(heap, made, &part))
			page_write(page, page_read(page) | PAGE_STRANDED_FLAG);
	}
}

/* They could not be bound: keep them back. */
static void strand(struct fixheap *heap, const struct run *run)
{
	spin_lock(&heap->region.lock);
	heap->policy_of[run->pfn] = heap->stranded;
	__atomic_store_n(&heap->stranded, run->pfn + 1, __ATOMIC_RELAXED);
	spin_unlock(&heap->region.lock);
}

/* Drop what bind_back or bind_apart has bound, and give it back. */
static void give_back(struct fixheap *heap, const struct run *run, u64 keep)
{
	const struct bounds pages = { run->pfn, run->pfn + run->nr_pages };
	bool zero = !discard_pages(heap, &pages) && is_whole(heap, run);
	struct run part;

	count_blocks(heap, run, keep, -1u);
	__atomic_sub_fetch(&heap->rehomed_pages, run->nr_pages,
			   __ATOMIC_RELAXED);
	for (part.pfn = pages.pfn; part.pfn < pages.end;
	     part.pfn += part.nr_pages) {
		u64 page = page_read(&heap->page[part.pfn]);

		part.nr_pages = page_len(page);
		if (page & PAGE_STRANDED_FLAG)
			strand(heap, &part);
		else
			run_give(heap, &part, zero);
	}
}

void rehome_again(struct fixheap *heap)
{
	u64 next;

	if (!__atomic_load_n(&heap->stranded, __ATOMIC_RELAXED))
		return;
	spin_lock(&heap->region.lock);
	next = heap->stranded;
	__atomic_store_n(&heap->stranded, 0, __ATOMIC_RELAXED);
	spin_unlock(&heap->region.lock);
	while (next) {
		struct run run = { .pfn = next - 1 };
		struct bounds pages = { .pfn = run.pfn };

		next = heap->policy_of[run.pfn];
		run.nr_pages = page_len(page_read(&heap->page[run.pfn]));
		pages.end = run.pfn + run.nr_pages;
		if (bind_home(heap, &pages))
			strand(heap, &run);
		else
			run_give(heap, &run,
				 !discard_pages(heap, &pages) &&
					 is_whole(heap, &run));
	}
}

void rehome_free(struct fixheap *heap, const struct run *array, u64 page,
		 const struct run *part)
{
	const struct made made = { *array, page };
	bool all = part->pfn == array->pfn;
	struct need need = { { 0 } };

	promise_add(heap, part, node_made, &made, &need);
	if (bind_back(heap, &made, part))
		bind_apart(heap, &made, part);
	if (all)
		policy_drop(heap, array->pfn, page);
	give_back(heap, part, all ? part->pfn : part->pfn - 1);
	promise_end(heap, &need);
}

/* --- making one ----------------------------------------------------------- */

bool rehome_may(const struct fixheap *heap, const struct run_request *req)
{
	return heap->bind && req->kind == PAGE_ARRAY &&
	       (req->fresh || policy_is_strict(req->policy));
}

/* An array that is to be made; req: with a target. */
struct plan {
	struct run run;
	struct run_request req;
	struct need need;
};

static int node_planned(const struct fixheap *heap, const void *array, u64 at,
			u64 *end)
{
	const struct plan *plan = array;

	*end = plan->run.pfn + plan->run.nr_pages;
	if (plan->req.policy == FIXHEAP_POLICY_BIND)
		return (int)plan->req.target;
	return policy_plan(heap, &plan->run, &plan->req, at, end);
}

/* BIND: the node of those wanted that can give most. */
static u32 choose_target(const struct fixheap *heap,
			 const struct run_request *req)
{
	long room = 0;
	int target = -1;

	for (u32 n = 0; n < heap->nr_nodes; n++) {
		u32 id = heap->node[n].id;
		long spare =
			heap->spare[id] -
			__atomic_load_n(&heap->beyond[id], __ATOMIC_RELAXED);

		if (!(req->nodes >> n & 1) || (target >= 0 && spare <= room))
			continue;
		target = (int)id;
		room = spare;
	}
	return (u32)target;
}

/* A run from anywhere; at a pageblock if there is one, for huge pages. */
static int take_any(struct fixheap *heap, const struct run_request *req,
		    struct run *run)
{
	u64 mapping = pages_of_mapping(heap);
	struct run_request any = *req;

	any.zero = 0;
	if (req->nr_pages % mapping)
		return -ENOMEM;
	any.align = max_u64(req->align, mapping);
	if (req->fresh)
		return run_alloc(heap, &any, run);
	any.policy = FIXHEAP_POLICY_LOCAL;
	any.nodes = 0;
	if (req->nr_pages >= BLOCK_PAGES) {
		any.align = max_u64(req->align, max_u64(mapping, BLOCK_PAGES));
		if (!run_alloc(heap, &any, run))
			return 0;
	}
	any.align = max_u64(req->align, mapping);
	return run_alloc(heap, &any, run);
}

/* Take a run for the request, and promise what it needs. */
static int take(struct fixheap *heap, const struct run_request *req,
		struct room *room, struct plan *plan)
{
	memset(plan, 0, sizeof(*plan));
	plan->req = *req;
	if (req->policy == FIXHEAP_POLICY_BIND)
		plan->req.target = choose_target(heap, req);
	if (take_any(heap, req, &plan->run))
		return -ENOMEM;
	promise_add(heap, &plan->run, node_planned, plan, &plan->need);
	if (promise_make(heap, &plan->need, room))
		return 0;
	run_free(heap, &plan->run, PAGE_ARRAY);
	return -ENOMEM;
}

static int bind_all(struct fixheap *heap, const struct plan *plan)
{
	struct bounds part = { .end = plan->run.pfn };
	int ret = 0;

	while (part.end < plan->run.pfn + plan->run.nr_pages && !ret) {
		u64 home_end;
		int node;

		part.pfn = part.end;
		node = node_planned(heap, plan, part.pfn, &part.end);
		if (home_node(heap, part.pfn, &home_end) == node &&
		    home_end >= part.end)
			continue;
		ret = bind_pages(heap, &part, node);
	}
	return ret;
}

/* The run is ours, and promised: bind it. */
static int settle(struct fixheap *heap, const struct plan *plan)
{
	const struct run *run = &plan->run;
	const struct bounds pages = { run->pfn, run->pfn + run->nr_pages };
	struct made made = { .run = *run };
	struct run again = *run;

	/* who sees that it was moved wants to know where to */
	if (!policy_note(heap, run, &plan->req, plan->req.target)) {
		run_free(heap, &again, PAGE_ARRAY);
		return -ENOMEM;
	}
	mark(heap, run);
	if (!bind_all(heap, plan) && !discard_pages(heap, &pages))
		return 0;
	run_claim(heap, &again, PAGE_ARRAY, &made.page);
	if (bind_back(heap, &made, run))
		bind_apart(heap, &made, run);
	policy_drop(heap, run->pfn, made.page);
	give_back(heap, run, run->pfn);
	return -ENOMEM;
}

int rehome_alloc(struct fixheap *heap, const struct run_request *req,
		 struct run *run)
{
	struct room room = { .known = 0 };
	struct plan plan;
	int ret;

	if (req->fresh || !rehome_may(heap, req) ||
	    take(heap, req, &room, &plan))
		return -ENOMEM;
	ret = settle(heap, &plan);
	if (ret)
		promise_end(heap, &plan.need);
	*run = plan.run;
	return ret;
}

/* Whether rehome_alloc would make an array of so many pages. */
static bool would_fit(struct fixheap *heap, const struct run_request *req,
		      struct room *room, u64 nr_pages)
{
	struct run_request wish = *req;
	struct plan plan;

	wish.nr_pages = nr_pages;
	if (take(heap, &wish, room, &plan))
		return false;
	promise_end(heap, &plan.need);
	run_free(heap, &plan.run, PAGE_ARRAY);
	return true;
}

/* What was only tried shall not count as the highest use.  That of others
 * meanwhile is lost with it. */
static void forget_peak(struct fixheap *heap, u64 peak)
{
	spin_lock(&heap->region.lock);
	peak = max_u64(peak, __atomic_load_n(&heap->used, __ATOMIC_RELAXED));
	__atomic_store_n(&heap->peak_used, peak, __ATOMIC_RELAXED);
	spin_unlock(&heap->region.lock);
}

/* Pages of the largest run, whatever its nodes. */
static u64 largest_anywhere(struct fixheap *heap, u64 align)
{
	struct run_request any = { .kind = PAGE_ARRAY,
				   .placement = PLACE_ARRAY,
				   .align = align,
				   .node = NODE_ANY,
				   .policy = FIXHEAP_POLICY_LOCAL };
	u64 most = run_largest(heap, &any);

	/* where pages are kept back, this can be more */
	any.align = max_u64(align, BLOCK_PAGES);
	return max_u64(most, run_largest(heap, &any));
}

/*
 * What fits is not all below what does not: where a run lies decides what its
 * nodes give.  So some lengths from above are tried first.
 */
u64 rehome_largest(struct fixheap *heap, const struct run_request *req,
		   u64 least)
{
	u64 peak = __atomic_load_n(&heap->peak_used, __ATOMIC_RELAXED);
	u64 mapping = pages_of_mapping(heap), known = req->fresh ? 0 : least;
	u64 fits = known / mapping, end, step, nr;
	struct room room = { .known = 0 };

	if (!rehome_may(heap, req))
		return least;
	end = largest_anywhere(heap, req->align) / mapping + 1;
	if (end <= fits + 1)
		return known;
	step = (end - fits) / TRIES + 1;
	for (nr = end - 1; nr > fits; nr -= min_u64(step, nr - fits)) {
		if (would_fit(heap, req, &room, nr * mapping))
			fits = nr;
		else
			end = nr;
	}
	while (fits + 1 < end) {
		nr = (fits + end) / 2;
		if (would_fit(heap, req, &room, nr * mapping))
			fits = nr;
		else
			end = nr;
	}
	forget_peak(heap, peak);
	return max_u64(known, fits * mapping);
}

bool rehome_fits(struct fixheap *heap, const struct run_request *req, bool fits)
{
	u64 peak = __atomic_load_n(&heap->peak_used, __ATOMIC_RELAXED);
	struct room room = { .known = 0 };

	if (!rehome_may(heap, req) || (fits && !req->fresh))
		return fits;
	fits = req->nr_pages % pages_of_mapping(heap) == 0 &&
	       would_fit(heap, req, &room, req->nr_pages);
	forget_peak(heap, peak);
	return fits;
}

int rehome_fresh(struct fixheap *heap, const struct run_request *req,
		 const struct run *run)
{
	const struct bounds pages = { run->pfn, run->pfn + run->nr_pages };
	struct plan plan = { .run = *run, .req = *req };
	struct room room = { .known = 0 };

	if (heap->bind) {
		promise_add(heap, run, node_planned, &plan, &plan.need);
		if (!promise_make(heap, &plan.need, &room))
			return -ENOMEM;
	}
	if (!policy_note(heap, run, req, 0)) {
		promise_end(heap, &plan.need);
		return -ENOMEM;
	}
	/* who brings pages of the heap into memory has seen now what it is */
	touching_wait(heap, &pages);
	if (heap->bind) {
		mark(heap, run);
		if (bind_pages(heap, &pages, -1))
			return -ENOMEM;
	}
	return discard_pages(heap, &pages) ? -ENOMEM : 0;
}
