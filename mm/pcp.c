/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pcp.c: per-CPU caches of single pages.
 *
 * Each CPU owns one *word*: up to 64 free pages out of the same 64-page group
 * of one pageblock, claimed in one go.  Pages are handed out from it, and a
 * freed page that belongs to it goes back in: a hot pair never sees the zone.
 * Any other freed page waits in a buffer; when that is full it is sorted and
 * given back, neighbours together.  It is not handed out again from there: a
 * last-in-first-out cache would keep reusing pages of sparse blocks, which
 * then never become whole.
 *
 * Invariants
 *  1. A page in a cache is in use for its zone, its descriptor is PAGE_CACHED.
 *  2. zero is a subset of word; pages of the buffer are not known to be zero.
 *  3. nr_pages = ones in word + nr.
 *
 * Locking: a lock for each CPU's cache, taken before the zone lock.  A caller
 * that finds it taken (it was moved to another CPU, or another thread runs
 * there now) goes to the zone instead.  Cost: O(1); one zone lock for up to 64
 * pages.
 */
#include "pcp.h"

#include "bitmap.h"
#include "page_alloc.h"
#include "zone.h"

size_t pcp_bytes(u32 nr_cpus)
{
	return nr_cpus * sizeof(struct pcp);
}

void pcp_init(struct zone *zone, void *memory)
{
	zone->pcp = memory;
}

static void count(struct pcp *pcp)
{
	u32 nr = pcp->nr + (u32)__builtin_popcountll(pcp->word);

	__atomic_store_n(&pcp->nr_pages, nr, __ATOMIC_RELAXED);
}

static void mark(struct zone *zone, u64 base, u64 word, u64 page)
{
	for (; word; word &= word - 1)
		page_write(&zone->heap->page[base + __builtin_ctzll(word)],
			   page);
}

/* Claim the free pages of a group out of the fullest block. */
static bool claim_locked(struct zone *zone, struct pcp *pcp)
{
	const struct contig_request req = { .nr_pages = 1,
					    .align = 1,
					    .placement = PLACE_SMALL };
	struct zero_range known;
	struct run run = { .nr_pages = 1 };
	const struct pageblock *pb;
	u64 first, rest;

	if (!contig_find(zone, &req, &run.pfn))
		return false;
	known = zone_take_locked(zone, &run, PLACE_SMALL);
	first = 1ull << run.pfn % 64;
	pcp->base = round_down(run.pfn, 64);
	pcp->word = first;
	pcp->zero = known.pfn < known.end ? first : 0;
	pb = &zone->block[run.pfn >> BLOCK_SHIFT];
	rest = pb->free[run.pfn % BLOCK_PAGES / 64];
	pcp->zero |= rest & pb->zero[run.pfn % BLOCK_PAGES / 64];
	pcp->word |= rest;
	while (rest) {
		u32 i = (u32)__builtin_ctzll(rest);
		u64 ones = ~(rest >> i);

		run.pfn = pcp->base + i;
		run.nr_pages = ones ? (u64)__builtin_ctzll(ones) : 64 - i;
		zone_take_locked(zone, &run, PLACE_SMALL);
		bitmap_clear(&rest, i, (u32)run.nr_pages);
	}
	mark(zone, pcp->base, pcp->word,
	     page_make(PAGE_CACHED, PLACE_SMALL, zone->index));
	return true;
}

bool pcp_get(struct zone *zone, u64 page, u64 *pfn, bool *zero)
{
	struct pcp *pcp = &zone->pcp[heap_this_cpu(zone->heap)];
	bool got = true;
	u64 bit;

	if (!spin_trylock(&pcp->lock))
		return false;
	if (!pcp->word) {
		spin_lock(&zone->lock);
		got = claim_locked(zone, pcp);
		spin_unlock(&zone->lock);
	}
	if (got) {
		bit = pcp->word & -pcp->word;
		*pfn = pcp->base + __builtin_ctzll(bit);
		*zero = pcp->zero & bit;
		pcp->word &= ~bit;
		pcp->zero &= ~bit;
		page_write(&zone->heap->page[*pfn], page);
		count(pcp);
	}
	spin_unlock(&pcp->lock);
	return got;
}

