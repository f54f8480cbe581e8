/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * range_map.c: the tables that lead from memory to page numbers, and back.
 *
 * block_at has an entry for each 2 MiB of memory: the pageblock that it is, or
 * with MAP_TABLE, where several ranges have parts of it that must not be one,
 * which table of pages they have.  delta_at says the same of a pageblock as
 * what is to be added to the page's number in memory, so that there is little
 * to do for most addresses; move_of leads back.
 *
 * Invariants: those of ranges.c, and
 *  1. A table of pages has an entry for each page of the ranges in its 2 MiB,
 *     and no other; one without entries is not in use.
 *
 * Locking: changes under the region lock; addr_to_pfn and pfn_to_addr read
 * without.  What they ask for is in the heap, so its entries stay.
 * Cost: O(pageblocks of the range), and 512 for each end that is shared.
 */
#include "range_map.h"

#include "range_place.h"

#define MAP_TABLE (1u << 31)

/* Each range shares 2 MiB of memory with others at its two ends only. */
static u32 nr_shared(u32 max_ranges)
{
	return max_ranges > 1 ? 2 * max_ranges : 0;
}

size_t ranges_shared_bytes(u32 max_ranges)
{
	return nr_shared(max_ranges) * BLOCK_PAGES * sizeof(u16);
}

/* The lowest range in the pageblock; NULL: none.  near: one close to it. */
static const struct range *lowest_in(const struct fixheap *heap, u64 b,
				     const struct range *near)
{
	const struct range *low = near, *other;

	while (low && low->below) {
		other = nth_range(heap, low->below);
		if ((other->end_pfn - 1) >> BLOCK_SHIFT < b)
			break;
		low = other;
	}
	while (low && (low->end_pfn - 1) >> BLOCK_SHIFT < b)
		low = nth_range(heap, low->above);
	return low && low->start_pfn >> BLOCK_SHIFT <= b ? low : NULL;
}

static void note_block(struct fixheap *heap, u64 b, const struct range *near)
{
	const struct range *low = lowest_in(heap, b, near);

	store16(&heap->range_at[b], low ? range_id(heap, low) + 1 : 0);
}

/* What the memory at place `at` is; 0: nobody's. */
static void set_at(struct fixheap *heap, u64 at, u32 value)
{
	u64 delta = ((u64)value - at) << BLOCK_SHIFT;

	if (!value || value & MAP_TABLE)
		delta = heap->map_slow;
	__atomic_store_n(&heap->block_at[at], value, __ATOMIC_RELEASE);
	__atomic_store_n(&heap->delta_at[at], delta, __ATOMIC_RELEASE);
}

/* Place in memory of block b. */
static u64 place_of(const struct fixheap *heap, u64 b)
{
	return b + (u64)((i64)heap->move_of[b] >> MAP_SHIFT);
}

/* The pages of the range in block b, as those of range `id` - 1. */
static void fill_shared(u16 *table, const struct range *range, u64 b, u32 id)
{
	u64 pfn = max_u64(range->start_pfn, b << BLOCK_SHIFT);
	u64 end = min_u64(range->end_pfn, (b + 1) << BLOCK_SHIFT);

	for (; pfn < end; pfn++)
		store16(&table[pfn % BLOCK_PAGES], id);
}

static bool is_clear(const u16 *table)
{
	const u64 *word = (const u64 *)table;

	for (u32 i = 0; i < BLOCK_PAGES / 4; i++) {
		if (load64(&word[i]))
			return false;
	}
	return true;
}

/* A table without an entry: there is one, as each range needs two at most. */
static u32 clear_table(const struct fixheap *heap)
{
	u32 i = 0;

	while (!is_clear(heap->shared[i]))
		i++;
	return i;
}

/* The memory of a block is that of another one, too: it gets a table. */
static void share(struct fixheap *heap, u64 at)
{
	u32 table = clear_table(heap), b = heap->block_at[at];
	const struct range *range =
		lowest_in(heap, b, nth_range(heap, heap->range_at[b]));

	for (; range && range->start_pfn >> BLOCK_SHIFT <= b;
	     range = range_next_locked(heap, range))
		fill_shared(heap->shared[table], range, b,
			    range_id(heap, range) + 1);
	set_at(heap, at, MAP_TABLE | table);
}

static void map_block(struct fixheap *heap, const struct range *range, u64 b)
{
	u64 at = place_of(heap, b);
	u32 now = heap->block_at[at];

	if (now && now != b && !(now & MAP_TABLE)) {
		share(heap, at);
		now = heap->block_at[at];
	}
	if (now & MAP_TABLE)
		fill_shared(heap->shared[now & ~MAP_TABLE], range, b,
			    range_id(heap, range) + 1);
	else
		set_at(heap, at, (u32)b);
}

void map_range(struct fixheap *heap, const struct range *range, u32 shift)
{
	u64 last = (range->end_pfn - 1) >> BLOCK_SHIFT;
	uintptr_t move = (uintptr_t) - (i64)(i32)shift << MAP_SHIFT;

	for (u64 b = range->start_pfn >> BLOCK_SHIFT; b <= last; b++) {
		__atomic_store_n(&heap->move_of[b], move, __ATOMIC_RELAXED);
		note_block(heap, b, range);
		map_block(heap, range, b);
	}
}

static void unmap_block(struct fixheap *heap, const struct range *range, u64 b)
{
	u64 at = place_of(heap, b);
	u32 now = heap->block_at[at];

	if (now & MAP_TABLE) {
		u16 *table = heap->shared[now & ~MAP_TABLE];

		fill_shared(table, range, b, 0);
		if (is_clear(table))
			set_at(heap, at, 0);
	} else if (!heap->range_at[b]) {
		set_at(heap, at, 0);
	}
	if (!heap->range_at[b])
		__atomic_store_n(&heap->move_of[b], 0, __ATOMIC_RELAXED);
}

void unmap_range(struct fixheap *heap, const struct range *range,
		 const struct range *near)
{
	u64 last = (range->end_pfn - 1) >> BLOCK_SHIFT;

	/* the tables of a heap of one range are its own numbers */
	for (u64 b = range->start_pfn >> BLOCK_SHIFT; b <= last; b++) {
		note_block(heap, b, near);
		if (heap_can_grow(heap))
			unmap_block(heap, range, b);
	}
}

u64 slow_pfn(const struct fixheap *heap, const void *addr)
{
	u64 page = (uintptr_t)addr >> PAGE_SHIFT, first;
	const struct range *range;
	u32 now;
	u16 id;

	if (!heap_can_grow(heap) || page >> BLOCK_SHIFT >= heap->map_count)
		return heap->pfn_none;
	now = __atomic_load_n(&heap->block_at[page >> BLOCK_SHIFT],
			      __ATOMIC_ACQUIRE);
	if (!now)
		return heap->pfn_none;
	/* where the numbers are those of memory */
	if (!(now & MAP_TABLE))
		return ((u64)now << BLOCK_SHIFT) + page % BLOCK_PAGES;
	id = __atomic_load_n(
		&heap->shared[now & ~MAP_TABLE][page % BLOCK_PAGES],
		__ATOMIC_RELAXED);
	if (!id)
		return heap->pfn_none;
	range = nth_range(heap, id);
	first = round_up((uintptr_t)__atomic_load_n(&range->base,
						    __ATOMIC_RELAXED),
			 PAGE_BYTES) >>
		PAGE_SHIFT;
	/* of one that is leaving it is any number; end_pfn has a descriptor */
	return min_u64(load64(&range->start_pfn) + page - first, heap->end_pfn);
}
