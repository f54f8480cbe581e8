/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * page_owner.c: who allocated and who freed a run.
 *
 * For the first page of each array, page run and large object the return
 * addresses of the last allocating and the last freeing call are kept, and
 * named in fault messages: `addr2line -e PROGRAM` makes lines of them.  When a
 * part of a page run is freed, the rest keeps its owner.  Small objects share
 * pages and have no owner of their own.
 *
 * Locking: an entry is written by the thread that owns the run; a fault
 * message may read it at the same time, hence atomic.  Cost: two stores; 16
 * bytes of metadata for each page that ever was a head.
 */
#include "page_owner.h"

#include <stdio.h>

struct owner {
	void *allocated; /* (A) return address, NULL: never */
	void *freed;	 /* (A) return address, NULL: in use */
};

size_t page_owner_bytes(u64 nr_pages)
{
	return nr_pages * sizeof(struct owner);
}

void page_owner_alloc(struct fixheap *heap, const void *start, void *caller)
{
	struct owner *owner = &heap->owner[addr_to_pfn(heap, start)];

	__atomic_store_n(&owner->allocated, caller, __ATOMIC_RELAXED);
	__atomic_store_n(&owner->freed, NULL, __ATOMIC_RELAXED);
}

void page_owner_free(struct fixheap *heap, const void *start, void *caller)
{
	struct owner *owner = &heap->owner[addr_to_pfn(heap, start)];

	__atomic_store_n(&owner->freed, caller, __ATOMIC_RELAXED);
}

void page_owner_split(struct fixheap *heap, u64 from, u64 to)
{
	void *allocated =
		__atomic_load_n(&heap->owner[from].allocated, __ATOMIC_RELAXED);

	__atomic_store_n(&heap->owner[to].allocated, allocated,
			 __ATOMIC_RELAXED);
	__atomic_store_n(&heap->owner[to].freed, NULL, __ATOMIC_RELAXED);
}

void page_owner_text(const struct fixheap *heap, u64 pfn, char *text,
		     size_t bytes)
{
	struct owner *owner = &heap->owner[pfn];
	void *allocated = __atomic_load_n(&owner->allocated, __ATOMIC_RELAXED);
	void *freed = __atomic_load_n(&owner->freed, __ATOMIC_RELAXED);

	text[0] = '\0';
	if (allocated && freed)
		snprintf(text, bytes, "; allocated at %p, freed at %p",
			 allocated, freed);
	else if (allocated)
		snprintf(text, bytes, "; allocated at %p", allocated);
}
