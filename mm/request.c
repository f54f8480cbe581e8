/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * request.c: what the three clients of the waist have in common: reading an
 * attribute, and asking again after everything was reclaimed.
 *
 * An allocation fails only after the per-CPU caches, every thread's cache of
 * objects and jemalloc's dirty slabs were taken back and the search was
 * repeated.
 *
 * Locking: none of its own.  Cost: reclaiming costs O(threads + caches); it
 * happens when an allocation would fail, wants an eighth of the heap, or when
 * it is asked for.
 */
#include "heap.h"

#include "fail_page_alloc.h"
#include "grow.h"
#include "objects.h"
#include "page_owner.h"
#include "page_poison.h"
#include "policy.h"
#include "rehome.h"
#include "shortage.h"
#include "tag.h"
#include "trim.h"
#include "trace.h"
#include "vmstat.h"

#include <errno.h>

#define VAST_PART 8

bool heap_may_align(const struct fixheap *heap, size_t alignment)
{
	return !heap_is_deterministic(heap) || alignment <= PAGE_BYTES ||
	       !((uintptr_t)heap->base & (alignment - 1));
}

int heap_attr(const struct fixheap *heap, const struct fixheap_array_attr *attr,
	      struct run_request *req)
{
	static const struct fixheap_array_attr none = FIXHEAP_ARRAY_ATTR_INIT;

	req->align = 1;
	req->node = NODE_ANY;
	req->nodes = 0;
	req->near = 0;
	req->weight = NULL;
	req->reclaimed = 0;
	if (!attr)
		attr = &none;
	if (attr->size != sizeof(*attr) ||
	    attr->flags & ~(FIXHEAP_ZERO | FIXHEAP_ZERO_PARALLEL |
			    FIXHEAP_FRESH | FIXHEAP_POST_ALLOC) ||
	    (attr->alignment && !is_pow2(attr->alignment)))
		return -EINVAL;
	if (attr->alignment > PAGE_BYTES)
		req->align = attr->alignment >> PAGE_SHIFT;
	if (attr->tag >= FIXHEAP_NR_TAGS)
		return -EINVAL;
	req->tag = attr->tag ? attr->tag : tag_current();
	req->zero = attr->flags & (FIXHEAP_ZERO | FIXHEAP_ZERO_PARALLEL);
	req->fresh = attr->flags & FIXHEAP_FRESH;
	req->post = attr->flags & FIXHEAP_POST_ALLOC;
	if (!heap_may_align(heap, attr->alignment))
		return -EINVAL;
	if (req->fresh && heap->flags & FIXHEAP_PINNED)
		return -ENOTSUP;
	return policy_parse(heap, attr, req);
}

size_t fixheap_reclaim(struct fixheap *heap)
{
	u64 used = __atomic_load_n(&heap->used, __ATOMIC_RELAXED), now;

	vmstat_add(&heap->nr_reclaims, 1);
	rehome_again(heap);
	objects_reclaim(heap);
	run_drain(heap);
	now = __atomic_load_n(&heap->used, __ATOMIC_RELAXED);
	return now < used ? (used - now) << PAGE_SHIFT : 0;
}

static bool hopeless(const struct fixheap *heap, u64 nr_pages)
{
	return nr_pages > heap->max_pages;
}

void heap_refused(struct fixheap *heap)
{
	vmstat_add(&heap->nr_fails, 1);
	errno = ENOMEM;
}

/* As run_free, where arrays have regions of their own, or had. */
static const char *give_own(struct fixheap *heap, struct run *run,
			    enum page_kind kind)
{
	const char *what;

	if (kind == PAGE_ARRAY && own_free(heap, run))
		return NULL;
	what = run_free(heap, run, kind);
	if (!what && kind == PAGE_ARRAY)
		isolate_give_back(heap, run->pfn);
	return what;
}

const char *heap_give_run(struct fixheap *heap, struct run *run,
			  enum page_kind kind)
{
	u64 page = page_read(&heap->page[run->pfn]);
	const char *what;

	if (page_kind(page) != PAGE_ARRAY || !page_is_moved(page)) {
		if (likely(!__atomic_load_n(&heap->nr_own, __ATOMIC_RELAXED)))
			return run_free(heap, run, kind);
		return give_own(heap, run, kind);
	}
	what = run_claim(heap, run, kind, &page);
	if (!what)
		rehome_free(heap, run, page, run);
	return what;
}

