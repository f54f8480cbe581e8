/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fail_page_alloc.c: let page allocations fail on purpose.
 *
 * fixheap_set_fail_page_alloc(heap, n) makes every n-th allocation of an array,
 * of pages or of a large object fail as if no run served, so that a program's
 * handling of ENOMEM can be tested.  Small objects and growth in place are
 * not asked.
 *
 * Locking: two atomic counters.  Cost: one load while it is off.
 */
#include "fail_page_alloc.h"

bool fail_page_alloc(struct fixheap *heap)
{
	u64 interval = __atomic_load_n(&heap->fail_interval, __ATOMIC_RELAXED);

	return interval &&
	       !(__atomic_add_fetch(&heap->fail_count, 1, __ATOMIC_RELAXED) %
		 interval);
}
