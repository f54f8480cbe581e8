/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * page_poison.c: find writes to memory that was freed.
 *
 * Pages are filled with 0xaa when they become free, and compared when they
 * are handed out again.  One bit for each page says whether it was filled, as
 * pages that were never used are not.  A page that was written to is noted, as
 * this may be inside jemalloc, and reported to the fault handler as "write
 * after free" when the public call is about to return; it is handed out all
 * the same.
 *
 * Locking: the pages belong to the caller at both moments, so none; the bits
 * share words and are set and cleared atomically.  Cost: it touches every
 * page that is freed, so a freed array of 100 GiB is written once: this is for
 * debugging.  Single pages are not cached per CPU while this is on.
 */
#include "page_poison.h"

#include "heap.h"

#include <string.h>

#define POISON 0xaa

size_t page_poison_bytes(u64 nr_pages)
{
	return round_up(nr_pages, 64) / 8;
}

void page_poison_fill(struct fixheap *heap, const struct run *run)
{
	memset(pfn_to_addr(heap, run->pfn), POISON,
	       run->nr_pages << PAGE_SHIFT);
	for (u64 pfn = run->pfn; pfn < run->pfn + run->nr_pages; pfn++)
		__atomic_or_fetch(&heap->poisoned[pfn / 64], 1ull << pfn % 64,
				  __ATOMIC_RELAXED);
}

void page_poison_forget(struct fixheap *heap, const struct run *run)
{
	for (u64 pfn = run->pfn; pfn < run->pfn + run->nr_pages; pfn++)
		__atomic_and_fetch(&heap->poisoned[pfn / 64],
				   ~(1ull << pfn % 64), __ATOMIC_RELAXED);
}

static bool intact(const unsigned char *page)
{
	return page[0] == POISON && !memcmp(page, page + 1, PAGE_BYTES - 1);
}

void page_poison_check(struct fixheap *heap, const struct run *run)
{
	for (u64 pfn = run->pfn; pfn < run->pfn + run->nr_pages; pfn++) {
		u64 bit = 1ull << pfn % 64;
		u64 old = __atomic_fetch_and(&heap->poisoned[pfn / 64], ~bit,
					     __ATOMIC_RELAXED);

		if ((old & bit) && !intact(pfn_to_addr(heap, pfn)))
			__atomic_store_n(&heap->poison_hit, pfn + 1,
					 __ATOMIC_RELAXED);
	}
}

void page_poison_report(struct fixheap *heap)
{
	u64 hit;

	if (!__atomic_load_n(&heap->poison_hit, __ATOMIC_RELAXED))
		return;
	hit = __atomic_exchange_n(&heap->poison_hit, 0, __ATOMIC_RELAXED);
	if (hit)
		heap_fault(heap, "page allocation", "write after free",
			   pfn_to_addr(heap, hit - 1), PAGE_BYTES);
}
