/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * validate_range.c: check the list of ranges, and what is counted of them.
 *
 * Locking: the region lock is held.  Cost: O(ranges); of the table by pageblock
 * the entries of the first and the last of each range are looked at.
 */
#include "validate.h"

/* What the ranges come to. */
struct sum {
	u64 nr_ranges, nr_isolated, nr_own, nr_pages;
};

/* Two ranges that are neighbours in the list. */
static void check_neighbours(struct check *check, const struct range *below,
			     const struct range *range)
{
	const struct fixheap *heap = check->region->heap;
	u64 pfn = range->start_pfn;

	if (below->end_pfn != pfn)
		return;
	if (range->key != below->key || range->key == FIXHEAP_KEY_NONE)
		check_fail(check, "key of a range that joins the one below",
			   pfn, range->key, below->key);
	check_equal(check, "address of a range that joins the one below", pfn,
		    (uintptr_t)pfn_to_addr(heap, pfn),
		    (uintptr_t)pfn_to_addr(heap, pfn - 1) + PAGE_BYTES);
}

/* The lowest range of its first block, and of its last. */
static void check_table(struct check *check, const struct range *below,
			const struct range *range)
{
	const struct fixheap *heap = check->region->heap;
	u64 first = range->start_pfn >> BLOCK_SHIFT;
	u64 last = (range->end_pfn - 1) >> BLOCK_SHIFT;
	u32 id = range_id(heap, range) + 1;

	if (!heap_can_grow(heap))
		return;
	if (!below || (below->end_pfn - 1) >> BLOCK_SHIFT < first)
		check_equal(check, "lowest range of a pageblock",
			    range->start_pfn, heap->range_at[first], id);
	if (first < last)
		check_equal(check, "lowest range of a pageblock",
			    range->end_pfn - 1, heap->range_at[last], id);
}

static void add_range(struct check *check, const struct range *range,
		      struct sum *sum)
{
	const struct fixheap *heap = check->region->heap;
	u64 nr = range->end_pfn - range->start_pfn, end;

	sum->nr_ranges++;
	sum->nr_isolated += range->isolated;
	sum->nr_own += range->was_own;
	sum->nr_pages += nr - range->nr_isolated;
	for (u64 pfn = range->start_pfn; pfn < range->end_pfn; pfn = end) {
		const struct zone *zone = zone_of(heap, pfn);

		/* the last one, whatever it says */
		end = zone->end_pfn;
		if (end <= pfn || end > range->end_pfn)
			end = range->end_pfn;
		check->pages_of[zone->index] += end - pfn;
	}
}

static void check_sum(struct check *check, const struct sum *sum)
{
	const struct fixheap *heap = check->region->heap;

	check_equal(check, "ranges of the heap", 0, heap->nr_ranges,
		    sum->nr_ranges);
	check_equal(check, "isolated ranges of the heap", 0, heap->nr_isolated,
		    sum->nr_isolated);
	check_equal(check, "ranges that arrays have or had", 0, heap->nr_own,
		    sum->nr_own);
	check_equal(check, "pages of the heap", 0, heap->nr_pages,
		    sum->nr_pages);
}

bool check_ranges(struct check *check)
{
	const struct fixheap *heap = check->region->heap;
	const struct range *range = NULL, *below = NULL;
	struct sum sum = { .nr_ranges = 0 };
	u64 end = heap->start_pfn;

	/* who asks for a range would wait for ever */
	if (heap->range_seq % 2) {
		check_fail(check, "count of changes of the ranges", 0,
			   heap->range_seq, heap->range_seq + 1);
		return false;
	}
	while ((range = range_next_locked(heap, range))) {
		if (range->start_pfn < end ||
		    range->end_pfn <= range->start_pfn ||
		    range->end_pfn > heap->end_pfn) {
			check_fail(check, "pages of a range", range->start_pfn,
				   range->end_pfn, end);
			return false;
		}
		check_equal(check, "link of a range", range->start_pfn,
			    range->below,
			    below ? range_id(heap, below) + 1 : 0);
		if (below)
			check_neighbours(check, below, range);
		check_table(check, below, range);
		add_range(check, range, &sum);
		end = range->end_pfn;
		below = range;
	}
	check_sum(check, &sum);
	return true;
}