static void sort(u32 *pfn, u32 nr)
{
	for (u32 i = 1; i < nr; i++) {
		u32 value = pfn[i], j = i;

		for (; j && pfn[j - 1] > value; j--)
			pfn[j] = pfn[j - 1];
		pfn[j] = value;
	}
}

/* Give the buffer back, neighbours within a block together. */
static void flush_locked(struct zone *zone, struct pcp *pcp)
{
	sort(pcp->buffer, pcp->nr);
	for (u32 i = 0; i < pcp->nr;) {
		struct run run = { .pfn = zone->start_pfn + pcp->buffer[i] };

		do {
			page_write(&zone->heap->page[run.pfn + run.nr_pages],
				   0);
			run.nr_pages++;
			i++;
		} while (i < pcp->nr && zone->start_pfn + pcp->buffer[i] ==
						run.pfn + run.nr_pages);
		zone_give_locked(zone, &run, PLACE_SMALL);
	}
	pcp->nr = 0;
}

static void word_locked(struct zone *zone, struct pcp *pcp)
{
	mark(zone, pcp->base, pcp->word, 0);
	while (pcp->word) {
		u32 i = (u32)__builtin_ctzll(pcp->word);
		struct run run = { .pfn = pcp->base + i, .nr_pages = 1 };

		if (pcp->zero >> i & 1)
			zone_give_zero_locked(zone, &run, PLACE_SMALL);
		else
			zone_give_locked(zone, &run, PLACE_SMALL);
		pcp->word &= pcp->word - 1;
	}
	pcp->zero = 0;
}

bool pcp_put(struct zone *zone, u64 page, u64 pfn)
{
	struct pcp *pcp = &zone->pcp[heap_this_cpu(zone->heap)];
	u64 cached = page_make(PAGE_CACHED, PLACE_SMALL, zone->index);

	if (!spin_trylock(&pcp->lock))
		return false;
	if (!__atomic_compare_exchange_n(&zone->heap->page[pfn], &page, cached,
					 false, __ATOMIC_RELAXED,
					 __ATOMIC_RELAXED)) {
		spin_unlock(&pcp->lock);
		return false;
	}
	if (pcp->base == round_down(pfn, 64)) {
		pcp->word |= 1ull << pfn % 64;
	} else {
		if (pcp->nr == PCP_BUFFER) {
			spin_lock(&zone->lock);
			flush_locked(zone, pcp);
			spin_unlock(&zone->lock);
		}
		pcp->buffer[pcp->nr++] = (u32)(pfn - zone->start_pfn);
	}
	count(pcp);
	spin_unlock(&pcp->lock);
	return true;
}

u64 pcp_drain(struct zone *zone)
{
	u64 nr = 0;

	for (u32 cpu = 0; cpu < zone->heap->topo.nr_cpus; cpu++) {
		struct pcp *pcp = &zone->pcp[cpu];

		if (!__atomic_load_n(&pcp->nr_pages, __ATOMIC_RELAXED))
			continue;
		spin_lock(&pcp->lock);
		nr += pcp->nr_pages;
		spin_lock(&zone->lock);
		flush_locked(zone, pcp);
		word_locked(zone, pcp);
		spin_unlock(&zone->lock);
		count(pcp);
		spin_unlock(&pcp->lock);
	}
	return nr;
}

u64 pcp_count(const struct zone *zone)
{
	u64 nr = 0;

	for (u32 cpu = 0; cpu < zone->heap->topo.nr_cpus; cpu++)
		nr += __atomic_load_n(&zone->pcp[cpu].nr_pages,
				      __ATOMIC_RELAXED);
	return nr;
}

void pcp_lock_all(struct zone *zone)
{
	for (u32 cpu = 0; cpu < zone->heap->topo.nr_cpus; cpu++)
		spin_lock(&zone->pcp[cpu].lock);
}

void pcp_unlock_all(struct zone *zone)
{
	for (u32 cpu = 0; cpu < zone->heap->topo.nr_cpus; cpu++)
		spin_unlock(&zone->pcp[cpu].lock);
}
