/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slab.h: which objects a page of a slab holds, in its descriptor; see slab.c.
 */
#ifndef MM_SLAB_H
#define MM_SLAB_H

#include "mmzone.h"
#include "size_class.h"

#include <string.h>

/* Class of the objects; 0: not known, or not a page of a slab. */
static inline u32 slab_class(u64 page)
{
	return page >> PAGE_CLASS_SHIFT & PAGE_CLASS_MASK;
}

/* Bytes from the page's start to the first object that starts at or behind
 * it; at least a page where none starts in this one. */
static inline u32 slab_first(u64 page)
{
	return page >> PAGE_LEN_SHIFT;
}

static inline u64 slab_forget(u64 page)
{
	return page & ((1ull << PAGE_CLASS_SHIFT) - 1);
}

static inline u64 slab_mark(u64 page, u32 class, u32 first)
{
	return slab_forget(page) | (u64) class << PAGE_CLASS_SHIFT |
	       (u64)first << PAGE_LEN_SHIFT;
}

/* Whether an object of the page's class starts at this place in the page.
 * False for every page that is not a slab's. */
static inline bool slab_starts(u64 page, u32 offset)
{
	return size_class_starts(&size_class[slab_class(page)],
				 offset - slab_first(page));
}

/*
 * The mark of a free object, in its first 8 bytes: its own address under the
 * key that the heap drew.
 */
static inline u64 mark_of(u64 key, const void *object)
{
	return key ^ (uintptr_t)object;
}

static inline bool mark_is(const void *object, u64 mark)
{
	u64 word;

	memcpy(&word, object, sizeof(word));
	return word == mark;
}

static inline void mark_set(void *object, u64 mark)
{
	memcpy(object, &mark, sizeof(mark));
}

/* Describe the slab that holds this new object, as the object shows it, and
 * mark all objects in the pages that were not described before. */
void slab_describe(struct fixheap *heap, const void *object, u32 class);

/* An object came from jemalloc: see that its page's descriptor fits. */
static inline void slab_check(struct fixheap *heap, const void *object,
			      u32 class)
{
	size_t offset = (uintptr_t)object;
	u64 page = __atomic_load_n(&heap->page[addr_to_pfn(heap, object)],
				   __ATOMIC_ACQUIRE);

	if (unlikely(slab_class(page) != class ||
		     !slab_starts(page, offset & (PAGE_BYTES - 1))))
		slab_describe(heap, object, class);
}

#endif
