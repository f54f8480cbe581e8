/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ranges.c: the regions of a heap, and which page is where in memory.
 *
 * What the user calls a region is a range here; struct region is all of them
 * together: one space of page numbers, with one lock and one set of free
 * runs, in which every range has numbers of its own.  So the layers below need
 * not know of ranges, and an allocation costs the same with one or thousands.
 *
 * A table like that of a processor's memory unit leads from an address, by
 * 2 MiB, to a pageblock, and another one back.  Pages that follow each other in
 * number follow each other in memory, and the other way round, if they are of
 * one range, or of two that touch and have the same key.  Others are kept apart
 * by a page number that nobody has; so no run reaches over their border.  Where
 * that border is within 2 MiB of memory, these have several pageblocks, and a
 * table of their own, page by page.
 *
 * A heap that cannot get more ranges has its pages counted from its base, and
 * its tables are all 0: so one of 16 TiB is made without touching them.
 *
 * Invariants
 *  1. Two ranges share no page number, nor any pageblock, unless both are as
 *     far from it in memory.
 *  2. Where the last page of one range and the first of another follow each
 *     other in number, they do in memory, and the keys are the same.
 *  3. range_at of a pageblock is its lowest range + 1; 0: the first one that
 *     the heap was made with, or none.
 *  4. Pageblock 0 of a heap that can grow belongs to no range.
 *
 * Locking: changes under the region lock, with range_seq odd; to be read under
 * it, or again if range_seq has changed.  Cost: to find a range O(1), or where
 * several share a pageblock O(these); to add or take away one O(ranges), and
 * its pageblocks.
 */
#include "ranges.h"

#include "contig.h"
#include "range_map.h"
#include "range_place.h"
#include "ready.h"
#include "runmap.h"
#include "tag.h"
#include "zone.h"

#include <errno.h>

size_t ranges_bytes(u32 max_ranges)
{
	return max_ranges * sizeof(struct range);
}

/* --- finding one ---------------------------------------------------------- */

/* Word by word, as others may read or write it at the same time. */
static void copy(struct range *to, const struct range *from)
{
	const u64 *word = (const u64 *)from;

	_Static_assert(sizeof(*to) % sizeof(u64) == 0, "whole words");
	for (u32 i = 0; i < sizeof(*to) / sizeof(u64); i++)
		__atomic_store_n((u64 *)to + i, load64(&word[i]),
				 __ATOMIC_RELAXED);
}

struct range *range_next_locked(const struct fixheap *heap,
				const struct range *range)
{
	u16 next;

	if (!range)
		return nth_range(heap, heap->first_range);
	next = __atomic_load_n(&range->above, __ATOMIC_RELAXED);
	return nth_range(heap, next);
}

struct range *range_find_locked(const struct fixheap *heap, u64 pfn)
{
	struct range *range;
	u64 b = pfn >> BLOCK_SHIFT;
	u16 at;

	if (pfn >= heap->end_pfn)
		return NULL;
	at = __atomic_load_n(&heap->range_at[b], __ATOMIC_RELAXED);
	range = nth_range(heap, at ? at : 1);
	/* no longer than a block can have ranges, if the list is torn */
	for (u32 i = 0; range && i < BLOCK_PAGES; i++) {
		if (pfn < load64(&range->end_pfn))
			return pfn >= load64(&range->start_pfn) ? range : NULL;
		if (!at)
			return NULL;
		range = range_next_locked(heap, range);
	}
	return NULL;
}

bool range_read(const struct fixheap *heap, u64 pfn, struct range *range,
		u32 *id)
{
	const struct range *found;
	u32 seq;

	do {
		seq = __atomic_load_n(&heap->range_seq, __ATOMIC_ACQUIRE);
		found = range_find_locked(heap, pfn);
		if (found) {
			copy(range, found);
			*id = range_id(heap, found);
		}
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (seq & 1)
			host_yield();
	} while (seq & 1 ||
		 seq != __atomic_load_n(&heap->range_seq, __ATOMIC_RELAXED));
	return found != NULL;
}

bool pfn_in_range(const struct fixheap *heap, u64 pfn)
{
	struct range range;
	u32 id;

	return range_read(heap, pfn, &range, &id);
}

bool range_pages(struct fixheap *heap, u64 pfn, struct bounds *pages)
{
	const struct range *range = NULL;

	spin_lock(&heap->region.lock);
	do
		range = range_next_locked(heap, range);
	while (range && range->end_pfn <= pfn);
	if (range) {
		pages->pfn = max_u64(range->start_pfn, pfn);
		pages->end = range->end_pfn;
	}
	spin_unlock(&heap->region.lock);
	return range != NULL;
}

/* --- the tables ----------------------------------------------------------- */

/* Into the list, by page number. */
static void link_range(struct fixheap *heap, struct range *range)
{
	struct range *below = NULL, *next = NULL;
	u32 id = range_id(heap, range) + 1;

	while ((next = range_next_locked(heap, next)) &&
	       next->start_pfn < range->start_pfn)
		below = next;
	store16(&range->below, below ? range_id(heap, below) + 1 : 0);
	store16(&range->above, next ? range_id(heap, next) + 1 : 0);
	if (next)
		store16(&next->below, id);
	if (below)
		store16(&below->above, id);
	else
		heap->first_range = id;
}

static void unlink_range(struct fixheap *heap, struct range *range)
{
	struct range *below = nth_range(heap, range->below);
	struct range *above = nth_range(heap, range->above);

	if (above)
		store16(&above->below, range->below);
	if (below)
		store16(&below->above, range->above);
	else
		heap->first_range = range->above;
}

