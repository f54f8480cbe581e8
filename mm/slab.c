/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slab.c: learning from jemalloc's objects what its slabs look like.
 *
 * The hooks hand jemalloc pages without being told what for, and free slabs
 * are used again for other sizes without the hooks being called at all.  So
 * a page's descriptor is checked at each allocation, when it is in the cache
 * anyhow, and the page is described anew when it does not fit the object: page
 * by page, as jemalloc hands out what lies lowest first, and nobody shall touch
 * memory for objects that are not wanted yet.
 * Then free can tell from the descriptor of the page alone whether a pointer
 * is the start of an object, and of what size, without asking jemalloc, which
 * would crash on a pointer that is not its own.
 *
 * A slab is lcm(size, jemalloc's page) bytes long, so the place of an object
 * in its page belongs to exactly one place in the slab: from one object follow
 * the slab's start and the descriptors of all its pages.
 *
 * Invariants
 *  1. A page with a live object's start in it has the object's class and
 *     place.  (No object of a former slab is live there: a slab is used again
 *     only when all of its objects are free.)
 *  2. If one page's descriptor fits, those of the slab's other pages do, or
 *     say that nothing of theirs was handed out; extent_hooks.c keeps that over
 *     splits and merges.
 *  3. Every object of a described page is live or carries the mark of a free
 *     one: it got it here if it was never handed out, else from free.  So a
 *     pointer to an object that nobody was given is known, too.
 *
 * Locking: the node's slab_lock, so that a thread that got an object of a new
 * page waits until all of it is marked; then it takes its own mark off.
 * Nobody else writes: the pages are jemalloc's, and its hooks are not called
 * for a slab that has a live object.
 * Cost: O(objects of the page), once in its life, and a look at the descriptors
 * of the slab's others: 6 at most where jemalloc has the same page size.
 */
#include "slab.h"

#include "bug.h"
#include "je.h"
#include "thread_cache.h"

/* The place of an object in its slab, in bytes; slab: there is none. */
static u32 place_in_slab(const void *object, u32 size, u32 slab)
{
	u32 page = 1u << je_page_shift;
	u32 place = (uintptr_t)object & (page - 1);

	while (place < slab && place % size)
		place += page;
	return place < slab ? place : slab;
}

/* Describe one page, and mark the objects that start in it: none is live. */
static void page_describe(struct fixheap *heap, char *start, u32 class,
			  u32 lead)
{
	u64 *page = &heap->page[addr_to_pfn(heap, start)];
	u64 old = page_read(page), new = slab_mark(old, class, lead);
	u32 size = size_class[class].size;

	if (old == new)
		return;
	for (u32 i = lead ? size - lead : 0; i < PAGE_BYTES; i += size)
		mark_set(start + i, mark_of(heap->objects->key, start + i));
	/* pairs with slab_check: who finds it described finds it marked */
	__atomic_store_n(page, new, __ATOMIC_RELEASE);
}

/* Another page of the slab: it has none of a former one. */
static void page_expect(struct fixheap *heap, char *start, u32 class, u32 lead)
{
	u64 *page = &heap->page[addr_to_pfn(heap, start)];
	u64 old = page_read(page);

	if (old != slab_mark(old, class, lead))
		page_write(page, slab_expect(old, class, lead));
}

void slab_describe(struct fixheap *heap, const void *object, u32 class)
{
	u32 size = size_class[class].size;
	u32 slab = size_class_slab(&size_class[class], je_page_shift);
	u32 place = place_in_slab(object, size, slab);
	u64 pfn = addr_to_pfn(heap, object);
	char *start = (char *)object - place;
	spinlock_t *lock;

	/* jemalloc gave out memory that is not a slab of this heap. */
	MM_BUG_ON(place == slab || !pfn_valid(heap, pfn) ||
		  page_kind(page_read(&heap->page[pfn])) != PAGE_EXTENT);
	lock = &heap->node[page_node(page_read(&heap->page[pfn]))].slab_lock;
	spin_lock(lock);
	for (u32 i = 0; i < slab; i += PAGE_BYTES)
		(place - i < PAGE_BYTES ? page_describe : page_expect)(
			heap, start + i, class, i % size);
	spin_unlock(lock);
}
