/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * zeromap.c: which pageblocks read as zero?
 *
 * Only where the answer changes is noted: a block's kind is 0 where it is as
 * the one before it, and a set has the others.  So a run of any length is
 * marked with two entries, and stepped over with one.  A block keeps
 * its kind while it is in use, so that who has taken it can ask what to clear;
 * it gets another one when it is given back.  What is known of the pages of an
 * open block, its own bitmap says.
 *
 * Most frees are among blocks that are in use again and again: the stretch that
 * the last one was in is kept, and one more in it changes nothing.
 *
 * Invariants
 *  1. No entry equals the kind of the block before it; in front of the first
 *     block, and where nothing was ever noted, that is BLOCK_USED.
 *  2. A closed free block of kind BLOCK_ZERO reads as zero.
 *  3. All blocks of region->alike are of its kind.
 *
 * Locking: the region lock.  Cost: O(log64 blocks), and as much for each change
 * inside of what is marked: each was noted once.
 */
#include "zeromap.h"

/* What is noted for entry i; 0: nothing. */
static u32 kind_of(const struct region *region, u64 i)
{
	return region->block[region->first_block + i].kind;
}

/* The kind of what lies before entry i. */
static u32 kind_before(const struct region *region, u64 i)
{
	u64 at = bittree_last(&region->zeromap, i);

	return at == BITTREE_NONE ? BLOCK_USED : kind_of(region, at);
}

static u32 kind_at(const struct region *region, u64 i)
{
	return kind_before(region, i + 1);
}

/* Note that the kind changes at i; 0: that it does not. */
static void set_kind(struct region *region, u64 i, u32 kind)
{
	region->block[region->first_block + i].kind = kind;
	if (kind)
		bittree_set(&region->zeromap, i);
	else
		bittree_clear(&region->zeromap, i);
}

u32 zeromap_get(const struct region *region, u32 b, u32 *end)
{
	const struct bittree *map = &region->zeromap;
	u64 i = b - region->first_block, next;

	if (b + 1 < *end) {
		next = bittree_first(map, i + 1);
		if (next < *end - region->first_block)
			*end = region->first_block + (u32)next;
	}
	return kind_at(region, i);
}

/* Blocks [first, end) are of this kind, and those around them up to the next
 * entries. */
static void note_alike(struct region *region, u32 first, u32 end, u32 kind)
{
	const struct bittree *map = &region->zeromap;
	u64 at = bittree_last(map, first - region->first_block + 1);
	u64 next = bittree_first(map, end - region->first_block);

	region->alike.first = region->first_block;
	if (at != BITTREE_NONE)
		region->alike.first += (u32)at;
	region->alike.end = region->end_block;
	if (next != BITTREE_NONE)
		region->alike.end = region->first_block + (u32)next;
	region->alike.kind = kind;
}

static bool are_alike(const struct region *region, u32 first, u32 end, u32 kind)
{
	return kind == region->alike.kind && first >= region->alike.first &&
	       end <= region->alike.end;
}

void zeromap_set(struct region *region, u32 first, u32 end, u32 kind)
{
	const struct bittree *map = &region->zeromap;
	u64 i = first - region->first_block, stop = end - region->first_block;
	u64 next = stop;
	u32 last;

	if (likely(are_alike(region, first, end, kind)))
		return;
	last = kind_at(region, i);
	if (stop > i + 1)
		next = bittree_first(map, i + 1);
	if (last != kind || next < stop) {
		set_kind(region, i, kind_before(region, i) == kind ? 0 : kind);
		for (; next < stop; next = bittree_first(map, next + 1)) {
			last = kind_of(region, next);
			set_kind(region, next, 0);
		}
	}
	if (end < region->end_block) {
		if (bittree_has(map, stop))
			last = kind_of(region, stop);
		set_kind(region, stop, last == kind ? 0 : last);
	}
	note_alike(region, first, end, kind);
}
