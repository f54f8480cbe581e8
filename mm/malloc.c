/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * malloc.c: objects of any size, with the C library's rules.
 *
 *	<= 14,336 bytes	a size class, in one of jemalloc's slabs, through the
 *			thread's cache if this heap is its home
 *	above		a page run of its own (direct.c)
 *
 * The start of an object tells all about it: its page's descriptor has the
 * kind, and for a slab's page the class, the node, and where in the page
 * objects start (slab.c).  So free never asks jemalloc, and a pointer that is
 * not an object's start is known before jemalloc, which would not survive it,
 * gets to see it.  A free object carries a mark in its first 8 bytes, its own
 * address under a key that the heap drew; an object that is freed while it
 * carries it was freed before.  Allocation wipes the mark.
 *
 * Invariants
 *  1. jemalloc gets back only what it gave out: starts of live objects.
 *  2. An object enters a thread's cache only if it belongs to the cache's heap
 *     and node; all others go straight to their arena.
 *  3. No call of a fault handler or of the waist is made between thread_enter
 *     and thread_leave.
 *
 * What cannot be found: a second free after the object was handed out again,
 * and one of an object whose owner wrote the mark back.
 *
 * Locking: none on the way through the cache; see thread_cache.c.
 * Cost: a few nanoseconds through the cache; about 50 for objects of another
 * heap or node; direct.c for large ones.  errno is kept by free: jemalloc makes
 * no system call that can fail when it takes an object back.
 */
#include "slab.h"

#include <errno.h>
#include <string.h>

#include "direct.h"
#include "grow.h"
#include "page_owner.h"
#include "page_poison.h"
#include "thread_cache.h"
#include "thread_runs.h"
#include "trim.h"

/* jemalloc asks for no larger ones. */
#define SLAB_PAGES_MAX 7

/* ---- allocation --------------------------------------------------------- */

/* From jemalloc, through the thread's cache. */
static void *alloc_home(struct thread *t, u32 class)
{
	void *object;

	thread_follow(t);
	object = thread_get(t, class);
	if (likely(object))
		mark_set(object, 0);
	return object;
}

/* Whether a thread of another node may have memory of this one. */
static bool may_fall_back(const struct fixheap *heap, const struct node *node)
{
	const u16 *order = &heap->order[ORDER_SMALL][node->first];
	u64 nr_free = 0, reserve = 0;

	for (u32 i = 0; heap->reserves && i < node->nr_zones; i++) {
		const struct zone *zone = &heap->zone[order[i]];

		nr_free += __atomic_load_n(&zone->nr_free, __ATOMIC_RELAXED);
		reserve += zone->local_reserve;
	}
	return !heap->reserves || nr_free > reserve;
}

/* From any node, nearest first, past the thread's cache. */
static void *alloc_away(struct thread *t, struct fixheap *heap, u32 class)
{
	const u8 *list = heap->nodelist[heap->node[thread_node(t, heap)].id];
	size_t bytes = size_class[class].size;
	void *object = NULL;

	for (u32 i = 0; i < heap->nr_nodes && !object; i++) {
		u32 arena;

		if (i && !may_fall_back(heap, &heap->node[list[i]]))
			continue;
		thread_enter(t);
		arena = objects_binding(heap, list[i])->arena;
		object = fhje_mallocx(bytes, JE_ARENA(arena) | JE_TCACHE_NONE);
		thread_leave(t);
	}
	if (!object)
		return NULL;
	slab_check(heap, object, class);
	mark_set(object, 0);
	heap_account(heap, (long)bytes);
	return object;
}

/* The same, from a heap that may become larger. */
static void *alloc_more(struct thread *t, struct fixheap *heap, u32 class)
{
	const struct run_request slab = { .nr_pages = SLAB_PAGES_MAX,
					  .align = 1,
					  .node = NODE_ANY };
	void *object;
	u64 nr_asked;

	do {
		nr_asked = __atomic_load_n(&heap->nr_asked, __ATOMIC_RELAXED);
		object = alloc_away(t, heap, class);
	} while (!object && !heap_more(heap, &slab, nr_asked));
	return object;
}

static void *alloc_small(struct thread *t, struct fixheap *heap, u32 class)
{
	void *object = NULL;

	if (thread_bind(t, heap))
		object = alloc_home(t, class);
	if (!object)
		object = alloc_away(t, heap, class);
	if (!object) {
		fixheap_reclaim(heap);
		object = alloc_more(t, heap, class);
	}
	return object;
}

static void *alloc_any(struct fixheap *heap, const struct direct_request *req)
{
	struct thread *t = &thread_self;
	void *object;

	if (req->bytes > SMALL_MAX || req->alignment > PAGE_BYTES ||
	    !thread_usable(t))
		return direct_alloc(heap, req);
	object = alloc_small(t, heap, size_class_of(req->bytes));
	page_poison_report(heap);
	/* No run is left for a slab of up to 7 pages, perhaps one for this. */
	if (!object) {
		struct direct_request last = *req;

		last.reclaimed = true;
		return direct_alloc(heap, &last);
	}
	if (req->zero)
		memset(object, 0, req->bytes);
	return object;
}

