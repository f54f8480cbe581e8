/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pages.c: page runs for runtimes that bring their own malloc.
 *
 * Runs up to seven pages are grouped with the slabs of small objects, runs
 * below a pageblock with the larger objects, the rest with the arrays.
 *
 * An array is pages too: it can be freed here, but only as a whole.
 *
 * Locking and cost: as run.c; none of its own.
 */
#include "heap.h"

#include "page_owner.h"
#include "policy.h"
#include "rehome.h"
#include "thread_pages.h"
#include "trim.h"

#include <errno.h>

/* The largest slab that jemalloc asks for has so many pages. */
#define SMALL_PAGES 7

static enum placement placement(u64 nr_pages)
{
	if (nr_pages <= SMALL_PAGES)
		return PLACE_SMALL;
	return nr_pages < BLOCK_PAGES ? PLACE_MEDIUM : PLACE_ARRAY;
}

/* One that a thread's own cache may have. */
static inline bool is_plain(size_t nr_pages, size_t alignment,
			    const struct fixheap_array_attr *attr)
{
	return nr_pages == 1 && !attr && alignment <= 1;
}

/* Apart, so that the fast way saves no registers for it. */
static NOINLINE void *alloc_run(struct fixheap *heap, size_t nr_pages,
				size_t alignment,
				const struct fixheap_array_attr *attr,
				void *caller)
{
	struct run_request req = { .kind = PAGE_RAW,
				   .nr_pages = nr_pages,
				   .placement = placement(nr_pages) };
	void *start = NULL;
	int ret;

	if (is_plain(nr_pages, alignment, attr))
		start = thread_page_get(heap);
	if (start)
		return start;
	ret = heap_attr(heap, attr, &req);
	/* the heap's policy is for arrays */
	if (!attr || attr->policy == FIXHEAP_POLICY_DEFAULT)
		req.policy = FIXHEAP_POLICY_LOCAL;
	if (req.fresh)
		ret = -ENOTSUP;
	if (!nr_pages || (alignment && !is_pow2(alignment)) ||
	    !heap_may_align(heap, alignment))
		ret = -EINVAL;
	if (ret) {
		errno = -ret;
		return NULL;
	}
	req.align = max_u64(req.align, alignment >> PAGE_SHIFT);
	start = heap_alloc_run(heap, &req);
	if (start) {
		heap_account(heap, (long)(nr_pages << PAGE_SHIFT));
		page_owner_alloc(heap, start, nr_pages, caller);
	}
	return start;
}

void *fixheap_pages_alloc(struct fixheap *heap, size_t nr_pages,
			  size_t alignment,
			  const struct fixheap_array_attr *attr)
{
	if (likely(is_plain(nr_pages, alignment, attr))) {
		void *page = thread_page_try_get(heap);

		if (likely(page != NULL))
			return page;
	}
	return alloc_run(heap, nr_pages, alignment, attr, CALLER);
}

/* run_free, of a whole array or of any pages. */
static const char *free_pages(struct fixheap *heap, struct run *run)
{
	struct run found;
	const char *what;
	u64 page;

	/* A hint, as no lock is held; run_free knows. */
	page = page_read(&heap->page[run->pfn]);
	if (page_kind(page) == PAGE_ARRAY && page_len(page) == run->nr_pages)
		return heap_give_run(heap, run, PAGE_ARRAY);
	if (page_kind(page) == PAGE_ARRAY)
		return run_free(heap, run, PAGE_ARRAY);
	what = run_free(heap, run, PAGE_RAW);
	if (what && run_find(heap, run->pfn, &found, &page) &&
	    page_kind(page) == PAGE_ARRAY)
		return run_mistake(heap, run->pfn, PAGE_ARRAY);
	return what;
}

static NOINLINE void free_run(struct fixheap *heap, void *start,
			      size_t nr_pages, void *caller)
{
	static const char api[] = "fixheap_pages_free";
	struct owner_mark mark = page_owner_mark(heap, caller);
	struct run run = { .nr_pages = nr_pages };
	const char *what;

	if (!start || !nr_pages)
		return;
	if (nr_pages == 1 && thread_page_put(heap, start))
		return;
	if (!heap_check(heap, api, start, nr_pages, &run.pfn))
		return;
	what = free_pages(heap, &run);
	if (what) {
		heap_fault(heap, api, what, start, nr_pages << PAGE_SHIFT);
		return;
	}
	page_owner_free(heap, run.pfn, nr_pages, mark);
	heap_account(heap, -(long)(nr_pages << PAGE_SHIFT));
}

void fixheap_pages_free(struct fixheap *heap, void *start, size_t nr_pages)
{
	if (likely(nr_pages == 1) && likely(thread_page_try_put(heap, start)))
		return;
	free_run(heap, start, nr_pages, CALLER);
}

/* The request for an array that is only asked about; *unit: it has a multiple
 * of so many pages.  0 or -errno. */
static int ask(struct fixheap *heap, const struct fixheap_array_attr *attr,
	       struct run_request *req, u64 *unit)
{
	int ret = heap_attr(heap, attr, req);

	*unit = 1;
	if (ret)
		return ret;
	if (req->fresh)
		*unit = rehome_fresh_unit(heap);
	req->align = max_u64(req->align, *unit);
	return 0;
}

size_t fixheap_largest_free(struct fixheap *heap,
			    const struct fixheap_array_attr *attr)
{
	struct run_request req = { .kind = PAGE_ARRAY,
				   .placement = PLACE_ARRAY };
	u64 largest, unit, seq;
	int ret = ask(heap, attr, &req, &unit);

	if (ret) {
		errno = -ret;
		return 0;
	}
	fixheap_reclaim(heap);
	if (!policy_has_set(heap, &req))
		return 0;
	do {
		seq = trim_begin(heap);
		largest = round_down(run_largest(heap, &req), unit);
		largest = rehome_largest(heap, &req, largest);
	} while (trim_again(heap, seq));
	return largest << PAGE_SHIFT;
}

bool fixheap_will_fit(struct fixheap *heap, size_t bytes,
		      const struct fixheap_array_attr *attr)
{
	struct run_request req = { .kind = PAGE_ARRAY,
				   .nr_pages = bytes_to_pages(bytes),
				   .placement = PLACE_ARRAY };
	u64 unit, seq;
	int ret = ask(heap, attr, &req, &unit);
	bool fits;

	if (ret) {
		errno = -ret;
		return false;
	}
	if (req.nr_pages > heap->max_pages || !policy_has_set(heap, &req))
		return false;
	fits = req.nr_pages % unit == 0 && run_fits(heap, &req);
	if (fits && !req.fresh)
		return true;
	fixheap_reclaim(heap);
	do {
		seq = trim_begin(heap);
		fits = req.nr_pages % unit == 0 && run_fits(heap, &req);
		fits = rehome_fits(heap, &req, fits);
	} while (!fits && trim_again(heap, seq));
	return fits;
}
