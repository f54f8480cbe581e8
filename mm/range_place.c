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
 * Where the range lies in the same pageblock of memory as another one, there is
 * no choice.
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
	return -heap->shift_of[range->start_pfn >> BLOCK_SHIFT];
}

/* They are one to the allocator where they touch. */
static bool joins(const struct range *range, const struct draft *draft)
{
	return range->key == draft->key && range->key != FIXHEAP_KEY_NONE;
}

enum verdict {
	FITS,
	TAKEN,
	TOUCHES_BELOW, /* a range of another key, or from elsewhere in memory */
	TOUCHES_ABOVE,
};

/* Whether the draft may have its numbers. */
static enum verdict try_draft(const struct fixheap *heap,
			      const struct draft *draft)
{
	u64 start = draft_pfn(draft, draft->start);
	u64 end = draft_pfn(draft, draft->end - 1) + 1;
	const struct range *range = NULL;
	enum verdict verdict = FITS;

	if (start >= end || start >> BLOCK_SHIFT < draft->zone->first_block ||
	    start < BLOCK_PAGES || end > draft->zone->end_pfn)
		return TAKEN;
	while ((range = range_next_locked(heap, range))) {
		bool same = shift_of_range(heap, range) == draft->shift;

		if ((range->end_pfn - 1) >> BLOCK_SHIFT < start >>
			    BLOCK_SHIFT &&
		    range->end_pfn != start)
			continue;
		if (range->start_pfn >> BLOCK_SHIFT > (end - 1) >>
			    BLOCK_SHIFT &&
		    range->start_pfn != end)
			break;
		if (range->end_pfn == start && !(same && joins(range, draft)))
			verdict = TOUCHES_BELOW;
		else if (range->start_pfn == end &&
			 !(same && joins(range, draft)))
			verdict = TOUCHES_ABOVE;
		else if (!same && range->end_pfn != start &&
			 range->start_pfn != end)
			return TAKEN;
	}
	return verdict;
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

/* What the range that has this pageblock of memory is shifted by. */
static bool mapped(const struct fixheap *heap, uintptr_t addr, u32 *shift)
{
	u64 at = at_of(addr);

	*shift = heap->block_at[at] - (u32)at;
	return heap->block_at[at] != 0;
}

/*
 * It shares a pageblock with others, so its numbers are given.  Where they
 * cannot be had it loses what lies there; where it touches a stranger, a page.
 */
static void settle_shared(const struct fixheap *heap, struct draft *draft)
{
	u32 low = 0, high = 0;
	bool has_low = mapped(heap, draft->start, &low);
	bool has_high = mapped(heap, draft->end - 1, &high);

	while (draft->start < draft->end && (has_low || has_high)) {
		draft->shift = has_low ? low : high;
		if (has_low && has_high && low != high)
			draft->end = round_down(draft->end - 1, BLOCK_BYTES);
		switch (try_draft(heap, draft)) {
		case FITS:
			return;
		case TOUCHES_BELOW:
			draft->start += PAGE_BYTES;
			break;
		case TOUCHES_ABOVE:
			draft->end -= PAGE_BYTES;
			break;
		case TAKEN:
			if (has_low)
				draft->start =
					round_up(draft->start + 1, BLOCK_BYTES);
			else
				draft->end =
					round_down(draft->end - 1, BLOCK_BYTES);
			break;
		}
		if (draft->start >= draft->end)
			return;
		has_low = mapped(heap, draft->start, &low);
		has_high = mapped(heap, draft->end - 1, &high);
	}
}

static bool is_shared(const struct fixheap *heap, const struct draft *draft)
{
	return heap->block_at[at_of(draft->start)] ||
	       heap->block_at[at_of(draft->end - 1)];
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
		if (try_draft(heap, draft) == FITS)
			return true;
	}
	range = range_next_locked(heap, NULL);
	if (!range)
		return false;
	draft->shift = shift_of_range(heap, range);
	return try_draft(heap, draft) == FITS;
}

int draft_settle(const struct fixheap *heap, struct draft *draft)
{
	if (draft->start >= draft->end)
		return -EINVAL;
	if (at_of(draft->end - 1) >= heap->map_count)
		return -ERANGE;
	settle_shared(heap, draft);
	if (draft->start >= draft->end)
		return -ERANGE;
	if (is_shared(heap, draft) || settle_near(heap, draft) ||
	    first_fit(heap, draft))
		return 0;
	return -ERANGE;
}