/* The two ways of asking that have a fast path in front. */
__attribute__((noinline)) static void *malloc_slow(struct fixheap *heap,
						   size_t bytes, void *caller)
{
	struct direct_request req = { .bytes = bytes, .caller = caller };
	struct thread *t = &thread_self;
	void *object = NULL;

	if (bytes > SMALL_MAX)
		object = thread_run_get(heap, bytes_to_pages(bytes));
	else if (likely(thread_at_home(t, heap)))
		object = alloc_home(t, size_class_of(bytes));
	page_poison_report(heap);
	return likely(object) ? object : alloc_any(heap, &req);
}

__attribute__((noinline)) static void *calloc_slow(struct fixheap *heap,
						   size_t bytes, void *caller)
{
	struct direct_request req = { .bytes = bytes,
				      .zero = true,
				      .caller = caller };

	return alloc_any(heap, &req);
}

/*
 * From the thread's magazine, if that is how it goes; else NULL.  An object in
 * a magazine is as good as live: its slab is described.
 */
static inline void *alloc_fast(struct fixheap *heap, size_t bytes)
{
	struct thread *t = &thread_self;
	struct magazine *magazine;
	void **top, *object;

	if (unlikely(bytes > SMALL_MAX))
		return NULL;
	magazine = thread_magazine(t, size_class_of(bytes));
	if (unlikely(!thread_enter_open(t, heap) ||
		     (top = magazine->top) == magazine->empty)) {
		thread_leave(t);
		return NULL;
	}
	object = top[-1];
	magazine->top = top - 1;
	thread_leave(t);
	mark_set(object, 0);
	return object;
}

void *fixheap_malloc(struct fixheap *heap, size_t bytes)
{
	void *object = alloc_fast(heap, bytes);

	if (likely(object))
		return object;
	return malloc_slow(heap, bytes, CALLER);
}

