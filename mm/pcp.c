/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pcp.c: per-CPU caches of single pages.
 *
 * For each node a CPU owns one *word*: up to 64 free pages out of the same
 * 64-page group of one pageblock, claimed in one go.  Pages are handed out from
 * it, and a freed page that belongs to it goes back in: a hot pair never sees a
 * zone.
 * Any other freed page waits in a buffer; when that is full it is sorted and
 * given back, neighbours together.  It is not handed out again from there: a
 * last-in-first-out cache would keep reusing pages of sparse blocks, which
 * then never become whole.
 *
 * Invariants
 *  1. A page in a cache is in use for its zone, its descriptor is PAGE_CACHED;
 *     it is of the cache's node.
 *  2. zero is a subset of word; pages of the buffer are not known to be zero.
 *  3. nr_pages = ones in word + nr.
 *
 * Locking: a lock for each CPU's cache, taken before the region lock.  A caller
 * that finds it taken (it was moved to another CPU, or another thread runs
 * there now) goes to the zones instead.  Cost: O(1); one region lock for up to
 * 64 pages.
 */
#include "pcp.h"

#include "page_group.h"
#include "trace.h"
#include "zone.h"

size_t pcp_bytes(u32 nr_cpus)
{
	return nr_cpus * sizeof(struct pcp);
}

void pcp_init(struct node *node, void *memory)
{
	node->pcp = memory;
}

static void count(struct pcp *pcp)
{
	u32 nr = pcp->nr + (u32)__builtin_popcountll(pcp->word);

	__atomic_store_n(&pcp->nr_pages, nr, __ATOMIC_RELAXED);
}

/* Claim the free pages of a group out of the fullest block. */
static bool claim(struct node *node, struct pcp *pcp)
{
	struct page_group group;
	u32 nr;

	spin_lock(&node->heap->region.lock);
	nr = page_groups_claim(node, 1, &group);
	spin_unlock(&node->heap->region.lock);
	if (!nr)
		return false;
	page_group_mark(node, &group);
	pcp->word = group.word;
	pcp->zero = group.zero;
	pcp->base = group.base;
	count(pcp);
	trace_refill(node->heap, node->index, PAGE_BYTES, pcp->nr_pages);
	return true;
}

bool pcp_get(struct node *node, u64 page, u64 *pfn, bool *zero)
{
	struct pcp *pcp = &node->pcp[heap_this_cpu(node->heap)];
	bool got = true;
	u64 bit;

	if (!spin_trylock(&pcp->lock))
		return false;
	if (!pcp->word)
		got = claim(node, pcp);
	if (got) {
		bit = pcp->word & -pcp->word;
		*pfn = pcp->base + __builtin_ctzll(bit);
		*zero = pcp->zero & bit;
		pcp->word &= ~bit;
		pcp->zero &= ~bit;
		page_write(&node->heap->page[*pfn], page);
		count(pcp);
	}
	spin_unlock(&pcp->lock);
	return got;
}

/* Give the buffer back. */
static void flush_locked(struct node *node, struct pcp *pcp)
{
	u32 spare[PCP_BUFFER];

	pages_give_locked(node, pcp->buffer, spare, pcp->nr);
	pcp->nr = 0;
}

static void word_locked(struct node *node, struct pcp *pcp)
{
	struct page_group group = { pcp->word, pcp->zero, pcp->base };

	page_group_give(node, &group);
	pcp->word = 0;
	pcp->zero = 0;
}

bool pcp_put(struct node *node, u64 page, u64 pfn)
{
	struct pcp *pcp = &node->pcp[heap_this_cpu(node->heap)];
	u64 cached = page_cached(node);

	if (!spin_trylock(&pcp->lock))
		return false;
	/* who isolates a region empties the caches after that; with the lock
	 * held it is known whether that is still to come */
	if (unlikely(__atomic_load_n(&node->heap->nr_isolated,
				     __ATOMIC_RELAXED))) {
		spin_unlock(&pcp->lock);
		return false;
	}
	if (!__atomic_compare_exchange_n(&node->heap->page[pfn], &page, cached,
					 false, __ATOMIC_RELAXED,
					 __ATOMIC_RELAXED)) {
		spin_unlock(&pcp->lock);
		return false;
	}
	if (pcp->base == round_down(pfn, 64)) {
		pcp->word |= 1ull << pfn % 64;
	} else {
		if (pcp->nr == PCP_BUFFER) {
			spin_lock(&node->heap->region.lock);
			flush_locked(node, pcp);
			spin_unlock(&node->heap->region.lock);
		}
		pcp->buffer[pcp->nr++] = (u32)pfn;
	}
	count(pcp);
	spin_unlock(&pcp->lock);
	return true;
}

static u64 drain_one(struct node *node, struct pcp *pcp)
{
	u64 nr = pcp->nr_pages;

	if (!nr)
		return 0;
	spin_lock(&node->heap->region.lock);
	flush_locked(node, pcp);
	word_locked(node, pcp);
	spin_unlock(&node->heap->region.lock);
	count(pcp);
	return nr;
}

u64 pcp_drain(struct node *node)
{
	u64 nr = 0;

	for (u32 cpu = 0; cpu < node->heap->topo.nr_cpus; cpu++) {
		struct pcp *pcp = &node->pcp[cpu];

		if (!__atomic_load_n(&pcp->nr_pages, __ATOMIC_RELAXED))
			continue;
		spin_lock(&pcp->lock);
		nr += drain_one(node, pcp);
		spin_unlock(&pcp->lock);
	}
	return nr;
}

void pcp_drain_locked(struct node *node)
{
	for (u32 cpu = 0; cpu < node->heap->topo.nr_cpus; cpu++)
		drain_one(node, &node->pcp[cpu]);
}

u64 pcp_count(const struct node *node)
{
	u64 nr = 0;

	for (u32 cpu = 0; cpu < node->heap->topo.nr_cpus; cpu++)
		nr += __atomic_load_n(&node->pcp[cpu].nr_pages,
				      __ATOMIC_RELAXED);
	return nr;
}

void pcp_lock_all(struct node *node)
{
	for (u32 cpu = 0; cpu < node->heap->topo.nr_cpus; cpu++)
		spin_lock(&node->pcp[cpu].lock);
}

void pcp_unlock_all(struct node *node)
{
	for (u32 cpu = 0; cpu < node->heap->topo.nr_cpus; cpu++)
		spin_unlock(&node->pcp[cpu].lock);
}
