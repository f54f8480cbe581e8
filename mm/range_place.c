/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * range_place.c: which page numbers a new range gets.
 *
 * The best are those that continue a range which it touches in memory and may
 * join; else those that it would have if all memory were counted from the first
 * range on, so that what comes between the two later can join both; else any
 * row of numbers that is long enough, with a pageblock at either end that
 * nobody has.
 *
 * Invariants: those of ranges.c.
 *
 * Locking: the region lock.  Cost: O(ranges).
 */
#include "range_place.h"

#include <errno.h>

u64 draft_pfn(const struct draft *draft, uintptr_t addr)
{
	u32 block = (u32)at_of(addr) + draft->shift;

	return ((u64)block << BLOCK_SHIFT) + (addr >> PAGE_SHIFT) % BLOCK_PAGES;
}

static u32 shift_of_range(const struct fixheap *heap, const struct range *range)
{
	return (u32) - ((i64)heap->move_of[range->start_pfn >> BLOCK_SHIFT] >>
			MAP_SHIFT);
}

/* They are one to the allocator where they touch. */
static bool joins(const struct range *range, const struct draft *draft)
{
	return range->key == draft->key && range->key != FIXHEAP_KEY_NONE;
}

/* Whether the draft may have its numbers. */
static bool fits(const struct fixheap *heap, const struct draft *draft)
{
	u64 start = draft_pfn(draft, draft->start);
	u64 end = draft_pfn(draft, draft->end - 1) + 1;
	const struct range *range = NULL;

	if (start >= end || start >> BLOCK_SHIFT < draft->zone->first_block ||
	    start < BLOCK_PAGES || end > draft->zone->end_pfn)
		return false;
	while ((range = range_next_locked(heap, range))) {
		bool same = shift_of_range(heap, range) == draft->shift;

		if (range->start_pfn >> BLOCK_SHIFT > end >> BLOCK_SHIFT)
			break;
		if ((range->end_pfn == start || range->start_pfn == end) &&
		    !(same && joins(range, draft)))
			return false;
		if (!same && range->start_pfn < round_up(end, BLOCK_PAGES) &&
		    range->end_pfn > round_down(start, BLOCK_PAGES))
			return false;
	}
	return true;
}

/* A row of numbers that nobody has, and one pageblock at each end of it. */
static bool first_fit(const struct fixheap *heap, struct draft *draft)
{
	u64 nr = at_of(draft->end - 1) - at_of(draft->start) + 1;
	u64 from = max_u64(draft->zone->first_block, 1);
	u64 last = draft->zone->end_pfn >> BLOCK_SHIFT;
	const struct range *range = NULL;

	while ((range = range_next_locked(heap, range))) {
		if (range->end_pfn >> BLOCK_SHIFT < from)
			continue;
		if (from + nr + 1 <= range->start_pfn >> BLOCK_SHIFT)
			break;
		from = ((range->end_pfn - 1) >> BLOCK_SHIFT) + 2;
	}
	draft->shift = (u32)(from - at_of(draft->start));
	return from + nr <= last;
}

/* Behind or before one that it touches and may join, else as the lowest. */
static bool settle_near(const struct fixheap *heap, struct draft *draft)
{
	const struct range *range = NULL;

	while ((range = range_next_locked(heap, range))) {
		if (!joins(range, draft) ||
		    (range->base + range->bytes != (char *)draft->start &&
		     range->base != (char *)draft->end))
			continue;
		draft->shift = shift_of_range(heap, range);
		if (fits(heap, draft))
			return true;
	}
	range = range_next_locked(heap, NULL);
	if (!range)
		return false;
	draft->shift = shift_of_range(heap, range);
	return fits(heap, draft);
}

int draft_settle(const struct fixheap *heap, struct draft *draft)
{
	if (draft->start >= draft->end)
		return -EINVAL;
	if (at_of(draft->end - 1) >= heap->map_count)
		return -ERANGE;
	if (settle_near(heap, draft) || first_fit(heap, draft))
		return 0;
	return -ERANGE;
}
