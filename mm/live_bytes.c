/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live_bytes.c: the heap's count of live bytes, and the most that there were.
 *
 * Locking: none; the counts are atomic.  Cost: O(1).
 */
#include "heap.h"

void heap_account(struct fixheap *heap, long bytes)
{
	long live, peak;

	live = __atomic_add_fetch(&heap->live_bytes, bytes, __ATOMIC_RELAXED);
	peak = __atomic_load_n(&heap->peak_live, __ATOMIC_RELAXED);
	while (live > peak &&
	       !__atomic_compare_exchange_n(&heap->peak_live, &peak, live, true,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}
