/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * direct.c: objects of fixheap_malloc that are a page run of their own.
 *
 * With jemalloc these are the objects beyond its classes, without it all of
 * them.  They are exact to the page; the descriptor of the first page keeps
 * the length.  Objects below a pageblock are grouped apart from slabs and from
 * arrays, as they tend to live longer than the one and shorter than the other.
 *
 * Invariant: the descriptor of an object's first page has kind PAGE_DIRECT,
 * and no other page of the heap has.
 *
 * Locking: as run.c.  Cost: O(log blocks), plus clearing and copying what is
 * asked for.
 */
#include "direct.h"

#include "objects.h"
#include "page_owner.h"
#include "slab.h"
#include "tag.h"

#include <errno.h>
#include <string.h>

void *direct_alloc(struct fixheap *heap, const struct direct_request *req)
{
	struct run_request run = {
		.nr_pages = bytes_to_pages(req->bytes),
		.align = max_u64(req->alignment >> PAGE_SHIFT, 1),
		.kind = PAGE_DIRECT,
		.placement = PLACE_MEDIUM,
		.node = NODE_ANY,
		.policy = req->bind ? FIXHEAP_POLICY_BIND
				    : FIXHEAP_POLICY_LOCAL,
		.nodes = req->bind,
		.near = objects_near(heap),
		.zero = req->zero,
		.reclaimed = req->reclaimed,
		.tag = req->tag ? req->tag : tag_current(),
	};
	void *ptr;

	if (req->bytes > PTRDIFF_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	if (run.nr_pages >= BLOCK_PAGES)
		run.placement = PLACE_ARRAY;
	ptr = heap_alloc_run(heap, &run);
	if (ptr) {
		heap_account(heap, (long)(run.nr_pages << PAGE_SHIFT));
		page_owner_alloc(heap, ptr, run.nr_pages, req->caller);
	}
	return ptr;
}

/* 0, or -ENOMEM: the pages behind it are taken. */
static int resize_in_place(struct fixheap *heap, void *ptr, u64 nr_pages,
			   void *caller)
{
	struct owner_mark mark = page_owner_mark(heap, caller);
	u64 pages[2] = { 0, nr_pages };
	struct run wanted = { addr_to_pfn(heap, ptr), nr_pages };
	const char *what;
	int ret = run_resize(heap, &wanted, PAGE_DIRECT, &pages[0], &what);

	if (ret)
		return ret;
	heap_account(heap, (long)(nr_pages - pages[0]) * (long)PAGE_BYTES);
	page_owner_resize(heap, ptr, pages, mark);
	return 0;
}

void *direct_realloc(struct fixheap *heap, void *ptr, size_t bytes,
		     void *caller)
{
	struct direct_request req = { .bytes = bytes,
				      .caller = caller,
				      .tag = tag_of(heap,
						    addr_to_pfn(heap, ptr)) };
	size_t old = direct_size(heap, ptr);
	u64 nr_pages = bytes_to_pages(bytes);
	void *moved;

	if (bytes > PTRDIFF_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	if (!resize_in_place(heap, ptr, nr_pages, caller))
		return ptr;
	moved = direct_alloc(heap, &req);
	/* That has taken back all there was, perhaps the pages behind ptr. */
	if (!moved)
		return resize_in_place(heap, ptr, nr_pages, caller) ? NULL
								    : ptr;
	memcpy(moved, ptr, old);
	heap_free_run(heap, "fixheap_realloc", ptr, PAGE_DIRECT, caller);
	return moved;
}

void direct_shrink(struct fixheap *heap, void *ptr, size_t bytes, void *caller)
{
	resize_in_place(heap, ptr, bytes_to_pages(bytes), caller);
}

const char *direct_mistake(struct fixheap *heap, const void *ptr)
{
	u64 page, pfn = addr_to_pfn(heap, ptr);

	if (!pfn_valid(heap, pfn))
		return "foreign pointer";
	page = page_read(&heap->page[pfn]);
	if (page_kind(page) == PAGE_EXTENT)
		return IS_ENABLED(CONFIG_JEMALLOC) &&
				       slab_has(page, (uintptr_t)ptr &
							      (PAGE_BYTES - 1))
			       ? "interior pointer"
			       : "double free, or never allocated";
	if (page_kind(page) == PAGE_DIRECT)
		return "interior pointer";
	return run_mistake(heap, pfn, PAGE_DIRECT);
}
