/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sizetree.c: which is the shortest row of free blocks that is long enough?
 *
 * Rows in the order of (length, first block).  Short ones are the members of a
 * set of numbers, length * blocks of the region + first block.
 *
 * Others are in a treap: a search tree by the key, a heap by a priority that is
 * a hash of the block's number, hence balanced by chance and without any state
 * for balance (Seidel and Aragon, 1996).  A row's node is in its first
 * pageblock, so that there is nothing to allocate.  The long row that was added
 * last is kept in hand until there is another one: who takes from a row and
 * soon gives back often meets the same one again.
 *
 * Invariants
 *  1. The set has exactly the region's rows of fewer than LONG_ROW blocks, the
 *     nodes are exactly the others, but the one in hand.
 *  2. In the left subtree of a node keys are smaller, in the right one larger.
 *  3. No child has a higher priority than its parent.
 *
 * Locking: the region lock.  Cost: O(1) for a short row, O(log rows), expected,
 * for another one.
 */
#include "sizetree.h"

struct key {
	u32 nr_blocks, b;
};

static struct key key_of(const struct region *region, u32 b)
{
	return (struct key){ region->block[b].span_end - b, b };
}

static bool key_less(struct key a, struct key b)
{
	return a.nr_blocks != b.nr_blocks ? a.nr_blocks < b.nr_blocks
					  : a.b < b.b;
}

/* A different number for each block, as if drawn at random. */
static u32 priority(u32 b)
{
	b ^= b >> 16;
	b *= 0x7feb352du;
	b ^= b >> 15;
	b *= 0x846ca68bu;
	return b ^ b >> 16;
}

/* Links are block numbers + 1, so that 0 is none. */
static void add(struct region *region, u32 b)
{
	struct pageblock *block = region->block;
	struct key key = key_of(region, b);
	u32 *link = &region->size_root, *left, *right, at;

	while (*link && priority(*link - 1) >= priority(b)) {
		at = *link - 1;
		link = key_less(key, key_of(region, at))
			       ? &block[at].size_left
			       : &block[at].size_right;
	}
	/* the subtree there is split around the key */
	at = *link;
	*link = b + 1;
	left = &block[b].size_left;
	right = &block[b].size_right;
	while (at) {
		struct pageblock *pb = &block[at - 1];

		if (key_less(key, key_of(region, at - 1))) {
			*right = at;
			right = &pb->size_left;
			at = *right;
		} else {
			*left = at;
			left = &pb->size_right;
			at = *left;
		}
	}
	*left = 0;
	*right = 0;
}

void sizetree_add(struct region *region, u32 b)
{
	u32 nr_blocks = key_of(region, b).nr_blocks;

	if (nr_blocks < LONG_ROW) {
		bittree_set(&region->short_rows,
			    sizetree_short(region, nr_blocks, b));
		return;
	}
	if (region->size_hand)
		add(region, region->size_hand - 1);
	region->size_hand = b + 1;
}

static void del(struct region *region, u32 b)
{
	struct pageblock *block = region->block;
	struct key key = key_of(region, b);
	u32 *link = &region->size_root, left, right;

	while (*link != b + 1) {
		u32 at = *link - 1;

		link = key_less(key, key_of(region, at))
			       ? &block[at].size_left
			       : &block[at].size_right;
	}
	left = block[b].size_left;
	right = block[b].size_right;
	block[b].size_left = 0;
	block[b].size_right = 0;
	while (left && right) {
		if (priority(left - 1) >= priority(right - 1)) {
			*link = left;
			link = &block[left - 1].size_right;
			left = *link;
		} else {
			*link = right;
			link = &block[right - 1].size_left;
			right = *link;
		}
	}
	*link = left ? left : right;
}

void sizetree_del(struct region *region, u32 b)
{
	u32 nr_blocks = key_of(region, b).nr_blocks;

	if (nr_blocks < LONG_ROW)
		bittree_clear(&region->short_rows,
			      sizetree_short(region, nr_blocks, b));
	else if (region->size_hand == b + 1)
		region->size_hand = 0;
	else
		del(region, b);
}

static bool find_short(const struct region *region, u32 nr_blocks, u32 b,
		       u32 *first)
{
	u64 stride = region->end_block - region->first_block;
	u64 i = bittree_first(
		&region->short_rows,
		sizetree_short(region, nr_blocks,
			       (u32)max_u64(b, region->first_block)));

	*first = region->first_block + (u32)(i % stride);
	return i != BITTREE_NONE;
}

bool sizetree_find(const struct region *region, u32 nr_blocks, u32 b,
		   u32 *first)
{
	struct key key = { nr_blocks, b };
	u32 at = region->size_root, hand = region->size_hand;
	bool found = false;

	if (nr_blocks < LONG_ROW && find_short(region, nr_blocks, b, first))
		return true;
	while (at) {
		const struct pageblock *pb = &region->block[at - 1];

		if (key_less(key_of(region, at - 1), key)) {
			at = pb->size_right;
		} else {
			*first = at - 1;
			found = true;
			at = pb->size_left;
		}
	}
	if (hand && !key_less(key_of(region, hand - 1), key) &&
	    (!found ||
	     key_less(key_of(region, hand - 1), key_of(region, *first)))) {
		*first = hand - 1;
		found = true;
	}
	return found;
}
