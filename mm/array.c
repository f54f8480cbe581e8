/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * array.c: large arrays, contiguous and exact to the page.
 *
 * An array is one run with a head; it comes from the low end of its zone (see
 * contig.c) and nothing of it is touched but what must be cleared.  It grows
 * in place where the pages behind it are free, and gives its tail back when
 * it shrinks.
 *
 * Locking: as run.c; a copy runs without locks.  Cost: O(log blocks), plus the
 * clearing and copying that is asked for.
 */
#include "heap.h"

#include "grow.h"
#include "page_owner.h"
#include "policy.h"
#include "ticket.h"

#include <errno.h>
#include <string.h>

static void *array_alloc(struct fixheap *heap, const struct run_request *req)
{
	void *array = heap_alloc_run(heap, req);
	struct run run;

	if (!array)
		return NULL;
	heap_account(heap, (long)(req->nr_pages << PAGE_SHIFT));
	run.pfn = addr_to_pfn(heap, array);
	if (req->zero)
		run_set_zero(heap, &run);
	return array;
}

static void *make_array(struct fixheap *heap, size_t bytes,
			const struct fixheap_array_attr *attr, void *caller)
{
	struct run_request req = { .kind = PAGE_ARRAY,
				   .nr_pages = bytes_to_pages(bytes),
				   .placement = PLACE_ARRAY };
	int ret = heap_attr(heap, attr, &req);
	void *array;

	if (ret) {
		errno = -ret;
		return NULL;
	}
	if (attr && attr->ticket)
		array = ticket_use(heap, "fixheap_array_alloc", attr->ticket,
				   &req);
	else
		array = array_alloc(heap, &req);
	if (array)
		page_owner_alloc(heap, array, bytes_to_pages(bytes), caller);
	return array;
}

void *fixheap_array_alloc(struct fixheap *heap, size_t bytes,
			  const struct fixheap_array_attr *attr)
{
	return make_array(heap, bytes, attr, CALLER);
}

/* As heap_resize_run, and remembered. */
static int array_resize(struct fixheap *heap, const char *api, void *array,
			u64 *nr_pages, void *caller)
{
	struct owner_mark mark = page_owner_mark(heap, caller);
	u64 pages[2] = { 0, *nr_pages };
	int ret = heap_resize_run(heap, api, array, nr_pages, PAGE_ARRAY);

	pages[0] = *nr_pages;
	if (!ret)
		page_owner_resize(heap, array, pages, mark);
	return ret;
}

int fixheap_array_resize(struct fixheap *heap, void *array, size_t bytes)
{
	u64 nr_pages = bytes_to_pages(bytes);

	return array_resize(heap, "fixheap_array_resize", array, &nr_pages,
			    CALLER);
}

void *fixheap_array_realloc(struct fixheap *heap, void *array, size_t bytes)
{
	static const char api[] = "fixheap_array_realloc";
	struct run_request req = { .kind = PAGE_ARRAY,
				   .nr_pages = bytes_to_pages(bytes),
				   .placement = PLACE_ARRAY };
	u64 nr_pages = req.nr_pages, pfn;
	int ret, saved = errno;
	void *moved;

	if (!array)
		return make_array(heap, bytes, NULL, CALLER);
	if (unlikely(heap->mode == FIXHEAP_DYNAMIC) &&
	    own_realloc(heap, array, nr_pages, &moved)) {
		if (moved && moved != array)
			page_owner_alloc(heap, moved, nr_pages, CALLER);
		return moved;
	}
	ret = array_resize(heap, api, array, &nr_pages, CALLER);
	if (!ret)
		return array;
	errno = -ret;
	if (ret != -ENOMEM)
		return NULL;
	heap_attr(heap, NULL, &req);
	pfn = addr_to_pfn(heap, array);
	policy_again(heap, pfn, page_read(&heap->page[pfn]), &req);
	if (unlikely(heap->mode == FIXHEAP_DYNAMIC))
		req.post = own_is_post(heap, pfn);
	moved = array_alloc(heap, &req);
	if (!moved)
		return NULL;
	page_owner_alloc(heap, moved, bytes_to_pages(bytes), CALLER);
	memcpy(moved, array, nr_pages << PAGE_SHIFT);
	heap_free_run(heap, api, array, PAGE_ARRAY, CALLER);
	errno = saved;
	return moved;
}

void fixheap_array_free(struct fixheap *heap, void *array)
{
	if (array)
		heap_free_run(heap, "fixheap_array_free", array, PAGE_ARRAY,
			      CALLER);
}