void *fixheap_calloc(struct fixheap *heap, size_t count, size_t bytes)
{
	void *object;

	if (__builtin_mul_overflow(count, bytes, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	object = alloc_fast(heap, bytes);
	if (likely(object))
		return memset(object, 0, bytes);
	return calloc_slow(heap, bytes, CALLER);
}

/*
 * A slab begins at a page, and the class of a multiple of the alignment is a
 * multiple of it too: all objects of that class are aligned.
 */
void *fixheap_aligned_alloc(struct fixheap *heap, size_t alignment,
			    size_t bytes)
{
	struct direct_request req = { .bytes = bytes,
				      .alignment = alignment,
				      .caller = CALLER };
	void *object = NULL;

	if (!is_pow2(alignment)) {
		errno = EINVAL;
		return NULL;
	}
	if (alignment <= PAGE_BYTES && bytes <= SMALL_MAX) {
		req.bytes = round_up(bytes ? bytes : 1, alignment);
		object = alloc_fast(heap, req.bytes);
	}
	return object ? object : alloc_any(heap, &req);
}

/* ---- free --------------------------------------------------------------- */

/* The mark was found, or no object starts here. */
__attribute__((noinline)) static void
free_mistake(struct fixheap *heap, const char *what, const void *ptr)
{
	heap_fault(heap, "fixheap_free", what, ptr, 0);
}

/* A region is isolated: what is freed goes back to its slab at once. */
static inline bool is_draining(const struct fixheap *heap)
{
	return __atomic_load_n(&heap->nr_isolated, __ATOMIC_RELAXED);
}

/* Not home: another node or heap than the thread's, or no home yet. */
__attribute__((noinline)) static void free_small(struct fixheap *heap,
						 void *object, u64 page)
{
	u64 mark = mark_of(heap->objects->key, object);
	struct thread *t = &thread_self;
	u32 class = slab_class(page);

	if (mark_is(object, mark)) {
		free_mistake(heap, "double free", object);
		return;
	}
	mark_set(object, mark);
	if (thread_bind(t, heap) && page_node(page) == t->home_node &&
	    !is_draining(heap)) {
		thread_put(t, object, class);
		return;
	}
	thread_enter(t);
	fhje_dallocx(object, JE_TCACHE_NONE);
	thread_leave(t);
	heap_account(heap, -(long)size_class[class].size);
}

/* No small object starts at ptr. */
__attribute__((noinline)) static void free_other(struct fixheap *heap,
						 void *ptr, void *caller)
{
	if (!ptr)
		return;
	if (thread_run_put(heap, ptr)) {
		decay_freed(heap);
		return;
	}
	if (direct_size(heap, ptr))
		heap_free_run(heap, "fixheap_free", ptr, PAGE_DIRECT, caller);
	else
		free_mistake(heap, direct_mistake(heap, ptr), ptr);
}

/* Whatever it is; the way of free_fast ended somewhere. */
__attribute__((noinline)) static void free_slow(struct fixheap *heap, void *ptr,
						void *caller)
{
	u64 page;

	thread_leave(&thread_self);
	/* What is not in the heap has a descriptor too, which is always 0. */
	page = page_read(&heap->page[addr_to_pfn(heap, ptr)]);
	if (slab_starts(page, (uintptr_t)ptr & (PAGE_BYTES - 1)))
		free_small(heap, ptr, page);
	else
		free_other(heap, ptr, caller);
}

/* Into the thread's magazine, if that is how it goes.  Entered in any case. */
static inline bool free_fast(struct fixheap *heap, void *ptr)
{
	struct thread *t = &thread_self;
	size_t offset = (uintptr_t)ptr & (PAGE_BYTES - 1);
	struct magazine *magazine;
	u64 pfn, page, mark;
	void **top;

	if (unlikely(!thread_enter_open(t, heap) || !fast_pfn(heap, ptr, &pfn)))
		return false;
	page = page_read(&heap->page[pfn]);
	magazine = thread_magazine(t, slab_class(page));
	mark = mark_of(t->key, ptr);
	if (unlikely((u16)page != t->page ||
		     !unit_divides(magazine->unit, offset + slab_lead(page)) ||
		     (top = magazine->top) == magazine->full ||
		     mark_is(ptr, mark)))
		return false;
	mark_set(ptr, mark);
	*top = ptr;
	magazine->top = top + 1;
	thread_leave(t);
	return true;
}

void fixheap_free(struct fixheap *heap, void *ptr)
{
	if (unlikely(!free_fast(heap, ptr)))
		free_slow(heap, ptr, CALLER);
}

/* ---- size and change of size -------------------------------------------- */

/* Class of the small object that starts at ptr, live or not; 0: none does. */
static u32 class_at(const struct fixheap *heap, const void *ptr)
{
	u64 page, pfn = addr_to_pfn(heap, ptr);

	if (!pfn_valid(heap, pfn))
		return 0;
	page = page_read(&heap->page[pfn]);
	if (!slab_starts(page, (uintptr_t)ptr & (PAGE_BYTES - 1)))
		return 0;
	return slab_class(page);
}

/* The same of one that is live. */
static u32 object_class(struct fixheap *heap, const void *ptr)
{
	u32 class = class_at(heap, ptr);

	if (class && mark_is(ptr, mark_of(heap->objects->key, ptr)))
		return 0;
	return class;
}

/* Bytes of the object at ptr; 0: there is none, which was reported. */
static size_t object_size(struct fixheap *heap, const char *api,
			  const void *ptr, u32 class)
{
	size_t bytes = class ? size_class[class].size : direct_size(heap, ptr);

	if (!bytes)
		heap_fault(heap, api,
			   class_at(heap, ptr) ? "use after free"
					       : direct_mistake(heap, ptr),
			   ptr, 0);
	return bytes;
}

void fixheap_free_sized(struct fixheap *heap, void *ptr, size_t bytes)
{
	static const char api[] = "fixheap_free_sized";
	size_t size;

	if (!ptr)
		return;
	if (class_at(heap, ptr) && !object_class(heap, ptr)) {
		heap_fault(heap, api, "double free", ptr, bytes);
		return;
	}
	size = object_size(heap, api, ptr, object_class(heap, ptr));
	if (size && size < bytes)
		heap_fault(heap, api, "wrong size", ptr, bytes);
	else if (size)
		fixheap_free(heap, ptr);
}

size_t fixheap_usable_size(struct fixheap *heap, const void *ptr)
{
	if (!ptr)
		return 0;
	return object_size(heap, "fixheap_usable_size", ptr,
			   object_class(heap, ptr));
}

/* To another class, or between a class and a run of pages. */
static void *realloc_move(struct fixheap *heap, void *ptr, size_t old,
			  size_t bytes, void *caller)
{
	void *moved = alloc_fast(heap, bytes);
	bool large = direct_size(heap, ptr);
	u64 mark;

	if (!moved)
		moved = malloc_slow(heap, bytes, caller);
	/* There is no room, but it need not move. */
	if (!moved && bytes <= old) {
		if (large)
			direct_shrink(heap, ptr, bytes, caller);
		return ptr;
	}
	if (!moved)
		return NULL;
	memcpy(moved, ptr, old < bytes ? old : bytes);
	/* bytes that nobody wrote may be an old mark, and of just this place */
	mark = mark_of(heap->objects->key, moved);
	if (class_at(heap, moved) && mark_is(moved, mark))
		mark_set(moved, 0);
	if (large)
		free_other(heap, ptr, caller);
	else
		fixheap_free(heap, ptr);
	return moved;
}

void *fixheap_realloc(struct fixheap *heap, void *ptr, size_t bytes)
{
	size_t old;
	u32 class;

	if (!ptr)
		return fixheap_malloc(heap, bytes);
	if (!bytes) {
		fixheap_free(heap, ptr);
		return NULL;
	}
	class = object_class(heap, ptr);
	old = object_size(heap, "fixheap_realloc", ptr, class);
	if (!old) {
		errno = EINVAL;
		return NULL;
	}
	if (class && bytes <= SMALL_MAX && size_class_of(bytes) == class)
		return ptr;
	if (!class && bytes > SMALL_MAX)
		return direct_realloc(heap, ptr, bytes, CALLER);
	return realloc_move(heap, ptr, old, bytes, CALLER);
}
