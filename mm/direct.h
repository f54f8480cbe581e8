/* SPDX-License-Identifier: BSD-2-Clause */
/* direct.h: objects that are a page run of their own; see direct.c. */
#ifndef MM_DIRECT_H
#define MM_DIRECT_H

#include "heap.h"

struct direct_request {
	size_t bytes;
	size_t alignment; /* bytes, a power of two; 0: a page */
	u128 bind;	  /* bits of heap->node, only these; 0: any */
	bool zero;	  /* the object shall read as zero */
	bool reclaimed;	  /* fixheap_reclaim has just been called for it */
	u32 tag;	  /* 0: that of the thread */
	void *caller;	  /* of the public function, for PAGE_OWNER */
};

/* NULL and errno ENOMEM when no run serves. */
void *direct_alloc(struct fixheap *heap, const struct direct_request *req);

/*
 * The object at ptr, which is one of these, with another size: in place where
 * that goes.  NULL and errno ENOMEM; then the object is as it was.
 */
void *direct_realloc(struct fixheap *heap, void *ptr, size_t bytes,
		     void *caller);

/* Let the object have fewer pages, in place. */
void direct_shrink(struct fixheap *heap, void *ptr, size_t bytes, void *caller);

/* What is wrong with ptr, where no object starts, in words. */
const char *direct_mistake(struct fixheap *heap, const void *ptr);

/* Bytes that one of so many would have; SIZE_MAX: too many. */
static inline size_t direct_good_size(size_t bytes)
{
	u64 nr_pages = bytes_to_pages(bytes);

	return nr_pages > SIZE_MAX >> PAGE_SHIFT ? SIZE_MAX
						 : nr_pages << PAGE_SHIFT;
}

/* Bytes of the object at ptr; 0: ptr is not the start of one of these. */
static inline size_t direct_size(struct fixheap *heap, const void *ptr)
{
	u64 page, pfn = addr_to_pfn(heap, ptr);

	if (!pfn_valid(heap, pfn) || (uintptr_t)ptr & (PAGE_BYTES - 1))
		return 0;
	page = page_read(&heap->page[pfn]);
	return page_kind(page) == PAGE_DIRECT ? page_len(page) << PAGE_SHIFT
					      : 0;
}

#endif
