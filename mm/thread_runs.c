/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thread_runs.c: a thread's own cache of objects that are a run of pages.
 *
 * What fixheap_free gets of such objects, up to 64 pages, is kept for the next
 * that asks for exactly so many, by a list for each length.  Of all threads
 * together no more is kept than 1/64 of the heap, and of each no more than 8
 * MiB; who has kept that much gives back of another length, of each in turn,
 * so that what nobody asks for does not stay for ever.
 *
 * How much of that a thread may keep is found out: ROOM pages at first, more
 * each time that it asks for a length of which one was given back since it last
 * did, and less each time that one more of such a length is given back.
 *
 * Invariants
 *  1. A run in it is in use for its zone, and its head's descriptor has kind
 *     PAGE_FREEING and PAGE_KEPT_FLAG: as free as can be for who looks at it.
 *  2. nr_pages counts the pages of all entries in lists; bit n - 1 of lengths
 *     is set where there is one of n pages.
 *
 * Locking: between thread_enter and thread_leave, or who has stopped the
 * thread; nodes and mistakes as thread_pages.c.  Cost: about 10 ns, or
 * that of a run that is given back.
 */
#include "thread_runs.h"

#include "heap.h"

#define PART 64
#define ROOM 128      /* pages */
#define SHRINK 2      /* times what nobody wants */
#define UNTOLD_MAX 64 /* pages */
/* the descriptors of an object and of a kept one differ in these bits */
#define KEEP (PAGE_DIRECT ^ PAGE_FREEING ^ PAGE_KEPT_FLAG)

static void entry_pop(struct run_cache *cache, u32 n, u64 *pfn)
{
	u32 at = cache->head[n];
	struct run_entry *entry = &cache->entry[at - 1];

	*pfn = entry->pfn;
	cache->head[n] = entry->next;
	if (!entry->next)
		cache->lengths &= ~(1ull << (n - 1));
	entry->next = cache->spare;
	cache->spare = (u16)at;
	__atomic_store_n(&cache->nr_pages, cache->nr_pages - n,
			 __ATOMIC_RELAXED);
}

static bool entry_push(struct run_cache *cache, u32 n, u64 pfn)
{
	u32 at = cache->spare;

	if (at)
		cache->spare = cache->entry[at - 1].next;
	else if (cache->nr_used < RUN_ENTRIES)
		at = ++cache->nr_used;
	else
		return false;
	cache->entry[at - 1].pfn = (u32)pfn;
	cache->entry[at - 1].next = cache->head[n];
	cache->head[n] = (u16)at;
	cache->lengths |= 1ull << (n - 1);
	__atomic_store_n(&cache->nr_pages, cache->nr_pages + n,
			 __ATOMIC_RELAXED);
	return true;
}

/* Give one back, of the length that is next; returns it. */
static u32 evict(struct thread *t)
{
	struct run_cache *cache = &t->set->runs;
	u64 above = cache->lengths & ~0ull << cache->hand;
	u64 which = above ? above : cache->lengths;
	u32 n = (u32)__builtin_ctzll(which) + 1;
	struct run run = { .nr_pages = n };

	cache->hand = n % 64;
	entry_pop(cache, n, &run.pfn);
	run_give(t->home, &run, 0);
	return n;
}

/* To make room: nobody wanted that length since the last one was given back. */
static void shrink(struct run_cache *cache, u32 n)
{
	u64 bit = 1ull << (n - 1);

	if (cache->gone & bit)
		cache->extra -= (u32)min_u64(cache->extra, SHRINK * n);
	cache->gone |= bit;
}

/* There is none so long. */
static void missed(struct run_cache *cache, u64 n)
{
	u64 bit = 1ull << (n - 1);

	if (!(cache->gone & bit))
		return;
	cache->gone &= ~bit;
	cache->extra = (u32)min_u64(cache->extra + n, THREAD_PAGES_MAX);
}

void thread_runs_flush(struct thread *t)
{
	while (t->set->runs.lengths)
		evict(t);
}

u64 thread_runs_count(const struct thread *t)
{
	return t->set ? __atomic_load_n(&t->set->runs.nr_pages,
					__ATOMIC_RELAXED)
		      : 0;
}

static void account(struct thread *t, i64 nr_pages)
{
	t->pages.untold += nr_pages;
	if (t->pages.untold > UNTOLD_MAX || t->pages.untold < -UNTOLD_MAX)
		thread_pages_tell(t);
}

/* What the cache has is of the node that the thread's objects shall be of. */
static bool is_near(const struct thread *t)
{
	return !t->pages.many_nodes || thread_node(t, t->home) == t->home_node;
}

void *thread_run_get(struct fixheap *heap, u64 nr_pages)
{
	struct thread *t = &thread_self;
	u64 pfn;

	if (nr_pages > RUN_PAGES_MAX || tag_matters(heap))
		return NULL;
	if (!thread_enter_open(t, heap) || !is_near(t)) {
		thread_leave(t);
		return NULL;
	}
	if (!(t->set->runs.lengths >> (nr_pages - 1) & 1)) {
		missed(&t->set->runs, nr_pages);
		thread_leave(t);
		return NULL;
	}
	entry_pop(&t->set->runs, (u32)nr_pages, &pfn);
	page_write(&heap->page[pfn], page_read(&heap->page[pfn]) ^ KEEP);
	account(t, (i64)nr_pages);
	thread_leave(t);
	return pfn_to_addr(heap, pfn);
}

static u64 most_pages(const struct fixheap *heap)
{
	u64 nr = __atomic_load_n(&heap->nr_pages, __ATOMIC_RELAXED);
	u32 threads =
		__atomic_load_n(&heap->objects->nr_threads, __ATOMIC_RELAXED);

	return min_u64(nr / PART / max_u64(threads, 1), THREAD_PAGES_MAX);
}

/* Room for so many pages more; false: there is none. */
static bool make_room(struct thread *t, u64 nr_pages)
{
	struct run_cache *cache = &t->set->runs;
	u64 most = min_u64(most_pages(t->home), ROOM + cache->extra);

	while (cache->lengths && cache->nr_pages + nr_pages > most)
		shrink(cache, evict(t));
	return nr_pages <= most;
}

static bool put(struct thread *t, struct fixheap *heap, void *ptr)
{
	u64 page, pfn, nr_pages;

	if (!t->pages.full || !fast_pfn(heap, ptr, &pfn) ||
	    (uintptr_t)ptr & (PAGE_BYTES - 1))
		return false;
	page = page_read(&heap->page[pfn]);
	nr_pages = (page >> PAGE_LEN_SHIFT) + 1;
	if ((u32)page != page_make(PAGE_DIRECT, PLACE_MEDIUM, t->home_node) ||
	    nr_pages > RUN_PAGES_MAX || !make_room(t, nr_pages) ||
	    !entry_push(&t->set->runs, (u32)nr_pages, pfn))
		return false;
	page_write(&heap->page[pfn], page ^ KEEP);
	account(t, -(i64)nr_pages);
	return true;
}

bool thread_run_put(struct fixheap *heap, void *ptr)
{
	struct thread *t = &thread_self;
	bool kept;

	if (tag_matters(heap) ||
	    (!thread_at_home(t, heap) && !thread_bind(t, heap)))
		return false;
	kept = thread_enter_open(t, heap) && put(t, heap, ptr);
	thread_leave(t);
	return kept;
}
