/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thread_pages.c: a thread's own cache of single pages.
 *
 * It is as a CPU's (pcp.c): a group of up to 64 neighbours, out of which pages
 * are handed out and into which those go that belong there, and a buffer for
 * all others, which are not handed out again before they were given back to
 * their blocks.  More groups wait: each time that it is filled it gets twice as
 * many pages, 64 at first and at most a pageblock, or as many as the buffer
 * takes.  And it needs no lock: the thread uses it between thread_enter
 * and thread_leave, and others once they have stopped it.  It serves
 * fixheap_pages_alloc and fixheap_pages_free of single pages of the thread's
 * home and node, on heaps that keep nothing back; slabs come from the CPU's.
 * On a heap of several nodes a thread that has come to another node is served
 * by that node's CPU, and moves its cache there after some pages.
 *
 * The buffer is long, as pages that are freed in any order are spread over many
 * blocks, and to give back one page of a block or ten costs the same: 1/128 of
 * the heap, at least 64 pages and at most 2,048.  It is given back eight blocks
 * at a time, as others wait for the lock.
 *
 * Invariants
 *  1. A page in it is in use for its zone, and its descriptor is PAGE_CACHED.
 *  2. `page` is the descriptor of what it hands out and takes; while a region
 *     is isolated, one that no page has.
 *
 * Once a heap has tags (tag.c), it is passed by: each page counts then.
 *
 * What it is not: sure to find that a page is freed twice, where two threads do
 * it at the same moment.
 *
 * Cost: some nanoseconds; for 64 pages, to claim a group; for a buffer, 10 to
 * 20 a page.
 */
#include "thread_pages.h"

#include "heap.h"
#include "shortage.h"
#include "page_group.h"
#include "trace.h"

#define PART 128
#define BUFFER_MIN 64
#define GROUP_PAGES 64u
#define PART_OF_FREE 8

static struct node *node_of(const struct thread *t)
{
	return &t->home->node[t->home_node];
}

void thread_pages_tell(struct thread *t)
{
	heap_account(t->home, t->pages.untold * (long)PAGE_BYTES);
	t->pages.untold = 0;
}

void thread_pages_open(struct thread *t, bool draining)
{
	struct page_cache *cache = &t->pages;
	u64 page = page_make(PAGE_RAW, PLACE_SMALL, t->home_node);
	struct fixheap *heap = t->home;
	bool may = heap && !heap->reserves && !draining;

	cache->buffer = t->set ? t->set->pages : NULL;
	cache->page = may ? page_set_len(page, 1) : ~0ull;
	cache->cached = page_make(PAGE_CACHED, PLACE_SMALL, t->home_node);
	cache->many_nodes = heap && heap->nr_nodes > 1;
	cache->full = 0;
	if (may)
		cache->full = (u32)min_u64(max_u64(heap->max_pages / PART,
						   BUFFER_MIN),
					   THREAD_PAGES_MAX);
}

/* Give the buffer back. */
static void flush_buffer(struct thread *t)
{
	struct page_cache *cache = &t->pages;

	pages_give(node_of(t), cache->buffer, t->set->spare, cache->nr);
	__atomic_store_n(&cache->nr, 0, __ATOMIC_RELAXED);
}

static void set_group(struct page_cache *cache, const struct page_group *group)
{
	cache->group.base = group->base;
	cache->group.zero = group->zero;
	page_cache_set_word(cache, group->word);
}

static void set_waiting(struct page_cache *cache, u32 nr_pages)
{
	__atomic_store_n(&cache->nr_waiting, nr_pages, __ATOMIC_RELAXED);
}

/* Give the groups back; no page of another heap belongs there then. */
static void flush_groups(struct thread *t)
{
	const struct page_group none = { .base = NO_GROUP };
	struct page_cache *cache = &t->pages;
	struct page_group group = cache->group;

	set_group(cache, &none);
	while (group.word || cache->next < cache->nr_groups) {
		spin_lock(&t->home->region.lock);
		for (u32 i = 0; i < BLOCK_WORDS; i++) {
			if (group.word)
				page_group_give(node_of(t), &group);
			group.word = 0;
			if (cache->next < cache->nr_groups)
				group = t->set->group[cache->next++];
		}
		spin_unlock(&t->home->region.lock);
	}
	set_waiting(cache, 0);
	cache->nr_doublings = 0;
}

void thread_pages_flush(struct thread *t)
{
	struct page_cache *cache = &t->pages;

	if (!t->home)
		return;
	if (cache->nr)
		flush_buffer(t);
	flush_groups(t);
	thread_pages_tell(t);
}