/* A run where it may be, or one that is bound anew. */
static int alloc_run(struct fixheap *heap, const struct run_request *req,
		     struct run *run)
{
	bool noted = req->policy != FIXHEAP_POLICY_DEFAULT;
	struct run_request wish = *req;
	u64 unit = 1;
	int ret = -ENOMEM;

	if (req->fresh)
		unit = rehome_fresh_unit(heap);
	wish.align = max_u64(req->align, unit);
	if (req->nr_pages % unit == 0)
		ret = run_alloc(heap, &wish, run);
	if (ret)
		return rehome_alloc(heap, req, run);
	if (req->kind != PAGE_ARRAY)
		return 0;
	if (req->fresh)
		ret = rehome_fresh(heap, req, run);
	else if (noted && !policy_note(heap, run, req, 0))
		ret = -ENOMEM;
	if (ret)
		heap_give_run(heap, run, req->kind);
	return ret;
}

/* There is a place for what the array is to be remembered with; more memory
 * makes none. */
static bool may_note(struct fixheap *heap, const struct run_request *req)
{
	return req->kind != PAGE_ARRAY || policy_has_set(heap, req);
}

/* The same, from a heap that may become larger. */
static int alloc_more(struct fixheap *heap, const struct run_request *req,
		      struct run *run)
{
	u64 nr_asked;
	int ret;

	do {
		nr_asked = __atomic_load_n(&heap->nr_asked, __ATOMIC_RELAXED);
		ret = alloc_run(heap, req, run);
	} while (ret == -ENOMEM && may_note(heap, req) &&
		 !heap_more(heap, req, nr_asked));
	return ret;
}

struct attempt {
	const struct run_request *req;
	struct run *run;
	int ret;
};

static void try_stopped(struct fixheap *heap, void *data)
{
	struct attempt *attempt = data;

	attempt->ret = run_alloc(heap, attempt->req, attempt->run);
}

/*
 * The last attempt: while caches were emptied, other threads may have filled
 * theirs again.  An array is no less likely to find its place without.
 */
static int alloc_last(struct fixheap *heap, const struct run_request *req,
		      struct run *run)
{
	struct attempt attempt = { req, run, -ENOMEM };

	if (req->kind != PAGE_ARRAY)
		objects_call_flushed(heap, try_stopped, &attempt);
	return attempt.ret;
}

/* Let the program free something; once more, too, where it could not, as
 * another thread may have had the same done. */
static int alloc_told(struct fixheap *heap, const struct run_request *req,
		      struct run *run)
{
	bool freed = true;
	int ret = -ENOMEM;

	for (u32 round = 0; ret && freed; round++) {
		freed = shortage_tell(heap, req, round);
		fixheap_reclaim(heap);
		ret = alloc_run(heap, req, run);
	}
	return ret;
}

/*
 * A run of so much of the heap does not go beside free objects which caches
 * hold: it could not grow there, or would not find the space again once it has
 * moved.  So they are taken back before, if there ever were any.
 */
static void make_way(struct fixheap *heap, u64 nr_pages)
{
	u64 all = __atomic_load_n(&heap->nr_pages, __ATOMIC_RELAXED);

	if (likely(nr_pages < max_u64(all / VAST_PART, BLOCK_PAGES)) ||
	    !heap->objects || heap_is_deterministic(heap))
		return;
	if (__atomic_load_n(&heap->region.had_small, __ATOMIC_RELAXED))
		fixheap_reclaim(heap);
}

void *heap_alloc_run(struct fixheap *heap, const struct run_request *req)
{
	bool failed = hopeless(heap, req->nr_pages) || fail_page_alloc(heap);
	int ret = failed ? -ENOMEM : -EAGAIN;
	struct run run;

	tag_begin(heap, req->tag);
	if (!failed && req->kind == PAGE_ARRAY && own_is_wanted(heap, req))
		ret = own_alloc(heap, req, &run);
	if (ret == -EAGAIN) {
		make_way(heap, req->nr_pages);
		ret = alloc_run(heap, req, &run);
		if (ret == -ENOMEM && !req->reclaimed) {
			fixheap_reclaim(heap);
			ret = alloc_more(heap, req, &run);
		}
		if (ret == -ENOMEM)
			ret = alloc_last(heap, req, &run);
		if (ret == -ENOMEM && shortage_has_listeners(heap))
			ret = alloc_told(heap, req, &run);
	}
	page_poison_report(heap);
	if (shortage_is_watched(heap))
		shortage_look(heap);
	if (!ret)
		return pfn_to_addr(heap, run.pfn);
	trace_fail(heap, req);
	heap_refused(heap);
	return NULL;
}

