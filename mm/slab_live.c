/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slab_live.c: which objects of a slab are live: those of pages that have its
 * class and do not carry the mark of a free one, see slab.c.  For texts and
 * explanations only.
 *
 * Locking: the region lock, so that the slab stays one.  Cost: O(objects of the
 * slab), whose first bytes are read.
 */
#include "slab.h"

#include "je.h"
#include "thread_cache.h"

/* Reads what the program may write to at this moment; not by mark_is, which
 * would tell ThreadSanitizer. */
__attribute__((no_sanitize("thread"))) u64
slab_live(const struct fixheap *heap, u64 pfn, u64 page, struct bounds *slab)
{
	u32 class = slab_class_of(page), size = size_class[class].size;
	u32 bytes = size_class_slab(&size_class[class], je_page_shift);
	u32 before = 0;
	u64 nr = 0;
	char *start;

	while (before < bytes && before % size != slab_lead_of(page))
		before += PAGE_BYTES;
	slab->pfn = pfn - before / PAGE_BYTES;
	slab->end = slab->pfn + bytes / PAGE_BYTES;
	start = pfn_to_addr(heap, slab->pfn);
	for (u32 i = 0; i < bytes; i += size) {
		page = page_read(&heap->page[slab->pfn + i / PAGE_BYTES]);
		nr += slab_class(page) == class &&
		      *(const u64 *)(start + i + MARK_OFFSET) !=
			      mark_of(heap->objects->key, start + i);
	}
	return nr;
}