u64 thread_pages_count(const struct thread *t)
{
	u64 word = __atomic_load_n(&t->pages.group.word, __ATOMIC_RELAXED);

	return __atomic_load_n(&t->pages.nr, __ATOMIC_RELAXED) +
	       __atomic_load_n(&t->pages.nr_waiting, __ATOMIC_RELAXED) +
	       (u64)__builtin_popcountll(word);
}

static u64 node_free(const struct node *node)
{
	const u16 *zone = &node->heap->order[ORDER_SMALL][node->first];
	u64 nr_pages = 0;

	for (u32 i = 0; i < node->nr_zones; i++)
		nr_pages += node->heap->zone[zone[i]].nr_free;
	return nr_pages;
}

/* Claim groups, which wait; twice as many pages the next time. */
static void claim_groups(struct thread *t)
{
	struct page_cache *cache = &t->pages;
	struct page_group *group = t->set->group;
	struct region *region = &t->home->region;
	struct node *node = node_of(t);
	u32 nr_pages = 0, want = GROUP_PAGES << cache->nr_doublings;
	u64 most;

	thread_pages_tell(t);
	spin_lock(&region->lock);
	/* near the node's end others want some, too */
	most = min_u64(cache->full, node_free(node) / PART_OF_FREE + 1);
	cache->nr_groups =
		page_groups_claim(node, (u32)min_u64(want, most), group);
	spin_unlock(&region->lock);
	for (u32 i = 0; i < cache->nr_groups; i++) {
		page_group_mark(node, &group[i]);
		nr_pages += (u32)__builtin_popcountll(group[i].word);
	}
	trace_refill(node->heap, node->index, PAGE_BYTES, nr_pages);
	cache->next = 0;
	set_waiting(cache, nr_pages);
	if (GROUP_PAGES << cache->nr_doublings < PAGE_GROUPS_WANT)
		cache->nr_doublings++;
}

/* A group that has pages, if there is one. */
static void next_group(struct thread *t)
{
	struct page_cache *cache = &t->pages;
	const struct page_group *group;

	if (cache->next == cache->nr_groups)
		claim_groups(t);
	if (cache->next == cache->nr_groups)
		return;
	group = &t->set->group[cache->next++];
	set_waiting(cache,
		    cache->nr_waiting - (u32)__builtin_popcountll(group->word));
	set_group(cache, group);
}

/* Whether the thread runs on the node that its pages are of. */
static bool is_near(const struct thread *t, const struct fixheap *heap)
{
	return heap->nr_nodes == 1 ||
	       heap->nodelist[heap_this_node(heap)][0] == t->home_node;
}

static bool may_serve(struct thread *t, struct fixheap *heap)
{
	return !heap->reserves && !tag_matters(heap) && thread_bind(t, heap);
}

void *thread_page_get(struct fixheap *heap)
{
	struct thread *t = &thread_self;
	struct page_cache *cache = &t->pages;
	u64 pfn = heap->pfn_none;
	bool got = false;

	if (!may_serve(t, heap))
		return NULL;
	if (!is_near(t, heap)) {
		thread_follow(t);
		return NULL;
	}
	thread_enter(t);
	if (cache->full && !cache->group.word)
		next_group(t);
	if (cache->full && cache->group.word) {
		u64 bit = cache->group.word & -cache->group.word;

		pfn = cache->group.base + (u64)__builtin_ctzll(bit);
		page_cache_set_word(cache, cache->group.word & ~bit);
		cache->untold++;
		page_write(&heap->page[pfn], cache->page);
		got = true;
	}
	thread_leave(t);
	if (shortage_is_watched(heap))
		shortage_look(heap);
	return got ? pfn_to_addr(heap, pfn) : NULL;
}

bool thread_page_put(struct fixheap *heap, void *start)
{
	struct thread *t = &thread_self;
	struct page_cache *cache = &t->pages;
	u64 pfn = addr_to_pfn(heap, start);
	bool kept = false;

	if ((uintptr_t)start & (PAGE_BYTES - 1) || !may_serve(t, heap))
		return false;
	thread_enter(t);
	if (cache->full && page_read(&heap->page[pfn]) == cache->page) {
		thread_pages_tell(t);
		if (cache->nr == cache->full)
			flush_buffer(t);
		page_write(&heap->page[pfn], cache->cached);
		cache->buffer[cache->nr] = (u32)pfn;
		__atomic_store_n(&cache->nr, cache->nr + 1, __ATOMIC_RELAXED);
		cache->untold--;
		kept = true;
	}
	thread_leave(t);
	return kept;
}