/* What a shrunken array has lost, if that is not back at home. */
static void tail_home(struct fixheap *heap, const struct run *run,
		      u64 old_pages)
{
	const struct run array = { run->pfn, old_pages };
	const struct run tail = { run->pfn + run->nr_pages,
				  old_pages - run->nr_pages };
	u64 page = page_read(&heap->page[run->pfn]);

	if (page & PAGE_MOVED_FLAG)
		rehome_free(heap, &array, page, &tail);
}

/* Whether there is a chance that the run can have so many pages in place. */
static bool may_grow(const struct fixheap *heap, const struct run *wanted)
{
	u64 page = page_read(&heap->page[wanted->pfn]);

	return !hopeless(heap, wanted->nr_pages) &&
	       wanted->pfn + wanted->nr_pages <=
		       policy_limit(heap, wanted->pfn, page);
}

/* What is bound on its own keeps whole pages of the mapping, and what has a
 * region of its own may have to keep all of it. */
static u64 whole_pages(struct fixheap *heap, const struct run *wanted)
{
	u64 page = page_read(&heap->page[wanted->pfn]);
	u64 nr = wanted->nr_pages;

	if (page_kind(page) != PAGE_ARRAY)
		return nr;
	if (unlikely(__atomic_load_n(&heap->nr_own, __ATOMIC_RELAXED)))
		nr = max_u64(nr, own_least(heap, wanted->pfn));
	return page & PAGE_MOVED_FLAG ? round_up(nr, pages_of_mapping(heap))
				      : nr;
}

/* What it keeps beyond what was asked for reads as zero when it grows again. */
static void clear_rest(struct fixheap *heap, const struct run *run,
		       u64 nr_pages)
{
	u64 page = page_read(&heap->page[run->pfn]);

	if (page_kind(page) == PAGE_ARRAY && page & PAGE_ZERO_FLAG &&
	    run->nr_pages > nr_pages)
		host_clear(pfn_to_addr(heap, run->pfn + nr_pages),
			   (run->nr_pages - nr_pages) << PAGE_SHIFT);
}

int heap_resize_run(struct fixheap *heap, const char *api, void *start,
		    u64 *nr_pages, enum page_kind kind)
{
	struct run wanted = { .nr_pages = *nr_pages };
	const char *what;
	u64 old_pages;
	int ret;

	if (!heap_check(heap, api, start, 0, &wanted.pfn))
		return -EINVAL;
	wanted.nr_pages = whole_pages(heap, &wanted);
	ret = run_resize(heap, &wanted, kind, &old_pages, &what);
	if (ret == -ENOMEM && may_grow(heap, &wanted)) {
		fixheap_reclaim(heap);
		ret = run_resize(heap, &wanted, kind, &old_pages, &what);
	}
	if (what) {
		heap_fault(heap, api, what, start, 0);
		return ret;
	}
	if (!ret && wanted.nr_pages < old_pages) {
		tail_home(heap, &wanted, old_pages);
		if (unlikely(__atomic_load_n(&heap->nr_own, __ATOMIC_RELAXED)))
			own_shrunk(heap, wanted.pfn);
	}
	if (!ret)
		clear_rest(heap, &wanted, *nr_pages);
	if (!ret)
		heap_account(heap, (long)((wanted.nr_pages - old_pages)
					  << PAGE_SHIFT));
	page_poison_report(heap);
	*nr_pages = old_pages;
	return ret;
}

void heap_free_run(struct fixheap *heap, const char *api, void *start,
		   enum page_kind kind, void *caller)
{
	struct owner_mark mark = page_owner_mark(heap, caller);
	struct run run = { .nr_pages = 0 };
	const char *what;

	if (!heap_check(heap, api, start, 0, &run.pfn))
		return;
	what = heap_give_run(heap, &run, kind);
	if (what) {
		heap_fault(heap, api, what, start, 0);
		return;
	}
	page_owner_free(heap, run.pfn, run.nr_pages, mark);
	heap_account(heap, -(long)(run.nr_pages << PAGE_SHIFT));
	decay_freed(heap);
}