void ranges_init(struct fixheap *heap, const struct range *first)
{
	u64 at = at_of(round_up((uintptr_t)first->base, PAGE_BYTES));

	heap->range[0] = *first;
	heap->nr_ranges = 1;
	heap->first_range = 1;
	heap->nr_pages = first->end_pfn - first->start_pfn;
	if (heap_can_grow(heap))
		map_range(heap, &heap->range[0],
			  (u32)((first->start_pfn >> BLOCK_SHIFT) - at));
}

static void begin_change(struct fixheap *heap)
{
	__atomic_store_n(&heap->range_seq, heap->range_seq + 1,
			 __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static void end_change(struct fixheap *heap)
{
	__atomic_store_n(&heap->range_seq, heap->range_seq + 1,
			 __ATOMIC_RELEASE);
}

/* The zone that new ranges of a node go to. */
static struct zone *zone_for(struct fixheap *heap, u32 n)
{
	const struct node *node = &heap->node[n];

	if (heap->nr_zones == 1)
		return &heap->zone[0];
	return &heap->zone[heap->order[ORDER_ARRAY]
				      [node->first + node->nr_zones - 1]];
}

static u32 free_id(const struct fixheap *heap)
{
	u32 id = 0;

	while (id < heap->max_ranges && heap->range[id].end_pfn)
		id++;
	return id;
}

void range_count_locked(struct fixheap *heap, struct zone *zone, u64 nr)
{
	__atomic_store_n(&heap->nr_pages, heap->nr_pages + nr,
			 __ATOMIC_RELAXED);
	zone_set_pages(zone, zone->nr_pages + nr);
}

static int add_locked(struct fixheap *heap, const struct range *want,
		      struct zone *zone)
{
	uintptr_t base = (uintptr_t)want->base;
	struct draft draft = { .start = round_up(base, PAGE_BYTES),
			       .end = round_down(base + want->bytes,
						 PAGE_BYTES),
			       .key = want->key,
			       .zone = zone };
	u32 id = free_id(heap);
	struct range *range = &heap->range[id], made;
	u64 nr;
	int ret;

	if (id == heap->max_ranges)
		return -ENOSPC;
	ret = draft_settle(heap, &draft);
	if (ret)
		return ret;
	nr = (draft.end - draft.start) >> PAGE_SHIFT;
	if (heap->nr_pages + nr > heap->max_pages)
		return -ENOSPC;
	made = *want;
	made.start_pfn = draft_pfn(&draft, draft.start);
	made.end_pfn = made.start_pfn + nr;
	begin_change(heap);
	copy(range, &made);
	link_range(heap, range);
	map_range(heap, range, draft.shift);
	__atomic_add_fetch(&heap->nr_ranges, 1, __ATOMIC_RELAXED);
	if (made.was_own)
		__atomic_add_fetch(&heap->nr_own, 1, __ATOMIC_RELAXED);
	end_change(heap);
	range_count_locked(heap, zone, nr);
	return (int)id;
}

/* The pages are in use, as one array. */
static void claim_array(struct region *region, const struct bounds *pages,
			const struct zone *zone)
{
	const struct run run = { pages->pfn, pages->end - pages->pfn };
	u64 page = page_make(PAGE_ARRAY, PLACE_ARRAY, zone->node);

	region_claim(region, run.nr_pages);
	page |= (++region->nr_stamps & PAGE_STAMP_MASK) << PAGE_STAMP_SHIFT;
	tag_set(region->heap, run.pfn, 0);
	runmap_set(region, &run, page);
}

int range_add(struct fixheap *heap, const struct range *want, u32 node)
{
	struct region *region = &heap->region;
	struct zone *zone = zone_for(heap, node);
	struct bounds pages;
	int id;

	spin_lock(&region->lock);
	id = add_locked(heap, want, zone);
	if (id >= 0) {
		pages.pfn = heap->range[id].start_pfn;
		pages.end = heap->range[id].end_pfn;
		if (want->own)
			claim_array(region, &pages, zone);
		else
			region_open(region, &pages, want->zeroed);
	}
	spin_unlock(&region->lock);
	return id;
}

bool ranges_have_room(struct fixheap *heap, u64 nr_pages)
{
	bool room;

	spin_lock(&heap->region.lock);
	room = heap->nr_pages + nr_pages <= heap->max_pages &&
	       heap->nr_ranges < heap->max_ranges;
	spin_unlock(&heap->region.lock);
	return room;
}

void range_del_locked(struct fixheap *heap, u32 id)
{
	struct range *range = &heap->range[id];
	struct zone *zone = zone_of(heap, range->start_pfn);
	const struct range none = { .base = NULL };

	ready_clear(heap, &(struct bounds){ range->start_pfn, range->end_pfn });

	begin_change(heap);
	unlink_range(heap, range);
	unmap_range(heap, range,
		    nth_range(heap,
			      range->below ? range->below : range->above));
	range_count_locked(heap, zone,
			   range->nr_isolated -
				   (range->end_pfn - range->start_pfn));
	if (range->isolated)
		__atomic_sub_fetch(&heap->nr_isolated, 1, __ATOMIC_RELAXED);
	if (range->was_own)
		__atomic_sub_fetch(&heap->nr_own, 1, __ATOMIC_RELAXED);
	copy(range, &none);
	__atomic_sub_fetch(&heap->nr_ranges, 1, __ATOMIC_RELAXED);
	end_change(heap);
}

void range_change_locked(struct fixheap *heap, u32 id,
			 const struct range *changed)
{
	struct range *range = &heap->range[id];

	begin_change(heap);
	__atomic_add_fetch(&heap->nr_isolated,
			   (u32)changed->isolated - (u32)range->isolated,
			   __ATOMIC_RELAXED);
	copy(range, changed);
	end_change(heap);
}
