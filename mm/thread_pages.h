/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thread_pages.h: a thread's own cache of single pages; see thread_pages.c.
 * Without jemalloc there are no threads to own one, and what debugs pages wants
 * to see each of them: then there is none.
 */
#ifndef MM_THREAD_PAGES_H
#define MM_THREAD_PAGES_H

#include "page_group.h"

#if THREAD_PAGES

#include "tag.h"
#include "thread_cache.h"

/* The pages to hand out: its own thread sets them, others count them. */
static inline void page_cache_set_word(struct page_cache *cache, u64 word)
{
	__atomic_store_n(&cache->group.word, word, __ATOMIC_RELAXED);
}

/* A page as of fixheap_pages_alloc without an attribute; NULL: ask the heap. */
void *thread_page_get(struct fixheap *heap);
/* Keep the page at start; false: it is not one that can be kept. */
bool thread_page_put(struct fixheap *heap, void *start);

/* The same where the cache serves at once; else ask those above.  They are not
 * called from here, so that the way through needs no stack. */
static inline void *thread_page_try_get(struct fixheap *heap)
{
	struct thread *t = &thread_self;
	struct page_cache *cache = &t->pages;
	u64 word, pfn;

	if (unlikely(tag_matters(heap)))
		return NULL;
	if (unlikely(!thread_enter_open(t, heap) ||
		     !(word = cache->group.word) || cache->many_nodes)) {
		thread_leave(t);
		return NULL;
	}
	pfn = cache->group.base + (u64)__builtin_ctzll(word);
	page_cache_set_word(cache, word & (word - 1));
	cache->untold++;
	page_write(&heap->page[pfn], cache->page);
	thread_leave(t);
	return pfn_to_addr(heap, pfn);
}

static inline bool thread_page_try_put(struct fixheap *heap, void *start)
{
	struct thread *t = &thread_self;
	struct page_cache *cache = &t->pages;
	u64 pfn;

	if (unlikely(tag_matters(heap)))
		return false;
	if (unlikely(!thread_enter_open(t, heap) ||
		     !fast_pfn(heap, start, &pfn) ||
		     (uintptr_t)start & (PAGE_BYTES - 1) ||
		     page_read(&heap->page[pfn]) != cache->page ||
		     cache->nr == cache->full)) {
		thread_leave(t);
		return false;
	}
	page_write(&heap->page[pfn], cache->cached);
	cache->untold--;
	if (pfn - cache->group.base < 64) {
		u64 bit = 1ull << (pfn - cache->group.base);

		page_cache_set_word(cache, cache->group.word | bit);
		cache->group.zero &= ~bit;
	} else {
		cache->buffer[cache->nr] = (u32)pfn;
		__atomic_store_n(&cache->nr, cache->nr + 1, __ATOMIC_RELAXED);
	}
	thread_leave(t);
	return true;
}

#else

static inline void *thread_page_get(struct fixheap *heap)
{
	(void)heap;
	return NULL;
}

static inline bool thread_page_put(struct fixheap *heap, void *start)
{
	(void)heap;
	(void)start;
	return false;
}

static inline void *thread_page_try_get(struct fixheap *heap)
{
	return thread_page_get(heap);
}

static inline bool thread_page_try_put(struct fixheap *heap, void *start)
{
	return thread_page_put(heap, start);
}

#endif

#endif
