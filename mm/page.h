/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * page.h: the page descriptor, one 64-bit word for each page of the heap.
 *
 * Only the first page of an allocated run (its head) carries a descriptor;
 * the pages behind it, and all free pages, have 0.  So the cost of a run does
 * not depend on its length, and a stale descriptor cannot exist.  A page of a
 * jemalloc extent is a run of its own, because extents are split and merged
 * behind our back: every page of a slab has a descriptor, which also says what
 * the objects in it look like.
 *
 * A descriptor is written by whoever owns the page: under the region lock when
 * the page is taken or given back, by the owning CPU's cache, or (slab_class
 * and slab_lead) by the thread that got the slab's object.  Reads of pages
 * that the caller does not own may race, so all access is atomic and relaxed.
 *
 *   bits 0-2   kind
 *   bits 3-4   placement
 *   bit  5     ARRAY: new pages are cleared when it grows
 *              FREEING: it cannot be given back yet, see rehome.c
 *   bit  6     ARRAY: pages of it are bound elsewhere than at home
 *              FREEING: a thread keeps it, see thread_runs.c
 *   bit  7     ARRAY: policy.c has a record of it
 *   bits 8-15  node, as its zone has it
 *   bits 16-25 PLACE_ARRAY: stamp of its age, see place.c
 *   bits 26-31 EXTENT: class of the slab, 0 while no object of the page was
 *              handed out; 0 for all other kinds, so that slab.h need not look
 *              at the kind
 *   bits 32-63 EXTENT: bytes of the object that this page begins with which lie
 *              in the page before, and from bit 48 the class that the page will
 *              have; else: pages of the run - 1
 */
#ifndef MM_PAGE_H
#define MM_PAGE_H

#include "types.h"

enum page_kind {
	PAGE_NONE,   /* free, or not the head of a run */
	PAGE_EXTENT, /* a page of a jemalloc slab */
	PAGE_DIRECT, /* fixheap_malloc beyond the classes */
	PAGE_ARRAY,
	PAGE_RAW,     /* fixheap_pages_alloc */
	PAGE_CACHED,  /* in a per-CPU cache */
	PAGE_FREEING, /* about to be free: being poisoned, kept by a thread */
	PAGE_TICKET,  /* an array that is set aside, ticket.c */
};

/* Pageblocks are grouped by how long their contents tend to live. */
enum placement {
	PLACE_SMALL,  /* slabs and single pages */
	PLACE_MEDIUM, /* direct runs below a pageblock */
	PLACE_ARRAY,  /* arrays, and everything of a pageblock or more */
	NR_PLACEMENTS
};

#define PAGE_KIND_MASK 7ull
#define PAGE_PLACE_SHIFT 3
#define PAGE_ZERO_FLAG (1ull << 5)
#define PAGE_STRANDED_FLAG PAGE_ZERO_FLAG
#define PAGE_MOVED_FLAG (1ull << 6)
#define PAGE_KEPT_FLAG PAGE_MOVED_FLAG
#define PAGE_POLICY_FLAG (1ull << 7)
#define PAGE_NODE_SHIFT 8
#define PAGE_STAMP_SHIFT 16
#define PAGE_STAMP_MASK 0x3ffull
#define PAGE_CLASS_SHIFT 26
#define PAGE_CLASS_MASK 0x3full
#define PAGE_LEN_SHIFT 32

static inline u64 page_make(enum page_kind kind, enum placement place, u32 node)
{
	return (u64)kind | (u64)place << PAGE_PLACE_SHIFT |
	       (u64)node << PAGE_NODE_SHIFT;
}

static inline enum page_kind page_kind(u64 page)
{
	return (enum page_kind)(page & PAGE_KIND_MASK);
}

/* Pages of the run are bound elsewhere than at home. */
static inline bool page_is_moved(u64 page)
{
	return page & PAGE_MOVED_FLAG && page_kind(page) != PAGE_FREEING;
}

static inline enum placement page_placement(u64 page)
{
	return (enum placement)(page >> PAGE_PLACE_SHIFT & 3);
}

static inline u32 page_node(u64 page)
{
	return page >> PAGE_NODE_SHIFT & 0xff;
}

static inline u64 page_stamp(u64 page)
{
	return page >> PAGE_STAMP_SHIFT & PAGE_STAMP_MASK;
}

/* Pages of the run that this head begins; 0 for PAGE_NONE. */
static inline u64 page_len(u64 page)
{
	switch (page_kind(page)) {
	case PAGE_NONE:
		return 0;
	case PAGE_EXTENT:
	case PAGE_CACHED:
		return 1;
	default:
		return (page >> PAGE_LEN_SHIFT) + 1;
	}
}

static inline u64 page_set_len(u64 page, u64 nr_pages)
{
	return (page & 0xffffffffull) | (nr_pages - 1) << PAGE_LEN_SHIFT;
}

static inline u64 page_read(const u64 *page)
{
	return __atomic_load_n(page, __ATOMIC_RELAXED);
}

static inline void page_write(u64 *page, u64 value)
{
	__atomic_store_n(page, value, __ATOMIC_RELAXED);
}

#endif
