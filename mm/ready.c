/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ready.c: which pages were brought into memory, and which are being touched.
 *
 * A bit for each pageblock says that fixheap_prefault has brought all of its
 * pages, so that the next call need not; it is cleared when contents are
 * dropped or the block leaves the heap.
 *
 * Pages are touched without a lock.  So that they do not go away meanwhile,
 * each thread says which it touches, under the region lock, which is when it
 * sees that they are there.  Who has taken pages out of the heap, under the
 * same lock, waits for those who still touch some of them.
 *
 * Locking: none; bits are set before pages are touched, so that who drops them
 * at the same time is right to clear the bit.  Cost: O(1) a pageblock; to wait
 * O(threads) if there are any.
 */
#include "ready.h"

struct toucher {
	u64 pfn; /* (R) written, (A) read */
	u64 end; /* (A) 0: it touches nothing */
};

/* heap->ready: the threads, then a bit for each pageblock. */
struct ready {
	struct toucher toucher[TOUCHERS_MAX];
	u32 nr_touchers; /* (R) written, (A) read: that there were at most */
	u64 block[];	 /* (A) */
};

size_t ready_bytes(u64 nr_blocks)
{
	return sizeof(struct ready) + (nr_blocks + 63) / 64 * sizeof(u64);
}

static bool whole_blocks(const struct bounds *pages)
{
	return !((pages->pfn | pages->end) & (BLOCK_PAGES - 1));
}

bool ready_test(const struct fixheap *heap, const struct bounds *pages)
{
	const struct ready *ready = heap->ready;
	u64 b = pages->pfn >> BLOCK_SHIFT;
	bool all = whole_blocks(pages);

	for (; all && b < pages->end >> BLOCK_SHIFT; b++)
		all = __atomic_load_n(&ready->block[b / 64],
				      __ATOMIC_RELAXED) >>
			      b % 64 &
		      1;
	return all;
}

void ready_set(struct fixheap *heap, const struct bounds *pages)
{
	u64 b = pages->pfn >> BLOCK_SHIFT;

	if (!whole_blocks(pages))
		return;
	for (; b < pages->end >> BLOCK_SHIFT; b++)
		__atomic_fetch_or(&heap->ready->block[b / 64], 1ull << b % 64,
				  __ATOMIC_RELAXED);
}

void ready_clear(struct fixheap *heap, const struct bounds *pages)
{
	u64 b = pages->pfn >> BLOCK_SHIFT;

	for (; b <= (pages->end - 1) >> BLOCK_SHIFT; b++) {
		u64 *word = &heap->ready->block[b / 64];
		u64 bit = 1ull << b % 64;

		/* most heaps never set one: these take no memory */
		if (__atomic_load_n(word, __ATOMIC_RELAXED) & bit)
			__atomic_fetch_and(word, ~bit, __ATOMIC_RELAXED);
	}
}

void touching_begin_locked(struct fixheap *heap, u32 i,
			   const struct bounds *pages)
{
	struct ready *ready = heap->ready;

	__atomic_store_n(&ready->toucher[i].pfn, pages->pfn, __ATOMIC_RELAXED);
	__atomic_store_n(&ready->toucher[i].end, pages->end, __ATOMIC_RELAXED);
	if (ready->nr_touchers <= i)
		__atomic_store_n(&ready->nr_touchers, i + 1, __ATOMIC_RELAXED);
}

void touching_end(struct fixheap *heap, u32 i)
{
	/* pairs with touching_wait: what was touched is behind us */
	__atomic_store_n(&heap->ready->toucher[i].end, 0, __ATOMIC_RELEASE);
}

static bool is_touching(const struct toucher *toucher,
			const struct bounds *pages)
{
	u64 end = __atomic_load_n(&toucher->end, __ATOMIC_ACQUIRE);
	u64 pfn = __atomic_load_n(&toucher->pfn, __ATOMIC_RELAXED);

	return end > pages->pfn && pfn < pages->end;
}

void touching_wait(const struct fixheap *heap, const struct bounds *pages)
{
	const struct ready *ready = heap->ready;
	u32 nr = __atomic_load_n(&ready->nr_touchers, __ATOMIC_RELAXED);

	for (u32 i = 0; i < nr; i++) {
		while (is_touching(&ready->toucher[i], pages))
			host_yield();
	}
}

void touching_forget(struct fixheap *heap)
{
	for (u32 i = 0; i < heap->ready->nr_touchers; i++)
		heap->ready->toucher[i].end = 0;
}
