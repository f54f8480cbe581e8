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

/* Bytes of the object that reaches into the page from the one before, which
 * lie there; 0 where an object starts with the page. */
static inline u64 slab_lead(u64 page)
{
	return page >> PAGE_LEN_SHIFT;
}

static inline u64 slab_forget(u64 page)
{
	return page & ((1ull << PAGE_CLASS_SHIFT) - 1);
}

static inline u64 slab_mark(u64 page, u32 class, u32 lead)
{
	return slab_forget(page) | (u64) class << PAGE_CLASS_SHIFT |
	       (u64)lead << PAGE_LEN_SHIFT;
}

/*
 * A page of a slab of which no object was handed out yet has no class there; it
 * has it above the lead, for messages and texts.
 */
#define SLAB_NEW_SHIFT (PAGE_LEN_SHIFT + 16)

static inline u64 slab_expect(u64 page, u32 class, u32 lead)
{
	return slab_mark(page, 0, lead) | (u64) class << SLAB_NEW_SHIFT;
}

/* Class of the slab that the page is of, new or not; 0: of none. */
static inline u32 slab_class_of(u64 page)
{
	if (page_kind(page) != PAGE_EXTENT)
		return 0;
	return slab_class(page) ? slab_class(page)
				: page >> SLAB_NEW_SHIFT & PAGE_CLASS_MASK;
}

static inline u32 slab_lead_of(u64 page)
{
	return page >> PAGE_LEN_SHIFT & 0xffff;
}

/* Whether an object may lie at this place in the page: in a page of which none
 * was handed out, one that reaches into it. */
static inline bool slab_has(u64 page, u32 offset)
{
	u32 lead = slab_lead_of(page);

	return slab_class(page) ||
	       (lead && lead + offset < size_class[slab_class_of(page)].size);
}

/* Whether an object of the page's class starts at this place in the page.
 * False for every page that is not a slab's. */
static inline bool slab_starts(u64 page, u32 offset)
{
	return size_class_starts(&size_class[slab_class(page)],
				 offset + (u32)slab_lead(page));
}

/*
 * The mark of a free object: its own address under the key that the heap drew.
 * It is in the second 8 bytes, as many programs write a byte or two at the
 * start of an object: to read 8 bytes of which one was just written takes
 * processors ten times as long as otherwise.
 */
#define MARK_OFFSET 8

static inline u64 mark_of(u64 key, const void *object)
{
	return key ^ (uintptr_t)object;
}

static inline bool mark_is(const void *object, u64 mark)
{
	u64 word;

	memcpy(&word, (const char *)object + MARK_OFFSET, sizeof(word));
	return word == mark;
}

static inline void mark_set(void *object, u64 mark)
{
	memcpy((char *)object + MARK_OFFSET, &mark, sizeof(mark));
}

/* Describe the page in which this new object starts, as the object shows it,
 * and mark all objects that start there. */
void slab_describe(struct fixheap *heap, const void *object, u32 class);

/* The slab that page pfn, with a class, is of, in pages, and how many of its
 * objects are live.  A hint, unless nobody uses the heap. */
u64 slab_live(const struct fixheap *heap, u64 pfn, u64 page,
	      struct bounds *slab);

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
