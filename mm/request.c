/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * request.c: what the three clients of the waist have in common: reading an
 * attribute, asking again after everything was reclaimed, and the heap's count
 * of live bytes.
 *
 * An allocation fails only after the per-CPU caches, every thread's cache of
 * objects and jemalloc's dirty slabs were taken back and the search was
 * repeated.
 *
 * Locking: none of its own.  Cost: reclaiming costs O(threads + caches); it
 * happens only when an allocation would fail, or when it is asked for.
 */
#include "heap.h"

#include "fail_page_alloc.h"
#include "objects.h"
#include "page_owner.h"
#include "page_poison.h"
#include "vmstat.h"

#include <errno.h>

static u64 zone_nodes(const struct fixheap *heap)
{
	u64 nodes = 0;

	for (u32 i = 0; i < heap->nr_zones; i++)
		nodes |= 1ull << heap->zone[i].node;
	return nodes;
}

static int check_policy(const struct fixheap *heap,
			const struct fixheap_array_attr *attr)
{
	switch ((int)attr->policy) {
	case FIXHEAP_POLICY_DEFAULT:
	case FIXHEAP_POLICY_LOCAL:
		return 0;
	case FIXHEAP_POLICY_BIND:
	case FIXHEAP_POLICY_PREFERRED:
		return attr->nodes & zone_nodes(heap) ? 0 : -EINVAL;
	case FIXHEAP_POLICY_INTERLEAVE:
	case FIXHEAP_POLICY_BLOCKED:
		return heap->nr_zones == 1 ? 0 : -ENOTSUP;
	default:
		return -EINVAL;
	}
}

int heap_attr(const struct fixheap *heap, const struct fixheap_array_attr *attr,
	      struct run_request *req)
{
	int ret;

	req->align = 1;
	req->zone = ZONE_ANY;
	req->policy = FIXHEAP_POLICY_DEFAULT;
	req->nodes = 0;
	req->zero = 0;
	req->reclaimed = 0;
	if (!attr)
		return 0;
	if (attr->size != sizeof(*attr) || attr->flags & ~FIXHEAP_ZERO ||
	    (attr->alignment && !is_pow2(attr->alignment)))
		return -EINVAL;
	ret = check_policy(heap, attr);
	if (ret)
		return ret;
	if (attr->alignment > PAGE_BYTES)
		req->align = attr->alignment >> PAGE_SHIFT;
	req->policy = attr->policy;
	req->nodes = attr->nodes;
	req->zero = attr->flags & FIXHEAP_ZERO;
	return 0;
}

size_t fixheap_reclaim(struct fixheap *heap)
{
	u64 used = __atomic_load_n(&heap->used, __ATOMIC_RELAXED), now;

	vmstat_add(&heap->nr_reclaims, 1);
	objects_reclaim(heap);
	run_drain(heap);
	now = __atomic_load_n(&heap->used, __ATOMIC_RELAXED);
	return now < used ? (used - now) << PAGE_SHIFT : 0;
}

static bool hopeless(const struct fixheap *heap, u64 nr_pages)
{
	return nr_pages > heap->end_pfn - heap->start_pfn;
}

void heap_refused(struct fixheap *heap)
{
	vmstat_add(&heap->nr_fails, 1);
	errno = ENOMEM;
}

void *heap_alloc_run(struct fixheap *heap, const struct run_request *req)
{
	struct run run;
	int ret = -ENOMEM;

	if (!hopeless(heap, req->nr_pages) && !fail_page_alloc(heap)) {
		ret = run_alloc(heap, req, &run);
		if (ret == -ENOMEM && !req->reclaimed) {
			fixheap_reclaim(heap);
			ret = run_alloc(heap, req, &run);
		}
	}
	page_poison_report(heap);
	if (!ret)
		return pfn_to_addr(heap, run.pfn);
	heap_refused(heap);
	return NULL;
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
	ret = run_resize(heap, &wanted, kind, &old_pages, &what);
	if (ret == -ENOMEM && !hopeless(heap, *nr_pages)) {
		fixheap_reclaim(heap);
		ret = run_resize(heap, &wanted, kind, &old_pages, &what);
	}
	if (what) {
		heap_fault(heap, api, what, start, 0);
		return ret;
	}
	if (!ret)
		heap_account(heap,
			     (long)((*nr_pages - old_pages) << PAGE_SHIFT));
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
	what = run_free(heap, &run, kind);
	if (what) {
		heap_fault(heap, api, what, start, 0);
		return;
	}
	page_owner_free(heap, run.pfn, run.nr_pages, mark);
	heap_account(heap, -(long)(run.nr_pages << PAGE_SHIFT));
}

void heap_account(struct fixheap *heap, long bytes)
{
	long live, peak;

	if (!IS_ENABLED(CONFIG_VMSTAT))
		return;
	live = __atomic_add_fetch(&heap->live_bytes, bytes, __ATOMIC_RELAXED);
	peak = __atomic_load_n(&heap->peak_live, __ATOMIC_RELAXED);
	while (live > peak &&
	       !__atomic_compare_exchange_n(&heap->peak_live, &peak, live, true,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}
